"""The column of a table that is to be predicted: classes, labels or numbers, and in which words that is said."""

from typing import Any, NamedTuple

import numpy as np

from nbprop.checks import did_you_mean
from nbprop.data.table import Table
from nbprop.data.values import Values, shown, values_of

MANY = 100  # different whole numbers that might be classes all the same
CLASSES = 20  # of more different whole numbers it is the numbers that are meant
RARE = 0.2  # of the share that a class would have if all were alike: then accuracy says little


class Answer(NamedTuple):
    """y (n,) or (n, k), as `from_arrays` takes it; the task; `words` on why it is that."""

    y: np.ndarray
    task: str
    words: str


def names_of(target: Any, table: Table) -> tuple[str, ...]:
    """The names of the target columns, from a name, a place (-1 is the last) or a list of these; or an error."""
    known = [*table.columns]
    listed = ", ".join(map(repr, known[:12])) + (f" and {len(known) - 12} more" if len(known) > 12 else "")
    if target is None:
        raise TypeError(
            f"target: expected the name of the column to predict, one of {listed}; got none; try "
            f"nb.data.read(..., target={known[-1]!r})"
        )
    several = isinstance(target, (list, tuple))
    found = []
    for one in target if several else [target]:
        if str(one) in known:
            found.append(str(one))
        elif isinstance(one, (int, np.integer)) and not isinstance(one, bool) and -len(known) <= one < len(known):
            found.append(known[one])
        else:
            raise ValueError(f"target: expected one of the columns {listed}; got {one!r}{did_you_mean(one, known)}")
    if not found or len(set(found)) < len(found):
        raise ValueError(f"target: expected one or more different columns, got {target!r}")
    if len(found) == len(known):
        raise ValueError(f"the table has no column but {listed}: nothing is left to predict from")
    return tuple(found)


def values(names: tuple[str, ...], table: Table) -> list[Values]:
    """What the target columns hold; ValueError that names the column."""
    made = []
    for name in names:
        try:
            made.append(values_of(table.columns[name], name in table.categorical, table.place))
        except ValueError as error:
            raise ValueError(f"target {name!r}: {error}") from None
    return made


def understood(names: tuple[str, ...], found: list[Values], task: Any) -> Answer:
    """The targets, of which none is missing, as asked for (`task`) or as they look."""
    for name, each in zip(names, found, strict=True):
        if each.kind == "date":
            raise ValueError(f"target {name!r}: expected classes or numbers, got dates; try days since the first one")
        if len({*each.values.tolist()}) < 2:
            raise ValueError(
                f"target {name!r}: expected values that differ, got {shown(each.values[0])} in all {len(each.values)} "
                "rows"
            )
    if len(found) > 1:
        return _several(names, found, task)
    (only,) = found
    if only.kind == "text":
        return _classes(names[0], only, task, "")
    return _numbers(names[0], only, task)


def _several(names, found, task):
    if odd := [name for name, each in zip(names, found, strict=True) if each.kind != "number"]:
        raise ValueError(f"target {odd[0]!r}: expected numbers, as of all of several targets, got texts")
    y = np.stack([each.values for each in found], axis=1)
    labels = bool(np.all((y == 0) | (y == 1)))
    task = ("multilabel" if labels else "regression") if task is None else task
    if task not in ("multilabel", "regression"):
        raise ValueError(f"task: expected 'multilabel' or 'regression' for {len(names)} targets, got {task!r}")
    return Answer(y, task, "")


def _numbers(name, only, task):
    y = only.values
    different, counts = np.unique(y, return_counts=True)
    whole = bool(np.all(different == np.round(different)))
    few = whole and len(different) <= CLASSES and counts.min() > 1
    if task is None:
        words = f"for it holds {len(different)} different whole numbers"
        if few:
            why = f"{words} only: if they are amounts, task='regression'" if len(different) > 2 else ""
            return _classes(name, only, task, why)
        doubtful = whole and len(different) <= MANY
        return Answer(y, "regression", f"{words}: if they are classes, task='multiclass'" if doubtful else "")
    return Answer(y, task, "") if task == "regression" else _classes(name, only, task, "")


def _classes(name, only, task, why):
    if task == "regression":
        raise ValueError(f"target {name!r}: expected numbers for task='regression', got {shown(only.values[0])}")
    if only.kind == "text":
        y = only.values
    else:
        whole = np.all(only.values == np.round(only.values)) and np.abs(only.values).max() < 2**53
        kind = bool if only.note.startswith("true") else np.int64 if whole else np.float64
        y = only.values.astype(kind)
    count = len({*y.tolist()})
    if count > max(CLASSES, len(y) // 2):
        what, wanted = ("texts", "classes or numbers") if only.kind == "text" else ("numbers", "classes")
        raise ValueError(
            f"target {name!r}: expected {wanted}, got {count} different {what} in {len(y)} rows, such as {shown(y[0])}"
        )
    if count > 2 and task == "binary":
        raise ValueError(f"target {name!r}: expected two classes for task='binary', got {count}; try task='multiclass'")
    return Answer(y, ("binary" if count == 2 else "multiclass") if task is None else task, why)


def shares(y: np.ndarray, classes: tuple[str, ...], numbers: np.ndarray) -> str:
    """How often there is each class. numbers: class numbers (n,)."""
    counts = np.bincount(numbers, minlength=len(classes)) / len(y)
    order = np.argsort(-counts, kind="stable")
    shown = ", ".join(f"{classes[k]!r} {counts[k]:.1%}".replace(".0%", "%") for k in order[:6])
    more = f" and {len(classes) - 6} more" if len(classes) > 6 else ""
    words = f"{shown}{more}"
    rarest, first = counts[counts > 0].min(), classes[int(order[0])]
    if rarest * len(classes) < RARE:
        words += (
            f". They are far from equally frequent: who always says {first!r} is right in {counts[order[0]]:.1%}, so "
            "look at the classes one by one, and not at the accuracy (pos_weight= or weight= of the loss weighs them)"
        )
    return words
