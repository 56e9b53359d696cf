"""Exercises of the notebook on batch normalization."""

from typing import Any

import numpy as np

from nbprop import nn
from nbprop.engine import Tensor

from .exercise import Exercise, Mistake

DOUBLE: dict[str, Any] = {"dtype": np.float64}

# ---- forward and backward ------------------------------------------------------------------------------------------


def forward(z, gamma, beta, eps):
    mean, variance = z.mean(axis=0), z.var(axis=0)
    return gamma * (z - mean) / np.sqrt(variance + eps) + beta


def backward(z, gamma, dy, eps):
    s = np.sqrt(z.var(axis=0) + eps)
    h = (z - z.mean(axis=0)) / s
    dgamma = (h * dy).sum(axis=0)
    dbeta = dy.sum(axis=0)
    dz = gamma / s * (dy - dbeta / len(z) - h * dgamma / len(z))
    return dz, dgamma, dbeta


def layer(z, gamma, beta, eps):
    """The layer of the library, with these parameters, and its output for the Tensor z."""
    norm = nn.BatchNorm1d(len(gamma), eps=eps, **DOUBLE)
    norm.weight.data[...], norm.bias.data[...] = gamma, beta
    return norm, norm(z)


def by_autodiff(z, gamma, dy, eps):
    z = Tensor(z, requires_grad=True)
    norm, y = layer(z, gamma, np.zeros_like(gamma), eps)
    y.backward(dy)
    return z.grad, norm.weight.grad, norm.bias.grad


def statistics(z, gamma, eps):
    s = np.sqrt(z.var(axis=0) + eps)
    return s, (z - z.mean(axis=0)) / s, gamma / s


def with_constant_statistics(z, gamma, dy, eps):
    _, h, scale = statistics(z, gamma, eps)
    return scale * dy, (h * dy).sum(axis=0), dy.sum(axis=0)


def without_the_mean(z, gamma, dy, eps):
    _, h, scale = statistics(z, gamma, eps)
    return scale * (dy - h * (h * dy).mean(axis=0)), (h * dy).sum(axis=0), dy.sum(axis=0)


def without_the_variance(z, gamma, dy, eps):
    _, h, scale = statistics(z, gamma, eps)
    return scale * (dy - dy.mean(axis=0)), (h * dy).sum(axis=0), dy.sum(axis=0)


def with_sums(z, gamma, dy, eps):
    _, h, scale = statistics(z, gamma, eps)
    return scale * (dy - dy.sum(axis=0) - h * (h * dy).sum(axis=0)), (h * dy).sum(axis=0), dy.sum(axis=0)


def with_z_for_h(z, gamma, dy, eps):
    dz, _, dbeta = backward(z, gamma, dy, eps)
    return dz, (z * dy).sum(axis=0), dbeta


def without_gamma(z, gamma, dy, eps):
    return backward(z, np.ones_like(gamma), dy, eps)


def with_means_for_sums(z, gamma, dy, eps):
    dz, dgamma, dbeta = backward(z, gamma, dy, eps)
    return dz, dgamma / len(z), dbeta / len(z)


def forward_case(rng):
    z = rng.normal(3.0, 2.0, size=(rng.integers(4, 9), 3))
    return z, rng.uniform(0.5, 2, size=3), rng.normal(size=3), rng.uniform(0.05, 0.2)


def backward_case(rng):
    z = rng.normal(3.0, 2.0, size=(rng.integers(4, 9), 3))
    return z, rng.uniform(0.5, 2, size=3), rng.normal(size=z.shape), rng.uniform(0.05, 0.2)


# ---- evaluation ----------------------------------------------------------------------------------------------------


def update(running_mean, running_var, z, momentum):
    running_mean = (1 - momentum) * running_mean + momentum * z.mean(axis=0)
    running_var = (1 - momentum) * running_var + momentum * z.var(axis=0, ddof=1)
    return running_mean, running_var


def update_by_the_layer(running_mean, running_var, z, momentum):
    norm = nn.BatchNorm1d(z.shape[1], momentum=momentum, **DOUBLE)
    norm.running_mean[...], norm.running_var[...] = running_mean, running_var
    norm(Tensor(z))
    return norm.running_mean, norm.running_var


def moved(mean_of, variance_of):
    """A wrong `update` that takes other statistics of the batch."""

    def wrong(running_mean, running_var, z, momentum):
        old = 1 - momentum
        return old * running_mean + momentum * mean_of(z), old * running_var + momentum * variance_of(z)

    return wrong


def fold(W, b, mean, variance, gamma, beta, eps):
    scale = gamma / np.sqrt(variance + eps)
    return scale[:, None] * W, scale * (b - mean) + beta


def fold_by_trying(W, b, mean, variance, gamma, beta, eps):
    """Weights and bias of a linear map, found by giving it zeros and unit vectors."""
    norm = nn.BatchNorm1d(len(b), eps=eps, **DOUBLE).eval()
    norm.weight.data[...], norm.bias.data[...] = gamma, beta
    norm.running_mean[...], norm.running_var[...] = mean, variance
    inputs = np.vstack([np.zeros(W.shape[1]), np.eye(W.shape[1])])
    outputs = norm(Tensor(inputs @ W.T + b)).data
    return (outputs[1:] - outputs[0]).T, outputs[0]


def fold_case(rng):
    W, b = rng.normal(size=(3, 4)), rng.normal(size=3)
    mean, beta = rng.normal(size=(2, 3))
    variance, gamma = rng.uniform(0.5, 2, size=(2, 3))
    return W, b, mean, variance, gamma, beta, rng.uniform(0.05, 0.2)


# ---- the length of the weights -------------------------------------------------------------------------------------


def factor(scale):
    return 1 / scale


def factor_by_autodiff(scale):
    """By how much the gradient of a weight matrix before batch normalization changes when the matrix is scaled."""
    rng = np.random.default_rng(0)
    x, W, target = rng.normal(size=(8, 4)), rng.normal(size=(3, 4)), rng.normal(size=(8, 3))

    def norm_of_gradient(weights):
        weights = Tensor(weights, requires_grad=True)
        y = layer(Tensor(x) @ weights.transpose(), np.ones(3), np.zeros(3), 1e-14)[1]
        ((y - Tensor(target)) ** 2).sum().backward()
        return np.sqrt((weights.grad**2).sum())

    return norm_of_gradient(scale * W) / norm_of_gradient(W)


EXERCISES = (
    Exercise(
        name="batch-norm-forward",
        task="Write `forward(z, gamma, beta, eps)`: batch normalization of z (n, units) in training, with gamma and "
        "beta (units,). It returns y (n, units).",
        solution=forward,
        why="Each unit has its own mean and variance, over the samples, axis 0. Subtract the one, divide by "
        r"$\sqrt{\text{variance} + \epsilon}$, then scale by $\gamma$ and shift by $\beta$. The variance of "
        "the batch is the mean of the squares, with $n$.",
        case=forward_case,
        truth=lambda z, gamma, beta, eps: layer(Tensor(z), gamma, beta, eps)[1].data,
        mistakes=(
            Mistake(
                lambda z, g, b, eps: g * (z - z.mean(1, keepdims=True)) / np.sqrt(z.var(1, keepdims=True) + eps) + b,
                "That is the mean of each sample over the units (layer normalization). Take it of each unit over the "
                "batch: axis 0.",
            ),
            Mistake(
                lambda z, g, b, eps: g * (z - z.mean(0)) / np.sqrt(z.var(0, ddof=1) + eps) + b,
                "In training the variance is the biased one: divide by n, not by n - 1.",
            ),
            Mistake(
                lambda z, g, b, eps: g * (z - z.mean(0)) / (z.std(0) + eps) + b,
                "eps belongs under the root: sqrt(variance + eps).",
            ),
            Mistake(
                lambda z, g, b, eps: g * (z - z.mean(0)) / (z.var(0) + eps) + b,
                "The root is missing: divide by sqrt(variance + eps).",
            ),
            Mistake(
                lambda z, g, b, eps: (z - z.mean(0)) / np.sqrt(z.var(0) + eps),
                "gamma and beta are missing.",
            ),
            Mistake(
                lambda z, g, b, eps: (z - z.mean()) / np.sqrt(z.var() + eps) * g + b,
                "That is one mean for the whole array. Every unit has its own: axis=0.",
            ),
        ),
        hints=(
            "Each unit gets its own mean and variance. Over which axis?",
            "`z.mean(axis=0)` and `z.var(axis=0)`, then subtract and divide by `np.sqrt(variance + eps)`.",
            "At the end scale by gamma and shift by beta.",
        ),
    ),
    Exercise(
        name="batch-norm-backward",
        task="Write `backward(z, gamma, dy, eps)`: it takes "
        r"$\partial L/\partial y$ (n, units) and returns `dz` (n, units), `dgamma` and `dbeta` (units,).",
        solution=backward,
        why=r"With $h = (z - \text{mean})/s$ the output is $y = \gamma h + \beta$, so $\beta$ gets $\sum dy$ and "
        r"$\gamma$ gets $\sum h\,dy$. A $z_i$ also moves the mean and the variance of its unit: the part of "
        "$dy$ that is the same for all samples, and the part along $h$, make no difference to $h$, and are "
        r"taken off: $dz = \frac{\gamma}{s}\,(dy - \overline{dy} - h\,\overline{h\,dy})$.",
        case=backward_case,
        truth=by_autodiff,
        outputs=("dz", "dgamma", "dbeta"),
        mistakes=(
            Mistake(
                with_constant_statistics,
                "Mean and variance are taken for constants. They depend on every z of the "
                "batch: two terms are missing.",
            ),
            Mistake(without_the_mean, "The term through the mean is missing: minus the mean of dy."),
            Mistake(without_the_variance, "The term through the variance is missing: minus h times the mean of h dy."),
            Mistake(with_sums, "The two terms are means over the batch, not sums: a factor 1/n is missing."),
            Mistake(with_z_for_h, "gamma multiplies the normalized h, not z: its gradient is the sum of h dy."),
            Mistake(without_gamma, "On its way back the gradient goes through gamma too: it is missing."),
            Mistake(
                with_means_for_sums, "It is used by all samples, so their contributions add up: a sum, not a mean."
            ),
        ),
        hints=(
            "Compute s and h again, as in the forward pass. What do gamma and beta multiply, and for how many samples?",
            "`dgamma` is the sum of `h * dy` over the batch, `dbeta` the sum of `dy`.",
            "If mean and variance were constants, `dz` would be `gamma / s * dy`. Which part of `dy` moves only the "
            "mean, and which only the variance?",
            "`dz = gamma / s * (dy - mean(dy) - h * mean(h * dy))`, means over the batch.",
        ),
    ),
    Exercise(
        name="running-statistics",
        task="Write `update(running_mean, running_var, z, momentum)`: what one training step on the batch z (n, units) "
        "makes of the running mean and the running variance (units,). It returns both.",
        solution=update,
        why="A moving average: `1 - momentum` of the old value and `momentum` of the new one. The statistics are "
        "for samples never seen, so the variance is the unbiased one, divided by $n - 1$.",
        case=lambda rng: (
            rng.normal(size=3),
            rng.uniform(0.5, 2, size=3),
            rng.normal(1, 2, size=(rng.integers(4, 8), 3)),
            rng.uniform(0.05, 0.3),
        ),
        truth=update_by_the_layer,
        outputs=("running_mean", "running_var"),
        mistakes=(
            Mistake(
                moved(lambda z: z.mean(0), lambda z: z.var(0)),
                "That is the variance divided by n. For samples never seen the better guess is divided by n - 1.",
            ),
            Mistake(
                moved(lambda z: z.mean(0), lambda z: z.std(0, ddof=1)),
                "Kept is the variance, not the standard deviation.",
            ),
            Mistake(
                lambda m, v, z, k: update(m, v, z, 1 - k),
                "The old and the new value have changed places: `momentum` is the weight of the batch.",
            ),
            Mistake(
                lambda m, v, z, k: (z.mean(0), z.var(0, ddof=1)),
                "The old value is forgotten: only a part, `momentum`, comes from this batch.",
            ),
        ),
        hints=(
            "A moving average: most of it is the old value. Which weight has the new one?",
            "`(1 - momentum) * old + momentum * new`, and the new variance is `z.var(axis=0, ddof=1)`.",
        ),
    ),
    Exercise(
        name="gradient-factor",
        task="Behind a weight matrix W stands batch normalization. W is multiplied by `scale`. By which factor does "
        r"the length of $\partial L/\partial W$ change? Write `factor(scale)`.",
        solution=factor,
        why="The output does not change when $W$ is multiplied by $c$: $L(cW) = L(W)$. Differentiate both sides "
        r"with respect to $W$: $c\,\nabla L(cW) = \nabla L(W)$. So at $cW$ the gradient is $1/c$ times as "
        "long.",
        case=lambda rng: (rng.uniform(2, 20),),
        truth=factor_by_autodiff,
        mistakes=(
            Mistake(
                lambda scale: scale,
                "The other way round. The output stays as it is, so to move it as far, a longer "
                "W must be moved farther.",
            ),
            Mistake(
                lambda scale: 1.0,
                "The loss stays the same, but not its derivative: L(scale W) = L(W). Differentiate "
                "both sides with respect to W.",
            ),
            Mistake(
                lambda scale: 1 / scale**2,
                "That is the effect on a step relative to the length of W. The gradient itself changes by less.",
            ),
        ),
        hints=(
            "The loss is the same for W and for scale · W. Differentiate L(scale · W) = L(W) with respect to W.",
            "By the chain rule the left side gives scale times the gradient at scale · W.",
        ),
    ),
    Exercise(
        name="fold-batch-norm",
        task="In evaluation, batch normalization behind a linear layer is itself linear. Write `fold(W, b, mean, "
        "variance, gamma, beta, eps)`: it returns the W (outputs, inputs) and b (outputs,) of one linear layer that "
        "does the same as the two, `x @ W.T + b` and batch normalization with these running statistics (outputs,).",
        solution=fold,
        why=r"With $s = \gamma/\sqrt{\text{variance} + \epsilon}$ both layers together are $s\,(W x + b - "
        r"\text{mean}) + \beta$. What multiplies $x$ is each row of $W$ times its $s$; the rest, $s\,(b - "
        r"\text{mean}) + \beta$, is the new bias.",
        case=fold_case,
        truth=fold_by_trying,
        outputs=("W", "b"),
        mistakes=(
            Mistake(
                lambda W, b, m, v, g, beta, eps: (W * (g / np.sqrt(v + eps))[:, None], b + beta),
                "The bias goes through the normalization as well: the mean is taken off it, and it is scaled.",
            ),
            Mistake(
                lambda W, b, m, v, g, beta, eps: (W, fold(W, b, m, v, g, beta, eps)[1]),
                "The rows of W are not scaled: each by gamma / sqrt(variance + eps).",
            ),
            Mistake(lambda W, b, m, v, g, beta, eps: fold(W, b, m, v, np.ones_like(g), beta, eps), "gamma is missing."),
            Mistake(lambda W, b, m, v, g, beta, eps: fold(W, b, m, v, g, np.zeros_like(b), eps), "beta is missing."),
            Mistake(
                lambda W, b, m, v, g, beta, eps: fold(W, b, m, v**2, g, beta, eps),
                "variance is the square of the standard deviation already: divide by sqrt(variance + eps).",
            ),
        ),
        hints=(
            "Write out gamma (x @ W.T + b - mean) / s + beta and sort it: what multiplies x, and what does not?",
            "With `scale = gamma / np.sqrt(variance + eps)`: each row of W is multiplied by its scale.",
            "`scale[:, None] * W` and `scale * (b - mean) + beta`.",
        ),
    ),
)
