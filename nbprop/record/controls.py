"""What a knob is turned by, in words and numbers: a source describes it, a board draws it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Slider:
    """A slider from low to high, whose ends give way to a value beyond them.

    log: of the logarithm, `step` in decades. whole: of whole numbers. off: (value,) that means "off" and lies below all
    others.
    """

    label: str
    low: float
    high: float
    step: float
    tip: str = ""
    log: bool = False
    whole: bool = False
    off: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Choice:
    """A list to choose from: values, or pairs (label, value); one that is not in it is added.

    of: what in the list stands for a value of the knob, such as the name of an object. unit: behind an added number.
    """

    label: str
    options: tuple[Any, ...]
    tip: str = ""
    of: Callable[[Any], Any] | None = None
    unit: str = ""


@dataclass(frozen=True)
class Switch:
    """On or off."""

    label: str
    tip: str = ""


@dataclass(frozen=True)
class Number:
    """A box for a whole number, `low` or more."""

    label: str
    low: int = 0
    tip: str = ""


@dataclass(frozen=True)
class Sizes:
    """A box for whole numbers, such as the units of each hidden layer: "16, 8", or nothing."""

    label: str
    tip: str = ""
