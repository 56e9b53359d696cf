"""Metrics get predictions (n, 1) and targets (n,), and are told where these would be compared all with all."""

import numpy as np
import pytest

import nbprop as nb


def make(metric, data=None):
    data = nb.data.moons(samples=80, seed=0) if data is None else data
    return nb.Trainer(nb.nn.mlp([data.inputs, 8, 1], seed=0), data, metrics={"found": metric}, lr=0.03)


PAIRS = {
    "equal": lambda p, y: ((p > 0.5) == y).mean(),
    "difference": lambda p, y: np.abs(y - p).mean(),
    "where": lambda p, y: (y * p).sum(),
}


@pytest.mark.parametrize("metric", PAIRS.values(), ids=PAIRS)
def test_all_with_all_is_refused(metric):
    with pytest.raises(nb.ShapeError, match=r"\(60, 1\) meet \(60,\).*predicted\[\.\.\., 0\]|\(60, 1\) meet \(60,\)"):
        make(metric)


RIGHT = {
    "first": lambda p, y: ((p[:, 0] > 0.5) == y).mean(),
    "squeezed": lambda p, y: ((p.squeeze() > 0.5) == y).mean(),
    "column": lambda p, y: ((p > 0.5) == y[:, None]).mean(),
    "array": lambda p, y: ((np.asarray(p).ravel() > 0.5) == y).mean(),
    "in place": lambda p, y: (np.subtract(p, 0.5, out=np.empty_like(p))[..., 0] > 0).astype(int).__eq__(y).mean(),
}


@pytest.mark.parametrize("metric", RIGHT.values(), ids=RIGHT)
def test_what_is_right_is_the_accuracy(metric):
    t = make(metric)
    t.fit(steps=100, bar=False)
    assert t.evaluation["val_found"] == pytest.approx(t.evaluation["val_accuracy"])


def test_targets_of_one_column():
    t = make(lambda p, y: float(((p - y) ** 2).mean()), nb.data.wave(samples=60, seed=0))
    t.fit(steps=40, bar=False)
    assert t.evaluation["val_found"] == pytest.approx(t.evaluation["val_loss"], rel=1e-5)


CALLS = {
    "loss": (lambda: nb.Trainer(nb.nn.mlp([2, 1]), "moons", loss=lambda z: z.mean()), r"called with \(output, y\)"),
    "own loss": (lambda: nb.Objective(lambda m, x, y: 0, np.ones((30, 2))), r"called with \(model, batch\)"),
    "augment": (
        lambda: nb.Objective(lambda m, b: 0, np.ones((30, 2)), augment=lambda b: b),
        r"called with \(batch, rng\), which <lambda>\(b\) does not take",
    ),
}


@pytest.mark.parametrize("make, words", CALLS.values(), ids=CALLS)
def test_functions_of_other_arguments_are_refused_when_they_are_given(make, words):
    with pytest.raises(TypeError, match=words):
        make()
