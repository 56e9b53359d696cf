"""The methods of Tensor that are one op, or a question about its numbers. Under PyTorch's names, and NumPy's."""

from collections.abc import Callable
from inspect import signature
from numbers import Real
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..checks import flag
from . import elementary as e
from .activation import ELU, GELU, Erf, LeakyReLU, ReLU, Sigmoid, SiLU, Softplus, Tanh, TanhGELU
from .cumulative import Cumprod, Cumsum, LogCumSumExp
from .elementwise import Abs, Clip, Exp, Log, Power, Sqrt
from .moving import Median
from .reduce import Max, Mean, Min, Norm, Prod, Std, Sum, Var, one_of
from .shaping import Ordered
from .softmax import LogSoftmax, LogSumExp, Softmax
from .tape import grad_enabled

if TYPE_CHECKING:
    from .tensor import Tensor


def method(op) -> "Callable[..., Tensor]":
    """The method of Tensor that applies this op: its options, and what there is to say about it, are the op's."""

    def applied(self, *values, **options):
        for value in (*values, *options.values()):
            if getattr(value, "requires_grad", False) and grad_enabled():
                raise TypeError(
                    f"{op.name} takes its options as numbers: no gradient would flow to {value!r}. Use an op that "
                    "takes both (such as nb.engine.maximum), or value.item() for a constant."
                )
        try:
            new = op(*values, **options)
        except TypeError as error:  # of Python's, which names __init__
            said = str(error).replace(f"{op.__init__.__qualname__}()", f"{applied.__qualname__}()")
            raise TypeError(said) from None
        return self._apply(new, self)

    init = (lambda self: None) if op.__init__ is object.__init__ else op.__init__
    applied.__doc__, applied.__signature__ = op.__doc__, signature(init)
    return applied


def extreme(op, where) -> "Callable[..., Any]":
    """The method that applies Max or Min. With `dim=` it gives what PyTorch does, (values, indices)."""
    plain = method(op)

    def applied(self, axis=None, keepdims=False, *, dim=None, keepdim=False):
        values = plain(self, axis, keepdims, dim=dim, keepdim=keepdim)
        if isinstance(dim, (list, tuple)):
            raise TypeError(f"{applied.__qualname__}() along several axes has no indices: got dim={dim!r}; try axis=.")
        return values if dim is None else Ordered(values, where(self._data, dim, keepdims=keepdims or keepdim))

    applied.__doc__ = op.__doc__
    return applied


def power(exponent) -> "Callable[..., Tensor]":
    def applied(self):
        return self._apply(Power(exponent), self)

    applied.__doc__ = f"x ** {exponent}."
    return applied


def question(function) -> Callable[..., Any]:
    """The method that asks a function of NumPy about the numbers; the answer is a plain array, or a bool."""

    def asked(self, *values, **options):
        return function(self._data, *[getattr(x, "_data", x) for x in values], **options)

    asked.__doc__ = f"np.{function.__name__} of the numbers: a plain array, or a bool."
    return asked


class Methods:
    _data: Any
    _apply: Any  # tensor.apply
    op: Any
    requires_grad: bool
    shape: Any
    dtype: Any
    astype: Any
    sort: Any
    T: Any
    __add__: Any
    __rsub__: Any
    maximum: Any
    minimum: Any
    dot: Any  # these three: pairs.py
    inner: Any
    outer: Any

    abs, sqrt, square = method(Abs), method(Sqrt), power(2)
    _clip = method(Clip)
    rsqrt, reciprocal = power(-0.5), power(-1)
    cbrt = method(e.Cbrt)
    exp, exp2, expm1 = method(Exp), method(e.Exp2), method(e.Expm1)
    log, log2, log10, log1p = method(Log), method(e.Log2), method(e.Log10), method(e.Log1p)
    sin, cos, tan = method(e.Sin), method(e.Cos), method(e.Tan)
    asin = arcsin = method(e.Arcsin)
    acos = arccos = method(e.Arccos)
    atan = arctan = method(e.Arctan)
    sinh, cosh, tanh = method(e.Sinh), method(e.Cosh), method(Tanh)
    asinh = arcsinh = method(e.Arcsinh)
    acosh = arccosh = method(e.Arccosh)
    atanh = arctanh = method(e.Arctanh)
    sign, floor, ceil = method(e.Sign), method(e.Floor), method(e.Ceil)
    trunc, round = method(e.Trunc), method(e.Round)

    sigmoid, erf = method(Sigmoid), method(Erf)
    relu, leaky_relu, elu = method(ReLU), method(LeakyReLU), method(ELU)
    silu, softplus = method(SiLU), method(Softplus)
    softmax, log_softmax, logsumexp = method(Softmax), method(LogSoftmax), method(LogSumExp)

    sum, mean, prod = method(Sum), method(Mean), method(Prod)
    max, min = extreme(Max, np.argmax), extreme(Min, np.argmin)
    amax, amin = method(Max), method(Min)
    var, std, norm = method(Var), method(Std), method(Norm)
    cumsum, cumprod, logcumsumexp = method(Cumsum), method(Cumprod), method(LogCumSumExp)

    isnan, isinf, isfinite = question(np.isnan), question(np.isinf), question(np.isfinite)
    isclose, allclose = question(np.isclose), question(np.allclose)

    def clip(self, low: Any = None, high: Any = None) -> "Tensor":
        """x where low <= x <= high, else the nearer bound. Bounds that are arrays or Tensors are broadcast, and may
        have a gradient, which is shared where x is equal to one, see Maximum."""
        if all(bound is None or isinstance(bound, Real) for bound in (low, high)):
            return self._clip(low, high)
        bounded: Any = self if low is None else self.maximum(low)
        return bounded if high is None else bounded.minimum(high)

    def clamp(self, min: Any = None, max: Any = None) -> "Tensor":
        """`clip` under PyTorch's names."""
        return self.clip(min, max)

    def gelu(self, approximate="none") -> "Tensor":
        """x Phi(x), with the normal distribution function Phi; "tanh": a formula near it, which is faster."""
        return self._apply(TanhGELU() if approximate == "tanh" else GELU(), self)

    def median(self, axis=None, keepdims=False, *, dim=None, keepdim=False) -> Any:
        """The number in the middle, or the mean of the two in the middle of an even count; see `moving.Median`.
        With `dim=` it is what PyTorch gives: (values, indices) of the lower of the two."""
        axis, keepdims, named = one_of(axis, dim), keepdims or keepdim, dim is not None
        if not named:
            return self._apply(Median(axis, keepdims), self)
        values, indices = self.sort(axis)
        n, strange = self.shape[axis], np.isnan(self._data).any(axis, keepdims=True)
        middle = np.where(strange, n - 1, (n - 1) // 2)  # NaN is the last
        values, indices = values.gather(axis, middle), np.take_along_axis(indices, middle, axis)
        return Ordered(values, indices) if keepdims else Ordered(values.squeeze(axis), indices.squeeze(axis))

    def lerp(self, end, weight) -> "Tensor":
        """From x a part of the way to another: x + weight (end - x)."""
        return self + weight * (end - self)

    # As PyTorch has it, for what is learned there

    def numel(self) -> int:
        """How many numbers there are: `size`."""
        return self._data.size

    def dim(self) -> int:
        """How many axes there are: `ndim`."""
        return self._data.ndim

    def t(self) -> "Tensor":
        """A matrix with rows and columns exchanged; one axis, or none, as it is."""
        if self._data.ndim > 2:
            raise ValueError(f"t() takes a matrix: got shape {self.shape}; try x.T or x.swapaxes(-2, -1).")
        return self.T

    def cpu(self) -> "Tensor":
        """Itself: everything is computed on the CPU."""
        return cast("Tensor", self)

    def to(self, target) -> "Tensor":
        """As `astype`, for a dtype; itself for "cpu", the only device there is; for another Tensor in its dtype."""
        if str(target) == "cpu":
            return cast("Tensor", self)
        try:
            return self.astype(np.dtype(target.dtype if hasattr(target, "_data") else target))
        except TypeError:
            raise TypeError(f'to() takes a dtype of NumPy, such as np.float64, or "cpu": got {target!r}.') from None

    def requires_grad_(self, requires_grad=True) -> "Tensor":
        """Say whether backward() is to leave a gradient; itself."""
        if self.op is not None or (requires_grad and self.dtype.kind != "f"):
            raise TypeError(f"requires_grad_ is for floating tensors that no op made: got {self!r}.")
        self.requires_grad = flag("requires_grad", requires_grad)
        return cast("Tensor", self)

    def retain_grad(self) -> None:
        """Nothing: here every tensor that is still held has its gradient after backward()."""
