"""Data of one's own: what is taken, what it becomes, and what is refused with which words."""

import re
import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

from nbprop.data import DataWarning, from_arrays

X = np.arange(24.0).reshape(12, 2)
Y = np.arange(12) % 3


class Frame(dict):
    """As much of a data frame as is needed: the names, and each column by its name."""

    @property
    def columns(self):
        return list(self)


SEQUENCES = np.arange(72.0).reshape(12, 3, 2)
TOKENS = np.arange(60).reshape(12, 5) % 4


def test_classes_from_texts():
    d = from_arrays(X, ["dog", "cat"] * 6, name="pets", features=("height", "weight"), validation=0.25)
    assert repr(d) == "Dataset('pets', binary, 2 inputs, 2 classes, 8 train, 4 validation)"
    assert d.classes == ("cat", "dog")
    assert d.features == ("height", "weight")
    assert d.outputs == 1
    assert np.array_equal(d.y_train, (d.X_train[:, 0] % 4 == 0).astype(int))


@pytest.mark.parametrize(
    ("y", "classes", "task"),
    [
        (np.array([3, 7, 3, 7] * 3), ("3", "7"), "binary"),
        (np.array([True, False] * 6), ("False", "True"), "binary"),
        (np.array(["b", "c", "a"] * 4), ("a", "b", "c"), "multiclass"),
        (np.array(["b", "c", "a"] * 4, object), ("a", "b", "c"), "multiclass"),
        (np.uint8([0, 1, 2] * 4), ("0", "1", "2"), "multiclass"),
        (["b", "c", "a"] * 4, ("a", "b", "c"), "multiclass"),
        ([1, "one", Fraction(1, 2)] * 4, ("1/2", "1", "one"), "multiclass"),
        (np.array([[0], [1], [0]] * 4), ("0", "1"), "binary"),
    ],
)
def test_labels_of_any_kind(y, classes, task):
    d = from_arrays(X, y, validation=0)
    assert (d.classes, d.task) == (classes, task)
    assert [d.classes[c] for c in d.y_train] == [str(label) for label in np.array(y, object).ravel()]


def test_class_names_in_order_of_labels_or_the_labels_themselves_in_the_order_wished_for():
    assert from_arrays(X, Y, classes=("x", "y", "z"), validation=0).y_train.tolist() == Y.tolist()
    d = from_arrays(X, ["low", "high"] * 6, classes=("low", "high"), validation=0)
    assert d.classes == ("low", "high")
    assert d.y_train.tolist() == [0, 1] * 6


def test_floats_are_regression():
    d = from_arrays(X, X[:, 0] / 7)
    assert (d.task, d.outputs, d.classes) == ("regression", 1, ())
    assert np.allclose(d.y_train[:, 0], d.X_train[:, 0] / 7)
    assert from_arrays(X, X / 7).outputs == 2
    assert from_arrays(X, list(X[:, 0] / 7)).task == "regression"
    assert from_arrays(X, (X[:, 0] / 7).astype(object)).task == "regression"


def test_few_valued_floats_are_regression_with_a_hint_that_forcing_silences():
    y = Y.astype(float)
    with pytest.warns(UserWarning, match="only 3 different numbers.*y.astype\\(int\\)") as caught:
        assert from_arrays(X, y).task == "regression"
    assert caught[0].filename == __file__
    assert from_arrays(X, y, task="regression").task == "regression"
    assert from_arrays(X, y, task="multiclass").classes == ("0", "1", "2")


def test_the_task_can_be_forced():
    assert from_arrays(X, Y, task="regression").y_train.dtype == np.float32
    two = from_arrays(X, Y % 2, task="multiclass")
    assert (two.task, two.outputs) == ("multiclass", 2)
    assert from_arrays(X, [[1.0], [2.0]] * 6, task="binary").classes == ("1", "2")


def test_a_validation_set_of_ones_own():
    d = from_arrays(X, ["a", "b"] * 6, X[:2] + 100, ["b", "a"])
    assert len(d.X_train) == 12
    assert np.array_equal(d.X_val, X[:2] + 100)
    assert d.y_val.tolist() == [1, 0]
    assert from_arrays(X, X, X[:1], X[:1]).y_val.shape == (1, 2)


def test_your_arrays_stay_yours():
    mine, targets = X.astype(np.float32), X.astype(np.float32)
    d = from_arrays(mine, targets, validation=0)
    d.X_train[:] = -1
    d.y_train[:] = -1
    assert np.array_equal(mine, X)
    assert np.array_equal(targets, X)


def test_a_data_frame_gives_the_feature_names():
    d = from_arrays(Frame(height=X[:, 0], weight=X[:, 1]), Y)
    assert d.features == ("height", "weight")
    assert np.array_equal(d.X_train, X) and type(d.X_train) is np.ndarray


def test_a_frozen_data_set():
    d = from_arrays(X, Y)
    with pytest.raises(AttributeError):
        d.name = "other"
    assert d != from_arrays(X, Y)
    assert (
        repr(from_arrays(X[:, :1], X, validation=0.25))
        == "Dataset('data', regression, 1 input, 2 targets, 9 train, 3 validation)"
    )


@given(
    counts=st.lists(st.integers(2, 25), min_size=2, max_size=7),
    validation=st.floats(0.01, 0.95),
    seed=st.integers(0, 1000),
)
def test_the_split_is_a_partition_in_equal_shares(counts, validation, seed):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)) - 3, counts))
    rows = np.arange(len(labels), dtype=float)[:, None]
    d = from_arrays(rows, labels, validation=validation, seed=seed)
    assert sorted([*d.X_train[:, 0], *d.X_val[:, 0]]) == rows[:, 0].tolist()
    for X_part, y_part in ((d.X_train, d.y_train), (d.X_val, d.y_val)):
        assert [int(d.classes[c]) for c in y_part] == labels[X_part[:, 0].astype(int)].tolist()
    kept, rest = np.bincount(d.y_val, minlength=len(counts)), np.bincount(d.y_train, minlength=len(counts))
    assert kept.min() >= 1
    assert rest.min() >= 1
    assert np.abs(kept - validation * np.array(counts)).max() <= 1


@given(n=st.integers(2, 60), validation=st.floats(0.001, 0.999), seed=st.integers(0, 1000))
def test_a_regression_keeps_at_least_one_sample_on_each_side(n, validation, seed):
    rows = np.arange(n, dtype=float)[:, None]
    d = from_arrays(rows, rows / 3, validation=validation, seed=seed, task="regression")
    assert sorted([*d.X_train[:, 0], *d.X_val[:, 0]]) == rows[:, 0].tolist()
    assert min(len(d.X_train), len(d.X_val)) >= 1
    assert abs(len(d.X_val) - validation * n) <= 1
    assert np.allclose(d.y_val, d.X_val / 3)


def arrays(*shape):
    dtypes = st.sampled_from(["bool", "int8", "uint64", "float16", "float32", "float64", "complex64", "U2", "M8[D]"])
    anything = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.decimals(), st.text(max_size=2))
    plain = dtypes.flatmap(lambda dtype: hnp.arrays(dtype, shape))
    return st.one_of(plain, plain, hnp.arrays("O", shape, elements=anything))


@st.composite
def some_X_and_y(draw):
    n = draw(st.integers(1, 6))
    return draw(arrays(n, draw(st.integers(1, 2)))), draw(st.one_of(arrays(n), arrays(n, 2)))


@given(
    X_and_y=some_X_and_y(),
    task=st.sampled_from([None, None, "multiclass", "regression"]),
    noise=st.sampled_from([0, 1]),
)
def test_whatever_comes_is_either_sound_or_refused(X_and_y, task, noise):
    X, y = X_and_y
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        try:
            d = from_arrays(X, y, task=task, noise=noise, validation=0.25)
        except (TypeError, ValueError) as error:
            assert "expected" in str(error) or "must be" in str(error)
            return
    assert d.X_train.shape[1] == d.X_val.shape[1] == X.shape[1]
    assert len(d.X_train) + len(d.X_val) == len(d.y_train) + len(d.y_val) == len(X) == len(y)
    assert all(np.isfinite(part).all() for part in (d.X_train, d.X_val, d.y_train, d.y_val))


def test_noise_and_split_are_drawn_apart():
    clean, noisy = (from_arrays(X, Y, noise=noise, seed=3) for noise in (0, 0.001))
    assert np.array_equal(np.round(noisy.X_val), clean.X_val)
    few, many = (from_arrays(X, Y, noise=0.001, validation=share, seed=3) for share in (0, 0.5))
    assert {tuple(row) for row in many.X_val} < {tuple(row) for row in few.X_train}


def test_noise_is_a_share_of_each_columns_own_spread():
    rng = np.random.default_rng(0)
    wide = rng.standard_normal((4000, 3)) * [1, 100, 0] + [0, 0, 5]
    d = from_arrays(wide, np.arange(4000) % 2, noise=0.5, validation=0)
    assert (d.X_train - wide).std(axis=0) == pytest.approx([0.5, 50, 0], rel=0.05, abs=1e-5)
    d = from_arrays(wide, wide, noise=0.5, validation=0)
    assert np.array_equal(d.X_train, wide.astype(np.float32))
    assert (d.y_train - wide).std(axis=0) == pytest.approx([0.5, 50, 0], rel=0.05, abs=1e-5)


class Sparse:
    def toarray(self):
        raise AssertionError("not called")


HOLES = X.copy()
HOLES[1, 1] = HOLES[5, 0] = np.nan
HUGE = X.copy()
HUGE[2, 0] = 1e300
MIXED = X.copy()
MIXED[0, 1], MIXED[4, 0], MIXED[7, 1] = np.inf, np.nan, -np.inf
TEXTS = X.astype(object)
TEXTS[3, 1] = "n/a"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"X": X[:, 0]}, ValueError, "X: expected shape (samples, features), got (12,); try X[:, None]"),
        ({"X": 3}, ValueError, "X: expected shape (samples, features), got ()"),
        ({"X": X[:0]}, ValueError, "X: expected at least one sample and one feature, got shape (0, 2)"),
        ({"X": X[:, :0]}, ValueError, "got shape (12, 0)"),
        (
            {"X": HOLES},
            ValueError,
            "X: expected finite numbers, got 2 NaN among 24, the first (nan) at row 1, column 1; try",
        ),
        ({"X": HUGE}, ValueError, "got 1 too large for float32 among 24, the first (1e+300) at row 2, column 0"),
        ({"X": MIXED}, ValueError, "got 1 NaN and 2 infinite among 24, the first (inf) at row 0, column 1; try"),
        ({"X": TEXTS}, TypeError, "X: expected real numbers, got 'n/a' at row 3, column 1; try"),
        ({"X": X.astype(str)}, TypeError, "X: expected real numbers, got dtype <U32; try"),
        ({"X": X + 1j}, TypeError, "X: expected real numbers, got complex ones; try X.real"),
        ({"X": Sparse()}, TypeError, "X: expected a dense array, got Sparse; try X.toarray()"),
        ({"X": np.ma.masked_less(X, 3)}, ValueError, "X: expected a value everywhere, got masked values; try"),
        ({"X": [[1, 2], [3]]}, ValueError, "X: expected rows of the same length"),
        ({"y": Y[:5]}, ValueError, "y: expected one row for each of the 12 rows of X, got 5"),
        ({"y": 1}, ValueError, "y: expected shape (samples,) or (samples, targets), got ()"),
        ({"y": np.zeros((12, 0))}, ValueError, "got (12, 0)"),
        ({"y": np.zeros(12, int)}, ValueError, "y: expected at least two classes, got one class only, 0; try"),
        ({"y": np.ones((12, 3), int)}, ValueError, "got shape (12, 3); try task='multilabel' for several labels"),
        ({"y": ["a", None] * 6}, ValueError, "y: expected a label for each sample, got None at row 1; try"),
        ({"y": ["a", float("nan")] * 6}, ValueError, "got nan at row 1"),
        ({"y": np.array(["a", np.datetime64("nat", "s")] * 6, object)}, ValueError, "at row 1"),
        ({"y": [(0, 1), (2,)] * 6}, ValueError, "y: expected rows of the same length"),
        ({"y": np.array([{}, "a"] * 6, object)}, TypeError, "labels such as numbers or texts, got {} at row 0"),
        ({"y": HUGE[:, 0]}, ValueError, "y: expected finite numbers"),
        ({"y": ["a", "b"] * 6, "task": "regression"}, TypeError, "y: expected real numbers, got 'a' at row 0"),
        (
            {"y": Y, "task": "binary"},
            ValueError,
            "expected two classes for task='binary', got 3; try task='multiclass'",
        ),
        ({"task": "regresion"}, ValueError, "got 'regresion'; did you mean 'regression'?"),
        (
            {"y": np.arange(12), "validation": 0.5},
            ValueError,
            "of class '0' (one to train, one to validate), got 1; try",
        ),
        ({"y": np.arange(12), "validation": 0.5}, ValueError, "task='regression'"),
        (
            {"X": [[1.0]], "y": [1.0], "validation": 0.5},
            ValueError,
            "y: expected at least 2 samples (one to train, one to validate), got 1",
        ),
        ({"features": 7}, TypeError, "features: expected a sequence of names, got 7"),
        ({"validation": 1.0}, ValueError, "validation must be a finite number, at least 0 and less than 1; got 1"),
        (
            {"validation": float("nan")},
            ValueError,
            "validation must be a finite number, at least 0 and less than 1; got nan",
        ),
        ({"noise": float("inf")}, ValueError, "noise must be a finite number, at least 0; got inf"),
        ({"seed": 1.5}, TypeError, "seed must be an integer, 0 or more; got 1.5"),
        ({"features": ("a",)}, ValueError, "features: expected 2 names, got 1: a"),
        ({"features": ("a", "a")}, ValueError, "features: expected different names, got a, a"),
        ({"features": "ab"}, TypeError, "features: expected a sequence of names, got 'ab'; try ('ab',)"),
        ({"classes": ("a", "b")}, ValueError, "classes: expected 3 names, got 2: a, b"),
        ({"X_val": X}, ValueError, "expected X_val and y_val together, got X_val without y_val; try"),
        ({"y_val": Y}, ValueError, "got y_val without X_val"),
        ({"X_val": X[:, :1], "y_val": Y}, ValueError, "X_val: expected 2 features as in X, got 1"),
        ({"X_val": HOLES, "y_val": Y}, ValueError, "X_val: expected finite numbers"),
        ({"X_val": X, "y_val": Y[:3]}, ValueError, "y_val: expected one row for each of the 12 rows of X_val, got 3"),
        ({"X_val": X, "y_val": Y + 1}, ValueError, "y_val: expected only the labels of y, 0, 1, 2; got 3 (4 of 12 are"),
        ({"y": X / 7, "X_val": X, "y_val": X[:, 0]}, ValueError, "y_val: expected 2 targets as in y, got 1"),
        (
            {"X": SEQUENCES, "y": Y[:, None].repeat(5, 1)},
            ValueError,
            "or (samples, 3), one for each time step, got shape",
        ),
        (
            {"X": np.where(SEQUENCES == 9, np.nan, SEQUENCES)},
            ValueError,
            "got 1 NaN among 72, the first (nan) at [1, 1, 1]",
        ),
        (
            {"X": SEQUENCES, "X_val": SEQUENCES[:, :2], "y_val": Y},
            ValueError,
            "samples of shape (3, 2) as in X, got (2, 2)",
        ),
        (
            {"X": TOKENS, "vocabulary": 3},
            ValueError,
            "whole numbers from 0 to 2, got 3 at row 0, column 3; try a larger",
        ),
        ({"X": TOKENS + 0.5, "vocabulary": 9}, ValueError, "got 0.5 at row 0, column 0"),
        ({"X": TOKENS, "vocabulary": "aab"}, ValueError, "vocabulary: expected different names, got a, a, b"),
        ({"X": TOKENS, "vocabulary": 0}, ValueError, "vocabulary must be an integer, 1 or more; got 0"),
        (
            {"X": TOKENS, "vocabulary": 4, "noise": 0.1},
            ValueError,
            "noise: expected 0, for nothing can be added to tokens",
        ),
        ({"X": TOKENS, "vocabulary": 4, "X_val": TOKENS + 1, "y_val": Y}, ValueError, "X_val: expected tokens"),
    ],
)
def test_bad_input_is_refused_in_words(arguments, error, message):
    with pytest.raises(error, match=re.escape(message)):
        from_arrays(**{"X": X, "y": Y, **arguments})


def test_pictures_and_sequences_keep_their_shape():
    pictures = np.arange(12 * 3 * 4 * 5.0).reshape(12, 3, 4, 5) / 100
    d = from_arrays(pictures, Y, features=("red", "green", "blue"), validation=0.25)
    assert (d.inputs, d.input_shape, d.outputs, d.output_shape) == (3, (3, 4, 5), 3, (3,))
    assert d.X_train.dtype == np.float32 and d.X_train.shape == (9, 3, 4, 5)
    assert repr(d) == "Dataset('data', multiclass, inputs (3, 4, 5), 3 classes, 9 train, 3 validation)"
    d = from_arrays(SEQUENCES, Y)
    assert (d.inputs, d.input_shape, d.features, d.vocabulary) == (2, (3, 2), ("x1", "x2"), ())
    rows = np.concatenate([d.X_train, d.X_val])[:, 0, 0].argsort()
    np.testing.assert_array_equal(np.concatenate([d.X_train, d.X_val])[rows], SEQUENCES)
    noisy = from_arrays(pictures, Y, noise=0.1, validation=0.25)
    assert noisy.X_train.shape == (9, 3, 4, 5) and not np.array_equal(noisy.X_train, pictures[:9])


def test_a_label_for_every_time_step():
    labels = np.array(["b", "a", "c"] * 12).reshape(12, 3)
    d = from_arrays(SEQUENCES, labels, validation=0.25)
    assert (d.task, d.outputs, d.output_shape, d.classes) == ("multiclass", 3, (3, 3), ("a", "b", "c"))
    assert d.y_train.shape == (9, 3) and (d.y_train == [1, 0, 2]).all()
    assert repr(d).endswith("inputs (3, 2), 3 classes at each of (3,) places, 9 train, 3 validation)")
    two = from_arrays(SEQUENCES, SEQUENCES[:, :, 0] > SEQUENCES[:, :, 0].mean())
    assert (two.task, two.output_shape) == ("binary", (3, 1))
    values = from_arrays(SEQUENCES, SEQUENCES / 7)
    assert (values.task, values.outputs, values.output_shape) == ("regression", 2, (3, 2))


def test_tokens_are_whole_numbers():
    d = from_arrays(TOKENS, TOKENS[:, ::-1], vocabulary="abcd", classes=tuple("abcd"))
    assert (d.X_train.dtype, d.inputs, d.vocabulary) == (np.int64, 4, ("a", "b", "c", "d"))
    assert (d.output_shape, d.classes) == ((5, 4), d.vocabulary)
    order = np.concatenate([d.X_train, d.X_val])
    np.testing.assert_array_equal(order[:, ::-1], np.concatenate([d.y_train, d.y_val]))
    assert repr(d).startswith("Dataset('data', multiclass, inputs (5,) of 4 tokens, 4 classes")
    assert from_arrays(TOKENS.astype(float), Y, vocabulary=9).inputs == 9


def test_there_may_be_classes_that_no_sample_has():
    d = from_arrays(X, Y, classes=range(5))
    assert d.outputs == 5 and d.classes == ("0", "1", "2", "3", "4") and sorted(set(d.y_train)) == [0, 1, 2]
    d = from_arrays(X, Y, classes=("one", "two", "three", "many"))
    assert d.outputs == 4 and d.y_train.max() == 2
    d = from_arrays(X, ["b", "d"] * 6, classes=("d", "c", "b", "a"))
    assert d.task == "multiclass" and sorted(set(d.y_train)) == [0, 2]
    with pytest.raises(ValueError, match="expected 3 names, got 4"):
        from_arrays(X, Y + 7, classes=("a", "b", "c", "d"))
    d = from_arrays(X, Y % 2, X[:2], [3, 2], classes=range(4))
    assert d.y_val.tolist() == [3, 2]
