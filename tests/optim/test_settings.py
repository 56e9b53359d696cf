"""Settings of optimizers: unknown ones are refused, an owner is told of a turn; and frozen parameters stay."""

import copy
import pickle
import weakref

import numpy as np
import pytest
from hypothesis import given, strategies as st

import nbprop as nb
from nbprop import nn, optim
from nbprop.optim import OPTIMIZERS, Optimizer

KINDS = [optim.SGD, optim.AdaGrad, optim.RMSProp, optim.AdaDelta, optim.Adam, optim.AdamW]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("beta1", r"; did you mean 'betas'\?"),
        ("learning_rate", r"; did you mean 'lr'\?"),
        ("lrr", r"; did you mean 'lr'\?"),
        ("weight_deca", r"; did you mean 'weight_decay'\?"),
        ("zzz", r"\."),
    ],
)
def test_unknown_settings_are_refused(name, meant):
    adam = optim.Adam()
    message = f"^Adam has no setting '{name}'{meant} It has lr, betas, eps, amsgrad, weight_decay, schedule, groups"
    with pytest.raises(AttributeError, match=message):
        setattr(adam, name, 0.5)
    with pytest.raises(AttributeError, match=message):
        getattr(adam, name)
    with pytest.raises(AttributeError, match=message):
        adam.assign(name, 0.5)
    assert not hasattr(adam, name)


def test_known_settings_are_checked():
    adam = optim.Adam()
    for name, bad, error in [("lr", -1, ValueError), ("lr", "1", TypeError), ("betas", (1, 0), ValueError)]:
        before = adam.settings()
        with pytest.raises(error, match=name):
            setattr(adam, name, bad)
        with pytest.raises(error, match=name):
            adam.assign(name, bad)
        assert adam.settings() == before


def test_what_a_rule_of_ones_own_keeps():
    class Sign(Optimizer):
        checks = {"lr": optim.SGD.checks["lr"], "slowness": optim.SGD.checks["momentum"]}
        seen = 0

        def __init__(self, lr=0.1, slowness=0.5):
            super().__init__(lr=lr, slowness=slowness, weight_decay=0.0, schedule=None)
            self._own = []

        def rule(self, theta, gradient, lr):
            self.seen += 1
            theta -= lr * np.sign(gradient)

    mine, theta = Sign(), np.zeros(2)
    mine.update(theta, np.array([2.0, -3]))
    assert mine.seen == 1
    assert theta.tolist() == [-0.1, 0.1]
    assert Sign.defaults() == {"lr": 0.1, "slowness": 0.5, "weight_decay": 0.0, "schedule": None, "groups": ()}
    with pytest.raises(AttributeError, match="Sign has no setting 'count'"):
        mine.count = 3


@pytest.mark.parametrize("kind", KINDS)
def test_defaults_are_those_of_a_new_one(kind):
    assert kind.defaults() == kind().settings()
    assert list(kind.defaults()) == list(kind.checks)
    for name, value in kind.defaults().items():
        assert kind.checks[name](name, value) == value


def test_an_owner_is_told_instead():
    class Owner(list):
        def tell(self, optimizer, name, value):
            assert optimizer is adam
            self.append((name, value))

    adam, told = optim.Adam(), Owner()
    adam._owner = weakref.WeakMethod(told.tell)
    adam.lr = 0.9
    adam.betas = [0, 0.5]
    assert told == [("lr", 0.9), ("betas", (0.0, 0.5))]
    assert adam.lr == 0.001
    with pytest.raises(ValueError, match="lr must be"):
        adam.lr = -1
    assert len(told) == 2
    adam.assign("lr", 0.5)
    assert adam.lr == 0.5
    adam.load_state_dict(optim.Adam(lr=0.25).state_dict())
    assert adam.lr == 0.25
    adam.update(np.ones(2), np.ones(2))
    adam.reset()
    adam.t, adam.state = 3, {}
    assert len(told) == 2
    for other in (copy.deepcopy(adam), adam.copy(), pickle.loads(pickle.dumps(optim.Adam(lr=0.25)))):
        other.lr = 0.75
        assert (other.lr, adam.lr, len(told)) == (0.75, 0.25, 2)


# What PyTorch's users type


def test_other_habits():
    model, adam = nn.mlp([2, 1]), optim.Adam()
    with pytest.raises(TypeError, match=r"write model\.zero_grad\(\)"):
        adam.zero_grad()
    for wrong in (model.parameters(), None):
        with pytest.raises(TypeError, match=r"Adam\.step takes the model, .*takes nothing; got (list|NoneType)"):
            adam.step(wrong)
    for make in (lambda: optim.StepLR(adam, step_size=30), lambda: optim.CosineAnnealingLR(optimizer=adam, T_max=3)):
        with pytest.raises(TypeError, match=r"is not given an optimizer, but given to one: .*schedule=nb\.optim\."):
            make()
    for clip in (optim.clip_grad_norm, optim.clip_grad_value):
        for wrong in (model, "gradient", [1.0], 3, [], {"a": model.gradient}):
            with pytest.raises(
                TypeError, match=r"(?s)gradient must be an array or a list of parameters; got .*; try model\.p"
            ):
                clip(wrong, 1.0)


# Freezing


def settings_of(name):
    make = OPTIMIZERS[name]
    return make(lr=0.1, weight_decay=0.1)


@given(
    name=st.sampled_from(sorted(OPTIMIZERS)),
    frozen=st.lists(st.booleans(), min_size=6, max_size=6),
    later=st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_frozen_parameters_do_not_move_and_the_others_as_ever(name, frozen, later):
    """Each parameter moves as it would alone, with an optimizer of its own that rests while it is frozen (up to the
    number of updates done, which is one for all)."""
    model = nn.mlp([2, 3, 2, 1], seed=0, dtype=np.float64)
    alone = [p.data.copy() for p in model.parameters()]
    optimizer, single = settings_of(name), [settings_of(name) for _ in alone]
    rng = np.random.default_rng(0)
    for step in range(6):
        flags = frozen if step < 2 else later if step < 4 else [False] * 6
        for p, rests in zip(model.parameters(), flags, strict=True):
            p.requires_grad = not rests
        model.gradient = rng.normal(size=model.theta.size)  # whatever stands where nothing is to move
        before = [p.data.copy() for p in model.parameters()]
        optimizer.step(model)
        for i, (p, rests) in enumerate(zip(model.parameters(), flags, strict=True)):
            if rests:
                np.testing.assert_array_equal(p.data, before[i])
                single[i].t += 1
            else:
                single[i].update(alone[i], p.grad)
            np.testing.assert_allclose(p.data, alone[i], rtol=1e-12)


def test_frozen_slices():
    model = nn.mlp([2, 3, 2, 1], seed=0)
    assert model.frozen_slices() == []
    assert model.frozen_slices() is model.frozen_slices()
    model[0].requires_grad_(False)
    model[4].bias.requires_grad_(False)
    assert model.frozen_slices() == [slice(0, 9), slice(19, 20)]
    model[2].weight.requires_grad = False
    assert model.frozen_slices() == [slice(0, 15), slice(19, 20)]
    assert model[2].frozen_slices() == [slice(0, 6)]
    assert model.requires_grad_(True).frozen_slices() == []


def test_backward_passes_a_frozen_parameter_by():
    model, x = nn.mlp([2, 3, 1], seed=0), np.ones((4, 2), np.float32)
    model(x).sum().backward()
    assert model[0].weight.grad.any()
    model[0].weight.requires_grad = False
    assert not model[0].weight.grad.any()  # what was left is not clipped, nor added up
    model(x).sum().backward()
    assert not model[0].weight.grad.any()
    assert model[0].bias.grad.any()
    rest = np.concatenate([p.grad.ravel() for p in model.parameters()[1:]])
    norm = optim.clip_grad_norm(model.gradient, 0.1)
    assert norm == pytest.approx(np.linalg.norm(rest), rel=1e-6)
    with pytest.raises(TypeError, match="requires_grad must be True or False; got 'no'"):
        model[0].weight.requires_grad = "no"


def test_the_state_of_an_optimizer_rests_too():
    model, adam = nn.mlp([2, 3, 1], seed=0), optim.Adam(weight_decay=0.1)
    model.gradient = 1.0 + 0 * model.theta
    adam.step(model)
    kept = {name: vector[:6].copy() for name, vector in adam.state.items()}
    model[0].weight.requires_grad = False
    adam.step(model)
    for name, vector in adam.state.items():
        np.testing.assert_array_equal(vector[:6], kept[name])
        assert (vector[6:] != kept[name][0]).all()


def test_freezing_as_pytorch_does():
    torch = pytest.importorskip("torch")
    ours, theirs = (
        nn.mlp([2, 3, 1], seed=0),
        torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1)),
    )
    for p, q in zip(theirs.parameters(), ours.parameters(), strict=True):
        p.data = torch.tensor(q.data.copy())
    rule, optimizer = (
        torch.optim.AdamW(theirs.parameters(), lr=0.1, weight_decay=0.1),
        optim.AdamW(0.1, weight_decay=0.1),
    )
    x = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)
    for step in range(6):
        theirs[0].weight.requires_grad = ours[0].weight.requires_grad = not 2 <= step < 4
        rule.zero_grad(), ours.zero_grad()
        theirs(torch.tensor(x)).square().mean().backward()
        (ours(x) ** 2).mean().backward()
        rule.step(), optimizer.step(ours)
        if step < 4:  # then PyTorch's correction counts the updates of each parameter, ours those of all
            for p, q in zip(theirs.parameters(), ours.parameters(), strict=True):
                np.testing.assert_allclose(q.data, p.detach().numpy(), rtol=2e-4, atol=1e-6)


@pytest.mark.torch
@pytest.mark.parametrize("size", [0.01, 1.0, 100.0])
def test_gradients_of_parameters_are_clipped_as_in_pytorch(size):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    for ours, theirs in (("clip_grad_norm", "clip_grad_norm_"), ("clip_grad_value", "clip_grad_value_")):
        mine = [nb.Tensor(np.ones(shape), requires_grad=True) for shape in ((2, 3), (4,), (), (2,))]
        other = [torch.ones(p.shape, dtype=torch.float64, requires_grad=True) for p in mine]
        for p, q in zip(mine[:3], other[:3], strict=True):
            p.grad = size * rng.normal(size=p.shape)
            q.grad = torch.tensor(p.grad.copy())
        norm = getattr(optim, ours)((p for p in mine), 0.5)
        expected = getattr(torch.nn.utils, theirs)(other, 0.5)
        if norm is not None:
            assert norm == pytest.approx(float(expected))
        for p, q in zip(mine[:3], other[:3], strict=True):
            np.testing.assert_allclose(p.grad, q.grad.numpy(), rtol=2e-6)  # PyTorch adds 1e-6 to the norm
    model = nn.mlp([2, 3, 1], seed=0)
    model.gradient = 1.0 + 0 * model.theta
    assert optim.clip_grad_norm(model.parameters(), 1.0) == pytest.approx(model.theta.size**0.5)
    assert np.linalg.norm(model.gradient) == pytest.approx(1)
