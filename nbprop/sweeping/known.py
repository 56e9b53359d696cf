"""What is known of many runs, while they are made or out of a file: numbers, tables, the map."""

import contextlib
import csv
import io
import random
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np

from nbprop.checks import wrong
from nbprop.record import Diverged, History
from nbprop.record.source import RUNNING, STATES
from nbprop.views.base.folder import kind
from nbprop.views.base.loop import running_loop

from .grid import identity, key_of, plain
from .task import begin

SHORT = 2.0  # seconds that opening a run may take at once


class Known:
    """`table` has what came of each run, `grid` and `seeds` which runs there are."""

    grid: Any
    seeds: tuple[int, ...]
    table: Any
    _lock: "threading.RLock"
    _steps: "int | None"

    def _know(self) -> None:
        self._names: list[str] = list(self.grid.axes)
        self._shown: weakref.WeakSet[Any] = weakref.WeakSet()

    def describe(self) -> str:
        """How far it is, in a sentence or two."""
        raise NotImplementedError

    @property
    def axes(self) -> "dict[str, tuple[Any, ...]]":
        """Name -> values, in order."""
        return dict(self.grid.axes)

    @property
    def steps(self) -> int:
        """How many runs have ended."""
        return int((self.table.state > RUNNING).sum())

    def _counted(self):
        counts, many = self.table.counts(), len(self.table)
        said = [f"{counts[name]:,} {name}" for name in STATES[2:] if counts[name] and name != "done"]
        return f"{self.steps:,} of {many:,} runs" + (f" ({', '.join(said)})" if said else "")

    def result(self, seed: "int | None" = None, **point: Any) -> "dict[str, Any]":
        """What came of one run, with its thinned `history`, a History. ValueError where it is still to come."""
        with self._lock:
            run = self.run_at(seed, **point)
            if self.table.state[run] <= RUNNING or self.table.place[run, 0] < 0:
                raise ValueError(
                    f"{_said(*self.table.point(run))}: {STATES[self.table.state[run]]}, nothing is written yet"
                )
            at, length = map(int, self.table.place[run])
            found, name = self._read((at, length)), self.table.point(run)
            if not {"point", "seed"} <= found.keys() or identity(found["point"], found["seed"]) != identity(*name):
                raise ValueError(
                    f"{_said(*name)} is no longer where it was in the file, which was edited: read it anew"
                )
        return {**found, "history": _history(found.get("history", {}))}

    def _read(self, place: "tuple[int, int]") -> "dict[str, Any]":
        """What the file says there."""
        raise NotImplementedError

    def run_at(self, seed: "int | None" = None, **point: Any) -> int:
        """The number of the run with this point and seed (by default the first)."""
        seed = self.seeds[0] if seed is None else seed
        if seed not in self.seeds:
            raise ValueError(f"seed must be one of {self.seeds}; got {seed}")
        if set(point) != set(self._names):
            raise ValueError(f"expected a value for each of {', '.join(self._names)}; got {', '.join(point) or 'none'}")
        places = []
        for name, value in point.items():
            value = plain(name, value)
            known = [key_of(each) for each in self.axes[name]]
            if key_of(value) not in known:
                raise ValueError(wrong(name, f"one of {', '.join(map(str, self.axes[name]))}", value))
            places.append((self._names.index(name), known.index(key_of(value))))
        columns = np.array([place for _, place in sorted(places)])
        found = np.flatnonzero((self.table.where == columns).all(axis=1))
        if not len(found):
            raise ValueError(f"{point} is no point of this sweep")
        return int(found[self.seeds.index(seed)])

    def rows(self) -> "list[dict[str, Any]]":
        """A dict a run: point, seed, status, numbers, seconds, worker, error."""
        with self._lock:
            return self.table.rows()

    def trainer(self, seed: "int | None" = None, **point: Any) -> Any:
        """The run with this point and seed made again, here, a Trainer, at its last step."""
        self.run_at(seed, **point)
        made = self._again(seed, point)
        if self._steps is not None and made.steps < self._steps:
            with contextlib.suppress(Diverged):
                made.fit(steps=self._steps - made.steps, bar=False)
        return made

    def _again(self, seed, point):
        seed, states = self.seeds[0] if seed is None else seed, (random.getstate(), np.random.get_state())  # noqa: NPY002
        begin(seed)
        try:
            make, takes_seed = self._maker()
            made = make(**point, **({"seed": seed} if takes_seed else {}))
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])  # noqa: NPY002
        if not hasattr(made, "fit") or not hasattr(made, "history"):
            raise TypeError(f"make gives {type(made).__name__} and no Trainer: there is no run to open")
        return made

    def _maker(self):
        """make, and whether it takes a seed."""
        raise NotImplementedError

    def to_dataframe(self) -> Any:
        """`rows()` as a pandas DataFrame."""
        with self._lock:
            return self.table.to_dataframe()

    def to_csv(self, path: Any = None) -> "str | None":
        """`rows()` as CSV: a text, or None if it is written to the file `path`."""
        rows, text = self.rows(), io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        if path is None:
            return text.getvalue()
        Path(path).write_text(text.getvalue(), encoding="utf-8", newline="")
        return None

    def __repr__(self) -> str:
        seeds = f" x {len(self.seeds)} seeds" if len(self.seeds) > 1 else ""
        return f"{type(self).__name__}({self.grid}{seeds}: {self.describe()})"

    # ---- how it is seen ----------------------------------------------------------------------------------------------

    def map(self, line: Any = None, **options: Any) -> Any:
        """The live map: the view `nb.views.Phase` with its options, below which a run can be opened. line: what theory
        says, a function of x or (xs, ys)."""
        from .opened import Shown

        made = Shown(kind("phase")(self, line, **options))
        self._shown.add(made)
        return made

    @property
    def opens(self) -> bool:
        """Is there a place where a run can be opened?"""
        return bool(self._shown)

    def waits(self, **point: Any) -> str:
        """What is to be said before the run with this point is opened, "" for nothing: a make that trains by itself
        holds the notebook until it has done so."""
        seconds = float(self.table.seconds[self.run_at(**point)])
        if self._steps is not None or not seconds > SHORT:
            return ""
        return (
            f"The run is being made again: make trains it by itself, about {seconds:.0f} s in which nothing else runs."
        )

    def open(self, seed: "int | None" = None, **point: Any) -> Any:
        """The run with this point and seed (by default the first) made again: a board with Play, knobs and time line,
        also below each map of the sweep. One that takes more than two seconds goes on before your eyes."""
        from .opened import Opened

        run = self.run_at(seed, **point)
        trainer = self._again(seed, point)
        trainer.watch()
        left = 0 if self._steps is None else max(self._steps - trainer.steps, 0)
        opened, seconds = Opened(trainer), float(self.table.seconds[run])
        if left and (seconds <= SHORT or running_loop() is None):
            with contextlib.suppress(Diverged):  # the board says it
                trainer.fit(steps=left, bar=False)
        elif left:
            trainer.play(steps=left)
        for shown in list(self._shown):
            shown.put(opened)
        return opened

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.map())  # which knows what this page can show


def _history(series):
    history = History()
    for name, (steps, values) in series.items():
        for step, value in zip(steps, values, strict=True):
            history.add(name, step, value)
    return history


def _said(point, seed):
    return ", ".join(f"{name} {value}" for name, value in [*point.items(), ("seed", seed)])
