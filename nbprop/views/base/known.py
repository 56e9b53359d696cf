"""What is known of single samples from how they have fared, in numbers and words."""

import numpy as np

from nbprop.record.samples import FORGOTTEN, RISEN, some

from .view import number

STANDS_OUT, LEFT_OUT, WEIGHED, RELABELLED = 1, 2, 4, 8  # bits of `state`


class Known:
    """What is known of the samples from how they have fared. by: name of an order -> (n,); suspects: their places;
    first: the place that is shown where none is chosen."""

    def __init__(self, samples, course) -> None:
        counted = samples.weights > 0
        mean, loss = course.mean, course.loss[-1].astype(np.float64)
        gradient = np.full(len(loss), np.nan) if course.gradient is None else course.gradient[-1].astype(np.float64)
        self.learned, self.forgotten, self.risen = course.learned, course.forgotten, course.risen
        self.by = {"mean": mean, "loss": loss, "gradient": gradient, "forgotten": self.forgotten.astype(np.float64)}
        self.suspects = course.suspects(counted)
        self.first = self.suspects[0] if len(self.suspects) else int(np.nanargmax(np.nan_to_num(mean, nan=-1)))
        stands = np.zeros(len(loss), int)
        stands[self.suspects] = STANDS_OUT
        weighed = counted & (samples.weights != 1)
        relabelled = 0 if samples.labels is None else RELABELLED * (samples.labels != samples.own)
        self.state = stands + LEFT_OUT * ~counted + WEIGHED * weighed + relabelled
        kept = np.where(np.isfinite(course.loss), course.loss, np.nan)[:, counted]
        self.band = _quartiles(kept).astype(np.float32)


def _quartiles(losses):
    """(3, t) of each record; NaN where it has no finite one."""
    ordered = np.sort(losses, axis=1)  # NaN last
    count = (~np.isnan(ordered)).sum(axis=1)
    places = [np.clip(np.round(q * (count - 1)), 0, None).astype(int) for q in (0.25, 0.5, 0.75)]
    return np.array([ordered[np.arange(len(ordered)), at] for at in places])


def label(samples, place) -> str:
    """Its label, and that of the data where it is another; "" where there is none."""
    if samples.labels is None:
        return ""
    now, own = int(samples.labels[place]), int(samples.own[place])
    return f"label {samples.classes[now]}" + (f", {samples.classes[own]} in the data" if now != own else "")


def fate(course, known, place) -> str:
    """How a sample has fared, in words; "" where nothing is to be said."""
    said = []
    if course.right is not None:
        right = course.right[:, place] >= 1
        learned = known.learned[place]
        if not right.any():
            said.append("never right")
        elif np.isinf(learned):
            said.append("wrong now, right before")
        elif learned > course.steps[0]:
            said.append(f"right from step {int(learned):,} on")
        if known.forgotten[place] >= FORGOTTEN:
            said.append(f"forgotten {known.forgotten[place]} times")
    if known.risen[place] >= RISEN and place in known.suspects:
        said.append(f"risen to {number(known.risen[place], 2)} times its smallest")
    return ", ".join(said)


def weight_said(weight) -> str:
    return "left out" if weight == 0 else "" if weight == 1 else f"weight {number(weight)}"


def by_hand(samples) -> list[str]:
    """Sentences on what a hand has turned."""
    gone = samples.numbers[samples.weights == 0]
    weighed = samples.numbers[(samples.weights != 0) & (samples.weights != 1)]
    relabelled = np.zeros(0, int) if samples.labels is None else samples.numbers[samples.labels != samples.own]
    said = [
        f"{words} {some(which)}"
        for words, which in (("left out", gone), ("weighed", weighed), ("relabelled", relabelled))
        if len(which)
    ]
    return [f"By hand: {'; '.join(said)}; undo takes back the last."] if said else []
