"""The inputs that are made of a column of a table: learned from the training rows, made again of rows that come later.

A column knows its `features`, the names of its inputs; which of them are `amounts`, to be scaled with the others, where
all else is 0 or 1 (or, of dates, a sine and cosine); and `words`, what was made of it.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from nbprop.data.values import DAY, Place, Values, hint, is_number, odd_one, shown, such, text, texts_of, written

MOST = 20  # inputs of one column of categories
EACH = 2  # a column of more values than MOST, each there less often than this on the average, names the rows
IDENTIFIER = re.compile(
    r"(.*[_ .-])?(id|ids|nr|no|number|index|key|row)|[a-z]+I[dD]|unnamed: 0|column 1", re.IGNORECASE
)
FEW = 10  # rows of which all are different, by chance
YEAR, WEEK = 365.2425, 7.0  # days
MONDAY = np.datetime64("1970-01-05", "us")
Say = Callable[[str], None]


class LeftOut(Exception):
    """A column of which no input is made; why."""


@dataclass(frozen=True)
class Column:
    """name: of the column.  kind: what `values.Values` calls it.  words: what was made of it."""

    name: str
    words: str
    kind = ""
    literal = property(lambda self: False)  # whether its values are texts, as they are written

    @property
    def features(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def amounts(self) -> tuple[bool, ...]:
        return (False,) * len(self.features)

    def read(self, found: Values, place: Place, say: Say) -> np.ndarray:
        """The inputs (n, features) of values of the column, float64. say: told what was not as in the training rows."""
        raise NotImplementedError

    def of_kind(self, found: Values, place: Place) -> Values:
        """The values, if they are of the kind that they were; ValueError with words else."""
        if found.kind == self.kind or found.missing.all():
            return found
        if self.kind == "text":  # categories that look like numbers or dates in what came later
            made = np.empty(len(found.values), object)
            made[:] = texts_of(found)
            return Values("text", made, found.missing)
        row = int(np.flatnonzero(~found.missing)[0])
        if found.kind == "text" and self.kind == "number":
            row = next(i for i, gap in enumerate(found.missing) if not gap and not is_number(found.values[i]))
        raise ValueError(
            f"expected {self.kind}s in column {self.name!r}, got {shown(found.values[row])} at {place(row)}"
        )


def _missing(found, name, known, instead, place, say):
    """Says that values are missing in a column that had all. known: whether some were missing there, too."""
    if known or not found.missing.any():
        return
    row = int(found.missing.argmax())
    say(f"{name!r} has no value at {place(row)}{such(found.missing)}, and always had one: {instead} was taken")


@dataclass(frozen=True)
class Numbers(Column):
    """A number, as it is; where it is missing `fill`, and if `flagged` an input that says so."""

    fill: float
    flagged: bool
    amount: bool
    kind = "number"

    @property
    def features(self) -> tuple[str, ...]:
        return (self.name, f"{self.name} is missing") if self.flagged else (self.name,)

    @property
    def amounts(self) -> tuple[bool, ...]:
        return (self.amount, False)[: len(self.features)]

    def read(self, found: Values, place: Place, say: Say) -> np.ndarray:
        found = self.of_kind(found, place)
        _missing(found, self.name, self.flagged, written(self.fill), place, say)
        numbers = np.where(found.missing, self.fill, 0.0 if found.kind != "number" else found.values)
        return np.stack([numbers, found.missing] if self.flagged else [numbers], axis=1)


@dataclass(frozen=True)
class Categories(Column):
    """An input for each of `values`, 1 where the column has it, else 0; of two values (`single`) one for the second.
    others: the last is for whatever else there was in the training rows. missing: one more for what is missing.
    as_written: they are texts; else (a number or date, which is the only one) they are what is written."""

    values: tuple[str, ...]
    others: bool
    missing: bool
    single: bool
    as_written: bool
    known: frozenset[str] = field(repr=False)
    kind = "text"
    literal = property(lambda self: self.as_written)

    @property
    def features(self) -> tuple[str, ...]:
        names = [*self.values[self.single :], *["others"] * self.others, *["missing"] * self.missing]
        return tuple(f"{self.name}={value}" for value in names)

    def read(self, found: Values, place: Place, say: Say) -> np.ndarray:
        found = self.of_kind(found, place)
        instead = f"{self.values[0]!r}" if self.single else "'others'" if self.others else "none of these"
        _missing(found, self.name, self.missing or len(self.values) < 2, instead, place, say)
        number = {value: i for i, value in enumerate(self.values)}
        rest = len(self.values) if self.others else -1
        places = np.where(found.missing, -1, [number.get(value, rest) for value in found.values])
        if (unknown := ~found.missing & np.array([v not in self.known for v in found.values], bool)).any():
            row = int(unknown.argmax())
            say(
                f"{self.name!r} has {found.values[row]!r} at {place(row)}{such(unknown)}, which no training "
                f"row had ({_listed(self.values)}): {instead} was taken"
            )
        made = np.zeros((len(places), len(self.values) + self.others + self.missing))
        rows = np.flatnonzero(places >= 0)
        made[rows, places[rows]] = 1
        if self.missing:
            made[found.missing, -1] = 1
        return made[:, self.single :]


@dataclass(frozen=True)
class Dates(Column):
    """Days since `first`, and where on its round a clock, a week or a year is: a sine and a cosine for each of `rounds`
    (name, days)."""

    first: np.datetime64
    fill: np.datetime64
    flagged: bool
    rounds: tuple[tuple[str, float], ...]
    kind = "date"

    @property
    def features(self) -> tuple[str, ...]:
        rounds = [f"{name} ({way})" for name, _ in self.rounds for way in ("sin", "cos")]
        names = [f"{self.name}, days", *(f"{self.name}, {each}" for each in rounds)]
        return (*names, *[f"{self.name} is missing"] * self.flagged)

    @property
    def amounts(self) -> tuple[bool, ...]:
        return (True, *[False] * (len(self.features) - 1))

    def read(self, found: Values, place: Place, say: Say) -> np.ndarray:
        found = self.of_kind(found, place)
        _missing(found, self.name, self.flagged, str(self.fill.astype("datetime64[D]")), place, say)
        dates = np.where(found.missing, self.fill, self.fill if found.kind != "date" else found.values)
        parts = [(dates - self.first) / DAY]
        for _, days in self.rounds:
            angle = 2 * np.pi * ((dates - MONDAY) / DAY % days) / days
            parts += [np.sin(angle), np.cos(angle)]
        return np.stack([*parts, found.missing] if self.flagged else parts, axis=1)


# ---- what is made of a column ----------------------------------------------------------------------------------------


def made_of(name: str, found: Values, train: np.ndarray, most: int, place: Place) -> Column:
    """The column that makes inputs of these values (n,), learned from the rows `train` (bool (n,)).

    Raises LeftOut for one that says nothing, ValueError for texts that are no categories.
    """
    different = {*found.there.tolist()}
    if not different:
        raise LeftOut("holds nothing")
    if len(different) == 1 and not found.missing.any():
        raise LeftOut(f"is {_value(next(iter(different)))} everywhere")
    if len(different) == 1 or found.kind == "text":
        return _categories(name, found, train, most, place)
    known = found.values[train & ~found.missing]
    if not len(known):
        raise LeftOut("holds nothing in the training rows")
    flagged, note = bool(found.missing.any()), f" ({found.note})" if found.note else ""
    if found.kind == "date":
        return _dates(name, found, known, flagged)
    if different <= {0.0, 1.0}:
        fill = float(np.mean(known) >= 0.5)
        return Numbers(name, f"0 or 1{note}{_filled(found, f'{fill:g}', 'the more frequent')}", fill, flagged, False)
    fill = float(np.median(known))
    span = f"from {written(known.min())} to {written(known.max())}"
    return Numbers(name, f"a number{note}, {span}{_filled(found, written(fill), 'the median')}", fill, flagged, True)


def identifier(name: str, found: Values) -> str:
    """Why this column of numbers looks as if it only named the rows, or ""."""
    numbers = found.there
    if found.kind != "number" or len(numbers) < FEW or found.missing.any() or (numbers != np.round(numbers)).any():
        return ""
    ordered = np.sort(numbers)
    if (np.diff(ordered) == 0).any():
        return ""
    if (np.diff(ordered) == 1).all():
        return f"counts the rows, from {ordered[0]:.15g} to {ordered[-1]:.15g}"
    return "is a different whole number in every row" if IDENTIFIER.fullmatch(name) else ""


def _filled(found, value, what):
    if not found.missing.any():
        return ""
    rows = f"{found.missing.sum()} rows" if found.missing.sum() > 1 else "one row"
    return f"; missing in {rows}: there {value} ({what}), and an input that says so"


def _categories(name, found, train, most, place):
    texts = np.array(texts_of(found), object)[~found.missing]
    counts = Counter(texts)
    if len(counts) > 1:
        _check_categories(found, counts, most, place)
    rows = np.flatnonzero(~found.missing)
    learned = Counter(each for each, row in zip(texts, rows, strict=True) if train[row]) or counts
    often = [value for value, _ in sorted(learned.items(), key=lambda item: (-item[1], item[0]))]
    missing = bool(found.missing.any()) and len(counts) > 1
    others = len(often) > most - missing
    values = tuple(sorted(often[: most - missing - 1] if others else often))
    single = len(values) == 2 and not others and not missing
    if single:
        words = f"1 for {values[1]!r}, 0 for {values[0]!r}"
    else:
        words = f"an input for each of {_listed(values)}"
        words += f", and one for the {len(often) - len(values)} rarer values" if others else ""
        words += f", and one for the {found.missing.sum()} that are missing" if missing else ""
        words += f"; 0 for the {found.missing.sum()} that are missing" if len(counts) == 1 else ""
    return Categories(name, words, values, others, missing, single, found.kind == "text", frozenset(learned))


def _check_categories(found, counts, most, place):
    """ValueError for texts that are mistakes among numbers, or names of the rows, or sentences."""
    rows = np.flatnonzero(~found.missing)
    if (i := odd_one(found.there)) is not None:
        odd = found.there[i]
        raise ValueError(
            f"expected a number in every row, got {odd!r} at {place(int(rows[i]))}; try to leave this row out, or "
            f"na_values=[{odd!r}], which takes it for missing"
        )
    total = sum(counts.values())
    names = len(counts) == total >= FEW or (len(counts) > most and len(counts) * EACH > total)
    if names:
        first = found.there[0]
        first = f"{first[:40]}..." if len(first) > 40 else first
        words = f"expected categories, got {len(counts)} different texts in {total} rows, such as {first!r}"
        likely = hint(found.there)
        raise ValueError(
            f"{words}; they look like {likely}" if likely else f"{words}: they name the rows, or are prose"
        )


def _dates(name, found, known, flagged):
    first, last = known.min(), known.max()
    fill = np.sort(known)[len(known) // 2]
    days = (known - MONDAY) / DAY
    long, rounds = (last - first) / DAY, []
    for what, length, enough in (("time of day", 1.0, 2), ("day of the week", WEEK, 14), ("time of year", YEAR, YEAR)):
        at = days % 1 if length == 1 else np.floor(days)
        if long >= enough and len(np.unique(at % length)) > 1:
            rounds.append((what, length))
    words = f"days since {np.datetime_as_string(first, 'D')}"
    words += f", {', '.join(what for what, _ in rounds)} (a sine and a cosine each)" if rounds else ""
    words += _filled(found, np.datetime_as_string(fill, "D"), "the median")
    return Dates(name, words, first, fill, flagged, tuple(rounds))


def _value(value):
    return repr(value) if isinstance(value, str) else text(value)


def _listed(names, most=8):
    shown = [repr(name) for name in names[:most]]
    return ", ".join(shown) + (f" and {len(names) - most} more" if len(names) > most else "")
