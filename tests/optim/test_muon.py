"""Muon: what its polynomial does to singular values, steps against the formula, and against PyTorch's in bfloat16."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays

from nbprop import nn, optim
from nbprop.optim.muon import factor, orthogonal

F = {"dtype": np.float64}


def evened(X, steps=5):
    """The polynomial of the singular values, by themselves."""
    U, s, V = np.linalg.svd(X.reshape(len(X), -1), full_matrices=False)
    s = s / np.linalg.norm(s)
    for _ in range(steps):
        s = 3.4445 * s - 4.775 * s**3 + 2.0315 * s**5
    return (U * s @ V).reshape(X.shape)


@given(
    shape=st.tuples(st.integers(1, 6), st.integers(1, 6)) | st.tuples(*[st.integers(1, 4)] * 4),
    seed=st.integers(0, 99),
    steps=st.integers(1, 8),
)
def test_newton_and_schulz_change_the_singular_values_only(shape, seed, steps):
    X = np.random.default_rng(seed).normal(size=shape)
    np.testing.assert_allclose(orthogonal(X, steps), evened(X, steps), atol=1e-9)
    assert orthogonal(X.astype(np.float32), steps).dtype == np.float32


@given(arrays(np.float64, (4, 3), elements=st.floats(-1e3, 1e3)))
def test_no_matrix_makes_it_leap(X):
    assert np.linalg.norm(orthogonal(X), 2) < 1.3


def test_directions_count_alike():
    X = np.diag([1.0, 0.5, 0.1, 0.05])
    assert (np.abs(np.diag(orthogonal(X)) - 1) < 0.35).all()
    np.testing.assert_array_equal(orthogonal(np.zeros((2, 3))), 0)
    assert np.isnan(orthogonal(np.full((2, 2), np.nan))).all()


@pytest.mark.parametrize("settings", [{}, {"nesterov": False, "weight_decay": 0.0}, {"momentum": 0.5, "ns_steps": 2}])
def test_equals_its_formula_over_50_steps(settings):
    """Matrices and kernels by Muon, biases and embeddings by AdamW."""
    model = nn.Sequential(nn.Embedding(5, 3, rng=0, **F), nn.Conv2d(2, 3, 2, rng=0, **F), nn.Linear(4, 6, rng=0, **F))
    names = dict(model.named_parameters())
    theta, mean = {name: p.data.copy() for name, p in names.items()}, dict.fromkeys(names, 0)
    mine, adamw = optim.Muon(lr=0.02, **settings), optim.AdamW(lr=0.02, weight_decay=settings.get("weight_decay", 0.1))
    rest = np.concatenate([p.ravel() for name, p in theta.items() if name not in ("1.weight", "2.weight")])
    mu, rng = settings.get("momentum", 0.95), np.random.default_rng(1)
    for _ in range(50):
        model.gradient = rng.normal(size=model.theta.size)
        for name in ("1.weight", "2.weight"):
            g, W = names[name].grad, theta[name]
            mean[name] = mu * mean[name] + (1 - mu) * g
            n = mu * mean[name] + (1 - mu) * g if settings.get("nesterov", True) else mean[name]
            rows, columns = len(W), W[0].size
            step = max(rows, columns) ** 0.5 * evened(n, settings.get("ns_steps", 5))
            theta[name] = W * (1 - 0.02 * settings.get("weight_decay", 0.1)) - 0.004 * step
        others = [p.grad.ravel() for name, p in names.items() if name not in ("1.weight", "2.weight")]
        adamw.update(rest, np.concatenate(others))
        mine.step(model)
        for name in ("1.weight", "2.weight"):
            np.testing.assert_allclose(names[name].data, theta[name], atol=1e-10)
    found = [p.data.ravel() for name, p in names.items() if name not in ("1.weight", "2.weight")]
    np.testing.assert_allclose(np.concatenate(found), rest, rtol=1e-12)


@pytest.mark.torch
def test_near_pytorch_which_rounds_to_bfloat16():
    torch = pytest.importorskip("torch")
    W = np.random.default_rng(0).normal(size=(6, 4))
    p = torch.tensor(W.copy(), requires_grad=True)
    theirs = torch.optim.Muon([p], lr=0.01, adjust_lr_fn="match_rms_adamw")
    model = nn.Linear(4, 6, bias=False, rng=0, **F)
    model.weight.data[...] = W
    mine = optim.Muon(lr=0.01)
    rng = np.random.default_rng(1)
    for _ in range(10):
        g = rng.normal(size=W.shape)
        p.grad, model.gradient = torch.tensor(g), g.ravel()
        theirs.step(), mine.step(model)
    moved = p.detach().numpy() - W
    assert np.linalg.norm(model.weight.data - W - moved) < 0.02 * np.linalg.norm(moved)


def test_steps_are_as_large_as_adamws():
    """Liu et al. 2025: a root mean square of about 0.2 lr, whatever the shape."""
    for shape in ((64, 64), (8, 100), (100, 8)):
        G = np.random.default_rng(0).normal(size=shape)
        size = np.sqrt((factor(shape) * orthogonal(G)) ** 2).mean()
        assert 0.1 < size < 0.25
