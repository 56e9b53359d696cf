"""A frozen layer does not change by a bit, whatever pulls at it, and the way back leads across freezing."""

import numpy as np
import pytest

import nbprop as nb

PULLS = {
    "plain": {},
    "weight_decay": {"weight_decay": 0.1},
    "l1": {"l1": 0.01},
    "clip": {"clip": 0.05},
    "all": {"weight_decay": 0.1, "l1": 0.01, "clip": 0.05, "clip_value": 0.02, "accumulate": 2},
}
EVERY = pytest.mark.parametrize("optimizer", nb.optim.OPTIMIZERS)


def make(optimizer, freeze=False, **pulls):
    model = nb.nn.mlp([2, 5, 5, 1], activation="tanh", seed=1)
    if freeze:
        for parameter in of("hidden 1", model):
            parameter.requires_grad = False
    data = nb.data.spirals(samples=80, seed=2)
    t = nb.Trainer(model, data, optimizer=optimizer, batch_size=16, seed=3, snapshot_every=4)
    t.set(**pulls)
    return t


def of(layer, model):
    """Weight and bias of a layer."""
    at = ["hidden 1", "hidden 2", "output"].index(layer)
    return list(model.parameters())[2 * at : 2 * at + 2]


def numbers(t):
    return {layer: [each.data.copy() for each in of(layer, t.model)] for layer in ("hidden 1", "hidden 2", "output")}


def assert_only_others_moved(before, after):
    for layer in before:
        for a, b in zip(before[layer], after[layer], strict=True):
            assert np.array_equal(a, b) == (layer == "hidden 1"), layer


@EVERY
@pytest.mark.parametrize("pulls", PULLS.values(), ids=PULLS)
def test_a_frozen_layer_stays_and_goes_on_afterwards(optimizer, pulls):
    t = make(optimizer, **pulls)
    t.fit(steps=3)  # momentum, and whatever else an optimizer keeps, would carry it on
    t.freeze("hidden 1")
    before = numbers(t)
    t.fit(steps=5)
    assert t.frozen == ("hidden 1",)
    assert_only_others_moved(before, numbers(t))
    t.unfreeze("hidden 1")
    before = [each.data.copy() for each in t.model.parameters()]
    t.fit(steps=2)
    assert t.frozen == ()
    assert not any(np.array_equal(a, b.data) for a, b in zip(before, t.model.parameters(), strict=True))


@EVERY
@pytest.mark.parametrize("pulls", PULLS.values(), ids=PULLS)
def test_a_layer_that_was_frozen_before(optimizer, pulls):
    t = make(optimizer, freeze=True, **pulls)
    assert t.frozen == ("hidden 1",)
    before = numbers(t)
    t.fit(steps=5)  # of equal length, with Lion: an even number of them may end where it began
    assert_only_others_moved(before, numbers(t))
    later = make(optimizer, **pulls)
    later.freeze("hidden 1")
    later.fit(steps=5)
    np.testing.assert_array_equal(t.model.theta, later.model.theta)


@EVERY
def test_the_way_back_leads_across_freezing(optimizer):
    t, thetas = make(optimizer, **PULLS["all"]), {}
    t.on("step", lambda trainer: thetas.setdefault(trainer.steps, trainer.model.theta.copy()))
    t.fit(steps=6)
    t.freeze("hidden 1")
    t.fit(steps=5)
    t.unfreeze()
    t.fit(steps=6)
    for step, frozen in ((14, ()), (9, ("hidden 1",)), (7, ("hidden 1",)), (5, ())):
        t.rewind(step)
        assert t.frozen == frozen
        np.testing.assert_array_equal(t.model.theta, thetas[step])
    again = {}
    t.on("step", lambda trainer: again.setdefault(trainer.steps, trainer.model.theta.copy()))
    t.fit(steps=1)
    t.freeze("hidden 1")
    t.fit(steps=5)
    t.unfreeze()
    t.fit(steps=6)
    for step in range(6, 18):
        np.testing.assert_array_equal(again[step], thetas[step], err_msg=str(step))
