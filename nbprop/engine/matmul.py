"""Products of matrices."""

import numpy as np

from .op import Op


class Linear(Op):
    """y = x W^T + b: a layer's pre-activation z.   dL/dx = dL/dy W,  dL/dW = dL/dy^T x,  dL/db = row sum of dL/dy.
    x (..., in), W (out, in), b (out,) or left out, y (..., out)."""

    hint = "Expected x (..., in), W (out, in), b (out,): the last size of x must be the second of W."

    def forward(self, x, W, b=None):
        if self.y is None:
            if x.shape[-1:] != W.shape[1:] or (b is not None and b.shape != W.shape[:1]):
                raise ValueError("sizes do not agree")
            self.y = np.empty((*x.shape[:-1], len(W)), np.result_type(x, W))
            self.rows = self.y.reshape(-1, len(W))
            self.ones = np.ones(len(self.rows), self.y.dtype)
        self.W, self.x_shape = W, x.shape
        self.x = x if x.ndim == 2 else x.reshape(len(self.rows), W.shape[1])
        self.x.dot(W.T, self.rows)
        if b is not None:
            np.add(self.rows, b, self.rows)
        return self.y

    def backward(self, dy):
        dy, dx, dW, into = dy if dy.ndim == 2 else dy.reshape(self.rows.shape), None, None, self.into
        if self.needs[0] and self.y.ndim == 2:
            dx = dy.dot(self.W, into[0])
        elif self.needs[0]:
            dx = self.room(0, self.x_shape)
            dy.dot(self.W, dx.reshape(self.x.shape))
        if self.needs[1]:
            dW = dy.T.dot(self.x, into[1])
        if len(self.needs) == 2:
            return dx, dW
        return dx, dW, self.ones.dot(dy, into[2])  # several times faster than dy.sum(axis=0) on small batches


class MatMul(Op):
    """y = a b,  dL/da = dL/dy b^T,  dL/db = a^T dL/dy.   a (..., n, k), b (..., k, m), y (..., n, m); the leading
    axes broadcast. A vector a counts as a row (1, k), a vector b as a column (k, 1)."""

    symbol = "@"
    hint = "Expected (..., n, k) @ (..., k, m): the last size of the first must be the last but one of the second."

    def forward(self, a, b):
        self.a, self.b = a, b
        return np.matmul(a, b, out=self.y)

    def backward(self, dy):
        a, b = np.atleast_2d(self.a), self.b if self.b.ndim > 1 else self.b[:, None]
        dy = dy.reshape(*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1])
        da = np.matmul(dy, b.swapaxes(-1, -2), out=self.into[0]) if self.needs[0] else None
        if self.b.ndim == 1:
            return da, np.matmul(a.swapaxes(-1, -2), dy)[..., 0]
        return da, np.matmul(a.swapaxes(-1, -2), dy, out=self.into[1]) if self.needs[1] else None
