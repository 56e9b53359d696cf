"""What all optimizers share: checked settings, two flat vectors in, state that can be saved."""

import copy
from typing import Any

import numpy as np

from ..checks import number, wrong
from ..engine.errors import ShapeError


def factor(name, value):
    """None, or a function of the number of updates done."""
    if value is not None and not callable(value):
        raise TypeError(wrong(name, "None or a function of the step, such as StepLR(100)", value))
    return value


class Optimizer:
    """A rule that turns a gradient into a change of the parameters.

    An optimizer holds no parameters: `update(theta, gradient)` changes the flat vector `theta` in place, and
    `step(model)` does so with `model.theta` and `model.gradient`. Every setting (`lr`, `momentum`, ...) is an
    attribute, checked when it is set and used from the next update on.

    Settings that all have, after those of their own:
        weight_decay: pulls all parameters towards zero, >= 0. weight_decay * theta is added to the gradient, as if
            weight_decay / 2 * |theta|^2 stood in the loss ("coupled"; for "decoupled" decay see AdamW).
        schedule: None, or a function of the number of updates done that gives a factor for lr; see `optim.schedules`.

    state: dict of name -> flat array with one number per parameter; made when first needed. With `t`, the number of
    updates done, and the settings it is all that must be kept to continue exactly. It may be replaced from outside.

    NB: PyTorch gives the parameters to the constructor and updates one tensor after the other.
    """

    name = "optimizer"
    checks: dict[str, Any] = {"lr": number(0)}  # setting -> check; the order is that of settings()
    common: dict[str, Any] = {"weight_decay": number(0), "schedule": factor}
    decoupled = False
    lr: float
    weight_decay: float
    schedule: Any

    def __init_subclass__(cls):
        cls.checks = {**cls.checks, **cls.common}

    def __init__(self, **settings):
        self.t = 0
        self.state = {}
        self._scratch = {}
        for name, value in settings.items():
            setattr(self, name, value)

    def __setattr__(self, name, value):
        check = self.checks.get(name)
        object.__setattr__(self, name, check(name, value) if check else value)

    def rule(self, theta, gradient, lr):
        """Change `theta` in place by one update. `self.t` counts this update already (1 the first time)."""
        raise NotImplementedError

    def update(self, theta, gradient):
        """One update of the flat vector `theta` (in place) from the flat `gradient` (left as it is)."""
        if theta.shape != gradient.shape:
            raise ShapeError(
                f"{type(self).__name__}: theta and gradient must have one shape; got {theta.shape} and {gradient.shape}"
            )
        lr = self.rate
        if self.weight_decay:
            if self.decoupled:
                theta *= 1 - lr * self.weight_decay
            else:
                decayed = self.scratch(theta, 2)
                np.multiply(theta, self.weight_decay, out=decayed)
                decayed += gradient
                gradient = decayed
        self.t += 1
        self.rule(theta, gradient, lr)

    @property
    def rate(self):
        """The learning rate of the next update: lr, times the schedule's factor if there is one."""
        return self.lr if self.schedule is None else self.lr * float(self.schedule(self.t))

    def step(self, model):
        """One update of a model's parameters from the gradients of its last backward()."""
        self.update(model.theta, model.gradient)

    def reset(self):
        """Forget the past: as if no update had been done."""
        self.t = 0
        self.state.clear()

    def settings(self):
        """The hyper-parameters, name -> value."""
        return {name: getattr(self, name) for name in self.checks}

    def state_dict(self):
        """All that is needed to continue exactly, as copies: {"name", "settings", "t", "state"}."""
        state = {name: vector.copy() for name, vector in self.state.items()}
        return {"name": type(self).__name__, "settings": self.settings(), "t": self.t, "state": state}

    def load_state_dict(self, saved):
        """Go on from what `state_dict()` of an optimizer of the same kind returned."""
        if saved["name"] != type(self).__name__:
            raise ValueError(f"state of {saved['name']} cannot be loaded into {type(self).__name__}")
        for name, value in saved["settings"].items():
            if name not in self.checks:
                raise ValueError(f"{type(self).__name__} has no setting {name!r}; it has {', '.join(self.checks)}")
            setattr(self, name, value)
        self.t = int(saved["t"])
        self.state = {name: np.array(vector) for name, vector in saved["state"].items()}

    def copy(self):
        """An independent optimizer in the same state."""
        return copy.deepcopy(self)

    def __getstate__(self):
        return {**self.__dict__, "_scratch": {}}

    def __repr__(self):
        settings = {name: value for name, value in self.settings().items() if value or name not in self.common}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in settings.items())})"

    def vector(self, name, theta):
        """The state vector called `name`; zeros when it is used for the first time."""
        vector = self.state.get(name)
        if vector is None:
            vector = self.state[name] = np.zeros_like(theta)
        elif vector.shape != theta.shape:
            raise ShapeError(
                f"{type(self).__name__}: state {name!r} has shape {vector.shape}, but theta has {theta.shape}: "
                "the model has changed. Map .state to the new parameters, or call reset()"
            )
        return vector

    def scratch(self, theta, i=0):
        """Array number i like theta for intermediate results, the same one every time: no allocation per update."""
        kept = self._scratch.get(i)
        if kept is None or kept.shape != theta.shape or kept.dtype != theta.dtype:
            kept = self._scratch[i] = np.empty_like(theta)
        return kept
