"""Numbers of an array that are right in float32 too: where its digits do not suffice, they are taken in float64."""

import math

import numpy as np

from .layers import unit_axis

TINY = 1e-25  # of sums of squares: below, float32 has lost digits
FLOAT32 = np.dtype(np.float32)
CANCELS = 0.01  # share of E[a^2] that is left as the variance: below, E[a^2] - mean^2 has lost digits


def mean(a) -> float:
    return float(a.mean()) if a.size else np.nan


def moments(a) -> tuple[float, float]:
    """Mean and standard deviation of a flat array, as floats; NaN of an empty one."""
    if not a.size:
        return np.nan, np.nan
    if a.dtype is FLOAT32:
        mu, square = float(np.add.reduce(a)) / a.size, float(a.dot(a)) / a.size
        variance = square - mu * mu
        if square < math.inf and variance > max(TINY, CANCELS * square):
            return mu, math.sqrt(variance)
    a = a.astype(np.float64)
    largest = float(np.abs(a).max())
    if largest > 0 and math.isfinite(largest):
        a /= largest  # then no square is too large or too small
        return largest * float(a.mean()), largest * float(a.std())
    return float(a.mean()), float(a.std())


def norm(a) -> float:
    """Euclidean norm of a flat array, a float."""
    square = float(a.dot(a)) if a.dtype is FLOAT32 else 0.0
    if TINY < square < math.inf:
        return math.sqrt(square)
    a = a.astype(np.float64)
    largest = float(np.abs(a).max(initial=0))
    if largest > 0 and math.isfinite(largest):
        return largest * math.sqrt(np.square(a / largest).sum())
    return largest  # 0, infinite or NaN


def saturated_share(a, activation) -> float:
    """Share of saturated values (tanh, sigmoid) or of units that are dead for the whole batch (ReLU and its kin): a
    channel of pictures in all their pixels, a unit of sequences at all time steps. Silenced units do not count."""
    if activation is not None and activation.silenced:
        a = np.delete(a, activation.silenced, unit_axis(a))
    if activation is None or not a.size:
        return 0.0
    flat = activation.flat(a)
    if not activation.two_sided:
        unit = unit_axis(a)
        flat = flat.all(axis=tuple(i for i in range(a.ndim) if i != unit))
    return np.count_nonzero(flat) / flat.size
