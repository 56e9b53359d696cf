"""A data set, and the one gate through which all data comes: checked, noise added, split."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from nbprop.data import checks, targets


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Training and validation samples. Made by `from_arrays`, which checks them.

    name: what it is called.
    task: "binary" (two classes, one output), "multiclass" (one output for each class) or "regression".
    X_train, X_val: one sample after the other. float32 (n, d): d numbers in no order; (n, T, features): a sequence;
        (n, channels, rows, columns): a picture. int64 (n, T): tokens, numbers 0..V-1 of things in a vocabulary.
        X_val has no samples where nothing was kept for validation.
    y_train, y_val: class numbers 0..C-1, int64 (n,), or (n, T) where every time step has its own; for regression
        float32 (n, k), or (n, ..., k).
    classes: the names of the C classes, () for regression.
    features: the names of the d inputs, of a sequence's features, a picture's channels, or the tokens.
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
        """For how many inputs a model's first layer is to be made: d numbers, features of a sequence (Linear, RNN),
        channels of a picture (Conv2d), or tokens of the vocabulary (Embedding)."""
        return len(self.features)

    @property
    def outputs(self):
        """Number of outputs a model needs, at every time step that has a target: 1 (binary), C (multiclass) or k
        (regression)."""
        return {"binary": 1, "multiclass": len(self.classes)}.get(self.task) or self.y_train.shape[-1]

    @property
    def input_shape(self):
        """Shape of one sample of X: (d,), (T, features), (channels, rows, columns) or, tokens, (T,)."""
        return self.X_train.shape[1:]

    @property
    def output_shape(self):
        """Shape of what a model must give for one sample: (outputs,), or (T, outputs) with a target per time step."""
        return self.y_train.shape[1:] if self.task == "regression" else (*self.y_train.shape[1:], self.outputs)

    @property
    def vocabulary(self):
        """The names of the tokens, () where the inputs are measurements."""
        return self.features if self.X_train.dtype.kind == "i" else ()

    def __repr__(self):
        takes = f"{self.inputs} input{'s' * (self.inputs > 1)}"
        if self.vocabulary:
            takes = f"inputs {self.input_shape} of {self.inputs} tokens"
        elif len(self.input_shape) > 1:
            takes = f"inputs {self.input_shape}"
        what = f"{len(self.classes)} classes" if self.classes else f"{self.outputs} target{'s' * (self.outputs > 1)}"
        if len(self.output_shape) > 1:
            what += f" at each of {self.output_shape[:-1]} places"
        return (
            f"Dataset({self.name!r}, {self.task}, {takes}, {what}, "
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
    vocabulary=None,
):
    """A Dataset of your own arrays, which are copied, checked and split.

    X: (n, ...) real numbers: (n, d), whose columns' names become `features` if it is a data frame; sequences
        (n, T, features), also of one feature; pictures (n, channels, rows, columns), also of one channel. Or, with a
        vocabulary, tokens: (n, T) whole numbers.
    y: (n,) labels of any kind (numbers, texts, ...), which become class numbers 0..C-1 in sorted order; or, for
        regression, real numbers (n,) or (n, k). For sequences also a label for every time step, (n, T), or k numbers,
        (n, T, k).
    X_val, y_val: a validation set of your own. Without it the share `validation` (0 <= validation < 1) is taken from
        X and y at random, of labels (n,) the same share of every class, at least one sample of each.
    task: "binary", "multiclass" or "regression". Default: floats are regression, everything else is classes.
    noise: standard deviation of the Gaussian noise, on training and validation points alike: for classes it is added
        to X, as a share of each feature's own standard deviation; for regression to y, as a share of each target's.
    seed: the same seed gives the same numbers. Noise and split draw from generators of their own: with other noise
        the split stays, with another split each point keeps its noise.
    classes: the class names, in the order of the sorted labels; or the labels themselves, in the order wished for.
        There may be more than y has: of the labels themselves, or where the labels are class numbers.
    features: the names of the inputs (default x1, x2, ...), of a sequence's features, of a picture's channels.
    vocabulary: says that X holds tokens, numbers 0..V-1 as nn.Embedding takes them: V, their names, or a text of V
        different characters.

    Raises ValueError or TypeError that says what was expected, what came and what to try.
    """
    if features is None:
        features = getattr(X, "columns", None)
    noise = checks.share(noise, "noise")
    validation = checks.share(validation, "validation", below=1)
    seed = checks.integer(seed, "seed", least=0)
    tokens = () if vocabulary is None else checks.vocabulary(vocabulary)
    take = partial(checks.tokens, count=len(tokens)) if tokens else checks.inputs
    X = take(X, "X")
    n, d = len(X), X.shape[1 if X.ndim == 4 else -1]
    names = [f"x{i + 1}" for i in range(d)] if features is None else features
    features = tokens or checks.names_of(names, "features", d)

    y = targets.rows(y, "y", n)
    task = targets.task_of(y, task)
    if task == "regression":
        classes, encode = (), targets.values
    else:
        steps = X.shape[1] if X.ndim == 3 or tokens else None
        task, labels, classes = targets.classes_of(y, task, classes, steps)
        encode = partial(targets.class_numbers, labels=labels, steps=steps)
    y = encode(y, "y")

    if (X_val is None) != (y_val is None):
        here, there = ("y_val", "X_val") if X_val is None else ("X_val", "y_val")
        raise ValueError(f"expected X_val and y_val together, got {here} without {there}; try to pass both or neither")
    given = X_val is not None
    if given:
        X_val = take(X_val, "X_val")
        _check_same(X_val, "X_val", X, "X", "feature")
        y_val = encode(targets.rows(y_val, "y_val", len(X_val)), "y_val")
        _check_same(y_val, "y_val", y, "y", "target")
        X, y = np.concatenate([X, X_val]), np.concatenate([y, y_val])
        is_val = np.arange(len(X)) >= n
    else:
        is_val = split(y, validation, seed, classes)

    if noise and tokens and task != "regression":
        raise ValueError("noise: expected 0, for nothing can be added to tokens; try to change some tokens yourself")
    X, y = _add_noise(X, y, noise, seed)
    X, y = (array.astype(np.float32, copy=False) if array.dtype.kind == "f" else array for array in (X, y))
    return Dataset(name, task, X[~is_val], y[~is_val], X[is_val], y[is_val], classes, features)


def _check_same(part, name, whole, of, what):
    """Samples of one shape, or an error."""
    if part.shape[1:] == whole.shape[1:]:
        return
    if part.ndim == whole.ndim == 2:
        raise ValueError(f"{name}: expected {whole.shape[1]} {what}s as in {of}, got {part.shape[1]}")
    raise ValueError(f"{name}: expected samples of shape {whole.shape[1:]} as in {of}, got {part.shape[1:]}")


def split(y, validation, seed, classes=()):
    """Which samples are kept for validation: bool (n,).

    y: class numbers (n,) with the class names `classes`, which are split in equal shares; or, without `classes`,
        anything of n rows, split at random, as are class numbers of several time steps.
    """
    if y.ndim > 1:
        classes = ()
    groups = [np.flatnonzero(y == c) for c in range(len(classes))] if classes else [np.arange(len(y))]
    is_val = np.zeros(len(y), bool)
    if validation == 0:
        return is_val
    rng = np.random.default_rng([seed, 2])
    for i, group in enumerate(groups):
        if classes and not len(group):
            continue  # a class that no sample has
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
