"""An output and a loss that do not go together."""

import numpy as np

from nbprop.record.lessons import Lesson
from nbprop.record.source import Built, CannotSay, Layered, Taught

from ..finding import said
from ..rule import Evidence, Finding, Remedy, Rule

ROUNDING = 1e-4  # of a sum of probabilities
OUTSIDE = 0.02  # share of targets that lie beyond what the output can give
RANGES = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "relu": (0.0, np.inf), "softplus": (0.0, np.inf)}


class WrongLoss(Rule):
    name = "wrong_loss"
    title = "Output and loss do not fit"
    number = "share of outputs, or targets, that do not fit"
    needs = (Layered, Taught, Built)
    why = (
        "Cross-entropy takes any real numbers and makes probabilities of them itself. Of what has been squashed "
        "already it makes nearly equal ones, so it can never be small, and the gradient is multiplied by one more "
        "slope that is near 0."
    )
    equation = "L = −log softmax(z)[y],  dL/dz = softmax(z) − onehot(y)"
    lesson = Lesson(12, "Which loss for which output")

    def measure(self, seen) -> float:
        return self.looked(seen)[0]

    def find(self, seen) -> Finding | None:
        share, severity, words, remedies, usual = self.looked(seen)
        if not words:
            return None
        return self.finding(
            severity, words, Evidence(self.number, share, usual), layers=seen.names[-1:], since=0, remedies=remedies
        )

    def looked(self, seen) -> tuple[float, str, str, tuple[Remedy, ...], str]:
        """(share of what does not fit, severity, words, remedies, what is usual)."""
        loss, task = seen.criterion, seen.task
        if not loss or task not in ("binary", "multiclass", "regression"):
            raise CannotSay("the loss, or what the data are for, is not known")
        last = seen.layers[-1].activation if seen.layers else "identity"
        found = np.asarray(seen.source.outputs(seen.inputs), np.float64)
        right = (0.0, "", "", (), "")
        if not np.isfinite(found).all():
            raise CannotSay("the outputs are not finite")
        if found.shape[-1] == 1 and (found == 1).all():
            words = "The output is 1 for every sample, as a softmax of one output always is: nothing can be learned."
            return 1.0, "alarm", words, (plain_output(seen),), "0: a sigmoid, or a plain number"
        if loss == "nll":
            sums = np.exp(np.minimum(found, 50)).sum(axis=-1)
            share = float((np.abs(sums - 1) > ROUNDING).mean())
            if share:
                words = (
                    "nll takes log-probabilities, and these are none: their exponentials sum to "
                    f"{said(sums.min())} to {said(sums.max())}, not to 1, so the loss can fall without end."
                )
                both = Remedy("Loss cross_entropy, which takes any numbers", {"loss": "cross_entropy"})
                return share, "alarm", words, (both,), "0: log-probabilities"
        if loss == "binary_cross_entropy":
            share = float(((found < 0) | (found > 1)).mean())
            words = f"binary_cross_entropy takes probabilities, and some outputs are not: {said(found.min())} to "
            both = Remedy("Loss bce, which takes any numbers", {"loss": "bce"})
            return (share, "alarm", words + f"{said(found.max())}.", (both,), "0: from 0 to 1") if share else right
        if loss == "cross_entropy":
            squashed = found.min() >= 0 and np.abs(found.sum(axis=-1) - 1).max() < ROUNDING
            if squashed:
                words = "The network ends in a softmax, and cross_entropy makes a second one of it."
                return 1.0, "alarm", words, (plain_output(seen),), "0: any real numbers"
            if last in ("sigmoid", "tanh"):
                words = f"The network ends in {last}, and cross_entropy makes a softmax of its outputs, all alike."
                return 1.0, "warning", words, (plain_output(seen),), "0: any real numbers"
        if loss == "bce" and last in RANGES:
            words = f"The network ends in {last}, and bce makes a second sigmoid of it."
            if last != "sigmoid":
                words = f"The network ends in {last}, so bce gets only some of the numbers that it needs."
            return 1.0, "alarm" if last == "sigmoid" else "warning", words, (plain_output(seen),), "0: any real numbers"
        if loss == "mse" and task != "regression" and last == "sigmoid":
            words = "Classes are learned with mse behind a sigmoid, whose slope is near 0 where it is wrong."
            usual = {"binary": "bce", "multiclass": "cross_entropy"}[task]
            both = Remedy(f"Loss {usual}", {"loss": usual, **plain_output(seen).changes})
            return 1.0, "warning", words, (both,), f"0: {usual} on plain outputs"
        if loss == "mse" and task == "regression" and last in RANGES:
            low, high = RANGES[last]
            y = seen.targets
            share = float(((y < low - 0.01) | (y > high + 0.01)).mean())
            if share > OUTSIDE:
                words = (
                    f"The network ends in {last}, which gives {said(low)} to {said(high)}, and {share:.0%} of the "
                    f"targets lie beyond that: they go from {said(y.min())} to {said(y.max())}."
                )
                return share, "alarm", words, (plain_output(seen),), "0"
        return right


def plain_output(seen) -> Remedy:
    """Nothing between the last layer and the loss."""
    words = "Leave the last activation out"
    places = seen.knob("activation")
    if seen.layers[-1].activation == "identity" or not places or places == "identity":
        return Remedy(words, hindrance="it is in forward(): take it out there, and use the plain outputs z")
    count = len(places) if isinstance(places, tuple) else sum(each.activation != "identity" for each in seen.layers)
    each = places if isinstance(places, tuple) else (places,) * count
    return Remedy(words, {"activation": (*each[:-1], "identity")})
