"""Losses, one op each: forward ends in one number, the mean over the batch, if nothing else is said; backward starts
with a short formula. Of float16 they are computed in float32."""

from math import isfinite
from typing import Any

import numpy as np

from .activation import sigmoid
from .careful import UNSIGNED, from_0_to_1, largest_in_rows, narrow, one_as_bits, wide
from .op import UNSET, Op


class _Loss(Op):
    whole = np.float32

    def __call__(self, prediction, target) -> np.ndarray:
        if not prediction.size:
            raise ValueError("the batch is empty; give it at least one sample")
        return super().__call__(prediction, target)


class MSE(_Loss):
    """L = mean of (y - t)^2 over all elements,  dL/dy = 2 (y - t) / n,  dL/dt = -dL/dy.   y, t of one shape -> ()"""

    hint = "Prediction and target are compared element by element; try target.reshape(prediction.shape)."
    flops = (3, 1, 1)

    def forward(self, y, t) -> np.ndarray:
        if y.shape != t.shape:
            raise ValueError("they must be equal")
        self.d = wide(y) - wide(t)
        flat = self.d.ravel()
        return narrow(np.divide(flat.dot(flat), flat.size, out=self.y), y)

    def backward(self, dy) -> tuple[Any, ...]:
        dx = np.multiply(self.d, wide(dy) * (2 / self.d.size), out=self.into[0])
        return dx, -dx if self.needs[1] else None


class BCEWithLogits(_Loss):
    """L = mean of -t ln p - (1 - t) ln(1 - p) with p = sigmoid(z),  dL/dz = (p - t) / n,  dL/dt = -z / n.
    Computed as ln(e^(-z t) + e^(z (1 - t))), without overflow.   z, t of one shape, t from 0 to 1 -> ().
    z (n, 1) may meet t (n,).  Where z is infinite, L is 0 if t is what z says for sure, else inf."""

    hint = "Logits and targets are compared element by element; try targets.reshape(logits.shape)."
    looked_at = UNSET
    flops = (8, 2, 1)

    def forward(self, z, t) -> np.ndarray:
        if self.y is None:
            if t.shape != z.shape and (*t.shape, 1) != z.shape:
                raise ValueError("they must be equal")
            self.y, self.weights = np.empty((), z.dtype), np.full(z.size, 1 / z.size, wide(z).dtype)
            self.t_shape, self.as_it_is = t.shape, t.shape == z.shape and t.dtype == self.weights.dtype
        z = self.z = wide(z)
        self.t = t = t if self.as_it_is else t.reshape(z.shape).astype(z.dtype)
        if self.looked_at is not t:
            self.looked_at, self.bits, self.one = t, t.view(UNSIGNED[t.itemsize]), one_as_bits(t.dtype)
        if self.bits.item(self.bits.argmax()) > self.one and not from_0_to_1(t):
            raise ValueError(f"{self.name} takes targets from 0 to 1: got {t.min()} to {t.max()}.")
        right = z * t
        wrong = z - right
        losses = np.logaddexp(-right, wrong)
        self.p = np.exp(wrong - losses)
        L = self.weights.dot(losses.ravel())
        if not isfinite(L):
            losses, self.p = self.far_out(z, t)
            L = self.weights.dot(losses.ravel())
        self.y[...] = L
        return self.y

    @staticmethod
    def far_out(z, t) -> tuple[Any, np.ndarray]:
        """The losses and p of any z, inf among them: 0 times inf is 0 here."""
        losses = np.logaddexp(0, np.where(z < 0, z, -z))  # ln(1 + e^-|z|), and to this what z is wrong by
        with np.errstate(invalid="ignore"):
            losses += np.where(z < 0, np.where(t == 0, 0, -z * t), np.where(t == 1, 0, z * (1 - t)))
        return losses, sigmoid(z)

    def backward(self, dy) -> tuple[Any, ...]:
        scale = dy.item() / self.p.size
        dz = np.multiply(self.p - self.t, scale, self.into[0])
        return dz, (self.z * -scale).reshape(self.t_shape) if self.needs[1] else None


class CrossEntropy(_Loss):
    """L = mean of -ln p[i, t_i] with p = softmax(z),  dL/dz = (p - onehot(t)) / n.   z (..., C) logits, t (...,) class
    numbers from 0 to C - 1 -> ()"""

    p = UNSET
    indices = (1,)
    hint = "Expected logits (..., C) and class numbers (...,); from one-hot targets: targets.argmax(-1)."
    flops = (5, 1, 0)

    def forward(self, z, t) -> np.ndarray:
        if self.y is None:
            if z.ndim < 1 or t.shape != z.shape[:-1]:
                raise ValueError("sizes do not agree")
            self.y, self.ones = np.empty((), z.dtype), np.ones(z.shape[-1], wide(z).dtype)
            self.starts, self.weights = np.arange(t.size) * z.shape[-1], np.full(t.size, 1 / t.size, self.ones.dtype)
        self.check_numbers("class numbers", t, z.shape[-1])
        z = wide(z)
        self.p = p = np.subtract(z, largest_in_rows(z), out=self.p, order="C")
        self.chosen = self.starts + t.ravel()  # where each row's own class stands in the flat array
        own = p.ravel().take(self.chosen)
        np.exp(p, p)
        sums = p.dot(self.ones)
        p /= sums[..., None]
        self.y[...] = self.weights.dot(np.log(sums).ravel() - own)
        return self.y

    def backward(self, dy) -> tuple[Any, ...]:
        scale = dy.item() / self.chosen.size
        dz = np.multiply(self.p, scale, self.into[0])
        dz.ravel()[self.chosen] -= scale
        return dz, None


class NLL(_Loss):
    """L = -sum of K x,  K[i, c] = w[c] ((1 - s) [c = t_i] + s / C) / sum of w[t_i], 0 in row i where t_i is to be
    ignored;  dL/dx = -K.   x (..., C) log-probabilities, t (...,) class numbers from 0 to C - 1 -> ()

    weight: w, C numbers; None: 1. ignore_index: a number that t may hold. reduction: "sum": not divided by the sum of
    weights; "none": not divided, and not added up over i -> (...,). smoothing: s."""

    indices = (1,)
    hint = "Expected log-probabilities (..., C) and class numbers (...,); from one-hot targets: targets.argmax(-1)."
    flops = (5, 1, 0)

    def __init__(self, weight=None, ignore_index=None, reduction="mean", smoothing=0.0) -> None:
        self.weight, self.ignore_index, self.reduction, self.smoothing = weight, ignore_index, reduction, smoothing

    def forward(self, x, t) -> np.ndarray:
        if self.y is None:
            if not x.ndim or t.shape != x.shape[:-1]:
                raise ValueError("sizes do not agree")
            self.y = np.empty(t.shape if self.reduction == "none" else (), x.dtype)
            self.w = np.ones(x.shape[-1]) if self.weight is None else np.array(self.weight)
            if len(self.w) != x.shape[-1]:
                raise ValueError(f"weight has {len(self.w)} numbers for {x.shape[-1]} classes")
        x = wide(x)
        w, s, C = self.w.astype(x.dtype), self.smoothing, x.shape[-1]
        real = np.ones(t.shape, bool) if self.ignore_index is None else t != self.ignore_index
        t = np.where(real, t, 0)
        self.check_numbers("class numbers", t, C)
        self.K = K = np.full(x.shape, s / C, x.dtype)
        np.put_along_axis(K, t[..., None], 1 - s + s / C, axis=-1)
        K *= w * real[..., None]
        if self.reduction == "mean":
            total = (w[t] * real).sum()
            if not total > 0:
                raise ValueError("the targets that count have no weight, so there is no mean of them")
            K /= total
        each = np.multiply(K, x, where=K != 0, out=np.zeros_like(x)).sum(axis=-1)  # x may be -inf
        return np.negative(each if self.reduction == "none" else each.sum(), out=self.y)

    def backward(self, dy) -> tuple[Any, ...]:
        return np.multiply(self.K, -wide(dy)[..., None], out=self.into[0]), None


class BCE(_Loss):
    """L = -t ln p - (1 - t) ln(1 - p), of each number,  dL/dp = (p - t) / (p (1 - p)),  dL/dt = ln(1 - p) - ln p.
    As in PyTorch a logarithm is at least -100, and a divisor 1e-12.   p, t from 0 to 1, of one shape -> that shape"""

    hint = "Probabilities and targets are compared element by element; try targets.reshape(probabilities.shape)."
    flops = (7, 5, 2)

    def forward(self, p, t) -> np.ndarray:
        if p.shape != t.shape:
            raise ValueError("they must be equal")
        for what, x in (("probabilities", p), ("targets", t)):
            if not from_0_to_1(x) and not (x is p and np.isnan(p).any()):  # a run that diverges is named elsewhere
                raise ValueError(f"{self.name} takes {what} from 0 to 1: got {x.min()} to {x.max()}.")
        self.y, self.p, self.t = np.empty_like(p) if self.y is None else self.y, wide(p), wide(t)
        with np.errstate(divide="ignore"):
            self.yes, self.no = np.minimum(0 - np.log(self.p), 100), np.minimum(0 - np.log1p(-self.p), 100)
        return np.add(self.t * self.yes, (1 - self.t) * self.no, out=self.y)

    def backward(self, dy) -> tuple[Any, ...]:
        dy = wide(dy)
        dp = dy * (self.p - self.t) / np.maximum(self.p * (1 - self.p), 1e-12)
        return dp, dy * (self.yes - self.no) if self.needs[1] else None
