"""Ops where it is hard to be right: large and small numbers, ties, impossible cases."""

import math

import numpy as np
import pytest

from nbprop.engine import Tensor, activation, apply, elementwise, loss, matmul


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu", "silu", "softplus"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_activations_at_plus_and_minus_1000(name, dtype):
    x = Tensor(np.array([-1000, -100, -50, 0, 50, 100, 1000], dtype), requires_grad=True)
    for y in [getattr(x, name)(), *([x.gelu("tanh")] if name == "gelu" else [])]:
        x.grad = None
        y.sum().backward()
        assert np.isfinite(y.data).all() and np.isfinite(x.grad).all()
        one_side = {"leaky_relu": -10, "elu": -1, "tanh": -1}.get(name, 0)
        assert y.data[0] == pytest.approx(one_side) and y.data[-1] == (1 if name in ("sigmoid", "tanh") else 1000)
        assert x.grad[-1] == (0 if name in ("sigmoid", "tanh") else 1)


def test_sigmoid_and_losses_keep_small_numbers():
    x = Tensor([-60.0, -30.0], requires_grad=True)
    y = x.sigmoid()
    np.testing.assert_allclose(y.data, np.exp([-60, -30]), rtol=1e-5)
    y.sum().backward()
    np.testing.assert_allclose(x.grad, np.exp([-60, -30]), rtol=1e-5)
    z = Tensor([20.0, -20.0], requires_grad=True)
    L = apply(loss.BCEWithLogits(), z, np.array([1, 0], "f"))
    assert L.item() == pytest.approx(math.exp(-20), rel=1e-4)


@pytest.mark.parametrize("size", [1e3, 1e4])
def test_softmax_and_losses_at_large_logits(size):
    z = Tensor(np.array([[size, -size, 0]], "f"), requires_grad=True)
    for y, expected in [
        (z.softmax(), [[1, 0, 0]]),
        (z.log_softmax(), [[0, -2 * size, -size]]),
        (z.logsumexp(1), [size]),
        (apply(loss.CrossEntropy(), z, np.array([1])), 2 * size),
        (apply(loss.BCEWithLogits(), z, np.array([[0, 1, 1]], "f")), (2 * size + math.log(2)) / 3),
    ]:
        np.testing.assert_allclose(y.data, np.array(expected, "f"), rtol=1e-6)
        z.grad = None
        y.backward(np.ones(y.shape))
        assert np.isfinite(z.grad).all()


def test_logsumexp_of_impossible_cases():
    x = Tensor(np.array([[-np.inf, -np.inf], [-np.inf, 3.0]]), requires_grad=True)
    y = x.logsumexp(axis=1)
    assert y.data.tolist() == [-np.inf, 3.0]
    y.backward(np.ones(2))
    assert x.grad.tolist() == [[0, 0], [0, 1]]


def test_gradient_at_ties_is_shared():
    x = Tensor([2.0, 2.0, 1.0, 2.0], requires_grad=True)
    (3 * x.max()).backward()
    assert x.grad.tolist() == [1, 1, 0, 1]
    a, b = Tensor([1.0, 2.0], requires_grad=True), Tensor([1.0, 3.0], requires_grad=True)
    apply(elementwise.Maximum(), a, b).sum().backward()
    assert a.grad.tolist() == [0.5, 0] and b.grad.tolist() == [0.5, 1]


def test_std_of_equal_values_has_gradient_zero():
    x = Tensor([[1.0, 1.0], [1.0, 3.0]], requires_grad=True)
    x.std(axis=1).sum().backward()
    np.testing.assert_allclose(x.grad, [[0, 0], [-0.5, 0.5]])


@pytest.mark.parametrize("dtype, error", [(np.float64, 3e-16), (np.float32, 3e-7)])
def test_erf(dtype, error):
    x = np.linspace(-8, 8, 20001).astype(dtype)
    exact = np.array([math.erf(v) for v in x.tolist()])
    assert np.abs(activation.erf(x) - exact).max() < error
    assert activation.erf(np.array([-np.inf, np.inf, 0])).tolist() == [-1, 1, 0]
    assert np.isnan(activation.erf(np.array([np.nan])))


def test_an_unwanted_gradient_is_not_computed():
    x, W = Tensor(np.ones((2, 3))), Tensor(np.ones((4, 3)), requires_grad=True)
    y = apply(matmul.Linear(), x, W)
    dx, dW = y.op.backward(np.ones((2, 4)))
    assert dx is None and dW.shape == (4, 3)
