"""The activation of each layer, and where on it the values of z lie: how much of them where it is flat."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.record import verdicts
from nbprop.record.lessons import Lesson
from nbprop.record.source import CannotSay, Layered, Sloped

from .base import colors
from .base.chosen import MARK
from .base.view import View, new_axes, number, percent, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS = 48
EXPLAINED = "bars: z    line: a = f(z)    dashed: slope, full height 1    orange: slope near 0"


class Activations(View):
    """For every layer with an activation f: the histogram of its inputs z in the last batch, under the curve of f and
    its slope f'. Backpropagation multiplies by this slope, so nothing gets through where it is near 0.

    Near 0 is: below 6 % of the largest slope for sigmoid and tanh, below 0.01 for the others. The slope is drawn on the
    same scale everywhere (full height 1, or its largest value where that is more).
    """

    name = "activations"
    title = "Activations"
    about = (
        "Which inputs the units of each layer get, as bars, over the curve that these are sent through and, dashed, "
        "its slope. Backpropagation multiplies by the slope, so what falls where it is flat (orange) hardly learns."
    )
    lesson = Lesson(4, "Where on the curve does a unit work?")
    contract = (Layered, Sloped)
    size = (6.4, 3.2)
    rate = 15.0
    links = ("layer",)

    @classmethod
    def suits(cls, source) -> bool:
        return super().suits(source) and any(layer.activation != "identity" for layer in source.layers)

    def _ask(self):
        super()._ask()
        layers = self.source.layers
        if layers and all(layer.activation == "identity" for layer in layers):
            raise CannotSay("No layer has an activation, such as nb.nn.Tanh() behind a Linear.")

    def frame(self) -> dict[Any, np.ndarray]:
        """counts (L, bins) of z between low and high (L,); flat_counts (L, bins): how many of them where the slope is
        near 0; flat (L,): the share of these; value and slope (L, points): f and f' at evenly spaced places from low
        to high."""
        found = self.source.slopes(BINS)
        frame = {name: np.array(array, np.float32, order="C") for name, array in found.items()}
        # The curves are the same as long as range and activation are.
        same = (*found["low"].tolist(), *found["high"].tolist(), *self.labels()["activations"])
        curves = self._constant("curves", same, lambda: {name: frame[name] for name in ("value", "slope")})
        return {**frame, **curves}

    def labels(self) -> dict[str, Any]:
        """layers: the names of those with an activation; activations: which; alarm: the flat share that is one;
        unmeasured: what to say where there is no number; marks."""
        layers = [layer for layer in self.source.layers if layer.activation != "identity"]
        return {"layers": [layer.name for layer in layers], "activations": [layer.activation for layer in layers],
                "alarm": verdicts.FLAT_ALARM, "unmeasured": self.unmeasured(), "marks": self.marks()}  # fmt: skip

    def marks(self) -> dict[str, str]:
        return {
            "f": "solid line: the activation, a = f(z), from its lowest to its highest value in the picture",
            "slope": "dashed green line: the slope of f, by which backpropagation multiplies; full height is 1",
            "flat": "orange: values of z where the slope is near 0, so that almost nothing comes back; the share of "
            "them is beside the layer's name",
            "z": "bars: how the inputs z of the activation are spread in the last batch",
            "chosen": MARK,
        }

    def plot(self, ax=None) -> "Axes":
        frame, labels = self.frame(), self.labels()
        count = len(frame["counts"])
        columns = 1 if count == 1 else 2 if count <= 6 else 3
        rows = max(1, -(-count // columns))
        ax = new_axes(ax, 7.0, 0.7 + 1.5 * rows)
        ax.set_title(self.title)
        ax.axis("off")
        if not count:
            colors.unmeasured(ax, labels["unmeasured"])
            return ax
        foot = 0.14 / rows
        ax.text(0.5, 0, EXPLAINED, fontsize="x-small", color=colors.MUTED, ha="center", transform=ax.transAxes)
        for i in range(count):
            row, column = divmod(i, columns)
            height = (1 - foot) / rows
            at = (column / columns + 0.02, 1 - (row + 0.84) * height, 1 / columns - 0.04, 0.66 * height)
            words = f"{labels['layers'][i]}, {labels['activations'][i]}"
            _cell(ax.inset_axes(at), {name: array[i] for name, array in frame.items()}, words)
        return ax

    def describe(self) -> str:
        frame, labels = self.frame(), self.labels()
        flat = frame["flat"]
        if not len(flat):
            return (
                f"No values of z to show, {self.unmeasured()}." if labels["layers"] else "No layer has an activation."
            )
        if not np.isfinite(flat).any():
            return "No value of z is finite."
        names = [f"{layer} ({f})" for layer, f in zip(labels["layers"], labels["activations"], strict=True)]
        shares = [f"{name} {percent(share)}" for name, share in zip(names, flat, strict=True)]
        if len(shares) <= 4:
            return f"Share of z where the slope is near 0: {', '.join(shares)}."
        most, least = int(np.nanargmax(flat)), int(np.nanargmin(flat))
        words = f"Share of z where the slope is near 0, in {plural(len(shares), 'layer')}"
        return f"{words}: most in {shares[most]}, least in {shares[least]}."


def _cell(ax, one, words):
    """One layer in Matplotlib; `one`: its row of each array of the frame."""
    colors.tidy(ax)
    ax.grid(False)
    ax.spines["left"].set_visible(False)
    ax.set_title(words, loc="left", fontsize="x-small", color=colors.FOREGROUND, pad=2)
    low, high = float(one["low"]), float(one["high"])
    ax.set(xlim=(low, high), ylim=(0, 1.04), yticks=[])
    ticks = sorted({low, 0.0, high})
    ax.set_xticks(ticks, [number(tick, 2) for tick in ticks], fontsize="x-small")
    most = one["counts"].max()
    if not most:
        ax.text(0.5, 0.5, "no finite value", color=colors.WARNING, weight="bold", ha="center", va="center",
                fontsize="x-small", transform=ax.transAxes)  # fmt: skip
        return
    loud = one["flat"] > verdicts.FLAT_ALARM
    ax.set_title(f"{percent(one['flat'])} flat", loc="right", fontsize="x-small", pad=2,
                 color=colors.WARNING if loud else colors.MUTED, weight="bold" if loud else "normal")  # fmt: skip
    edges = np.linspace(low, high, len(one["counts"]) + 1)
    counts, flat = one["counts"] / most, one["flat_counts"] / most
    ax.stairs(counts, edges, baseline=flat, fill=True, color=colors.KINDS["weights"], alpha=0.55)
    ax.stairs(flat, edges, fill=True, color=colors.KINDS["gradients"], alpha=0.7)
    z = np.linspace(low, high, len(one["value"]))
    ax.plot(z, heights(one["value"]), color=colors.FOREGROUND, linewidth=1.3)
    ax.plot(z, heights(one["slope"]), "--", color=colors.GUIDE, linewidth=1.5)


def heights(curve) -> np.ndarray:
    """From 0 at the lowest to 1 at the highest, where 0 and 1 always have a place: the same as heights in the .js."""
    low, high = min(0.0, float(curve.min())), max(1.0, float(curve.max()))
    return (curve - low) / (high - low)
