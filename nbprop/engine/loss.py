"""Losses, one op each: forward ends in one number, the mean over the batch; backward starts with a short formula."""

import numpy as np

from .op import UNSET, Op


class _Loss(Op):
    def __call__(self, prediction, target):
        if not prediction.size:
            raise ValueError("the batch is empty; give it at least one sample")
        return super().__call__(prediction, target)


class MSE(_Loss):
    """L = mean of (y - t)^2 over all elements,  dL/dy = 2 (y - t) / n,  dL/dt = -dL/dy.   y, t of one shape -> ()"""

    hint = "Prediction and target are compared element by element; try target.reshape(prediction.shape)."

    def forward(self, y, t):
        if y.shape != t.shape:
            raise ValueError("they must be equal")
        self.d = y - t
        flat = self.d.ravel()
        return np.divide(flat.dot(flat), flat.size, out=self.y)

    def backward(self, dy):
        dx = np.multiply(self.d, dy * (2 / self.d.size), out=self.into[0])
        return dx, -dx if self.needs[1] else None


class BCEWithLogits(_Loss):
    """L = mean of -t ln p - (1 - t) ln(1 - p) with p = sigmoid(z),  dL/dz = (p - t) / n,  dL/dt = -z / n.
    Computed as ln(e^(-z t) + e^(z (1 - t))), without overflow.   z, t of one shape, t from 0 to 1 -> ().
    z (n, 1) may meet t (n,)."""

    hint = "Logits and targets are compared element by element; try targets.reshape(logits.shape)."

    def forward(self, z, t):
        if self.y is None:
            if t.shape != z.shape and (*t.shape, 1) != z.shape:
                raise ValueError("they must be equal")
            self.y, self.weights = np.empty((), z.dtype), np.full(z.size, 1 / z.size, z.dtype)
        self.z, self.t, self.t_shape = z, t.reshape(z.shape).astype(z.dtype, copy=False), t.shape
        right = z * self.t
        wrong = z - right
        losses = np.logaddexp(-right, wrong)
        self.p = np.exp(wrong - losses)
        self.weights.dot(losses.ravel(), self.y)
        return self.y

    def backward(self, dy):
        scale = dy / self.p.size
        dz = np.multiply(self.p - self.t, scale, out=self.into[0])
        return dz, (self.z * -scale).reshape(self.t_shape) if self.needs[1] else None


class CrossEntropy(_Loss):
    """L = mean of -ln p[i, t_i] with p = softmax(z),  dL/dz = (p - onehot(t)) / n.   z (..., C) logits, t (...,) class
    numbers from 0 to C - 1 -> ()"""

    p = top = UNSET
    hint = "Expected logits (..., C) and class numbers (...,); from one-hot targets: targets.argmax(-1)."

    def forward(self, z, t):
        if self.y is None:
            if z.ndim < 1 or t.shape != z.shape[:-1]:
                raise ValueError("sizes do not agree")
            self.check_numbers("class numbers", t, z.shape[-1])
            self.y, self.ones = np.empty((), z.dtype), np.ones(z.shape[-1], z.dtype)
            self.starts = np.arange(t.size) * z.shape[-1]
        self.top = np.maximum.reduce(z, axis=-1, keepdims=True, out=self.top)
        self.p = p = np.subtract(z, self.top, out=self.p, order="C")
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
