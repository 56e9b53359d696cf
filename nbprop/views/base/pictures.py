"""Samples that are pictures: of what shape, between which numbers; and what any sample is, in a line of words."""

import re

import numpy as np

from nbprop.data.dataset import Dataset

from .view import number

PIXEL = re.compile(r"\D*?(\d+)\D+(\d+)")  # "pixel 3,5", "pixel_3_5"
LOOKED = 2048  # samples, at most
SHOWN = {"\n": "⏎", "\t": "⇥"}  # letters that leave no ink
WRITTEN = 80  # letters, or 6 numbers, of a sample in words


def picture_shape(data: Dataset) -> "tuple[int, int, int] | None":
    """(channels, rows, columns) of samples that are pictures, also of flattened ones whose inputs are called
    "pixel 0,0", "pixel 0,1", ..., row by row; None of others."""
    if len(data.input_shape) == 3:
        channels, rows, columns = data.input_shape
        return channels, rows, columns
    if len(data.input_shape) > 1 or data.vocabulary or data.inputs < 4:
        return None
    found = [PIXEL.fullmatch(name) for name in (data.features[0], data.features[-1])]
    if None in found:
        return None
    first, last = ([int(each) for each in match.groups()] for match in found if match is not None)
    rows, columns = last[0] - first[0] + 1, last[1] - first[1] + 1
    if min(rows, columns) < 2 or rows * columns != data.inputs:
        return None
    wanted = [(first[0] + i // columns, first[1] + i % columns) for i in range(data.inputs)]
    named = [PIXEL.fullmatch(name) for name in data.features]
    there = [None if each is None else (int(each[1]), int(each[2])) for each in named]
    return (1, rows, columns) if there == wanted else None


def ends(data: Dataset, shape: "tuple[int, int, int]") -> "tuple[np.ndarray, np.ndarray]":
    """Lowest and highest number in each channel, (channels, 1, 1), of at most 2,048 training pictures."""
    X = data.X_train[data.sample(LOOKED)].reshape(-1, *shape)
    low, high = (np.asarray(f(X, axis=(0, 2, 3))).reshape(-1, 1, 1) for f in (np.min, np.max))
    return low, np.where(high > low, high, low + 1)


def sample_in_words(x: np.ndarray, data: Dataset) -> str:
    """One sample: its letters, or its first numbers with their names, in the units in which the data came."""
    if data.vocabulary:
        letters = [str(SHOWN.get(data.vocabulary[i], data.vocabulary[i])) for i in x.ravel()[:WRITTEN]]
        joint = "" if all(len(name) == 1 for name in data.vocabulary) else " "
        return joint.join(letters) + ("…" if x.size > WRITTEN else "")
    x = x if data.scaling is None else data.scaling.back(x)
    if x.ndim == 1:
        some = [f"{name} {number(value, 2)}" for name, value in zip(data.features[:6], x[:6], strict=True)]
    else:
        some = [number(value, 2) for value in x.ravel()[:6]]
    return ", ".join(some) + ("…" if x.size > 6 else "")
