"""Activation functions. Each takes and returns an array of any shape, and is safe for inputs of any size."""

import math
from functools import lru_cache
from math import exp, pi, sqrt

import numpy as np

from .op import Op


def sigmoid(x, out=None):
    """1 / (1 + e^-x), written so that neither side overflows."""
    e = np.exp(-np.abs(x))
    return np.divide(np.where(x >= 0, 1, e), 1 + e, out=out)


class Identity(Op):
    """y = x,  dL/dx = dL/dy."""

    view = True

    def forward(self, x):
        return x

    def backward(self, dy):
        return dy


class Sigmoid(Op):
    """y = 1 / (1 + e^-x),  dL/dx = dL/dy y (1 - y)."""

    def forward(self, x):
        return sigmoid(x, out=self.y)

    def backward(self, dy):
        return np.multiply(dy, self.y * (1 - self.y), out=self.into[0])


class Tanh(Op):
    """y = tanh(x),  dL/dx = dL/dy (1 - y^2)."""

    def forward(self, x):
        return np.tanh(x, out=self.y)

    def backward(self, dy):
        dx = np.multiply(self.y, self.y, out=self.into[0])
        dx = np.subtract(1, dx, out=self.into[0])
        return np.multiply(dx, dy, out=self.into[0])


class ReLU(Op):
    """y = max(x, 0),  dL/dx = dL/dy where x > 0, else 0."""

    def forward(self, x):
        return np.maximum(x, 0, out=self.y)

    def backward(self, dy):
        return np.multiply(dy, self.y > 0, out=self.into[0])


class LeakyReLU(Op):
    """y = x where x > 0, else slope x;  dL/dx = dL/dy times 1 or slope.  The slope at 0 is `negative_slope`."""

    def __init__(self, negative_slope=0.01):
        self.negative_slope = float(negative_slope)

    def forward(self, x):
        self.slope = np.where(x > 0, 1, self.negative_slope).astype(x.dtype)
        return np.multiply(x, self.slope, out=self.y)

    def backward(self, dy):
        return np.multiply(dy, self.slope, out=self.into[0])


class ELU(Op):
    """y = x where x > 0, else alpha (e^x - 1);  dL/dx = dL/dy where x > 0, else dL/dy (y + alpha)."""

    def __init__(self, alpha=1.0):
        self.alpha = float(alpha)

    def forward(self, x):
        self.x = x
        return np.add(np.maximum(x, 0), self.alpha * np.expm1(np.minimum(x, 0)), out=self.y)

    def backward(self, dy):
        return np.multiply(dy, np.where(self.x > 0, 1, self.y + self.alpha), out=self.into[0])


class SiLU(Op):
    """y = x s with s = sigmoid(x),  dL/dx = dL/dy (s + y (1 - s)).  Also known as swish."""

    def forward(self, x):
        self.s = sigmoid(x)
        return np.multiply(x, self.s, out=self.y)

    def backward(self, dy):
        return np.multiply(dy, self.s + self.y * (1 - self.s), out=self.into[0])


class Softplus(Op):
    """y = ln(1 + e^x),  dL/dx = dL/dy sigmoid(x), and sigmoid(x) = e^(x - y)."""

    def forward(self, x):
        self.x = x
        return np.logaddexp(x, 0, out=self.y)

    def backward(self, dy):
        return np.multiply(dy, np.exp(self.x - self.y), out=self.into[0])


class GELU(Op):
    """y = x F(x), F the normal distribution function;  dL/dx = dL/dy (F(x) + x f(x)), f its density.
    Hendrycks & Gimpel 2016, arXiv:1606.08415, exact (through erf)."""

    def forward(self, x):
        self.x = x
        self.F = 0.5 * (1 + erf(x * sqrt(0.5)))
        return np.multiply(x, self.F, out=self.y)

    def backward(self, dy):
        f = np.exp(-0.5 * np.square(self.x)) * (1 / sqrt(2 * pi))
        return np.multiply(dy, self.F + self.x * f, out=self.into[0])


class TanhGELU(Op):
    """y = x F with F = (1 + tanh(u)) / 2 and u = sqrt(2/pi) (x + 0.044715 x^3);  dL/dx = dL/dy (F + 2 y (1 - F) du/dx).
    The usual approximation of GELU, at most 5e-4 away."""

    c, k = sqrt(2 / pi), 0.044715

    def forward(self, x):
        if self.y is None:
            self.y, self.F, self.slope = (np.empty_like(x) for _ in range(3))
        self.x, F = x, np.square(x, out=self.F)
        F *= self.c * self.k
        F += self.c
        F *= x
        np.tanh(F, out=F)
        F += 1
        F *= 0.5
        return np.multiply(x, F, out=self.y)

    def backward(self, dy):
        dx = np.empty_like(self.x) if self.into[0] is None else self.into[0]
        twice_du = np.square(self.x, out=dx)
        twice_du *= 6 * self.c * self.k
        twice_du += 2 * self.c
        slope = np.subtract(1, self.F, out=self.slope)
        slope *= self.y
        slope *= twice_du
        slope += self.F
        return np.multiply(dy, slope, out=dx)


def erf(x):
    """The error function, to 2e-16 (float64) or 2e-7 (float32): Taylor's series around the nearest of 385 points.

    With a the point and d = x - a, erf(x) = erf(a) + 2/sqrt(pi) e^(-a^2) (d - H1(a) d^2/2! + H2(a) d^3/3! - ...), where
    Hermite's polynomials follow from H0 = 1, H1 = 2a, H(n+1) = 2a H(n) - 2n H(n-1).
    """
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
    return values[nearest] + slopes[nearest] * total


@lru_cache
def _erf_table(dtype):
    rows = [(a, math.erf(a), 2 / sqrt(pi) * exp(-a * a)) for a in np.arange(-192, 193) / 32]
    return np.array(rows, dtype).T
