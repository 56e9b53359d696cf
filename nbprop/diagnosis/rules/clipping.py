"""A bound for the gradient that is below its usual size, so that every step is cut."""

import numpy as np

from nbprop.record.lessons import Lesson
from nbprop.record.source import Layered, Recorded, Turned

from ..finding import said
from ..rule import CannotSay, Evidence, Finding, Remedy, Rule, line
from ..seen import two_digits

ALWAYS = 0.95  # share of steps that are cut
RECORDS = 10
FAR = 10.0  # times the bound: then hardly anything of the gradient is left


class Clipping(Rule):
    name = "clipping"
    title = "Clipping always on"
    number = "share of steps whose gradient is clipped"
    needs = (Recorded, Layered, Turned)
    why = (
        "Clipping is there for the rare gradient that is far too long. Where every one is cut, all steps have the same "
        "length, however flat or steep it is, and the bound is only a strange kind of learning rate."
    )
    equation = "g ← g · min(1, c / |g|)"
    lesson = Lesson(10, "Cliffs, and a rope")

    def measure(self, seen) -> float:
        norms, clip = norms_of(seen)
        return float((norms > clip).mean())

    def find(self, seen) -> Finding | None:
        share = self.measure(seen)
        norms, clip = norms_of(seen)
        usual = float(np.median(norms))
        if share < ALWAYS or usual < 1.5 * clip:
            return None
        bound = two_digits(float(np.quantile(norms, 0.95)) * 1.5)
        steps = seen.series("dW")[0][-len(norms) :]
        return self.finding(
            "warning" if usual > FAR * clip else "hint",
            f"{share:.0%} of the steps are clipped: the gradient usually has the norm {said(usual)}, and is cut to "
            f"{clip:g}.",
            Evidence(self.number, share, "a few in a hundred"),
            Evidence("usual norm of the gradient over the bound", usual / clip, "below 1"),
            picture=line(steps, norms, clip, "norm of the gradient", log=True),
            remedies=(
                Remedy(f"Clip at {bound:g}", {"clip": bound}),
                Remedy("No clipping", {"clip": None}),
            ),
        )


def norms_of(seen) -> tuple[np.ndarray, float]:
    """(norms of the gradient (n,), the bound). Without biases, so the true ones are a little larger."""
    clip = seen.knob("clip")
    if not clip:
        raise CannotSay("nothing is clipped to a norm")
    values = seen.need("dW", RECORDS)[1].astype(np.float64)
    return np.sqrt(np.nansum(np.square(values[-5 * RECORDS :, : len(seen.layers)]), axis=1)), float(clip)
