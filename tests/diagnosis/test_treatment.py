"""Remedies are turns: one thing to undo, repeated by rewinding; and a treatment says whether they helped."""

import numpy as np
import pytest
from patients import PATIENTS, sigmoids

import nbprop as nb
from nbprop.diagnosis import Remedy, Treatment

STORIES = {  # a patient, the number of its remedy, and steps after which it has helped
    "deep sigmoid": (0, 400),
    "deep relu too small": (0, 400),
    "deep relu too large": (0, 200),
    "large weights": (0, 200),
    "dead after a large step": (0, 300),
    "convolution too fast": (0, 200),
    "edge of stability": (0, 200),
    "adam much too slow": (0, 400),
    "one layer stands still": (0, 200),
    "all weights zero": (0, 300),
    "pixels as bytes": (0, 200),
    "sigmoid twice": (0, 300),
    "sigmoid and mse": (0, 300),
    "numbers out of reach": (0, 300),
    "sure from the start": (0, 200),
    "clouds by heart": (0, 300),
    "a line for spirals": (0, 300),
    "clipped to nothing": (0, 200),
    "adam decayed": (0, 200),
    "norm of two": (0, 300),
    "a rare digit": (0, 200),
}


@pytest.mark.parametrize("name", STORIES)
def test_a_patient_gets_better_with_the_first_remedy_and_undo_takes_it_back(name):
    number, steps = STORIES[name]
    trainer = PATIENTS[name].run()
    rule = PATIENTS[name].ought[0]
    finding = nb.diagnose(trainer)[rule]
    before, start, acts = trainer.theta.copy(), trainer.steps, len(trainer.undoable)
    treatment = Treatment(finding, trainer, finding.remedies[number])
    assert treatment.state == "waiting" and "too early to tell" in str(treatment)
    assert len(trainer.undoable) == acts + 1  # one thing, however many knobs it turns
    treated = trainer.steps
    trainer.fit(steps=steps, bar=False)
    assert treatment.state == "helped", str(treatment)
    assert str(treatment).startswith(f"{finding.remedies[number]}: it helped: ")
    after = trainer.theta.copy()
    trainer.rewind(treated)
    trainer.undo()  # the rewind
    np.testing.assert_array_equal(trainer.theta, after)
    trainer.undo()
    assert trainer.steps == start
    np.testing.assert_array_equal(trainer.theta, before)
    assert treatment.state == "undone" and "taken back" in str(treatment)


def test_rewinding_repeats_a_remedy():
    trainer = sigmoids()
    Treatment(
        nb.diagnose(trainer)["vanishing"],
        trainer,
        Remedy("ReLU, anew", {"activation": "relu"}, ("reinitialize", ("all", "he"))),
    )
    trainer.fit(steps=30, bar=False)
    there = trainer.theta.copy()
    assert trainer.undoable[0] == "ReLU, anew" and trainer.at(215).activation == "relu"
    trainer.rewind(230)
    np.testing.assert_array_equal(trainer.theta, there)
    trainer.rewind(100)
    assert trainer.activation == "sigmoid"


def test_what_makes_it_worse_or_does_nothing_is_said_so():
    trainer = sigmoids()
    treatment = Treatment(nb.diagnose(trainer)["vanishing"], trainer, Remedy("Nothing", {"lr": 0.0011}))
    trainer.fit(steps=150, bar=False)
    assert treatment.state == "unchanged" and "it has not helped yet" in treatment.describe()
    worse = Treatment(
        nb.diagnose(trainer)["vanishing"], trainer, Remedy("Much faster", {"optimizer": "sgd", "lr": 1e38})
    )
    with pytest.raises(nb.Diverged):
        trainer.fit(steps=150, bar=False)
    assert worse.state == "worse" and "the run has stopped" in worse.describe()


def test_a_remedy_that_cannot_be_applied_says_why():
    trainer = sigmoids()
    finding = nb.diagnose(trainer)["vanishing"]
    for remedy, words in (
        (Remedy("Momentum", {"momentum": 0.9}), "Adam has no momentum"),
        (Remedy("Nonsense", {"nonsense": 1}), "no knob 'nonsense'"),
        (Remedy("Look", hindrance="it is in the data"), "it is in the data"),
        (Remedy("Nothing"), "to be changed in code"),
        (Remedy("Fly", act=("fly", ())), "cannot be turned"),
    ):
        assert words in remedy.cannot(trainer)
        with pytest.raises(ValueError, match=words):
            remedy.apply(trainer)
        with pytest.raises(ValueError, match=words):
            Treatment(finding, trainer, remedy)
    assert not trainer.undoable and trainer.refusal(lr=0.1) == ""


def test_what_is_done_together_is_undone_together():
    trainer = sigmoids(depth=2, steps=20)
    trainer.set(lr=0.02)

    def both():
        trainer.set(activation="relu")
        trainer.set(batch_size=8)

    trainer.together("both", both)
    assert trainer.undoable == ("both", "lr 0.001 → 0.02")
    trainer.fit(steps=5, bar=False)
    trainer.undo()
    assert (trainer.activation, trainer.batch_size, trainer.lr) == ("sigmoid", 32, 0.02)
    trainer.redo()
    assert (trainer.activation, trainer.batch_size) == ("relu", 8) and trainer.undoable[0] == "both"
    trainer.together("nothing", lambda: None)
    assert trainer.undoable[0] == "both"


def test_half_of_what_is_done_together_can_be_undone_where_the_rest_fails():
    trainer = sigmoids(depth=2, steps=20)

    def half():
        trainer.set(batch_size=8)
        trainer.set(batch_size=-1)

    with pytest.raises(ValueError, match="batch_size"):
        trainer.together("half", half)
    assert trainer.undoable == ("half",)
    trainer.undo()
    assert trainer.batch_size == 32
