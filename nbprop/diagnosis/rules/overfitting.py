"""The validation loss rises while the training loss goes on falling."""

import numpy as np

from nbprop.record.source import Recorded

from ..finding import said
from ..rule import Evidence, Remedy, Rule, line

EVALUATIONS = 10  # after the lowest one, before a rise is one
RISE = 0.15  # of the validation loss above its lowest, as a share of what guessing costs
ALARM = 0.5
SMOOTH = 5  # evaluations that are averaged (median)
HELD = 20  # validation samples: of fewer the loss says little


class Overfitting(Rule):
    name = "overfitting"
    title = "Overfitting"
    number = "rise of the validation loss above its lowest, as a share of what guessing costs"
    needs = (Recorded,)
    why = (
        "From some step on the network learns what is true of these samples only. The training loss still falls, and "
        "the loss on samples that it has never seen rises; weights that are held small, or more data, are against it."
    )
    equation = "L_val − L_train grows while dL_train/dt < 0"
    lesson = ("notebooks/07-overfitting.ipynb", "Two losses")

    def measure(self, seen):
        return self.rise(seen)[0]

    def rise(self, seen):
        """(rise, step of the lowest)."""
        steps, values = seen.need("val_loss", EVALUATIONS + SMOOTH)
        smooth = np.median(np.lib.stride_tricks.sliding_window_view(values, SMOOTH), axis=1)
        lowest = int(np.argmin(smooth))
        return float(smooth[-1] - smooth[lowest]) / seen.scale, int(steps[lowest + SMOOTH // 2]), lowest

    def find(self, seen):
        rise, step, lowest = self.rise(seen)
        steps, values = seen.series("val_loss")
        train = seen.train[1]
        data = getattr(seen.source, "data", None)
        few = data is not None and len(getattr(data, "X_val", values)) < HELD
        if few or not rise > RISE or len(values) - lowest < EVALUATIONS + SMOOTH:
            return None
        gap = float(np.median(values[-SMOOTH:]) - np.median(train[-SMOOTH:])) / seen.scale
        falls = np.median(train[-SMOOTH:]) < np.median(train[lowest : lowest + SMOOTH])
        if not falls or gap < rise / 2:
            return None
        return self.finding(
            "alarm" if rise > ALARM else "warning",
            f"It overfits: since step {step:,} the loss on validation samples rises, {said(min(values))} → "
            f"{said(values[-1])}, while the training loss is {said(train[-1])}.",
            Evidence(self.number, rise, f"below {RISE:g}"),
            Evidence("validation loss above training loss, as a share of what guessing costs", gap, "near 0"),
            since=step,
            picture=line(steps, values, float(min(values)), "validation loss"),
            remedies=remedies(seen, step),
        )


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
