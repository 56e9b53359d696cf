"""Data without a sample yet: a plane to draw on."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from nbprop.checks import choice, whole
from nbprop.data import checks
from nbprop.data.by_hand import Drawn
from nbprop.data.dataset import Dataset


def points(
    classes: "int | Iterable[str]" = ("A", "B"),
    features: "int | Iterable[str]" = ("x1", "x2"),
    task: "str | None" = None,
    name: str = "points",
) -> Dataset:
    """Data without a sample: what a hand draws in the Boundary view, or `with_points` adds, is what is learned.

    classes: their names, at least two, or how many there are.
    features: the names of the inputs, or how many there are: two are a plane, one is a line.
    task: "regression" for points with a value instead of a class (one target); by default what the classes say.
    name: what the data are called.

    A Trainer of them makes no step until there are points of two classes, or two points with a value, and says so.
    """
    task = task if task is None else choice("binary", "multiclass", "regression")("task", task)
    classes, features = _names(classes, "classes", 2, "ABCDEFGH"), _names(features, "features", 1)
    if task == "regression":
        classes = ()
    elif (task or "binary") == "binary" and len(classes) > 2:
        if task:
            raise ValueError(f"task: expected 'multiclass' for {len(classes)} classes, got 'binary'")
        task = "multiclass"
    X = np.zeros((0, len(features)), np.float32)
    y = np.zeros((0, 1), np.float32) if task == "regression" else np.zeros(0, np.int64)
    first = Dataset(str(name), task or "binary", X, y, X, y, classes, features)
    none = np.zeros(0, np.int64)
    return replace(first, drawn=Drawn(first, none, none, 0))


def _names(given, what, least, letters=""):
    if isinstance(given, int) and not isinstance(given, bool):
        stem = "x" if what == "features" else "class "
        count = whole(least, 1000)(what, given)
        return tuple(letters[:count]) if count <= len(letters) else tuple(f"{stem}{i + 1}" for i in range(count))
    names = tuple(given) if np.iterable(given) and not isinstance(given, str) else given
    names = checks.names_of(names, what, len(names) if isinstance(names, tuple) else least)
    if len(names) < least:
        raise ValueError(f"{what}: expected at least {least} names, got {', '.join(names)}")
    return names
