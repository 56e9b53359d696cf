"""What the nearest neighbours of training samples say: how much of the targets the inputs tell, without any network.

The error of the nearest neighbour is at most twice the least that is possible (Cover & Hart 1967).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from nbprop.record.source import CannotSay

from .kept import of_data

NEIGHBOURS = 7
AROUND, ALIKE = 15, 13  # of so many neighbours, so many that agree are nearly unanimous
SURE = 0.15  # share of samples, at least, whose neighbours are
SIDES = 0.02  # share of the samples of a class, to be worth counting
SAMPLES, AMONG = 256, 1024  # samples that are asked about, among so many
FEATURES = 4096  # of more no distances are taken
LEAST = 40  # samples
FEW = 5  # samples that are alone: fewer may be chance


@dataclass(frozen=True)
class Neighbours:
    """classes: whether the targets are classes; then right: the share of samples of whose neighbours most are of its
    own class; kappa: how much more of the neighbours are of a sample's own class than by chance, 0 to 1 (Cohen 1960);
    alone: of those whose neighbours are nearly all of one class, the share that are of another one. That is
    0 where hardly any has such neighbours, where it may be chance, and where only rare classes are alone.
    error: of numbers, the mean square of what they differ from the mean of their neighbours.
    NaN where it is the other kind."""

    classes: bool
    right: float
    kappa: float
    alone: float
    error: float


def neighbours_of(data: Any) -> Neighbours:
    """Of a `data.Dataset`, found once. CannotSay for tokens, targets at each time step, few or huge samples."""
    X, y = getattr(data, "X_train", None), getattr(data, "y_train", None)
    if not isinstance(X, np.ndarray) or not isinstance(y, np.ndarray) or X.dtype.kind != "f":
        raise CannotSay("there are no distances between the samples")
    classes = data.task in ("binary", "multiclass")
    if (classes and y.ndim > 1) or (not classes and (data.task != "regression" or y.ndim != 2)):
        raise CannotSay("the targets are not one class or some numbers for each sample")
    if len(X) < LEAST or X[0].size > FEATURES:
        raise CannotSay(f"{len(X)} samples of {X[0].size} numbers: too few, or too long, to compare")
    return of_data(data, "neighbours", lambda data: _found(data, classes))


def _found(data, classes):
    asked, among = data.sample(SAMPLES, "train"), data.sample(AMONG, "train", seed=1)
    X = data.X_train.reshape(len(data.X_train), -1).astype(np.float64)
    X = (X - X.mean(axis=0)) / np.where(X.std(axis=0) > 0, X.std(axis=0), 1) if X.shape[1] < 32 else X
    a, b = X[asked], X[among]
    apart = (a * a).sum(1)[:, None] - 2 * a @ b.T + (b * b).sum(1)
    apart[asked[:, None] == among] = np.inf
    near = among[np.argsort(apart, axis=1)[:, :AROUND]]
    y = data.y_train
    if not classes:
        error = np.square(y[near[:, :NEIGHBOURS]].astype(np.float64).mean(axis=1) - y[asked]).mean()
        return Neighbours(False, float("nan"), float("nan"), float("nan"), float(error * NEIGHBOURS / (NEIGHBOURS + 1)))
    count, rows = max(2, len(data.classes)), np.arange(len(asked))
    few, many = (
        np.stack([(y[near[:, :n]] == c).sum(axis=1) for c in range(count)], axis=1) for n in (NEIGHBOURS, AROUND)
    )
    own = few[rows, y[asked]]
    chance = float(np.square(np.bincount(y[among]) / len(among)).sum())
    kappa = (own.mean() / NEIGHBOURS - chance) / max(1 - chance, 1e-9)
    few[rows, y[asked]] = 0
    sure = many.max(axis=1) >= ALIKE
    alone = sure & (many.argmax(axis=1) != y[asked])
    sides = np.bincount(y[asked][alone], minlength=count) > SIDES * np.bincount(y[asked], minlength=count)
    told = sure.mean() >= SURE and alone.sum() >= FEW and 2 * sides.sum() >= count
    right = float((own > few.max(axis=1)).mean())
    return Neighbours(True, right, float(kappa), float(alone.sum() / sure.sum()) if told else 0.0, float("nan"))
