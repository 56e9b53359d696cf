"""Ops that take numbers from places, or put them there. A place is a whole number: it is counted along x.ravel()."""

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from .careful import narrow, only, wide
from .op import Op
from .reduce import _Reduction


def add_at(total, places, x) -> np.ndarray:
    """total with x added at the places, in place. The arrays are flat: then it is ten times as fast as by rows."""
    np.add.at(total.reshape(-1), places.ravel(), x.ravel())
    return total


def along(axis, index, shape) -> np.ndarray:
    """The places in an array of this shape that an index (of its number of axes) names along an axis."""
    grid: Any = list(np.indices(index.shape, sparse=True))
    grid[axis] = index
    return np.ravel_multi_index(grid, shape)


class Take(Op):
    """y = x.ravel()[places],  dL/dx.ravel()[places] = dL/dy, 0 elsewhere; a number taken several times gets the sum.
    x any shape, y that of the places."""

    flops = (0, 0)

    def __init__(self, places) -> None:
        self.places = places

    def forward(self, x) -> np.ndarray:
        self.shape = x.shape
        return np.take(x, self.places, out=self.y, mode="clip")  # the other modes copy first

    def backward(self, dy) -> Any:
        dy, dx = wide(dy), self.into[0]
        if dx is None or not dx.flags.c_contiguous or dx.dtype != dy.dtype:
            dx = np.empty(self.shape, dy.dtype)
        dx.fill(0)
        return add_at(dx, self.places, dy)


class Gather(Take):
    """y[i, j] = x[i, index[i, j]] where the axis is the last of two,  dL/dx[i, index[i, j]] = dL/dy[i, j], added up.
    index and y have one shape, with as many axes as x; no size is larger than that of x, but along the axis."""

    indices = (1,)
    hint = "The index needs as many axes as x, of no larger sizes but along the axis."

    def __init__(self, axis) -> None:
        self.axis = axis

    def forward(self, x, index) -> np.ndarray:
        self.places = self.find(x, index)
        return super().forward(x)

    def backward(self, dy) -> tuple[Any, ...]:
        return super().backward(dy), None

    def find(self, x, index, src=None) -> np.ndarray:
        """The places that the index names, checked."""
        if src is not None and src.shape not in ((), index.shape):
            raise ValueError("src needs the shape of the index, or to be one number")
        if index.ndim != x.ndim or not x.ndim:
            raise ValueError(f"got {index.ndim} axes of the index for {x.ndim} of x")
        self.check_numbers("the index", index, x.shape[normalize_axis_index(self.axis, x.ndim)])
        return along(self.axis, index, x.shape)


class ScatterAdd(Gather):
    """y = x with src[i, j] added to x[i, index[i, j]] where the axis is the last of two; the opposite of Gather.
    dL/dx = dL/dy,  dL/dsrc[i, j] = dL/dy[i, index[i, j]].  src has the shape of the index."""

    whole = np.int64
    flops = (1, 0)

    def forward(self, x, index, src) -> np.ndarray:
        self.places = self.find(x, index, src)
        y = add_at(np.array(wide(x), order="C"), self.places, wide(np.broadcast_to(src, index.shape)))
        return np.positive(narrow(y, x), out=self.y)

    def backward(self, dy) -> tuple[Any, ...]:
        return dy, None, np.take(dy, self.places, mode="clip")


class Scatter(Gather):
    """y = x with src[i, j] in place of x[i, index[i, j]] where the axis is the last of two.  dL/dx = dL/dy, 0 where it
    was replaced,  dL/dsrc[i, j] = dL/dy[i, index[i, j]].  Of several for one place the last one stays and has the
    gradient, the others 0 (in PyTorch that is left open).  src has the shape of the index."""

    whole = np.int64

    def forward(self, x, index, src) -> np.ndarray:
        self.places = self.find(x, index, src)
        y = np.empty(x.shape, x.dtype) if self.y is None else self.y
        np.copyto(y, x)
        np.put(y, self.places, np.broadcast_to(src, index.shape))
        self.last = np.full(x.size, -1)  # which number of src is at each place
        self.last[self.places.ravel()] = np.arange(self.places.size)
        return y

    def backward(self, dy) -> tuple[Any, ...]:
        stayed = self.last[self.places] == np.arange(self.places.size).reshape(self.places.shape)
        taken = only(stayed, np.take(dy, self.places, mode="clip"))
        return only((self.last < 0).reshape(dy.shape), dy), None, taken


class Sort(Take):
    """y = x in order along an axis; dL/dy goes back to where each number came from.  Any shape.
    Of equal numbers the first comes first, and NaN is larger than all."""

    def __init__(self, axis=-1, descending=False) -> None:
        self.axis, self.step = axis, -1 if descending else 1

    def forward(self, x) -> np.ndarray:
        axis = normalize_axis_index(self.axis, x.ndim)
        rows = np.moveaxis(x, axis, -1)[..., :: self.step]
        order = rows.argsort(axis=-1, kind="stable")[..., :: self.step]
        order = order if self.step == 1 else rows.shape[-1] - 1 - order
        self.order = np.moveaxis(order, -1, axis)  # where each number came from, along the axis
        self.places = along(axis, self.order, x.shape)
        return super().forward(x)

    def flops(self, y, x) -> tuple[int, ...]:
        return int(y.size * np.log2(max(x.shape[self.axis], 1))), 0


class Cummax(Take):
    """y_i = the largest of x_1 ... x_i along an axis; dL/dy_i goes to it, to the last of several.  Any shape.
    NaN counts as the largest."""

    f: Any = np.maximum

    def __init__(self, axis=0) -> None:
        self.axis = axis

    def forward(self, x) -> np.ndarray:
        rows = np.atleast_1d(x)
        axis = normalize_axis_index(self.axis, rows.ndim)
        new = (rows == self.f.accumulate(rows, axis)) | np.isnan(rows)
        order = np.maximum.accumulate(np.where(new, np.indices(rows.shape, sparse=True)[axis], 0), axis)
        self.order = order.reshape(x.shape)  # where each number came from, along the axis
        self.places = along(axis, order, rows.shape).reshape(x.shape)
        return super().forward(x)

    def flops(self, y, x) -> tuple[int, ...]:
        return y.size, 0


class Cummin(Cummax):
    """y_i = the smallest of x_1 ... x_i along an axis; dL/dy_i goes to it, to the last of several.  Any shape.
    NaN counts as the smallest."""

    f = np.minimum


class Median(_Reduction):
    """y = the middle one of the numbers x, of an even count the mean of the two in the middle; dL/dy goes to these, in
    equal shares if several are equal to one.  (..., n, ...) -> (..., ...).  NaN if there is one."""

    whole = np.float32
    flops = (4, 6)

    def forward(self, x) -> np.ndarray:
        if not x.size:
            raise ValueError("there is no middle one of no numbers")
        self.x, self.shape, axis = x, x.shape, self.axis if x.ndim else None
        self.middle = [np.quantile(x, 0.5, axis=axis, keepdims=True, method=which) for which in ("lower", "higher")]
        return np.median(x, axis=axis, keepdims=self.keepdims, out=self.y)

    def backward(self, dy) -> np.ndarray:
        half, dx = self.spread(wide(dy)) / 2, 0
        for middle in self.middle:
            chosen = (self.x == middle) | np.isnan(self.x)  # where there is NaN, y is NaN
            dx = dx + only(chosen, half / chosen.sum(axis=self.axis if self.shape else None, keepdims=True))
        return np.asarray(dx)
