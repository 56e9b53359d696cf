"""Softmax and its logarithms, along one axis. The largest value is taken off first, so that nothing overflows."""

import numpy as np

from .op import Op
from .reduce import _Reduction


class Softmax(Op):
    """y = e^x / sum of e^x,  dL/dx = y (dL/dy - sum of dL/dy y).  Sums along one axis, any shape."""

    def __init__(self, axis=-1):
        self.axis = axis

    def forward(self, x):
        self.y = np.subtract(x, np.maximum.reduce(x, axis=self.axis, keepdims=True), out=self.y)
        np.exp(self.y, out=self.y)
        self.y /= np.add.reduce(self.y, axis=self.axis, keepdims=True)
        return self.y

    def backward(self, dy):
        dx = np.multiply(dy, self.y, out=self.into[0])
        dx = np.subtract(dy, np.add.reduce(dx, axis=self.axis, keepdims=True), out=self.into[0])
        return np.multiply(dx, self.y, out=self.into[0])


class LogSoftmax(Op):
    """y = x - ln(sum of e^x),  dL/dx = dL/dy - e^y sum of dL/dy.  Sums along one axis, any shape."""

    def __init__(self, axis=-1):
        self.axis = axis

    def forward(self, x):
        self.y = np.subtract(x, np.maximum.reduce(x, axis=self.axis, keepdims=True), out=self.y)
        self.y -= np.log(np.add.reduce(np.exp(self.y), axis=self.axis, keepdims=True))
        return self.y

    def backward(self, dy):
        dx = np.multiply(np.exp(self.y), np.add.reduce(dy, axis=self.axis, keepdims=True), out=self.into[0])
        return np.subtract(dy, dx, out=self.into[0])


class LogSumExp(_Reduction):
    """y = ln(sum of e^x),  dL/dx = dL/dy e^(x - y).  (..., n, ...) -> (..., ...).  -inf stands for an impossible case:
    it adds nothing, and where there is nothing else y is -inf and the gradient 0."""

    def forward(self, x):
        self.x, self.shape = x, x.shape
        top = np.maximum.reduce(x, axis=self.axis, keepdims=True)
        top = np.where(np.isinf(top), 0, top)
        sums = np.add.reduce(np.exp(x - top), axis=self.axis, keepdims=self.keepdims)
        with np.errstate(divide="ignore"):
            self.y = np.add(np.log(sums), top.reshape(np.shape(sums)), out=self.y)
        return self.y

    def backward(self, dy):
        y = np.where(np.isinf(self.y), 0, self.y)
        return self.spread(dy) * np.exp(self.x - self.spread(y))
