"""The gradient grows on its way back, through the layers or through time; or the activations on their way forward."""

import numpy as np

from nbprop import nn
from nbprop.record import verdicts
from nbprop.record.lessons import Lesson
from nbprop.record.source import CannotSay, Layered, Probed, Recorded

from ..finding import said
from ..rule import Evidence, Finding, Remedy, Rule, bars, line, rate, since
from ..seen import two_digits
from .vanishing import ratio

ALARM = 1e4  # factor; from 1e2 (verdicts.EXTREME) on it is a warning
SPIKE = 30  # largest norm of a recurrent layer's gradient over the median: a cliff (Pascanu et al. 2013, figure 6)
STEADY = 10  # times, through time, if every step were the median one
RECORDS = 30  # of that norm
LITTLE = 0.1  # share of what guessing costs that is gone: less is nothing learned


class Exploding(Rule):
    name = "exploding"
    title = "Exploding gradient"
    number = "dL/dz of the first layer over that of the last"
    needs = (Recorded, Layered, Probed)
    why = (
        "On its way back the gradient is multiplied by the weights once for each layer, or each step in time. Where "
        "that makes it longer every time it grows exponentially, and a step along it goes much too far."
    )
    equation = "|dL/dz₁| ≈ |dL/dz_L| · ∏ |W_l| |f′(z_l)|"
    lesson = Lesson(5, "Exploding gradients")

    def measure(self, seen) -> float:
        return ratio(seen)[0]

    def find(self, seen) -> Finding | None:
        try:
            return self.through_depth(seen) or self.forward(seen)
        except CannotSay:
            found = self.through_time(seen)
            if found is None:
                raise
            return found

    def through_depth(self, seen) -> Finding | None:
        share, first, last = ratio(seen)
        if share <= verdicts.EXTREME or seen.does_well:
            return self.through_time(seen)
        norms = seen.now("dz")
        steps, values = seen.per_layer("dz")
        return self.finding(
            "alarm" if share > ALARM else "warning",
            f"The gradient explodes on its way back: in {seen.names[first]} dL/dz is {said(share)} times larger than "
            f"in {seen.names[last]}.",
            Evidence(self.number, share, f"below {verdicts.EXTREME:g}"),
            layers=tuple(np.array(seen.names)[norms > norms[last] * verdicts.EXTREME]),
            since=since(steps, values[:, first] > verdicts.EXTREME * values[:, last]),
            picture=bars(seen, norms, norms[last] * verdicts.EXTREME, "norm of dL/dz", log=True),
            remedies=remedies(seen),
        )

    def forward(self, seen) -> Finding | None:
        spread = seen.now("a_std")
        hidden = spread[:-1]
        if seen.does_well or not (hidden[0] > 0 and hidden[-1] > verdicts.EXTREME * hidden[0]):
            return None
        grown = float(hidden[-1] / hidden[0])
        return self.finding(
            "alarm" if grown > ALARM else "warning",
            f"The activations grow from layer to layer: in {seen.names[-2]} they are {said(grown)} times as large as "
            f"in {seen.names[0]}.",
            Evidence("spread of the activations of the last hidden layer over that of the first", grown, "about 1"),
            layers=tuple(np.array(seen.names)[spread > verdicts.EXTREME * hidden[0]]),
            picture=bars(seen, spread, verdicts.EXTREME * hidden[0], "std of a", log=True),
            remedies=remedies(seen),
        )

    def through_time(self, seen) -> Finding | None:
        """In a recurrent network: by dL/dh of the last step, or by cliffs in the norm over the steps."""
        kinds = [getattr(nn, layer.kind, None) for layer in seen.layers]
        recurrent = [i for i, kind in enumerate(kinds) if isinstance(kind, type) and issubclass(kind, nn.Recurrent)]
        if not recurrent:
            return None
        norms = through_time(seen)
        grown = float(norms.max() / norms[-1]) if len(norms) > 1 and norms[-1] > 0 else 1.0
        if grown > verdicts.EXTREME and steadily(norms) > STEADY:
            lags = np.arange(len(norms))[::-1]
            lag = len(norms) - 1 - int(norms.argmax())
            return self.finding(
                "alarm" if grown > ALARM else "warning",
                f"The gradient explodes through time: {lag} steps before the end dL/dh is {said(grown)} times as large "
                "as there.",
                Evidence("largest dL/dh of a time step over that of the last", grown, f"below {verdicts.EXTREME:g}"),
                layers=(seen.names[recurrent[0]],),
                picture=line(lags[::-1], norms[::-1], norms[-1] * verdicts.EXTREME, "norm of dL/dh", log=True),
                remedies=clipped(seen),
            )
        steps, values = seen.series("dW")
        if len(steps) < RECORDS:
            return None
        # What a step that was far too long has thrown away may never come back: then it counts for good.
        recent = 0 if seen.gained < LITTLE else -5 * RECORDS
        norm = np.nan_to_num(values[recent:, recurrent[0]].astype(np.float64), posinf=np.inf)
        spike, usual = float(norm.max()), float(np.median(norm))
        if not spike > SPIKE * usual > 0 or seen.knob("clip") is not None or seen.does_well:
            return None
        return self.finding(
            "warning",
            f"The gradient jumps: in one step it was {said(spike / usual)} times as large as it usually is.",
            Evidence("largest gradient over the median", spike / usual, f"below {SPIKE}"),
            layers=(seen.names[recurrent[0]],),
            picture=line(steps[-len(norm) :], norm, SPIKE * usual, "norm of dL/dW", log=True),
            remedies=clipped(seen),
        )


def steadily(norms) -> float:
    """The growth back through time if every step were the median one. Where there is a target at every time step, dL/dh
    can be large at one because the loss of that step is."""
    with np.errstate(all="ignore"):
        each = norms[:-1] / norms[1:]
    return float(np.median(each[np.isfinite(each)]) ** (len(norms) - 1)) if np.isfinite(each).any() else 1.0


def through_time(seen) -> np.ndarray:
    """The norm of dL/dh at each time step of the last batch, in the first recurrent layer, (T,); empty: not known."""
    if seen.model is None:
        return np.zeros(0)
    last = next((each.last for each in seen.model.modules() if isinstance(each, nn.Recurrent) and each.last), None)
    dh = getattr(last, "dh", None)
    if not isinstance(dh, np.ndarray) or dh.ndim != 3:
        return np.zeros(0)
    norms = np.sqrt(np.square(dh, dtype=np.float64).sum(axis=(1, 2)))
    return norms if np.isfinite(norms).all() else np.zeros(0)


def clipped(seen) -> tuple[Remedy, ...]:
    """Weights that keep the length of what they are multiplied with, a bound for the gradient, smaller steps."""
    usual = seen.series("dW")[1]
    norm = float(np.median(np.sqrt(np.nansum(np.square(usual, dtype=np.float64), axis=1)))) if len(usual) else 1.0
    clip = min(1.0, two_digits(norm)) if np.isfinite(norm) and norm > 1e-6 else 1.0
    act = ("reinitialize", ("all", "orthogonal"))
    both = Remedy(f"Draw all weights anew (orthogonal), clip the gradient at {clip:g}", {"clip": clip}, act)
    slower = rate(seen, 1 / 10)
    alone = Remedy(f"Clip the gradient at {clip:g}", {"clip": clip})
    return (
        both,
        alone,
        *([slower] if slower else []),
        Remedy("Shorter windows: detach the state every few time steps"),
    )


def remedies(seen) -> tuple[Remedy, ...]:
    """Weights of another size."""
    relu = any(layer.activation in ("relu", "leaky_relu", "elu", "gelu", "silu") for layer in seen.layers)
    init = "he" if relu else "xavier"
    anew = Remedy(f"Draw all weights anew ({init})", act=("reinitialize", ("all", init)))
    return (anew, Remedy("Batch normalization", {"batch_norm": True})) if seen.knob("batch_norm") is False else (anew,)
