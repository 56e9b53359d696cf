"""Steps that go too far: the loss swings, rises, or is no longer finite."""

from dataclasses import replace

import numpy as np

from nbprop.record.lessons import Lesson
from nbprop.record.source import CannotSay, Recorded

from ..finding import said
from ..rule import Evidence, Finding, Remedy, Rule, line, rate
from ..seen import WINDOW
from .small_batch import NOISY, noise

JUMPS = 0.05  # mean rise between two evaluations as a share of what guessing costs: measured, healthy runs stay below
WORSE = 1.5  # times what guessing costs, and not falling
RISEN = 1.2  # times what it was
EARLY = 100  # steps before that is said
OUTSIDE = {"batch": "the batch", "weights": "the weights"}  # what a step begins with: see Diverged
WHOLE, LEAST = 600, 60  # batches of all the data, at most and at least, in which rises are looked for
RISES = 0.02  # share of them in which the loss rises: below the edge it never does (Cohen et al. 2021)
RISE = 0.05  # all these rises together, as a share of what guessing costs: less does no harm


class LrTooHigh(Rule):
    name = "lr_too_high"
    title = "Learning rate too high"
    number = "mean rise of the training loss between two evaluations, as a share of what guessing costs"
    needs = (Recorded,)
    after = ("small_batch",)
    why = (
        "The gradient is right only where it was taken. Where the loss is curved by λ, a step with a learning rate "
        "above 2/λ goes to the other side of the valley and comes out higher than it was."
    )
    equation = "θ ← θ − η dL/dθ,  stable for η < 2/λ"
    lesson = Lesson(3, "Too small, right, too large")

    def measure(self, seen) -> float:
        return seen.jumps

    def find(self, seen) -> Finding | None:
        return self.diverged(seen) or self.swings(seen) or self.edge(seen)

    def diverged(self, seen) -> Finding | None:
        source = seen.source
        steps, values = seen.series("loss", whole=True)
        infinite = len(values) and not np.isfinite(values[-1])
        remedy = getattr(source, "remedy", "")
        if not (infinite or (source.status == "stopped" and remedy)):
            return None
        error = getattr(source, "error", None)
        if error is not None and error.quantity in OUTSIDE:
            return self.from_outside(seen, error, remedy)
        finite = values[np.isfinite(values)]
        return self.finding(
            "alarm",
            f"The run diverged: {source.message or 'the loss is no longer finite'}",
            Evidence("learning rate", seen.lr if seen.lr is not None else np.nan, "a smaller one"),
            Evidence("last finite loss", finite[-1] if finite.size else np.nan),
            since=seen.step,
            picture=line(steps, np.abs(values), unit="loss", log=True) if len(values) else None,
            remedies=(Remedy(remedy, act=("mend", ())) if remedy else rate(seen, 1 / 10),),
        )

    def from_outside(self, seen, error, remedy) -> Finding:
        """No step has made it: it was in the batch, or in weights that somebody has set."""
        of = f" of {error.layer}" if error.layer else ""
        found = self.finding(
            "alarm",
            f"The run stopped: {error}",
            Evidence(f"the first such number, in {OUTSIDE[error.quantity]}{of}", error.value, "a finite one"),
            since=seen.step,
            remedies=(Remedy(remedy, act=("mend", ())),) if remedy else (),
        )
        why = (
            "Whatever is computed from a number that is not finite is not finite either, at any learning rate. It was "
            "there before the step began."
        )
        return replace(found, why=why, equation="NaN · w = NaN", lesson=Lesson(1, "Along a path, derivatives multiply"))

    def swings(self, seen) -> Finding | None:
        jumps = self.measure(seen)
        steps, values = seen.judged
        recent = values[-WINDOW:]
        high = seen.step - seen.turned > EARLY and np.median(recent[-5:]) > WORSE * worth(seen)
        high = high and recent[-5:].mean() > RISEN * recent[0]
        if not (jumps > JUMPS or high) or seen.gained > 0.98:
            return None
        batch = seen.knob("batch_size")
        if jumps > JUMPS and isinstance(batch, int) and noise(seen, batch) > NOISY:
            return None  # it is the batch: see small_batch
        words = f"The training loss swings: from one evaluation to the next it rises by {jumps:.0%} of what guessing "
        return self.finding(
            "alarm" if jumps > 4 * JUMPS or high else "warning",
            words + "costs, on average."
            if jumps > JUMPS
            else f"The loss is {said(np.median(recent[-5:]))}, which is more than guessing costs, and has risen.",
            Evidence(self.number, jumps, f"below {JUMPS:g}"),
            Evidence("training loss", float(np.median(recent[-5:])), f"below {said(worth(seen))}"),
            since=int(steps[-len(recent)]),
            picture=line(steps, values, worth(seen), "training loss"),
            remedies=(rate(seen, 1 / 10), rate(seen, 1 / 3)),
        )

    def edge(self, seen) -> Finding | None:
        """Plain descent on all samples: there a step that is short enough always makes the loss smaller."""
        data = getattr(seen.source, "data", None)
        count = len(getattr(data, "X_train", ()))
        batch = seen.knob("batch_size")
        whole = count and isinstance(batch, int) and batch >= count and not seen.knob("dropout")
        if not whole or seen.knob("momentum") != 0:
            return None
        steps, values = (each[-WHOLE:] for each in seen.need("loss", LEAST))
        if (np.diff(steps) != 1).any():
            return None
        ups = np.maximum(np.diff(values.astype(np.float64)), 0)
        rises, rise = float((ups > 1e-6 * np.abs(values[:-1])).mean()), float(ups.sum()) / seen.scale
        if rises < RISES or rise < RISE or seen.does_well:
            return None
        return self.finding(
            "hint",
            f"At the edge of stability: although each batch is all of the data, the loss has risen in {rises:.0%} of "
            f"the last {len(ups)} steps.",
            Evidence("share of steps in which the loss rises", rises, "0, below the edge"),
            picture=line(steps, values, unit="loss"),
            remedies=(rate(seen, 1 / 3),),
        )


def worth(seen) -> float:
    """What guessing costs, or the first loss."""
    try:
        return seen.guess
    except CannotSay:
        return float(seen.need("train_loss", 1, whole=True)[1][0])
