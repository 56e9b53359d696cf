"""Sinusoidal and learned positions: numbers, gradients, errors."""

import numpy as np
import pytest

from nbprop import nn
from nbprop.engine import ShapeError, Tensor, check_gradient

rng = np.random.default_rng(0)


def test_sinusoidal_positions():
    layer = nn.SinusoidalPositions(50, 8, dtype=np.float64)
    for t in (0, 1, 7, 49):
        for i in range(4):
            np.testing.assert_allclose(layer.weight[t, 2 * i], np.sin(t / 10000 ** (2 * i / 8)), atol=1e-12)
            np.testing.assert_allclose(layer.weight[t, 2 * i + 1], np.cos(t / 10000 ** (2 * i / 8)), atol=1e-12)
    products = layer.weight @ layer.weight.T  # depend on the distance alone
    np.testing.assert_allclose(products[3, 10], products[23, 30])
    x = Tensor(rng.normal(size=(2, 5, 8)), requires_grad=True)
    y = layer(x)
    np.testing.assert_array_equal(y.data, x.data + layer.weight[:5])
    y.sum().backward()
    assert (x.grad == 1).all() and layer.parameters() == []
    assert nn.SinusoidalPositions(3, 5).weight.shape == (3, 5) and nn.SinusoidalPositions(3, 4).weight.dtype == "f4"


def test_learned_positions():
    layer = nn.LearnedPositions(6, 4, rng=0, dtype=np.float64)
    x = rng.normal(size=(3, 5, 4))
    np.testing.assert_array_equal(layer(x).data, x + layer.weight.data[:5])
    assert 0.005 < layer.weight.data.std() < 0.05

    def f(x, W):
        layer.weight = W
        return layer(x) ** 2

    check_gradient(f, x, layer.weight.data)


def test_bad_settings():
    with pytest.raises(ValueError, match=r"max_len must be an integer, 1 or more; got 0"):
        nn.LearnedPositions(0, 4)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (nn.LearnedPositions(5, 4), (6, 4), r"LearnedPositions\(5, 4\) expected .* at most T = 5.*6"),
        (nn.SinusoidalPositions(5, 4), (2, 3), r"expected \(..., T, 4\).*\(2, 3\)"),
    ],
)
def test_wrong_shapes(layer, shape, message):
    with pytest.raises(ShapeError, match=message):
        layer(np.zeros(shape))
