"""Many runs sorted into the cells of a map."""

from collections.abc import Callable
from typing import Any

import numpy as np

from nbprop.record.source import PENDING, RUNNING, STATES

from .view import number

REDUCED: dict[str, Callable[..., np.ndarray]] = {
    "median": np.nanmedian, "mean": np.nanmean, "lowest": np.nanmin, "highest": np.nanmax,
    "spread": lambda values, axis: np.nanmax(values, axis) - np.nanmin(values, axis),
}  # fmt: skip
DONE, DIVERGED = STATES.index("done"), STATES.index("diverged")
NONE = -1  # no point of the sweep


def mapped(rows, columns, state, numbers, shape, over, measured=True) -> tuple[np.ndarray, ...]:
    """Of each cell (rows, columns): value, of its runs that are done, NaN for none; state, a place in STATES, NONE
    where there is no point; lost, the share of those that have ended and are not done, or whose number is not finite;
    ended, a share of all. measured: are there numbers at all?"""
    measured = np.full(len(numbers), measured)
    flat, n = rows * shape[1] + columns, shape[0] * shape[1]
    counts = np.zeros((n, len(STATES)), int)
    np.add.at(counts, (flat, state), 1)
    many, ended = counts.sum(axis=1), counts[:, RUNNING + 1 :].sum(axis=1)
    order = np.argsort(flat, kind="stable")
    place = np.arange(len(order)) - np.searchsorted(flat[order], np.arange(n))[flat[order]]
    values = np.full((n, max(int(many.max(initial=0)), 1)), np.nan)
    values[flat[order], place] = np.where((state == DONE) & np.isfinite(numbers), numbers, np.nan)[order]
    value, there = np.full(n, np.nan), ~np.isnan(values).all(axis=1)
    value[there] = REDUCED[over](values[there], axis=1)
    worst = RUNNING + 1 + counts[:, RUNNING + 1 :].argmax(axis=1)
    good = np.bincount(flat, (state == DONE) & (~measured | np.isfinite(numbers)), n)
    worst = np.where((counts[:, DONE] > 0) & (worst == DONE), DIVERGED, worst)  # done, and its number is not finite
    of_cell = np.select([many == 0, good > 0, ended > 0, counts[:, RUNNING] > 0], [NONE, DONE, worst, RUNNING], PENDING)
    lost = np.where(ended > 0, 1 - good / np.maximum(ended, 1), 0)
    return tuple(np.reshape(each, shape) for each in (value, of_cell, lost, ended / np.maximum(many, 1)))


def said(value: Any, digits: int = 4) -> str:
    """A value of an axis in few letters."""
    if isinstance(value, float):
        return number(value, digits)
    return "-".join(said(each, digits) for each in value) if isinstance(value, tuple) else str(value)


def words_of(values: Any) -> list[str]:
    """The values of an axis, each in few letters, with as many digits as tell them apart."""
    for digits in (4, 8, 17):
        words = [said(value, digits) for value in values]
        if len(set(words)) == len(words):
            break
    return words


def numbers_of(values: Any) -> "np.ndarray | None":
    """Of an axis whose values are numbers that rise or fall; else None."""
    if not all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        return None
    array = np.array(values, float)
    steps = np.diff(array)
    return array if (steps > 0).all() or (steps < 0).all() else None


def places_of(values, of) -> np.ndarray:
    """Where numbers lie on an axis of cells; beyond its ends by the last step."""
    order = np.argsort(values)
    values, cells = values[order], order.astype(float)
    found = np.interp(of, values, cells)
    for end, beside in ((0, 1), (-1, -2)):
        slope = (cells[end] - cells[beside]) / (values[end] - values[beside])
        outside = of < values[0] if end == 0 else of > values[-1]
        found = np.where(outside, cells[end] + slope * (of - values[end]), found)
    return found
