"""What can be chosen of a view: options, controls, and the keywords that follow from them."""

import inspect
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from nbprop.checks import did_you_mean


@dataclass(frozen=True)
class Option:
    """A switch of a view: one of `choices` (pairs of value and label), a whole number where they are a range, or on and
    off when there are none.

    where: "browser" if frame and labels are the same whatever it is, so that the browser can obey at once, also without
    a kernel; "kernel" if the picture must wait for the frame that was made with it; "live" if it must, and a recording,
    which has room for few choices, keeps it as it stands.
    """

    name: str
    label: str
    choices: Any = ()
    default: str | bool | int = False
    where: str = "kernel"
    more: bool = False  # the source may offer others
    walk: bool = False  # a range that is walked through: it can be played; `labels()["stops"]` says where it ends
    pace: int = 0  # ms that each step of the walk stands while it plays, and round again; 0: slowly, up to the end

    @property
    def type(self) -> Any:
        """The type of its values, for editors."""
        if self.more:
            return str
        if isinstance(self.choices, range):
            return int
        return Literal[tuple(value for value, _ in self.choices)] if self.choices else bool

    def check(self, value) -> Any:
        """`value` if it may be chosen, else a ValueError or TypeError that names what may be."""
        if isinstance(self.choices, range):
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value not in self.choices:
                low, high = self.choices[0], self.choices[-1]
                raise ValueError(f"{self.name}: expected a whole number from {low} to {high}, got {value!r}")
            return int(value)
        if not self.choices:
            if not isinstance(value, (bool, np.bool_)):
                raise TypeError(f"{self.name}: expected True or False, got {value!r}")
            return bool(value)
        values = [choice for choice, _ in self.choices]
        if value not in values:
            raise ValueError(f"{self.name}: expected one of {values}, got {value!r}{did_you_mean(value, values)}")
        return value


@dataclass(frozen=True)
class Control:
    """Something beside the picture with which a hand reaches the source: a slider from `low` to `high` (with `log`, of
    the logarithm, `step` in decades), a list of `choices` as an Option's, or, without either, a button.

    `view.act(name, value)` is called; what sliders and lists stand at is `view.labels()["values"]`, by name. Where the
    labels have `controls`, those are shown that it names. typed: a number beside the slider, of any size. key: presses
    the button when the picture has the focus; what `values` has of a button is what it is called now.
    """

    name: str
    label: str
    low: float | None = None
    high: float | None = None
    step: float | None = None
    log: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    typed: bool = False
    key: str = ""


def signature(kind, height=False) -> inspect.Signature:
    """How a view is made, with each of its options as a keyword; with `height` that of its factory."""
    parameters = {p.name: p for p in list(inspect.signature(kind.__init__).parameters.values())[1:]}
    parameters.pop("options", None)
    rest = [parameters.pop(name) for name, p in list(parameters.items()) if p.kind is p.VAR_KEYWORD]
    if height:
        parameters["height"] = _keyword("height", None, float | None)
    if kind.outlined:
        parameters["ghosts"] = _keyword("ghosts", (), Any)
    for option in kind.options:
        parameters.setdefault(option.name, _keyword(option.name, option.default, option.type))
    return inspect.Signature([*sorted(parameters.values(), key=lambda p: p.kind), *rest])


def _keyword(name, default, annotation):
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
