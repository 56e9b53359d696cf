"""The gradient that reaches the first layers is a tiny part of the one at the output."""

import numpy as np

from nbprop.record import verdicts
from nbprop.record.lessons import Lesson
from nbprop.record.source import Layered, Probed, Recorded

from ..rule import CannotSay, Evidence, Finding, Remedy, Rule, bars, since

LAYERS = 3  # in fewer nothing vanishes
ALARM = 1e4  # factor; from 1e2 (verdicts.EXTREME) on it is a warning. Glorot & Bengio 2010: 20 tanh layers, 4e4


class Vanishing(Rule):
    name = "vanishing"
    title = "Vanishing gradient"
    number = "dL/dz of the first layer over that of the last"
    needs = (Recorded, Layered, Probed)
    why = (
        "On its way back the gradient is multiplied by the weights and by the slope of the activation, once for each "
        "layer. Where these factors are below 1, little is left of it after a few layers, and the first ones hardly "
        "learn."
    )
    equation = "dL/dz₁ = W₂ᵀ dL/dz₂ · f′(z₁)"
    lesson = Lesson(5, "What one layer does")

    def measure(self, seen) -> float:
        return ratio(seen)[0]

    def find(self, seen) -> Finding | None:
        share, first, last = ratio(seen)
        if share * verdicts.EXTREME >= 1 or seen.does_well:
            return None
        norms = seen.now("dz")
        some = norms[norms > 0]
        if share == 0 and some.min() * verdicts.EXTREME > some.max():
            raise CannotSay("the gradient does not fade, it is cut off: see dead, symmetric, saturated, unreached")
        steps, values = seen.per_layer("dz")
        weak = norms < norms[last] / verdicts.EXTREME
        return self.finding(
            "alarm" if share * ALARM < 1 else "warning",
            f"The gradient vanishes on its way back: in {seen.names[first]} dL/dz is {1 / share:.2g} times smaller "
            f"than in {seen.names[last]}."
            if share
            else f"No gradient at all reaches {seen.names[first]}: dL/dz is 0 there.",
            Evidence(self.number, share, f"more than {1 / verdicts.EXTREME:g}"),
            layers=tuple(np.array(seen.names)[weak & ~seen.frozen]),
            since=since(steps, values[:, first] * verdicts.EXTREME < values[:, last]),
            picture=bars(seen, norms, norms[last] / verdicts.EXTREME, "norm of dL/dz", log=True),
            remedies=remedies(seen),
        )


def ratio(seen) -> tuple[float, int, int]:
    """(dL/dz of the first layer over that of the last, their places), of layers that a gradient reaches."""
    if len(seen.layers) < LAYERS:
        raise CannotSay(f"{len(seen.layers)} layers: in fewer than {LAYERS} nothing vanishes")
    norms = seen.now("dz")
    there = np.flatnonzero(np.isfinite(norms))
    if len(there) < LAYERS or not norms[there[-1]] > 0:
        raise CannotSay("no gradient was measured in three layers")
    first, last = int(there[0]), int(there[-1])
    return float(norms[first] / norms[last]), first, last


def remedies(seen) -> tuple[Remedy, ...]:
    """What lets a gradient through, as far as the network has it."""
    names = {layer.activation for layer, hidden in zip(seen.layers, seen.hidden, strict=True) if hidden}
    init = "he" if names & {"relu", "leaky_relu", "elu", "gelu", "silu"} else "xavier"
    anew = Remedy(f"Draw all weights anew ({init})", act=("reinitialize", ("all", init)))
    norm = [Remedy("Batch normalization", {"batch_norm": True})] if seen.knob("batch_norm") is False else []
    if "sigmoid" in names:
        return (Remedy("Use ReLU", {"activation": "relu"}), Remedy("Use tanh", {"activation": "tanh"}), *norm)
    return (anew, *norm)
