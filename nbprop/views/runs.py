"""Several runs in one picture: their losses or accuracies over steps, samples, seconds or evaluations."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.record.lessons import Lesson
from nbprop.record.source import CannotSay, Compares

from .base import colors
from .base.view import Option, View, bucket_means, buckets, log_range, new_axes, number, percent, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS = 160  # a curve is thinned to at most so many
EVENTS = 100  # the newest of which so many are flagged
COLORS = [colors.CLASSES[i] for i in (0, 5, 2, 3, 1, 4)]  # those that differ most first; the same in runs.js
AXES = {
    "step": ("step", "step"),
    "samples": ("samples", "samples seen"),
    "seconds": ("seconds", "seconds of computing"),
    "evaluations": ("evaluations", "evaluations of the loss"),
    "forwards": ("forward passes", "forward passes, a way back counts as two"),
}
HALVES = {"loss": ("loss", "val_loss"), "accuracy": ("train_accuracy", "val_accuracy")}


class Runs(View):
    """The losses of several runs side by side: thick on the validation points, thin in training (the batches, mean of
    neighbouring ones); where there are no validation points, thin alone. A flag where something was changed.

    Options: `of` ("loss", default, or "accuracy"); `axis`: over what, "step" (default), "samples" that a run has seen,
    "seconds" of its own computing, "evaluations" of the loss, "forwards", passes forward, of which a way back
    counts as two, all counted since the comparison began; `difference`: of
    each to the first run (default False); `log`: logarithmic loss axis (default False), not for differences.
    """

    name = "runs"
    title = "Runs"
    about = (
        "The losses of several runs side by side at the same step, thick for validation and thin for training. Each "
        "run is called by what is different about it, so that one difference can be judged."
    )
    lesson = Lesson(6, "A race of networks")
    contract = (Compares,)
    shows = "runs side by side, as nb.compare makes them"
    rate = 18.0
    row = "whole"
    of: str
    axis: str
    difference: bool
    log: bool
    options = (
        Option("of", "of", tuple((name, name) for name in HALVES), default="loss"),
        Option("axis", "over", tuple((name, label) for name, (label, _) in AXES.items()), default="step"),
        Option("difference", "difference"),
        Option("log", "log", where="browser"),
    )

    def frame(self) -> dict[str, Any]:
        """Of run number i train_i and validation_i (2, n): the place on the axis, and the loss or accuracy, or its
        difference to that of run 0 (empty of run 0 itself); ends (runs, 2): place and value of the last point drawn
        thick, or thin if there is no thick one, NaN of a run without any; events (k,): their places; range (4,): lowest
        and highest value of a linear and of a logarithmic axis; span (2,): first and last place."""
        curves = self._curves()
        halves = [half for both in curves for half in both]
        places = np.concatenate([half[0] for half in halves])
        frame: dict[str, Any] = {}
        for i, (train, validation) in enumerate(curves):
            frame[f"train_{i}"], frame[f"validation_{i}"] = _thin(*train), _thin(*validation)
        ends = [next((h[:, -1] for h in (v, t) if h.shape[1]), np.full(2, np.nan)) for t, v in curves]
        first, last = (places.min(), places.max()) if len(places) else (0, 1)
        return {
            **frame,
            "ends": np.array(ends, np.float32),
            "events": np.array([place for place, _ in self._events()], np.float32),
            "range": self._range([half[1] for half in self._counting(curves)]),
            "span": np.array([0 if first < 0.2 * last else first, max(last, 1e-9)], np.float32),
        }

    def _curves(self):
        """For each run its training and its validation curve: (2, n) float64."""
        found = []
        for i, run in enumerate(self.source.runs.values()):
            found.append([self._placed(i, *run.history.series(name)) for name in HALVES[self.of]])
        if self.of == "accuracy" and self.source.steps and not any(half.size for both in found for half in both):
            raise CannotSay("Runs: these runs have no accuracy, for they do not classify: choose of='loss'.")
        if self.difference:
            found = [[_less(half, first) for half, first in zip(both, found[0], strict=True)] for both in found]
            found[0] = [np.zeros((2, 0)), np.zeros((2, 0))]
        return found

    def _placed(self, index, steps, values):
        """A series on the axis that is shown: (2, n)."""
        steps, values = np.asarray(steps, np.float64), np.asarray(values, np.float64)
        if self.axis == "step":
            return np.array([steps, values])
        known, spent = self.source.spent(index, self.axis)
        since = steps >= known[0]
        return np.array([np.interp(steps[since], known, spent), values[since]])

    def _events(self):
        """(place, words) of what was changed, once for all runs that it was changed in."""
        runs, found = self.source.runs, {}
        for i, (name, run) in enumerate(runs.items()):
            known, spent = self.source.spent(i, "samples" if self.axis == "step" else self.axis)
            for event in run.history.events[-EVENTS:]:
                if event.step > (0 if self.axis == "step" else known[0]):  # what is before the first step is its name
                    place = event.step if self.axis == "step" else float(np.interp(event.step, known, spent))
                    found.setdefault((event.step, event.text), []).append((place, name))
        told = [
            (places[0][0], text if len(places) == len(runs) else f"{', '.join(name for _, name in places)}: {text}")
            for (_, text), places in found.items()
        ]
        return sorted(told)[-EVENTS:]

    def _counting(self, curves):
        """The halves by which the axis is chosen: one that has stopped, as a rule because it exploded, may leave it."""
        stopped = [run.status == "stopped" for run in self.source.runs.values()]
        return [half for both, out in zip(curves, stopped, strict=True) for half in both if not out or all(stopped)]

    def _range(self, curves):
        values = np.concatenate(curves)
        values = values[np.isfinite(values)]
        if self.of == "accuracy" and not self.difference:
            return np.array([0, 1, 0.1, 1], np.float32)
        if not values.size:
            return np.array([0, 1, 0.1, 1] if not self.difference else [-1, 1, 0.1, 1], np.float32)
        if self.difference:
            # What the first steps give is often far from all the rest.
            most = min(np.abs(values).max(), 10 * np.median(np.abs(values)) or np.inf) or 1.0
            return np.array([max(values.min(), -most), min(values.max(), most), 0.1, 1], np.float32)
        starts = [curve[0] for curve in curves if len(curve) and np.isfinite(curve[0])]
        usual = 3 * max(np.abs(starts).max() if starts else 0.0, np.median(np.abs(values))) or np.inf
        low, high = max(min(0.0, values.min()), -usual), min(values.max(), usual)
        bottom, top = log_range(values, decades=0.5)
        return np.array([low, high if high > low else low + 1, bottom / 1.1, min(top * 1.1, 3e38)], np.float32)

    def labels(self) -> dict[str, Any]:
        """runs: the name of each; stopped: "" or where each has stopped; events: a short text for each; axis: what the
        axis below is; of, difference: what is drawn; unmeasured: what to say where there is no step; marks."""
        runs = self.source.runs
        return {
            "runs": list(runs),
            "stopped": [_stopped(run) for run in runs.values()],
            "events": [words for _, words in self._events()],
            "axis": AXES[self.axis][1],
            "of": self.of,
            "difference": self.difference,
            "unmeasured": self.unmeasured(),
            "marks": self.marks(),
        }

    def marks(self) -> dict[str, str]:
        often = "at every evaluation"
        train = "of the batches, mean of neighbouring ones" if self.of == "loss" else f"on training points, {often}"
        found = {
            "run": f"the {self.of} of this run: thick on the validation points, {often}; thin {train}",
            "axis": {
                "step": "updates made",
                "samples": "training samples that each run has seen since the comparison began",
                "seconds": "time that each run has spent on its own steps since the comparison began, what is measured "
                "of them included",
                "evaluations": "how often each run has computed the loss, and its gradient where it goes by one, since "
                "the comparison began",
                "forwards": "passes forward through the network since the comparison began; one backward counts as two",
            }[self.axis],
            "flag": "something was changed after this step",
            "stopped": "here a run has stopped: it has diverged",
        }
        if self.difference:
            first = next(iter(self.source.runs))
            found["zero"] = f"{first}: what is above has the larger {self.of}, what is below the smaller"
            found["run"] = f"by how much its {self.of} is above that of {first}; {found['run'].partition(': ')[2]}"
        return found

    def plot(self, ax=None) -> "Axes":
        ax = new_axes(ax)
        frame, labels = self.frame(), self.labels()
        ax.set_title(self._titled(labels))
        colors.tidy(ax)
        if not np.isfinite(frame["ends"]).any():
            colors.unmeasured(ax, labels["unmeasured"])
            return ax
        log = self._log()
        bottom, top = frame["range"][2:] if log else frame["range"][:2]
        room = 0 if log else 0.03 * (top - bottom)
        ax.set(xlabel=labels["axis"], yscale="log" if log else "linear", xlim=frame["span"])
        ax.set_ylim(bottom - room * (bottom < 0), top + room)
        if log:
            colors.log_axis(ax.yaxis, bottom, top)
        if self.difference:
            ax.axhline(0, color=COLORS[0], linewidth=1.2, label=labels["runs"][0])
        for i, name in enumerate(labels["runs"]):
            thick = frame[f"validation_{i}"].size > 0
            if frame[f"train_{i}"].size:
                ax.plot(*frame[f"train_{i}"], color=COLORS[i], linewidth=0.8, alpha=0.6, label=None if thick else name)
            if thick:
                alone = (
                    "o" if frame[f"validation_{i}"].shape[1] == 1 else None
                )  # a point with none beside it is no line
                ax.plot(*frame[f"validation_{i}"], color=COLORS[i], linewidth=1.8, label=name, marker=alone)
            if labels["stopped"][i] and np.isfinite(frame["ends"][i]).all():
                ax.plot(*frame["ends"][i], "x", color=colors.WARNING, markersize=8, markeredgewidth=2)
        for place in frame["events"]:
            ax.axvline(place, color=colors.MUTED, linewidth=0.8, linestyle=":", zorder=0)
        ax.legend(frameon=False, fontsize="small")
        return ax

    def _log(self):
        return self.log and self.of == "loss" and not self.difference

    def _titled(self, labels):
        return f"{self.of.capitalize()}, less that of {labels['runs'][0]}" if self.difference else self.of.capitalize()

    def describe(self) -> str:
        runs = self.source.runs
        frame = self.frame()
        ends = frame["ends"]
        if not np.isfinite(ends).any():
            return "No step has been taken yet."
        values, names = ends[:, 1], list(runs)
        show = percent if self.of == "accuracy" and not self.difference else number
        if self.difference:
            said = [f"{name} {_above(value, names[0])}" for name, value in zip(names[1:], values[1:], strict=True)]
        else:
            said = [f"{name} {show(value)}" for name, value in zip(names, values, strict=True) if np.isfinite(value)]
        stopped = [f"{name} {_stopped(run)}" for name, run in runs.items() if _stopped(run)]
        kind = "validation" if any(frame[f"validation_{i}"].size for i in range(len(names))) else "training"
        at = f"after {plural(self.source.steps, 'step')}"
        if self.difference and self.axis != "step":
            at = f"at as many {AXES[self.axis][1]}"
        words = f"{kind.capitalize()} {self.of} {at}: {', '.join(said)}."
        return f"{words} {'; '.join(stopped)}." if stopped else words


def _above(value, name):
    if not np.isfinite(value):
        return "not measured beside it"
    return f"as {name}" if value == 0 else f"{number(abs(value))} {'above' if value > 0 else 'below'} {name}"


def _stopped(run):
    return f"stopped after step {run.steps:,}" if run.status == "stopped" else ""


def _less(curve, first):
    """A curve less another, at the places of that one that both reach: (2, n)."""
    if not curve.shape[1] or not first.shape[1]:
        return np.zeros((2, 0))
    both = (first[0] >= curve[0, 0]) & (first[0] <= curve[0, -1])
    places = first[0, both]
    return np.array([places, np.interp(places, *curve) - first[1, both]])


def _thin(places, values):
    if not len(places):
        return np.zeros((2, 0), np.float32)
    starts = buckets(np.arange(len(places)), POINTS)
    ends = np.append(starts[1:], len(places)) - 1
    return np.array([places[ends], bucket_means(values, starts)], np.float32)
