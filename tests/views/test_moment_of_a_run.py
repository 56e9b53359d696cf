"""Every view of a moment of a real run shows what it showed of the trainer then, across changes of depth; and a board
gets each moment that is gone to."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from fakes import Clock

import nbprop as nb
from nbprop import nn
from nbprop.views.activations import Activations
from nbprop.views.attention import Attention
from nbprop.views.board import Board
from nbprop.views.boundary import Boundary
from nbprop.views.filters import Filters
from nbprop.views.gradients import ABSENT, GradientFlow
from nbprop.views.histograms import Histograms
from nbprop.views.lags import Lags
from nbprop.views.loss import Loss
from nbprop.views.percentiles import Percentiles

LETTERS = np.random.default_rng(0).integers(0, 4, (60, 7))


def deep():
    return nb.Trainer(nn.mlp([2, 8, 8, 1], seed=0, dropout=0.1), nb.data.spirals(samples=80), batch_size=16, lr=0.02)


def convolutional():
    layers = [nn.Conv2d(1, 4, 3, rng=0), nn.Tanh(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 10, rng=1)]
    return nb.Trainer(nn.Sequential(*layers), nb.data.digits(image=True), lr=0.01)


def reader():
    """Of letters, by attention."""

    class Reader(nn.Module):
        def __init__(self):
            self.embedding, self.attention = nn.Embedding(4, 8, rng=0), nn.MultiheadAttention(8, 2, rng=1)
            self.out = nn.Linear(8, 4, rng=2)

        def forward(self, x):
            h = self.embedding(x)
            return self.out(self.attention(h, h, h))

    data = nb.data.from_arrays(
        LETTERS[:, :-1], LETTERS[:, 1:], vocabulary="abcd", classes=tuple("abcd"), name="letters"
    )
    return nb.Trainer(Reader(), data, lr=0.01)


def recurrent():
    X = np.random.default_rng(1).normal(size=(40, 6, 2)).astype(np.float32)

    class Last(nn.Module):
        def __init__(self):
            self.rnn, self.out = nn.RNN(2, 5, batch_first=True, rng=0), nn.Linear(5, 1, rng=1)

        def forward(self, x):
            return self.out(self.rnn(x)[0][:, -1])

    return nb.Trainer(Last(), (X, X.sum(axis=(1, 2)) > 0), lr=0.01)


def of_now(view):
    """What a view says of now; of what it says of the whole run, nothing."""
    frame = view.frame()
    if isinstance(view, GradientFlow):
        return {"now": frame["now"], "layers": view.labels()["layers"]}
    if isinstance(view, (Loss, Percentiles)):
        return {}
    return {**frame, "words": view.describe()}


def of_deep(source):
    spread = [Histograms(source, kind=kind) for kind in ("weights", "gradients", "activations")]
    whole = Loss(source), Percentiles(source)
    return [*whole, GradientFlow(source), *spread, Boundary(source, errors=True), Activations(source)]


CASES = {
    deep: of_deep,
    convolutional: lambda source: [Histograms(source), Boundary(source), Filters(source, sample=3)],
    reader: lambda source: [Attention(source), Histograms(source), GradientFlow(source, quantity="dW")],
    recurrent: lambda source: [Lags(source), GradientFlow(source)],
}


@pytest.mark.parametrize("make", CASES)
def test_every_view_shows_what_it_showed_then(make):
    t = make()
    t.watch(percentiles=True, lags=True)
    t.probe_every = 1
    views, then = CASES[make](t), {}
    for step in range(1, 31):
        if make is deep and step in (10, 20):
            t.set(depth=4 if step == 10 else 1)
        t.step()
        then[step] = [of_now(view) for view in views]
    moment = t.at(3)
    views = CASES[make](moment)
    for step in (3, 29, 9, 10, 20, 21, 11, 1, 30):
        moment.show(step)
        for view, known in zip(views, then[step], strict=True):
            said = of_now(view)
            assert said.keys() == known.keys()
            for name in known:
                if name != "words":
                    np.testing.assert_array_equal(said[name], known[name], err_msg=f"{view.name} {name} at {step}")
            assert view.frame() and view.describe()
    moment.show(30)
    for view in views:
        plt.close(view.plot().figure)


def test_the_map_of_the_whole_run_stands_in_the_rows_of_then():
    t = deep()
    t.watch()
    t.probe_every = 1
    for depth in (2, 5, 1):
        t.set(depth=depth)
        t.fit(steps=10, bar=False)
    moment = t.at(15)
    view = GradientFlow(moment)
    for step, layers in ((5, 3), (15, 6), (25, 2)):
        moment.show(step)
        frame = view.frame()
        assert frame["map"].shape == (layers, 30)
        there = frame["map"] != np.float32(ABSENT)
        assert there[0].all() and there[-1].all()  # the first and the last layer have always been there
        np.testing.assert_array_equal(frame["map"][:, step - 1], frame["now"])


def test_a_board_gets_each_moment_that_is_gone_to(request):
    t = deep()
    t.watch()
    t.fit(steps=40, bar=False)
    moment = t.at(40)
    board = Board(Loss(moment), Histograms(moment), Boundary(moment))
    request.addfinalizer(board.close)
    board._clock = Clock()
    assert moment in t.watchers
    sent = []
    board.send = lambda head, buffers: sent.append((head, len(buffers[0])))
    board._receive(None, {"type": "mount", "view": "a", "panels": [0, 1, 2], "page": True}, [])
    for step in (7, 31, 12):
        board._clock.now += 0.1
        moment.show(step)
        head, size = sent[-1]
        assert (head["step"], head["status"], head["message"]) == (step, "paused", "") and size
        board._receive(None, {"type": "ack", "view": "a", "seq": head["seq"]}, [])
    t.rewind(5)
    board._clock.now += 0.1
    moment.refresh()
    head, _ = sent[-1]
    assert head["status"] == "stopped" and "no longer in the past of this run" in head["message"]
    assert "no longer" in head["panels"][1]["labels"]["unserved"]
    board.close()
    assert moment not in t.watchers
