"""Images (N, C, H, W) and sequences (N, C, L) of other sizes: adaptive pooling, and repeating."""

from math import prod
from typing import Any

import numpy as np

from .careful import narrow, only, wide
from .op import Op


def sums(x, starts, ends, axis) -> np.ndarray:
    """Along the axis, the sum of x[start:end] for each pair: neither NaN nor infinity gets out of where it is."""
    beyond = np.concatenate([x, np.zeros_like(x.take([0], axis))], axis)  # reduceat takes no index n
    found = np.add.reduceat(beyond, np.stack([starts, ends], 1).ravel(), axis).take(range(0, 2 * len(starts), 2), axis)
    return only((starts < ends).reshape(-1, *[1] * (x.ndim - 1 - axis)), found)  # of an empty one it gives x[start]


class _Resized(Op):
    """y = sum, or mean, of x over windows that follow each other along each of the last axes; dL/dx = sum of dL/dy (of
    a mean: divided by the size of the window) over the windows that x is in, which follow each other too.
    x (N, C, *n), y (N, C, *sizes)"""

    whole = np.float32
    hint = "Expected images (N, C, H, W), or sequences (N, C, L), of one number at least."
    mean = False

    def __init__(self, sizes) -> None:
        self.sizes = sizes

    def windows(self, m, n) -> tuple[Any, Any]:
        """Where each of the m windows of n numbers starts and ends."""
        raise NotImplementedError

    def forward(self, x) -> np.ndarray:
        if self.y is None:
            lengths = x.shape[2:]
            if len(lengths) != len(self.sizes) or not all(lengths):
                raise ValueError("sizes do not agree")
            sides = enumerate(zip(self.sizes, lengths, strict=True), 2)
            self.axes = [(axis, n, *self.windows(m, n)) for axis, (m, n) in sides]
            self.y = np.empty((*x.shape[:2], *self.sizes), x.dtype)
        y = wide(x)
        for axis, _, starts, ends in self.axes:
            y = sums(y, starts, ends, axis)
            if self.mean:
                y /= (ends - starts).reshape(-1, *[1] * (x.ndim - 1 - axis)).astype(y.dtype)
        self.y[...] = y
        return self.y

    def backward(self, dy) -> np.ndarray:
        dx = wide(dy)
        for axis, n, starts, ends in self.axes:
            if self.mean:
                dx = dx / (ends - starts).reshape(-1, *[1] * (dy.ndim - 1 - axis)).astype(dx.dtype)
            first, last = (np.searchsorted(each, np.arange(n), "right") for each in (ends, starts))
            dx = sums(dx, first, last, axis)
        return narrow(dx, dy)

    def flops(self, y, x) -> tuple[int, ...]:
        sizes, there = [*x.shape], 0
        for axis, _, starts, ends in self.axes:
            sizes[axis] = int((ends - starts).sum())
            there += prod(sizes)
            sizes[axis] = len(starts)
        return there, there


class AdaptiveAvgPool(_Resized):
    """y = mean of x over a window, as many windows along each axis as `sizes` says: window i of m goes from
    floor(i n / m) to ceil((i + 1) n / m), so that they cover all n pixels and differ by one at most in size.
    dL/dx = sum of dL/dy / (pixels of the window) over all windows that see x.   x (N, C, *n), y (N, C, *sizes)"""

    mean = True

    def windows(self, m, n) -> tuple[Any, Any]:
        return np.arange(m) * n // m, -(-np.arange(1, m + 1) * n // m)


class Upsample(_Resized):
    """y = x, each number repeated: number j of m along an axis is number floor(j n / m) of its n.
    dL/dx = sum of dL/dy over the repeats.   x (N, C, *n), y (N, C, *sizes)"""

    def windows(self, m, n) -> tuple[Any, Any]:
        start = np.arange(m) * n // m
        return start, start + 1


def neighbours(m, n, mode="linear", corners=False) -> tuple[Any, Any, Any]:
    """Between which of n numbers those of m lie, and at which part of the way: number j at (j + 1/2) n / m - 1/2, or at
    j (n - 1) / (m - 1) if the corners are to stay in place. In mode "nearest-exact" all of it at the nearer one."""
    j = np.arange(m)
    at = j * ((n - 1) / max(m - 1, 1)) if corners else ((j + 0.5) * n / m - 0.5).clip(0, n - 1)
    at = np.floor(at + 0.5) if mode == "nearest-exact" else at
    low = at.astype(int)
    return low, np.minimum(low + 1, n - 1), at - low


def blended(x, sizes, mode="linear", corners=False) -> Any:
    """x, a Tensor (N, C, *n), in other sizes: each number the mean of its two neighbours along an axis, weighed by how
    near they are; one axis after the other."""
    for axis, (m, n) in enumerate(zip(sizes, x.shape[2:], strict=True), 2):
        low, high, part = neighbours(m, n, mode, corners)
        part = part.astype(x.dtype).reshape(-1, *[1] * (x.ndim - 1 - axis))
        start = x.index_select(axis, low)
        x = start * (1 - part) + x.index_select(axis, high) * part if part.any() else start
    return x
