"""The modes of a linear network over the steps: how much of each is learned, and what the exact solution says."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.record.lessons import Lesson
from nbprop.record.source import CannotSay, Layered, Linear, Recorded

from .base import colors
from .base.view import View, buckets, new_axes, number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS, FINE = 200, 120  # most points of a mode that are measured, and of its solution
LEARNED = 0.05  # share of a mode from which on the solution holds, where the weights did not start aligned
SAID = 3  # modes of which there are words


class Modes(View):
    """How strong each mode of a linear network is over the steps: u^T W v, with W the product of all weights, and u, v
    a pair of singular vectors of the correlations E[y x^T] that are to be learned. Of weights that are aligned with the
    modes these are the singular values of W. Dots: measured, at every snapshot; dashed: the exact solution (Saxe,
    McClelland and Ganguli 2014, equation 8 and its like for other depths), from balanced and aligned weights on; of
    others from where a mode has 5 % of its strength. The solution begins anew where a knob was turned.

    It holds for white inputs, the mean squared error and plain gradient descent, see `theory.Modes.unsolved`; else the
    dots stand alone, and the words say why.
    """

    name = "modes"
    title = "Modes of a linear network"
    about = (
        "How much a linear network has learned of each thing that there is to learn, step by step, and what theory "
        "says of that. Strong modes come first, each of them at once, after a time in which nothing seems to happen."
    )
    lesson = Lesson(5, "Many units: products of matrices")
    contract = (Recorded, Layered, Linear)
    rate = 12.0

    def __init__(self, source, **options) -> None:
        super().__init__(source, **options)
        self._known = {}  # id of a theta -> (theta, strengths)

    @classmethod
    def suits(cls, source) -> bool:
        linear = [(each.kind, each.activation) == ("Linear", "identity") for each in getattr(source, "layers", ())]
        return super().suits(source) and bool(linear) and all(linear)

    # ---- numbers -----------------------------------------------------------------------------------------------------

    def _modes(self):
        try:
            return self.source.linear_modes()
        except ValueError as error:
            raise CannotSay(f"Modes: {error}.") from error

    def _measured(self, modes):
        """Steps (n,), strengths (n, m) and parameters of the snapshots, and of now."""
        path = self.source.path()
        starts = buckets(np.array([step for step, _ in path]), POINTS)
        path = [path[i] for i in np.union1d(starts, [len(path) - 1])]
        known, self._known = self._known, {}
        for _, theta in path:
            self._known[id(theta)] = known.get(id(theta)) or (theta, modes.strengths(theta))
        return np.array([step for step, _ in path]), np.array([self._known[id(theta)][1] for _, theta in path]), path

    def _solution(self, modes, steps, strengths, path):
        """Steps (k,) and what the solution says (k, m) there, NaN where it says nothing; starts (m,): places of the
        points from which it goes, -1 for none."""
        none = np.zeros(0), np.zeros((0, len(modes.s))), np.full(len(modes.s), -1)
        if modes.unsolved or len(steps) < 2:
            return none
        last = max((event.step for event in self.source.history.events if event.step <= steps[-1]), default=0)
        first = int(np.searchsorted(steps, last))
        if first >= len(steps) - 1:
            return none
        aligned, lr = modes.aligned(path[first][1]), self.source.lr
        there = strengths[first:] >= (0 if aligned else LEARNED * modes.s)
        starts = np.where(there.any(axis=0), first + there.argmax(axis=0), -1)
        at = np.union1d(np.linspace(steps[first], steps[-1], FINE), steps[first:])
        found = np.full((len(at), len(modes.s)), np.nan)
        for k, start in enumerate(starts):
            if start >= 0:
                since = at >= steps[start]
                time = lr * modes.pace * (at[since] - steps[start])
                found[since, k] = modes.solved(strengths[start], time)[:, k]
        return at, found, starts

    def _read(self):
        modes = self._modes()
        steps, strengths, path = self._measured(modes)
        return modes, steps, strengths, *self._solution(modes, steps, strengths, path)

    @np.errstate(all="ignore")  # what is not finite is drawn, and said
    def frame(self) -> dict[str, Any]:
        """measured (1 + m, n): steps, and how strong each mode is; solved (1 + m, k): steps, and what the exact
        solution says, NaN where it says nothing, k = 0 where there is none; whole (m,): how strong each is to be;
        range (2,): lowest and highest value; until (1,): the last step."""
        modes, steps, strengths, at, solved, _ = self._read()
        finite = np.concatenate([strengths[np.isfinite(strengths)], modes.s, [0]])
        low, high = max(finite.min(), -2 * modes.s[0]), min(finite.max(), 3 * modes.s[0])
        return {
            "measured": np.vstack([steps, strengths.T]).astype(np.float32),
            "solved": np.vstack([at, solved.T]).astype(np.float32),
            "whole": modes.s.astype(np.float32),
            "range": np.array([low, 1.05 * high], np.float32),
            "until": np.array([max(steps[-1], 1)], np.float32),
        }

    # ---- words -------------------------------------------------------------------------------------------------------

    def labels(self) -> dict[str, Any]:
        """depth: how many layers; unsolved: why there is no solution, or ""; moment: the step of a look at the past, or
        None; marks."""
        modes = self._modes()
        return {"depth": modes.depth, "unsolved": modes.unsolved, "moment": self.moment, "marks": self.marks()}

    def marks(self) -> dict[str, str]:
        unsolved = self._modes().unsolved
        solved = (
            "dashed: the exact solution (Saxe et al. 2014), from balanced weights aligned with the modes on, or from "
        )
        solved += "where a mode has 5 % of its strength; it begins anew where a knob was turned"
        return {
            "measured": "dots: how strong each mode is, u^T W v, with W the product of all weights; of aligned weights "
            "the singular values of W; at every snapshot, and now",
            "solved": f"no solution: {unsolved}" if unsolved else solved,
            "whole": "pale lines: how strong each mode is to be, the singular values of E[y x^T]",
        }

    @np.errstate(all="ignore")
    def describe(self) -> str:
        modes, steps, strengths, at, solved, starts = self._read()
        if not np.isfinite(strengths[-1]).all():
            return f"At step {steps[-1]:,} the modes are not finite: the run has diverged."
        shares = [
            f"mode {k + 1} has {number(now)} of {number(s)} ({percent(now / s + 0.0).replace('-0 %', '0 %')})"
            for k, (now, s) in enumerate(zip(strengths[-1][:SAID], modes.s, strict=False))
        ]
        more = f", and {len(modes.s) - SAID} weaker" if len(modes.s) > SAID else ""
        words = f"At step {steps[-1]:,} {', '.join(shares)}{more}."
        if modes.unsolved:
            return f"{words} No exact solution: {modes.unsolved}."
        rows, both = np.searchsorted(at, steps), np.zeros(strengths.shape, bool)
        for k, start in enumerate(starts):
            both[start if start >= 0 else len(steps) :, k] = True
        if len(steps) < 2:
            return words
        if not len(at) or not both.any():
            return f"{words} The exact solution begins where a mode has 5 % of its strength."
        off = np.abs(solved[np.minimum(rows, len(at) - 1)] - strengths)[both].max()
        share = max(off / modes.s[0], 0.01)
        return f"{words} It differs from the exact solution by at most {percent(share)} of the strongest mode."

    def plot(self, ax=None) -> "Axes":
        ax = new_axes(ax)
        ax.set_title(self.heading)
        colors.tidy(ax)
        frame, labels = self.frame(), self.labels()
        steps, *strengths = frame["measured"]
        at, *solved = frame["solved"]
        ax.set(xlabel="step", ylabel="strength of each mode", ylim=frame["range"] + [-0.02 * frame["range"][1], 0])
        for k, whole in enumerate(frame["whole"]):
            ax.axhline(whole, color=colors.GRID, linewidth=1, zorder=0)
            if len(at):
                ax.plot(
                    at, solved[k], "--", color=colors.VALIDATION, linewidth=1.2, label="" if k else "exact solution"
                )
            ax.plot(steps, strengths[k], ".", color=colors.TRAIN, markersize=4, label="" if k else "measured")
        if labels["moment"] is not None:
            ax.axvline(labels["moment"], color=colors.FOREGROUND, linewidth=1.2)
        if not all(np.isfinite(each).all() for each in strengths):
            ax.text(0.98, 0.96, "not finite", color=colors.WARNING, weight="bold", transform=ax.transAxes, ha="right",
                    va="top")  # fmt: skip
        ax.legend(loc="best", frameon=False, fontsize="small")
        return ax
