"""What a loss means by an output, found by asking the loss: for losses of which nothing else is known."""

from typing import Any

import numpy as np

from ..engine import Tensor, no_grad

GRID = np.sinh(np.linspace(-4, 4, 33))  # outputs from -27 to 27, closer to each other near 0


def probabilities(loss, output, task=None) -> np.ndarray:
    """The p for which each output z is the best answer: p L1'(z) + (1 - p) L0'(z) = 0, of two classes with losses L1
    and L0. Both derivatives come from one backward pass for each class; that of a mean is 1/n of it, which cancels."""
    slopes = []
    for c in (0, 1):
        z = Tensor(output, requires_grad=True)
        value = _cost(loss, z, c, task)
        if value.requires_grad:
            value.backward()
        slopes.append(np.zeros_like(output) if z.grad is None else z.grad)
    with np.errstate(all="ignore"):
        p = slopes[0] / (slopes[0] - slopes[1])
    # Beyond a margin, or where something was clipped, one of them is flat: there it is as sure as can be.
    sloping = np.isfinite(p) & (slopes[0] != 0) & (slopes[1] != 0)
    return np.where(sloping, np.clip(p, 0, 1), decisions(loss, output, task)).astype(output.dtype)


def decisions(loss, output, task=None) -> np.ndarray:
    """Where an output costs less if it is class 1 than if it is class 0: bool, of output's shape."""
    place, side = threshold(loss, output.shape[1:], output.dtype, task)
    return (output > place) if side > 0 else (output < place)


def threshold(loss, shape, dtype, task=None) -> tuple[Any, Any]:
    """(z, side): where L1(z) = L0(z) for a sample of this shape, and on which side class 1 costs less (1: above)."""

    def difference(z):
        with no_grad(), np.errstate(all="ignore"):
            sample = Tensor(np.full((1, *shape), z, dtype))
            return float(_cost(loss, sample, 1, task).data) - float(_cost(loss, sample, 0, task).data)

    place, side = loss._turn  # where it was last time: does it hold still?
    near = 1e-3 * (1 + abs(place))
    if side and side == np.sign(difference(place - near)) == -np.sign(difference(place + near)):
        return place, side
    signs = np.sign([difference(z) for z in GRID])
    known = np.flatnonzero(np.abs(signs) == 1)  # neither 0 nor NaN
    turns = known[:-1][signs[known[:-1]] != signs[known[1:]]]
    if len(turns) != 1:
        raise ValueError(
            f"{loss!r} does not say what an output means: there must be one output at which both classes cost the "
            f"same, found {len(turns)}. Make a subclass of nb.nn.Loss with methods probabilities and correct"
        )
    low, high = GRID[turns[0]], GRID[known[known > turns[0]][0]]
    side = signs[turns[0]]
    for _ in range(25):
        middle = (low + high) / 2
        sign = np.sign(difference(middle))
        low, high = (middle if sign == side or not sign else low), (middle if sign != side else high)
    loss._turn = high, side
    return high, side


def _cost(loss, z, c, task):
    """The loss of outputs z (n, ..., 1), or (n, ..., C) for labels, where every sample is of class c."""
    y = np.full(z.shape if task == "multilabel" else z.shape[:-1], c)
    return loss(z, loss.target(y, z.shape[-1], task))
