"""Softmax and its logarithms, along one axis or over several. The largest value is taken off first, so that nothing
overflows. -inf stands for an impossible case: it adds nothing. Sums of float16 are computed in float32."""

from typing import Any

import numpy as np

from .careful import narrow, wide
from .op import UNSET, Op
from .reduce import _Reduction, one_of


class _AlongAxis(Op):
    whole = np.float32
    wide_y = UNSET  # y, but float32 where y is float16

    def __init__(self, axis=None, *, dim=None) -> None:
        axis = one_of(axis, dim)
        self.axis = -1 if axis is None else axis

    def reduce(self, ufunc, x, **options) -> Any:
        return ufunc.reduce(x, axis=self.axis, keepdims=True, **options)

    def below_top(self, x) -> np.ndarray:
        """x - largest x, in the memory of y."""
        x = wide(x)
        return np.asarray(np.subtract(x, self.reduce(np.maximum, x, initial=-np.inf), out=self.wide_y))


class Softmax(_AlongAxis):
    """y = e^x / sum of e^x,  dL/dx = y (dL/dy - sum of dL/dy y).  Sums along the axis, or over several; any shape."""

    flops = (5, 4)

    def forward(self, x) -> np.ndarray:
        y = self.wide_y = self.below_top(x)
        np.exp(y, out=y)
        np.divide(y, self.reduce(np.add, y), out=y)
        return narrow(y, x, out=self.y)

    def backward(self, dy) -> np.ndarray:
        dy, y = wide(dy), self.wide_y
        return np.multiply(y, dy - self.reduce(np.add, dy * y), out=self.into[0])


class LogSoftmax(_AlongAxis):
    """y = x - ln(sum of e^x),  dL/dx = dL/dy - e^y sum of dL/dy.  Sums along the axis, or over several; any shape."""

    flops = (5, 4)

    def forward(self, x) -> np.ndarray:
        y = self.wide_y = self.below_top(x)
        if y.size:
            np.subtract(y, np.log(self.reduce(np.add, np.exp(y))), out=y)
        return narrow(y, x, out=self.y)

    def backward(self, dy) -> np.ndarray:
        dy = wide(dy)
        return np.subtract(dy, np.exp(self.wide_y) * self.reduce(np.add, dy), out=self.into[0])


class LogSumExp(_Reduction):
    """y = ln(sum of e^x),  dL/dx = dL/dy e^(x - y).  (..., n, ...) -> (..., ...).  Where all x are -inf (or there are
    none) y is -inf and the gradient 0; where an x is inf, y is inf and the gradient goes to it."""

    whole = np.float32
    flops = (4, 3)

    def forward(self, x) -> np.ndarray:
        self.x = wide(x)
        top = self.reduce(np.maximum, self.x, initial=-np.inf)
        top = np.where(np.isinf(top), 0, top)
        with np.errstate(divide="ignore"):
            self.wide_y = np.log(self.reduce(np.add, np.exp(self.x - self.spread(top)))) + top
        return narrow(self.wide_y, x) if self.y is None else np.positive(self.wide_y, out=self.y, casting="same_kind")

    def backward(self, dy) -> np.ndarray:
        infinite = np.isinf(self.wide_y)
        shares = np.exp(self.x - self.spread(np.where(infinite, 0, self.wide_y)))
        if infinite.any():
            largest = self.x == np.inf
            count = np.maximum(self.reduce(np.add, largest, dtype=self.x.dtype), 1)
            shares = np.where(self.spread(infinite), largest / self.spread(count), shares)
        return self.spread(wide(dy)) * shares
