"""Rows of a table."""

from typing import Any

import numpy as np

from .careful import wide
from .op import Op


class Embedding(Op):
    """y = W[index],  dL/dW[i] = sum of dL/dy wherever row i was taken.  index (...) of integers from 0 to V - 1,
    W (V, D), y (..., D).   padding: a row that is not to be learned, dL/dW[padding] = 0."""

    def __init__(self, padding=None) -> None:
        self.padding = padding

    def forward(self, index, W) -> np.ndarray:
        self.check_numbers("row numbers", index, len(W))
        self.index, self.shape = index.ravel(), W.shape
        return np.take(W, index, axis=0, out=self.y, mode="clip")  # the other modes copy first

    def backward(self, dy) -> tuple[Any, ...]:
        dW = self.room(1, self.shape)
        dW.fill(0)
        order = self.index.argsort(kind="stable")  # same rows side by side: many times faster than np.add.at
        rows, starts = np.unique(self.index[order], return_index=True)
        dW[rows] = np.add.reduceat(wide(dy).reshape(-1, self.shape[1])[order], starts, axis=0)
        if self.padding is not None:
            dW[self.padding] = 0
        return None, dW

    def flops(self, y, index, W) -> tuple[int, ...]:
        return 0, 0, y.size
