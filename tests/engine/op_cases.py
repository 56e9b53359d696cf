"""Every op: how it is made, what it computes, and the shapes and numbers it is tried with."""

from dataclasses import dataclass, field

import autograd.numpy as anp
import numpy as np
import pytest
from formulas import (
    align,
    attend,
    attend_in_two_heads,
    convolution,
    cross_entropy,
    ended,
    gelu,
    gru_step,
    logsumexp,
    lstm_step,
    lstm_step_of_1997,
    patches,
    reset_before,
    sequence,
    sigmoid,
    softplus,
    standardized,
    tanh_gelu,
)

from nbprop.engine import (
    activation,
    attention,
    conv,
    ctc,
    dropout,
    elementwise as e,
    embedding,
    linalg,
    loss,
    matmul,
    norm,
    recurrent,
    reduce,
    shape,
    softmax,
)


@dataclass
class Case:
    """An op, the shapes it is tried with, and what it computes, written with autograd's NumPy."""

    op: object  # () -> Op
    formula: object
    shapes: list  # of tuples of input shapes
    draw: object = lambda rng, *sizes: rng.standard_normal(sizes)  # floating inputs
    constants: dict = field(default_factory=dict)  # input number -> (rng, *sizes) -> what is drawn for this one

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


def coin_but_one(rng, *sizes):
    mask = coin(rng, *sizes)
    mask[..., 0] = True
    return mask


def sequences(blocks, states=1):
    """Shapes for (T, N, inputs, H), with and without biases: no step, no sequence, one of all."""
    shapes = []
    for T, N, n, H in [(4, 3, 2, 5), (1, 1, 1, 1), (0, 2, 3, 2), (3, 0, 2, 3), (3, 1, 4, 2)]:
        rows = blocks * H
        shapes.append(((T, N, n), (states, N, H)[states == 1 :], (rows, n), (rows, H), (rows,), (rows,)))
    return [*shapes, shapes[0][:4]]


def definite(rng, *sizes):
    """Symmetric matrices with eigenvalues well above 0 and apart."""
    A = rng.standard_normal(sizes)
    return 0.1 * (A + A.swapaxes(-1, -2)) + np.diag(np.arange(1.0, sizes[-1] + 1))


def invertible(rng, *sizes):
    return 0.2 * rng.standard_normal(sizes) + np.diag(np.arange(1.0, sizes[-1] + 1) * (-1) ** np.arange(sizes[-1]))


LENGTHS = np.array([2, 4, 0])


class SameDraws:
    """Stands in for a generator, where the second draw is to be equal to the first."""

    def random(self, shape, dtype):
        return np.random.default_rng(0).random(shape)


def even(A):
    """The symmetric part."""
    return (A + anp.swapaxes(A, -1, -2)) / 2


SQUARES = [((3, 3),), ((1, 1),), ((2, 4, 4),), ((2, 2, 3, 3),)]
SHARES = {1: lambda rng, *sizes: rng.uniform(0.1, 0.9, sizes)}
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
    "Sigmoid": Case(activation.Sigmoid, sigmoid, ANY),
    "Tanh": Case(activation.Tanh, lambda x: 1 - 2 / (anp.exp(2 * x) + 1), ANY),
    "ReLU": Case(activation.ReLU, lambda x: x * (x > 0), ANY),
    "LeakyReLU": Case(lambda: activation.LeakyReLU(0.2), lambda x: anp.where(x > 0, x, 0.2 * x), ANY),
    "ELU": Case(lambda: activation.ELU(1.3), lambda x: anp.where(x > 0, x, 1.3 * (anp.exp(x) - 1)), ANY),
    "SiLU": Case(activation.SiLU, lambda x: x / (1 + anp.exp(-x)), ANY),
    "Softplus": Case(activation.Softplus, lambda x: anp.log(1 + anp.exp(x)), ANY),
    "GELU": Case(activation.GELU, gelu, ANY),
    "TanhGELU": Case(activation.TanhGELU, tanh_gelu, ANY),
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
    "Norm": Case(reduce.Norm, lambda x: anp.sqrt(anp.sum(x * x)), [((3, 4),), ((5,),), ((1,),), ((),)]),
    "Norm of rows": Case(lambda: reduce.Norm(2, 1, True), lambda x: anp.sqrt(anp.sum(x * x, 1, keepdims=True)), TABLES),
    "Norm of sizes": Case(lambda: reduce.Norm(1, 0), lambda x: anp.sum(anp.abs(x), axis=0), [*TABLES, ((0, 3),)]),
    "Norm of the largest": Case(lambda: reduce.Norm(np.inf, 1), lambda x: anp.max(anp.abs(x), axis=1), TABLES),
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
    "Attention with numbers added": Case(
        attention.Attention,
        lambda q, k, v, m: attend(q, k, v, added=m),
        [((3, 4), (5, 4), (5, 2), (3, 5)), ((2, 2, 3, 4), (2, 2, 5, 4), (5, 2), (2, 1, 1, 5))],
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
    "Inv": Case(linalg.Inv, anp.linalg.inv, SQUARES, invertible),
    "Solve": Case(
        linalg.Solve,
        anp.linalg.solve,
        [((3, 3), (3,)), ((3, 3), (3, 2)), ((2, 3, 3), (2, 3, 2)), ((1, 1), (1,))],
        constants={0: invertible},
    ),
    "Det": Case(linalg.Det, anp.linalg.det, SQUARES, invertible),
    "LogDet": Case(linalg.LogDet, lambda A: anp.linalg.slogdet(A)[1], SQUARES, invertible),
    "Cholesky": Case(linalg.Cholesky, lambda A: anp.linalg.cholesky(even(A)), SQUARES, definite),
    "EigenValues": Case(linalg.EigenValues, lambda A: anp.linalg.eigh(even(A))[0], SQUARES, definite),
    "EigenVectors": Case(linalg.EigenVectors, lambda A: anp.linalg.eigh(even(A))[1], SQUARES, definite),
    "SingularValues": Case(
        linalg.SingularValues,
        lambda A: anp.linalg.svd(A, full_matrices=False)[1],
        [((3, 3),), ((2, 4),), ((2, 4, 3),)],
        lambda rng, *sizes: rng.standard_normal(sizes) + 2 * np.eye(*sizes[-2:]),
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
    "ResetBefore": Case(recurrent.ResetBefore, reset_before, sequences(3)),
    "LSTM": Case(recurrent.LSTM, sequence(lstm_step), sequences(4, states=2)),
    "LSTM without forget gate": Case(
        lambda: recurrent.LSTM(forget_gate=False), sequence(lstm_step_of_1997), sequences(3, states=2)
    ),
    **{
        f"{name} of three lengths": Case(
            lambda op=op: op(lengths=LENGTHS), ended(step, LENGTHS), sequences(blocks, states)[:1]
        )
        for name, op, step, blocks, states in (
            ("RNN", recurrent.RNN, sequence(lambda z, v, h: anp.tanh(z + v)), 1, 1),
            ("GRU", recurrent.GRU, sequence(gru_step), 3, 1),
            ("ResetBefore", recurrent.ResetBefore, reset_before, 3, 1),
            ("LSTM", recurrent.LSTM, sequence(lstm_step), 4, 2),
        )
    },
    "MSE": Case(loss.MSE, lambda y, t: anp.mean((y - t) ** 2), [((3, 4), (3, 4)), ((), ()), ((1, 1), (1, 1))]),
    "BCEWithLogits": Case(
        loss.BCEWithLogits,
        lambda z, t: anp.mean(softplus(z) - z * t),
        [((5, 1), (5, 1)), ((3, 4), (3, 4)), ((), ()), ((1,), (1,))],
        constants=SHARES,
    ),
    "BCEWithLogits of a flat target": Case(
        loss.BCEWithLogits,
        lambda z, t: anp.mean(softplus(z) - z * t[:, None]),
        [((5, 1), (5,)), ((1, 1), (1,))],
        constants=SHARES,
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
