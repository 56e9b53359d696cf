"""Reductions over all axes, one or several. `axis` and `keepdims` as in NumPy, or `dim` and `keepdim` as in PyTorch.
As there, 0 and -1 are axes also of a single number. Sums of float16 are computed in float32."""

from typing import Any

import numpy as np

from .careful import narrow, only, wide
from .op import Op


def one_of(axis, dim) -> Any:
    """The axes, or None for all, from NumPy's name and PyTorch's, of which one may be given."""
    if axis is not None and dim is not None:
        raise TypeError(f"axis and dim are two names of one thing: got axis={axis!r} and dim={dim!r}.")
    axis = dim if axis is None else axis
    several = tuple(axis) if isinstance(axis, (list, tuple)) else (axis,)
    if axis is not None and not all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in several):
        raise TypeError(f"axis must be a whole number, or a tuple of them: got {axis!r}.")
    return several if isinstance(axis, (list, tuple)) else axis


class _Reduction(Op):
    def __init__(self, axis=None, keepdims=False, *, dim=None, keepdim=False) -> None:
        self.axis, self.keepdims = one_of(axis, dim), keepdims or keepdim

    def reduce(self, ufunc, x, out=None, **options) -> Any:
        """What `ufunc`, such as np.add, makes of all numbers that go into one result."""
        y = ufunc.reduce(x, axis=self.axis, keepdims=self.keepdims, out=out, **options)
        self.shape, self.n = x.shape, x.size // max(y.size, 1)
        return y

    def total(self, x, out=None) -> np.ndarray:
        """The sum; of float16 in float32."""
        return self.reduce(np.add, x, dtype=np.float32) if x.dtype == np.float16 else self.reduce(np.add, x, out)

    def spread(self, y) -> np.ndarray:
        """An array of the output's shape, seen in the shape of the input: each value stands wherever it came from."""
        if self.axis is not None and not self.keepdims and self.shape:
            y = np.expand_dims(y, self.axis)
        return np.broadcast_to(y, self.shape)


class Sum(_Reduction):
    """y = sum of x,  dL/dx = dL/dy at every place that was summed.  (..., n, ...) -> (..., ...)"""

    flops = (1, 0)

    def forward(self, x) -> np.ndarray:
        return narrow(self.total(x, out=self.y), x, out=self.y)

    def backward(self, dy) -> np.ndarray:
        return self.spread(dy)


class Mean(_Reduction):
    """y = sum of x / n,  dL/dx = dL/dy / n.  (..., n, ...) -> (..., ...)"""

    flops = (1, 0)

    def forward(self, x) -> np.ndarray:
        y = np.divide(self.total(x), self.n or np.nan, out=self.y)  # the mean of nothing
        return narrow(y, x)

    def backward(self, dy) -> np.ndarray:
        return self.spread(wide(dy) / self.n)


class _Extreme(_Reduction):
    choose: Any  # a ufunc

    def forward(self, x) -> np.ndarray:
        self.x = x
        return self.reduce(self.choose, x, out=self.y)

    def backward(self, dy) -> np.ndarray:
        chosen = (self.x == self.spread(self.y)) | np.isnan(self.x)  # where there is NaN, y is NaN
        dy = wide(dy)
        return only(chosen, self.spread(dy / self.reduce(np.add, chosen, dtype=dy.dtype)))


class Max(_Extreme):
    """y = largest x; dL/dy goes to the largest, in equal shares if there are several.  (..., n, ...) -> (..., ...)
    NB: PyTorch's max(dim) returns indices too; they are `argmax`."""

    choose = np.maximum
    flops = (1, 3)


class Min(_Extreme):
    """y = smallest x; dL/dy goes to the smallest, in equal shares if there are several.  (..., n, ...) -> (..., ...)
    NB: PyTorch's min(dim) returns indices too."""

    choose = np.minimum
    flops = (1, 3)


class Var(_Reduction):
    """y = sum of d^2 / (n - ddof), d = x - mean(x);  dL/dx = dL/dy 2 d / (n - ddof).  (..., n, ...) -> (..., ...)
    NaN unless n > ddof.   NB: PyTorch divides by n - 1, that is ddof=1."""

    flops = (4, 1)

    def __init__(self, axis=None, keepdims=False, ddof=0, *, dim=None, keepdim=False) -> None:
        super().__init__(axis, keepdims, dim=dim, keepdim=keepdim)
        self.ddof = ddof

    def forward(self, x) -> np.ndarray:
        total = self.total(x)
        d = wide(x) - self.spread(total / (self.n or np.nan))
        self.d = d - self.spread(
            self.reduce(np.add, d) / (self.n or np.nan)
        )  # the mean was rounded; now 0 if all are equal
        self.left = self.n - self.ddof if self.n > self.ddof else np.nan
        return narrow(np.divide(self.reduce(np.add, self.d * self.d), self.left, out=self.y), x)

    def backward(self, dy) -> np.ndarray:
        return self.spread(wide(dy) * (2 / self.left)) * self.d


class Std(Var):
    """y = sqrt(var(x)),  dL/dx = dL/dy d / ((n - ddof) y) with d = x - mean(x), and 0 where y = 0.
    (..., n, ...) -> (..., ...)   NB: PyTorch divides by n - 1, that is ddof=1."""

    flops = (4, 1)

    def forward(self, x) -> np.ndarray:
        return np.sqrt(super().forward(x), out=self.y)

    def backward(self, dy) -> np.ndarray:
        y = wide(self.y)
        share = only(y != 0, wide(dy) / (np.where(y == 0, 1, y) * self.left))
        return self.spread(share) * self.d


class Norm(_Reduction):
    """y = sqrt(sum of x^2), with ord=1 sum of |x|, with ord=inf largest |x|;  dL/dx = dL/dy x / y, dL/dy sign(x), dL/dy
    sign(x) shared by the largest.  (..., n, ...) -> (..., ...).  It is 0 where x = 0, whatever dL/dy is, so that a norm
    of zeros has gradient 0. Squares neither overflow nor vanish.   NB: always the norm of vectors: as in PyTorch's
    vector_norm, a matrix counts as one long vector unless an axis is given."""

    whole = np.float32
    flops = (4, 1)

    def __init__(self, ord: float = 2, axis=None, keepdims=False, *, dim=None, keepdim=False) -> None:
        if isinstance(ord, (str, tuple, list)) or ord not in (1, 2, np.inf):
            raise ValueError(
                f"norm takes ord=1, 2 or inf: got {ord!r}; (x.abs() ** p).sum() ** (1 / p) is another one."
            )
        super().__init__(axis, keepdims, dim=dim, keepdim=keepdim)
        self.ord = ord

    def forward(self, x) -> np.ndarray:
        half, x = x, wide(x)
        size = np.abs(x)
        if self.ord == 1:
            y, self.slope = self.reduce(np.add, size, out=None), np.sign(x)
        else:
            y = top = self.reduce(np.maximum, size, initial=0)
            largest = size == self.spread(top)
            if self.ord == 2:
                unit = x / self.spread(np.where(top == 0, 1, top))
                infinite = np.isinf(self.spread(top))
                unit = np.where(infinite, np.copysign(largest, x), unit) if infinite.any() else unit
                length = np.sqrt(self.reduce(np.add, unit * unit))
                y, self.slope = top * length, unit / self.spread(np.where(length == 0, 1, length))
            else:
                self.slope = only(largest, np.sign(x) / self.spread(self.reduce(np.add, largest, dtype=x.dtype)))
        y = narrow(np.asarray(y), half)
        return y if self.y is None else np.positive(y, out=self.y)

    def backward(self, dy) -> np.ndarray:
        return only(self.slope != 0, self.spread(wide(dy)) * self.slope)
