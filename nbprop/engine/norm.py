"""Normalization: numbers that belong together get mean 0 and variance 1, then a learned scale w and shift b.
Of float16 it is computed in float32."""

from math import prod
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
    centred = True

    def __init__(self, eps=1e-5) -> None:
        self.eps = eps

    def forward(self, x, w, b=None) -> np.ndarray:
        if not w.size or x.shape[-w.ndim :] != w.shape or (b is not None and w.shape != b.shape):
            raise ValueError(f"x must be (..., {', '.join(map(str, w.shape))})")
        self.w, rows = w, wide(x).reshape(-1, w.size)
        self.normalize(rows, None if self.centred else np.zeros(len(rows), rows.dtype))
        h = self.h.reshape(x.shape)
        self.y = np.empty_like(h, np.result_type(x, w)) if self.y is None else self.y
        np.multiply(h, w, out=self.y)
        return self.y if b is None else np.add(self.y, b, out=self.y)

    def backward(self, dy) -> tuple[Any, ...]:
        h, w, rows = self.h, self.w.ravel(), wide(dy).reshape(self.h.shape)
        hdy, samples = h * rows, np.ones(len(h), h.dtype)
        dx = w * rows
        if self.centred:
            dx -= (rows.dot(w) / w.size)[:, None]
        dx -= h * (hdy.dot(w) / w.size)[:, None]
        dx /= self.s
        sums = [samples.dot(each).reshape(self.w.shape) for each in (hdy, rows)[: len(self.needs) - 1]]
        return dx.reshape(dy.shape), *sums


class RMSNorm(LayerNorm):
    """As LayerNorm without mean and b:  y = w h,  h = x / s,  s = sqrt(mean of x^2 + eps) over each sample's features.
    dL/dw = sum of h dL/dy over the samples,  dL/dx = (g - h mean(h g)) / s with g = w dL/dy.
    x (..., *features), w (*features), y like x.  Zhang & Sennrich 2019, arXiv:1910.07467."""

    flops = (4, 8, 0)
    centred = False


class GroupNorm(_Norm):
    """y = w h + b,  h = (x - mean) / s,  s = sqrt(variance + eps), with mean and variance of each sample's numbers in
    each of `groups` groups of channels; dL/dw = sum of h dL/dy and dL/db = sum of dL/dy over all numbers of a channel,
    dL/dx = (g - mean(g) - h mean(h g)) / s with g = w dL/dy.   x (N, C, ...), w, b (C,), y like x.
    Wu & He 2018, arXiv:1803.08494."""

    flops = (7, 10, 0, 0)

    def __init__(self, groups, eps=1e-5) -> None:
        self.groups, self.eps = groups, eps

    def forward(self, x, w, b) -> np.ndarray:
        if x.ndim < 2 or not x.shape[1:2] == w.shape == b.shape or 0 in x.shape[1:] or len(w) % self.groups:
            raise ValueError(f"x must be (N, {len(w)}, ...)")
        self.w = w.reshape(-1, *[1] * (x.ndim - 2))
        self.normalize(wide(x).reshape(len(x) * self.groups, prod(x.shape[1:]) // self.groups))
        h = self.h.reshape(x.shape)
        self.y = np.empty_like(h, np.result_type(x, w)) if self.y is None else self.y
        np.multiply(h, self.w, out=self.y)
        return np.add(self.y, b.reshape(self.w.shape), out=self.y)

    def backward(self, dy) -> tuple[Any, ...]:
        h, g, mean, axes = self.h, wide(dy), self.ones / len(self.ones), (0, *range(2, dy.ndim))
        dw, db = np.add.reduce(h.reshape(dy.shape) * g, axes), np.add.reduce(g, axes)
        g = (g * self.w).reshape(h.shape)
        dx = g - g.dot(mean)[:, None]
        dx -= h * (h * g).dot(mean)[:, None]
        dx /= self.s
        return dx.reshape(dy.shape), dw, db


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
