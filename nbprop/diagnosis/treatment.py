"""Whether a remedy has helped: what was before it beside what is now."""

from contextlib import suppress
from typing import Any

import numpy as np

from nbprop.checks import instance
from nbprop.record.source import CannotSay

from .diagnosis import Diagnosis, looked
from .finding import Finding, Remedy, said
from .rule import known_rules
from .seen import Seen

ENOUGH = 100  # steps after a remedy, before anything is said of it
LEAST = 0.1  # share by which the loss must have fallen, or risen, to be worth a word
RIGHT = 0.02  # likewise of an accuracy
EVALUATIONS = 3  # whose median is taken
WORDS = {"train_loss": "training loss", "val_loss": "validation loss", "val_accuracy": "validation accuracy"}


class Treatment:
    """A remedy that is applied to a source, and what came of it.

        treatment = nb.diagnosis.Treatment(finding, trainer)  # applies finding.remedies[0]
        trainer.fit(steps=200)
        print(treatment)

    finding, remedy: what for, and what. step: after which it was applied. Raises ValueError where it cannot be.
    state: "waiting" (too few steps since), "helped" (the loss is less), "unchanged", "worse" or "undone"; `describe()`
    says it in words, with the numbers; both look at the source as it is then. The loss is that on the training samples,
    of overfitting on the others; where the remedy changes data or loss, their accuracy counts instead.
    """

    def __init__(self, finding: Finding, source: Any, remedy: "Remedy | None" = None) -> None:
        instance(Finding, "one of nb.diagnose(trainer)")("finding", finding)
        if remedy is not None:
            instance(Remedy, "one of finding.remedies")("remedy", remedy)
        else:
            if not finding.remedies:
                raise ValueError(f"{finding.rule}: there is no remedy that could be applied")
            remedy = finding.remedies[0]
        self.finding, self.remedy, self._source = finding, remedy, source
        seen = Seen(source)
        self.number = float("nan")
        with suppress(CannotSay), np.errstate(all="ignore"):
            self.number = float(known_rules()[finding.rule].measure(seen))
        self.judged = known_rules()[finding.rule].judged
        if self.judged and {"data", "loss"} & remedy.changes.keys():
            self.judged = "val_accuracy" if len(source.history.series("val_accuracy")[0]) else ""
        self.before = _now(seen, self.judged)
        events = len(source.history.events)
        remedy.apply(source)
        self.step = int(source.steps)
        self._events = tuple(source.history.events[events:])

    def outcome(self, look: "tuple[Seen, Diagnosis] | None" = None) -> dict[str, Any]:
        """state; steps: made since; number, number_now: what the finding is judged by; judged: name of the series of
        the history by which the run is; value, value_now: what it was, and is; gone: whether the finding is. NaN where
        nothing was measured. look: at the source as it is now, where there is one."""
        between = getattr(self._source, "between", None)
        with np.errstate(all="ignore"):
            return self._outcome(look) if between is None else between(lambda: self._outcome(look))

    def _outcome(self, look):
        source = self._source
        seen, rule = look[0] if look else Seen(source), known_rules()[self.finding.rule]
        steps = seen.step - self.step
        undone = steps < 0 or any(all(event is not each for each in source.history.events) for event in self._events)
        outcome = {
            "state": "undone" if undone else "waiting",
            "steps": steps,
            "number": self.number,
            "number_now": float("nan"),
            "judged": self.judged,
            "value": self.before,
            "value_now": _now(seen, self.judged),
            "gone": False,
        }
        if undone or (steps < ENOUGH and source.status != "stopped"):
            return outcome
        with suppress(CannotSay):
            outcome["number_now"] = float(rule.measure(seen))
        found = look[1] if look else looked(seen)
        outcome["gone"] = rule.name not in found and rule.name not in found.skipped
        outcome["state"] = (
            "worse" if source.status == "stopped" else self._judged(outcome["value_now"], outcome["gone"])
        )
        return outcome

    def _judged(self, now, gone):
        if not np.isfinite(now) or not self.judged:
            return "helped" if gone else "unchanged"
        then = self.before
        if self.judged.endswith("accuracy"):
            return (
                "helped" if now > then + RIGHT else "worse" if now < then - RIGHT else "helped" if gone else "unchanged"
            )
        if not np.isfinite(then):  # the run had diverged: it goes on, and better than guessing
            return "helped" if gone else "unchanged"
        if now < then * (1 - LEAST):
            return "helped"
        return "worse" if now > then * (1 + LEAST) else "unchanged"

    @property
    def state(self) -> str:
        return self.outcome()["state"]

    def describe(self, told: "dict[str, Any] | None" = None) -> str:
        """Whether it helped, and by what numbers, in a sentence or two."""
        told = self.outcome() if told is None else told
        what, steps = self.remedy.words, told["steps"]
        if told["state"] == "undone":
            return f"{what}: taken back."
        if told["state"] == "waiting":
            return f"{what}: {steps} of {ENOUGH} steps made, too early to tell."
        head = {"helped": "it helped", "unchanged": "it has not helped yet", "worse": "it has made it worse"}
        name = known_rules()[self.finding.rule].number
        parts = []
        if np.isfinite(told["number"]) and np.isfinite(told["number_now"]):
            parts.append(f"{name} {said(told['number'])} → {said(told['number_now'])}")
        if np.isfinite(told["value_now"]):
            word = WORDS.get(self.judged, self.judged)
            parts.append(f"{word} {said(told['value'])} → {said(told['value_now'])}")
        parts.append(f"in {steps:,} steps")
        if self._source.status == "stopped":
            parts.append(f"the run has stopped: {self._source.message}")
        elif told["gone"]:
            parts.append("what was found is gone")
        return f"{what}: {head[told['state']]}: {', '.join(parts)}."

    def __str__(self) -> str:
        return self.describe()


def _now(seen, name):
    """The median of the newest evaluations since the last turn; NaN where there is none, or nothing to judge by."""
    values = seen.series(name)[1] if name else ()
    return float(np.median(values[-EVALUATIONS:])) if len(values) else float("nan")
