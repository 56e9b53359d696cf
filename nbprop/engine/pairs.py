"""Functions of two tensors, and einsum, under the names of NumPy and PyTorch."""

from collections.abc import Callable
from math import prod
from string import ascii_letters
from typing import Any

from numpy.lib.array_utils import normalize_axis_tuple

from .errors import ShapeError
from .matmul import Einsum, MatMul
from .reduce import one_of
from .tensor import Tensor, apply, as_tensors, operands


def of_two(method) -> Callable[..., Tensor]:
    """The function of two tensors, arrays or numbers that is this method."""

    def function(a, b):
        return method(a, b)

    function.__doc__, function.__name__ = method.__doc__, method.__name__
    function.__qualname__ = method.__name__
    return function


arctan2 = atan2 = of_two(Tensor.arctan2)
hypot, logaddexp, fmod = of_two(Tensor.hypot), of_two(Tensor.logaddexp), of_two(Tensor.fmod)
copysign = of_two(Tensor.copysign)
remainder, floor_divide = of_two(Tensor.remainder), of_two(Tensor.floor_divide)


def einsum(subscripts, *tensors) -> Tensor:
    """Sums of products along axes that are named by letters: `einsum("ij,jk->ik", a, b)` is a @ b. See the op Einsum.

    Instead of letters there may be numbers, in a list behind each tensor: `einsum(a, [0, 1], b, [1, 2], [0, 2])`."""
    if not isinstance(subscripts, str):
        tensors, lists = (subscripts, *tensors)[::2], tensors[::2]
        output = [tensors[-1]] if len(tensors) > len(lists) else []
        tensors = tensors[: len(lists)]
        words = ["".join(["..." if i is ... else ascii_letters[i] for i in each]) for each in (*lists, *output)]
        subscripts = "->".join([",".join(words[: len(lists)]), *words[len(lists) :]])
    return apply(Einsum(subscripts), *tensors)


def tensordot(a, b, axes: Any = 2) -> Tensor:
    """The sums of products along the last axes of a and the first of b, so many of them; or along two lists of axes."""
    a, b = as_tensors([a, b])
    ours, theirs = (range(a.ndim - axes, a.ndim), range(axes)) if isinstance(axes, int) else axes
    ours, theirs = normalize_axis_tuple(ours, a.ndim), normalize_axis_tuple(theirs, b.ndim)
    rows, columns = ([i for i in range(x.ndim) if i not in summed] for x, summed in ((a, ours), (b, theirs)))
    n, m = [a.shape[i] for i in rows], [b.shape[i] for i in columns]
    left = a.transpose([*rows, *ours]).reshape(prod(n), prod(a.shape[i] for i in ours))
    right = b.transpose([*theirs, *columns]).reshape(prod(b.shape[i] for i in theirs), prod(m))
    return apply(MatMul(), *operands(left, right)).reshape([*n, *m])


def dot(a, b) -> Tensor:
    """The sum of products along the last axis of a and the last but one of b, as NumPy's dot; of vectors one number.
    (..., k) and (..., k, m) -> (..., ..., m)"""
    a, b = as_tensors([a, b])
    return tensordot(a, b, (-1, max(-2, -b.ndim))) if a.ndim and b.ndim else a * b


def inner(a, b) -> Tensor:
    """The sum of products along the last axes.  (n, k) and (m, k) -> (n, m)"""
    a, b = as_tensors([a, b])
    return tensordot(a, b, (-1, -1)) if a.ndim and b.ndim else a * b


def outer(a, b) -> Tensor:
    """Every number of a times every number of b: a table, also of what is no vector, as in NumPy."""
    a, b = as_tensors([a, b])
    return a.reshape(-1, 1) * b.reshape(-1)


def cross(a, b, axis: Any = None, *, dim=None) -> Tensor:
    """The cross product of vectors of three numbers along an axis, by default the last: at right angles to both."""
    a, b = as_tensors([a, b])
    axis = -1 if axis is None and dim is None else one_of(axis, dim)
    if [x.shape[axis] if x.ndim else 1 for x in (a, b)] != [3, 3]:
        raise ShapeError(f"cross takes vectors of 3 numbers along axis {axis}: got shapes {a.shape} and {b.shape}.")
    return a.roll(-1, axis) * b.roll(-2, axis) - a.roll(-2, axis) * b.roll(-1, axis)


Tensor.dot, Tensor.inner, Tensor.outer = dot, inner, outer
