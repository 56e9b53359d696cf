"""Reductions over all axes, one axis or several. `axis` and `keepdims` as in NumPy."""

import numpy as np

from .op import Op


class _Reduction(Op):
    def __init__(self, axis=None, keepdims=False):
        self.axis = axis
        self.keepdims = keepdims

    def spread(self, y):
        """An array of the output's shape, seen in the shape of the input: each value stands wherever it came from."""
        if self.axis is not None and not self.keepdims:
            y = np.expand_dims(y, self.axis)
        return np.broadcast_to(y, self.shape)

    def count(self):
        """How many values went into each output value."""
        if self.axis is None:
            return int(np.prod(self.shape))
        axes = self.axis if isinstance(self.axis, tuple) else (self.axis,)
        return int(np.prod([self.shape[axis] for axis in axes]))


class Sum(_Reduction):
    """y = sum of x,  dL/dx = dL/dy at every place that was summed.  (..., n, ...) -> (..., ...)"""

    def forward(self, x):
        self.shape = x.shape
        self.y = np.add.reduce(x, axis=self.axis, keepdims=self.keepdims, out=self.y)
        return self.y

    def backward(self, dy):
        return self.spread(dy)


class Mean(_Reduction):
    """y = sum of x / n,  dL/dx = dL/dy / n.  (..., n, ...) -> (..., ...)"""

    def forward(self, x):
        self.shape = x.shape
        self.y = np.add.reduce(x, axis=self.axis, keepdims=self.keepdims, out=self.y)
        self.y /= self.count()
        return self.y

    def backward(self, dy):
        return self.spread(dy / self.count())


class _Extreme(_Reduction):
    def forward(self, x):
        self.x, self.shape = x, x.shape
        self.y = self.choose.reduce(x, axis=self.axis, keepdims=self.keepdims, out=self.y)
        return self.y

    def backward(self, dy):
        chosen = self.x == self.spread(self.y)
        shares = np.add.reduce(chosen, axis=self.axis, keepdims=self.keepdims, dtype=dy.dtype)
        return chosen * self.spread(dy / shares)


class Max(_Extreme):
    """y = largest x; dL/dy goes to the largest, in equal shares if there are several.  (..., n, ...) -> (..., ...)"""

    choose = np.maximum


class Min(_Extreme):
    """y = smallest x; dL/dy goes to the smallest, in equal shares if there are several.  (..., n, ...) -> (..., ...)"""

    choose = np.minimum


class _Moment(_Reduction):
    def __init__(self, axis=None, keepdims=False, ddof=0):
        super().__init__(axis, keepdims)
        self.ddof = ddof

    def forward(self, x):
        self.shape = x.shape
        self.d = x - np.add.reduce(x, axis=self.axis, keepdims=True) / self.count()  # distance from the mean
        self.y = np.add.reduce(self.d * self.d, axis=self.axis, keepdims=self.keepdims, out=self.y)
        self.y /= self.count() - self.ddof
        return self.y


class Var(_Moment):
    """y = sum of d^2 / (n - ddof), d = x - mean(x);  dL/dx = dL/dy 2 d / (n - ddof).  (..., n, ...) -> (..., ...)"""

    def backward(self, dy):
        return self.spread(dy * (2 / (self.count() - self.ddof))) * self.d


class Std(_Moment):
    """y = sqrt(var(x)),  dL/dx = dL/dy d / ((n - ddof) y) with d = x - mean(x), and 0 where y = 0.
    (..., n, ...) -> (..., ...)"""

    def forward(self, x):
        variance = super().forward(x)
        self.y = np.sqrt(variance, out=variance if isinstance(variance, np.ndarray) else None)
        return self.y

    def backward(self, dy):
        y = np.where(self.y == 0, 1, self.y)  # d is 0 there
        return self.spread(dy / (y * (self.count() - self.ddof))) * self.d
