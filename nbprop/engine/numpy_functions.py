"""Functions of NumPy, made of what the engine has, with NumPy's names for their arguments. What they do not take is
refused: see numpy_protocol.py, where the tables are."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from . import functions, joining, linalg, pairs
from .shaping import moved
from .tensor import Tensor, apply, as_tensors


def numbers(x) -> Any:
    """The arrays of the Tensors in x, which may be a list, tuple or dict of them; anything else as it is."""
    if isinstance(x, Tensor):
        return x.data
    if isinstance(x, dict):
        return {name: numbers(value) for name, value in x.items()}
    return type(x)(map(numbers, x)) if type(x) in (list, tuple) else x


def reduction(op) -> Callable[..., Tensor]:
    return lambda a, axis=None, *, keepdims=False: apply(op(axis, keepdims), a)


def spread(op) -> Callable[..., Tensor]:
    return lambda a, axis=None, *, ddof=0, keepdims=False: apply(op(axis, keepdims=keepdims, ddof=ddof), a)


def clip(a, a_min=None, a_max=None, *, min=None, max=None) -> Tensor:
    return as_tensors([a])[0].clip(a_min if min is None else min, a_max if max is None else max)


def concatenate(arrays, axis: Any = 0) -> Tensor:
    if axis is None:
        arrays, axis = map(ravel, as_tensors(arrays)), 0
    return joining.concatenate(arrays, axis)


def split(ary, indices_or_sections, axis=0, cut=np.split) -> list[Tensor]:
    pieces = cut(np.arange(ary.shape[axis]), indices_or_sections)
    return ary.split([len(piece) for piece in pieces], axis)


def sort(a, axis=-1) -> Tensor:
    return (a.reshape(-1) if axis is None else a).sort(-1 if axis is None else axis).values


def diff(a, n=1, axis=-1) -> Any:
    for _ in range(n):
        a = a.moveaxis(axis, 0)
        a = (a[1:] - a[:-1]).moveaxis(0, axis)
    return a


def select(condlist, choicelist, default=0) -> Any:
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        default = functions.where(condition, choice, default)
    return default


def pad(array, pad_width, mode="constant", constant_values=0) -> Tensor:
    if mode in ("edge", "reflect", "symmetric", "wrap"):
        return moved(array, np.pad, pad_width, mode)
    if mode != "constant":
        raise TypeError(f"np.pad of a Tensor takes mode constant, edge, reflect, symmetric or wrap: got {mode!r}.")
    widths = np.broadcast_to(np.asarray(pad_width), (array.ndim, 2)).tolist()
    return functions.pad(array, widths, float(constant_values))


def column_stack(tup) -> Tensor:
    return joining.concatenate([x if x.ndim > 1 else atleast_2d(x).T for x in as_tensors(tup)], 1)


def broadcast_arrays(*args) -> tuple[Tensor, ...]:
    shape = np.broadcast_shapes(*map(np.shape, args))
    return tuple(x.broadcast_to(shape) for x in as_tensors(args))


def moving(function) -> Callable[..., Any]:
    """A function of NumPy that moves numbers and changes none."""

    @wraps(function)
    def move(a, *args, **options):
        return moved(as_tensors([a])[0], function, *numbers(args), **numbers(options))

    return move


ravel, atleast_1d, atleast_2d = moving(np.ravel), moving(np.atleast_1d), moving(np.atleast_2d)


def norm(x, ord=None, axis=None, keepdims=False) -> Tensor:
    axes = x.ndim if axis is None else np.size(axis)
    if ord is None or axes == 1:
        return x.norm(2 if ord is None else ord, axis, keepdims)
    if axes == 2:
        return linalg.matrix_norm(x, ord, (0, 1) if axis is None else axis, keepdims)
    raise ValueError(
        f"np.linalg.norm has an ord for vectors (one axis) and for matrices (two): got ord={ord!r} for {axes} axes. "
        "Say which with axis=, or take x.norm(ord), all numbers as one vector."
    )


def kron(a, b) -> Tensor:
    a, b = as_tensors([a, b])
    a, b = (x.reshape(*[1] * (max(a.ndim, b.ndim) - x.ndim), *x.shape) for x in (a, b))
    sides = [x.reshape([n for pair in zip(x.shape, [1] * x.ndim, strict=True) for n in pair[::way]])
             for x, way in ((a, 1), (b, -1))]  # fmt: skip
    return (sides[0] * sides[1]).reshape([n * m for n, m in zip(a.shape, b.shape, strict=True)])


def nan_to_num(x, copy=True, nan=0.0, posinf=None, neginf=None) -> Tensor:
    replaced = np.nan_to_num(numbers(x), nan=nan, posinf=posinf, neginf=neginf)
    return functions.where(np.isfinite(numbers(x)), x, replaced)


def sinc(x) -> Tensor:
    """sin(pi x) / (pi x), 1 at 0, where the slope is 0."""
    at = np.pi * functions.where(numbers(x) == 0, 1.0, x)
    return functions.where(numbers(x) == 0, 1.0, at.sin() / at)


def svd(a, full_matrices=True, compute_uv=True) -> Any:
    return linalg.svd(a, full_matrices) if compute_uv else linalg.svdvals(a)


def filled(a, b) -> Any:
    """a, with b where it is NaN."""
    missing = np.isnan(numbers(a))
    return functions.where(missing, b, a) if np.any(missing) else a


def cross(a, b, axisa=-1, axisb=-1, axisc=-1, axis=None) -> Tensor:
    a, b = as_tensors([a, b])
    if axis is not None:
        axisa = axisb = axisc = axis
    return pairs.cross(a.moveaxis(axisa, -1), b.moveaxis(axisb, -1)).moveaxis(-1, axisc)


def gradient(f, *varargs, axis=None) -> Any:
    axes = normalize_axis_tuple(range(f.ndim) if axis is None else axis, f.ndim)
    steps = varargs if len(varargs) > 1 else (varargs or (1,)) * len(axes)
    if len(steps) != len(axes) or any(map(np.ndim, steps)) or min(f.shape[i] for i in axes) < 2:
        raise ValueError(
            f"np.gradient of a Tensor takes 2 numbers at least along each axis, and as spacing one number, or one for "
            f"each of them: got shape {f.shape}, axes {axes} and {varargs}."
        )
    slopes = []
    for i, step in zip(axes, steps, strict=True):
        x = f.moveaxis(i, 0)
        parts = [x[1:2] - x[:1], (x[2:] - x[:-2]) / 2, x[-1:] - x[-2:-1]]
        slopes.append((joining.concatenate(parts) / step).moveaxis(0, i))
    return slopes[0] if len(slopes) == 1 else tuple(slopes)


def linspace(start, stop, num=50, endpoint=True, axis=0) -> Tensor:
    start, stop = as_tensors([start, stop])
    share = np.linspace(0, 1, num, endpoint).reshape(-1, *[1] * max(start.ndim, stop.ndim))
    share = share.astype(np.result_type(start.dtype, stop.dtype))
    return (start * (1 - share) + stop * share).moveaxis(0, axis)


def average(a, axis=None, weights=None, *, keepdims=False) -> Tensor:
    if weights is None:
        return as_tensors([a])[0].mean(axis, keepdims)
    a, weights = as_tensors([a, weights])
    if weights.shape != a.shape:
        if weights.ndim != 1 or not isinstance(axis, int):
            raise ValueError(
                f"np.average takes weights of the shape of a, or one for each place along an axis: got {weights.shape} "
                f"for {a.shape} and axis={axis}."
            )
        weights = weights.reshape([-1 if i == axis % a.ndim else 1 for i in range(a.ndim)]).broadcast_to(a.shape)
    return (a * weights).sum(axis, keepdims) / weights.sum(axis, keepdims)
