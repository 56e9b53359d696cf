"""Attention: every query looks at all keys, and takes the more of a value the better its key fits."""

from typing import Any

import numpy as np

from .errors import ShapeError
from .op import Op


class Attention(Op):
    """y = P v with P = softmax(s), row by row, and s = q k^T / sqrt(d).   q (..., T, d), k (..., S, d), v (..., S, e),
    y (..., T, e); the leading axes broadcast.   Vaswani et al. 2017, arXiv:1706.03762, equation 1.
    dL/dv = P^T dL/dy,  dL/dP = dL/dy v^T,  dL/ds = P (dL/dP - sum of P dL/dP over the row),  dL/dq = dL/ds k / sqrt(d),
    dL/dk = dL/ds^T q / sqrt(d).  That sum is dL/dy y, which is cheaper (Dao et al. 2022, appendix B.2).

    mask    bool, broadcasts to (..., T, S): True where a query may look. One that may look nowhere gets y = 0.
    causal  query i looks at keys 0 to i only.
    heads   cuts q, k and v along their last axis into this many parts that know nothing of each other; their results
            lie side by side in y. Then P is (..., heads, T, S), and the mask the same for all heads.
    Once computed, P is kept as `weights`.
    """

    weights: Any = None
    q: Any = None
    dS = bias = None
    hint = "Expected q (..., T, d), k (..., S, d), v (..., S, e)."

    def __init__(self, causal=False, heads=None):
        self.causal, self.heads = causal, heads

    def forward(self, q, k, v, mask=None):
        if self.y is None:
            self.start(q, k, v, mask)
        self.k, self.v = self.split(k), self.split(v)
        self.q = np.multiply(self.split(q), self.scale, out=self.q)  # cheaper than to scale all scores
        P = np.matmul(self.q, self.k.swapaxes(-1, -2), out=self.weights)
        if mask is not None:
            mask = mask & self.before if self.causal else mask
            mask = np.expand_dims(mask, -3) if self.heads and mask.ndim > 2 else mask
            self.bias = np.where(mask, P.dtype.type(0), P.dtype.type(-np.inf))
        if self.bias is not None:
            P += self.bias
        P -= np.maximum.reduce(P, axis=-1, keepdims=True, initial=self.lowest, out=self.top)
        np.exp(P, out=P)
        sums = np.matmul(P, self.ones)[..., None]
        P /= np.maximum(sums, 1, out=sums)  # the largest is e^0 = 1: only where all are masked is the sum smaller
        np.matmul(P, self.v, out=self.split(self.y))
        return self.y

    def backward(self, dy):
        P, dy, y = self.weights, self.split(dy), self.split(self.y)
        (dq, into_q), (dk, into_k), (dv, into_v) = map(self.room, range(3))
        np.matmul(P.swapaxes(-1, -2), dy, out=into_v)
        self.dS = dS = np.matmul(dy, self.v.swapaxes(-1, -2), out=self.dS)
        dS -= np.einsum("...d,...d->...", dy, y)[..., None]
        dS *= P
        np.matmul(dS, self.k, out=into_q)
        dq *= self.scale
        np.matmul(dS.swapaxes(-1, -2), self.q, out=into_k)
        return (dq, dk, dv, None)[: len(self.needs)]

    def split(self, x):
        """(..., T, d) seen as (..., heads, T, d / heads)."""
        h = self.heads
        return x.reshape(*x.shape[:-1], h, x.shape[-1] // h).swapaxes(-2, -3) if h else x

    def room(self, i):
        """Where gradient i goes, whole and split into heads."""
        dx = self.into[i]
        dx = np.empty(self.shapes[i], self.y.dtype) if dx is None else dx
        return dx, self.split(dx)

    def start(self, q, k, v, mask):
        """The first time: checks, and memory."""
        if min(q.ndim, k.ndim, v.ndim) < 2 or q.shape[-1] != k.shape[-1] or k.shape[-2] != v.shape[-2]:
            raise ValueError("sizes do not agree")
        if self.heads and any(x.shape[-1] % self.heads for x in (q, k, v)):
            raise ValueError(f"the last axes cannot be cut into {self.heads} equal heads")
        lead = np.broadcast_shapes(q.shape[:-2], k.shape[:-2], v.shape[:-2])
        sizes = q.shape[-2], k.shape[-2]
        scores = (*lead, self.heads, *sizes) if self.heads else (*lead, *sizes)
        dtype = np.result_type(q, k, v)
        self.before = np.tri(*sizes, dtype=bool)
        if mask is not None:
            check_mask(mask, (*lead, *sizes))
        elif self.causal:
            self.bias = np.where(self.before, dtype.type(0), dtype.type(-np.inf))
        self.shapes = [(*lead, *x.shape[-2:]) for x in (q, k, v)]
        self.scale = (q.shape[-1] / (self.heads or 1)) ** -0.5
        self.weights, self.top = np.empty(scores, dtype), np.empty((*scores[:-1], 1), dtype)
        self.ones, self.lowest = np.ones(scores[-1], dtype), np.finfo(dtype).min
        self.y = np.empty((*lead, q.shape[-2], v.shape[-1]), dtype)


def check_mask(mask, shape):
    """Errors for a mask that is not bool, or does not broadcast to the shape."""
    if mask.dtype != bool:
        raise TypeError(f"An attention mask holds bools, True where a query may look: got {mask.dtype}; try mask > 0.")
    sizes = zip(reversed(mask.shape), reversed(shape), strict=False)
    if mask.ndim > len(shape) or any(n not in (1, wanted) for n, wanted in sizes):
        raise ShapeError(
            f"An attention mask must broadcast to (..., queries, keys), here {shape}: got {mask.shape}. One that says "
            "which keys of each sample count, (N, keys), becomes mask[:, None, :]."
        )
