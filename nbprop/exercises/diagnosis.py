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
    if _numeric(a) != _numeric(b):
        return False
    if not _numeric(a):
        return _words(a) == _words(b)
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
    for k, (a, t) in enumerate(zip(answers, truths, strict=True)):
        if a.shape != t.shape:
            place = f" ({places[k]})" if places and places[k] else ""
            return f"The shape is {a.shape}, expected {t.shape or 'a single number'}{place}."
    for is_so, name in ((np.isnan, "NaN"), (np.isinf, "infinity")):
        if any(is_so(a).any() and not is_so(t).any() for a, t in zip(answers, truths, strict=True)):
            return f"It contains {name}."
    truths = [t.astype(float) for t in truths]
    if len(truths) == 1 and not truths[0].ndim:
        return _of_a_number(answers[0].item(), truths[0].item())
    if not any(a.any() for a in answers) and all(t.any() for t in truths):
        return "It is 0 everywhere." if truths[0].ndim else "It is always 0."
    with np.errstate(all="ignore"):
        for change, says in SUSPECTS:
            if _is(change, answers, truths, tolerance):
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
    right = [same(a, t, tolerance) for a, t in zip(answers, truths, strict=True)]
    if all(same(a, t, NEARLY) for a, t in zip(answers, truths, strict=True)):
        return "It is nearly right: do not round on the way."
    return _the_worst(
        answers, truths, places, tolerance
    ) + f" In {sum(right)} of {len(right)} tests it is right." * any(right)


def _of_a_number(a, t):
    """Of a value: what is wrong, without giving it away."""
    if a == 0 or t == 0:
        return f"It is not {a:.4g}."
    ratio = a / t
    if ratio < 0:
        return "The sign is wrong."
    if abs(ratio - 1) < NEARLY:
        return "It is nearly right: give more digits."
    if abs(np.log10(ratio) % 1) < 1e-9:
        return f"It is too {'large' if ratio > 1 else 'small'}, by a power of ten."
    if ratio in (0.5, 2):
        return f"A factor 2 is {'missing' if ratio < 1 else 'too many'}."
    return f"It is too {'large' if ratio > 1 else 'small'}."


def _is(change, answers, truths, tolerance):
    """Are the answers the truths, changed like this?"""
    try:
        return all(same(a, change(t), tolerance) for a, t in zip(answers, truths, strict=True))
    except IndexError:  # fewer axes
        return False


def _the_worst(answers, truths, places, tolerance):
    """A number that is wrong, of which test, and whether it is only one row or column that is."""
    worst = [np.abs(a - t).max(initial=0) / max(np.abs(t).max(initial=0), 1e-30)
             for a, t in zip(answers, truths, strict=True)]  # fmt: skip
    k = int(np.argmax(worst))
    a, t = answers[k], truths[k]
    place = np.unravel_index(np.abs(a - t).argmax(), t.shape)
    where = f" at [{', '.join(map(str, place))}]" if place else ""
    test = "in one test" + (f" ({places[k]})" if places and places[k] else "") if len(answers) > 1 else "here"
    return f"It is not right: {test}{where} it is {a[place]:.4g}, expected {t[place]:.4g}.{_only(a, t, tolerance)}"


def _only(a, t, tolerance):
    """A sentence, if all that is wrong lies in one row or column, or at one place of a vector."""
    wrong = np.argwhere(np.abs(a - t) > tolerance * np.abs(t).max(initial=0))
    for axis in range(t.ndim):
        (n, *_), here = t.shape[axis:], wrong[:, axis]
        if n > 2 and here.min() == here.max():
            name = {0: "first ", n - 1: "last "}.get(int(here[0]), "")
            place = (("row", "column")[axis] if t.ndim == 2 else "number") if t.ndim < 3 else f"part along axis {axis}"
            return (
                f" All but one {place} is right, the {name}one, {here[0]}."
                if name
                else f" All but {place} {here[0]} is right."
            )
    return ""


def _numeric(a):
    return a.dtype.kind in "biufc"


def _words(a):
    return [str(each).strip().lower() for each in a.flat]


def _first_words(raw, answers):
    return next(repr(each) for each, a in zip(raw, answers, strict=True) if not _numeric(a))


def _factor(a, t):
    """Of the largest number of the right answer."""
    place = np.unravel_index(np.abs(t).argmax(), t.shape) if t.size else None
    return a[place] / t[place] if place is not None and t[place] else 0.0
