"""All rules, one after the other, on one look at a source."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.record import source as contracts
from nbprop.record.source import CannotSay, Recorded, Shown, lacking

from .finding import SEVERITIES, Finding, said
from .rule import known_rules
from .seen import Seen

if TYPE_CHECKING:
    from pandas import DataFrame


UNKNOWN = {  # what a rule needs, in words, where a source does not have it
    contracts.Recorded: "what was recorded",
    contracts.Layered: "the layers",
    contracts.Probed: "the numbers of a layer",
    contracts.Opened: "the weights and gradients",
    contracts.Turned: "the knobs",
    contracts.Taught: "the data",
    contracts.Predicts: "the predictions",
    contracts.Built: "how the model is made",
}


class Diagnosis:
    """What `nb.diagnose` gives: findings, worst first.

    findings: tuple of Finding. skipped: name of a rule -> why it could say nothing. step: of the source.
    It is a sequence of its findings; its truth is whether there are any.
    """

    def __init__(self, findings: tuple[Finding, ...], skipped: dict[str, str], step: int) -> None:
        self.findings = tuple(sorted(findings, key=lambda each: SEVERITIES.index(each.severity)))
        self.skipped, self.step = skipped, step

    def __getitem__(self, place: "int | str") -> Finding:
        """A finding by its place, or by the name of its rule; KeyError where that has found nothing."""
        if isinstance(place, str):
            found = {each.rule: each for each in self.findings}
            if place not in found:
                raise KeyError(f"no finding of {place!r}; there are {', '.join(found) or 'none'}")
            return found[place]
        return self.findings[place]

    def __contains__(self, what: object) -> bool:
        """Whether a rule of that name has found something, or a finding is among them."""
        return what in self.findings or any(each.rule == what for each in self.findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def table(self) -> list[dict[str, Any]]:
        """A row for each finding: rule, severity, words, number, usual, layers, since, try."""
        return [
            {
                "rule": each.rule,
                "severity": each.severity,
                "words": each.words,
                "number": each.evidence[0].value if each.evidence else None,
                "usual": each.evidence[0].usual if each.evidence else "",
                "layers": ", ".join(each.layers),
                "since": each.since,
                "try": "; ".join(remedy.words for remedy in each.remedies),
            }
            for each in self.findings
        ]

    def to_dataframe(self) -> "DataFrame":
        """The same table as a pandas DataFrame. Raises ImportError where pandas is not installed."""
        try:
            from pandas import DataFrame
        except ImportError as error:
            raise ImportError(f"to_dataframe: expected pandas, got {error}; .table() needs nothing") from error
        return DataFrame(self.table())

    def __str__(self) -> str:
        if not self.findings:
            return f"Step {self.step:,}: nothing wrong was found."
        return "\n\n".join([f"Step {self.step:,}:", *(each.text() for each in self.findings)])

    def __repr__(self) -> str:
        named = ", ".join(f"{each.rule} ({each.severity})" for each in self.findings)
        return f"Diagnosis(step {self.step:,}: {named or 'nothing wrong was found'})"


def diagnose(source: Any, *, thorough: bool = False) -> Diagnosis:
    """What is wrong with a run: a `Diagnosis`, with its findings, worst first. `print(nb.diagnose(trainer))`.

    source: a Trainer, a playground, a Moment of a run, or anything else that has a history; what it cannot say is in
        `.skipped`.
    thorough: also what takes longer, some 50 ms: the noise of the gradient from sample to sample.

    It only looks: the run is as before, bit by bit. May be called from any thread, also while it plays. More is seen
    of what was recorded: `trainer.watch()`, or a view, before the steps. Raises TypeError for what has no history.
    """
    if lacking(source, (Recorded,)):
        source = getattr(source, "trainer", source)  # of a playground
    if missing := lacking(source, (Shown, Recorded)):
        raise TypeError(
            f"diagnose takes a source such as a Trainer, which has steps and a history; this {type(source).__name__} "
            f"has no {', '.join(missing)}"
        )
    between = getattr(source, "between", None)
    return _diagnosed(source, thorough) if between is None else between(lambda: _diagnosed(source, thorough))


def _diagnosed(source, thorough):
    with np.errstate(all="ignore"):
        return looked(Seen(source, thorough))


def looked(seen: Seen) -> Diagnosis:
    """What all rules say of one look."""
    findings: dict[str, Finding] = {}
    skipped: dict[str, str] = {}
    for name, rule in known_rules().items():
        if missing := [UNKNOWN[need] for need in rule.needs if lacking(seen.source, (need,))]:
            skipped[name] = f"nothing is known here of {' and '.join(missing)}"
        elif causes := [each for each in rule.after if each in findings]:
            skipped[name] = f"would only say what follows from {', '.join(causes)}"
        else:
            try:
                found = rule.find(seen)
            except CannotSay as error:
                skipped[name] = str(error).rstrip(".")
            except Exception as error:  # a doctor that stumbles does not take the patient down; it is told, and tested
                skipped[name] = f"failed: {type(error).__name__}: {error}"
            else:
                if found is not None:
                    findings[name] = found
    return Diagnosis(tuple(findings.values()), skipped, seen.step)


__all__ = ["Diagnosis", "diagnose", "looked", "said"]
