"""Batches so small that the noise of their gradient is larger than the gradient."""

import numpy as np

from nbprop.record.lessons import Lesson
from nbprop.record.source import CannotSay, Recorded, Taught

from ..rule import Evidence, Finding, Remedy, Rule, line, rate

NOISY = 1.0  # noise scale over batch size: half of what such a step does is noise (McCandlish et al. 2018)
JUMPS = 0.02  # mean rise of the training loss between evaluations, as a share of what guessing costs
LARGE = 9  # a batch from this size on is no small one
SAMPLES = 32  # whose gradients are taken, one by one


class SmallBatch(Rule):
    name = "small_batch"
    title = "Batch too small for its noise"
    number = "gradient noise scale over batch size"
    needs = (Recorded, Taught)
    why = (
        "The gradient of a batch is that of all samples plus noise, whose size falls with the root of the batch size. "
        "Where the noise is much larger than the gradient, most of a step goes nowhere, and the loss jitters."
    )
    equation = "B_noise = tr Σ / |G|²,  noise of a batch of B: tr Σ / B"
    lesson = Lesson(3, "All samples, some, or one")

    def measure(self, seen) -> float:
        batch = seen.knob("batch_size")
        if not isinstance(batch, int):
            raise CannotSay("there is no batch size")
        if batch >= LARGE:
            raise CannotSay(f"a batch of {batch} is not small")
        if not seen.thorough and seen.jumps <= JUMPS:
            raise CannotSay("the loss does not jitter; thorough=True measures the noise all the same")
        return noise(seen, batch)

    def find(self, seen) -> Finding | None:
        ratio = self.measure(seen)
        if not ratio > NOISY or seen.jumps <= JUMPS:
            return None
        batch = int(seen.knob("batch_size"))
        count = len(seen.source.data.X_train)
        larger = min(32, count)
        steps, values = seen.train
        return self.finding(
            "warning",
            f"A batch of {batch} is too small: the noise of its gradient is {ratio**0.5:.0f} times as large as the "
            "gradient, and the loss jitters.",
            Evidence(self.number, ratio, f"below {NOISY:g}"),
            Evidence("mean rise of the training loss between two evaluations", seen.jumps, f"below {JUMPS:g}"),
            picture=line(steps, values, unit="training loss"),
            remedies=(
                Remedy(f"Batch size {larger}", {"batch_size": larger}),
                rate(seen, 1 / 5),
            ),
        )


def noise(seen, batch) -> float:
    """The simple noise scale tr Σ / |G|² of McCandlish et al. 2018, from the gradients of single samples, over the
    batch size; 0 where it is a large batch, or the gradient of one sample cannot be taken."""
    count = len(getattr(getattr(seen.source, "data", None), "X_train", ()))
    if batch >= LARGE or count < SAMPLES or not hasattr(seen.source, "observe"):
        return 0.0
    return seen.once("noise", lambda: scale(seen, count)) / batch


def scale(seen, count) -> float:
    places = np.linspace(0, count - 1, SAMPLES).astype(int)
    gradients = np.array([seen.source.observe(int(i)).gradient for i in places], np.float64)
    each, mean = np.square(gradients).sum(axis=1).mean(), np.square(gradients.mean(axis=0)).sum()
    true = (SAMPLES * mean - each) / (SAMPLES - 1)  # |G|² without what the noise adds to it (appendix A.1)
    spread = (each - mean) * SAMPLES / (SAMPLES - 1)
    return float(spread / max(true, 1e-3 * mean, 1e-30))
