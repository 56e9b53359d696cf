"""What can be seen inside a training step: activations, deltas, gradients and updates, layer by layer.

A probe only reads the arrays that the step has computed anyway; nothing here runs unless somebody watches.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

QUANTITIES = ("a_mean", "a_std", "saturated", "dz", "dW", "ratio")
KINDS = ("weights", "gradients", "activations")


@dataclass(frozen=True)
class Layer:
    """A layer with weights, as a view describes it. `weight` is its place in `theta`."""

    name: str
    kind: str
    activation: str
    units: int
    weight: slice


@dataclass(frozen=True)
class Tap:
    """The arrays of one layer in a recorded step: they hold the numbers of the last step that was run."""

    z: np.ndarray
    dz: np.ndarray
    a: np.ndarray
    activation: Any = field(repr=False)


def mean(a):
    return float(a.mean()) if a.size else np.nan


def silent_share(a, activation):
    """Share of saturated values (tanh, sigmoid) or of units that are dead for the whole batch (ReLU and its kin)."""
    if activation is None:
        return 0.0
    silent = activation.silent(a)
    if not activation.two_sided:
        silent = silent.reshape(len(silent), -1).all(axis=0)
    return np.count_nonzero(silent) / silent.size


def activations(taps):
    """Mean, standard deviation and silent share of `a`, and the norm of dL/dz, of every layer: four (L,) arrays."""
    out = np.empty((4, len(taps)), np.float32)
    for i, tap in enumerate(taps):
        a, dz = tap.a.ravel("K"), tap.dz.ravel("K")  # in the order of memory: no copy
        mu = float(a.dot(np.ones_like(a))) / a.size
        variance = float(a.dot(a)) / a.size - mu * mu
        std = math.sqrt(max(variance, 0)) if math.isfinite(variance) else np.std(a)
        out[:, i] = mu, std, silent_share(tap.a, tap.activation), math.sqrt(dz.dot(dz))
    return out


def histograms(arrays, bins):
    """One histogram per array, all counted at once.

    Returns counts (L, bins), lowest (L,) and highest value (L,), float32. Values that are not finite are left out;
    an array whose values are all the same is one bar in the middle of a range around it.
    """
    arrays = [np.asarray(array, np.float32).ravel("K") for array in arrays]
    sizes = np.array([array.size for array in arrays])
    low, high = np.zeros(len(arrays), np.float32), np.zeros(len(arrays), np.float32)
    if not sizes.sum():
        return np.zeros((len(arrays), bins), np.float32), low, high
    values = np.concatenate(arrays)
    layer = np.repeat(np.arange(len(arrays)), sizes)
    if not np.isfinite(values.dot(values)):
        finite = np.isfinite(values)
        values, layer = values[finite], layer[finite]
        sizes = np.bincount(layer, minlength=len(arrays))
    some = np.flatnonzero(sizes)  # reduceat does not know empty pieces
    if some.size:
        starts = (np.cumsum(sizes) - sizes)[some]
        low[some] = np.minimum.reduceat(values, starts)
        high[some] = np.maximum.reduceat(values, starts)
    flat = low == high
    pad = np.where(flat, np.maximum(np.abs(low) * 0.5, 1e-6), 0).astype(np.float32)
    low, high = low - pad, high + pad
    scale = bins / (high.astype(np.float64) - low)
    place = ((values - low[layer]) * scale[layer]).astype(np.int64)
    np.minimum(place, bins - 1, out=place)
    counts = np.bincount(layer * bins + place, minlength=len(arrays) * bins)
    return counts.reshape(len(arrays), bins).astype(np.float32), low, high
