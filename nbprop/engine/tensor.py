"""Tensor: a NumPy array that remembers where it came from."""

from itertools import count

import numpy as np

from . import activation, elementwise, matmul, reduce, shape, softmax, tape
from .errors import ShapeError

_numbers = count()  # tensors are numbered as they are made: a result always has a higher number than its inputs


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

    __array_ufunc__ = None  # array + tensor comes to Tensor.__radd__

    def __init__(self, data, requires_grad=None, dtype=None):
        if requires_grad is None:
            requires_grad = type(data) in (int, float)
        self._data = as_array(data, dtype)
        self._grad = None
        self.op = None  # the op that made it; None for leaves
        self.inputs = ()  # the tensors that op took
        self.requires_grad = requires_grad = bool(requires_grad)
        if requires_grad and self._data.dtype.kind != "f":
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
    def grad(self):
        """dL/dself, an ndarray of the same shape, or None before backward(). A number assigned fills it."""
        return self._grad

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
        return self if self.dtype == dtype else apply(elementwise.Cast(dtype), self)

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

    # Operators

    def __add__(self, other):
        return apply(elementwise.Add(), *operands(self, other))

    def __radd__(self, other):
        return apply(elementwise.Add(), *operands(other, self))

    def __sub__(self, other):
        return apply(elementwise.Sub(), *operands(self, other))

    def __rsub__(self, other):
        return apply(elementwise.Sub(), *operands(other, self))

    def __mul__(self, other):
        return apply(elementwise.Mul(), *operands(self, other))

    def __rmul__(self, other):
        return apply(elementwise.Mul(), *operands(other, self))

    def __truediv__(self, other):
        return apply(elementwise.Div(), *operands(self, other))

    def __rtruediv__(self, other):
        return apply(elementwise.Div(), *operands(other, self))

    def __pow__(self, other):
        if isinstance(other, (int, float, np.number)):
            return apply(elementwise.Power(np.asarray(other).item()), self)
        return apply(elementwise.TensorPower(), *operands(self, other))

    def __rpow__(self, other):
        return apply(elementwise.TensorPower(), *operands(other, self))

    def __matmul__(self, other):
        return apply(matmul.MatMul(), *operands(self, other))

    def __rmatmul__(self, other):
        return apply(matmul.MatMul(), *operands(other, self))

    def __neg__(self):
        return apply(elementwise.Neg(), self)

    # Comparisons give plain arrays

    def __eq__(self, other):
        return self._data == raw(other)

    def __ne__(self, other):
        return self._data != raw(other)

    def __lt__(self, other):
        return self._data < raw(other)

    def __le__(self, other):
        return self._data <= raw(other)

    def __gt__(self, other):
        return self._data > raw(other)

    def __ge__(self, other):
        return self._data >= raw(other)

    __hash__ = object.__hash__

    # Elementwise

    def exp(self):
        return apply(elementwise.Exp(), self)

    def log(self):
        return apply(elementwise.Log(), self)

    def sqrt(self):
        return apply(elementwise.Sqrt(), self)

    def abs(self):
        return apply(elementwise.Abs(), self)

    __abs__ = abs

    def clip(self, low=None, high=None):
        return apply(elementwise.Clip(low, high), self)

    def sigmoid(self):
        return apply(activation.Sigmoid(), self)

    def tanh(self):
        return apply(activation.Tanh(), self)

    def relu(self):
        return apply(activation.ReLU(), self)

    def leaky_relu(self, negative_slope=0.01):
        return apply(activation.LeakyReLU(negative_slope), self)

    def elu(self, alpha=1.0):
        return apply(activation.ELU(alpha), self)

    def gelu(self, approximate="none"):
        return apply(activation.TanhGELU() if approximate == "tanh" else activation.GELU(), self)

    def silu(self):
        return apply(activation.SiLU(), self)

    def softplus(self):
        return apply(activation.Softplus(), self)

    def softmax(self, axis=-1, *, dim=None):
        return apply(softmax.Softmax(axis if dim is None else dim), self)

    def log_softmax(self, axis=-1, *, dim=None):
        return apply(softmax.LogSoftmax(axis if dim is None else dim), self)

    # Reductions; PyTorch's `dim` and `keepdim` are understood too

    def sum(self, axis=None, keepdims=False, *, dim=None, keepdim=False):
        return apply(reduce.Sum(_axis(axis, dim), keepdims or keepdim), self)

    def mean(self, axis=None, keepdims=False, *, dim=None, keepdim=False):
        return apply(reduce.Mean(_axis(axis, dim), keepdims or keepdim), self)

    def max(self, axis=None, keepdims=False, *, dim=None, keepdim=False):
        """The largest value. NB: PyTorch's max(dim) returns indices too; they are `argmax`."""
        return apply(reduce.Max(_axis(axis, dim), keepdims or keepdim), self)

    def min(self, axis=None, keepdims=False, *, dim=None, keepdim=False):
        """The smallest value. NB: PyTorch's min(dim) returns indices too."""
        return apply(reduce.Min(_axis(axis, dim), keepdims or keepdim), self)

    def var(self, axis=None, keepdims=False, ddof=0, *, dim=None, keepdim=False):
        """Variance, the mean of squared distances from the mean. NB: PyTorch divides by n - 1, that is ddof=1."""
        return apply(reduce.Var(_axis(axis, dim), keepdims or keepdim, ddof), self)

    def std(self, axis=None, keepdims=False, ddof=0, *, dim=None, keepdim=False):
        """Standard deviation. NB: PyTorch divides by n - 1, that is ddof=1."""
        return apply(reduce.Std(_axis(axis, dim), keepdims or keepdim, ddof), self)

    def logsumexp(self, axis=None, keepdims=False, *, dim=None, keepdim=False):
        """ln of the sum of exponentials, without overflow."""
        return apply(softmax.LogSumExp(_axis(axis, dim), keepdims or keepdim), self)

    def argmax(self, axis=None):
        """Where the largest value is: an array of int."""
        return self._data.argmax(axis)

    # Shape

    def reshape(self, *shape_):
        return apply(shape.Reshape(_sizes(shape_)), self)

    def flatten(self, start_dim=0):
        """All axes from start_dim on as one."""
        start = start_dim % max(self.ndim, 1)
        return self.reshape(*self.shape[:start], int(np.prod(self.shape[start:])))

    def transpose(self, *axes):
        """Axes in another order, by default reversed. NB: PyTorch's transpose swaps two axes; its permute is this."""
        return apply(shape.Transpose(_sizes(axes) or None), self)

    def swapaxes(self, a, b):
        axes = list(range(self.ndim))
        axes[a], axes[b] = axes[b], axes[a]
        return self.transpose(axes)

    def broadcast_to(self, *shape_):
        return apply(shape.BroadcastTo(_sizes(shape_)), self)

    T = property(transpose, doc="Axes reversed.")

    def __getitem__(self, index):
        parts = index if isinstance(index, tuple) else (index,)
        parts = tuple(np.asarray(raw(part)) if isinstance(part, (Tensor, list)) else part for part in parts)
        return apply(shape.Slice(parts if isinstance(index, tuple) else parts[0]), self)

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
    if not all(isinstance(x, Tensor) for x in inputs):
        dtype = next((x.dtype for x in inputs if isinstance(x, Tensor) and x.dtype.kind == "f"), None)
        inputs = [x if isinstance(x, Tensor) else _constant(x, dtype) for x in inputs]
    op.needs = tuple([x.requires_grad for x in inputs])
    op.into = (None,) * len(inputs)
    try:
        y = op.forward(*[x._data for x in inputs])
    except ShapeError:
        raise
    except ValueError as error:
        shapes = " and ".join(str(x.shape) for x in inputs)
        raise ShapeError(f"{op.name} cannot take shapes {shapes}: {error}. {op.hint}".rstrip()) from None
    result = Tensor.__new__(Tensor)
    result._data = y if isinstance(y, np.ndarray) else _as_0d(y, op)
    result._grad = result.op = None
    result.inputs = ()
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


def _constant(x, dtype):
    """A number or list in the given dtype, an array in its own."""
    return Tensor(x, requires_grad=False, dtype=None if isinstance(x, np.ndarray) else dtype)


def operands(a, b):
    """Two operands, of which one may hold whole numbers or bools: it takes the dtype of the other."""
    whole_a, whole_b = (isinstance(x, (Tensor, np.ndarray)) and x.dtype.kind in "iub" for x in (a, b))
    if whole_a and not whole_b:
        a = Tensor(a).astype(getattr(b, "dtype", np.float32))
    elif whole_b and not whole_a:
        b = Tensor(b).astype(getattr(a, "dtype", np.float32))
    return a, b


def _as_0d(y, op):
    """NumPy returns scalars where it was given arrays without axes. Make it an array again, here and in the op, so that
    the op can write into it the next time."""
    array = np.asarray(y)
    for name, value in vars(op).items():
        if value is y:
            setattr(op, name, array)
    return array


def _axis(axis, dim):
    axis = dim if axis is None else axis
    return tuple(axis) if isinstance(axis, list) else axis


def _sizes(sizes):
    return tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else sizes
