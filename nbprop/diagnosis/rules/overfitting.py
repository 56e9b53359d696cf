"""The validation loss rises while the training loss goes on falling."""

import numpy as np

from nbprop.record.lessons import Lesson
from nbprop.record.source import Recorded

from ..finding import said
from ..rule import Evidence, Finding, Remedy, Rule, line

EVALUATIONS = 10  # after the lowest one, before a rise is one
RISE = 0.15  # of the validation loss above its lowest, as a share of what guessing costs
ALARM = 0.5
GAP, KNOWN = 0.35, 0.9  # between both losses, as a share of what guessing costs, where so much is learned by heart
SMOOTH = 5  # evaluations that are averaged (median)
HELD = 20  # validation samples: of fewer the loss says little


class Overfitting(Rule):
    name = "overfitting"
    title = "Overfitting"
    number = "rise of the validation loss above its lowest, as a share of what guessing costs"
    needs = (Recorded,)
    judged = "val_loss"
    why = (
        "From some step on the network learns what is true of these samples only. The training loss still falls, and "
        "the loss on samples that it has never seen rises; weights that are held small, or more data, are against it."
    )
    equation = "L_val − L_train grows while dL_train/dt < 0"
    lesson = Lesson(7, "Two losses")

    def measure(self, seen) -> float:
        return rise(seen)[0]

    def find(self, seen) -> Finding | None:
        risen, lowest, step = rise(seen)
        steps, values = seen.series("val_loss")
        train = seen.train[1]
        data = getattr(seen.source, "data", None)
        if len(getattr(data, "X_val", values)) < HELD or len(train) != len(values):
            return None
        gap = float(np.median(values[-SMOOTH:]) - np.median(train[-SMOOTH:])) / seen.scale
        falls = np.median(train[-SMOOTH:]) < np.median(train[lowest : lowest + SMOOTH])
        rises = risen > RISE and len(values) - lowest >= EVALUATIONS + SMOOTH and falls and gap > risen / 2
        if not rises and not (gap > GAP and seen.gained > KNOWN):
            return None
        now, best = float(values[-1]), float(values.min())
        return self.finding(
            "alarm" if risen > ALARM else "warning",
            f"It overfits: since step {step:,} the loss on validation samples rises, {said(best)} → {said(now)}, while "
            f"the training loss is {said(train[-1])}."
            if rises
            else f"It overfits: what it has learned it knows by heart, for the loss is {said(train[-1])} on the "
            f"training samples and {said(now)} on others.",
            Evidence(self.number, risen, f"below {RISE:g}"),
            Evidence("validation loss above training loss, as a share of what guessing costs", gap, f"below {GAP:g}"),
            since=step if rises else None,
            picture=line(steps, values, best, "validation loss"),
            remedies=remedies(seen, step),
        )


def rise(seen) -> tuple[float, int, int]:
    """(how far the validation loss is above its lowest, as a share of what guessing costs; place of that, its step)."""
    steps, values = seen.need("val_loss", EVALUATIONS + SMOOTH)
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(values, SMOOTH), axis=1)
    lowest = int(np.argmin(smooth))
    return float(smooth[-1] - smooth[lowest]) / seen.scale, lowest, int(steps[lowest + SMOOTH // 2])


def remedies(seen, step) -> "tuple[Remedy | None, ...]":
    decay, dropout = seen.knob("weight_decay"), seen.knob("dropout")
    back = (
        Remedy(f"Back to step {step:,}, the best", act=("rewind", (step,))) if hasattr(seen.source, "rewind") else None
    )
    stronger = 10 * decay if decay else 0.01
    return (
        Remedy(f"Weight decay {stronger:g}", {"weight_decay": stronger}) if isinstance(decay, float) else None,
        Remedy("Dropout 0.3", {"dropout": 0.3}) if isinstance(dropout, float) and dropout < 0.3 else None,
        back,
    )
