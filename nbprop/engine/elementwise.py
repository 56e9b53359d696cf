"""Elementwise arithmetic. Shapes of the two-input ops broadcast as in NumPy."""

import numpy as np

from .op import Op


class _Broadcasting(Op):
    hint = "Sizes must be equal, or 1, counted from the last axis; try reshape or transpose."


class Add(_Broadcasting):
    """y = a + b,  dL/da = dL/dy,  dL/db = dL/dy.  Any shapes that broadcast."""

    symbol = "+"

    def forward(self, a, b):
        return np.add(a, b, out=self.y)

    def backward(self, dy):
        return dy, dy


class Sub(_Broadcasting):
    """y = a - b,  dL/da = dL/dy,  dL/db = -dL/dy.  Any shapes that broadcast."""

    symbol = "-"

    def forward(self, a, b):
        return np.subtract(a, b, out=self.y)

    def backward(self, dy):
        return dy, np.negative(dy, out=self.into[1]) if self.needs[1] else None


class Mul(_Broadcasting):
    """y = a b,  dL/da = dL/dy b,  dL/db = dL/dy a.  Any shapes that broadcast."""

    symbol = "*"

    def forward(self, a, b):
        self.a, self.b = a, b
        return np.multiply(a, b, out=self.y)

    def backward(self, dy):
        da = np.multiply(dy, self.b, out=self.into[0]) if self.needs[0] else None
        db = np.multiply(dy, self.a, out=self.into[1]) if self.needs[1] else None
        return da, db


class Div(_Broadcasting):
    """y = a / b,  dL/da = dL/dy / b,  dL/db = -dL/dy y / b.  Any shapes that broadcast."""

    symbol = "/"

    def forward(self, a, b):
        self.b = b
        return np.divide(a, b, out=self.y)

    def backward(self, dy):
        da = np.divide(dy, self.b, out=self.into[0])
        return da, np.multiply(da, -self.y, out=self.into[1]) if self.needs[1] else None


class Neg(Op):
    """y = -x,  dL/dx = -dL/dy.  Any shape."""

    def forward(self, x):
        return np.negative(x, out=self.y)

    def backward(self, dy):
        return np.negative(dy, out=self.into[0])


class Power(Op):
    """y = x^c for a number c,  dL/dx = dL/dy c x^(c-1).  Any shape."""

    kept = ("symbol",)

    def __init__(self, exponent):
        self.exponent, self.symbol = exponent, f"**{exponent}"

    def forward(self, x):
        self.x = x
        return np.square(x, out=self.y) if self.exponent == 2 else np.power(x, self.exponent, out=self.y)

    def backward(self, dy):
        c = self.exponent
        return dy * (c * self.x ** (c - 1 if c else 1))  # 0 x^-1 would be nan where x = 0


class TensorPower(_Broadcasting):
    """y = a^b,  dL/da = dL/dy b a^(b-1),  dL/db = dL/dy y ln a.  Any shapes that broadcast.
    a >= 0 if b needs a gradient. dL/da is 0 where b = 0, dL/db is 0 where a = 0."""

    def forward(self, a, b):
        self.a, self.b = a, b
        return np.power(a, b, out=self.y)

    def backward(self, dy):
        da = dy * (self.b * np.power(self.a, np.where(self.b == 0, 1, self.b - 1))) if self.needs[0] else None
        db = dy * (self.y * np.log(np.where(self.a == 0, 1, self.a))) if self.needs[1] else None
        return da, db


class Exp(Op):
    """y = e^x,  dL/dx = dL/dy y.  Any shape."""

    def forward(self, x):
        return np.exp(x, out=self.y)

    def backward(self, dy):
        return np.multiply(dy, self.y, out=self.into[0])


class Log(Op):
    """y = ln x,  dL/dx = dL/dy / x.  Any shape, x > 0."""

    def forward(self, x):
        self.x = x
        return np.log(x, out=self.y)

    def backward(self, dy):
        return np.divide(dy, self.x, out=self.into[0])


class Sqrt(Op):
    """y = sqrt(x),  dL/dx = dL/dy / (2 y).  Any shape, x >= 0 (the gradient at 0 is infinite)."""

    def forward(self, x):
        return np.sqrt(x, out=self.y)

    def backward(self, dy):
        return np.divide(dy, 2 * self.y, out=self.into[0])


class Abs(Op):
    """y = |x|,  dL/dx = dL/dy sign(x), which is 0 at 0.  Any shape."""

    def forward(self, x):
        self.x = x
        return np.abs(x, out=self.y)

    def backward(self, dy):
        return np.multiply(dy, np.sign(self.x), out=self.into[0])


class _Extreme(_Broadcasting):
    def forward(self, a, b):
        self.a, self.b = a, b
        return self.choose(a, b, out=self.y)

    def backward(self, dy):
        to_a = np.where(self.a == self.b, dy / 2, dy * (self.a == self.y))
        return to_a, dy - to_a


class Maximum(_Extreme):
    """y = max(a, b); dL/dy goes to the larger one, half to each where they are equal.  Any shapes that broadcast."""

    choose = np.maximum


class Minimum(_Extreme):
    """y = min(a, b); dL/dy goes to the smaller one, half to each where they are equal.  Any shapes that broadcast."""

    choose = np.minimum


class Clip(Op):
    """y = x where low <= x <= high, else the nearer bound;  dL/dx = dL/dy inside (bounds included), 0 outside."""

    def __init__(self, low=None, high=None):
        self.low = None if low is None else float(low)
        self.high = None if high is None else float(high)

    def forward(self, x):
        self.x = x
        return np.clip(x, self.low, self.high, out=self.y)

    def backward(self, dy):
        return np.multiply(dy, self.x == self.y, out=self.into[0])


class Where(_Broadcasting):
    """y = a where the condition holds, else b; dL/dy goes to the one that was taken.  Any shapes that broadcast.
    The condition is an array of bool without a gradient."""

    def forward(self, condition, a, b):
        self.condition = condition
        return np.choose(condition, (b, a), out=self.y)

    def backward(self, dy):
        return None, dy * self.condition, dy * ~self.condition


class Cast(Op):
    """y = x in another dtype,  dL/dx = dL/dy in the dtype of x.  Any shape."""

    def __init__(self, dtype):
        self.dtype = np.dtype(dtype)

    def forward(self, x):
        y = np.empty(x.shape, self.dtype) if self.y is None else self.y
        np.copyto(y, x, casting="unsafe")
        return y

    def backward(self, dy):
        return dy
