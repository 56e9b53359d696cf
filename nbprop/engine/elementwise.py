"""Elementwise arithmetic. Shapes of the two-input ops broadcast as in NumPy."""

import numpy as np

from .op import Op

_BROADCAST = "Sizes must be equal, or 1, counted from the last axis; try reshape or transpose."


class Add(Op):
    """y = a + b,  dL/da = dL/dy,  dL/db = dL/dy.  Any shapes that broadcast."""

    hint = _BROADCAST

    def forward(self, a, b):
        self.y = np.add(a, b, out=self.y)
        return self.y

    def backward(self, dy):
        return dy, dy


class Sub(Op):
    """y = a - b,  dL/da = dL/dy,  dL/db = -dL/dy.  Any shapes that broadcast."""

    hint = _BROADCAST

    def forward(self, a, b):
        self.y = np.subtract(a, b, out=self.y)
        return self.y

    def backward(self, dy):
        return dy, np.negative(dy, out=self.into[1]) if self.needs[1] else None


class Mul(Op):
    """y = a b,  dL/da = dL/dy b,  dL/db = dL/dy a.  Any shapes that broadcast."""

    hint = _BROADCAST

    def forward(self, a, b):
        self.a, self.b = a, b
        self.y = np.multiply(a, b, out=self.y)
        return self.y

    def backward(self, dy):
        da = np.multiply(dy, self.b, out=self.into[0]) if self.needs[0] else None
        db = np.multiply(dy, self.a, out=self.into[1]) if self.needs[1] else None
        return da, db


class Div(Op):
    """y = a / b,  dL/da = dL/dy / b,  dL/db = -dL/dy y / b.  Any shapes that broadcast."""

    hint = _BROADCAST

    def forward(self, a, b):
        self.b = b
        self.y = np.divide(a, b, out=self.y)
        return self.y

    def backward(self, dy):
        da = np.divide(dy, self.b, out=self.into[0])
        return da, np.multiply(da, -self.y, out=self.into[1]) if self.needs[1] else None


class Neg(Op):
    """y = -x,  dL/dx = -dL/dy.  Any shape."""

    def forward(self, x):
        self.y = np.negative(x, out=self.y)
        return self.y

    def backward(self, dy):
        return np.negative(dy, out=self.into[0])


class Power(Op):
    """y = x^c for a number c,  dL/dx = dL/dy c x^(c-1).  Any shape."""

    def __init__(self, exponent):
        self.exponent = exponent

    def forward(self, x):
        self.x = x
        self.y = np.square(x, out=self.y) if self.exponent == 2 else np.power(x, self.exponent, out=self.y)
        return self.y

    def backward(self, dy):
        if self.exponent == 0:
            return np.zeros_like(dy)  # 0 * 0^-1 would be nan
        return dy * (self.exponent * self.x ** (self.exponent - 1))


class TensorPower(Op):
    """y = a^b,  dL/da = dL/dy b a^(b-1),  dL/db = dL/dy y ln a.  Any shapes that broadcast.
    a >= 0 if b needs a gradient. dL/da is 0 where b = 0, dL/db is 0 where a = 0."""

    hint = _BROADCAST

    def forward(self, a, b):
        self.a, self.b = a, b
        self.y = np.power(a, b, out=self.y)
        return self.y

    def backward(self, dy):
        da = db = None
        if self.needs[0]:
            da = dy * (self.b * np.power(self.a, np.where(self.b == 0, 1, self.b - 1)))
        if self.needs[1]:
            db = dy * (self.y * np.log(np.where(self.a == 0, 1, self.a)))
        return da, db


class Exp(Op):
    """y = e^x,  dL/dx = dL/dy y.  Any shape."""

    def forward(self, x):
        self.y = np.exp(x, out=self.y)
        return self.y

    def backward(self, dy):
        return np.multiply(dy, self.y, out=self.into[0])


class Log(Op):
    """y = ln x,  dL/dx = dL/dy / x.  Any shape, x > 0."""

    def forward(self, x):
        self.x = x
        self.y = np.log(x, out=self.y)
        return self.y

    def backward(self, dy):
        return np.divide(dy, self.x, out=self.into[0])


class Sqrt(Op):
    """y = sqrt(x),  dL/dx = dL/dy / (2 y).  Any shape, x >= 0 (the gradient at 0 is infinite)."""

    def forward(self, x):
        self.y = np.sqrt(x, out=self.y)
        return self.y

    def backward(self, dy):
        return np.divide(dy, 2 * self.y, out=self.into[0])


class Abs(Op):
    """y = |x|,  dL/dx = dL/dy sign(x), which is 0 at 0.  Any shape."""

    def forward(self, x):
        self.x = x
        self.y = np.abs(x, out=self.y)
        return self.y

    def backward(self, dy):
        return np.multiply(dy, np.sign(self.x), out=self.into[0])


class _Extreme(Op):
    hint = _BROADCAST

    def forward(self, a, b):
        self.a, self.b = a, b
        self.y = self.choose(a, b, out=self.y)
        return self.y

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
        self.y = np.clip(x, self.low, self.high, out=self.y)
        return self.y

    def backward(self, dy):
        return np.multiply(dy, self.x == self.y, out=self.into[0])


class Where(Op):
    """y = a where the condition holds, else b; dL/dy goes to the one that was taken.  Any shapes that broadcast.
    The condition is an array of bool without a gradient."""

    hint = _BROADCAST

    def forward(self, condition, a, b):
        self.condition = condition
        if self.y is None:
            self.y = np.where(condition, a, b)
        else:
            np.copyto(self.y, b)
            np.copyto(self.y, a, where=condition)
        return self.y

    def backward(self, dy):
        return None, dy * self.condition, dy * ~self.condition


class Cast(Op):
    """y = x in another dtype,  dL/dx = dL/dy in the dtype of x.  Any shape."""

    def __init__(self, dtype):
        self.dtype = np.dtype(dtype)

    def forward(self, x):
        if self.y is None:
            self.y = np.empty(x.shape, self.dtype)
        np.copyto(self.y, x, casting="unsafe")
        return self.y

    def backward(self, dy):
        return dy
