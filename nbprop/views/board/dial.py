"""A control and what it stands at, as a page is told of it: for Playground, Controls and whoever comes."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from nbprop.checks import did_you_mean
from nbprop.record.controls import GROUPS, Choice, Number, Several, Slider, Switch
from nbprop.record.lessons import Lesson

OFF = "off"
SPEEDS = (
    ("as fast as it goes", math.inf),
    ("300 steps/s", 300.0),
    ("30 steps/s", 30.0),
    ("5 steps/s", 5.0),
    ("1 step/s", 1.0),
)
SPEED = Choice(
    "Speed",
    SPEEDS,
    "Most steps per second",
    unit=" steps/s",
    about="How many steps are made in a second at most, so that there is time to watch. It changes nothing of what is "
    "computed.",
    lesson=Lesson(0, "Play"),
)
NOTHING = "There is nothing for it to act on in this model, or with this optimizer"
PARTS = "It is not the same for all parts of the objective: set it in code"
KINDS = {Slider: "slider", Choice: "choice", Switch: "switch", Number: "number", Several: "list"}


class Dial:
    """A Slider, Choice, Switch, Number or Several with a name. It shows a value as it is, whatever the description says
    of its range.

    value: what it stands at; a tuple or dict where that differs from layer to layer. idle: "" or why it cannot be
    turned now. folded: whether it is folded away with the others of its group.
    """

    def __init__(self, name: str, control: Any, folded: bool = False) -> None:
        self.name, self.control, self.folded = name, control, folded
        self.value: Any = None
        self.idle = ""
        kind = next((word for each, word in KINDS.items() if isinstance(control, each)), None)
        if kind is None:
            raise TypeError(f"expected one of {', '.join(each.__name__ for each in KINDS)}, got {control!r}")
        self.kind = "stops" if kind == "choice" and all(map(_is_number, control.options)) else kind
        self.options = getattr(control, "options", ())

    def spec(self) -> dict[str, Any]:
        """What stays."""
        control = self.control
        spec = {"name": self.name, "label": control.label, "tip": control.tip, "kind": self.kind}
        if control.about:
            spec |= {"about": control.about, "lesson": str(control.lesson or "")}
            spec |= {"where": control.lesson.where} if control.lesson else {}
        if self.kind == "slider":
            spec |= {name: getattr(control, name) for name in ("low", "high", "step", "log", "whole")}
            spec["off"] = bool(control.off)
        if self.kind == "stops":
            spec["stops"] = list(control.options)
        if self.kind == "number":
            spec["low"] = control.low
        if self.kind == "list":
            spec["none"] = control.none
        if self.folded:
            spec["group"] = control.group
        return spec

    def offer(self, source: Any) -> bool:
        """Offer what can be chosen of a source; whether it is something else than before."""
        before, among = self.options, getattr(self.control, "among", None)
        if among is not None:
            self.options = among(source)
        return self.options != before

    def show(self, value: Any, idle: str = "") -> bool:
        """Stand at a value from now on; whether it is another one. idle: why a hand cannot turn it, said in the tip."""
        of = getattr(self.control, "of", None)
        if of is not None and value is not None and not _several(value):
            value = of(value)
        if self.kind == "list" and isinstance(value, dict):
            idle = idle or PARTS
        if idle == self.idle and _same(value, self.value):
            return False
        self.value, self.idle = value, idle
        return True

    def state(self) -> dict[str, Any]:
        """What a page is to show: `value`, a number, text or True and False; `words` where no number says it."""
        value: Any = self.value
        state: dict[str, Any] = {"idle": self.idle} if self.idle else {}
        if self.idle == NOTHING:
            state["absent"] = True
        if self.kind == "switch":
            return state | {"value": bool(value)}
        if self.kind == "choice":
            labels = [label for label, _ in self._offered()]
            return state | {"value": self._label(value), "choices": labels}
        if self.kind == "list":
            return state | {"value": words(value) if isinstance(value, dict) else ", ".join(map(_in_full, value or ()))}
        if _is_number(value) and math.isfinite(value) and not self._is_off(value):
            exact = isinstance(value, float) or abs(value) < 2**53  # a page has no larger whole numbers
            return state | {"value": value if exact else str(value)}
        return state | {"value": None, "words": OFF if self._is_off(value) else words(value)}

    def given(self, told: Any) -> Any:
        """The value that a hand means: a number, True or False, or what it has typed. ValueError for what means
        none."""
        control, label = self.control, self.control.label
        if self.kind == "switch":
            return bool(told)
        if self.kind == "choice":
            found = [value for each, value in self._offered() if each == told]
            if not found:
                raise ValueError(f"{label}: expected one of {', '.join(e for e, _ in self._offered())}; got {told!r}")
            return found[0]
        if self.kind == "list" and control.each is str:
            there = {words(each): each for each in self.value or ()}  # one that is no name stays what it is
            return tuple(there.get(part, part) for part in _parts(told))
        if self.kind == "list":
            return tuple(_number(label, each, control.each is int) for each in _parts(told))
        whole = self.kind == "number" or getattr(control, "whole", False) or (self.kind == "stops" and self._whole())
        if getattr(control, "off", ()) and (told is None or _plain(told) in (OFF, "none")):
            return control.off[0]
        parts = _parts(told)
        if len(parts) > 1:
            return tuple(_number(label, each, whole) for each in parts)
        return _number(label, parts[0] if parts else told, whole)

    def _whole(self):
        return all(isinstance(each, int) for each in self.control.options)

    def _is_off(self, value):
        return any(_same(value, each) for each in getattr(self.control, "off", ()))

    def _offered(self):
        """(label, value) of what can be chosen: what the control says and, if it is not among that, the value."""
        pairs = [option if isinstance(option, tuple) else (words(option), option) for option in self.options]
        value = self.value
        if value is None or any(_same(each, value) for _, each in pairs):
            return pairs
        larger = (i for i, (_, each) in enumerate(pairs) if _is_number(value) and _is_number(each) and each > value)
        at = next(larger, len(pairs)) if _rising(pairs) else len(pairs)
        return [*pairs[:at], (words(value) + self.control.unit, value), *pairs[at:]]

    def _label(self, value):
        return next((label for label, each in self._offered() if _same(each, value)), "")


def dials(source: Any, names: "tuple[str, ...] | list[str]", folded: bool = False) -> "dict[str, Dial]":
    """A Dial for each of a source's knobs with these names.

    Raises ValueError for a name that no knob has, or one that has no control.
    """
    return {name: Dial(name, check(source.knobs, name), folded) for name in names}


def grouped(knobs: "Mapping[str, Any]", but: "Sequence[str]" = ()) -> "list[str]":
    """The names of the knobs whose controls belong to a group, in the order of the groups, without some."""
    having = [name for name, knob in knobs.items() if knob.control is not None and knob.control.group]
    return sorted(
        (name for name in having if name not in but), key=lambda name: GROUPS.index(knobs[name].control.group)
    )


def check(knobs: "Mapping[str, Any]", name: str) -> Any:
    """The control of the knob of that name."""
    having = [each for each, knob in knobs.items() if knob.control is not None]
    if not isinstance(name, str):
        raise TypeError(f"a control is asked for by the name of a knob, such as {having[0]!r}; got {name!r}")
    if name not in knobs:
        raise ValueError(f"no knob {name!r}{did_you_mean(name, having) or '.'} There are {', '.join(having)}")
    if knobs[name].control is None:
        raise ValueError(f"{name} has no control: set it in code. Those that have one are {', '.join(having)}")
    return knobs[name].control


def standing(source: Any, name: str) -> "tuple[Any, str]":
    """What a knob stands at, and "" or why it acts on nothing."""
    knob = source.knobs[name] if hasattr(source, "knobs") else getattr(type(source), name)
    try:
        value = getattr(source, name)
        each = getattr(source, knob.each) if getattr(knob, "each", "") else ()
    except ValueError as error:
        return None, str(error)
    if len(set(each or ())) > 1:
        return tuple(each), ""
    return value, NOTHING if value is None and not _may_be_none(knob.control) else ""


def _may_be_none(control):
    """Does None say something?"""
    said = [option[1] for option in getattr(control, "options", ()) if isinstance(option, tuple)]
    return None in (*getattr(control, "off", ()), *said)


def turn(source: Any, name: str, value: Any) -> None:
    """Turn a knob of a source; several values are for the knob that has one for each layer."""
    each = getattr(source.knobs[name], "each", "")
    source.set(**{each if each and isinstance(value, tuple) else name: value})


def words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {words(each)}" for name, each in value.items())
    if isinstance(value, tuple):
        return ", ".join(map(words, value))
    if value is None:
        return ""
    if _is_number(value):
        return f"{value:g}"
    return value if isinstance(value, str) else getattr(value, "__name__", repr(value))


def _rising(pairs):
    numbers = [each for _, each in pairs if _is_number(each)]
    return numbers == sorted(numbers)


def _parts(told):
    """What is between commas, but for those within brackets; a number is one of one."""
    if not isinstance(told, str):
        return [told]
    return [part for part in (each.strip() for each in re.split(r"[,;](?![^()]*\))", told)) if part]


def _plain(told):
    return told.strip().lower() if isinstance(told, str) else told


def _number(label, told, whole):
    try:
        number = int(told) if whole and isinstance(told, str) and told.isdecimal() else float(told)
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(told, bool) or not math.isfinite(number) or (whole and number != int(number)):
        raise ValueError(f"{label}: expected a {'whole ' if whole else ''}number, got {told!r}")
    return int(number) if whole else float(number)


def _in_full(value):
    return str(value) if _is_number(value) else words(value)


def _several(value):
    return isinstance(value, (tuple, dict))


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _same(a, b):
    return a is b or (type(a) in _PLAIN and type(b) in _PLAIN and a == b)


_PLAIN = (bool, int, float, str, tuple, dict)
