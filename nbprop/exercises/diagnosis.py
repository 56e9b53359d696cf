"""What is wrong with a wrong array?  The usual suspects: shape, transposition, sign, a missing sum, a factor."""

import numpy as np

from nbprop.engine import Tensor


def array(value):
    """Of an array, a Tensor, a number or a list."""
    try:
        return np.asarray(value.data if isinstance(value, Tensor) else value)
    except ValueError:  # lists of different lengths
        return np.array(value, dtype=object)


def same(a, b, tolerance):
    """Equal, up to `tolerance` of the largest number; strings and the like exactly."""
    a, b = array(a), array(b)
    if a.shape != b.shape:
        return False
    if not (_numeric(a) and _numeric(b)):
        return bool(np.all(a == b))
    if not b.size:
        return True
    scale = max(np.abs(b[np.isfinite(b)]).max(initial=0), 1e-30)
    return bool(np.allclose(a, b, rtol=0, atol=tolerance * scale, equal_nan=True))


def diagnose(answers, truths, tolerance):
    """A sentence on what is wrong with the answers: arrays, one per test; not all equal to `truths`."""
    answers, truths = [array(a) for a in answers], [array(t) for t in truths]
    if not all(map(_numeric, answers)):
        return "It is not right." if not _numeric(truths[0]) else f"Expected numbers, got {answers[0]!r}."
    if not all(map(_numeric, truths)):
        return f"Expected {type(truths[0].item()).__name__}, got numbers."

    def all_same(change):
        return all(same(change(a), t, tolerance) for a, t in zip(answers, truths, strict=True))

    if answers[0].ndim > 1 and all_same(lambda a: a.T):
        return "It is transposed."
    for axis in range(answers[0].ndim):
        if answers[0].ndim == truths[0].ndim + 1 and all_same(lambda a, axis=axis: a.sum(axis)):
            return f"A sum is missing, over axis {axis}."
    if any(a.shape != t.shape for a, t in zip(answers, truths, strict=True)):
        return f"The shape is {_first(answers, truths, 0)}, expected {_first(answers, truths, 1)}."
    if any(np.isnan(a).any() and not np.isnan(t).any() for a, t in zip(answers, truths, strict=True)):
        return "It contains NaN."
    if all_same(np.negative):
        return "The sign is wrong."
    factor = _factor(answers[0], truths[0])
    if factor and all_same(lambda a: a / factor):
        return f"It is {factor:.4g} times what it should be."
    a, t = max(zip(answers, truths, strict=True), key=lambda pair: np.abs(pair[0] - pair[1]).max())
    place = np.unravel_index(np.abs(a - t).argmax(), t.shape)
    where = f" at [{', '.join(map(str, place))}]" if place else ""
    return f"It is not right: in one test{where} it is {a[place]:.4g}, expected {t[place]:.4g}."


def _numeric(a):
    return a.dtype.kind in "biufc"


def _first(answers, truths, which):
    return next((a.shape, t.shape)[which] for a, t in zip(answers, truths, strict=True) if a.shape != t.shape)


def _factor(a, t):
    """Of the largest number of the right answer."""
    a, t = a.astype(float), t.astype(float)
    place = np.unravel_index(np.abs(t).argmax(), t.shape) if t.size else None
    return a[place] / t[place] if place is not None and t[place] else 0.0
