"""A sample of the samples: fixed, fair where the data are sorted, cheap when asked again."""

import copy

import numpy as np
import pytest
from hypothesis import given, strategies as st

from nbprop.data import Arrays, from_arrays, iris


@given(
    counts=st.lists(st.integers(1, 400), min_size=2, max_size=6),
    n=st.integers(1, 300),
    seed=st.integers(0, 50),
    shuffled=st.booleans(),
)
def test_each_class_has_its_share(counts, n, seed, shuffled):
    y = np.repeat(np.arange(len(counts)), counts)
    y = np.random.default_rng(0).permutation(y) if shuffled else y
    data = from_arrays(np.zeros((len(y), 2)), y, validation=0, classes=range(len(counts)))
    found = data.sample(n, seed=seed)
    assert np.all(np.diff(found) > 0) and found.dtype == np.int64 and len(found) == min(n, len(y))
    assert 0 <= found[0] <= found[-1] < len(y)
    share = np.array(counts) * min(1, n / len(y))
    assert np.abs(np.bincount(data.y_train[found], minlength=len(counts)) - share).max() < 2
    np.testing.assert_array_equal(found, data.sample(n, seed=seed))


def test_a_sorted_regression_is_seen_from_end_to_end():
    x = np.arange(1000.0)[:, None] / 1000
    data = from_arrays(x, x[:, 0], validation=0)
    assert np.abs(np.quantile(data.y_train[data.sample(100)], [0.1, 0.5, 0.9]) - [0.1, 0.5, 0.9]).max() < 0.02
    assert not np.array_equal(data.sample(100), data.sample(100, seed=1))
    several = from_arrays(x, np.repeat(x, 2, axis=1), validation=0)
    assert abs(several.y_train[several.sample(300)].mean() - 0.5) < 0.05


def test_all_of_few_and_the_validation_samples():
    data = iris()
    assert data.sample(1000).tolist() == [*range(len(data.X_train))]
    assert np.bincount(data.y_val[data.sample(18, "val")]).tolist() == [6, 6, 6]
    empty = from_arrays(data.X_train, data.y_train, validation=0)
    assert empty.sample(9, "val").tolist() == []


def test_it_is_drawn_once_and_nobody_can_spoil_it():
    data = iris()
    assert data.sample(20) is data.sample(20)
    with pytest.raises(ValueError, match="read-only"):
        data.sample(20)[0] = 7
    np.testing.assert_array_equal(copy.deepcopy(data).sample(20), data.sample(20))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0,), ValueError, "n must be an integer, 1 or more; got 0"),
        ((5.0,), TypeError, "n must be an integer, 1 or more; got 5.0; try 5"),
        ((5, "validation"), ValueError, "which must be 'train' or 'val'; got 'validation'"),
        ((5, "train", -1), ValueError, "seed must be an integer, 0 or more; got -1"),
    ],
)
def test_bad_input_is_refused(arguments, error, message):
    for data in (iris(), Arrays(np.zeros((30, 2)))):
        with pytest.raises(error, match=message):
            data.sample(*arguments)
