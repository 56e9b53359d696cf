"""Tables of any make as columns of arrays: data frames, dicts of columns, lists of dicts, structured arrays, CSV files.

No library is asked for: a frame is what gives its columns by their names (pandas, Polars, PyArrow), speaks the data
frame interchange protocol, or hands its memory on as an Arrow stream, which PyArrow reads where it is installed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from os import PathLike
from typing import Any

import numpy as np

from nbprop.data import checks, interchange, tables


@dataclass(frozen=True)
class Table:
    """columns: name -> values (n,), as they come.  categorical: names of those that hold categories, also where these
    are numbers.  lines: of a file, at which line each row begins.  notes: how it was read."""

    columns: dict[str, np.ndarray]
    categorical: frozenset[str] = frozenset()
    lines: list[int] | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def place(self, row: int) -> str:
        """Where this row is: "row 3" (the first is 0), or of a file "line 5"."""
        return f"row {row}" if self.lines is None else f"line {self.lines[row]}"

    def without(self, rows: np.ndarray) -> "Table":
        """The table with the rows (n,) of True left out."""
        lines = None if self.lines is None else [line for line, out in zip(self.lines, rows, strict=True) if not out]
        return Table({name: c[~rows] for name, c in self.columns.items()}, self.categorical, lines, self.notes)


def is_table(source: Any) -> bool:
    """Is this something that `opened` opens?"""
    if isinstance(source, (str, PathLike)):
        return True
    return isinstance(source, (Table, Mapping)) or _are_rows(source) or _frame(source)


def opened(source: Any, what: str = "table") -> Table:
    """The table in what somebody calls a table. Raises TypeError or ValueError that says what does not fit."""
    if isinstance(source, Table):
        return source
    if isinstance(source, (str, PathLike)):
        from nbprop.data.delimited import parsed

        return parsed(source)
    if isinstance(source, Mapping):
        found = _of_columns(source, what)
    elif _are_rows(source):
        found = _of_rows(source, what)
    elif tables.keys(source) is not None and hasattr(source, "__getitem__"):
        found = _of_frame(source, what)
    elif hasattr(source, "__dataframe__"):
        found = Table(*interchange.columns(source, what))
    elif hasattr(source, "__arrow_c_stream__"):
        found = _of_frame(_arrow(source, what), what)
    else:
        raise TypeError(
            f"{what}: expected a data frame, a dict of columns or a list of dicts, got {type(source).__name__}; for "
            "arrays try nb.data.from_arrays(X, y)"
        )
    if not found.columns or not len(found):
        raise ValueError(f"{what}: expected at least one row and one column, got {len(found)} rows of {_list(found)}")
    return found


def _frame(source):
    named = hasattr(source, "columns") or hasattr(source, "column_names") or isinstance(source, np.ndarray)
    frame = named and hasattr(source, "__getitem__") and tables.keys(source) is not None
    return frame or hasattr(source, "__dataframe__") or (hasattr(source, "__arrow_c_stream__") and _is_many(source))


def _is_many(source):
    """Of what gives an Arrow stream: a table, not one column, which NumPy or its name tells."""
    return not (hasattr(source, "__array__") or hasattr(source, "name") or isinstance(source, type))


def _are_rows(source):
    return isinstance(source, (list, tuple)) and bool(source) and isinstance(source[0], Mapping)


def _of_frame(frame, what):
    keys = tables.keys(frame) or {}
    given = dict(zip(keys, tables.in_order(frame, tuple(keys), what), strict=True))
    return Table(given, frozenset(name for name, key in keys.items() if tables.is_category(frame[key])))


def _of_columns(columns, what):
    checks.names_of(columns, f"{what}: the columns", len(columns))
    if columns and not any(
        isinstance(each, (list, tuple)) or np.ndim(each) for each in columns.values()
    ):  # one row: {"age": 30, "sex": "male"}
        columns = {name: [value] for name, value in columns.items()}
    made = {}
    for name, column in columns.items():
        array = _listed(column) if isinstance(column, (list, tuple)) else checks.array(column, f"{what}[{name!r}]")
        if array.ndim != 1:
            raise ValueError(f"{what}: expected one value in each row of column {name!r}, got shape {array.shape}")
        made[str(name)] = array
    lengths = {name: len(column) for name, column in made.items()}
    if len(set(lengths.values())) > 1:
        short, long = min(lengths, key=lengths.__getitem__), max(lengths, key=lengths.__getitem__)
        raise ValueError(
            f"{what}: expected columns of one length, got {lengths[short]} values in {short!r} and {lengths[long]} in "
            f"{long!r}"
        )
    return Table(made, frozenset(str(name) for name, column in columns.items() if tables.is_category(column)))


def _of_rows(rows, what):
    for i, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise TypeError(f"{what}: expected a dict in every row, got {type(row).__name__} at row {i}")
    keys = dict.fromkeys(key for row in rows for key in row)
    checks.names_of(keys, f"{what}: the columns", len(keys))
    return Table({str(key): _listed([row.get(key) for row in rows]) for key in keys})


def _listed(values):
    """A list as an array of the objects in it: NumPy would turn numbers beside texts into texts, lists into rows."""
    made = np.empty(len(values), object)
    made[:] = [*values]
    return made


def _arrow(source, what):
    try:
        return import_module("pyarrow").table(source)
    except ImportError:
        raise TypeError(
            f"{what}: expected columns that can be read by their names, got {type(source).__name__}, which hands on "
            "an Arrow stream: try pip install pyarrow, which reads it, or its to_pandas() or to_dict()"
        ) from None


def _list(table):
    return f"{len(table.columns)} columns"
