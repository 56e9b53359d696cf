"""A sweep out of its file: what was found, without anything that could make it anew."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import packing
from .grid import Listed, Product, identity
from .known import Known
from .results import FORMAT, MARK, row_at, scanned
from .table import Table

if TYPE_CHECKING:
    import os


def read_sweep(path: "str | os.PathLike[str]", make: "Callable[..., Any] | None" = None) -> "Kept":
    """The results that `nb.sweep(..., file=path)` has written, also while it writes: table, measures, map.

        found = nb.read_sweep("depth.jsonl")
        found.rows()
        nb.views.Phase(found, measure="val_accuracy")  # or found, at the end of a cell

    make: the function that made them, with which a run can be made again and opened; without it the numbers are all
    that there is. Nothing is written. FileNotFoundError; ValueError if it is no file of a sweep, if it is damaged, or
    if its runs are of another make.
    """
    return Kept(Path(path), make)


class Kept(Known):
    """The results in the file of a sweep: see `nb.read_sweep`."""

    status, state, message, version = "ready", "kept", "", 0

    def __init__(self, path: Path, make: "Callable[..., Any] | None") -> None:
        self.path, self._make, self._lock = path, make, threading.RLock()
        with open(path, "rb") as lines:
            header, rows, _ = scanned(lines, path)
        if header is None:
            raise ValueError(f"{path} is not the file of a sweep, as nb.sweep(..., file=...) writes it")
        if header[MARK] != FORMAT:
            raise ValueError(f"{path} was written by another version of nbprop")
        try:
            self._fill(header, {identity(row["point"], row["seed"]): (place, row) for place, row in rows})
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{path} has lines that are no runs of a sweep ({type(error).__name__}: {error})"
            ) from error
        if make is not None:
            self._takes_seed = packing.takes_seed(make, self._names)
            if None not in (header.get("make"), now := packing.fingerprint(make)) and header["make"] != now:
                raise ValueError(
                    f"the runs in {path} were made by another make, so that those which it makes would be others: "
                    "give the one that made them, or none"
                )

    def _fill(self, header, found):
        points = [{name: _value(value) for name, value in row["point"].items()} for _, row in found.values()]
        axes = {name: map(_value, values) for name, values in (header.get("axes") or {}).items()}
        self.grid = Product(axes) if axes else Listed(points)
        self.seeds = tuple(sorted({*header.get("seeds", ()), *(row["seed"] for _, row in found.values())}))
        self._steps = header.get("steps")
        self._know()
        self.table = Table(self.grid, self.seeds)
        known = [identity(*self.table.point(run)) for run in range(len(self.table))]
        if not set(found) <= set(known):  # the grid was made larger later
            self.grid = Listed([*(self.grid[k] for k in range(len(self.grid))), *points])
            self.table = Table(self.grid, self.seeds)
            known = [identity(*self.table.point(run)) for run in range(len(self.table))]
        for run, name in enumerate(known):
            if name in found:
                place, row = found[name]
                self.table.put(run, row, place)

    def describe(self) -> str:
        """How much of it there is, in a sentence."""
        return f"{self._counted()}, from {self.path.name}."

    def _read(self, place):
        with open(self.path, "rb") as file:
            return row_at(file, place)

    def _maker(self):
        if self._make is None:
            raise ValueError(
                f"{self.path.name} has the numbers and not the function that made them: "
                "nb.read_sweep(path, make=make) can open its runs"
            )
        return self._make, self._takes_seed


def _value(value):
    return tuple(map(_value, value)) if isinstance(value, list) else value
