"""Numbers of an array that hold whatever is in it: mean, standard deviation, norm, silent share."""

import math

import numpy as np

from .layers import unit_axis

TINY = 1e-25  # of sums of squares: below, float32 has lost digits


def mean(a):
    return float(a.mean()) if a.size else np.nan


def silent_share(a, activation):
    """Share of saturated values (tanh, sigmoid) or of units that are dead for the whole batch (ReLU and its kin): a
    channel of pictures in all their pixels, a unit of sequences at all time steps."""
    if activation is None:
        return 0.0
    silent = activation.silent(a)
    if not activation.two_sided:
        unit = unit_axis(a)
        silent = silent.all(axis=tuple(i for i in range(a.ndim) if i != unit))
    return np.count_nonzero(silent) / silent.size


def activations(taps):
    """Mean, standard deviation and silent share of `a`, and the norm of dL/dz, of every layer: four (L,) arrays."""
    out = np.empty((4, len(taps)), np.float32)
    for i, tap in enumerate(taps):
        a, dz = tap.a.ravel("K"), tap.dz.ravel("K")  # in the order of memory: no copy
        mu = float(a.dot(np.ones_like(a))) / a.size
        variance = float(a.dot(a)) / a.size - mu * mu
        std = math.sqrt(variance) if TINY < variance < math.inf else np.std(a, dtype=np.float64)
        out[:, i] = mu, std, silent_share(tap.a, tap.activation), norm(dz)
    return out


def norm(a):
    """Euclidean norm of a flat array. Squares that float32 cannot hold, as where a gradient has all but vanished, are
    taken in float64."""
    square = float(a.dot(a))
    return math.sqrt(square if TINY < square < math.inf else np.square(a, dtype=np.float64).sum())
