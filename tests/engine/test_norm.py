"""Layer and batch normalization: what they make of the numbers, running statistics, errors, PyTorch."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from nbprop.engine import Replay, ShapeError, Tensor, apply, check_gradient, record
from nbprop.engine.conv import samples_first
from nbprop.engine.norm import BatchNorm, LayerNorm

RNG = np.random.default_rng(0)
sizes = st.integers(1, 4)


def inputs(shape, parameters, seed):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(s) for s in (shape, parameters, parameters)]


@given(st.lists(sizes, min_size=0, max_size=2), st.lists(sizes, min_size=1, max_size=2), st.integers(0, 99))
def test_layer_norm_gradient(lead, features, seed):
    x, w, b = inputs((*lead, *features), features, seed)
    y = apply(LayerNorm(), x, w, b)
    axes = tuple(range(-len(features), 0))
    centred = x - x.mean(axes, keepdims=True)
    np.testing.assert_allclose(y.data, w * centred / np.sqrt(x.var(axes, keepdims=True) + 1e-5) + b, atol=1e-12)
    check_gradient(lambda *xs: apply(LayerNorm(0.1), *xs), x, w, b, tol=1e-6)


@given(st.integers(2, 5), sizes, st.lists(sizes, max_size=2), st.booleans(), st.integers(0, 99))
def test_batch_norm_gradient(samples, channels, rest, training, seed):
    x, w, b = inputs((samples, channels, *rest), (channels,), seed)
    running = RNG.standard_normal(channels), RNG.uniform(0.5, 2, channels)
    axes = (0, *range(2, x.ndim))
    mean, var = (x.mean(axes), x.var(axes)) if training else (running[0].copy(), running[1].copy())
    y = apply(BatchNorm(running, training), x, w, b)
    per_channel = (slice(None), *[None] * len(rest))
    expected = (x - mean[per_channel]) / np.sqrt(var[per_channel] + 1e-5) * w[per_channel] + b[per_channel]
    np.testing.assert_allclose(y.data, expected, atol=1e-12)
    check_gradient(lambda *xs: apply(BatchNorm(running, training, 0, 0.1), *xs), x, w, b, tol=1e-6)


def test_offset_and_scale_of_the_input_do_not_matter():
    x = RNG.standard_normal((50, 3)).astype("f4")
    one, zero = np.ones(3, "f4"), np.zeros(3, "f4")
    for op in (LayerNorm, BatchNorm):
        y = apply(op(), x, one, zero).data
        np.testing.assert_allclose(apply(op(), 8 * x + 1000, one, zero).data, y, atol=2e-3)


def test_running_statistics_move_at_every_forward_also_of_a_replay():
    running = np.zeros(2), np.ones(2)
    x = Tensor(RNG.standard_normal((10, 2)), requires_grad=True)
    with record() as tape:
        loss = (apply(BatchNorm(running, momentum=0.25), x, np.ones(2), np.zeros(2)) * x).sum()
    replay = Replay(tape, loss)
    mean, var = 0.25 * x.data.mean(0), 0.75 + 0.25 * x.data.var(0, ddof=1)
    for step in range(3):
        np.testing.assert_allclose(running[0], mean, rtol=1e-12)
        np.testing.assert_allclose(running[1], var, rtol=1e-12)
        x.data[:] = RNG.standard_normal((10, 2)) + step
        mean, var = 0.75 * mean + 0.25 * x.data.mean(0), 0.75 * var + 0.25 * x.data.var(0, ddof=1)
        replay.forward()
        replay.backward()


def test_evaluation_reads_the_running_statistics_anew_and_leaves_them():
    running = np.zeros(2), np.ones(2)
    op, x = BatchNorm(running, training=False), RNG.standard_normal((4, 2))
    first = op.forward(x, np.ones(2), np.zeros(2)).copy()
    running[0][:] = 3
    np.testing.assert_allclose(op.forward(x, np.ones(2), np.zeros(2)), first - 3 / np.sqrt(1 + 1e-5), rtol=1e-12)
    assert running[0].tolist() == [3, 3] and running[1].tolist() == [1, 1]


def test_images_keep_their_samples_last():
    x = samples_first(RNG.standard_normal((3, 4, 5, 6)))
    y = apply(BatchNorm(), Tensor(x, requires_grad=True), np.ones(3), np.zeros(3))
    assert y.data.strides == x.strides
    assert y.op.backward(samples_first(np.ones((3, 4, 5, 6))))[0].strides == x.strides


@pytest.mark.parametrize(
    ("op", "shapes", "message"),
    [
        (LayerNorm(), [(5, 3), (4,), (4,)], r"LayerNorm cannot take shapes \(5, 3\).*x must be \(\.\.\., 4\)"),
        (LayerNorm(), [(4,), (3, 4), (3, 4)], r"\(4,\) and \(3, 4\).*x must be \(\.\.\., 3, 4\)"),
        (
            BatchNorm(),
            [(5, 3), (4,), (4,)],
            r"BatchNorm cannot take shapes \(5, 3\) and \(4,\).*x must be \(N, 4, \.\.\.\)",
        ),
        (BatchNorm(), [(4,), (4,), (4,)], r"BatchNorm cannot take shapes \(4,\)"),
        (BatchNorm(), [(1, 4), (4,), (4,)], r"\(1, 4\).*at least 2 numbers per channel, not 1; use a larger batch"),
        (BatchNorm(), [(0, 4, 2), (4,), (4,)], r"at least 2 numbers per channel, not 0"),
    ],
)
def test_errors(op, shapes, message):
    with pytest.raises(ShapeError, match=message):
        apply(op, *[np.zeros(shape) for shape in shapes])


@pytest.mark.torch
@pytest.mark.parametrize("kind", ["layer", "batch", "evaluation"])
@pytest.mark.parametrize("shape", [(6, 4), (6, 4, 3), (6, 4, 3, 5)])
def test_same_as_pytorch(kind, shape):
    torch = pytest.importorskip("torch")
    F = torch.nn.functional
    features = shape[1:] if kind == "layer" else shape[1:2]
    arrays = inputs(shape, features, 0)
    running = np.zeros(shape[1]), np.ones(shape[1])
    theirs_running = [torch.tensor(a) for a in running]
    training = kind == "batch"
    for step in range(4):
        arrays[0] += step
        ours = [Tensor(a, requires_grad=True) for a in arrays]
        theirs = [torch.tensor(a, requires_grad=True) for a in arrays]
        if kind == "layer":
            y, y_torch = apply(LayerNorm(), *ours), F.layer_norm(theirs[0], features, *theirs[1:])
        else:
            y = apply(BatchNorm(running, training), *ours)
            y_torch = F.batch_norm(theirs[0], *theirs_running, *theirs[1:], training=training)
        np.testing.assert_allclose(y.data, y_torch.detach().numpy(), rtol=1e-9, atol=1e-11)
        dy = RNG.standard_normal(shape)
        y.backward(dy)
        y_torch.backward(torch.tensor(dy))
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a.grad, b.grad.numpy(), rtol=1e-8, atol=1e-10)
        for a, b in zip(running, theirs_running, strict=True):
            np.testing.assert_allclose(a, b.numpy(), rtol=1e-12)
