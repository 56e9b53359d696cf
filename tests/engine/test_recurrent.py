"""Recurrent ops: what they keep for looking at, extreme numbers, shapes that do not fit.

Numbers and gradients against differences and HIPS autograd are in test_ops.py.
"""

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

from nbprop.engine import BackwardError, Replay, ShapeError, Tensor, apply, record, recurrent

OPS = {
    "RNN": (recurrent.RNN, 1, 1),  # op, blocks of rows, states
    "RNN of relu": (lambda: recurrent.RNN("relu"), 1, 1),
    "GRU": (recurrent.GRU, 3, 1),
    "LSTM": (recurrent.LSTM, 4, 2),
    "LSTM without forget gate": (lambda: recurrent.LSTM(forget_gate=False), 3, 2),
}
every_op = pytest.mark.parametrize("name", OPS)


def arrays(name, T=6, N=3, inputs=2, H=4, seed=0):
    _, blocks, states = OPS[name]
    rng, rows = np.random.default_rng(seed), blocks * H
    sizes = [(T, N, inputs), (states, N, H)[states == 1 :], (rows, inputs), (rows, H), (rows,), (rows,)]
    return [rng.standard_normal(size) for size in sizes]


def run(name, *values, grad=()):
    """The output and the input tensors; those with a number in `grad` require a gradient."""
    inputs = [Tensor(value, requires_grad=i in grad) for i, value in enumerate(values)]
    return apply(OPS[name][0](), *inputs), inputs


@every_op
def test_dh_is_what_reaches_every_state(name):
    """dh[t]: the gradient of the rest of the sequence, run by itself, with respect to the state it begins with."""
    x, s, *weights = arrays(name)
    y, _ = run(name, x, s, *weights, grad=range(6))
    op, dy = y.op, np.random.default_rng(1).standard_normal(y.shape)
    assert op.dh is None
    y.backward(dy)
    assert op.released and op.dh.shape == (6, 3, 4)
    for t in range(6):
        before, _ = run(name, x[: t + 1], s, *weights)
        here = Tensor(before.data[-1] if s.ndim == 2 else before.data[-2:], requires_grad=True)
        apply(OPS[name][0](), x[t + 1 :], here, *weights).backward(dy[t + 1 :])
        if s.ndim == 2:
            np.testing.assert_allclose(op.dh[t], here.grad, rtol=1e-12, atol=1e-14)
            assert op.dc is None
        else:
            (h, c), (dh, dc) = here.data, here.grad
            through_h = dh * h / np.tanh(c) * (1 - np.tanh(c) ** 2)  # h = o tanh(c)
            np.testing.assert_allclose(op.dh[t], dh, rtol=1e-12, atol=1e-14)
            np.testing.assert_allclose(op.dc[t], dc + through_h, rtol=1e-11, atol=1e-13)


def test_lag_of_one_linear_unit():
    """h_t = x_t + u h_(t-1): the gradient of the last state is u^lag."""
    x, s, U = np.ones((8, 1, 1)), np.zeros((1, 1)), np.array([[0.5]])
    y, (x, *_) = run("RNN of relu", x, s, np.ones((1, 1)), U, grad=(0,))
    y[-1].sum().backward()
    np.testing.assert_array_equal(y.op.dh[:, 0, 0], 0.5 ** np.arange(7, -1, -1))
    np.testing.assert_array_equal(x.grad, y.op.dh)


def test_constant_error_carousel():
    """Without forget gate, and with gates that do not look at the state, the error of a cell stays the same for ever
    (Hochreiter & Schmidhuber 1997, section 3.2); with one it shrinks by f at each step."""
    for name, forget in [("LSTM without forget gate", 1), ("LSTM", 0.5)]:
        x, s, W, U, _, _ = arrays(name, T=30)
        W[4:8] = 0 if name == "LSTM" else W[4:8]  # f = sigmoid(0)
        y, _ = run(name, x, s, W, 0 * U, grad=(0,))
        y[-2].sum().backward()  # h_T; y[-1] is c_T
        op = y.op
        lags = np.arange(29, -1, -1)[:, None, None]
        np.testing.assert_allclose(op.dc, op.dc[-1] * forget**lags, rtol=1e-12)


@every_op
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_inputs(name, dtype):
    values = [(1000 * value).astype(dtype) if i != 3 else value.astype(dtype) for i, value in enumerate(arrays(name))]
    y, inputs = run(name, *values, grad=range(6))
    y.backward(np.ones(y.shape))
    assert np.isfinite(y.data).all()
    assert all(np.isfinite(x.grad).all() for x in inputs)


def test_closed_gates_keep_the_cell():
    """i = 0 and f = 1: c is carried unchanged; o = 0: h is 0."""
    x, s, W, U, b, d = arrays("LSTM")
    b[:] = np.repeat([-100.0, 100, 0, -100], 4)
    y, _ = run("LSTM", x, s, 0 * W, 0 * U, b, 0 * d)
    np.testing.assert_array_equal(y.data[-1], s[1])
    np.testing.assert_array_equal(y.data[1:-1], 0)


@every_op
def test_only_what_is_asked_for(name):
    """Every input alone gets the gradient that it gets beside the others."""
    values = arrays(name)
    dy = np.random.default_rng(1).standard_normal((6 + OPS[name][2], 3, 4))
    y, together = run(name, *values, grad=range(6))
    y.backward(dy)
    for i, expected in enumerate(together):
        y, inputs = run(name, *values, grad=(i,))
        y.backward(dy)
        assert [x.grad is not None for x in inputs] == [j == i for j in range(6)]
        np.testing.assert_array_equal(inputs[i].grad, expected.grad)


@every_op
def test_backward_twice(name):
    y, inputs = run(name, *arrays(name), grad=range(6))
    L = (y * y).sum()
    L.backward(retain_graph=True)
    once = [x.grad.copy() for x in inputs]
    L.backward()
    for x, expected in zip(inputs, once, strict=True):
        np.testing.assert_array_equal(x.grad, 2 * expected)
    with pytest.raises(BackwardError, match="saved values were let go"):
        L.backward()


@every_op
def test_dh_in_a_replay(name):
    """The op of the recording is used again: its dh is always that of the latest step."""
    values, others = arrays(name), arrays(name, seed=3)
    with record() as tape:
        y, inputs = run(name, *values, grad=range(6))
        L = (y[6] * y[2]).sum()
    step = Replay(tape, L)
    step.backward()
    for x, new in zip(inputs, others, strict=True):
        x.data[:] = new
    step.forward()
    step.backward()
    fresh, _ = run(name, *others, grad=range(6))
    (fresh[6] * fresh[2]).sum().backward()
    np.testing.assert_array_equal(y.op.dh, fresh.op.dh)
    assert all(y.op.dh.any(axis=(1, 2)))


SHAPES = [(6, 3, 2), (2, 3, 4), (16, 2), (16, 4), (16,), (16,)]


@pytest.mark.parametrize(
    ("place", "shape"),
    [
        (0, (3, 2)),
        (0, (6, 3, 5)),
        (0, (6, 4, 2)),
        (1, (3, 4)),
        (1, (3, 2, 4)),
        (1, (2, 3, 3)),
        (2, (12, 2)),
        (3, (16, 3)),
        (3, (16,)),
        (4, (12,)),
        (5, (16, 1)),
    ],
)
def test_shapes_that_do_not_fit(place, shape):
    shapes = [*SHAPES[:place], shape, *SHAPES[place + 1 :]]
    with pytest.raises(ShapeError, match=r"^LSTM cannot take shapes .*: sizes do not agree\. Expected x \(T, N, in\)"):
        apply(recurrent.LSTM(), *[np.zeros(size) for size in shapes])
    assert apply(recurrent.LSTM(), *[np.zeros(size) for size in SHAPES]).shape == (8, 3, 4)


def test_random_shapes_against_autograd():
    """An LSTM in the form of a textbook, one sequence at a time."""

    def textbook(x, s, W, U, b, d):
        H, out = s.shape[2], []
        for n in range(x.shape[1]):
            h, c = s[0, n], s[1, n]
            for t in range(x.shape[0]):
                z = anp.dot(W, x[t, n]) + b + anp.dot(U, h) + d
                i, f, o = (1 / (1 + anp.exp(-z[k * H : (k + 1) * H])) for k in (0, 1, 3))
                c = f * c + i * anp.tanh(z[2 * H : 3 * H])
                h = o * anp.tanh(c)
            out.append(anp.sum(h * anp.cos(h)) + anp.sum(c * c))
        return sum(out)

    rng = np.random.default_rng(7)
    for _ in range(8):
        T, N, inputs, H = rng.integers(1, 7, 4)
        values = arrays("LSTM", T, N, inputs, H, seed=rng)
        y, tensors = run("LSTM", *values, grad=range(6))
        h, c = y[-2], y[-1]
        dh = np.cos(h.data) - h.data * np.sin(h.data)
        seed = np.zeros(y.shape)
        seed[-2], seed[-1] = dh, 2 * c.data
        y.backward(seed)
        expected = autograd.grad(lambda values: textbook(*values))(tuple(values))
        for ours, theirs in zip(tensors, expected, strict=True):
            np.testing.assert_allclose(ours.grad, theirs, rtol=1e-10, atol=1e-13)
