"""Every op: against central differences, against HIPS autograd on a formula of its own, and its dtypes and memory."""

import itertools
import math
from dataclasses import dataclass, field

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import make_vjp
from autograd.extend import defvjp, primitive

from nbprop.engine import (
    OPS,
    Replay,
    Tensor,
    activation,
    apply,
    attention,
    check_gradient,
    conv,
    ctc,
    dropout,
    embedding,
    loss,
    matmul,
    norm,
    record,
    recurrent,
    reduce,
    shape,
    softmax,
)
from nbprop.engine import elementwise as e

erf = primitive(np.vectorize(math.erf, otypes=[float]))
defvjp(erf, lambda y, x: lambda dy: dy * 2 / math.sqrt(math.pi) * anp.exp(-(x**2)))


@dataclass
class Case:
    """An op, the shapes it is tried with, and what it computes, written with autograd's NumPy."""

    op: object  # () -> Op
    formula: object
    shapes: list  # of tuples of input shapes
    draw: object = lambda rng, *sizes: rng.standard_normal(sizes)  # floating inputs
    constants: dict = field(default_factory=dict)  # input number -> (rng, *sizes) -> array without a gradient

    def inputs(self, shapes, seed=0):
        rng = np.random.default_rng(seed)
        return [np.asarray(self.constants.get(i, self.draw)(rng, *sizes)) for i, sizes in enumerate(shapes)]


ANY = [((),), ((1,),), ((3, 4),), ((2, 3, 2),), ((0,),), ((2, 0),)]
PAIRS = [((), ()), ((3, 4), (3, 4)), ((3, 4), (4,)), ((3, 1), (1, 4)), ((), (2, 3)), ((2, 3), (1,)), ((0, 3), (1, 3))]
PAIRS += [((2, 1, 3), (4, 1)), ((1, 1), (1,))]
TABLES = [((3, 4),), ((1, 1),), ((5, 2),)]


def positive(rng, *sizes):
    return rng.uniform(0.2, 2.0, sizes)


def apart_from_zero(rng, *sizes):
    return rng.uniform(0.2, 2.0, sizes) * rng.choice([-1, 1], sizes)


def coin(rng, *sizes):
    return rng.random(sizes) > 0.5


def softplus(x):
    return anp.maximum(x, 0) + anp.log1p(anp.exp(-anp.abs(x)))


def logsumexp(x, axis, keepdims=False):
    return anp.log(anp.sum(anp.exp(x), axis=axis, keepdims=keepdims))


def cross_entropy(z, t):
    z = anp.reshape(z, (-1, z.shape[-1]))
    picked = anp.sum(z * np.eye(z.shape[1])[t.ravel()], axis=1)
    return anp.mean(logsumexp(z, 1) - picked)


def attend(q, k, v, mask=True):
    T, S = q.shape[-2], k.shape[-2]
    scores = anp.matmul(q, anp.swapaxes(k, -1, -2)) / math.sqrt(q.shape[-1]) + np.zeros((T, S))
    e = anp.exp(scores) * mask
    return anp.matmul(e / anp.sum(e, axis=-1, keepdims=True), v)


def attend_in_two_heads(q, k, v):
    halves = [[x[..., : x.shape[-1] // 2], x[..., x.shape[-1] // 2 :]] for x in (q, k, v)]
    return anp.concatenate([attend(*parts) for parts in zip(*halves, strict=True)], axis=-1)


def coin_but_one(rng, *sizes):
    mask = coin(rng, *sizes)
    mask[..., 0] = True
    return mask


def align(x, targets, frames, lengths):
    """CTC by looking at every sequence of classes."""
    losses = []
    for n, (T, wanted) in enumerate(zip(frames, targets, strict=True)):
        ways = [list(way) for way in itertools.product(range(x.shape[2]), repeat=T)]
        ways = [way for way in ways if [c for c, _ in itertools.groupby(way) if c] == [*wanted[: lengths[n]]]]
        losses.append(-anp.log(anp.sum(anp.exp(anp.sum(x[np.arange(T), n, np.array(ways)], axis=1)))))
    return anp.array(losses)


def patches(x, size, step, border, value=0.0):
    """What a window sees, one stop after the other: x (N, C, H, W) -> (N, C, size, size, H', W')."""
    sides = [(0, 0), (0, 0), (border, border), (border, border)]
    x = anp.pad(x, sides, mode="constant", constant_values=value)
    rows, columns = (range(0, n - size + 1, step) for n in x.shape[2:])
    return anp.stack([anp.stack([x[:, :, i : i + size, j : j + size] for j in columns], -1) for i in rows], -2)


def convolution(x, W, b, step, border):
    return anp.einsum("ncijhw,ocij->nohw", patches(x, W.shape[2], step, border), W) + b[:, None, None]


def standardized(x, axes, mean=None, var=None):
    mean = anp.mean(x, axis=axes, keepdims=True) if mean is None else mean
    return (x - mean) / anp.sqrt((anp.mean((x - mean) ** 2, axis=axes, keepdims=True) if var is None else var) + 1e-5)


def sequence(step):
    """All states of a recurrent layer, from step(W x_t + b, U h_(t-1) + d, the state before) -> state."""

    def states(x, s, W, U, b=0.0, d=0.0):
        y = [s]
        for x_t in x:
            h = y[-1] if s.ndim == 2 else y[-1][0]
            y.append(step(anp.dot(x_t, W.T) + b, anp.dot(h, U.T) + d, y[-1]))
        return anp.stack(y if s.ndim == 2 else [h for h, _ in y] + [y[-1][1]])

    return states


def sigmoid(z):
    return 1 / (1 + anp.exp(-z))


def gru_step(z, v, h):
    (r, u, n), (v_r, v_u, v_n) = anp.split(z, 3, 1), anp.split(v, 3, 1)
    u = sigmoid(u + v_u)
    return (1 - u) * anp.tanh(n + sigmoid(r + v_r) * v_n) + u * h


def lstm_step(z, v, state):
    i, f, g, o = anp.split(z + v, 4, 1)
    c = sigmoid(f) * state[1] + sigmoid(i) * anp.tanh(g)
    return anp.stack([sigmoid(o) * anp.tanh(c), c])


def lstm_step_of_1997(z, v, state):
    i, g, o = anp.split(z + v, 3, 1)
    c = state[1] + sigmoid(i) * anp.tanh(g)
    return anp.stack([sigmoid(o) * anp.tanh(c), c])


def sequences(blocks, states=1):
    """Shapes for (T, N, inputs, H), with and without biases: no step, no sequence, one of all."""
    shapes = []
    for T, N, n, H in [(4, 3, 2, 5), (1, 1, 1, 1), (0, 2, 3, 2), (3, 0, 2, 3), (3, 1, 4, 2)]:
        rows = blocks * H
        shapes.append(((T, N, n), (states, N, H)[states == 1 :], (rows, n), (rows, H), (rows,), (rows,)))
    return [*shapes, shapes[0][:4]]


class SameDraws:
    """Stands in for a generator, where the second draw is to be equal to the first."""

    def random(self, shape, dtype):
        return np.random.default_rng(0).random(shape)


CLASSES = {1: lambda rng, *sizes: rng.integers(0, 3, sizes)}
RUNNING = np.array([0.3, -0.4, 0.5]), np.array([0.5, 2.0, 1.0])
ROWS = np.array([[0, 2], [2, 2]])

CASES = {
    "Add": Case(e.Add, lambda a, b: a + b, PAIRS),
    "Sub": Case(e.Sub, lambda a, b: a - b, PAIRS),
    "Mul": Case(e.Mul, lambda a, b: a * b, PAIRS),
    "Div": Case(e.Div, lambda a, b: a / b, PAIRS, apart_from_zero),
    "Neg": Case(e.Neg, lambda x: -x, ANY),
    "Power": Case(lambda: e.Power(3), lambda x: x * x * x, ANY),
    "Power of 2": Case(lambda: e.Power(2), lambda x: x * x, ANY),
    "Power of 0": Case(lambda: e.Power(0), lambda x: 0 * x + 1, ANY),
    "Power of 1.5": Case(lambda: e.Power(1.5), lambda x: x * anp.sqrt(x), ANY, positive),
    "Power of -1": Case(lambda: e.Power(-1), lambda x: 1 / x, ANY, apart_from_zero),
    "TensorPower": Case(e.TensorPower, lambda a, b: anp.exp(b * anp.log(a)), PAIRS, positive),
    "Exp": Case(e.Exp, anp.exp, ANY),
    "Log": Case(e.Log, anp.log, ANY, positive),
    "Sqrt": Case(e.Sqrt, anp.sqrt, ANY, positive),
    "Abs": Case(e.Abs, anp.abs, ANY),
    "Maximum": Case(e.Maximum, anp.maximum, PAIRS),
    "Minimum": Case(e.Minimum, anp.minimum, PAIRS),
    "Clip": Case(lambda: e.Clip(-0.5, 0.7), lambda x: anp.clip(x, -0.5, 0.7), ANY),
    "Clip below": Case(lambda: e.Clip(low=0.1), lambda x: anp.maximum(x, 0.1), ANY),
    "Where": Case(
        e.Where,
        lambda c, a, b: c * a + (1 - c) * b,
        [((3, 4), (3, 4), (4,)), ((3, 1), (), (1, 4)), ((), (), ())],
        constants={0: coin},
    ),
    "Cast": Case(lambda: e.Cast(np.float64), lambda x: x * 1.0, ANY),
    "Identity": Case(activation.Identity, lambda x: x * 1.0, ANY),
    "Sigmoid": Case(activation.Sigmoid, lambda x: 1 / (1 + anp.exp(-x)), ANY),
    "Tanh": Case(activation.Tanh, lambda x: 1 - 2 / (anp.exp(2 * x) + 1), ANY),
    "ReLU": Case(activation.ReLU, lambda x: x * (x > 0), ANY),
    "LeakyReLU": Case(lambda: activation.LeakyReLU(0.2), lambda x: anp.where(x > 0, x, 0.2 * x), ANY),
    "ELU": Case(lambda: activation.ELU(1.3), lambda x: anp.where(x > 0, x, 1.3 * (anp.exp(x) - 1)), ANY),
    "SiLU": Case(activation.SiLU, lambda x: x / (1 + anp.exp(-x)), ANY),
    "Softplus": Case(activation.Softplus, lambda x: anp.log(1 + anp.exp(x)), ANY),
    "GELU": Case(activation.GELU, lambda x: x * (1 + erf(x / math.sqrt(2))) / 2, ANY),
    "TanhGELU": Case(
        activation.TanhGELU,
        lambda x: x * (1 + anp.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2,
        ANY,
    ),
    "Softmax": Case(softmax.Softmax, lambda x: anp.exp(x) / anp.sum(anp.exp(x), axis=-1, keepdims=True), TABLES),
    "Softmax of columns": Case(lambda: softmax.Softmax(0), lambda x: anp.exp(x) / anp.sum(anp.exp(x), axis=0), TABLES),
    "LogSoftmax": Case(softmax.LogSoftmax, lambda x: x - logsumexp(x, -1, True), TABLES),
    "LogSumExp": Case(softmax.LogSumExp, lambda x: logsumexp(x, None), [*ANY[:4]]),
    "LogSumExp of rows": Case(lambda: softmax.LogSumExp(1, True), lambda x: logsumexp(x, 1, True), TABLES),
    "Sum": Case(reduce.Sum, anp.sum, ANY),
    "Sum of rows": Case(lambda: reduce.Sum(-1), lambda x: anp.sum(x, axis=-1), TABLES),
    "Sum of two axes": Case(
        lambda: reduce.Sum((0, 2)), lambda x: anp.sum(x, axis=(0, 2)), [((2, 3, 4),), ((2, 0, 4),)]
    ),
    "Sum of no axis": Case(lambda: reduce.Sum(()), lambda x: x * 1.0, TABLES),
    "Mean": Case(reduce.Mean, anp.mean, ANY[:4]),
    "Mean of columns": Case(lambda: reduce.Mean(0, True), lambda x: anp.mean(x, axis=0, keepdims=True), TABLES),
    "Max": Case(reduce.Max, anp.max, ANY[:4]),
    "Max of rows": Case(lambda: reduce.Max(1), lambda x: anp.max(x, axis=1), TABLES),
    "Min": Case(reduce.Min, anp.min, ANY[:4]),
    "Min of two axes": Case(lambda: reduce.Min((0, -1)), lambda x: anp.min(x, axis=(0, 2)), [((2, 3, 4),)]),
    "Var": Case(reduce.Var, anp.var, ANY[:4]),
    "Var of rows": Case(lambda: reduce.Var(1, True), lambda x: anp.var(x, axis=1, keepdims=True), TABLES),
    "Std": Case(reduce.Std, lambda x: anp.sqrt(anp.mean((x - anp.mean(x)) ** 2)), [((3, 4),), ((5,),)]),
    "Std of rows": Case(
        lambda: reduce.Std(1, ddof=1),
        lambda x: anp.sqrt(anp.sum((x - anp.mean(x, 1, keepdims=True)) ** 2, axis=1) / (x.shape[1] - 1)),
        [((3, 4),), ((5, 2),)],
    ),
    "MatMul": Case(
        matmul.MatMul,
        anp.matmul,
        [
            ((3, 4), (4, 5)),
            ((4,), (4,)),
            ((4,), (4, 3)),
            ((3, 4), (4,)),
            ((2, 3, 4), (4, 5)),
            ((2, 3, 4), (4,)),
            ((4,), (2, 4, 5)),
            ((2, 1, 3, 4), (5, 4, 2)),
            ((1, 1), (1, 1)),
            ((0, 4), (4, 5)),
            ((3, 0), (0, 5)),
        ],
    ),
    "Linear": Case(
        matmul.Linear,
        lambda x, W, b: anp.dot(x, W.T) + b,
        [
            ((3, 4), (5, 4), (5,)),
            ((4,), (5, 4), (5,)),
            ((2, 3, 4), (5, 4), (5,)),
            ((1, 1), (1, 1), (1,)),
            ((0, 4), (2, 4), (2,)),
        ],
    ),
    "Linear without bias": Case(matmul.Linear, lambda x, W: anp.dot(x, W.T), [((3, 4), (5, 4)), ((3, 0), (5, 0))]),
    "Attention": Case(
        attention.Attention,
        attend,
        [
            ((3, 4), (5, 4), (5, 2)),
            ((2, 3, 4), (2, 5, 4), (2, 5, 6)),
            ((2, 1, 3, 4), (4, 5, 4), (5, 2)),
            ((1, 1), (1, 1), (1, 1)),
            ((0, 3), (2, 3), (2, 4)),
        ],
    ),
    "Attention causal": Case(
        lambda: attention.Attention(causal=True),
        lambda q, k, v: attend(q, k, v, np.tri(q.shape[-2], k.shape[-2])),
        [((4, 3), (4, 3), (4, 3)), ((2, 3, 4), (2, 5, 4), (5, 2)), ((5, 2), (3, 2), (3, 2))],
    ),
    "Attention in two heads": Case(
        lambda: attention.Attention(heads=2),
        attend_in_two_heads,
        [((3, 4), (5, 4), (5, 2)), ((2, 3, 6), (2, 5, 6), (5, 4)), ((0, 2), (2, 2), (2, 2))],
    ),
    "Attention with a mask": Case(
        attention.Attention,
        attend,
        [((3, 4), (5, 4), (5, 2), (3, 5)), ((2, 2, 3, 4), (2, 2, 5, 4), (5, 2), (2, 1, 1, 5))],
        constants={3: coin_but_one},
    ),
    "CTC": Case(
        ctc.CTC,
        align,
        [((4, 3, 3), (3, 2), (3,), (3,)), ((4, 2, 4), (2, 2), (2,), (2,)), ((4, 1, 3), (1, 2), (1,), (1,))],
        constants={
            1: lambda rng, *sizes: rng.integers(1, 3, sizes),
            2: lambda rng, *sizes: rng.integers(3, 5, sizes),
            3: lambda rng, *sizes: rng.integers(0, 3, sizes),
        },
    ),
    "Reshape": Case(lambda: shape.Reshape((6, -1)), lambda x: anp.reshape(x, (6, -1)), [((3, 4),), ((2, 3),)]),
    "Transpose": Case(shape.Transpose, anp.transpose, ANY),
    "Transpose of three": Case(
        lambda: shape.Transpose((1, -1, 0)), lambda x: anp.transpose(x, (1, 2, 0)), [((2, 3, 4),)]
    ),
    "BroadcastTo": Case(
        lambda: shape.BroadcastTo((2, 3, 4)),
        lambda x: x + np.zeros((2, 3, 4)),
        [((4,),), ((3, 1),), ((),), ((2, 3, 4),)],
    ),
    "Slice": Case(
        lambda: shape.Slice((slice(None, None, -1), 1)), lambda x: x[::-1, 1], [((3, 4),), ((2, 2, 2),), ((0, 2),)]
    ),
    "Slice with None": Case(lambda: shape.Slice((None, ..., 0)), lambda x: x[None, ..., 0], [((3, 4),), ((2,),)]),
    "Slice by repeated numbers": Case(lambda: shape.Slice(ROWS), lambda x: x[ROWS], [((3, 4),), ((3,),)]),
    "Slice by pairs": Case(lambda: shape.Slice((ROWS, ROWS)), lambda x: x[ROWS, ROWS], [((3, 3),), ((3, 4, 2),)]),
    "Slice by bool": Case(
        lambda: shape.Slice(np.array([True, False, True])), lambda x: x[np.array([0, 2])], [((3, 4),), ((3,),)]
    ),
    "Concatenate": Case(
        lambda: shape.Concatenate(1),
        lambda *xs: anp.concatenate(xs, axis=1),
        [((2, 3), (2, 1), (2, 2)), ((2, 1),), ((2, 0), (2, 1))],
    ),
    "Stack": Case(
        lambda: shape.Stack(-1), lambda *xs: anp.stack(xs, axis=-1), [((2, 3), (2, 3)), ((), ()), ((0,), (0,))]
    ),
    "Pad": Case(
        lambda: shape.Pad([(1, 0), (0, 2)], 0.5),
        lambda x: anp.pad(x, [(1, 0), (0, 2)], mode="constant", constant_values=0.5),
        [((2, 3),), ((1, 1),)],
    ),
    "Conv2d": Case(
        conv.Conv2d,
        lambda x, W, b: convolution(x, W, b, 1, 0),
        [((2, 3, 5, 4), (4, 3, 2, 2), (4,)), ((1, 1, 3, 3), (1, 1, 3, 3), (1,)), ((0, 2, 3, 3), (2, 2, 2, 2), (2,))],
    ),
    "Conv2d with stride and padding": Case(
        lambda: conv.Conv2d(2, 1),
        lambda x, W: convolution(x, W, np.zeros(len(W)), 2, 1),
        [((2, 3, 5, 4), (4, 3, 3, 3)), ((3, 1, 1, 1), (2, 1, 2, 2)), ((0, 1, 3, 3), (2, 1, 3, 3))],
    ),
    "MaxPool2d": Case(
        lambda: conv.MaxPool2d(2), lambda x: anp.max(patches(x, 2, 2, 0), (2, 3)), [((2, 3, 4, 5),), ((0, 1, 2, 2),)]
    ),
    "MaxPool2d with stride and padding": Case(
        lambda: conv.MaxPool2d(3, 2, 1), lambda x: anp.max(patches(x, 3, 2, 1, -9.0), (2, 3)), [((2, 3, 4, 5),)]
    ),
    "AvgPool2d": Case(
        lambda: conv.AvgPool2d(2), lambda x: anp.mean(patches(x, 2, 2, 0), (2, 3)), [((2, 3, 4, 5),), ((0, 1, 2, 2),)]
    ),
    "AvgPool2d with stride and padding": Case(
        lambda: conv.AvgPool2d(3, 2, 1), lambda x: anp.mean(patches(x, 3, 2, 1), (2, 3)), [((2, 3, 4, 5),)]
    ),
    "LayerNorm": Case(
        norm.LayerNorm,
        lambda x, w, b: w * standardized(x, -1) + b,
        [((4, 5), (5,), (5,)), ((2, 3, 4), (4,), (4,)), ((3,), (3,), (3,)), ((0, 3), (3,), (3,))],
    ),
    "LayerNorm of two axes": Case(
        norm.LayerNorm, lambda x, w, b: w * standardized(x, (1, 2)) + b, [((2, 3, 4), (3, 4), (3, 4))]
    ),
    "BatchNorm": Case(norm.BatchNorm, lambda x, w, b: w * standardized(x, 0) + b, [((5, 3), (3,), (3,))]),
    "BatchNorm of images": Case(
        norm.BatchNorm,
        lambda x, w, b: w[:, None, None] * standardized(x, (0, 2, 3)) + b[:, None, None],
        [((4, 3, 2, 5), (3,), (3,)), ((1, 1, 2, 2), (1,), (1,))],
    ),
    "BatchNorm in evaluation": Case(
        lambda: norm.BatchNorm(RUNNING, training=False),
        lambda x, w, b: w * standardized(x, 0, *RUNNING) + b,
        [((5, 3), (3,), (3,)), ((1, 3), (3,), (3,)), ((0, 3), (3,), (3,))],
    ),
    "Dropout": Case(
        lambda: dropout.Dropout(0.25, SameDraws()),
        lambda x: x * (SameDraws().random(x.shape, None) >= 0.25) / 0.75,
        ANY,
    ),
    "Embedding": Case(
        embedding.Embedding,
        lambda index, W: W[index],
        [((4,), (3, 2)), ((2, 5), (4, 3)), ((), (3, 1)), ((0, 2), (3, 2))],
        constants={0: lambda rng, *sizes: rng.integers(0, 3, sizes)},
    ),
    "RNN": Case(recurrent.RNN, sequence(lambda z, v, h: anp.tanh(z + v)), sequences(1)),
    "RNN of relu": Case(lambda: recurrent.RNN("relu"), sequence(lambda z, v, h: (z + v) * (z + v > 0)), sequences(1)),
    "GRU": Case(recurrent.GRU, sequence(gru_step), sequences(3)),
    "LSTM": Case(recurrent.LSTM, sequence(lstm_step), sequences(4, states=2)),
    "LSTM without forget gate": Case(
        lambda: recurrent.LSTM(forget_gate=False), sequence(lstm_step_of_1997), sequences(3, states=2)
    ),
    "MSE": Case(loss.MSE, lambda y, t: anp.mean((y - t) ** 2), [((3, 4), (3, 4)), ((), ()), ((1, 1), (1, 1))]),
    "BCEWithLogits": Case(
        loss.BCEWithLogits,
        lambda z, t: anp.mean(softplus(z) - z * t),
        [((5, 1), (5, 1)), ((3, 4), (3, 4)), ((), ()), ((1,), (1,))],
    ),
    "BCEWithLogits of a flat target": Case(
        loss.BCEWithLogits, lambda z, t: anp.mean(softplus(z) - z * t[:, None]), [((5, 1), (5,)), ((1, 1), (1,))]
    ),
    "CrossEntropy": Case(
        loss.CrossEntropy,
        cross_entropy,
        [((5, 3), (5,)), ((1, 3), (1,)), ((2, 4, 3), (2, 4)), ((3,), ())],
        constants=CLASSES,
    ),
}
TRIED = [
    pytest.param(case, shapes, id=f"{name}-{i}") for name, case in CASES.items() for i, shapes in enumerate(case.shapes)
]


def in_all_shapes(test):
    """One test for each case, which runs through its shapes."""

    @pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
    def tests(case):
        for shapes in case.shapes:
            test(case, shapes)

    tests.__doc__ = test.__doc__
    return tests


def test_every_op_is_tried():
    ours = {name for name, op in OPS.items() if op.__module__.startswith("nbprop.engine.")}
    assert ours == {name.split(" ")[0] for name in CASES}


def gradients(case, arrays, dy=None):
    """Run forward and backward through Tensors: the output, dL/dy, and the gradients of the floating inputs."""
    tensors = [Tensor(x, requires_grad=x.dtype.kind == "f") for x in arrays]
    y = apply(case.op(), *tensors)
    if dy is None:
        dy = np.random.default_rng(1).standard_normal(y.shape)
    y.backward(dy)
    return y.data, dy, [x.grad for x in tensors if x.requires_grad]


@pytest.mark.parametrize("case, shapes", TRIED)
def test_against_central_differences(case, shapes):
    check_gradient(lambda *xs: apply(case.op(), *xs), *case.inputs(shapes), tol=2e-7)


@pytest.mark.parametrize("case, shapes", TRIED)
def test_against_autograd(case, shapes):
    arrays = case.inputs(shapes)
    y, dy, ours = gradients(case, arrays)
    floating = tuple(i for i, x in enumerate(arrays) if x.dtype.kind == "f")
    known = list(arrays)

    def formula(floats):
        for i, x in zip(floating, floats, strict=True):
            known[i] = x
        return case.formula(*known)

    vjp, expected = make_vjp(formula)(tuple(arrays[i] for i in floating))
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-14)
    for mine, theirs in zip(ours, vjp(dy), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-13)


@in_all_shapes
def test_float32_stays_float32(case, shapes):
    arrays = case.inputs(shapes)
    y64, dy, gradients64 = gradients(case, arrays)
    y32, _, gradients32 = gradients(case, [x.astype("f4") if x.dtype == "f8" else x for x in arrays], dy)
    assert y64.dtype == np.float64 and all(g.dtype == np.float64 for g in gradients64)
    assert all(g.dtype == np.float32 for g in gradients32)
    assert y32.dtype == (np.float64 if case.op is CASES["Cast"].op else np.float32)
    np.testing.assert_allclose(y32, y64, rtol=1e-4, atol=1e-5)
    for g32, g64 in zip(gradients32, gradients64, strict=True):
        np.testing.assert_allclose(g32, g64, rtol=1e-3, atol=1e-4)


@in_all_shapes
def test_inputs_in_any_memory_layout(case, shapes):
    arrays = case.inputs(shapes)
    y, dy, expected = gradients(case, arrays)
    columns = [np.array(x, order="F") for x in arrays]
    strided = [np.repeat(x, 2, axis=-1)[..., ::2] if x.ndim else x for x in arrays]
    backwards = [np.flip(np.flip(x).copy()) for x in arrays]
    for layout in (columns, strided, backwards):
        y2, _, gradients2 = gradients(case, layout, dy)
        np.testing.assert_allclose(y2, y, rtol=1e-13, atol=1e-15)
        for a, b in zip(gradients2, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@in_all_shapes
def test_run_again_into_the_same_memory(case, shapes):
    """What a Replay relies on: forward fills the same array again, backward gives the same again and may use `into`."""
    arrays, others = case.inputs(shapes), case.inputs(shapes, seed=5)
    kept = [x.copy() for x in arrays]
    with record() as tape:
        y = apply(case.op(), *[Tensor(x, requires_grad=x.dtype.kind == "f") for x in arrays])
    op = y.op
    assert tape.nodes == [y] and op.needs == tuple(x.dtype.kind == "f" for x in arrays)
    dy = np.random.default_rng(1).standard_normal(y.shape)
    given = dy.copy()
    first = as_tuple(op.backward(dy))
    op.into = [
        None if dx is None or np.shape(dx) != x.shape else np.full_like(x, 7)
        for x, dx in zip(arrays, first, strict=True)
    ]
    second = as_tuple(op.backward(dy))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    again = op.forward(*others)
    fresh = apply(case.op(), *others).data
    np.testing.assert_array_equal(again, fresh)
    assert again is y.data or op.view
    np.testing.assert_array_equal(dy, given)
    for x, before in zip(arrays, kept, strict=True):
        np.testing.assert_array_equal(x, before)


def as_tuple(gradients):
    return gradients if isinstance(gradients, tuple) else (gradients,)


@in_all_shapes
def test_replay_equals_eager(case, shapes):
    arrays = case.inputs(shapes)
    tensors = [Tensor(x, requires_grad=x.dtype.kind == "f") for x in arrays]

    def compute():
        y = apply(case.op(), *tensors)
        return (y * y).sum()

    with record() as tape:
        result = compute()
    replay = Replay(tape, result)
    for seed in (0, 1, 2, 3):
        for x, new in zip(arrays, case.inputs(shapes, seed), strict=True):
            x[...] = new
        replayed = replay.forward().copy()
        replay.backward()
        ours = [x.grad for x in tensors if x.requires_grad]
        for x in tensors:
            x.grad = None
        eager = compute()
        eager.backward()
        np.testing.assert_array_equal(replayed, eager.data)
        for x, g in zip([x for x in tensors if x.requires_grad], ours, strict=True):
            np.testing.assert_array_equal(g, x.grad)
            x.grad = g
