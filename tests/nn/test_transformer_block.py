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


@pytest.mark.torch
@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("decoder", [False, True])
def test_encoder_and_decoder_against_pytorch(torch, norm_first, decoder):
    """With masks of both attentions, and the gradient that the memory gets."""
    ours = nn.TransformerBlock(
        8, 2, 12, activation="relu", causal=decoder, decoder=decoder, norm_first=norm_first, rng=0, dtype=np.float64
    )
    ours.theta += 0.1 * rng.normal(size=ours.theta.shape)
    kind = torch.nn.TransformerDecoderLayer if decoder else torch.nn.TransformerEncoderLayer
    theirs = kind(8, 2, 12, dropout=0.0, norm_first=norm_first, batch_first=True, dtype=torch.float64)
    theirs.load_state_dict({name: torch.tensor(array) for name, array in ours.state_dict().items()})
    x, memory = rng.normal(size=(3, 5, 8)), rng.normal(size=(3, 4, 8))
    padding, its_padding = (np.arange(n) >= np.array([n, 2, 3])[:, None] for n in (5, 4))
    future, hidden = ~np.tri(5, dtype=bool), rng.random((5, 4)) > 0.7
    hidden[:, 0] = False
    a, b = (
        [Tensor(v, requires_grad=True) for v in (x, memory)],
        [torch.tensor(v, requires_grad=True) for v in (x, memory)],
    )
    if decoder:
        y = ours(*a, key_padding_mask=padding, memory_mask=hidden, memory_key_padding_mask=its_padding)
        z = theirs(
            *b, tgt_mask=torch.tensor(future), tgt_key_padding_mask=torch.tensor(padding),
            memory_mask=torch.tensor(hidden), memory_key_padding_mask=torch.tensor(its_padding),
        )  # fmt: skip
    else:
        y = ours(a[0], key_padding_mask=padding, attn_mask=future)
        z = theirs(b[0], src_mask=torch.tensor(future), src_key_padding_mask=torch.tensor(padding))
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-12, atol=1e-12)
    dy = rng.normal(size=y.shape)
    y.backward(dy)
    z.backward(torch.tensor(dy))
    for name, p in theirs.named_parameters():
        mine = dict(ours.named_parameters())[name].grad
        np.testing.assert_allclose(mine, p.grad.numpy(), rtol=1e-11, atol=1e-12, err_msg=name)
    for t, s in zip(a[: 1 + decoder], b, strict=False):
        np.testing.assert_allclose(t.grad, s.grad.numpy(), rtol=1e-11, atol=1e-12)


def test_a_memory_where_there_is_to_be_one():
    x = np.zeros((2, 3, 4))
    with pytest.raises(TypeError, match=r"decoder=True looks at a memory: block\(x, memory\)"):
        nn.TransformerBlock(4, 2, decoder=True)(x)
    with pytest.raises(TypeError, match=r"takes a memory if decoder=True; a mask is block\(x, mask=mask\)"):
        nn.TransformerBlock(4, 2)(x, np.ones((3, 3), bool))
    with pytest.raises(ShapeError, match=r"expected key \(..., T, 4\); got \(2, 3, 5\)"):
        nn.TransformerBlock(4, 2, decoder=True)(x, np.zeros((2, 3, 5)))


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
        nn.TransformerBlock(4, 2)(np.zeros((3, 4)), mask=np.ones((3, 2), bool))
