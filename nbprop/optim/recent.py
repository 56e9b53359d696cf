"""Optimizers that came after Adam, or with it: what each changes in it."""

import math
from typing import Unpack

import numpy as np

from ..checks import number, two
from .adaptive import MOMENTS, Betas, Moments, average
from .optimizer import Optimizer, Params, Rest

__all__ = ["Adamax", "Lion", "NAdam", "RAdam"]


class Adamax(Moments):
    """theta <- theta - lr * m^ / u: Adam, with the largest gradient in place of the mean square (Kingma & Ba 2015,
    algorithm 2).

    m <- b1 * m + (1 - b1) * g,  m^ = m / (1 - b1^t),  u <- max(b2 * u, |g| + eps)

    Args: lr: learning rate, >= 0. betas: (b1, b2), each in [0, 1). eps: > 0, as in PyTorch. The rest: see Optimizer.
    State: exp_avg (m), exp_inf (u).
    """

    name = "adamax"

    def __init__(
        self, params: Params = None, lr: float = 0.002, betas: Betas = (0.9, 0.999), eps: float = 1e-8,
        **rest: Unpack[Rest],
    ) -> None:  # fmt: skip
        super().__init__(params, lr, betas, eps, **rest)

    def rule(self, theta, gradient, lr) -> None:
        (b1, b2), step = self.betas, self.scratch(theta)
        m, u = self.vector("exp_avg", theta), self.vector("exp_inf", theta)
        average(m, gradient, b1, step)
        u *= b2
        np.abs(gradient, out=step)
        step += self.eps
        np.maximum(u, step, out=u)
        np.divide(m, u, out=step)
        step *= lr / (1 - b1**self.t)
        theta -= step


class NAdam(Moments):
    """Adam that looks ahead, as Nesterov's momentum does: theta <- theta - lr * d / (sqrt(v^) + eps)  (Dozat 2016).

    d = (1 - mu_t) / c_t * g + mu_(t+1) / (1 - (1 - c_t) * mu_(t+1)) * m,  v^ = v / (1 - b2^t), m and v as in Adam
    mu_t = b1 * (1 - 0.96^(t * psi) / 2), a momentum that begins at half of b1;  c_t = 1 - mu_1 * ... * mu_t

    Args:
        lr, betas, eps: as Adam's.
        momentum_decay: psi, >= 0; how soon the momentum is b1.
        params, weight_decay, schedule, groups: see Optimizer.
    State: exp_avg (m), exp_avg_sq (v), mu_correction (c).
    """

    name = "nadam"
    checks = {**MOMENTS, "momentum_decay": number(0)}
    momentum_decay: float

    def __init__(
        self, params: Params = None, lr: float = 0.002, betas: Betas = (0.9, 0.999), eps: float = 1e-8,
        momentum_decay: float = 0.004, **rest: Unpack[Rest],
    ) -> None:  # fmt: skip
        given = {"lr": lr, "betas": betas, "eps": eps, "momentum_decay": momentum_decay}
        super(Moments, self).__init__(params, **given, **rest)

    def mu(self, t) -> float:
        """The momentum of update t."""
        return self.betas[0] * (1 - 0.5 * 0.96 ** (t * self.momentum_decay))

    def rule(self, theta, gradient, lr) -> None:
        (b1, b2), step, ahead = self.betas, self.scratch(theta), self.scratch(theta, 1)
        m, v, c = (self.vector(name, theta) for name in ("exp_avg", "exp_avg_sq", "mu_correction"))
        mu, after = self.mu(self.t), self.mu(self.t + 1)
        average(m, gradient, b1, step)
        np.multiply(gradient, gradient, out=step)
        average(v, step, b2, step)
        c *= mu
        c += 1 - mu
        np.multiply(c, after, out=step)
        step += 1 - after
        np.divide(m, step, out=ahead)
        ahead *= after
        np.divide(gradient, c, out=step)
        step *= 1 - mu
        ahead += step
        np.sqrt(v, out=step)
        step /= math.sqrt(1 - b2**self.t)
        step += self.eps
        ahead /= step
        ahead *= lr
        theta -= ahead


class RAdam(Moments):
    """Adam without adaptive steps for as long as v is too uncertain for them: a warm-up of its own (Liu et al. 2020,
    arXiv:1908.03265, algorithm 2).

    rho = 2 / (1 - b2) - 1,  rho_t = rho - 2 * t * b2^t / (1 - b2^t), the number of gradients that v rests on
    rho_t > 5:  theta <- theta - lr * r * m^ * sqrt(1 - b2^t) / (sqrt(v) + eps),
                r = sqrt((rho_t - 4) (rho_t - 2) rho / ((rho - 4) (rho - 2) rho_t))
    else:       theta <- theta - lr * m^

    Args: lr, betas, eps as Adam's; eps is added before the correction, as in PyTorch. The rest: see Optimizer.
    State: exp_avg (m), exp_avg_sq (v).
    """

    name = "radam"

    def rectified(self, t) -> float:
        """r in update t; 0 where the step is not adaptive."""
        b2 = self.betas[1]
        rho = 2 / (1 - b2) - 1
        now = rho - 2 * t * b2**t / (1 - b2**t)
        return math.sqrt((now - 4) * (now - 2) * rho / ((rho - 4) * (rho - 2) * now)) if now > 5 else 0.0

    def rule(self, theta, gradient, lr) -> None:
        (b1, b2), step, r = self.betas, self.scratch(theta), self.rectified(self.t)
        m, v = self.vector("exp_avg", theta), self.vector("exp_avg_sq", theta)
        average(m, gradient, b1, step)
        np.multiply(gradient, gradient, out=step)
        average(v, step, b2, step)
        if r:
            np.sqrt(v, out=step)
            step += self.eps
            np.divide(m, step, out=step)
            step *= lr * r * math.sqrt(1 - b2**self.t) / (1 - b1**self.t)
        else:
            np.multiply(m, lr / (1 - b1**self.t), out=step)
        theta -= step


class Lion(Optimizer):
    """theta <- (1 - lr * weight_decay) * theta - lr * sign(b1 * m + (1 - b1) * g),  then m <- b2 * m + (1 - b2) * g
    (Chen et al. 2023, arXiv:2302.06675, algorithm 2).

    Every parameter moves by lr in every step, whatever the size of its gradient: lr is to be 3 to 10 times smaller than
    Adam's, weight_decay so many times larger.

    Args: lr: learning rate, >= 0. betas: (b1, b2), each in [0, 1). The rest: see Optimizer; weight_decay is decoupled.
    State: exp_avg (m).
    """

    name = "lion"
    decoupled = True
    checks = {"lr": number(0), "betas": two(number(0, 1))}
    betas: Betas

    def __init__(
        self, params: Params = None, lr: float = 1e-4, betas: Betas = (0.9, 0.99), **rest: Unpack[Rest]
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, **rest)

    def rule(self, theta, gradient, lr) -> None:
        (b1, b2), step, share = self.betas, self.scratch(theta), self.scratch(theta, 1)
        m = self.vector("exp_avg", theta)
        np.multiply(m, b1, out=step)
        step += np.multiply(gradient, 1 - b1, out=share)
        np.sign(step, out=step)
        step *= lr
        theta -= step
        average(m, gradient, b2, step)
