"""Ops that draw random numbers, anew at each forward."""

import numpy as np

from .op import Op


class Dropout(Op):
    """y = x m,  dL/dx = dL/dy m: each element of m is 0 with probability p, else 1 / (1 - p), so that the mean of y is
    x. Any shape.   rng: NumPy generator; it gives the same m for float32 and float64."""

    def __init__(self, p, rng):
        self.p, self.rng = p, rng

    def forward(self, x):
        self.m = np.asarray(self.rng.random(x.shape, np.float32) >= self.p, x.dtype)
        if self.p < 1:
            self.m /= 1 - self.p
        return np.multiply(x, self.m, out=self.y)

    def backward(self, dy):
        return np.multiply(dy, self.m, out=self.into[0])
