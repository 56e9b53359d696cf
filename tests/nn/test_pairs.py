"""Losses of several inputs: alone, beside PyTorch, and in an objective."""

import numpy as np
import pytest

import nbprop as nb
from nbprop import nn
from nbprop.engine import ShapeError, Tensor, check_gradient

rng = np.random.default_rng(0)
A, B, C = rng.normal(size=(3, 7, 4))
SIGNS = np.where(rng.random(7) < 0.5, -1, 1)
EACH = np.where(rng.random((7, 4)) < 0.5, -1.0, 1.0)
V = rng.uniform(0.2, 2, (7, 4))
CASES = [  # loss, settings, inputs with a gradient, target
    ("CosineEmbeddingLoss", {}, (A, B), SIGNS),
    ("CosineEmbeddingLoss", {"margin": 0.2}, (A, B), SIGNS),
    ("TripletMarginLoss", {}, (A, B, C), None),
    ("TripletMarginLoss", {"margin": 0.3, "p": 1.0, "swap": True}, (A, B, C), None),
    ("TripletMarginLoss", {"margin": 2.0, "p": 3.0, "eps": 1e-3}, (A, B, C), None),
    ("MarginRankingLoss", {"margin": 0.5}, (A, B), EACH),
]
REDUCTIONS = pytest.mark.parametrize("reduction", ["mean", "sum", "none"])


def compared(ours, theirs, inputs, *rest):
    import torch

    x, t = [Tensor(a, True) for a in inputs], [torch.tensor(a, requires_grad=True) for a in inputs]
    a, b = ours(*x, *rest), theirs(*t, *map(torch.tensor, rest))
    dy = np.random.default_rng(1).normal(size=a.shape)
    a.backward(dy)
    b.backward(torch.tensor(dy))
    np.testing.assert_allclose(a.data, b.detach().numpy(), rtol=1e-12, atol=1e-14)
    for mine, other in zip(x, t, strict=True):
        np.testing.assert_allclose(mine.grad, other.grad.numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("name", "settings", "inputs", "y"), CASES)
@REDUCTIONS
@pytest.mark.torch
def test_against_pytorch(name, settings, inputs, y, reduction):
    torch = pytest.importorskip("torch")
    ours, theirs = (getattr(lib, name)(**settings, reduction=reduction) for lib in (nn, torch.nn))
    compared(ours, theirs, inputs, *(() if y is None else (y,)))


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("wide", [False, True])
@REDUCTIONS
@pytest.mark.torch
def test_gaussian_against_pytorch(full, wide, reduction):
    torch = pytest.importorskip("torch")
    var = V if wide else V[:, :1]
    ours, theirs = (lib.GaussianNLLLoss(full=full, reduction=reduction) for lib in (nn, torch.nn))
    compared(lambda x, v: ours(x, B, v), lambda x, v: theirs(x, torch.tensor(B), v), (A, var))


@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.torch
def test_cosine_similarity_against_pytorch(dim):
    torch = pytest.importorskip("torch")
    theirs = torch.nn.functional.cosine_similarity
    compared(lambda x, y: nn.cosine_similarity(x, y, dim), lambda x, y: theirs(x, y, dim), (A, B))


def test_cosine_similarity():
    x = Tensor([[1.0, 0], [2, 2], [0, 0]], requires_grad=True)
    cos = nn.cosine_similarity(x, [[0.0, 3], [5, 5], [1, 1]])
    np.testing.assert_allclose(cos.data, [0, 1, 0], atol=1e-7)
    cos.sum().backward()
    assert np.isfinite(x.grad).all()  # that of zeros, too
    assert nn.cosine_similarity(A, B[0]).shape == (7,)
    check_gradient(nn.cosine_similarity, A, B)
    with pytest.raises(ShapeError, match=r"axis 1 is out of bounds"):
        nn.cosine_similarity(A[0], B[0])


def test_one_pair_is_as_good_as_many():
    for sign in (1, -1):
        one = nn.CosineEmbeddingLoss()(A[0], B[0], sign).item()
        assert one == pytest.approx(nn.CosineEmbeddingLoss()(A[:1], B[:1], [sign]).item())
    assert nn.TripletMarginLoss()(A[0], B[0], C[0]).shape == ()


def test_triplets_that_are_far_enough_apart_have_no_gradient():
    a = Tensor(np.zeros((2, 2)), requires_grad=True)
    loss = nn.TripletMarginLoss(margin=1.0)(a, [[0.5, 0], [0.5, 0]], [[0, 9.0], [0, 1.0]])
    loss.backward()
    assert loss.item() == pytest.approx(0.25, rel=1e-5) and not a.grad[0].any() and a.grad[1].any()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.TripletMarginLoss()(A, B, C[:3]), ShapeError, r"TripletMarginLoss expects inputs of one.*\(3, 4"),
        (lambda: nn.TripletMarginLoss()(A[:0], B[:0], C[:0]), ShapeError, r"not empty; got \(0, 4\) and"),
        (lambda: nn.TripletMarginLoss(p=0), ValueError, r"p must be .* greater than 0; got 0"),
        (lambda: nn.TripletMarginLoss(reduction="non"), ValueError, r"did you mean 'none'"),
        (lambda: nn.CosineEmbeddingLoss()(A, B, SIGNS > 0), ValueError, r"of 1 and -1; got False to True; try 2 \* y"),
        (lambda: nn.CosineEmbeddingLoss()(A, B, SIGNS * 2), ValueError, r"target of 1 and -1; got -2 to 2$"),
        (lambda: nn.CosineEmbeddingLoss()(A, B, EACH), ShapeError, r"x2 \(n, d\) and a target \(n,\); got \(7, 4\)"),
        (lambda: nn.CosineEmbeddingLoss(margin=2), ValueError, r"margin must be a number from -1 to 1; got 2"),
        (lambda: nn.MarginRankingLoss()(A, B, SIGNS), ShapeError, r"of one shape, not empty; got .*\(7,\)"),
        (lambda: nn.GaussianNLLLoss()(A, B, -V), ValueError, r"variances of at least 0; got -.*try v.exp\(\)"),
        (lambda: nn.GaussianNLLLoss()(A, B, V[0]), ShapeError, r"a variance of shape \(7, 4\) or .*; got \(4,\)"),
        (lambda: nn.loss(nn.TripletMarginLoss), TypeError, r"takes more than an output and a target: call it in"),
    ],
)  # fmt: skip
def test_bad_input(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_triplets_are_learned_by_an_objective():
    """Points on a circle: those of one half belong together."""
    angles = rng.uniform(0, 2 * np.pi, 240)
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    up, down = points[points[:, 1] > 0.1][:60], points[points[:, 1] < -0.1][:60]
    triplets = up[:30], up[30:], down[:30]
    triplet = nn.TripletMarginLoss(margin=1.0)

    def apart(model, batch):
        return triplet(*map(model, batch))

    trainer = nb.Trainer(nn.mlp([2, 16, 2], seed=0), objective=nb.Objective(apart, triplets), lr=0.02, seed=0)
    trainer.fit(steps=150, bar=False)
    a, p, n = (trainer.predict(each) for each in (up[:30], up[30:], down[30:]))
    assert (np.linalg.norm(a - p, axis=1) < np.linalg.norm(a - n, axis=1)).mean() > 0.95
    theta = trainer.theta.copy()
    trainer.rewind(100)
    trainer.fit(steps=50, bar=False)
    np.testing.assert_array_equal(trainer.theta, theta)


def test_pairs_are_learned_by_an_objective():
    left, right = rng.normal(size=(2, 100, 3)).astype(np.float32)
    y = np.where((left * right).sum(axis=1) > 0, 1, -1)
    pairs = nn.CosineEmbeddingLoss(margin=0.2)

    def loss(model, batch):
        left, right, y = batch
        return pairs(model(left), model(right), y)

    data = nb.data.Arrays((left, right, y))
    trainer = nb.Trainer(nn.mlp([3, 16, 3], seed=0), objective=nb.Objective(loss, data), lr=0.02, seed=0)
    before = trainer.evaluation["train_loss"]
    trainer.fit(steps=150, bar=False)
    assert trainer.evaluation["train_loss"] < 0.7 * before
