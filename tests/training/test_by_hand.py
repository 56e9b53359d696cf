"""A single weight or bias set by hand: a turn like any other, undone, rewound, repeated, saved and told."""

import numpy as np
import pytest
from runs import MOONS, assert_same, check

import nbprop as nb


def make(**options):
    made = nb.Trainer(nb.nn.mlp([2, 5, 4, 1], seed=0), MOONS, seed=0, snapshot_every=4, **options)
    made.fit(steps=6, bar=False)
    return made


def test_only_that_number_is_another():
    t = make()
    before = t.theta.copy()
    t.set_weight("hidden 2", 3, 1, 0.5)
    assert t.model[2].weight.data[3, 1] == 0.5 and (t.theta != before).sum() == 1
    t.set_bias(0, 4, -2)
    assert t.model[0].bias.data[4] == -2 and (t.theta != before).sum() == 2
    assert [event.text for event in t.history.events][-2:] == [
        "weight 1 of hidden 2, unit 3 = 0.5",
        "bias of hidden 1, unit 4 = -2",
    ]


@pytest.mark.parametrize("optimizer", nb.optim.OPTIMIZERS)
def test_rewinding_repeats_it_and_undo_takes_it_back(optimizer):
    t = make(optimizer=optimizer)
    thetas = {}
    t.on("step", lambda trainer: thetas.setdefault(trainer.steps, trainer.theta.copy()))
    t.set_weight("hidden 1", 2, 1, 0.75)
    t.fit(steps=4, bar=False)
    t.set_bias("output", 0, 0.25)
    t.fit(steps=5, bar=False)
    for step in (13, 9, 8):
        np.testing.assert_array_equal(t.at(step).theta, thetas[step])
        t.rewind(step)
        np.testing.assert_array_equal(t.theta, thetas[step])
    other = make(optimizer=optimizer)
    before = other.theta.copy()
    other.set_weight("hidden 1", 2, 1, 0.75)
    other.undo()
    np.testing.assert_array_equal(other.theta, before)
    other.redo()
    assert other.model[0].weight.data[2, 1] == 0.75


def test_a_dragged_slider_is_one_event_and_one_undo():
    t = make()
    before = t.theta.copy()
    for value in (0.1, 0.2, 0.3):
        t.set_weight("hidden 1", 2, 1, value)
    t.set_weight("hidden 1", 2, 0, 0.4)
    assert [event.text for event in t.history.events] == [
        "weight 1 of hidden 1, unit 2 = 0.3",
        "weight 0 of hidden 1, unit 2 = 0.4",
    ]
    t.undo()
    t.undo()
    np.testing.assert_array_equal(t.theta, before)


def test_it_is_saved_and_goes_on(tmp_path):
    t = make()
    t.set_weight("hidden 2", 0, 0, 0.5)
    t.set_bias("hidden 2", 0, 0.5)
    check(t, tmp_path / "run.npz", data=MOONS)


def test_a_script_makes_it_again():
    t = nb.Trainer(nb.nn.mlp([2, 5, 1], seed=0), "moons", seed=0)
    t.fit(steps=3, bar=False)
    t.set_weight("hidden 1", 1, 0, 0.5)
    t.set_bias("hidden 1", 1, -0.5)
    t.fit(steps=3, bar=False)
    there = {}
    exec(t.script(), there)
    np.testing.assert_array_equal(there["trainer"].theta, t.theta)


def test_a_code_makes_it_again():
    a = nb.Playground("moons", hidden=[4])
    a.trainer.fit(steps=3, bar=False)
    a.trainer.set_weight("hidden 1", 1, 0, 0.5)
    a.trainer.set_bias("output", 0, -0.5)
    a.trainer.fit(steps=3, bar=False)
    b = nb.Playground.from_code(a.code)
    np.testing.assert_array_equal(b.trainer.theta, a.trainer.theta)
    a.close(), b.close()


@pytest.mark.parametrize(
    ("deed", "words"),
    [
        (lambda t: t.set_weight("hidden 9", 0, 0, 1), "no layer 'hidden 9'"),
        (lambda t: t.set_weight("hidden 1", 5, 0, 1), "unit must be an integer from 0 to 4"),
        (lambda t: t.set_weight("hidden 1", 0, 2, 1), "source must be an integer from 0 to 1"),
        (lambda t: t.set_weight("hidden 1", 0, 0, float("nan")), "value"),
        (lambda t: t.set_bias("hidden 1", -1, 1), "unit"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(deed, words):
    t = make()
    before = t.theta.copy()
    with pytest.raises(ValueError, match=words):
        deed(t)
    np.testing.assert_array_equal(t.theta, before)
    assert not t.history.events


def test_a_weight_and_a_bias_of_a_convolution_are_set_and_of_others_none():
    model = nb.nn.Sequential(nb.nn.Conv2d(1, 2, 3), nb.nn.ReLU(), nb.nn.Flatten(), nb.nn.Linear(72, 10))
    t = nb.Trainer(model, nb.data.digits(image=True), seed=0)
    before = t.theta.copy()
    t.set_weight("hidden 1", 1, 5, 0.25)
    assert model[0].weight.data[1, 0, 1, 2] == 0.25 and (t.theta != before).sum() == 1
    with pytest.raises(ValueError, match="source must be an integer from 0 to 8"):
        t.set_weight("hidden 1", 0, 9, 1)
    t.set_bias("hidden 1", 1, 0.5)
    assert model[0].bias.data[1] == 0.5
    t.undo(2)
    np.testing.assert_array_equal(t.theta, before)
    model = nb.nn.Sequential(nb.nn.ConvTranspose2d(1, 2, 3), nb.nn.Flatten(), nb.nn.Linear(200, 10))
    t = nb.Trainer(model, nb.data.digits(image=True), seed=0)
    with pytest.raises(ValueError, match="hidden 1 is a ConvTranspose2d: expected a Linear"):
        t.set_weight("hidden 1", 0, 0, 1)


def test_a_moment_of_the_past_is_only_looked_at():
    t = make()
    assert not hasattr(t.at(3), "set_weight")


def test_a_branch_has_it_too():
    t = make()
    t.set_weight("hidden 1", 0, 0, 0.5)
    other = t.branch()
    assert_same(t, other)
