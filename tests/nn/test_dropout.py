"""Dropout: how many, how much, when, and from which generator."""

import copy

import numpy as np
import pytest

from nbprop import nn
from nbprop.engine import Replay, ShapeError, Tensor, record


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_share_and_mean(p):
    y = nn.Dropout(p)(np.ones((300, 400), "f4")).data
    assert y.dtype == np.float32
    kept = y != 0
    np.testing.assert_allclose(y[kept], 1 / (1 - p), rtol=1e-6)
    sigma = np.sqrt(p * (1 - p) / y.size)
    assert abs(kept.mean() - (1 - p)) < 4 * sigma
    assert abs(kept.mean(axis=0) - (1 - p)).max() < 5 * np.sqrt(p * (1 - p) / 300)
    both = (kept[:, 1:] & kept[:, :-1]).mean()
    assert abs(both - (1 - p) ** 2) < 0.01


def test_the_gradient_goes_where_the_values_went():
    x = Tensor(np.ones((50, 20)), requires_grad=True)
    y = nn.Dropout(0.3)(x)
    y.backward(np.full((50, 20), 2.0))
    np.testing.assert_array_equal(x.grad, 2 * y.data)


def test_evaluation_and_p_0_change_nothing():
    x = Tensor(np.ones((3, 4)))
    layer = nn.Dropout(0.5)
    state = copy.deepcopy(layer.rng.bit_generator.state)
    assert layer.eval()(x) is x
    assert nn.Dropout(0)(x) is x
    assert layer.rng.bit_generator.state == state
    assert (layer.train()(x).data == 0).any()


def test_p_1_leaves_nothing():
    x = Tensor(np.ones(5), requires_grad=True)
    y = nn.Dropout(1)(x)
    y.sum().backward()
    assert not y.data.any() and not x.grad.any()


def test_draws_are_new_each_time_and_the_same_for_the_same_seed():
    x = np.ones((20, 20))
    a, b, other = nn.Dropout(seed=3), nn.Dropout(seed=3), nn.Dropout(seed=4)
    first = a(x).data
    np.testing.assert_array_equal(b(x.astype("f4")).data, first)
    assert (other(x).data != first).any()
    second = a(x).data
    assert (second != first).any()
    np.testing.assert_array_equal(b(x).data, second)


def test_each_replayed_forward_draws_anew():
    model, x = nn.Sequential(nn.Dropout(0.5, seed=1)), Tensor(np.ones((6, 6)), requires_grad=True)
    same = nn.Dropout(0.5, seed=1)
    with record() as tape:
        y = model(x)
        loss = (y * y).sum()
    replay = Replay(tape, loss)
    for step in range(4):
        if step:
            replay.forward()
        replay.backward()
        np.testing.assert_array_equal(y.data, same(x).data)
        np.testing.assert_array_equal(x.grad, 2 * y.data * y.data)


def test_generators():
    rng = np.random.default_rng(0)
    inner = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.2, 5))
    model = nn.Sequential(nn.Dropout(0.1, rng), inner, nn.Dropout(0.3, rng))
    assert model.generators() == [rng, model[1][1].rng]
    assert nn.mlp([2, 1]).generators() == []
    states = copy.deepcopy([g.bit_generator.state for g in model.generators()])
    x = np.ones((9, 2))
    first = model(x).data
    for generator, state in zip(model.generators(), states, strict=True):
        generator.bit_generator.state = state
    np.testing.assert_array_equal(model(x).data, first)
    other = copy.deepcopy(model)
    assert other[0].rng is other[2].rng is not rng
    np.testing.assert_array_equal(other(x).data, model(x).data)


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan"), "half", True])
def test_p_is_a_probability(p):
    with pytest.raises(TypeError if p in ("half", True) else ValueError, match=r"p must be a number from 0 to 1; got"):
        nn.Dropout(p)


def test_repr():
    assert repr(nn.Dropout(0.25)) == "Dropout(p=0.25)"


def test_whole_channels():
    layer = nn.Dropout2d(0.5, seed=1)
    for x in (np.ones((40, 6, 3, 4), np.float32), np.ones((40, 6, 5), np.float32)):
        a = Tensor(x, requires_grad=True)
        y = layer(a)
        kept = y.data.reshape(240, -1)
        assert (kept == kept[:, :1]).all() and set(np.unique(kept)) == {0, 2}
        assert 0.4 < (kept[:, 0] > 0).mean() < 0.6
        y.backward(np.ones_like(x))
        np.testing.assert_array_equal(a.grad, y.data)
    np.testing.assert_array_equal(layer.eval()(x).data, x)
    assert isinstance(layer, nn.Dropout) and repr(layer) == "Dropout2d(p=0.5)"
    with pytest.raises(ShapeError, match=r"Dropout2d\(p=0.5\) takes images \(N, C, H, W\) or .* got shape \(4, 3\)"):
        layer(np.ones((4, 3)))
