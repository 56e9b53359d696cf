"""What a column of a table holds, whatever its type says: numbers, dates, or texts; and where values are missing."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from numbers import Number
from typing import Any, NamedTuple

import numpy as np

from nbprop.data import checks

ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?")
DATE_LIKE = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}\b.*")
NUMBER_LIKE = re.compile(r"[^\w]{0,3}\d[\d.,' ]*\s?\D{0,4}")
CODE = re.compile(r"0\d+")  # such as a postal code: a number would lose its zeros
MOSTLY = 0.8  # of a column's texts: then the others are taken for mistakes
DAY = np.timedelta64(1, "D")
Place = Callable[[int], str]


class Values(NamedTuple):
    """kind: "number", "date" or "text".  values (n,): float64 with NaN, datetime64[us] with NaT, or an object array of
    str and None.  missing: bool (n,).  note: what was taken for granted, or ""."""

    kind: str
    values: np.ndarray
    missing: np.ndarray
    note: str = ""

    @property
    def there(self) -> np.ndarray:
        """Those that are not missing."""
        return self.values[~self.missing]


def values_of(column: np.ndarray, category: bool, place: Place) -> Values:
    """The values of a column (n,) of any type. category: texts, even if they look like numbers. place: row -> words.

    Raises ValueError that says what the first value is that cannot be used, where, and what to try.
    """
    kind = column.dtype.kind
    if kind in "biuf" and not category:
        numbers = column.astype(np.float64)
        _check_finite(numbers, place)
        return Values("number", numbers, np.isnan(numbers), "true is 1 and false 0" if kind == "b" else "")
    if kind == "M":
        dates = column.astype("datetime64[us]")
        return Values("date", dates, np.isnat(dates))
    if kind == "m":
        return Values("number", np.where(np.isnat(column), np.nan, column / DAY), np.isnat(column), "in days")
    if kind in "cV":
        raise ValueError(f"expected numbers, dates or texts, got {column.dtype}")
    listed = column.tolist()
    missing = np.array([checks.is_missing(v) or (type(v) is str and not v.strip()) for v in listed], bool)
    there = [value for value, out in zip(listed, missing.tolist(), strict=True) if not out]
    rows = np.flatnonzero(~missing)

    def at(i):
        return place(int(rows[i]))

    if not there:
        return Values("number", np.full(len(listed), np.nan), missing)
    made, note = _texts([text(v) for v in there]) if category else _known(there, at)
    blank = {"number": np.nan, "date": np.datetime64("NaT", "us")}.get(KINDS[made.dtype.kind])
    values = np.full(len(listed), blank, made.dtype)
    values[~missing] = made
    if made.dtype.kind == "f":
        _check_finite(values, place)
        missing |= np.isnan(values)  # the text "nan"
    return Values(KINDS[made.dtype.kind], values, missing, note)


KINDS = {"f": "number", "M": "date", "O": "text"}


def text(value: Any) -> str:
    """A category as a text: 1.0 is "1", as pandas makes it of 1 where others are missing."""
    if not isinstance(value, Number) or isinstance(value, (bool, np.bool_, complex)):
        return str(value).strip()
    number: Any = value
    try:
        return f"{float(number):.15g}"
    except OverflowError:
        return str(value)


def texts_of(found: Values) -> list[str]:
    """The values as categories; of what is missing any text."""
    truth = found.kind == "number" and found.note.startswith("true")
    return [text(value == 1 if truth else value) for value in found.values]


def _known(there, at):
    """Objects none of which is missing, as an array of float64, datetime64[us] or str; and a note."""
    types = {type(value) for value in there}
    if types == {str}:
        return _read(there, at)
    if all(issubclass(each, (bool, np.bool_)) for each in types):
        return np.array(there, np.float64), "true is 1 and false 0"
    if all(issubclass(each, Number) and not issubclass(each, complex) for each in types):
        try:
            return np.array([float(value) for value in there]), ""
        except OverflowError:
            i = next(i for i, value in enumerate(there) if abs(value) > checks.LARGEST)
            raise ValueError(f"expected numbers within float32, got {there[i]!r} at {at(i)}") from None
    if types in ({np.datetime64}, {np.timedelta64}):
        return (
            (np.array(there, "datetime64[us]"), "") if types == {np.datetime64} else (np.array(there) / DAY, "in days")
        )
    if all(hasattr(each, "year") and hasattr(each, "isoformat") for each in types):
        return np.array([_plain(value) for value in there], "datetime64[us]"), ""
    if all(hasattr(each, "total_seconds") for each in types):
        return np.array([value.total_seconds() / 86400 for value in there]), "in days"
    for i, value in enumerate(there):
        if not isinstance(value, (str, Number)) or isinstance(value, complex):
            raise ValueError(f"expected numbers, dates or texts, got {shown(value)} at {at(i)}")
    return _read([text(value) for value in there], at)


def _plain(value):
    """A date or time without a time zone: in UTC."""
    zone = getattr(value, "tzinfo", None)
    return value if zone is None else value.astimezone(UTC).replace(tzinfo=None)


def _read(texts, at):
    """Texts as numbers or dates, if all of them are."""
    texts = [each.strip() for each in texts]
    if (numbers := as_numbers(texts)) is not None:
        return numbers, "texts that are numbers"
    if ISO.fullmatch(texts[0]) and all(ISO.fullmatch(each) for each in {*texts}):
        try:
            return np.array([_plain(datetime.fromisoformat(each)) for each in texts], "datetime64[us]"), ""
        except ValueError:
            i = next(i for i, each in enumerate(texts) if not _is_date(each))
            raise ValueError(f"expected a date such as 2026-01-31, got {texts[i]!r} at {at(i)}") from None
    return _texts(texts)


def _texts(texts):
    made = np.empty(len(texts), object)
    made[:] = texts
    return made, ""


def _is_date(each):
    try:
        datetime.fromisoformat(each)
    except ValueError:
        return False
    return True


def as_numbers(texts: Sequence[str]) -> np.ndarray | None:
    """Texts as float64, or None if one of them is none, or a code such as 01234, whose zeros mean something."""
    try:
        numbers = np.array([*map(float, texts)])
    except ValueError:
        return None
    if any([CODE.fullmatch(each.strip()) for each in texts if each.lstrip()[:1] == "0" and "." not in each]):
        return None
    return None if not len(texts) or "_" in "".join(texts) else numbers


def is_number(each: str) -> bool:
    """Is this text a number?"""
    return as_numbers([each]) is not None


def odd_one(values: np.ndarray) -> int | None:
    """Which is the first of these texts (n,) that is none, of a column nearly all of which are numbers; or None."""
    known = {each: is_number(each) for each in {*values}}
    numeric = [known[each] for each in values]
    enough = MOSTLY * len(numeric) <= sum(numeric) < len(numeric)
    return numeric.index(False) if enough and sum(known.values()) >= 5 else None


def hint(values: np.ndarray) -> str:
    """What may be tried with texts that only look like numbers or dates, or ""."""
    some = [*values[:100]]
    if all(re.fullmatch(r"-?\d+,\d+", each) for each in some):
        return "numbers with a decimal comma: write points, or read the file with nb.data.from_csv(..., decimal=',')"
    if all(DATE_LIKE.fullmatch(each) for each in some):
        return "dates in a form that can be read in two ways: write them as 2026-01-31"
    if all(NUMBER_LIKE.fullmatch(each) for each in some):
        return "numbers with units, or with marks between the thousands: write plain numbers"
    return ""


def shown(value: Any) -> str:
    """A value as Python writes it, not NumPy; a long one shortened."""
    words = repr(value.item() if isinstance(value, np.number) else value)
    return f"{words[:60]}..." if len(words) > 60 else words


def written(value: float) -> str:
    """A number with four digits that count: 285,400, 0.01234."""
    return f"{float(f'{value:.4g}'):,.10g}"


def such(where: np.ndarray) -> str:
    """ " (3 such)" where more than one of these is true."""
    return f" ({where.sum()} such)" if where.sum() > 1 else ""


def _check_finite(numbers, place):
    with np.errstate(invalid="ignore"):
        bad = np.abs(numbers) > checks.LARGEST
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(
            f"expected finite numbers within float32, got {numbers[row]:g} at {place(row)}{such(bad)}; try to "
            "leave these rows out"
        )
