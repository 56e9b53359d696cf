"""Convolution and pooling: against naive loops, central differences and PyTorch; memory; errors."""

import itertools
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, strategies as st

from nbprop.engine import Replay, ShapeError, Tensor, apply, check_gradient, record
from nbprop.engine.conv import AvgPool2d, Conv1d, Conv2d, MaxPool2d

OPS = {"conv": Conv2d, "max": MaxPool2d, "avg": AvgPool2d}
small = st.integers(1, 3)


@st.composite
def windows(draw):
    """(N, C, H, W), kernel, stride, padding that fit together."""
    kernel, stride = draw(st.tuples(small, small)), draw(st.tuples(small, small))
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    size = [draw(st.integers(max(1, k - 2 * p), 6)) for k, p in zip(kernel, padding, strict=True)]
    return (draw(st.integers(0, 3)), draw(small), *size), kernel, stride, padding


def look(x, kernel, stride, padding, border=0.0):
    """(n, c, row, column of y) -> what the window sees there, one stop after the other."""
    (top, left), (rows, columns), (down, right) = padding, kernel, stride
    x = np.pad(x, [(0, 0), (0, 0), (top, top), (left, left)], constant_values=border)
    h, w = (x.shape[2] - rows) // down + 1, (x.shape[3] - columns) // right + 1
    places = itertools.product(range(len(x)), range(x.shape[1]), range(h), range(w))
    return (len(x), x.shape[1], h, w), {
        (n, c, i, j): x[n, c, i * down : i * down + rows, j * right : j * right + columns] for n, c, i, j in places
    }


@given(windows(), small, st.booleans(), st.sampled_from([1, 50, Conv2d.cache]), st.integers(0, 99))
def test_convolution_by_loops(window, filters, bias, cache, seed):
    shape, kernel, stride, padding = window
    rng = np.random.default_rng(seed)
    x, W = rng.standard_normal(shape), rng.standard_normal((filters, shape[1], *kernel))
    b = rng.standard_normal(filters) * bias
    (N, _, *size), seen = look(x, kernel, stride, padding)
    expected = np.zeros((N, filters, *size)) + b[:, None, None]
    for (n, c, i, j), part in seen.items():
        for o in range(filters):
            expected[n, o, i, j] += (part * W[o, c]).sum()
    inputs = (x, W, b) if bias else (x, W)
    with patch.object(Conv2d, "cache", cache):
        y = apply(Conv2d(stride, padding), *map(Tensor, inputs))
        np.testing.assert_allclose(y.data, expected, rtol=1e-12, atol=1e-12)
        if N:
            check_gradient(lambda *xs: apply(Conv2d(stride, padding), *xs), *inputs, tol=1e-6)


def test_bands():
    """As many rows at a time as fit into the cache, and a whole number of times into all of them."""
    for numbers, rows in [(1, 1), (2 * 9 * 6 * 4, 1), (2 * 2 * 9 * 6 * 4, 2), (5 * 2 * 9 * 6 * 4, 3), (10**6, 6)]:
        with patch.object(Conv2d, "cache", numbers):
            op = Conv2d()
            op.forward(np.zeros((4, 2, 8, 8)), np.zeros((3, 2, 3, 3)))
            assert op.rows == rows and op.X.size == rows * 2 * 9 * 6 * 4


@pytest.mark.parametrize(("stops", "rows"), [(157, 15), (156, 13), (3, 3), (16, 8)])
def test_a_prime_number_of_stops_is_no_band_each(stops, rows):
    """The last band is smaller where a whole number of times would be far less than fits: it was one stop at a time."""
    rng = np.random.default_rng(0)
    x, W = rng.standard_normal((2, 3, stops + 4)), rng.standard_normal((4, 3, 3))
    with patch.object(Conv1d, "cache", 15 * 9 * 2):
        op = Conv1d(dilation=2)
        y = op.forward(x, W)
        assert op.rows == rows
        check_gradient(lambda *xs: apply(Conv1d(dilation=2), *xs), x, W, tol=1e-6)
    expected = sum(W[:, :, k] @ x[:, :, 2 * k : 2 * k + stops] for k in range(3))
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)


@given(windows(), st.sampled_from(["max", "avg"]), st.integers(0, 99))
def test_pooling_by_loops(window, kind, seed):
    shape, kernel, stride, padding = window
    x = np.random.default_rng(seed).permutation(np.prod(shape)).reshape(shape) / 10.0  # no two are nearly equal
    choose, border = (np.max, -np.inf) if kind == "max" else (np.mean, 0.0)
    shape, seen = look(x, kernel, stride, padding, border)
    expected = np.zeros(shape)
    for place, part in seen.items():
        expected[place] = choose(part)
    y = apply(OPS[kind](kernel, stride, padding), Tensor(x))
    np.testing.assert_allclose(y.data, expected, rtol=1e-12, atol=1e-14)
    if x.size:
        check_gradient(lambda x: apply(OPS[kind](kernel, stride, padding), x), x, tol=1e-6)


def test_of_several_largest_the_first_gets_the_gradient():
    x = Tensor(np.array([[[[0.0, 2, 2], [2, 2, 1], [0, 0, 0]]]]), requires_grad=True)
    apply(MaxPool2d(2, 1), x).backward(np.array([[[[1.0, 10], [100, 1000]]]]))
    assert x.grad.tolist() == [[[[0, 11, 0], [100, 1000, 0], [0, 0, 0]]]]


def test_numbers_and_pairs_mean_the_same():
    x = np.random.default_rng(0).standard_normal((2, 3, 6, 6))
    for one, two in [
        (MaxPool2d(2), MaxPool2d((2, 2), (2, 2), (0, 0))),
        (AvgPool2d(3, 2, 1), AvgPool2d((3, 3), (2, 2), (1, 1))),
    ]:
        np.testing.assert_array_equal(apply(one, x).data, apply(two, x).data)


def test_nothing_leaks_from_one_image_to_the_next():
    """Frames are filled again at each forward: the padding stays, all else changes."""
    rng = np.random.default_rng(0)
    W = rng.standard_normal((2, 3, 3, 3))
    for op, inputs in [
        (lambda: Conv2d(1, 1), (W,)),
        (lambda: MaxPool2d(3, 2, 1), ()),
        (lambda: AvgPool2d(3, 2, 1), ()),
    ]:
        first, second = rng.standard_normal((2, 2, 3, 5, 5))
        used, fresh = op(), op()
        used.forward(first, *inputs)
        np.testing.assert_array_equal(used.forward(second, *inputs), fresh.forward(second, *inputs))


def test_results_lie_in_memory_with_the_samples_last():
    x = Tensor(np.random.default_rng(0).standard_normal((4, 2, 6, 6)).astype("f4"))
    W = Tensor(np.ones((3, 2, 3, 3), "f4"), requires_grad=True)
    with record() as tape:
        z = apply(Conv2d(), x, W)
        a = z.relu()
        y = apply(MaxPool2d(2), a)
        loss = (y * y).sum()
    replay = Replay(tape, loss)
    for _ in range(2):
        replay.forward()
        replay.backward()
    for t in (z, a, y):
        for array in (t.data, t.grad):
            assert array.shape == (4, 3, t.shape[2], t.shape[2])
            assert array.transpose(1, 2, 3, 0).flags.c_contiguous


def test_a_replayed_step_writes_where_gradients_belong():
    rng = np.random.default_rng(0)
    x, W, b = (Tensor(rng.standard_normal(s), requires_grad=True) for s in [(4, 2, 5, 5), (3, 2, 2, 2), (3,)])
    with record() as tape:
        hidden = apply(Conv2d(), x, W, b)
        loss = apply(AvgPool2d(2), apply(MaxPool2d(2), hidden)).tanh().sum()
    replay = Replay(tape, loss)
    for _ in range(3):
        replay.forward()
        replay.backward()
    ops = [node.op for node in tape.nodes[:3]]
    assert [op.into[0] is t.grad for op, t in zip(ops, (x, hidden, tape.nodes[1]), strict=True)] == [False, True, True]
    assert ops[0].into[1] is W.grad and ops[0].into[2] is b.grad


@pytest.mark.parametrize(
    ("op", "shapes", "message"),
    [
        (
            Conv2d(),
            [(5, 3, 8, 8), (4, 2, 3, 3)],
            r"Conv2d cannot take shapes \(5, 3, 8, 8\) and \(4, 2, 3, 3\): sizes do not agree.*x \(N, in, H, W\)",
        ),
        (Conv2d(), [(3, 8, 8), (4, 3, 3, 3)], r"Conv2d .*\(3, 8, 8\).* x \(N, in, H, W\).*x\[None\]"),
        (Conv2d(), [(5, 3, 2, 8), (4, 3, 3, 3)], r"a window of \(3, 3\) does not fit into images of \(2, 8\)"),
        (
            Conv2d(1, (0, 1)),
            [(5, 3, 4, 2), (4, 3, 3, 5)],
            r"\(3, 5\) does not fit into images of \(4, 4\), padding in",
        ),
        (Conv2d(), [(5, 3, 8, 8), (3, 3)], r"Conv2d cannot take shapes .*Expected x \(N, in, H, W\)"),
        (Conv2d(), [(5, 3, 8, 8), (4, 3, 3, 3), (3,)], r"Conv2d cannot take shapes .* and \(4, 3, 3, 3\) and \(3,\)"),
        (MaxPool2d(3), [(5, 3, 2, 2)], r"MaxPool2d .* a window of \(3, 3\) does not fit into images of \(2, 2\)"),
        (AvgPool2d(2), [(5, 4)], r"AvgPool2d cannot take shapes \(5, 4\).*images \(N, C, H, W\)"),
    ],
)
def test_errors(op, shapes, message):
    with pytest.raises(ShapeError, match=message):
        apply(op, *[np.zeros(shape) for shape in shapes])


@pytest.mark.torch
@given(windows(), small, st.sampled_from(list(OPS)), st.booleans(), st.integers(0, 99))
def test_same_as_pytorch(window, filters, kind, ties, seed):
    torch = pytest.importorskip("torch")
    F = torch.nn.functional
    shape, kernel, stride, padding = window
    if not shape[0]:
        shape = (1, *shape[1:])  # PyTorch pools no empty batch
    rng = np.random.default_rng(seed)
    arrays = [rng.standard_normal(shape)]
    if ties:
        arrays[0] = np.round(arrays[0])
    if kind == "conv":
        arrays += [rng.standard_normal((filters, shape[1], *kernel)), rng.standard_normal(filters)]
    ours = [Tensor(a, requires_grad=True) for a in arrays]
    theirs = [torch.tensor(a, requires_grad=True) for a in arrays]
    if kind == "conv":
        y, y_torch = apply(Conv2d(stride, padding), *ours), F.conv2d(*theirs, stride=stride, padding=padding)
    else:
        pool = F.max_pool2d if kind == "max" else F.avg_pool2d
        y, y_torch = apply(OPS[kind](kernel, stride, padding), *ours), pool(*theirs, kernel, stride, padding)
    np.testing.assert_allclose(y.data, y_torch.detach().numpy(), rtol=1e-10, atol=1e-12)
    dy = rng.standard_normal(y.shape)
    y.backward(dy)
    y_torch.backward(torch.tensor(dy))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.grad, b.grad.numpy(), rtol=1e-9, atol=1e-11)
