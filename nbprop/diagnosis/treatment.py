"""Whether a remedy has helped: what was before it beside what is now."""

from contextlib import suppress
from typing import Any

import numpy as np

from nbprop.record.source import CannotSay

from .diagnosis import looked
from .finding import Finding, Remedy, said
from .rule import known_rules
from .seen import Seen

ENOUGH = 100  # steps after a remedy, before anything is said of it
LEAST = 0.1  # share by which the loss must have fallen, or risen, to be worth a word
LOOKED_AT = 50  # batches that a loss is the median of


class Treatment:
    """A remedy that is applied to a source, and what came of it.

        treatment = nb.diagnosis.Treatment(finding, trainer)  # applies finding.remedies[0]
        trainer.fit(steps=200)
        print(treatment)

    finding, remedy: what for, and what. step: after which it was applied. Raises ValueError where it cannot be.
    state: "waiting" (too few steps since), "helped", "unchanged", "worse" or "undone"; `describe()` says it in words,
    with the numbers; both look at the source as it is then.
    """

    def __init__(self, finding: Finding, source: Any, remedy: "Remedy | None" = None) -> None:
        if remedy is None:
            if not finding.remedies:
                raise ValueError(f"{finding.rule}: there is no remedy that could be applied")
            remedy = finding.remedies[0]
        self.finding, self.remedy, self._source = finding, remedy, source
        self.number = finding.evidence[0].value if finding.evidence else float("nan")
        self.loss = _loss(Seen(source))
        before = len(source.history.events)
        remedy.apply(source)
        self.step = int(source.steps)
        self._events = tuple(source.history.events[before:])

    def outcome(self) -> dict[str, Any]:
        """state; steps: made since; number, number_now: what the finding is judged by; loss, loss_now; found: whether
        it is still there. NaN where nothing was measured."""
        between = getattr(self._source, "between", None)
        with np.errstate(all="ignore"):
            return self._outcome() if between is None else between(self._outcome)

    def _outcome(self):
        source = self._source
        seen, rule = Seen(source), known_rules()[self.finding.rule]
        steps = seen.step - self.step
        gone = any(event not in source.history.events for event in self._events)
        outcome = {
            "state": "undone" if gone or steps < 0 else "waiting",
            "steps": steps,
            "number": self.number,
            "number_now": float("nan"),
            "loss": self.loss,
            "loss_now": _loss(seen),
            "found": True,
        }
        if outcome["state"] == "undone" or (steps < ENOUGH and source.status != "stopped"):
            return outcome
        with suppress(CannotSay):
            outcome["number_now"] = float(rule.measure(seen))
        outcome["found"] = self.finding.rule in looked(seen)
        then, now = self.loss, outcome["loss_now"]
        better, worse = now < then * (1 - LEAST), not now < then * (1 + LEAST) and np.isfinite(then)
        if source.status == "stopped" or worse:
            outcome["state"] = "worse"
        else:
            outcome["state"] = "helped" if better or not outcome["found"] else "unchanged"
        return outcome

    @property
    def state(self) -> str:
        return self.outcome()["state"]

    def describe(self) -> str:
        """Whether it helped, and by what numbers, in a sentence or two."""
        told = self.outcome()
        what, steps = self.remedy.words, told["steps"]
        if told["state"] == "undone":
            return f"{what}: taken back."
        if told["state"] == "waiting":
            return f"{what}: {steps} of {ENOUGH} steps made, too early to tell."
        head = {"helped": "it helped", "unchanged": "it has not helped yet", "worse": "it has made it worse"}
        parts = [f"loss {said(told['loss'])} → {said(told['loss_now'])} in {steps:,} steps"]
        if np.isfinite(told["number_now"]):
            parts.insert(
                0, f"{known_rules()[self.finding.rule].number} {said(told['number'])} → {said(told['number_now'])}"
            )
        if self._source.status == "stopped":
            parts.append(f"the run has stopped: {self._source.message}")
        elif not told["found"]:
            parts.append("what was found is gone")
        return f"{what}: {head[told['state']]}: {', '.join(parts)}."

    __str__ = describe


def _loss(seen):
    """The loss now, of training samples or, newer, of the last batches; NaN where there is none."""
    steps, values = seen.series("loss", whole=True)
    since = values[steps > max(seen.turned, seen.step - LOOKED_AT)] if seen.step > seen.turned else values[-LOOKED_AT:]
    return float(np.median(since)) if len(since) else float("nan")
