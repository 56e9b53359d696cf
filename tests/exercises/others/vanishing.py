"""Other right answers to the exercises of notebook 05."""

from decimal import Decimal
from fractions import Fraction

import numpy as np

import nbprop as nb


def moment_by_logarithms(depth, fan_in, variance):
    return np.exp(depth * (np.log(fan_in) + np.log(variance) - np.log(2)))


def moment_in_a_loop(depth, fan_in, variance):
    moment = 1
    while depth:
        moment *= fan_in * variance / 2
        depth -= 1
    return moment


def moment_by_powers(depth, fan_in, variance):
    return [0.5**depth * fan_in**depth * variance**depth]


def bound_by_the_variance(fan_in):
    variance = 2 / fan_in
    return (3 * variance) ** 0.5


def bound_by_the_deviation(fan_in):
    return np.sqrt(3) * np.sqrt(2 / fan_in)


def bound_of_the_layer(fan_in):
    return nb.Tensor(6 / fan_in).sqrt()


def clip_by_a_factor(gradient, max_norm):
    return gradient * min(1, max_norm / np.linalg.norm(gradient))


def clip_in_place(gradient, max_norm):
    norm = np.linalg.norm(gradient)
    if norm >= max_norm:
        gradient *= max_norm
        gradient /= norm
    return gradient


def clip_by_the_larger(gradient, max_norm):
    return max_norm * gradient / np.maximum(max_norm, np.sqrt(gradient @ gradient))


def clip_by_nbprop(gradient, max_norm):
    nb.optim.clip_grad_norm(gradient, max_norm)
    return gradient


def residual_by_einsum(x, W, V, dy):
    z = np.einsum("nd,hd->nh", x, W)
    return dy + np.einsum("nd,dh,nh,he->ne", dy, V, (z > 0).astype(float), W)


def residual_sample_by_sample(x, W, V, dy):
    dx = dy.copy()
    for n in range(len(x)):
        dz = V.T @ dy[n]
        dz[W @ x[n] <= 0] = 0
        dx[n] += W.T @ dz
    return dx


def residual_by_nbprop(x, W, V, dy):
    x = nb.Tensor(x, requires_grad=True)
    ((x + (x @ W.T).relu() @ V.T) * dy).sum().backward()
    return x.grad


OTHERS = {
    "vanishing-bound": (3.6e-12, 3.638e-12, Fraction(1, 4) ** 19, Decimal("3.64e-12"), [2**-38]),
    "second-moment": (moment_by_logarithms, moment_in_a_loop, moment_by_powers),
    "he-bound": (bound_by_the_variance, bound_by_the_deviation, bound_of_the_layer),
    "clip-by-norm": (clip_by_a_factor, clip_in_place, clip_by_the_larger, clip_by_nbprop),
    "residual-backward": (residual_by_einsum, residual_sample_by_sample, residual_by_nbprop),
    "repair-thirty-layers": (
        {"activation": "tanh", "init": "xavier", "lr": 0.003},
        {"activation": "relu", "init": "he", "lr": 0.001, "optimizer": "adam"},
        {"activation": "tanh", "init": "orthogonal", "lr": Fraction(3, 1000), "optimizer": "momentum"},
    ),
}
WRONG = {
    "repair-thirty-layers": (
        {"activation": "identity", "init": "xavier"},
        {"activation": "identity", "init": "orthogonal", "lr": 0.001, "optimizer": "adam"},
    ),
    "clip-by-norm": (
        lambda g, m: g / np.linalg.norm(g) * min(1, m),
        lambda g, m: g * m / (np.linalg.norm(g) + m),
        lambda g, m: g * min(1, m / np.abs(g).max()),
    ),
}
