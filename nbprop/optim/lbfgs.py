"""L-BFGS: steps that know the curvature, for small problems whose loss is always the same function."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Unpack

import numpy as np

from ..checks import choice, number, optional, whole
from .optimizer import Optimizer, Params, Rest, factor

__all__ = ["LBFGS"]

ENOUGH, FLAT = 1e-4, 0.9  # of Wolfe's conditions: how much lower, how much flatter


class Point(NamedTuple):
    """Where a line search has looked: step length, loss, gradient, and slope along the line."""

    t: float
    loss: float
    gradient: np.ndarray
    slope: float


def _none(name, value) -> Any:
    if value not in (0, (), []):
        why = "all parameters are one vector to it" if name == "groups" else "add the penalty to the loss"
        raise ValueError(f"LBFGS has no {name}: {why}; got {value!r}")
    return () if name == "groups" else 0.0


class LBFGS(Optimizer):
    """theta <- theta - t * H g,  H an estimate of the inverse Hessian from the last steps s and changes of the gradient
    y (Nocedal 1980; Liu & Nocedal 1989; two loops as in Nocedal & Wright 2006, algorithm 7.4).

    It compares gradients of one and the same loss, so it is for all samples at once, without dropout. As in PyTorch,
    `optimizer = LBFGS(model.parameters())`, and `optimizer.step(closure)` with a function that sets the gradients to 0,
    computes the loss, calls its backward() and returns it, makes up to max_iter updates. In a Trainer, and by
    `step(model)`, it is one update for each step, with t = lr.

    Args:
        lr: t, >= 0; in the very first update it is divided by the sum of all |g|, if that is above 1.
        max_iter: updates in one step(closure). max_eval: calls of closure in it, by default 1.25 * max_iter.
        tolerance_grad: it ends where no |g| is larger. tolerance_change: or where loss or theta change by no more.
        history_size: how many s and y are kept.
        line_search_fn: None, or "strong_wolfe": t is searched for where the loss is lower and its slope is flatter
            (Nocedal & Wright 2006, algorithms 3.5 and 3.6). For step(closure) only.
        params, schedule: see Optimizer; there are no groups and no weight_decay.
    State: step (the last s), prev_grad; s0, y0, s1, y1, ... from old to new.
    """

    name = "lbfgs"
    full_batch = True
    common = {"weight_decay": _none, "schedule": factor, "groups": _none}
    checks = {
        "lr": number(0), "max_iter": whole(1), "max_eval": optional(whole(1)), "tolerance_grad": number(0),
        "tolerance_change": number(0), "history_size": whole(1), "line_search_fn": choice(None, "strong_wolfe"),
    }  # fmt: skip
    max_iter: int
    max_eval: int | None
    tolerance_grad: float
    tolerance_change: float
    history_size: int
    line_search_fn: str | None

    def __init__(
        self,
        params: Params = None,
        lr: float = 1.0,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
        **rest: Unpack[Rest],
    ) -> None:
        given = {"tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change, "history_size": history_size}
        given |= {"max_iter": max_iter, "max_eval": max_eval, "line_search_fn": line_search_fn}
        super().__init__(params, lr=lr, **given, **rest)

    def direction(self, gradient) -> np.ndarray:
        """-H g, after the last step and what it has changed of the gradient have been taken into the history."""
        state = self.state
        if "prev_grad" in state:
            s, y = state["step"], gradient - state["prev_grad"]
            if s.dot(y) > 1e-10:  # else the loss is not convex along it
                pairs = [*self._pairs(), (s, y)][-self.history_size :]
                state.clear()
                state.update({f"{name}{i}": each for i, pair in enumerate(pairs) for name, each in zip("sy", pair)})  # noqa: B905
        state["prev_grad"], pairs, d, shares = gradient.copy(), self._pairs(), -gradient, []
        for s, y in reversed(pairs):
            shares.append(s.dot(d) / s.dot(y))
            d -= shares[-1] * y
        for i, (s, y) in enumerate(pairs):
            if not i:
                newest, change = pairs[-1]
                d *= newest.dot(change) / change.dot(change)
            d += s * (shares.pop() - y.dot(d) / s.dot(y))
        return d

    def _pairs(self):
        return [(self.state[f"s{i}"], self.state[f"y{i}"]) for i in range(len(self.state)) if f"s{i}" in self.state]

    def _first_length(self, gradient, lr):
        return lr * min(1.0, 1 / max(float(np.abs(gradient).sum()), 1e-300)) if self.t == 1 else lr

    def rule(self, theta, gradient, lr) -> None:
        for name, vector in self.state.items():
            self._check_size(name, vector, theta.shape)
        d = self.direction(gradient)
        downhill = gradient.dot(d) < -self.tolerance_change
        self.state["step"] = d * (self._first_length(gradient, lr) if downhill else 0)
        theta += self.state["step"]

    def step(self, model: Any = None) -> Any:
        """With a closure, up to max_iter updates of the parameters that it was given; what the first call of it
        returned is returned. With a model, one update from the gradients of the last backward()."""
        if not self.held or not callable(model) or hasattr(model, "_flat"):
            if self.held and model is None:
                raise TypeError("LBFGS calls a function that computes the loss and its gradient: step(closure)")
            return super().step(model)
        tensors = [p for _, p in self.held]
        ends = np.cumsum([p.size for p in tensors])[:-1]
        theta, said = np.concatenate([p.data.ravel() for p in tensors]), []

        def put(theta):
            for p, values in zip(tensors, np.split(theta, ends), strict=True):
                p.data[...] = values.reshape(p.shape)

        def at(t, d) -> Point:
            put(theta + t * d)
            said.append(model())
            kept = [p.grad if p.requires_grad and p.grad is not None else np.zeros(p.shape, p.dtype) for p in tensors]
            gradient = np.concatenate([each.ravel() for each in kept])
            return Point(t, float(getattr(said[-1], "data", said[-1])), gradient, float(gradient.dot(d)))

        here, most = at(0.0, np.zeros_like(theta)), self.max_iter * 5 // 4 if self.max_eval is None else self.max_eval
        for i in range(self.max_iter):
            if np.abs(here.gradient).max() <= self.tolerance_grad:
                break
            lr, self.t = self.rate, self.t + 1
            d = self.direction(here.gradient)
            here = here._replace(t=0.0, slope=float(here.gradient.dot(d)))
            if not here.slope <= -self.tolerance_change:
                self.state["step"] = np.zeros_like(d)
                break
            t, before = self._first_length(here.gradient, lr), here.loss
            if self.line_search_fn:
                here = search(lambda t, d=d: at(t, d), t, here, float(np.abs(d).max()), most - len(said))
            elif i + 1 < self.max_iter:
                here = at(t, d)
            self.state["step"] = d * (here.t if self.line_search_fn else t)
            theta += self.state["step"]
            moved = np.abs(self.state["step"]).max()
            if len(said) >= most or moved <= self.tolerance_change or abs(here.loss - before) < self.tolerance_change:
                break
        put(theta)
        return said[0]


def search(at: Callable[[float], Point], t, start: Point, reach, trials) -> Point:
    """A point along a line that satisfies the strong Wolfe conditions, or the lowest that was found. at(t) looks at
    one, t is the first to be tried, reach the largest element of the direction, trials the most after the first."""

    def too_high(point):
        return point.loss > start.loss + ENOUGH * point.t * start.slope

    before, new, i = start, at(t), 0
    while i < trials and not too_high(new) and (i < 2 or new.loss < before.loss):
        if abs(new.slope) <= -FLAT * start.slope:
            return new
        if new.slope >= 0:
            break
        before, new, i = new, at(lowest(before, new, new.t + 0.01 * (new.t - before.t), 10 * new.t)), i + 1
    low, high = sorted((before if i < trials else start, new), key=lambda point: point.loss)
    near = False  # whether the last trial lay near an end
    while i < trials and abs(high.t - low.t) * reach >= 1e-9:
        left, right = sorted((low.t, high.t))
        t, margin = lowest(low, high, left, right), 0.1 * (right - left)
        if min(right - t, t - left) < margin and (near or not left < t < right):
            t, near = right - margin if right - t < t - left else left + margin, False
        else:
            near = min(right - t, t - left) < margin
        new, i = at(t), i + 1
        if too_high(new) or new.loss >= low.loss:
            low, high = sorted((low, new), key=lambda point: point.loss)
        elif abs(new.slope) <= -FLAT * start.slope:
            return new
        else:
            low, high = new, low if new.slope * (high.t - low.t) >= 0 else high
    return low


def lowest(a: Point, b: Point, least, most) -> float:
    """Where the cubic through two points and their slopes is lowest, at least `least` and at most `most`."""
    a, b = (a, b) if a.t < b.t else (b, a)
    u = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = u * u - a.slope * b.slope
    if not square >= 0:
        return (least + most) / 2
    root = math.sqrt(square)
    return min(max(b.t - (b.t - a.t) * ((b.slope + root - u) / (b.slope - a.slope + 2 * root)), least), most)
