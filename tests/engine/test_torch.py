"""The same numbers as PyTorch, where it is installed."""

import numpy as np
import pytest

from nbprop.engine import Tensor, apply, stack
from nbprop.engine.loss import MSE, BCEWithLogits, CrossEntropy
from nbprop.engine.matmul import Linear

pytestmark = pytest.mark.torch
RNG = np.random.default_rng(0)
X = RNG.standard_normal((5, 4))
W = RNG.standard_normal((3, 4))
b = RNG.standard_normal(3)
CLASSES = np.array([0, 2, 1, 3, 0])
TARGETS = RNG.random((5, 4))
PICKS = np.array([0, 2, 2])


def F(torch):
    return torch.nn.functional


SAME = {
    "sigmoid": (lambda x: x.sigmoid(), lambda x, torch: x.sigmoid()),
    "tanh": (lambda x: x.tanh(), lambda x, torch: x.tanh()),
    "relu": (lambda x: x.relu(), lambda x, torch: x.relu()),
    "leaky_relu": (lambda x: x.leaky_relu(), lambda x, torch: F(torch).leaky_relu(x)),
    "elu": (lambda x: x.elu(), lambda x, torch: F(torch).elu(x)),
    "gelu": (lambda x: x.gelu(), lambda x, torch: F(torch).gelu(x)),
    "gelu tanh": (lambda x: x.gelu("tanh"), lambda x, torch: F(torch).gelu(x, approximate="tanh")),
    "silu": (lambda x: x.silu(), lambda x, torch: F(torch).silu(x)),
    "softplus": (lambda x: x.softplus(), lambda x, torch: F(torch).softplus(x, threshold=100)),
    "softmax": (lambda x: x.softmax(), lambda x, torch: x.softmax(-1)),
    "log_softmax": (lambda x: x.log_softmax(dim=0), lambda x, torch: x.log_softmax(0)),
    "logsumexp": (lambda x: x.logsumexp(dim=1), lambda x, torch: x.logsumexp(1)),
    "sum": (lambda x: x.sum(dim=1, keepdim=True), lambda x, torch: x.sum(dim=1, keepdim=True)),
    "mean": (lambda x: x.mean(0), lambda x, torch: x.mean(0)),
    "max": (lambda x: x.max(axis=1), lambda x, torch: x.amax(1)),
    "var": (lambda x: x.var(axis=1, ddof=1), lambda x, torch: x.var(1)),
    "std": (lambda x: x.std(axis=0, ddof=1), lambda x, torch: x.std(0)),
    "gather": (lambda x: x[:, PICKS], lambda x, torch: x[:, torch.tensor(PICKS)]),
    "stack": (lambda x: stack([x, x * 2], axis=1), lambda x, torch: torch.stack([x, x * 2], 1)),
    "linear": (
        lambda x: apply(Linear(), x, W, b),
        lambda x, torch: F(torch).linear(x, torch.tensor(W), torch.tensor(b)),
    ),
    "mse": (lambda x: apply(MSE(), x, TARGETS), lambda x, torch: F(torch).mse_loss(x, torch.tensor(TARGETS))),
    "bce": (
        lambda x: apply(BCEWithLogits(), x, TARGETS),
        lambda x, torch: F(torch).binary_cross_entropy_with_logits(x, torch.tensor(TARGETS)),
    ),
    "cross_entropy": (
        lambda x: apply(CrossEntropy(), x, CLASSES),
        lambda x, torch: F(torch).cross_entropy(x, torch.tensor(CLASSES)),
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_same_as_pytorch(name):
    torch = pytest.importorskip("torch")
    ours, theirs = SAME[name]
    x, x_torch = Tensor(X, requires_grad=True), torch.tensor(X, requires_grad=True)
    y, y_torch = ours(x), theirs(x_torch, torch)
    np.testing.assert_allclose(y.data, y_torch.detach().numpy(), rtol=1e-10, atol=1e-12)
    dy = np.random.default_rng(1).standard_normal(y.shape)
    y.backward(dy)
    y_torch.backward(torch.tensor(dy))
    np.testing.assert_allclose(x.grad, x_torch.grad.numpy(), rtol=1e-9, atol=1e-12)
