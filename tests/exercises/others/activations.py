"""Other right answers to the exercises of notebook 04."""

from fractions import Fraction

import numpy as np

import nbprop as nb


def sigmoid_by_squares(a):
    return a - a**2


def sigmoid_from_z(a):
    z = np.log(a) - np.log1p(-a)
    return np.exp(-z) / (1 + np.exp(-z)) ** 2


def sigmoid_one_by_one(a):
    return [float(each) * (1 - float(each)) for each in a]


def silu_by_factoring(z):
    s = np.exp(z) / (np.exp(z) + 1)
    return s * (1 + z * (1 - s))


def silu_from_its_output(z):
    s = 1 / (1 + np.exp(-z))
    f = z * s
    return f + s * (1 - f)


def silu_by_nbprop(z):
    return nb.grad(lambda z: nb.nn.SiLU()(z).sum())(z)


def leaky_by_a_copy(z, da, slope):
    dz = da.copy()
    dz[z <= 0] *= slope
    return dz


def leaky_by_masks(z, da, slope):
    return da * (z > 0) + slope * da * (z <= 0)


def leaky_in_loops(z, da, slope):
    return [[d if each > 0 else slope * d for each, d in zip(*rows, strict=True)] for rows in zip(z, da, strict=True)]


def leaky_by_nbprop(z, da, slope):
    z = nb.Tensor(z, requires_grad=True)
    nb.nn.LeakyReLU(slope)(z).backward(da)
    return z.grad


def flat_by_counting(a):
    count = 0
    for each in a.ravel():
        if 1 - each * each < 0.06:
            count += 1
    return count / a.size


def flat_by_both_ends(a):
    return (np.abs(a) > np.sqrt(0.94)).mean()


def flat_as_a_fraction(a):
    return Fraction(int(((1 - a) * (1 + a) < 0.06).sum()), a.size)


def dead_by_the_largest(a):
    return np.count_nonzero(a.max(axis=0) == 0)


def dead_in_a_loop(a):
    return len([unit for unit in a.T if not unit.any()])


def dead_by_the_living(a):
    return a.shape[1] - int((a > 0).any(axis=0).sum())


def dead_by_sums(a):
    return float(sum(a.sum(0) == 0))


OTHERS = {
    "sigmoid-slope": (sigmoid_by_squares, sigmoid_from_z, sigmoid_one_by_one),
    "silu-slope": (silu_by_factoring, silu_from_its_output, silu_by_nbprop),
    "leaky-backward": (leaky_by_a_copy, leaky_by_masks, leaky_in_loops, leaky_by_nbprop),
    "flat-share": (flat_by_counting, flat_by_both_ends, flat_as_a_fraction),
    "dead-units": (dead_by_the_largest, dead_in_a_loop, dead_by_the_living, dead_by_sums),
    "revive": (("relu", 0.3), ["elu", 0.3], ("tanh", np.float64(0.5)), ("silu", Fraction(1, 2))),
}
WRONG = {
    "dead-units": (
        lambda a: (a.mean(axis=0) < 0.1).sum(),
        lambda a: ((a == 0).mean(axis=0) > 0.9).sum(),
        lambda a: (a[0] == 0).sum(),
        lambda a: (np.median(a, axis=0) == 0).sum(),
        lambda a: (a.max(axis=0) < 0.5).sum(),
        lambda a: (a.std(axis=0) < 0.1).sum(),
    ),
    "revive": (("identity", 0.3), ("identity", 3.0), ("relu", -0.3), ("relu", True), ("relu", 0.3, 1), "relu", 0.3),
}
