"""The loss view: thinning, ranges, events, alarms, words."""

from types import SimpleNamespace

import numpy as np
import pytest

import nbprop as nb
from nbprop.views.loss import EVENTS, POINTS, Loss, alarms


def falling(n):
    steps = np.arange(1, n + 1)
    return steps, np.float32(0.2 + 2 * np.exp(-steps / 50) + 0.01 * np.sin(steps))


def test_short_runs_are_drawn_as_they_are(fake):
    steps, loss = falling(100)
    frame = Loss(fake({"loss": (steps, loss)})).frame()
    np.testing.assert_array_equal(frame["train"], np.float32([steps, loss, loss, loss]))


def test_long_runs_are_thinned_to_means_between_lowest_and_highest(fake):
    steps, loss = falling(4000)
    x, mean, low, high = Loss(fake({"loss": (steps, loss)})).frame()["train"]
    assert POINTS / 2 <= len(x) <= POINTS and x[-1] == 4000
    assert (low <= mean).all() and (mean <= high).all() and (low < high)[:-1].all()
    ends = np.searchsorted(steps, x, side="right")
    for k in (1, len(x) // 2, len(x) - 1):
        part = loss[ends[k - 1] : ends[k]]
        np.testing.assert_allclose([mean[k], low[k], high[k]], [part.mean(), part.min(), part.max()], rtol=1e-5)


def test_everything_is_float32_and_events_are_the_newest(fake):
    source = fake({"loss": falling(10)}, events=tuple((k, "lr", f"lr {k}") for k in range(EVENTS + 50)))
    view = Loss(source)
    frame = view.frame()
    assert {array.dtype for array in frame.values()} == {np.dtype(np.float32)}
    assert frame["events"].tolist() == list(range(50, EVENTS + 50))
    assert view.labels()["events"][-1] == f"lr {EVENTS + 49}" and len(view.labels()["events"]) == EVENTS


def test_accuracy_is_there_only_when_the_network_classifies(fake):
    columns = {"loss": falling(10), "val_accuracy": ([10], [0.9]), "train_accuracy": ([10], [0.95])}
    assert Loss(fake(columns)).frame()["val_accuracy"].tolist() == [[10.0], [np.float32(0.9)]]
    regression = Loss(fake(columns, data=SimpleNamespace(task="regression")))
    assert regression.frame()["val_accuracy"].shape == (2, 0)
    assert regression.labels()["classifies"] is False


def test_nothing_recorded_yet(fake, ax):
    view = Loss(fake(steps=0))
    assert view.frame()["train"].shape == (4, 0)
    assert view.describe() == "No step has been taken yet."
    view.plot(ax)
    assert [text.get_text() for text in ax.texts] == ["no step yet: play, or make a step"]


def test_the_first_high_loss_is_in_the_picture(fake):
    steps, loss = falling(300)
    low, high, bottom, top = Loss(fake({"loss": (steps, loss)})).frame()["range"]
    assert low == 0 and high == pytest.approx(loss.max(), rel=0.02)
    assert bottom < loss.min() and top > loss[0] * 0.98


def test_an_exploding_loss_does_not_flatten_the_rest_but_is_told(fake, ax):
    steps, loss = falling(100)
    loss[-5:] = 1e3, 1e8, 1e20, np.inf, np.nan
    view = Loss(fake({"loss": (steps, loss)}, message="step 99: hidden 1 first became infinite"))
    frame = view.frame()
    assert frame["range"][1] <= 30
    assert np.isinf(frame["train"][1, -2]) and np.isnan(frame["train"][1, -1])
    assert list(alarms(*frame["train"][:2], False)) == [(99, "inf"), (100, "NaN")]
    words = view.describe()
    assert words == "Loss NaN at step 99: the run has diverged. step 99: hidden 1 first became infinite"
    view.plot(ax)
    drawn = [text.get_text() for text in ax.texts]
    assert {"inf", "NaN", "▲ up to 1e20"} <= set(drawn)


def test_a_loss_beyond_float32_and_a_negative_one_are_drawn_without_warning(fake):
    loss = np.array([1, -2, 3e38])
    frame = Loss(fake({"loss": ([1, 2, 3], loss)})).frame()
    assert np.isfinite(frame["range"]).all() and frame["range"][0] < 0


def test_zero_on_a_log_axis_is_an_alarm():
    assert list(alarms([1, 2, 3, 4], [1, 0, 0, -1], True)) == [(2, "0"), (4, "-1")]
    assert list(alarms([1, 2, 3], [1, 0, 1], False)) == []


def test_words(fake):
    columns = {
        "loss": ([1, 2], [0.5, 0.2134]),
        "val_loss": ([0, 1000, 1100, 1200], [1, 0.25, 0.24, 0.245]),
        "val_accuracy": ([1200], [0.931]),
        "train_loss": ([0, 1200], [0.9, 0.1987]),
    }
    expected = "Loss 0.199 after 1,200 steps (validation 0.245, validation accuracy 93 %)"
    expected += "; lowest validation 0.24 at step 1,100."
    assert Loss(fake(columns, steps=1200)).describe() == expected
    assert Loss(fake(columns, steps=1207)).describe() == expected  # the newest batch is not asked
    del columns["val_accuracy"], columns["val_loss"]
    assert Loss(fake(columns, steps=1200)).describe() == "Loss 0.199 after 1,200 steps."
    del columns["train_loss"]
    assert Loss(fake(columns, steps=1)).describe() == "Loss 0.213 of the latest batches after 1 step."


def test_the_plot_shows_the_numbers_of_the_frame(fake, ax):
    columns = {
        "loss": falling(1000),
        "val_loss": ([0, 500, 1000], [2, 0.3, 0.2]),
        "val_accuracy": ([0, 1000], [0.5, 1]),
    }
    view = Loss(fake(columns, events=((400, "lr", "lr 0.1 → 0.2"),)), log=True)
    view.plot(ax)
    frame = view.frame()
    lines = {line.get_label(): line for line in ax.lines}
    np.testing.assert_array_equal(lines["train"].get_xydata().T, frame["train"][:2])
    np.testing.assert_array_equal(lines["validation"].get_xydata().T, frame["validation"])
    assert ax.get_yscale() == "log"
    np.testing.assert_allclose(ax.get_ylim(), frame["range"][2:], rtol=1e-6)
    (right,) = [other for other in ax.figure.axes if other is not ax]
    assert right.get_ylim() == (0, 1)
    assert "lr 0.1 → 0.2" in [text.get_text() for text in ax.texts]


def test_of_a_real_run(spirals):
    view = Loss(spirals)
    frame = view.frame()
    np.testing.assert_array_equal(frame["train"][1], spirals.history["loss"].astype(np.float32))
    assert frame["val_accuracy"].shape[1] == len(spirals.history["val_accuracy"])
    assert view.describe().startswith("Loss 0.") and "after 120 steps (validation 0." in view.describe()


@pytest.mark.parametrize("turn", [{"loss": "mse"}, {"data": nb.data.circles(samples=120, seed=0)}])
def test_losses_of_something_else_are_not_compared(train, turn):
    trainer = train(nb.data.moons(samples=120), steps=80)
    trainer.set(**turn)
    assert Loss(trainer).describe().endswith(", before its loss or data were changed.")
    trainer.fit(steps=200)
    steps, losses = trainer.history.series("val_loss")
    losses[steps <= 80] = -1
    trainer.lr = 1.0
    trainer.fit(steps=20)
    words = Loss(trainer).describe()
    best = losses[steps > 80].argmin()
    assert f"at step {steps[steps > 80][best]}" in words and "-1" not in words
