"""What a rule is, and which there are: one file of rules/ each, with a class that has the file's name."""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from nbprop.record.lessons import Lesson
from nbprop.record.source import CannotSay

from .finding import Evidence, Finding, Picture, Remedy
from .seen import Seen, two_digits

FOLDER = Path(__file__).parent / "rules"


class Rule:
    """Looks at a source and says whether something is wrong.

    name: as the file. title: what it is called above a finding. number: what `measure` measures, in words.
    needs: protocols of record/source.py that a source must have. after: names of rules: where one of them has found
        something, this one would only name a consequence, and is silent.
    judged: the series of the history that tells whether a remedy has helped.
    why, equation, lesson: see Finding. lesson: a `Lesson`.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    number: ClassVar[str] = ""
    needs: ClassVar[tuple[type, ...]] = ()
    judged: ClassVar[str] = "train_loss"
    after: ClassVar[tuple[str, ...]] = ()
    why: ClassVar[str] = ""
    equation: ClassVar[str] = ""
    lesson: ClassVar[Lesson] = Lesson(0, "")

    def measure(self, seen: Seen) -> float:
        """The number that it is judged by. Raises CannotSay where there is none: too early, or not measured."""
        raise NotImplementedError

    def find(self, seen: Seen) -> Finding | None:
        """The finding, or None where nothing is wrong."""
        raise NotImplementedError

    def finding(
        self,
        severity: str,
        words: str,
        *evidence: Evidence,
        remedies: "tuple[Remedy | None, ...]" = (),
        layers: tuple[str, ...] = (),
        since: int | None = None,
        picture: Picture | None = None,
    ) -> Finding:
        """A Finding of this rule, with its reasons. Of remedies, None is left out."""
        told = tuple(each for each in remedies if each is not None)
        return Finding(
            self.name, severity, words, evidence, self.why, self.equation, self.lesson, told, layers, since, picture
        )


def bars(seen: Seen, values: Any, limit: float | None = None, unit: str = "", log: bool = False) -> Picture:
    """One number for each layer."""
    return Picture("bars", np.asarray(values, np.float64), seen.names, limit=limit, unit=unit, log=log)


def line(steps: Any, values: Any, limit: float | None = None, unit: str = "", log: bool = False) -> Picture:
    """A number over the steps, of at most 200 points."""
    every = slice(None, None, max(1, -(-len(steps) // 200)))
    return Picture(
        "line", np.array(values[every], np.float64), steps=np.array(steps[every]), limit=limit, unit=unit, log=log
    )


def rate(seen: Seen, factor: float) -> Remedy | None:
    """Another learning rate, so many times the present one; None where there is none."""
    if not seen.lr:
        return None
    lr = two_digits(seen.lr * factor)
    return Remedy(f"Learning rate {lr:g}", {"lr": lr})


def since(steps: Any, wrong: Any) -> int | None:
    """From which step on it has been wrong until now, from bools (n,) at steps (n,); None if it is not."""
    wrong = np.asarray(wrong, bool)
    if not len(wrong) or not wrong[-1]:
        return None
    right = np.flatnonzero(~wrong)
    return int(steps[right[-1] + 1 if len(right) else 0])


def names(folder: Path = FOLDER) -> list[str]:
    """The names of all rules, sorted."""
    return sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))


@cache
def known_rules() -> dict[str, Rule]:
    """Name -> Rule, of all that there are, those that others wait for first."""
    found = {name: kind_in(import_module(f"{__package__}.rules.{name}"), name)() for name in names()}
    ordered: dict[str, Rule] = {}
    while waiting := [name for name in found if name not in ordered]:
        ready = [name for name in waiting if set(found[name].after) <= set(ordered)]
        if not ready:
            raise ValueError(f"rules that wait for each other, or for one that is not there: {', '.join(waiting)}")
        ordered |= {name: found[name] for name in ready}
    return ordered


def kind_in(module: Any, name: str) -> "Callable[[], Rule]":
    """The Rule in a module that is named as the file is, and has all that a rule must have."""
    own = [each for each in vars(module).values() if isinstance(each, type) and issubclass(each, Rule)]
    own = [each for each in own if each.__module__ == module.__name__ and each.name == name]
    if len(own) != 1:
        raise TypeError(f"{name}.py: expected one Rule in it with name = {name!r}, got {len(own)}")
    for what in ("title", "number", "why", "equation"):
        if not getattr(own[0], what):
            raise TypeError(f"{name}.py: {own[0].__name__} has no {what}")
    for method in ("measure", "find"):
        if getattr(own[0], method) is getattr(Rule, method):
            raise TypeError(f"{name}.py: {own[0].__name__} has no {method}(): a rule has measure() and find()")
    return own[0]


__all__ = ["CannotSay", "Evidence", "Finding", "Remedy", "Rule", "Seen", "bars", "known_rules", "line", "rate", "since"]
