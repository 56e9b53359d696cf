"""Gradient flow: maps, layers that come and go, ranges, alarms, words."""

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.colors import to_rgba

import nbprop as nb
from nbprop.views.base import colors
from nbprop.views.gradients import ABSENT, RECENT, WHOLE, GradientFlow


def columns(values, name="dz", every=1):
    """A series with a record at each row of `values` (n, layers)."""
    return {name: (every * np.arange(1, len(values) + 1), values)}


def ramp(n, layers=3):
    return np.float32(10.0 ** -np.arange(layers)) * np.linspace(1, 2, n, dtype=np.float32)[:, None]


def test_a_short_run_is_one_map_of_every_record(fake):
    values = ramp(WHOLE + RECENT)
    frame = GradientFlow(fake(columns(values, every=10))).frame()
    np.testing.assert_array_equal(frame["map"], values.T)
    assert frame["map_steps"][[0, -1]].tolist() == [10, 1600]
    assert frame["recent"].shape == (3, 0)


def test_a_long_run_is_a_thinned_map_and_the_newest_records(fake):
    values = ramp(4000)
    frame = GradientFlow(fake(columns(values))).frame()
    np.testing.assert_array_equal(frame["recent"], values[-RECENT:].T)
    assert WHOLE / 2 <= frame["map"].shape[1] <= WHOLE and frame["map_steps"][-1] == 4000
    ends = frame["map_steps"].astype(int)
    np.testing.assert_allclose(frame["map"][:, 5], values[ends[4] : ends[5]].mean(axis=0), rtol=1e-5)
    assert {array.dtype for array in frame.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize(("quantity", "series"), [("a", "a_std"), ("dz", "dz"), ("dW", "dW"), ("ratio", "ratio")])
def test_each_quantity_is_its_own_series(fake, quantity, series):
    names = ("a_std", "dz", "dW", "ratio")
    source = fake(
        {name: ([1], [[k + 1, k + 1, k + 1]]) for k, name in enumerate(names)},
        now={name: [k + 10] * 3 for k, name in enumerate(names)} | {"saturated": [0.1, 0.2, 0]},
    )
    view = GradientFlow(source, quantity=quantity)
    frame, k = view.frame(), names.index(series)
    assert frame["map"].tolist() == [[k + 1]] * 3 and frame["now"].tolist() == [k + 10] * 3
    np.testing.assert_array_equal(frame["saturated"], np.float32([0.1, 0.2, 0]))
    assert view.labels()["quantity"] == quantity and view.labels()["saturated"] == ["saturated", "saturated", ""]


def test_a_layer_that_was_not_there_is_not_taken_for_nan(fake):
    values = np.full((300, 4), np.nan, np.float32)
    values[:200, :2] = [1, 9]  # hidden 1 and output; then two hidden layers are put in
    values[200:] = [2, 3, 4, 10]
    source = fake(columns(values), events=((200, "depth", ""),), activations=("relu",) * 3 + ("identity",))
    frame = GradientFlow(source).frame()
    old = frame["map_steps"] <= 200
    assert old.any() and (~old).any() and frame["map_steps"][old][-1] == 200
    assert (frame["map"][:, old] == [[1], [ABSENT], [ABSENT], [9]]).all()
    assert (frame["map"][:, ~old] == [[2], [3], [4], [10]]).all()
    assert (frame["recent"] == [[2], [3], [4], [10]]).all()


def test_layers_that_are_gone_are_left_out_and_the_last_stays_the_last(fake):
    values = np.full((20, 4), np.nan, np.float32)
    values[:10] = [1, 2, 3, 9]
    values[10:, :2] = [5, 7]
    source = fake(columns(values), events=((10, "hidden", ""),), activations=("relu", "identity"))
    frame = GradientFlow(source).frame()
    np.testing.assert_array_equal(frame["map"][:, [0, 9, 10]], [[1, 1, 5], [9, 9, 7]])


def test_right_after_a_change_of_depth_there_is_no_record_of_the_new_network(fake):
    values = ramp(200, layers=2)
    source = fake(columns(values), events=((200, "depth", ""),), activations=("relu",) * 4 + ("identity",))
    frame = GradientFlow(source).frame()
    assert (frame["map"][[1, 2, 3]] == ABSENT).all() and (frame["recent"][[0, 4]] > 0).all()


def test_nan_and_infinity_since_the_last_change_stay(fake):
    values = ramp(300)
    values[-1] = np.nan
    values[-20, 1] = np.inf
    frame = GradientFlow(fake(columns(values))).frame()
    assert np.isnan(frame["recent"][:, -1]).all() and np.isnan(frame["map"][:, -1]).all()
    assert np.isinf(frame["recent"][1, -20])


def test_the_range_is_that_of_the_newest_records_in_half_decades(fake):
    values = ramp(1000) * 1e3
    values[:500] *= 1e20
    values[-3, 0] = 0
    low, high, bottom, top = GradientFlow(fake(columns(values), now={"dz": [np.inf, np.nan, 20]})).frame()["range"]
    assert low == 0 and high == pytest.approx(2000, rel=0.01)
    np.testing.assert_allclose(np.log10([bottom, top]), [1, 3.5], atol=1e-5)


def test_the_range_of_the_update_ratio_shows_where_it_ought_to_be(fake):
    _, _, bottom, top = GradientFlow(fake(columns(ramp(5) * 1e-8, "ratio")), quantity="ratio").frame()["range"]
    assert bottom <= 1e-8 * 0.02 and top >= 0.0099


def test_nothing_recorded_yet(fake, ax):
    view = GradientFlow(fake(steps=0))
    frame = view.frame()
    assert (frame["now"] == ABSENT).all() and frame["map"].shape == (3, 0)
    assert view.describe() == "No step has been taken yet."
    view.plot(ax)
    assert [text.get_text() for text in ax.texts] == ["no step yet: play, or make a step"]


@pytest.mark.parametrize(
    ("quantity", "now", "words"),
    [
        ("dz", [1e-5, 1e-3, 0.32], "dL/dz falls by a factor 32,000 from output to hidden 1: vanishing."),
        ("dz", [1, 3, 26157], "dL/dz falls by a factor 26,000 from output to hidden 1: vanishing."),
        ("dz", [1e4, 3, 0.1], "dL/dz grows by a factor 100,000 from output to hidden 1: exploding."),
        ("dW", [0.1, 0.11, 0.12], "dL/dW is steady from output to hidden 1 (between 0.1 and 0.12)."),
        ("dz", [0, 0.1, 0.2], "dL/dz is exactly 0 in hidden 1."),
        ("dz", [1, np.inf, np.nan], "dL/dz is inf in hidden 2, NaN in output: the run has diverged."),
        ("a", [0.6, 0.1, 5], "std of a falls by a factor 6 from hidden 1 to hidden 2."),
        ("ratio", [1e-3, 2e-3, 3e-3], "|ΔW| / |W| is between 0.001 and 0.003 (around 1e-3 is healthy): about right."),
        ("ratio", [1e-7, 2e-3, 3e-3], "|ΔW| / |W| is between 1e-7 and 0.003 (around 1e-3 is healthy): too small."),
        ("ratio", [1e-3, 2e-3, 0.3], "|ΔW| / |W| is between 0.001 and 0.3 (around 1e-3 is healthy): too large."),
    ],
)
def test_words(fake, quantity, now, words):
    series = "a_std" if quantity == "a" else quantity
    source = fake(now={series: now, "saturated": [0.05, 0.1, 0]})
    assert GradientFlow(source, quantity=quantity).describe() == words


def test_words_name_the_layer_that_is_silent(fake):
    words = GradientFlow(fake(now={"dz": [1, 1, 1], "saturated": [0.62, 0.1, 0]})).describe()
    assert words.endswith(" 62 % of hidden 1 is saturated.")
    source = fake(now={"dz": [1, 0, 1], "saturated": [0.1, 1, 0]}, activations=("relu", "relu", "identity"))
    assert GradientFlow(source).describe() == "dL/dz is exactly 0 in hidden 2. 100 % of hidden 2 is dead."


def test_words_of_a_network_with_one_layer(fake):
    assert GradientFlow(fake(now={"dz": [0.25]}, activations=("identity",))).describe() == "dL/dz is 0.25 in output."


@pytest.mark.parametrize("log", [True, False])
def test_the_plot_shows_the_numbers_and_what_is_wrong(fake, ax, log):
    now = [0, 1e-4, np.nan, np.inf, 1e-2]
    values = np.tile(np.float32([1e-5, 1e-4, 1e-3, 1e-3, 1e-2]), (400, 1))
    values[-1, 2] = np.nan
    source = fake(
        columns(values), now={"dz": now, "saturated": [0.6, 0, 0, 0, 0]}, activations=("tanh",) * 4 + ("identity",)
    )
    GradientFlow(source, log=log).plot(ax)
    profile, whole, recent, bar = ax.child_axes
    texts = [text.get_text() for text in profile.texts]
    assert texts == (["0"] if log else []) + ["NaN", "inf", "60 %"]
    assert profile.get_xscale() == ("log" if log else "linear")
    names = [label.get_text() for label in profile.get_yticklabels()]
    assert names == ["hidden 1", "hidden 2", "hidden 3", "hidden 4", "output"]
    image = recent.collections[0].get_array()
    assert image.shape == (5, RECENT, 4)
    np.testing.assert_allclose(image[2, -1], to_rgba(colors.WARNING))
    assert (image[4, 0, :3] != image[0, 0, :3]).any()
    assert len(whole.collections) == 1 and bar.get_ylabel() == ""


def test_of_a_real_run_that_is_made_deeper(train):
    trainer = train(nb.data.moons(samples=120), hidden=(8,), steps=60)
    trainer.set(depth=3)
    trainer.fit(steps=60)
    view = GradientFlow(trainer)
    frame = view.frame()
    names = view.labels()["layers"]
    assert names == ["hidden 1", "hidden 2", "hidden 3", "output"] and view.labels()["units"] == [8, 8, 8, 1]
    old = frame["map_steps"] <= 60
    assert (
        (frame["map"][1:3, old] == ABSENT).all()
        and (frame["map"][[0, 3]] > 0).all()
        and (frame["map"][:, ~old] > 0).all()
    )
    np.testing.assert_array_equal(frame["now"], trainer.probe()["dz"])


def test_a_layer_that_is_put_in_or_taken_out_moves_no_other(train):
    trainer = train(nb.data.moons(samples=120), hidden=(8, 6), steps=60)
    before = trainer.history.series("dz")[1].copy()
    trainer.insert(1)
    trainer.fit(steps=40)
    frame = GradientFlow(trainer).frame()
    old = frame["map_steps"] <= 60
    np.testing.assert_array_equal(frame["map"][:, old].T[:, [0, 2, 3]], before)
    assert (frame["map"][1, old] == ABSENT).all() and (frame["map"][:, ~old] > 0).all()
    trainer.remove("hidden 1")
    trainer.fit(steps=20)
    frame, four = GradientFlow(trainer).frame(), trainer.history.series("dz")
    then = (four[0] > 60) & (four[0] <= 100)
    np.testing.assert_array_equal(frame["map"][:, np.isin(frame["map_steps"], four[0][then])].T, four[1][then][:, 1:])


@pytest.mark.parametrize("quantity", ["dz", "dW", "a"])
def test_a_frozen_layer_is_not_taken_for_nan(train, quantity, ax):
    trainer = train(nb.data.moons(samples=120), hidden=(8, 6), steps=60)
    trainer.freeze("hidden 1")
    trainer.fit(steps=40)
    view = GradientFlow(trainer, quantity=quantity)
    frame = view.frame()
    assert not np.isnan(frame["map"]).any() and not np.isnan(frame["now"]).any()
    frozen = frame["map_steps"] > 60
    assert (frame["map"][0, frozen] == ABSENT).all() == (frame["now"][0] == ABSENT) == (quantity == "dz")
    assert (frame["map"][:, ~frozen] > 0).all() and (frame["range"] > -1).all()
    view.plot(ax)
    said = [text.get_text() for part in ax.child_axes for text in part.texts]
    assert said.count("not measured") == (quantity == "dz") and "NaN" not in said


def test_of_a_network_whose_gradient_vanishes(train):
    data = nb.data.circles(samples=120)
    view = GradientFlow(train(data, hidden=(8,) * 8, activation="sigmoid", steps=20), quantity="dz")
    now = view.frame()["now"]
    assert now[0] < now[-1] / 1e4 and view.describe().endswith("from output to hidden 1: vanishing.")


def test_the_plot_of_many_layers_has_no_words_on_each_other_and_begins_at_step_0(fake, ax):
    layers = 31
    source = fake(
        columns(np.ones((200, layers), np.float32)),
        now={"dz": np.ones(layers), "saturated": np.full(layers, 0.3)},
        activations=("tanh",) * (layers - 1) + ("identity",),
    )
    GradientFlow(source).plot(ax)
    profile, whole = ax.child_axes[:2]
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in profile.texts]
    assert len(boxes) > 10 and all(a.y0 >= b.y1 - 1 for a, b in pairwise(boxes))
    assert whole.get_xticklabels()[0].get_text() == "0"


def test_a_source_that_measures_little_is_shown_and_described(fake, ax):
    source = fake(columns(ramp(5)))
    source.probe = lambda: {"dz": np.float32([1, 2, 3])}
    assert GradientFlow(source).describe() == "dL/dz falls by a factor 3 from output to hidden 1."
    assert GradientFlow(source, quantity="ratio").describe() == "|ΔW| / |W| has not been measured yet: make a step."
    source.probe = lambda: {"dW": np.float32([1, 2, 3])}
    assert GradientFlow(source, quantity="ratio").describe() == "|ΔW| / |W| has not been measured in this step."
    for quantity in ("dz", "ratio"):
        ax.clear()
        GradientFlow(source, quantity=quantity).plot(ax)
