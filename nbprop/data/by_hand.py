"""Samples that a hand adds, takes away and changes: which is which in the data before and after, and what was done."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nbprop.checks import choice, did_you_mean, whole
from nbprop.data import checks

PARTS = ("train", "val")
FEWEST = 2  # points of a regression that say something of a line


@dataclass(frozen=True, eq=False)
class Drawn:
    """first: the data before a hand has changed them. train, val: int64, the number of each sample: its place among the
    training samples of `first` and then the validation samples, or for one that a hand has added one from `unused` on.
    """

    first: Any
    train: np.ndarray
    val: np.ndarray
    unused: int


def origin(data: Any) -> Any:
    """The data that a hand has made these of; themselves, where none has."""
    drawn = getattr(data, "drawn", None)
    return data if drawn is None else drawn.first


def numbers(data: Any, which: str) -> np.ndarray:
    """The number of each sample of a part: it is the same sample in whatever a hand makes of the data."""
    if getattr(data, "drawn", None) is not None:
        return getattr(data.drawn, which)
    count = len(data.X_train)
    return np.arange(count) if which == "train" else np.arange(count, count + len(data.X_val))


def added(data: Any, X: Any, y: Any, which: str) -> Any:
    """See Dataset.with_points."""
    X, y = _inputs(data, X), _targets(data, y)
    if len(X) != len(y):
        raise ValueError(f"y: expected a target for each of {len(X)} samples, got {len(y)}")
    unused = _unused(data)
    new = np.arange(unused, unused + len(X))
    old = _part(data, which)
    return _made(data, which, *(np.concatenate(pair) for pair in zip(old, (X, y, new), strict=True)))


def taken_out(data: Any, places: Any, which: str) -> Any:
    """See Dataset.without."""
    old = _part(data, which)
    kept = np.ones(len(old[0]), bool)
    kept[_places(places, len(kept), which)] = False
    return _made(data, which, *(each[kept] for each in old))


def changed(data: Any, places: Any, X: Any, y: Any, which: str) -> Any:
    """See Dataset.changed."""
    inputs, targets, own = (each.copy() for each in _part(data, which))
    places = _places(places, len(inputs), which)
    for name, held, given in (("X", inputs, X), ("y", targets, y)):
        if given is None:
            continue
        given = _inputs(data, given) if name == "X" else _targets(data, given)
        if len(given) != len(places):
            raise ValueError(f"{name}: expected one for each of {len(places)} places, got {len(given)}")
        held[places] = given
    return _made(data, which, inputs, targets, own)


def _part(data, which):
    choice(*PARTS)("which", which)
    return getattr(data, f"X_{which}"), getattr(data, f"y_{which}"), numbers(data, which)


def _unused(data):
    return len(data.X_train) + len(data.X_val) if data.drawn is None else data.drawn.unused


def _made(data, which, X, y, own):
    for array in (X, y, own):
        array.setflags(write=False)
    other = PARTS[which == "train"]
    drawn = {which: own, other: numbers(data, other)}
    name = data.name if data.drawn is not None else f"{data.name} by hand"
    drawn = Drawn(origin(data), drawn["train"], drawn["val"], max(_unused(data), own.max(initial=-1) + 1))
    return replace(data, name=name, settings=None, drawn=drawn, **{f"X_{which}": X, f"y_{which}": y})


def _inputs(data, X):
    """(n, ...) as in X_train."""
    X = checks.tokens(X, "X", data.inputs) if data.vocabulary else checks.inputs(X, "X", data.features)
    if X.shape[1:] != data.input_shape:
        one = "; try X[None] if it is one sample" if X.shape == data.input_shape else ""
        raise ValueError(f"X: expected samples of shape {data.input_shape} as in {data.name!r}, got {X.shape[1:]}{one}")
    return X.astype(data.X_train.dtype)


def _targets(data, y):
    """(n, ...) as in y_train: of classes numbers from 0 or names, of which one that is both is a name."""
    y, shape = np.asarray(y, object), data.y_train.shape[1:]
    if y.ndim == 1 and shape == (1,):
        y = y[:, None]
    if y.shape[1:] != shape or not y.ndim:
        raise ValueError(f"y: expected targets of shape {('n', *shape)} as in {data.name!r}, got {y.shape}")
    if data.task in ("binary", "multiclass"):
        classes = {name: k for k, name in enumerate(data.classes)} | {k: k for k in range(len(data.classes))}
        return np.array([_class(data, each, classes) for each in y.flat], np.int64).reshape(y.shape)
    y = checks.numbers(y.tolist(), "y") if y.size else y
    if data.task == "multilabel" and not np.isin(y, (0, 1)).all():
        raise ValueError("y: expected 0 or 1 for each label")
    return y.astype(data.y_train.dtype)


def _class(data, given, classes):
    known = given.item() if isinstance(given, np.generic) else given
    if not isinstance(known, (str, int, float)) or isinstance(known, bool) or known not in classes:
        words = did_you_mean(known, data.classes) if isinstance(known, str) else ""
        raise ValueError(
            f"y: expected classes of {data.name!r} ({', '.join(data.classes)}) or their numbers, 0 to "
            f"{len(data.classes) - 1}, got {given!r}{words}"
        )
    return classes[known]


def _places(places, count, which):
    """int64, each once."""
    given = np.atleast_1d(np.asarray(places))
    if given.dtype == bool and given.shape == (count,):
        return np.flatnonzero(given)
    if given.size == 0:
        return np.zeros(0, np.int64)
    found = [whole(0, count - 1)("places", each) for each in given.tolist()] if count else []
    if not count or given.ndim != 1 or len(set(found)) < len(found):
        what = "each of them once" if count else "none, for there are no samples"
        raise ValueError(f"places: expected numbers of {which} samples, {what}; got {places!r}")
    return np.array(found, np.int64)


# ---- in words --------------------------------------------------------------------------------------------------------


def lacks(data: Any) -> str:
    """Why nothing can be learned from points drawn by hand yet: what is missing; "" where nothing is."""
    if data.drawn is None:
        return ""
    if data.task == "regression":
        n = len(data.y_train)
        return f"draw at least {FEWEST} points to learn from: there {_is(n)} yet" if n < FEWEST else ""
    if data.y_train.ndim > 1:
        return "" if len(data.y_train) else "there are no samples to learn from"
    there = np.bincount(data.y_train, minlength=len(data.classes))
    if np.count_nonzero(there) > 1:
        return ""
    known = f"all {there.max()} are {data.classes[int(there.argmax())]}" if there.any() else "there are none yet"
    return f"draw points of at least two classes to learn from: {known}"


def _is(n):
    return "are none" if not n else "is one"


def said(old: Any, new: Any) -> str:
    """What a hand has done between two data sets: "3 points added, 1 moved"; "" where one is not made of the other."""
    if not (hasattr(old, "drawn") and hasattr(new, "drawn")) or new.drawn is None or origin(old) is not origin(new):
        return ""
    parts = [word for which in PARTS for word in _said_of(old, new, which)]
    return ", ".join(parts) or "points back where they were"


def _said_of(old, new, which) -> Iterable[str]:
    """Of one part."""
    (X, y, was), (X_now, y_now, now) = (_part(each, which) for each in (old, new))
    _, a, b = np.intersect1d(was, now, return_indices=True)
    kind = "validation point" if which == "val" else "point"
    if n := len(now) - len(b):
        yield f"{_many(n, kind)} added"
    if n := len(was) - len(a):
        yield f"{_many(n, kind)} erased"
    moved, other = _differ(X[a], X_now[b]), _differ(y[a], y_now[b])
    if new.task == "regression":
        moved, other = moved | other, np.zeros_like(other)
    if n := np.count_nonzero(moved):
        yield f"{_many(n, kind)} moved"
    if n := np.count_nonzero(other):
        classes = np.unique(y_now[b][other])
        what = f"now {new.classes[classes[0]]}" if len(classes) == 1 else "of another class"
        yield f"{_many(n, kind)} {what}"


def _differ(a, b):
    """Which rows: bool (n,)."""
    return (a != b).any(axis=tuple(range(1, a.ndim)))


def _many(n, what):
    return f"{n:,} {what}" + ("s" if n != 1 else "")
