"""Layers with weights, and layers that change shapes."""

from math import prod
from typing import Any

import numpy as np

from ..checks import flag, size, whole, wrong
from ..engine import ShapeError, Tensor, apply
from ..engine.matmul import Linear as LinearOp
from .init import weights
from .module import Module, Parameter, as_input, as_tensor

MOST = 63  # axes that NumPy has


class Linear(Module):
    """y = x W^T + b: x (..., in_features) -> y (..., out_features).

    Args:
        in_features, out_features: integers >= 1.
        bias: whether b is added.
        init: name or function for the weight, see `nn.init`; the bias starts at zero. NB: PyTorch uses "standard" and
            a bias of the same kind.
        rng: NumPy generator or seed; None draws other numbers each time.
        dtype: float32 or float64.
    Attributes: weight (out_features, in_features), bias (out_features,) or None.
    """

    def __init__(
        self, in_features, out_features, bias=True, init: Any = "xavier", rng: Any = None, dtype=np.float32
    ) -> None:
        self.in_features = size("in_features", in_features)
        self.out_features = size("out_features", out_features)
        self.weight = Parameter(weights(init, rng, self.in_features, self.out_features, dtype))
        self.bias = Parameter(np.zeros(self.out_features, dtype)) if flag("bias", bias) else None

    def forward(self, x) -> Tensor:
        weight, bias = self.weight, self.bias
        x = as_input(x, weight.dtype)
        if x.shape[-1:] != (self.in_features,):
            raise ShapeError(self._mismatch(x.shape))
        return apply(LinearOp(), x, weight) if bias is None else apply(LinearOp(), x, weight, bias)

    def _mismatch(self, shape):
        got = f"{shape[-1]} (input of shape {shape})" if shape else "a single number"
        if len(shape) == 2 and shape[0] == self.in_features:
            hint = "Samples go in rows: transpose the input"
        elif self.in_features == 1 and shape:
            hint = "For one feature per sample reshape the input to (samples, 1)"
        elif shape:
            hint = f"Build the layer as Linear({shape[-1]}, {self.out_features}), or change the input"
        else:
            hint = f"Give an array of shape (samples, {self.in_features})"
        return f"{self!r} expected {self.in_features} features (last axis), got {got}. {hint}"

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Flatten(Module):
    """All axes but the first become one: (n, ...) -> (n, features)."""

    def forward(self, x) -> Tensor:
        return as_tensor(x).flatten(start_dim=1)


class Unflatten(Module):
    """One axis becomes several, as `Flatten` joined them: with Unflatten(1, (8, 3, 3)) (n, 72) -> (n, 8, 3, 3).

    dim: the axis. unflattened_size: their sizes; one may be -1, whatever is left.
    """

    shown = ("dim", "unflattened_size")

    def __init__(self, dim, unflattened_size) -> None:
        self.dim, sizes = whole(-MOST, MOST)("dim", dim), unflattened_size
        if not isinstance(sizes, (tuple, list)) or list(sizes).count(-1) > 1 or not sizes:
            raise ValueError(wrong("unflattened_size", "a tuple of integers, at most one of them -1", sizes))
        self.unflattened_size = tuple(n if n == -1 else size("unflattened_size", n) for n in sizes)

    def forward(self, x) -> Tensor:
        x = as_tensor(x)
        if not -x.ndim <= self.dim < x.ndim:
            raise ShapeError(f"{self!r} cuts axis {self.dim}, which shape {x.shape} does not have")
        axis = self.dim % x.ndim
        n, known = x.shape[axis], prod(each for each in self.unflattened_size if each != -1)
        if n % known if -1 in self.unflattened_size else n != known:
            raise ShapeError(f"{self!r} cannot cut axis {self.dim} of shape {x.shape} into these sizes")
        sizes = (n // known if each == -1 else each for each in self.unflattened_size)
        return x.reshape(*x.shape[:axis], *sizes, *x.shape[axis + 1 :])
