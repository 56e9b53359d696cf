"""Residual: y = x + f(x)."""

import numpy as np
import pytest

from nbprop import nn
from nbprop.engine import ShapeError, Tensor, check_gradient


def test_adds_the_input():
    block = nn.Residual(nn.Linear(3, 5, rng=0, dtype=np.float64), nn.Tanh(), nn.Linear(5, 3, rng=1, dtype=np.float64))
    x = np.random.default_rng(0).standard_normal((4, 3))
    inner = nn.Sequential(*block)
    np.testing.assert_array_equal(block(x).data, x + inner(x).data)
    check_gradient(block, x)
    assert [name for name, _ in block.named_parameters()] == ["0.weight", "0.bias", "2.weight", "2.bias"]


def test_the_gradient_passes_by_a_block_that_lets_nothing_through():
    block, x = nn.Residual(nn.Linear(3, 3, init="zeros")), Tensor(np.ones((2, 3), "f4"), requires_grad=True)
    block(x).sum().backward()
    np.testing.assert_array_equal(x.grad, np.ones((2, 3)))


def test_the_shape_must_stay():
    with pytest.raises(
        ShapeError, match=r"Residual adds its input \(4, 1\) to its output \(4, 3\): they must have one"
    ):
        nn.Residual(nn.Linear(1, 3))(np.zeros((4, 1)))
