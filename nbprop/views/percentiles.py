"""How the inputs of the activations move while the network learns: a band of percentiles in every layer."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.record.histograms import PERCENTILES
from nbprop.record.source import Layered, Recorded

from .base import colors
from .base.view import Option, View, bucket_means, buckets, new_axes, number, plural
from .gradients import laid_out

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS = 160  # a band is thinned to at most so many
UNITS = {"layer": "all units", "unit": "the first unit"}


class Percentiles(View):
    """The 15th, 50th and 85th percentile of the pre-activations z of every layer over the steps (Ioffe and Szegedy
    2015, figure 1b and c). 70 % of the values lie in the band, which for a normal distribution reaches one standard
    deviation above and below its middle.

    z is what the activation gets: behind a normalization, what that gives. Options: `of` ("layer": all units in the
    batch, default, or "unit": the first unit of each layer, as in the paper); `same`: one scale for all hidden layers
    (default True; the output layer has its own).
    """

    name = "percentiles"
    title = "Percentiles of z"
    contract = (Recorded, Layered)
    records = frozenset({"percentiles"})
    rate = 18.0
    of: str
    same: bool
    options = (
        Option("of", "of", tuple(UNITS.items()), default="layer"),
        Option("same", "same scale", default=True),
    )

    def frame(self) -> dict[str, Any]:
        """steps (n,); low, middle, high (L, n): the percentiles, NaN where a layer was not there; range (L, 2): lowest
        and highest value of each layer's axis, zero among them."""
        count = len(self.source.layers)
        series = "z" if self.of == "layer" else "unit"
        steps, bands = np.zeros(0, np.int64), []
        for p in PERCENTILES:
            steps, values, born = laid_out(self.source.history, f"{series}{p}", count)
            starts = buckets(steps, POINTS) if len(steps) else np.zeros(0, np.int64)
            if 0 < born < len(steps):  # a point is either before or after the change of depth
                starts = np.union1d(starts, [born])
            bands.append(np.ascontiguousarray(bucket_means(values, starts).T, np.float32))
        if len(steps):
            steps = steps[np.append(starts[1:], len(steps)) - 1]
        low, middle, high = bands
        return {
            "steps": steps.astype(np.float32),
            "low": low,
            "middle": middle,
            "high": high,
            "range": _ranges(low, high, self.same),
        }

    def labels(self) -> dict[str, Any]:
        """layers: their names; of: "all units" or "the first unit"."""
        return {"layers": [layer.name for layer in self.source.layers], "of": UNITS[self.of]}

    def plot(self, ax=None) -> "Axes":
        frame, labels = self.frame(), self.labels()
        names = labels["layers"]
        columns = 1 if len(names) <= 5 else 2 if len(names) <= 10 else 3
        rows = -(-len(names) // columns)
        ax = new_axes(ax, 5.0, max(2.6, 1.0 * rows))
        ax.set_title(f"{self.title} ({labels['of']})")
        ax.axis("off")
        steps = frame["steps"]
        if not steps.size:
            ax.text(0.5, 0.5, "nothing recorded yet", color=colors.MUTED, ha="center", va="center",
                    transform=ax.transAxes)  # fmt: skip
            return ax
        for i, name in enumerate(names):
            column, row = divmod(i, rows)  # layer by layer downwards
            last = row == rows - 1 or i == len(names) - 1
            x, y = column / columns, 1 - (row + 1) / rows
            cell = ax.inset_axes((x + 0.02, y + 0.06 / rows, 1 / columns - 0.04, 0.76 / rows))
            colors.tidy(cell)
            cell.set_title(name, loc="left", fontsize="x-small", color=colors.FOREGROUND, pad=1)
            low, middle, high = frame["low"][i], frame["middle"][i], frame["high"][i]
            cell.axhline(0, color=colors.MUTED, linewidth=0.7)
            cell.fill_between(
                steps, low, high, where=np.isfinite(low + high), color=colors.TRAIN, alpha=0.25, linewidth=0
            )
            cell.plot(steps, middle, color=colors.TRAIN, linewidth=1.2)
            cell.set_xlim(min(steps[0], 0 if steps[0] < 0.2 * steps[-1] else steps[0]), max(steps[-1], steps[0] + 1))
            cell.set_ylim(*frame["range"][i])
            cell.locator_params(axis="y", nbins=4)
            if not np.isfinite(middle[-1]):
                cell.annotate("not finite", (1, 1), xycoords="axes fraction", ha="right", va="top", weight="bold",
                              fontsize="x-small", color=colors.WARNING)  # fmt: skip
            if last:
                cell.set_xlabel("step", fontsize="small")
            else:
                cell.tick_params(labelbottom=False)
        return ax

    def describe(self) -> str:
        frame, labels = self.frame(), self.labels()
        steps, names = frame["steps"], labels["layers"]
        if not steps.size:
            return "Nothing has been recorded yet."
        ends = [(frame["low"][i], frame["high"][i]) for i in range(len(names))]
        now = [f"{name} {_span(low[-1], high[-1])}" for name, (low, high) in zip(names, ends, strict=True)]
        words = f"15th to 85th percentile of z ({labels['of']}) after {plural(int(steps[-1]), 'step')}"
        if len(names) <= 4:
            return f"{words}: " + ", ".join(now) + "."
        width = frame["high"][:, -1] - frame["low"][:, -1]
        if not np.isfinite(width).all():
            return f"{words}: not finite in {plural(int((~np.isfinite(width)).sum()), 'layer')}."
        return (
            f"{words}, in {len(names)} layers: widest {now[int(width.argmax())]}, narrowest {now[int(width.argmin())]}."
        )


def _span(low, high):
    return f"{number(low, 2)} to {number(high, 2)}" if np.isfinite(low) and np.isfinite(high) else "not finite"


def _ranges(low, high, same):
    """(L, 2): the finite values of each layer or of all hidden ones, with zero; at least a little wide."""
    pair = np.concatenate([low, high], axis=1, dtype=np.float64)
    pair[~np.isfinite(pair)] = 0
    bottom, top = pair.min(axis=1, initial=0), pair.max(axis=1, initial=0)
    if same and len(pair) > 1:
        bottom[:-1], top[:-1] = bottom[:-1].min(), top[:-1].max()
    flat = top - bottom <= 0
    return np.stack([bottom - flat, top + flat], axis=1).astype(np.float32)
