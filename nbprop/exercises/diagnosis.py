"""What is wrong with a wrong array?  The usual suspects: shape, transposition, sign, a missing sum, a factor."""

import numpy as np

from .answers import array

NEARLY = 0.02  # of the right answer: a rounded number rather than a wrong one

# What may have been done to the right answer once too often, and what to say.
SUSPECTS = (
    (np.negative, "The sign is wrong."),
    (np.reciprocal, "It is one divided by what it should be."),
    (np.square, "It is the square of what it should be."),
    (np.sqrt, "It is the root of what it should be."),
    (np.abs, "The signs are lost: it is the absolute value of what it should be."),
    (np.exp, "It is exp of what it should be."),
    (np.log, "It is the logarithm of what it should be."),
    (lambda t: t[::-1], "It is in the reverse order, along axis 0."),
    (lambda t: t[:, ::-1], "It is in the reverse order, along axis 1."),
    (lambda t: t[::-1, ::-1], "It is turned by half a circle: both axes are in the reverse order."),
)


def same(a, b, tolerance):
    """Equal, up to `tolerance` of the largest number; words whatever their capitals. A single number may come as an
    array of one."""
    a, b = array(a), array(b)
    if b.ndim == 0 and a.size == 1:
        a = a.reshape(())
    if a.shape != b.shape:
        return False
    if not (_numeric(a) and _numeric(b)):
        return bool(np.all(_words(a) == _words(b)))
    if not b.size:
        return True
    scale = max(np.abs(b[np.isfinite(b)]).max(initial=0), 1e-30)
    return bool(np.allclose(a, b, rtol=0, atol=tolerance * scale, equal_nan=True))


def diagnose(answers, truths, tolerance, places=()):
    """A sentence on what is wrong with the answers: arrays, one per test; not all equal to `truths`. places: what to
    say of each test, such as "with x = 3"."""
    raw, answers, truths = answers, [array(a) for a in answers], [array(t) for t in truths]
    if not all(map(_numeric, answers)):
        return "It is not right." if not _numeric(truths[0]) else f"Expected numbers, got {_first_words(raw, answers)}."
    if not all(map(_numeric, truths)):
        return f"Expected {type(truths[0].flat[0]).__name__.removesuffix('_')}, got numbers."
    if any(a.dtype.kind == "c" for a in answers):
        return "Expected real numbers, got complex ones: is it the root or the logarithm of something negative?"
    answers = [a.astype(float) if a.dtype.kind == "b" else a for a in answers]

    def all_same(change, of=answers, to=truths):
        with np.errstate(all="ignore"):
            return all(same(change(a), t, tolerance) for a, t in zip(of, to, strict=True))

    if answers[0].ndim > 1 and all_same(lambda a: a.T):
        return "It is transposed."
    if answers[0].shape != truths[0].shape and all_same(np.squeeze, to=[np.squeeze(t) for t in truths]):
        return f"The numbers are right, but the shape is {answers[0].shape}, expected {truths[0].shape}."
    for axis in range(answers[0].ndim):
        if answers[0].ndim == truths[0].ndim + 1 and all_same(lambda a, axis=axis: a.sum(axis)):
            return f"A sum is missing, over axis {axis}."
    if any(a.shape != t.shape for a, t in zip(answers, truths, strict=True)):
        return f"The shape is {_first(answers, truths, 0)}, expected {_first(answers, truths, 1)}."
    for finite, name in ((np.isnan, "NaN"), (np.isinf, "infinity")):
        if any(finite(a).any() and not finite(t).any() for a, t in zip(answers, truths, strict=True)):
            return f"It contains {name}."
    truths = [t.astype(float) for t in truths]
    with np.errstate(all="ignore"):
        for change, says in SUSPECTS:
            if (truths[0].ndim > 1 or "[:, " not in says) and _is(change, answers, truths, tolerance):
                return says
    factor = _factor(answers[0], truths[0])
    if factor and all_same(lambda a: a / factor):
        if abs(factor - 1) < NEARLY:
            return "It is nearly right: do not round on the way, and give more digits."
        return f"It is {factor:.4g} times what it should be."
    offset = (answers[0] - truths[0]).flat[0]
    if all_same(lambda a: a - offset):
        return (
            f"It is {abs(offset):.4g} too {'large' if offset > 0 else 'small'}{' everywhere' * (truths[0].ndim > 0)}."
        )
    if all(same(a, t, NEARLY) for a, t in zip(answers, truths, strict=True)):
        return "It is nearly right: do not round on the way."
    return _the_worst(answers, truths, places)


def _is(change, answers, truths, tolerance):
    """Are the answers the truths, changed like this?"""
    try:
        return all(same(a, change(t), tolerance) for a, t in zip(answers, truths, strict=True))
    except IndexError:  # fewer axes
        return False


def _the_worst(answers, truths, places):
    """A number that is wrong, and of which test."""
    worst = [np.abs(a - t).max(initial=0) / max(np.abs(t).max(initial=0), 1e-30)
             for a, t in zip(answers, truths, strict=True)]  # fmt: skip
    k = int(np.argmax(worst))
    a, t = answers[k], truths[k]
    place = np.unravel_index(np.abs(a - t).argmax(), t.shape)
    where = f" at [{', '.join(map(str, place))}]" if place else ""
    test = "in one test" + (f" ({places[k]})" if places and places[k] else "") if len(answers) > 1 else "here"
    return f"It is not right: {test}{where} it is {a[place]:.4g}, expected {t[place]:.4g}."


def _numeric(a):
    return a.dtype.kind in "biufc"


def _words(a):
    return np.array([each.strip().lower() if isinstance(each, str) else each for each in a.flat], dtype=object)


def _first_words(raw, answers):
    return next(repr(each) for each, a in zip(raw, answers, strict=True) if not _numeric(a))


def _first(answers, truths, which):
    return next((a.shape, t.shape)[which] for a, t in zip(answers, truths, strict=True) if a.shape != t.shape)


def _factor(a, t):
    """Of the largest number of the right answer."""
    place = np.unravel_index(np.abs(t).argmax(), t.shape) if t.size else None
    return a[place] / t[place] if place is not None and t[place] else 0.0
