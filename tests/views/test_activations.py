"""Activations: whose z, the engine's own curves, and where they are flat."""

import numpy as np
import pytest

import nbprop as nb
from nbprop.record import histograms
from nbprop.record.layers import Tap
from nbprop.views.activations import BINS, Activations, heights


def found(z, activation):
    """What a source says of one layer with these inputs."""
    tap = Tap(np.asarray(z, np.float32), None, None, nb.nn.activation(activation))
    return histograms.slopes([tap], BINS)


@pytest.fixture
def source(fake):
    """Makes a source with layers (z, activation); the output layer has none."""

    def make(*layers):
        fakes = fake(activations=(*(activation for _, activation in layers), "identity"))
        taps = [Tap(np.asarray(z, np.float32), None, None, nb.nn.activation(f)) for z, f in layers]
        fakes.slopes = lambda bins: histograms.slopes(taps, bins)
        return fakes

    return make


@pytest.mark.parametrize("name", [name for name in nb.nn.ACTIVATIONS if name != "identity"])
def test_the_curves_are_those_of_the_engine_and_the_flat_that_of_differences(name):
    z = np.random.default_rng(0).normal(size=4000) * 4
    one = found(z, name)
    f, places = nb.nn.activation(name), np.linspace(float(one["low"][0]), float(one["high"][0]), one["value"].shape[1])
    np.testing.assert_allclose(one["value"][0], f(nb.Tensor(places)).data, atol=1e-5)

    def slope(z, eps=1e-6):
        return (f(nb.Tensor(z + eps)).data - f(nb.Tensor(z - eps)).data) / (2 * eps)

    smooth = np.abs(places) > 1e-3  # not at a kink
    np.testing.assert_allclose(one["slope"][0, smooth], slope(places[smooth]), atol=1e-4)
    limit = 0.06 * slope(np.zeros(1))[0] if f.two_sided else 0.0099
    assert one["flat"][0] == pytest.approx((np.abs(slope(z)) < limit).mean(), abs=2e-3)


def test_all_finite_z_are_counted_over_a_round_range():
    one = found([-7.2, -0.1, 0.2, 3.3, np.nan, np.inf], "tanh")
    assert (one["low"], one["high"]) == (-8, 4)
    assert one["counts"].sum() == 4 and one["flat"] == 0.5
    assert (found([0.1], "relu")["low"], found([0.1], "relu")["high"]) == (-3, 3)
    assert (found([-1e4, 130], "relu")["low"], found([-1e4, 130], "relu")["high"]) == (-1e4, 150)


def test_of_very_many_values_a_part_is_taken():
    z = np.random.default_rng(0).normal(size=(500, 200)) * 3
    one = found(z, "tanh")
    assert 10_000 < one["counts"].sum() <= histograms.SAMPLE < z.size
    assert one["flat"][0] == pytest.approx((1 - np.tanh(z) ** 2 < 0.06).mean(), abs=0.01)
    assert found(np.zeros((0, 3)), "tanh")["counts"].sum() == 0


def test_a_layer_without_a_finite_value():
    one = found([np.nan, np.inf], "tanh")
    assert one["counts"].sum() == 0 and np.isnan(one["flat"]) and one["low"] == -3


def test_the_leak_is_not_flat():
    z = np.linspace(-3, 3, 100)
    assert found(z, "relu")["flat"] == 0.5
    assert found(z, "leaky_relu")["flat"] == 0


def test_the_numbers_are_those_of_the_run(spirals):
    view = Activations(spirals)
    frame, z = view.frame(), spirals._run.taps[1].z
    assert frame["counts"].shape == (2, BINS) and frame["counts"][1].sum() == z.size
    assert frame["flat"][1] == pytest.approx((1 - np.tanh(z) ** 2 < 0.06).mean(), abs=1e-6)
    labels = view.labels()
    assert labels["layers"] == ["hidden 1", "hidden 2"] and labels["activations"] == ["tanh", "tanh"]
    assert labels["alarm"] == 0.9 and set(labels["marks"]) == {"f", "slope", "flat", "z", "chosen"}
    assert {array.dtype for array in frame.values()} == {np.dtype(np.float32)}


def test_the_part_of_a_bar_whose_slope_is_near_zero(source):
    frame = Activations(source((np.linspace(-3, 3, 200), "relu"))).frame()
    half = BINS // 2
    np.testing.assert_array_equal(frame["flat_counts"][0, :half], frame["counts"][0, :half])
    assert not frame["flat_counts"][0, half:].any()
    wide = Activations(source(([-100, *np.linspace(0, 5, 10), 100], "tanh"))).frame()  # one bin with both kinds
    assert (wide["counts"].max(), wide["flat_counts"].max(), wide["flat_counts"].sum()) == (8, 4, 8)


def test_the_curves_are_sent_again_only_when_something_about_them_changes(fake):
    source = fake(activations=("tanh", "identity"))
    view = Activations(source)
    source.slopes = lambda bins: found([0.5, 1.0], "tanh")
    first = view.frame()
    source.slopes = lambda bins: found([0.1, 2.0], "tanh")
    second = view.frame()
    assert all(first[name] is second[name] for name in ("value", "slope"))
    assert first["counts"] is not second["counts"]
    source.slopes = lambda bins: found([0.1, 3.5], "tanh")
    third = view.frame()
    assert third["slope"] is not second["slope"] and third["slope"][0, -1] < second["slope"][0, -1]


def test_words(source):
    view = Activations(source((np.linspace(-3, 3, 100), "relu"), (np.zeros(9), "tanh")))
    assert view.describe() == "Share of z where the slope is near 0: hidden 1 (relu) 50 %, hidden 2 (tanh) 0 %."
    many = Activations(source(*[(np.arange(-k, 10 - k) + 0.5, "relu") for k in (3, 2, 9, 5, 4)]))
    assert many.describe() == (
        "Share of z where the slope is near 0, in 5 layers: "
        "most in hidden 3 (relu) 90 %, least in hidden 2 (relu) 20 %."
    )
    assert Activations(source()).describe().startswith("No layer has an activation")
    assert Activations(source(([np.nan], "tanh"))).describe() == "No value of z is finite."


def test_the_plot_shows_the_numbers(source, ax):
    view = Activations(source((np.linspace(-5, 5, 400), "tanh"), ([np.nan], "relu")))
    view.plot(ax)
    first, second = ax.child_axes
    value, slope = (line.get_ydata() for line in first.lines)
    frame = view.frame()
    np.testing.assert_allclose(value, heights(frame["value"][0]))
    np.testing.assert_allclose(slope, frame["slope"][0], atol=1e-6)
    most = frame["counts"][0].max()
    for patch, name in zip(first.patches, ("counts", "flat_counts"), strict=True):
        np.testing.assert_allclose(patch.get_data().values * most, frame[name][0], rtol=1e-5)
    assert first.get_title("right") == f"{100 * frame['flat'][0]:.0f} % flat"
    assert [text.get_text() for text in second.texts] == ["no finite value"]


def test_before_the_first_step(ax):
    trainer = nb.Trainer(nb.nn.mlp([2, 4, 1]), "xor")
    view = Activations(trainer)
    view.plot(ax)
    assert [text.get_text() for text in ax.texts] == ["no step yet: play, or make a step"]
    assert view.frame()["counts"].shape == (0, BINS)
    assert view.describe() == "No values of z to show, no step yet: play, or make a step."


def test_heights():
    np.testing.assert_allclose(heights(np.array([0, 0.25])), [0, 0.25])  # the sigmoid's slope looks as small as it is
    np.testing.assert_allclose(heights(np.array([-1, 1])), [0, 1])
    np.testing.assert_allclose(heights(np.array([0, 3])), [0, 1])
