"""Elementary functions, element by element: a ufunc of NumPy and, as in a table of derivatives, what leads back.

Where a slope is infinite (arcsin at 1, log1p at -1) so is the gradient, and outside of its domain a function is NaN.
Steps, such as floor, are flat: their gradient is 0, also where they jump."""

from math import log
from typing import Any

import numpy as np

from .activation import sigmoid
from .careful import only
from .elementwise import _Broadcasting


class _Elementary(_Broadcasting):
    """y = f(x), or y = f(a, b)."""

    whole = np.float32
    f: Any  # a ufunc
    back: Any  # (self, dL/dy, inputs, y) -> dL/dx, or a tuple for two inputs

    def forward(self, *xs) -> np.ndarray:
        self.xs = xs
        return self.f(*xs, out=self.y)

    def backward(self, dy) -> Any:
        return self.back(dy, *self.xs, self.y)


class Sin(_Elementary):
    """y = sin x,  dL/dx = dL/dy cos x.  Any shape."""

    f, flops, back = np.sin, (1, 2), lambda _, dy, x, y: dy * np.cos(x)


class Cos(_Elementary):
    """y = cos x,  dL/dx = -dL/dy sin x.  Any shape."""

    f, flops, back = np.cos, (1, 3), lambda _, dy, x, y: dy * -np.sin(x)


class Tan(_Elementary):
    """y = tan x,  dL/dx = dL/dy (1 + y^2).  Any shape."""

    f, flops, back = np.tan, (1, 3), lambda _, dy, x, y: dy * (1 + y * y)


class Arcsin(_Elementary):
    """y = arcsin x,  dL/dx = dL/dy / sqrt(1 - x^2).  Any shape, |x| <= 1."""

    # 1 - x^2 itself would lose the digits of an x near 1
    f, flops, back = np.arcsin, (1, 5), lambda _, dy, x, y: dy / np.sqrt((1 - x) * (1 + x))


class Arccos(_Elementary):
    """y = arccos x,  dL/dx = -dL/dy / sqrt(1 - x^2).  Any shape, |x| <= 1."""

    f, flops, back = np.arccos, (1, 6), lambda _, dy, x, y: -dy / np.sqrt((1 - x) * (1 + x))


class Arctan(_Elementary):
    """y = arctan x,  dL/dx = dL/dy / (1 + x^2).  Any shape."""

    # hypot does not overflow
    f, flops, back = np.arctan, (1, 6), lambda _, dy, x, y: dy * np.square(1 / np.hypot(1, x))


class Sinh(_Elementary):
    """y = sinh x,  dL/dx = dL/dy cosh x.  Any shape."""

    f, flops, back = np.sinh, (1, 2), lambda _, dy, x, y: dy * np.cosh(x)


class Cosh(_Elementary):
    """y = cosh x,  dL/dx = dL/dy sinh x.  Any shape."""

    f, flops, back = np.cosh, (1, 2), lambda _, dy, x, y: dy * np.sinh(x)


class Arcsinh(_Elementary):
    """y = arcsinh x,  dL/dx = dL/dy / sqrt(x^2 + 1).  Any shape."""

    f, flops, back = np.arcsinh, (1, 4), lambda _, dy, x, y: dy / np.hypot(1, x)


class Arccosh(_Elementary):
    """y = arccosh x,  dL/dx = dL/dy / sqrt(x^2 - 1).  Any shape, x >= 1."""

    f, flops, back = np.arccosh, (1, 6), lambda _, dy, x, y: dy / (np.sqrt(x - 1) * np.sqrt(x + 1))


class Arctanh(_Elementary):
    """y = arctanh x,  dL/dx = dL/dy / (1 - x^2).  Any shape, |x| <= 1."""

    f, flops, back = np.arctanh, (1, 4), lambda _, dy, x, y: dy / ((1 - x) * (1 + x))


class Cbrt(_Elementary):
    """y = the cube root of x, of a negative x negative,  dL/dx = dL/dy / (3 y^2).  Any shape."""

    f, flops, back = np.cbrt, (1, 3), lambda _, dy, x, y: dy / (3 * y * y)


class Log1p(_Elementary):
    """y = ln(1 + x), exact also for small x,  dL/dx = dL/dy / (1 + x).  Any shape, x >= -1."""

    f, flops, back = np.log1p, (2, 2), lambda _, dy, x, y: dy / (1 + x)


class Log2(_Elementary):
    """y = ln x / ln 2,  dL/dx = dL/dy / (x ln 2).  Any shape, x >= 0."""

    f, flops, back = np.log2, (1, 2), lambda _, dy, x, y: dy / (x * log(2))


class Log10(_Elementary):
    """y = ln x / ln 10,  dL/dx = dL/dy / (x ln 10).  Any shape, x >= 0."""

    f, flops, back = np.log10, (1, 2), lambda _, dy, x, y: dy / (x * log(10))


class Expm1(_Elementary):
    """y = e^x - 1, exact also for small x,  dL/dx = dL/dy e^x.  Any shape."""

    f, flops, back = np.expm1, (2, 2), lambda _, dy, x, y: dy * np.exp(x)


class Exp2(_Elementary):
    """y = 2^x,  dL/dx = dL/dy y ln 2.  Any shape."""

    f, flops, back = np.exp2, (1, 2), lambda _, dy, x, y: dy * (y * log(2))


class _Step(_Elementary):
    whole, flops, back = np.int64, (1, 0), lambda _, dy, x, y: np.zeros_like(dy)


class Sign(_Step):
    """y = -1, 0 or 1, the sign of x,  dL/dx = 0.  Any shape."""

    f = np.sign


class Floor(_Step):
    """y = the largest whole number that is not above x,  dL/dx = 0.  Any shape."""

    f = np.floor


class Ceil(_Step):
    """y = the smallest whole number that is not below x,  dL/dx = 0.  Any shape."""

    f = np.ceil


class Trunc(_Step):
    """y = x without the digits behind the point,  dL/dx = 0.  Any shape."""

    f = np.trunc


class Round(_Step):
    """y = x rounded to so many decimals, halves to the even neighbour,  dL/dx = 0.  Any shape."""

    f = np.rint

    def __init__(self, decimals=0) -> None:
        self.decimals = decimals

    def forward(self, x) -> np.ndarray:
        self.xs = (x,)
        return np.round(x, self.decimals, out=self.y)


class FloorDivide(_Elementary):
    """y = the largest whole number that is not above a / b,  dL/da = dL/db = 0.  Any shapes that broadcast."""

    f, symbol, whole, flops = np.floor_divide, "//", np.int64, (2, 0, 0)

    def back(self, dy, a, b, y) -> tuple[Any, ...]:
        return (np.zeros_like(dy),) * 2


class Remainder(_Elementary):
    """y = a - b floor(a / b), which has the sign of b, as Python's a % b;  dL/da = dL/dy,  dL/db = -dL/dy floor(a / b).
    Any shapes that broadcast."""

    f, symbol, whole, flops = np.remainder, "%", np.int64, (4, 0, 4)

    def back(self, dy, a, b, y) -> tuple[Any, ...]:
        return dy, dy * -np.floor_divide(a, b) if self.needs[1] else None


class Fmod(_Elementary):
    """y = a - b trunc(a / b), which has the sign of a, as in C;  dL/da = dL/dy,  dL/db = -dL/dy trunc(a / b).
    Any shapes that broadcast."""

    f, whole, flops = np.fmod, np.int64, (4, 0, 5)

    def back(self, dy, a, b, y) -> tuple[Any, ...]:
        return dy, dy * -np.rint((a - y) / b) if self.needs[1] else None


class Arctan2(_Elementary):
    """y = the angle of the point (b, a), from -pi to pi,  dL/da = dL/dy b / (a^2 + b^2),  dL/db = -dL/dy a / (a^2 +
    b^2).  Any shapes that broadcast. At (0, 0) it is 0, as in PyTorch."""

    f, flops = np.arctan2, (1, 6, 3)

    def back(self, dy, a, b, y) -> tuple[Any, ...]:
        length = np.hypot(a, b)
        away, length = length != 0, np.where(length == 0, 1, length)
        return only(away, dy / length * (b / length)), only(away, dy / length * -(a / length))


class Hypot(_Elementary):
    """y = sqrt(a^2 + b^2), without overflow,  dL/da = dL/dy a / y,  dL/db = dL/dy b / y.  Any shapes that broadcast.
    As that of a norm, the slope is 0 for an input of 0, whatever dL/dy is."""

    f, flops = np.hypot, (4, 2, 2)

    def back(self, dy, a, b, y) -> tuple[Any, ...]:
        y = np.where(y == 0, 1, y)
        return only(a != 0, dy * (a / y)), only(b != 0, dy * (b / y))


class Copysign(_Elementary):
    """y = |a| with the sign of b,  dL/da = dL/dy sign(a) sign(b), 0 where a = 0,  dL/db = 0.  Any shapes that
    broadcast."""

    f, flops = np.copysign, (1, 3, 0)

    def back(self, dy, a, b, y) -> tuple[Any, ...]:
        return dy * np.sign(a) * np.copysign(1, b), np.zeros_like(dy) if self.needs[1] else None


class LogAddExp(_Elementary):
    """y = ln(e^a + e^b), without overflow,  dL/da = dL/dy e^(a - y),  dL/db = dL/dy e^(b - y).  Any shapes that
    broadcast; half to each where they are equal, also where both are infinite."""

    f, flops = np.logaddexp, (4, 5, 4)

    def back(self, dy, a, b, y) -> tuple[Any, ...]:
        d = np.subtract(a, b, where=a != b, out=np.zeros_like(y))  # no inf - inf
        return dy * sigmoid(d), dy * sigmoid(-d)
