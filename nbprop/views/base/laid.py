"""A record of layers that come and go, laid out in the rows of one network."""

from typing import Any, NamedTuple

import numpy as np

STRUCTURE = ("depth", "hidden", "insert", "remove")  # what changes how many layers there are
ABSENT = float(np.finfo(np.float32).min)  # nothing is known: the layer was not there, or has not been measured


class Laid(NamedTuple):
    """steps (n,), values (n, layers), NaN where there was no such layer; start, stop: which records are of the network
    in whose rows they all are."""

    steps: np.ndarray
    values: np.ndarray
    start: int
    stop: int

    def at(self, moment) -> int:
        """The index of the newest record of that network, of the newest at or before a moment; -1 if there is none."""
        last = self.stop if moment is None else int(np.searchsorted(self.steps, moment, side="right"))
        return last - 1 if self.start < last <= self.stop else -1


def laid_out(history, series, count, moment=None) -> Laid:
    """The record of a series, in the rows of the network of `count` layers that is there now, or at a moment. Of other
    networks the first and the last layer keep their places, and where one layer was put in or taken out the others do.
    """
    steps, values = history.series(series)
    n = len(steps)
    if not n:
        return Laid(np.asarray(steps), np.zeros((0, count), np.float32), 0, 0)
    values = np.asarray(values, np.float32).reshape(n, -1)
    if values.shape[1] < count:
        values = np.pad(values, ((0, 0), (0, count - values.shape[1])), constant_values=np.nan)
    changes = [event for event in history.events if event.name in STRUCTURE]
    ends = [0, *(int(np.searchsorted(steps, event.step, side="right")) for event in changes), n]
    k = len(changes) if moment is None else _network(changes, ends, _depths(values), count, moment)
    start, stop = ends[k], ends[k + 1]
    before = _laid(values[:start], count, changes[k - 1] if k else None)
    after = _laid(values[stop:], count, changes[k] if k < len(changes) else None, later=True)
    return Laid(steps, np.concatenate([before, values[start:stop, :count], after]), start, stop)


def _network(changes, ends, depths, count, moment):
    """How many changes were made before the network of a moment. At the step of a change itself both networks can be
    meant: its number of layers tells."""
    low, high = (sum(event.step < moment + same for event in changes) for same in (0, 1))
    fits = (k for k in range(low, high) if ends[k] < ends[k + 1] and depths[ends[k + 1] - 1] == count)
    return next(fits, high)


def _depths(values):
    """How many layers each record has, at least 1: NaN at the end are layers that it has not."""
    there = ~np.isnan(values)
    return np.where(there.any(axis=1), values.shape[1] - there[:, ::-1].argmax(axis=1), 1)


def _laid(values, count, event, later=False):
    """Records of other networks in `count` rows; `event`: the change between these and that of the rows."""
    if not len(values):
        return np.zeros((0, count), np.float32)
    depth = _depths(values)
    laid = np.where(np.arange(count) < depth[:, None] - 1, values[:, :count], np.nan)
    laid[:, count - 1] = values[np.arange(len(values)), depth - 1]
    place, other = (None, 0) if event is None else _place(event, count, later)
    if place is not None:
        same = depth == other
        kept = values[same, :other]
        laid[same] = np.insert(kept, place, np.nan, axis=1) if other < count else np.delete(kept, place, axis=1)
    return laid


def _place(event: Any, count, later):
    """Where one layer was put in or taken out, and how many there were on the other side; None, 0 where it was neither.
    count: layers on this side; later: the other one is behind the event."""
    if event.name == "insert" and isinstance(event.new, tuple):
        return event.new[0], count + 1 if later else count - 1
    if event.name == "remove" and str(event.new).startswith("hidden "):
        return int(event.new.split()[1]) - 1, count - 1 if later else count + 1
    return None, 0
