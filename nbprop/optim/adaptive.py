"""Optimizers that give every parameter its own step size, from simple to hard."""

import math

import numpy as np

from .optimizer import Optimizer, number, pair


class AdaGrad(Optimizer):
    """theta <- theta - lr * g / (sqrt(s) + eps),  s <- s + g^2  (Duchi, Hazan & Singer 2011).

    The sum only grows, so the steps only shrink.

    Args: lr: learning rate, >= 0. eps: > 0, keeps the quotient finite.
    State: sum (s).
    """

    name = "adagrad"
    checks = {"lr": number(0), "eps": number(above=0)}

    def __init__(self, lr=0.01, eps=1e-10):
        super().__init__(lr=lr, eps=eps)

    def rule(self, theta, gradient):
        (step,) = self.scratch(theta)
        s = self.vector("sum", theta)
        np.multiply(gradient, gradient, out=step)
        s += step
        np.sqrt(s, out=step)
        step += self.eps
        np.divide(gradient, step, out=step)
        step *= self.lr
        theta -= step


class RMSProp(Optimizer):
    """theta <- theta - lr * g / (sqrt(v) + eps),  v <- alpha * v + (1 - alpha) * g^2  (Tieleman & Hinton 2012).

    AdaGrad with a memory that fades.

    Args: lr: learning rate, >= 0. alpha: decay, 0 <= alpha < 1. eps: > 0, added outside the root.
    State: square_avg (v).
    """

    name = "rmsprop"
    checks = {"lr": number(0), "alpha": number(0, 1), "eps": number(above=0)}

    def __init__(self, lr=0.01, alpha=0.99, eps=1e-8):
        super().__init__(lr=lr, alpha=alpha, eps=eps)

    def rule(self, theta, gradient):
        (step,) = self.scratch(theta)
        v = self.vector("square_avg", theta)
        np.multiply(gradient, gradient, out=step)
        step *= 1 - self.alpha
        v *= self.alpha
        v += step
        np.sqrt(v, out=step)
        step += self.eps
        np.divide(gradient, step, out=step)
        step *= self.lr
        theta -= step


class Adam(Optimizer):
    """theta <- theta - lr * m^ / (sqrt(v^) + eps)  (Kingma & Ba 2015, algorithm 1).

    m <- b1 * m + (1 - b1) * g,    m^ = m / (1 - b1^t)
    v <- b2 * v + (1 - b2) * g^2,  v^ = v / (1 - b2^t)

    m and v start at zero; m^ and v^ correct for that. The size of a step is about lr at most, and does not change when
    all gradients are multiplied by a number (while eps is small beside them).

    Args:
        lr: learning rate, >= 0.
        betas: (b1, b2), how slowly the averages of gradients and of their squares fade, each in [0, 1).
        eps: > 0, added outside the root and after the correction, as in the paper. NB: TensorFlow adds it before.
    State: exp_avg (m), exp_avg_sq (v).
    """

    name = "adam"
    checks = {"lr": number(0), "betas": pair(number(0, 1)), "eps": number(above=0)}

    def __init__(self, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(lr=lr, betas=betas, eps=eps)

    def rule(self, theta, gradient):
        (step,) = self.scratch(theta)
        m, v = self.vector("exp_avg", theta), self.vector("exp_avg_sq", theta)
        b1, b2 = self.betas
        np.multiply(gradient, 1 - b1, out=step)
        m *= b1
        m += step
        np.multiply(gradient, gradient, out=step)
        step *= 1 - b2
        v *= b2
        v += step
        # Both corrections as numbers, not arrays: m^ / (sqrt(v^) + eps) = (m / c) / (sqrt(v) / r + eps)
        r, c = math.sqrt(1 - b2**self.t), 1 - b1**self.t
        np.sqrt(v, out=step)
        step += self.eps * r
        np.divide(m, step, out=step)
        step *= self.lr * r / c
        theta -= step
