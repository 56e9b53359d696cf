"""Dropout."""

from typing import Any

import numpy as np
from numpy.random import default_rng

from ..checks import share
from ..engine import ShapeError, Tensor, apply, dropout as ops
from .module import Module, as_tensor


class Dropout(Module):
    """While training, each value becomes 0 with probability p, the others grow by 1 / (1 - p), so that the mean stays;
    evaluating, nothing happens. Any shape.  (Srivastava et al. 2014)

    seed: of the random draws; or a NumPy generator. Layers of one size and seed drop the same units: give each a seed
        of its own, or all one generator.
    """

    shown = ("p",)
    _checks = {"p": share}
    _channels = False

    def __init__(self, p=0.5, seed: Any = 0) -> None:
        self.p = p
        self.rng = default_rng(seed)

    def forward(self, x) -> Tensor:
        x = as_tensor(x)
        return apply(ops.Dropout(self.p, self.rng, self._channels), x) if self.training and self.p else x


class Dropout2d(Dropout):
    """As Dropout, but of images (N, C, H, W), or sequences (N, C, L), whole channels become 0: pixels beside each other
    say much the same, and one alone is no loss.  (Tompson et al. 2015)"""

    _channels = True

    def forward(self, x) -> Tensor:
        if np.ndim(x) not in (3, 4):
            raise ShapeError(f"{self!r} takes images (N, C, H, W) or sequences (N, C, L); got shape {np.shape(x)}")
        return super().forward(x)
