"""Elementwise arithmetic. Shapes of the two-input ops broadcast as in NumPy."""

from typing import Any

import numpy as np

from .careful import only
from .op import Op


class _Broadcasting(Op):
    hint = "Sizes must be equal, or 1, counted from the last axis; try reshape or transpose."


class Add(_Broadcasting):
    """y = a + b,  dL/da = dL/dy,  dL/db = dL/dy.  Any shapes that broadcast."""

    symbol = "+"
    whole = np.int64
    flops = (1, 0, 0)

    def forward(self, a, b) -> np.ndarray:
        return np.add(a, b, out=self.y)

    def backward(self, dy) -> tuple[Any, ...]:
        return dy, dy


class Sub(_Broadcasting):
    """y = a - b,  dL/da = dL/dy,  dL/db = -dL/dy.  Any shapes that broadcast."""

    symbol = "-"
    whole = np.int64
    flops = (1, 0, 1)

    def forward(self, a, b) -> np.ndarray:
        return np.subtract(a, b, out=self.y)

    def backward(self, dy) -> tuple[Any, ...]:
        return dy, np.negative(dy, out=self.into[1]) if self.needs[1] else None


class Mul(_Broadcasting):
    """y = a b,  dL/da = dL/dy b,  dL/db = dL/dy a.  Any shapes that broadcast."""

    symbol = "*"
    whole = np.int64
    flops = (1, 1, 1)

    def forward(self, a, b) -> np.ndarray:
        self.a, self.b = a, b
        return np.multiply(a, b, out=self.y)

    def backward(self, dy) -> tuple[Any, ...]:
        da = np.multiply(dy, self.b, out=self.into[0]) if self.needs[0] else None
        db = np.multiply(dy, self.a, out=self.into[1]) if self.needs[1] else None
        return da, db


class Div(_Broadcasting):
    """y = a / b,  dL/da = dL/dy / b,  dL/db = -dL/dy y / b.  Any shapes that broadcast."""

    symbol = "/"
    whole = np.float32
    flops = (1, 1, 2)

    def forward(self, a, b) -> np.ndarray:
        self.b = b
        return np.divide(a, b, out=self.y)

    def backward(self, dy) -> tuple[Any, ...]:
        da = np.divide(dy, self.b, out=self.into[0])
        return da, np.multiply(da, -self.y, out=self.into[1]) if self.needs[1] else None


class Neg(Op):
    """y = -x,  dL/dx = -dL/dy.  Any shape."""

    whole = np.int64
    flops = (1, 1)

    def forward(self, x) -> np.ndarray:
        return np.negative(x, out=self.y)

    def backward(self, dy) -> np.ndarray:
        return np.negative(dy, out=self.into[0])


class Power(Op):
    """y = x^c for a number c,  dL/dx = dL/dy c x^(c-1).  Any shape.
    If c is even, then so is L as a function of x: its slope at 0 is 0, whatever dL/dy is (inf for a root of y)."""

    kept = ("symbol",)
    flops = (1, 3)

    def __init__(self, exponent) -> None:
        self.exponent, self.symbol = exponent, f"**{exponent}"
        self.whole = np.int64 if isinstance(exponent, int) and exponent >= 0 else np.float32

    def forward(self, x) -> np.ndarray:
        self.x = x
        return np.square(x, out=self.y) if self.exponent == 2 else np.power(x, self.exponent, out=self.y)

    def backward(self, dy) -> np.ndarray:
        c = self.exponent
        if c == 0:
            return np.zeros_like(dy)
        dx = dy * (c * (self.x if c == 2 else self.x ** (c - 1)))
        return only(self.x != 0, dx) if c > 0 and c % 2 == 0 else dx


class TensorPower(_Broadcasting):
    """y = a^b,  dL/da = dL/dy b a^(b-1),  dL/db = dL/dy y ln a.  Any shapes that broadcast.
    Where b = 0, y is 1 whatever a is, so dL/da is 0; where a = 0 <= b, dL/db is 0.  Where a < 0, y is NaN unless b is a
    whole number, and dL/db is NaN."""

    whole = np.float32
    flops = (1, 4, 3)

    def forward(self, a, b) -> np.ndarray:
        self.a, self.b = a, b
        return np.power(a, b, out=self.y)

    def backward(self, dy) -> tuple[Any, ...]:
        a, b, da, db = self.a, self.b, None, None
        if self.needs[0]:
            da = only(b != 0, dy * (b * np.power(a, np.where(b == 0, 1, b - 1))))
        if self.needs[1]:
            nothing = (a == 0) & (b >= 0)
            db = only(~nothing, dy * (self.y * np.log(np.where(nothing, 1, a))))
        return da, db


class Exp(Op):
    """y = e^x,  dL/dx = dL/dy y.  Any shape."""

    whole = np.float32
    flops = (1, 1)

    def forward(self, x) -> np.ndarray:
        return np.exp(x, out=self.y)

    def backward(self, dy) -> np.ndarray:
        return np.multiply(dy, self.y, out=self.into[0])


class Log(Op):
    """y = ln x,  dL/dx = dL/dy / x.  Any shape, x > 0."""

    whole = np.float32
    flops = (1, 1)

    def forward(self, x) -> np.ndarray:
        self.x = x
        return np.log(x, out=self.y)

    def backward(self, dy) -> np.ndarray:
        return np.divide(dy, self.x, out=self.into[0])


class Sqrt(Op):
    """y = sqrt(x),  dL/dx = dL/dy / (2 y).  Any shape, x >= 0 (the gradient at 0 is infinite)."""

    whole = np.float32
    flops = (1, 2)

    def forward(self, x) -> np.ndarray:
        return np.sqrt(x, out=self.y)

    def backward(self, dy) -> np.ndarray:
        return np.divide(dy, 2 * self.y, out=self.into[0])


class Abs(Op):
    """y = |x|,  dL/dx = dL/dy sign(x), which is 0 at 0, whatever dL/dy is.  Any shape."""

    whole = np.int64
    flops = (1, 2)

    def forward(self, x) -> np.ndarray:
        self.x = x
        return np.abs(x, out=self.y)

    def backward(self, dy) -> np.ndarray:
        dx = np.multiply(dy, np.sign(self.x), out=self.into[0])
        return only(self.x != 0, dx, out=self.into[0])


class _Extreme(_Broadcasting):
    choose: Any  # ufuncs
    beats: Any

    def forward(self, a, b) -> np.ndarray:
        self.a, self.b = a, b
        return self.choose(a, b, out=self.y)

    def backward(self, dy) -> tuple[Any, ...]:
        share = np.where(self.a == self.b, dy / 2, dy)
        return only(~self.beats(self.b, self.a), share), only(~self.beats(self.a, self.b), share)


class Maximum(_Extreme):
    """y = max(a, b); dL/dy goes to the larger one, half to each where they are equal.  Any shapes that broadcast."""

    choose, beats = np.maximum, np.greater
    flops = (1, 2, 1)


class Minimum(_Extreme):
    """y = min(a, b); dL/dy goes to the smaller one, half to each where they are equal.  Any shapes that broadcast."""

    choose, beats = np.minimum, np.less
    flops = (1, 2, 1)


class Clip(Op):
    """y = x where low <= x <= high, else the nearer bound;  dL/dx = dL/dy inside (bounds included), 0 outside."""

    flops = (2, 2)

    def __init__(self, low=None, high=None) -> None:
        self.low = None if low is None else float(low)
        self.high = None if high is None else float(high)
        if self.low is not None and self.high is not None and not self.low <= self.high:
            raise ValueError(f"clip expects low <= high: got low={low} and high={high}.")

    def forward(self, x) -> np.ndarray:
        self.x = x
        return np.clip(x, self.low, self.high, out=self.y)

    def backward(self, dy) -> np.ndarray:
        return only(self.x == self.y, dy, out=self.into[0])


class Where(_Broadcasting):
    """y = a where the condition holds, else b; dL/dy goes to the one that was taken.  Any shapes that broadcast.
    The condition is an array of bool without a gradient."""

    flops = (0, 0, 1, 1)

    def forward(self, condition, a, b) -> np.ndarray:
        self.condition = condition
        return np.choose(condition, (b, a), out=self.y)

    def backward(self, dy) -> tuple[Any, ...]:
        return None, only(self.condition, dy), only(~self.condition, dy)


class Cast(Op):
    """y = x in another dtype,  dL/dx = dL/dy in the dtype of x.  Any shape.  Whole numbers and bools have no gradient:
    as in PyTorch, y does not require one then."""

    flops = (0, 0)

    def __init__(self, dtype) -> None:
        self.dtype = np.dtype(dtype)

    def __call__(self, x) -> np.ndarray:
        y = super().__call__(x)
        if self.dtype.kind != "f":
            self.needs = (False,)
        return y

    def forward(self, x) -> np.ndarray:
        y = np.empty(x.shape, self.dtype) if self.y is None else self.y
        np.copyto(y, x, casting="unsafe")
        return y

    def backward(self, dy) -> np.ndarray:
        return dy
