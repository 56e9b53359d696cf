"""NumPy's functions on Tensors: every one of the tables, its value and its gradient, and what is refused."""

import subprocess
import sys

import autograd
import autograd.numpy as anp
import numpy
import numpy as np
import pytest
from hypothesis import given, strategies as st

import nbprop as nb
from nbprop.engine import ShapeError, Tensor, no_grad
from nbprop.engine.numpy_protocol import FUNCTIONS, QUESTIONS, UFUNCS

A = np.array([[0.5, 1.5, 2.0], [1.0, 0.25, 3.0]])
B = np.array([[2.0, 1.0, 0.5], [0.75, 3.0, 1.25]])
NUMPY = np  # where it is named `np` that autograd's is called
SMOOTH = [
    "sin",
    "cos",
    "tan",
    "arcsin",
    "arccos",
    "arctan",
    "sinh",
    "cosh",
    "arcsinh",
    "arctanh",
    "log1p",
    "expm1",
    "log2",
    "log10",
    "exp2",
]
MASK = np.array([[True, False, True], [False, False, True]])


def slopes(np, x):
    """np.gradient of two rows of three."""
    rows = np.stack([x[1] - x[0], x[1] - x[0]])
    return [rows, np.stack([x[:, 1] - x[:, 0], (x[:, 2] - x[:, 0]) / 2, x[:, 2] - x[:, 1]], axis=1)]


# f(np, x) for each function of the tables, called as one calls it. NumPy, autograd and nbprop must agree.
DIFFERENTIATED = {
    "positive": [lambda np, x: 1 * x if np is anp else np.positive(x)],
    "square": [lambda np, x: np.square(x)],
    "reciprocal": [lambda np, x: np.reciprocal(x)],
    "power": [lambda np, x: np.power(x, 3), lambda np, x: np.power(2.0, x), lambda np, x: np.power(x, B)],
    "negative": [lambda np, x: np.negative(x)],
    "exp": [lambda np, x: np.exp(x)],
    "log": [lambda np, x: np.log(x)],
    "sqrt": [lambda np, x: np.sqrt(x)],
    "tanh": [lambda np, x: np.tanh(x)],
    "absolute": [lambda np, x: np.absolute(x), lambda np, x: np.abs(-x)],
    "fabs": [lambda np, x: np.fabs(x)],
    "add": [
        lambda np, x: np.add(x, B),
        lambda np, x: B + x,
        lambda np, x: np.add(1, x),
        lambda np, x: np.float64(2) + x,
    ],
    "subtract": [lambda np, x: np.subtract(B, x), lambda np, x: B - x],
    "multiply": [lambda np, x: np.multiply(x, x), lambda np, x: B * x],
    "divide": [lambda np, x: np.divide(B, x), lambda np, x: np.true_divide(x, 2)],
    "matmul": [lambda np, x: np.matmul(x, B.T), lambda np, x: B.T @ x, lambda np, x: np.matmul(B.T, x)],
    "maximum": [lambda np, x: np.maximum(x, B), lambda np, x: np.maximum(0.9, x)],
    "minimum": [lambda np, x: np.minimum(B, x)],
    "fmax": [
        lambda np, x: np.fmax(x, B),
        lambda np, x: 1 * x if np is anp else np.fmax(numpy.nan, x),
    ],
    "fmin": [lambda np, x: np.fmin(B, x)],
    "cbrt": [lambda np, x: -(x ** (1 / 3)) if np is anp else np.cbrt(-x)],
    "copysign": [
        lambda np, x: -x if np is anp else np.copysign(x, -B),
        lambda np, x: B + 0 * x if np is anp else np.copysign(B, x),
    ],
    "sum": [lambda np, x: np.sum(x), lambda np, x: np.sum(x, 1), lambda np, x: np.sum(x, axis=(0, 1), keepdims=True)],
    "mean": [lambda np, x: np.mean(x), lambda np, x: np.mean(x, axis=0), lambda np, x: np.mean(np.mean(x))],
    "max": [lambda np, x: np.max(x), lambda np, x: np.max(x, axis=-1)],
    "amax": [lambda np, x: np.amax(x, 0)],
    "min": [lambda np, x: np.min(x, axis=1, keepdims=True)],
    "amin": [lambda np, x: np.amin(x)],
    "var": [lambda np, x: np.var(x), lambda np, x: np.var(x, axis=1, ddof=1)],
    "std": [lambda np, x: np.std(x), lambda np, x: np.std(x, 1, keepdims=True)],
    "clip": [lambda np, x: np.clip(x, 0.6, 1.6), lambda np, x: np.minimum(np.maximum(x, B / 2), B * 1.1)],
    "where": [
        lambda np, x: np.where(MASK, x, 0.0),
        lambda np, x: np.where(MASK, B, x),
        lambda np, x: np.where(MASK, x, x * x),
        lambda np, x: np.where(MASK, numpy.array(2.0), x),
    ],
    "concatenate": [
        lambda np, x: np.concatenate([x, B, x * x]),
        lambda np, x: np.concatenate([np.ravel(x), np.ravel(B)]) if np is anp else np.concatenate([x, B], axis=None),
        lambda np, x: np.concatenate((B, x), axis=1),
    ],
    "stack": [lambda np, x: np.stack([x, B]), lambda np, x: np.stack([x * x, x], axis=-1)],
    "vstack": [lambda np, x: np.vstack([x, B, x[0]])],
    "hstack": [lambda np, x: np.hstack([B, x]), lambda np, x: np.hstack([x[0], x[1]])],
    "dstack": [lambda np, x: np.dstack([x, B, x * x]), lambda np, x: np.dstack([x[0], x[1]])],
    "append": [lambda np, x: np.append(x, B), lambda np, x: np.append(B, x, axis=0)],
    "column_stack": [lambda np, x: np.column_stack([x, x[:, 0]])],
    "split": [lambda np, x: np.split(x, 3, axis=1)[1] * 2, lambda np, x: np.split(x, [1], 0)[1]],
    "array_split": [lambda np, x: np.array_split(x, 2, axis=1)[0], lambda np, x: np.array_split(x, 3)[1]],
    "vsplit": [lambda np, x: np.vsplit(x, 2)[1]],
    "hsplit": [lambda np, x: np.hsplit(x, [1])[1], lambda np, x: x[0, 2:] if np is anp else np.hsplit(x[0], 3)[2]],
    "dsplit": [lambda np, x: np.dsplit(x[None], 3)[1]],
    "pad": [
        lambda np, x: (
            np.concatenate([x[:, :1], x, x[:, 2:], x[:, 2:]], axis=1)
            if np is anp
            else np.pad(x, [(0, 0), (1, 2)], mode="edge")
        ),
        lambda np, x: x[:, [2, 1, 0, 1, 2, 1]] if np is anp else np.pad(x, [(0, 0), (2, 1)], "reflect"),
        lambda np, x: np.pad(x, 1, "constant"),
        lambda np, x: np.pad(x, ((0, 1), (2, 0)), "constant"),
    ],
    "reshape": [lambda np, x: np.reshape(x, (3, 2)), lambda np, x: np.reshape(x, -1)],
    "ravel": [lambda np, x: np.ravel(x) ** 2],
    "transpose": [lambda np, x: np.transpose(x), lambda np, x: np.transpose(x[None], (2, 0, 1))],
    "swapaxes": [lambda np, x: np.swapaxes(x, 0, -1)],
    "moveaxis": [lambda np, x: np.moveaxis(x[None], 0, 2), lambda np, x: np.moveaxis(x[None], (0, 1), (-1, 0))],
    "squeeze": [lambda np, x: np.squeeze(x[None, :, None]), lambda np, x: np.squeeze(x[None], axis=0)],
    "expand_dims": [lambda np, x: np.expand_dims(x, 1), lambda np, x: np.expand_dims(x, -1)],
    "broadcast_to": [lambda np, x: np.broadcast_to(x[None], (4, 2, 3))],
    "broadcast_arrays": [lambda np, x: B + 0 * A + x[:1] if np is anp else sum(np.broadcast_arrays(B, x[:1]))],
    "conjugate": [lambda np, x: 1 * x if np is anp else np.conjugate(x)],
    "real": [lambda np, x: np.real(x)],
    "real_if_close": [lambda np, x: 1 * x if np is anp else np.real_if_close(x)],
    "degrees": [lambda np, x: np.degrees(x)],
    "rad2deg": [lambda np, x: np.rad2deg(x)],
    "radians": [lambda np, x: np.radians(x)],
    "deg2rad": [lambda np, x: np.deg2rad(x)],
    "logaddexp2": [lambda np, x: np.logaddexp2(x, B)],
    "nan_to_num": [lambda np, x: np.nan_to_num(x)],
    "sinc": [lambda np, x: np.sinc(x)],
    "kron": [lambda np, x: np.kron(x, B), lambda np, x: np.kron(B, x)],
    "svd": [
        lambda np, x: np.linalg.svd(x, full_matrices=False)[1] if np is anp else np.linalg.svd(x, compute_uv=False),
        lambda np, x: np.linalg.svd(x, full_matrices=False)[0],
        lambda np, x: np.linalg.svd(x, False)[2],
        lambda np, x: np.linalg.svd(x @ x.T, full_matrices=np is not anp)[0],
    ],
    "inv": [lambda np, x: np.linalg.inv(x @ x.T)],
    "det": [lambda np, x: np.linalg.det(x @ x.T)],
    "slogdet": [lambda np, x: np.linalg.slogdet(x @ x.T)[1]],
    "cholesky": [lambda np, x: np.linalg.cholesky(x @ x.T)],
    "eigh": [lambda np, x: np.linalg.eigh(x @ x.T)[0], lambda np, x: np.linalg.eigh(x @ x.T)[1]],
    "matrix_norm": [lambda np, x: np.linalg.norm(x, "fro") if np is anp else np.linalg.matrix_norm(x)],
    "vector_norm": [lambda np, x: np.linalg.norm(np.ravel(x)) if np is anp else np.linalg.vector_norm(x)],
    "eigvalsh": [lambda np, x: np.linalg.eigh(x @ x.T)[0] if np is anp else np.linalg.eigvalsh(x @ x.T)],
    "svdvals": [lambda np, x: np.linalg.svd(x, full_matrices=False)[1] if np is anp else np.linalg.svdvals(x)],
    "solve": [lambda np, x: np.linalg.solve(x @ x.T, B), lambda np, x: np.linalg.solve(B @ B.T, x)],
    "atleast_1d": [lambda np, x: np.atleast_1d(x[0, 0]), lambda np, x: np.atleast_1d(x)],
    "atleast_3d": [lambda np, x: np.reshape(x, (2, 3, 1)) if np is anp else np.atleast_3d(x)],
    "atleast_2d": [lambda np, x: np.atleast_2d(x[0]), lambda np, x: np.atleast_2d(x[0, 0])],
    "flip": [
        lambda np, x: x[::-1, ::-1] if np is anp else np.flip(x),
        lambda np, x: x[:, ::-1] if np is anp else np.flip(x, 1),
        lambda np, x: x if np is anp else np.flip(x, ()),
    ],
    "fliplr": [lambda np, x: np.fliplr(x)],
    "flipud": [lambda np, x: np.flipud(x)],
    "rot90": [
        lambda np, x: np.rot90(x),
        lambda np, x: np.rot90(x, k=2, axes=(1, 0)) if np is not anp else x[::-1, ::-1],
    ],
    "roll": [lambda np, x: np.roll(x, 2), lambda np, x: np.roll(x, -1, axis=1)],
    "rollaxis": [lambda np, x: np.rollaxis(x[None], 2), lambda np, x: np.rollaxis(x[None], 2, 1)],
    "tile": [lambda np, x: np.tile(x, (2, 3)), lambda np, x: np.concatenate([x, x], 1) if np is anp else np.tile(x, 2)],
    "repeat": [lambda np, x: np.repeat(x, 2), lambda np, x: np.repeat(x, 3, axis=1)],
    "delete": [lambda np, x: x[:, [0, 2]] if np is anp else np.delete(x, 1, axis=1)],
    "resize": [lambda np, x: np.ravel(x)[[0, 1, 2, 3, 4, 5, 0]] if np is anp else np.resize(x, 7)],
    "diagonal": [
        lambda np, x: x[[0, 1], [0, 1]] if np is anp else np.diagonal(x),
        lambda np, x: x[[0, 1], [1, 2]][None] if np is anp else np.diagonal(x[None], offset=1, axis1=1, axis2=2),
    ],
    "diag": [
        lambda np, x: np.diag(x[0]),
        lambda np, x: x[[0, 1], [1, 2]] if np is anp else np.diag(x, k=1),
        lambda np, x: np.diag(x[1], -2),
    ],
    "diff": [
        lambda np, x: x[:, 1:] - x[:, :-1] if np is anp else np.diff(x),
        lambda np, x: x[1:] - x[:-1] if np is anp else np.diff(x, axis=0),
        lambda np, x: x[:, 2:] - 2 * x[:, 1:-1] + x[:, :-2] if np is anp else np.diff(x, 2),
    ],
    "diagflat": [lambda np, x: np.diag(np.ravel(x), 1) if np is anp else np.diagflat(x, 1)],
    "trace": [lambda np, x: np.trace(x), lambda np, x: np.trace(x, 1)],
    "tril": [lambda np, x: np.tril(x), lambda np, x: np.tril(x[None], k=-1)],
    "triu": [lambda np, x: np.triu(x), lambda np, x: np.triu(x, 1)],
    "take_along_axis": [
        lambda np, x: (
            x[[[0], [1]], [[2, 0, 2], [1, 1, 2]]]
            if np is anp
            else np.take_along_axis(x, numpy.array([[2, 0, -1], [1, 1, 2]]), axis=1)
        ),
    ],
    "matrix_transpose": [lambda np, x: np.swapaxes(x[None], 1, 2) if np is anp else np.matrix_transpose(x[None])],
    "sliding_window_view": [
        lambda np, x: (
            np.stack([x[:, :2], x[:, 1:]], axis=1)
            if np is anp
            else np.lib.stride_tricks.sliding_window_view(x, 2, axis=1)
        )
    ],
    "sort": [
        lambda np, x: x[[[0, 0, 0], [1, 1, 1]], numpy.argsort(A)] if np is anp else np.sort(x),
        lambda np, x: np.ravel(x)[numpy.argsort(A.ravel())] if np is anp else np.sort(x, axis=None),
    ],
    "median": [
        lambda np, x: (x[0, 1] + x[1, 0]) / 2 if np is anp else np.median(x),
        lambda np, x: x[[0, 1], [1, 0]] if np is anp else np.median(x, axis=1),
    ],
    "select": [
        lambda np, x: (
            np.where(MASK, x, np.where(A > 0.9, x * x, 0.0)) if np is anp else np.select([MASK, A > 0.9], [x, x * x])
        )
    ],
    "average": [
        lambda np, x: np.mean(x, 1) if np is anp else np.average(x, axis=1),
        lambda np, x: np.sum(x * B) / np.sum(B) if np is anp else np.average(x, weights=B),
        lambda np, x: np.dot(x, B[0]) / np.sum(B[0]) if np is anp else np.average(x, -1, B[0]),
        lambda np, x: (
            np.sum(x * B, 0, keepdims=True) / np.sum(x, 0) if np is anp else np.average(B, 0, x, keepdims=True)
        ),
    ],
    "ptp": [lambda np, x: np.max(x, 1) - np.min(x, 1) if np is anp else np.ptp(x, axis=1)],
    "cross": [
        lambda np, x: np.cross(x, B),
        lambda np, x: np.cross(x[0] + 0 * x, B) if np is anp else np.cross(x[0], B),
        lambda np, x: np.cross(x.T, B, axisa=0, axisc=0),
        lambda np, x: np.cross(B.T, x.T, axis=0),
    ],
    "gradient": [
        lambda np, x: slopes(np, x)[1] if np is anp else np.gradient(x, axis=1),
        lambda np, x: np.stack(slopes(np, x) if np is anp else np.gradient(x)),
        lambda np, x: np.stack(
            [slopes(np, x)[1] * 2, slopes(np, x)[0] / 2] if np is anp else np.gradient(x, 0.5, 2, axis=(1, 0))
        ),
    ],
    "linspace": [
        lambda np, x: np.stack([x[0], (x[0] + B[0]) / 2, 1 * B[0]]) if np is anp else np.linspace(x[0], B[0], 3),
        lambda np, x: (
            np.stack([0.5 + 0 * x[0, 0], x[0, 0] / 2 + 0.25]) if np is anp else np.linspace(0.5, x[0, 0], 2, False)
        ),
        lambda np, x: np.stack([x, x], -1) if np is anp else np.linspace(x, x, 2, axis=-1),
    ],
    "meshgrid": [
        lambda np, x: (
            np.stack([x[0] + 0 * x[1][:, None], x[1][:, None] + 0 * x[0]])
            if np is anp
            else np.stack(np.meshgrid(x[0], x[1]))
        ),
        lambda np, x: (
            np.stack([x[0][:, None] + 0 * x[1], x[1] + 0 * x[0][:, None]])
            if np is anp
            else np.stack(np.meshgrid(x[0], x[1], indexing="ij"))
        ),
    ],
    "take": [
        lambda np, x: x[:, [2, 0, 2]] if np is anp else np.take(x, [2, 0, 2], axis=-1),
        lambda np, x: np.ravel(x)[1] if np is anp else np.take(x, 1),
    ],
    "dot": [
        lambda np, x: np.dot(x, B.T),
        lambda np, x: np.dot(B.T, x),
        lambda np, x: np.dot(x, B[0]),
        lambda np, x: np.dot(x, 3.0),
        lambda np, x: np.dot(x[0], B[1]),
        lambda np, x: np.dot(x, np.stack([B.T, x.T])),
    ],
    "vdot": [lambda np, x: np.dot(np.ravel(x), np.ravel(B)) if np is anp else np.vdot(x, B)],
    "inner": [lambda np, x: np.inner(x, B), lambda np, x: np.inner(B[0], x), lambda np, x: np.inner(x, 2.0)],
    "outer": [lambda np, x: np.outer(x[0], x[1]), lambda np, x: np.outer(B[0], x[1])],
    "tensordot": [
        lambda np, x: np.tensordot(x, B, 2),
        lambda np, x: np.tensordot(x, B, ([0], [0])),
        lambda np, x: np.tensordot(np.stack([x, x]), B, axes=[(2, 1), (1, 0)]),
        lambda np, x: np.tensordot(x, B, 0),
    ],
    "einsum": [
        lambda np, x: np.einsum("ij,kj->ki", x, B),
        lambda np, x: np.einsum("...j,...j->...", B, x),
        lambda np, x: np.einsum("ij->j", x),
    ],
    "cumsum": [lambda np, x: np.cumsum(x), lambda np, x: np.cumsum(x, 0), lambda np, x: np.cumsum(x, axis=-1)],
    "cumprod": [
        lambda np, x: np.stack([x[0], x[0] * x[1]]) if np is anp else np.cumprod(x, 0),
        lambda np, x: np.stack([x[0, 0], x[0, 0] * x[0, 1]]) if np is anp else np.cumprod(x)[:2],
    ],
    "prod": [lambda np, x: np.prod(x), lambda np, x: np.prod(x, 1), lambda np, x: np.prod(x, axis=0, keepdims=True)],
    "norm": [
        lambda np, x: np.linalg.norm(x),
        lambda np, x: np.linalg.norm(x, "fro"),
        lambda np, x: np.linalg.norm(x, axis=0),
        lambda np, x: np.sqrt(np.sum(x * x, 1, keepdims=True)) if np is anp else np.linalg.norm(x, 2, 1, True),
        lambda np, x: np.sum(x**3, 1) ** (1 / 3) if np is anp else np.linalg.norm(x, 3, axis=1),
        lambda np, x: np.linalg.norm(x[0]),
        lambda np, x: np.linalg.norm(x, "nuc"),
        lambda np, x: np.linalg.norm(x[:, None], "nuc", axis=(0, 2)),
        lambda np, x: np.linalg.svd(x, False)[1][0] if np is anp else np.linalg.norm(x, 2),
        lambda np, x: np.sum(x, 1)[None, 1:] if np is anp else np.linalg.norm(x, np.inf, (0, 1), True),
        lambda np, x: np.min(np.sum(x, 0)) if np is anp else np.linalg.norm(x, -1),
    ],
    **{name: [lambda np, x, name=name: getattr(np, name)(x / 4)] for name in SMOOTH},
    "arccosh": [lambda np, x: np.log(x + 1 + np.sqrt(x * x + 2 * x)) if np is anp else np.arccosh(x + 1)],
    **{
        name: [lambda np, x, name=name: x + (getattr(NUMPY, name)(A) if np is anp else getattr(np, name)(x))]
        for name in ("sign", "floor", "ceil", "trunc", "rint", "around", "fix")
    },
    "round": [lambda np, x: x + NUMPY.round(A / 3, 1) if np is anp else x + np.round(x / 3, 1)],
    "arctan2": [lambda np, x: np.arctan2(x, B), lambda np, x: np.arctan2(1.0, x)],
    "hypot": [lambda np, x: np.sqrt(x * x + B * B) if np is anp else np.hypot(B, x)],
    "logaddexp": [lambda np, x: np.logaddexp(x, B), lambda np, x: np.logaddexp(0.5, x)],
    "floor_divide": [lambda np, x: x + (A // 0.4 if np is anp else np.floor_divide(x, 0.4))],
    "remainder": [
        lambda np, x: x - 0.4 * (A // 0.4) if np is anp else np.remainder(x, 0.4),
        lambda np, x: 7.6 - x * (7.6 // A) if np is anp else np.mod(7.6, x),
    ],
    "fmod": [lambda np, x: -x + B * (A // B) if np is anp else np.fmod(-x, B)],
    "full_like": [lambda np, x: x * (1.5 if np is anp else np.full_like(x, 1.5))],
}


def test_every_function_of_the_tables_is_tried():
    assert set(DIFFERENTIATED) == {function.__name__ for function in [*UFUNCS, *FUNCTIONS]}


@pytest.mark.parametrize("name, f", [(name, f) for name, cases in DIFFERENTIATED.items() for f in cases])
def test_value_and_gradient(name, f):
    x = Tensor(A.copy(), requires_grad=True)
    y, expected = f(np, x), f(np, A)
    assert isinstance(y, Tensor) and y.requires_grad and y.shape == np.shape(expected) and y.dtype == A.dtype
    np.testing.assert_allclose(y.data, expected, rtol=1e-12)
    weights = np.random.default_rng(0).standard_normal(y.shape)
    y.backward(weights)
    slope = autograd.grad(lambda a: anp.sum(f(anp, a) * weights))(A)
    np.testing.assert_allclose(x.grad, slope, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_stays(dtype):
    x = Tensor(np.ones((2, 2), dtype), requires_grad=True)
    for y in (
        np.exp(x),
        np.add(2.5, x),
        np.multiply(x, np.float64(2)),
        np.mean(x),
        np.dot(x, [1.0, 2.0]),
        np.maximum(0, x),
    ):
        assert y.dtype == dtype


QUESTIONS_ASKED = {
    "can_cast": lambda x: np.can_cast(x, "f4"),
    "shares_memory": lambda x: np.shares_memory(x, x),
    "may_share_memory": lambda x: np.may_share_memory(x, x),
    "isclose": lambda x: np.isclose(x, A),
    "allclose": lambda x: np.allclose(A, x),
    "array_equal": lambda x: np.array_equal(x, A),
    "array_equiv": lambda x: np.array_equiv(A, x),
    "isin": lambda x: np.isin(x, [0.5, 3.0]),
    "argpartition": lambda x: np.argpartition(x, 1),
    "digitize": lambda x: np.digitize(x, [1.0, 2.0]),
    "searchsorted": lambda x: np.searchsorted(np.ravel(x)[:3], 1.0),
    "bincount": lambda x: np.bincount([0, 1, 1], x[0]),
    "result_type": lambda x: np.result_type(x, np.float32),
    **{
        name: lambda x, name=name: getattr(np, name)(x, B)
        for name in (
            "equal",
            "not_equal",
            "less",
            "less_equal",
            "greater",
            "greater_equal",
            "logical_and",
            "logical_or",
            "logical_xor",
        )
    },
}


@pytest.mark.parametrize("function", QUESTIONS - {np.save, np.savez, np.savez_compressed, np.savetxt}, ids=str)
def test_a_question_is_answered_from_the_numbers(function):
    ask = QUESTIONS_ASKED.get(function.__name__, function)
    got, expected = ask(Tensor(A, requires_grad=True)), ask(A)
    if function in (np.empty_like, np.array_repr):
        got, expected = np.shape(got), np.shape(expected)
    assert not isinstance(got, Tensor)
    np.testing.assert_equal(got, expected)


def test_saving(tmp_path):
    x = Tensor(A, requires_grad=True)
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "x.npz", x=x)
    np.savetxt(tmp_path / "x.txt", x)
    assert np.array_equal(np.load(tmp_path / "x.npy"), A) and np.array_equal(np.load(tmp_path / "x.npz")["x"], A)
    assert np.array_equal(np.loadtxt(tmp_path / "x.txt"), A)


REFUSED = {
    "np.nancumsum": (lambda x: np.nancumsum(x), "x.data"),
    "np.nansum": (lambda x: np.nansum(x), "no_grad"),
    "np.trapezoid": (lambda x: np.trapezoid(x), "x.data"),
    "np.maximum.reduceat": (lambda x: np.maximum.reduceat(x, [0, 1], axis=1), "x.data"),
    "np.gradient with arguments other than f, varargs, axis": (
        lambda x: np.gradient(x, edge_order=2, axis=1),
        "x.data",
    ),
    "np.linalg.pinv": (lambda x: np.linalg.pinv(x), "x.data"),
    "np.percentile": (lambda x: np.percentile(x, 20), "x.data"),
    "np.partition": (lambda x: np.partition(x, 1), "np.sort"),
    "np.fft.fft": (lambda x: np.fft.fft(x), "x.data"),
    "np.add.at": (lambda x: np.add.at(np.zeros(2), [0, 1], x[:, 0]), "x.data"),
    "np.add.reduce": (lambda x: np.add.reduce(x), "x.data"),
    "np.copyto": (lambda x: np.copyto(np.zeros((2, 3)), x), "x.data"),
    "np.sum with arguments other than a, axis, keepdims": (lambda x: np.sum(x, dtype=np.float64), "x.data"),
    "np.mean with arguments other than a, axis, keepdims": (lambda x: np.mean(x, 0, np.float64), "x.data"),
    "np.exp with out": (lambda x: np.exp(x, out=np.zeros((2, 3))), "x.data"),
    "np.add with out": (lambda x: np.zeros((2, 3)).__iadd__(x), "x.data"),
    "np.add with where": (lambda x: np.add(x, 1, where=MASK), "x.data"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_cut_the_graph_is_refused_by_name(name):
    f, hint = REFUSED[name]
    with pytest.raises(TypeError, match=rf"(?s)^{name}.*would cut the graph.*{hint}"):
        f(Tensor(A, requires_grad=True))


@pytest.mark.parametrize("name", set(REFUSED) - {"np.copyto", "np.add.at", "np.add with where"})
def test_where_no_gradient_is_wanted_all_of_numpy_works(name):
    f = REFUSED[name][0]
    np.testing.assert_array_equal(f(Tensor(A)), f(A))
    with no_grad():
        np.testing.assert_array_equal(f(Tensor(A, requires_grad=True)), f(A))


def test_no_function_of_numpy_cuts_a_graph_in_silence():
    """Whatever takes one array: the result is a Tensor with a history, an answer, or an error."""
    silent = []
    for name in dir(np):
        function = getattr(np, name)
        if not callable(function) or isinstance(function, type) or name in ("save", "test", "info", "show_config"):
            continue
        x = Tensor(np.array([[1.0, 2.0], [0.5, 3.0]]), requires_grad=True)
        try:
            y = function(x)
        except Exception:
            continue
        cut = (isinstance(y, np.ndarray) and y.dtype.kind == "f") or (isinstance(y, Tensor) and not y.requires_grad)
        if cut and function not in QUESTIONS:
            silent.append(name)
    assert not silent


def test_no_output_into_a_tensor():
    with pytest.raises(TypeError, match=r"np.exp cannot write into a Tensor"):
        np.exp(np.ones(2), out=Tensor([1.0, 2.0]))


def test_shapes_that_do_not_fit():
    x = Tensor(A, requires_grad=True)
    with pytest.raises(ShapeError, match=r"MatMul cannot take shapes"):
        np.dot(x, x)
    with pytest.raises(ValueError, match=r"axis to squeeze out which has size not equal to one"):
        np.squeeze(x, 0)
    with pytest.raises(ValueError, match="axis 2 is out of bounds for array of dimension 2"):
        np.flip(x, 2)
    with pytest.raises(TypeError, match="mode constant, edge, reflect, symmetric or wrap: got 'mean'"):
        np.pad(x, 1, "mean")
    with pytest.raises(ValueError, match="does not result in an equal division"):
        np.split(x, 2, axis=1)


def test_an_array_of_a_tensor():
    x = Tensor(A, requires_grad=True)
    y = (x * x).sum()
    for cut in (np.asarray, np.array, lambda t: np.array([t, t]), lambda t: np.zeros((2, 3)) + np.array(t)):
        for t in (x, y):
            with pytest.raises(TypeError, match=r"would cut its graph.*x\.data.*stack"):
                cut(t)
    with pytest.raises(TypeError, match=r"would cut its graph.*x\.detach\(\)"):
        Tensor(y)
    assert np.asarray(x.detach()).base is x.data.base and np.array(Tensor(A), np.float32).dtype == np.float32
    with no_grad():
        assert np.array_equal(np.asarray(x), A) and Tensor(x).data is x.data
    losses = [y]
    y.backward()
    assert np.asarray(losses).tolist() == [y.item()]  # nothing is left to cut
    np.testing.assert_allclose(x, A)  # an assertion computes nothing


def test_an_array_of_a_tensor_at_the_top_of_a_program():
    code = "import numpy as np, nbprop as nb; np.array(nb.Tensor([1.0], requires_grad=True))"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "TypeError: A plain array of a Tensor that requires a gradient would cut its graph." in process.stderr


def test_axes_that_are_not_there():
    for f in (np.sum, np.mean, np.max, np.std):
        with pytest.raises(ShapeError, match=r"cannot take shapes \(\): axis 1 is out of bounds"):
            f(Tensor(2.0), axis=1)
        assert f(Tensor(2.0)).shape == ()


def test_pictures_need_no_gradient():
    figure = pytest.importorskip("matplotlib.figure")
    axes = figure.Figure().subplots()
    x = Tensor(np.linspace(0.0, 1.0, 5), requires_grad=True)
    y = x * x
    (line,) = axes.plot(x, y)
    assert np.array_equal(line.get_ydata(), y.data)
    axes.plot([y[0], y[1]])
    axes.scatter(x, y)
    axes.fill_between(x, y, 0 * y)
    axes.hist(y)
    axes.imshow(y.reshape(1, 5))
    y.sum().backward()
    assert x.grad.tolist() == (2 * x.data).tolist()


def test_options_are_numbers():
    x, bound = Tensor(A, requires_grad=True), Tensor(1.0)
    for f in (lambda: x.elu(bound), lambda: x.leaky_relu(bound)):
        with pytest.raises(TypeError, match=r"takes its options as numbers"):
            f()
    np.clip(x, bound, None).sum().backward()
    assert bound.grad == 2.5  # 1.0 is there too: half
    bound.grad = None
    y = x.clip(bound, B * 1.1)
    np.testing.assert_array_equal(y.data, A.clip(1.0, B * 1.1))
    y.sum().backward()
    assert bound.grad == 2 and np.array_equal(x.clamp(max=B).data, np.minimum(A, B))  # 1.1 B is less in one place


@given(st.data())
def test_random_products(data):
    """dot, inner and tensordot of random shapes against NumPy, and their gradients against differences."""
    size = st.integers(1, 3)
    k = data.draw(st.integers(0, 2))
    shared = [data.draw(size) for _ in range(k)]
    left, right = (data.draw(st.lists(size, max_size=2)) for _ in range(2))
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal([*left, *shared]), rng.standard_normal([*shared, *right])
    for f in (
        lambda a, b: np.tensordot(a, b, k),
        lambda a, b: np.tensordot(b, a, (range(k), range(a.ndim - k, a.ndim))),
    ):
        np.testing.assert_allclose(f(Tensor(a), b).data, f(a, b), rtol=1e-12)
        nb.check_gradient(f, a, b, directions=1)


def test_linear_algebra_is_that_of_numpy():
    A = np.array([[4.0, 1.0], [1.0, 3.0]])
    x = nb.Tensor(A, requires_grad=True)
    sign, log = np.linalg.slogdet(x)
    assert sign == 1 and log.item() == pytest.approx(np.log(11))
    (w, V), b = np.linalg.eigh(x), np.array([1.0, 2.0])
    np.testing.assert_allclose(w.data, np.linalg.eigh(A)[0])
    np.testing.assert_allclose(V.data, np.linalg.eigh(A)[1])
    for name in ("inv", "det", "cholesky", "eigvalsh", "svdvals"):
        np.testing.assert_allclose(getattr(np.linalg, name)(x).data, getattr(np.linalg, name)(A))
    np.testing.assert_allclose(np.linalg.solve(x, b).data, np.linalg.solve(A, b))
    np.testing.assert_allclose(np.linalg.solve(A, nb.Tensor(b, requires_grad=True)).data, np.linalg.solve(A, b))


def test_linear_algebra_is_refused_in_words():
    x = nb.Tensor(np.array([[1.0, 2.0], [0.0, 1.0]]), requires_grad=True)
    with pytest.raises(ValueError, match=r"not symmetric.*\(A \+ A\^T\) / 2"):
        np.linalg.cholesky(x)
    with pytest.raises(ValueError, match=r"the last two sizes must be equal.*square matrices"):
        np.linalg.inv(x[:1])
    with pytest.raises(ValueError, match=r"not square takes full_matrices=False: got shape \(1, 2\)"):
        np.linalg.svd(x[:1])
    with pytest.raises(ValueError, match="UPLO must be 'L' or 'U'; got 'lower'"):
        nb.engine.linalg.eigh(x, "lower")


def test_one_triangle_of_a_matrix():
    A = np.array([[2.0, 9.0, 1.0], [0.5, -1.0, 7.0], [0.3, 0.2, 1.0]])
    for side, part in (("L", np.tril), ("U", np.triu)):
        x = Tensor(A, requires_grad=True)
        (values, vectors), whole = np.linalg.eigh(x, side), part(A) + part(A).T - np.diag(np.diag(A))
        np.testing.assert_allclose(whole @ vectors.data, vectors.data * values.data, atol=1e-12)
        (values[2] + np.linalg.eigvalsh(x, side)[0]).backward()
        slope = sum(np.outer(v, v) for v in vectors.data.T[[0, 2]])
        np.testing.assert_allclose(x.grad, part(slope) + part(slope, -1 if side == "L" else 1), atol=1e-12)


def test_running_reductions():
    x = Tensor(A, requires_grad=True)
    for ufunc in (np.add, np.multiply, np.maximum, np.minimum, np.logaddexp):
        for axis in (0, 1):
            y = ufunc.accumulate(x, axis)
            np.testing.assert_allclose(y.data, ufunc.accumulate(A, axis), rtol=1e-12)
            assert y.requires_grad
    with pytest.raises(TypeError, match="would cut the graph"):
        np.hypot.accumulate(x)


def test_what_numpy_takes_anyway_may_be_said():
    x = Tensor(A, requires_grad=True)
    assert np.vstack([x, x], dtype=None, casting="same_kind").shape == (4, 3)
    with pytest.raises(TypeError, match=r"np\.vstack with arguments other than tup"):
        np.vstack([x, x], casting="unsafe")


def test_a_slope_of_too_few_numbers_or_uneven_ones_is_refused():
    x = Tensor(A, requires_grad=True)
    with pytest.raises(ValueError, match=r"np.gradient .* 2 numbers at least.* got shape \(1, 3\)"):
        np.gradient(x[:1])
    with pytest.raises(ValueError, match="as spacing one number"):
        np.gradient(x, [0.0, 1.0, 3.0], axis=1)
    with pytest.raises(ValueError, match=r"cross takes vectors of 3 numbers along axis -1: got shapes \(3, 2\)"):
        np.cross(x.T, x.T)
    with pytest.raises(ValueError, match=r"np.average takes weights .* got \(2,\) for \(2, 3\) and axis=None"):
        np.average(x, weights=[1.0, 2.0])


def test_the_determinant_of_a_singular_matrix_has_a_gradient():
    A = np.diag([2.0, 3.0, 0.0])
    np.testing.assert_allclose(nb.grad(lambda x: np.linalg.det(x))(A), np.diag([0.0, 0.0, 6.0]), atol=1e-12)
