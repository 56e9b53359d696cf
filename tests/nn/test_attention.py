"""Attention layers, transformer blocks and positions: numbers, gradients, nothing from the future, weight tying."""

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

import nbprop as nb
from nbprop import nn, optim
from nbprop.engine import Replay, ShapeError, Tensor, check_gradient, record

rng = np.random.default_rng(0)


def attend(q, k, v, mask=True):
    """The plainest attention there is, of matrices."""
    e = anp.exp(anp.dot(q, k.T) / np.sqrt(q.shape[1])) * mask
    return anp.dot(e / anp.sum(e, axis=1, keepdims=True), v)


def test_scaled_dot_product_attention():
    q, k, v = rng.normal(size=(3, 4)), rng.normal(size=(5, 4)), rng.normal(size=(5, 2))
    mask = np.array([[1, 0, 1, 1, 0], [1, 1, 0, 0, 1], [0, 1, 1, 0, 0]], bool)
    F = nn.scaled_dot_product_attention
    np.testing.assert_allclose(F(q, k, v).data, attend(q, k, v), rtol=1e-12)
    np.testing.assert_allclose(F(Tensor(q), Tensor(k), Tensor(v), mask).data, attend(q, k, v, mask), rtol=1e-12)
    np.testing.assert_allclose(F(q, k, v, is_causal=True).data, attend(q, k, v, np.tri(3, 5)), rtol=1e-12)
    both = F(q, k, v, mask.tolist(), is_causal=True).data
    np.testing.assert_allclose(both[:2], attend(q, k, v, mask & np.tri(3, 5, dtype=bool))[:2], rtol=1e-12)


# MultiheadAttention


@pytest.mark.parametrize("bias", [True, False])
def test_multihead_attention_is_attention_in_subspaces(bias):
    layer = nn.MultiheadAttention(6, 3, bias=bias, rng=0, dtype=np.float64)
    layer.theta[:] = rng.normal(size=layer.theta.size)
    q, k, v = rng.normal(size=(4, 6)), rng.normal(size=(5, 6)), rng.normal(size=(5, 6))
    W, b = layer.in_proj_weight.data, layer.in_proj_bias.data if bias else np.zeros(18)
    Q, K, V = (x @ W[i : i + 6].T + b[i : i + 6] for x, i in ((q, 0), (k, 6), (v, 12)))
    parts = [attend(Q[:, i : i + 2], K[:, i : i + 2], V[:, i : i + 2]) for i in (0, 2, 4)]
    expected = np.concatenate(parts, axis=1) @ layer.out_proj.weight.data.T
    expected += layer.out_proj.bias.data if bias else 0
    np.testing.assert_allclose(layer(q, k, v).data, expected, rtol=1e-10)
    assert layer.attention_weights.shape == (3, 4, 5)
    np.testing.assert_allclose(layer.attention_weights.sum(-1), 1)
    np.testing.assert_allclose(layer(q).data, layer(q, q, q).data, rtol=1e-13)
    np.testing.assert_allclose(layer(q, k).data, layer(q, k, k).data, rtol=1e-13)
    names = ["in_proj_weight", *["in_proj_bias"] * bias, "out_proj.weight", *["out_proj.bias"] * bias]
    assert [name for name, _ in layer.named_parameters()] == names


@pytest.mark.parametrize("crossed", [False, True])
def test_multihead_attention_gradients(crossed):
    layer = nn.MultiheadAttention(4, 2, rng=0, dtype=np.float64)
    mask = np.array([[1, 1, 0], [0, 1, 1], [1, 1, 1]], bool)

    def f(W, b, q, k, v):
        layer.in_proj_weight, layer.in_proj_bias = W, b
        return layer(q, k, v, mask) if crossed else layer(q, mask=mask)

    arrays = [rng.normal(size=s) for s in [(12, 4), (12,), (2, 3, 4), (2, 3, 4), (2, 3, 4)]]
    check_gradient(f, *arrays)


@pytest.mark.torch
@pytest.mark.parametrize("case", ["self", "cross", "causal", "mask", "no bias"])
def test_multihead_attention_against_pytorch(case):
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)  # many are slower on small arrays
    bias, causal = case != "no bias", case == "causal"
    ours = nn.MultiheadAttention(8, 4, bias=bias, causal=causal, dtype=np.float64)
    theirs = torch.nn.MultiheadAttention(8, 4, bias=bias, batch_first=True, dtype=torch.float64)
    state = {name: rng.normal(size=p.shape) for name, p in theirs.state_dict().items()}
    ours.load_state_dict(state)
    theirs.load_state_dict({name: torch.tensor(array) for name, array in state.items()})
    T, S = (5, 3) if case == "cross" else (5, 5)
    arrays = [rng.normal(size=s) for s in ((2, T, 8), (2, S, 8), (2, S, 8))]
    mask = np.tri(T, dtype=bool) if causal else rng.random((T, S)) > 0.4 if case in ("mask", "cross") else None
    if mask is not None:
        mask[:, 0] = True
    a, b = [Tensor(x, requires_grad=True) for x in arrays], [torch.tensor(x, requires_grad=True) for x in arrays]
    inputs = (a, b) if case == "cross" else (a[:1] * 3, b[:1] * 3)
    y = ours(*inputs[0], None if causal else mask)
    z, weights = theirs(*inputs[1], attn_mask=None if mask is None else torch.tensor(~mask), average_attn_weights=False)
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours.attention_weights, weights.detach().numpy(), rtol=1e-9, atol=1e-12)
    dy = rng.normal(size=y.shape)
    y.backward(dy)
    z.backward(torch.tensor(dy))
    gradients = dict(theirs.named_parameters())
    for name, p in ours.named_parameters():
        np.testing.assert_allclose(p.grad, gradients[name].grad.numpy(), rtol=1e-8, atol=1e-11, err_msg=name)
    for x, t in zip(a, b, strict=True):
        assert (x.grad is None) == (t.grad is None)
        if x.grad is not None:
            np.testing.assert_allclose(x.grad, t.grad.numpy(), rtol=1e-8, atol=1e-11)


def test_a_mask_for_each_sample():
    """Padding: what stands in places that do not count makes no difference."""
    layer = nn.MultiheadAttention(4, 2, rng=0)
    x = rng.normal(size=(3, 5, 4))
    counts = np.arange(5) < np.array([5, 2, 3])[:, None]
    y = layer(x, mask=counts[:, None, :]).data
    z = layer(np.where(counts[..., None], x, 99), mask=counts[:, None, :]).data
    np.testing.assert_allclose(y[counts], z[counts], rtol=1e-6)
    np.testing.assert_allclose(y[1, :2], layer(x[1, :2]).data, rtol=1e-5, atol=1e-6)
    assert layer(x[0]).shape == (5, 4) and layer(x[None]).shape == (1, 3, 5, 4)


def test_attention_weights_follow_a_replay():
    layer, x = nn.MultiheadAttention(4, 2, causal=True, rng=0), Tensor(rng.normal(size=(2, 3, 4)).astype("f4"))
    layer.zero_grad()
    with record() as tape:
        loss = (layer(x) ** 2).sum()
    replay, weights = Replay(tape, loss), layer.attention_weights
    replay.forward()
    x.data *= 3
    replay.forward()
    shown = weights.copy()
    layer(x)
    np.testing.assert_array_equal(shown, layer.attention_weights)


# TransformerBlock


def block_formula(x, p, heads, causal):
    """A block on one sequence (T, d), for HIPS autograd."""

    def norm(x, name):
        d = x - anp.mean(x, axis=1, keepdims=True)
        h = d / anp.sqrt(anp.mean(d * d, axis=1, keepdims=True) + 1e-5)
        return h * p[f"{name}.weight"] + p[f"{name}.bias"]

    T, d = x.shape
    qkv = anp.dot(norm(x, "norm1"), p["self_attn.in_proj_weight"].T) + p["self_attn.in_proj_bias"]
    size, mask = d // heads, np.tri(T) if causal else True
    starts = range(0, d, size)
    parts = [attend(*(qkv[:, i + j : i + j + size] for j in (0, d, 2 * d)), mask) for i in starts]
    mixed = anp.dot(anp.concatenate(parts, axis=1), p["self_attn.out_proj.weight"].T)
    x = x + mixed + p["self_attn.out_proj.bias"]
    z = anp.dot(norm(x, "norm2"), p["linear1.weight"].T) + p["linear1.bias"]
    a = z * (1 + anp.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3))) / 2
    return x + anp.dot(a, p["linear2.weight"].T) + p["linear2.bias"]


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
def test_block_against_pytorch_for_100_steps(activation):
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
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


# Whole models


def language_model(dtype=np.float32, tied=False, dropout=0.0, vocabulary=7, d=8, T=6):
    draw = np.random.default_rng(3)
    blocks = [nn.TransformerBlock(d, 2, causal=True, dropout=dropout, rng=draw, dtype=dtype) for _ in range(2)]
    model = nn.Sequential(
        nn.Embedding(vocabulary, d, rng=draw, dtype=dtype),
        nn.LearnedPositions(T, d, rng=draw, dtype=dtype),
        *blocks,
        nn.LayerNorm(d, dtype=dtype),
        nn.Linear(d, vocabulary, bias=not tied, rng=draw, dtype=dtype),
    )
    if tied:
        model[-1].weight = model[0].weight
    return model


def batch(seed, vocabulary=7, T=6, N=4):
    text = np.random.default_rng(seed).integers(0, vocabulary, (N, T + 1))
    return text[:, :-1].copy(), text[:, 1:].copy()


@pytest.mark.parametrize("tied", [False, True])
def test_model_gradient_along_directions(tied):
    model = language_model(np.float64, tied)
    x, y = batch(0)
    loss = nn.CrossEntropyLoss()
    model.zero_grad()
    loss(model(x), y).backward()
    gradient, theta = model.gradient.copy(), model.theta.copy()
    for direction in rng.normal(size=(5, theta.size)):
        values = []
        for eps in (1e-6, -1e-6):
            model.theta = theta + eps * direction
            values.append(loss(model(x), y).item())
        np.testing.assert_allclose(gradient @ direction, (values[0] - values[1]) / 2e-6, rtol=1e-6)


def test_nothing_flows_back_from_the_future():
    model = language_model(np.float64)
    T = 6
    for t in range(T):
        x = Tensor(rng.normal(size=(2, T, 8)), requires_grad=True)
        y = nn.Sequential(*list(model)[1:])(x)
        dy = np.zeros(y.shape)
        dy[:, t] = rng.normal(size=(2, 7))
        y.backward(dy)
        assert (x.grad[:, t + 1 :] == 0).all() and (x.grad[:, : t + 1] != 0).all()
    tokens, _ = batch(0)
    before = model(tokens).data.copy()
    tokens[:, 3:] = (tokens[:, 3:] + 1) % 7
    after = model(tokens).data
    np.testing.assert_allclose(after[:, :3], before[:, :3], rtol=1e-12)
    assert (np.abs(after[:, 3:] - before[:, 3:]).max(axis=-1) > 1e-3).all()


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_replay_and_eager_are_bit_equal(tied, dropout):
    results = []
    for replayed in (False, True):
        model, adam, loss, losses = language_model(tied=tied, dropout=dropout), optim.Adam(lr=0.01), None, []
        x, y = (Tensor(array) for array in batch(0))
        model.zero_grad()
        for step in range(30):
            x.data[...], y.data[...] = batch(step)
            if not replayed:
                model.zero_grad()
                loss = nn.CrossEntropyLoss()(model(x), y)
                loss.backward()
            elif loss is None:
                with record() as tape:
                    loss = nn.CrossEntropyLoss()(model(x), y)
                replay = Replay(tape, loss)
                replay.backward()
            else:
                replay.forward()
                replay.backward()
            losses.append(loss.item())
            adam.update(model.theta, model.gradient)
        results.append((losses, model.theta.copy(), model.gradient.copy()))
    assert results[0][0] == results[1][0] and len(set(results[0][0])) == 30
    np.testing.assert_array_equal(results[0][1], results[1][1])
    np.testing.assert_array_equal(results[0][2], results[1][2])


def test_learns_to_copy():
    """The next character is the one two places before: only attention can bring it here."""
    model, adam, loss = language_model(d=16, vocabulary=5, T=8), optim.Adam(lr=0.01), None
    for _ in range(250):
        start = rng.integers(0, 5, (16, 2))
        text = np.tile(start, 5)[:, :9]
        model.zero_grad()
        loss = nn.CrossEntropyLoss()(model(text[:, :-1])[:, 2:], text[:, 3:])
        loss.backward()
        adam.update(model.theta, model.gradient)
    assert loss.item() < 0.1


@pytest.mark.parametrize("tied", [False, True])
def test_saved_and_loaded(tied, tmp_path):
    model = nn.Sequential(*language_model(tied=tied), nn.SinusoidalPositions(6, 7), nn.MultiheadAttention(7, 1, False))
    nb.save(model, tmp_path / "model.npz")
    loaded = nb.load(tmp_path / "model.npz")
    assert repr(loaded) == repr(model) and loaded.theta.size == model.theta.size
    np.testing.assert_array_equal(loaded(batch(0)[0]).data, model(batch(0)[0]).data)


# Weight tying


def test_a_parameter_used_twice_gets_the_sum_of_both_gradients():
    free, tied = language_model(np.float64, tied=True), language_model(np.float64, tied=True)
    free[-1].weight = nn.Parameter(free[0].weight.data.copy())  # the same numbers, but a parameter of its own
    x, y = batch(0)
    for model in (free, tied):
        model.zero_grad()
        nn.CrossEntropyLoss()(model(x), y).backward()
    assert tied[-1].weight is tied[0].weight
    assert free.theta.size == tied.theta.size + 7 * 8
    assert [name for name, _ in tied.named_parameters()].count("0.weight") == 1
    assert not any(name.startswith("5.") for name, _ in tied.named_parameters())
    assert (free[0].weight.grad != 0).any() and (free[-1].weight.grad != 0).any()
    np.testing.assert_allclose(tied[0].weight.grad, free[0].weight.grad + free[-1].weight.grad, rtol=1e-12, atol=1e-15)
    with record() as tape:
        loss = nn.CrossEntropyLoss()(tied(x), y)
    eager = tied.gradient.copy()
    replay = Replay(tape, loss)
    for _ in range(3):
        tied.gradient.fill(99)
        replay.backward()
        np.testing.assert_array_equal(tied.gradient, eager)
        replay.forward()


@pytest.mark.torch
def test_tied_weights_against_pytorch_for_100_steps():
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    W = rng.normal(size=(7, 5))
    ours = nn.Sequential(nn.Embedding(7, 5, dtype=np.float64), nn.Tanh(), nn.Linear(5, 7, bias=False, dtype=np.float64))
    ours[2].weight = ours[0].weight
    ours.load_state_dict({"0.weight": W})
    t = torch.tensor(W, requires_grad=True)
    x, y = batch(0)
    adam, optimizer = optim.Adam(lr=0.01), torch.optim.Adam([t], lr=0.01)
    for _ in range(100):
        ours.zero_grad()
        optimizer.zero_grad()
        loss = nn.CrossEntropyLoss()(ours(x), y)
        loss.backward()
        z = t[torch.tensor(x)].tanh() @ t.T
        torch.nn.functional.cross_entropy(z.reshape(-1, 7), torch.tensor(y).reshape(-1)).backward()
        np.testing.assert_allclose(ours[0].weight.grad, t.grad.numpy(), rtol=1e-6, atol=1e-9)
        adam.update(ours.theta, ours.gradient)
        optimizer.step()
    np.testing.assert_allclose(ours.theta.reshape(7, 5), t.detach().numpy(), atol=1e-6)


# Positions


def test_sinusoidal_positions():
    layer = nn.SinusoidalPositions(50, 8, dtype=np.float64)
    for t in (0, 1, 7, 49):
        for i in range(4):
            np.testing.assert_allclose(layer.weight[t, 2 * i], np.sin(t / 10000 ** (2 * i / 8)), atol=1e-12)
            np.testing.assert_allclose(layer.weight[t, 2 * i + 1], np.cos(t / 10000 ** (2 * i / 8)), atol=1e-12)
    products = layer.weight @ layer.weight.T  # depend on the distance alone
    np.testing.assert_allclose(products[3, 10], products[23, 30])
    x = Tensor(rng.normal(size=(2, 5, 8)), requires_grad=True)
    y = layer(x)
    np.testing.assert_array_equal(y.data, x.data + layer.weight[:5])
    y.sum().backward()
    assert (x.grad == 1).all() and layer.parameters() == []
    assert nn.SinusoidalPositions(3, 5).weight.shape == (3, 5) and nn.SinusoidalPositions(3, 4).weight.dtype == "f4"


def test_learned_positions():
    layer = nn.LearnedPositions(6, 4, rng=0, dtype=np.float64)
    x = rng.normal(size=(3, 5, 4))
    np.testing.assert_array_equal(layer(x).data, x + layer.weight.data[:5])
    assert 0.005 < layer.weight.data.std() < 0.05

    def f(x, W):
        layer.weight = W
        return layer(x) ** 2

    check_gradient(f, x, layer.weight.data)


# Errors


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.MultiheadAttention(6, 4), r"num_heads must divide embed_dim into equal parts; got 6 and 4 heads"),
        (lambda: nn.MultiheadAttention(6, 0), r"num_heads must be an integer, 1 or more; got 0"),
        (lambda: nn.TransformerBlock(6, 4), r"num_heads must divide embed_dim"),
        (lambda: nn.TransformerBlock(6, 2, 0), r"dim_feedforward must be an integer, 1 or more; got 0"),
        (lambda: nn.TransformerBlock(2.5, 1), r"embed_dim must be an integer, 1 or more; got 2.5"),
        (lambda: nn.TransformerBlock(4, 2, activation="gleu"), r"unknown activation 'gleu'; did you mean 'gelu'\?"),
        (lambda: nn.TransformerBlock(4, 2, dropout=2), r"p must be a number from 0 to 1; got 2"),
        (lambda: nn.LearnedPositions(0, 4), r"max_len must be an integer, 1 or more; got 0"),
    ],
)
def test_bad_settings(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (
            lambda: nn.MultiheadAttention(4, 2)(np.zeros((3, 5))),
            r"MultiheadAttention\(embed_dim=4, num_heads=2, causal=False\) expected query \(..., T, 4\); got.*\(3, 5\)",
        ),
        (lambda: nn.MultiheadAttention(4, 2)(np.zeros((3, 4)), np.zeros(4)), r"expected key \(..., T, 4\).*\(4,\)"),
        (
            lambda: nn.MultiheadAttention(4, 2)(np.zeros((2, 3, 4)), mask=np.ones((2, 3), bool)),
            r"broadcast.*\(2, 3\) and .*\(2, 3, 3\).*mask\[:, None, :\]",
        ),
        (
            lambda: nn.TransformerBlock(4, 2)(np.zeros((3, 4)), np.ones((3, 2), bool)),
            r"broadcast.*\(3, 2\) and .*\(3, 3\).*mask \(..., T, S\)",
        ),
        (lambda: nn.LearnedPositions(5, 4)(np.zeros((6, 4))), r"LearnedPositions\(5, 4\) expected .* at most T = 5.*6"),
        (lambda: nn.SinusoidalPositions(5, 4)(np.zeros((2, 3))), r"expected \(..., T, 4\).*\(2, 3\)"),
    ],
)
def test_wrong_shapes(use, message):
    with pytest.raises(ShapeError, match=message):
        use()
