"""What all optimizers share: checked settings, two flat vectors in, state that can be saved."""

import copy
import math
from numbers import Real

import numpy as np

from ..engine.errors import ShapeError


def number(low=-math.inf, high=math.inf, *, above=-math.inf):
    """A check for a setting: a finite number with low <= value < high and value > above."""
    limits = [f"greater than {above}"] * (above > -math.inf) + [f"at least {low}"] * (low > -math.inf)
    limits += [f"less than {high}"] * (high < math.inf)
    expected = " ".join(["a finite number,", " and ".join(limits)]) if limits else "a finite number"

    def check(name, value):
        ok = isinstance(value, Real) and not isinstance(value, (bool, np.bool_)) and math.isfinite(value)
        if not (ok and low <= value < high and value > above):
            raise ValueError(f"{name} must be {expected}; got {value!r}")
        return float(value)  # a NumPy float64 would turn float32 arithmetic into float64

    return check


def flag(name, value):
    """A check for a setting that is on or off."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} must be True or False; got {value!r}")
    return bool(value)


def pair(check):
    """A check for a setting made of two numbers, such as Adam's betas."""

    def check_pair(name, value):
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            raise ValueError(f"{name} must be two numbers, such as (0.9, 0.999); got {value!r}")
        return tuple(check(f"{name}[{i}]", v) for i, v in enumerate(value))

    return check_pair


class Optimizer:
    """A rule that turns a gradient into a change of the parameters.

    An optimizer holds no parameters: `update(theta, gradient)` changes the flat vector `theta` in place, and
    `step(model)` does so with `model.theta` and `model.gradient`. Every setting (`lr`, `momentum`, ...) is an
    attribute, checked when it is set and used from the next update on.

    state: dict of name -> flat array with one number per parameter; made when first needed. With `t`, the number of
    updates done, and the settings it is all that must be kept to continue exactly. It may be replaced from outside.

    NB: PyTorch gives the parameters to the constructor and updates one tensor after the other.
    """

    name = "optimizer"
    checks = {"lr": number(0)}  # setting -> check; the order is that of settings()

    def __init__(self, **settings):
        self.t = 0
        self.state = {}
        self._scratch = ()
        for name, value in settings.items():
            setattr(self, name, value)

    def __setattr__(self, name, value):
        check = self.checks.get(name)
        object.__setattr__(self, name, check(name, value) if check else value)

    def rule(self, theta, gradient):
        """Change `theta` in place by one update. `self.t` counts this update already (1 the first time)."""
        raise NotImplementedError

    def update(self, theta, gradient):
        """One update of the flat vector `theta` (in place) from the flat `gradient` (left as it is)."""
        if theta.shape != gradient.shape:
            raise ShapeError(
                f"{type(self).__name__}: theta and gradient must have one shape; got {theta.shape} and {gradient.shape}"
            )
        self.t += 1
        self.rule(theta, gradient)

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
        return {**self.__dict__, "_scratch": ()}

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.settings().items())})"

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

    def scratch(self, theta, count=1):
        """`count` arrays like theta for intermediate results, the same ones every time: no allocation per update."""
        kept = self._scratch
        if len(kept) < count or kept[0].shape != theta.shape or kept[0].dtype != theta.dtype:
            kept = self._scratch = tuple(np.empty_like(theta) for _ in range(count))
        return kept
