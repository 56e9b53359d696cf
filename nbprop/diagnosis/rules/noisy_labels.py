"""Labels that have nothing to do with the inputs, or many of which are wrong."""

import numpy as np

from nbprop.record.lessons import Lesson
from nbprop.record.source import CannotSay, Recorded, Taught

from ..rule import Evidence, Finding, Picture, Remedy, Rule, line
from ..seen import WINDOW

ALONE = 0.1  # of the samples among others of one class, those of another; measured: in clouds that overlap up to 0.07
CHANCE = 0.08  # kappa of neighbours, of which shuffled labels have 0 ± 0.03
BETTER = 0.1  # by which the network is, on validation samples: then there is something that neighbours do not see
UNTOLD = 0.9  # of the variance of numbers that the neighbours do not tell
SAMPLES = 80
STEPS = 100


class NoisyLabels(Rule):
    name = "noisy_labels"
    title = "Labels shuffled or wrong"
    number = "share of another label among samples whose neighbours nearly all have the same one"
    needs = (Recorded, Taught)
    why = (
        "A network can only find what the inputs say about the labels. Where a label is wrong the gradient of its "
        "sample pulls against all others, and what is learned of it is learned by heart."
    )
    equation = "L ≥ H(y | x)"
    lesson = Lesson(7, "By heart")

    def measure(self, seen) -> float:
        near = seen.neighbours
        return near.alone if near.classes else near.error / max(float(seen.targets.var(axis=0).mean()), 1e-30)

    def find(self, seen) -> Finding | None:
        near, data = seen.neighbours, seen.source.data
        if len(data.X_train) < SAMPLES or seen.step < STEPS:
            raise CannotSay(f"only after {STEPS} steps, on {SAMPLES} samples or more")
        held = seen.series("val_accuracy")[1][-WINDOW:]
        if not near.classes:
            share = self.measure(seen)
            losses = seen.series("val_loss")[1][-WINDOW:]
            learns = len(losses) and losses.min() < 0.95 * seen.scale
            if not share > UNTOLD or learns or seen.cost != "mse":
                return None
            return self.shuffled(
                seen, Evidence("part of the targets that the neighbours do not tell", share, "below 0.9")
            )
        most = float(seen.shares.max())
        if near.kappa < CHANCE:
            # What is hidden from neighbours a network may still find, as whether two signs are the same.
            if len(held) and np.median(held) > most + BETTER:
                return None
            return self.shuffled(
                seen,
                Evidence("how much more alike neighbours are than by chance, 0 to 1", near.kappa, f"above {CHANCE:g}"),
            )
        if not near.alone > ALONE:
            return None
        return self.finding(
            "warning",
            f"Some labels seem to be wrong: of the samples whose neighbours nearly all have the same one, "
            f"{near.alone:.0%} have another.",
            Evidence(self.number, near.alone, f"below {ALONE:g}"),
            since=0,
            picture=self.picture(seen),
            remedies=(
                Remedy(
                    "Look at the labels of these samples",
                    hindrance="the view Samples names those that fall late; there each is left out or relabelled by a "
                    "button, as by trainer.relabel(sample, label)",
                ),
            ),
        )

    def shuffled(self, seen, evidence) -> Finding:
        return self.finding(
            "alarm",
            "The inputs do not tell the labels: neither the nearest samples nor the network know better than chance. "
            "Are the labels in another order than the samples?",
            evidence,
            since=0,
            picture=self.picture(seen),
            remedies=(Remedy("Look whether X and y are in the same order", hindrance="that is in the data"),),
        )

    def picture(self, seen) -> Picture | None:
        name = "val_loss" if len(seen.series("val_loss")[0]) else "train_loss"
        steps, values = seen.series(name)
        return line(steps, values, unit=name.replace("val", "validation").replace("_", " ")) if len(steps) else None
