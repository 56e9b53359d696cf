"""The gradient that reaches the first steps of a sequence is a tiny part of the one at its end."""

import numpy as np

from nbprop import nn
from nbprop.record import verdicts
from nbprop.record.lessons import Lesson
from nbprop.record.quantities import series_of
from nbprop.record.source import Layered, Recorded

from ..finding import said
from ..rule import CannotSay, Evidence, Finding, Remedy, Rule, line, since
from ..seen import RIGHT
from .exploding import STEADY, steadily, through_time

STEPS = 8  # back in time: in fewer nothing vanishes
ALARM = 1e4  # factor; from 1e2 (verdicts.EXTREME) on it is a warning
LEARNED = 0.5  # share of what guessing costs that is gone: with more it does learn what it needs of the past
ENOUGH = 100  # steps of training: before, a network that will learn to remember has not had the time


class VanishingInTime(Rule):
    name = "vanishing_in_time"
    title = "Vanishing gradient through time"
    number = "dL/dh of the first time step over that of the last"
    needs = (Recorded, Layered)
    after = ("exploding", "lr_too_high", "clipping", "symmetric")
    why = (
        "On its way back through time the gradient is multiplied by the recurrent weights and by the slope of the "
        "activation, once for each step. Where these factors are below 1, nothing is left of it after some steps, and "
        "the network cannot learn from what came that long before."
    )
    equation = "dL/dhₜ₋ₖ = Uᵀ f′(zₜ₋ₖ₊₁) · … · Uᵀ f′(zₜ) · dL/dhₜ"
    lesson = Lesson(10, "What is left after k steps")

    def measure(self, seen) -> float:
        return left(seen)[0]

    def find(self, seen) -> Finding | None:
        share, norms, i = left(seen)
        if share * verdicts.EXTREME >= 1 or steadily(norms[::-1]) <= STEADY:
            return None
        seen.must_go_on()
        if seen.step - seen.turned < ENOUGH or seen.learned > LEARNED or seen.accuracy > RIGHT:
            return None
        lost = int((norms * verdicts.EXTREME >= norms[-1])[::-1].argmin())
        steps, values = seen.series(series_of(0))
        known = np.asarray(values, np.float64)  # from the last time step back
        fits = known.ndim == 2 and known.shape[1] == len(norms)
        return self.finding(
            "alarm" if share * ALARM < 1 else "warning",
            f"The gradient vanishes through time: {len(norms) - 1} steps before the end dL/dh is {said(1 / share)} "
            f"times smaller than there, and after {lost} steps less than a hundredth is left."
            if share
            else f"The gradient vanishes through time: nothing at all is left of dL/dh {len(norms) - 1} steps before "
            "the end.",
            Evidence(self.number, share, f"more than {1 / verdicts.EXTREME:g}"),
            layers=(seen.names[i],),
            since=since(steps, known[:, -1] * verdicts.EXTREME < known[:, 0]) if fits else None,
            picture=line(np.arange(len(norms)), norms[::-1], norms[-1] / verdicts.EXTREME, "norm of dL/dh", log=True),
            remedies=remedies(seen.layers[i].kind),
        )


def left(seen) -> tuple[float, np.ndarray, int]:
    """What is left of dL/dh at the first time step, as a share of that at the last; its norms (T,); the number of the
    recurrent layer, the first. CannotSay where there is none, or its sequences are short."""
    kinds = [getattr(nn, layer.kind, None) for layer in seen.layers]
    recurrent = [i for i, kind in enumerate(kinds) if isinstance(kind, type) and issubclass(kind, nn.Recurrent)]
    if not recurrent:
        raise CannotSay("there is no recurrent layer")
    norms = through_time(seen)
    if len(norms) <= STEPS:
        raise CannotSay(
            f"a gradient went back {max(len(norms) - 1, 0)} time steps: in fewer than {STEPS} none vanishes"
        )
    if not norms[-1] > 0:
        raise CannotSay("no gradient comes in at the last time step")
    return float(norms[0] / norms[-1]), norms, recurrent[0]


def remedies(kind) -> tuple[Remedy, ...]:
    """Recurrent weights that keep the length of what they are multiplied with; a layer with a way through."""
    orthogonal = Remedy("Draw all weights anew (orthogonal)", act=("reinitialize", ("all", "orthogonal")))
    if kind != "LSTM":
        gated = "An LSTM or a GRU" if kind == "RNN" else "An LSTM"
        other = Remedy(f"{gated} in the place of the {kind}, whose state goes on unchanged while a gate is open")
    else:
        other = Remedy("Start the biases of the forget gate at 1 or more, so that it is open")
    return (orthogonal, other, Remedy("Shorter sequences, or what matters nearer to their end"))
