"""Numbers that are changed in code while a run rests: noticed by whoever looks next, flagged, trained, and gone back
across."""

import numpy as np
import pytest
from runs import MOONS, negated, on_moons

import nbprop as nb
from nbprop import nn


def swapped(t):
    t.model[0].weight.data[[0, 1]] = t.model[0].weight.data[[1, 0]]


def nudged(t):
    t.model[0].bias.data[0] += 1e-5


def forgets(t):
    t.optimizer.reset()


def counts_anew(t):
    t.optimizer.t = 0


def memory_in_place(t):
    t.optimizer.state["exp_avg"][:] = 0


def memory_turned(t):
    t.optimizer.state["exp_avg"] *= -1


def memory_reversed(t):
    t.optimizer.state["exp_avg"][:] = t.optimizer.state["exp_avg"][::-1].copy()


EDITS = {
    negated: "weights",
    swapped: "weights",
    nudged: "weights",
    forgets: "the optimizer's state",
    counts_anew: "the optimizer's state",
    memory_in_place: "the optimizer's state",
    memory_turned: "the optimizer's state",
    memory_reversed: "the optimizer's state",
}


@pytest.mark.parametrize("edit", EDITS)
def test_what_keeps_the_length_of_theta_is_noticed_too(edit):
    t = on_moons()
    t.fit(steps=30, bar=False)
    edit(t)
    t.layers  # whoever looks  # noqa: B018
    assert [event.text for event in t.history.events] == [f"{EDITS[edit]} changed in code"]
    thetas = {}
    t.on("step", lambda t: thetas.setdefault(t.steps, t.theta.copy()))
    t.fit(steps=6, bar=False)
    for step in (34, 31):
        t.rewind(step)
        np.testing.assert_array_equal(t.theta, thetas[step])
    t.undo()
    t.undo()
    assert t.steps == 36 and t.message == ""
    np.testing.assert_array_equal(t.theta, thetas[36])


def test_random_numbers_drawn_in_code():
    t, thetas = on_moons(nn.mlp([2, 8, 1], dropout=0.3, seed=0)), {}
    t.on("step", lambda t: thetas.setdefault(t.steps, t.theta.copy()))
    t.fit(steps=10, bar=False)
    t.predict(MOONS.X_val)  # draws nothing
    assert t.history.events == []
    t.model(nb.Tensor(MOONS.X_val))
    t.fit(steps=10, bar=False)
    assert [event.text for event in t.history.events] == ["random numbers changed in code"]
    t.rewind(15)
    np.testing.assert_array_equal(t.theta, thetas[15])


def test_running_means():
    t = on_moons(nn.Sequential(nn.Linear(2, 8, rng=0), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 1, rng=1)))
    t.fit(steps=10, bar=False)
    t.model[1].running_mean[...] = 5
    t.fit(steps=5, bar=False)
    assert [event.text for event in t.history.events] == ["1.running_mean changed in code"]
    loss = t.evaluate()["val_loss"]
    t.fit(steps=1, bar=False)
    t.rewind(15)
    assert t.evaluate()["val_loss"] == loss


class Keeping(nn.Module):
    """Keeps numbers in a dict and in an array, and a list that its forward adds to and goes by."""

    def __init__(self):
        self.a, self.b = nn.Linear(2, 8, rng=1), nn.Linear(8, 1, rng=2)
        self.settings, self.mask, self.log = {"gain": 1.0}, np.ones(8, np.float32), []
        self.shift, self.never = nb.Tensor(np.zeros(8, np.float32)), np.array(["NaT"], "datetime64[s]")

    def forward(self, x):
        if self.training:
            self.log.append(1)
        return self.b(self.a(x).tanh() * self.settings["gain"] * nb.Tensor(self.mask) + self.shift) * (
            1 + 0.01 * len(self.log)
        )


KEPT = {
    "structure": lambda m: m.settings.update(gain=0.5),
    "mask": lambda m: m.mask.__setitem__(0, 0),
    "shift": lambda m: m.shift.data.__setitem__(0, 1),
}


@pytest.mark.parametrize("edit", KEPT.values(), ids=KEPT)
def test_what_a_module_keeps(edit):
    t = on_moons(Keeping())
    thetas = {}
    t.on("step", lambda t: thetas.setdefault(t.steps, t.theta.copy()))
    t.fit(steps=10, bar=False)
    assert t.history.events == []  # what forward does is no edit
    edit(t.model)
    t.fit(steps=10, bar=False)
    assert [event.text for event in t.history.events] in [[f"{what} changed in code"] for what in KEPT]
    for step in (15, 8):
        t.rewind(step)
        np.testing.assert_array_equal(t.theta, thetas[step])
        assert t.message == "" and len(t.model.log) == step


@pytest.mark.parametrize("optimizer", list(nb.optim.OPTIMIZERS))
def test_what_an_optimizer_remembers_goes_with_its_parameter(optimizer):
    t, thetas = on_moons(optimizer=optimizer, snapshot_every=20), {}
    t.on("step", lambda t: thetas.setdefault(t.steps, t.theta.copy()))
    t.fit(steps=30, bar=False)
    kept = {name: vector[:24].copy() for name, vector in t.optimizer.state.items()}  # of the first Linear
    t.model.insert(2, nn.Linear(8, 8, rng=3))
    assert len(t.layers) == 4
    for name, vector in t.optimizer.state.items():
        np.testing.assert_array_equal(vector[:24], kept[name])
        assert vector.shape == t.theta.shape and not vector[24 : 24 + 72].any()
    t.fit(steps=20, bar=False)
    for step in (40, 25):
        t.rewind(step)
        np.testing.assert_array_equal(t.theta, thetas[step])


def test_what_somebody_has_laid_out_already_stays():
    t = on_moons()
    t.fit(steps=10, bar=False)
    optimizer = t.optimizer
    t.model.insert(2, nn.Linear(8, 8, rng=3))
    mine = {name: np.full(t.model.theta.size, 7, np.float32) for name in optimizer.state}
    optimizer.state = mine
    t.layers  # whoever looks  # noqa: B018
    assert all((vector == 7).all() for vector in t.optimizer.state.values())
    t.fit(steps=3, bar=False)
