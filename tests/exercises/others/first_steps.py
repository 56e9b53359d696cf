"""Other right answers to the exercises of notebook 00."""

from fractions import Fraction

import numpy as np

import nbprop as nb


def by_the_hyperbolic_cosine(w):
    return 2 * np.sinh(w) / np.cosh(w) ** 3


def by_the_product_rule(w):
    slope = 1 - np.tanh(w) * np.tanh(w)
    return slope * np.tanh(w) + np.tanh(w) * slope


def by_backpropagation(w):
    return nb.grad(lambda w: (w.tanh() * w.tanh()).sum())(w)


OTHERS = {
    "tanh-squared": (by_the_hyperbolic_cosine, by_the_product_rule, by_backpropagation),
    "cross-entropy-by-hand": (1.61, np.log(5), Fraction(161, 100)),
    "stuck": (0.02, 0.1, np.float32(0.03)),
    "thirty-relu-layers": ("He", "HE", "kaiming"),
}
