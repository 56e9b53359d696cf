"""The loss does not move, and no other rule says why."""

from nbprop.record.lessons import Lesson
from nbprop.record.source import Layered, Opened, Recorded, lacking

from ..finding import said
from ..rule import Evidence, Finding, Remedy, Rule, line, rate

FLAT = 0.01  # fallen within the last evaluations, as a share of what guessing costs
EVALUATIONS, LONG = 30, 40  # at least, and those that are looked at: 800 steps, as the playground evaluates
NOTHING = 0.05  # of what guessing costs is gone: it is a warning; else a hint, until so many evaluations are made
LASTING = 150
SMALL = 0.3  # weights over 1 / √inputs: near 0 there is a saddle
LEFT = 0.3  # of what guessing costs, at least, that is still there


class Plateau(Rule):
    name = "plateau"
    title = "Plateau"
    number = "fall of the training loss within the last evaluations, as a share of what guessing costs"
    needs = (Recorded,)
    after = ("vanishing", "exploding", "saturated", "symmetric", "dead", "unscaled", "wrong_loss", "weight_decay",
             "unreached", "lr_too_high", "lr_too_low", "noisy_labels", "small_batch", "clipping", "underfitting",
             "overfitting", "tiny_batch_norm")  # fmt: skip
    why = (
        "The loss is as good as level here: the gradient is small although much is left to learn. It may be a saddle, "
        "out of which momentum or a larger step leads after a while, or the end of what this network can do."
    )
    equation = "dL/dθ ≈ 0"
    lesson = Lesson(3, "Terrain")

    def measure(self, seen) -> float:
        return seen.flatness(EVALUATIONS, LONG)

    def find(self, seen) -> Finding | None:
        fallen = self.measure(seen)
        steps, values = seen.train
        if seen.does_well or not abs(fallen) < FLAT or not seen.gained < 1 - LEFT:
            return None
        small = None
        if not lacking(seen.source, (Layered, Opened)) and seen.size < SMALL:
            small = Remedy("Draw all weights anew", act=("reinitialize", ("all",)))
        plain = type(seen.knob("optimizer")).__name__ == "SGD"
        return self.finding(
            "warning" if seen.gained < NOTHING or len(values) >= LASTING else "hint",
            f"A plateau: the training loss stays at {said(seen.loss)}, where guessing costs {said(seen.scale)}.",
            Evidence(self.number, fallen, f"more than {FLAT:g}"),
            Evidence("training loss as a share of what guessing costs", 1 - seen.gained, "falling"),
            picture=line(steps, values, unit="training loss"),
            remedies=(
                small,
                Remedy("Use Adam", {"optimizer": "adam", "lr": 0.01}) if plain else None,
                rate(seen, 3),
            ),
        )
