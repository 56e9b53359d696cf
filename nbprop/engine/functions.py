"""Functions of several tensors. Everything that has one main tensor is a method of Tensor."""

import numpy as np

from ..checks import size
from . import elementwise, reduce, shape
from .tensor import Tensor, apply, operands, raw


def one_hot(classes, num_classes=-1) -> Tensor:
    """Class numbers (...,) as rows (..., num_classes) of 0 with one 1, int64 as in PyTorch. -1: up to the largest."""
    classes = np.asarray(raw(classes))
    if classes.dtype.kind not in "iu":
        raise TypeError(f"one_hot expects integers: got {classes.dtype}; try .astype(int).")
    count = int(classes.max(initial=-1)) + 1 if num_classes == -1 else size("num_classes", num_classes)
    if classes.size and not 0 <= classes.min() <= classes.max() < count:
        raise IndexError(
            f"one_hot expects class numbers from 0 to {count - 1}: got {classes.min()} to {classes.max()}."
        )
    return Tensor((classes[..., None] == np.arange(count)).astype(np.int64))


def pad(x, widths, value=0.0) -> Tensor:
    """Put a border of one value around x. `widths`: (before, after) for each axis, as in NumPy."""
    return apply(shape.Pad(widths, value), x)


def where(condition, a, b) -> Tensor:
    """a where the condition holds, else b. The condition is an array of bool (or a Tensor of bool). A lone number has
    the dtype of the other one, if it is one of its numbers; two are float32, as in a list."""
    condition = np.asarray(raw(condition))
    if condition.dtype != bool:
        raise TypeError(f"where expects a condition of dtype bool: got {condition.dtype}; try condition > 0.")
    a, b = (x if isinstance(x, Tensor) or np.ndim(x) else np.asarray(x).item() for x in (a, b))
    a, b = operands(_beside(a, b), _beside(b, a))
    return apply(elementwise.Where(), Tensor(condition), a, b)


def _beside(x, other):
    """A lone number as it is, but an array where the other is one too, or holds whole numbers that it fits among."""
    kind = np.asarray(raw(other)).dtype
    if isinstance(x, (int, float)) and isinstance(other, (int, float)):
        return np.float32(x)
    whole = isinstance(x, int) and (kind.kind in "iu" or (kind.kind == "b" and x in (0, 1)))
    return np.asarray(x, kind) if whole else x


def vector_norm(x, ord: float = 2, axis=None, keepdims=False) -> Tensor:
    """The length of x as one vector, or of the vectors along an axis: `x.norm`, see there."""
    return apply(reduce.Norm(ord, axis, keepdims), x)


def maximum(a, b) -> Tensor:
    """The larger of two, element by element."""
    return apply(elementwise.Maximum(), *operands(a, b))


def minimum(a, b) -> Tensor:
    """The smaller of two, element by element."""
    return apply(elementwise.Minimum(), *operands(a, b))
