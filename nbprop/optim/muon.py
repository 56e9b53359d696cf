"""Muon: steps for matrices, in which all directions count alike."""

import math
from typing import Any, Unpack

import numpy as np

from ..checks import flag, number, two, whole
from .adaptive import Adam, Betas, Moments, average
from .optimizer import Params, Rest

__all__ = ["Muon"]

A, B, C = 3.4445, -4.775, 2.0315  # of Jordan et al.: a polynomial that lifts small singular values fast


class Muon(Adam):
    """W <- (1 - lr * weight_decay) * W - lr * 0.2 * sqrt(max(rows, columns)) * O for matrices, AdamW for the rest
    (Jordan et al. 2024, "Muon: an optimizer for hidden layers"; the factor of Liu et al. 2025, arXiv:2502.16982).

    m <- mu * m + (1 - mu) * g;  O is nearly the orthogonal matrix next to m (with nesterov=True, to mu * m + (1 - mu) *
    g): all its singular values are near 1, by some steps of Newton and Schulz, X <- 3.4445 X - 4.775 X X^T X + 2.0315
    (X X^T)^2 X. The factor makes the steps as large as AdamW's, so that its lr and weight_decay are right for both.

    Matrices are the parameters with two axes or more, as (first axis, all others), without those of an Embedding. Where
    nothing is known of shapes, as in update(theta, gradient) of a flat vector, all of it is AdamW.

    Args:
        lr: learning rate, >= 0.
        momentum: mu, 0 <= mu < 1. nesterov: look ahead. ns_steps: number of steps of Newton and Schulz.
        betas, eps: of AdamW.
        params and the rest: see Optimizer; weight_decay is decoupled, by default 0.1.
    State: exp_avg (m of both), exp_avg_sq (v of AdamW).

    NB: PyTorch's Muon takes matrices only, computes O in bfloat16, and has sqrt(max(1, rows / columns)) as its usual
    factor; with adjust_lr_fn="match_rms_adamw" it has this one.
    """

    name = "muon"
    decoupled = shaped = True
    decay = 0.1
    checks = {
        "lr": number(0), "momentum": number(0, 1), "nesterov": flag, "ns_steps": whole(1, 20),
        "betas": two(number(0, 1)), "eps": number(above=0),
    }  # fmt: skip
    momentum: float
    nesterov: bool
    ns_steps: int

    def __init__(
        self, params: Params = None, lr: float = 0.001, momentum: float = 0.95, nesterov: bool = True,
        ns_steps: int = 5, betas: Betas = (0.9, 0.999), eps: float = 1e-8, **rest: Unpack[Rest],
    ) -> None:  # fmt: skip
        given = {"momentum": momentum, "nesterov": nesterov, "ns_steps": ns_steps, "betas": betas, "eps": eps}
        super(Moments, self).__init__(params, lr=lr, **given, **rest)

    def update(self, theta, gradient, frozen=(), model: Any = None) -> None:
        if model is None or self.groups:
            return super().update(theta, gradient, frozen, model)
        self._by_parameter(theta, gradient, frozen, model)

    def rule(self, theta, gradient, lr) -> None:
        if theta.ndim < 2 or self._place[0].startswith("Embedding."):
            return super().rule(theta, gradient, lr)
        m, step, mu = self.vector("exp_avg", theta), self.scratch(theta), self.momentum
        average(m, gradient, mu, step)
        if self.nesterov:
            np.multiply(gradient, 1 - mu, out=step)
            step += mu * m
        theta -= (lr * factor(theta.shape)) * orthogonal(step if self.nesterov else m, self.ns_steps)


def factor(shape) -> float:
    """0.2 sqrt(max(rows, columns)) of a parameter of this shape."""
    return 0.2 * math.sqrt(max(shape[0], math.prod(shape[1:])))


def orthogonal(matrix, steps=5) -> np.ndarray:
    """Nearly the orthogonal matrix next to `matrix` (of its shape): the same singular vectors, with values near 1."""
    X = matrix.reshape(len(matrix), -1)
    tall = X.shape[0] > X.shape[1]
    X = X.T if tall else X
    X = X / max(np.linalg.norm(X), 1e-7)
    for _ in range(steps):
        gram = X @ X.T
        X = A * X + (B * gram + C * gram @ gram) @ X
    return (X.T if tall else X).reshape(matrix.shape)
