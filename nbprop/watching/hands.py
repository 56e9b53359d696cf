"""What a hand can turn of a loop of PyTorch: settings of its optimizers, dropout, and the clipping of the gradient. It
acts on the real optimizer, from the next step on."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from nbprop.checks import number
from nbprop.record.controls import Slider
from nbprop.training.knob import KNOBS

from .losses import unless_compiled

READ = ("lr", "weight_decay", "momentum")  # settings of a group of parameters


@dataclass(frozen=True)
class Turn:
    """A knob: what it is turned by, what a value must be, and how it is read and applied. None where groups of
    parameters differ is a tuple: a value for each."""

    control: Any
    check_one: Callable[[Any], Any]
    read: Callable[[], Any]
    apply: Callable[[Any], None]
    count: Callable[[], int] = lambda: 1

    def check(self, value: Any) -> Any:
        """The value, or one for each group; ValueError or TypeError."""
        if isinstance(value, (tuple, list)):
            if len(value) != self.count():
                raise ValueError(f"{self.control.label}: expected one number, or {self.count()}; got {len(value)}")
            return tuple(self.check_one(each) for each in value)
        return self.check_one(value)


class Hands:
    """The knobs of these optimizers and models: name -> Turn, of those that they have."""

    def __init__(self, torch: Any, models: "dict[str, Any]", optimizers: "dict[str, Any]") -> None:
        self._torch, self._models, self._optimizers = torch, models, optimizers
        self.clip: float | None = None
        self.knobs: dict[str, Turn] = {}
        for name, check in (
            ("lr", number(0, tip=0.01)),
            ("weight_decay", number(0, tip=0.0001)),
            ("momentum", number(0, 1, tip=0.9)),
        ):
            if self._groups(name):
                self.knobs[name] = Turn(
                    self._control(name), lambda value, name=name, check=check: check(name, value),
                    lambda name=name: _one([float(group[name]) for group in self._groups(name)]),
                    lambda value, name=name: self._put(self._groups(name), name, value),
                    lambda name=name: len(self._groups(name)),
                )  # fmt: skip
        drops = [
            m
            for model in models.values()
            for m in model.modules()
            if isinstance(m, torch.nn.modules.dropout._DropoutNd)
        ]
        if drops:
            self.knobs["dropout"] = Turn(
                self._control("dropout"), lambda value: number(0, 1)("dropout", value),
                lambda: _one([m.p for m in drops]), lambda value: _each(drops, value, lambda m, p: setattr(m, "p", p)),
                lambda: len(drops),
            )  # fmt: skip
        if optimizers:
            self.knobs["clip"] = Turn(
                self._control("clip"), lambda value: None if value is None else number(above=0, tip=1.0)("clip", value),
                lambda: self.clip, lambda value: setattr(self, "clip", value),
            )  # fmt: skip
        self._drops, self._stood, self._last = drops, None, {}
        self.known()
        self.why = ""  # the gradient was not clipped
        clip = unless_compiled(torch, self._clip)
        self._hooks = [each.register_step_pre_hook(clip) for each in optimizers.values()]

    def _control(self, name):
        control = KNOBS[name].control
        if isinstance(control, Slider) and name == "lr":  # a user's rate may be far from ours
            return replace(control, low=min(control.low, 1e-6))
        return control

    def _groups(self, name):
        return [
            group for each in self._optimizers.values() for group in each.param_groups if group.get(name) is not None
        ]

    @staticmethod
    def _put(groups, name, value):
        def put(group, new):
            if hasattr(group[name], "fill_"):  # of a capturable optimizer: a tensor that its graph has
                group[name].fill_(new)
            else:
                group[name] = new

        _each(groups, value, put)

    def _clip(self, optimizer, given, named):
        if self.clip is None:
            self.why = ""
            return
        parameters = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        closure = any(map(callable, (*given[1:], *named.values())))
        if closure:
            self.why = "this optimizer computes its gradients itself (a closure)"
        elif any(p.grad.is_sparse for p in parameters):
            self.why = "a gradient is sparse"
        elif getattr(optimizer, "grad_scale", None) is not None:
            self.why = "the optimizer takes the gradient scaled (fused, with a GradScaler)"
        else:
            self.why = ""
            try:
                self._torch.nn.utils.clip_grad_norm_(parameters, self.clip)
            except Exception as error:  # the training goes on
                self.why = f"{type(error).__name__}: {error}"

    def _standing(self):
        """All that knobs read, as it lies in optimizers and modules; None: some are tensors, which change in place."""
        found = [group.get(name) for each in self._optimizers.values() for group in each.param_groups for name in READ]
        found += [module.p for module in self._drops]
        return None if any(hasattr(value, "fill_") for value in found) else found

    def known(self) -> None:
        """What stands now is no news."""
        self._last = {name: knob.read() for name, knob in self.knobs.items()}

    def news(self) -> "list[tuple[str, Any, Any]]":
        """(name, old, new) of what the loop itself has turned since the last time."""
        now = self._standing()
        if now is not None and now == self._stood:
            return []
        self._stood, found = now, []
        for name, knob in self.knobs.items():
            now = knob.read()
            if now != self._last[name] and not (_nan(now) and _nan(self._last[name])):
                found.append((name, self._last[name], now))
                self._last[name] = now
        return found

    def close(self) -> None:
        """Let go of optimizers and models."""
        for hook in self._hooks:
            hook.remove()
        self._hooks, self.knobs, self._models, self._optimizers, self._drops = [], {}, {}, {}, []


def _one(values):
    return values[0] if len(set(values)) == 1 else tuple(values)


def _each(things, value, put):
    values = value if isinstance(value, tuple) else (value,) * len(things)
    for thing, one in zip(things, values, strict=True):
        put(thing, one)


def _nan(value):
    return isinstance(value, float) and math.isnan(value)
