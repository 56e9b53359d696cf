"""Rows of a table."""

import numpy as np

from .op import Op


class Embedding(Op):
    """y = W[index],  dL/dW[i] = sum of dL/dy wherever row i was taken.  index (...) of integers from 0 to V - 1,
    W (V, D), y (..., D)"""

    def forward(self, index, W):
        if index.dtype.kind not in "iu":
            raise TypeError(f"Embedding takes row numbers as integers: got {index.dtype}; try index.astype(int).")
        if index.size and not (index.min() >= 0 and index.max() < len(W)):
            raise IndexError(
                f"Embedding has {len(W)} rows, numbered 0 to {len(W) - 1}: got {index.min()} to {index.max()}."
            )
        self.index, self.shape = index.ravel(), W.shape
        self.y = np.take(W, index, axis=0, out=self.y, mode="clip")  # the other modes copy first
        return self.y

    def backward(self, dy):
        dW = np.empty(self.shape, dy.dtype) if self.into[1] is None else self.into[1]
        dW.fill(0)
        order = self.index.argsort(kind="stable")  # same rows side by side: many times faster than np.add.at
        rows, starts = np.unique(self.index[order], return_index=True)
        dW[rows] = np.add.reduceat(dy.reshape(-1, self.shape[1])[order], starts, axis=0)
        return None, dW
