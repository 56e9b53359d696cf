"""Embedding: rows of a table, and where their gradients go."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import array_shapes

from nbprop.engine import Tensor, apply
from nbprop.engine.embedding import Embedding


@given(array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5), st.integers(1, 6), st.integers(1, 3), st.data())
def test_rows_taken_several_times_get_the_sum(shape, rows, size, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    index, W = rng.integers(0, rows, shape), Tensor(rng.standard_normal((rows, size)), requires_grad=True)
    y = apply(Embedding(), index, W)
    np.testing.assert_array_equal(y.data, W.data[index])
    dy = rng.standard_normal(y.shape)
    y.backward(dy)
    expected = np.zeros_like(W.data)
    np.add.at(expected, index, dy)
    np.testing.assert_allclose(W.grad, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_any_integers(dtype):
    assert apply(Embedding(), np.array([1, 0], dtype), [[1.0], [2.0]]).data.tolist() == [[2], [1]]


def test_errors():
    W = np.zeros((3, 2))
    with pytest.raises(IndexError, match="Embedding takes row numbers from 0 to 2: got 0 to 3"):
        apply(Embedding(), np.array([0, 3]), W)
    with pytest.raises(IndexError, match="got -1 to 2"):
        apply(Embedding(), np.array([2, -1]), W)
    with pytest.raises(TypeError, match=r"row numbers as integers: got float32; try .astype\(int\)"):
        apply(Embedding(), [1.0], W)
