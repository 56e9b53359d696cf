"""The modes of a linear network: what is measured, the exact solution beside it, and where there is none."""

from typing import Any

import numpy as np
import pytest

import nbprop as nb
from nbprop.record.diverged import Diverged
from nbprop.theory import mode_strength
from nbprop.views.modes import Modes

S = np.array([3.0, 1.5, 0.7])


def linear(depth=2, u0=0.01, aligned=True, steps=400, data: Any = None, bias=False, **settings):
    """A run of a linear network, from weights that are aligned with what is to be learned, or from small ones."""
    rng = np.random.default_rng(0)
    n, m = 64, len(S)
    X = np.linalg.qr(rng.normal(size=(n, m)))[0] * np.sqrt(n)
    U, V = (np.linalg.qr(rng.normal(size=(m, m)))[0] for _ in range(2))
    options: Any = {"bias": bias, "dtype": np.float64}
    modules = [nb.nn.Linear(m, m, rng=k, **options) for k in range(depth)]
    for k, module in enumerate(modules):
        left, right = (U if k == depth - 1 else np.eye(m)), (V.T if k == 0 else np.eye(m))
        module.weight.data[...] = left @ (u0 ** (1 / depth) * right) if aligned else module.weight.data / 10
    objective = nb.training.Supervised(nb.data.Arrays(*(data or (X, X @ (U * S @ V.T).T)), validation=0), "mse")
    settings = {"optimizer": "sgd", "lr": 0.02, "batch_size": n, "snapshot_every": 20} | settings
    made = nb.Trainer(nb.nn.Sequential(*modules), objective=objective, seed=0, **settings)
    made.fit(steps=steps, bar=False)
    return made


@pytest.mark.parametrize(("depth", "u0"), [(1, 0.01), (2, 0.01), (3, 0.1)])
def test_what_is_measured_lies_on_the_exact_solution(depth, u0, ax):
    trainer = linear(depth, u0)
    view = Modes(trainer)
    frame, labels = view.frame(), view.labels()
    steps, *measured = frame["measured"]
    at, *solved = frame["solved"]
    np.testing.assert_allclose(frame["whole"], S, rtol=1e-5)
    np.testing.assert_array_equal(steps, range(0, 401, 20))
    model: Any = trainer.model
    product = np.linalg.multi_dot([*(model[k].weight.data for k in reversed(range(depth))), np.eye(3)])
    last = [row[-1] for row in measured]
    np.testing.assert_allclose(last, np.linalg.svd(product)[1], rtol=1e-5)  # aligned: its singular values
    time = 2 * 0.02 / 3 * at
    for k, s in enumerate(S):
        np.testing.assert_allclose(solved[k], mode_strength(s, u0, time, depth), rtol=1e-4)
        np.testing.assert_allclose(solved[k][np.searchsorted(at, steps)], measured[k], atol=0.03 * S[0])
    assert labels["unsolved"] == "" and labels["depth"] == depth and "whole" in view.marks()
    assert "It differs from the exact solution by at most" in view.describe() and "mode 3 has" in view.describe()
    view.plot(ax)
    lines = [line for line in ax.lines if line.get_linestyle() == "--"]
    for line, curve in zip(lines, solved, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), curve)
    assert Modes.suits(trainer) and {array.dtype for array in frame.values()} == {np.dtype(np.float32)}


def test_from_weights_of_any_kind_it_holds_from_where_a_mode_has_a_twentieth(ax):
    trainer = linear(aligned=False)
    frame = Modes(trainer).frame()
    (_, *measured), (at, *solved) = frame["measured"], frame["solved"]
    for k, row in enumerate(measured):
        first = int((row >= 0.05 * S[k]).argmax())
        start = np.searchsorted(at, frame["measured"][0][first])
        assert np.isnan(solved[k][:start]).all() and solved[k][start] == row[first] and first > 0
    early = Modes(linear(aligned=False, steps=20))
    assert early.describe().endswith("The exact solution begins where a mode has 5 % of its strength.")
    assert np.isnan(early.frame()["solved"][1:]).all() and early.plot(ax) is ax


def test_a_turn_lets_it_begin_anew():
    trainer = linear(steps=60)
    trainer.lr = 0.01
    trainer.fit(steps=100, bar=False)
    (steps, *measured), (at, *solved) = (Modes(trainer).frame()[name] for name in ("measured", "solved"))
    now = int(np.searchsorted(steps, 60))
    assert at[0] == 60 and solved[0][0] == measured[0][now]
    u0 = float(measured[0][now])
    np.testing.assert_allclose(solved[0][-1], mode_strength(3.0, u0, [2 * 0.01 / 3 * 100])[0], rtol=1e-5)


def test_a_look_at_the_past():
    trainer = linear()
    view = Modes(trainer.at(110))
    steps = view.frame()["measured"][0]
    assert steps[-1] == 110 and view.labels()["moment"] == 110 and view.describe().startswith("At step 110 mode 1 has")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"optimizer": "adam"}, "plain gradient descent"),
        ({"optimizer": "momentum"}, "plain gradient descent"),
        ({"clip": 1.0}, "plain gradient descent"),
        ({"data": (np.random.default_rng(0).normal(size=(64, 3)) + 1, np.ones((64, 3)))}, "white inputs"),
        ({"bias": True, "data": None}, "without biases"),
    ],
)
def test_where_it_does_not_hold_the_words_say_why_and_nothing_is_drawn(settings, words, ax):
    if settings.get("bias"):
        X = np.eye(4)[:, :3] * 2  # white, of mean 1/2
        settings["data"] = (X, X * S)
    view = Modes(linear(steps=20, **settings))
    frame = view.frame()
    assert frame["solved"].shape[1] == 0 and frame["measured"].shape[1] == 2
    assert words in view.labels()["unsolved"] and "No exact solution: " in view.describe()
    assert view.marks()["solved"].startswith("no solution: ") and view.plot(ax) is ax


def test_another_loss():
    X = np.random.default_rng(0).normal(size=(30, 2)).astype(np.float32)
    model = nb.nn.Sequential(nb.nn.Linear(2, 3), nb.nn.Linear(3, 1))
    trainer = nb.Trainer(model, (X, X[:, :1]), "mae", seed=0)
    assert "mean squared error" in Modes(trainer).labels()["unsolved"] and Modes(trainer).frame()["whole"].size == 1


def test_networks_that_are_not_linear_are_refused_in_words(ax):
    trainer = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), "moons", seed=0)
    view = Modes(trainer)
    assert view.frame() == {} and not Modes.suits(trainer)
    assert view.describe() == "Modes: a linear network is solved, Linear layers in a row; this one has a Tanh()."
    assert view.plot(ax) is ax


def test_a_run_that_diverged_says_so(ax):
    trainer = linear(lr=50.0, steps=0, snapshot_every=1)
    with pytest.raises(Diverged):
        trainer.fit(steps=40, bar=False)
    view = Modes(trainer)
    assert view.frame()["range"][1] <= 3.2 * 3 and view.plot(ax) is ax
    view._measured = lambda modes: (np.array([0, 1]), np.array([S, S * np.nan]), [(0, view.source.theta)] * 2)
    assert view.describe() == "At step 1 the modes are not finite: the run has diverged."
    view.plot(ax)
    assert "not finite" in [text.get_text() for text in ax.texts]
