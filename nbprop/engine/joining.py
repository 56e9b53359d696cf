"""Tensors joined, and what is made of several of them."""

import numpy as np

from ..checks import choice
from .reduce import one_of
from .shape import Concatenate, Stack
from .tensor import Tensor, apply, as_tensors


def concatenate(tensors, axis=None, *, dim=None) -> Tensor:
    """Join tensors along an axis that they have, by default the first; `cat` is the same."""
    return apply(Concatenate(one_of(axis, dim) or 0), *tensors)


def stack(tensors, axis=None, *, dim=None) -> Tensor:
    """Join tensors of one shape along a new axis, by default the first."""
    return apply(Stack(one_of(axis, dim) or 0), *tensors)


cat, split = concatenate, Tensor.split


def vstack(tensors) -> Tensor:
    """Join tensors along the first axis; one of shape (n,) counts as (1, n)."""
    return concatenate(_filled_up(np.atleast_2d, tensors))


def hstack(tensors) -> Tensor:
    """Join tensors along the second axis; those of one axis along that."""
    tensors = _filled_up(np.atleast_1d, tensors)
    return concatenate(tensors, int(any(x.ndim > 1 for x in tensors)))


def dstack(tensors) -> Tensor:
    """Join tensors along the third axis; (n,) counts as (1, n, 1), (n, m) as (n, m, 1)."""
    return concatenate(_filled_up(np.atleast_3d, tensors), 2)


def _filled_up(function, tensors):
    shapes = [(x, function(x.data).shape) for x in as_tensors(tensors)]
    return [x if x.shape == shape else x.reshape(shape) for x, shape in shapes]


def meshgrid(*tensors, indexing="xy") -> list[Tensor]:
    """Tensors of one axis each as coordinates of all points of their grid: of shape (n2, n1, n3, ...), as in NumPy, or,
    with indexing="ij", (n1, n2, ...).  NB: "ij" is what PyTorch does if nothing is said."""
    choice("xy", "ij")("indexing", indexing)
    tensors, n = as_tensors(tensors), len(tensors)
    shape = [x.size for x in tensors]
    grid = [x.reshape([-1 if i == k else 1 for i in range(n)]).broadcast_to(shape) for k, x in enumerate(tensors)]
    return [x.swapaxes(0, 1) for x in grid] if indexing == "xy" and n > 1 else grid
