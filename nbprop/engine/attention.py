"""Attention: every query looks at all keys, and takes the more of a value the better its key fits."""

from typing import Any

import numpy as np

from .careful import largest_in_rows
from .op import UNSET, Op


class Attention(Op):
    """y = P v with P = softmax(s), row by row, and s = q k^T / sqrt(d).   q (..., T, d), k (..., S, d), v (..., S, e),
    y (..., T, e); the leading axes broadcast.   Vaswani et al. 2017, arXiv:1706.03762, equation 1.
    dL/dv = P^T dL/dy,  dL/dP = dL/dy v^T,  dL/ds = P (dL/dP - sum of P dL/dP over the row),  dL/dq = dL/ds k / sqrt(d),
    dL/dk = dL/ds^T q / sqrt(d).  That sum is dL/dy y, which is cheaper (Dao et al. 2022, appendix B.2).

    masks   up to three, each broadcasts to (..., T, S). Bools: True where a query may look, or, if `hides` has True for
            this mask, where it may not. Numbers: added to s, with dL/ds for a gradient. All together must allow it. A
            query that may look nowhere gets P = 0 and y = 0.
    causal  query i looks at keys 0 to i only.
    heads   cuts q, k and v along their last axis into this many parts that know nothing of each other; their results
            lie side by side in y. Then P is (..., heads, T, S), and a mask that has no axis of heads is for all.
    scale   in the place of 1 / sqrt(d).
    drop    a Dropout op, of what P is for v.
    Once computed, P is kept as `weights`.
    """

    weights = q = dS = bias = UNSET
    scale: Any
    whole, indices = np.float32, (3, 4, 5)
    hint = "Expected q (..., T, d), k (..., S, d), v (..., S, e), mask (..., T, S); a mask (N, S) is mask[:, None, :]."

    def __init__(self, causal=False, heads=None, scale=None, drop: Any = None, hides=(False,) * 3) -> None:
        self.causal, self.heads, self.scale, self.drop, self.hides = causal, heads, scale, drop, hides

    def forward(self, q, k, v, *masks) -> np.ndarray:
        if self.y is None:
            self.start(q, k, v, masks)
        self.k, self.v = self.split(k), self.split(v)
        self.q = np.multiply(self.split(q), self.scale, out=self.q)  # cheaper than to scale all scores
        self.weights = P = np.matmul(self.q, self.k.swapaxes(-1, -2), out=self.weights)
        if masks or (self.causal and self.bias is None):
            bias = np.where(self.before, 0, -np.inf)
            for mask, hides, shared in zip(masks, self.hides, self.shared, strict=False):
                added = np.where(mask != hides, 0, -np.inf) if mask.dtype == bool else mask
                bias = bias + (np.expand_dims(added, -3) if shared else added)
            self.bias = bias.astype(P.dtype)
        if self.bias is not None:
            P += self.bias
        if P.size:
            P -= np.maximum(largest_in_rows(P), np.finfo(P.dtype).min)
        np.exp(P, out=P)
        sums = np.matmul(P, np.ones(P.shape[-1], P.dtype))[..., None]
        P /= np.maximum(sums, 1, out=sums)  # the largest is e^0 = 1: only where all are masked is the sum smaller
        np.matmul(P if self.drop is None else self.drop(P), self.v, out=self.split(self.y))
        return self.y

    def backward(self, dy) -> tuple[Any, ...]:
        P, dy, y = self.weights, self.split(dy), self.split(self.y)
        dq, dk, dv = [self.room(i, shape) for i, shape in enumerate(self.shapes)]
        np.matmul((P if self.drop is None else self.drop.y).swapaxes(-1, -2), dy, out=self.split(dv))
        self.dS = dS = np.matmul(dy, self.v.swapaxes(-1, -2), out=self.dS)
        if self.drop is not None:
            self.drop.scaled(dS, dS)
        dS -= np.vecdot(dy, y)[..., None]
        dS *= P
        np.matmul(dS, self.k, out=self.split(dq))
        dq *= self.scale
        np.matmul(dS.swapaxes(-1, -2), self.q, out=self.split(dk))
        masks = [
            None if not needed else dS.sum(axis=-3) if shared else dS
            for needed, shared in zip(self.needs[3:], self.shared, strict=False)
        ]
        return dq, dk, dv, *masks

    def split(self, x) -> np.ndarray:
        """(..., T, d) seen as (..., heads, T, d / heads)."""
        h = self.heads
        return x.reshape(*x.shape[:-1], h, x.shape[-1] // h).swapaxes(-2, -3) if h else x

    def start(self, q, k, v, masks) -> None:
        """The first time: checks, and memory."""
        if min(q.ndim, k.ndim, v.ndim) < 2 or q.shape[-1] != k.shape[-1] or k.shape[-2] != v.shape[-2]:
            raise ValueError("sizes do not agree")
        if self.heads and any(x.shape[-1] % self.heads for x in (q, k, v)):
            raise ValueError(f"the last axes cannot be cut into {self.heads} equal heads")
        lead, T, S = np.broadcast_shapes(q.shape[:-2], k.shape[:-2], v.shape[:-2]), q.shape[-2], k.shape[-2]
        self.shared = [bool(self.heads) and 2 < mask.ndim < len(lead) + 3 for mask in masks]  # lacks an axis of heads
        for mask in masks:
            if mask.dtype != bool and mask.dtype.kind != "f":
                takes = "bools, or floats to be added to the scores"
                raise TypeError(f"Attention masks hold {takes}: got {mask.dtype}; try mask.astype(bool).")
            shape: Any = (*lead, *[self.heads] * bool(self.heads and mask.ndim == len(lead) + 3), T, S)
            if np.broadcast_shapes(mask.shape, shape) != shape:
                raise ValueError(f"the mask must broadcast to {shape}")
        self.before = np.tri(T, S, dtype=bool) if self.causal else np.True_
        self.shapes = [(*lead, *x.shape[-2:]) for x in (q, k, v)]
        self.scale = (q.shape[-1] / (self.heads or 1)) ** -0.5 if self.scale is None else self.scale
        self.y = np.empty((*lead, T, v.shape[-1]), np.result_type(q, k, v))

    def flops(self, y, q, k, v, *masks) -> tuple[int, ...]:
        heads = self.heads or 1
        scores = y.size // v.shape[-1] * heads * k.shape[-2]
        from_q, from_v = (2 * scores * (x.shape[-1] // heads) for x in (q, v))
        back = from_v + 3 * scores  # dL/dP and dL/ds, which both need
        return from_q + 5 * scores + from_v, back + from_q, from_q, from_v, *[0 for _ in masks]
