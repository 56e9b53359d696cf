"""Activation functions, in the order in which they were found useful.

Each is a module around one op of the engine. z: what comes in (any shape), a: what goes out.
"""

import copy
from typing import Any

import numpy as np

from ..checks import choice, lookup, number, size, whole
from ..engine import ShapeError, Tensor, activation as ops, apply, softmax as softmax_ops
from ..engine.op import Op
from .module import Module, Parameter, as_input


class Activation(Module):
    """What all activations share.

    name: as in `nn.activation(name)`.
    two_sided: True for sigmoid and tanh, which saturate at both ends (of interest: the share of saturated values);
        False for the others, which are flat on the left (of interest: units that are flat for a whole batch, "dead").
    silenced: numbers of the units (channels of pictures) that give 0 whatever comes in, and hand no gradient back.
    """

    name = ""
    two_sided = False
    silenced: tuple[int, ...] = ()
    op: Any  # op() is a new op of the engine that computes this activation

    def forward(self, z) -> Tensor:
        return apply(_Silencing(self.op(), self.silenced) if self.silenced else self.op(), z)

    def flat(self, a) -> Any:
        """Where, given its outputs `a` (array), the slope is near 0, so that almost no gradient passes: bool mask of
        the same shape.

        Two-sided: the derivative is below 6 % of its largest value. Others: |da/dz| < 0.01.
        """
        return np.zeros(np.shape(a), bool)

    def fixed(self) -> "Activation":
        """As it is now, without what it learns: a function of one number."""
        return self


class Sigmoid(Activation):
    """a = 1 / (1 + exp(-z)),  da/dz = a (1 - a), at most 1/4.  (Rumelhart, Hinton & Williams 1986)"""

    name = "sigmoid"
    op = ops.Sigmoid
    two_sided = True

    def flat(self, a) -> Any:
        return np.abs(a - 0.5) > 0.485


class Tanh(Activation):
    """a = tanh(z),  da/dz = 1 - a^2.  Centred at zero, unlike sigmoid.  (LeCun et al. 1998, "Efficient BackProp")"""

    name = "tanh"
    op = ops.Tanh
    two_sided = True

    def flat(self, a) -> Any:
        return np.abs(a) > 0.97


class ReLU(Activation):
    """a = max(z, 0),  da/dz = 1 where z > 0, else 0.  (Nair & Hinton 2010; Glorot, Bordes & Bengio 2011)"""

    name = "relu"
    op = ops.ReLU

    def flat(self, a) -> Any:
        return a <= 0


class LeakyReLU(Activation):
    """a = z where z > 0, else slope * z;  da/dz = 1 or slope.  (Maas, Hannun & Ng 2013)

    negative_slope: >= 0. Flat on the left only when it is below 0.01.
    """

    name = "leaky_relu"
    shown = ("negative_slope",)
    _checks = {"negative_slope": number(0)}

    def __init__(self, negative_slope=0.01) -> None:
        self.negative_slope = negative_slope

    def op(self) -> ops.LeakyReLU:
        return ops.LeakyReLU(self.negative_slope)

    def flat(self, a) -> Any:
        return a <= 0 if self.negative_slope < 0.01 else super().flat(a)


class ELU(Activation):
    """a = z where z > 0, else alpha (exp(z) - 1);  da/dz = 1 or a + alpha.  (Clevert, Unterthiner & Hochreiter 2016)"""

    name = "elu"
    shown = ("alpha",)
    _checks = {"alpha": number(above=0)}

    def __init__(self, alpha=1.0) -> None:
        self.alpha = alpha

    def op(self) -> ops.ELU:
        return ops.ELU(self.alpha)

    def flat(self, a) -> Any:
        return (a <= 0) & (a + self.alpha < 0.01)


class GELU(Activation):
    """a = z Phi(z),  da/dz = Phi(z) + z phi(z), the normal distribution function and its density.
    (Hendrycks & Gimpel 2016)

    approximate: "tanh" for a = z/2 (1 + tanh(sqrt(2/pi) (z + 0.044715 z^3))), faster; "none" for the exact one.
    NB: PyTorch's default is "none".
    """

    name = "gelu"
    shown = ("approximate",)
    _checks = {"approximate": choice("tanh", "none")}

    def __init__(self, approximate="tanh") -> None:
        self.approximate = approximate

    def op(self) -> ops.Op:
        return ops.TanhGELU() if self.approximate == "tanh" else ops.GELU()

    def flat(self, a) -> Any:
        return _left_tail(a, 0.0033)  # z < -3.07


class SiLU(Activation):
    """a = z s,  da/dz = s (1 + z (1 - s)),  with s = sigmoid(z); also called swish.
    (Elfwing, Uchibe & Doya 2018; Ramachandran, Zoph & Le 2017)"""

    name = "silu"
    op = ops.SiLU

    def flat(self, a) -> Any:
        return _left_tail(a, 0.0119)  # z < -6.26


class Softplus(Activation):
    """a = log(1 + exp(z)),  da/dz = sigmoid(z) = 1 - exp(-a).  A smooth ReLU.  (Dugas et al. 2001)"""

    name = "softplus"
    op = ops.Softplus

    def flat(self, a) -> Any:
        return a < 0.01005  # -log(0.99)


class SELU(Activation):
    """a = scale (z where z > 0, else alpha (exp(z) - 1)), with scale = 1.0507 and alpha = 1.6733: with weights of
    variance 1 / fan_in (init "lecun") activations keep mean 0 and variance 1 through many layers.
    (Klambauer et al. 2017)"""

    name = "selu"
    op = ops.SELU

    def flat(self, a) -> Any:
        return (a <= 0) & (a + 1.7581 < 0.01)


class Mish(Activation):
    """a = z tanh(log(1 + exp(z))), much like silu.  (Misra 2019)"""

    name = "mish"
    op = ops.Mish

    def flat(self, a) -> Any:
        return _left_tail(a, 0.0119)  # z < -6.26


class ReLU6(Activation):
    """a = min(max(z, 0), 6),  da/dz = 1 where 0 < z < 6, else 0.  (Krizhevsky 2010)"""

    name = "relu6"

    def op(self) -> ops.Hardtanh:
        return ops.Hardtanh(0, 6)

    def flat(self, a) -> Any:
        return (a <= 0) | (a >= 6)


class Hardtanh(Activation):
    """a = z, cut off at min_val and max_val,  da/dz = 1 in between, else 0.  (Collobert 2004)"""

    name = "hardtanh"
    two_sided = True
    shown = ("min_val", "max_val")
    _checks = {"min_val": number(), "max_val": number()}

    def __init__(self, min_val=-1.0, max_val=1.0) -> None:
        self.min_val, self.max_val = min_val, max_val
        if self.min_val >= self.max_val:
            raise ValueError(f"min_val must be less than max_val; got {min_val} and {max_val}")

    def op(self) -> ops.Hardtanh:
        return ops.Hardtanh(self.min_val, self.max_val)

    def flat(self, a) -> Any:
        return (a <= self.min_val) | (a >= self.max_val)


class Hardsigmoid(Activation):
    """a = z / 6 + 1/2, cut off at 0 and 1,  da/dz = 1/6 in between, else 0.  (Courbariaux et al. 2015)"""

    name = "hardsigmoid"
    op = ops.Hardsigmoid
    two_sided = True

    def flat(self, a) -> Any:
        return (a <= 0) | (a >= 1)


class Hardswish(Activation):
    """a = z (z / 6 + 1/2, cut off at 0 and 1): silu with a cheaper gate.  (Howard et al. 2019)"""

    name = "hardswish"
    op = ops.Hardswish

    def flat(self, a) -> Any:
        return np.signbit(a) & (a == 0)  # z < -3


class Softsign(Activation):
    """a = z / (1 + |z|),  da/dz = (1 - |a|)^2.  Saturates more slowly than tanh.  (Bergstra et al. 2009)"""

    name = "softsign"
    op = ops.Softsign
    two_sided = True

    def flat(self, a) -> Any:
        return np.abs(a) > 0.7569


class PReLU(Activation):
    """a = z where z > 0, else weight * z: a leaky ReLU that learns its slope.  (He et al. 2015)

    num_parameters: 1, or the number of channels (axis 1), each of which gets a slope of its own.
    init: the slope at the start.
    Attributes: weight (num_parameters,).
    """

    name = "prelu"
    _checks = {"init": number()}

    def __init__(self, num_parameters=1, init=0.25, dtype: Any = np.float32) -> None:
        self.num_parameters, self.init = size("num_parameters", num_parameters), init
        self.weight = Parameter(np.full(self.num_parameters, self.init, dtype))

    def forward(self, z) -> Tensor:
        z = as_input(z, self.weight.dtype)
        return apply(ops.PReLU(), z, self.weight if self.num_parameters == 1 else self._spread(self.weight, z))

    def _spread(self, weight, z):
        """The weights as they meet z."""
        if self.num_parameters == 1 or z.ndim < 2:
            return weight
        if z.shape[1] != self.num_parameters:
            raise ShapeError(f"{self!r} takes {self.num_parameters} channels (axis 1); got shape {z.shape}")
        return weight.reshape(-1, *[1] * (z.ndim - 2))

    def op(self) -> ops.LeakyReLU:
        """To draw it, not to train it: with the slope as it is now; of several their mean."""
        return ops.LeakyReLU(float(self.weight.data.mean()))

    def fixed(self) -> Activation:
        return PReLU(1, float(self.weight.data.mean()), np.float64).requires_grad_(False)

    def flat(self, a) -> Any:
        return (a <= 0) & (np.abs(self._spread(self.weight.data, a)) < 0.01)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class Identity(Activation):
    """a = z,  da/dz = 1.  A network with nothing else is linear, however deep."""

    name = "identity"
    op = ops.Identity


class _Silencing(Op):
    """y = f(x), but 0 for silenced units,  dL/dx = dL/dy f'(x), but 0 for them.  Any shape."""

    def __init__(self, op, units) -> None:
        self.op, self.units = op, list(units)
        self.name, self.whole, self.flops = op.name, op.whole, op.flops

    def forward(self, x) -> np.ndarray:
        y = self.op(x)
        return self._without(np.positive(y, self.y) if self.op.view else y)

    def backward(self, dy) -> np.ndarray:
        self.op.into = self.into
        dx = self.op.backward(dy)
        return self._without(dx.copy() if dx is dy else dx)

    def _without(self, array):
        (array.swapaxes(1, -1) if array.ndim == 4 else array)[..., self.units] = 0
        return array

    def release(self) -> Op:
        return self.op.release()


def _left_tail(a, height):
    """Outputs of a function that comes up to 0 from below on the far left: -height < a <= -0.0.

    The same outputs belong to z just below 0, which one cannot tell from `a`; for a whole batch that hardly happens.
    """
    return np.signbit(a) & (a > -height)


class _AlongAxis(Module):
    shown = ("dim",)
    op: Any

    def __init__(self, dim=-1) -> None:
        self.dim = whole(-99, 99)("dim", dim)

    def forward(self, z) -> Tensor:
        return apply(self.op(self.dim), z)


class Softmax(_AlongAxis):
    """a = exp(z) / sum of exp(z), the sum along one axis: shares, positive, that add up to 1. No Activation: each a
    depends on all z of its row. Not to be followed by CrossEntropyLoss, which begins with it.  (Bridle 1990)

    dim: the axis. NB: PyTorch, without one, guesses.
    """

    op = softmax_ops.Softmax


class LogSoftmax(_AlongAxis):
    """a = z - log(sum of exp(z)): the logarithm of Softmax, without its rounding.

    dim: the axis.
    """

    op = softmax_ops.LogSoftmax


_USUAL = (Sigmoid, Tanh, ReLU, LeakyReLU, ELU, GELU, SiLU, Softplus, SELU, Mish)
_CHEAP = (ReLU6, Hardtanh, Hardsigmoid, Hardswish, Softsign)
ACTIVATIONS = {c.name: c for c in (*_USUAL, *_CHEAP, Identity)}


def activation(which) -> Module:
    """A new activation module: by name ("tanh", "leaky_relu", ...), from a class, or a copy of a module."""
    if isinstance(which, Module):
        return copy.deepcopy(which)
    if isinstance(which, type) and issubclass(which, Module):
        return which()
    return lookup("activation", which, ACTIVATIONS)()
