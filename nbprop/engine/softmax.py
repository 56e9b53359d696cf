"""Softmax and its logarithms, along one axis. The largest value is taken off first, so that nothing overflows."""

import numpy as np

from .op import Op
from .reduce import _Reduction


class _AlongAxis(Op):
    def __init__(self, axis=-1, *, dim=None):
        self.axis = axis if dim is None else dim

    def reduce(self, ufunc, x):
        return ufunc.reduce(x, axis=self.axis, keepdims=True)


class Softmax(_AlongAxis):
    """y = e^x / sum of e^x,  dL/dx = y (dL/dy - sum of dL/dy y).  Sums along one axis, any shape."""

    def forward(self, x):
        y = np.subtract(x, self.reduce(np.maximum, x), out=self.y)
        y = np.exp(y, out=self.y)
        return np.divide(y, self.reduce(np.add, y), out=self.y)

    def backward(self, dy):
        return np.multiply(self.y, dy - self.reduce(np.add, dy * self.y), out=self.into[0])


class LogSoftmax(_AlongAxis):
    """y = x - ln(sum of e^x),  dL/dx = dL/dy - e^y sum of dL/dy.  Sums along one axis, any shape."""

    def forward(self, x):
        y = np.subtract(x, self.reduce(np.maximum, x), out=self.y)
        return np.subtract(y, np.log(self.reduce(np.add, np.exp(y))), out=self.y)

    def backward(self, dy):
        return np.subtract(dy, np.exp(self.y) * self.reduce(np.add, dy), out=self.into[0])


class LogSumExp(_Reduction):
    """y = ln(sum of e^x),  dL/dx = dL/dy e^(x - y).  (..., n, ...) -> (..., ...).  -inf stands for an impossible case:
    it adds nothing, and where there is nothing else y is -inf and the gradient 0."""

    def forward(self, x):
        self.x, top = x, self.reduce(np.maximum, x)
        top = np.where(np.isinf(top), 0, top)
        with np.errstate(divide="ignore"):
            return np.add(np.log(self.reduce(np.add, np.exp(x - self.spread(top)))), top, out=self.y)

    def backward(self, dy):
        y = np.where(np.isinf(self.y), 0, self.y)
        return self.spread(dy) * np.exp(self.x - self.spread(y))
