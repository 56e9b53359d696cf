"""Every op: how it is made, what it computes, and the shapes and numbers it is tried with."""

from dataclasses import dataclass, field

import autograd.numpy as anp
import numpy as np
import pytest
from autograd.tracer import getval
from formulas import (
    align,
    attend,
    attend_in_two_heads,
    cells,
    convolution,
    cross_entropy,
    ended,
    erf,
    gelu,
    gru_step,
    in_order,
    logsumexp,
    lstm_step,
    lstm_step_of_1997,
    means_of_windows,
    middle,
    nll,
    products,
    put,
    reset_before,
    running,
    sequence,
    sigmoid,
    softplus,
    standardized,
    standardized_in_two_groups,
    tanh_gelu,
    transposed_convolution,
    windows,
)

from nbprop.engine import (
    activation,
    attention,
    conv,
    ctc,
    cumulative,
    dropout,
    elementary,
    elementwise as e,
    embedding,
    linalg,
    loss,
    matmul,
    moving,
    norm,
    recurrent,
    reduce,
    resize,
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


def wide(rng, *sizes):
    return 4 * rng.standard_normal(sizes)


def positive(rng, *sizes):
    return rng.uniform(0.2, 2.0, sizes)


def apart_from_zero(rng, *sizes):
    return rng.uniform(0.2, 2.0, sizes) * rng.choice([-1, 1], sizes)


def normal(rng, *sizes):
    return rng.standard_normal(sizes)


def within_1(rng, *sizes):
    return rng.uniform(-0.9, 0.9, sizes)


def above_1(rng, *sizes):
    return rng.uniform(1.2, 3.0, sizes)


def some_zeros(rng, *sizes):
    """In some rows none, in some one, in some two."""
    return rng.standard_normal(sizes) * (rng.random(sizes) > 0.3)


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


def left_and_right(U, s, V):
    return U, anp.swapaxes(V, -1, -2)


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
WEIGHTS = (1.0, 2.5, 0.3)
ALL_CLASSES = {1: lambda rng, *sizes: rng.permutation(np.arange(7) % 3)}
CLASSES = {1: lambda rng, *sizes: rng.integers(0, 3, sizes)}
PLACES = {1: lambda rng, *sizes: rng.integers(0, 3, sizes)}
RUNNING = np.array([0.3, -0.4, 0.5]), np.array([0.5, 2.0, 1.0])
ROWS = np.array([[0, 2], [2, 2]])
# What is asked for, the same in words that autograd knows, and shapes.
EINSUMS = [
    ("ij,jk->ik", "ij,jk->ik", [((3, 4), (4, 2)), ((1, 1), (1, 1)), ((0, 2), (2, 3)), ((2, 0), (0, 3))]),
    ("ij,jk", "ij,jk->ik", [((3, 4), (4, 2))]),
    ("ba", "ba->ab", [((3, 4),)]),
    ("i,i", "i,i->", [((4,), (4,)), ((0,), (0,))]),
    ("ij->", "ij->", [((3, 4),), ((0, 4),)]),
    ("ij->j", "ij->j", [((3, 4),), ((3, 0),)]),
    ("ij,kl->ki", "ij,kl->ki", [((3, 4), (2, 5))]),
    ("ab,bc,cd -> da", "ab,bc,cd->da", [((2, 3), (3, 4), (4, 2))]),
    ("i,i,i->i", "i,i,i->i", [((4,), (4,), (4,))]),
    ("...ij,...jk->...ik", "aij,ajk->aik", [((2, 3, 4), (2, 4, 2))]),
    ("...ij,jk", "abij,jk->abik", [((2, 1, 3, 4), (4, 2))]),
    ("i...->...i", "iab->abi", [((3, 2, 4),)]),
    (",ij->ij", ",ij->ij", [((), (3, 4))]),
]

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
    **{
        name: Case(getattr(elementary, name), getattr(anp, name.lower()), ANY, draw)
        for draw, names in {
            normal: "Sin Cos Arctan Sinh Cosh Arcsinh Expm1 Exp2",
            within_1: "Tan Arcsin Arccos Arctanh",
            positive: "Log1p Log2 Log10",
        }.items()
        for name in names.split()
    },
    "Cbrt": Case(elementary.Cbrt, lambda x: anp.sign(x) * anp.abs(x) ** (1 / 3), ANY, apart_from_zero),
    "Arccosh": Case(elementary.Arccosh, lambda x: anp.log(x + anp.sqrt(x * x - 1)), ANY, above_1),
    **{
        name: Case(getattr(elementary, name), lambda x, name=name: getattr(np, name.lower())(getval(x)) + 0 * x, ANY)
        for name in ("Sign", "Floor", "Ceil", "Trunc", "Round")
    },
    "Round to a decimal": Case(lambda: elementary.Round(1), lambda x: np.round(getval(x), 1) + 0 * x, ANY),
    "Remainder": Case(elementary.Remainder, lambda a, b: a - b * np.floor(getval(a / b)), PAIRS, apart_from_zero),
    "Fmod": Case(elementary.Fmod, lambda a, b: a - b * np.trunc(getval(a / b)), PAIRS, apart_from_zero),
    "FloorDivide": Case(
        elementary.FloorDivide, lambda a, b: np.floor(getval(a / b)) + 0 * (a + b), PAIRS, apart_from_zero
    ),
    "Arctan2": Case(elementary.Arctan2, anp.arctan2, PAIRS, apart_from_zero),
    "Hypot": Case(elementary.Hypot, lambda a, b: anp.sqrt(a * a + b * b), PAIRS),
    "Copysign": Case(
        elementary.Copysign, lambda a, b: anp.abs(a) * anp.where(getval(b) < 0, -1, 1) + 0 * b, PAIRS, apart_from_zero
    ),
    "LogAddExp": Case(elementary.LogAddExp, lambda a, b: anp.log(anp.exp(a) + anp.exp(b)), PAIRS),
    "Erf": Case(activation.Erf, erf, ANY),
    "Cast": Case(lambda: e.Cast(np.float64), lambda x: x * 1.0, ANY),
    "Identity": Case(activation.Identity, lambda x: x * 1.0, ANY),
    "Sigmoid": Case(activation.Sigmoid, sigmoid, ANY),
    "Tanh": Case(activation.Tanh, lambda x: 1 - 2 / (anp.exp(2 * x) + 1), ANY),
    "ReLU": Case(activation.ReLU, lambda x: x * (x > 0), ANY),
    "LeakyReLU": Case(lambda: activation.LeakyReLU(0.2), lambda x: anp.where(x > 0, x, 0.2 * x), ANY),
    "ELU": Case(lambda: activation.ELU(1.3), lambda x: anp.where(x > 0, x, 1.3 * (anp.exp(x) - 1)), ANY),
    "SELU": Case(
        activation.SELU, lambda x: 1.0507009873554805 * anp.where(x > 0, x, 1.6732632423543772 * (anp.exp(x) - 1)), ANY
    ),
    "PReLU": Case(activation.PReLU, lambda x, a: x * (x > 0) + a * x * (x <= 0), PAIRS),
    "Hardtanh": Case(lambda: activation.Hardtanh(-0.5, 0.7), lambda x: anp.clip(x, -0.5, 0.7), ANY),
    "Hardsigmoid": Case(activation.Hardsigmoid, lambda x: anp.clip(x / 6 + 0.5, 0, 1), ANY, wide),
    "Hardswish": Case(activation.Hardswish, lambda x: x * anp.clip(x / 6 + 0.5, 0, 1), ANY, wide),
    "Softsign": Case(activation.Softsign, lambda x: x / (1 + anp.abs(x)), ANY),
    "Mish": Case(activation.Mish, lambda x: x * anp.tanh(anp.log(1 + anp.exp(x))), ANY),
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
    "Prod": Case(reduce.Prod, anp.prod, ANY),
    "Prod of rows": Case(lambda: reduce.Prod(-1, True), lambda x: anp.prod(x, axis=-1, keepdims=True), TABLES),
    "Prod of two axes": Case(
        lambda: reduce.Prod((2, 0)), lambda x: anp.prod(anp.prod(x, 2), 0), [((2, 3, 4),), ((2, 0, 4),), ((1, 3, 0),)]
    ),
    "Prod with zeros": Case(lambda: reduce.Prod(1), products, [((4, 3),), ((3, 1),)], some_zeros),
    "Cumsum": Case(lambda: cumulative.Cumsum(0), lambda x: anp.cumsum(x, axis=0), [*TABLES, ((0, 2),), ((2, 3, 2),)]),
    "Cumsum of all": Case(cumulative.Cumsum, anp.cumsum, ANY),
    "Cumprod": Case(lambda: cumulative.Cumprod(-1), running(products), [*TABLES, ((2, 0),), ((2, 3, 2),)]),
    "Cumprod with zeros": Case(lambda: cumulative.Cumprod(-1), running(products), [((4, 5),), ((7,),)], some_zeros),
    "Cumprod of columns": Case(
        lambda: cumulative.Cumprod(dim=0), lambda x: running(products)(x.T).T, [*TABLES, ((0, 2),)], some_zeros
    ),
    "LogCumSumExp": Case(
        lambda: cumulative.LogCumSumExp(-1), running(lambda x: logsumexp(x, -1)), [*TABLES, ((3, 0),), ((2, 3, 4),)]
    ),
    "Max": Case(reduce.Max, anp.max, ANY[:4]),
    "Max of rows": Case(lambda: reduce.Max(1), lambda x: anp.max(x, axis=1), TABLES),
    "Min": Case(reduce.Min, anp.min, ANY[:4]),
    "Min of two axes": Case(lambda: reduce.Min((0, -1)), lambda x: anp.min(x, axis=(0, 2)), [((2, 3, 4),)]),
    "Var": Case(reduce.Var, anp.var, ANY[:4]),
    "Var of rows": Case(lambda: reduce.Var(1, keepdims=True), lambda x: anp.var(x, axis=1, keepdims=True), TABLES),
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
    "Norm of order 3": Case(
        lambda: reduce.Norm(3, 1), lambda x: anp.sum(anp.abs(x) ** 3, axis=1) ** (1 / 3), [*TABLES, ((0, 3),)]
    ),
    "Norm of order 0.5": Case(
        lambda: reduce.Norm(0.5), lambda x: anp.sum(anp.sqrt(anp.abs(x))) ** 2, [*TABLES, ((),)], apart_from_zero
    ),
    "Norm of the smallest": Case(lambda: reduce.Norm(-np.inf, 0), lambda x: anp.min(anp.abs(x), axis=0), TABLES),
    **{
        f"Einsum {subscripts}": Case(
            lambda subscripts=subscripts: matmul.Einsum(subscripts),
            lambda *xs, spelled=spelled: anp.einsum(spelled, *xs),
            shapes,
        )
        for subscripts, spelled, shapes in EINSUMS
    },
    "Einsum of a diagonal": Case(lambda: matmul.Einsum("ii->i"), anp.diag, [((3, 3),), ((1, 1),), ((0, 0),)]),
    "Einsum of a trace": Case(
        lambda: matmul.Einsum("ii,ij"),
        lambda x, y: anp.sum(anp.diag(x)[:, None] * y, axis=0),
        [((3, 3), (3, 2)), ((1, 1), (4, 2))],
    ),
    "Einsum that broadcasts": Case(
        lambda: matmul.Einsum("i...,i...->i"),
        lambda a, b: anp.sum(a * b, axis=-1),
        [((3, 4), (3, 4)), ((3, 1), (1, 4)), ((1, 4), (3, 1)), ((3, 0), (3, 1))],
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
    "SingularVectors": Case(
        linalg.SingularVectors,
        lambda A: anp.concatenate(left_and_right(*anp.linalg.svd(A, full_matrices=False)), axis=-2),
        [((3, 3),), ((2, 4),), ((2, 4, 3),)],
        lambda rng, *sizes: rng.standard_normal(sizes) / 4 + np.eye(*sizes[-2:]) * np.arange(1, sizes[-1] + 1),
    ),
    "Take": Case(lambda: moving.Take(ROWS), lambda x: anp.ravel(x)[ROWS], [((3, 4),), ((3,),), ((1, 3),)]),
    "Gather": Case(
        lambda: moving.Gather(1),
        lambda x, index: x[cells(x, 1, index)],
        [((3, 4), (3, 2)), ((3, 3, 2), (2, 5, 1)), ((2, 3), (2, 0)), ((0, 3), (0, 2))],
        constants=PLACES,
    ),
    "Gather along the first axis": Case(
        lambda: moving.Gather(-2), lambda x, index: x[cells(x, 0, index)], [((3, 4), (7, 3))], constants=PLACES
    ),
    "ScatterAdd": Case(
        lambda: moving.ScatterAdd(1),
        lambda x, index, src: x + put(x, 1, index, src),
        [((3, 4), (3, 2), (3, 2)), ((3, 3, 2), (2, 5, 1), (2, 5, 1)), ((2, 3), (2, 0), (2, 0)), ((3, 4), (3, 5), ())],
        constants=PLACES,
    ),
    "Scatter": Case(
        lambda: moving.Scatter(0),
        lambda x, index, src: x * (put(x, 0, index, np.ones(index.shape)) == 0) + put(x, 0, index, src, last=True),
        [((3, 4), (2, 3), (2, 3)), ((3, 2), (5, 2), (5, 2)), ((3, 0), (2, 0), (2, 0)), ((4, 2), (1, 2), ())],
        constants=PLACES,
    ),
    "Sort": Case(moving.Sort, lambda x: in_order(x, -1), [*ANY[1:], ((4, 7),)]),
    "Sort of columns": Case(lambda: moving.Sort(0, True), lambda x: in_order(x, 0)[::-1], ANY[1:]),
    "Cummax": Case(
        lambda: moving.Cummax(-1), running(lambda x: anp.max(x, axis=-1)), [*TABLES, ((2, 0),), ((2, 3, 2),), ((6,),)]
    ),
    "Cummin": Case(lambda: moving.Cummin(0), lambda x: running(lambda x: anp.min(x, axis=-1))(x.T).T, TABLES),
    "Median": Case(moving.Median, lambda x: middle(anp.ravel(x), 0), [((),), ((5,),), ((3, 4),), ((2, 3, 2),)]),
    "Median of rows": Case(lambda: moving.Median(1, True), lambda x: middle(x, 1)[:, None], [*TABLES, ((2, 7),)]),
    "Median of two axes": Case(
        lambda: moving.Median((0, 2)),
        lambda x: middle(anp.reshape(anp.transpose(x, (1, 0, 2)), (3, -1)), 1),
        [((2, 3, 4),), ((1, 3, 5),)],
    ),
    "Conv1d": Case(
        conv.Conv1d, convolution, [((2, 3, 5), (4, 3, 2), (4,)), ((3, 1, 1), (1, 1, 1)), ((0, 2, 3), (2, 2, 2))]
    ),
    "Conv1d of two groups": Case(
        lambda: conv.Conv1d(2, 1, 2, 2),
        lambda *a: convolution(*a, 2, step=2, border=1, apart=2),
        [((3, 4, 7), (6, 2, 3), (6,))],
    ),
    "Conv2d": Case(
        conv.Conv2d,
        convolution,
        [((2, 3, 5, 4), (4, 3, 2, 2), (4,)), ((1, 1, 3, 3), (1, 1, 3, 3), (1,)), ((0, 2, 3, 3), (2, 2, 2, 2), (2,))],
    ),
    "Conv2d with stride and padding": Case(
        lambda: conv.Conv2d(2, 1),
        lambda x, W: convolution(x, W, step=2, border=1),
        [((2, 3, 5, 4), (4, 3, 3, 3)), ((3, 1, 1, 1), (2, 1, 2, 2)), ((0, 1, 3, 3), (2, 1, 3, 3))],
    ),
    "Conv2d with dilation and groups": Case(
        lambda: conv.Conv2d(1, 1, 2, 3),
        lambda *a: convolution(*a, 3, border=1, apart=2),
        [((2, 3, 5, 4), (3, 1, 2, 3), (3,)), ((1, 6, 3, 3), (3, 2, 2, 2), (3,))],
    ),
    "Conv2d of the same size": Case(
        lambda: conv.Conv2d(1, "same"),
        lambda x, W: convolution(anp.pad(x, [(0, 0), (0, 0), (1, 1), (0, 1)], mode="constant"), W),
        [((2, 3, 5, 4), (4, 3, 3, 2)), ((1, 1, 1, 1), (1, 1, 3, 2))],
    ),
    "Conv3d": Case(
        conv.Conv3d, convolution, [((2, 3, 2, 3, 2), (4, 3, 2, 2, 1), (4,)), ((1, 1, 1, 1, 1), (1, 1, 1, 1, 1))]
    ),
    "ConvTranspose3d": Case(
        lambda: conv.ConvTranspose3d(2, 1, 1),
        lambda x, W, b: transposed_convolution(x, W, b, 2, 1, 1),
        [((2, 3, 2, 1, 2), (3, 2, 2, 3, 2), (2,))],
    ),
    "MaxPool3d": Case(
        lambda: conv.MaxPool3d(2), lambda x: anp.max(windows(x, (2, 2, 2), 2), (2, 3, 4)), [((2, 3, 4, 2, 3),)]
    ),
    "AvgPool3d": Case(
        lambda: conv.AvgPool3d(2, 1, 1),
        lambda x: anp.mean(windows(x, (2, 2, 2), 1, 1), (2, 3, 4)),
        [((2, 1, 2, 3, 2),)],
    ),
    "ConvTranspose1d": Case(
        lambda: conv.ConvTranspose1d(3, 1, 2),
        lambda x, W, b: transposed_convolution(x, W, b, 3, 1, 2),
        [((2, 3, 5), (3, 4, 2), (4,)), ((1, 1, 1), (1, 1, 4), (1,))],
    ),
    "ConvTranspose2d": Case(
        conv.ConvTranspose2d,
        transposed_convolution,
        [((2, 3, 5, 4), (3, 4, 2, 3), (4,)), ((1, 1, 1, 1), (1, 1, 1, 1), (1,)), ((0, 2, 3, 3), (2, 2, 2, 2), (2,))],
    ),
    "ConvTranspose2d with all settings": Case(
        lambda: conv.ConvTranspose2d(2, 1, 1, 2, 2),
        lambda x, W, b: transposed_convolution(x, W, b, 2, 1, 1, 2, 2),
        [((2, 4, 3, 2), (4, 3, 2, 3), (6,))],
    ),
    "MaxPool1d": Case(
        lambda: conv.MaxPool1d(3, 1, 1, 2), lambda x: anp.max(windows(x, (3,), 1, 1, 2, -9.0), 2), [((2, 3, 6),)]
    ),
    "MaxPool2d": Case(
        lambda: conv.MaxPool2d(2), lambda x: anp.max(windows(x, (2, 2), 2), (2, 3)), [((2, 3, 4, 5),), ((0, 1, 2, 2),)]
    ),
    "MaxPool2d with stride and padding": Case(
        lambda: conv.MaxPool2d(3, 2, 1),
        lambda x: anp.max(windows(x, (3, 3), 2, 1, value=-9.0), (2, 3)),
        [((2, 3, 4, 5),)],
    ),
    "MaxPool2d that sticks out": Case(
        lambda: conv.MaxPool2d(2, ceil_mode=True),
        lambda x: anp.max(
            windows(anp.pad(x, [(0, 0)] * 2 + [(0, 1)] * 2, mode="constant", constant_values=-9.0), (2, 2), 2), (2, 3)
        ),
        [((2, 3, 3, 5),)],
    ),
    "AvgPool1d": Case(lambda: conv.AvgPool1d(3, 1, 1), lambda x: anp.mean(windows(x, (3,), 1, 1), 2), [((2, 3, 6),)]),
    "AvgPool2d": Case(
        lambda: conv.AvgPool2d(2), lambda x: anp.mean(windows(x, (2, 2), 2), (2, 3)), [((2, 3, 4, 5),), ((0, 1, 2, 2),)]
    ),
    "AvgPool2d with stride and padding": Case(
        lambda: conv.AvgPool2d(3, 2, 1), lambda x: anp.mean(windows(x, (3, 3), 2, 1), (2, 3)), [((2, 3, 4, 5),)]
    ),
    "AvgPool2d of the image alone": Case(
        lambda: conv.AvgPool2d(3, 2, 1, counted=False),
        lambda x: anp.sum(windows(x, (3, 3), 2, 1), (2, 3)) / np.sum(windows(np.ones(x.shape), (3, 3), 2, 1), (2, 3)),
        [((2, 3, 4, 5),)],
    ),
    "AdaptiveAvgPool": Case(
        lambda: resize.AdaptiveAvgPool((2, 3)),
        lambda x: means_of_windows(x, (2, 3)),
        [((2, 3, 5, 4),), ((1, 1, 1, 1),), ((0, 2, 3, 3),)],
    ),
    "Upsample": Case(
        lambda: resize.Upsample((4, 6)),
        lambda x: anp.repeat(anp.repeat(x, 2, 2), 3, 3),
        [((2, 3, 2, 2),), ((0, 1, 2, 2),)],
    ),
    "LayerNorm": Case(
        norm.LayerNorm,
        lambda x, w, b: w * standardized(x, -1) + b,
        [((4, 5), (5,), (5,)), ((2, 3, 4), (4,), (4,)), ((3,), (3,), (3,)), ((0, 3), (3,), (3,))],
    ),
    "LayerNorm of two axes": Case(
        norm.LayerNorm, lambda x, w, b: w * standardized(x, (1, 2)) + b, [((2, 3, 4), (3, 4), (3, 4))]
    ),
    "RMSNorm": Case(
        norm.RMSNorm,
        lambda x, w: w * x / anp.sqrt(anp.mean(x * x, axis=-1, keepdims=True) + 1e-5),
        [((4, 5), (5,)), ((2, 3, 4), (4,)), ((3,), (3,)), ((0, 3), (3,))],
    ),
    "GroupNorm": Case(
        lambda: norm.GroupNorm(2),
        lambda x, w, b: anp.moveaxis(w * anp.moveaxis(standardized_in_two_groups(x), 1, -1) + b, -1, 1),
        [((3, 4, 2, 3), (4,), (4,)), ((2, 6, 4), (6,), (6,)), ((3, 8), (8,), (8,))],
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
    "Dropout of channels": Case(
        lambda: dropout.Dropout(0.25, SameDraws(), True),
        lambda x: x * (SameDraws().random((*x.shape[:2], 1, 1), None) >= 0.25) / 0.75,
        [((2, 3, 2, 4),), ((0, 2, 1, 1),)],
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
    "NLL": Case(loss.NLL, nll(), [((5, 3), (5,)), ((1, 3), (1,)), ((2, 4, 3), (2, 4)), ((3,), ())], constants=CLASSES),
    "NLL weighted": Case(lambda: loss.NLL(WEIGHTS, 1), nll(WEIGHTS, 1), [((7, 3), (7,))], constants=ALL_CLASSES),
    "NLL smoothed": Case(
        lambda: loss.NLL(WEIGHTS, 1, "sum", 0.2), nll(WEIGHTS, 1, "sum", 0.2), [((7, 3), (7,))], constants=ALL_CLASSES
    ),
    "NLL of each": Case(
        lambda: loss.NLL(WEIGHTS, None, "none", 0.2), nll(WEIGHTS, -1, "none", 0.2), [((7, 3), (7,))], constants=CLASSES
    ),
    "BCE": Case(
        loss.BCE,
        lambda p, t: -t * anp.log(p) - (1 - t) * anp.log(1 - p),
        [((3, 4), (3, 4)), ((), ()), ((1,), (1,))],
        constants={0: SHARES[1], **SHARES},
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
