"""Attention: against PyTorch and differences in random shapes, nothing from the future, extremes, errors."""

import numpy as np
import pytest

from nbprop.engine import Replay, ShapeError, Tensor, apply, check_gradient, record
from nbprop.engine.attention import Attention
from nbprop.engine.dropout import Dropout


def sample(seed):
    """q, k, v, a mask or None, causal, heads or None; at random."""
    rng = np.random.default_rng(seed)
    T, S, d, e = rng.integers(1, 6, 4) * [1, 1, 2, 2]
    lead = [(), (3,), (2, 3)][seed % 3]
    q, k, v = (rng.standard_normal((*lead, *sizes)) for sizes in ((T, d), (S, d), (S, e)))
    heads = [None, 1, 2][seed // 3 % 3]
    mask = None
    if seed % 2:
        mask = rng.random([(T, S), (*lead, T, S), (*lead[1:], 1, S)][seed % 5 % 3]) > 0.4
        mask[..., 0] = True  # everyone sees the first
    return q, k, v, mask, bool(rng.integers(2)), heads


def attend(q, k, v, mask, causal, heads):
    return apply(Attention(causal, heads), q, k, v, *(() if mask is None else (mask,)))


@pytest.mark.parametrize("seed", range(18))
def test_random_shapes_and_masks_against_central_differences(seed):
    q, k, v, *settings = sample(seed)
    check_gradient(lambda q, k, v: attend(q, k, v, *settings), q, k, v)


@pytest.mark.torch
@pytest.mark.parametrize("seed", range(36))
def test_random_shapes_and_masks_against_pytorch(seed):
    torch = pytest.importorskip("torch")
    *arrays, mask, causal, heads = sample(seed)
    ours = [Tensor(x, requires_grad=True) for x in arrays]
    theirs = [torch.tensor(x, requires_grad=True) for x in arrays]
    y = attend(*ours, mask, causal, heads)
    split = [x.unflatten(-1, (heads, -1)).transpose(-2, -3) for x in theirs] if heads else theirs
    allowed = np.tri(y.shape[-2], len(arrays[1][..., 0].T), dtype=bool) if causal else np.array(True)
    mask = mask[..., None, :, :] if heads and mask is not None and mask.ndim > 2 else mask
    allowed = torch.tensor(allowed & (True if mask is None else mask)) if causal or mask is not None else None
    z = torch.nn.functional.scaled_dot_product_attention(*split, attn_mask=allowed)
    z = z.transpose(-2, -3).flatten(-2) if heads else z
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-10, atol=1e-12)
    dy = np.random.default_rng(seed).standard_normal(y.shape)
    y.backward(dy)
    z.backward(torch.tensor(dy))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.grad, b.grad.numpy(), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("heads", [None, 2])
@pytest.mark.parametrize("masked", [False, True])
def test_nothing_comes_from_the_future(heads, masked):
    rng = np.random.default_rng(0)
    T = 7
    q, k, v = (Tensor(rng.standard_normal((2, T, 4)), requires_grad=True) for _ in range(3))
    mask = np.ones((T, T), bool) if masked else None
    for t in range(T):
        for x in (q, k, v):
            x.grad = None
        y = attend(q, k, v, mask, True, heads)
        dy = np.zeros(y.shape)
        dy[:, t] = rng.standard_normal(dy[:, t].shape)
        y.backward(dy)
        for x in (k, v):
            assert (x.grad[:, t + 1 :] == 0).all()
            assert x is v or t == 0 or (x.grad[:, : t + 1] != 0).all()  # with one key there is no choice
        assert (v.grad[:, : t + 1] != 0).all()
        before = y.data[:, : t + 1].copy()
        later = [Tensor(np.where(np.arange(T)[:, None] > t, 1e3, x.data)) for x in (q, k, v)]
        np.testing.assert_allclose(attend(*later, mask, True, heads).data[:, : t + 1], before, rtol=1e-12)


def test_weights_say_who_looks_where():
    rng = np.random.default_rng(0)
    q, k, v = (Tensor(rng.standard_normal((2, 5, 6)).astype("f4"), requires_grad=True) for _ in range(3))
    with record() as tape:
        y = apply(Attention(causal=True, heads=3), q, k, v)
        loss = (y * y).sum()
    weights = y.op.weights
    assert weights.shape == (2, 3, 5, 5)
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-6)
    assert (weights[..., np.triu_indices(5, 1)[0], np.triu_indices(5, 1)[1]] == 0).all()
    np.testing.assert_allclose(y.data[..., 2:4], weights[:, 1] @ v.data[..., 2:4], rtol=1e-5, atol=1e-6)
    replay, before = Replay(tape, loss), weights.copy()
    replay.forward()
    q.data *= 2
    replay.forward()  # into the same array: a view that holds it sees the new ones
    assert y.op.weights is weights and np.abs(weights - before).max() > 0.01


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_scores_of_any_size(dtype):
    q, k = np.array([[1.0], [-1.0]], dtype), np.array([[1000.0], [-1000.0], [0.0]], dtype)
    v = Tensor(np.eye(3, dtype=dtype), requires_grad=True)
    y = attend(q, Tensor(k, requires_grad=True), v, None, False, None)
    np.testing.assert_array_equal(y.data, [[1, 0, 0], [0, 1, 0]])
    y.backward(np.ones_like(y.data))
    np.testing.assert_array_equal(v.grad, [[1] * 3, [1] * 3, [0] * 3])


def test_who_may_look_nowhere_gets_zeros():
    rng = np.random.default_rng(0)
    q, k, v = (Tensor(rng.standard_normal((3, 4)), requires_grad=True) for _ in range(3))
    mask = np.array([[True, True, False], [False] * 3, [False, True, True]])
    y = attend(q, k, v, mask, False, None)
    assert (y.data[1] == 0).all() and (y.data[[0, 2]] != 0).all()
    y.backward(np.ones(y.shape))
    assert (q.grad[1] == 0).all() and all(np.isfinite(x.grad).all() for x in (q, k, v))
    check_gradient(lambda q, k, v: attend(q, k, v, mask, False, None), q, k, v)
    assert (attend(np.ones((2, 4)), np.ones((0, 4)), np.ones((0, 5)), None, False, None).data == np.zeros((2, 5))).all()


def test_a_replay_sees_a_new_mask():
    rng = np.random.default_rng(0)
    q, k, v = (Tensor(rng.standard_normal((2, 3, 4)), requires_grad=True) for _ in range(3))
    mask = Tensor(np.ones((2, 3, 3), bool))
    with record() as tape:
        loss = (attend(q, k, v, mask, True, None) ** 2).sum()
    replay = Replay(tape, loss)
    for seed in range(4):
        mask.data[...] = np.random.default_rng(seed).random(mask.shape) > 0.5
        replay.forward()
        replay.backward()
        anew = [Tensor(x.data, requires_grad=True) for x in (q, k, v)]
        again = (attend(*anew, mask, True, None) ** 2).sum()
        again.backward()
        assert loss.item() == again.item()
        for a, b in zip((q, k, v), anew, strict=True):
            np.testing.assert_array_equal(a.grad, b.grad)


@pytest.mark.parametrize(
    ("shapes", "heads", "message"),
    [
        (((3, 4), (5, 3), (5, 4)), None, r"Attention cannot take shapes \(3, 4\) and \(5, 3\) and \(5, 4\).*Expected"),
        (((3, 4), (5, 4), (4, 4)), None, r"\(5, 4\) and \(4, 4\)"),
        (((4,), (5, 4), (5, 4)), None, r"\(4,\) and \(5, 4\)"),
        (((2, 3, 4), (3, 5, 4), (5, 4)), None, r"\(2, 3, 4\) and \(3, 5, 4\)"),
        (((3, 4), (5, 4), (5, 4)), 3, r"cannot be cut into 3 equal heads"),
        (((3, 4), (5, 4), (5, 4), (3, 4)), None, r"broadcast.*\(3, 4\) and .*\(3, 5\).*mask\[:, None, :\]"),
        (((3, 4), (5, 4), (5, 4), (1, 3, 5)), None, r"and \(1, 3, 5\): the mask must broadcast to \(3, 5\)"),
        (((2, 3, 4), (2, 5, 4), (2, 5, 4), (2, 3, 3, 5)), 4, r"broadcast.*\(2, 3, 3, 5\) and .*\(2, 4, 3, 5\)"),
    ],
)
def test_wrong_shapes(shapes, heads, message):
    q, k, v, *mask = map(np.zeros, shapes)
    with pytest.raises(ShapeError, match=message):
        apply(Attention(heads=heads), q, k, v, *[m > 0 for m in mask])


def test_a_mask_is_no_whole_numbers():
    with pytest.raises(TypeError, match=r"bools, or floats to be added to the scores: got int64"):
        attend(np.zeros((3, 4)), np.zeros((3, 4)), np.zeros((3, 4)), np.ones((3, 3), int), False, None)


MASKS = [((3, 5),), ((2, 3, 5),), ((2, 1, 5), (3, 5)), ((2, 1, 5), (3, 1), (2, 3, 5)), ((2, 2, 3, 5), (2, 1, 5))]


@pytest.mark.torch
@pytest.mark.parametrize("heads", [None, 2])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("shapes", MASKS)
def test_numbers_added_to_the_scores_against_pytorch(shapes, causal, heads):
    """Several masks, with their gradients; one for each head too."""
    torch = pytest.importorskip("torch")
    if heads is None and any(len(shape) > 3 for shape in shapes):
        shapes = [shape[-3:] for shape in shapes]
    rng = np.random.default_rng(1)
    arrays = [rng.standard_normal(shape) for shape in ((2, 3, 4), (2, 5, 4), (2, 5, 6), *shapes)]
    arrays[3].flat[:2] = -np.inf
    ours = [Tensor(x, requires_grad=True) for x in arrays]
    y = apply(Attention(causal, heads, scale=0.3), *ours)
    theirs = [torch.tensor(x, requires_grad=True) for x in arrays]
    split = [x.unflatten(-1, (heads, -1)).transpose(-2, -3) for x in theirs[:3]] if heads else theirs[:3]
    added = torch.zeros((3, 5), dtype=torch.float64)
    added = added.masked_fill(~torch.tensor(np.tri(3, 5, dtype=bool)), -torch.inf) if causal else added
    for mask in theirs[3:]:
        added = added + (mask[..., None, :, :] if heads and 2 < mask.ndim < 4 else mask)
    z = torch.nn.functional.scaled_dot_product_attention(*split, attn_mask=added, scale=0.3)
    z = z.transpose(-2, -3).flatten(-2) if heads else z
    dy = rng.standard_normal(y.shape)
    y.backward(dy)
    z.backward(torch.tensor(dy))
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-12, atol=1e-13)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.grad, b.grad.numpy(), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("heads", [None, 2])
def test_masks_together(heads):
    """Bools that let look, bools that hide, and numbers: all must allow it."""
    rng = np.random.default_rng(2)
    q, k, v = (rng.standard_normal((2, 4, 4)) for _ in range(3))
    may, hidden = rng.random((4, 4)) > 0.3, rng.random((2, 1, 4)) > 0.7
    numbers = np.where(rng.random((2, 4, 4)) > 0.3, rng.standard_normal((2, 4, 4)), -np.inf)
    op = Attention(True, heads, hides=(False, True, False))
    y = apply(op, q, k, v, may, hidden, numbers)
    whole = np.where(may & ~hidden & np.tri(4, dtype=bool), numbers, -np.inf)
    np.testing.assert_allclose(y.data, attend(q, k, v, whole, False, heads).data, rtol=1e-13)
    nowhere = np.isinf(whole).all(axis=-1)
    assert nowhere.any() and (y.data[nowhere] == 0).all() and np.isfinite(op.weights).all()


@pytest.mark.parametrize("heads", [None, 2])
def test_dropout_of_weights(heads):
    """Of what the values are weighted with: the rest grows, and what was left out sends nothing back."""
    rng = np.random.default_rng(3)
    arrays = [rng.standard_normal((2, 3, 4)) for _ in range(3)]
    kept = (np.random.default_rng(5).random((2, heads or 1, 3, 3), np.float32) >= 0.4) / 0.6
    kept = kept if heads else kept[:, 0]

    def formula(q, k, v):
        q, k, v = (x.reshape(2, 3, 2, 2).swapaxes(1, 2) if heads else x for x in (q, k, v))
        y = ((q @ k.swapaxes(-1, -2) / q.shape[-1] ** 0.5).softmax(-1) * kept) @ v
        return y.swapaxes(1, 2).reshape(2, 3, 4) if heads else y

    ours, theirs = ([Tensor(x, requires_grad=True) for x in arrays] for _ in range(2))
    y = apply(Attention(heads=heads, drop=Dropout(0.4, np.random.default_rng(5))), *ours)
    z = formula(*theirs)
    np.testing.assert_allclose(y.data, z.data, rtol=1e-12)
    y.backward(arrays[0])
    z.backward(arrays[0])
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.grad, b.grad, rtol=1e-11, atol=1e-13)
