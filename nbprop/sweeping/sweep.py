"""A sweep: many runs, what is known of them, and how they are seen."""

import time
from typing import Any

import numpy as np

from nbprop import cells
from nbprop.record.source import RUNNING

from . import packing
from .driving import Driving
from .grid import Product, identity
from .known import Known
from .pool import engine
from .results import Results
from .table import Table
from .task import unpacked


class Sweep(Driving, Known):
    """Many runs, made by workers while the notebook goes on. `nb.sweep` makes one; at the end of a cell it is a map.

    `table` has what came of each run; `wait()` waits for all; `pause()`, `resume()`, `cancel()`, `close()`; `state` is
    "running", "paused", "cancelled", "stopped" (its executor is gone: `message` says why), "finished" or "closed".
    """

    def __init__(self, make, grid: Any, propose, measure, seeds, steps, executor, workers, file, limit, ahead, again,
                 most, points) -> None:  # fmt: skip
        self._steps, self._limit, self._ahead, self._most, self._points = steps, limit, ahead, most, points
        self._propose, self.grid, self.seeds = propose, grid, seeds
        self._engine = engine(executor, workers, ahead)
        if propose is not None and not grid.add(propose([]) or [], most // len(seeds)):
            raise ValueError("the function that proposes points gave none: propose([]) is to give the first ones")
        self._know()
        self._takes_seed = packing.takes_seed(make, self._names)
        if not self._takes_seed and len(seeds) > 1:
            raise TypeError("with several seeds make needs an argument for them: make(..., seed)")
        self._packed = packing.pack(make, measure, self._takes_seed)
        self.table = Table(grid, seeds)
        super().__init__()
        cells.claim(self)  # what the same cell made before lets go of its file
        header = {"make": packing.fingerprint(make), "measure": packing.fingerprint(measure), "steps": steps}
        header |= {"grid": str(grid), "seeds": list(seeds), "axes": grid.axes if isinstance(grid, Product) else None}
        self._results = Results(file, header)
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
        words, left = self._counted(), self.left()
        if self.state == "running" and np.isfinite(left):
            words += f", about {_time(left)} left"
        elif self.state != "running":
            words += f", {self.state}"
        return f"{words}. {self.message}".strip() if self.message else f"{words}."

    def _read(self, place):
        return self._results.at(place)

    def _maker(self):
        return unpacked(self._packed)[0], self._takes_seed


def _time(seconds):
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
