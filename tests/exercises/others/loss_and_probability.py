"""Other right answers to the exercises of notebook 12."""

import math
from collections import OrderedDict, defaultdict

import numpy as np

import nbprop as nb


def loss_sample_by_sample(prediction, y, sigma):
    total = 0.0
    for mean, number in zip(prediction, y, strict=True):
        density = math.exp(-((number - mean) ** 2) / (2 * sigma**2)) / (math.sqrt(2 * math.pi) * sigma)
        total -= math.log(density)
    return total / len(y)


def loss_of_scaled_errors(prediction, y, sigma):
    z = (y - prediction) / sigma
    return 0.5 * z @ z / z.size + np.log(sigma) + 0.5 * np.log(2 * np.pi)


def loss_by_nbprop(prediction, y, sigma):
    return nb.nn.MSELoss()(nb.Tensor(prediction), y) / (2 * sigma**2) + math.log(sigma * (2 * math.pi) ** 0.5)


def mse_delta_by_powers(z, y):
    p = 0.5 * (1 + np.tanh(z / 2))
    return (2 / y.size) * (p - y) * (p - p**2)


def mse_delta_one_by_one(z, y):
    found = []
    for one, target in zip(z, y, strict=True):
        p = 1 / (1 + math.exp(-one))
        found.append(-2 * (target - p) * p * (1 - p) / len(y))
    return found


def mse_delta_by_nbprop(z, y):
    return nb.grad(lambda z: ((z.sigmoid() - y) ** 2).mean())(z)


def logsumexp_row_by_row(z):
    found = []
    for row in z:
        top = max(row)
        found.append(top + math.log(sum(math.exp(each - top) for each in row)))
    return found


def logsumexp_pair_by_pair(z):
    return np.logaddexp.reduce(z, axis=1)


def logsumexp_with_keepdims(z):
    top = z.max(axis=-1, keepdims=True)
    return (top + np.log(np.einsum("nk->n", np.exp(z - top))[:, None])).squeeze(1)


def logsumexp_by_nbprop(z):
    return nb.Tensor(z).logsumexp(axis=1)


def softmax_delta_by_one_hot(z, y):
    e = np.exp(z)
    return (e / e.sum(axis=1, keepdims=True) - np.eye(z.shape[1])[y]) / len(z)


def softmax_delta_row_by_row(z, y):
    delta = np.zeros_like(z)
    for i, row in enumerate(z):
        p = np.exp(row) / sum(np.exp(row))
        for j in range(len(row)):
            delta[i, j] = (p[j] - (j == y[i])) / len(z)
    return delta


def softmax_delta_by_nbprop(z, y):
    z = nb.Tensor(z, requires_grad=True)
    (-z.log_softmax(axis=1)[np.arange(len(y)), y].mean()).backward()
    return z.grad


def bias_as_a_difference(share):
    return math.log(share) - math.log1p(-share)


def bias_by_the_inverse_of_tanh(share):
    return 2 * np.arctanh(2 * share - 1)


def bias_of_the_odds_against(share):
    return -math.log(1 / share - 1)


def smoothed_by_one_hot(y, k, s):
    return (1 - s) * np.eye(k)[y] + s / k


def smoothed_in_loops(y, k, s):
    return [[s / k + (1 - s if j == each else 0) for j in range(k)] for each in y]


def smoothed_by_comparing(y, k, s):
    return np.where(y[:, None] == np.arange(k), 1 - s + s / k, s / k)


LOSSES = {"e": "mse", "d": "poisson_nll", "c": "mae", "b": "bce", "a": "cross_entropy"}
OTHERS = {
    "gaussian-loss": (loss_sample_by_sample, loss_of_scaled_errors, loss_by_nbprop),
    "mse-behind-a-sigmoid": (mse_delta_by_powers, mse_delta_one_by_one, mse_delta_by_nbprop),
    "log-sum-exp": (logsumexp_row_by_row, logsumexp_pair_by_pair, logsumexp_with_keepdims, logsumexp_by_nbprop),
    "softmax-delta": (softmax_delta_by_one_hot, softmax_delta_row_by_row, softmax_delta_by_nbprop),
    "first-bias": (bias_as_a_difference, bias_by_the_inverse_of_tanh, bias_of_the_odds_against),
    "smoothed-targets": (smoothed_by_one_hot, smoothed_in_loops, smoothed_by_comparing),
    "which-loss": (LOSSES, OrderedDict(LOSSES), defaultdict(str, LOSSES)),
}
