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
    "product": lambda p, y: (y * p).sum(),
    "choice": lambda p, y: (np.where(p > 0.5, 1, 0) == y).mean(),
    "where": lambda p, y: np.where(y, p, 1 - p).mean(),
    "whole": lambda p, y: (p.round().astype(int) == y).mean(),
}


@pytest.mark.parametrize("metric", PAIRS.values(), ids=PAIRS)
def test_all_with_all_is_refused(metric):
    with pytest.raises(nb.ShapeError, match=r"\(\d+, 1\) meet \(\d+,\), .* try predicted\[\.\.\., 0\]"):
        make(metric)


RIGHT = {
    "first": lambda p, y: ((p[:, 0] > 0.5) == y).mean(),
    "squeezed": lambda p, y: ((p.squeeze() > 0.5) == y).mean(),
    "column": lambda p, y: ((p > 0.5) == y[:, None]).mean(),
    "array": lambda p, y: ((np.asarray(p).ravel() > 0.5) == y).mean(),
    "in place": lambda p, y: (np.subtract(p, 0.5, out=np.empty_like(p))[..., 0] > 0).astype(int).__eq__(y).mean(),
}


FREE = {
    "mean of some": lambda p, y: p.mean(where=p > 0.5) + np.sum(p, where=p > 0.2),
    "all pairs": lambda p, y: (p[y == 1] > p[y == 0][:, 0]).mean() + (p[:, 0][:, None] > p[:, 0]).mean(),
    "joined": lambda p, y: np.concatenate([p, y[:, None]], axis=1).mean() + np.clip(p, 0, 1).mean() + np.median(p),
    "a number": lambda p, y: float((p.ravel() - p.mean()).max()) + (p * 2 - 1).std(),
}


@pytest.mark.parametrize("metric", FREE.values(), ids=FREE)
def test_all_else_is_as_with_any_array(metric):
    t = make(metric)
    with np.errstate(invalid="ignore"):
        expected = metric(np.asarray(t.predict(t.data.X_val)), t.data.y_val)
    assert t.evaluation["val_found"] == pytest.approx(expected, nan_ok=True)


def test_of_several_outputs_each_is_looked_at():
    class Both(nb.nn.Module):
        def __init__(self):
            self.one, self.two = nb.nn.Linear(2, 1, rng=0), nb.nn.Linear(2, 1, rng=1)

        def forward(self, x):
            return self.one(x), self.two(x)

    data = nb.data.Arrays(np.ones((40, 2), np.float32), (np.ones(40), np.ones((40, 1))), validation=0)
    with pytest.raises(nb.ShapeError, match=r"\(40, 1\) meet \(40,\)"):
        nb.Trainer(
            Both(),
            data,
            loss=lambda output, y: (output[0] ** 2).mean() + (output[1] ** 2).mean(),
            metrics={"found": lambda p, y: np.abs(p[0] - y[0]).mean()},
        )


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
