"""The knob `dropout`: the probability of all nn.Dropout in a model, from the next step on, and exactly undone."""

import numpy as np
import pytest

import nbprop as nb
from nbprop import nn


def dense(dropout: float | None = 0.2, **settings):
    model = nn.mlp([2, 8, 8, 1], seed=1, dropout=dropout)
    return nb.Trainer(model, nb.data.spirals(samples=120, seed=2), lr=0.02, batch_size=16, seed=3, **settings)


def by_hand(*shares):
    """Every Dropout with a generator of its own."""
    layers = [nn.Linear(2, 8, rng=0)]
    for i, p in enumerate(shares):
        layers += [nn.Tanh(), nn.Dropout(p, seed=i), nn.Linear(8, 8 if i < len(shares) - 1 else 1, rng=i)]
    return nb.Trainer(nn.Sequential(*layers), nb.data.spirals(samples=120, seed=2), lr=0.02, batch_size=16)


class Rows(nn.Module):
    """Reads a picture of 8 x 8 pixels as a sequence of its rows."""

    def __init__(self, dropout):
        self.block, self.output = nn.TransformerBlock(8, 2, dropout=dropout, rng=0), nn.Linear(64, 10, rng=1)

    def forward(self, x):
        return self.output(self.block(x.reshape(-1, 8, 8)).reshape(-1, 64))


def shares(t):
    return [module.p for module in t.model.modules() if isinstance(module, nn.Dropout)]


def trajectory(t, steps, turns=()):
    """theta after each step; turns: step -> knobs turned before it."""
    thetas = {t.steps: t.theta.copy()}
    for _ in range(steps):
        if t.steps in turns:
            t.set(**turns[t.steps])
        t.step()
        thetas[t.steps] = t.theta.copy()
    return thetas


def test_it_acts_at_the_next_step():
    t, plain, strong = dense(0.0), dense(None), dense(0.5)
    assert (t.dropout, plain.dropout, strong.dropout) == (0.0, None, 0.5)
    for one in (t, plain):
        one.fit(steps=5)
    np.testing.assert_array_equal(t.theta, plain.theta)
    t.dropout = 0.5
    assert t.dropout == 0.5 and shares(t) == [0.5, 0.5]
    assert [event.text for event in t.history.events] == ["dropout 0 → 0.5"]
    np.testing.assert_array_equal(t.predict(t.data.X_val), plain.predict(t.data.X_val))  # nothing is dropped in use
    for one in (t, plain):
        one.step()
    assert (t.theta != plain.theta).any()
    t.rewind(0)
    t.dropout = 0.5
    for one in (t, strong):
        one.fit(steps=5)
    np.testing.assert_array_equal(t.theta, strong.theta)
    t.set(dropout=0, lr=0.1)
    t.set(dropout=0)
    assert (t.dropout, t.lr) == (0.0, 0.1)
    assert [event.name for event in t.history.events] == ["dropout", "dropout", "lr"]


@pytest.mark.parametrize(
    "value, says",
    [
        (-0.1, r"dropout must be a finite number, at least 0 and less than 1; got -0\.1; try 0\.5"),
        (1, "dropout must be a finite number, at least 0 and less than 1; got 1; try"),
        (float("nan"), "dropout must be a finite number"),
        ("half", "dropout must be a finite number.*; got 'half'; try"),
        (None, "dropout must be a finite number"),
        ((0.1, 0.2, 0.3), "dropout: expected one for all or 2"),
    ],
)
def test_nonsense_is_refused_and_the_run_goes_on_untouched(value, says):
    t = dense()
    twin = t.branch()
    with pytest.raises((ValueError, TypeError), match=says):
        t.set(lr=0.1, dropout=value)
    for one in (t, twin):
        one.fit(steps=3)
    np.testing.assert_array_equal(t.theta, twin.theta)
    assert t.history.events == [] and t.dropout == 0.2


def test_a_model_without_says_what_to_do():
    t = dense(None)
    assert t.dropout is None
    with pytest.raises(ValueError, match=r"no nn\.Dropout.*nb\.nn\.mlp\(\.\.\., dropout=0\.0\)"):
        t.dropout = 0.3
    assert t.history.events == []


TURNS = {
    20: {"dropout": 0.5},
    45: {"depth": 4},
    60: {"dropout": 0.0},
    75: {"depth": 0},
    80: {"dropout": 0.4},
    90: {"hidden": (6, 5)},
    110: {"activation": "relu", "width": 7},
    120: {"dropout": 0.1, "depth": 1},
}


@pytest.mark.parametrize("make", [dense, lambda **settings: by_hand(0.2, 0.2)])
def test_rewinding_repeats_it_exactly(make):
    t = make()
    thetas = trajectory(t, 150, TURNS)
    assert shares(t) == [0.1] and t.dropout == 0.1
    events = [(event.step, event.text) for event in t.history.events]
    for step in (149, 121, 120, 115, 101, 95, 90, 85, 77, 70, 61, 60, 50, 45, 30, 20, 7, 0):
        t.rewind(step)
        np.testing.assert_array_equal(t.theta, thetas[step])
    assert shares(t) == [0.2, 0.2] and t.dropout == 0.2
    again = trajectory(t, 150, TURNS)
    for step, theta in thetas.items():
        np.testing.assert_array_equal(again[step], theta)
    assert [(event.step, event.text) for event in t.history.events] == events
    t.rewind(50)
    assert shares(t) == [0.5] * 4
    t.undo()
    assert t.steps == 150 and shares(t) == [0.1]
    np.testing.assert_array_equal(t.theta, thetas[150])


def test_layers_of_different_strength_come_back():
    t = by_hand(0.1, 0.6)
    assert t.dropout == (0.1, 0.6)
    thetas = trajectory(t, 40, {25: {"dropout": 0.3}})
    assert t.dropout == 0.3 and t.history.events[-1].text == "dropout 0.1-0.6 → 0.3"
    t.rewind(10)
    assert t.dropout == (0.1, 0.6) and shares(t) == [0.1, 0.6]
    t.undo()
    assert shares(t) == [0.3, 0.3]
    t.rewind(10)
    again = trajectory(t, 30, {25: {"dropout": 0.3}})
    np.testing.assert_array_equal(again[40], thetas[40])
    with pytest.raises(ValueError, match="the same Dropout"):
        by_hand(0.1, 0.6).depth = 3


def test_a_new_depth_keeps_it():
    t = dense(0.3)
    t.fit(steps=5)
    t.set(depth=4, width=5)
    assert [type(layer).__name__ for layer in t.model] == [*["Linear", "Tanh", "Dropout"] * 4, "Linear"]
    assert t.hidden == (5, 5, 5, 5) and shares(t) == [0.3] * 4 and len(t.model.generators()) == 1
    t.activation = "relu"
    assert shares(t) == [0.3] * 4
    t.depth = 0
    assert t.dropout == 0.3 and shares(t) == []
    t.reset()
    assert (t.dropout, t.activation) == (0.3, "relu")
    t.depth = 2
    assert shares(t) == [0.3] * 2 and t.layers[0].activation == "relu"


@pytest.mark.parametrize("make", [dense, lambda: by_hand(0.1, 0.6)])
def test_a_reset_starts_the_same_run_again(make):
    t = make()
    t.fit(steps=10)
    before = t.theta.copy()
    t.dropout = 0.5
    runs = []
    for _ in range(2):
        t.reset(seed=5)
        assert shares(t) == [0.5, 0.5] and t.dropout == 0.5
        t.fit(steps=30)
        runs.append(t.theta.copy())
    np.testing.assert_array_equal(*runs)
    t.reset(model=dense(None).model)
    assert t.dropout is None
    t.undo()
    assert t.dropout == 0.5
    t.redo()
    assert t.dropout is None
    t = make()
    t.fit(steps=10)
    t.reset()
    t.undo()
    np.testing.assert_array_equal(t.theta, before)


def test_a_branch_has_its_own():
    t = dense()
    t.fit(steps=25)
    other, same = t.branch(dropout=0.6), t.branch()
    for one in (t, other, same):
        one.fit(steps=20)
    np.testing.assert_array_equal(t.theta, same.theta)
    assert (t.theta != other.theta).any()
    assert (shares(t), shares(other)) == ([0.2] * 2, [0.6] * 2)
    for one in (t, other):
        one.rewind(25)
    np.testing.assert_array_equal(t.theta, other.theta)
    assert (t.dropout, other.dropout) == (0.2, 0.2)


def test_inside_a_block_and_in_a_file(tmp_path):
    t = nb.Trainer(Rows(0.1), nb.data.digits(), seed=0, snapshot_every=10)
    thetas = trajectory(t, 25, {15: {"dropout": 0.4}})
    assert t.model.block.drop.p == 0.4
    nb.save(t.model.block, tmp_path / "block.npz")
    assert nb.load(tmp_path / "block.npz").drop.p == 0.4
    t.rewind(12)
    assert t.dropout == t.model.block.drop.p == t.model.block.dropout == 0.1
    again = trajectory(t, 13, {15: {"dropout": 0.4}})
    np.testing.assert_array_equal(again[25], thetas[25])


def test_a_model_from_a_file_has_all_the_knobs(tmp_path):
    t = dense()
    t.dropout = 0.35
    nb.save(t.model, tmp_path / "m.npz")
    t = nb.Trainer(nb.load(tmp_path / "m.npz"), t.data, lr=0.02, seed=3)
    assert t.dropout == 0.35 and t.hidden == (8, 8)
    thetas = trajectory(t, 30, {10: {"dropout": 0.5}, 20: {"depth": 3}})
    for step in (25, 5):
        t.rewind(step)
        np.testing.assert_array_equal(t.theta, thetas[step])
