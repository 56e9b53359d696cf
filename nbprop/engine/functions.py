"""Functions of several tensors. Everything that has one main tensor is a method of Tensor."""

from itertools import accumulate, pairwise

import numpy as np

from . import elementwise, shape
from .tensor import Tensor, apply, operands, raw


def concatenate(tensors, axis=0):
    """Join tensors along an axis that they have."""
    return apply(shape.Concatenate(axis), *tensors)


def stack(tensors, axis=0):
    """Join tensors of one shape along a new axis."""
    return apply(shape.Stack(axis), *tensors)


def split(x, sizes, axis=0):
    """Cut x along an axis: a list of views. `sizes`: a list, or the size of every piece (the last may be smaller).

    NB: as in PyTorch; NumPy's split takes the number of pieces.
    """
    n = x.shape[axis]
    sizes = [min(sizes, n - start) for start in range(0, n, sizes)] if isinstance(sizes, int) else list(sizes)
    if sum(sizes) != n:
        raise ValueError(f"split expects sizes that add up to {n}, the size of axis {axis}: got {sizes}.")
    before = (slice(None),) * (axis % x.ndim)
    return [x[(*before, slice(start, end))] for start, end in pairwise(accumulate(sizes, initial=0))]


def pad(x, widths, value=0.0):
    """Put a border of one value around x. `widths`: (before, after) for each axis, as in NumPy."""
    return apply(shape.Pad(widths, value), x)


def where(condition, a, b):
    """a where the condition holds, else b. The condition is an array of bool (or a Tensor of bool)."""
    condition = np.asarray(raw(condition))
    if condition.dtype != bool:
        raise TypeError(f"where expects a condition of dtype bool: got {condition.dtype}; try condition > 0.")
    return apply(elementwise.Where(), Tensor(condition), *operands(a, b))


def maximum(a, b):
    """The larger of two, element by element."""
    return apply(elementwise.Maximum(), *operands(a, b))


def minimum(a, b):
    """The smaller of two, element by element."""
    return apply(elementwise.Minimum(), *operands(a, b))
