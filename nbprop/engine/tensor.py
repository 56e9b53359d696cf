"""Tensor: a NumPy array that remembers where it came from."""

import operator
from collections.abc import Callable
from inspect import signature
from itertools import count
from typing import Any

import numpy as np

from . import tape
from .activation import ELU, GELU, LeakyReLU, ReLU, Sigmoid, SiLU, Softplus, Tanh, TanhGELU
from .elementwise import Abs, Add, Cast, Clip, Div, Exp, Log, Mul, Neg, Power, Sqrt, Sub, TensorPower
from .errors import ShapeError
from .matmul import MatMul
from .reduce import Max, Mean, Min, Std, Sum, Var
from .shape import BroadcastTo, Reshape, Slice, Transpose
from .softmax import LogSoftmax, LogSumExp, Softmax

_numbers = count()  # tensors are numbered as they are made: a result always has a higher number than its inputs


def method(op) -> "Callable[..., Tensor]":
    """The method of Tensor that applies this op: its options, and what there is to say about it, are the op's."""

    def applied(self, *values, **options):
        return apply(op(*values, **options), self)

    applied.__doc__, applied.__signature__ = op.__doc__, signature(op.__init__)
    return applied


def both_ways(op) -> "tuple[Callable[..., Tensor], Callable[..., Tensor]]":
    """The methods for `x + other` and for `other + x`, where the op is Add."""
    return (
        lambda self, other: apply(op(), *operands(self, other)),
        lambda self, other: apply(op(), *operands(other, self)),
    )


def comparison(compare) -> Any:
    """The method that compares numbers; the result is a plain array."""
    return lambda self, other: compare(self._data, raw(other))


class Tensor:
    """An array with a gradient.

    data            array, number or (nested) list. Lists and numbers become float32; a floating array keeps its dtype
                    and is not copied; integer and bool arrays are kept for indices, targets and masks.
    requires_grad   whether backward() should leave dL/dself in `.grad`. By default only for a lone Python number,
                    which is a variable, as in micrograd.
    dtype           converts to this dtype.

    NB: PyTorch asks for requires_grad=True on numbers too, copies the array, and keeps `.grad` only on leaves; here
    every tensor of the graph that is still held has its gradient after backward().
    """

    op = None  # the op that made it; None for leaves
    inputs = ()  # the tensors that op took
    _grad = None
    __array_ufunc__ = None  # array + tensor comes to Tensor.__radd__

    def __init__(self, data, requires_grad=None, dtype=None):
        self._data = as_array(data, dtype)
        self.requires_grad = type(data) in (int, float) if requires_grad is None else bool(requires_grad)
        if self.requires_grad and self._data.dtype.kind != "f":
            raise TypeError(f"Only floating tensors can require a gradient: got {self.dtype}; try dtype=np.float32.")

    # What it holds

    @property
    def data(self):
        """The numbers, an ndarray. May be changed in place between two forward passes."""
        return self._data

    @data.setter
    def data(self, value):
        self._data = value if isinstance(value, np.ndarray) else np.asarray(value, self._data.dtype)

    @property
    def grad(self) -> Any:
        """dL/dself, an ndarray of the same shape. Before backward() it is None, of a lone number 0, as in micrograd.
        A number assigned fills it."""
        return np.zeros_like(self._data) if self._grad is None and not self.ndim else self._grad

    @grad.setter
    def grad(self, value):
        if isinstance(value, (int, float, np.number)):
            number, value = value, np.empty_like(self._data) if self._grad is None else self._grad
            value.fill(number)
        elif value is not None:
            value = np.asarray(value, self.dtype)
            if value.shape != self.shape:
                raise ShapeError(f".grad must have the shape of the tensor, {self.shape}: got {value.shape}.")
        self._grad = value

    shape = property(lambda self: self._data.shape)
    ndim = property(lambda self: self._data.ndim)
    size = property(lambda self: self._data.size)
    dtype = property(lambda self: self._data.dtype)
    is_leaf = property(lambda self: self.op is None, doc="True if no op made it.")
    _prev = property(lambda self: set(self.inputs), doc="The inputs, under micrograd's name.")
    _op = property(lambda self: (self.op.symbol or self.op.name.lower()) if self.op else "", doc="As in micrograd.")

    def numpy(self):
        """The numbers, not copied."""
        return self._data

    def item(self):
        """The only element, as a Python number."""
        if self.size != 1:
            raise ValueError(f"Only a tensor with one element is a number: got shape {self.shape}; reduce it first.")
        return self._data.item()

    def detach(self):
        """The same numbers without their history."""
        return Tensor(self._data, requires_grad=False)

    def astype(self, dtype):
        return self if self.dtype == dtype else apply(Cast(dtype), self)

    # Backward

    def backward(self, gradient=None, retain_graph=False):
        """Compute dL/dx for every tensor x that requires a gradient and that this tensor L depends on; leaves add it to
        their `.grad`. The graph is let go, unless retain_graph.

        gradient: dL/dself where L is something further on; needed unless this tensor has one element (then 1).
        """
        tape.backward(self, gradient, retain_graph)

    def zero_grad(self):
        """Set the gradient to 0, in place."""
        if self._grad is not None:
            self._grad.fill(0)

    # Arithmetic

    __add__, __radd__ = both_ways(Add)
    __sub__, __rsub__ = both_ways(Sub)
    __mul__, __rmul__ = both_ways(Mul)
    __truediv__, __rtruediv__ = both_ways(Div)
    __matmul__, __rmatmul__ = both_ways(MatMul)
    __neg__ = method(Neg)
    _power, __rpow__ = both_ways(TensorPower)

    def __pow__(self, other):
        number = isinstance(other, (int, float, np.number))
        return apply(Power(np.asarray(other).item()), self) if number else self._power(other)

    __eq__, __ne__ = comparison(operator.eq), comparison(operator.ne)
    __lt__, __le__ = comparison(operator.lt), comparison(operator.le)
    __gt__, __ge__ = comparison(operator.gt), comparison(operator.ge)
    __hash__ = object.__hash__

    exp, log, sqrt, clip = method(Exp), method(Log), method(Sqrt), method(Clip)
    abs = __abs__ = method(Abs)

    # Activations and reductions

    sigmoid, tanh = method(Sigmoid), method(Tanh)
    relu, leaky_relu, elu = method(ReLU), method(LeakyReLU), method(ELU)
    silu, softplus = method(SiLU), method(Softplus)
    softmax, log_softmax, logsumexp = method(Softmax), method(LogSoftmax), method(LogSumExp)
    sum, mean = method(Sum), method(Mean)
    max, min = method(Max), method(Min)
    var, std = method(Var), method(Std)

    def gelu(self, approximate="none"):
        return apply(TanhGELU() if approximate == "tanh" else GELU(), self)

    def argmax(self, axis=None):
        """Where the largest value is: an array of int."""
        return self._data.argmax(axis)

    # Shape

    def reshape(self, *shape):
        return apply(Reshape(_sizes(shape)), self)

    def flatten(self, start_dim=0):
        """All axes from start_dim on as one."""
        start = start_dim % max(self.ndim, 1)
        return self.reshape(*self.shape[:start], int(np.prod(self.shape[start:])))

    def transpose(self, *axes):
        """Axes in another order, by default reversed. NB: PyTorch's transpose swaps two axes; its permute is this."""
        return apply(Transpose(_sizes(axes) or None), self)

    def swapaxes(self, a, b):
        axes = list(range(self.ndim))
        axes[a], axes[b] = axes[b], axes[a]
        return self.transpose(axes)

    def broadcast_to(self, *shape):
        return apply(BroadcastTo(_sizes(shape)), self)

    T = property(transpose, doc="Axes reversed.")

    def __getitem__(self, index):
        parts = index if isinstance(index, tuple) else (index,)
        return apply(Slice(tuple(np.asarray(raw(i)) if isinstance(i, (Tensor, list)) else i for i in parts)), self)

    def __setitem__(self, index, value):
        raise TypeError(
            "A Tensor cannot be assigned to in place: what backward needs would be overwritten. Make a new tensor "
            "(for example with nb.engine.where), or change x.data before it is used."
        )

    def __len__(self):
        if not self.ndim:
            raise TypeError("A tensor of shape () is one number: it has no length.")
        return len(self._data)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    # As a number, an array, a text

    def __float__(self):
        return float(self.item())

    def __int__(self):
        return int(self.item())

    def __bool__(self):
        return bool(self._data)

    def __array__(self, dtype=None, copy=None):
        return np.array(self._data, dtype, copy=copy)

    def __format__(self, spec):
        return format(self.item(), spec) if spec else str(self)

    def __repr__(self):
        text = np.array2string(self._data, precision=4, threshold=20, prefix="Tensor(")
        extra = f", op={self.op.name}" if self.op else ", requires_grad=True" if self.requires_grad else ""
        dtype = "" if self.dtype == np.float32 else f", dtype={self.dtype}"
        return f"Tensor({text}{dtype}{extra})"


def apply(op, *inputs):
    """Run a new op on tensors, and remember it if a gradient may be asked for, or while recording.

    Arrays, lists and numbers among the inputs count as constants; numbers and lists take the dtype of the first
    floating tensor. Raises ShapeError, naming the op and the shapes, if they do not fit.
    """
    if not all([isinstance(x, Tensor) for x in inputs]):
        floating = next((x.dtype for x in inputs if isinstance(x, Tensor) and x.dtype.kind == "f"), None)
        dtypes = [None if isinstance(x, np.ndarray) else floating for x in inputs]
        inputs = [x if isinstance(x, Tensor) else Tensor(x, False, t) for x, t in zip(inputs, dtypes, strict=True)]
    op.needs = tuple([x.requires_grad for x in inputs])
    result = Tensor.__new__(Tensor)
    try:
        result._data = op(*[x._data for x in inputs])
    except ValueError as error:
        shapes = " and ".join(str(x.shape) for x in inputs)
        why = f"{str(error).rstrip('.')}. {op.hint}".rstrip()
        raise ShapeError(f"{op.name} cannot take shapes {shapes}: {why}") from None
    result.requires_grad = any(op.needs) and tape.grad_enabled()
    recording = tape.recording()
    if result.requires_grad or recording is not None:
        result.op, result.inputs, result.number = op, tuple(inputs), next(_numbers)
        if recording is not None:
            recording.nodes.append(result)
    return result


def as_array(data, dtype=None):
    """The array a Tensor holds: see there for dtypes."""
    if isinstance(data, (list, tuple)) and any(isinstance(x, Tensor) for x in data):
        raise TypeError("Tensor(list of Tensors) would cut their history: join them with nb.engine.stack(list).")
    array = np.asarray(raw(data))
    if dtype is None:
        dtype = array.dtype if isinstance(data, (np.ndarray, np.generic, Tensor)) else np.float32
    if np.dtype(dtype).kind not in "fiub" or array.dtype.kind not in "fiub":
        raise TypeError(f"A Tensor holds real numbers: got {array.dtype} ({str(data)[:40]!r}).")
    return array.astype(dtype, copy=False)


def raw(x):
    """The array of a Tensor; anything else as it is."""
    return x._data if isinstance(x, Tensor) else x


def operands(a, b):
    """Two operands, of which one may hold whole numbers or bools: it takes the dtype of the other."""
    whole_a, whole_b = (isinstance(x, (Tensor, np.ndarray)) and x.dtype.kind in "iub" for x in (a, b))
    if whole_a and not whole_b:
        a = Tensor(a).astype(getattr(b, "dtype", np.float32))
    elif whole_b and not whole_a:
        b = Tensor(b).astype(getattr(a, "dtype", np.float32))
    return a, b


def _sizes(sizes):
    return tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else sizes
