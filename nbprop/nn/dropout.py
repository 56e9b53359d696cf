"""Dropout."""

from typing import Any

from numpy.random import default_rng

from ..checks import share
from ..engine import Tensor, apply, dropout as ops
from .module import Module, as_tensor


class Dropout(Module):
    """While training, each value becomes 0 with probability p, the others grow by 1 / (1 - p), so that the mean stays;
    evaluating, nothing happens. Any shape.  (Srivastava et al. 2014)

    seed: of the random draws; or a NumPy generator. Layers of one size and seed drop the same units: give each a seed
        of its own, or all one generator.
    """

    shown = ("p",)
    _checks = {"p": share}

    def __init__(self, p=0.5, seed: Any = 0) -> None:
        self.p = p
        self.rng = default_rng(seed)

    def forward(self, x) -> Tensor:
        x = as_tensor(x)
        return apply(ops.Dropout(self.p, self.rng), x) if self.training and self.p else x
