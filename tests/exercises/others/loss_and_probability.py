"""Other right answers to the exercises of notebook 12."""

import math

import numpy as np

import nbprop as nb


def density_by_logaddition(prediction, y, sigma):
    return np.mean(math.log(sigma) + 0.5 * math.log(2 * math.pi) + ((y - prediction) / sigma) ** 2 / 2)


def density_one_by_one(prediction, y, sigma):
    total = 0.0
    for a, b in zip(prediction, y, strict=True):
        total -= math.log(math.exp(-((a - b) ** 2) / (2 * sigma**2)) / math.sqrt(2 * math.pi * sigma**2))
    return total / len(y)


def density_by_nbprop(prediction, y, sigma):
    squares = nb.nn.MSELoss()(prediction, y).item()
    return 0.5 * (np.log(2 * np.pi) + 2 * np.log(sigma) + squares / sigma**2)


def square_by_tanh(z, y):
    t = np.tanh(z / 2)  # p = (1 + t) / 2
    return ((1 + t) / 2 - y) * (1 - t**2) / 2 / len(z)


def square_by_two_slopes(z, y):
    e = np.exp(-z)
    p = 1 / (1 + e)
    dp = (p - y) * (2 / len(y))
    return dp * e / (1 + e) ** 2


def square_by_nbprop(z, y):
    z = nb.Tensor(z, requires_grad=True)
    ((z.sigmoid() - y) ** 2).mean().backward()
    return z.grad


def lse_by_logaddexp(z):
    return np.logaddexp.reduce(z, axis=1)


def lse_row_by_row(z):
    return [max(row) + math.log(sum(math.exp(each - max(row)) for each in row)) for row in z]


def lse_of_the_log_softmax(z):
    return z[:, 0] - nb.Tensor(z).log_softmax(dim=1).data[:, 0]


def delta_by_one_hot(z, y):
    p = nb.Tensor(z).softmax(dim=1).data
    return (p - np.eye(z.shape[1])[y]) / z.shape[0]


def delta_by_the_jacobian(z, y):
    rows = []
    for a, c in zip(z, y, strict=True):
        p = np.exp(a) / np.exp(a).sum()
        rows.append((np.diag(p) - np.outer(p, p))[c] * (-1 / p[c]) / len(z))
    return np.array(rows)


def delta_by_nbprop(z, y):
    z = nb.Tensor(z, requires_grad=True)
    (z.logsumexp(dim=1) - z[np.arange(len(y)), y]).mean().backward()
    return z.grad


def bias_by_arctanh(share):
    return 2 * np.arctanh(2 * share - 1)


def bias_of_two_logarithms(share):
    return math.log(share) - math.log1p(-share)


def bias_of_the_odds(share):
    return -math.log(1 / share - 1)


def smoothed_by_mixing(y, k, s):
    return (1 - s) * np.eye(k)[y] + s * np.ones((len(y), k)) / k


def smoothed_by_where(y, k, s):
    return np.where(np.arange(k) == y[:, None], 1 - s + s / k, s / k)


def smoothed_in_rows(y, k, s):
    return [[s / k + (1 - s if c == each else 0) for c in range(k)] for each in y]


CHOSEN = {"a": "cross_entropy", "b": "bce", "c": "mae", "d": "poisson_nll", "e": "mse"}


class Letters(dict):
    """A dict of another kind."""


OTHERS = {
    "gaussian-loss": (density_by_logaddition, density_one_by_one, density_by_nbprop),
    "mse-behind-a-sigmoid": (square_by_tanh, square_by_two_slopes, square_by_nbprop),
    "log-sum-exp": (lse_by_logaddexp, lse_row_by_row, lse_of_the_log_softmax),
    "softmax-delta": (delta_by_one_hot, delta_by_the_jacobian, delta_by_nbprop),
    "first-bias": (bias_by_arctanh, bias_of_two_logarithms, bias_of_the_odds),
    "smoothed-targets": (smoothed_by_mixing, smoothed_by_where, smoothed_in_rows),
    "which-loss": (dict(reversed(CHOSEN.items())), Letters(CHOSEN), {letter: CHOSEN[letter] for letter in "badce"}),
}
