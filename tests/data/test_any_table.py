"""Whatever is in a table: it becomes finite numbers that are made again of its own rows, or it is refused in words."""

import datetime
import re
import warnings
from decimal import Decimal

import numpy as np
from hypothesis import given, settings, strategies as st

from nbprop.data import DataWarning, answer, from_table
from nbprop.data.delimited import parsed
from nbprop.data.table import opened

CELLS = {
    "whole": st.integers(-5, 5) | st.integers(),
    "float": st.floats(width=32) | st.floats(),
    "decimal": st.decimals(allow_nan=True, allow_infinity=True),
    "truth": st.booleans(),
    "word": st.sampled_from(["red", "green", "blue", "", " ", "NA"]),
    "text": st.text(max_size=5),
    "numeric text": st.sampled_from(["1", "2.5", "-3e2", "nan", "inf", "1_0", "007", "1,5", "٣"]),
    "date": st.dates(),
    "time": st.datetimes() | st.datetimes(timezones=st.just(datetime.UTC)),
    "iso": st.sampled_from(["2020-01-31", "2020-02-30", "2021-05-05T10:00", "2020-01-01 00:00:00Z", "31.1.2020"]),
    "took": st.timedeltas(),
    "other": st.sampled_from([None, [], {}, b"x", 1j, np.nan, np.float32(2), np.datetime64("NaT"), Decimal("sNaN")]),
}
COLUMN = st.sampled_from([*CELLS]).flatmap(
    lambda kind: st.lists(
        CELLS[kind] | st.none() if kind != "other" else st.one_of(*CELLS.values()), min_size=9, max_size=9
    )
)


@given(
    columns=st.dictionaries(st.text(max_size=3), COLUMN, min_size=2, max_size=4),
    repeat=st.integers(1, 4),
    place=st.integers(0, 3),
    missing=st.sampled_from(["fill", "drop", "refuse"]),
    scale=st.sampled_from(["standard", "minmax", None]),
    task=st.sampled_from([None, None, "regression", "multiclass"]),
)
@settings(deadline=None, max_examples=120)
def test_any_table(columns, repeat, place, missing, scale, task):
    whole = {name: column * repeat for name, column in columns.items()}
    target = [*whole][place % len(whole)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        try:
            data = from_table(whole, target, missing=missing, scale=scale, task=task)
        except (ValueError, TypeError) as error:
            assert re.search("expected|left to predict from", str(error)), error
            return
        for array in (data.X_train, data.X_val, data.y_train, data.y_val):
            assert np.isfinite(array).all()
        if missing == "drop":  # what was left out may be of another kind
            return
        table = opened(whole)
        (found,) = answer.values((target,), table)
        again = data.inputs_of(table.without(found.missing))
        assert again.shape == ((~found.missing).sum(), data.inputs) and np.isfinite(again).all()
        rows = {tuple(row) for row in again.tolist()}
        assert [row for row in [*data.X_train.tolist(), *data.X_val.tolist()] if tuple(row) not in rows] == []
    assert len(data.describe().splitlines()) > len(whole) - 1


@given(text=st.text(st.sampled_from('ab1.,;|\t\n\r" -#')), header=st.sampled_from([None, True, False]))
@settings(deadline=None, max_examples=300)
def test_any_text(text, header):
    try:
        table = parsed(f"{text}\n", header=header)
    except ValueError as error:
        assert "expected" in str(error)
        return
    assert len(table) == len(table.lines) and {len(column) for column in table.columns.values()} == {len(table)}
    lines = re.split("\r\n|\r|\n", f"{text}\n")
    for line in table.lines:
        assert lines[line - 1].strip()
