"""Reductions over all axes, one or several. `axis` and `keepdims` as in NumPy, or `dim` and `keepdim` as in PyTorch."""

import numpy as np

from .op import Op


class _Reduction(Op):
    def __init__(self, axis=None, keepdims=False, *, dim=None, keepdim=False):
        axis = dim if axis is None else axis
        self.axis, self.keepdims = tuple(axis) if isinstance(axis, list) else axis, keepdims or keepdim

    def reduce(self, ufunc, x, out=None):
        """What `ufunc`, such as np.add, makes of all numbers that go into one result."""
        y = ufunc.reduce(x, axis=self.axis, keepdims=self.keepdims, out=out)
        self.shape, self.n = x.shape, x.size // max(y.size, 1)
        return y

    def spread(self, y):
        """An array of the output's shape, seen in the shape of the input: each value stands wherever it came from."""
        if self.axis is not None and not self.keepdims:
            y = np.expand_dims(y, self.axis)
        return np.broadcast_to(y, self.shape)


class Sum(_Reduction):
    """y = sum of x,  dL/dx = dL/dy at every place that was summed.  (..., n, ...) -> (..., ...)"""

    def forward(self, x):
        return self.reduce(np.add, x, out=self.y)

    def backward(self, dy):
        return self.spread(dy)


class Mean(_Reduction):
    """y = sum of x / n,  dL/dx = dL/dy / n.  (..., n, ...) -> (..., ...)"""

    def forward(self, x):
        return np.divide(self.reduce(np.add, x), self.n, out=self.y)

    def backward(self, dy):
        return self.spread(dy / self.n)


class _Extreme(_Reduction):
    def forward(self, x):
        self.x = x
        return self.reduce(self.choose, x, out=self.y)

    def backward(self, dy):
        chosen = self.x == self.spread(self.y)
        return chosen * self.spread(dy / self.reduce(np.add, chosen.astype(dy.dtype)))


class Max(_Extreme):
    """y = largest x; dL/dy goes to the largest, in equal shares if there are several.  (..., n, ...) -> (..., ...)
    NB: PyTorch's max(dim) returns indices too; they are `argmax`."""

    choose = np.maximum


class Min(_Extreme):
    """y = smallest x; dL/dy goes to the smallest, in equal shares if there are several.  (..., n, ...) -> (..., ...)
    NB: PyTorch's min(dim) returns indices too."""

    choose = np.minimum


class Var(_Reduction):
    """y = sum of d^2 / (n - ddof), d = x - mean(x);  dL/dx = dL/dy 2 d / (n - ddof).  (..., n, ...) -> (..., ...)
    NB: PyTorch divides by n - 1, that is ddof=1."""

    def __init__(self, axis=None, keepdims=False, ddof=0, *, dim=None, keepdim=False):
        super().__init__(axis, keepdims, dim=dim, keepdim=keepdim)
        self.ddof = ddof

    def forward(self, x):
        self.d = x - self.spread(self.reduce(np.add, x) / self.n)
        return np.divide(self.reduce(np.add, self.d * self.d), self.n - self.ddof, out=self.y)

    def backward(self, dy):
        return self.spread(dy * (2 / (self.n - self.ddof))) * self.d


class Std(Var):
    """y = sqrt(var(x)),  dL/dx = dL/dy d / ((n - ddof) y) with d = x - mean(x), and 0 where y = 0.
    (..., n, ...) -> (..., ...)   NB: PyTorch divides by n - 1, that is ddof=1."""

    def forward(self, x):
        return np.sqrt(super().forward(x), out=self.y)

    def backward(self, dy):
        y = np.where(self.y == 0, 1, self.y)  # d is 0 there
        return self.spread(dy / (y * (self.n - self.ddof))) * self.d
