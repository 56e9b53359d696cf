"""What is to be learned: which task y stands for, and y as class numbers or as values."""

import warnings

import numpy as np

from nbprop.checks import did_you_mean
from nbprop.data import checks

TASKS = ("binary", "multiclass", "regression")


def rows(y, name, n):
    """y as an array of n rows: (n,), (n, k > 1) or more axes."""
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


def task_of(y, task):
    """ "regression", "binary", "multiclass", or "classes" where their number decides: as asked for, or as y looks."""
    if task is not None:
        if task not in TASKS:
            hint = did_you_mean(task, TASKS)
            raise ValueError(f"task: expected one of {', '.join(TASKS)}; got {task!r}{hint}")
        return task
    is_float = y.dtype.kind == "f" or (y.dtype.kind == "O" and all(isinstance(v, float) for v in y.flat))
    if not is_float:
        return "classes"
    different = np.unique(y.astype(np.float64))
    if y.ndim == 1 and len(different) <= min(20, len(y) // 2) and np.all(different == np.round(different)):
        warnings.warn(
            f"y holds only {len(different)} different numbers, but as floats: taken as regression. "
            "If they are classes, try y.astype(int); if not, task='regression' says so.",
            stacklevel=3,
        )
    return "regression"


def values(y, name):
    """Regression targets: float64 (n, k), or (n, ..., k) as they come."""
    y = checks.numbers(y, name)
    return y[:, None] if y.ndim == 1 else y


def classes_of(y, task, classes, steps=None):
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


def class_numbers(y, name, labels, steps=None):
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
        raise ValueError(
            f"{name}: expected {each or 'one label for each sample'}, got shape {y.shape}; "
            f"try {name}.argmax(axis=-1) for one-hot rows, or task='regression' for numbers to predict"
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
