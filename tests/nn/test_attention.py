"""Attention and MultiheadAttention: numbers, gradients, masks, replay, against PyTorch, errors."""

import numpy as np
import pytest
from formulas import attend

from nbprop import nn
from nbprop.engine import Replay, ShapeError, Tensor, check_gradient, record

rng = np.random.default_rng(0)


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
        return layer(q, k, v, mask=mask) if crossed else layer(q, mask=mask)

    arrays = [rng.normal(size=s) for s in [(12, 4), (12,), (2, 3, 4), (2, 3, 4), (2, 3, 4)]]
    check_gradient(f, *arrays)


@pytest.mark.torch
@pytest.mark.parametrize("case", ["self", "cross", "causal", "mask", "no bias"])
def test_multihead_attention_against_pytorch(torch, case):
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
    y = ours(*inputs[0], mask=None if causal else mask)
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


@pytest.mark.torch
@pytest.mark.parametrize("kind", ["bool", "float", "one for each head", "none"])
@pytest.mark.parametrize("padding", [None, bool, float])
@pytest.mark.parametrize("sizes", [{}, {"kdim": 3}, {"kdim": 5, "vdim": 6, "bias": False}])
@pytest.mark.parametrize("batch_first", [False, True])
def test_everything_pytorch_has(torch, kind, padding, sizes, batch_first):
    """Masks of all kinds together, other features for key and value, the axes, the weights and their mean."""
    N, T, S, d, heads = 2, 4, 3, 8, 2
    ours = nn.MultiheadAttention(d, heads, batch_first=batch_first, **sizes, dtype=np.float64)
    theirs = torch.nn.MultiheadAttention(d, heads, batch_first=batch_first, **sizes, dtype=torch.float64)
    state = {name: rng.normal(size=p.shape) for name, p in theirs.state_dict().items()}
    ours.load_state_dict(state)
    theirs.load_state_dict({name: torch.tensor(array) for name, array in state.items()})
    arrays = [rng.normal(size=(N, n, f)) for n, f in ((T, d), (S, sizes.get("kdim", d)), (S, sizes.get("vdim", d)))]
    arrays = arrays if batch_first else [x.swapaxes(0, 1) for x in arrays]
    hidden = {"bool": rng.random((T, S)) > 0.6, "none": None}.get(kind, rng.normal(size=(T, S)))
    if kind == "one for each head":
        hidden = rng.random((N * heads, T, S)) > 0.6
    if hidden is not None and hidden.dtype == bool:
        hidden[..., 0] = False
    masks = {"attn_mask": hidden, "key_padding_mask": np.array([[False, False, True], [False, False, False]])}
    if padding is float:
        masks["key_padding_mask"] = np.where(masks["key_padding_mask"], -np.inf, 0.25)
    if padding is None:
        del masks["key_padding_mask"]
    elif hidden is not None and hidden.dtype != masks["key_padding_mask"].dtype:
        return  # PyTorch warns that it does not like it
    a, b = [Tensor(x, requires_grad=True) for x in arrays], [torch.tensor(x, requires_grad=True) for x in arrays]
    tensors = {name: None if mask is None else torch.tensor(mask) for name, mask in masks.items()}
    for average in (False, True):
        y, weights = ours(*a, need_weights=True, average_attn_weights=average, **masks)
        z, its_weights = theirs(*b, average_attn_weights=average, **tensors)
        np.testing.assert_allclose(weights.data, its_weights.detach().numpy(), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-12, atol=1e-12)
    dy = rng.normal(size=y.shape)
    y.backward(dy)
    z.backward(torch.tensor(dy))
    gradients = dict(theirs.named_parameters())
    assert gradients.keys() == dict(ours.named_parameters()).keys()
    for name, p in ours.named_parameters():
        np.testing.assert_allclose(p.grad, gradients[name].grad.numpy(), rtol=1e-11, atol=1e-12, err_msg=name)
    for x, t in zip(a, b, strict=True):
        np.testing.assert_allclose(x.grad, t.grad.numpy(), rtol=1e-11, atol=1e-12)


def test_the_two_conventions_of_a_mask():
    """mask: True where a query may look; attn_mask and key_padding_mask: where it may not; all must allow it."""
    layer, x = nn.MultiheadAttention(4, 2, rng=0), rng.normal(size=(3, 5, 4))
    may, padding = rng.random((5, 5)) > 0.3, np.arange(5) >= np.array([5, 2, 3])[:, None]
    y = layer(x, mask=may & ~padding[:, None] & np.tri(5, dtype=bool)).data
    np.testing.assert_array_equal(layer(x, attn_mask=~may, key_padding_mask=padding, is_causal=True).data, y)
    np.testing.assert_array_equal(
        layer(x, mask=may, attn_mask=np.triu(np.ones((5, 5)), 1) > 0, key_padding_mask=padding).data, y
    )
    added = np.where(np.tri(5, dtype=bool), 0.0, -np.inf)
    np.testing.assert_array_equal(layer(x, mask=may, attn_mask=added, key_padding_mask=padding).data, y)
    one = layer(x[1], mask=may, is_causal=True, key_padding_mask=padding[1])
    np.testing.assert_allclose(one.data, y[1], rtol=1e-5, atol=1e-6)


def test_a_place_that_may_look_nowhere_gets_zeros():
    """PyTorch makes NaN of it, which is then everywhere."""
    layer, x = nn.MultiheadAttention(4, 2, rng=0), Tensor(rng.normal(size=(2, 3, 4)), requires_grad=True)
    y, weights = layer(x, key_padding_mask=[[False] * 3, [True] * 3], need_weights=True)
    np.testing.assert_array_equal(y.data[1], np.tile(layer.out_proj.bias.data, (3, 1)))
    assert (weights.data[1] == 0).all() and np.allclose(weights.data[0].sum(-1), 1)
    (y * y).sum().backward()
    assert np.isfinite(layer.gradient).all() and (x.grad[1] == 0).all()


def test_dropout_of_attention():
    layer, x = nn.MultiheadAttention(4, 2, dropout=0.5, rng=0), rng.normal(size=(2, 6, 4))
    assert layer.dropout == 0.5 and np.abs(layer(x).data - layer(x).data).max() > 1e-3
    np.testing.assert_allclose(layer.attention_weights.sum(-1), 1, rtol=1e-6)
    layer.eval()
    np.testing.assert_array_equal(layer(x).data, layer(x).data)
    q = rng.normal(size=(6, 4))
    drawn = [nn.scaled_dot_product_attention(q, q, q, dropout_p=0.5, rng=seed).data for seed in (1, 1, 2)]
    assert (drawn[0] == drawn[1]).all() and (drawn[0] != drawn[2]).any()


def test_a_bias_of_the_scores_is_learned():
    """As in ALiBi or a table of relative positions: a float mask may require a gradient."""
    x = rng.normal(size=(2, 3, 4))
    check_gradient(lambda m: nn.scaled_dot_product_attention(x, x, x, m, scale=0.7) ** 2, rng.normal(size=(3, 3)))


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


@pytest.mark.parametrize(
    ("heads", "message"),
    [
        (4, r"num_heads must divide embed_dim into equal parts; got 6 and 4 heads"),
        (0, r"num_heads must be an integer, 1 or more; got 0"),
    ],
)
def test_bad_settings(heads, message):
    with pytest.raises(ValueError, match=message):
        nn.MultiheadAttention(6, heads)


@pytest.mark.parametrize(
    ("arrays", "mask", "message"),
    [
        (
            [np.zeros((3, 5))],
            None,
            r"MultiheadAttention\(embed_dim=4, num_heads=2, causal=False\) expected query \(..., T, 4\); got.*\(3, 5\)",
        ),
        ([np.zeros((3, 4)), np.zeros(4)], None, r"expected key \(..., T, 4\).*\(4,\)"),
        ([np.zeros((2, 3, 4))], np.ones((2, 3), bool), r"broadcast.*\(2, 3\) and .*\(2, 3, 3\).*mask\[:, None, :\]"),
    ],
)
def test_wrong_shapes(arrays, mask, message):
    with pytest.raises(ShapeError, match=message):
        nn.MultiheadAttention(4, 2)(*arrays, mask=mask)


def test_a_pair_is_not_made_of_the_output_alone():
    layer, x = nn.MultiheadAttention(4, 2, rng=0), rng.normal(size=(2, 3, 4))
    with pytest.raises(TypeError, match=r"gives its output alone; try out, weights = attention\(.*need_weights=True\)"):
        out, weights = layer(x, x, x)
    out, weights = layer(x, x, x, need_weights=True)
    assert (out.shape, weights.shape) == ((2, 3, 4), (2, 3, 3))
    alone = layer(x, x, x)
    np.testing.assert_array_equal(alone.data, out.data)
    assert (alone * 2).shape == alone[0:].shape == (2, 3, 4) and len(list(alone[0])) == 3 and len(list(layer(x))) == 2
    alone.sum().backward()
    assert np.abs(layer.in_proj_weight.grad).max() > 0


def test_masks_that_would_hide_nothing_are_refused():
    layer, x = nn.MultiheadAttention(4, 2, rng=0), rng.normal(size=(2, 3, 4))
    later = np.triu(np.ones((3, 3)), 1)
    for call in (
        lambda mask: layer(x, attn_mask=mask),
        lambda mask: layer(x, mask=mask),
        lambda mask: layer(x, key_padding_mask=mask[:2]),
        lambda mask: nn.scaled_dot_product_attention(x, x, x, mask),
    ):
        with pytest.raises(
            ValueError, match=r"mask: floats are added to what the softmax gets, and these are 0 and 1; try"
        ):
            call(later)
        with pytest.raises(TypeError, match=r"got int64; try mask\.astype\(bool\)"):
            call(later.astype(np.int64))
        for good in (later.astype(bool), 0 * later, -1e9 * later, Tensor(later, requires_grad=True)):
            call(good)


@pytest.mark.parametrize("shape", [(3, 2), (2, 4), (1, 3), (2, 2, 3), ()])
def test_a_padding_mask_of_another_shape(shape):
    layer, x = nn.MultiheadAttention(4, 2, rng=0), rng.normal(size=(2, 3, 4))
    with pytest.raises(ShapeError, match=r"MultiheadAttention expected a key_padding_mask of shape \(2, 3\); got"):
        layer(x, key_padding_mask=np.zeros(shape, bool))
    assert layer(x, key_padding_mask=np.zeros(3, bool)).shape == (2, 3, 4)
