"""The sharpness over the steps: the largest eigenvalue of the Hessian, and how large it may be."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.record.lessons import Lesson
from nbprop.record.source import CannotSay, Curved, Recorded

from .base import colors
from .base.view import Control, Option, View, buckets, log_range, new_axes, number, percent
from .loss import EVENTS, POINTS, alarms

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NEAR = 0.15  # share of the threshold within which the sharpness is at the edge


class Sharpness(View):
    """The largest eigenvalue of the Hessian of the training loss, on a fixed sample of at most 512 training samples;
    dashed, how large it may be for the steps of gradient descent to be stable: 2/lr, more with momentum.

    Full-batch gradient descent sharpens until it comes to this line, and then stays there while the loss goes on to
    fall: the edge of stability (Cohen et al. 2021). For Adam and its kin no such line holds, and none is drawn.

    While it is shown it is measured every `evaluate_every` steps, in slices while the run plays; the button measures it
    now. Option: `log` (default False).
    """

    name = "sharpness"
    title = "Sharpness"
    about = (
        "How steeply the loss curves in its steepest direction, step by step, and the dashed line above which steps "
        "of this length jump out of the valley. Gradient descent on all samples often climbs to that line and stays "
        "there."
    )
    lesson = Lesson(3, "Too small, right, too large")
    contract = (Recorded, Curved)
    records = frozenset({"sharpness"})
    rate = 12.0
    outlined = ("sharpness",)
    log: bool
    options = (Option("log", "log", where="browser"),)
    controls = (Control("measure", "Measure"),)

    def __init__(self, source, **options) -> None:
        super().__init__(source, **options)
        self._why = ""  # it could not be measured
        self._asked = {}  # step -> what was measured of a look at the past, of which there is no record

    def act(self, name, value) -> None:
        if name != "measure":
            return super().act(name, value)
        self._why = ""
        try:
            found = self.source.sharpness()
        except (ValueError, CannotSay) as error:
            self._why = str(error).removeprefix("sharpness: ").rstrip(".")
            return
        if self.moment is not None:
            self._asked = {self.moment: found}

    def frame(self) -> dict[str, Any]:
        """sharpness, stable (2, n): step and value, NaN of `stable` where no threshold holds; now (2,): step and
        sharpness of the newest, or of a look at the past, (0,) where there is none; events (k,): steps; range (4,):
        lowest and highest value of a linear and of a logarithmic axis; until (1,): the last step that is drawn. Of
        ghost number k ghostk_sharpness."""
        return self._together(self._numbers)

    def _numbers(self):
        history = self.source.history
        sharpness, stable = (self._thin(*history.series(name)) for name in ("sharpness", "stable"))
        step, value = self._now()
        now = np.array([] if step is None else [step, value], np.float32)
        return {
            "sharpness": sharpness,
            "stable": stable,
            "now": now,
            "events": np.array([event.step for event in history.events[-EVENTS:]], np.float32),
            "range": _range(np.append(sharpness[1], now[1:]), stable[1]),
            "until": np.array([max(sharpness[0, -1] if sharpness.size else 0, *now[:1], 1)], np.float32),
        }

    def _thin(self, steps, values):
        """The newest of neighbours: means would hide how it swings."""
        if not len(steps):
            return np.zeros((2, 0), np.float32)
        starts = buckets(steps, POINTS)
        cut = len(steps) if self.moment is None else int(np.searchsorted(steps, self.moment, side="right"))
        ends = np.append(np.union1d(starts, [cut] if 0 < cut < len(steps) else [])[1:], len(steps)).astype(int) - 1
        return np.array([steps[ends], np.clip(values[ends], -3e38, 3e38)], np.float32)

    def _now(self):
        """(step, sharpness) of the newest measurement, or of the newest up to a look at the past; (None, NaN)."""
        steps, values = self.source.history.series("sharpness")
        if self.moment in self._asked:
            return self.moment, self._asked[self.moment]
        end = len(steps) if self.moment is None else int(np.searchsorted(steps, self.moment, side="right"))
        return (int(steps[end - 1]), float(values[end - 1])) if end else (None, np.nan)

    def labels(self) -> dict[str, Any]:
        """formula: what the dashed line is, "" where none holds; events: a short text for each; moment: the step of a
        look at the past, or None; ghosts: their names; unmeasured: what to say where nothing was measured; marks."""
        return {
            "formula": self._stability()[1],
            "events": [event.text for event in self.source.history.events[-EVENTS:]],
            "moment": self.moment,
            "ghosts": self._ghost_names(),
            "unmeasured": self.unmeasured(),
            "marks": self.marks(),
        }

    def unmeasured(self) -> str:
        if self._why:
            return f"not measured: {self._why}"
        if self.moment is not None:
            return f"not measured up to step {self.moment:,}: press Measure"
        return "not measured yet: play, or press Measure"

    def _stability(self):
        """The threshold as it is now, its formula, and words; (NaN, "", why) where none holds."""
        try:
            found = self.source.stability()
        except ValueError as error:
            return np.nan, "", str(error)
        return found.threshold, found.formula, found.words

    def marks(self) -> dict[str, str]:
        found = {
            "sharpness": "the largest eigenvalue of the Hessian of the training loss, without penalties, on a fixed "
            "sample of at most 512 training samples; without dropout, batch normalization by that sample",
            "stable": self._stability()[2],
            "flag": "something was changed after this step",
            **self._ghost_marks("pale"),
        }
        return found if self.moment is None else {**found, "moment": f"the step that is shown, {self.moment:,}"}

    def plot(self, ax=None) -> "Axes":
        ax = new_axes(ax)
        ax.set_title(self.heading)
        colors.tidy(ax)
        frame, formula = self.frame(), self._stability()[1]
        if not frame["now"].size:
            colors.unmeasured(ax, self.unmeasured())
            return ax
        bottom, top = frame["range"][2:] if self.log else frame["range"][:2]
        ax.set(xlabel="step", ylabel="largest eigenvalue", yscale="log" if self.log else "linear", ylim=(bottom, top))
        if self.log:
            colors.log_axis(ax.yaxis, bottom, top)
        for k in range(len(self.ghosts)):
            steps, values = frame.get(f"ghost{k}_sharpness", np.zeros((2, 0)))
            ax.plot(steps, values, color=colors.TRAIN, linewidth=0.8, alpha=0.5)
        for event in self.source.history.events[-EVENTS:]:
            ax.axvline(event.step, color=colors.MUTED, linewidth=0.8, linestyle=":", zorder=0)
        ax.plot(*frame["sharpness"], ".-", color=colors.TRAIN, markersize=3, label="sharpness")
        if np.isfinite(frame["stable"][1]).any():
            ax.plot(*frame["stable"], "--", color=colors.VALIDATION, label=formula or "stable")
        ax.plot(*frame["now"], "o", color=colors.TRAIN, markersize=5)
        if self.moment is not None:
            ax.axvline(self.moment, color=colors.FOREGROUND, linewidth=1.2)
        steps, values = frame["sharpness"]
        for step, word in alarms(steps, values, self.log):
            ax.axvline(step, color=colors.WARNING, linewidth=1.5)
            ax.annotate(word, (step, 1), xycoords=("data", "axes fraction"), va="top", ha="right",
                        color=colors.WARNING, weight="bold")  # fmt: skip
        ax.legend(loc="best", frameon=False, fontsize="small")
        return ax

    def describe(self) -> str:
        return self._described() + self._ghost_words(self._of_a_ghost)

    def _of_a_ghost(self, view):
        step, value = view._now()
        return "" if step is None else f"sharpness {number(value)} at step {step:,}"

    def _described(self):
        step, value = self._now()
        threshold, formula, words = self._stability()
        if step is None:
            return f"The sharpness was {self.unmeasured()}."
        said = f"Sharpness {number(value)} at step {step:,}"
        if not np.isfinite(value):
            return f"{said}: the loss is not finite there."
        steps, stable = self.source.history.series("stable")
        i = int(np.searchsorted(steps, step, side="right")) - 1
        then = float(stable[i]) if i >= 0 and steps[i] == step else threshold
        if not np.isfinite(then):
            return f"{said}. {words[:1].upper()}{words[1:]}."
        share = value / then if then else np.inf
        verdict = "at the edge of stability" if abs(share - 1) < NEAR else "below it" if share < 1 else "above it"
        return f"{said}, {percent(share)} of {formula or 'what is stable'} = {number(then)}: {verdict}; {words}."


def _range(sharpness, stable):
    """Linear and logarithmic range. What is stable belongs to it as long as that does not flatten the curve."""
    values = sharpness[np.isfinite(sharpness)].astype(np.float64)
    if not values.size:
        return np.array([0, 1, 0.1, 1], np.float32)
    edge = stable[np.isfinite(stable) & (stable > 0)].astype(np.float64)
    usual = max(np.abs(values).max(), 1e-30)
    highest = min(values.max(), 20 * max(np.median(np.abs(values)), 1e-30))  # a spike leaves the axis
    high = max(highest, *edge[edge < 5 * usual], 0)
    low = min(0.0, values.min())
    bottom, top = log_range(np.append(values, edge[edge < 100 * usual]), decades=0.5)
    return np.array([low, 1.05 * high if high > low else low + 1, bottom / 1.1, min(top * 1.1, 3e38)], np.float32)
