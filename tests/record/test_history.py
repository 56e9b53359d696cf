from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, strategies as st

import nbprop as nb
from nbprop.record.history import Event, Series
from nbprop.record.quantities import QUANTITIES


@given(st.integers(0, 900), st.integers(4, 60), st.integers(1, 7))
def test_a_series_is_bounded_and_evenly_spaced(steps, capacity, every):
    series = Series(every, capacity)
    for step in range(0, steps + 1):
        series.add(step, step * 0.5)
    assert len(series) < capacity
    np.testing.assert_array_equal(series.steps, np.arange(0, steps + 1, series.interval))
    np.testing.assert_array_equal(series.values, series.steps * 0.5)
    assert len(series) >= min(capacity // 2 - 1, steps // every)  # never thinner than it must be


def test_layers_that_come_later_are_nan_before():
    series = Series(1, 100, scalar=False)
    series.add(1, np.array([1.0, 2.0]))
    series.add(2, np.array([1.0, 2.0, 3.0]))
    series.add(3, np.array([4.0]))
    nan = np.nan
    np.testing.assert_array_equal(series.values, [[1, 2, nan], [1, 2, 3], [4, nan, nan]])


def test_truncate():
    series = Series()
    for step in range(10):
        series.add(step, step)
    series.truncate(4)
    np.testing.assert_array_equal(series.steps, [0, 1, 2, 3, 4])
    series.add(5, 50.0)
    assert series.values[-1] == 50


def test_events_in_words():
    assert Event(3, "lr", 0.1, 0.3).text == "lr 0.1 → 0.3"
    assert Event(3, "hidden", (8, 8), (8, 8, 8)).text == "hidden 2×8 → 3×8"
    assert Event(3, "optimizer", nb.optim.SGD(lr=1), nb.optim.Adam()).text == "optimizer sgd → adam"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ({"noise": 0.1}, {"noise": 0.3}, "data moons: noise 0.1 → 0.3"),
        ({}, {"noise": 0, "samples": 800}, "data moons: noise 0.1 → 0, samples 400 → 800"),
        ({"validation": 0.25}, {"validation": 0.5}, "data moons: validation 25 % → 50 %"),
        ({"seed": 0}, {"seed": 1}, "data changed"),
    ],
)
def test_an_event_says_what_is_different_in_things_of_one_name(old, new, words):
    assert Event(3, "data", nb.data.moons(**old), nb.data.moons(**new)).text == words


def test_an_event_of_two_things_that_read_alike_says_that_something_changed():
    assert Event(3, "loss", nb.nn.HuberLoss(delta=1), nb.nn.HuberLoss(delta=2)).text == "loss changed"


def test_an_unknown_column_says_which_there_are():
    t = nb.Trainer(nb.nn.mlp([2, 4, 1]), nb.data.xor())
    t.fit(steps=1)
    with pytest.raises(KeyError, match=r"no column 'los'.*loss"):
        t.history["los"]
    steps, values = t.history.series("dz")
    assert len(steps) == len(values) == 0


def test_what_is_recorded_per_layer_gets_rarer_in_a_long_run(monkeypatch):
    trainer = nb.Trainer(nb.nn.mlp([2, 4, 1]), "moons", probe_every=1)
    trainer.history.capacity = 256
    probes = []
    measure = QUANTITIES["dW"].measure
    counted = replace(QUANTITIES["dW"], measure=lambda seen: probes.append(trainer.steps) or measure(seen))
    monkeypatch.setitem(QUANTITIES, "dW", counted)
    trainer.fit(steps=300, bar=False)
    steps, norms = trainer.history.series("dW")
    assert norms.shape == (len(steps), 2) and 32 <= len(steps) < 64
    assert set(np.diff(steps)) == {trainer.history.columns["dW"].interval} == {8}
    assert len(probes) < 150  # what would not be kept is not measured either
    trainer.rewind(100)
    assert trainer.history.series("dW")[0][-1] <= 100
    trainer.fit(steps=200, bar=False)
    np.testing.assert_array_equal(trainer.history.series("dW")[0], steps)
    np.testing.assert_array_equal(trainer.history["dW"], norms)


def test_a_history_is_read_as_a_dict_is():
    history = nb.History()
    assert not len(history) and list(history) == [] and history.get("loss") is None and "loss" not in history
    assert history and (history or None) is history  # there is one, though nothing is in it
    for step in range(3):
        history.add("loss", step, 1.0 - step)
    history.add("dW", 2, [0.1, 0.2])
    assert "loss" in history and "lost" not in history and 0 not in history
    assert list(history) == list(history.keys()) == ["loss", "dW"] and len(history) == 2
    assert [name for name, _ in history.items()] == ["loss", "dW"]
    for got, name in zip(history.values(), history, strict=True):
        np.testing.assert_array_equal(got, history[name])
    assert history.get("lost", 0) == 0 and history.get("loss") is not None
    assert {name: len(values) for name, values in dict(history).items()} == {"loss": 3, "dW": 1}
    with pytest.raises(KeyError, match=r"no column 'losses' in this history; did you mean 'loss'. recorded so far: dW"):
        history["losses"]
    with pytest.raises(KeyError, match="no column 0 in this history; recorded so far: dW, loss"):
        history[0]
