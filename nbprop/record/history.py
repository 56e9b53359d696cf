"""What a run leaves behind: columns of numbers per step, and what was changed when. Bounded, however long the run."""

import math
import weakref
from collections.abc import Iterator, KeysView
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from nbprop.checks import did_you_mean

from . import files
from .quantities import QUANTITIES
from .samples import labels_said, weights_said

if TYPE_CHECKING:
    import os

    from matplotlib.axes import Axes
    from pandas import DataFrame

WIDE = 2**17  # numbers in a column with several in a record, at most


@dataclass(frozen=True)
class Event:
    """A knob was turned: after `step` updates `name` went from `old` to `new`, and acts from the next step on.

    words: what `text` says; by default made from the rest. An event that was saved has these, and of old and new what
    a file can hold, else None.
    """

    step: int
    name: str
    old: Any
    new: Any
    words: str = ""

    @cached_property
    def text(self) -> str:
        if self.words:
            return self.words
        if self.name == "theta":  # too many numbers
            return "theta set"
        if self.name == "frozen":
            return f"frozen: {', '.join(self.new) or 'none'}"
        if self.name in ("silenced", "frozen_units"):
            return f"{self.name.replace('_', ' ')}: {units_said(self.new)}"
        if self.name == "sample_weights":
            return weights_said(self.old, self.new)
        if self.name == "relabelled":
            return labels_said(self.old, self.new)
        old, new = short(self.old), short(self.new)
        if old != new:
            return f"{self.name} {old} → {new}"
        what = getattr(self.new, "differs", lambda old: "")(self.old)
        return f"{self.name} {new}: {what}" if what else f"{self.name} changed"

    def state(self) -> dict[str, Any]:
        """A dict for a JSON file."""
        return {
            "step": int(self.step),
            "name": self.name,
            "text": self.text,
            "old": _plain(self.old),
            "new": _plain(self.new),
        }

    @classmethod
    def from_state(cls, state) -> Self:
        return cls(state["step"], state["name"], _restored(state["old"]), _restored(state["new"]), state["text"])


def units_said(pairs, none="none") -> str:
    """Single units, (layer, unit) each, in words: "hidden 1: 5, 7; hidden 2: 0"; none: where there are none."""
    each = {name: [str(unit) for layer, unit in pairs if layer == name] for name, _ in pairs}
    return "; ".join(f"{name}: {', '.join(units)}" for name, units in each.items()) or none


def short(value) -> str:
    """A value in few words: 0.01, 4×8, the name of what has one."""
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, tuple) and value and isinstance(value[0], dict):  # groups of parameters
        return "; ".join(map(str, value))
    if isinstance(value, tuple):  # hidden sizes
        return f"{len(value)}×{value[0]}" if len(set(value)) == 1 else "-".join(map(str, value)) or "none"
    return str(getattr(value, "name", value))


def _plain(value):
    """The value as JSON has it: numbers, texts, tuples of them; {} for what it has not."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else {"float": str(float(value))}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return {}


def _restored(value):
    if isinstance(value, list):
        return tuple(_restored(one) for one in value)
    if isinstance(value, dict):
        return float(value["float"]) if "float" in value else None
    return value


class Series:
    """One column: values recorded at steps that are multiples of `interval`.

    When `capacity` records are there, every second one is dropped and the interval doubled. What is kept depends on
    the step alone, so a run that is rewound and trained again records the same steps.
    """

    def __init__(self, interval=1, capacity=4096, scalar=True) -> None:
        self.interval = interval
        self.capacity = capacity
        self.length = 0
        self._scalar = scalar
        self._steps = np.zeros(64, np.int64)
        self._values = np.zeros((64, 1), np.float64 if scalar else np.float32)

    def add(self, step, value) -> None:
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
        while self.length == self.capacity:  # of records at every 20th step the first doublings drop none
            self.interval *= 2
            self._keep(np.flatnonzero(self._steps[: self.length] % self.interval == 0))

    def truncate(self, step) -> None:
        """Forget what was recorded after `step`."""
        self.length = int(np.searchsorted(self._steps[: self.length], step, side="right"))

    def __len__(self) -> int:
        return self.length

    @property
    def steps(self) -> np.ndarray:
        return self._steps[: self.length]

    @property
    def values(self) -> np.ndarray:
        """(n,) for numbers, (n, layers) for one number per layer; NaN where a layer was not there (yet)."""
        values = self._values[: self.length]
        return values[:, 0] if self._scalar else values

    def _grow(self, width):
        old = self._values
        rows = max(64, len(old), min(2 * self.length, self.capacity))
        columns = max(width, old.shape[1]) if self.length else width
        self._steps = np.resize(self._steps, rows)
        self._values = np.full((rows, columns), np.nan, old.dtype)
        self._values[: self.length, : old.shape[1]] = old[: self.length]

    def _keep(self, rows):
        self._steps[: len(rows)] = self._steps[rows]
        self._values[: len(rows)] = self._values[rows]
        self.length = len(rows)

    def state(self) -> dict[str, Any]:
        """What is not an array, for a JSON file; the arrays are `steps` and `values`."""
        return {"interval": int(self.interval), "capacity": int(self.capacity), "scalar": self._scalar}

    @classmethod
    def from_state(cls, state, steps, values) -> Self:
        """A Series as `state`, `steps` and `values` of another one say; ValueError if they do not fit together."""
        series = cls(state["interval"], state["capacity"], state["scalar"])
        steps = np.asarray(steps)
        values = np.asarray(values, series._values.dtype)
        if steps.dtype.kind not in "iu" or steps.ndim != 1 or values.shape[:1] != steps.shape:
            raise ValueError(f"expected as many values as steps; got steps {steps.shape}, values {values.shape}")
        if values.ndim != (1 if series._scalar else 2) or len(steps) >= series.capacity or (np.diff(steps) <= 0).any():
            raise ValueError(f"this is no column of a history: steps {steps.shape}, values {values.shape}")
        series._steps = steps.astype(np.int64)
        series._values = values.reshape(len(steps), *(values.shape[1:] or (1,))).copy()
        series.length = len(steps)
        return series

    def copy(self) -> "Series":
        other = Series(self.interval, self.capacity, self._scalar)
        other.length = self.length
        other._steps, other._values = self._steps.copy(), self._values.copy()
        return other


class History:
    """The record of a run.

    Columns, read with `history["loss"]` (values) or `history.series("loss")` (steps and values); the rest of a dict
    is there, too (`in`, `len`, iteration over names, keys, values, items, get):

    ==================================================  ==========================================================
    `loss`                                              loss of the batch, every step
    `train_loss` `train_accuracy`                       on the training samples, at every evaluation
    `val_loss` `val_accuracy`                           on the validation samples, at every evaluation
    ==================================================  ==========================================================

    and, one number per layer at every probed step, while somebody watches:

    {quantities}

    and, one number per sample, while somebody asks for it (`Trainer.watch(samples=True)`, a `Samples` view):

    ==================================================  ==========================================================
    `sample_loss` `sample_gradient` `sample_right`      of each of `Trainer.samples`, at every evaluation
    ==================================================  ==========================================================

    A user's own, see `Trainer.record`, are there under their names.

    `events` lists the knobs that were turned.
    """

    _layers: "tuple[str, ...]" = ()  # their names, of a history from a file

    def __init__(self, capacity=4096) -> None:
        self.capacity = capacity
        self.columns = {}
        self.events = []
        self._source = None

    def attach(self, source) -> None:
        """It is the history of that source, whose views `plot` draws; it does not keep the source alive."""
        self._source = weakref.ref(source)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_source": None}  # a copy belongs to nobody yet

    def add(self, name, step, value, interval=1) -> None:
        column = self.columns.get(name)
        if column is None:
            scalar = np.ndim(value) == 0
            # Numbers per layer: more than a map has columns; of hundreds of samples not so many.
            capacity = self.capacity if scalar else max(64, min(self.capacity // 4, WIDE // max(len(value), 1)))
            column = self.columns[name] = Series(interval, capacity, scalar)
        column.add(step, value)

    def due(self, name, step, interval=1) -> bool:
        """Would that column keep a value of this step?  As it gets fuller it keeps fewer."""
        column = self.columns.get(name)
        return step % (interval if column is None else column.interval) == 0

    def series(self, name) -> tuple[np.ndarray, np.ndarray]:
        """(steps, values) of a column; both empty if nothing was recorded under that name yet."""
        column = self.columns.get(name)
        if column is None:
            return np.zeros(0, np.int64), np.zeros(0)
        return column.steps, column.values

    def __getitem__(self, name) -> np.ndarray:
        if name not in self.columns:
            there = ", ".join(sorted(self.columns)) or "nothing yet: train some steps first"
            meant = did_you_mean(name, self.columns) if isinstance(name, str) else ""
            raise KeyError(f"no column {name!r} in this history{meant or ';'} recorded so far: {there}")
        return self.columns[name].values

    if not TYPE_CHECKING:  # an editor that saw it would take any name for one that is there

        def __getattr__(self, name) -> Any:
            hint = f"; read the column as history[{name!r}]" if name in vars(self).get("columns", ()) else ""
            raise AttributeError(f"a History has no {name!r}{hint}")

    def __contains__(self, name) -> bool:
        return name in self.columns

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def __bool__(self) -> bool:
        return True  # also when nothing is in it yet

    def keys(self) -> KeysView[str]:
        """Names of the columns."""
        return self.columns.keys()

    def values(self) -> list[np.ndarray]:
        """Values of each column, as `history[name]`."""
        return [column.values for column in self.columns.values()]

    def items(self) -> list[tuple[str, np.ndarray]]:
        """(name, values) of each column."""
        return [(name, column.values) for name, column in self.columns.items()]

    def get(self, name, default=None) -> Any:
        """`history[name]`, or the default where nothing was recorded under that name."""
        return self.columns[name].values if name in self.columns else default

    def truncate(self, step, turned=False) -> None:
        """Forget what happened after `step`; with `turned`, keep the knobs turned at that very step. What the step did
        by itself stays."""
        for column in self.columns.values():
            column.truncate(step)
        self.events = [e for e in self.events if e.step < step + turned or (e.step == step and e.name == "plateau")]

    def copy(self) -> "History":
        other = History(self.capacity)
        other.columns = {name: column.copy() for name, column in self.columns.items()}
        other.events, other._layers = list(self.events), self._layers
        return other

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """(meta, arrays): all that is in it, for a file. meta: a dict of what JSON holds; arrays: name -> array.
        `History.from_state(meta, arrays)` is an equal history; of the values of an event, only numbers, texts and
        tuples of them are kept, beside its words."""
        columns = {name: column.state() for name, column in self.columns.items()}
        meta = {"capacity": self.capacity, "columns": columns, "events": [event.state() for event in self.events]}
        arrays = {}
        for name, column in self.columns.items():
            arrays[f"steps/{name}"], arrays[f"values/{name}"] = column.steps.copy(), column.values.copy()
        return meta, arrays

    @classmethod
    def from_state(cls, meta, arrays) -> Self:
        """The history that `state` was asked of. ValueError if something is missing or does not fit."""
        try:
            history = cls(meta["capacity"])
            history.columns = {
                name: Series.from_state(state, arrays[f"steps/{name}"], arrays[f"values/{name}"])
                for name, state in meta["columns"].items()
            }
            history.events = [Event.from_state(state) for state in meta["events"]]
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"this is not the state of a history: {type(error).__name__} {error}") from None
        return history

    def save(self, path: "str | os.PathLike[str]") -> None:
        """Write it to a file, which `nb.History.load` reads: all columns, and the events with their words. No pickle:
        the file can be read safely, and is an .npz archive for np.load."""
        files.save(self, path)

    @classmethod
    def load(cls, path: "str | os.PathLike[str]") -> Self:
        """The history that `save` wrote. Of the values of an event it has numbers, texts and tuples of them, else None.
        Raises ValueError for a file that is damaged, of another version, or anything else."""
        return files.load(cls, path)

    def to_csv(self, path: "str | os.PathLike[str] | None" = None, events: bool = False) -> "str | None":
        """A table as CSV, in UTF-8: a text, or None if it is written to the file `path`.

        A row for each step at which anything was recorded, a column for each series; of one number per layer a column
        for each layer, such as "dW[hidden 1]", or "dW[0]" where the layers were not always the same or are not known.
        Empty where nothing was recorded. events: instead a row for each event: step, name, old, new, text.
        """
        return files.to_csv(self, path, events)

    def to_dataframe(self, events: bool = False) -> "DataFrame":
        """The same table as a pandas DataFrame, with the step as its index and NaN where nothing was recorded.
        Raises ImportError where pandas is not installed."""
        return files.to_dataframe(self, events)

    def plot(self, name="loss", ax=None, **options) -> "Axes":
        """The picture of a view ("loss", "gradients", "percentiles", ...) in matplotlib; returns the Axes."""
        from nbprop.views.base.folder import view

        source = None if self._source is None else self._source()
        if source is None:
            gone = "is a copy, or was loaded" if self._source is None else "has lost its trainer: keep it in a variable"
            raise ValueError(f"this history {gone}; to plot, it must be the history of a trainer that is there")
        return view(name, source, **options).plot(ax=ax)

    def __repr__(self) -> str:
        steps = int(self.columns["loss"].steps[-1]) if len(self.columns.get("loss", ())) else 0
        return f"History({steps} steps; {', '.join(sorted(self.columns))}; {len(self.events)} events)"


def _documented(quantities):
    """A line for each column of the table."""
    rule = f"{'=' * 30}  {'=' * 78}"
    lines = [f"{f'`{q.series}`':30}  {q.label} ({q.unit}){'' if q.needs else ', always'}" for q in quantities]
    return "\n    ".join([rule, *lines, rule])


History.__doc__ = (History.__doc__ or "").replace("{quantities}", _documented(QUANTITIES.values()))
