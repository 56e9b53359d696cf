"""Theory beside what is measured in the gradient flow: numbers, words, marks, and where there is none."""

import numpy as np
import pytest

import nbprop as nb
from nbprop.views.base.laid import ABSENT
from nbprop.views.gradients import GradientFlow


@pytest.fixture(scope="module")
def trainer():
    made = nb.Trainer(nb.nn.mlp([2, *[64] * 6, 1], seed=0), nb.data.spirals(seed=0), lr=1e-4, seed=0)
    made.watch()
    made.fit(steps=20, bar=False)
    return made


@pytest.mark.parametrize("quantity", ["a", "dz"])
def test_what_is_predicted_is_near_what_is_measured(trainer, quantity, ax):
    view = GradientFlow(trainer, quantity=quantity, theory=True)
    frame = view.frame()
    assert frame["theory"].shape == frame["now"].shape and frame["theory"].dtype == np.float32
    np.testing.assert_allclose(frame["theory"], frame["now"], rtol=0.6)
    if quantity == "dz":
        assert frame["theory"][-1] == frame["now"][-1]  # where gradients begin
    low, high = frame["range"][2:]
    assert (low <= frame["theory"]).all() and (frame["theory"] <= high).all()
    words = view.describe()
    assert "Mean field, σw² = 0.99" in words and "edge of chaos" in words and "what is measured is within" in words
    mark = view.marks()["theory"]
    assert mark.startswith("diamonds, dashed: mean field") and view.labels()["theory"] in mark
    view.plot(ax)
    lines = [line for line in ax.child_axes[0].lines if line.get_marker() == "D"]
    np.testing.assert_array_equal(lines[0].get_xdata(), frame["theory"])


def test_it_is_off_unless_asked_for(trainer):
    view = GradientFlow(trainer)
    assert not view.theory and view.frame()["theory"].shape == (0,) and "Mean field" not in view.describe()
    assert "theory" not in view.marks() and view.labels()["theory"] == ""


def test_quantities_of_which_it_says_nothing(trainer):
    view = GradientFlow(trainer, quantity="dW", theory=True)
    assert view.frame()["theory"].shape == (0,)
    assert view.describe().endswith("No theory: mean field is about activations a and dL/dz.")


def test_networks_of_which_it_says_nothing(ax):
    model = nb.nn.Sequential(nb.nn.Linear(2, 8), nb.nn.BatchNorm1d(8), nb.nn.Tanh(), nb.nn.Linear(8, 1))
    trainer = nb.Trainer(model, nb.data.moons(seed=0), seed=0)
    trainer.watch()
    trainer.fit(steps=3, bar=False)
    view = GradientFlow(trainer, theory=True)
    assert view.frame()["theory"].shape == (0,) and "BatchNorm1d" in view.labels()["theory"]
    assert "No theory: mean field is for dense layers" in view.describe()
    view.plot(ax)
    assert "no theory" in [text.get_text() for text in ax.child_axes[0].texts]


def test_a_source_without_a_network(fake):
    view = GradientFlow(fake(now={"dz": [1, 2, 3]}), theory=True)
    assert view.describe().endswith("No theory: this FakeSource has no network of which mean field could say anything.")


def test_a_step_that_is_not_finite_has_no_theory(trainer, monkeypatch):
    view = GradientFlow(trainer, theory=True)
    probe = trainer.probe()
    probe["dz"] = np.full(7, np.nan, np.float32)
    monkeypatch.setattr(type(trainer), "probe", lambda self: probe)
    assert view.frame()["theory"].shape == (0,) and "is no number" in view.labels()["theory"]
    assert "dL/dz is NaN" in view.describe()


def test_before_the_first_step_activations_are_predicted_and_gradients_are_not():
    trainer = nb.Trainer(nb.nn.mlp([2, 8, 8, 1], seed=0), "moons", seed=0)
    view = GradientFlow(trainer, quantity="a", theory=True)
    assert (view.frame()["now"] == ABSENT).all() and (view.frame()["theory"] > 0).all()
    view.quantity = "dz"
    assert view.frame()["theory"].shape == (0,)


def test_a_moment_is_predicted_from_the_weights_of_then(trainer):
    trainer.fit(steps=5, bar=False)
    view = GradientFlow(trainer.at(3), quantity="a", theory=True)
    expected = trainer.at(3).mean_field().a_std
    np.testing.assert_allclose(view.frame()["theory"], expected, rtol=1e-6)


def test_it_changes_nothing_of_the_run():
    losses = []
    for theory in (False, True):
        trainer = nb.Trainer(nb.nn.mlp([2, 8, 8, 1], seed=0, dropout=0.2), nb.data.moons(seed=0), seed=0)
        trainer.watch()
        view = GradientFlow(trainer, theory=theory)
        for _ in range(5):
            trainer.step()
            view.frame(), view.describe()
        losses.append(trainer.theta.copy())
    np.testing.assert_array_equal(*losses)
