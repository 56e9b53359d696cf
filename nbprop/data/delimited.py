"""CSV files: what separates the columns, whether they have names and how numbers are written is found, or said."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from nbprop.checks import choice, optional
from nbprop.data import files, values
from nbprop.data.dataset import Dataset
from nbprop.data.table import Table
from nbprop.data.tabular import from_table

SEPARATORS = ("\t", ";", "|", ",", " ")  # in this order: commas may also be in numbers, spaces in texts
NAMES = {"\t": "tabs", " ": "spaces"}
MISSING = frozenset(
    ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None", "none", "<NA>", "?", "-", ".")
)
LOOKED = 200  # rows by which separator and decimal mark are chosen
COMMA = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+([eE][+-]?\d+)?")
POINT = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?")
GROUPED = re.compile(r"[+-]?\d{1,3}(\.\d{3})+,\d+")


def from_csv(
    source: Any,
    target: Any = None,
    *,
    sep: str | None = None,
    decimal: str | None = None,
    thousands: str | None = None,
    header: bool | None = None,
    na_values: str | Iterable[str] = (),
    encoding: str | None = None,
    name: str | None = None,
    **settings: Any,
) -> Dataset:
    """A Dataset of a CSV file: one column is predicted from the others. What was made of each is in `describe()`.

    source: a path, an open file, or the text itself (of several lines).
    target: the name of the column to predict, or its place, -1 for the last; see `from_table`.
    sep: what separates the columns; default: what does so in every row, out of tab, ";", "|", "," and spaces. Fields
        may stand in double quotes, and then hold separators, line breaks and doubled quotes.
    decimal: "." or ","; default: as most numbers with a fraction have it, a point where commas separate.
    thousands: what stands between thousands, such as "," in 1,234.5; default: nothing.
    header: whether the first line names the columns; default: it does if no field of it is a number. Without names they
        are x1, x2, ...
    na_values: texts more that mean that a value is missing, beside an empty field, NA, N/A, NaN, null, None, ?, - and .
    encoding: default: UTF-8 (UTF-16 with its mark), and Windows' Latin (cp1252) for what is not.
    name: of the data set; default: of the file.
    settings: task, drop, validation, seed, scale, missing, most, classes, as for `from_table`.

    Empty lines, and those before the first that begin with "#", are passed over. Nothing is loaded from the internet.
    Raises ValueError or TypeError that says what was expected, what came, at which line, and what to try.
    """
    table = parsed(source, sep, decimal, thousands, header, na_values, encoding)
    is_path = isinstance(source, PathLike) or (isinstance(source, str) and not files.is_text(source))
    return from_table(table, target, name=name or (Path(source).stem if is_path else "table"), **settings)


def parsed(
    source: Any, sep=None, decimal=None, thousands=None, header=None, na_values: Any = (), encoding=None
) -> Table:
    """The table in a CSV file or text: columns of float64, or of str and None."""
    decimal = optional(choice(".", ","))("decimal", decimal)
    header = optional(choice(True, False))("header", header)
    for what, mark in (("sep", sep), ("thousands", thousands)):
        if mark is not None and (not isinstance(mark, str) or len(mark) != 1 or mark in '"\r\n'):
            raise ValueError(f"{what}: expected one character, such as ',' or ';', got {mark!r}")
    text, where, notes = files.text_of(source, encoding)
    text, skipped = _begun(text)
    sep = _separator(text) if sep is None else sep
    rows, lines = _rows(text, sep, where, skipped)
    if not rows:
        raise ValueError(f"{where}: expected rows of values, got none")
    _check_widths(rows, lines, sep, where)
    if decimal is None and sep != ",":
        decimal, thousands, found = _decimal(rows, thousands)
        notes += found
    marks = MISSING | ({na_values} if isinstance(na_values, str) else {*map(str, na_values)})
    names = [field.strip() for field in rows[0]]
    if header is None:
        header = (
            len(rows) > 1 and any(names) and _numbers([f for f in names if f], decimal, thousands, some=True) is None
        )
    if header:
        names, rows, lines = _named(names, f"{where}, line {lines[0]}"), rows[1:], lines[1:]
    else:
        names = [f"x{i + 1}" for i in range(len(names))]
        notes.append("the first line holds values, not names: the columns are x1, x2, ...")
    if not rows:
        raise ValueError(f"{where}: expected rows of values below the names, got none; try header=False")
    columns: list[Any] = [_column(fields, marks, decimal, thousands) for fields in zip(*rows, strict=True)]
    return Table(dict(zip(names, columns, strict=True)), lines=lines, notes=tuple(notes))


def _begun(text):
    """Without the remarks before the first row; and how many lines that were."""
    skipped = 0
    while text.startswith("#"):
        _, _, text = text.partition("\n")
        skipped += 1
    return text, skipped


def _rows(text, sep, where, skipped=0, strict=True):
    """The fields of every row that is not empty, and the line at which each begins, from 1."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=sep, skipinitialspace=True, strict=strict)
    rows, lines, line = [], [], 1
    try:
        for row in reader:
            if any(row) and (len(row) > 1 or row[0].strip()):
                if sep == " " and row[-1] == "":
                    row.pop()
                rows.append(row)
                lines.append(line + skipped)
            line = reader.line_num + 1
    except csv.Error as error:
        why = "a quote that is not closed" if "end of data" in str(error) else str(error)
        raise ValueError(
            f"{where}, line {line + skipped}: expected fields separated by {_called(sep)}, got {why}; in a quoted "
            'field a quote is written twice, ""'
        ) from None
    return rows, lines


def _separator(text):
    """What gives every one of the first rows the same number of fields, more than one; or the comma."""
    head = text[: 2**16]
    if len(head) < len(text):
        head = head[: head.rfind("\n") + 1]
    best = ",", 0.0
    for sep in SEPARATORS:
        try:
            rows = _rows(head, sep, "", strict=False)[0][:LOOKED]
        except ValueError:
            continue
        widths = Counter(map(len, rows))
        if not widths or widths.most_common(1)[0][0] < 2:
            continue
        share = widths.most_common(1)[0][1] / len(rows)
        if share > best[1]:
            best = sep, share
    return best[0]


def _check_widths(rows, lines, sep, where):
    """ValueError that names the line where there are more or fewer fields than in the first."""
    width = len(rows[0])
    bad = next((i for i, row in enumerate(rows) if len(row) != width), None)
    if bad is None:
        return
    few = len(rows[bad]) < width
    hint = "a value is missing, or a quote" if few else f"a field that holds {_called(sep)} has to stand in quotes"
    more = sum(len(row) != width for row in rows)
    raise ValueError(
        f"{where}, line {lines[bad]}: expected {width} fields separated by {_called(sep)}, as in line {lines[0]}, got "
        f"{len(rows[bad])}{f' ({more} such lines)' if more > 1 else ''}: {hint}; sep= says what separates"
    )


def _named(names, where):
    names = [name or f"column {i + 1}" for i, name in enumerate(names)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"{where}: expected different names of the columns, got {twice[0]!r} more than once")
    return names


def _decimal(rows, thousands):
    """Decimal mark and mark between thousands, as the first rows have them, and notes."""
    fields = [field.strip() for row in rows[:LOOKED] for field in row]
    commas = sum(COMMA.fullmatch(field) is not None for field in fields)
    if commas <= sum(POINT.fullmatch(field) is not None for field in fields):
        return ".", thousands, []
    if thousands is None and any(GROUPED.fullmatch(field) for field in fields):
        thousands = "."
    return ",", thousands, ["numbers are read with a decimal comma"]


def _column(fields, marks, decimal, thousands):
    """float64 with NaN, or an object array of str and None."""
    as_they_are = not any(map(values.is_number, marks - MISSING))
    if as_they_are and (made := _numbers(fields, decimal, thousands)) is not None:  # most columns: nothing is missing
        return made
    fields = [field.strip() for field in fields]
    there = [field for field in fields if field not in marks]
    numbers = _numbers(there, decimal, thousands)
    if numbers is None and there:
        made = np.empty(len(fields), object)
        made[:] = [None if field in marks else field for field in fields]
        return made
    made = np.full(len(fields), np.nan)
    if there:
        made[[field not in marks for field in fields] if len(there) < len(fields) else slice(None)] = numbers
    return made


def _numbers(texts, decimal, thousands, some=False):
    """Texts as float64, or None if one of them (`some`: if none of them) is a number."""
    if thousands is not None:
        texts = [each.replace(thousands, "") for each in texts]
    if decimal == ",":
        texts = [each.replace(",", ".") for each in texts]
    return ([*filter(values.is_number, texts)] or None) if some else values.as_numbers(texts)


def _called(sep):
    return NAMES.get(sep, repr(sep))
