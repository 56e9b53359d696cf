"""NumPy's own functions on Tensors. `np.exp(x)` is `x.exp()`, `np.isfinite(x)` looks at the numbers, and what would cut
the way back to a gradient is refused by name. NumPy asks as NEP 13 (ufuncs) and NEP 18 (all other functions) say.

Three tables decide. UFUNCS and FUNCTIONS give Tensors; QUESTIONS have no gradient, and give plain arrays. All the rest
of NumPy works on the numbers where no gradient is wanted, and is an error where one is.
"""

import sys
from collections.abc import Iterator
from functools import cache
from inspect import Signature, signature
from typing import Any

import numpy as np

from . import functions, joining, linalg, pairs
from .activation import Tanh
from .elementary import _Elementary
from .elementwise import Abs, Add, Div, Exp, Log, Maximum, Minimum, Mul, Neg, Power, Sqrt, Sub, TensorPower
from .matmul import MatMul
from .moving import Median
from .numpy_functions import (
    average,
    broadcast_arrays,
    clip,
    column_stack,
    concatenate,
    cross,
    diff,
    filled,
    gradient,
    kron,
    linspace,
    moving,
    nan_to_num,
    norm,
    numbers,
    pad,
    ravel,
    reduction,
    select,
    sinc,
    sort,
    split,
    spread,
    svd,
)
from .op import OPS
from .reduce import Max, Mean, Min, Prod, Std, Sum, Var
from .tape import grad_enabled
from .tensor import Tensor, apply, as_tensors, operands


def tensors(x) -> Iterator[Tensor]:
    """The Tensors in x."""
    if isinstance(x, Tensor):
        yield x
    elif isinstance(x, (list, tuple, dict)):
        for inner in x.values() if isinstance(x, dict) else x:
            yield from tensors(inner)


# The tables

UFUNCS = {
    np.positive: lambda x: x,
    np.square: lambda x: apply(Power(2), x),
    np.reciprocal: lambda x: 1.0 / x,
    np.conjugate: lambda x: x,
    **{ufunc: lambda x: x * (180 / np.pi) for ufunc in (np.degrees, np.rad2deg)},
    **{ufunc: lambda x: x * (np.pi / 180) for ufunc in (np.radians, np.deg2rad)},
    np.fmax: lambda a, b: functions.maximum(filled(a, b), filled(b, a)),
    np.fmin: lambda a, b: functions.minimum(filled(a, b), filled(b, a)),
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

ACCUMULATED = {
    np.add: lambda x, axis=0: x.cumsum(axis),
    np.multiply: lambda x, axis=0: x.cumprod(axis),
    np.logaddexp: lambda x, axis=0: x.logcumsumexp(axis),
    np.maximum: lambda x, axis=0: x.cummax(axis).values,
    np.minimum: lambda x, axis=0: x.cummin(axis).values,
}

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
    np.linalg.matrix_norm: lambda x, *, keepdims=False, ord="fro": linalg.matrix_norm(x, ord, (-2, -1), keepdims),
    np.linalg.vector_norm: lambda x, *, axis=None, keepdims=False, ord=2: x.norm(ord, axis, keepdims),
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
    np.average: average,
    np.ptp: lambda a, axis=None, *, keepdims=False: a.max(axis, keepdims) - a.min(axis, keepdims),
    np.cross: cross,
    np.gradient: gradient,
    np.linspace: linspace,
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
    if method == "accumulate" and options.keys() <= {"axis"} and ufunc in ACCUMULATED:
        return ACCUMULATED[ufunc](*inputs, **options)
    name = f"np.{ufunc.__name__}{'' if method == '__call__' else '.' + method}"
    if any(isinstance(out, Tensor) for out in options.get("out", ())):
        raise TypeError(f"{name} cannot write into a Tensor (out=): what backward needs would be overwritten.")
    why = f"with {', '.join(options)}= " if ufunc in UFUNCS and options else ""
    return on_numbers(getattr(ufunc, method), name, inputs, options, why, ufunc in QUESTIONS)


def function_of_tensors(self, function, types, args, kwargs) -> Any:
    """Tensor.__array_function__: np.sum(x), np.concatenate([x, y]), ..."""
    known, why = FUNCTIONS.get(function), ""
    if known:
        takes, usual = parameters(known).parameters, defaults(function)
        options = {
            name: value
            for name, value in kwargs.items()
            if name in takes or not (value is None or value is usual.get(name, kwargs))
        }
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


@cache
def defaults(function) -> dict[str, Any]:
    """What NumPy takes where nothing is said, as far as it tells."""
    try:
        return {name: each.default for name, each in parameters(function).parameters.items()}
    except ValueError:
        return {}


Tensor.__array__, Tensor.__array_ufunc__ = array_of_tensor, ufunc_of_tensors
Tensor.__array_function__ = function_of_tensors
