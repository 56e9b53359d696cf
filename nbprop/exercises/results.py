"""What was checked in this session: to look back at, to hand in as a file, and to read a folder of such files.

It stays in the kernel until it is saved, and nothing is sent anywhere. It is a help for a talk between teacher and
student, no proof: the file is plain text, and anyone can write one.
"""

import csv
import datetime
import os
import re
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple

HEAD = ("time", "exercise", "what")
KINDS = ("right", "wrong", "hint", "solution")
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")


class Event(NamedTuple):
    """time: UTC, such as "2026-01-31T09:30:00.000000"; exercise: its name; what: one of KINDS."""

    time: str
    exercise: str
    what: str


events: "list[Event]" = []  # of this session, in order


def noted(method: "Callable[..., Any]") -> "Callable[..., Any]":
    """A method of an Exercise of which is noted that it was called: `check` with its verdict, `hint`, `solution`. An
    answer with nothing filled in is not."""

    @wraps(method)
    def inside(exercise, *given, **named):
        said = method(exercise, *given, **named)
        what = method.__name__ if method.__name__ in KINDS else "right" if said.right else "wrong"
        if method.__name__ in KINDS or not said.text.startswith("Not answered yet"):
            now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
            events.append(Event(now.isoformat(timespec="microseconds"), exercise.name, what))
        return said

    return inside


class Results(list):
    """Rows, each a dict: `pandas.DataFrame(results)` makes a table of them. See `results` and `collect`."""

    def __init__(self, rows: "Iterable[dict[str, Any]]" = (), found: "Iterable[Event]" = ()) -> None:
        super().__init__(rows)
        self._events = list(found)

    def save(self, path: "str | os.PathLike[str]") -> Path:
        """Write what was noted into a CSV file, to be handed in; what such a file holds already, of other lessons,
        stays in it. Returns the path. ValueError if there is another file of that name."""
        if not self._events and self:
            raise ValueError("only results() of a session can be saved, not a table of several people")
        path = Path(path)
        known = read(path) if path.exists() else []
        part = path.with_name(f"{path.name}.part")
        with part.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([HEAD, *_in_order(dict.fromkeys([*known, *self._events]))])
        part.replace(path)
        return path

    def by(self, name: str) -> "Results":
        """One row for each value of a column, "who" or "exercise": in how many rows it was tried, how many of these
        were right in the end, and the sums of the other columns."""
        there = [each for each in ("who", "exercise") if not self or each in self[0]]
        if name not in there:
            raise ValueError(f"by: expected {' or '.join(map(repr, there))}, got {name!r}")
        rows: dict[str, dict[str, Any]] = {}
        for row in self:
            sums = rows.setdefault(row[name], {name: row[name], "tried": 0, **dict.fromkeys(COUNTS, 0)})
            sums["tried"] += 1
            for each in COUNTS:
                sums[each] += row[each]
        return Results(rows.values())

    def __repr__(self) -> str:
        if not self:
            return "Nothing was checked yet."
        columns = {name: [name, *(_written(row[name]) for row in self)] for name in self[0]}
        widths = {name: max(map(len, column)) for name, column in columns.items()}
        lines = zip(*([each.ljust(widths[name]) for each in column] for name, column in columns.items()), strict=True)
        return "\n".join("  ".join(line).rstrip() for line in lines)


COUNTS = ("right", "checks", "hints", "solutions")


def results() -> Results:
    """What was checked since the kernel was started, one row for each exercise: whether it is `right` (True from the
    first right answer on), how many `checks` there were until then, `hints` and `solutions` that were looked at, and
    when it was touched `first` and `last` (UTC). `results().save("anna.csv")` writes it down."""
    return Results(_rows(events), events)


def collect(folder: "str | os.PathLike[str]") -> Results:
    """The results of many: one row for each person and exercise, from the files in a folder and its subfolders, which
    `results().save` has written. `who` is the name of the file without its ending, with its subfolder if it is in one.
    What is hidden (its name or a folder's begins with a ".", such as `.ipynb_checkpoints`) is left out.

    FileNotFoundError where there are none; ValueError that names the file and line where one is something else.
    """
    folder = Path(folder)
    paths = [path for path in sorted(folder.rglob("*.csv")) if not _hidden(path.relative_to(folder))]
    if not paths:
        raise FileNotFoundError(f"no file whose name ends in .csv in {str(folder)!r}, in which results were expected")
    return Results(
        {"who": path.relative_to(folder).with_suffix("").as_posix(), **row}
        for path in paths
        for row in _rows(read(path))
    )


def _hidden(path):
    return any(part.startswith(".") for part in path.parts)


def read(path: "str | os.PathLike[str]") -> "list[Event]":
    """The events in a file. ValueError if it is none of `Results.save`."""
    path, line, found = Path(path), 1, []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            for line, row in enumerate(csv.reader(file), 1):
                if line == 1 and tuple(row) != HEAD:
                    raise ValueError(f"expected {','.join(HEAD)}, got {','.join(row)[:60]!r}")
                if line > 1 and row:
                    found.append(_event(row))
            if line == 1 and not found and not path.stat().st_size:
                raise ValueError(f"expected {','.join(HEAD)}, and it is empty")
    except (ValueError, csv.Error) as error:  # UnicodeDecodeError is one
        words = f"{path.name}, line {line}: {error}. Results are in files that results().save(...) has written."
        raise ValueError(words) from None
    return found


def _event(row):
    if len(row) != len(HEAD):
        raise ValueError(f"expected {len(HEAD)} columns, got {len(row)}")
    time, exercise, what = row
    datetime.datetime.fromisoformat(time)
    if not NAME.fullmatch(exercise):
        raise ValueError(f"expected the name of an exercise, got {exercise[:60]!r}")
    if what not in KINDS:
        raise ValueError(f"expected {', '.join(KINDS)}; got {what[:60]!r}")
    return Event(time, exercise, what)


def _in_order(found):
    return sorted(found, key=lambda event: event.time)


def _rows(found):
    """A dict for each exercise, in the order in which they were touched first."""
    rows: dict[str, dict[str, Any]] = {}
    for event in _in_order(found):
        new = {"exercise": event.exercise, "right": False, **dict.fromkeys(COUNTS[1:], 0), "first": event.time}
        row = rows.setdefault(event.exercise, new)
        if event.what in ("right", "wrong"):
            row["checks"] += not row["right"]
            row["right"] |= event.what == "right"
        else:
            row[f"{event.what}s"] += 1
        row["last"] = event.time
    return list(rows.values())


def _written(value):
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value[:16].replace("T", " ") if isinstance(value, str) and value[4:5] == "-" and "T" in value else str(value)
