"""Tensor: a NumPy array that remembers where it came from."""

import operator
from collections.abc import Callable, Iterator
from inspect import isfunction
from itertools import count
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from .careful import HELD, with_whole_numbers
from .elementary import Arctan2, Copysign, FloorDivide, Fmod, Hypot, LogAddExp, Remainder
from .elementwise import Add, Cast, Div, Maximum, Minimum, Mul, Neg, Power, Sub, TensorPower
from .errors import ShapeError
from .hints import instead
from .matmul import MatMul
from .methods import Methods, method
from .shape import BroadcastTo, Reshape, Slice, Transpose
from .shaping import Shaping, sizes_of
from .tape import backward, current, grad_enabled

_PARTS = (slice, type(None), type(...), np.ndarray)  # of an index
_new, _requires_grad, _numbers_of = object.__new__, attrgetter("requires_grad"), attrgetter("_data")
_numbers = count()  # tensors are numbered as they are made: a result always has a higher number than its inputs


def both_ways(op) -> "tuple[Callable[..., Tensor], Callable[..., Tensor]]":
    """The methods for `x + other` and for `other + x`, where the op is Add."""

    def applied(self, other):
        return apply(op(), *operands(self, other))

    applied.__doc__ = op.__doc__
    return applied, lambda self, other: apply(op(), *operands(other, self))


def comparison(compare) -> Any:
    """The method that compares numbers; the result is a plain array."""
    return lambda self, other: compare(self._data, raw(other))


def in_place(ufunc, sign) -> Any:
    """The method for `x -= other`, where the ufunc is np.subtract. A result stays what it is: there `x -= other` is
    `x = x - other`, a new tensor, and its history is kept."""

    def method(self, other):
        if self.op is not None or not (self.requires_grad or type(self) is not Tensor):  # no variable
            return NotImplemented
        if self.requires_grad and grad_enabled():
            if not self.ndim and isinstance(other, Tensor) and other.requires_grad:
                return NotImplemented  # a sum that begins with Tensor(0.0)
            raise TypeError(
                f"x {sign}= other on a variable is an update in place, which no gradient flows through: write it "
                f"inside `with no_grad():`. For a new tensor with a history write x = x {sign} other."
            )
        try:
            ufunc(self._data, raw(other), out=self._data, casting="same_kind")
        except ValueError as error:
            raise ShapeError(f"x {sign}= other keeps the shape of x, {self.shape}: {error}.") from None
        written([self])
        return self

    return method


class Tensor(Shaping, Methods):
    """An array with a gradient.

    data            array, number or (nested) list. Lists become float32; a lone number keeps its 53 bits (float64)
                    until it meets an array; a floating array keeps its dtype and is not copied; integer and bool arrays
                    are kept for indices, targets and masks.
    requires_grad   whether backward() should leave dL/dself in `.grad`. By default only for a lone Python number,
                    which is a variable, as in micrograd.
    dtype           converts to this dtype.

    NB: PyTorch asks for requires_grad=True on numbers too, makes them float32, copies the array, and keeps `.grad` only
    on leaves; here every tensor of the graph that is still held has its gradient after backward().

    `x -= lr * x.grad` inside `no_grad()` changes a variable (a leaf that requires a gradient, or a Parameter) in place:
    the same object, the same memory. Outside it is a TypeError. For all other tensors `x -= y` is `x = x - y`.
    """

    op: Any = None  # the op that made it; None for leaves
    inputs: "tuple[Tensor, ...]" = ()  # the tensors that op took
    changed = -1  # the number that was next when its array was last written to, as far as it was noticed
    number = -1  # in the order in which results were made
    _grad: Any = None  # an array that is its own
    _lent: Any = None  # instead, for a result: what backward passed on, which may be shared or read-only
    __array__: Any  # np.asarray(tensor), array + tensor, np.exp(tensor), np.sum(tensor): see numpy_protocol.py
    __array_ufunc__: Any
    __array_function__: Any

    def __init__(self, data: Any, requires_grad: "bool | None" = None, dtype: Any = None) -> None:
        if isinstance(data, Tensor) and data.requires_grad and requires_grad is None and grad_enabled():
            raise TypeError(
                "Tensor(x) of a Tensor that requires a gradient would cut its graph: use x as it is, or x.detach() "
                "where no gradient is to flow. (Tensor(x, requires_grad=True) is a new variable of the same numbers.)"
            )
        self._data = as_array(data, dtype)
        self.requires_grad = type(data) in (int, float) if requires_grad is None else bool(requires_grad)
        if self.requires_grad and self._data.dtype.kind != "f":
            raise TypeError(f"Only floating tensors can require a gradient: got {self.dtype}; try dtype=np.float32.")

    # What it holds

    def _set_data(self, value):
        if value is self._data:  # x.data -= ...
            written([self])
        self._data = value if isinstance(value, np.ndarray) else np.asarray(value, self._data.dtype)

    data: Any = property(
        _numbers_of, _set_data, doc="The numbers, an ndarray. May be changed in place between two forward passes."
    )

    @property
    def grad(self) -> Any:
        """dL/dself, an ndarray of the same shape. Before backward() it is None, of a lone number 0, as in micrograd.
        It may be written to: no other tensor shares it. A number assigned fills it."""
        if self._grad is None and self._lent is not None:
            self._grad, self._lent = np.array(self._lent), None
        return np.zeros_like(self._data) if self._grad is None and not self.ndim else self._grad

    @grad.setter
    def grad(self, value) -> None:
        if isinstance(value, (int, float, np.number)):
            number, value = value, np.empty_like(self._data) if self._grad is None else self._grad
            value.fill(number)
        elif value is not None:
            value = np.asarray(value, self.dtype)
            if value.shape != self.shape:
                raise ShapeError(f".grad must have the shape of the tensor, {self.shape}: got {value.shape}.")
        self._grad, self._lent = value, None

    shape, ndim = property(attrgetter("_data.shape")), property(attrgetter("_data.ndim"))
    size, dtype = property(attrgetter("_data.size")), property(attrgetter("_data.dtype"))
    is_leaf = property(lambda self: self.op is None, doc="True if no op made it.")
    _prev = property(lambda self: set(self.inputs), doc="The inputs, under micrograd's name.")
    _op = property(lambda self: (self.op.symbol or self.op.name.lower()) if self.op else "", doc="As in micrograd.")

    def numpy(self) -> np.ndarray:
        """The numbers, not copied."""
        return self._data

    def item(self) -> Any:
        """The only element, as a Python number."""
        if self.size != 1:
            raise ValueError(f"Only a tensor with one element is a number: got shape {self.shape}; reduce it first.")
        return self._data.item()

    def detach(self) -> "Tensor":
        """The same numbers without their history."""
        return Tensor(self._data, requires_grad=False)

    def astype(self, dtype) -> "Tensor":
        return self if self.dtype == dtype else apply(Cast(dtype), self)

    # Backward

    def backward(self, gradient=None, retain_graph=False) -> None:
        """Compute dL/dx for every tensor x that requires a gradient and that this tensor L depends on; leaves add it to
        their `.grad`. The graph is let go, unless retain_graph.

        gradient: dL/dself where L is something further on; needed unless this tensor has one element (then 1).

        BackwardError where gradients would be wrong: a graph that was let go, or numbers in it that were written to
        after they were used, as far as that is noticed: by `x -= y`, `x[i] = y`, `x.data -= y`. It is not for what goes
        past the tensor, `x.data[i] = y` or an array that x shares. A new array, `x.data = y`, leaves the graph its old
        one, whose gradients are right.
        """
        backward(self, gradient, retain_graph)

    def zero_grad(self) -> None:
        """Set the gradient to 0, in place."""
        if self._grad is not None or self._lent is not None:
            self.grad = 0

    # Arithmetic

    __add__, __radd__ = both_ways(Add)
    __sub__, __rsub__ = both_ways(Sub)
    __mul__, __rmul__ = both_ways(Mul)
    __truediv__, __rtruediv__ = both_ways(Div)
    __matmul__, __rmatmul__ = both_ways(MatMul)
    __floordiv__, __rfloordiv__ = both_ways(FloorDivide)
    __mod__, __rmod__ = both_ways(Remainder)
    __neg__ = method(Neg)
    __pos__ = Shaping.contiguous
    _power, __rpow__ = both_ways(TensorPower)

    def __pow__(self, other) -> "Tensor":
        number = isinstance(other, (int, float, np.number))
        return apply(Power(np.asarray(other).item()), self) if number else self._power(other)

    __iadd__, __isub__ = in_place(np.add, "+"), in_place(np.subtract, "-")
    __imul__, __itruediv__ = in_place(np.multiply, "*"), in_place(np.divide, "/")
    __ipow__, __imatmul__ = in_place(np.power, "**"), in_place(np.matmul, "@")
    __imod__, __ifloordiv__ = in_place(np.remainder, "%"), in_place(np.floor_divide, "//")

    __eq__, __ne__ = comparison(operator.eq), comparison(operator.ne)
    __lt__, __le__ = comparison(operator.lt), comparison(operator.le)
    __gt__, __ge__ = comparison(operator.gt), comparison(operator.ge)
    __hash__ = object.__hash__

    __abs__, __round__ = Methods.abs, Methods.round
    maximum, minimum, fmod = both_ways(Maximum)[0], both_ways(Minimum)[0], both_ways(Fmod)[0]
    hypot, logaddexp = both_ways(Hypot)[0], both_ways(LogAddExp)[0]
    arctan2 = atan2 = both_ways(Arctan2)[0]
    copysign = both_ways(Copysign)[0]
    add, sub, mul, div, neg, pow = __add__, __sub__, __mul__, __truediv__, __neg__, __pow__
    remainder, floor_divide = __mod__, __floordiv__
    matmul = mm = bmm = __matmul__
    eq, ne, lt, le, gt, ge = __eq__, __ne__, __lt__, __le__, __gt__, __ge__

    # Shape

    def reshape(self, *shape) -> "Tensor":
        return apply(Reshape(sizes_of(shape)), self)

    def transpose(self, *axes) -> "Tensor":
        """Axes in another order, by default reversed. Two numbers are two axes that are swapped, as in PyTorch.
        NB: where PyTorch swaps and NumPy does nothing, for the (0, 1) of a matrix, it is an error."""
        if len(axes) == 2 and self.ndim > 1:
            if self.ndim == 2 and axes in ((0, 1), (0, -1), (-2, 1), (-2, -1)):
                raise ValueError(f"transpose{axes} of a matrix swaps in PyTorch only: write x.T, or x.swapaxes(0, 1).")
            return self.swapaxes(*axes)
        return apply(Transpose(sizes_of(axes) or None), self)

    def broadcast_to(self, *shape) -> "Tensor":
        return apply(BroadcastTo(sizes_of(shape)), self)

    T = property(transpose, doc="Axes reversed.")

    def __getitem__(self, index) -> "Tensor":
        return apply(Slice(_index(index)), self)

    def __setitem__(self, index, value) -> None:
        if self.op is not None or grad_enabled():
            raise TypeError(
                "A Tensor cannot be assigned to in place: what backward needs would be overwritten. Make a new tensor "
                "(for example with nb.engine.where), or change x.data, or x inside no_grad(), before it is used."
            )
        self._data[_index(index)] = raw(value)
        written([self])

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("A tensor of shape () is one number: it has no length.")
        return len(self._data)

    def __iter__(self) -> "Iterator[Tensor]":
        return (self[i] for i in range(len(self)))

    if not TYPE_CHECKING:

        def __getattr__(self, name) -> Any:
            raise AttributeError(f"A Tensor has no {name!r}.{instead(name)}", name=name, obj=self)

    # As a number, an array, a text

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __bool__(self) -> bool:
        return bool(self._data)

    def __format__(self, spec) -> str:
        return format(self.item(), spec) if spec else str(self)

    def __repr__(self) -> str:
        text = np.array2string(self._data, precision=4, threshold=20, prefix="Tensor(")
        extra = f", op={self.op.name}" if self.op else ", requires_grad=True" if self.requires_grad else ""
        usual = self.dtype == np.float32 or (self.dtype == np.float64 and not self.ndim)
        dtype = "" if usual else f", dtype={self.dtype}"
        return f"Tensor({text}{dtype}{extra})"


for _name, _method in reversed([*vars(Methods).items(), *vars(Tensor).items()]):
    if isfunction(_method) and "<locals>" in _method.__qualname__:  # what errors call it
        _method.__name__, _method.__qualname__ = _name, _name


def apply(op, *inputs) -> Tensor:
    """Run a new op on tensors, and remember it if a gradient may be asked for, or while recording.

    Arrays, lists and numbers among the inputs count as constants; numbers and lists take the dtype of the first
    floating tensor. Raises ShapeError, naming the op and the shapes, if they do not fit.
    """
    for x in inputs:
        if not isinstance(x, Tensor):
            inputs = as_tensors(inputs)
            break
    if op.whole is not None:
        for x in inputs:
            if x._data.dtype.kind != "f":
                inputs = with_whole_numbers(op, inputs)
                break
    op.needs = tuple(map(_requires_grad, inputs))
    result = _new(Tensor)
    try:
        result._data = op(*map(_numbers_of, inputs))
    except TypeError as error:
        options = {name: value for name, value in vars(op).items() if name != "needs"}
        if "integ" not in str(error) or not options or str(error).startswith(op.name):
            raise
        option, value = next(iter(options.items()))
        raise TypeError(f"{op.name} takes whole numbers as {option}: got {value!r} ({error}).") from None
    except ValueError as error:
        shapes = " and ".join(str(x.shape) for x in inputs)
        why = f"{str(error).rstrip('.')}. {op.hint}".rstrip()
        raise ShapeError(f"{op.name} cannot take shapes {shapes}: {why}") from None
    result.requires_grad = wanted = True in op.needs and grad_enabled()  # looked at again: a cast may need none
    recording = current()
    if wanted or recording is not None:
        result.op, result.inputs, result.number = op, inputs, next(_numbers)
        if recording is not None:
            recording.nodes.append(result)
    return result


Tensor._apply = staticmethod(apply)


def as_tensors(inputs) -> tuple[Tensor, ...]:
    """Tensors, and constants among them made Tensors: numbers and lists in the dtype of the first floating one."""
    floating = next((x.dtype for x in inputs if isinstance(x, Tensor) and x.dtype.kind == "f"), None)
    dtypes = [None if isinstance(x, np.ndarray) else floating for x in inputs]
    return tuple([x if isinstance(x, Tensor) else Tensor(x, False, t) for x, t in zip(inputs, dtypes, strict=True)])


def as_array(data, dtype=None) -> np.ndarray:
    """The array a Tensor holds: see there for dtypes."""
    if dtype is None and type(data) is np.ndarray and data.dtype.char in HELD:
        return data
    if isinstance(data, (list, tuple)) and any(isinstance(x, Tensor) for x in data):
        raise TypeError("Tensor(list of Tensors) would cut their history: join them with nb.engine.stack(list).")
    array = np.asarray(raw(data))
    if dtype is None:
        dtype = array.dtype if isinstance(data, (np.ndarray, np.generic, Tensor)) else np.float32
        if type(data) in (int, float):
            dtype = np.float64
    if np.dtype(dtype).char not in HELD or array.dtype.kind not in "fiub":
        raise TypeError(f"A Tensor holds real numbers of up to 64 bits: got {array.dtype} ({str(data)[:40]!r}).")
    return array.astype(dtype, copy=False)


def written(tensors) -> None:
    """Say that the arrays of these tensors were written to: graphs that used the numbers before refuse backward()."""
    number = next(_numbers)
    for x in tensors:
        x.changed = number


def raw(x) -> np.ndarray:
    """The array of a Tensor; anything else as it is."""
    return x._data if isinstance(x, Tensor) else x


def operands(a, b) -> tuple[Any, Any]:
    """Two operands in one dtype, where it is plain which: whole numbers and bools take that of the other, and so does a
    lone number beside an array (as in PyTorch: what is one number does not make an array float64). Whole numbers among
    themselves stay whole, as NumPy has them."""
    whole_a, whole_b = (isinstance(x, (Tensor, np.ndarray)) and x.dtype.kind in "iub" for x in (a, b))
    if whole_a and whole_b:
        return a, b
    if whole_a and type(b) in (int, bool):
        return a, np.asarray(b, np.result_type(a.dtype, b))
    if whole_b and type(a) in (int, bool):
        return np.asarray(a, np.result_type(b.dtype, a)), b
    if whole_a and not whole_b:
        a = Tensor(a).astype(getattr(b, "dtype", np.float32))
    elif whole_b and not whole_a:
        b = Tensor(b).astype(getattr(a, "dtype", np.float32))
    elif isinstance(a, Tensor) and not a._data.ndim and getattr(b, "ndim", 0) and a.dtype != b.dtype:
        a = a.astype(b.dtype)
    elif isinstance(b, Tensor) and not b._data.ndim and getattr(a, "ndim", 0) and a.dtype != b.dtype:
        b = b.astype(a.dtype)
    return a, b


def _index(index):
    """An index as a tuple, sequences and Tensors in it as arrays."""
    parts = index if isinstance(index, tuple) else (index,)
    return tuple([i if isinstance(i, _PARTS) or hasattr(i, "__index__") else _places(raw(i)) for i in parts])


def _places(sequence):
    array = np.asarray(sequence)
    return array if array.size or isinstance(sequence, np.ndarray) else array.astype(int)  # [] holds no floats
