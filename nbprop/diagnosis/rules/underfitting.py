"""A network that is too small, or too straight, for what it is to learn."""

from nbprop.record.layers import CONVOLUTIONS
from nbprop.record.lessons import Lesson
from nbprop.record.source import CannotSay, Layered, Recorded, Taught

from ..finding import said
from ..rule import Evidence, Finding, Remedy, Rule, line

FLAT = 0.03  # fallen within the last evaluations, as a share of what guessing costs
NARROW = 4  # units in the narrowest hidden layer: a space of so many dimensions is what all must pass through
BETTER = 0.05  # by which the samples' nearest neighbours know better


class Underfitting(Rule):
    name = "underfitting"
    title = "Underfitting"
    number = "training loss as a share of what guessing costs"
    needs = (Recorded, Layered, Taught)
    after = ("vanishing", "exploding", "saturated", "symmetric", "dead", "unscaled", "wrong_loss", "weight_decay",
             "unreached", "lr_too_high", "lr_too_low", "noisy_labels", "small_batch", "clipping",
             "tiny_batch_norm")  # fmt: skip
    why = (
        "The loss has stopped falling on the training samples themselves, and nothing holds the gradient up: what this "
        "network can say is not enough. Without hidden layers, or without activations, it can only draw a straight "
        "line; with few units, few bends."
    )
    equation = "f(x) = W₂ (W₁ x + b₁) + b₂ = W x + b"
    lesson = Lesson(7, "Capacity")

    def measure(self, seen) -> float:
        return 1 - seen.learned

    def find(self, seen) -> Finding | None:
        kinds = {layer.kind for layer in seen.layers}
        if not kinds <= {"Linear", *CONVOLUTIONS}:
            raise CannotSay("how much this kind of network can say is not known")
        straight = not seen.hidden.any()
        narrowest = min((layer.units for layer, yes in zip(seen.layers, seen.hidden, strict=True) if yes), default=0)
        if not (straight or narrowest <= NARROW) or seen.frozen.any():
            return None
        if seen.does_well or abs(seen.flatness()) > FLAT:
            return None
        near = seen.neighbours
        known = near.right > seen.accuracy + BETTER if near.classes else near.error < (1 - BETTER) * seen.loss
        if not known:
            return None
        steps, values = seen.train
        what = "is a straight line, however deep" if straight else f"has only {narrowest} units in a layer"
        better = near.right if near.classes else near.error
        return self.finding(
            "warning",
            f"The network is too small for these data: it {what}, and the training loss stays at {said(seen.loss)}.",
            Evidence(self.number, 1 - seen.learned, "falling"),
            Evidence("accuracy, or error, of the nearest neighbours", better, "what the inputs tell"),
            layers=seen.names[:-1],
            picture=line(steps, values, seen.guess, "training loss"),
            remedies=remedies(seen, straight),
        )


def remedies(seen, straight) -> tuple[Remedy, ...]:
    hidden = seen.knob("hidden")
    if hidden is None:
        return (Remedy("A larger network", hindrance="its layers are in code: make them wider there"),)
    if not hidden:
        return (Remedy("Two hidden layers of 16", {"hidden": (16, 16)}),)
    if straight:
        return (Remedy("Use tanh", {"activation": "tanh"}), Remedy("Use ReLU", {"activation": "relu"}))
    wider = tuple(int(max(16, 2 * size)) for size in hidden)
    return (Remedy(f"{wider[0]} units in each layer", {"hidden": wider}),)
