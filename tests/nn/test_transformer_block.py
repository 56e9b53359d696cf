"""TransformerBlock: against HIPS autograd and PyTorch, masks, dropout, errors."""

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from formulas import attend, standardized, tanh_gelu

from nbprop import nn, optim
from nbprop.engine import ShapeError, Tensor

rng = np.random.default_rng(0)


def block_formula(x, p, heads, causal):
    """A block on one sequence (T, d), for HIPS autograd."""

    def norm(x, name):
        return standardized(x, 1) * p[f"{name}.weight"] + p[f"{name}.bias"]

    T, d = x.shape
    qkv = anp.dot(norm(x, "norm1"), p["self_attn.in_proj_weight"].T) + p["self_attn.in_proj_bias"]
    size, mask = d // heads, np.tri(T) if causal else True
    starts = range(0, d, size)
    parts = [attend(*(qkv[:, i + j : i + j + size] for j in (0, d, 2 * d)), mask) for i in starts]
    mixed = anp.dot(anp.concatenate(parts, axis=1), p["self_attn.out_proj.weight"].T)
    x = x + mixed + p["self_attn.out_proj.bias"]
    z = anp.dot(norm(x, "norm2"), p["linear1.weight"].T) + p["linear1.bias"]
    return x + anp.dot(tanh_gelu(z), p["linear2.weight"].T) + p["linear2.bias"]


@pytest.mark.parametrize("causal", [False, True])
def test_block_against_autograd(causal):
    block = nn.TransformerBlock(6, 2, dim_feedforward=5, causal=causal, rng=0, dtype=np.float64)
    block.theta[:] += 0.3 * rng.normal(size=block.theta.size)
    x, dy = rng.normal(size=(2, 4, 6)), rng.normal(size=(2, 4, 6))

    def f(p, x):
        return sum(anp.sum(dy[n] * block_formula(x[n], p, 2, causal)) for n in range(2))

    values = {name: p.data.copy() for name, p in block.named_parameters()}
    t = Tensor(x, requires_grad=True)
    y = block(t)
    np.testing.assert_allclose(np.sum(dy * y.data), f(values, x), rtol=1e-10)
    y.backward(dy)
    np.testing.assert_allclose(t.grad, autograd.grad(f, 1)(values, x), rtol=1e-8, atol=1e-11)
    expected = autograd.grad(f)(values, x)
    for name, p in block.named_parameters():
        np.testing.assert_allclose(p.grad, expected[name], rtol=1e-8, atol=1e-10, err_msg=name)


@pytest.mark.torch
@pytest.mark.parametrize("activation", ["gelu", "relu"])
def test_block_against_pytorch_for_100_steps(torch, activation):
    F = torch.nn.functional
    ours = nn.TransformerBlock(8, 2, 12, activation=activation, causal=True, rng=0, dtype=np.float64)
    theirs = torch.nn.TransformerEncoderLayer(
        8,
        2,
        12,
        dropout=0.0,
        activation={"gelu": lambda z: F.gelu(z, approximate="tanh"), "relu": F.relu}[activation],
        norm_first=True,
        batch_first=True,
        dtype=torch.float64,
    )
    theirs.load_state_dict({name: torch.tensor(array) for name, array in ours.state_dict().items()})
    x, target = rng.normal(size=(3, 5, 8)), rng.normal(size=(3, 5, 8))
    future = torch.triu(torch.ones(5, 5, dtype=torch.bool), 1)
    adam, optimizer = optim.Adam(lr=0.01), torch.optim.Adam(theirs.parameters(), lr=0.01)
    for step in range(100):
        ours.zero_grad()
        optimizer.zero_grad()
        a = nn.MSELoss()(ours(x), target)
        b = F.mse_loss(theirs(torch.tensor(x), src_mask=future), torch.tensor(target))
        a.backward()
        b.backward()
        np.testing.assert_allclose(a.item(), b.item(), rtol=1e-6)
        if step == 0:
            gradients = dict(theirs.named_parameters())
            for name, p in ours.named_parameters():
                np.testing.assert_allclose(p.grad, gradients[name].grad.numpy(), rtol=1e-8, atol=1e-11, err_msg=name)
        adam.update(ours.theta, ours.gradient)
        optimizer.step()
    trained = theirs.state_dict()
    for name, array in ours.state_dict().items():
        np.testing.assert_allclose(array, trained[name].numpy(), atol=1e-4, err_msg=name)


def test_block_takes_a_mask():
    block = nn.TransformerBlock(4, 2, rng=0)
    x, counts = rng.normal(size=(2, 5, 4)), np.arange(5) < np.array([5, 3])[:, None]
    y = block(x, mask=counts[:, None, :]).data
    np.testing.assert_allclose(y[1, :3], block(x[1, :3]).data, rtol=1e-5, atol=1e-6)


def test_dropout_acts_on_both_branches_while_training():
    block = nn.TransformerBlock(8, 2, dropout=0.5, rng=0)
    x = rng.normal(size=(2, 3, 8)).astype("f4")
    assert np.abs(block(x).data - block(x).data).max() > 0.01
    block.eval()
    np.testing.assert_array_equal(block(x).data, block(x).data)
    assert (nn.TransformerBlock(8, 2, dropout=1.0, rng=0)(x).data == x).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.TransformerBlock(6, 4), r"num_heads must divide embed_dim"),
        (lambda: nn.TransformerBlock(6, 2, 0), r"dim_feedforward must be an integer, 1 or more; got 0"),
        (lambda: nn.TransformerBlock(2.5, 1), r"embed_dim must be an integer, 1 or more; got 2.5"),
        (lambda: nn.TransformerBlock(4, 2, activation="gleu"), r"unknown activation 'gleu'; did you mean 'gelu'\?"),
        (lambda: nn.TransformerBlock(4, 2, dropout=2), r"p must be a number from 0 to 1; got 2"),
    ],
)
def test_bad_settings(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def test_wrong_mask():
    with pytest.raises(ShapeError, match=r"broadcast.*\(3, 2\) and .*\(3, 3\).*mask \(..., T, S\)"):
        nn.TransformerBlock(4, 2)(np.zeros((3, 4)), np.ones((3, 2), bool))
