"""Activation functions. Each takes and returns an array of any shape, and is safe for inputs of any size."""

import math
from functools import lru_cache
from math import exp, pi, sqrt
from typing import Any

import numpy as np

from .careful import ONE, bounded, narrow, only, wide
from .op import UNSET, Op


def sigmoid(x, out=None) -> np.ndarray:
    """1 / (1 + e^-x), written so that neither side overflows."""
    e = np.exp(-np.abs(x))
    return np.divide(np.where(x >= 0, 1, e), 1 + e, out=out)


class Identity(Op):
    """y = x,  dL/dx = dL/dy."""

    view = True
    flops = (0, 0)

    def forward(self, x) -> np.ndarray:
        return x

    def backward(self, dy) -> np.ndarray:
        return dy


class Sigmoid(Op):
    """y = 1 / (1 + e^-x),  dL/dx = dL/dy y (1 - y)."""

    whole = np.float32
    flops = (4, 3)

    def forward(self, x) -> np.ndarray:
        return sigmoid(x, out=self.y)

    def backward(self, dy) -> np.ndarray:
        return np.multiply(dy, self.y * (1 - self.y), out=self.into[0])


class Tanh(Op):
    """y = tanh(x),  dL/dx = dL/dy (1 - y^2)."""

    whole = np.float32
    flops = (1, 3)

    def forward(self, x) -> np.ndarray:
        return np.tanh(x, out=self.y)

    def backward(self, dy) -> np.ndarray:
        into, y = self.into[0], self.y
        dx = np.multiply(y, y, into)
        dx = np.subtract(ONE.get(y.dtype, 1), dx, into)
        return np.multiply(dx, dy, into)


class ReLU(Op):
    """y = max(x, 0),  dL/dx = dL/dy where x > 0, else 0."""

    flops = (1, 2)

    def forward(self, x) -> np.ndarray:
        return np.maximum(x, 0, out=self.y)

    def backward(self, dy) -> np.ndarray:
        return only(self.y != 0, dy, out=self.into[0])  # y > 0, or NaN


class LeakyReLU(Op):
    """y = x where x > 0, else slope x;  dL/dx = dL/dy times 1 or slope.  The slope at 0 is `negative_slope`."""

    whole = np.float32
    flops = (2, 1)

    def __init__(self, negative_slope=0.01) -> None:
        self.negative_slope = float(negative_slope)

    def forward(self, x) -> np.ndarray:
        self.slope = np.where(x > 0, 1, self.negative_slope).astype(x.dtype)
        return np.multiply(x, self.slope, out=self.y) if self.negative_slope else np.maximum(x, 0, out=self.y)

    def backward(self, dy) -> np.ndarray:
        if self.negative_slope:
            return np.multiply(dy, self.slope, out=self.into[0])
        return only(self.y != 0, dy, out=self.into[0])


class ELU(Op):
    """y = x where x > 0, else alpha (e^x - 1);  dL/dx = dL/dy where x > 0, else dL/dy alpha e^x."""

    whole = np.float32
    flops = (4, 3)

    def __init__(self, alpha=1.0) -> None:
        self.alpha = float(alpha)

    def forward(self, x) -> np.ndarray:
        self.x = x
        return np.add(np.maximum(x, 0), self.alpha * np.expm1(np.minimum(x, 0)), out=self.y)

    def backward(self, dy) -> np.ndarray:
        return np.multiply(dy, np.where(self.x > 0, 1, self.alpha * np.exp(np.minimum(self.x, 0))), out=self.into[0])


class SELU(ELU):
    """y = scale ELU(x), with the alpha and the scale with which mean 0 and variance 1 keep themselves up from layer to
    layer.   Klambauer et al. 2017, arXiv:1706.02515."""

    flops = (5, 4)
    scale = 1.0507009873554804934193349852946

    def __init__(self) -> None:
        super().__init__(1.6732632423543772848170429916717)

    def forward(self, x) -> np.ndarray:
        return np.multiply(super().forward(x), self.scale, out=self.y)

    def backward(self, dy) -> np.ndarray:
        return np.multiply(super().backward(dy), self.scale, out=self.into[0])


class PReLU(Op):
    """y = x where x > 0, else a x;  dL/dx = dL/dy times 1 or a,  dL/da = sum of dL/dy x where x <= 0.
    x and a: shapes that broadcast.   He et al. 2015, arXiv:1502.01852."""

    whole = np.float32
    flops = (2, 1, 2)
    hint = "Sizes must be equal, or 1, counted from the last axis; try reshape."

    def forward(self, x, a) -> np.ndarray:
        self.x, self.slope = x, np.where(x > 0, np.ones_like(a), a)
        return np.multiply(x, self.slope, out=self.y)

    def backward(self, dy) -> tuple[Any, ...]:
        da = np.multiply(dy, np.minimum(self.x, 0)) if self.needs[1] else None
        return np.multiply(dy, self.slope, out=self.into[0]), da


class Hardtanh(Op):
    """y = slope x + shift, cut off at low and high;  dL/dx = slope dL/dy in between, else (and at both) 0."""

    whole = np.float32
    flops = (2, 3)
    slope, shift = 1.0, 0.0

    def __init__(self, low=-1.0, high=1.0) -> None:
        self.low, self.high = float(low), float(high)

    def forward(self, x) -> np.ndarray:
        x = x if self.slope == 1 else x * self.slope + self.shift
        return np.minimum(np.maximum(x, self.low), self.high, out=self.y)

    def backward(self, dy) -> np.ndarray:
        dx = only((self.y != self.low) & (self.y != self.high), dy, out=self.into[0])
        return dx if self.slope == 1 else np.multiply(dx, self.slope, out=self.into[0])


class Hardsigmoid(Hardtanh):
    """y = x / 6 + 1/2, cut off at 0 and 1;  dL/dx = dL/dy / 6 in between, else 0."""

    flops = (4, 4)
    slope, shift = 1 / 6, 0.5

    def __init__(self) -> None:
        super().__init__(0, 1)


class Softsign(Op):
    """y = x / (1 + |x|),  dL/dx = dL/dy (1 - |y|)^2."""

    whole = np.float32
    flops = (3, 4)

    def forward(self, x) -> np.ndarray:
        x = bounded(x, np.finfo(x.dtype).max / 2)  # infinity over infinity is NaN
        return np.divide(x, 1 + np.abs(x), out=self.y)

    def backward(self, dy) -> np.ndarray:
        return np.multiply(dy, np.square(1 - np.abs(self.y)), out=self.into[0])


class _Gated(Op):
    """y = x F with a gate F that goes from 0 to 1. At `far` it is there, exactly: further out F and its slope are
    computed at `far`, because inf times 0 is NaN."""

    whole = np.float32
    far = 30
    gated = UNSET  # near F, which is y where x is within bounds

    def pass_gate(self, x, near, F) -> np.ndarray:
        y = self.gated = np.asarray(np.multiply(near, F, out=self.y))
        if near is not x:
            self.gated = y.copy()
            np.copyto(y, x, where=x > near)
        return y


class SiLU(_Gated):
    """y = x s with s = sigmoid(x),  dL/dx = dL/dy (s + y (1 - s)).  Also known as swish."""

    far = 1e4
    flops = (5, 4)

    def forward(self, x) -> np.ndarray:
        near = bounded(x, self.far)
        self.s = sigmoid(near)
        return self.pass_gate(x, near, self.s)

    def backward(self, dy) -> np.ndarray:
        return np.multiply(dy, self.s + self.gated * (1 - self.s), out=self.into[0])


class Hardswish(_Gated):
    """y = x F with F = x / 6 + 1/2, cut off at 0 and 1;  dL/dx = dL/dy (F + x / 6 where 0 < F < 1).
    Howard et al. 2019, arXiv:1905.02244."""

    flops = (5, 6)

    def forward(self, x) -> np.ndarray:
        self.x = bounded(x, self.far)
        self.F = np.clip(self.x / 6 + 0.5, 0, 1)
        return self.pass_gate(x, self.x, self.F)

    def backward(self, dy) -> np.ndarray:
        within = (self.F > 0) & (self.F < 1)
        return np.multiply(dy, self.F + np.where(within, self.x / 6, 0), out=self.into[0])


class Mish(_Gated):
    """y = x F with F = tanh(ln(1 + e^x)),  dL/dx = dL/dy (F + x (1 - F^2) sigmoid(x)).   Misra 2019,
    arXiv:1908.08681."""

    far = 1e4
    flops = (6, 9)

    def forward(self, x) -> np.ndarray:
        self.x = bounded(x, self.far)
        self.F = np.tanh(np.logaddexp(self.x, 0))
        return self.pass_gate(x, self.x, self.F)

    def backward(self, dy) -> np.ndarray:
        slope = self.x * (1 - np.square(self.F)) * sigmoid(self.x)
        return np.multiply(dy, self.F + slope, out=self.into[0])


class Softplus(Op):
    """y = ln(1 + e^x),  dL/dx = dL/dy sigmoid(x)."""

    whole = np.float32
    flops = (3, 3)

    def forward(self, x) -> np.ndarray:
        self.x = x
        return np.logaddexp(x, 0, out=self.y)

    def backward(self, dy) -> np.ndarray:
        return np.multiply(dy, sigmoid(self.x), out=self.into[0])


class GELU(_Gated):
    """y = x F(x), F the normal distribution function;  dL/dx = dL/dy (F(x) + x f(x)), f its density.
    Hendrycks & Gimpel 2016, arXiv:1606.08415, exact (through erf)."""

    flops = (5, 7)

    def forward(self, x) -> np.ndarray:
        self.x = bounded(x, self.far)
        self.F = 0.5 * (1 + erf(self.x * sqrt(0.5)))
        return self.pass_gate(x, self.x, self.F)

    def backward(self, dy) -> np.ndarray:
        f = np.exp(-0.5 * np.square(self.x)) * (1 / sqrt(2 * pi))
        return np.multiply(dy, self.F + self.x * f, out=self.into[0])


class TanhGELU(_Gated):
    """y = x F with F = (1 + tanh(u)) / 2 and u = sqrt(2/pi) (x + 0.044715 x^3);  dL/dx = dL/dy (F + 2 y (1 - F) du/dx).
    The usual approximation of GELU, at most 5e-4 away."""

    c, k = sqrt(2 / pi), 0.044715
    flops = (9, 12)

    def forward(self, x) -> np.ndarray:
        if self.y is None:
            self.y, self.F, self.slope = (np.empty_like(x) for _ in range(3))
        self.x = near = bounded(x, self.far)
        F = np.square(near, out=self.F)
        F *= self.c * self.k
        F += self.c
        F *= near
        np.tanh(F, out=F)
        F += 1
        F *= 0.5
        return self.pass_gate(x, near, F)

    def backward(self, dy) -> np.ndarray:
        dx = np.empty_like(self.x) if self.into[0] is None else self.into[0]
        twice_du = np.square(self.x, out=dx)
        twice_du *= 6 * self.c * self.k
        twice_du += 2 * self.c
        slope = np.subtract(1, self.F, out=self.slope)
        slope *= self.gated
        slope *= twice_du
        slope += self.F
        return np.multiply(dy, slope, out=dx)


class Erf(Op):
    """y = erf(x), 2/sqrt(pi) times the integral of e^-t^2 from 0 to x;  dL/dx = dL/dy 2/sqrt(pi) e^-x^2."""

    whole = np.float32
    flops = (1, 5)

    def forward(self, x) -> np.ndarray:
        self.x = x
        return np.positive(erf(x), out=self.y)

    def backward(self, dy) -> np.ndarray:
        return np.multiply(dy, 2 / sqrt(pi) * np.exp(-np.square(bounded(self.x, 30))), out=self.into[0])


def erf(x) -> np.ndarray:
    """The error function, to 2e-16 (float64) or 2e-7 (float32): Taylor's series around the nearest of 385 points.

    With a the point and d = x - a, erf(x) = erf(a) + 2/sqrt(pi) e^(-a^2) (d - H1(a) d^2/2! + H2(a) d^3/3! - ...), where
    Hermite's polynomials follow from H0 = 1, H1 = 2a, H(n+1) = 2a H(n) - 2n H(n-1).
    """
    half, x = x, wide(x)
    points, values, slopes = _erf_table(x.dtype)
    x = np.clip(x, -6, 6)  # erf(6) is 1 to the last digit
    nearest = np.rint(32 * np.nan_to_num(x) + 192).astype(np.intp)
    a = points[nearest]
    power = total = d = x - a
    before, hermite = 1, 2 * a
    for n in range(1, 8):
        power = power * d / -(n + 1)
        total = total + hermite * power
        before, hermite = hermite, 2 * a * hermite - 2 * n * before
    return narrow(values[nearest] + slopes[nearest] * total, half)


@lru_cache
def _erf_table(dtype):
    rows = [(a, math.erf(a), 2 / sqrt(pi) * exp(-a * a)) for a in np.arange(-192, 193) / 32]
    return np.array(rows, dtype).T
