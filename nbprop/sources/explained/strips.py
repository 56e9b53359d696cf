"""What is drawn of an array: at most so many rows and columns of numbers, the first ones."""

from dataclasses import dataclass, field

import numpy as np

ROWS, COLUMNS = 24, 32


@dataclass(frozen=True)
class Strip:
    """The numbers (rows, columns) of the array of that number; whole: how many rows and columns there are in all; of:
    what a row and a column are, in words."""

    array: int
    numbers: np.ndarray
    whole: tuple[int, int]
    of: tuple[str, str]


@dataclass
class Column:
    """Of one layer: `top`, values and their derivatives beside each other; `bottom`, of which the newest is shown: a
    weight, its gradient, its change."""

    title: str
    top: list[Strip] = field(default_factory=list)
    bottom: list[Strip] = field(default_factory=list)


def units(k, array, axis=-1, sample_axis=0, one=False) -> Strip:
    """A row for each unit. one: of one sample, with a column for each place or time (1 if there is none); else a column
    for each sample, of the mean over places and times."""
    array = np.asarray(array)
    if array.ndim < 2:  # a number, or one for each sample
        array, axis, sample_axis = array.reshape(-1, 1), 1, 0
    moved = np.moveaxis(array, (axis, sample_axis), (0, 1))
    moved = moved.reshape(*moved.shape[:2], -1)  # units, samples, places
    if one:
        return _cut(k, moved[:, 0], ("unit", "place"))
    with np.errstate(all="ignore"):
        return _cut(k, moved[:, :, 0] if moved.shape[2] == 1 else moved.mean(axis=2), ("unit", "sample"))


def picture(k, array) -> Strip:
    """The first channel of the first picture of (N, C, H, W)."""
    return _cut(k, np.asarray(array)[0, 0], ("row", "column"))


def matrix(k, array) -> Strip:
    """A weight: a row for each unit, a column for each input."""
    array = np.asarray(array)
    return _cut(k, array.reshape(len(array), -1) if array.ndim else array.reshape(1, 1), ("unit", "input"))


def _cut(k, array, of):
    with np.errstate(all="ignore"):
        numbers = np.ascontiguousarray(array[:ROWS, :COLUMNS], np.float32)
    return Strip(k, numbers, array.shape, of)
