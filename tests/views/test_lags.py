"""Gradient through time: rows from the last step up, words, and the numbers of a real run."""

from types import SimpleNamespace

import numpy as np
import pytest

import nbprop as nb
from nbprop.views.lags import Lags


def record(rate, steps=4, lags=6):
    """dL/dh that is multiplied by `rate` at every step back, recorded at steps 10, 20, ..."""
    values = np.tile(rate ** np.arange(lags, dtype=np.float32), (steps, 1))
    return {"dh": (10 * np.arange(1, steps + 1), values)}


def recurrent(fake, columns, kind="RNN"):
    source = fake(columns)
    source.layers = [SimpleNamespace(name="hidden 1", kind=kind, activation="identity", units=16)]
    return source


def test_the_last_time_step_is_the_last_row(fake):
    view = Lags(recurrent(fake, record(0.5)))
    frame = view.frame()
    np.testing.assert_allclose(frame["now"], 0.5 ** np.arange(5, -1, -1))
    np.testing.assert_array_equal(frame["map"], np.tile(frame["now"][:, None], 4))
    assert frame["map_steps"].tolist() == [10, 20, 30, 40]
    assert frame["range"][3] == 1 and frame["range"][2] <= 0.5**5
    labels = view.labels()
    assert labels["layers"] == ["T − 5", "T − 4", "T − 3", "T − 2", "T − 1", "T"]
    assert labels["activations"][0] == "RNN" and labels["units"][0] == 16
    assert {array.dtype for array in frame.values()} == {np.dtype(np.float32)}


def test_a_sequence_that_has_become_shorter(fake):
    columns = record(0.5)
    columns["dh"][1][2:, 4:] = np.nan
    frame = Lags(recurrent(fake, columns)).frame()
    assert frame["now"].tolist() == [0.125, 0.25, 0.5, 1] and np.isfinite(frame["map"]).all()


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (0.5, "dL/dh falls by a factor 32 over 5 steps back in time."),
        (0.1, "dL/dh falls by a factor 100,000 over 5 steps back in time: vanishing."),
        (2.0, "dL/dh grows by a factor 32 over 5 steps back in time."),
        (10.0, "dL/dh grows by a factor 100,000 over 5 steps back in time: exploding."),
        (1.0, "dL/dh is steady over 5 steps back in time (between 1 and 1)."),
        (0.0, "dL/dh is 1 at the last step and 0 over 5 steps back in time."),
    ],
)
def test_words(fake, rate, words):
    assert Lags(recurrent(fake, record(rate))).describe() == words


def test_the_plot_shows_the_numbers(fake, ax):
    view = Lags(recurrent(fake, record(0.5)))
    view.plot(ax)
    profile = ax.child_axes[0]
    np.testing.assert_allclose(profile.lines[0].get_xdata(), view.frame()["now"])
    assert [label.get_text() for label in profile.get_yticklabels()][-1] == "T"


def test_nothing_recorded_yet(fake, ax):
    view = Lags(fake())
    assert view.describe() == "No gradient has been sent back through time yet."
    assert view.frame()["now"].shape == (0,) and view.frame()["map"].shape == (0, 0)
    view.plot(ax)


class Last(nb.nn.Module):
    """What a recurrent layer says after the last step of sequences (n, T) of numbers."""

    def __init__(self, layer, units):
        self.layer, self.head = layer, nb.nn.Linear(units, 1, rng=1)

    def forward(self, x):
        out, _ = self.layer(x.reshape(len(x.data), -1, 1))
        return self.head(out[:, -1])


def trainer(layer, samples=50, units=5):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(samples, 7))
    data = nb.data.from_arrays(X, (X[:, 0] > 0).astype(int), validation=0.2)
    return nb.Trainer(Last(layer, units), data, batch_size=16, lr=0.01, probe_every=1)


@pytest.mark.parametrize("kind", [nb.nn.RNN, nb.nn.GRU, nb.nn.LSTM])
def test_the_numbers_of_a_real_run(kind):
    t = trainer(kind(1, 5, rng=0, batch_first=True))  # 40 training samples: every third batch has 8 of them
    board = nb.views.Lags(t)
    for steps in range(1, 8):
        before = t.theta.copy()
        t.fit(steps=1, bar=False)
        after, state = t.theta.copy(), t.rewind(steps - 1)
        np.testing.assert_array_equal(t.theta, before)
        del state
        t.fit(steps=1, bar=False)
        np.testing.assert_array_equal(t.theta, after)
    frame = board.frame()
    assert frame["map"].shape == (7, 7) and (frame["map"] > 0).all()
    np.testing.assert_array_equal(frame["now"], frame["map"][:, -1])
    assert t.history["dh"].shape == (7, 7)
    assert "T − 6" in board.views[0].labels()["layers"]
    t.history.plot("lags")


def test_the_gradient_of_each_step_against_backward_step_by_step():
    t = trainer(nb.nn.RNN(1, 5, rng=0, batch_first=True), samples=20)
    nb.views.Lags(t)
    model, data = t.branch().model, t.data
    batch = t.branch()._run.batches.next(16)
    t.fit(steps=1, bar=False)
    state, states = None, []
    for x in nb.Tensor(data.X_train[batch]).data.T:
        _, state = model.layer(x[:, None, None], state)
        states.append(state)
    nb.nn.loss("bce")(model.head(state[0]), data.y_train[batch]).backward()
    norms = [np.linalg.norm(state.grad) for state in states]
    np.testing.assert_allclose(Lags(t).frame()["now"], norms, rtol=1e-4)


def test_without_a_recurrent_layer_nothing_is_recorded():
    t = nb.Trainer(nb.nn.mlp([2, 4, 1]), "moons", probe_every=1)
    board = nb.views.Lags(t)
    t.fit(steps=3, bar=False)
    assert "dh" not in t.history.columns
    assert board.describe() == "No gradient has been sent back through time yet."


def test_each_layer_and_direction_has_its_own():
    t = trainer(nb.nn.LSTM(1, 5, 2, bidirectional=True, rng=0, batch_first=True), samples=20, units=10)
    board = nb.views.Lags(t)
    t.fit(steps=2, bar=False)
    names = ["hidden 1", "hidden 2 reverse", "hidden 3", "hidden 4 reverse"]
    assert [layer.name for layer in t.layers][:4] == names and t.layers[0].kind == t.layers[3].kind == "LSTM"
    parts = [t.model.layer.l0, t.model.layer.l0_reverse, t.model.layer.l1, t.model.layer.l1_reverse]
    for i, part in enumerate(parts):
        board.layer = str(i + 1)
        np.testing.assert_allclose(board.frame()["now"], np.sqrt((part.last.dh**2).sum(axis=(1, 2))), rtol=1e-5)
        assert board.describe().startswith(f"In {names[i]}: dL/dh ")
    assert board.views[0].options[0].choices == tuple(zip("1234", names, strict=True))
    flow = nb.views.GradientFlow(t).frame()["now"]
    assert len(flow) == 5 and (flow > 0).all()
    nb.views.Network(t).frame()
    with pytest.raises(ValueError, match="layer: expected one of"):
        board.layer = "5"
    one = nb.views.Lags(trainer(nb.nn.GRU(1, 5, rng=0, batch_first=True)))
    assert [option.name for option in one.views[0].options] == ["log"]
