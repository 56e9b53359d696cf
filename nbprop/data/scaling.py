"""Inputs of about the same size: fitted on the training samples alone, kept for inputs that come later."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbprop.checks import lookup, number
from nbprop.data import checks

KINDS = {"standard": "mean 0 and standard deviation 1", "minmax": "0 to 1"}
CONSTANT = 1e-10  # a spread below this share of the values themselves is rounding


@dataclass(frozen=True, eq=False)
class Scaling:
    """(X - shift) / size, for each feature.

    kind: "standard": shift is the mean and size the standard deviation of the training samples; "minmax": their
        least value and their range; "number": 0 and a number of your own. A feature that never changes has size 1.
    shift, size: float64 (d,); for pictures (channels, 1, 1).
    """

    kind: str
    shift: np.ndarray
    size: np.ndarray

    def __call__(self, X: Any) -> np.ndarray:
        """float64: the difference is taken before anything is rounded to float32."""
        with np.errstate(over="ignore"):
            return checks.numbers((np.asarray(X, np.float64) - self.shift) / self.size, "X with scale")

    def back(self, X: Any) -> np.ndarray:
        """In the units from which it came, float64."""
        return np.asarray(X, np.float64) * self.size + self.shift


def check(scale: Any) -> str | float | None:
    """None, a name out of KINDS, or a number by which everything is divided."""
    if scale is None or isinstance(scale, str):
        return scale and lookup("scale", scale, {kind: kind for kind in KINDS})
    return number(above=0, tip='scale="standard"')("scale", scale)


def feature_axis(ndim: int) -> int:
    """Which of so many axes of X counts the features: the channels of a picture, the last of all others."""
    return 1 if ndim == 4 else ndim - 1


def fit(scale: str | float, rows: Callable[[], Iterable[np.ndarray]], shape: tuple[int, ...]) -> Scaling:
    """The scaling for training samples X. rows(): X, piece by piece; shape: of X."""
    feature = feature_axis(len(shape))
    axes = tuple(axis for axis in range(len(shape)) if axis != feature)
    if not isinstance(scale, str):
        features = (shape[feature], *[1] * (len(shape) - feature - 1))
        return Scaling("number", np.zeros(features), np.full(features, float(scale)))
    if scale == "standard":
        shift, size = moments(rows, axes)
    else:
        shift = np.min([piece.min(axis=axes, keepdims=True) for piece in rows()], axis=0).astype(np.float64)
        size = np.max([piece.max(axis=axes, keepdims=True) for piece in rows()], axis=0) - shift
    size = np.where(size > CONSTANT * np.abs(shift), size, 1.0)
    # One axis less, that of the samples, and for sequences that of time as well: (d,) fits both.
    kept = [axis for axis in range(len(shape)) if axis == feature or (len(shape) == 4 and axis > feature)]
    return Scaling(scale, *(each.reshape([each.shape[axis] for axis in kept]) for each in (shift, size)))


def moments(rows: Callable[[], Iterable[np.ndarray]], axes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation over the axes (kept as 1), float64, of samples that come in pieces."""

    def mean(arrays: Iterator[np.ndarray]) -> np.ndarray:
        total, count = np.float64(0), 0
        for piece in arrays:
            total = total + piece.sum(axis=axes, dtype=np.float64, keepdims=True)
            count += int(np.prod([piece.shape[axis] for axis in axes]))
        return np.asarray(total / count)

    middle = mean(iter(rows()))
    return middle, np.sqrt(mean(np.square(piece - middle) for piece in rows()))


def divide(
    parts: list[np.ndarray], is_val: np.ndarray, change: Callable[[np.ndarray], np.ndarray] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The training and the validation rows of some arrays, one after the other, as new float32 arrays.

    Piece by piece: a picture of bytes needs no copy of eight bytes a pixel on its way to four.
    """
    held = int(np.count_nonzero(is_val))
    shape = parts[0].shape[1:]
    train, val = np.empty((len(is_val) - held, *shape), np.float32), np.empty((held, *shape), np.float32)
    row = there = 0  # in all of them, and in the validation rows
    for piece in (piece for part in parts for piece in checks.pieces(part)):
        mask, first = is_val[row : row + len(piece)], row - there
        if change:
            piece = change(piece)
        count = int(np.count_nonzero(mask))
        train[first : first + len(piece) - count] = piece if count == 0 else piece[~mask]
        val[there : there + count] = piece[mask]
        row, there = row + len(piece), there + count
    return train, val
