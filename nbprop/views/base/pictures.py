"""Samples that are pictures: of what shape, between which numbers; and what any sample is, in a line of words."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .view import number

if TYPE_CHECKING:
    from nbprop.data import Dataset

PIXEL = re.compile(r"\D*?(\d+)\D+(\d+)")  # "pixel 3,5", "pixel_3_5"
LOOKED = 2048  # samples, at most
SHOWN = {"\n": "⏎", "\t": "⇥"}  # letters that leave no ink
INK = 0.25  # what differs by more from the paper, of all that it can
WRITTEN = 80  # letters, or 6 numbers, of a sample in words


def picture_shape(data: "Dataset") -> "tuple[int, int, int] | None":
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


def ends(data: "Dataset", shape: "tuple[int, int, int]") -> "tuple[np.ndarray, np.ndarray]":
    """Lowest and highest number in each channel, (channels, 1, 1), of at most 2,048 training pictures."""
    X = data.X_train[data.sample(LOOKED)].reshape(-1, *shape)
    low, high = (np.asarray(f(X, axis=(0, 2, 3))).reshape(-1, 1, 1) for f in (np.min, np.max))
    return low, np.where(high > low, high, low + 1)


def sample_in_words(x: np.ndarray, data: "Dataset") -> str:
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


def paper_of(data: "Dataset", shape: "tuple[int, int, int]") -> np.ndarray:
    """What empty paper is, (channels, 1, 1), 0 (the lowest number of the channel in the data) or 1: the end that is
    nearer to the median of what is along the edges of the training pictures."""
    shown = _between(data, shape)
    edges = np.concatenate([shown[..., 0, :], shown[..., -1, :], shown[..., 0], shown[..., -1]], axis=-1)
    return (np.median(edges, axis=(0, 2)) >= 0.5).astype(np.float32).reshape(-1, 1, 1)


@dataclass(frozen=True)
class Placing:
    """Where the pictures of a data set have their ink, in pixels. rows, columns: it is scaled so that it is as high or
    as wide as that, whichever comes first. y, x: there its middle is; by: for each of the two, the middle of what:
    "box", of the smallest rectangle around it, or "mass", of its weight."""

    rows: float
    columns: float
    y: float
    x: float
    by: tuple[str, str]

    def told(self) -> "dict[str, Any]":
        return {"rows": self.rows, "columns": self.columns, "y": self.y, "x": self.x, "by": list(self.by)}

    def words(self) -> str:
        where = [f"{'middle' if by == 'box' else 'centre of mass'}" for by in self.by]
        middle = f"{where[0]} {number(self.y, 2)} pixels down, {where[1]} {number(self.x, 2)} across"
        return f"scaled to {number(self.rows, 2)} pixels high or {number(self.columns, 2)} wide, {middle}"


def placing(data: "Dataset", shape: "tuple[int, int, int]", paper: np.ndarray) -> "Placing | None":
    """How the pictures were placed when the data were made, measured on at most 2,048 of them. None where they were
    not, or it cannot be told: pictures of several channels, or without paper around the ink."""
    if shape[0] != 1:
        return None
    ink = np.abs(_between(data, shape)[:, 0] - paper[0])  # (n, rows, columns)
    ink = ink[ink.max(axis=(1, 2)) > INK]
    if not len(ink) or np.median(ink) > INK:
        return None
    found = [_spans(ink.max(axis=2)), _spans(ink.max(axis=1))]
    sizes = [np.quantile(last - first, 0.95) for first, last in found]
    fills = np.max([(last - first) / size for (first, last), size in zip(found, sizes, strict=True)], axis=0)
    if np.mean(fills > 0.85) < 0.8:
        return None
    middles, by = [], []
    for (first, last), axis in zip(found, (1, 2), strict=True):
        along = ink.sum(axis=3 - axis)
        mass = (along * (np.arange(along.shape[1]) + 0.5)).sum(axis=1) / along.sum(axis=1)
        box = (first + last) / 2
        if min(box.std(), mass.std()) > 0.1 * along.shape[1]:
            return None
        by.append("box" if box.std() <= mass.std() else "mass")
        middles.append(float((box if by[-1] == "box" else mass).mean()))
    return Placing(float(sizes[0]), float(sizes[1]), middles[0], middles[1], (by[0], by[1]))


def _spans(profile):
    """First and last place (n,) with ink of each profile (n, places), as edges."""
    there = profile > INK
    return there.argmax(axis=1), there.shape[1] - there[:, ::-1].argmax(axis=1)


def _between(data, shape):
    """At most 2,048 of the training pictures, from 0 to 1."""
    low, high = ends(data, shape)
    return (data.X_train[data.sample(LOOKED)].reshape(-1, *shape) - low) / (high - low)
