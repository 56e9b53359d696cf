"""What is to be learned: which task y stands for, and y as class numbers or as values."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nbprop.checks import did_you_mean
from nbprop.data import checks, tables

TASKS = ("binary", "multiclass", "multilabel", "regression")
MANY, EACH = 30, 20  # more different whole numbers than MANY, of less than EACH samples each, are hardly classes


def rows(y: Any, name: str, n: int, names: tuple[str, ...] = ()) -> np.ndarray:
    """y as an array of n rows: (n,), (n, k > 1) or more axes. names: of a table's columns, in the order to take."""
    if names and tables.keys(y) is not None:
        columns = tables.in_order(y, names, name)
        plain = all(column.dtype.kind in "biuf" for column in columns)  # else NumPy would turn numbers into texts
        y = np.stack(columns if plain or len(columns) == 1 else [c.astype(object) for c in columns], axis=1)
    given, y = y, checks.array(y, name)
    if y.dtype.kind == "U" and not hasattr(given, "dtype"):
        y = np.array(given, object)  # Else NumPy turns the None and nan among the texts of a list into texts.
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim < 1 or 0 in y.shape[1:]:
        raise ValueError(f"{name}: expected shape (samples,) or (samples, targets), got {y.shape}")
    if len(y) != n:
        X = name.replace("y", "X")
        raise ValueError(f"{name}: expected one row for each of the {n} rows of {X}, got {len(y)}")
    return y


def task_of(y: np.ndarray, task: Any, steps: int | None = None) -> str:
    """ "regression", "multilabel", "binary", "multiclass", or "classes" where their number decides: as asked for, or as
    y looks."""
    if y.dtype.kind in "Mm":
        raise TypeError(f"y: expected labels or numbers, got dates or times ({y.dtype}); try {checks.TIMES}")
    if task is None:
        is_float = y.dtype.kind == "f" or (y.dtype.kind == "O" and all(isinstance(v, float) for v in y.flat))
        return "regression" if is_float else "classes"
    if task not in TASKS:
        raise ValueError(f"task: expected one of {', '.join(TASKS)}; got {task!r}{did_you_mean(task, TASKS)}")
    return task


def doubts(y: np.ndarray, task: str, classes: Any) -> Iterator[str]:
    """What may not have been meant, where the task was guessed. task: what task_of says."""
    if task == "classes":
        many = len(np.unique(y)) if y.dtype.kind in "iu" and classes is None else 0
        if many > MANY and y.size < EACH * many:
            yield (
                f"y holds {many} different whole numbers: taken as classes. If they are numbers to predict, try "
                "task='regression'; if not, task='multiclass' says so."
            )
        return
    different = np.unique(y.astype(np.float64))
    if y.ndim == 1 and len(different) <= min(20, len(y) // 2) and np.all(different == np.round(different)):
        yield (
            f"y holds only {len(different)} different numbers, but as floats: taken as regression. "
            "If they are classes, try y.astype(int); if not, task='regression' says so."
        )
    if y.ndim > 1 and _zeros_and_ones(y):
        kind, hint = "one 1 in each row", "classes, try y.argmax(axis=-1)"
        if not one_hot(y):
            kind, hint = "only 0 and 1", "labels of which a sample may have several, try task='multilabel'"
        yield (
            f"y holds {kind}, but as floats: taken as regression. If they are {hint}; "
            "if not, task='regression' says so."
        )


def values(y: np.ndarray, name: str) -> np.ndarray:
    """Regression targets: numbers (n, k), or (n, ..., k) as they come."""
    y = checks.numbers(y, name)
    return y[:, None] if y.ndim == 1 else y


def labels_of(y: np.ndarray, name: str) -> np.ndarray:
    """Targets of several labels for each sample, (n, C) or (n, ..., C) of 0 and 1."""
    y = checks.numbers(y, name)
    if y.ndim == 1 or not _zeros_and_ones(y):
        came = f"shape {y.shape}" if y.ndim == 1 else f"{y[(y != 0) & (y != 1)][0]:g}"
        raise ValueError(
            f"{name}: expected 0 or 1 for each sample and label, (samples, labels), got {came}; "
            "try task='multiclass' where each sample has one label"
        )
    return y


def one_hot(y: np.ndarray, steps: int | None = None) -> bool:
    """Are these rows of one 1 and else 0? steps: where y may hold one label for each of so many time steps."""
    labels_of_steps = y.dtype.kind != "f" and y.shape[1:] == (steps,)
    place = y.ndim == 2 or y.shape[1:-1] == (steps,)
    fits = place and y.shape[-1] > 1 and not labels_of_steps
    return fits and _zeros_and_ones(y) and bool(np.all(y.sum(axis=-1) == 1))


def _zeros_and_ones(y):
    return y.dtype.kind == "b" or (y.dtype.kind in "iuf" and bool(np.all((y == 0) | (y == 1))))


def classes_of(y: np.ndarray, task: str, classes: Any, steps: int | None = None) -> tuple[str, list[Any], Any]:
    """The task, the different labels in the order of their class numbers, and the names of the classes.

    steps: number of time steps where there may be a label for each.
    """
    labels = set(_labels(y, "y", steps))
    try:
        labels = sorted(labels)
    except TypeError:  # Labels of different types have no order of their own.
        labels = sorted(labels, key=lambda label: (type(label).__name__, str(label)))
    if classes is not None and not isinstance(classes, str):
        labels = _with_absent(labels, tuple(classes))
    count = len(labels)
    if count < 2:
        raise ValueError(
            f"y: expected at least two classes, got one class only, {labels[0]!r}; try data that has another too"
        )
    if task == "binary" and count != 2:
        raise ValueError(f"y: expected two classes for task='binary', got {count}; try task='multiclass'")
    if task == "classes":
        task = "binary" if count == 2 else "multiclass"
    by_name = {_name(label): label for label in labels}
    names = checks.names_of(map(_name, labels) if classes is None else classes, "classes", count)
    if set(names) == set(by_name):
        labels = [by_name[name] for name in names]
    return task, labels, names


def _with_absent(labels, classes):
    """The labels, and where there are more classes than that, those which no sample has: if the classes are the labels
    themselves, or the labels are class numbers."""
    if len(classes) <= len(labels):
        return labels
    by_name = {_name(label): label for label in labels}
    if set(by_name) <= {_name(label) for label in classes}:
        return [by_name.get(_name(label), label) for label in classes]
    numbers = all(type(label) is int and 0 <= label < len(classes) for label in labels)
    return list(range(len(classes))) if numbers else labels


def class_numbers(y: np.ndarray, name: str, labels: list[Any], steps: int | None = None) -> np.ndarray:
    """Class numbers 0..C-1: int64, of y's shape."""
    number = {label: i for i, label in enumerate(labels)}
    found = _labels(y, name, steps)
    if unknown := [label for label in found if label not in number]:
        raise ValueError(
            f"{name}: expected only the labels of y, {', '.join(map(repr, labels))}; got {unknown[0]!r} "
            f"({len(unknown)} of {len(found)} are unknown)"
        )
    return np.array([number[label] for label in found], np.int64).reshape(y.shape)


def _labels(y, name, steps=None):
    """All labels of y as a list, Python's own values where NumPy has them."""
    if y.ndim > 1 and y.shape[1:] != (steps,):
        each = f"one label for each sample, or (samples, {steps}), one for each time step" if steps else None
        tokens = "" if steps else "vocabulary=... where X holds tokens with a label for each, "
        raise ValueError(
            f"{name}: expected {each or 'one label for each sample'}, got shape {y.shape}; try task='multilabel' for "
            f"several labels of a sample, {tokens}or task='regression' for numbers to predict"
        )
    width, found = y.size // len(y), y.ravel().tolist()
    for i, label in enumerate(found):
        if checks.is_missing(label):
            where = f"row {i // width}"
            raise ValueError(f"{name}: expected a label for each sample, got {label!r} at {where}; try to leave it out")
        try:
            hash(label)
        except TypeError:
            raise TypeError(
                f"{name}: expected labels such as numbers or texts, got {label!r} at row {i // width}"
            ) from None
    return found


def _name(label):
    """The class name of a label: 1.0 is "1"."""
    return f"{label:g}" if isinstance(label, float) else str(label)


Encode = Callable[[np.ndarray, str], np.ndarray]


def understood(
    y: np.ndarray, task: Any, classes: Any, steps: int | None, names: tuple[str, ...]
) -> tuple[str, tuple[str, ...], Encode, list[str], list[str]]:
    """What y stands for: the task, the names of the classes, what turns a y into targets, notes and warnings.

    names: of y's columns, () where they have none.
    """
    guess = task_of(y, task)
    warnings = list(doubts(y, guess, classes)) if task is None else []
    if guess == "regression":
        return guess, (), values, [], warnings
    count = y.shape[-1]
    if guess == "multilabel":
        labels_of(y, "y")
        return guess, _named(count, classes, names), labels_of, [], warnings
    if not one_hot(y, steps):
        guess, labels, found = classes_of(y, guess, classes, steps)
        return guess, found, lambda y, name: class_numbers(y, name, labels, steps), [], warnings

    def numbers_of_places(y, name):
        if y.shape[-1:] != (count,) or not one_hot(y, steps):
            raise ValueError(f"{name}: expected rows of one 1 and else 0, {count} of them as in y, got {y.shape}")
        return y.argmax(axis=-1).astype(np.int64)

    if guess == "binary" and count != 2:
        raise ValueError(f"y: expected two classes for task='binary', got {count}; try task='multiclass'")
    if guess == "classes":
        guess = "binary" if count == 2 else "multiclass"
    return guess, _named(count, classes, names), numbers_of_places, ["y: one-hot rows"], warnings


def _named(count, classes, names):
    """The names of the classes of y's columns: as wished for, as the columns are called, or 0, 1, ..."""
    given = classes if classes is not None else names or range(count)
    return checks.names_of(given, "classes", count)
