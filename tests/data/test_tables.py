"""Data frames: columns by name, texts as one-hot or refused, rows that are numbered differently refused."""

import datetime
import re
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, strategies as st

from nbprop.data import from_arrays

N = 24
AGE, WEIGHT = np.linspace(0, 1, N), np.arange(N) % 5
COLOUR = ["red", "blue", "green"] * 8
Y = np.arange(N) % 2


class Frame:
    """As much of a data frame as is needed: the names, and each column by its name."""

    def __init__(self, columns, index=None):
        self.data, self.columns, self.index = columns, list(columns), range(N) if index is None else index

    def __getitem__(self, name):
        return self.data[name]

    def __array__(self, *_args, **_kwargs):
        raise AssertionError("columns are taken by name, never all at once by their order")


def frame(*names, **others):
    known = {"age": AGE, "weight": WEIGHT, "colour": COLOUR} | others
    return Frame({name: known[name] for name in [*names, *others]})


@given(order=st.permutations(["age", "weight", "a", "b"]), scale=st.sampled_from([None, "standard", "minmax", 3.0]))
def test_the_order_of_the_columns_is_of_no_account(order, scale):
    columns = {"age": AGE, "weight": WEIGHT, "a": AGE**2, "b": -AGE}
    there, here = Frame(columns), Frame({name: columns[name] for name in order})
    data = from_arrays(there, Y, there, Y, scale=scale)
    assert data.features == ("age", "weight", "a", "b")
    np.testing.assert_array_equal(data.inputs_of(here), data.X_train)
    np.testing.assert_array_equal(from_arrays(there, Y, here, Y, scale=scale).X_val, data.X_train)
    np.testing.assert_array_equal(data.scaled(np.stack([*columns.values()], axis=1)), data.X_train)


def test_a_frame_finds_the_features_of_an_array_that_had_names():
    data = from_arrays(np.stack([AGE, WEIGHT], axis=1), Y, features=("age", "weight"), validation=0)
    np.testing.assert_array_equal(data.inputs_of(frame("weight", "age")), data.X_train)
    with pytest.raises(
        ValueError, match=r"expected the columns 'x1', 'x2', in any order, got no 'x1', 'x2' among 'age', 'weight'"
    ):
        from_arrays(np.stack([AGE, WEIGHT], axis=1), Y).inputs_of(frame("age", "weight"))


def test_features_are_the_columns_to_take_and_their_order():
    data = from_arrays(frame("age", "colour", "weight"), Y, features=("weight", "age"), validation=0)
    assert data.features == ("weight", "age") and data.X_train[:, 0].tolist() == [*WEIGHT]
    np.testing.assert_array_equal(data.inputs_of(frame("colour", "age", "weight")), data.X_train)
    with pytest.raises(ValueError, match="expected the columns 'weight', 'hight', in any order, got no 'hight' among"):
        from_arrays(frame("age", "weight"), Y, features=("weight", "hight"))


def test_other_data_with_the_features_in_another_order_can_be_told():
    one, other = from_arrays(frame("age", "weight"), Y), from_arrays(frame("weight", "age"), Y)
    with pytest.raises(ValueError, match=r"expected the features age, weight in this order.*features=\[...\]"):
        other.check_order(one)
    one.check_order(from_arrays(frame("weight", "age"), Y, features=one.features))
    one.check_order(from_arrays(frame("age"), Y))


def test_a_structured_array_is_a_table():
    table = np.zeros(N, [("weight", int), ("age", float)])
    table["age"], table["weight"] = AGE, WEIGHT
    data = from_arrays(table, Y, validation=0)
    assert data.features == ("weight", "age")
    np.testing.assert_array_equal(data.inputs_of(frame("age", "weight")), data.X_train)


def test_texts_become_an_input_for_each_value():
    data = from_arrays(frame("age", "colour"), Y, one_hot=True, validation=0)
    assert data.features == ("age", "colour=blue", "colour=green", "colour=red") and data.inputs == 4
    assert data.X_train[:3, 1:].tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    np.testing.assert_array_equal(data.inputs_of(frame("colour", "age")), data.X_train)
    one = data.inputs_of(Frame({"colour": ["blue"], "age": [2.0]}))
    assert one.tolist() == [[2, 1, 0, 0]] and one.dtype == np.float32


def test_targets_too_go_by_name():
    low, high = np.linspace(0, 1, N), np.linspace(1, 3, N)
    data = from_arrays(frame("age"), Frame({"low": low, "high": high}), frame("age"), Frame({"high": high, "low": low}))
    np.testing.assert_array_equal(data.y_train, data.y_val)
    assert data.y_train[0].tolist() == [0, 1]
    assert from_arrays(frame("age"), Frame({"which": COLOUR})).classes == ("blue", "green", "red")
    several = from_arrays(frame("age"), Frame({"big": Y, "old": 1 - Y, "red": Y}), task="multilabel")
    assert (several.classes, several.outputs) == (("big", "old", "red"), 3)


class Categories(list):
    dtype = "category"  # as pandas calls it; its values may be numbers


DAYS = np.datetime64("2020-01-01") + np.arange(N)
HOLES = [1.0, None] * 12


@pytest.mark.parametrize(
    ("table", "settings", "error", "message"),
    [
        (frame("age", "colour"), {}, TypeError, "X: expected columns of numbers, got texts or categories in 'colour'"),
        (frame("age", "colour"), {}, TypeError, "try one_hot=True"),
        (frame("age", number=Categories([1, 2] * 12)), {}, TypeError, "texts or categories in 'number'"),
        (frame("age", code=["01", "02"] * 12), {}, TypeError, "texts or categories in 'code'"),
        (frame("age", mixed=np.array([1, "a"] * 12, object)), {}, TypeError, "texts or categories in 'mixed'"),
        (frame("age", when=DAYS), {}, TypeError, "got dates or times (datetime64[D]) in column 'when'; try numbers of"),
        (frame("age", took=DAYS - DAYS[0]), {}, TypeError, "got dates or times (timedelta64[D]) in column 'took'"),
        (
            frame(when=[datetime.date(2020, 1, 1)] * N),
            {},
            TypeError,
            "at row 0, column 'when'; try numbers of your own",
        ),
        (frame("age", n=HOLES), {}, ValueError, "the first (nan) at row 1, column 'n'"),
        (frame("age", n=np.array([1, None, np.inf] * 8)), {}, ValueError, "got 8 NaN and 8 infinite among 24"),
        (frame("colour", "age", name=[*map(str, range(N))]), {"one_hot": True}, ValueError, "it names the rows; try"),
        (
            frame("age", colour=["red", None] * 12),
            {"one_hot": True},
            ValueError,
            "got None at row 1, column 'colour'",
        ),
        (frame("age", deep=np.zeros((N, 2))), {}, ValueError, "expected one value in each row of column 'deep'"),
        (frame("age"), {"one_hot": 1}, TypeError, "one_hot must be True or False; got 1"),
        (Frame({1: AGE, "1": AGE}), {}, ValueError, "the table's columns: expected different names, got 1, 1"),
        ({"age": AGE}, {}, TypeError, "X: expected an array or a data frame, got a dict; try nb.data.Arrays"),
    ],
)
def test_columns_that_are_no_numbers_are_refused_by_name(table, settings, error, message):
    with pytest.raises(error, match=re.escape(message)):
        from_arrays(table, Y, **settings)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            frame("age"),
            "X: expected the columns 'age', 'colour', in any order, got no 'colour' among 'age'; try",
        ),
        (
            frame("age", colour=["red", "pink"] * 12),
            "column 'colour' one of 'blue', 'green', 'red', got 'pink' at row 1",
        ),
        (frame("colour", age=HOLES), "got 12 NaN among 24, the first (nan) at row 1, column 'age'"),
        (np.zeros((3, 2)), "X: expected samples of shape (4,) as in 'data', got (2,)"),
    ],
)
def test_new_samples_that_do_not_fit_are_refused_by_name(table, message):
    data = from_arrays(frame("age", "colour"), Y, one_hot=True)
    with pytest.raises(ValueError, match=re.escape(message)):
        data.inputs_of(table)


def test_a_frame_is_no_sequence():
    data = from_arrays(np.zeros((N, 3, 2)), Y)
    with pytest.raises(ValueError, match=r"expected samples of shape \(3, 2\) in an array, got a data frame"):
        data.inputs_of(frame("age"))


def test_rows_that_are_numbered_differently_are_not_mixed_up():
    class Series(list):
        index = [*range(N)][::-1]

    with pytest.raises(
        ValueError, match=r"y: expected the rows of X, got another index: 23 instead of 0 at row 0; try y"
    ):
        from_arrays(frame("age"), Series(Y))
    X = Frame({"age": AGE}, index=Series.index)
    assert len(from_arrays(X, Series(Y)).X_val) == 6
    assert len(from_arrays(X, list(Y)).X_val) == 6
    with pytest.raises(ValueError, match=r"y_val: expected the rows of X_val"):
        from_arrays(frame("age"), list(Y), frame("age"), Series(Y))


@pytest.mark.skipif(find_spec("pandas") is None, reason="no pandas here")
def test_pandas():
    import pandas as pd

    table = pd.DataFrame({"age": AGE, "colour": pd.Categorical(COLOUR), "on": Y == 1})
    data = from_arrays(table, pd.Series(Y), one_hot=True, scale="standard", validation=0)
    np.testing.assert_array_equal(data.inputs_of(table[["on", "colour", "age"]]), data.X_train)
    with pytest.raises(TypeError, match="texts or categories in 'colour'"):
        from_arrays(table, Y)
    with pytest.raises(ValueError, match="y: expected the rows of X"):
        from_arrays(table[["age"]].sample(frac=1, random_state=0), pd.Series(Y))
    for when in (pd.date_range("2020", periods=N), pd.date_range("2020", periods=N, tz="UTC")):
        with pytest.raises(TypeError, match="column 'when'; try numbers of your own"):
            from_arrays(table[["age"]].assign(when=when), Y)
