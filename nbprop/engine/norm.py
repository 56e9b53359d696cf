"""Normalization: numbers that belong together get mean 0 and variance 1, then a learned scale w and shift b.
Of float16 it is computed in float32."""

from typing import Any

import numpy as np

from .careful import wide
from .op import UNSET, Op


class _Norm(Op):
    h = Y = UNSET
    eps: float
    whole = np.float32

    def normalize(self, x, mean=None, var=None) -> tuple[Any, Any]:
        """Fill h = (x - mean) / s, s = sqrt(var + eps), for each row of x (R, M). Returns mean and variance (R,), by
        default those of the row. Sums are products with ones: faster than np.sum along short rows."""
        self.ones = np.ones(x.shape[1], x.dtype) if self.h is None else self.ones
        mean = x.dot(self.ones) / x.shape[1] if mean is None else mean
        self.h = np.subtract(x, mean[:, None], out=self.h, dtype=x.dtype)
        var = np.square(self.h).dot(self.ones) / x.shape[1] if var is None else var
        self.s = np.sqrt(var + self.eps)[:, None]
        self.h /= self.s
        return mean, var


class LayerNorm(_Norm):
    """y = w h + b,  h = (x - mean) / s,  s = sqrt(variance + eps), with mean and variance of each sample's features.
    dL/dw = sum of h dL/dy and dL/db = sum of dL/dy over the samples; mean and variance depend on x too, hence
    dL/dx = (g - mean(g) - h mean(h g)) / s with g = w dL/dy.   x (..., *features), w, b (*features), y like x.
    Ba, Kiros & Hinton 2016, arXiv:1607.06450."""

    flops = (7, 10, 0, 0)

    def __init__(self, eps=1e-5) -> None:
        self.eps = eps

    def forward(self, x, w, b) -> np.ndarray:
        if not w.size or w.shape != b.shape or x.shape[-w.ndim :] != w.shape:
            raise ValueError(f"x must be (..., {', '.join(map(str, w.shape))})")
        self.w = w
        self.normalize(wide(x).reshape(-1, w.size))
        h = self.h.reshape(x.shape)
        self.y = np.empty_like(h, np.result_type(x, w)) if self.y is None else self.y
        np.multiply(h, w, out=self.y)
        return np.add(self.y, b, out=self.y)

    def backward(self, dy) -> tuple[Any, ...]:
        h, w, rows = self.h, self.w.ravel(), wide(dy).reshape(self.h.shape)
        hdy, samples = h * rows, np.ones(len(h), h.dtype)
        dw, db = samples.dot(hdy), samples.dot(rows)
        dx = w * rows
        dx -= (rows.dot(w) / w.size)[:, None]
        dx -= h * (hdy.dot(w) / w.size)[:, None]
        dx /= self.s
        return dx.reshape(dy.shape), dw.reshape(self.w.shape), db.reshape(self.w.shape)


class BatchNorm(_Norm):
    """y = w h + b,  h = (x - mean) / s,  s = sqrt(variance + eps), with mean and variance of each channel's M numbers.
    dL/dw = sum of h dL/dy and dL/db = sum of dL/dy over them; mean and variance depend on x too, hence
    dL/dx = w / s (dL/dy - (dL/db + h dL/dw) / M).   x (N, C, ...), w, b (C,), y like x.
    Ioffe & Szegedy 2015, arXiv:1502.03167.

    running: arrays mean (C,) and variance (C,). Each forward moves them by `momentum` towards those of the batch (here
    with M - 1 in the variance); if not training, they stand in for those, and dL/dx = w / s dL/dy.
    """

    flops = (7, 4, 1, 0)

    def __init__(self, running: Any = None, training=True, momentum=0.1, eps=1e-5) -> None:
        self.running, self.training, self.momentum, self.eps = running, training or running is None, momentum, eps

    def forward(self, x, w, b) -> np.ndarray:
        if x.ndim < 2 or not x.shape[1:2] == w.shape == b.shape:
            raise ValueError(f"x must be (N, {len(w)}, ...)")
        rows = self.rows(wide(x))
        M = rows.shape[1]
        if self.training and M < 2:
            raise ValueError(f"training takes at least 2 numbers per channel, not {M}; use a larger batch, or eval()")
        mean, var = self.normalize(rows) if self.training else self.normalize(rows, *self.running)
        if self.training and self.running:
            for old, new in zip(self.running, (mean, var * (M / (M - 1))), strict=True):
                old += self.momentum * (new - old)
        self.w = w[:, None]
        self.Y = np.empty_like(self.h, np.result_type(x, w)) if self.Y is None else self.Y
        np.multiply(self.h, self.w, out=self.Y)
        self.Y += b[:, None]
        return np.moveaxis(self.Y.reshape(*x.shape[1:], len(x)), -1, 0) if self.y is None else self.y

    def backward(self, dy) -> tuple[Any, ...]:
        dx, M = self.rows(wide(dy)), len(self.ones)
        dw, db = (self.h * dx).dot(self.ones), dx.dot(self.ones)
        if self.training:
            dx = dx - (db / M)[:, None]
            dx -= self.h * (dw / M)[:, None]
        dx = dx * (self.w / self.s)
        return np.moveaxis(dx.reshape(*dy.shape[1:], len(dy)), -1, 0), dw, db

    def rows(self, x) -> np.ndarray:
        """(N, C, ...) as (C, M)."""
        return np.moveaxis(x, 0, -1).reshape(x.shape[1], -1)
