"""Losses: values, gradients, extremes, errors."""

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

from nbprop import nn
from nbprop.engine import Replay, ShapeError, Tensor, check_gradient, record

rng = np.random.default_rng(0)
Z = rng.normal(size=(6, 3)) * 3


def log_softmax(z):
    return z - anp.log(anp.sum(anp.exp(z), axis=1, keepdims=True))


CASES = {
    "mse": (rng.normal(size=(6, 3)), lambda z, y: anp.mean((z - y) ** 2)),
    "mae": (rng.normal(size=(6, 3)), lambda z, y: anp.mean(anp.abs(z - y))),
    "huber": (
        rng.normal(size=(6, 3)),
        lambda z, y: anp.mean(anp.where(anp.abs(z - y) <= 1, (z - y) ** 2 / 2, anp.abs(z - y) - 0.5)),
    ),
    "bce": (
        rng.uniform(size=(6, 3)),
        lambda z, y: -anp.mean(y * anp.log(1 / (1 + anp.exp(-z))) + (1 - y) * anp.log(1 / (1 + anp.exp(z)))),
    ),
    "cross_entropy": (
        rng.integers(0, 3, 6),
        lambda z, y: -anp.mean(log_softmax(z)[np.arange(6), y]),
    ),
    "hinge": (
        rng.integers(0, 2, (6, 3)),
        lambda z, y: anp.mean(anp.maximum(0, 1 - np.where(y == 1, 1, -1) * z)),
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


SOFT = rng.dirichlet(np.ones(3), 6)
SETTINGS = [
    ("HuberLoss", {"delta": 2.5}, CASES["huber"][0]),
    ("CrossEntropyLoss", {}, SOFT),
    ("CrossEntropyLoss", {"label_smoothing": 0.3}, SOFT),
    ("CrossEntropyLoss", {"label_smoothing": 0.3}, CASES["cross_entropy"][0]),
]
FORMULAS = [
    lambda z, y: anp.mean(anp.where(anp.abs(z - y) <= 2.5, (z - y) ** 2 / 2, 2.5 * (anp.abs(z - y) - 1.25))),
    lambda z, y: -anp.mean(anp.sum(y * log_softmax(z), axis=1)),
    lambda z, y: -anp.mean(anp.sum((0.7 * y + 0.1) * log_softmax(z), axis=1)),
    lambda z, y: -anp.mean(anp.sum((0.7 * np.eye(3)[y] + 0.1) * log_softmax(z), axis=1)),
]


@pytest.mark.parametrize(
    ("name", "settings", "y", "formula"), [(*s, f) for s, f in zip(SETTINGS, FORMULAS, strict=True)]
)
def test_settings(name, settings, y, formula):
    criterion = getattr(nn, name)(**settings)
    z = Tensor(Z, requires_grad=True)
    value = criterion(z, y)
    np.testing.assert_allclose(value.item(), formula(Z, y), rtol=1e-10)
    value.backward()
    np.testing.assert_allclose(z.grad, autograd.grad(formula)(Z, y), rtol=1e-8, atol=1e-12)
    assert all(f"{key}={v}" in repr(criterion) for key, v in settings.items())


TORCH = [(type(nn.loss(name)).__name__, {}, y) for name, (y, _) in CASES.items() if name != "hinge"] + SETTINGS


@pytest.mark.parametrize(("name", "settings", "y"), TORCH)
@pytest.mark.torch
def test_against_pytorch(name, settings, y):
    torch = pytest.importorskip("torch")
    ours, theirs = getattr(nn, name)(**settings), getattr(torch.nn, name)(**settings)
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


REPLAYED = [(nn.loss(name), y) for name, (y, _) in CASES.items()] + [
    (nn.MSELoss(), CASES["hinge"][0]),  # whole numbers, converted
    (nn.BCEWithLogitsLoss(), CASES["hinge"][0]),
    (nn.CrossEntropyLoss(label_smoothing=0.2), SOFT),
    (nn.CrossEntropyLoss(label_smoothing=0.2), CASES["cross_entropy"][0]),
]


@pytest.mark.parametrize(("criterion", "y"), REPLAYED)
def test_a_replay_sees_new_targets(criterion, y):
    x, y = Tensor(np.ones((6, 2), np.float32)), y.copy()
    model = nn.mlp([2, 3], seed=0)
    model.zero_grad()
    with record() as tape:
        value = criterion(model(x), y)
    step = Replay(tape, value)
    step.backward()
    y[:] = y[::-1].copy()
    x.data[:] = rng.normal(size=x.shape)
    step.forward()
    step.backward()
    replayed = model.gradient.copy()
    model.zero_grad()
    again = criterion(model(x), y)
    again.backward()
    assert value.item() == again.item()
    assert replayed.any()
    np.testing.assert_array_equal(model.gradient, replayed)


@pytest.mark.parametrize(
    ("name", "z", "y", "error", "message"),
    [
        ("mse", (4, 1), np.zeros(4), ShapeError, r"\(4, 1\).*\(4,\)"),
        ("mse", (4, 2), np.zeros((4, 1)), ShapeError, r"\(4, 2\).*\(4, 1\)"),
        ("mse", (0, 2), np.zeros((0, 2)), ShapeError, r"empty batch.*\(0, 2\)"),
        ("mae", (4, 1), np.zeros(4), ShapeError, r"L1Loss expects .* \(4, 1\); got \(4,\)\. Try y.reshape\(4, 1\)"),
        ("huber", (4, 2), np.zeros((4, 1)), ShapeError, r"HuberLoss expects .* \(4, 2\); got \(4, 1\)$"),
        ("hinge", (4, 1), -np.ones(4), ValueError, r"HingeLoss takes targets from 0 to 1: got -1.0 to -1.0"),
        ("cross_entropy", (2, 2), np.ones((2, 2)), ValueError, r"probabilities.*sums from 2.0 to 2.0"),
        ("cross_entropy", (2, 2), np.array([[2.0, -1], [1, 0]]), ValueError, r"probabilities.*values from -1.0"),
        ("cross_entropy", (2, 2), np.array([[1, 0], [1, 0]]), ShapeError, r"argmax"),
        ("bce", (4, 1), np.full((4, 1), 2), ValueError, r"BCEWithLogits takes targets from 0 to 1: got 2.0 to 2.0"),
        ("bce", (2, 1), np.array([[0], [np.nan]]), ValueError, r"targets from 0 to 1: got nan to nan"),
        ("bce", (4, 2), np.zeros(4), ShapeError, r"\(4, 2\).*\(4,\)"),
        ("cross_entropy", (4, 3), np.array([0, 1, 2, 3]), IndexError, r"class numbers from 0 to 2: got 0 to 3"),
        ("cross_entropy", (4, 3), np.array([0, -1, 2, 1]), IndexError, r"class numbers from 0 to 2: got -1 to 2"),
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
    with pytest.raises(ValueError, match=r"label_smoothing must be .*; got 1"):
        nn.CrossEntropyLoss(label_smoothing=1)
    with pytest.raises(ValueError, match=r"delta must be .*; got 0"):
        nn.HuberLoss(0)
    mine = nn.MSELoss()
    assert nn.loss(mine) is mine
    with pytest.raises(ValueError, match=r"unknown loss 'cross_entrpy'; did you mean 'cross_entropy'\?"):
        nn.loss("cross_entrpy")
