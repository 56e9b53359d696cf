"""What a run leaves behind: columns of numbers per step, and what was changed when. Bounded, however long the run."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Event:
    """A knob was turned: after `step` updates `name` went from `old` to `new`, and acts from the next step on."""

    step: int
    name: str
    old: Any
    new: Any

    @property
    def text(self):
        if self.name == "theta":  # too many numbers
            return "theta set"
        return f"{self.name} {_short(self.old)} → {_short(self.new)}"


def _short(value):
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, tuple):  # hidden sizes
        return f"{len(value)}×{value[0]}" if len(set(value)) == 1 else "-".join(map(str, value)) or "none"
    return str(getattr(value, "name", value))


class Series:
    """One column: values recorded at steps that are multiples of `interval`.

    When `capacity` records are there, every second one is dropped and the interval doubled. What is kept depends on
    the step alone, so a run that is rewound and trained again records the same steps.
    """

    def __init__(self, interval=1, capacity=4096, scalar=True):
        self.interval = interval
        self.capacity = capacity
        self.length = 0
        self._scalar = scalar
        self._steps = np.zeros(64, np.int64)
        self._values = np.zeros((64, 1), np.float64 if scalar else np.float32)

    def add(self, step, value):
        """Record `value` (a number, or one per layer) for `step`; steps between two intervals are passed over."""
        if step % self.interval:
            return
        width = 1 if self._scalar else len(value)
        n = self.length
        if n == len(self._steps) or width > self._values.shape[1]:
            self._grow(width)
        self._steps[n] = step
        if self._scalar:
            self._values[n, 0] = value
        else:
            self._values[n, :width] = value
            self._values[n, width:] = np.nan  # a layer that this record does not have
        self.length = n + 1
        if self.length == self.capacity:
            self.interval *= 2
            self._keep(np.flatnonzero(self._steps[: self.length] % self.interval == 0))

    def truncate(self, step):
        """Forget what was recorded after `step`."""
        self.length = int(np.searchsorted(self._steps[: self.length], step, side="right"))

    def __len__(self):
        return self.length

    @property
    def steps(self):
        return self._steps[: self.length]

    @property
    def values(self):
        """(n,) for numbers, (n, layers) for one number per layer; NaN where a layer was not there (yet)."""
        values = self._values[: self.length]
        return values[:, 0] if self._scalar else values

    def _grow(self, width):
        old = self._values
        rows = max(len(old), min(2 * self.length, self.capacity))
        columns = max(width, old.shape[1]) if self.length else width
        self._steps = np.resize(self._steps, rows)
        self._values = np.full((rows, columns), np.nan, old.dtype)
        self._values[: self.length, : old.shape[1]] = old[: self.length]

    def _keep(self, rows):
        self._steps[: len(rows)] = self._steps[rows]
        self._values[: len(rows)] = self._values[rows]
        self.length = len(rows)

    def copy(self):
        other = Series(self.interval, self.capacity, self._scalar)
        other.length = self.length
        other._steps, other._values = self._steps.copy(), self._values.copy()
        return other


class History:
    """The record of a run.

    Columns, read with `history["loss"]` (values) or `history.series("loss")` (steps and values):

    ==================================================  ==========================================================
    `loss`                                              loss of the batch, every step
    `train_loss` `train_accuracy`                       on (at most 512) training samples, at every evaluation
    `val_loss` `val_accuracy`                           on the validation samples, at every evaluation
    `dW`                                                per layer: norm of dL/dW, at every probed step
    `dz` `a_mean` `a_std` `saturated` `ratio`           per layer, at every probed step, while somebody watches
    `z15` `z50` `z85` `unit15` `unit50` `unit85`        per layer: percentiles of z in the batch, over all units and of
                                                        the first one, while a view shows them
    `dh`                                                per lag: norm of dL/dh so many time steps before the last, in
                                                        the first recurrent layer, while a view shows it
    ==================================================  ==========================================================

    `events` lists the knobs that were turned.
    """

    def __init__(self, capacity=4096):
        self.capacity = capacity
        self.columns = {}
        self.events = []
        self._trainer = lambda: None

    def add(self, name, step, value, interval=1):
        column = self.columns.get(name)
        if column is None:
            scalar = np.ndim(value) == 0
            capacity = self.capacity if scalar else self.capacity // 4  # numbers per layer: more than a map has columns
            column = self.columns[name] = Series(interval, capacity, scalar)
        column.add(step, value)

    def due(self, name, step, interval=1):
        """Would that column keep a value of this step?  As it gets fuller it keeps fewer."""
        column = self.columns.get(name)
        return step % (interval if column is None else column.interval) == 0

    def series(self, name):
        """(steps, values) of a column; both empty if nothing was recorded under that name yet."""
        column = self.columns.get(name)
        if column is None:
            return np.zeros(0, np.int64), np.zeros(0)
        return column.steps, column.values

    def __getitem__(self, name):
        if name not in self.columns:
            there = ", ".join(sorted(self.columns)) or "nothing yet: train some steps first"
            raise KeyError(f"no column {name!r} in this history; recorded so far: {there}")
        return self.columns[name].values

    def truncate(self, step, turned=False):
        """Forget what happened after `step`; with `turned`, keep the knobs turned at that very step."""
        for column in self.columns.values():
            column.truncate(step)
        self.events = [event for event in self.events if event.step < step + turned]

    def copy(self):
        other = History(self.capacity)
        other.columns = {name: column.copy() for name, column in self.columns.items()}
        other.events = list(self.events)
        return other

    def plot(self, name="loss", ax=None, **options):
        """The picture of a view ("loss", "gradients", "percentiles", ...) in matplotlib; returns the Axes."""
        from nbprop.views.view import view

        trainer = self._trainer()
        if trainer is None:
            raise ValueError("the trainer that this history belongs to is gone: keep it in a variable to plot")
        return view(name, trainer, **options).plot(ax=ax)

    def __repr__(self):
        steps = int(self.columns["loss"].steps[-1]) if len(self.columns.get("loss", ())) else 0
        return f"History({steps} steps; {', '.join(sorted(self.columns))}; {len(self.events)} events)"
