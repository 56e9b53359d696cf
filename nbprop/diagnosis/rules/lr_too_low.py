"""Steps so short that the loss falls, but will take for ever."""

import numpy as np

from nbprop.record.lessons import Lesson
from nbprop.record.source import Recorded

from ..finding import said
from ..rule import CannotSay, Evidence, Finding, Rule, line, rate
from ..seen import WINDOW
from .update_ratio import USUAL

EVALUATIONS = 10
STEADY = 0.8  # share of evaluations in which the loss falls: short steps go downhill every time
SLOW = 0.07  # fallen within the window, as a share of what guessing costs
HALF = 0.5  # of what guessing costs is gone: then it is not too low
USUALLY = 1e-3  # update to weight ratio (A. Karpathy, makemore)
FASTEST = 1000.0  # times, to try


class LrTooLow(Rule):
    name = "lr_too_low"
    title = "Learning rate too low"
    number = "fall of the training loss within the last evaluations, as a share of what guessing costs"
    needs = (Recorded,)
    after = ("vanishing", "saturated", "symmetric", "dead", "unscaled", "wrong_loss", "weight_decay", "clipping",
             "unreached", "exploding", "lr_too_high", "noisy_labels", "small_batch")  # fmt: skip
    why = (
        "Each step goes downhill, but only a little: the loss falls steadily and by next to nothing. With a larger "
        "learning rate the same number of steps leads further."
    )
    equation = "ΔL ≈ −η |dL/dθ|²"
    lesson = Lesson(3, "Too small, right, too large")

    def measure(self, seen) -> float:
        return seen.flatness(EVALUATIONS)

    def find(self, seen) -> Finding | None:
        fallen = self.measure(seen)
        steps, values = seen.train
        recent = values[-WINDOW:]
        if (
            seen.does_well
            or seen.gained > HALF
            or not 0 < fallen < SLOW
            or (np.diff(recent) < 0).mean() < STEADY
            or not seen.lr
        ):
            return None
        evidence = [Evidence(self.number, fallen, f"more than {SLOW:g}")]
        try:
            ratios = seen.now("ratio")[~seen.frozen]
            ratio = float(np.nanmedian(ratios))
        except CannotSay:
            ratio = 0.0
        else:
            evidence.append(Evidence("update to weight ratio", ratio, f"{USUAL[0]:g} to {USUAL[1]:g}"))
        if not ratio < 2 * USUAL[0]:
            return None
        faster = float(np.clip(USUALLY / ratio, 10, FASTEST)) if ratio > 0 else 100.0
        return self.finding(
            "warning",
            f"The loss falls steadily but very slowly: by {said(100 * fallen)} % of what guessing costs in "
            f"{steps[-1] - steps[-len(recent)]:,} steps.",
            *evidence,
            since=int(steps[0]),
            picture=line(steps, values, unit="training loss"),
            remedies=(rate(seen, faster), rate(seen, faster / 10)),
        )
