"""What is known of each run, in columns of numbers, so that a hundred thousand runs are a few megabytes."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.record.source import PENDING, STATES

if TYPE_CHECKING:
    from pandas import DataFrame


TAKEN = ("seed", "status", "seconds", "worker", "error")


class Table:
    """Run i is point i // seeds with seed i % seeds.

    `state` (n,): places in `STATES`; `numbers`: name -> (n,), NaN where there is none; `seconds` (n,); `worker` (n,):
    numbers of `workers`; `place` (n, 2): where in the file it is; `where` (n, axes): of each axis, which value;
    `errors`: run -> words.
    """

    def __init__(self, grid: Any, seeds: "tuple[int, ...]") -> None:
        self.grid, self.seeds = grid, seeds
        self.numbers: dict[str, np.ndarray] = {}
        self.workers: dict[str, int] = {}
        self._names: frozenset[str] | None = None  # of the numbers of the first run that was done
        self.errors: dict[int, str] = {}
        self.state, self.worker = np.zeros(0, np.int8), np.zeros(0, np.int32)
        self.seconds, self.place = np.zeros(0, np.float32), np.zeros((0, 2), np.int64)
        self.grow()

    def grow(self) -> None:
        """Room for points that the grid has got since."""
        n = len(self.grid) * len(self.seeds)
        more = n - len(self.state)
        self.state = np.append(self.state, np.full(more, PENDING, np.int8))
        self.worker = np.append(self.worker, np.full(more, -1, np.int32))
        self.seconds = np.append(self.seconds, np.full(more, np.nan, np.float32))
        self.place = np.append(self.place, np.full((more, 2), (-1, 0), np.int64), axis=0)
        self.numbers = {name: np.append(old, np.full(more, np.nan)) for name, old in self.numbers.items()}
        self.where = np.repeat(self.grid.where().astype(np.int32), len(self.seeds), axis=0)

    def __len__(self) -> int:
        return len(self.state)

    def point(self, run: int) -> "tuple[dict[str, Any], int]":
        return self.grid[run // len(self.seeds)], self.seeds[run % len(self.seeds)]

    def put(self, run: int, result: "dict[str, Any]", place: "tuple[int, int]") -> None:
        """What came of a run."""
        for name, value in result["numbers"].items():
            if name not in self.numbers:
                self.numbers = {**self.numbers, name: np.full(len(self.state), np.nan)}
            self.numbers[name][run] = value
        self.worker[run] = self.workers.setdefault(result["worker"], len(self.workers))
        if result["status"] == "done" and self._names is None:
            self._names = frozenset(result["numbers"])
        self.seconds[run], self.place[run] = result["seconds"], place
        if result["error"]:
            self.errors[run] = result["error"]
        else:
            self.errors.pop(run, None)
        self.state[run] = STATES.index(result["status"])

    def strange(self, result: "dict[str, Any]") -> str:
        """What is wrong with the names of its numbers, beside those of the runs before it; "" for nothing."""
        new = result["numbers"].keys()
        if taken := sorted(new & {*self.grid.axes, *TAKEN}):
            return f"a number of it is called {', '.join(taken)}, as a column of the table is: give it another name"
        if result["status"] != "done" or self._names is None or new == self._names:
            return ""
        return (
            f"this run gave the numbers {', '.join(sorted(new))}, those before it {', '.join(sorted(self._names))}: "
            "every run must give the same ones"
        )

    def counts(self) -> "dict[str, int]":
        """How many runs are in each state."""
        return dict(zip(STATES, np.bincount(self.state, minlength=len(STATES)).tolist(), strict=True))

    # ---- as a table --------------------------------------------------------------------------------------------------

    def rows(self) -> "list[dict[str, Any]]":
        """A dict a run, in the order of the grid: its point, seed, status, numbers, seconds, worker, error."""
        names = list(self.workers)
        return [self._row(run, names) for run in range(len(self.state))]

    def _row(self, run, workers):
        point, seed = self.point(run)
        worker = self.worker[run]
        return {
            **point,
            "seed": seed,
            "status": STATES[self.state[run]],
            **{name: float(values[run]) for name, values in self.numbers.items()},
            "seconds": float(self.seconds[run]),
            "worker": workers[worker] if worker >= 0 else "",
            "error": self.errors.get(run, ""),
        }

    def to_dataframe(self) -> "DataFrame":
        """The same as a pandas DataFrame. ImportError where pandas is not installed."""
        try:
            import pandas
        except ImportError as error:
            raise ImportError("a DataFrame needs pandas: pip install pandas; to_csv() does without") from error
        return pandas.DataFrame(self.rows())
