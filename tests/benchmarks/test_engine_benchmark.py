"""The engine benchmark compares equals: by hand, nbprop and the other libraries give the same losses and gradients."""

import math
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import engine
import watching
from floors import floor
from ours import shrunk
from workloads import WORKLOADS


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_contender_gives_the_losses_and_gradients_of_the_floor(name):
    workload = shrunk(WORKLOADS[name](), 4)
    names = [name for name in ("eager", "torch", "autograd") if name == "eager" or find_spec(name)]
    engine.verify(workload, {name: engine.contender(name, workload) for name in names})


@pytest.mark.parametrize("name", ["W1", "W3"])
def test_a_floor_with_a_wrong_gradient_is_found(name, monkeypatch):
    workload = shrunk(WORKLOADS[name](), 4)
    kind = type(floor(workload))

    class Wrong(kind):
        def sgd(self):
            self.gradient[3] += 0.01 * np.abs(self.gradient).max()
            super().sgd()

        adam = sgd

    monkeypatch.setattr("floors.floor", Wrong)
    with pytest.raises(AssertionError, match=f"{name}, nbprop, step 1: gradient off by"):
        engine.verify(workload, {})


def test_what_is_measured_becomes_a_table_and_a_picture(tmp_path):
    times, out = engine.measure(shrunk(WORKLOADS["W1"](), 4), ["nbprop", "eager"], rounds=2)
    assert out == {}
    assert set(times) == {"floor", "nbprop", "eager"}
    assert all(len(series) == 2 and min(series) > 0 for series in times.values())
    times = {"floor": [10.0, 20.0, 30.0], "nbprop": [15.0, 40.0, 30.0]}
    assert engine.ratios(times) == {"floor": 1, "nbprop": 1.5}
    results = {"W1": {"about": "a", "times": times, "left out": {}}}
    head, line, row = engine.table(results).splitlines()
    assert len(head) == len(line) == len(row)
    assert "20 |    1.5 |" in row
    engine.plot(results, tmp_path / "engine.png")
    assert (tmp_path / "engine.png").stat().st_size > 1000


def test_what_watching_costs_becomes_a_table():
    found = watching.measure(shrunk(WORKLOADS["W2"](), 4), rounds=1, block=0.05)
    assert found["step"] > 0
    assert found["watching"] > -1
    figures = {"step": 200.4, "recording": 0.1, "watching": 0.126, "every": 5}
    head, line, row = engine.table_of_watching({"W1": {}, "W2": {"watching": figures}}).splitlines()
    assert len(head) == len(line) == len(row)
    assert [cell.strip() for cell in row.split("|")[1:-1]] == ["W2", "200", "5 steps", "+10 %", "+13 %", "+15 %"]
    assert engine.table_of_watching({"W1": {}}) is None


def test_a_peer_that_is_not_installed_is_left_out(monkeypatch):
    monkeypatch.setitem(sys.modules, "autograd", None)
    times, out = engine.measure(shrunk(WORKLOADS["W1"](), 4), ["nbprop", "autograd"], rounds=1)
    assert "autograd" not in times
    assert out == {"autograd": "autograd is not installed"}


def test_all_parameters_are_in_theta():
    for name, make in WORKLOADS.items():
        workload = make()
        assert workload.theta.size == sum(math.prod(shape) for shape in workload.shapes.values()), name
        assert np.isfinite(workload.theta).all()
        assert workload.name == name
        assert name in engine.TARGETS
