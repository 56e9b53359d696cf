"""Histograms: whose numbers, which range, and what is all the same, empty or not finite."""

import numpy as np
import pytest

from nbprop.views.histograms import BINS, KINDS, Histograms, constant


def three(kind, bins):
    """A spread layer, one of zeros only, one of which nothing was counted: as a trainer counts them."""
    counts = np.zeros((3, bins))
    counts[0] = np.arange(bins)
    counts[1, bins // 2] = 64
    return counts, np.array([-0.5, -1e-6, -1e-6]), np.array([0.48, 1e-6, 1e-6])


@pytest.mark.parametrize("kind", KINDS)
def test_the_numbers_are_those_of_the_source(spirals, kind):
    view = Histograms(spirals, kind=kind)
    frame = view.frame()
    counts, low, high = spirals.histograms(kind, BINS)
    np.testing.assert_array_equal(frame["counts"], counts)
    np.testing.assert_array_equal([frame["low"], frame["high"]], [low, high])
    assert frame["counts"].shape == (3, BINS) and {array.dtype for array in frame.values()} == {np.dtype(np.float32)}
    labels = view.labels()
    assert labels["layers"] == ["hidden 1", "hidden 2", "output"] and labels["kind"] == kind


def test_each_frame_has_arrays_of_its_own(fake):
    buffer = np.ones((3, BINS), np.float32)
    view = Histograms(fake(histograms=lambda kind, bins: (buffer, buffer[:, 0], buffer[:, 1])))
    first = view.frame()["counts"]
    buffer += 1
    assert view.frame()["counts"] is not first and (first == 1).all()


def test_weights_are_counted_completely(spirals):
    sizes = Histograms(spirals).frame()["counts"].sum(axis=1)
    assert sizes.tolist() == [2 * 8, 8 * 8, 8 * 1]


def test_values_that_are_all_the_same():
    bar = np.zeros(40)
    bar[20] = 5
    assert constant(bar, -1e-6, 1e-6) == 0
    assert constant(bar, 0.25, 0.75) == 0.5
    assert constant(bar, 2, 2) == 2
    assert constant(np.ones(40), 0, 1) is None
    assert constant(np.roll(bar, 3), 0, 1) is None


def test_words(fake):
    view = Histograms(fake(histograms=three), kind="gradients")
    assert view.describe() == "Gradients: hidden 1 -0.5 to 0.48, hidden 2 all 0, output not measured."


def ill(kind):
    return np.array([[3, 0], [0, 0], [1, 2000]])


def test_words_of_what_is_not_finite(fake):
    view = Histograms(fake(histograms=three, not_finite=ill))
    assert view.frame()["bad"].tolist() == [[3, 0], [0, 0], [1, 2000]]
    assert view.describe() == "Weights are not finite: hidden 1 3 NaN, output 1 NaN, 2,000 infinite."


def test_the_plot_says_what_is_not_finite(fake, ax):
    Histograms(fake(histograms=three, not_finite=ill)).plot(ax)
    words = [[text.get_text() for text in cell.texts] for cell in ax.child_axes]
    assert words == [["3 NaN"], [], ["1 NaN, 2,000 infinite"]]


def test_words_of_many_layers_name_the_widest_and_the_narrowest(fake):
    def many(kind, bins):
        width = np.array([3.0, 1.0, 2.0, 9.0, 5.0])
        return np.ones((5, bins)), -width, width

    view = Histograms(fake(histograms=many, activations=("tanh",) * 4 + ("identity",)))
    assert view.describe() == "Weights in 5 layers: widest hidden 4 -9 to 9, narrowest hidden 2 -1 to 1."


def test_words_when_there_is_nothing_to_count(fake):
    view = Histograms(fake(histograms=lambda kind, bins: (np.zeros((3, bins)), np.zeros(3), np.zeros(3))))
    assert view.describe() == "No weights to show, not measured yet: make a step."


@pytest.mark.parametrize("log", [False, True])
def test_the_plot_shows_the_numbers(fake, ax, log):
    Histograms(fake(histograms=three), log=log).plot(ax)
    spread, same, broken = ax.child_axes
    heights = spread.patches[0].get_data().values
    np.testing.assert_allclose(heights, np.log1p(np.arange(BINS)) if log else np.arange(BINS), rtol=1e-6)
    assert [label.get_text() for label in spread.get_xticklabels()] == ["-0.5", "0.48"]
    assert [label.get_text() for label in same.get_xticklabels()] == ["all 0"]
    assert [text.get_text() for text in broken.texts] == ["not measured"]


def test_forty_layers_fit_into_one_plot(fake, ax):
    source = fake(
        histograms=lambda kind, bins: (np.ones((40, bins)), -np.ones(40), np.ones(40)),
        activations=("tanh",) * 39 + ("identity",),
    )
    Histograms(source).plot(ax)
    assert len(ax.child_axes) == 40
    boxes = np.array([cell.get_position().extents for cell in ax.child_axes])
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    outer = ax.get_position().extents
    assert (boxes[:, :2] >= outer[:2] - 1e-9).all() and (boxes[:, 2:] <= outer[2:] + 1e-9).all()
