"""CTCLoss: as PyTorch's, in training, errors."""

import numpy as np
import pytest

from nbprop import nn, optim
from nbprop.engine import Replay, ShapeError, Tensor, check_gradient, record

rng = np.random.default_rng(0)
Z = rng.standard_normal((8, 3, 4))
TARGETS = np.array([[1, 1, 2], [3, 0, 0], [0, 0, 0]])
FRAMES, LENGTHS = np.array([8, 5, 6]), np.array([3, 1, 0])


@pytest.mark.torch
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("zero_infinity", [False, True])
def test_against_pytorch(reduction, zero_infinity):
    torch = pytest.importorskip("torch")
    z, t = Tensor(Z, requires_grad=True), torch.tensor(Z, requires_grad=True)
    frames = np.array([3, 5, 6]) if zero_infinity else FRAMES  # 3 are too few for 1, blank, 1, 2
    settings = {"reduction": reduction, "zero_infinity": zero_infinity}
    a = nn.CTCLoss(**settings)(z.log_softmax(), TARGETS, frames, LENGTHS)
    arrays = map(torch.tensor, (TARGETS, frames, LENGTHS))
    b = torch.nn.CTCLoss(**settings)(t.log_softmax(-1), *arrays)
    np.testing.assert_allclose(a.data, b.detach().numpy(), rtol=1e-10)
    dy = np.arange(1.0, 4) if reduction == "none" else 1.0
    a.backward(dy)
    b.backward(torch.tensor(dy))
    np.testing.assert_allclose(z.grad, t.grad.numpy(), rtol=1e-8, atol=1e-12)


@pytest.mark.torch
def test_pytorchs_gradient_for_log_probs_holds_that_of_log_softmax():
    torch = pytest.importorskip("torch")
    log_probs = Tensor(Z).log_softmax().data
    x, t = Tensor(log_probs, requires_grad=True), torch.tensor(log_probs, requires_grad=True)
    nn.CTCLoss(reduction="sum")(x, [[1, 1, 2]] * 3).backward()
    torch.nn.CTCLoss(reduction="sum")(t, torch.tensor([[1, 1, 2]] * 3), (8, 8, 8), (3, 3, 3)).backward()
    np.testing.assert_allclose(x.grad + np.exp(log_probs), t.grad.numpy(), rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_gradient(reduction):
    loss = nn.CTCLoss(reduction=reduction)
    check_gradient(lambda z: loss(z.log_softmax(), TARGETS, FRAMES, LENGTHS), Z)
    check_gradient(lambda z: loss(z, TARGETS, FRAMES, LENGTHS), Z)


def test_lengths_are_those_of_the_arrays_by_default():
    x, labels = Tensor(Z).log_softmax(), [[1, 1], [3, 2], [2, 3]]
    expected = nn.CTCLoss()(x, np.array(labels), np.full(3, 8), np.full(3, 2)).item()
    assert nn.CTCLoss()(x, labels).item() == nn.CTCLoss()(x, Tensor(np.array(labels))).item() == expected


def test_learns_to_write_labels_without_alignment():
    """Frames show one of three signs for a while, noise in between; nobody says when."""
    draw = np.random.default_rng(1)
    T, N = 14, 24
    labels = np.array([draw.choice([1, 2, 3], 2, replace=False) for _ in range(N)])
    x = 0.1 * draw.standard_normal((T, N, 3)).astype("f4")
    for n, (first, second) in enumerate(labels):
        a, b = draw.integers(0, 4), draw.integers(7, 11)
        x[a : a + 3, n, first - 1] += 1
        x[b : b + 3, n, second - 1] += 1
    model, loss, adam = nn.mlp([3, 12, 4], seed=0), nn.CTCLoss(), optim.Adam(lr=0.03)
    model.zero_grad()
    with record() as tape:
        value = loss(model(x).log_softmax(), labels)
    step = Replay(tape, value)
    for k in range(150):
        if k:
            step.forward()
        step.backward()
        adam.update(model.theta, model.gradient)
    assert value.item() < 0.1
    best = model(x).data.argmax(-1)
    read = [[c for c, before in zip(row, [0, *row[:-1]], strict=True) if c and c != before] for row in best.T]
    assert read == labels.tolist()


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_dtype_is_that_of_the_log_probs(dtype):
    for reduction in ("mean", "sum", "none"):
        x = Tensor(Z.astype(dtype), requires_grad=True)
        loss = nn.CTCLoss(reduction=reduction)(x.log_softmax(), TARGETS, FRAMES, LENGTHS)
        loss.backward(np.ones_like(loss.data))
        assert loss.dtype == x.grad.dtype == dtype


def test_errors():
    with pytest.raises(ValueError, match=r"reduction must be one of 'mean', 'sum', 'none'; got 'average'"):
        nn.CTCLoss(reduction="average")
    with pytest.raises(ShapeError, match=r"\(3, 8, 4\) and \(3, 3\).*swapaxes\(0, 1\)"):
        nn.CTCLoss()(Tensor(Z.swapaxes(0, 1)), TARGETS)
    with pytest.raises(ShapeError, match=r"\(3,\).*targets \(N, S\)"):
        nn.CTCLoss()(Tensor(Z), [1, 2, 3])
    assert repr(nn.CTCLoss(2)) == "CTCLoss(blank=2, reduction='mean', zero_infinity=False)"
