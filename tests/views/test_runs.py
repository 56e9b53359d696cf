"""Several runs in one picture: the numbers are those of the runs, on the axis asked for."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import nbprop as nb
from nbprop.sources import Comparison
from nbprop.sources.comparison import different
from nbprop.views.runs import Runs


def trainer(data="moons", activation="tanh", **settings):
    data = getattr(nb.data, data)(seed=0) if isinstance(data, str) else data
    model = nb.nn.mlp([data.inputs, 6, data.outputs], activation=activation, seed=0)
    return nb.Trainer(model, data, seed=0, **{"optimizer": "sgd", "lr": 0.05, **settings})


@pytest.fixture
def three():
    made = Comparison(*(different(trainer(), {"batch_size": size}) for size in (8, 32, 100)))
    return made.fit(60)


def test_curves_are_those_of_the_runs_over_the_steps(three):
    frame = Runs(three).frame()
    for i, run in enumerate(three.trainers):
        for half, series in (("train", "loss"), ("validation", "val_loss")):
            np.testing.assert_allclose(frame[f"{half}_{i}"], run.history.series(series), rtol=1e-6)
        np.testing.assert_allclose(frame["ends"][i], [60, run.history["val_loss"][-1]], rtol=1e-6)
    assert frame["span"].tolist() == [0, 60] and all(array.dtype == np.float32 for array in frame.values())
    low, high, bottom, top = frame["range"]
    everything = np.concatenate([run.history[name] for run in three.trainers for name in ("loss", "val_loss")])
    assert low == 0 and high == np.float32(everything.max())
    assert bottom < everything.min() and everything.max() < top


@pytest.mark.parametrize("axis", ["samples", "seconds", "evaluations"])
def test_other_axes_are_what_each_run_has_used_up(three, axis):
    frame = Runs(three, axis=axis).frame()
    for i, run in enumerate(three.trainers):
        known, spent = three.spent(i, axis)
        steps, _ = run.history.series("val_loss")
        np.testing.assert_allclose(frame[f"validation_{i}"][0], spent[np.searchsorted(known, steps)], rtol=1e-6)
    if axis == "samples":  # an epoch of 300 has 38, 10 and 3 batches, the last one smaller
        assert frame["ends"][:, 0].tolist() == [37 * 8 + 4 + 22 * 8, 6 * 300, 20 * 300]
    assert Runs(three, axis=axis).labels()["axis"].startswith({"evaluations": "eval"}.get(axis, axis))


def test_on_another_axis_a_run_begins_where_the_comparison_began():
    run = trainer()
    run.fit(steps=40)
    made = Comparison(*(different(run, {"lr": lr}) for lr in (0.01, 0.1))).fit(20)
    frame = Runs(made, axis="evaluations").frame()
    assert frame["train_0"].shape == (2, 21) and frame["train_0"][0].tolist() == list(range(21))
    assert Runs(made).frame()["train_0"].shape == (2, 60)


def test_the_difference_is_that_to_the_first_run_at_the_same_place(three):
    frame = Runs(three, difference=True).frame()
    first, second, _ = three.trainers
    np.testing.assert_allclose(frame["train_1"][1], second.history["loss"] - first.history["loss"], atol=1e-6)
    np.testing.assert_allclose(
        frame["validation_1"][1], second.history["val_loss"] - first.history["val_loss"], atol=1e-6
    )
    assert frame["train_0"].shape == (2, 0) and np.isnan(frame["ends"][0]).all()
    low, high = frame["range"][:2]
    assert low < 0 < high or low == 0 or high == 0
    by_samples = Runs(three, difference=True, axis="samples").frame()["validation_1"]
    places, values = (three.spent(0, "samples")[1][::20], first.history["val_loss"])
    other = np.interp(places, three.spent(1, "samples")[1][::20], second.history["val_loss"])
    np.testing.assert_allclose(by_samples, [places, other - values], atol=1e-5)


def test_accuracy_and_what_has_none(three):
    frame = Runs(three, of="accuracy").frame()
    np.testing.assert_allclose(frame["validation_2"][1], three.trainers[2].history["val_accuracy"], rtol=1e-6)
    assert frame["range"][:2].tolist() == [0, 1]
    waves = nb.data.from_arrays(np.linspace(-1, 1, 80)[:, None], np.sin(3 * np.linspace(-1, 1, 80)), seed=0)
    lines = Comparison(trainer(waves), trainer(waves, lr=0.01)).fit(5)
    view = Runs(lines, of="accuracy")
    assert view.describe() == "Runs: these runs have no accuracy, for they do not classify: choose of='loss'."
    assert view.frame() == {} and Runs(lines).frame()


def test_words_say_who_is_where(three):
    values = [run.history["val_loss"][-1] for run in three.trainers]
    said = [f"batch size {size} {nb.views.base.view.number(v)}" for size, v in zip((8, 32, 100), values, strict=True)]
    assert Runs(three).describe() == f"Validation loss after 60 steps: {', '.join(said)}."
    less = values[1] - values[0]
    words = f"{nb.views.base.view.number(abs(less))} {'above' if less > 0 else 'below'} batch size 8"
    assert words in Runs(three, difference=True).describe()
    assert Runs(three, difference=True, axis="samples").describe().startswith(
        "Validation loss at as many samples seen: "
    )  # fmt: skip
    assert Runs(Comparison(trainer(), trainer())).describe().startswith("Validation loss after 0 steps: run 1 0.")


def test_one_that_has_stopped_is_said_and_marked(ax):
    made = Comparison(trainer(activation="relu"), trainer(activation="relu", lr=1e30)).fit(40)
    view = Runs(made)
    assert view.labels()["stopped"][0] == "" and view.labels()["stopped"][1].startswith("stopped after step ")
    assert f"lr 1e+30 stopped after step {made.trainers[1].steps}." in view.describe()
    view.plot(ax)
    assert any(line.get_marker() == "x" for line in ax.lines)


def test_what_is_turned_is_flagged_once_for_all_and_named_where_it_was_one():
    made = Comparison(*(different(trainer(), {"lr": lr}) for lr in (0.01, 0.1))).fit(10)
    made.set(batch_size=8)
    made.fit(10)
    made.trainers[1].clip = 1.0
    made.fit(10)
    view = Runs(made)
    assert view.frame()["events"].tolist() == [10, 20]
    assert view.labels()["events"] == ["batch_size 32 → 8", "lr 0.1, clip 1: clip None → 1"]
    view.axis = "evaluations"
    assert view.frame()["events"].tolist() == [10, 20]


def test_the_picture_has_the_numbers(three, ax):
    view = Runs(three)
    frame = view.frame()
    view.plot(ax)
    drawn = {line.get_label(): line.get_ydata() for line in ax.lines}
    for i, size in enumerate((8, 32, 100)):
        np.testing.assert_allclose(drawn[f"batch size {size}"], frame[f"validation_{i}"][1])
    for options in ({"log": True}, {"difference": True}, {"of": "accuracy"}, {"axis": "seconds"}):
        plt.figure()
        assert Runs(three, **options).plot().get_xlabel() == Runs(three, **options).labels()["axis"]
    plt.close("all")


def test_a_long_run_is_thinned():
    made = Comparison(trainer(), trainer(lr=0.1)).fit(1500)
    frame = Runs(made).frame()
    assert frame["train_0"].shape[1] <= 160 and frame["train_0"][0, -1] == 1500
    assert sum(array.nbytes for array in frame.values()) < 10_000


def test_marks_explain_what_is_drawn(three):
    for options in ({}, {"axis": "seconds"}, {"difference": True}, {"of": "accuracy"}):
        marks = Runs(three, **options).marks()
        assert all(marks.values()) and ("zero" in marks) == bool(options.get("difference"))
    assert "batch size 8" in Runs(three, difference=True).marks()["zero"]
