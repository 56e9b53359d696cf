"""How the numbers in each layer are spread: weights, gradients, activations."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.record.histograms import KINDS
from nbprop.record.lessons import Lesson
from nbprop.record.source import Counted, Layered

from .base import colors
from .base.beside import rows_of
from .base.chosen import MARK
from .base.view import Option, View, new_axes, number, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS = 40


class Histograms(View):
    """One histogram per layer, each over its own range, which is printed; and how many values are NaN or infinite.

    Options: `kind` ("weights", "gradients" or "activations"); `log`: logarithmic counts, to see tails (default False).
    """

    name = "histograms"
    title = "Histograms"
    about = (
        "How the numbers of each layer are spread, its weights, gradients or activations: the higher a bar, the more "
        "of them have about that value. A needle at zero means that most of them do next to nothing."
    )
    lesson = Lesson(7, "L1")
    contract = (Layered, Counted)
    rate = 12.0
    links = ("layer",)
    outlined = ("counts", "low", "high")
    kind: str
    log: bool
    options = (
        Option("kind", "of", tuple((kind, kind) for kind in KINDS), default="weights"),
        Option("log", "log counts", where="browser"),
    )

    def frame(self) -> dict[str, np.ndarray]:
        """counts (L, bins), low (L,) and high (L,): lowest and highest value of each layer; bad (L, 2): how many values
        are NaN and how many infinite; range (L, 2): from where to where its axis goes. Of ghost number k ghostk_counts,
        ghostk_low, ghostk_high: of its layers of the same names."""
        return self._together(self._numbers)

    def _numbers(self):
        counts, low, high = self.source.histograms(self.kind, BINS)
        bad = self.source.not_finite(self.kind)
        ends = np.stack([low, high], axis=1) if len(counts) else np.zeros((0, 2))
        some = np.asarray(counts).any(axis=1, keepdims=True) & np.isfinite(ends).all(axis=1, keepdims=True)
        span = np.where(some, ends, [np.inf, -np.inf])  # of a layer without any it is nowhere
        return {
            "counts": _floats(counts),
            "low": _floats(low),
            "high": _floats(high),
            "bad": _floats(bad),
            "range": _floats(span),
        }

    def _of_ghost(self, view):
        return rows_of(
            super()._of_ghost(view), self._names(), view.labels()["layers"], ("counts", "low", "high", "range")
        )

    def _depends(self):
        return tuple(self._names())

    def _names(self):
        return [layer.name for layer in self.source.layers]

    def labels(self) -> dict[str, Any]:
        """layers: their names; kind: what is counted; ghosts: their names; unmeasured: what to say where nothing is;
        marks."""
        return {
            "layers": self._names(),
            "kind": self.kind,
            "ghosts": self._ghost_names(),
            "unmeasured": self.unmeasured(),
            "marks": self.marks(),
        }

    def marks(self) -> dict[str, str]:
        return {
            "bars": f"how many {self.kind} of a layer are how large; each layer over its own range, from its lowest to "
            "its highest value",
            "zero": "the upright line is at 0",
            "chosen": MARK,
            **self._ghost_marks("outlined, with as much area as the bars (what is very narrow is cut off at the top)"),
        }

    def plot(self, ax=None) -> "Axes":
        frame, names = self.frame(), self.labels()["layers"]
        counts = frame["counts"]
        columns = _columns_for(len(counts))
        rows = -(-len(counts) // columns) if len(counts) else 1
        ax = new_axes(ax, 5.0, max(2.6, 0.95 * rows))
        ax.set_title(f"{self.heading}: {self.kind}")
        ax.axis("off")
        if not counts.any() and not frame["bad"].any():
            colors.unmeasured(ax, self.unmeasured())
            return ax
        rows_of = zip(counts, frame["low"], frame["high"], frame["bad"], strict=True)
        for i, (bars, low, high, bad) in enumerate(rows_of):
            row, column = divmod(i, columns)
            x, y = column / columns, 1 - (row + 1) / rows
            cell = ax.inset_axes((x + 0.01, y + 0.34 / rows, 1 / columns - 0.03, 0.4 / rows))
            cell.set_title(names[i], loc="left", fontsize="x-small", color=colors.FOREGROUND, pad=1)
            colors.tidy(cell)
            cell.spines["left"].set_visible(False)
            cell.grid(False)
            none = not bars.sum() or not np.isfinite(high - low)
            if none or bad.any():
                words, ill = not_finite(bad) or "not measured", bad.any()
                cell.text(0.5 if none else 1, 0.5 if none else 1.05, words, fontsize="x-small",
                          color=colors.WARNING if ill else colors.MUTED, weight="bold" if ill else "normal",
                          ha="center" if none else "right", va="center" if none else "bottom",
                          transform=cell.transAxes)  # fmt: skip
            if none:
                cell.set(xticks=[], yticks=[])
                continue
            if (same := constant(bars, low, high)) is not None:
                cell.bar(0, 1, width=0.02, color=colors.KINDS[self.kind])
                cell.set(xlim=(-0.5, 0.5), xticks=[0], yticks=[])
                cell.set_xticklabels([f"all {number(same)}"], fontsize="x-small")
                continue
            if low < 0 < high:
                cell.axvline(0, color=colors.MUTED, linewidth=0.7)
            edges = np.linspace(low, high, len(bars) + 1)
            cell.stairs(np.log1p(bars) if self.log else bars, edges, fill=True, color=colors.KINDS[self.kind])
            first, last = frame["range"][i]
            for k in range(len(self.ghosts)):
                if f"ghost{k}_counts" in frame:
                    self._outline(cell, *(frame[f"ghost{k}_{name}"][i] for name in self.outlined), bars, low, high)
            cell.set_xlim(first, last)
            cell.set_yticks([])
            cell.set_xticks([first, last], [number(first, 2), number(last, 2)], fontsize="x-small")
            for label, align in zip(cell.get_xticklabels(), ("left", "right"), strict=True):
                label.set_horizontalalignment(align)
        return ax

    def _outline(self, cell, counts, first, last, *bars):
        """The outline of a ghost."""
        if (heights := _as_much(counts, first, last, *bars)) is not None:
            edges = np.linspace(first, last, len(counts) + 1)
            top = 2 * bars[0].max()  # a narrow one is high: the bars keep half of the height
            heights = np.minimum(np.log1p(heights), np.log1p(top)) if self.log else np.minimum(heights, top)
            cell.stairs(heights, edges, color=colors.MUTED, linewidth=0.8)

    def describe(self) -> str:
        return self._described() + self._ghost_words(self._wider)

    def _wider(self, view):
        """How wide the layers of a ghost are, beside these."""
        frame = {id(other): frame for other, frame in self._shown_ghosts()}[id(view)]
        own, there = self._numbers(), frame["counts"].any(axis=1) if "counts" in frame else np.zeros(0, bool)
        width = own["high"] - own["low"]
        there = there & own["counts"].any(axis=1) & (width > 0)
        if not there.any():
            return ""
        times = ((frame["high"] - frame["low"])[there] / width[there]).astype(np.float64)
        low, high = number(times.min(), 2), number(times.max(), 2)
        return f"{self.kind} are {low if low == high else f'{low} to {high}'} times as wide"

    def _described(self):
        frame, names = self.frame(), self.labels()["layers"]
        some = frame["counts"].sum(axis=1) > 0
        if frame["bad"].any():
            ill = [f"{name} {not_finite(bad)}" for name, bad in zip(names, frame["bad"], strict=True) if bad.any()]
            return f"{self.kind.capitalize()} are not finite: " + ", ".join(ill) + "."
        if not some.any():
            return f"No {self.kind} to show, {self.unmeasured()}."
        low, high = frame["low"], frame["high"]
        spans = [f"{name} {_span(*row)}" for name, *row in zip(names, frame["counts"], low, high, strict=True)]
        if len(names) <= 3:
            return f"{self.kind.capitalize()}: " + ", ".join(spans) + "."
        width = np.where(some, high - low, np.nan)
        wide, narrow = int(np.nanargmax(width)), int(np.nanargmin(width))
        words = f"{self.kind.capitalize()} in {plural(len(names), 'layer')}"
        return f"{words}: widest {spans[wide]}, narrowest {spans[narrow]}."


def _as_much(counts, low, high, bars, first, last):
    """The counts of a ghost, as high as makes its area that of the bars; None where it has no width."""
    if not counts.sum() or not high > low:
        return None
    return counts * (bars.sum() * (last - first)) / (counts.sum() * (high - low))


def constant(counts, low, high) -> float | None:
    """The value when all are the same, else None. Such values come as one bar in the middle of a range around them."""
    if low == high:
        return float(low)
    filled = np.flatnonzero(counts)
    if len(filled) != 1 or filled[0] != len(counts) // 2:
        return None
    middle = (float(low) + float(high)) / 2
    return 0.0 if abs(middle) < 1e-3 * (high - low) else middle


def not_finite(bad) -> str:
    """ "3 NaN", "2 infinite", "3 NaN, 2 infinite", or "" when all are finite."""
    return ", ".join(f"{n:,.0f} {word}" for n, word in zip(bad, ("NaN", "infinite"), strict=True) if n)


def _span(counts, low, high):
    if not counts.sum():
        return "not measured"
    same = constant(counts, low, high)
    return f"{number(low, 2)} to {number(high, 2)}" if same is None else f"all {number(same, 2)}"


def _floats(array):
    return np.array(array, np.float32, order="C")


def _columns_for(count):
    """Few layers stand side by side only when there are more than four."""
    return 1 if count <= 4 else 2 if count <= 8 else 3 if count <= 15 else 4
