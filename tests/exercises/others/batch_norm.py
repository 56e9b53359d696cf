"""Other right answers to the exercises of notebook 08."""

import numpy as np

import nbprop as nb


def normalized_unit_by_unit(z, gamma, beta, eps):
    columns = []
    for unit, g, b in zip(z.T, gamma, beta, strict=True):
        centered = unit - sum(unit) / len(unit)
        columns.append(g * centered / (np.dot(centered, centered) / len(unit) + eps) ** 0.5 + b)
    return np.array(columns).T


def normalized_by_scale_and_shift(z, gamma, beta, eps):
    mean = np.mean(z, axis=0, keepdims=True)
    scale = gamma / np.sqrt(np.mean(z**2, axis=0, keepdims=True) - mean**2 + eps)
    return scale * z + (beta - scale * mean)


def normalized_by_the_layer(z, gamma, beta, eps):
    layer = nb.nn.BatchNorm1d(z.shape[1], eps=eps, dtype=np.float64)
    layer.weight.data[...], layer.bias.data[...] = gamma, beta
    return layer(nb.Tensor(z))


def backward_by_projections(z, gamma, dy, eps):
    n, centered = len(z), z - z.mean(0)
    s = np.sqrt((centered**2).mean(0) + eps)
    through = dy - dy.mean(0)
    dz = gamma / s * (through - centered * (centered * dy).sum(0) / n / s**2)
    return dz, np.einsum("nu,nu->u", centered / s, dy), np.einsum("nu->u", dy)


def backward_by_the_paper(z, gamma, dy, eps):
    """The chain of Ioffe and Szegedy, section 3, term by term."""
    m = len(z)
    mean, variance = z.mean(axis=0), z.var(axis=0)
    dh = dy * gamma
    dvariance = (dh * (z - mean)).sum(axis=0) * -0.5 * (variance + eps) ** -1.5
    dmean = -dh.sum(axis=0) / np.sqrt(variance + eps) + dvariance * (-2 * (z - mean)).sum(axis=0) / m
    dz = dh / np.sqrt(variance + eps) + dvariance * 2 * (z - mean) / m + dmean / m
    return [dz, (dy * (z - mean) / np.sqrt(variance + eps)).sum(axis=0), dy.sum(axis=0)]


def backward_by_nbprop(z, gamma, dy, eps):
    z, g, b = (nb.Tensor(a, requires_grad=True) for a in (z, gamma, np.zeros(len(gamma))))
    centered = z - z.mean(axis=0)
    y = g * centered / ((centered**2).mean(axis=0) + eps).sqrt() + b
    y.backward(dy)
    return z.grad, g.grad, b.grad


def running_by_differences(running_mean, running_var, z, momentum):
    n = len(z)
    mean = z.sum(axis=0) / n
    variance = ((z - mean) ** 2).sum(axis=0) / (n - 1)
    return running_mean + momentum * (mean - running_mean), running_var + momentum * (variance - running_var)


def running_in_place(running_mean, running_var, z, momentum):
    for old, new in ((running_mean, z.mean(0)), (running_var, z.var(0) * len(z) / (len(z) - 1))):
        old *= 1 - momentum
        old += momentum * new
    return np.array([running_mean, running_var])


def running_by_the_layer(running_mean, running_var, z, momentum):
    layer = nb.nn.BatchNorm1d(z.shape[1], momentum=momentum, dtype=np.float64)
    layer.running_mean[...], layer.running_var[...] = running_mean, running_var
    layer(nb.Tensor(z))
    return [layer.running_mean, layer.running_var]


def factor_as_a_power(scale):
    return scale**-1.0


def factor_by_logarithms(scale):
    return np.exp(-np.log(scale))


def factor_by_trying(scale):
    rng = np.random.default_rng(1)
    x, W, target = rng.normal(size=(9, 2)), rng.normal(size=(1, 2)), rng.normal(size=(9, 1))

    def loss(W):
        z = nb.Tensor(x) @ W.T
        centered = z - z.mean(axis=0)
        return ((centered / (centered**2).mean(axis=0).sqrt() - target) ** 2).sum()

    return np.linalg.norm(nb.grad(loss)(scale * W)) / np.linalg.norm(nb.grad(loss)(W))


def folded_row_by_row(W, b, mean, variance, gamma, beta, eps):
    for i in range(len(b)):
        s = (variance[i] + eps) ** 0.5
        W[i] *= gamma[i] / s
        b[i] = gamma[i] * (b[i] - mean[i]) / s + beta[i]
    return W, b


def folded_by_a_diagonal(W, b, mean, variance, gamma, beta, eps):
    D = np.diag(gamma / np.sqrt(variance + eps))
    return D @ W, D @ b - D @ mean + beta


def folded_by_trying(W, b, mean, variance, gamma, beta, eps):
    def both(x):
        return gamma * (x @ W.T + b - mean) / np.sqrt(variance + eps) + beta

    zero = both(np.zeros(W.shape[1]))
    return [np.array([both(e) - zero for e in np.eye(W.shape[1])]).T, zero]


OTHERS = {
    "batch-norm-forward": (normalized_unit_by_unit, normalized_by_scale_and_shift, normalized_by_the_layer),
    "batch-norm-backward": (backward_by_projections, backward_by_the_paper, backward_by_nbprop),
    "running-statistics": (running_by_differences, running_in_place, running_by_the_layer),
    "gradient-factor": (factor_as_a_power, factor_by_logarithms, factor_by_trying),
    "fold-batch-norm": (folded_row_by_row, folded_by_a_diagonal, folded_by_trying),
}
