"""Optimizers that give every parameter its own step size, from simple to hard."""

import math
from typing import Unpack

import numpy as np

from ..checks import flag, number, two
from .optimizer import Optimizer, Params, Rest

__all__ = ["AdaDelta", "AdaGrad", "Adam", "AdamW", "RMSProp"]

Betas = tuple[float, float]
MOMENTS = {"lr": number(0), "betas": two(number(0, 1)), "eps": number(above=0)}


class AdaGrad(Optimizer):
    """theta <- theta - lr * g / (sqrt(s) + eps),  s <- s + g^2  (Duchi, Hazan & Singer 2011).

    The sum only grows, so the steps only shrink.

    Args: lr: learning rate, >= 0. eps: > 0, keeps the quotient finite. params and the rest: see Optimizer.
    State: sum (s).
    """

    name = "adagrad"
    checks = {"lr": number(0), "eps": number(above=0)}
    eps: float

    def __init__(self, params: Params = None, lr: float = 0.01, eps: float = 1e-10, **rest: Unpack[Rest]) -> None:
        super().__init__(params, lr=lr, eps=eps, **rest)

    def rule(self, theta, gradient, lr) -> None:
        step, s = self.scratch(theta), self.vector("sum", theta)
        np.multiply(gradient, gradient, out=step)
        s += step
        np.sqrt(s, out=step)
        step += self.eps
        np.divide(gradient, step, out=step)
        step *= lr
        theta -= step


class RMSProp(Optimizer):
    """theta <- theta - lr * g / (sqrt(v) + eps),  v <- alpha * v + (1 - alpha) * g^2  (Tieleman & Hinton 2012).

    AdaGrad with a memory that fades. With centered=True v is the variance instead of the mean square:
    v - m^2, with m <- alpha * m + (1 - alpha) * g  (Graves 2013, arXiv:1308.0850, equations 38 to 45).

    Args:
        lr: learning rate, >= 0.
        alpha: decay, 0 <= alpha < 1.
        eps: > 0, added outside the root.
        centered: see above.
        params, weight_decay, schedule, groups: see Optimizer.
    State: square_avg (v); grad_avg (m) while centered.
    """

    name = "rmsprop"
    checks = {"lr": number(0), "alpha": number(0, 1), "eps": number(above=0), "centered": flag}
    alpha: float
    eps: float
    centered: bool

    def __init__(
        self, params: Params = None, lr: float = 0.01, alpha: float = 0.99, eps: float = 1e-8, centered: bool = False,
        **rest: Unpack[Rest],
    ) -> None:  # fmt: skip
        super().__init__(params, lr=lr, alpha=alpha, eps=eps, centered=centered, **rest)

    def rule(self, theta, gradient, lr) -> None:
        step, v = self.scratch(theta), self.vector("square_avg", theta)
        np.multiply(gradient, gradient, out=step)
        average(v, step, self.alpha, step)
        if self.centered:
            m = self.vector("grad_avg", theta)
            average(m, gradient, self.alpha, step)
            np.multiply(m, m, out=step)
            np.subtract(v, step, out=step)
            np.maximum(step, 0, out=step)  # rounding could leave it just below
            np.sqrt(step, out=step)
        else:
            self.state.pop("grad_avg", None)
            np.sqrt(v, out=step)
        step += self.eps
        np.divide(gradient, step, out=step)
        step *= lr
        theta -= step


class AdaDelta(Optimizer):
    """theta <- theta - lr * d,  d = sqrt(u + eps) / sqrt(v + eps) * g  (Zeiler 2012, arXiv:1212.5701, algorithm 1).

    v <- rho * v + (1 - rho) * g^2,  u <- rho * u + (1 - rho) * d^2

    The size of earlier steps d takes the place of a learning rate, and gives the steps the units of theta.

    Args:
        lr: factor for the steps, >= 0; 1 in the paper.
        rho: decay, 0 <= rho < 1.
        eps: > 0, inside the roots; it also decides how large the first steps are.
        params, weight_decay, schedule, groups: see Optimizer.
    State: square_avg (v), acc_delta (u).
    """

    name = "adadelta"
    checks = {"lr": number(0), "rho": number(0, 1), "eps": number(above=0)}
    rho: float
    eps: float

    def __init__(
        self, params: Params = None, lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6, **rest: Unpack[Rest]
    ) -> None:
        super().__init__(params, lr=lr, rho=rho, eps=eps, **rest)

    def rule(self, theta, gradient, lr) -> None:
        step, d = self.scratch(theta), self.scratch(theta, 1)
        v, u = self.vector("square_avg", theta), self.vector("acc_delta", theta)
        np.multiply(gradient, gradient, out=step)
        average(v, step, self.rho, step)
        np.add(u, self.eps, out=d)
        np.add(v, self.eps, out=step)
        d /= step
        np.sqrt(d, out=d)
        d *= gradient
        np.multiply(d, d, out=step)
        average(u, step, self.rho, step)
        d *= lr
        theta -= d


class Moments(Optimizer):
    """What Adam and its kin share: running means of the gradients, and of how large they are."""

    checks = MOMENTS
    betas: Betas
    eps: float

    def __init__(
        self, params: Params = None, lr: float = 0.001, betas: Betas = (0.9, 0.999), eps: float = 1e-8,
        **rest: Unpack[Rest],
    ) -> None:  # fmt: skip
        super().__init__(params, lr=lr, betas=betas, eps=eps, **rest)


class Adam(Moments):
    """theta <- theta - lr * m^ / (sqrt(v^) + eps)  (Kingma & Ba 2015, algorithm 1).

    m <- b1 * m + (1 - b1) * g,    m^ = m / (1 - b1^t)
    v <- b2 * v + (1 - b2) * g^2,  v^ = v / (1 - b2^t)

    m and v start at zero; m^ and v^ correct for that. The size of a step is about lr at most, and does not change when
    all gradients are multiplied by a number (while eps is small beside them). With amsgrad=True the largest v so far
    takes the place of v, so that no step grows because large gradients are forgotten (Reddi et al. 2018, algorithm 2).

    Args:
        lr: learning rate, >= 0.
        betas: (b1, b2), how slowly the averages of gradients and of their squares fade, each in [0, 1).
        eps: > 0, added outside the root and after the correction, as in the paper. NB: TensorFlow adds it before.
        amsgrad: see above.
        params, weight_decay, schedule, groups: see Optimizer.
    State: exp_avg (m), exp_avg_sq (v); max_exp_avg_sq while amsgrad.
    """

    name = "adam"
    checks = {**MOMENTS, "amsgrad": flag}
    amsgrad: bool

    def __init__(
        self, params: Params = None, lr: float = 0.001, betas: Betas = (0.9, 0.999), eps: float = 1e-8,
        amsgrad: bool = False, **rest: Unpack[Rest],
    ) -> None:  # fmt: skip
        super(Moments, self).__init__(params, lr=lr, betas=betas, eps=eps, amsgrad=amsgrad, **rest)

    def rule(self, theta, gradient, lr) -> None:
        step = self.scratch(theta)
        m, v = self.vector("exp_avg", theta), self.vector("exp_avg_sq", theta)
        b1, b2 = self.betas
        average(m, gradient, b1, step)
        np.multiply(gradient, gradient, out=step)
        average(v, step, b2, step)
        if vars(self).get("amsgrad"):  # Muon has none
            largest = self.vector("max_exp_avg_sq", theta)
            v = np.maximum(largest, v, out=largest)
        else:
            self.state.pop("max_exp_avg_sq", None)
        # Both corrections as numbers, not arrays: m^ / (sqrt(v^) + eps) = (m / c) / (sqrt(v) / r + eps)
        r, c = math.sqrt(1 - b2**self.t), 1 - b1**self.t
        np.sqrt(v, out=step)
        step += self.eps * r
        np.divide(m, step, out=step)
        step *= lr * r / c
        theta -= step


class AdamW(Adam):
    """Adam with decoupled weight decay: theta <- (1 - lr * weight_decay) * theta before Adam's step.

    Added to the gradient, as in Adam(weight_decay=...), the decay would be divided by sqrt(v^) like everything else,
    and parameters with large gradients would hardly decay (Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2;
    the decay is multiplied by lr, as in PyTorch).

    Args: as Adam's; weight_decay: >= 0, by default 0.01.
    """

    name = "adamw"
    decoupled = True
    decay = 0.01


def average(mean, new, beta, scratch) -> None:
    """mean <- beta * mean + (1 - beta) * new, in place; `scratch` may be `new`."""
    np.multiply(new, 1 - beta, out=scratch)
    mean *= beta
    mean += scratch
