"""What comes from outside is looked at once, here: every error says what was expected, what came and what to try."""

import math
import operator

import numpy as np


def integer(value, name, least):
    """`value` as an int, or a clear error."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}: expected a whole number, got {value!r}") from None
    if number < least:
        raise ValueError(f"{name}: expected at least {least}, got {number}")
    return number


def share(value, name, below=math.inf):
    """`value` as a float in [0, below), or a clear error."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name}: expected a number, got {value!r}") from None
    if not (0 <= number < below and math.isfinite(number)):
        expected = f"0 <= {name} < {below:g}" if below < math.inf else "a finite number, 0 or more"
        raise ValueError(f"{name}: expected {expected}, got {number:g}")
    return number


def is_missing(value):
    """None, NaN, NaT or pandas.NA."""
    try:
        return value is None or bool(value != value)
    except (TypeError, ValueError, ArithmeticError):  # pandas.NA is neither true nor false, Decimal("sNaN") a trap.
        return True


def array(values, name):
    """`values` as an array (not yet numbers), or a clear error."""
    if hasattr(values, "toarray"):
        raise TypeError(f"{name}: expected a dense array, got {type(values).__name__}; try {name}.toarray()")
    if np.ma.is_masked(values):
        raise ValueError(f"{name}: expected a value everywhere, got masked values; try {name}.filled(0)")
    try:
        return np.asarray(values)
    except ValueError:
        raise ValueError(f"{name}: expected rows of the same length, got rows of different lengths") from None


def numbers(values, name):
    """`values` as a new, finite float64 array that fits into float32, or a clear error."""
    values = array(values, name)
    if values.dtype.kind not in "biufO":
        raise TypeError(
            f"{name}: expected real numbers, got dtype {values.dtype}; try to turn each column into numbers"
        )
    try:
        result = values.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        at, bad = next((at, v) for at, v in np.ndenumerate(values) if not _is_number(v))
        raise TypeError(
            f"{name}: expected real numbers, got {bad!r} at {_place(at)}; try to leave this row out"
        ) from None
    kinds = {
        "NaN": np.isnan(result),
        "infinite": np.isinf(result),
        "too large for float32": np.isfinite(result) & (np.abs(result) > np.finfo(np.float32).max),
    }
    bad = np.any(list(kinds.values()), axis=0)
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        counts = " and ".join(f"{there.sum()} {kind}" for kind, there in kinds.items() if there.any())
        raise ValueError(
            f"{name}: expected finite numbers, got {counts} among {bad.size}, the first ({result[first]:g}) at "
            f"{_place(first)}; try to leave out or fill these rows"
        )
    return result


def _is_number(value):
    try:
        float(value)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def _place(index):
    if len(index) > 2:
        return f"[{', '.join(map(str, index))}]"
    return f"row {index[0]}" + (f", column {index[1]}" if len(index) > 1 else "")


def inputs(X, name="X"):
    """`X` as float64 (n, ...), at least two axes, none of them empty."""
    X = array(X, name)
    if X.ndim < 2:
        how = f"; try {name}[:, None]" if X.ndim else ""
        raise ValueError(
            f"{name}: expected shape (samples, features), got {X.shape}{how} (or (samples, time, features) for "
            "sequences, (samples, channels, rows, columns) for pictures)"
        )
    if 0 in X.shape:
        raise ValueError(f"{name}: expected at least one sample and one feature, got shape {X.shape}")
    return numbers(X, name)


def tokens(X, name, count):
    """`X` as int64 (n, ...): numbers of tokens, from 0 to count - 1."""
    X = inputs(X, name)
    bad = (np.round(X) != X) | (X < 0) | (count <= X)
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"{name}: expected tokens of the vocabulary, whole numbers from 0 to {count - 1}, got {X[first]:g} at "
            f"{_place(first)}; try a larger vocabulary, or leave it out if {name} holds measurements"
        )
    return X.astype(np.int64)


def vocabulary(names):
    """Names of tokens, a tuple, from their number, a text of different characters, or a sequence of names."""
    if isinstance(names, str):
        names = tuple(names)
    elif not np.iterable(names):
        names = range(integer(names, "vocabulary", least=1))
    names = tuple(names)
    if not names:
        raise ValueError("vocabulary: expected at least one token, got none")
    return names_of(names, "vocabulary", len(names))


def names_of(names, what, count):
    """`names` as a tuple of `count` different str."""
    if isinstance(names, str):
        raise TypeError(
            f"{what}: expected a sequence of {count} names, got the single text {names!r}; try ({names!r},)"
        )
    names = tuple(str(name) for name in names)
    if len(names) != count:
        raise ValueError(f"{what}: expected {count} names, got {len(names)}: {', '.join(names)}")
    if len(set(names)) != count:
        raise ValueError(f"{what}: expected different names, got {', '.join(names)}")
    return names
