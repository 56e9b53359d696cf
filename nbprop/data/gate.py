"""The one gate through which all data comes: understood, checked, split, scaled, noise added."""

from collections.abc import Iterable
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from nbprop.checks import flag, number, whole
from nbprop.data import checks, doubts, scaling, tables, targets
from nbprop.data.dataset import Dataset
from nbprop.data.splitting import held_back, split


def from_arrays(
    X: Any,
    y: Any,
    X_val: Any = None,
    y_val: Any = None,
    validation: float | None = None,
    task: str | None = None,
    noise: float = 0.0,
    seed: int = 0,
    name: str = "data",
    classes: Iterable[Any] | None = None,
    features: Iterable[Any] | None = None,
    vocabulary: int | str | Iterable[Any] | None = None,
    scale: str | float | None = None,
    one_hot: bool = False,
) -> Dataset:
    """A Dataset of your own arrays, which are copied, checked and split.

    X: (n, ...) real numbers, of any type, which become float32 as they are (bytes, too: see `scale`). (n, d), or a data
        frame, whose columns' names become `features`; sequences (n, T, features), also of one feature; pictures
        (n, channels, rows, columns), also of one channel. Or, with a vocabulary, tokens: (n, T) whole numbers.
    y: (n,) labels of any kind (numbers, texts, ...), which become class numbers 0..C-1 in sorted order; or, for
        regression, real numbers (n,) or (n, k); or, for task="multilabel", (n, C) of 0 and 1. For sequences also a
        label for every time step, (n, T), or k numbers, (n, T, k). (n, 1) is the same as (n,). Whole numbers or
        bools in rows of one 1 and else 0 are one-hot: the place of the 1 is the class.
    X_val, y_val: a validation set of your own.
    validation: without such a set, the share (0 <= validation < 1) that is taken from X and y at random, of labels
        (n,) the same share of every class, at least one sample of each. Default: a quarter; nothing where there are
        fewer than 20 samples, for they are all needed to train on.
    task: "binary", "multiclass", "multilabel" or "regression". Default: floats are regression, else classes.
    noise: standard deviation of the Gaussian noise, on training and validation points alike: for classes it is added
        to X, as a share of each feature's own standard deviation; for regression to y, as a share of each target's.
    seed: the same seed gives the same numbers. Noise and split draw from generators of their own: with other noise
        the split stays, with another split each point keeps its noise.
    classes: the class names, in the order of the sorted labels; or the labels themselves, in the order wished for.
        There may be more than y has: of the labels themselves, or where the labels are class numbers.
    features: the names of the inputs (default x1, x2, ...), of a sequence's features, of a picture's channels. Of a
        data frame, which columns to take, in which order (default: all).
    vocabulary: says that X holds tokens, numbers 0..V-1 as nn.Embedding takes them: V, their names, or a text of V
        different characters.
    scale: what is done to X, for a network learns from numbers of about 1. "standard": each feature (of a picture:
        channel) gets mean 0 and standard deviation 1; "minmax": 0 to 1; both by the training samples alone. A number:
        X is divided by it, as by 255 for pictures of bytes. It is kept in the Dataset: `scaled` and `inputs_of` do the
        same to new samples.
    one_hot: make of each column of texts or categories in a data frame an input for each of its values.

    Raises ValueError or TypeError that says what was expected, what came and what to try. What can be used, but looks
    like a mistake, is a DataWarning. What was taken for granted is in the Dataset's repr.
    """
    seed, noise, scale = whole()("seed", seed), number(0)("noise", noise), scaling.check(scale)
    vocabulary = () if vocabulary is None else checks.vocabulary(vocabulary)
    if vocabulary and scale is not None:
        raise ValueError("scale: expected None, for tokens are names, not sizes; try to leave it out")
    X_val, y_val = _both_or_none(X_val, y_val)
    tables.check_same_rows(X, y)
    tables.check_same_rows(X_val, y_val, ("X_val", "y_val"))

    names, columns = _names(features), None
    if tables.keys(X) is not None:
        columns = tables.columns_of(X, "X", flag("one_hot", one_hot), names)
        names = columns.features
    named, names = names is not None, names or ()
    X = _inputs(X, "X", columns, vocabulary, names)
    words = [] if vocabulary else [*doubts.pictures(X, "X", named)]
    d = X.shape[scaling.feature_axis(X.ndim)]
    features = vocabulary or checks.names_of(names if named else [f"x{i + 1}" for i in range(d)], "features", d)

    of_y = tuple(tables.keys(y) or ())
    y = targets.rows(y, "y", len(X), of_y)
    steps = X.shape[1] if X.ndim == 3 or vocabulary else None
    task, classes, encode, notes, more = targets.understood(y, task, classes, steps, of_y)
    words += more
    X, y = [X], [encode(y, "y")]
    share, note = held_back(validation, len(X[0]))
    if X_val is not None:
        X.append(_inputs(X_val, "X_val", columns or tables.Columns(features, {}), vocabulary, features))
        _check_same(X[1], "X_val", X[0], "X", "feature")
        y.append(encode(targets.rows(y_val, "y_val", len(X[1]), of_y), "y_val"))
        _check_same(y[1], "y_val", y[0], "y", "target")
        is_val = np.arange(len(X[0]) + len(X[1])) >= len(X[0])
    else:
        is_val = split(y[0], share, seed, classes if task != "multilabel" else ())
        notes += [note] * bool(note)

    fitted = None
    if scale is not None:
        fitted = scaling.fit(scale, partial(_training, X, is_val), X[0].shape)
        notes.append(f"scale={scale!r}")
    if not vocabulary:
        tokens = [] if named or fitted else [*doubts.tokens(X[0], "X")]
        sizes = doubts.sizes(X[0], "X", features, fitted)
        words += [*doubts.merged(X[0], "X", features, fitted)] or tokens or sizes
        notes += ["X: whole numbers as measurements"] * (not named and doubts.whole_numbers(X[0]))
    if task == "regression":
        words += [*doubts.merged(y[0], "y", ())] or doubts.targets(y[0], "y")
    checks.warn(words)

    change_X, change_y = fitted, None
    if noise and task == "regression":
        change_y = _noise(y, "y", noise, seed)
    elif noise and vocabulary:
        raise ValueError("noise: expected 0, for nothing can be added to tokens; try to change some tokens yourself")
    elif noise:
        change_X = _noise(X, "X", noise, seed, fitted)
    Xs = _whole(X, is_val) if vocabulary else scaling.divide(X, is_val, change_X)
    ys = scaling.divide(y, is_val, change_y) if task in ("regression", "multilabel") else _whole(y, is_val)
    arrays = Xs[0], ys[0], Xs[1], ys[1]
    return Dataset(name, task, *arrays, classes, features, fitted, columns, tuple(notes), noise)


def _names(features):
    """As a tuple of str, None for None."""
    if isinstance(features, str) or (features is not None and not np.iterable(features)):
        raise TypeError(f"features: expected a sequence of names, got {features!r}; try ({features!r},)")
    return None if features is None else tuple(map(str, features))


def _inputs(X, name, columns, vocabulary, features):
    if tables.keys(X) is not None:
        X = columns.read(X, name)
    return checks.tokens(X, name, len(vocabulary)) if vocabulary else checks.inputs(X, name, features)


def _both_or_none(X_val, y_val):
    if (X_val is None) != (y_val is None):
        here, there = ("y_val", "X_val") if X_val is None else ("X_val", "y_val")
        raise ValueError(f"expected X_val and y_val together, got {here} without {there}; try to pass both or neither")
    return X_val, y_val


def _check_same(part, name, whole, of, what):
    """Samples of one shape, or an error."""
    if part.shape[1:] == whole.shape[1:]:
        return
    if part.ndim == whole.ndim == 2:
        raise ValueError(f"{name}: expected {whole.shape[1]} {what}s as in {of}, got {part.shape[1]}")
    raise ValueError(f"{name}: expected samples of shape {whole.shape[1:]} as in {of}, got {part.shape[1:]}")


def _pieces(parts):
    return chain.from_iterable(map(checks.pieces, parts))


def _training(parts, is_val):
    """The training rows, piece by piece."""
    row = 0
    for piece in _pieces(parts):
        kept = piece[~is_val[row : row + len(piece)]]
        row += len(piece)
        if len(kept):
            yield kept


def _whole(parts, is_val):
    """Whole numbers, class numbers or tokens, to train and to validate on."""
    values = np.concatenate(parts)
    return values[~is_val], values[is_val]


def _noise(parts, name, noise, seed, scaled=None):
    """What scales a piece and adds Gaussian noise to it, as a share of each column's own spread."""
    spread = scaling.moments(partial(_pieces, parts), (0,))[1][0]
    if scaled is not None:
        spread = spread / scaled.size
    rng = np.random.default_rng([seed, 1])

    def change(piece):
        piece = piece.astype(np.float64) if scaled is None else scaled(piece)
        return checks.numbers(piece + noise * spread * rng.standard_normal(piece.shape), f"{name} with noise")

    return change
