"""Losses, one op each: forward ends in one number, the mean over the batch; backward starts with a short formula."""

import numpy as np

from .errors import ShapeError
from .op import Op


class _Loss(Op):
    def start(self, z):
        """The first time: the result's memory, and the weights 1/n of the mean."""
        if not z.size:
            raise ShapeError(f"{self.name} of an empty batch: got shape {z.shape}; give it at least one sample.")
        self.y = np.empty((), z.dtype)


class MSE(_Loss):
    """L = mean of (y - t)^2 over all elements,  dL/dy = 2 (y - t) / n,  dL/dt = -dL/dy.   y, t of one shape -> ()"""

    def forward(self, y, t):
        if self.y is None:
            if y.shape != t.shape:
                raise ShapeError(
                    f"MSE compares element by element: prediction {y.shape} and target {t.shape} must have one shape; "
                    "try target.reshape(prediction.shape)."
                )
            self.start(y)
            self.d = np.empty_like(y, order="C")
        np.subtract(y, t, out=self.d)
        flat = self.d.ravel()
        self.y[...] = flat.dot(flat) / flat.size
        return self.y

    def backward(self, dy):
        dx = np.multiply(self.d, dy * (2 / self.d.size), out=self.into[0])
        return dx, -dx if self.needs[1] else None


class BCEWithLogits(_Loss):
    """L = mean of -t ln p - (1 - t) ln(1 - p) with p = sigmoid(z),  dL/dz = (p - t) / n,  dL/dt = -z / n.
    Computed as ln(e^(-z t) + e^(z (1 - t))), without overflow.   z, t of one shape, t from 0 to 1 -> ().
    z (n, 1) may meet t (n,)."""

    def forward(self, z, t):
        if self.y is None:
            if t.shape != z.shape and (*t.shape, 1) != z.shape:
                raise ShapeError(
                    f"BCEWithLogits compares element by element: logits {z.shape} and targets {t.shape} must have "
                    "one shape; try targets.reshape(logits.shape)."
                )
            self.start(z)
            self.l, self.p = np.empty_like(z, order="C"), np.empty_like(z, order="C")
            self.weights = np.full(z.size, 1 / z.size, z.dtype)
        self.z, self.t_shape = z, t.shape
        self.t = t.reshape(z.shape).astype(z.dtype, copy=False)
        right = np.multiply(z, self.t, self.p)
        wrong = np.subtract(z, right, self.l)
        np.negative(right, right)
        np.logaddexp(right, wrong, right)
        self.weights.dot(right.ravel(), self.y)
        np.subtract(wrong, right, wrong)
        np.exp(wrong, self.p)
        return self.y

    def backward(self, dy):
        scale = dy / self.p.size
        dz = np.subtract(self.p, self.t, out=self.into[0])
        dz = np.multiply(dz, scale, out=self.into[0])
        return dz, (self.z * -scale).reshape(self.t_shape) if self.needs[1] else None


class CrossEntropy(_Loss):
    """L = mean of -ln p[i, t_i] with p = softmax(z),  dL/dz = (p - onehot(t)) / n.   z (..., C) logits, t (...,) class
    numbers from 0 to C - 1 -> ()"""

    def forward(self, z, t):
        if self.y is None:
            self.check(z, t)
            self.start(z)
            self.p = np.empty_like(z, order="C")
            self.top = np.empty((*t.shape, 1), z.dtype)
            self.ones = np.ones(z.shape[-1], z.dtype)
            self.starts = np.arange(t.size) * z.shape[-1]
        p = self.p
        np.maximum.reduce(z, axis=-1, keepdims=True, out=self.top)
        np.subtract(z, self.top, p)
        self.chosen = self.starts + t.ravel()  # where each row's own class stands in the flat array
        own = p.ravel()[self.chosen]
        np.exp(p, p)
        sums = p.dot(self.ones)
        p /= sums[..., None]
        self.y[...] = np.add.reduce(np.log(sums).ravel() - own) / own.size
        return self.y

    def backward(self, dy):
        scale = dy / self.chosen.size
        dz = np.multiply(self.p, scale, out=self.into[0])
        dz.ravel()[self.chosen] -= scale
        return dz, None

    def check(self, z, t):
        if z.ndim < 1 or t.shape != z.shape[:-1]:
            raise ShapeError(
                f"CrossEntropy takes logits (..., C) and class numbers (...,): got {z.shape} and {t.shape}; "
                "one-hot targets become class numbers with targets.argmax(-1)."
            )
        if t.dtype.kind not in "iu":
            raise TypeError(f"CrossEntropy takes class numbers as integers: got {t.dtype}; try targets.astype(int).")
        if t.size and not (t.min() >= 0 and t.max() < z.shape[-1]):
            raise IndexError(
                f"CrossEntropy has {z.shape[-1]} classes, numbered 0 to {z.shape[-1] - 1}: "
                f"got class numbers from {t.min()} to {t.max()}."
            )
