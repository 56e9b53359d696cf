"""How the numbers of each layer are spread: histograms, percentiles, and where they lie on the activation."""

import math

import numpy as np

from . import verdicts
from .statistics import mean

KINDS = ("weights", "gradients", "activations")
PERCENTILES = (15, 50, 85)
FINE = 8  # points of an activation's curve for each bin of the histogram under it


def percentiles(taps) -> dict[str, np.ndarray]:
    """The 15th, 50th and 85th percentile of `z` in every layer: series name -> (L,) array.

    z15, z50, z85 are those of all units and samples of the batch, unit15, unit50, unit85 those of the first unit alone.
    """
    out = np.empty((2 * len(PERCENTILES), len(taps)), np.float32)
    for i, tap in enumerate(taps):
        unit = tap.z[:, 0] if tap.z.ndim == 4 else tap.z[..., 0]  # of a picture, the first channel
        out[:, i] = *np.percentile(tap.z, PERCENTILES), *np.percentile(unit, PERCENTILES)
    return dict(zip([f"{of}{p}" for of in ("z", "unit") for p in PERCENTILES], out, strict=True))


def slopes(taps, bins) -> dict[str, np.ndarray]:
    """How the inputs z of every activation are spread, and what the activation does there: a dict of arrays.

    counts (L, bins) of z between low and high (L,), a round range around 0; flat_counts (L, bins): how many of them lie
    where the slope is near 0 (what that is: `verdicts`); flat (L,): of all, NaN without any finite value;
    value, slope (L, points): the activation and its derivative at evenly spaced places from low to high.
    """
    taps = [tap for tap in taps if tap.activation is not None and tap.activation.name != "identity"]
    out: dict[str, np.ndarray] = {name: np.zeros(len(taps), np.float32) for name in ("low", "high", "flat")}
    out["counts"], out["flat_counts"] = np.zeros((2, len(taps), bins), np.float32)
    out["value"], out["slope"] = np.zeros((2, len(taps), FINE * bins + 1), np.float32)
    for i, tap in enumerate(taps):
        z = _finite(every(tap.z.ravel("K")))
        low, high = -_beyond(-z.min(initial=0)), _beyond(z.max(initial=0))
        places = np.linspace(low, high, FINE * bins + 1, dtype=tap.z.dtype)
        steepest = _slope(tap.activation, places[:1] * 0)[1][0]  # of a two-sided one
        near = verdicts.FLAT_SLOPE * steepest if tap.activation.two_sided else verdicts.FLAT_SLOPE_ONE_SIDED
        flat = np.abs(_slope(tap.activation, z)[1]) < near
        out["low"][i], out["high"][i], out["flat"][i] = low, high, mean(flat)
        out["counts"][i] = np.histogram(z, bins, (low, high))[0]
        out["flat_counts"][i] = np.histogram(z[flat], bins, (low, high))[0]
        out["value"][i], out["slope"][i] = _slope(tap.activation, places)
    return out


def _slope(activation, z):
    """The activation at z and its derivative there: the op's own forward and backward."""
    op = activation.op()
    return op(z), op.backward(np.ones_like(z))


def _beyond(x):
    """The next round number from x on, at least 3."""
    unit = 10.0 ** math.floor(math.log10(max(x, 3)))
    return max(3.0, next(k * unit for k in (1, 1.5, 2, 3, 4, 6, 8, 10) if k * unit >= x))


SAMPLE = 2**14  # at most so many values of a layer are counted


def histograms(arrays, bins) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One histogram per array, all counted at once.

    Returns counts (L, bins), lowest (L,) and highest value (L,), float32. Values that are not finite are left out, see
    `not_finite`; an array whose values are all the same is one bar in the middle of a range around it.
    Of a large array every so-many-th value is counted, and for as many as that; lowest and highest are those of all.
    """
    arrays = [_finite(np.asarray(array, np.float32).ravel("K")) for array in arrays]
    sizes = np.array([array.size for array in arrays])
    low, high = np.zeros(len(arrays), np.float32), np.zeros(len(arrays), np.float32)
    if not sizes.sum():
        return np.zeros((len(arrays), bins), np.float32), low, high
    thin = [every(array) for array in arrays]
    kept = np.array([array.size for array in thin])
    values, layer = np.concatenate(thin), np.repeat(np.arange(len(arrays)), kept)
    some = np.flatnonzero(kept)  # reduceat does not know empty pieces
    starts = (np.cumsum(kept) - kept)[some]
    low[some], high[some] = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    for i in np.flatnonzero(kept < sizes):
        low[i], high[i] = arrays[i].min(), arrays[i].max()
    flat = low == high
    pad = np.where(flat, np.maximum(np.abs(low) * 0.5, 1e-6), 0).astype(np.float32)
    low, high = low - pad, high + pad
    scale = bins / (high.astype(np.float64) - low)
    place = ((values - low[layer]) * scale[layer]).astype(np.int64)
    np.minimum(place, bins - 1, out=place)
    counts = np.bincount(layer * bins + place, minlength=len(arrays) * bins).reshape(len(arrays), bins)
    return (counts * (sizes / np.maximum(kept, 1))[:, None]).astype(np.float32), low, high


def not_finite(arrays) -> np.ndarray:
    """How many values are NaN and how many infinite, (L, 2)."""
    counts = np.zeros((len(arrays), 2), np.int64)
    for i, array in enumerate(arrays):
        flat = array.ravel("K")
        if _finite(flat).size < flat.size:
            counts[i] = np.count_nonzero(np.isnan(flat)), np.count_nonzero(np.isinf(flat))
    return counts


def every(flat) -> np.ndarray:
    """At most SAMPLE values of the array (n,), evenly spaced. The stride has no factor in common with n, so that no
    unit or pixel of the array that was flattened is preferred."""
    stride = -(-flat.size // SAMPLE) or 1
    while math.gcd(stride, flat.size) > 1:
        stride += 1
    return flat[::stride]


def _finite(flat):
    with np.errstate(over="ignore", invalid="ignore"):
        return flat if math.isfinite(flat.dot(flat)) else flat[np.isfinite(flat)]
