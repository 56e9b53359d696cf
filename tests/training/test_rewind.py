"""Going back is exact: the same numbers, bit for bit, whatever knobs were turned on the way."""

import numpy as np
import pytest

import nbprop as nb
from nbprop import nn


def trainer(optimizer="adam", **settings):
    model = nb.nn.mlp([2, 8, 8, 1], activation="tanh", seed=1)
    return nb.Trainer(
        model, nb.data.spirals(samples=120, seed=2), optimizer=optimizer, lr=0.02, batch_size=16, seed=3, **settings
    )


def everything(t):
    state = {f"history {name}": column.values.copy() for name, column in t.history.columns.items()}
    state |= {f"steps {name}": column.steps.copy() for name, column in t.history.columns.items()}
    state |= {f"optimizer {name}": value.copy() for name, value in t.optimizer.state.items()}
    return state | {
        "theta": t.model.theta.copy(),
        "gradient": t.model.gradient.copy(),
        "events": list(t.history.events),
    }


def assert_same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        if isinstance(a[name], np.ndarray):
            np.testing.assert_array_equal(a[name], b[name], err_msg=name)
            assert a[name].dtype == b[name].dtype
        else:
            assert a[name] == b[name], name


@pytest.mark.parametrize("optimizer", list(nb.optim.OPTIMIZERS))
def test_300_steps_back_to_120_and_again(optimizer):
    t = trainer(optimizer)
    t.watch()
    t.fit(steps=120)
    at_120 = everything(t)
    t.fit(steps=180)
    at_300 = everything(t)
    t.rewind(120)
    assert t.steps == 120
    back = everything(t)
    for now in (at_120, back):
        now.pop("gradient")  # belongs to the step before; not part of the state that decides what comes
    assert_same(back, at_120)
    t.fit(steps=180)
    assert_same(everything(t), at_300)


@pytest.mark.parametrize("step", [0, 1, 99, 100, 101, 299, 300])
def test_any_step_can_be_gone_back_to(step):
    t = trainer()
    thetas = [t.model.theta.copy()]
    for _ in range(300):
        t.step()
        thetas.append(t.model.theta.copy())
    t.rewind(step)
    np.testing.assert_array_equal(t.model.theta, thetas[step])
    t.fit(steps=300 - step)
    np.testing.assert_array_equal(t.model.theta, thetas[300])


def test_knobs_turned_on_the_way_are_turned_again():
    t = trainer()
    turns = {
        30: {"lr": 0.005},
        55: {"depth": 4},
        130: {"activation": "relu", "batch_size": 7},
        160: {"width": 5},
        190: {"optimizer": "momentum"},
        210: {"loss": "mse"},
        230: {"data": nb.data.moons(samples=90, seed=5)},
        250: {"depth": 1, "lr": 0.01},
    }
    thetas = {}
    for step in range(300):
        if step in turns:
            t.set(**turns[step])
        t.step()
        thetas[step + 1] = t.model.theta.copy()
    for step in (285, 245, 205, 170, 131, 130, 60, 55, 12):
        t.rewind(step)
        np.testing.assert_array_equal(t.model.theta, thetas[step])
        assert all(event.step < step for event in t.history.events)
    assert t.lr == 0.02 and t.depth == 2 and t.activation == "tanh" and t.batch_size == 16
    t.fit(steps=18)
    t.lr = 0.005
    t.fit(steps=10)
    np.testing.assert_array_equal(t.model.theta, thetas[40])


def test_a_custom_module_rewinds_too():
    class Residual(nb.nn.Module):
        def __init__(self):
            self.first, self.inner, self.last = nb.nn.Linear(2, 6), nb.nn.Linear(6, 6), nb.nn.Linear(6, 1)
            self.act = nb.nn.Tanh()

        def forward(self, x):
            h = self.act(self.first(x))
            return self.last(h + self.act(self.inner(h)))

    t = nb.Trainer(Residual(), nb.data.xor(samples=100), batch_size=10, seed=0)
    t.fit(steps=150)
    theta = t.model.theta.copy()
    t.activation = "relu"
    t.fit(steps=20)
    t.rewind(150)
    assert t.activation == "tanh"
    np.testing.assert_array_equal(t.model.theta, theta)
    with pytest.raises(ValueError, match=r"nb\.nn\.mlp"):
        t.depth = 3


def test_branch_is_a_second_future_from_the_same_past():
    t = trainer()
    t.fit(steps=150)
    other = t.branch(lr=0.5)
    assert other.lr == 0.5 and t.lr == 0.02
    same = t.branch()
    for one in (t, other, same):
        one.fit(steps=50)
    np.testing.assert_array_equal(t.model.theta, same.model.theta)
    assert not np.array_equal(t.model.theta, other.model.theta)
    assert t.history["loss"].shape == other.history["loss"].shape == (200,)
    other.rewind(60)
    t.rewind(60)
    np.testing.assert_array_equal(t.model.theta, other.model.theta)


def test_reset_and_undo():
    t = trainer()
    t.fit(steps=130)
    before = everything(t)
    t.reset(seed=9)
    assert t.steps == 0 and "loss" not in t.history.columns
    t.fit(steps=10)
    t.undo()
    assert t.steps == 130
    assert_same(everything(t), before)
    t.redo()
    assert t.steps == 10
    with pytest.raises(ValueError, match="nothing to undo"):
        trainer().undo()


def test_a_rewind_can_be_undone_with_the_knobs_turned_last():
    t = trainer()
    t.fit(steps=130)
    t.set(lr=0.3, depth=3)
    before, twin = everything(t), t.branch()
    t.rewind(40)
    t.fit(steps=7)
    t.undo()
    assert (t.steps, t.lr, t.depth) == (130, 0.3, 3)
    before.pop("gradient"), (now := everything(t)).pop("gradient")
    assert_same(now, before)
    t.fit(steps=20)
    twin.fit(steps=20)
    np.testing.assert_array_equal(t.model.theta, twin.model.theta)
    t.rewind(30)
    assert len(t._run.taps) == 3  # there is a step to look into
    t.undo()
    assert t.steps == 150


def test_a_long_run_stays_bounded_and_can_be_rewound():
    t = trainer()
    t._past.limit = 8
    t.history.capacity = 64
    t.fit(steps=2000)
    assert len(t._past.snapshots) <= 8
    assert len(t.history["loss"]) < 64
    theta = t.model.theta.copy()
    t.rewind(1234)
    t.fit(steps=766)
    np.testing.assert_array_equal(t.model.theta, theta)


@pytest.mark.parametrize("step", [-1, 11, 2.5, "3"])
def test_a_step_that_is_not_there(step):
    t = trainer()
    t.fit(steps=10)
    with pytest.raises((ValueError, TypeError), match="step must be"):
        t.rewind(step)
    assert t.steps == 10


def test_activations_with_settings_of_their_own_and_of_different_kinds_come_back():
    layers = nn.Linear(2, 6, rng=0), nn.LeakyReLU(0.3), nn.Linear(6, 6, rng=1), nn.ELU(0.5), nn.Linear(6, 1, rng=2)
    t = nb.Trainer(nn.Sequential(*layers), nb.data.spirals(samples=60), snapshot_every=10)
    thetas = {}
    for _ in range(60):
        if t.steps == 25:
            t.activation = "tanh"
        if t.steps == 45:
            t.depth = 3
        t.step()
        thetas[t.steps] = t.theta.copy()
    for step in (50, 44, 30, 22, 5):
        t.rewind(step)
        np.testing.assert_array_equal(t.theta, thetas[step])
    assert t.model[1].negative_slope == 0.3 and t.model[3].alpha == 0.5


def test_a_new_depth_keeps_the_slope_of_a_leaky_relu():
    t = nb.Trainer(nn.mlp([2, 6, 1], activation=nn.LeakyReLU(0.3)), nb.data.spirals(samples=60))
    t.depth = 3
    assert [layer.negative_slope for layer in t.model if isinstance(layer, nn.Activation)] == [0.3] * 3
    t.activation = "leaky_relu"
    t.depth = 2
    assert [layer.negative_slope for layer in t.model if isinstance(layer, nn.Activation)] == [0.3] * 2
