"""What a rule has found: words, evidence, a small picture, why it is so, and what to do about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nbprop.record.lessons import Lesson

SEVERITIES = ("alarm", "warning", "hint")  # worst first
KINDS = ("bars", "line")


@dataclass(frozen=True)
class Evidence:
    """A number that speaks for a finding. label: what it is; value: of all, or of the worst layer; usual: what is."""

    label: str
    value: float
    usual: str = ""

    def __str__(self) -> str:
        return f"{self.label}: {said(self.value)}" + (f" (usual: {self.usual})" if self.usual else "")


@dataclass(frozen=True, eq=False)
class Picture:
    """A few numbers to draw.

    kind: "bars", one for each of `labels`; or "line", over `steps`.
    values: (n,) float64, n bars or points. labels: n names, of bars. steps: (n,) int64, of a line.
    limit: where it begins to be wrong, to be drawn as a line across; None for none. unit: what stands at the axis.
    log: whether a logarithmic axis suits it.
    """

    kind: str
    values: np.ndarray
    labels: tuple[str, ...] = ()
    steps: np.ndarray | None = None
    limit: float | None = None
    unit: str = ""
    log: bool = False

    def __post_init__(self) -> None:
        places = self.labels if self.kind == "bars" else self.steps
        if self.kind not in KINDS or places is None or len(places) != len(self.values):
            got = f"{self.kind!r} with {len(self.values)} values and {0 if places is None else len(places)} places"
            raise ValueError(f"a picture is 'bars' with a label each or a 'line' with a step each; got {got}")


@dataclass(frozen=True, eq=False)
class Remedy:
    """Something to do, as one turn that `undo` takes back and rewinding repeats.

    words: what it is called on a button, such as "Learning rate 0.01".
    changes: keywords of `trainer.set`; act: (name of a method of the trainer, its arguments), called after that.
        Neither: it can only be done in code, and `hindrance` says how.
    hindrance: why it cannot be applied, known beforehand; "".
    """

    words: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    act: tuple[str, tuple[Any, ...]] | None = None
    hindrance: str = ""

    def cannot(self, source: Any) -> str:
        """Why it cannot be applied to that source, in words; "" if it can."""
        if self.hindrance or not (self.changes or self.act):
            return self.hindrance or "this is to be changed in code"
        if getattr(source, "moment", None) is not None:
            return f"this is the past, step {source.moment:,}, which is only looked at: go back to the present first"
        kind = type(source).__name__
        if (self.changes and not hasattr(source, "set")) or (self.act and not hasattr(source, self.act[0])):
            return f"this {kind} cannot be turned: {self.words} is to be done in code"
        if self.changes and hasattr(source, "refusal"):
            return source.refusal(**self.changes)
        return ""

    def apply(self, source: Any) -> None:
        """Do it. Raises ValueError, in words, where it cannot be done."""
        if why := self.cannot(source):
            raise ValueError(f"{self.words}: {why}")
        together = getattr(source, "together", None)
        if together is None:
            self._do(source)
        else:
            together(self.words, lambda: self._do(source))

    def _do(self, source):
        if self.changes:
            source.set(**self.changes)
        if self.act is not None:
            name, arguments = self.act
            getattr(source, name)(*arguments)

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True, eq=False)
class Finding:
    """Something that is wrong, or may be.

    rule: name of the rule. severity: "alarm" (it does not learn, or not for long), "warning", "hint".
    words: what is wrong, in a sentence. layers: names of those that it is about; () for the whole network.
    evidence: the numbers, the one that it is judged by first. since: the step, None where that is not known.
    picture: or None. why: two sentences. equation: plain text. lesson: the one of the course that teaches it.
    remedies: the best first.
    """

    rule: str
    severity: str
    words: str
    evidence: tuple[Evidence, ...]
    why: str
    equation: str
    lesson: Lesson
    remedies: tuple[Remedy, ...] = ()
    layers: tuple[str, ...] = ()
    since: int | None = None
    picture: Picture | None = None

    def __post_init__(self) -> None:
        if self.severity not in SEVERITIES:
            raise ValueError(f"severity: expected one of {', '.join(SEVERITIES)}; got {self.severity!r}")

    def text(self) -> str:
        """All of it, in lines."""
        since = f" Since step {self.since:,}." if self.since is not None else ""
        lines = [f"{self.severity.upper()}: {self.words}{since}"]
        lines += [f"  {each}" for each in self.evidence]
        lines += [f"  why: {self.why}", f"       {self.equation}"]
        if self.remedies:
            lines.append(f"  try: {'; or '.join(each.words for each in self.remedies)}")
        lines.append(f"  {self.lesson}")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.words


def said(value: float) -> str:
    """A number in few digits."""
    value = float(value)
    if not np.isfinite(value):
        return "NaN" if np.isnan(value) else "infinite" if value > 0 else "-infinite"
    if value == round(value) and abs(value) < 1e6:
        return f"{value:,.0f}"
    return f"{value:.2g}" if abs(value) < 100 else f"{value:,.0f}" if abs(value) < 1e6 else f"{value:.2g}"


def listed(names, most: int = 3) -> str:
    """Names in a sentence: "hidden 1, hidden 2 and 4 more"."""
    names = list(names)
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else "none"
