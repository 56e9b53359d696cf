"""Pictures, sequences and tokens: trained, evaluated, seen into, gone back to, and refused in words where they do not
fit the model."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

import nbprop as nb
from nbprop.views.base.columns import of_one
from nbprop.views.boundary import Boundary
from nbprop.views.gradients import GradientFlow
from nbprop.views.histograms import Histograms

nn = nb.nn


class Net(nn.Module):
    """A model of parts, and a function that says how they follow each other."""

    def __init__(self, run, **parts):
        self._run = run
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x):
        return self._run(self, x)


def pictures():
    """The brighter half, left or right, or neither."""
    X = np.random.default_rng(0).uniform(0, 1, (120, 1, 6, 6))
    y = np.arange(120) % 3
    X[y == 0, :, :, :3] += 1
    X[y == 1, :, :, 3:] += 1
    return nb.data.from_arrays(X, y, name="halves")


def sequences(each=False):
    """Is the sum of the first numbers of a sequence so far (of them all) positive?"""
    X = np.random.default_rng(0).normal(size=(160, 7, 2))
    y = X[:, :, 0].cumsum(axis=1) > 0
    return nb.data.from_arrays(X, y if each else y[:, -1], name="sums")


def tokens():
    """The next letter of abcabc..."""
    text = (np.arange(8) + np.random.default_rng(0).integers(3, size=(90, 1))) % 3
    return nb.data.from_arrays(text[:, :-1], text[:, 1:], vocabulary="abcd", classes=tuple("abcd"), name="letters")


def lenet():
    layers = [nn.Conv2d(1, 3, 3, rng=0), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(3, 4, 2, rng=1), nn.BatchNorm2d(4)]
    return nn.Sequential(*layers, nn.Tanh(), nn.Flatten(), nn.Linear(4, 3, rng=2))


def waves():
    """Is the sum of the first channel positive?"""
    X = np.random.default_rng(0).normal(size=(160, 2, 20))
    return nb.data.from_arrays(X, X[:, 0].sum(axis=1) > 0, name="waves")


def convolution_of_sequences():
    layers = [nn.Conv1d(2, 6, 3, padding="same", rng=0), nn.GroupNorm(2, 6), nn.ReLU6(), nn.MaxPool1d(2)]
    layers += [nn.Conv1d(6, 4, 3, groups=2, rng=1), nn.BatchNorm1d(4), nn.PReLU(4), nn.AvgPool1d(2), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(16, 1, rng=2))


def elman():
    return Net(lambda m, x: m.out(m.rnn(x)[0]), rnn=nn.RNN(2, 8, batch_first=True, rng=0), out=nn.Linear(8, 1, rng=1))


def last_state():
    return Net(
        lambda m, x: m.out(m.rnn(x)[1][0][-1]), rnn=nn.LSTM(2, 8, batch_first=True, rng=0), out=nn.Linear(8, 1, rng=1)
    )


def language():
    parts = [nn.Embedding(4, 8, rng=0), nn.LearnedPositions(7, 8, rng=1), nn.TransformerBlock(8, 2, causal=True, rng=2)]
    return nn.Sequential(*parts, nn.LayerNorm(8), nn.Linear(8, 4, rng=3))


CASES = {
    "pictures": (pictures, lenet, ["Conv2d", "Conv2d", "Linear"]),
    "sequences, channels first": (waves, convolution_of_sequences, ["Conv1d", "Conv1d", "Linear"]),
    "a target per step": (lambda: sequences(True), elman, ["RNN", "Linear"]),
    "the last state": (sequences, last_state, ["LSTM", "Linear"]),
    "tokens": (tokens, language, ["Embedding", "LearnedPositions", "Linear", "MultiheadAttention", *["Linear"] * 3]),
}


@pytest.mark.parametrize("case", CASES)
def test_they_learn_and_can_be_seen_into(case):
    make, model, kinds = CASES[case]
    data = make()
    t = nb.Trainer(model(), data, lr=0.01, batch_size=16, probe_every=1, snapshot_every=40)
    assert [layer.kind for layer in t.layers] == kinds
    t.watch()
    t.fit(steps=150)
    assert t.history["val_accuracy"][-1] > 0.75
    assert all(np.isfinite(values).all() for values in t.probe().values())
    said = t.predict(data.X_val)
    assert said.shape == (len(data.X_val), *data.output_shape)
    right = (said[..., 0] > 0.5) == data.y_val if data.outputs == 1 else said.argmax(axis=-1) == data.y_val
    assert t.evaluate()["val_accuracy"] == pytest.approx(right.mean())
    for kind in ("weights", "gradients", "activations"):
        counts, low, high = t.histograms(kind)
        assert (counts.sum(axis=1) > 0).all() and (low <= high).all() and not t.not_finite(kind).any()


@pytest.mark.parametrize("case", CASES)
def test_they_can_be_rewound_and_continued(case):
    make, model, _ = CASES[case]
    t = nb.Trainer(model(), make(), lr=0.01, batch_size=16, snapshot_every=10)
    t.fit(steps=33)
    theta = t.theta.copy()
    t.rewind(15)
    t.fit(steps=18)
    np.testing.assert_array_equal(t.theta, theta)
    t.set(batch_size=5, lr=0.02)
    t.branch().fit(steps=3)


@pytest.mark.parametrize("case", CASES)
def test_every_view_shows_them(case):
    make, model, _ = CASES[case]
    data = make()
    t = nb.Trainer(model(), data, batch_size=16, probe_every=1)
    t.watch()
    t.fit(steps=3)
    view = Boundary(t)
    counts = view.frame()["counts"]
    assert counts.sum() == data.y_val.size and counts.shape == (max(len(data.classes), 2),) * 2
    right = counts.trace() / counts.sum()
    assert right == pytest.approx(t.evaluate()["val_accuracy"])
    assert f"of {data.y_val.size} validation points are right" in view.describe()
    for each in (view, GradientFlow(t), Histograms(t, kind="activations")):
        frame = each.frame()
        assert all(np.isfinite(frame[name]).all() for name in ("now", "counts") if name in frame)
        assert each.describe()
        each.plot().figure.canvas.draw()
    plt.close("all")


@pytest.mark.parametrize("case", CASES)
def test_what_every_layer_gives_for_some_samples(case):
    make, model, _ = CASES[case]
    data = make()
    t = nb.Trainer(model(), data, batch_size=16)
    t.fit(steps=3)
    found = t.activations(data.X_val)
    assert len(found) == len(t.layers)
    for layer, a in zip(t.layers, found, strict=True):
        assert a.shape[layer.kind == "LSTM"] == len(data.X_val)  # of which there are both last states
        assert a.shape[1 if a.ndim == 4 else -1] == layer.units
    np.testing.assert_array_equal(found[-1], t._run.output(data.X_val))
    if case == "pictures":
        np.testing.assert_array_equal(found[0], t.model[:2](data.X_val).data)


def test_a_picture_for_a_picture():
    X = np.random.default_rng(0).uniform(0, 1, (60, 1, 4, 4))
    data = nb.data.from_arrays(X, 1 - X, name="negatives")
    assert (data.task, data.output_shape) == ("regression", (1, 4, 4))
    t = nb.Trainer(nn.Conv2d(1, 1, 3, padding=1, rng=0), data, lr=0.05)
    t.fit(steps=200)
    assert t.history["val_loss"][-1] < 0.1 * t.history["val_loss"][0]
    points = Boundary(t).frame()["points"]
    assert points.shape == (15 * 16, 2) and np.abs(points[:, 0] - points[:, 1]).mean() < 0.1


def dense(*sizes):
    return nn.Sequential(nn.Flatten(), nn.mlp(sizes))


PICTURES, SUMS, STEPS, LETTERS = pictures(), sequences(), sequences(True), tokens()


@pytest.mark.parametrize(
    ("model", "data", "says"),
    [
        (lambda: nn.mlp([6, 3]), PICTURES, "gives outputs of shape (1, 6, 3), but 'halves' (multiclass) needs (3,)"),
        (lambda: nn.mlp([6, 3]), PICTURES, "put nb.nn.Flatten() before the last Linear"),
        (lambda: nn.mlp([36, 3]), PICTURES, "expected 36 features (last axis), got 6"),
        (lambda: nn.mlp([36, 3]), PICTURES, "begin with nb.nn.Conv2d(1, ...), or nb.nn.Flatten() and nb.nn.Linear(36"),
        (lambda: dense(36, 4), PICTURES, "gives outputs of shape (4,), but 'halves' (multiclass) needs (3,) for each"),
        (lambda: nn.Conv2d(1, 2, 3), SUMS, "expected x of shape (N, 1, H, W); got (2, 7, 2)"),
        (lambda: nn.Conv2d(1, 2, 3), SUMS, "begin with a recurrent layer, e.g. nb.nn.LSTM(2, 32, batch_first=True)"),
        (lambda: nn.RNN(2, 1, batch_first=True), SUMS, "must give one Tensor, got a tuple: let its forward return"),
        (elman, SUMS, "go on with the last step only, x[:, -1]"),
        (last_state, STEPS, "every time step has a target: let the model give all of them"),
        (lambda: Net(lambda m, x: m.rnn(x)[0], rnn=nn.RNN(2, 1)), STEPS, "depends on the other samples in the batch"),
        (lambda: Net(lambda m, x: m.rnn(x)[0], rnn=nn.RNN(2, 1)), STEPS, "try batch_first=True in recurrent layers"),
        (lambda: nn.Conv2d(1, 4, 3), LETTERS, "begin with nb.nn.Embedding(4, ...)"),
        (lambda: nn.Embedding(3, 4, rng=0), LETTERS, "Embedding takes row numbers from 0 to 2"),
        (lambda: nn.Embedding(2, 3, rng=0), nb.data.moons(), "try .astype(int)"),
        (lambda: Net(lambda m, x: m.f(x).sum(axis=0), f=nn.Linear(2, 1)), nb.data.moons(), "for a batch of 2"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(model, data, says):
    with pytest.raises((ValueError, TypeError, IndexError), match=re.escape(says)):
        nb.Trainer(model(), data)


def test_looking_whether_it_fits_leaves_the_model_as_it_is():
    model = nn.Sequential(nn.Linear(2, 6, rng=0), nn.BatchNorm1d(6), nn.Dropout(0.5), nn.Linear(6, 1, rng=2))
    state, dice = model.state_dict(), [generator.bit_generator.state for generator in model.generators()]
    t = nb.Trainer(model, "moons")
    assert model.training and t.layers
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, state[name])
    assert [generator.bit_generator.state for generator in model.generators()] == dice


def test_a_channel_is_dead_when_it_is_flat_in_all_pixels():
    t = nb.Trainer(lenet(), PICTURES, probe_every=1)
    t.model[0].bias.data[:] = -50, 9, 9
    t.step()
    assert t.probe()["saturated"][0] == pytest.approx(1 / 3)


def test_depth_of_a_network_with_an_initializer_of_ones_own():
    t = nb.Trainer(nn.mlp([2, 64, 1], init=nn.init.normal(std=0.5), seed=0), "moons")
    t.width = 128
    t.depth = 3
    t.fit(steps=3)
    assert t.hidden == (128, 128, 128)
    t.reset()
    assert np.std(t.model[2].weight.data) == pytest.approx(0.5, rel=0.05)
    ones = nn.mlp([2, 4, 1], init=lambda rng, fan_in, fan_out: np.ones((fan_out, fan_in)))
    t = nb.Trainer(ones, "moons")
    t.reset(seed=3)
    assert (t.model[0].weight.data == 1).all()


def test_the_units_of_a_convolution_of_sequences_are_its_channels():
    t = nb.Trainer(convolution_of_sequences(), waves(), lr=0.01, batch_size=16, seed=0)
    t.watch()
    t.fit(steps=3, bar=False)
    assert [(layer.units, layer.groups, layer.activation) for layer in t.layers] == [
        (6, 1, "relu6"), (4, 2, "prelu"), (1, 1, "identity"),
    ]  # fmt: skip
    assert of_one(t.activations(t.data.X_val)[1][0], [0, 3])[0] == "time"
    seen = t.observe()
    assert [tap.z.shape for tap in seen.taps] == [(16, 6, 1, 20), (16, 4, 1, 8), (16, 1)]
    for layer, tap in zip(seen.layers[:2], seen.taps, strict=False):
        assert tap.dz.shape == tap.a.shape == tap.z.shape and np.isfinite(tap.dz).all()
        np.testing.assert_allclose(seen.gradient[layer.bias], tap.dy.sum(axis=(0, 2, 3)), rtol=1e-4, atol=1e-7)


def test_what_leads_from_channel_to_channel():
    from nbprop.record.layers import Layer
    from nbprop.views.base.columns import between

    rng = np.random.default_rng(0)
    for name, kind in [("Conv2d", nn.Conv2d), ("ConvTranspose2d", nn.ConvTranspose2d)]:
        for groups in (1, 2):
            module = kind(4, 6, 3, groups=groups, bias=False, rng=rng, dtype=np.float64)
            layer = Layer("hidden 1", name, "relu", 6, slice(0, 0), module.weight.shape, groups=groups)
            found = between(module.theta, layer, np.arange(6), np.arange(4), 4)
            for i in range(4):  # an input of ones in channel i alone: far from the border each pixel is the sum
                x = np.zeros((1, 4, 9, 9))
                x[:, i] = 1
                np.testing.assert_allclose(found[:, i], module(x).data[0, :, 4, 4], atol=1e-12)
            assert between(module.theta, layer, np.arange(6), np.arange(36), 36) is None
