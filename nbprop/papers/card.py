"""A paper card: what an experiment of a paper claims, how it was made there and is made here, and what comes out."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from math import ceil
from types import SimpleNamespace
from typing import Any

import numpy as np

from nbprop.checks import number, size, whole

SAME: Any = type("Same", (), {"__repr__": lambda self: "the same"})()
DOUBLE: Any = np.float64
# Of a trainer: steps between evaluations, records and snapshots, which no card looks at.
QUIET: Any = {"evaluate_every": 10**6, "probe_every": 10**6, "snapshot_every": 10**6}
Numbers = dict[str, Any]  # of one seed: name -> a number, or a list of them, which is a curve


@dataclass(frozen=True)
class Setting:
    """One setting of an experiment. words: what it is; there: in the paper; here: where it differs; why it does."""

    words: str
    there: Any
    here: Any = SAME
    why: str = ""

    @property
    def value(self) -> Any:
        """What is used here."""
        return self.there if self.here is SAME else self.here


@dataclass(frozen=True)
class Verdict:
    """passed: whether the criterion is met. figure: ours as one number, the one that two runs of a card are compared
    by. ours: in words. why: it is not met, or what to know though it is."""

    passed: bool
    figure: float
    ours: str
    why: str = ""


@dataclass(frozen=True, eq=False)
class Card:
    """An experiment of a paper.

    key: its name in `nb.papers.cards`. paper, section: the source. claim: in a sentence.
    settings: name -> `Setting`. criterion: when the card passes. published: what the paper reports.
    trial(settings, seed, share) -> Numbers: the experiment, made by nbprop's own Trainer. settings has the values used
        here, by name; share: of the steps, 1 for the whole experiment.
    judge(numbers of each seed) -> Verdict.
    seeds: how many, 0, 1, ..., by default. tolerance: how far, at most, the figures of two runs are apart on two
        machines. draw(ax, numbers of each seed): the picture, where a curve is the point.
    """

    key: str
    paper: str
    section: str
    claim: str
    settings: "dict[str, Setting]"
    criterion: str
    published: str
    trial: Callable[[Any, int, float], Numbers] = field(repr=False)
    judge: "Callable[[Sequence[Numbers]], Verdict]" = field(repr=False)
    seeds: int = 5
    tolerance: float = 0.1
    draw: "Callable[[Any, Sequence[Numbers]], None] | None" = field(default=None, repr=False)

    def train(self, seed: int, share: float = 1.0) -> Numbers:
        """The experiment with one seed. share: of its steps, to see that it runs."""
        values = SimpleNamespace(**{name: setting.value for name, setting in self.settings.items()})
        return self.trial(values, whole(0)("seed", seed), number(above=0, most=1)("share", share))

    def run(self, seeds: "int | Iterable[int] | None" = None, progress: bool = True) -> "Outcome":
        """The experiment with several seeds: how many, or which; by default as many as the card says. Two minutes at
        most with these, on one core. progress: a bar."""
        if isinstance(seeds, Iterable):
            chosen = [whole(0)("a seed", seed) for seed in seeds]
        else:
            chosen = list(range(self.seeds if seeds is None else size("seeds", seeds)))
        if not chosen:
            raise ValueError(f"seeds: expected at least one, such as seeds=3 or seeds=[0, 7]; got {seeds!r}")
        from nbprop.training.progress import bar

        begun, numbers = time.process_time(), []
        with bar(len(chosen), f"{self.key}, seed") as tick:
            for seed in chosen:
                if progress:
                    tick()
                numbers.append(self.train(seed))
        return Outcome(self, tuple(chosen), tuple(numbers), time.process_time() - begun)

    @property
    def kept(self) -> "Outcome | None":
        """What came out when the table was made: numbers without curves. None for a card that is new."""
        from .kept import outcome

        return outcome(self)

    def rows(self) -> "list[tuple[str, str, str]]":
        """(setting, there, here) in words."""
        return [
            (each.words, _said(each.there), "" if each.here is SAME else _said(each.here) + _because(each.why))
            for each in self.settings.values()
        ]

    def __repr__(self) -> str:
        lines = [f"{self.key}: {self.claim}", f"{self.paper}, {self.section}"]
        lines += [f"  {words}: {there}{f' / here {here}' if here else ''}" for words, there, here in self.rows()]
        lines += [f"criterion: {self.criterion}", f"published: {self.published}"]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head = f"<b>{escape(self.key)}</b>: {escape(self.claim)}<br>{escape(self.paper)}, {escape(self.section)}"
        table = html_table(("setting", "there", "here"), [(w, t, h or "the same") for w, t, h in self.rows()])
        return f"{head}{table}criterion: {escape(self.criterion)}<br>published: {escape(self.published)}"


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came out of a card: `numbers` of each of `seeds`, and the `verdict`. seconds: of CPU."""

    card: Card
    seeds: "tuple[int, ...]"
    numbers: "tuple[Numbers, ...]" = field(repr=False)
    seconds: float

    @property
    def verdict(self) -> Verdict:
        return self.card.judge(self.numbers)

    @property
    def passed(self) -> bool:
        return self.verdict.passed

    def plot(self, ax: Any = None) -> Any:
        """The picture, on Matplotlib's axes. ValueError where the card has none, or the curves were not kept."""
        if self.card.draw is None or not any(isinstance(each, list) for each in self.numbers[0].values()):
            raise ValueError(f"{self.card.key} has no curve to draw; what it found: {self.verdict.ours}")
        if ax is None:
            from matplotlib.figure import Figure

            ax = Figure(figsize=(6, 3.2), layout="constrained").subplots()
        self.card.draw(ax, self.numbers)
        return ax.figure

    def _rows(self):
        verdict, many = self.verdict, len(self.seeds)
        rows = [
            ("criterion", self.card.criterion),
            ("published", self.card.published),
            (f"ours, {many} seed{'s' * (many != 1)}", verdict.ours),
            ("passed", ("yes" if verdict.passed else "no") + (f": {verdict.why}" if verdict.why else "")),
        ]
        return rows

    def __repr__(self) -> str:
        return "\n".join([f"{self.card.key}: {self.card.claim}", *(f"  {a}: {b}" for a, b in self._rows())])

    def _repr_html_(self) -> str:
        picture = ""
        if self.card.draw is not None and any(isinstance(each, list) for each in self.numbers[0].values()):
            import base64
            import io

            with io.BytesIO() as file:
                self.plot().savefig(file, format="png", dpi=100)
                data = base64.b64encode(file.getvalue()).decode()
            picture = f'<br><img alt="{escape(self.verdict.ours)}" src="data:image/png;base64,{data}">'
        head = f"<b>{escape(self.card.key)}</b>: {escape(self.card.claim)}"
        return head + html_table(("", ""), self._rows()) + picture


def part(count: int, share: float) -> int:
    """That share of so many steps, two at least."""
    return max(2, ceil(count * share))


def html_table(head: "Sequence[str]", rows: "Iterable[Sequence[str]]") -> str:
    """A table of texts, as HTML."""
    cells = [[f"<td style='text-align:left'>{escape(str(cell))}</td>" for cell in row] for row in rows]
    top = "".join(f"<th style='text-align:left'>{escape(name)}</th>" for name in head) if any(head) else ""
    return f"<table><tr>{top}</tr>" + "".join(f"<tr>{''.join(row)}</tr>" for row in cells) + "</table>"


def _said(value):
    if isinstance(value, (tuple, list)):
        return ", ".join(map(_said, value))
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_said(each)}" for name, each in value.items())
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _because(why):
    return f" ({why})" if why else ""
