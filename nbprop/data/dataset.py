"""A data set, and the one gate through which all data comes: checked, noise added, split."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from nbprop.data import checks, targets


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Training and validation points. Made by `from_arrays`, which checks them.

    name: what it is called.
    task: "binary" (two classes, one output), "multiclass" (one output for each class) or "regression".
    X_train, X_val: float32 (n, d), one row per sample. X_val is (0, d) where nothing was kept for validation.
    y_train, y_val: int64 (n,), class numbers 0..C-1; for regression float32 (n, k).
    classes: the names of the C classes, () for regression.
    features: the names of the d inputs.
    """

    name: str
    task: str
    X_train: np.ndarray
    y_train: np.ndarray
    X_val: np.ndarray
    y_val: np.ndarray
    classes: tuple[str, ...]
    features: tuple[str, ...]

    @property
    def inputs(self):
        """Number of inputs d."""
        return self.X_train.shape[1]

    @property
    def outputs(self):
        """Number of outputs a model needs: 1 (binary), C (multiclass) or k (regression)."""
        return {"binary": 1, "multiclass": len(self.classes)}.get(self.task) or self.y_train.shape[1]

    def __repr__(self):
        what = f"{len(self.classes)} classes" if self.classes else f"{self.outputs} target{'s' * (self.outputs > 1)}"
        return (
            f"Dataset({self.name!r}, {self.task}, {self.inputs} input{'s' * (self.inputs > 1)}, {what}, "
            f"{len(self.X_train)} train, {len(self.X_val)} validation)"
        )


def from_arrays(
    X,
    y,
    X_val=None,
    y_val=None,
    validation=0.25,
    task=None,
    noise=0.0,
    seed=0,
    name="data",
    classes=None,
    features=None,
):
    """A Dataset of your own arrays, which are copied, checked and split.

    X: (n, d) real numbers; a data frame's column names become `features`.
    y: (n,) labels of any kind (numbers, texts, ...), which become class numbers 0..C-1 in sorted order; or, for
        regression, real numbers (n,) or (n, k).
    X_val, y_val: a validation set of your own. Without it the share `validation` (0 <= validation < 1) is taken from
        X and y at random, the same share of every class, at least one sample of each.
    task: "binary", "multiclass" or "regression". Default: floats are regression, everything else is classes.
    noise: standard deviation of the Gaussian noise, on training and validation points alike: for classes it is added
        to X, as a share of each feature's own standard deviation; for regression to y, as a share of each target's.
    seed: the same seed gives the same numbers. Noise and split draw from generators of their own: with other noise
        the split stays, with another split each point keeps its noise.
    classes: the class names, in the order of the sorted labels; or the labels themselves, in the order wished for.
    features: the names of the inputs (default x1, x2, ...).

    Raises ValueError or TypeError that says what was expected, what came and what to try.
    """
    if features is None:
        features = getattr(X, "columns", None)
    noise = checks.share(noise, "noise")
    validation = checks.share(validation, "validation", below=1)
    seed = checks.integer(seed, "seed", least=0)
    X = checks.inputs(X)
    n, d = X.shape
    features = checks.names_of([f"x{i + 1}" for i in range(d)] if features is None else features, "features", d)

    y = targets.rows(y, "y", n)
    task = targets.task_of(y, task)
    if task == "regression":
        classes, encode = (), targets.values
    else:
        task, labels, classes = targets.classes_of(y, task, classes)
        encode = partial(targets.class_numbers, labels=labels)
    y = encode(y, "y")

    if (X_val is None) != (y_val is None):
        here, there = ("y_val", "X_val") if X_val is None else ("X_val", "y_val")
        raise ValueError(f"expected X_val and y_val together, got {here} without {there}; try to pass both or neither")
    given = X_val is not None
    if given:
        X_val = checks.inputs(X_val, "X_val")
        if X_val.shape[1] != d:
            raise ValueError(f"X_val: expected {d} features as in X, got {X_val.shape[1]}")
        y_val = encode(targets.rows(y_val, "y_val", len(X_val)), "y_val")
        if y_val.shape[1:] != y.shape[1:]:
            raise ValueError(f"y_val: expected {y.shape[1]} targets as in y, got {y_val.shape[1]}")
        X, y = np.concatenate([X, X_val]), np.concatenate([y, y_val])
        is_val = np.arange(len(X)) >= n
    else:
        is_val = split(y, validation, seed, classes)

    X, y = _add_noise(X, y, noise, seed)
    X, y = X.astype(np.float32), y.astype(np.float32 if task == "regression" else np.int64)
    return Dataset(name, task, X[~is_val], y[~is_val], X[is_val], y[is_val], classes, features)


def split(y, validation, seed, classes=()):
    """Which samples are kept for validation: bool (n,).

    y: class numbers (n,) with the class names `classes`, which are split in equal shares; or, without `classes`,
        anything of n rows, split at random.
    """
    groups = [np.flatnonzero(y == c) for c in range(len(classes))] if classes else [np.arange(len(y))]
    is_val = np.zeros(len(y), bool)
    if validation == 0:
        return is_val
    rng = np.random.default_rng([seed, 2])
    for i, group in enumerate(groups):
        if len(group) < 2:
            what = f"of class {classes[i]!r} " if classes else ""
            many = " (if y holds numbers to predict, not classes: task='regression')" if len(classes) > 2 else ""
            raise ValueError(
                f"y: expected at least 2 samples {what}(one to train, one to validate), got {len(group)}; "
                f"try more samples, or validation=0{many}"
            )
        count = min(max(1, round(validation * len(group))), len(group) - 1)
        is_val[rng.choice(group, count, replace=False)] = True
    return is_val


def _add_noise(X, y, noise, seed):
    """Gaussian noise on y where it is float (regression), else on X, as a share of each column's own spread."""
    if noise == 0:
        return X, y
    clean = y if y.dtype.kind == "f" else X
    noisy = clean + noise * clean.std(axis=0) * np.random.default_rng([seed, 1]).standard_normal(clean.shape)
    noisy = checks.numbers(noisy, "X or y with noise")
    return (X, noisy) if clean is y else (noisy, y)
