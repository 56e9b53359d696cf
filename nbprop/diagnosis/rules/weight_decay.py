"""A pull towards zero that is stronger than the gradient of the loss."""

import numpy as np

from nbprop.record.lessons import Lesson
from nbprop.record.source import Layered, Opened, Recorded, Turned

from ..finding import said
from ..rule import CannotSay, Evidence, Finding, Remedy, Rule, line
from ..seen import two_digits

STRONG = (
    0.2  # pull over gradient: where it is 1 the weights stand still; of a batch the gradient is longer, by its noise
)
SHRUNK = 0.1  # of the size that weights have where signals keep theirs, 1 / √inputs (LeCun et al. 1998)
LEFT = 0.4  # of what guessing costs: with less the pull does no harm
EVALUATIONS = 5


class WeightDecay(Rule):
    name = "weight_decay"
    title = "Weight decay too strong"
    number = "pull of the weight decay over the gradient of the loss"
    needs = (Recorded, Layered, Opened, Turned)
    why = (
        "Weight decay pulls every weight towards 0 at each step, and the loss pulls the other way. Where the pull is "
        "as strong as the gradient the weights stand still before the network has learned, or shrink to nothing."
    )
    equation = "θ ← θ − η (dL/dθ + λ θ)"
    lesson = Lesson(7, "Weight decay")

    def measure(self, seen) -> float:
        decay, l1 = pulls(seen)
        weights = np.concatenate([seen.theta[layer.weight] for layer in seen.layers]).astype(np.float64)
        gradient = seen.now("dW")
        norm = float(np.sqrt(np.nansum(np.square(gradient))))
        if not norm > 0:
            raise CannotSay("there is no gradient to compare it with")
        pull = decay * np.sqrt(np.square(weights).sum()) + l1 * np.sqrt(np.count_nonzero(weights))
        return float(pull) / norm

    def find(self, seen) -> Finding | None:
        ratio = self.measure(seen)
        steps, values = seen.need("train_loss", EVALUATIONS)
        if (
            not (ratio > STRONG or seen.size < SHRUNK)
            or seen.does_well
            or not 1 - seen.gained > LEFT
            or abs(seen.flatness(EVALUATIONS)) > 0.1
        ):
            return None
        name = "weight_decay" if seen.knob("weight_decay") else "l1"
        now = float(seen.knob(name))
        words = {"weight_decay": "Weight decay", "l1": "L1"}[name]
        less = Remedy(f"{words} {two_digits(now / 100):g}", {name: two_digits(now / 100)})
        none = Remedy(f"No {words.lower()}", {name: 0.0})
        # Out of weights that are all about 0 no gradient leads.
        anew = (
            Remedy(f"{less.words}, weights drawn anew", less.changes, ("reinitialize", ("all",))),
            Remedy(f"{none.words}, weights drawn anew", none.changes, ("reinitialize", ("all",))),
        )
        return self.finding(
            "warning",
            f"{words} {now:g} is too strong: "
            + (
                f"its pull towards 0 is {said(ratio)} times as strong as the gradient of the loss"
                if ratio > STRONG
                else "the weights have shrunk to nothing"
            )
            + f", and the training loss stays at {said(seen.loss)}.",
            Evidence(self.number, ratio, f"below {STRONG:g}"),
            Evidence("size of the largest layer's weights over 1 / √inputs", seen.size, "about 1"),
            Evidence("training loss as a share of what guessing costs", 1 - seen.gained, "falling"),
            picture=line(steps, values, unit="training loss"),
            remedies=anew if seen.size < SHRUNK else (less, none),
        )


def pulls(seen) -> tuple[float, float]:
    """(weight decay, L1). CannotSay where there are none, or they differ."""
    found = [seen.knob(name) for name in ("weight_decay", "l1")]
    decay, l1 = (float(one) if isinstance(one, (int, float)) else 0.0 for one in found)
    if not decay and not l1:
        raise CannotSay("there is neither weight decay nor L1")
    return decay, l1
