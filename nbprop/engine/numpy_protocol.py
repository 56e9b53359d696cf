"""NumPy's own functions on Tensors. `np.exp(x)` is `x.exp()`, `np.isfinite(x)` looks at the numbers, and what would cut
the way back to a gradient is refused by name. NumPy asks as NEP 13 (ufuncs) and NEP 18 (all other functions) say.

Three tables decide. UFUNCS and FUNCTIONS give Tensors; QUESTIONS have no gradient, and give plain arrays. All the rest
of NumPy works on the numbers where no gradient is wanted, and is an error where one is.
"""

import sys
from collections.abc import Callable, Iterator
from functools import cache, wraps
from inspect import Signature, signature
from typing import Any

import numpy as np

from . import functions, joining, linalg, pairs
from .activation import Tanh
from .elementary import _Elementary
from .elementwise import Abs, Add, Div, Exp, Log, Maximum, Minimum, Mul, Neg, Power, Sqrt, Sub, TensorPower
from .matmul import MatMul
from .moving import Median
from .op import OPS
from .reduce import Max, Mean, Min, Prod, Std, Sum, Var
from .shaping import moved
from .tape import grad_enabled
from .tensor import Tensor, apply, as_tensors, operands


def numbers(x) -> Any:
    """The arrays of the Tensors in x, which may be a list, tuple or dict of them; anything else as it is."""
    if isinstance(x, Tensor):
        return x.data
    if isinstance(x, dict):
        return {name: numbers(value) for name, value in x.items()}
    return type(x)(map(numbers, x)) if type(x) in (list, tuple) else x


def tensors(x) -> Iterator[Tensor]:
    """The Tensors in x."""
    if isinstance(x, Tensor):
        yield x
    elif isinstance(x, (list, tuple, dict)):
        for inner in x.values() if isinstance(x, dict) else x:
            yield from tensors(inner)


# Functions of NumPy, with its names for their arguments. What they do not take is refused.


def reduction(op) -> Callable[..., Tensor]:
    return lambda a, axis=None, *, keepdims=False: apply(op(axis, keepdims), a)


def spread(op) -> Callable[..., Tensor]:
    return lambda a, axis=None, *, ddof=0, keepdims=False: apply(op(axis, keepdims, ddof), a)


def clip(a, a_min=None, a_max=None, *, min=None, max=None) -> Tensor:
    low, high = a_min if min is None else min, a_max if max is None else max
    if all(bound is None or isinstance(bound, (int, float, np.number)) for bound in (low, high)):
        return a.clip(low, high)
    a = a if low is None else functions.maximum(a, low)
    return a if high is None else functions.minimum(a, high)


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
    if axes != 1 and ord not in ((None, "fro") if axes == 2 else (None,)):
        raise TypeError(
            f"np.linalg.norm of a Tensor along {axes} axes, as of a matrix, takes ord=None: got {ord!r}. "
            "For the norm of all numbers as one vector use x.norm(ord)."
        )
    return x.norm(2 if ord in (None, "fro") else ord, axis, keepdims)


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


def svd(a, full_matrices=True, compute_uv=True) -> Tensor:
    if compute_uv:
        raise TypeError(
            "np.linalg.svd of a Tensor gives the singular values alone: compute_uv=False, or np.linalg.svdvals. The "
            "singular vectors have no gradient in nbprop."
        )
    return linalg.svdvals(a)


# The tables

UFUNCS = {
    np.positive: lambda x: x,
    np.square: lambda x: apply(Power(2), x),
    np.reciprocal: lambda x: 1.0 / x,
    np.conjugate: lambda x: x,
    **{ufunc: lambda x: x * (180 / np.pi) for ufunc in (np.degrees, np.rad2deg)},
    **{ufunc: lambda x: x * (np.pi / 180) for ufunc in (np.radians, np.deg2rad)},
    np.logaddexp2: lambda a, b: pairs.logaddexp(a * np.log(2), b * np.log(2)) / np.log(2),
    np.power: lambda a, b: a**b if isinstance(a, Tensor) else apply(TensorPower(), *operands(a, b)),
    **{
        ufunc: lambda *xs, op=op: apply(op(), *(operands(*xs) if len(xs) == 2 else xs))
        for ufunc, op in {
            np.negative: Neg, np.exp: Exp, np.log: Log, np.sqrt: Sqrt, np.tanh: Tanh, np.absolute: Abs, np.fabs: Abs,
            np.add: Add, np.subtract: Sub, np.multiply: Mul, np.divide: Div, np.matmul: MatMul,
            np.maximum: Maximum, np.minimum: Minimum,
            **{op.f: op for op in OPS.values() if issubclass(op, _Elementary)},
        }.items()
    },
}  # fmt: skip

MOVING = (
    np.ravel, np.atleast_1d, np.atleast_2d, np.atleast_3d, np.squeeze, np.expand_dims, np.fliplr, np.flipud, np.rot90,
    np.roll, np.rollaxis, np.tile, np.repeat, np.delete, np.resize, np.diagonal, np.take_along_axis,
    np.matrix_transpose, np.lib.stride_tricks.sliding_window_view,
)  # fmt: skip

FUNCTIONS = {
    np.sum: reduction(Sum),
    np.mean: reduction(Mean),
    np.max: reduction(Max),
    np.amax: reduction(Max),
    np.min: reduction(Min),
    np.prod: reduction(Prod),
    np.amin: reduction(Min),
    np.var: spread(Var),
    np.std: spread(Std),
    np.cumsum: lambda a, axis=None: a.cumsum(axis),
    np.cumprod: lambda a, axis=None: a.cumprod(axis),
    np.round: lambda a, decimals=0: a.round(decimals),
    np.around: lambda a, decimals=0: a.round(decimals),
    np.fix: lambda x: x.trunc(),
    np.linalg.norm: norm,
    np.linalg.svd: svd,
    np.real: lambda val: val,
    np.real_if_close: lambda a: a,
    np.nan_to_num: nan_to_num,
    np.sinc: sinc,
    np.kron: kron,
    np.clip: clip,
    np.where: lambda condition, x, y: functions.where(condition, x, y),
    np.concatenate: concatenate,
    np.stack: lambda arrays, axis=0: joining.stack(arrays, axis),
    np.vstack: lambda tup: joining.vstack(tup),
    np.hstack: lambda tup: joining.hstack(tup),
    np.dstack: lambda tup: joining.dstack(tup),
    np.column_stack: column_stack,
    np.append: lambda arr, values, axis=None: concatenate([arr, values], axis),
    np.split: split,
    np.array_split: lambda ary, indices_or_sections, axis=0: split(ary, indices_or_sections, axis, np.array_split),
    np.vsplit: lambda ary, indices_or_sections: split(ary, indices_or_sections),
    np.hsplit: lambda ary, indices_or_sections: split(ary, indices_or_sections, min(ary.ndim - 1, 1)),
    np.dsplit: lambda ary, indices_or_sections: split(ary, indices_or_sections, 2),
    np.pad: pad,
    np.meshgrid: lambda *xi, indexing="xy": joining.meshgrid(*xi, indexing=indexing),
    np.select: select,
    np.diff: diff,
    np.sort: sort,
    np.median: reduction(Median),
    np.tril: lambda m, k=0: m.tril(k),
    np.triu: lambda m, k=0: m.triu(k),
    np.diag: lambda v, k=0: v.diag(k),
    np.diagflat: lambda v, k=0: ravel(v).diag(k),
    np.trace: lambda a, offset=0, axis1=0, axis2=1: a.trace(offset, axis1, axis2),
    np.flip: lambda m, axis=None: m.flip(axis=axis),
    np.reshape: lambda a, shape: a.reshape(shape),
    np.transpose: lambda a, axes=None: a.transpose(*([] if axes is None else [axes])),
    np.swapaxes: lambda a, axis1, axis2: a.swapaxes(axis1, axis2),
    np.moveaxis: lambda a, source, destination: a.moveaxis(source, destination),
    np.broadcast_to: lambda array, shape: array.broadcast_to(shape),
    np.broadcast_arrays: broadcast_arrays,
    np.dot: pairs.dot,
    np.vdot: lambda a, b: pairs.dot(*map(ravel, as_tensors([a, b]))),
    np.inner: pairs.inner,
    np.outer: pairs.outer,
    np.tensordot: pairs.tensordot,
    np.einsum: lambda subscripts, *operands, optimize=True: pairs.einsum(subscripts, *operands),
    np.take: lambda a, indices, axis=None: a.take(indices, axis),
    np.lib.stride_tricks.sliding_window_view: moving(np.lib.stride_tricks.sliding_window_view),
    **{each: moving(each) for each in MOVING},
    **{
        getattr(np.linalg, each.__name__): each
        for each in (
            linalg.inv, linalg.det, linalg.slogdet, linalg.cholesky, linalg.eigvalsh, linalg.eigh, linalg.svdvals,
        )
    },
    np.linalg.solve: lambda a, b: linalg.solve(a, b),
    np.full_like: lambda a, fill_value, dtype=None: np.full_like(numbers(a), fill_value, dtype),
}  # fmt: skip

QUESTIONS = {
    # how it stands
    np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.shares_memory, np.may_share_memory, np.isrealobj,
    np.iscomplexobj, np.array2string, np.array_repr, np.array_str, np.save, np.savez, np.savez_compressed, np.savetxt,
    np.zeros_like, np.ones_like, np.empty_like,
    # yes or no
    np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal, np.isclose, np.allclose,
    np.array_equal, np.array_equiv, np.isfinite, np.isinf, np.isnan, np.signbit, np.all, np.any, np.isin,
    np.logical_and, np.logical_or, np.logical_xor, np.logical_not,
    # where, and how many
    np.argmax, np.argmin, np.nanargmax, np.nanargmin, np.argsort, np.argpartition, np.argwhere, np.nonzero,
    np.flatnonzero, np.searchsorted, np.digitize, np.bincount, np.count_nonzero, np.histogram,
}  # fmt: skip

HINTS = {
    "np.partition": "np.sort(x) puts all in order. ",
}


def array_of_tensor(self, dtype=None, copy=None) -> np.ndarray:
    """Tensor.__array__: the numbers, for `np.asarray(x)` and for whatever else takes an array.

    TypeError if that would cut a graph in silence: x requires a gradient, and its graph is there still. Not inside
    no_grad(), nor after backward() has let the graph go (a list of losses is an array), and never for Matplotlib
    and numpy.testing, which compute nothing that a gradient could be wanted of.

    NB: PyTorch refuses all tensors that require a gradient.
    """
    if self.requires_grad and grad_enabled() and not (self.op and self.op.released) and not _looked_at():
        raise TypeError(
            "A plain array of a Tensor that requires a gradient would cut its graph. Take the numbers with x.data "
            "(of one number x.item()) where none is to flow; join Tensors with nb.engine.stack or np.stack."
        )
    return np.array(self.data, dtype, copy=copy)


def _looked_at():
    """Whether it is a picture or an assertion that asks for an array."""
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name.startswith(("matplotlib", "mpl_toolkits", "numpy.testing")):
            return True
        if not name.startswith("numpy"):
            return False
        frame = frame.f_back
    return False


def ufunc_of_tensors(self, ufunc, method, *inputs, **options) -> Any:
    """Tensor.__array_ufunc__: np.exp(x), array + x, np.add.at(array, index, x), ..."""
    if method == "__call__" and not options and ufunc in UFUNCS:
        return UFUNCS[ufunc](*inputs)
    name = f"np.{ufunc.__name__}{'' if method == '__call__' else '.' + method}"
    if any(isinstance(out, Tensor) for out in options.get("out", ())):
        raise TypeError(f"{name} cannot write into a Tensor (out=): what backward needs would be overwritten.")
    why = f"with {', '.join(options)}= " if ufunc in UFUNCS and options else ""
    return on_numbers(getattr(ufunc, method), name, inputs, options, why, ufunc in QUESTIONS)


def function_of_tensors(self, function, types, args, kwargs) -> Any:
    """Tensor.__array_function__: np.sum(x), np.concatenate([x, y]), ..."""
    known, why = FUNCTIONS.get(function), ""
    if known:
        takes = parameters(known).parameters
        options = {name: value for name, value in kwargs.items() if value is not None or name in takes}
        try:
            parameters(known).bind(*args, **options)
        except TypeError:
            why = f"with arguments other than {', '.join(parameters(known).parameters)} "
        else:
            return known(*args, **options)
    name = f"{function.__module__.replace('numpy', 'np', 1)}.{function.__name__}"
    return on_numbers(function, name, args, kwargs, why, function in QUESTIONS)


def on_numbers(call, name, args, kwargs, why, harmless) -> Any:
    """What NumPy makes of the numbers; an error where a gradient is wanted that would not come through."""
    if not harmless and grad_enabled() and any(x.requires_grad for x in tensors((args, kwargs))):
        raise TypeError(
            f"{name} {why}has no gradient in nbprop: it would cut the graph of a Tensor that requires one. "
            f"{HINTS.get(name, '')}Where none is to flow, take the numbers: x.data, or everything inside no_grad()."
        )
    return call(*numbers(args), **numbers(kwargs))


@cache
def parameters(function) -> Signature:
    return signature(function)


Tensor.__array__, Tensor.__array_ufunc__ = array_of_tensor, ufunc_of_tensors
Tensor.__array_function__ = function_of_tensors
