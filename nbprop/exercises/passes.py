"""What the exercises of notebook 02 are tried with: the right answers by automatic differentiation, random tests, and
backward passes with a mistake in them."""

import numpy as np

from nbprop.derivatives import grad
from nbprop.engine import Tensor

# ---- the same by automatic differentiation, random tests -----------------------------------------------------------


def gradients(loss, *arrays):
    leaves = [Tensor(array, requires_grad=True) for array in arrays]
    loss(*leaves).backward()
    return tuple(leaf.grad for leaf in leaves)


def true_weight_gradient(x, dz):
    anywhere = np.zeros((dz.shape[1], x.shape[1])), np.zeros(dz.shape[1])  # the layer is linear
    return gradients(lambda W, b: ((x @ W.T + b) * dz).sum(), *anywhere)


def true_hidden_delta(dz2, W2, a1):
    return grad(lambda z1: ((z1.tanh() @ W2.T) * dz2).sum())(np.arctanh(a1))


def network(rng):
    """x (n, 2), y (n, 1) and the parameters of a 2-h-1 network."""
    n, h = (int(size) for size in rng.integers(3, 8, size=2))
    shapes = (n, 2), (n, 1), (h, 2), (h,), (1, h), (1,)
    return tuple(rng.normal(size=shape) for shape in shapes)


def true_backward(x, y, *parameters):
    def loss(W1, b1, W2, b2):
        return (((x @ W1.T + b1).tanh() @ W2.T + b2 - y) ** 2).mean()

    return gradients(loss, *parameters)


def true_train_step(x, y, W1, b1, W2, b2, lr):
    old = W1, b1, W2, b2
    return tuple(w - lr * dw for w, dw in zip(old, true_backward(x, y, *old), strict=True))


def true_shared_gradient(x, a1, dz1, dz2):
    return grad(lambda W: ((x @ W.T) * dz1 + (a1 @ W.T) * dz2).sum())(np.zeros((x.shape[1], x.shape[1])))


def smooth(w):
    return float((w * w * np.tanh(w)).sum() + w[0] * w[1] * w[2])


def cubes(w):
    return float((w**3).sum())


def true_slopes(f, w, eps):
    if f is cubes:  # of which central differences are exactly eps² too large
        return grad(lambda w: (w**3).sum())(w) + eps**2
    return grad(lambda w: (w * w * w.tanh()).sum() + w[0] * w[1] * w[2])(w)


# ---- typical mistakes ----------------------------------------------------------------------------------------------


def wrong_pass(
    scale=lambda x: 1.0,
    slope=lambda z1, a1: 1 - a1**2,
    into_first=lambda dz1, dz2: dz1,
    into_second=lambda z1, a1: a1,
    total=lambda dz: dz.sum(axis=0),
):
    """A backward pass with one term replaced."""

    def wrong(x, y, W1, b1, W2, b2):
        z1 = x @ W1.T + b1
        a1 = np.tanh(z1)
        dz2 = scale(x) * 2 * (a1 @ W2.T + b2 - y) / len(x)
        dz1 = into_first((dz2 @ W2) * slope(z1, a1), dz2)
        return dz1.T @ x, total(dz1), dz2.T @ into_second(z1, a1), total(dz2)

    return wrong


def too_early(x, y, W1, b1, W2, b2, lr):
    a1 = np.tanh(x @ W1.T + b1)
    dz2 = 2 * (a1 @ W2.T + b2 - y) / len(x)
    W2 = W2 - lr * dz2.T @ a1
    dz1 = (dz2 @ W2) * (1 - a1**2)
    return W1 - lr * dz1.T @ x, b1 - lr * dz1.sum(axis=0), W2, b2 - lr * dz2.sum(axis=0)


def not_put_back(f, w, eps):
    slopes = np.zeros_like(w)
    for i in range(len(w)):
        w[i] += eps
        up = f(w)
        w[i] -= 2 * eps
        slopes[i] = (up - f(w)) / (2 * eps)
    return slopes
