"""A class that is rare."""

from dataclasses import replace

import numpy as np

from nbprop.data import Dataset
from nbprop.record.lessons import Lesson
from nbprop.record.source import CannotSay, Predicts, Taught

from ..kept import of_data
from ..rule import Evidence, Finding, Picture, Remedy, Rule

RARE = 0.25  # of the share that each class would have if all were alike: 1 in 8 of two classes
MISSED = 0.5  # share of the rare class that is found, below which it is a warning
STEPS = 100  # before that is said


class Imbalance(Rule):
    name = "imbalance"
    title = "Rare class"
    number = "share of the rarest class over an equal share"
    judged = ""
    needs = (Taught, Predicts)
    why = (
        "The loss is the mean over all samples, so a class with few of them hardly counts: who always says the common "
        "one is nearly always right. Accuracy hides it, for it counts in the same way."
    )
    equation = "L = Σ_c p_c L_c"
    lesson = Lesson(7, "Two losses")

    def measure(self, seen) -> float:
        shares = seen.shares
        return float(shares.min() * len(shares))

    def find(self, seen) -> Finding | None:
        rare = self.measure(seen)
        shares, data = seen.shares, seen.source.data
        which = int(shares.argmin())
        if not rare < RARE:
            return None
        name = data.classes[which] if which < len(data.classes) else str(which)
        found = self.found(seen, which)
        missed = found < MISSED and seen.step >= STEPS
        return self.finding(
            "warning" if missed else "hint",
            f"Of the class {name!r} there are only {shares[which]:.1%} of the samples"
            + (f", and the network finds {found:.0%} of them." if np.isfinite(found) else "."),
            Evidence(self.number, rare, f"more than {RARE:g}"),
            Evidence("share of the rarest class that is found", found, "as many as of the others"),
            since=0,
            picture=Picture("bars", shares, tuple(map(str, data.classes)), limit=RARE / len(shares), unit="share"),
            remedies=(of_data(data, "evened", evened),),
        )

    def found(self, seen, which) -> float:
        """The share of that class that the network finds among the training samples; NaN where it cannot be asked."""
        y = seen.source.data.y_train
        if y.ndim > 1:
            return float("nan")
        places = np.flatnonzero(y == which)[:256]
        if not len(places):
            raise CannotSay("a class has no training sample")
        answers = np.asarray(seen.source.predict(seen.source.data.X_train[places]))
        if answers.shape[-1] == 1:
            return float((np.round(answers[..., 0]) == which).mean())
        return float((answers.argmax(axis=-1) == which).mean())


def evened(data) -> Remedy:
    """The same data with each class as often as the most frequent one; validation samples as they are."""
    words = "Show each class equally often"
    if not isinstance(data, Dataset) or data.y_train.ndim > 1 or data.vocabulary:
        return Remedy(words, hindrance="these samples cannot be repeated here: do it in the data")
    y = data.y_train
    most = np.bincount(y).max()
    places = np.concatenate([np.resize(np.flatnonzero(y == one), most) for one in np.unique(y)])
    return Remedy(words, {"data": replace(data, X_train=data.X_train[places], y_train=y[places], settings=None)})
