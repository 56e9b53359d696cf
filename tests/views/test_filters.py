"""Filters and feature maps: those of the network, of the picture that was asked for."""

import numpy as np
import pytest

import nbprop as nb
from nbprop.views.filters import Filters, largest, spread


@pytest.fixture(scope="module")
def trainer():
    nn = nb.nn
    layers = [nn.Conv2d(1, 5, (3, 2), rng=0), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(45, 10, rng=1)]
    t = nb.Trainer(nn.Sequential(*layers), nb.data.digits(image=True), lr=0.01)
    t.fit(steps=20, bar=False)
    return t


def test_the_numbers_are_those_of_the_network(trainer):
    view = Filters(trainer, sample=7)
    frame, X = view.frame(), trainer.data.X_val[7:8]
    np.testing.assert_array_equal(frame["filters"], trainer.model[0].weight.data[:, 0])
    np.testing.assert_array_equal(frame["maps"], trainer.model[:2](X).data[0])
    np.testing.assert_array_equal(frame["picture"], X[0, 0])
    assert {array.dtype for array in frame.values()} == {np.dtype(np.float32)}
    assert view.labels() == {"layer": "hidden 1", "picture": str(trainer.data.y_val[7]), "marks": view.marks()}
    view.sample = 8
    np.testing.assert_array_equal(view.frame()["picture"], trainer.data.X_val[8, 0])


def test_they_follow_the_training(trainer):
    branch = trainer.branch()
    view = Filters(branch)
    before = view.frame()
    branch.step()
    after = view.frame()
    assert not np.array_equal(before["filters"], after["filters"]) and not np.array_equal(before["maps"], after["maps"])


def test_input_channels_lie_beside_each_other():
    X = np.random.default_rng(0).uniform(size=(20, 3, 5, 5))
    model = nb.nn.Sequential(nb.nn.Conv2d(3, 2, 2, rng=0), nb.nn.Flatten(), nb.nn.Linear(32, 1, rng=0))
    view = Filters(nb.Trainer(model, (X, X.mean(axis=(1, 2, 3)))))
    frame = view.frame()
    assert frame["filters"].shape == (2, 2, 6) and frame["maps"].shape == (2, 4, 4)
    np.testing.assert_array_equal(frame["filters"][1, :, 2:4], model[0].weight.data[1, 1])
    assert view.labels()["picture"] == ""


def test_words(trainer):
    view = Filters(trainer)
    maps = np.abs(view.frame()["maps"]).mean(axis=(1, 2))
    words = view.describe()
    assert words.startswith("5 filters of 3 × 2 pixels, weights from -")
    assert f"filter {maps.argmax() + 1} answers most, filter {maps.argmin() + 1} least." in words
    assert f"On the picture of a {trainer.data.y_val[0]} " in words


def test_words_of_what_is_not_finite(trainer):
    branch = trainer.branch()
    branch.model[0].weight.data[0] = np.nan
    assert Filters(branch).describe() == "Not all weights and feature maps are finite."


def test_the_plot_shows_the_numbers(trainer, ax):
    view = Filters(trainer, sample=3)
    view.plot(ax)
    frame = view.frame()
    drawn = [cell.images[0].get_array() for cell in ax.child_axes]
    np.testing.assert_array_equal(drawn[0], frame["picture"])
    np.testing.assert_array_equal(drawn[1::2], frame["filters"])
    np.testing.assert_array_equal(drawn[2::2], frame["maps"])


def test_of_a_network_without_convolution_there_are_words():
    view = nb.views.Filters(nb.Trainer(nb.nn.mlp([2, 4, 1]), "moons"))
    assert "expected a network with a Conv2d layer, got Linear; try" in view.describe() and view.frame() == {}


def test_scales():
    assert largest(np.float32([[-3, np.nan], [2, np.inf]])) == 3 and largest(np.zeros(2, np.float32)) == 1
    assert spread(np.float32([1, 1])) == (0.5, 1.5) and spread(np.float32([0, 2])) == (0, 2)
