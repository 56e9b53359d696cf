"""Data that look like a mistake are refused, or used with a word; data in order are used without one."""

import re
import warnings

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

import nbprop as nb
from nbprop.data import DataWarning, from_arrays

N = 40
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(N, 3)), np.arange(N) % 2
PICTURES = RNG.integers(0, 256, (N, 1, 8, 8), dtype=np.uint8)
SECONDS = 1.7e9 + 10.0 * np.arange(N)
COUNTS = np.stack([RNG.integers(0, 5, N), RNG.integers(18, 65, N), RNG.integers(0, 30, N)], axis=1)
LAST = lambda X: X.transpose(0, 3, 1, 2)  # noqa: E731
ZIPF = (1000 * RNG.random((N, 5)) ** 3).astype(int)  # a few words often, most of them seldom
WORDS = RNG.permutation(np.arange(6 * N) % 9).reshape(N, 6)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (
            X * [1, 1e6, 1],
            "X has columns of which a network learns little or nothing.*'x2' from .* Try scale='standard'",
        ),
        (X * [1, 1e-4, 1], "learns little or nothing.*'x2'"),
        (X * 1e-4, "learns little or nothing.*'x1'.*'x2'.*'x3'"),
        (X + np.array([0, 0, 2000]), "learns little or nothing.*'x3' from 199"),
        (np.column_stack([X, np.full(N, 1e6)]), r"'x4' from 1e\+06 to 1e\+06"),
        (X[:, None, :] * [1, 1, 1e5], "learns little or nothing.*'x3'"),
        (PICTURES * 10.0, "learns little or nothing.*'x1' from 0 to 2550"),
        (PICTURES, "X holds bytes, from 0 to 255, taken as they are.*Try scale=255"),
        (PICTURES.reshape(N, 64), "X holds bytes, from 0 to 255.*scale=255"),
        (SECONDS[:, None], "of 40 different numbers in 'x1' only 4 stay different in float32"),
        (np.column_stack([X[:, 0], SECONDS]), "different numbers in 'x2' only 4 stay different"),
        (2**24 + np.arange(N)[:, None], "of 40 different numbers in 'x1' only 21 stay different"),
        (ZIPF, "try vocabulary="),
        (WORDS, "whole numbers from 0 to 8, taken as 6 measurements. If they are tokens, try vocabulary=9"),
        (
            RNG.normal(size=(N, 8, 8)),
            r"\(40, 8, 8\) is taken as sequences of 8 steps with 8 features.*try X\[:, None\]",
        ),
    ],
)
def test_inputs_that_look_like_a_mistake_are_used_with_a_word(X, message):
    with pytest.warns(DataWarning, match=message) as caught:
        from_arrays(X, Y)
    assert {each.filename for each in caught} == {__file__}


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (
            1e4 * X[:, 0],
            r"y holds numbers from .* of which a network.* learns little.*Try \(y - y.mean\(\)\) / y.std\(\)",
        ),
        (1e-4 * X[:, 0], "y holds numbers from"),
        (SECONDS, "y: of 40 different numbers in column 0 only"),
        (np.arange(N), "y holds 40 different whole numbers: taken as classes.*task='regression'"),
        (Y * 1.0, "y holds only 2 different numbers, but as floats: taken as regression.*astype"),
        (np.eye(2)[Y], r"y holds one 1 in each row, but as floats: taken as regression.*try y.argmax\(axis=-1\)"),
        (np.ones((N, 2)), "y holds only 0 and 1, but as floats.*try task='multilabel'"),
    ],
)
def test_targets_that_look_like_a_mistake_are_used_with_a_word(y, message):
    with pytest.warns(DataWarning, match=message):
        from_arrays(X, y, validation=0)


@pytest.mark.parametrize(
    ("X", "settings"),
    [
        (X * [1, 1e6, 1], {"scale": "standard"}),
        (X * [1, 1e6, 1], {"scale": "minmax"}),
        (X + np.array([0, 0, 2000]), {"scale": "standard"}),
        (SECONDS[:, None], {"scale": "standard"}),
        (PICTURES, {"scale": 255}),
        (PICTURES / 255, {}),
        (WORDS, {"vocabulary": 9}),
        (WORDS.astype(float), {}),
        (WORDS, {"features": list("abcdef")}),
        (Y[:, None] * [[1, 1, 1, 1]], {}),
        (RNG.integers(0, 2, (N, 30)), {}),
        (X * 50, {}),
        (COUNTS, {}),
        (np.eye(N), {}),
        (np.column_stack([X, np.zeros(N)]), {}),
        (RNG.normal(size=(N, 8, 8)), {"features": range(8)}),
        (RNG.normal(size=(N, 20, 3)), {}),
        (RNG.normal(size=(N, 3, 8, 8)), {}),
        (RNG.normal(size=(N, 16, 8, 3)), {"features": range(16)}),
    ],
)
def test_data_in_order_are_used_without_a_word(X, settings):
    assert len(from_arrays(X, Y, **settings).X_train) == 30


def test_whole_numbers_are_said_to_be_measurements():
    assert "; X: whole numbers as measurements)" in repr(from_arrays(COUNTS, Y))
    assert "measurements" not in repr(from_arrays(COUNTS * 1.0, Y))
    assert "measurements" not in repr(from_arrays(COUNTS // 40, Y))


def test_bundled_data_raise_no_doubts():
    for name in nb.data.DATASETS:
        data = nb.data.dataset(name)
        from_arrays(data.X_train, data.y_train, task=data.task)


@pytest.mark.parametrize(
    ("X", "message", "mended"),
    [
        (
            PICTURES[:, 0],
            "uint8, got uint8 (40, 8, 8); try X[:, None] for pictures of one channel",
            lambda X: X[:, None],
        ),
        (np.zeros((N, 8, 9, 3)), "(40, 8, 9, 3), whose channels seem to come last; try X.transpose(0, 3, 1, 2)", LAST),
        (np.zeros((N, 8, 9, 1), np.uint8), "try X.transpose(0, 3, 1, 2)", LAST),
        (np.zeros((N, 8, 9, 4), np.uint8), "channels seem to come last", LAST),
    ],
)
def test_pictures_in_another_shape_are_refused_with_the_line_that_mends_it(X, message, mended):
    with pytest.raises(ValueError, match=re.escape(message)):
        from_arrays(X, Y)
    assert len(from_arrays(mended(X), Y, scale=255).input_shape) == 3


def test_the_word_stands_at_the_line_of_the_user_also_through_a_trainer():
    with pytest.warns(DataWarning, match="learns little") as caught:
        nb.Trainer(nb.nn.mlp([3, 4, 1], seed=0), (X * [1, 1e6, 1], Y))
    assert caught[0].filename == __file__


def test_the_trainer_learns_of_scaled_columns_what_it_does_not_of_others():
    y = (X[:, 0] > 0).astype(int)
    wide = X * [1, 1e6, 1e6]
    right = []
    for scale in ("standard", None):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            data = from_arrays(wide, y, scale=scale, validation=0)
        trainer = nb.Trainer(nb.nn.mlp([3, 8, 1], activation="tanh", seed=0), data, lr=0.03, seed=0)
        trainer.fit(steps=200, bar=False)
        right.append(trainer.evaluate()["train_accuracy"])
    assert right[0] > 0.95 and right[1] < 0.85


dtypes = st.sampled_from([np.int32, np.int64, np.uint64, np.float64])


@given(column=dtypes.flatmap(lambda dtype: hnp.arrays(dtype, st.integers(20, 60))))
def test_numbers_that_float32_makes_equal_never_do_so_in_silence(column):
    """A property: as many different numbers as before, or a word, or a refusal."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            data = from_arrays(column[:, None], np.arange(len(column)) % 2, validation=0)
        except ValueError:
            return
    coarse = len(np.unique(column)) > len(np.unique(data.X_train))
    spread, largest = np.std(column.astype(float)), np.abs(column.astype(float)).max()
    if coarse and (column.dtype.kind != "f" or largest > 1000 * spread):
        assert any("stay different" in str(each.message) for each in caught)
