"""Data frames: columns go by their names, never by their order. No library is needed: a table is what has `columns` (or
`column_names`) and gives each as table[name], as in pandas, Polars and PyArrow, and NumPy's structured arrays."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbprop.data import checks

MANY = 20  # a text column of more different values than this, most of them there once, is a name, not a category


def keys(table: Any) -> dict[str, Any] | None:
    """Name -> key of each column, or None if this is not a table."""
    found = getattr(getattr(table, "dtype", None), "names", None)
    for attribute in ("column_names", "columns"):
        names = getattr(table, attribute, None)
        if found is None and isinstance(names, Iterable):
            found = list(names)
    if found is None:
        return None
    checks.names_of(found, "the table's columns", len(found))
    return {str(name): name for name in found}


@dataclass(frozen=True)
class Columns:
    """Which columns make the inputs, in which order.

    names: of the columns.
    values: column of texts -> its different values, each of which is an input, 1 where the column has it, else 0.
    """

    names: tuple[str, ...]
    values: dict[str, tuple[Any, ...]]

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the inputs: of the columns, or "column=value"."""
        return tuple(
            each for name in self.names for each in ([f"{name}={v}" for v in self.values.get(name, ())] or [name])
        )

    def read(self, table: Any, what: str = "X") -> np.ndarray:
        """The inputs (n, d) from a table with these columns, in any order and among others. Raises ValueError or
        TypeError that names the columns that are missing or not of numbers."""
        columns = [self._read(*each, what) for each in zip(self.names, in_order(table, self.names, what), strict=True)]
        whole = np.empty((len(columns[0]), sum(c.shape[1] for c in columns)), np.result_type(*columns))
        return np.concatenate(columns, axis=1, out=whole)

    def _read(self, name, column, what):
        values = self.values.get(name)
        if values is None:
            return checks.numbers(column[:, None], what, (name,))
        number, found = {value: i for i, value in enumerate(values)}, column.tolist()
        for row, value in enumerate(found):
            if value not in number:
                raise ValueError(
                    f"{what}: expected in column {name!r} one of {_list(values)}, got {value!r} at row {row}; "
                    "try to leave this row out, or to have the value in the X that the data set is made of"
                )
        return np.eye(len(values), dtype=np.uint8)[[number[value] for value in found]]


def in_order(table: Any, names: tuple[str, ...], what: str) -> list[np.ndarray]:
    """The columns of these names, (n,) each, as they come."""
    known = keys(table) or {}
    if missing := [name for name in names if name not in known]:
        raise ValueError(
            f"{what}: expected the columns {_list(names)}, in any order, got no {_list(missing)} among {_list(known)}; "
            f"try to rename columns (or {what}.to_numpy(), if their order is right)"
        )
    columns = [_array(table[known[name]], f"{what}, column {name!r}") for name in names]
    for name, column in zip(names, columns, strict=True):
        if column.ndim != 1:
            raise ValueError(f"{what}: expected one value in each row of column {name!r}, got {column.shape[1:]}")
    return columns


def _array(column, what):
    if str(getattr(column, "type", "")).startswith("dictionary"):  # NumPy would give PyArrow's None another value
        column = np.array([*column.to_pylist(), None], object)[:-1]
    return checks.array(column, what)


def columns_of(table: Any, what: str, one_hot: bool, names: tuple[str, ...] | None = None) -> Columns:
    """The columns of a table, all or those of these names, in that order; those of texts or categories only with
    `one_hot`: TypeError names them otherwise."""
    names = tuple(keys(table) or ()) if names is None else names
    given = dict(zip(names, in_order(table, names, what), strict=True))
    known = keys(table) or {}
    texts = {name: given[name].tolist() for name in names if _texts(table[known[name]], given[name])}
    if texts and not one_hot:
        raise TypeError(
            f"{what}: expected columns of numbers, got texts or categories in {_list(texts)}; try one_hot=True, which "
            "makes an input of each of their values, or leave these columns out"
        )
    values = {}
    for name, column in texts.items():
        for row, value in enumerate(column):
            if checks.is_missing(value):
                raise ValueError(
                    f"{what}: expected a value everywhere, got {value!r} at row {row}, column {name!r}; "
                    "try to leave this row out, or to fill the place"
                )
        different = set(column)
        if len(different) > max(MANY, len(column) // 2):
            raise ValueError(
                f"{what}: expected categories in column {name!r}, got {len(different)} different values in "
                f"{len(column)} rows: it names the rows; try to leave this column out"
            )
        values[name] = tuple(sorted(different, key=lambda value: (str(type(value)), value)))
    return Columns(names, values)


def _texts(column, values):
    """Does a column hold texts or categories? values: it as an array."""
    text = values.dtype.kind == "O" and any(isinstance(value, (str, bytes)) for value in values.flat)
    return is_category(column) or text or values.dtype.kind in "UST"


def is_category(column: Any) -> bool:
    """Does the type of a column say so? As of pandas, Polars and PyArrow."""
    kind = getattr(column, "dtype", getattr(column, "type", ""))
    return str(kind).lower().startswith(("categor", "enum", "dictionary"))


def check_same_rows(X: Any, y: Any, names: tuple[str, str] = ("X", "y")) -> None:
    """ValueError where two tables number their rows differently (`index`, as in pandas): side by side they would be
    mixed up."""
    indices: list[Any] = [getattr(each, "index", None) for each in (X, y)]
    if any(index is None or callable(index) for index in indices):
        return
    one, two = map(list, indices)
    if len(one) == len(two) and one != two:
        row = next(i for i, (a, b) in enumerate(zip(one, two, strict=True)) if a != b)
        raise ValueError(
            f"{names[1]}: expected the rows of {names[0]}, got another index: {two[row]!r} instead of {one[row]!r} at "
            f"row {row}; try {names[1]}.loc[{names[0]}.index], or {names[1]}.to_numpy() if the rows are in order"
        )


def _list(names):
    names = [*names]
    return ", ".join(map(repr, names[:10])) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
