"""Products of matrices."""

import numpy as np

from .op import Op


class Linear(Op):
    """y = x W^T + b: a layer's pre-activation z.   dL/dx = dL/dy W,  dL/dW = dL/dy^T x,  dL/db = row sum of dL/dy.
    x (..., in), W (out, in), b (out,) or left out, y (..., out)."""

    hint = "Expected x (..., in), W (out, in), b (out,): the last size of x must be the second of W."

    def forward(self, x, W, b=None):
        if self.y is None:
            self.check(x, W, b)
            self.y = np.empty((*x.shape[:-1], len(W)), np.result_type(x, W))
            self.rows = self.y.reshape(-1, len(W))
            self.ones = np.ones(len(self.rows), self.y.dtype)
        self.W, self.x_shape = W, x.shape
        self.x = x if x.ndim == 2 else x.reshape(-1, x.shape[-1])
        self.x.dot(W.T, self.rows)
        if b is not None:
            np.add(self.rows, b, self.rows)
        return self.y

    def backward(self, dy):
        into = self.into
        if dy.ndim != 2:
            dy = dy.reshape(self.rows.shape)
        dx = dW = db = None
        if self.needs[0] and self.y.ndim == 2:
            dx = dy.dot(self.W, into[0])
        elif self.needs[0]:
            dx = np.empty(self.x_shape, self.y.dtype) if into[0] is None else into[0]
            dy.dot(self.W, dx.reshape(self.x.shape))
        if self.needs[1]:
            dW = dy.T.dot(self.x, into[1])
        if len(into) == 2:
            return dx, dW
        if self.needs[2]:
            db = self.ones.dot(dy, into[2])  # several times faster than dy.sum(axis=0) on small batches
        return dx, dW, db

    def check(self, x, W, b):
        fits = x.ndim and W.ndim == 2 and x.shape[-1] == W.shape[1] and (b is None or b.shape == W.shape[:1])
        if not fits:
            raise ValueError("sizes do not agree")


class MatMul(Op):
    """y = a b,  dL/da = dL/dy b^T,  dL/db = a^T dL/dy.   a (..., n, k), b (..., k, m), y (..., n, m); the leading
    axes broadcast. A vector a counts as a row (1, k), a vector b as a column (k, 1)."""

    hint = "Expected (..., n, k) @ (..., k, m): the last size of the first must be the last but one of the second."

    def forward(self, a, b):
        self.a, self.b = a, b
        self.y = np.matmul(a, b, out=self.y)
        return self.y

    def backward(self, dy):
        a, b = self.a, self.b
        if b.ndim == 1:
            b, dy = b[:, None], np.expand_dims(dy, -1)
        if a.ndim == 1:
            a, dy = a[None], np.expand_dims(dy, -2)
        da = db = None
        if self.needs[0]:
            da = np.matmul(dy, b.swapaxes(-1, -2), out=self.into[0] if self.a.ndim > 1 else None)
            da = da if self.a.ndim > 1 else da.squeeze(-2)
        if self.needs[1]:
            db = np.matmul(a.swapaxes(-1, -2), dy, out=self.into[1] if self.b.ndim > 1 else None)
            db = db if self.b.ndim > 1 else db.squeeze(-1)
        return da, db
