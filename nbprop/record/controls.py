"""What a knob is turned by, in words and numbers: a source describes it, a board draws it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .lessons import Lesson

GROUPS = ("Layers", "Optimizer", "Regularization", "Gradient")  # in this order


@dataclass(frozen=True, kw_only=True)
class Explained:
    """What every control says of itself.

    group: where there are many, it is folded away with the others of its group, one of `GROUPS`; "" never is. about:
    what it is, two sentences in plain words; lesson: the one of the course that explains it.
    """

    group: str = ""
    about: str = ""
    lesson: Lesson | None = None

    def __post_init__(self) -> None:
        if self.group not in ("", *GROUPS):
            raise ValueError(f"group: expected one of {', '.join(GROUPS)}, or ''; got {self.group!r}")


@dataclass(frozen=True)
class Slider(Explained):
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
class Choice(Explained):
    """A list to choose from: values, or pairs (label, value); one that is not in it is added.

    of: what in the list stands for a value of the knob, such as the name of an object. unit: behind an added number.
    among: among(source) -> options, where these depend on the source; `options` are then all that there ever are.
    """

    label: str
    options: tuple[Any, ...]
    tip: str = ""
    of: Callable[[Any], Any] | None = None
    unit: str = ""
    among: Callable[[Any], tuple[Any, ...]] | None = None


@dataclass(frozen=True)
class Switch(Explained):
    """On or off."""

    label: str
    tip: str = ""


@dataclass(frozen=True)
class Number(Explained):
    """A box for a whole number, `low` or more."""

    label: str
    low: int = 0
    tip: str = ""


@dataclass(frozen=True)
class Several(Explained):
    """A box for any number of values with commas between them, such as the units of each hidden layer: "16, 8".

    each: int (whole numbers), float or str (names). none: what is said where there is none.
    """

    label: str
    tip: str = ""
    each: type = int
    none: str = ""
