"""What all optimizers share: checked settings, two flat vectors in, state that can be saved."""

import copy
from collections.abc import Callable
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ..checks import did_you_mean, number, wrong
from ..engine.errors import ShapeError

Plan = Callable[[int], float] | None  # of a learning rate, see schedules.py


def factor(name, value) -> Any:
    """None, or a function of the number of updates done."""
    if value is not None and not callable(value):
        raise TypeError(wrong(name, "None or a function of the step, such as StepLR(100)", value))
    return value


HINTS = {  # what PyTorch's have
    "zero_grad": "; write model.zero_grad()",
    "param_groups": "; settings are attributes: optimizer.lr = 0.1",
    "learning_rate": "; did you mean 'lr'?",
}


class Optimizer:
    """A rule that turns a gradient into a change of the parameters.

    An optimizer holds no parameters: `update(theta, gradient)` changes the flat vector `theta` in place, and
    `step(model)` does so with `model.theta` and `model.gradient`. Every setting (`lr`, `momentum`, ...) is an
    attribute, checked when it is set and used from the next update on; there are no others. What a rule of your own
    keeps belongs into `state`, or has a name that begins with "_" or stands in the class.

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
    _owner: Any = None  # a function (name, value) that is told of a setting instead of it being set
    t: int
    state: dict[str, Any]
    lr: float
    weight_decay: float
    schedule: Plan

    def __init_subclass__(cls) -> None:
        cls.checks = {**cls.checks, **cls.common}

    def __new__(cls, *values, **settings) -> Self:
        first = settings.get("params", values[0] if values else None)
        if hasattr(first, "parameters") or (np.iterable(first) and not isinstance(first, str)):
            raise TypeError(
                f"{cls.__name__} is not given the parameters: write optimizer = nb.optim.{cls.__name__}(lr=0.01), and "
                "optimizer.step(model) after each backward(); or nb.Trainer(model, data, optimizer=optimizer)"
            )
        return super().__new__(cls)

    def __init__(self, **settings) -> None:
        self.t = 0
        self.state = {}
        self._scratch = {}
        for name, value in settings.items():
            self.assign(name, value)

    if not TYPE_CHECKING:  # an editor that saw them would take any name for a setting

        def __setattr__(self, name, value) -> None:
            if name in self.checks and self._owner is not None:
                self._owner(name, self.checks[name](name, value))
            elif name in self.checks or not (name in ("t", "state") or name[0] == "_" or hasattr(type(self), name)):
                self.assign(name, value)
            else:
                object.__setattr__(self, name, value)

        def __getattr__(self, name) -> Any:
            # Nothing of this name was found. copy asks for names of its own, and needs no words.
            raise AttributeError(name if name[:2] == "__" else self._unknown(name))

    def _unknown(self, name):
        meant = HINTS.get(name) or did_you_mean(name, self.checks) or "."
        return f"{type(self).__name__} has no setting {name!r}{meant} It has {', '.join(self.checks)}"

    def assign(self, name, value) -> None:
        """Set a setting, checked, without telling an owner."""
        if name not in self.checks:
            raise AttributeError(self._unknown(name))
        object.__setattr__(self, name, self.checks[name](name, value))

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """The settings of a new one, name -> value, in the order of `checks` (name -> check)."""
        takes = [one for base in reversed(cls.__mro__[:-1]) for one in signature(base.__init__).parameters.values()]
        known = {"weight_decay": 0.0, "schedule": None}
        known |= {one.name: one.default for one in takes if one.default is not Parameter.empty}
        return {name: known[name] for name in cls.checks if name in known}

    def rule(self, theta, gradient, lr) -> None:
        """Change `theta` in place by one update. `self.t` counts this update already (1 the first time)."""
        raise NotImplementedError

    def update(self, theta, gradient, frozen=()) -> None:
        """One update of the flat vector `theta` (in place) from the flat `gradient` (left as it is).

        frozen: slices of theta that stay as they are, and with them the state that belongs to them.
        """
        if theta.shape != gradient.shape:
            raise ShapeError(
                f"{type(self).__name__}: theta and gradient must have one shape; got {theta.shape} and {gradient.shape}"
            )
        own = vars(self)  # a class with __getattr__ and __setattr__ is slow to ask and to tell
        kept = self._kept(theta, frozen) if frozen else ()
        lr, decay = own["lr"] if own["schedule"] is None else self.rate, own["weight_decay"]
        if decay and self.decoupled:
            theta *= 1 - lr * decay
        elif decay:
            decayed = self.scratch(theta, 2)
            np.multiply(theta, decay, out=decayed)
            decayed += gradient
            gradient = decayed
        own["t"] += 1
        self.rule(theta, gradient, lr)
        for at, values, state in kept:
            theta[at] = values
            for name, vector in self.state.items():
                vector[at] = state.get(name, 0)

    def _kept(self, theta, frozen):
        return [(at, theta[at].copy(), {name: v[at].copy() for name, v in self.state.items()}) for at in frozen]

    @property
    def rate(self) -> float:
        """The learning rate of the next update: lr, times the schedule's factor if there is one."""
        return self.lr if self.schedule is None else self.lr * float(self.schedule(self.t))

    def step(self, model) -> None:
        """One update of a model's parameters from the gradients of its last backward(). Those with requires_grad=False
        stay as they are."""
        if not hasattr(model, "_flat"):
            raise TypeError(f"{type(self).__name__}.step takes the model, an nn.Module; got {type(model).__name__}")
        self.update(*model._flat())

    def reset(self) -> None:
        """Forget the past: as if no update had been done."""
        self.t = 0
        self.state.clear()

    def settings(self) -> dict[str, Any]:
        """The hyper-parameters, name -> value."""
        return {name: getattr(self, name) for name in self.checks}

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to continue exactly, as copies: {"name", "settings", "t", "state"}."""
        state = {name: vector.copy() for name, vector in self.state.items()}
        return {"name": type(self).__name__, "settings": self.settings(), "t": self.t, "state": state}

    def load_state_dict(self, saved) -> None:
        """Go on from what `state_dict()` of an optimizer of the same kind returned."""
        if saved["name"] != type(self).__name__:
            raise ValueError(f"state of {saved['name']} cannot be loaded into {type(self).__name__}")
        for name, value in saved["settings"].items():
            if name not in self.checks:
                raise ValueError(self._unknown(name))
            self.assign(name, value)
        self.t = int(saved["t"])
        self.state = {name: np.array(vector) for name, vector in saved["state"].items()}

    def copy(self) -> Self:
        """An independent optimizer in the same state."""
        return copy.deepcopy(self)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_scratch": {}, "_owner": None}  # a copy belongs to nobody

    def __repr__(self) -> str:
        settings = {name: value for name, value in self.settings().items() if value or name not in self.common}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in settings.items())})"

    def vector(self, name, theta) -> np.ndarray:
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

    def scratch(self, theta, i=0) -> np.ndarray:
        """Array number i like theta for intermediate results, the same one every time: no allocation per update."""
        kept = self._scratch.get(i)
        if kept is None or kept[0] is not theta:
            kept = self._scratch[i] = theta, np.empty_like(theta)
        return kept[1]
