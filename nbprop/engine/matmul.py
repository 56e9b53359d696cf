"""Products of matrices."""

from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from .op import UNSET, Op


class Linear(Op):
    """y = x W^T + b: a layer's pre-activation z.   dL/dx = dL/dy W,  dL/dW = dL/dy^T x,  dL/db = row sum of dL/dy.
    x (..., in), W (out, in), b (out,) or left out, y (..., out)."""

    whole = np.float32
    hint = "Expected x (..., in), W (out, in), b (out,): the last size of x must be the second of W."

    rows = ones = UNSET  # y as a matrix; 1 for each of its rows

    def forward(self, x, W, b=None) -> np.ndarray:
        if self.y is None and (x.shape[-1:] != W.shape[1:] or (b is not None and b.shape != W.shape[:1])):
            raise ValueError("sizes do not agree")
        self.W, self.x = W, x if x.ndim == 2 else x.reshape(prod(x.shape[:-1]), W.shape[1])
        self.rows = rows = self.x.dot(W.T, self.rows)
        if b is not None:
            np.add(rows, b, rows)
        if x is self.x:
            return rows
        return rows.reshape(*x.shape[:-1], len(W)) if self.y is None else self.y

    def backward(self, dy) -> tuple[Any, ...]:
        dx, dW, into, needs, rows = None, None, self.into, self.needs, dy
        if dy.ndim == 2:
            if needs[0]:
                dx = dy.dot(self.W, into[0])
        else:
            rows = dy.reshape(self.rows.shape)
            if needs[0]:
                dx = self.room(0, (*dy.shape[:-1], self.W.shape[1]))
                rows.dot(self.W, dx.reshape(self.x.shape))
        if needs[1]:
            dW = rows.T.dot(self.x, into[1])
        if len(needs) == 2:
            return dx, dW
        if self.ones is None:
            self.ones = row_of_ones(len(rows), rows.dtype)
        return dx, dW, self.ones.dot(rows, into[2])  # several times faster than dy.sum(axis=0)

    def flops(self, y, x, W, b=None) -> tuple[int, ...]:
        product = 2 * y.size * W.shape[-1]
        return product + (b is not None) * y.size, product, product, y.size


@lru_cache(16)
def row_of_ones(n, dtype) -> np.ndarray:
    array = np.ones(n, dtype)
    array.flags.writeable = False  # everybody's
    return array


class MatMul(Op):
    """y = a b,  dL/da = dL/dy b^T,  dL/db = a^T dL/dy.   a (..., n, k), b (..., k, m), y (..., n, m); the leading
    axes broadcast. A vector a counts as a row (1, k), a vector b as a column (k, 1)."""

    symbol = "@"
    whole = np.int64
    hint = "Expected (..., n, k) @ (..., k, m): the last size of the first must be the last but one of the second."

    def forward(self, a, b) -> np.ndarray:
        self.a, self.b = a, b
        return np.matmul(a, b, out=self.y)

    def backward(self, dy) -> tuple[Any, ...]:
        a, b = np.atleast_2d(self.a), self.b if self.b.ndim > 1 else self.b[:, None]
        dy = dy.reshape(*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1])
        da = np.matmul(dy, b.swapaxes(-1, -2), out=self.into[0]) if self.needs[0] else None
        if self.b.ndim == 1:
            return da, np.matmul(a.swapaxes(-1, -2), dy)[..., 0]
        return da, np.matmul(a.swapaxes(-1, -2), dy, out=self.into[1]) if self.needs[1] else None

    def flops(self, y, a, b) -> tuple[int, ...]:
        return (2 * y.size * a.shape[-1],) * 3
