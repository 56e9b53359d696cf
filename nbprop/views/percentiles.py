"""How the inputs of the activations move while the network learns: a band of percentiles in every layer."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.record.histograms import PERCENTILES
from nbprop.record.lessons import Lesson
from nbprop.record.source import Layered, Recorded

from .base import colors
from .base.beside import places
from .base.laid import ABSENT, laid_out
from .base.view import Option, View, bucket_means, buckets, new_axes, number, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS = 160  # a band is thinned to at most so many
BAND = ("low", "middle", "high")
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
    about = (
        "What the activations of each layer get, over the steps: half of the values lie below the line, and 70 % of "
        "them in the band. A band that wanders makes every layer learn from something that keeps changing, and one as "
        "thin as a line tells all samples alike."
    )
    lesson = Lesson(8, "Inputs that wander")
    contract = (Recorded, Layered)
    records = frozenset({"percentiles"})
    rate = 18.0
    outlined = ("steps", "low", "middle", "high")
    of: str
    same: bool
    options = (
        Option("of", "of", tuple(UNITS.items()), default="layer"),
        Option("same", "same scale", default=True),
    )

    def frame(self) -> dict[str, Any]:
        """steps (n,); low, middle, high (L, n): the percentiles, ABSENT, the lowest float32, of a layer that was not
        there; now (3, L): those of the newest record, or of the last one before the moment of a look at the past,
        ABSENT if there is none of this network; range (L, 2): lowest and highest value of each layer's axis, with 0;
        until (1,): the last step that is drawn. Of ghost number k ghostk_steps, ghostk_low, ghostk_middle, ghostk_high:
        of its layers of the same names."""
        return self._together(self._numbers)

    def _numbers(self):
        records = self._records()
        low, middle, high = (self._band(laid) for laid in records)
        steps, i = records[0].steps, records[0].at(self.moment)
        now = np.array([laid.values[i] if i >= 0 else np.full(len(low), ABSENT) for laid in records], np.float32)
        return {
            "steps": steps[np.append(self._starts(records[0])[1:], len(steps)) - 1 if len(steps) else []].astype(
                np.float32
            ),
            "low": low,
            "middle": middle,
            "high": high,
            "now": now,
            "range": _ranges(low, high, self.same),
            "until": np.array([steps[-1] if len(steps) else 0], np.float32),
        }

    def _of_ghost(self, view):
        frame, count = super()._of_ghost(view), len(self.source.layers)
        at = places(*([layer.name for layer in source.layers] for source in (self.source, view.source)))
        there = (at >= 0)[:, None]
        bands = {name: np.where(there, frame[name][at], np.float32(ABSENT)) for name in BAND}
        span = np.where(there, frame["range"][at], np.zeros((count, 2), np.float32))
        return {**frame, **bands, "range": span}

    def _depends(self):
        return tuple(layer.name for layer in self.source.layers)

    def _records(self):
        """The record of each percentile, as it is `laid_out`."""
        count, series = len(self.source.layers), "z" if self.of == "layer" else "unit"
        return [laid_out(self.source.history, f"{series}{p}", count, self.moment) for p in PERCENTILES]

    def _starts(self, laid):
        """Where the records are cut into points, each of which is of one network, and before or after the moment."""
        n = len(laid.steps)
        cuts = [laid.start, laid.stop, n if self.moment is None else np.searchsorted(laid.steps, self.moment, "right")]
        starts = buckets(laid.steps, POINTS) if n else np.zeros(0, np.int64)
        return np.union1d(starts, [cut for cut in cuts if 0 < cut < n]).astype(int)

    def _band(self, laid):
        """The means (L, points) of one percentile."""
        starts = self._starts(laid)
        means = bucket_means(laid.values, starts)
        other = (starts < laid.start) | (starts >= laid.stop)
        means = np.where(other[:, None] & np.isnan(means), ABSENT, means)  # a layer that was not there
        return np.ascontiguousarray(means.T, np.float32)

    def labels(self) -> dict[str, Any]:
        """layers: their names; of: "all units" or "the first unit"; moment: the step of a look at the past, or None;
        unmeasured: what to say where there is no number; marks."""
        return {
            "layers": [layer.name for layer in self.source.layers],
            "of": UNITS[self.of],
            "moment": self.moment,
            "ghosts": self._ghost_names(),
            "unmeasured": self.unmeasured(),
            "marks": self.marks(),
        }

    def unmeasured(self) -> str:
        known = self.moment is not None or not self.source.steps
        return super().unmeasured() if known else "not recorded yet: make some steps"

    def marks(self) -> dict[str, str]:
        when = "newest record" if self.moment is None else "record that is shown"
        found = {
            "now": f"from the 15th to the 85th percentile of z ({UNITS[self.of]}), in the {when}",
            "band": "70 % of the values of z lie in it: from the 15th to the 85th percentile",
            "line": "the median: half of the values of z lie below",
            **self._ghost_marks("dashed, its median and both ends of its band"),
        }
        return found if self.moment is None else {**found, "moment": f"the step that is shown, {self.moment:,}"}

    def plot(self, ax=None) -> "Axes":
        frame, labels = self.frame(), self.labels()
        names = labels["layers"]
        columns = 1 if len(names) <= 5 else 2 if len(names) <= 10 else 3
        rows = -(-len(names) // columns)
        ax = new_axes(ax, 5.0, max(2.6, 1.0 * rows))
        ax.set_title(f"{self.heading} ({labels['of']})")
        ax.axis("off")
        steps = frame["steps"]
        if not steps.size:
            colors.unmeasured(ax, labels["unmeasured"])
            return ax
        for i, name in enumerate(names):
            column, row = divmod(i, rows)  # layer by layer downwards
            last = row == rows - 1 or i == len(names) - 1
            x, y = column / columns, 1 - (row + 1) / rows
            cell = ax.inset_axes((x + 0.02, y + 0.06 / rows, 1 / columns - 0.04, 0.76 / rows))
            colors.tidy(cell)
            cell.set_title(name, loc="left", fontsize="x-small", color=colors.FOREGROUND, pad=1)
            low, middle, high = (np.where(frame[name][i] == ABSENT, np.nan, frame[name][i]) for name in BAND)
            cell.axhline(0, color=colors.MUTED, linewidth=0.7)
            cell.fill_between(
                steps, low, high, where=np.isfinite(low + high), color=colors.TRAIN, alpha=0.25, linewidth=0
            )
            cell.plot(steps, middle, color=colors.TRAIN, linewidth=1.2)
            for k in range(len(self.ghosts)):
                for half in BAND if f"ghost{k}_low" in frame else ():
                    line = frame[f"ghost{k}_{half}"][i]
                    cell.plot(frame[f"ghost{k}_steps"], np.where(line == ABSENT, np.nan, line), color=colors.MUTED,
                              linewidth=0.7, linestyle="--")  # fmt: skip
            cell.set_xlim(min(steps[0], 0 if steps[0] < 0.2 * steps[-1] else steps[0]), max(steps[-1], steps[0] + 1))
            cell.set_ylim(*frame["range"][i])
            cell.locator_params(axis="y", nbins=4)
            if labels["moment"] is not None:
                cell.axvline(labels["moment"], color=colors.FOREGROUND, linewidth=1)
            if (frame["now"][:, i] == ABSENT).any():
                cell.annotate("not measured", (1, 1), xycoords="axes fraction", ha="right", va="top",
                              fontsize="x-small", color=colors.MUTED)  # fmt: skip
            elif not np.isfinite(frame["now"][:, i]).all():
                cell.annotate("not finite", (1, 1), xycoords="axes fraction", ha="right", va="top", weight="bold",
                              fontsize="x-small", color=colors.WARNING)  # fmt: skip
            if last:
                cell.set_xlabel("step", fontsize="small")
            else:
                cell.tick_params(labelbottom=False)
        return ax

    def describe(self) -> str:
        return self._described() + self._ghost_words(self._wider)

    def _wider(self, view):
        """How wide the newest bands of a ghost are, beside these."""
        known = {layer.name: now for layer, now in zip(view.source.layers, view._numbers()["now"].T, strict=True)}
        times = []
        for layer, now in zip(self.source.layers, self._numbers()["now"].T.astype(np.float64), strict=True):
            other = known.get(layer.name, now * 0 + ABSENT).astype(np.float64)
            if ABSENT not in (*now, *other) and now[2] > now[0] and np.isfinite(other).all():
                times.append((other[2] - other[0]) / (now[2] - now[0]))
        if not times:
            return ""
        low, high = number(min(times), 2), number(max(times), 2)
        return f"bands are {low if low == high else f'{low} to {high}'} times as wide"

    def _described(self):
        frame, labels = self.frame(), self.labels()
        names, (low, _, high) = labels["layers"], frame["now"].astype(np.float64)
        if (low == ABSENT).all():
            if self.moment is not None:
                return f"Nothing was recorded of this network up to step {self.moment:,}."
            some = frame["steps"].size > 0
            return f"Nothing has been recorded {'of the network as it is now' if some else 'yet'}."
        laid = self._records()[0]
        step = laid.steps[laid.at(self.moment)]
        now = [f"{name} {_span(a, b)}" for name, a, b in zip(names, low, high, strict=True)]
        words = f"15th to 85th percentile of z ({labels['of']}) after {plural(int(step), 'step')}"
        if len(names) <= 4:
            return f"{words}: " + ", ".join(now) + "."
        width = high - low
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
    pair[~np.isfinite(pair) | (pair == ABSENT)] = 0
    bottom, top = pair.min(axis=1, initial=0), pair.max(axis=1, initial=0)
    if same and len(pair) > 1:
        bottom[:-1], top[:-1] = bottom[:-1].min(), top[:-1].max()
    flat = top - bottom <= 0
    return np.stack([bottom - flat, top + flat], axis=1).astype(np.float32)
