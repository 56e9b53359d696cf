"""A source that says whatever a test wants, a trainer that has learned something, and boards."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import nbprop as nb
from nbprop.views.board import Board

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode does not
from fakes import Clock, Source

QUANTITIES = ("a_mean", "a_std", "saturated", "dz", "dW", "ratio")


class FakeHistory:
    def __init__(self, columns, events):
        self.columns, self.events = columns, events

    def series(self, name):
        steps, values = self.columns.get(name, ((), ()))
        return np.array(steps, np.int64), np.array(values, np.float32)


@dataclass
class FakeSource:
    """What a view reads of a trainer, as plain values.

    columns: series name -> (steps, values); events: (step, name, text); now: the six quantities, or one for all.
    """

    columns: dict = field(default_factory=dict)
    events: tuple = ()
    activations: tuple = ("tanh", "tanh", "identity")
    now: dict = field(default_factory=dict)
    data: object = None
    predict: object = None
    histograms: object = None
    attention: object = None
    not_finite: object = None
    steps: int = 100
    status: str = "ready"
    version: int = 0
    message: str = ""
    moment: int | None = None

    def __post_init__(self):
        events = [SimpleNamespace(step=step, name=name, text=text) for step, name, text in self.events]
        self.history = FakeHistory(self.columns, events)
        last = len(self.activations) - 1
        self.layers = [
            SimpleNamespace(name="output" if i == last else f"hidden {i + 1}", kind="Linear", activation=a, units=8)
            for i, a in enumerate(self.activations)
        ]
        one, ab = np.zeros((1, 4), np.int64), ("a", "b")
        self.data = self.data or SimpleNamespace(task="binary", X_train=one, X_val=one, classes=ab, vocabulary=ab)
        self.attention = self.attention or (lambda X: [np.full((2, len(X), len(X)), 1 / len(X), np.float32)])
        self.not_finite = self.not_finite or (lambda kind: np.zeros((len(self.layers), 2), np.int64))

    def probe(self):
        return {name: np.asarray(self.now[name], np.float32) for name in QUANTITIES if name in self.now}


class Watcher:
    """Makes a trainer record its per-layer series."""

    records = frozenset({"layers"})
    seen = True

    def refresh(self):
        pass


@pytest.fixture(scope="session")
def fake():
    return FakeSource


@pytest.fixture(scope="session")
def train():
    """A trainer of a small network after some steps, watched."""

    def make(data, hidden=(8, 8), activation="tanh", steps=120, lr=0.02):
        model = nb.nn.mlp([data.inputs, *hidden, data.outputs], activation=activation, seed=0)
        loss = {"binary": "bce", "multiclass": "cross_entropy", "regression": "mse"}[data.task]
        optimizer = nb.optim.Adam(lr=lr)
        trainer = nb.Trainer(model, data, loss=loss, optimizer=optimizer, batch_size=16, seed=0)
        trainer.watchers.add(Watcher())
        if steps:
            trainer.fit(steps=steps)
        return trainer

    return make


@pytest.fixture(scope="session")
def spirals(train):
    return train(nb.data.spirals(samples=160))


@pytest.fixture(autouse=True)
def no_figure_is_left():
    """pyplot keeps what it has made, and warns of many."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture
def source():
    return Source()


@pytest.fixture
def make_board(request):
    """Makes a board on a clock of its own: `board.clock.now += 0.02`. It is closed after the test."""

    def make(*views, **kwargs):
        board = Board(*views, **kwargs)
        board._clock = board.__dict__["clock"] = Clock()
        request.addfinalizer(board.close)
        return board

    return make
