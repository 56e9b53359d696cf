"""Tables as data sets: what is made of each column, that it is said, and that rows which come later become the same."""

import datetime
import re
import warnings
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import nbprop as nb
from nbprop.data import DataWarning, from_table

N = 40
RNG = np.random.default_rng(0)
AGE = RNG.normal(40, 12, N).round(1)
SEX = np.array(["male", "female"], object)[RNG.integers(0, 2, N)]
PORT = np.array(["C", "Q", "S"], object)[np.arange(N) % 3]
PRICE = 1000 * AGE + 5000 * (SEX == "male") + 0.5


def table(**others):
    return {"age": AGE, "sex": SEX, "port": PORT, "price": PRICE} | others


def holed(values, *rows):
    made = np.array(values, object)
    made[list(rows)] = None
    return made


def told(data, column):
    (words,) = [each for each in data.told if each.startswith(f"{column}: ")]
    return words


def test_numbers_are_scaled_and_two_values_become_0_and_1():
    data = from_table(table(), "price")
    assert data.features == ("age", "sex=male", "port=C", "port=Q", "port=S")
    assert (data.task, data.target, data.columns.names) == ("regression", ("price",), ("age", "sex", "port"))
    assert abs(data.X_train[:, 0].mean()) < 1e-6 and abs(data.X_train[:, 0].std() - 1) < 1e-6
    assert {*np.concatenate([data.X_train, data.X_val])[:, 1:].ravel()} == {0, 1}
    assert told(data, "sex") == "sex: 1 for 'male', 0 for 'female'"
    assert told(data, "port") == "port: an input for each of 'C', 'Q', 'S'"
    words = data.describe()
    assert "40 rows (30 to train, 10 to validate), 5 inputs; to predict price (mean" in words
    assert "numbers are scaled: mean 0 and standard deviation 1" in words


def test_scaling_knows_the_training_rows_alone():
    """The mean of all rows would tell the network of those that it is tested with."""
    data = from_table(table(), "price")
    back = data.scaling.back(data.X_train)[:, 0]
    assert data.scaling.shift[0] == pytest.approx(back.mean(), abs=1e-5)
    assert data.scaling.shift[0] != pytest.approx(AGE.mean(), abs=1e-3)
    assert data.target_scaling.back(data.y_train).mean() == pytest.approx(data.target_scaling.shift[0], rel=1e-6)


@given(
    order=st.permutations(["age", "sex", "port", "when"]),
    scale=st.sampled_from([None, "standard", "minmax", 7.0]),
    rows=st.lists(st.integers(0, N - 1), min_size=1, max_size=6),
    missing=st.sets(st.integers(0, N - 1), max_size=5),
)
@settings(deadline=None, max_examples=20)
def test_rows_that_come_later_become_what_they_were(order, scale, rows, missing):
    """Whatever the order of the columns and the rows, and whichever form the table has."""
    when = np.datetime64("2020-02-28") + np.arange(N) * np.timedelta64(31, "h")
    whole = table(when=when, age=holed(AGE, *missing))
    data = from_table(whole, "price", scale=scale, validation=0)
    assert np.isfinite(data.X_train).all() and data.X_train.shape == (N, len(data.features))
    some = {name: [whole[name][row] for row in rows] for name in order}
    dicts = [{name: whole[name][row] for name in order} for row in rows]
    for X in (some, dicts, {**some, "more": rows}):
        np.testing.assert_array_equal(data.inputs_of(X), data.X_train[rows])


@given(
    values=st.lists(st.floats(-1e6, 1e6, width=32) | st.none(), min_size=30, max_size=60),
    which=st.sampled_from(["float", "text", "decimal"]),
)
@settings(deadline=None, max_examples=30)
def test_a_column_of_numbers_however_it_is_written(values, which):
    write = {"float": float, "text": lambda v: f"{v!r}", "decimal": lambda v: Decimal(repr(v))}[which]
    column = [None if v is None else write(v) for v in values]
    there = [v for v in values if v is not None]
    y = ["u" if i % 2 else "v" for i in range(len(values))]
    data = from_table({"a": column, "b": np.arange(len(values)) % 7, "y": y}, "y", validation=0)
    if len({*there}) > 1:
        first = data.scaling.back(data.X_train)[:, data.features.index("a")]
        expected = np.array([np.median(there) if v is None else v for v in values])
        np.testing.assert_allclose(first, expected, atol=1e-5 * expected.std() + 1e-30, rtol=1e-5)
        assert ("a is missing" in data.features) == (None in values)
    elif len(there) == len(values) or not there:
        assert "a" not in data.columns.names and "left out" in told(data, "a")


def test_missing_values_are_filled_and_flagged():
    data = from_table(table(age=holed(AGE, 3, 9), port=holed(PORT, 1, 2), sex=holed(SEX, 0)), "price", validation=0)
    assert data.features == (
        "age", "age is missing", "sex=female", "sex=male", "sex=missing", "port=C", "port=Q", "port=S", "port=missing",
    )  # fmt: skip
    raw = data.scaling.back(data.X_train)
    filled = np.median(np.delete(AGE, [3, 9]))
    np.testing.assert_allclose(raw[[3, 9], 0], filled, rtol=1e-6)
    assert np.flatnonzero(raw[:, 1]).tolist() == [3, 9] and np.flatnonzero(raw[:, -1]).tolist() == [1, 2]
    assert "missing in 2 rows: there" in told(data, "age") and "and one for the 2 that are missing" in told(
        data, "port"
    )


def test_the_filling_knows_the_training_rows_alone():
    data = from_table(table(age=holed(AGE, *range(0, N, 4))), "price")
    raw = data.scaling.back(data.X_train)
    filled = raw[raw[:, 1] == 1, 0]
    assert np.allclose(filled, np.median(raw[raw[:, 1] == 0, 0]), rtol=1e-6)


def test_rows_may_be_left_out_or_refused_instead():
    whole = table(age=holed(AGE, 3, 9), price=holed(PRICE, 9, 20))
    data = from_table(whole, "price", missing="drop", validation=0)
    assert len(data.X_train) == N - 3 and "age is missing" not in data.features
    assert "2 rows have no 'price': left out" in data.told and "1 rows with missing values: left out" in data.told
    assert "2 rows without target left out" in repr(data)
    with pytest.raises(ValueError, match=r"column 'age': expected a value in every row, got none at row 3"):
        from_table(whole, "price", missing="refuse")


def test_dates_become_days_and_places_on_their_rounds():
    when = np.datetime64("2019-01-01T00:00") + np.arange(N) * np.timedelta64(700, "h")
    data = from_table({"when": when, "price": PRICE}, "price", validation=0)
    rounds = ("time of day", "day of the week", "time of year")
    assert data.features == ("when, days", *(f"when, {each} ({way})" for each in rounds for way in ("sin", "cos")))
    np.testing.assert_allclose(data.scaling.back(data.X_train)[:, 0], np.arange(N) * 700 / 24, atol=1e-3)
    np.testing.assert_allclose(np.hypot(data.X_train[:, 1], data.X_train[:, 2]), 1, rtol=1e-6)
    noon = data.inputs_of({"when": "2020-01-01 12:00"})[0]
    np.testing.assert_allclose(noon[1:3], [0, -1], atol=1e-6)
    assert told(data, "when").startswith("when: days since 2019-01-01, time of day, day of the week, time of year")


def iso(value):
    return str(value).replace("T", " ")


@pytest.mark.parametrize("form", ["numpy", "date", "text", "zone", "pandas"])
def test_dates_in_every_form_are_the_same(form):
    days = [datetime.datetime(2021, 1, 1) + datetime.timedelta(days=i, hours=6 * (i % 3)) for i in range(N)]
    plain = from_table({"when": np.array(days, "datetime64[s]"), "y": PRICE}, "y", validation=0)
    zone = datetime.timezone(datetime.timedelta(hours=5))
    if form == "pandas":
        given = pytest.importorskip("pandas").DatetimeIndex(days, tz="UTC")
    else:
        given = {
            "numpy": np.array(days, "datetime64[ns]"),
            "date": days,
            "text": [each.isoformat(" ") for each in days],
            "zone": [each.replace(tzinfo=datetime.UTC).astimezone(zone) for each in days],
        }[form]
    data = from_table({"when": given, "y": PRICE}, "y", validation=0)
    assert data.features == plain.features
    np.testing.assert_array_equal(data.X_train, plain.X_train)


def test_durations_become_days():
    data = from_table({"took": np.arange(N) * np.timedelta64(12, "h"), "y": PRICE}, "y", scale=None, validation=0)
    np.testing.assert_array_equal(data.X_train[:, 0], np.arange(N) / 2)
    data = from_table(
        {"took": [datetime.timedelta(hours=12 * i) for i in range(N)], "y": PRICE}, "y", scale=None, validation=0
    )
    np.testing.assert_array_equal(data.X_train[:, 0], np.arange(N) / 2)
    assert "in days" in told(data, "took")


def test_the_number_of_inputs_of_categories_is_bounded():
    letters = [chr(97 + min(i % 30, 29)) if i % 30 < 26 else f"a{i % 30}" for i in range(600)]
    data = from_table({"letter": letters, "y": np.arange(600) * 0.5}, "y", validation=0, most=6)
    assert data.features == tuple(f"letter={each}" for each in ("a", "a26", "a27", "a28", "a29", "others"))
    assert "and one for the 25 rarer values" in told(data, "letter")
    assert data.X_train.sum(axis=1).tolist() == [1] * 600
    with pytest.raises(ValueError, match="most must be an integer, 2 or more"):
        from_table(table(), "price", most=1)


def test_categories_may_be_numbers():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"code": pandas.Categorical([1, 2, 3, 4] * 10), "age": AGE, "price": PRICE})
    data = from_table(frame, "price", validation=0)
    assert data.features == ("code=1", "code=2", "code=3", "code=4", "age")
    np.testing.assert_array_equal(data.inputs_of({"code": [3.0], "age": [AGE[2]]}), data.X_train[2:3])
    zeros = from_table({"zip": ["01234", "04321"] * 20, "age": AGE, "price": PRICE}, "price")
    assert zeros.features == ("zip=04321", "age")


def test_columns_that_say_nothing_are_left_out_and_said():
    data = from_table(table(same=1, empty=None) | {"same": [1.5] * N, "empty": [None] * N, "word": ["a"] * N}, "price")
    assert data.columns.names == ("age", "sex", "port")
    assert told(data, "same") == "same: left out, for it is 1.5 everywhere"
    assert told(data, "empty") == "empty: left out, for it holds nothing"
    assert told(data, "word") == "word: left out, for it is 'a' everywhere"
    with pytest.raises(ValueError, match="no column is left to predict from: a: left out, for it is 1 everywhere"):
        from_table({"a": [1] * N, "y": PRICE}, "y")


@pytest.mark.parametrize(
    ("name", "values", "suspect"),
    [
        ("PassengerId", np.arange(1, N + 1), "counts the rows, from 1 to 40"),
        ("whatever", np.arange(N)[::-1] + 7.0, "counts the rows, from 7 to 46"),
        ("customer_id", np.arange(N) * 17 % 1009, "is a different whole number in every row"),
        ("income", np.arange(N) * 17 % 1009, ""),
        ("id", np.arange(N) // 2, ""),
        ("id", np.arange(N) + 0.5, ""),
    ],
)
def test_identifiers_are_suspected(name, values, suspect):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        data = from_table(table(**{name: values}), "price")
    words = [str(each.message) for each in caught]
    assert name in data.columns.names
    assert len(words) == bool(suspect)
    if suspect:
        assert words[0].startswith(f"column {name!r} {suspect}: it looks like an identifier, which a network can only")
        assert words[0].endswith(f"Try drop=[{name!r}], unless it is a measurement.")
    assert not caught or (caught[0].category is DataWarning and caught[0].filename == __file__)
    assert name not in from_table(table(**{name: values}), "price", drop=name).columns.names


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (
            [f"Mr. {i}" for i in range(N)],
            "got 40 different texts in 40 rows, such as 'Mr. 0': they name the rows, or are",
        ),
        ([f"{i},5" for i in range(N)], "look like numbers with a decimal comma: write points"),
        ([f"{i + 1}.{i % 12 + 1}.2020" for i in range(N)], "look like dates in a form that can be read in two ways"),
        ([f"{i} km" for i in range(N)], "look like numbers with units"),
        ([*map(str, range(N - 1)), "unknown"], "expected a number in every row, got 'unknown' at row 39; try to leave"),
        ([[1, 2]] * N, "expected numbers, dates or texts, got [1, 2] at row 0"),
        ([1j] * N, "expected numbers, dates or texts, got 1j at row 0"),
        ([b"a", b"b"] * 20, "expected numbers, dates or texts, got b'a' at row 0"),
        ([*range(N - 1), np.inf], "expected finite numbers within float32, got inf at row 39"),
        ([*range(N - 1), 10**400], "expected numbers within float32, got 1000"),
        (["2020-01-01"] * 20 + ["2020-02-31"] * 20, "expected a date such as 2026-01-31, got '2020-02-31' at row 20"),
        (np.ones(N, complex), "expected numbers, dates or texts, got complex128"),
    ],
)
def test_what_is_no_column_is_refused_by_name(column, message):
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        from_table(table(bad=column), "price")
    assert str(caught.value).startswith("column 'bad': ") and "drop=['bad']" in str(caught.value)


def test_all_columns_that_cannot_be_used_are_named_at_once():
    names, tickets = [f"Mr. {i}" for i in range(N)], [f"T{i * i}" for i in range(N)]
    with pytest.raises(
        ValueError, match=r"column 'name': .*; column 'ticket': .* leave them out: drop=\['name', 'ticket'\]"
    ):
        from_table(table(name=names, ticket=tickets), "price")
    assert from_table(table(name=names, ticket=tickets), "price", drop=["name", "ticket"]).inputs == 5


# ---------------------------------------------------------------------------------------------------------- the target


@pytest.mark.parametrize(
    ("y", "task", "classes"),
    [
        (SEX, "binary", ("female", "male")),
        (PORT, "multiclass", ("C", "Q", "S")),
        (SEX == "male", "binary", ("False", "True")),
        (np.arange(N) % 4, "multiclass", ("0", "1", "2", "3")),
        (np.arange(N) % 2 * 1.0, "binary", ("0", "1")),
        (np.arange(N) * 3, "regression", ()),
        (AGE, "regression", ()),
        ([None, *map(float, np.arange(N - 1) % 3)], "multiclass", ("0", "1", "2")),
        (np.arange(N) // 39 + np.arange(N) % 2, "regression", ()),  # one value is there only once
    ],
)
def test_what_the_target_is_follows_from_its_values(y, task, classes):
    data = from_table({"age": AGE, "y": y}, "y")
    assert (data.task, data.classes) == (task, classes)


def test_what_the_target_is_can_be_said():
    grade = np.arange(N) % 5
    data = from_table(table(grade=grade), "grade")
    assert "for it holds 5 different whole numbers only: if they are amounts, task='regression'" in data.told[0]
    assert from_table(table(grade=grade), "grade", task="regression").outputs == 1
    data = from_table(table(grade=grade * 7 + np.arange(N)), "grade")
    assert "taken as a number, for it holds 40 different whole numbers: if they are classes, task=" in data.told[0]
    several = from_table(table(grade=grade), ["price", "grade"])
    assert (several.task, several.outputs, several.target) == ("regression", 2, ("price", "grade"))
    labels = from_table({"age": AGE, "big": grade > 2, "odd": grade % 2}, ["big", "odd"])
    assert (labels.task, labels.classes) == ("multilabel", ("big", "odd"))
    assert from_table(table(), -1).target == ("price",)
    named = from_table(table(grade=grade % 2), "grade", classes=["low", "high"])
    assert named.classes == ("low", "high") and (named.y_train == 0).sum() == 18


def test_two_classes_are_two():
    with pytest.raises(
        ValueError, match="target 'port': expected two classes for task='binary', got 3; try task='mult"
    ):
        from_table(table(), "port", task="binary")


def test_rare_classes_are_said():
    y = ["no"] * 38 + ["yes"] * 2
    data = from_table({"age": AGE, "y": y}, "y")
    assert "'no' 95%, 'yes' 5%" in data.told[0] and "who always says 'no' is right in 95.0%" in data.told[0]
    assert (data.y_val == 1).sum() == 1
    assert "who always says" not in from_table(table(), "sex").told[0]


@pytest.mark.parametrize(
    ("columns", "target", "error", "message"),
    [
        (table(), None, TypeError, "target: expected the name of the column to predict, one of 'age', 'sex', 'port'"),
        (table(), "prise", ValueError, "got 'prise'; did you mean 'price'?"),
        (table(), 7, ValueError, "target: expected one of the columns"),
        (table(), ["price", "price"], ValueError, "expected one or more different columns"),
        (table(), [], ValueError, "expected one or more different columns"),
        ({"y": PRICE}, "y", ValueError, "the table has no column but 'y': nothing is left to predict from"),
        (table(y=[3] * N), "y", ValueError, "target 'y': expected values that differ, got 3.0 in all 40 rows"),
        (table(y=["a"] * N), "y", ValueError, "target 'y': expected values that differ, got 'a'"),
        (table(y=["a"] + ["b"] * (N - 1)), "y", ValueError, "expected at least 2 rows of class 'a'"),
        (table(y=[f"n{i}" for i in range(N)]), "y", ValueError, "target 'y': expected classes or numbers, got 40"),
        (table(y=[None] * N), "y", ValueError, "expected at least 2 rows that have a target, got 0"),
        (table(y=np.arange(N).astype("datetime64[D]")), "y", ValueError, "expected classes or numbers, got dates"),
        (table(), ["price", "sex"], ValueError, "target 'sex': expected numbers, as of all of several"),
        (table(y=[*range(N - 1), np.inf]), "y", ValueError, "target 'y': expected finite numbers"),
        ({}, "y", ValueError, "table: expected at least one row and one column"),
        ({"a": [], "y": []}, "y", ValueError, "table: expected at least one row and one column"),
        ({"a": [1, 2], "y": [1]}, "y", ValueError, "expected columns of one length, got 1 values in 'y' and 2 in 'a'"),
        ({"a": np.ones((N, 2)), "y": PRICE}, "y", ValueError, "expected one value in each row of column 'a', got"),
        ({1: AGE, "1": AGE, "y": PRICE}, "y", ValueError, "table: the columns: expected different names"),
        ([{"a": 1}, 3], "a", TypeError, "table: expected a dict in every row, got int at row 1"),
        (3, "y", TypeError, "table: expected a data frame, a dict of columns or a list of dicts, got int"),
    ],
)  # fmt: skip
def test_bad_targets_and_tables_are_refused(columns, target, error, message):
    with pytest.raises(error, match=re.escape(message)):
        from_table(columns, target)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (
            {"drop": ["agee"]},
            ValueError,
            "drop: expected columns of the table, 'age', 'sex', 'port', 'price'; got 'agee'",
        ),
        ({"drop": ["age", "sex", "port"]}, ValueError, "drop: expected at least one column to be left"),
        ({"missing": "fil"}, ValueError, "missing must be one of 'fill', 'drop', 'refuse'; got 'fil'; did you mean"),
        ({"scale": "standart"}, ValueError, "did you mean 'standard'?"),
        ({"task": "binary"}, ValueError, "target 'price': expected classes, got 38 different numbers in 40 rows"),
        ({"task": "binary", "drop": "age"}, ValueError, "expected classes, got 38 different numbers"),
        ({"validation": 1.5}, ValueError, "validation must be"),
        ({"seed": -1}, ValueError, "seed must be"),
    ],
)
def test_bad_settings_are_refused(given, error, message):
    with pytest.raises(error, match=re.escape(message)):
        from_table(table(), "price", **given)


# ------------------------------------------------------------------------------------------ with a trainer, later rows


def test_a_trainer_takes_a_table_and_answers_in_its_units():
    trainer = nb.Trainer(nb.nn.mlp([5, 16, 1], seed=0), table(), target="price", lr=0.01, seed=0)
    trainer.fit(steps=400, bar=False)
    said = trainer.predict({name: column[:8] for name, column in table().items()})
    assert np.abs(said[:, 0] - PRICE[:8]).max() < 3000 < PRICE.std()
    scaled = trainer.predict(trainer.data.inputs_of(table()))[:8]
    np.testing.assert_allclose(trainer.data.target_scaling.back(scaled), said, rtol=1e-6)
    np.testing.assert_allclose(trainer.at(400).predict(table())[:8], said)
    one = trainer.predict({"age": 30, "sex": "male", "port": "C"})
    assert one.shape == (1, 1) and 20_000 < one < 50_000


def test_what_no_training_row_had_is_said():
    data = from_table(table(), "price")
    row = {"age": 30, "sex": "male", "port": "C"}
    with pytest.warns(DataWarning, match=r"X: 'port' has 'X' at row 0, which no training row had \('C', 'Q', 'S'\)"):
        assert data.inputs_of(row | {"port": "X"})[0, 2:].tolist() == [0, 0, 0]
    with pytest.warns(DataWarning, match=r"X: 'age' has no value at row 0, and always had one: [\d.]+ was taken"):
        assert abs(data.inputs_of(row | {"age": None})[0, 0]) < 1
    with pytest.warns(DataWarning, match=r"'sex' has 'other' at row 0.*: 'female' was taken"):
        assert data.inputs_of(row | {"sex": "other"})[0, 1] == 0
    with pytest.warns(DataWarning, match=r"'sex' has no value at row 0.*: 'female' was taken"):
        data.inputs_of(row | {"sex": None})


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"age": 3}, "X: expected the columns 'age', 'sex', 'port', in any order, got no 'sex', 'port' among 'age'"),
        ({"age": "old", "sex": "male", "port": "C"}, "X: expected numbers in column 'age', got 'old' at row 0"),
        ({"age": np.inf, "sex": "male", "port": "C"}, "X: column 'age': expected finite numbers"),
        ([[1, 2]], "X: expected samples of shape (5,)"),
    ],
)
def test_rows_that_do_not_fit_are_refused(rows, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        from_table(table(), "price").inputs_of(rows)


def test_others_take_what_is_unknown():
    letters = [chr(97 + i % 8) for i in range(N)]
    data = from_table({"letter": letters, "y": PRICE}, "y", most=4, validation=0)
    with pytest.warns(DataWarning, match="'others' was taken"):
        assert data.inputs_of({"letter": ["z"]}).tolist() == [[0, 0, 0, 1]]
    assert data.inputs_of({"letter": ["h"]}).tolist() == [[0, 0, 0, 1]]  # it was there: nothing is to be said


def test_a_playground_of_a_table_and_its_data_remade():
    playground = nb.Playground(table(), target="price", hidden=(4,))
    data = playground.trainer.data
    assert data.features[0] == "age" and playground._note() == data.told[0]
    playground.trainer.fit(steps=5)
    playground._take_data(validation=0.5)
    other = playground.trainer.data
    assert len(other.X_val) == 20 and other.told == data.told and other.target_scaling is data.target_scaling
    np.testing.assert_array_equal(other.inputs_of(table())[:3], data.inputs_of(table())[:3])
    assert "nb.data.from_arrays" in playground.script()
    playground.close()
