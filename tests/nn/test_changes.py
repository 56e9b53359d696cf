"""Whatever may make a model compute something else is counted; what a forward pass leaves behind is not. And which
models are of the house's own modules alone."""

import copy

import numpy as np
import pytest
from test_saving import SAMPLES

from nbprop import nn
from nbprop.engine import Tensor, no_grad
from nbprop.nn.likeness import unlike
from nbprop.nn.module import changes, evaluating
from nbprop.optim import Adam


class Own(nn.Module):
    def __init__(self, layer):
        self.layer, self.slope = layer, 0.1

    def forward(self, x):
        return self.layer(x) * self.slope


class Static(Own):
    static = True


def model():
    return nn.Sequential(nn.Linear(3, 4, rng=0), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.LSTM(4, 2, rng=0))


@pytest.mark.parametrize(
    "change",
    [
        lambda m: setattr(m[2], "p", 0.1),
        lambda m: setattr(m[2], "anything", 1),
        lambda m: setattr(m[0].weight, "requires_grad", False),
        lambda m: m[0].requires_grad_(False),
        lambda m: setattr(m[0].weight, "data", np.ones((4, 3), np.float32)),
        lambda m: setattr(m[0], "weight", nn.Parameter(np.ones((4, 3), np.float32))),
        lambda m: setattr(m[0], "bias", None),
        lambda m: delattr(m[2], "p"),
        lambda m: m.eval(),
        lambda m: m[2].train(False),
        lambda m: m.__setitem__(1, nn.Tanh()),
        lambda m: m.insert(1, nn.Tanh()),
        lambda m: m.append(nn.Tanh()),
        lambda m: m.__delitem__(2),
        lambda m: m.pop(),
        lambda m: m.reverse(),
        lambda m: nn.ModuleList([nn.Tanh()]).append(m),
        lambda m: nn.ModuleDict().update(a=m),
        lambda m: m.put("1", nn.Tanh()),
        lambda m: setattr(m[2], "forward", lambda x: x),
    ],
)
def test_changes_are_counted(change):
    m = model()
    before = changes()
    change(m)
    assert changes() > before


def test_a_list_is_counted_at_the_next_look_at_theta():
    own = Own(None)
    own.layers = [nn.Linear(2, 2, rng=0)]
    assert own.theta.size == 6
    before = changes()
    own.layers.append(nn.Linear(2, 2, rng=0))
    assert own.theta.size == 12
    assert changes() > before


@pytest.mark.parametrize("name", [name for name, sample in SAMPLES.items() if len(sample) > 1])
def test_what_training_does_is_not_counted(name):
    make, *inputs = SAMPLES[name]
    layer = make()
    inputs = [x if isinstance(x, Tensor) or np.asarray(x).dtype.kind != "f" else Tensor(x, True) for x in inputs]
    optimizer = Adam()
    layer.theta, layer.gradient, layer.frozen_slices()
    before = changes()
    for _ in range(2):
        y = layer(*inputs)
        y = y[0] if isinstance(y, tuple) else y
        if y.requires_grad:
            (y * y).sum().backward()
        optimizer.step(layer)
        layer.zero_grad()
        layer.theta += 0.5
        with evaluating(layer), no_grad():
            layer(*inputs)
        layer.train()
        layer.load_state_dict(layer.state_dict())
        copy.deepcopy(layer)(*inputs)
        repr(layer), layer.modules(), layer.parameters(), layer.named_buffers(), layer.generators()
    assert changes() == before


def test_a_first_look_at_theta_is_no_change():
    m = model()
    before = changes()
    assert m.theta.size
    assert m[0].theta.size == 16
    assert changes() == before


# Which models are of the house's own


@pytest.mark.parametrize("name", SAMPLES)
def test_every_module_of_the_house_is_its_own(name):
    assert unlike(SAMPLES[name][0]()) == ""


def test_what_is_not_of_the_house_is_named():
    class Mine(nn.Linear):
        pass

    assert unlike(nn.mlp([2, 3, 1])) == ""
    assert unlike(nn.Sequential(nn.Tanh(), Mine(2, 2))) == "1 (Mine) is a class of your own, not declared static = True"
    assert unlike(Own(nn.Tanh())) == "the model (Own) is a class of your own, not declared static = True"
    assert unlike(Static(nn.Tanh())) == ""
    assert unlike(Static([nn.Tanh(), {"a": Own(None)}])).startswith("layer.1.a (Own) is a class of your own")
    hidden = nn.Sequential(nn.Tanh())
    hidden[0].forward = lambda x: x
    assert unlike(hidden) == "0 (Tanh) has a forward of its own, put in place of its class's"
    never = type("Never", (Static,), {"static": False})
    assert "the model (Never) is not static" in unlike(never(None))


def test_a_forward_put_into_a_class_of_the_house_is_noticed(monkeypatch):
    monkeypatch.setattr(nn.Tanh, "forward", lambda self, x: x)
    assert "Tanh" in unlike(nn.mlp([2, 3, 1]))
