"""Running sums and products along one axis: `axis` as in NumPy (None: of all numbers, as one row), or `dim` as in
PyTorch."""

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from .careful import narrow, only, wide
from .op import Op
from .reduce import before, one_of


def carried(dy, factor, weight) -> np.ndarray:
    """weight_i s_i with s_i = dy_i + factor_i s_(i+1), along the last axis, from its end on; the last needs no factor.
    A factor or weight of 0 lets nothing through, whatever dy is."""
    s = dy.copy()
    for i in range(s.shape[-1] - 2, -1, -1):
        s[..., i] += only(factor[..., i] != 0, factor[..., i] * s[..., i + 1])
    return only(weight != 0, weight * s)


class _Cumulative(Op):
    f: Any  # a ufunc

    def __init__(self, axis=None, *, dim=None) -> None:
        self.axis = one_of(axis, dim)
        if isinstance(self.axis, tuple):
            raise TypeError(f"{self.name.lower()} goes along one axis: got {self.axis!r}.")

    def rows(self, x) -> np.ndarray:
        """x with the axis as the last one."""
        return x.reshape(-1) if self.axis is None or not x.ndim else np.moveaxis(x, self.axis, -1)

    def back(self, rows, shape) -> np.ndarray:
        """The axis where it was."""
        return rows.reshape(shape) if self.axis is None or not shape else np.moveaxis(rows, -1, self.axis)

    def forward(self, x) -> np.ndarray:
        if self.axis is not None:
            normalize_axis_index(self.axis, max(x.ndim, 1))  # of a lone number, too
        self.shape, self.x = x.shape, self.rows(wide(x))
        self.wide_y = self.f.accumulate(self.x, axis=-1)
        y = narrow(self.back(self.wide_y, self.x.shape if self.axis is None else self.shape), x)
        return y if self.y is None else np.positive(y, out=self.y)

    def backward(self, dy) -> np.ndarray:
        return self.back(self.slope(self.rows(wide(dy))), self.shape)

    def slope(self, dy) -> Any:
        """dL/dx from dL/dy, both with the axis as the last one."""
        raise NotImplementedError(f"{self.name} has no slope")


class Cumsum(_Cumulative):
    """y_i = x_1 + ... + x_i,  dL/dx_i = dL/dy_i + dL/dy_(i+1) + ...   (..., n, ...) -> (..., n, ...)"""

    f, whole, flops = np.add, np.int64, (1, 1)

    def slope(self, dy) -> np.ndarray:
        return np.add.accumulate(dy[..., ::-1], axis=-1)[..., ::-1]


class Cumprod(_Cumulative):
    """y_i = x_1 ... x_i,  dL/dx_i = x_1 ... x_(i-1) s_i with s_i = dL/dy_i + x_(i+1) s_(i+1): nothing is divided, so
    there may be zeros.   (..., n, ...) -> (..., n, ...)"""

    f, whole, flops = np.multiply, np.int64, (1, 4)

    def slope(self, dy) -> np.ndarray:
        return carried(dy, self.x[..., 1:], before(self.x))


class LogCumSumExp(_Cumulative):
    """y_i = ln(e^x_1 + ... + e^x_i),  dL/dx_i = e^(x_i - y_i) s_i with s_i = dL/dy_i + e^(y_i - y_(i+1)) s_(i+1).
    (..., n, ...) -> (..., n, ...).  An x of -inf is an impossible case: it adds nothing, and has gradient 0; behind one
    of inf gradients are NaN."""

    f, whole, flops = np.logaddexp, np.float32, (4, 6)

    def slope(self, dy) -> np.ndarray:
        y = self.wide_y
        below = np.where(y == -np.inf, 0, y)
        return carried(dy, np.exp(y[..., :-1] - below[..., 1:]), np.exp(self.x - below))
