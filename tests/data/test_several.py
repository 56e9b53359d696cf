"""Sequences of different lengths, and samples of several arrays."""

import re

import numpy as np
import pytest
from hypothesis import given, strategies as st

from nbprop.data import Arrays, Padded, mask, pad

A, B, Y = np.arange(80.0).reshape(40, 2), np.arange(40), np.arange(40) % 2


@given(
    lengths=st.lists(st.integers(0, 6), min_size=1, max_size=8).filter(any),
    rest=st.sampled_from([(), (3,), (2, 2)]),
    dtype=st.sampled_from([np.float64, np.float32, np.int32, np.uint8, bool]),
    value=st.sampled_from([0, 1]),
)
def test_what_is_padded_can_be_had_again(lengths, rest, dtype, value):
    rng = np.random.default_rng(0)
    given = [rng.integers(0, 2, (length, *rest)).astype(dtype) for length in lengths]
    values, found = pad(given, value=value)
    assert values.shape == (len(lengths), max(lengths), *rest) and found.tolist() == lengths
    assert values.dtype == (np.float32 if np.dtype(dtype).kind == "f" else bool if dtype is bool else np.int64)
    real = mask(found)
    assert real.shape == values.shape[:2] and real.sum(axis=1).tolist() == lengths
    for each, row, there in zip(given, values, real, strict=True):
        np.testing.assert_array_equal(row[there], each)
        assert np.all(row[~there] == value)


def test_lists_of_numbers_and_a_longer_mask():
    values, lengths = pad([[1, 2, 3], [], [4]], value=-1)
    assert values.tolist() == [[1, 2, 3], [-1, -1, -1], [4, -1, -1]] and values.dtype == np.int64
    assert mask(lengths, 4).tolist() == [[True] * 3 + [False], [False] * 4, [True] + [False] * 3]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: pad([]), ValueError, "sequences: expected at least one array, got none"),
        (lambda: pad(7), TypeError, "sequences: expected a list of arrays, got 7"),
        (lambda: pad("abc"), TypeError, "sequences: expected a list of arrays, got 'abc'"),
        (lambda: pad([[1], 2]), ValueError, "sequences[1]: expected a sequence, (T, ...), got the single value 2"),
        (lambda: pad([[1], ["a"]]), TypeError, "sequences[1]: expected real numbers"),
        (lambda: pad([[1.0], [np.nan]]), ValueError, "sequences[1]: expected finite numbers"),
        (
            lambda: pad([np.zeros((2, 3)), np.zeros((2, 4))]),
            ValueError,
            "sequences[1]: expected shape (T, 3) as of sequences[0], got (2, 4); try arrays that differ in their first",
        ),
        (lambda: pad([[1], [2]], value=0.5), ValueError, "value: expected a number that fits int64, got 0.5"),
        (lambda: pad([[1], [2]], value="0"), TypeError, "value must be a finite number; got '0'"),
        (lambda: mask([3, 1], 2), ValueError, "T: expected at least 3, the largest of the lengths, got 2"),
        (lambda: mask([[3]]), ValueError, "lengths: expected whole numbers (n,), 0 or more, got [[3]]"),
        (lambda: mask([1.5]), ValueError, "lengths: expected whole numbers"),
        (lambda: mask([-1]), ValueError, "lengths: expected whole numbers"),
        (lambda: mask([1], "2"), TypeError, "T must be an integer"),
    ],
)
def test_bad_sequences_are_refused(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()


def test_a_tree_is_split_and_taken_from_together():
    data = Arrays({"left": A, "deep": (B, [*range(40)])}, (A[:, 0], Y))
    assert len(data) == 40 and len(data.train) == 30 and len(data.val) == 10
    assert sorted([*data.train, *data.val]) == [*range(40)]
    X, y = data.take(data.val[[3, 1]])
    rows = data.val[[3, 1]]
    np.testing.assert_array_equal(X["left"], A[rows])
    np.testing.assert_array_equal(X["deep"][1], rows)
    np.testing.assert_array_equal(y[1], Y[rows])
    assert X["left"].dtype == y[0].dtype == np.float32 and X["deep"][0].dtype == np.int64
    assert repr(data) == (
        "Arrays('data', X {'left': (40, 2), 'deep': ((40,), (40,))}, y ((40,), (40,)), 30 train, 10 validation)"
    )


def test_the_split_is_fixed_by_the_seed_and_fair_to_classes():
    one, two, three = (Arrays(A, np.sort(Y), seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.val, two.val)
    assert not np.array_equal(one.val, three.val)
    assert np.bincount(one.y[one.val]).tolist() == [5, 5]
    assert len(Arrays(A, Y, validation=0).val) == 0 and len(Arrays(A[:19]).val) == 0
    assert len(Arrays(A, B).val) == 10  # a class of one sample each: at random
    assert len(Arrays(A[:8], Y[:8], validation=0.5).val) == 4


def test_no_targets_and_arrays_that_stay_yours():
    data = Arrays(A)
    X, y = data.take([0, 1])
    assert y is None and X.shape == (2, 2)
    data.X[:] = 7
    assert A[0, 0] == 0
    pictures = np.zeros((3, 1, 4, 4), np.uint8)
    assert Arrays((pictures, A[:3] > 3)).X[0].dtype == np.uint8 and Arrays((A > 3,)).X[0].dtype == bool


def test_sequences_of_different_lengths_keep_their_lengths():
    words = [[1, 2, 3], [4], [5, 6], [7, 8, 9]]
    data = Arrays({"words": words, "more": A[:4]}, [[1], [1, 2], [1], [2]])
    X, y = data.take([3, 1])
    assert isinstance(X["words"], Padded) and isinstance(y, Padded)
    assert X["words"].values.tolist() == [[7, 8, 9], [4, 0, 0]] and X["words"].lengths.tolist() == [3, 1]
    assert "X {'words': (4, 3) padded, 'more': (4, 2)}, y (4, 2) padded" in repr(data)
    ragged = Arrays([np.zeros((2, 3)), np.zeros((4, 3))])
    assert ragged.X.values.shape == (2, 4, 3)
    again = Arrays(pad(words), Y[:4])
    np.testing.assert_array_equal(again.X.values, data.X["words"].values)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"X": {"a": A, "b": B[:7]}}, ValueError, "X['b']: expected 40 samples, as X['a'] has, got 7"),
        ({"X": (A, {"b": B[:7]})}, ValueError, "X[1]['b']: expected 40 samples, as X[0] has, got 7"),
        ({"X": A, "y": Y[:7]}, ValueError, "y: expected 40 samples, as X has, got 7"),
        ({"X": A, "y": (Y, [[1], [2, 3]])}, ValueError, "y[1]: expected 40 samples, as X has, got 2"),
        ({"X": pad([[1], [2]]), "y": Y}, ValueError, "y: expected 2 samples, as X has, got 40"),
        ({"X": Padded(A, B[:7])}, ValueError, "X.lengths: expected 40 samples"),
        ({"X": ()}, ValueError, "X: expected at least one array"),
        ({"X": A[:0]}, ValueError, "X: expected at least one array of at least one sample"),
        ({"X": np.nan}, ValueError, "X: expected finite numbers, got 1 NaN among 1, the first (nan) at [];"),
        ({"X": 7}, ValueError, "X: expected an array (samples, ...), got the single value 7"),
        ({"X": (A, np.full(40, np.nan))}, ValueError, "X[1]: expected finite numbers, got 40 NaN"),
        ({"X": A, "y": ["a"] * 40}, TypeError, "y: expected real numbers"),
        ({"X": [np.zeros((2, 3)), np.zeros((4, 2))]}, ValueError, "X[1]: expected shape (T, 3) as of X[0], got (4, 2)"),
        ({"X": A, "validation": 1}, ValueError, "validation must be"),
        ({"X": A, "seed": 0.5}, TypeError, "seed must be"),
    ],
)
def test_arrays_that_do_not_fit_are_named(arguments, error, message):
    with pytest.raises(error, match=re.escape(message)):
        Arrays(**arguments)


class Column(np.ndarray):
    """As a pandas Series: its rows have numbers."""

    def __new__(cls, values, index):
        made = np.asarray(values, np.float32).view(cls)
        made.index = index
        return made


def test_columns_whose_rows_are_numbered_differently_are_refused():
    a, b = Column(range(30), range(30)), Column(range(30), reversed(range(30)))
    with pytest.raises(ValueError, match=r"y: expected the rows of X\['a'\], got another index"):
        Arrays({"a": a}, b)


def test_data_frames_are_refused():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": range(30), "b": range(30)}, dtype=float)
    with pytest.raises(TypeError, match=r"X\[0\]: expected arrays, got a DataFrame.*from_arrays, or X\[0\]\.to_numpy"):
        Arrays((frame, np.ones(30)))
    with pytest.raises(TypeError, match=r"X\[1\]: expected arrays, got a DataFrame"):
        Arrays([np.ones((30, 2)), frame[["b", "a"]]])
    data = Arrays(frame.to_numpy(), frame["a"], validation=0)
    np.testing.assert_array_equal(data.y, np.arange(30))
    shuffled = frame["a"].sample(frac=1, random_state=0)
    with pytest.raises(ValueError, match="another index"):
        Arrays(frame["b"], shuffled)
