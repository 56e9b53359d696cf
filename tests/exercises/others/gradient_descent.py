"""Other right answers to the exercises of notebook 03."""

from fractions import Fraction

import numpy as np

import nbprop as nb


def in_place(theta, gradient, lr):
    theta -= lr * gradient
    return theta


def one_by_one(theta, gradient, lr):
    return [t - lr * g for t, g in zip(theta, gradient, strict=True)]


def by_an_optimizer(theta, gradient, lr):
    w = nb.Tensor(theta, requires_grad=True)
    (w * gradient).sum().backward()
    nb.optim.SGD([w], lr=lr).step()
    return w


def limit_by_cases(a, b):
    if a > b:
        return 2.0 / a
    return 2.0 / b


def limit_as_the_smaller(a, b):
    return min(2 / a, 2 / b)


def limit_by_eigenvalues(a, b):
    return 2 / np.linalg.eigvalsh(np.diag([a, b])).max()


def batch_in_a_loop(w, b, x, y, rows):
    dw = db = 0.0
    for i in rows:
        error = w * x[i] + b - y[i]
        dw += 2 * error * x[i] / len(rows)
        db += 2 * error / len(rows)
    return dw, db


def batch_as_an_array(w, b, x, y, rows):
    X = np.column_stack([x[rows], np.ones(len(rows))])
    return 2 / len(rows) * X.T @ (X @ [w, b] - y[rows])


def batch_by_nbprop(w, b, x, y, rows):
    w, b = nb.Tensor(w, requires_grad=True), nb.Tensor(b, requires_grad=True)
    nb.nn.MSELoss()(w * x[rows] + b, y[rows]).backward()
    return [w.grad, b.grad]


OTHERS = {
    "descent-update": (in_place, one_by_one, by_an_optimizer),
    "largest-learning-rate": (limit_by_cases, limit_as_the_smaller, limit_by_eigenvalues),
    "minibatch-gradient": (batch_in_a_loop, batch_as_an_array, batch_by_nbprop),
    "gradient-noise": (Fraction(1, 2), 3 / np.sqrt(36), [0.5], np.float32(0.5)),
    "over-the-pass": ([1.5, 0.3], np.array([1.6, -0.5]), (Fraction(3, 2), 0), (np.float64(1.55), 1)),
}
WRONG = {"over-the-pass": ((1.6,), (1.6, 0.5, 0.5), ("1.6", "0.5"), (1.6, np.nan), (np.inf, 0), True, 1.6)}
