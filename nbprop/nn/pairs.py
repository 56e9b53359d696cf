"""Losses of several inputs: how near samples are to each other, or to a distribution. They work alone, and in an
`nb.Objective`."""

from math import log, pi
from typing import Any

import numpy as np

from ..checks import flag, number
from ..engine import ShapeError, Tensor, minimum
from .criterion import Criterion
from .module import as_tensor


def cosine_similarity(x1, x2, dim=1, eps=1e-8) -> Tensor:
    """x1 x2 / (|x1| |x2|), along an axis: 1 for vectors of one direction, 0 for a right angle, -1 for opposite ones.

    x1, x2: of one shape, or broadcast. eps: least length, so that the similarity of a vector of zeros is 0. Returns the
    shape without the axis.
    """
    x1, x2 = as_tensor(x1), as_tensor(x2)
    if x1.shape != x2.shape:
        x1, x2 = (x.broadcast_to(np.broadcast_shapes(x1.shape, x2.shape)) for x in (x1, x2))
    lengths = x1.norm(dim=dim).clip(low=eps) * x2.norm(dim=dim).clip(low=eps)
    return (x1 * x2).sum(dim=dim) / lengths


def _signs(name, y) -> Tensor:
    if not np.isin(y.data, (-1, 1)).all():
        tip = "; try 2 * y - 1" if np.isin(y.data, (0, 1)).all() else ""
        raise ValueError(f"{name} expects a target of 1 and -1; got {y.data.min()} to {y.data.max()}{tip}")
    return y


class CosineEmbeddingLoss(Criterion):
    """mean of 1 - cos where y = 1, of max(0, cos - margin) where y = -1, with cos the cosine between x1 and x2: pairs
    that belong together are turned to one direction, others apart.

    `loss(x1, x2, y)`: x1, x2 (n, d), y (n,) of 1 and -1; or one pair, (d,), and one number.
    margin: from -1 to 1, at which others are far enough apart.
    """

    _checks = {**Criterion._checks, "margin": number(-1, most=1)}

    def __init__(self, margin=0.0, reduction="mean") -> None:
        self.margin, self.reduction = margin, reduction

    def forward(self, x1, x2, y) -> Tensor:
        x1, x2 = self.tensors(x1, x2)
        y = _signs("CosineEmbeddingLoss", as_tensor(y)).astype(x1.dtype)
        if x1.ndim not in (1, 2) or y.shape != x1.shape[:-1]:
            raise ShapeError(
                f"CosineEmbeddingLoss expects x1, x2 (n, d) and a target (n,); got {x1.shape} and a target {y.shape}"
            )
        eps = 1e-12  # as in PyTorch, added to the squares
        cos = (x1 * x2).sum(axis=-1) / (((x1**2).sum(axis=-1) + eps) * ((x2**2).sum(axis=-1) + eps)).sqrt()
        return self.reduced((1 + y) / 2 * (1 - cos) + (1 - y) / 2 * (cos - self.margin).relu())


class TripletMarginLoss(Criterion):
    """mean of max(0, d(a, p) - d(a, n) + margin): what is like the anchor a, the positive p, should be nearer to it
    than what is not, the negative n, by the margin  (Schroff, Kalenichenko & Philbin 2015).

    `loss(anchor, positive, negative)`: each (n, d), or (d,). p: of the norm d(x, y) = |x - y + eps|_p. swap: take the
    negative's distance from the positive where that is smaller.
    """

    _checks = {**Criterion._checks, "margin": number(above=0), "p": number(above=0), "eps": number(0), "swap": flag}

    def __init__(self, margin=1.0, p=2.0, eps=1e-6, swap=False, reduction="mean") -> None:
        self.margin, self.p, self.eps, self.swap, self.reduction = margin, p, eps, swap, reduction

    def forward(self, anchor, positive, negative) -> Tensor:
        anchor, positive, negative = self.tensors(anchor, positive, negative)
        near, far = self.distance(anchor, positive), self.distance(anchor, negative)
        if self.swap:
            far = minimum(far, self.distance(positive, negative))
        return self.reduced((near - far + self.margin).relu())

    def distance(self, x, y) -> Any:
        d = x - y + self.eps
        return d.norm(self.p, axis=-1) if self.p in (1, 2) else (d.abs() ** self.p).sum(axis=-1) ** (1 / self.p)


class MarginRankingLoss(Criterion):
    """mean of max(0, margin - y (x1 - x2)): x1 should be above x2 where y = 1, below where y = -1, by the margin.

    `loss(x1, x2, y)`: all of one shape.
    """

    _checks = {**Criterion._checks, "margin": number()}

    def __init__(self, margin=0.0, reduction="mean") -> None:
        self.margin, self.reduction = margin, reduction

    def forward(self, x1, x2, y) -> Tensor:
        x1, x2, y = self.tensors(x1, x2, y)
        return self.reduced((self.margin - _signs("MarginRankingLoss", y).astype(x1.dtype) * (x1 - x2)).relu())


class GaussianNLLLoss(Criterion):
    """mean of (log v + (x - y)^2 / v) / 2: -log of the density of y under a normal distribution of mean x and variance
    v, both learned  (Nix & Weigend 1994).

    `loss(x, y, var)`: x, y of one shape; var of that shape, or (..., 1) for one variance of the last axis. full: with
    the constant log(2 pi) / 2. eps: least variance; below there is no gradient for it (NB: in PyTorch there is).
    """

    _checks = {**Criterion._checks, "full": flag, "eps": number(above=0)}

    def __init__(self, full=False, eps=1e-6, reduction="mean") -> None:
        self.full, self.eps, self.reduction = full, eps, reduction

    def forward(self, x, y, var) -> Tensor:
        (x, y), var = self.tensors(x, y), as_tensor(var)
        if var.shape not in (x.shape, (*x.shape[:-1], 1)):
            raise ShapeError(f"GaussianNLLLoss expects a variance of shape {x.shape} or (..., 1); got {var.shape}")
        if var.data.min() < 0:
            raise ValueError(f"GaussianNLLLoss expects variances of at least 0; got {var.data.min()}; try v.exp()")
        v = var.clip(low=self.eps)
        return self.reduced(0.5 * (v.log() + (x - y) ** 2 / v) + (0.5 * log(2 * pi) if self.full else 0.0))
