"""Stochastic gradient descent: plain, with momentum, with Nesterov's momentum."""

from typing import Unpack

import numpy as np

from ..checks import flag, number
from .optimizer import Optimizer, Params, Rest


class SGD(Optimizer):
    """theta <- theta - lr * gradient, with momentum when asked for.

    momentum mu > 0 keeps a running sum of gradients, v <- mu * v + g, and steps along it: theta <- theta - lr * v
    (Polyak 1964; Rumelhart, Hinton & Williams 1986 with lr inside the sum). With nesterov=True the step is along
    g + mu * v, which looks ahead (Nesterov 1983, in the form of Sutskever et al. 2013 that PyTorch uses). With
    dampening d it is v <- mu * v + (1 - d) * g: a running mean for d = mu.
    With constant gradients the steps grow to 1 / (1 - mu) times their size: lower lr when momentum goes up.

    Args:
        lr: learning rate, >= 0. NB: PyTorch's default is 0.001.
        momentum: mu, 0 <= momentum < 1.
        dampening: d, 0 <= d <= 1. The first gradient is not dampened, as in PyTorch.
        nesterov: look ahead; needs momentum.
        params, weight_decay, schedule, groups: see Optimizer.
    State: momentum_buffer (v), while momentum > 0.
    """

    checks = {"lr": number(0), "momentum": number(0, 1), "dampening": number(0, most=1), "nesterov": flag}
    momentum: float
    dampening: float
    nesterov: bool

    def __init__(
        self, params: Params = None, lr: float = 0.1, momentum: float = 0.0, dampening: float = 0.0,
        nesterov: bool = False, **rest: Unpack[Rest],
    ) -> None:  # fmt: skip
        super().__init__(params, lr=lr, momentum=momentum, dampening=dampening, nesterov=nesterov, **rest)
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov=True needs momentum > 0, such as momentum=0.9; got momentum=0")

    @property
    def name(self) -> str:
        return "sgd" if not self.momentum else "nesterov" if self.nesterov else "momentum"

    def rule(self, theta, gradient, lr) -> None:
        step, mu = self.scratch(theta), self.momentum
        if not mu:
            self.state.clear()  # momentum may have been turned off
            np.multiply(gradient, lr, step)
        else:
            first, v = "momentum_buffer" not in self.state, self.vector("momentum_buffer", theta)
            v *= mu
            if self.dampening and not first:
                v += np.multiply(gradient, 1 - self.dampening, out=step)
            else:
                v += gradient
            if self.nesterov:
                np.multiply(v, mu, out=step)
                step += gradient
                step *= lr
            else:
                np.multiply(v, lr, out=step)
        theta -= step
