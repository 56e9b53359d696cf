"""A sweep: many runs, what is known of them, and how they are seen."""

import contextlib
import csv
import io
import random
import time
import weakref
from pathlib import Path
from typing import Any

import numpy as np

from nbprop import cells
from nbprop.checks import wrong
from nbprop.record import Diverged, History
from nbprop.record.source import RUNNING, STATES
from nbprop.views.base.folder import kind
from nbprop.views.base.loop import running_loop

from . import packing
from .driving import Driving, identity
from .grid import key_of, plain
from .pool import engine
from .results import Results
from .table import Table
from .task import begin, unpacked

SHORT = 2.0  # seconds that opening a run may take at once


class Sweep(Driving):
    """Many runs, made by workers while the notebook goes on. `nb.sweep` makes one; at the end of a cell it is a map.

    `table` has what came of each run; `wait()` waits for all; `pause()`, `resume()`, `cancel()`, `close()`; `state` is
    "running", "paused", "cancelled", "stopped" (its executor is gone: `message` says why), "finished" or "closed".
    """

    def __init__(self, make, grid: Any, propose, measure, seeds, steps, executor, workers, file, limit, ahead, again,
                 most) -> None:  # fmt: skip
        self._steps, self._limit, self._ahead, self._most = steps, limit, ahead, most
        self._propose, self.grid, self.seeds = propose, grid, seeds
        self._engine = engine(executor, workers, ahead)
        if propose is not None and not grid.add(propose([]) or [], most // len(seeds)):
            raise ValueError("the function that proposes points gave none: propose([]) is to give the first ones")
        self._names = list(grid.axes)
        self._takes_seed = packing.takes_seed(make, self._names)
        if not self._takes_seed and len(seeds) > 1:
            raise TypeError("with several seeds make needs an argument for them: make(..., seed)")
        self._packed = packing.pack(make, measure, self._takes_seed)
        self.table = Table(grid, seeds)
        self._shown: weakref.WeakSet[Any] = weakref.WeakSet()
        super().__init__()
        cells.claim(self)  # what the same cell made before lets go of its file
        header = {"make": packing.fingerprint(make), "measure": packing.fingerprint(measure), "steps": steps}
        self._results = Results(file, {**header, "grid": str(grid), "seeds": list(seeds)})
        self._earlier = {identity(row["point"], row["seed"]): (place, row) for place, row in self._results.earlier}
        self._results.earlier.clear()
        self._recall(again)
        if propose is None:
            self._earlier = {}

    def wait(self, timeout: "float | None" = None, bar: bool = True) -> "Sweep":
        """Wait until it has ended, is paused or stopped; with a line of progress. An interrupt ends the waiting and
        nothing else. TimeoutError after so many seconds."""
        until = None if timeout is None else time.monotonic() + timeout
        shown = ""
        try:
            while not self._ended.wait(0.2 if until is None else min(0.2, max(until - time.monotonic(), 0))):
                if until is not None and time.monotonic() >= until:
                    raise TimeoutError(f"after {timeout:g} s: {self.describe()}; it goes on")
                if bar and (words := self.describe()) != shown:
                    shown = words
                    print(f"\r{words[:110]:110}", end="", flush=True)
        finally:
            if bar:
                print(f"\r{self.describe()[:110]:110}")
        return self

    # ---- what is known -----------------------------------------------------------------------------------------------

    @property
    def axes(self) -> "dict[str, tuple[Any, ...]]":
        """Name -> values, in order."""
        return dict(self.grid.axes)

    @property
    def steps(self) -> int:
        """How many runs have ended."""
        return int((self.table.state > RUNNING).sum())

    def left(self) -> float:
        """Seconds that are still to be waited, as it seems; NaN while nothing is known."""
        open_ = int((self.table.state <= RUNNING).sum())
        made = self.steps - self._recalled
        if not open_ or made <= 0:
            return 0.0 if not open_ else float("nan")
        going = self._thread is not None and not self._ended.is_set()
        return open_ * (self._worked + (time.monotonic() - self._began if going else 0)) / made

    def describe(self) -> str:
        """How far it is, in a sentence or two."""
        counts, many = self.table.counts(), len(self.table)
        said = [f"{counts[name]:,} {name}" for name in STATES[2:] if counts[name] and name != "done"]
        words = f"{self.steps:,} of {many:,} runs" + (f" ({', '.join(said)})" if said else "")
        left = self.left()
        if self.state == "running" and np.isfinite(left):
            words += f", about {_time(left)} left"
        elif self.state != "running":
            words += f", {self.state}"
        return f"{words}. {self.message}".strip() if self.message else f"{words}."

    def result(self, seed: "int | None" = None, **point: Any) -> "dict[str, Any]":
        """What came of one run, with its thinned `history`, a History. ValueError where it is still to come."""
        with self._lock:
            run = self.run_at(seed, **point)
            if self.table.state[run] <= RUNNING or self.table.place[run, 0] < 0:
                raise ValueError(
                    f"{_said(*self.table.point(run))}: {STATES[self.table.state[run]]}, nothing is written yet"
                )
            at, length = map(int, self.table.place[run])
            found = self._results.at((at, length))
        return {**found, "history": _history(found["history"])}

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

    def trainer(self, seed: "int | None" = None, **point: Any) -> Any:
        """The run with this point and seed made again, here, by what was sent to the workers: a Trainer, at its last
        step."""
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
            made = unpacked(self._packed)[0](**point, **({"seed": seed} if self._takes_seed else {}))
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])  # noqa: NPY002
        if not hasattr(made, "fit") or not hasattr(made, "history"):
            raise TypeError(f"make gives {type(made).__name__} and no Trainer: there is no run to open")
        return made

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
        return f"Sweep({self.grid}{f' x {len(self.seeds)} seeds' if len(self.seeds) > 1 else ''}: {self.describe()})"

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
        self.map()._ipython_display_()


def _history(series):
    history = History()
    for name, (steps, values) in series.items():
        for step, value in zip(steps, values, strict=True):
            history.add(name, step, value)
    return history


def _said(point, seed):
    return ", ".join(f"{name} {value}" for name, value in [*point.items(), ("seed", seed)])


def _time(seconds):
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
