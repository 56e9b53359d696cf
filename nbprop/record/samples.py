"""Each sample on its own: what is recorded of it while a run learns, and which samples stand out."""

from dataclasses import dataclass
from typing import Any

import numpy as np

COLUMNS = ("sample_loss", "sample_gradient", "sample_right")  # of the history, one number for each sample
FENCE = 3.0  # times the distance between the quartiles, beyond the third one: far out (Tukey 1977)
NAMED = 15  # samples that are named, at most
FORGOTTEN = 2  # times that a sample goes from right to wrong, from which on it flips
RISEN = 2.0  # times its smallest loss, from which on a loss has risen


@dataclass(frozen=True, eq=False)
class Samples:
    """The n samples of the training data of which a source records something, and how they stand now.

    numbers (n,): which they are, rising; column k of `sample_loss` and its like is that of sample numbers[k].
    weights (n,): how much each counts in training, 0 for those that are left out. labels, own (n,): class numbers, now
    and as in the data, or None where there are no classes of whole samples. X (n, ...): the inputs, None where they are
    not known. of: how many samples there are at all. gradient: of what `sample_gradient` is the norm, in words; ""
    where it is not measured.
    """

    numbers: np.ndarray
    weights: np.ndarray
    of: int
    labels: "np.ndarray | None" = None
    own: "np.ndarray | None" = None
    classes: "tuple[str, ...]" = ()
    X: Any = None
    gradient: str = ""

    def place(self, sample: "int | None") -> "int | None":
        """Its place among those that are measured; None where it is not."""
        k = -1 if sample is None else int(np.searchsorted(self.numbers, sample))
        return k if 0 <= k < len(self.numbers) and self.numbers[k] == sample else None


def keep(history: Any, samples: Samples, step: int, indices: Any, **columns: Any) -> None:
    """For a loop that sees some samples at a time: record what is known of those now, as `sample_loss` and its like.
    indices (b,): which samples; columns: loss, gradient, right, (b,) each. What is known of all others stays as it was
    recorded last, NaN before anything was."""
    places = np.searchsorted(samples.numbers, indices)
    there = places < len(samples.numbers)
    there[there] = samples.numbers[places[there]] == np.asarray(indices)[there]
    for name, values in columns.items():
        before = history.series(f"sample_{name}")[1]
        row = np.full(len(samples.numbers), np.nan, np.float32) if not len(before) else before[-1].copy()
        row[places[there]] = np.asarray(values, np.float32)[there]
        history.add(f"sample_{name}", step, row)


# ---- what stands out -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Course:
    """How n samples have fared over t records: steps (t,), loss (t, n), gradient and right (t, n) or None.

    Measures, (n,) each. mean: of the loss over the steps, high where it falls late or never (as the area under the
    margin is low: Pleiss et al. 2020). learned: the step from which on the answer was right at every record, inf where
    it is wrong now. forgotten: how often it went from right to wrong (Toneva et al. 2019). risen: the loss now, by the
    smallest there was.
    """

    steps: np.ndarray
    loss: np.ndarray
    gradient: "np.ndarray | None" = None
    right: "np.ndarray | None" = None

    @property
    def mean(self) -> np.ndarray:
        known = np.isfinite(self.loss)
        gaps = np.diff(self.steps, prepend=0).astype(np.float64)  # a record stands for the steps before it
        gaps[0] = gaps[0] or 1.0
        total, weight = (gaps @ np.where(known, self.loss, 0)), gaps @ known
        return np.where(weight > 0, total / np.where(weight > 0, weight, 1), np.nan)

    @property
    def learned(self) -> np.ndarray:
        if self.right is None:
            return np.full(self.loss.shape[1], np.nan)
        wrong = ~(self.right >= 1)
        last = len(wrong) - 1 - np.argmax(wrong[::-1], axis=0)  # the last record at which it was wrong
        after = self.steps[np.minimum(last + 1, len(self.steps) - 1)].astype(np.float64)
        return np.where(~wrong.any(axis=0), self.steps[0], np.where(wrong[-1], np.inf, after))

    @property
    def forgotten(self) -> np.ndarray:
        if self.right is None:
            return np.zeros(self.loss.shape[1], int)
        right = self.right >= 1
        return (right[:-1] & ~right[1:]).sum(axis=0)

    @property
    def risen(self) -> np.ndarray:
        with np.errstate(all="ignore"):
            low = np.nanmin(np.where(np.isfinite(self.loss), self.loss, np.inf), axis=0)
            return np.where(self.loss[-1] > 0, self.loss[-1] / np.maximum(low, 1e-12), 0)

    def suspects(self, counted: np.ndarray) -> np.ndarray:
        """Places of those that fall late, rise or flip, the largest mean loss first, at most NAMED. counted (n,) bool:
        those that may be; they are compared with each other.

        Late: the mean loss is beyond Tukey's outer fence. Risen: the loss is beyond the fence of all losses now, and
        RISEN times its smallest. Flipping: forgotten FORGOTTEN times or more, and the mean loss above the median."""
        mean, now = self.mean, self.loss[-1]
        with np.errstate(all="ignore"):
            late = mean > fence(mean[counted])
            risen = (now > fence(now[counted])) & (self.risen >= RISEN)
            flips = (self.forgotten >= FORGOTTEN) & (mean > _quantiles(mean[counted])[1])
        found = np.flatnonzero((late | risen | flips) & counted)
        return found[np.argsort(-mean[found], kind="stable")][:NAMED]


def _quantiles(values):
    good = values[np.isfinite(values)]
    return np.quantile(good, (0.25, 0.5, 0.75)) if good.size else np.full(3, np.nan)


def fence(values) -> float:
    """Above which a number is far out among these."""
    low, _, high = _quantiles(values)
    return float(high + FENCE * (high - low))


# ---- words -----------------------------------------------------------------------------------------------------------


def weights_said(before: Any, now: Any) -> str:
    """What has changed in `sample_weights`, in words: "samples left out: 3, 7; weight of 4: 0.5"."""
    was, now = dict(before or ()), dict(now or ())
    changed = [i for i in sorted({*was, *now}) if was.get(i, 1) != now.get(i, 1)]
    gone = [i for i in changed if now.get(i, 1) == 0]
    back = [i for i in changed if was.get(i, 1) == 0 and i in changed and now.get(i, 1) == 1]
    rest = [f"weight of {i}: {now.get(i, 1):.3g}" for i in changed if i not in gone and i not in back]
    said = [f"{words} {some(of)}" for words, of in (("left out:", gone), ("taken back:", back)) if of]
    return f"sample{'s' * (len(changed) > 1)} {'; '.join([*said, *few(rest)])}"


def labels_said(before: Any, now: Any) -> str:
    """The same of `relabelled`: "samples relabelled: 3 as class 1, 7 as in the data"."""
    was, now = dict(before or ()), dict(now or ())
    changed = [i for i in sorted({*was, *now}) if was.get(i) != now.get(i)]
    each = [f"{i} as class {now[i]}" if i in now else f"{i} as in the data" for i in changed]
    return f"sample{'s' * (len(changed) > 1)} relabelled: {', '.join(few(each))}"


def some(samples: Any, most: int = 10) -> str:
    """ "3, 7, 12 and 5 more"."""
    more = f" and {len(samples) - most} more" if len(samples) > most else ""
    return ", ".join(f"{i}" for i in samples[:most]) + more


def few(words: "list[str]", most: int = 5) -> "list[str]":
    return words if len(words) <= most else [*words[:most], f"{len(words) - most} more"]
