"""Descent on a loss over two numbers, which can be seen whole: the same optimizers as a Trainer's, side by side."""

import copy
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.checks import did_you_mean, number, whole
from nbprop.optim import Optimizer
from nbprop.record import Event, History
from nbprop.training.given import optimizer as own, rate as checked_rate
from nbprop.training.live import Live

from .surfaces import SURFACES, Surface

LONGEST = 1000  # steps of a path that are kept


class Path:
    """One optimizer on its way down.

    name, optimizer; point (2,): where it is; loss there; diverged: the step in which its numbers were no longer finite,
    else None.
    """

    def __init__(self, name, optimizer, estimate=None) -> None:
        self.name, self.optimizer, self._estimate = name, optimizer, estimate

    def begin(self, surface, start, seed) -> None:
        """At the start, with nothing learned."""
        self.surface, self.point = surface, np.array(start, np.float64)
        self.loss, self.diverged = float(surface.values(*self.point)), None
        self.optimizer.reset()
        self._rng = np.random.default_rng(seed)
        self._points = deque([tuple(self.point)], LONGEST + 1)

    def gradient(self) -> np.ndarray:
        """What the next step goes by (2,): the exact gradient, or an estimate of it."""
        if self._estimate is None:
            return self.surface.gradient(self.point)
        return np.asarray(self._estimate(self.point.copy(), self._rng), np.float64)

    def step(self, number) -> None:
        """Step `number`, unless it has diverged."""
        if self.diverged is not None:
            return
        with np.errstate(all="ignore"):
            self.optimizer.update(self.point, self.gradient())
        self.loss = float(self.surface.values(*self.point))
        if not (np.isfinite(self.point).all() and np.isfinite(self.loss)):
            self.diverged = number
        else:
            self._points.append(tuple(self.point))

    @property
    def points(self) -> np.ndarray:
        """Where it has been, the last 1,000 steps at most: (n, 2)."""
        return np.array(self._points)

    def __repr__(self) -> str:
        x, y = self.point
        return f"Path({self.name!r}, {self.optimizer}, at ({x:.3g}, {y:.3g}), loss {self.loss:.3g})"


class Descent(Live):
    """One or several optimizers on a loss over two numbers, all from the same start and step by step together.

    surface     a name of `SURFACES` ("bowl", "ravine", "saddle", "plateau", "two minima", "rosenbrock", "beale"), a
                `Surface`, or a function f(x, y) of two Tensors
    optimizers  names, optimizers of `nb.optim`, a list of them, or a dict: name -> either
    lr          learning rate of those given by their names; None: the surface's
    start       (x, y); None: the surface's
    gradients   name -> function(point, rng) that estimates the gradient (2,), for stochastic descent; the others go by
                the exact one, found by backpropagation
    seed        of rng
    speed       most steps per second of `play`

    `paths`: name -> Path. `history["name"]`: the loss of that path after every step, the start first. `step(n)`, `play`
    and `pause` as a Trainer's; `reset` goes back to the start, `at(step)` looks at the past. Knobs, at any time:
    `set(lr=..., momentum=...)`.
    """

    paths: dict[str, Path]
    surface: Surface
    start: tuple[float, float]
    seed: int
    history: History

    if not TYPE_CHECKING:  # an editor that saw it would take any name for an attribute

        def __setattr__(self, name, value) -> None:
            own = {*Descent.__annotations__, *Live.__annotations__}
            if name[0] != "_" and not hasattr(type(self), name) and name not in own and type(self) is Descent:
                meant = f"; try set({name}=...)" if name in CHECKS else did_you_mean(name, [*CHECKS, *own]) or "."
                raise AttributeError(f"a Descent has no {name!r}{meant}")
            super().__setattr__(name, value)

    def __init__(
        self,
        surface: Any = "bowl",
        optimizers: Any = "sgd",
        lr=None,
        start: Any = None,
        *,
        gradients=None,
        seed=0,
        speed=20.0,
    ) -> None:
        surface = as_surface(surface)
        rate = surface.lr if lr is None else checked_rate("lr", lr)
        made = named(optimizers, rate)
        gradients = gradients or {}
        if unknown := set(gradients) - set(made):
            raise ValueError(f"gradients: expected names out of {list(made)}, got {sorted(unknown)}")
        self.paths = {name: Path(name, optimizer, gradients.get(name)) for name, optimizer in made.items()}
        self.seed = whole(0)("seed", seed)
        self.surface, self.start = surface, as_point(surface.start if start is None else start)
        self.steps = 0
        super().__init__(speed)
        self._begin()

    def _begin(self):
        self.steps, self.history = 0, History()
        self._turned = []  # (step, path, knob, what it stood at before)
        for name, path in self.paths.items():
            path.begin(self.surface, self.start, self.seed)
            self.history.add(name, 0, path.loss)
        self.message = ""
        self._changed()

    def _advance(self):
        self.steps += 1
        for name, path in self.paths.items():
            path.step(self.steps)
            self.history.add(name, self.steps, path.loss)
        self.version += 1
        if all(path.diverged is not None for path in self.paths.values()) and self.status != "stopped":
            lowest = min(path.optimizer.lr for path in self.paths.values())
            self._fail(FloatingPointError(f"All has diverged: reset, and try a learning rate below {lowest:.3g}."))

    def _few(self, n):
        super()._few(n)
        if all(path.diverged is not None for path in self.paths.values()):
            self._set_status("stopped")

    def at(self, step: int) -> "Past":
        """What was there after step `step`, for the views of this one: it can only be looked at."""
        return Past(self, whole(0, self.steps)("step", step))

    def reset(self) -> None:
        """Back to the start; goes on playing if it did."""
        self.post(self._reset)

    def _reset(self):
        self._begin()
        if not self.playing:
            self._set_status("ready")

    def set(self, path=None, **changes) -> None:
        """Turn knobs: lr and momentum act at the next step, of all paths or of the one called `path`; surface and
        start begin anew (a lone path, and what had the learning rate of the old surface, gets that of the new one)."""
        paths = self._chosen(path)
        wanted = {}
        for name, value in changes.items():
            if name not in CHECKS:
                raise AttributeError(f"no knob {name!r}; the knobs are {', '.join(CHECKS)}")
            wanted[name] = CHECKS[name](value)
        if "momentum" in wanted and not any("momentum" in each.optimizer.checks for each in paths):
            raise ValueError(f"momentum: {', '.join(each.name for each in paths)} has none; only SGD has")
        self.post(lambda: self._turn(paths, wanted))

    def _turn(self, paths, wanted):
        if "surface" in wanted:
            old, self.surface = self.surface, wanted["surface"]
            self.start = as_point(self.surface.start)
            for each in self.paths.values():
                if len(self.paths) == 1 or each.optimizer.lr == old.lr:
                    each.optimizer.lr = self.surface.lr
        self.start = wanted.get("start", self.start)
        if "surface" in wanted or "start" in wanted:
            self._reset()
        for name in ("lr", "momentum"):
            for each in paths if name in wanted else ():
                if name in each.optimizer.checks and (old := getattr(each.optimizer, name)) != wanted[name]:
                    setattr(each.optimizer, name, wanted[name])
                    self._turned.append((self.steps, each, name, old))
                    self.history.events.append(Event(self.steps, name, old, wanted[name]))
        self._changed()

    def _chosen(self, name):
        if name is None:
            return list(self.paths.values())
        if name not in self.paths:
            raise ValueError(f"expected a path out of {list(self.paths)}, got {name!r}")
        return [self.paths[name]]

    @property
    def lr(self) -> float:
        """Learning rate of the first path; assigning sets that of all."""
        return self._chosen(None)[0].optimizer.lr

    @lr.setter
    def lr(self, value) -> None:
        self.set(lr=value)

    def __repr__(self) -> str:
        return f"Descent({self.surface.name}, {', '.join(self.paths)}, step {self.steps}, {self.status})"


class Past:
    """A Descent as it was after step `moment`, to be looked at; its history is that of the whole run."""

    message, version = "", 0

    def __init__(self, descent, step) -> None:
        self.surface, self.start, self.steps, self.moment = descent.surface, descent.start, step, step
        self.status, self.history = "paused" if step else "ready", descent.history
        self.paths = {name: self._path(path, descent) for name, path in descent.paths.items()}

    def _path(self, path, descent):
        if path.diverged is not None and path.diverged <= self.steps:
            return path
        then = copy.copy(path)
        made = descent.steps if path.diverged is None else path.diverged - 1
        points = list(path._points)[: max(0, len(path._points) - (made - self.steps))]
        if not points:
            raise ValueError(
                f"the way back to step {self.steps} is no longer there; the earliest one left is step {made - LONGEST}"
            )
        then._points, then.point, then.diverged = points, np.array(points[-1]), None
        then.loss = float(self.surface.values(*then.point))
        then.optimizer = copy.copy(path.optimizer)
        for step, turned, name, old in reversed(descent._turned):
            if step >= self.steps and turned is path:
                setattr(then.optimizer, name, old)
        return then

    def _only(self, *_, **__):
        raise ValueError(f"this is a Descent as it was after step {self.steps}: it can only be looked at")

    set = play = pause = step = reset = _only


def as_surface(value) -> Surface:
    """A Surface from a Surface, the name of one, or a function of two Tensors."""
    if isinstance(value, Surface):
        return value
    if isinstance(value, str):
        if value not in SURFACES:
            raise ValueError(f"expected a surface out of {list(SURFACES)}, a Surface or a function; got {value!r}")
        return SURFACES[value]
    if callable(value):
        return Surface(value, getattr(value, "__name__", "loss").replace("<lambda>", "loss"))
    raise TypeError(f"expected a surface out of {list(SURFACES)}, a Surface or a function; got {value!r}")


def as_point(value) -> tuple[float, float]:
    """(x, y), two finite numbers, as floats."""
    try:
        x, y = map(float, value)
    except (TypeError, ValueError):
        raise ValueError(f"start: expected two numbers (x, y), got {value!r}") from None
    if not np.isfinite([x, y]).all():
        raise ValueError(f"start: expected finite numbers, got {value!r}")
    return x, y


CHECKS = {
    "lr": lambda value: checked_rate("lr", value),
    "momentum": lambda value: number(0, 1, tip=0.9)("momentum", value),
    "surface": as_surface,
    "start": as_point,
}


def named(optimizers, lr) -> dict[str, Optimizer]:
    """name -> an optimizer that nobody else holds."""
    if isinstance(optimizers, dict):
        given = dict(optimizers)
    else:
        given = {}
        for each in optimizers if isinstance(optimizers, list | tuple) else [optimizers]:
            name = each if isinstance(each, str) else getattr(each, "name", "optimizer")
            same = sum(known == name or known.startswith(f"{name} ") for known in given)
            given[f"{name} {same + 1}" if same else name] = each
    if not given:
        raise ValueError("expected at least one optimizer, such as 'sgd' or nb.optim.Adam(lr=0.1)")
    return {str(name): own(each, lr) for name, each in given.items()}
