"""How sharp a minimum an optimizer can stand: beyond it, steps along the sharpest direction grow."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from nbprop.optim import SGD


@dataclass(frozen=True)
class Stability:
    """threshold: the largest stable eigenvalue of the Hessian, NaN where no such number holds. formula: such as "2/lr",
    or "". words: what holds, and under which condition."""

    threshold: float
    formula: str
    words: str


def stability(optimizer: Any) -> Stability:
    """For gradient descent with this optimizer, as it is set now (learning rate lr, by schedule; momentum mu).

    On a parabola of curvature h, x <- x - lr h x grows unless h < 2 / lr; with heavy-ball momentum unless
    h < 2 (1 + mu) / lr, with Nesterov's unless h < 2 (1 + mu) / ((1 + 2 mu) lr). Weight decay adds to the curvature.
    Full-batch gradient descent sharpens until it comes there, and then stays at the edge of stability (Cohen et al.
    2021, equation 1 and appendix B); with small batches it mostly stays below.
    """
    rate = optimizer.rate
    if type(optimizer) is not SGD:
        name = type(optimizer).__name__
        if optimizer.gradient_free:
            return Stability(np.nan, "", f"{name} goes by no gradient: no line can be drawn for it")
        if optimizer.full_batch or optimizer.shaped:
            return Stability(
                np.nan, "", f"{name} turns the gradient into another direction: no line can be drawn for it"
            )
        return Stability(
            np.nan, "",
            f"{name} scales every parameter by itself: stable is what its own measure of sharpness, that of the "
            "preconditioned Hessian, says, and no line can be drawn for this one (Cohen et al. 2022)",
        )  # fmt: skip
    if optimizer.groups:
        return Stability(np.nan, "", "groups of parameters have settings of their own: no one threshold holds for all")
    mu = optimizer.momentum
    if not rate:
        return Stability(np.nan, "", "the learning rate is 0: nothing moves")
    top, formula, kind = 2 / rate, "2/lr", "gradient descent"
    if mu and optimizer.nesterov:
        top, formula, kind = top * (1 + mu) / (1 + 2 * mu), "2(1+μ)/((1+2μ)lr)", "Nesterov's momentum"
    elif mu:
        top, formula, kind = top * (1 + mu), "2(1+μ)/lr", "momentum"
    if optimizer.weight_decay:
        top, formula = top - optimizer.weight_decay, f"{formula} − weight decay"
    return Stability(top, formula, f"above {formula}, steps of {kind} along the sharpest direction grow")
