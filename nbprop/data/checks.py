"""Arrays that come from outside are looked at once, here: each error says what was expected, what came, what to try.

Sizes, shares, seeds and names are looked at by `nbprop.checks`.
"""

import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NoReturn

import numpy as np

from nbprop.checks import whole

PIECE = 2**18  # so many numbers are looked at, or turned into another type, at a time: what is made meanwhile is small
LARGEST = float(np.finfo(np.float32).max)
TIMES = "numbers of your own, such as hours since the first one, the hour of the day or the day of the week"


class DataWarning(UserWarning):
    """The data can be used as they are, but look like a mistake: it says which, and what to try."""


def warn(words: Iterable[str]) -> None:
    """A DataWarning of each, at the line outside nbprop that gave the data."""
    level, frame = 1, sys._getframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "nbprop":
        level, frame = level + 1, frame.f_back
    for word in words:
        warnings.warn(word, DataWarning, stacklevel=level)


def pieces(values: np.ndarray) -> Iterator[np.ndarray]:
    """The rows of an array, some at a time, PIECE numbers or one row."""
    rows = max(1, PIECE // max(1, values[:1].size))
    for start in range(0, len(values), rows):
        yield values[start : start + rows]


def is_missing(value: Any) -> bool:
    """None, NaN, NaT or pandas.NA."""
    try:
        return value is None or bool(value != value)
    except (TypeError, ValueError, ArithmeticError):  # pandas.NA is neither true nor false, Decimal("sNaN") a trap.
        return True


def array(values: Any, name: str) -> np.ndarray:
    """`values` as an array (not yet numbers), or a clear error."""
    if hasattr(values, "toarray"):
        raise TypeError(f"{name}: expected a dense array, got {type(values).__name__}; try {name}.toarray()")
    if isinstance(values, dict):
        raise TypeError(
            f"{name}: expected an array or a data frame, got a dict; try nb.data.Arrays for a model of several inputs"
        )
    if np.ma.is_masked(values):
        raise ValueError(f"{name}: expected a value everywhere, got masked values; try {name}.filled(0)")
    try:
        return np.asarray(values)
    except ValueError:
        raise ValueError(
            f"{name}: expected rows of the same length, got rows of different lengths; try nb.data.pad({name})"
        ) from None


def numbers(values: Any, name: str, columns: Sequence[str] = ()) -> np.ndarray:
    """`values` as an array of real numbers (bool, whole or float, as they come), all finite and within float32; or an
    error that says where. columns: names of the columns, for that."""
    values = array(values, name)
    kind = values.dtype.kind
    if kind in "Mm":
        where = f" in column {columns[0]!r}" if len(columns) == 1 else ""
        raise TypeError(f"{name}: expected real numbers, got dates or times ({values.dtype}){where}; try {TIMES}")
    if kind == "c":
        raise TypeError(f"{name}: expected real numbers, got complex ones; try {name}.real, or abs({name})")
    if kind not in "biufO":
        raise TypeError(
            f"{name}: expected real numbers, got dtype {values.dtype}; try {name}.astype(float) if the texts are "
            f"numbers; for categories from_arrays(..., one_hot=True) of a data frame, for class numbers "
            f"np.unique({name}, return_inverse=True)[1]"
        )
    if kind == "O":
        values = _from_objects(values, name, columns)
    if values.dtype.kind == "f":
        wide = values.dtype.itemsize > 4
        if not all(
            np.all(np.abs(p) <= LARGEST) if wide else np.isfinite(p).all() for p in pieces(np.atleast_1d(values))
        ):
            _not_finite(values, name, columns)
    return values


def _from_objects(values, name, columns):
    """An array of Python's objects as float64."""
    try:
        if any(isinstance(value, (str, bytes)) for value in values.flat):
            raise TypeError
        return values.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        at, bad = next((at, value) for at, value in np.ndenumerate(values) if not _is_number(value))
    what, error = f"{name}: expected real numbers, got {bad!r} at {_place(at, columns)}; try ", TypeError
    if isinstance(bad, (str, bytes)):
        what += "to leave this row out; numbers in place of texts; or, for categories, a data frame and one_hot=True"
    elif is_missing(bad):
        what, error = what + "to leave this row out, or to fill the place", ValueError
    elif hasattr(bad, "isoformat") or hasattr(bad, "total_seconds"):
        what += TIMES
    elif isinstance(bad, int):
        what, error = what + "smaller numbers: it is too large for float32", ValueError
    else:
        what += "to leave this row out"
    raise error(what) from None


def _is_number(value):
    try:
        float(value)
    except (TypeError, ValueError, OverflowError):
        return False
    return not isinstance(value, (str, bytes))


def _not_finite(values, name, columns) -> NoReturn:
    large = np.isfinite(values) & (np.abs(values.astype(np.float64)) > LARGEST)
    kinds = {"NaN": np.isnan(values), "infinite": np.isinf(values), "too large for float32": large}
    bad = np.any(list(kinds.values()), axis=0)
    first = tuple(int(i) for i in np.argwhere(bad)[0])
    counts = " and ".join(f"{there.sum()} {kind}" for kind, there in kinds.items() if there.any())
    raise ValueError(
        f"{name}: expected finite numbers, got {counts} among {bad.size}, the first ({values[first]:g}) at "
        f"{_place(first, columns)}; try to leave out or fill these rows"
    )


def _place(index, columns=()):
    if len(index) not in (1, 2):
        return f"[{', '.join(map(str, index))}]"
    column = index[-1] if not columns else repr(columns[index[-1]])
    return f"row {index[0]}" + (f", column {column}" if len(index) > 1 else "")


def inputs(X: Any, name: str = "X", columns: Sequence[str] = ()) -> np.ndarray:
    """`X` as real numbers (n, ...), at least two axes, none of them empty."""
    X = array(X, name)
    if X.ndim < 2:
        how = f"; try {name}[:, None]" if X.ndim else ""
        raise ValueError(
            f"{name}: expected shape (samples, features), got {X.shape}{how} (or (samples, time, features) for "
            "sequences, (samples, channels, rows, columns) for pictures)"
        )
    if 0 in X.shape:
        raise ValueError(f"{name}: expected at least one sample and one feature, got shape {X.shape}")
    return numbers(X, name, columns if X.ndim == 2 and len(columns) == X.shape[1] else ())


def tokens(X: Any, name: str, count: int) -> np.ndarray:
    """`X` as int64 (n, ...): numbers of tokens, from 0 to count - 1."""
    X = inputs(X, name)
    bad = (np.round(X) != X if X.dtype.kind == "f" else False) | (X < 0) | (count <= X)
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"{name}: expected tokens of the vocabulary, whole numbers from 0 to {count - 1}, got {X[first]:g} at "
            f"{_place(first)}; try a larger vocabulary, or leave it out if {name} holds measurements"
        )
    return X.astype(np.int64)


def vocabulary(names: Any) -> tuple[str, ...]:
    """Names of tokens, a tuple, from their number, a text of different characters, or a sequence of names."""
    if isinstance(names, str):
        names = tuple(names)
    elif not np.iterable(names):
        names = range(whole(1)("vocabulary", names))
    names = tuple(names)
    if not names:
        raise ValueError("vocabulary: expected at least one token, got none")
    return names_of(names, "vocabulary", len(names))


def names_of(names: Any, what: str, count: int) -> tuple[str, ...]:
    """`names` as a tuple of `count` different str."""
    if isinstance(names, str):
        raise TypeError(
            f"{what}: expected a sequence of {count} names, got the single text {names!r}; try ({names!r},)"
        )
    if not np.iterable(names):
        raise TypeError(f"{what}: expected a sequence of {count} names, got {names!r}")
    names = tuple(str(name) for name in names)
    if len(names) != count:
        raise ValueError(f"{what}: expected {count} names, got {len(names)}: {', '.join(names)}")
    if len(set(names)) != count:
        raise ValueError(f"{what}: expected different names, got {', '.join(names)}")
    return names
