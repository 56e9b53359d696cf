"""Activation functions, in the order in which they were found useful.

Each is a module around one op of the engine. z: what comes in (any shape), a: what goes out.
"""

import copy
from typing import Any

import numpy as np

from ..checks import choice, lookup, number
from ..engine import Tensor, activation as ops, apply
from ..engine.op import Op
from .module import Module


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


ACTIVATIONS = {c.name: c for c in (Sigmoid, Tanh, ReLU, LeakyReLU, ELU, GELU, SiLU, Softplus, Identity)}


def activation(which) -> Module:
    """A new activation module: by name ("tanh", "leaky_relu", ...), from a class, or a copy of a module."""
    if isinstance(which, Module):
        return copy.deepcopy(which)
    if isinstance(which, type) and issubclass(which, Module):
        return which()
    return lookup("activation", which, ACTIVATIONS)()
