"""A run as it was when it was pinned: its numbers stay, and nothing of the run is held."""

import gc
import weakref

import numpy as np
import pytest

import nbprop as nb
from nbprop.record.source import CannotSay
from nbprop.sources import Ghost
from nbprop.views.base.folder import kinds

VIEWS = ("Loss", "GradientFlow", "Histograms", "Percentiles", "Boundary")


def trainer(steps=40, data="moons", **settings):
    made = nb.Trainer(nb.nn.mlp([2, 6, 6, 1], seed=0), nb.data.dataset(data), seed=0, **{"lr": 0.01, **settings})
    made.watch(percentiles=True)
    made.fit(steps=steps)
    return made


def frames(source):
    shown = [kinds()[name](source) for name in VIEWS]
    shown += [kinds()["Histograms"](source, kind="activations"), kinds()["GradientFlow"](source, quantity="a")]
    return [{name: np.array(array) for name, array in view.frame().items()} for view in shown]


def equal(a, b):
    return all(x.keys() == y.keys() and all(np.array_equal(x[n], y[n], equal_nan=True) for n in x)
               for x, y in zip(a, b, strict=True))  # fmt: skip


@pytest.mark.parametrize("act", ["fit", "rewind", "reset", "depth"])
def test_views_show_of_it_what_they_showed_of_the_run_then(act):
    run = trainer()
    then, ghost = frames(run), Ghost(run)
    assert equal(then, frames(ghost))
    {"fit": lambda: run.fit(steps=30), "rewind": lambda: run.rewind(3), "reset": run.reset,
     "depth": lambda: run.set(depth=4)}[act]()  # fmt: skip
    run.step()
    assert equal(then, frames(ghost)) and not equal(then, frames(run))
    words = [kinds()[name](ghost).describe() for name in VIEWS]
    assert all(words) and ghost.steps == 40


def test_a_moment_of_the_past_can_be_kept_too():
    run = trainer()
    moment = run.at(20)
    said = moment.predict(run.data.X_val)
    ghost = Ghost(moment, "halfway")
    moment.close()
    np.testing.assert_array_equal(ghost.predict(run.data.X_val), said)
    assert (ghost.name, ghost.steps) == ("halfway", 20)


def test_it_is_called_what_was_different_about_it():
    run = trainer()
    ghost = Ghost(run)
    assert ghost.name == "step 40"
    run.lr = 0.1
    assert ghost.name == "lr 0.01"
    run.lr = 0.01
    run.activation = "relu"
    assert ghost.name == "activation tanh" and Ghost(run, "mine").name == "mine"


def test_it_holds_neither_the_run_nor_its_way_back():
    run = trainer()
    ghost, run, past = Ghost(run), weakref.ref(run), weakref.ref(run._past)
    gc.collect()
    assert run() is None and past() is None and ghost.name == "step 40"
    assert kinds()["Boundary"](ghost).frame()["grid"].shape == (32, 32)


def test_what_a_source_has_not_a_ghost_has_not():
    descent = nb.Descent("bowl")
    descent.step(3)
    ghost = Ghost(descent)
    assert ghost.steps == 3 and len(ghost.history["sgd"]) == 4
    with pytest.raises(CannotSay, match="this was not kept"):
        ghost.probe()
    with pytest.raises(CannotSay, match="40 bins, not of 7"):
        Ghost(trainer()).histograms("weights", 7)


def test_it_does_not_disturb_the_run():
    one, other = trainer(0), trainer(0)
    for _ in range(3):
        one.fit(steps=5)
        Ghost(one)
        other.fit(steps=5)
    np.testing.assert_array_equal(one.theta, other.theta)
