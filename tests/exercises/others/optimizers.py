"""Other right answers to the exercises of notebook 06."""

from fractions import Fraction

import numpy as np

import nbprop as nb


def momentum_in_place(theta, v, g, lr, mu):
    v *= mu
    v += g
    theta -= lr * v
    return theta, v


def momentum_in_a_loop(theta, v, g, lr, mu):
    new = [mu * one + other for one, other in zip(v, g, strict=True)]
    return [t - lr * one for t, one in zip(theta, new, strict=True)], new


def momentum_as_an_array(theta, v, g, lr, mu):
    return np.stack([theta - lr * mu * v - lr * g, mu * v + g])


def momentum_by_nbprop(theta, v, g, lr, mu):
    optimizer = nb.optim.SGD(lr=lr, momentum=mu)
    optimizer.state = {"momentum_buffer": v}
    optimizer.update(theta, g)
    return theta, optimizer.state["momentum_buffer"]


def rmsprop_by_powers(theta, v, g, lr, alpha, eps):
    new = v + (1 - alpha) * (g * g - v)
    return theta - lr / (new**0.5 + eps) * g, new


def rmsprop_in_a_loop(theta, v, g, lr, alpha, eps):
    for i in range(len(theta)):
        v[i] = alpha * v[i] + (1 - alpha) * g[i] ** 2
        theta[i] -= lr * g[i] / (np.sqrt(v[i]) + eps)
    return theta, v


def rmsprop_by_average(theta, v, g, lr, alpha, eps):
    v = np.average([v, np.square(g)], axis=0, weights=[alpha, 1 - alpha])
    return np.array([theta - np.divide(lr * g, eps + np.sqrt(v)), v])


def adam_by_the_paper(theta, m, v, g, t, lr, b1, b2, eps):
    """With the corrections in the learning rate, the faster order of section 2."""
    m, v = m + (1 - b1) * (g - m), v + (1 - b2) * (g * g - v)
    root = np.sqrt(1 - b2**t)
    return theta - lr * root / (1 - b1**t) * m / (np.sqrt(v) + eps * root), m, v


def adam_in_place(theta, m, v, g, t, lr, b1, b2, eps):
    m *= b1
    m += g * (1 - b1)
    v *= b2
    v += g**2 * (1 - b2)
    theta -= lr / (1 - b1**t) * m / (np.sqrt(v / (1 - b2**t)) + eps)
    return [theta, m, v]


def adam_one_by_one(theta, m, v, g, t, lr, b1, b2, eps):
    rows = []
    for w, one, two, slope in zip(theta, m, v, g, strict=True):
        one, two = b1 * one + (1 - b1) * slope, b2 * two + (1 - b2) * slope * slope
        rows.append((w - lr * (one / (1 - b1**t)) / ((two / (1 - b2**t)) ** 0.5 + eps), one, two))
    return tuple(zip(*rows, strict=True))


def adam_by_nbprop(theta, m, v, g, t, lr, b1, b2, eps):
    optimizer = nb.optim.Adam(lr=lr, betas=(b1, b2), eps=eps)
    optimizer.state, optimizer.t = {"exp_avg": m, "exp_avg_sq": v}, t - 1
    optimizer.update(theta, g)
    return theta, m, v


OTHERS = {
    "momentum-step": (momentum_in_place, momentum_in_a_loop, momentum_as_an_array, momentum_by_nbprop),
    "how-far-momentum-goes": (20, 1 / (1 - 0.95), Fraction(20), np.float32(20), sum(0.95**k for k in range(400))),
    "rmsprop-step": (rmsprop_by_powers, rmsprop_in_a_loop, rmsprop_by_average),
    "adam-step": (adam_by_the_paper, adam_in_place, adam_one_by_one, adam_by_nbprop),
    "adams-first-step": (Fraction(1, 1000), np.float32(0.001), [0.001], nb.Tensor(0.001)),
    "tame-the-valley": (
        nb.optim.Adam(lr=0.2),
        nb.optim.SGD(lr=0.001, momentum=0.98),
        nb.optim.AdamW(lr=0.1, weight_decay=0),
    ),
}
WRONG = {"tame-the-valley": (nb.optim.Adam, "adam", "nonsense", {"lr": 0.1}, nb.optim.SGD(lr=0.0005))}
