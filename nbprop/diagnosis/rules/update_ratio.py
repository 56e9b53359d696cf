"""Updates that are too large, or too small, beside the weights that they change."""

import numpy as np

from nbprop.record.lessons import Lesson
from nbprop.record.quantities import QUANTITIES
from nbprop.record.source import CannotSay, Layered, Probed, Recorded

from ..finding import listed, said
from ..rule import Evidence, Finding, Rule, bars, rate, since

USUAL: tuple[float, float] = QUANTITIES["ratio"].usual or (1e-4, 1e-2)  # about 1e-3: A. Karpathy, makemore
RECORDS = 5


class UpdateRatio(Rule):
    name = "update_ratio"
    title = "Updates of the wrong size"
    number = "update to weight ratio"
    needs = (Recorded, Layered, Probed)
    after = ("lr_too_high", "lr_too_low", "vanishing", "symmetric", "unreached", "dead", "saturated",
             "wrong_loss")  # fmt: skip
    why = (
        "A step should change a weight by about a thousandth of its size. Much less, and thousands of steps change "
        "nothing; much more, and a few steps forget what was learned, or begin to swing."
    )
    equation = "|ΔW| / |W| ≈ 10⁻³"
    lesson = Lesson(14, "How long are the steps?")

    def measure(self, seen) -> float:
        ratios = self.ratios(seen)
        return float(np.exp(np.median(np.log(ratios[ratios > 0])))) if (ratios > 0).any() else 0.0

    def ratios(self, seen) -> np.ndarray:
        """Of the layers that are trained."""
        if len(seen.per_layer("ratio")[0]) < RECORDS:
            raise CannotSay("the update to weight ratio was not recorded often enough: trainer.watch() does")
        now = seen.now("ratio")
        now = now[~seen.frozen & np.isfinite(now)]
        if not now.size:
            raise CannotSay("the update to weight ratio was not measured")
        return now

    def find(self, seen) -> Finding | None:
        self.ratios(seen)
        now = np.where(seen.frozen, np.nan, seen.now("ratio"))
        low, high = USUAL
        large, small = now > high, now < low
        known = np.isfinite(now).sum()
        if seen.does_well or not (2 * large.sum() > known or small.any()):
            return None
        wrong, limit = (large, high) if 2 * large.sum() > known else (small, low)
        worst = int(np.nanargmax(now) if limit == high else np.nanargmin(now))
        steps, values = seen.per_layer("ratio")
        values = values[:, worst]
        return self.finding(
            "warning" if now[worst] > 10 * high or now[worst] < low / 10 else "hint",
            f"A step changes the weights of {listed(np.array(seen.names)[wrong])} by {said(now[worst])} of their size, "
            f"which is {'much' if limit == high else 'very little'}.",
            Evidence(self.number, now[worst], f"{low:g} to {high:g}"),
            layers=tuple(np.array(seen.names)[wrong]),
            since=since(steps, values > high if limit == high else values < low),
            picture=bars(seen, now, limit, "|ΔW| / |W|", log=True),
            remedies=(rate(seen, 0.1 if limit == high else 10),),
        )
