"""Units of sigmoid or tanh that are at their ends, where the slope is near 0."""

import numpy as np

from nbprop.record import verdicts
from nbprop.record.lessons import Lesson
from nbprop.record.source import CannotSay, Layered, Probed, Recorded

from ..rule import Evidence, Finding, Remedy, Rule, bars, since

SATURATED = verdicts.SATURATED_ALARM
ALARM = verdicts.FLAT_ALARM


class Saturated(Rule):
    name = "saturated"
    title = "Saturated units"
    number = "share of saturated values in the worst layer"
    needs = (Recorded, Layered, Probed)
    why = (
        "Far from 0 sigmoid and tanh are flat: their slope is a small part of what it is in the middle. The gradient "
        "is multiplied by it, so what lies there hardly learns; too large weights or inputs have brought it there."
    )
    after = ("lr_too_high",)
    equation = "dL/dz = dL/da · f′(z),  tanh′(z) = 1 − a²,  sigmoid′(z) = a (1 − a)"
    lesson = Lesson(4, "Where on the curve does a unit work?")

    def measure(self, seen) -> float:
        return float(np.max(shares(seen)[two_sided(seen)]))

    def find(self, seen) -> Finding | None:
        seen.must_go_on()
        here = two_sided(seen)
        now = np.where(here, shares(seen), 0.0)
        if not now.max() >= SATURATED or seen.does_well:
            return None
        worst = int(now.argmax())
        steps, values = seen.per_layer("saturated")
        init = Remedy("Draw all weights anew (xavier)", act=("reinitialize", ("all", "xavier")))
        return self.finding(
            "alarm" if now.max() >= ALARM else "warning",
            f"{now[worst]:.0%} of the values in {seen.names[worst]} are saturated: there the slope is near 0.",
            Evidence(self.number, now[worst], f"below {SATURATED:g}"),
            layers=tuple(np.array(seen.names)[now >= SATURATED]),
            since=since(steps, values[:, worst] >= SATURATED),
            picture=bars(seen, now, SATURATED, "share of saturated values"),
            remedies=(
                init,
                Remedy("Batch normalization", {"batch_norm": True}) if seen.knob("batch_norm") is False else None,
            ),
        )


def two_sided(seen) -> np.ndarray:
    """Which hidden layers can be saturated: bool (layers,). CannotSay where none can."""
    found = [verdicts.saturation_word(layer.activation) == "saturated" for layer in seen.layers]
    here = np.array(found, bool) & seen.hidden
    if not here.any():
        raise CannotSay("no hidden layer has sigmoid or tanh")
    return here


def shares(seen) -> np.ndarray:
    return np.nan_to_num(seen.now("saturated"))
