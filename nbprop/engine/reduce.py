"""Reductions over all axes, one or several. `axis` and `keepdims` as in NumPy, or `dim` and `keepdim` as in PyTorch.
As there, 0 and -1 are axes also of a single number. Sums of float16 are computed in float32."""

from numbers import Real
from typing import Any
from warnings import warn

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..checks import number
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

    def total(self, x, out=None, ufunc=np.add) -> np.ndarray:
        """The sum, or product; of float16 in float32."""
        return self.reduce(ufunc, x, dtype=np.float32) if x.dtype == np.float16 else self.reduce(ufunc, x, out)

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


def before(x) -> np.ndarray:
    """The product of all that stand before each, along the last axis."""
    y = np.ones_like(x)
    np.multiply.accumulate(x[..., :-1], axis=-1, out=y[..., 1:])
    return y


class Prod(_Reduction):
    """y = product of x,  dL/dx = dL/dy times the product of all others: nothing is divided, so there may be zeros.
    (..., n, ...) -> (..., ...)"""

    whole = np.int64
    flops = (1, 4)

    def forward(self, x) -> np.ndarray:
        self.x = x
        return narrow(self.total(x, self.y, np.multiply), x, out=self.y)

    def backward(self, dy) -> np.ndarray:
        x = wide(self.x)
        axes = normalize_axis_tuple(range(x.ndim) if self.axis is None or not x.ndim else self.axis, x.ndim)
        order = [*(i for i in range(x.ndim) if i not in axes), *axes]
        x = x.transpose(order)
        rows = x.reshape(*x.shape[: x.ndim - len(axes)], self.n)
        others = before(rows) * before(rows[..., ::-1])[..., ::-1]
        others = others.reshape(x.shape).transpose(np.argsort(order))
        return only(others != 0, self.spread(wide(dy)) * others)


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
    As in PyTorch, x.max(dim=1) is (values, indices); with axis=1, or 1 alone, it is the values, as in NumPy.
    NB: PyTorch's max(dim) gives the gradient to the one whose index it gives, its amax shares it."""

    choose = np.maximum
    flops = (1, 3)


class Min(_Extreme):
    """y = smallest x; dL/dy goes to the smallest, in equal shares if there are several.  (..., n, ...) -> (..., ...)
    With dim= it is (values, indices), see Max."""

    choose = np.minimum
    flops = (1, 3)


class Var(_Reduction):
    """y = sum of d^2 / (n - ddof), d = x - mean(x);  dL/dx = dL/dy 2 d / (n - ddof).  (..., n, ...) -> (..., ...)
    Unless n > ddof it warns, as NumPy does, and is NaN, or inf where x differ; dL/dx is NaN then.
    NB: PyTorch divides by n - 1, that is ddof=1, or correction=1, as it is called there. All but the axis is said by
    name, for what comes second is another thing in NumPy, and in PyTorch."""

    flops = (4, 1)

    def __init__(
        self, axis=None, *, keepdims=False, ddof=0, dim=None, keepdim=False, correction=None, unbiased=False
    ) -> None:
        super().__init__(axis, keepdims, dim=dim, keepdim=keepdim)
        self.ddof = ddof if correction is None else correction
        number()("ddof", self.ddof)
        self.ddof += bool(unbiased)

    def forward(self, x) -> np.ndarray:
        total = self.total(x)
        d = wide(x) - self.spread(total / (self.n or np.nan))
        self.d = d - self.spread(
            self.reduce(np.add, d) / (self.n or np.nan)
        )  # the mean was rounded; now 0 if all are equal
        left = max(self.n - self.ddof, 0)
        if not left:
            warn(f"{self.name} divides by n - ddof, and nothing is left of {self.n} - {self.ddof}.", RuntimeWarning, 2)
        self.left = left or np.nan  # no slope
        with np.errstate(divide="ignore", invalid="ignore"):
            return narrow(np.divide(self.reduce(np.add, self.d * self.d), left, out=self.y), x)

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
    """y = (sum of |x|^p)^(1/p) for a number ord=p, by default 2, and its limits: the largest |x| for inf, the smallest
    for -inf, how many are not 0 for 0;  dL/dx = dL/dy sign(x) (|x|/y)^(p-1), shared by the largest or smallest.
    (..., n, ...) -> (..., ...).  It is 0 where x = 0, whatever dL/dy is, so that a norm of zeros has gradient 0. Powers
    neither overflow nor vanish.   NB: always the norm of vectors: as in PyTorch's vector_norm, a matrix counts as one
    long vector unless an axis is given. `p=` is PyTorch's name for ord, "fro" for 2."""

    whole = np.float32
    flops = (4, 1)

    def __init__(self, ord: Any = 2, axis=None, keepdims=False, *, p=None, dim=None, keepdim=False) -> None:
        p = 2 if "fro" in (ord, p) else ord if p is None else p
        if not isinstance(p, Real) or p != p:
            raise ValueError(f"norm takes a number as ord, such as 1, 2, 0.5 or inf, or 'fro': got {p!r}.")
        self.ord = float(p)
        super().__init__(axis, keepdims, dim=dim, keepdim=keepdim)

    def forward(self, x) -> np.ndarray:
        half, x, p = x, wide(x), self.ord
        if p < 0 and not x.size:
            raise ValueError(f"of no numbers there is no norm with ord {p:g}, which looks for the smallest")
        size = np.abs(x)
        if p in (0, 1):
            y, slope = self.reduce(np.add, size if p else size != 0, dtype=x.dtype), p * np.sign(size)
        else:
            y = top = self.reduce(np.minimum, size) if p < 0 else self.reduce(np.maximum, size, initial=0)
            chosen = size == self.spread(top)
            with np.errstate(divide="ignore", invalid="ignore"):  # by a top of 0 or inf
                if np.isinf(p):
                    slope = chosen / self.spread(self.reduce(np.add, chosen, dtype=x.dtype))
                else:
                    unit = np.where(chosen, 1, size / self.spread(top))
                    total = self.reduce(np.add, unit * unit if p == 2 else unit**p)
                    length = np.sqrt(total) if p == 2 else total ** (1 / p)
                    y, unit = top * length, unit / self.spread(length)
                    slope = unit if p == 2 else unit ** (p - 1)
        self.slope = only(size != 0, np.copysign(slope, x))
        y = narrow(np.asarray(y), half)
        return y if self.y is None else np.positive(y, out=self.y)

    def backward(self, dy) -> np.ndarray:
        return only(self.slope != 0, self.spread(wide(dy)) * self.slope)
