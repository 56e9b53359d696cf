"""Losses: values, gradients, extremes, errors."""

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

from nbprop import nn
from nbprop.engine import Replay, ShapeError, Tensor, check_gradient, record

rng = np.random.default_rng(0)
Z = rng.normal(size=(6, 3)) * 3
CASES = {
    "mse": (rng.normal(size=(6, 3)), lambda z, y: anp.mean((z - y) ** 2)),
    "bce": (
        rng.uniform(size=(6, 3)),
        lambda z, y: -anp.mean(y * anp.log(1 / (1 + anp.exp(-z))) + (1 - y) * anp.log(1 / (1 + anp.exp(z)))),
    ),
    "cross_entropy": (
        rng.integers(0, 3, 6),
        lambda z, y: -anp.mean(anp.log((anp.exp(z) / anp.sum(anp.exp(z), axis=1, keepdims=True))[np.arange(6), y])),
    ),
}
names = pytest.mark.parametrize("name", CASES)


def test_all_are_listed():
    assert list(nn.LOSSES) == list(CASES)


@names
def test_value_and_gradient(name):
    y, formula = CASES[name]
    z = Tensor(Z, requires_grad=True)
    value = nn.loss(name)(z, y)
    assert value.shape == ()
    np.testing.assert_allclose(value.item(), formula(Z, y), rtol=1e-10)
    value.backward()
    np.testing.assert_allclose(z.grad, autograd.grad(formula)(Z, y), rtol=1e-8, atol=1e-12)
    check_gradient(lambda z: nn.loss(name)(z, y), Z)


@names
@pytest.mark.torch
def test_against_pytorch(name):
    torch = pytest.importorskip("torch")
    y, _ = CASES[name]
    ours = nn.loss(name)
    theirs = getattr(torch.nn, type(ours).__name__)()
    z, t = Tensor(Z, requires_grad=True), torch.tensor(Z, requires_grad=True)
    a, b = ours(z, y), theirs(t, torch.tensor(y))
    a.backward()
    b.backward()
    np.testing.assert_allclose(a.item(), b.item(), rtol=1e-10)
    np.testing.assert_allclose(z.grad, t.grad.numpy(), rtol=1e-8, atol=1e-12)


def test_logits_of_any_size():
    for size in (100.0, 1000.0, 1e6):
        z = Tensor(np.array([[-size], [size], [-size], [size]], np.float32), requires_grad=True)
        value = nn.BCEWithLogitsLoss()(z, [[0], [1], [1], [0]])
        np.testing.assert_allclose(value.item(), size / 2)
        value.backward()
        np.testing.assert_allclose(z.grad.ravel(), [0, 0, -0.25, 0.25], atol=1e-7)
        z = Tensor(np.array([[size, -size, 0], [size, -size, 0]], np.float32), requires_grad=True)
        value = nn.CrossEntropyLoss()(z, [0, 1])
        np.testing.assert_allclose(value.item(), size)
        value.backward()
        np.testing.assert_allclose(z.grad, [[0, 0, 0], [0.5, -0.5, 0]], atol=1e-7)


def test_targets_of_other_dtypes_and_lists():
    z = Tensor([[0.5], [2.0]])
    expected = np.mean([0.25, 4])
    for y in ([[1], [0]], np.array([[1], [0]]), np.array([[1.0], [0.0]]), Tensor([[1], [0]])):
        value = nn.MSELoss()(z, y)
        assert value.dtype == np.float32
        np.testing.assert_allclose(value.item(), expected)
    for y in ([1, 0], [[1], [0]], np.array([True, False]), np.array([1, 0], np.uint8)):
        assert nn.BCEWithLogitsLoss()(z, y).dtype == np.float32


def test_a_converted_target_is_converted_again_in_a_replay():
    x, y = Tensor(np.ones((2, 1), np.float32)), np.array([[1], [0]])
    model, criterion = nn.mlp([1, 1], seed=0), nn.MSELoss()
    model.zero_grad()
    with record() as tape:
        value = criterion(model(x), y)
    step = Replay(tape, value)
    step.backward()
    y[:] = [[7], [9]]
    step.forward()
    step.backward()
    replayed = model.gradient.copy()
    model.zero_grad()
    again = criterion(model(x), y)
    again.backward()
    assert value.item() == again.item()
    np.testing.assert_array_equal(model.gradient, replayed)


@pytest.mark.parametrize(
    ("name", "z", "y", "error", "message"),
    [
        ("mse", (4, 1), np.zeros(4), ShapeError, r"\(4, 1\).*\(4,\)"),
        ("mse", (4, 2), np.zeros((4, 1)), ShapeError, r"\(4, 2\).*\(4, 1\)"),
        ("mse", (0, 2), np.zeros((0, 2)), ShapeError, r"empty batch.*\(0, 2\)"),
        ("bce", (4, 1), np.full((4, 1), 2), ValueError, r"BCEWithLogitsLoss expects targets from 0 to 1; got 2 to 2"),
        ("bce", (2, 1), np.array([[0], [np.nan]]), ValueError, r"targets from 0 to 1; got nan to nan"),
        ("bce", (4, 2), np.zeros(4), ShapeError, r"\(4, 2\).*\(4,\)"),
        ("cross_entropy", (4, 3), np.array([0, 1, 2, 3]), IndexError, r"3 classes.*0 to 3"),
        ("cross_entropy", (4, 3), np.array([0, -1, 2, 1]), IndexError, r"3 classes.*-1 to 2"),
        ("cross_entropy", (4, 3), np.zeros(4), TypeError, r"integers.*float64"),
        ("cross_entropy", (4, 3), np.zeros((4, 1), int), ShapeError, r"\(4, 3\) and \(4, 1\)"),
    ],
)
def test_bad_targets(name, z, y, error, message):
    with pytest.raises(error, match=message):
        nn.loss(name)(Tensor(np.zeros(z)), y)


def test_by_name_class_or_instance():
    for name, kind in nn.LOSSES.items():
        assert type(nn.loss(name)) is type(nn.loss(kind)) is kind
        assert nn.loss(name).name == name
    mine = nn.MSELoss()
    assert nn.loss(mine) is mine
    with pytest.raises(ValueError, match=r"unknown loss 'cross_entrpy': did you mean 'cross_entropy'\?"):
        nn.loss("cross_entrpy")
