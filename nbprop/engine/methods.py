"""The methods of Tensor that are one op, or a question about its numbers. Under PyTorch's names, and NumPy's."""

from collections.abc import Callable
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np

from . import elementary as e
from .activation import ELU, GELU, Erf, LeakyReLU, ReLU, Sigmoid, SiLU, Softplus, Tanh, TanhGELU
from .cumulative import Cumprod, Cumsum, LogCumSumExp
from .elementwise import Abs, Clip, Exp, Log, Power, Sqrt
from .reduce import Max, Mean, Min, Norm, Prod, Std, Sum, Var
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
        return self._apply(op(*values, **options), self)

    init = (lambda self: None) if op.__init__ is object.__init__ else op.__init__
    applied.__doc__, applied.__signature__ = op.__doc__, signature(init)
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
    dot: Any  # these three: pairs.py
    inner: Any
    outer: Any

    abs, clip, sqrt, square = method(Abs), method(Clip), method(Sqrt), power(2)
    rsqrt, reciprocal = power(-0.5), power(-1)
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
    max, min = method(Max), method(Min)
    var, std, norm = method(Var), method(Std), method(Norm)
    cumsum, cumprod, logcumsumexp = method(Cumsum), method(Cumprod), method(LogCumSumExp)

    isnan, isinf, isfinite = question(np.isnan), question(np.isinf), question(np.isfinite)
    isclose, allclose = question(np.isclose), question(np.allclose)

    def clamp(self, min=None, max=None) -> "Tensor":
        """`clip` under PyTorch's names."""
        return self.clip(min, max)

    def gelu(self, approximate="none") -> "Tensor":
        return self._apply(TanhGELU() if approximate == "tanh" else GELU(), self)
