"""A first loss far above what guessing costs."""

import numpy as np

from nbprop.record.lessons import Lesson
from nbprop.record.source import CannotSay, Recorded, Taught

from ..finding import said
from ..rule import Evidence, Finding, Remedy, Rule, line

FACTOR = {"cross_entropy": 3.0, "bce": 3.0, "mse": 6.0}  # times what guessing costs; measured: the usual initializers
# start at up to 2.2 times (classes) and 4 times (numbers). "Verify loss @ init": A. Karpathy, A Recipe for Training
ALARM = 10.0  # times these
SMALLER = 0.1  # of the weights of the output


class FirstLoss(Rule):
    name = "first_loss"
    title = "A first loss that is not what guessing costs"
    number = "first loss over what guessing costs"
    needs = (Recorded, Taught)
    after = ("unscaled",)
    why = (
        "A network that knows nothing should say so: all classes alike, or numbers near the mean. If it begins with "
        "large outputs it is sure of what is wrong, and the first hundreds of steps only make them smaller."
    )
    equation = "L₀ ≈ log C for C classes,  L₀ ≈ mean y² for numbers"
    lesson = Lesson(12, "The first loss")

    def measure(self, seen) -> float:
        steps, values = seen.need("train_loss", 1, whole=True)
        if steps[0] != 0:
            raise CannotSay("the first evaluation is not of step 0")
        return float(values[0]) / expected(seen)

    def find(self, seen) -> Finding | None:
        ratio = self.measure(seen)
        limit = FACTOR[seen.cost]
        if not (ratio > limit or not np.isfinite(ratio)):
            return None
        steps, values = seen.series("train_loss", whole=True)
        usual = expected(seen)
        fresh = seen.step - seen.turned < 50 and not seen.turned
        act = ("scale", (seen.names[-1], SMALLER)) if hasattr(seen.source, "layers") and seen.names else None
        late = "" if fresh else "it has made steps since, which have changed the output: start anew, with Reset"
        return self.finding(
            "warning" if ratio > limit * ALARM or not np.isfinite(ratio) else "hint",
            f"The first loss was {said(values[0])}, where guessing costs {said(usual)}: the network began by being "
            "sure of what is wrong.",
            Evidence(self.number, ratio, f"about 1, below {limit:g}"),
            since=0,
            picture=line(steps, values, usual, "training loss", log=True),
            remedies=(Remedy("Output weights ten times smaller", act=act, hindrance=late),),
        )


def expected(seen) -> float:
    """What an untrained network should cost. CannotSay where that is not known."""
    if seen.cost == "mse":
        if seen.task != "regression":
            raise CannotSay("what guessing costs is not known of mse on classes")
        found = float(np.square(seen.targets.astype(np.float64)).mean())
    elif seen.cost and seen.task in ("binary", "multiclass"):
        found = float(np.log(max(2, len(seen.shares))))
    else:
        raise CannotSay("what guessing costs is not known of this loss")
    if not found > 0:
        raise CannotSay("all targets are 0")
    return found
