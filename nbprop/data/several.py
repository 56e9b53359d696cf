"""Several inputs and several targets: trees of arrays, which are split and taken from together.

data = nb.data.Arrays({"left": A, "right": B}, y)           # a model's forward gets what take() gives for X
data = nb.data.Arrays([first, second, third], y)            # of different lengths: padded, X = (values, lengths)
X, y = data.take(data.train[:32])
"""

from typing import Any

import numpy as np

from nbprop.checks import choice, whole
from nbprop.data import checks, splitting, tables, trees
from nbprop.data.sequences import Padded, kept, pad


class Arrays:
    """Samples of any structure, for training and validation.

    X: an array (n, ...); a tuple or dict of arrays with the same n, also one in the other; a list of n sequences of
        different lengths, which becomes `Padded(values, lengths)`, a tuple of two arrays. Floats become float32, whole
        numbers stay whole (bytes stay bytes), all are copied.
    y: targets, as X; None where there are none (an autoencoder, a game).
    validation: the share of the samples kept for validation, 0 <= validation < 1, of class numbers (n,) the same of
        each class. Default: a quarter, and nothing of fewer than 20 samples. Or which they are, bool (n,), where those
        that belong together (of one speaker, one patient) are to stay together.
    seed: the same seed gives the same split.

    Raises ValueError or TypeError that names the array, as in X['left'] or y[1], that does not fit.

    X, y: all samples.  train, val: places of the samples to train and to validate on, int64, in order.
    """

    def __init__(self, X: Any, y: Any = None, validation: Any = None, seed: int = 0, name: str = "data") -> None:
        self.name = name
        _check_rows([*_tables(X, "X"), *_tables(y, "y")])
        self.X: Any = _tree(X, "X")
        self.y: Any = None if y is None else _tree(y, "y")
        named = [*_leaves(self.X, "X"), *_leaves(self.y, "y")]
        if not named or not len(named[0][1]):
            raise ValueError(f"X: expected at least one array of at least one sample, got {X!r}")
        (first, like), *others = named
        for other, array in others:
            if len(array) != len(like):
                raise ValueError(f"{other}: expected {len(like)} samples, as {first} has, got {len(array)}")
        self._n = len(like)
        seed = whole()("seed", seed)
        if isinstance(validation, (np.ndarray, list, tuple)):
            is_val = _which(validation, self._n)
            self.train, self.val = np.flatnonzero(~is_val), np.flatnonzero(is_val)
            return
        share, _ = splitting.held_back(validation, self._n)
        is_class = isinstance(self.y, np.ndarray) and self.y.ndim == 1 and self.y.dtype.kind in "iu"
        labels, numbers = np.unique(self.y, return_inverse=True) if is_class else ((), np.arange(self._n))
        enough = is_class and np.bincount(numbers).min() > 1
        is_val = splitting.split(numbers, share, seed, tuple(map(str, labels)) if enough else ())
        self.train, self.val = np.flatnonzero(~is_val), np.flatnonzero(is_val)

    def __len__(self) -> int:
        """How many samples there are, training and validation together."""
        return self._n

    def take(self, indices: Any) -> tuple[Any, Any]:
        """X and y of the samples at these places: the same trees, with fewer rows; y is None where there is none."""
        return trees.at(self.X, indices), None if self.y is None else trees.at(self.y, indices)

    def sample(self, n: int, which: str = "train", seed: int = 0) -> np.ndarray:
        """n of the places in `train` or `val`, the same ones every time; all of them if there are no more."""
        places = self.train if choice("train", "val")("which", which) == "train" else self.val
        return places[splitting.sample(np.zeros((len(places), 2)), whole(1)("n", n), whole()("seed", seed))]

    def __repr__(self) -> str:
        y = "" if self.y is None else f", y {_shapes(self.y)}"
        return f"Arrays({self.name!r}, X {_shapes(self.X)}{y}, {len(self.train)} train, {len(self.val)} validation)"


def _which(validation, n):
    """bool (n,), some of them False."""
    which = np.asarray(validation)
    if which.dtype != bool or which.shape != (n,):
        raise ValueError(
            f"validation: expected a share from 0 to 1, or True and False for each of {n} samples, got "
            f"{which.dtype} of shape {which.shape}"
        )
    if which.all():
        raise ValueError("validation: expected some samples to train on, got True for all of them")
    return which


def _tables(tree, name):
    """(name, column) of what numbers its rows, such as a pandas Series; TypeError for a table of several columns."""
    if tables.keys(tree) is not None:
        raise TypeError(
            f"{name}: expected arrays, got a {type(tree).__name__}, whose columns go by their names: try "
            f"nb.data.from_arrays, or {name}.to_numpy() if rows and columns are in order"
        )
    if isinstance(tree, (dict, tuple)) or (isinstance(tree, list) and any(hasattr(each, "columns") for each in tree)):
        items = tree.items() if isinstance(tree, dict) else enumerate(tree)
        return [each for key, part in items for each in _tables(part, f"{name}[{key!r}]")]
    return [(name, tree)] if hasattr(tree, "index") and not callable(tree.index) else []


def _check_rows(columns):
    """ValueError where columns number their rows differently: side by side they would be mixed up."""
    for name, column in columns[1:]:
        tables.check_same_rows(columns[0][1], column, (columns[0][0], name))


def _tree(value, name):
    """The same tree, of checked arrays."""
    if isinstance(value, dict):
        return {key: _tree(each, f"{name}[{key!r}]") for key, each in value.items()}
    if isinstance(value, Padded):
        return Padded(_tree(value.values, f"{name}.values"), _tree(value.lengths, f"{name}.lengths"))
    if isinstance(value, tuple):
        return tuple(_tree(each, f"{name}[{i}]") for i, each in enumerate(value))
    if isinstance(value, list) and len({np.shape(each)[:1] for each in map(_array, value)}) > 1:
        return pad(value, name=name)
    array = checks.numbers(value, name)
    if array.ndim == 0:
        raise ValueError(f"{name}: expected an array (samples, ...), got the single value {array.item()!r}")
    return np.array(array, np.uint8 if array.dtype == np.uint8 else kept(array.dtype))


def _array(value):
    """For its length alone, which a sequence of uneven rows has, too."""
    try:
        return np.asarray(value)
    except ValueError:
        return np.empty(len(value))


def _leaves(tree, name):
    """(name, array) of every array in a tree."""
    if isinstance(tree, np.ndarray):
        return [(name, tree)]
    if isinstance(tree, Padded):
        return [(name, tree.values), (f"{name}.lengths", tree.lengths)]
    items = tree.items() if isinstance(tree, dict) else enumerate(tree or ())
    return [leaf for key, each in items for leaf in _leaves(each, f"{name}[{key!r}]")]


def _shapes(tree):
    if isinstance(tree, dict):
        return f"{{{', '.join(f'{key!r}: {_shapes(each)}' for key, each in tree.items())}}}"
    if isinstance(tree, Padded):
        return f"{tree.values.shape} padded"
    return str(tree.shape) if isinstance(tree, np.ndarray) else f"({', '.join(map(_shapes, tree))})"
