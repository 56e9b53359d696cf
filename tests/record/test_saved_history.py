"""A history in a file, in a copy, in another process: the same numbers, and it goes on the same."""

import copy
import json
import pickle

import numpy as np
import pytest

import nbprop as nb
from nbprop.record import Event


@pytest.fixture(scope="module")
def trainer():
    t = nb.Trainer(nb.nn.mlp([2, 8, 1], seed=1), "moons", seed=3, probe_every=1)
    t.watch(percentiles=True)
    t.record("weight norm", lambda seen: [np.linalg.norm(W) for W in seen.W])
    t.record("one number", lambda seen: seen.loss)
    t.fit(steps=30, bar=False)
    t.set(lr=0.5, batch_size=8)
    t.optimizer = nb.optim.SGD(lr=0.1)
    t.depth = 2
    t.fit(steps=10, bar=False)
    t.history.events.append(Event(40, "x", float("inf"), (1, (2.5, None, "a"), True)))
    return t


def same(one, two):
    assert one.capacity == two.capacity and list(one.columns) == list(two.columns)
    for name, column in one.columns.items():
        other = two.columns[name]
        assert column.state() == other.state() and column.values.dtype == other.values.dtype
        np.testing.assert_array_equal(column.steps, other.steps)
        np.testing.assert_array_equal(column.values, other.values)
    assert [(e.step, e.name, e.text) for e in one.events] == [(e.step, e.name, e.text) for e in two.events]


def test_a_history_goes_through_a_file_and_on(trainer):
    meta, arrays = trainer.history.state()
    other = nb.History.from_state(json.loads(json.dumps(meta, allow_nan=False)), arrays)
    same(trainer.history, other)
    assert other.events[-1].old == np.inf and other.events[-1].new == (1, (2.5, None, "a"), True)
    optimizer = next(event for event in other.events if event.name == "optimizer")
    assert optimizer.text == "optimizer adam → sgd" and optimizer.new is None
    one = trainer.history.copy()
    for history in (one, other):
        for step in range(41, 6000):
            history.add("loss", step, 1 / step)
            history.add("dW", step, [step, 1, 2])
    same(one, other)


@pytest.mark.parametrize("way", [copy.deepcopy, lambda h: pickle.loads(pickle.dumps(h)), nb.History.copy])
def test_a_history_can_be_copied_and_pickled(trainer, way):
    other, n = way(trainer.history), len(trainer.history["loss"])
    same(trainer.history, other)
    with pytest.raises(ValueError, match="this history is a copy, or was loaded; to plot"):
        other.plot()
    other.add("loss", 41, 3.0)
    assert len(trainer.history["loss"]) == n


@pytest.mark.parametrize("harm", ["no columns", "cut", "fewer", "flat", "not rising", "event"])
def test_a_damaged_state_is_refused(trainer, harm):
    meta, arrays = trainer.history.state()
    meta = json.loads(json.dumps(meta))
    if harm == "no columns":
        del meta["columns"]
    elif harm == "cut":
        del arrays["values/loss"]
    elif harm == "fewer":
        arrays["values/loss"] = arrays["values/loss"][:-1]
    elif harm == "flat":
        arrays["values/dW"] = arrays["values/dW"][:, 0]
    elif harm == "not rising":
        arrays["steps/loss"] = arrays["steps/loss"][::-1]
    else:
        meta["events"][0] = 3
    with pytest.raises(ValueError, match=r"history|values"):
        nb.History.from_state(meta, arrays)
