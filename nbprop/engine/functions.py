"""Functions of several tensors. Everything that has one main tensor is a method of Tensor."""

from itertools import accumulate, pairwise

import numpy as np

from ..checks import size
from . import elementwise, reduce, shape
from .tensor import Tensor, apply, operands, raw


def concatenate(tensors, axis=0) -> Tensor:
    """Join tensors along an axis that they have."""
    return apply(shape.Concatenate(axis), *tensors)


def stack(tensors, axis=0) -> Tensor:
    """Join tensors of one shape along a new axis."""
    return apply(shape.Stack(axis), *tensors)


def split(x, sizes, axis=0) -> list[Tensor]:
    """Cut x along an axis: a list of views. `sizes`: a list, or the size of every piece (the last may be smaller).

    NB: as in PyTorch; NumPy's split takes the number of pieces.
    """
    n = x.shape[axis]
    if not isinstance(sizes, (list, tuple)):
        step = size("the size of a piece", sizes)
        sizes = [min(step, n - start) for start in range(0, n, step)]
    if sum(sizes) != n:
        raise ValueError(f"split expects sizes that add up to {n}, the size of axis {axis}: got {sizes}.")
    before = (slice(None),) * (axis % x.ndim)
    return [x[(*before, slice(start, end))] for start, end in pairwise(accumulate(sizes, initial=0))]


def pad(x, widths, value=0.0) -> Tensor:
    """Put a border of one value around x. `widths`: (before, after) for each axis, as in NumPy."""
    return apply(shape.Pad(widths, value), x)


def where(condition, a, b) -> Tensor:
    """a where the condition holds, else b. The condition is an array of bool (or a Tensor of bool)."""
    condition = np.asarray(raw(condition))
    if condition.dtype != bool:
        raise TypeError(f"where expects a condition of dtype bool: got {condition.dtype}; try condition > 0.")
    return apply(elementwise.Where(), Tensor(condition), *operands(a, b))


def vector_norm(x, ord: float = 2, axis=None, keepdims=False) -> Tensor:
    """The length of x as one vector, or of the vectors along an axis: `x.norm`, see there."""
    return apply(reduce.Norm(ord, axis, keepdims), x)


def maximum(a, b) -> Tensor:
    """The larger of two, element by element."""
    return apply(elementwise.Maximum(), *operands(a, b))


def minimum(a, b) -> Tensor:
    """The smaller of two, element by element."""
    return apply(elementwise.Minimum(), *operands(a, b))
