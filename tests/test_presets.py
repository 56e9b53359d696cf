"""Runs worth seeing show what they say, at any time and from any run, and Undo leads back."""

import numpy as np
import pytest
from hand import Hand

import nbprop as nb
from nbprop.presets import PRESETS, preset


@pytest.fixture
def playground():
    made = nb.Playground(hidden=[6, 6])
    yield made
    made.close()


def trained(playground, name, steps):
    playground.preset(name)
    playground.trainer.fit(steps=steps, bar=False)
    return playground.trainer


def test_a_deep_sigmoid_net_does_not_learn_for_its_gradient_vanishes(playground):
    t = trained(playground, "a deep sigmoid net that does not learn", 600)
    dz = t.probe()["dz"]
    assert dz[-1] > 1e5 * dz[0] and abs(t.evaluation["train_loss"] - np.log(2)) < 0.01


def test_dead_relus_stay_dead(playground):
    t = trained(playground, "dead ReLUs", 300)
    assert (
        (t.probe()["saturated"][1:3] > 0.95).all() and t.probe()["dz"][0] == 0 and t.evaluation["train_accuracy"] < 0.6
    )


def test_at_the_edge_of_stability_single_steps_go_up_and_the_loss_falls(playground):
    t = trained(playground, "the edge of stability", 1500)
    loss = t.history["loss"]
    assert np.mean(np.diff(loss[100:300]) > 0) < 0.02 < np.mean(np.diff(loss[600:]) > 0)
    assert np.median(loss[-300:]) < 0.7 * np.median(loss[200:400])


def test_overfitting_is_seen_from_early_on(playground):
    t = trained(playground, "overfitting", 600)
    val = t.history["val_loss"]
    assert t.evaluation["train_accuracy"] == 1.0 and val[-1] > 2 * val.min() and val.argmin() < len(val) / 4


def test_an_exploding_rnn_learns_as_soon_as_its_gradient_is_clipped(playground):
    t = trained(playground, "an exploding RNN", 300)
    lags = t.history["dh"][0]
    assert lags.max() > 20 * lags.min() and t.evaluation["val_accuracy"] < 0.4 and t.history["dW"][:, 0].max() > 10
    assert playground.shown == ("loss", "lags", "doctor", "boundary")
    playground.preset("an exploding RNN")
    t.clip = 1.0
    t.fit(steps=500, bar=False)
    assert t.evaluation["val_accuracy"] > 0.9


def test_a_hand_begins_one_and_comes_back(playground):
    hand, t = Hand(playground), playground.trainer
    t.fit(steps=30, bar=False)
    theta, model = t.theta.copy(), t.model
    lists = hand.told["lists"]
    assert lists["presets"] == [*PRESETS] and hand.told["note"] == ""
    hand.press("presets", chosen=5)
    assert t.steps == 0 and isinstance(t.model.layer, nb.nn.RNN) and t.clip is None and t.lr == 0.1
    assert hand.told["note"] == preset("an exploding RNN").words and hand.state["depth"]["idle"]
    assert hand.told["lists"]["undo"] == ["a new run"]
    hand.press("undo")
    assert t.model is model and np.array_equal(t.theta, theta) and hand.told["note"] == "" and t.steps == 30
    assert hand.shows("depth") == 2


def test_knobs_of_the_run_before_do_not_stay(playground):
    t = playground.trainer
    t.set(clip=0.001, l1=0.1, optimizer="rmsprop", lr=3.0, batch_size=1, accumulate=3, drop_last=True)
    playground.preset("overfitting")
    assert (t.clip, t.l1, t.lr, t.batch_size, t.accumulate, t.drop_last) == (None, 0.0, 0.01, 32, 1, False)
    assert type(t.optimizer) is nb.optim.Adam and not t.history.events


def test_views_are_chosen_in_a_list(playground):
    hand = Hand(playground)
    offered = hand.told["lists"]["views"]
    assert [words for words in offered if words[0] == "✓"] == [
        "✓ What it has learned", "✓ Gradient flow", "✓ Histograms", "✓ Loss",
    ]  # fmt: skip
    hand.press("views", chosen=1 + offered.index("+ Activations"))
    assert playground.shown == ("loss", "gradients", "histograms", "boundary", "activations")
    for _ in range(5):
        hand.press("views", chosen=1 + next(i for i, each in enumerate(hand.told["lists"]["views"]) if each[0] == "✓"))
    assert len(playground.shown) == 1 and "the last view" in hand.message


def test_names_are_checked(playground):
    with pytest.raises(ValueError, match="did you mean 'overfitting'"):
        playground.preset("overfiting")
    with pytest.raises(ValueError, match="expected one of"):
        preset("x")


CALLED = {
    "a deep sigmoid net that does not learn": "vanishing",
    "dead ReLUs": "dead",
    "the edge of stability": "lr_too_high",
    "overfitting": "overfitting",
    "an exploding RNN": "exploding",
}


@pytest.mark.parametrize("name", PRESETS)
def test_the_doctor_names_what_is_wrong_and_its_first_remedy_helps(playground, name):
    t = trained(playground, name, 600)
    finding = nb.diagnose(t)[CALLED[name]]
    treatment = nb.diagnosis.Treatment(finding, t)
    t.fit(steps=700, bar=False)
    assert treatment.state == "helped", str(treatment)
