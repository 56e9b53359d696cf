"""What has not been measured is said to be so; NaN that a step has given is an alarm: the two are never taken for each
other."""

from types import SimpleNamespace

import numpy as np
import pytest

import nbprop as nb
from nbprop.views.base.folder import kinds
from nbprop.views.base.laid import ABSENT, laid_out
from nbprop.views.boundary import Boundary
from nbprop.views.gradients import GradientFlow
from nbprop.views.histograms import Histograms
from nbprop.views.lags import Lags
from nbprop.views.loss import Loss

TURNS = {
    "depth": {"depth": 4},
    "width": {"width": 5},
    "activation": {"activation": "relu"},
    "batch size": {"batch_size": 8},
    "data": {"data": nb.data.moons(samples=120, noise=0.3)},
    "loss": {"loss": "mse"},
    "weights": {"theta": None},
}
VIEWS = [
    *(kinds()[name] for name in ("Activations", "Boundary", "GradientFlow", "Histograms", "Loss", "Percentiles")),
    *(lambda source, kind=kind: Histograms(source, kind=kind) for kind in ("gradients", "activations")),
    *(lambda source, name=name: GradientFlow(source, quantity=name) for name in ("a", "dW", "ratio", "saturated")),
]


def learned(steps=60, **options):
    data = nb.data.moons(samples=120)
    trainer = nb.Trainer(nb.nn.mlp([2, 8, 6, 1], seed=0), data, lr=0.02, batch_size=16, seed=0, **options)
    trainer.watch(percentiles=True)
    trainer.fit(steps=steps, bar=False)
    return trainer


def words_in(ax):
    axes = [ax, *ax.child_axes]
    return [text.get_text() for each in axes for text in each.texts]


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("view", VIEWS)
def test_after_a_turn_while_paused_nothing_is_taken_for_nan(view, turn, ax):
    trainer = learned()
    changes = TURNS[turn] if turn != "weights" else {"theta": trainer.theta * 1.01}
    trainer.set(**changes)
    shown = view(trainer)
    for _ in range(2):  # before the next step, and after it
        frame, words = shown.frame(), shown.describe()
        assert "NaN" not in words and "finite" not in words and "diverged" not in words, words
        assert not any(np.isnan(array).any() for name, array in frame.items() if name != "flat"), frame
        assert not frame.get("bad", np.zeros(1)).any()
        ax.clear()
        shown.plot(ax)
        assert not any("NaN" in text or "finite" in text for text in words_in(ax))
        trainer.step()


@pytest.mark.parametrize("steps", [0, 60])
def test_what_to_do_about_it_is_said(steps):
    trainer = learned(steps)
    trainer.set(depth=3)
    gradients = GradientFlow(trainer)
    assert gradients.labels()["unmeasured"] == (
        "not measured yet: make a step" if steps else "no step yet: play, or make a step"
    )
    assert (gradients.frame()["now"] == ABSENT).all() and len(gradients.frame()["now"]) == 4
    trainer.step()
    assert (gradients.frame()["now"] > 0).all()


def test_a_nan_that_a_step_has_given_is_loud(fake, ax):
    """Also beside a layer of which nothing was measured."""
    now = np.ma.array([np.nan, np.nan, 1], np.float32, mask=[True, False, False])
    source = fake(now={"dz": [1, 1, 1]})
    source.probe = lambda: {"dz": now, "dW": np.float32([0, 1, 1])}
    view = GradientFlow(source)
    frame = view.frame()["now"]
    assert frame[0] == ABSENT and np.isnan(frame[1]) and frame[2] == 1
    assert view.describe() == "dL/dz is NaN in hidden 2: the run has diverged."
    view.plot(ax)
    assert [text for text in words_in(ax) if text in ("NaN", "not measured")] == ["not measured", "NaN"]


def test_a_run_that_diverges_with_a_frozen_layer_tells_the_two_apart():
    trainer = learned()
    trainer.freeze("hidden 1")
    trainer.step()
    trainer.model[2].weight.data[:] = np.nan
    with pytest.raises(nb.Diverged):
        trainer.fit(steps=3, bar=False)
    now = GradientFlow(trainer).frame()["now"]
    assert now[0] == ABSENT and np.isnan(now[1:]).any()


def test_counts_of_values_that_are_not_finite_are_no_lack_of_counts(fake, ax):
    def none(kind, bins):
        return np.zeros((3, bins)), np.zeros(3), np.zeros(3)

    view = Histograms(fake(histograms=none, not_finite=lambda kind: np.array([[2, 0], [0, 0], [0, 0]])))
    assert view.describe() == "Weights are not finite: hidden 1 2 NaN."
    view.plot(ax)
    assert words_in(ax) == ["2 NaN", "not measured", "not measured"]
    ax.clear()
    Histograms(fake(histograms=none)).plot(ax)
    assert words_in(ax) == ["not measured yet: make a step"]


def test_lags_of_nan_are_not_lost(fake):
    values = np.ones((5, 4), np.float32)
    values[3:] = np.nan
    frame = Lags(fake({"dh": (np.arange(1, 6), values)})).frame()
    assert len(frame["now"]) == 4 and np.isnan(frame["now"]).all() and np.isnan(frame["map"][:, -1]).all()


def test_at_step_0_there_is_a_state(ax):
    trainer = learned(0)
    frame = Loss(trainer).frame()
    assert frame["train"].shape == (4, 0) and frame["validation"].shape == frame["val_accuracy"].shape == (2, 1)
    assert Loss(trainer).describe() == "No step has been taken yet."
    Loss(trainer).plot(ax)
    assert words_in(ax) == ["no step yet: play, or make a step"] and len(ax.lines) == 2
    assert (Histograms(trainer).frame()["counts"].sum(axis=1) > 0).all()
    assert np.isfinite(Boundary(trainer).frame()["grid"]).all()


def test_loss_and_boundary_name_the_same_accuracy():
    trainer = learned(60, evaluate_every=20)
    share = Boundary(trainer).describe().partition(" of ")[0]
    assert f"validation accuracy {share}" in Loss(trainer).describe()


@pytest.mark.parametrize("kind", kinds().values())
def test_marks_are_explained(kind, spirals):
    if "Taught" in str(kind.contract) and kind.__name__ in ("Writing", "Attention", "Filters", "Drawing", "Words"):
        return
    view = kind(spirals)
    marks = view.marks()
    assert all(isinstance(words, str) and words.strip() for words in marks.values())
    if view.frame():
        assert view.labels()["marks"] == marks and len(marks) >= (0 if kind.__name__ == "Lags" else 2)
    about = f"{view.about} ({view.lesson})"
    told = [f"{name}: {words}" for name, words in marks.items()]
    assert view.explain().splitlines() == [about, *view.describe().splitlines(), *told]


def test_records_are_laid_in_the_rows_of_the_network_of_a_moment():
    """Of a run with 2, 3 and again 2 layers, each for ten steps."""
    nan = np.nan
    values = np.array([[1, 9, nan]] * 10 + [[1, 5, 9]] * 10 + [[1, 9, nan]] * 10, np.float32)
    events = [SimpleNamespace(step=10, name="depth", new=2), SimpleNamespace(step=20, name="depth", new=1)]
    history = SimpleNamespace(series=lambda name: (np.arange(1, 31), values), events=events)
    for moment, count, start, stop in ((None, 2, 20, 30), (5, 2, 0, 10), (15, 3, 10, 20), (30, 2, 20, 30)):
        laid = laid_out(history, "dz", count, moment)
        assert (laid.start, laid.stop) == (start, stop) and laid.at(moment) == (29 if moment is None else moment - 1)
        assert (laid.values[:, 0] == 1).all() and (laid.values[:, -1] == 9).all()
        if count == 3:
            assert (laid.values[10:20, 1] == 5).all() and np.isnan(laid.values[[9, 20], 1]).all()
    # At the step of a change both networks can be meant; of the new one there is no record yet.
    old, new = laid_out(history, "dz", 2, 10), laid_out(history, "dz", 3, 10)
    assert (old.start, old.stop, old.at(10)) == (0, 10, 9) and (new.start, new.stop, new.at(10)) == (10, 20, -1)


def test_one_layer_that_is_put_in_later_moves_no_other():
    values = np.array([[1, 2, 9, np.nan]] * 10 + [[1, 7, 2, 9]] * 10, np.float32)
    events = [SimpleNamespace(step=10, name="insert", new=(1, 8))]
    history = SimpleNamespace(series=lambda name: (np.arange(1, 21), values), events=events)
    assert (laid_out(history, "dz", 3, 5).values == [1, 2, 9]).all()
    assert np.isnan(laid_out(history, "dz", 4).values[:10, 1]).all()
    events[0] = SimpleNamespace(step=10, name="remove", new="hidden 2")
    values[:10], values[10:] = [1, 7, 2, 9], [1, 2, 9, np.nan]
    before = laid_out(history, "dz", 4, 5).values
    assert (before[:10] == [1, 7, 2, 9]).all() and np.isnan(before[10:, 1]).all() and (before[10:, 2] == 2).all()
