"""Ops that draw random numbers, anew at each forward."""

import numpy as np

from .careful import only
from .op import Op


class Dropout(Op):
    """y = x m,  dL/dx = dL/dy m: each element of m is 0 with probability p, else 1 / (1 - p), so that the mean of y is
    x. What is dropped is 0 whatever it was. Any shape.
    rng: NumPy generator; it gives the same m for float32 and float64. whole_channels: one m for all of x[i, j]."""

    whole = np.float32
    flops = (2, 1)

    def __init__(self, p, rng, whole_channels=False) -> None:
        self.p, self.rng, self.whole_channels = p, rng, whole_channels

    def forward(self, x) -> np.ndarray:
        shape = (*x.shape[:2], *[1] * (x.ndim - 2)) if self.whole_channels else x.shape
        self.stay = np.asarray(self.rng.random(shape, np.float32) >= self.p)
        return self.scaled(x, self.y)

    def backward(self, dy) -> np.ndarray:
        return self.scaled(dy, self.into[0])

    def scaled(self, x, out) -> np.ndarray:
        """m x; the number first, so that rounding is that of m x."""
        y = np.multiply(x, 1 / (1 - self.p) if self.p < 1 else 1, out=out)
        return only(self.stay, y, out=out)
