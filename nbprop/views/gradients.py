"""How strongly the signal flows through the layers: forward (activations), backward (gradients), into the weights."""

from typing import NamedTuple

import numpy as np

from nbprop import nn

from . import colors
from .view import Option, View, bucket_means, buckets, log_range, new_axes, number, percent

WHOLE, RECENT = 96, 64  # columns of the map: the whole run, thinned, and the newest records
STRUCTURE = ("depth", "hidden")  # knobs that change how many layers there are
ABSENT = -1.0  # in the map: this layer was not there yet


class Quantity(NamedTuple):
    series: str
    symbol: str
    unit: str
    label: str


QUANTITIES = {
    "a": Quantity("a_std", "a", "standard deviation", "activations a"),
    "dz": Quantity("dz", "dL/dz", "norm", "gradient dL/dz"),
    "dW": Quantity("dW", "dL/dW", "norm", "gradient dL/dW"),
    "ratio": Quantity("ratio", "|ΔW| / |W|", "update to weight ratio", "update / weight"),
}


class GradientFlow(View):
    """One quantity in every layer: a profile of the last step, and a map of layers and steps whose left part is the
    whole run and whose right part is the newest records.

    Options: `quantity`: "a" (standard deviation of the activations), "dz" (norm of dL/dz, default), "dW" (norm of
    dL/dW) or "ratio" (norm of the last update over that of the weights; about 1e-3 is healthy: Karpathy, makemore);
    `log` (default True).

    dL/dW alone is blind to vanishing: shrinking activations and shrinking dL/dz multiply to a constant (Glorot and
    Bengio 2010), so the three are kept apart.
    """

    name = "gradients"
    title = "Gradient flow"
    needs = frozenset({"layers"})
    options = (
        Option("quantity", "show", tuple((key, q.label) for key, q in QUANTITIES.items()), default="dz"),
        Option("log", "log", default=True),
    )

    def frame(self):
        """now (L,) and silent (L,), share of saturated or dead units, of the last step; map (L, n) with map_steps (n,),
        the whole run, and recent (L, m) with recent_steps (m,), empty while the map holds every record; range (4,):
        lowest and highest value of a linear and of a logarithmic axis. In the maps -1 is a layer that was not there.
        """
        now, silent, (steps, values, born) = self._read()
        n = len(steps)
        recent = max(n - RECENT, 0) if n > WHOLE + RECENT else n
        starts = buckets(steps, WHOLE if recent < n else n)
        if 0 < born < n:  # a column is either before or after the change of depth
            starts = np.union1d(starts, [born])
        map_steps, whole = _columns(steps, values, starts, born)
        recent_steps, newest = _columns(steps[recent:], values[recent:], np.arange(n - recent), born - recent)
        return {
            "now": now,
            "silent": silent,
            "map": whole,
            "map_steps": map_steps,
            "recent": newest,
            "recent_steps": recent_steps,
            "range": self._range(np.append(values[max(n - RECENT, born) :].ravel(), now)),
        }

    def _read(self):
        """now (L,), silent (L,), and the record of the quantity, as `laid_out` gives it."""
        probe, series = self.source.probe(), QUANTITIES[self.quantity].series
        now = np.asarray(probe[series], np.float32)
        return now, np.asarray(probe["saturated"], np.float32), laid_out(self.source.history, series, len(now))

    def labels(self):
        """layers, activations, units of each layer; silent: "saturated", "dead" or "" for each; what is shown."""
        layers, shown = self.source.layers, QUANTITIES[self.quantity]
        return {
            "layers": [layer.name for layer in layers],
            "activations": [layer.activation for layer in layers],
            "units": [int(layer.units) for layer in layers],
            "silent": [_silent_word(layer.activation) for layer in layers],
            "quantity": self.quantity,
            "symbol": shown.symbol,
            "unit": shown.unit,
        }

    def _range(self, values):
        """Of the newest records: what was long ago must not flatten what is now. Half decades, so it moves rarely."""
        usable = values[np.isfinite(values) & (values > 0)]
        if self.quantity == "ratio":
            usable = np.append(usable, (1e-4, 1e-2))
        low, high = np.log10(log_range(usable))
        top = usable.max() if usable.size else 1.0
        return np.array([0, top, 10 ** (np.floor(2 * low) / 2), min(10 ** (np.ceil(2 * high) / 2), 3e38)], np.float32)

    def plot(self, ax=None):
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import LogNorm, Normalize

        ax = new_axes(ax, 7.0, 3.8)
        frame, labels = self.frame(), self.labels()
        now, names = frame["now"], labels["layers"]
        low, high = frame["range"][2:] if self.log else frame["range"][:2]
        norm = (LogNorm if self.log else Normalize)(low, high)
        cmap = colors.cividis()
        rows = np.arange(len(now))
        ax.set_title(f"{self.title}: {labels['symbol']} ({labels['unit']})")
        ax.axis("off")
        if not (self.source.steps and len(now)):
            colors.unrun(ax)
            return ax
        left = ax.inset_axes((0, 0, 0.36, 1))
        if self.quantity == "ratio":
            left.axvspan(1e-4, 1e-2, color=colors.GUIDE, alpha=0.12, linewidth=0)
            left.axvline(1e-3, color=colors.GUIDE, linewidth=1, linestyle="--")
        usual = np.isfinite(now) & ((now > 0) | (not self.log))
        left.plot(np.where(usual, now, np.nan), rows, color=colors.MUTED, linewidth=1, zorder=1)
        left.scatter(now[usual], rows[usual], c=now[usual], cmap=cmap, norm=norm, s=24, zorder=2,
                     edgecolors=colors.FOREGROUND, linewidths=0.6)  # fmt: skip
        style = {"xycoords": ("axes fraction", "data"), "va": "center"}
        for row in rows[~usual]:
            left.annotate(number(now[row]), (float(now[row] == np.inf), row), ha="center", weight="bold",
                          fontsize="small", color=colors.WARNING, **style)  # fmt: skip
        every = max(1, len(now) // 14)  # more words would meet
        for row in rows[::every]:
            share, word = frame["silent"][row], labels["silent"][row]
            if word and share >= 0.005:
                left.annotate(percent(share), (1.01, row), fontsize="x-small",
                              color=colors.WARNING if share > 0.5 else colors.MUTED, **style)  # fmt: skip
        if self.log:
            left.set_xscale("log")
            colors.log_axis(left.xaxis, low, high, ticks=3)
        left.set(xlim=(low, high), ylim=(len(now) - 0.5, -0.5), xlabel=f"{labels['unit']}, last step")
        left.set_yticks(rows[::every], names[::every])
        colors.tidy(left)
        parts = [(0.46, 0.46, "map", "step")]
        if frame["recent_steps"].size:
            parts = [(0.46, 0.24, "map", "step"), (0.73, 0.19, "recent", "last")]
        for x, width, name, label in parts:
            part = ax.inset_axes((x, 0, width, 1))
            steps = frame[f"{name}_steps"]
            if steps.size:
                image = _paint(frame[name], cmap, norm, self.log)
                edges = _edges(steps)
                part.pcolormesh(edges, np.arange(len(now) + 1) - 0.5, image)
                ends = np.maximum(edges[[0, -1]], 0)
                if name == "map":
                    part.set_xticks(ends, [f"{end:,.0f}" for end in ends])
                    for tick, align in zip(part.get_xticklabels(), ("left", "right"), strict=True):
                        tick.set_ha(align)
                else:  # narrow: two labels would meet
                    part.set(xticks=[])
                    label = f"last {ends[1] - ends[0]:,.0f}"
            part.set(ylim=(len(now) - 0.5, -0.5), xlabel=label, yticks=[])
            colors.tidy(part)
            part.grid(False)
        bar = ax.figure.colorbar(ScalarMappable(norm, cmap), cax=ax.inset_axes((0.94, 0, 0.02, 1)))
        bar.ax.tick_params(colors=colors.MUTED, labelsize="small")
        if self.log:
            colors.log_axis(bar.ax.yaxis, low, high)
        return ax

    def describe(self):
        now = np.asarray(self.source.probe()[QUANTITIES[self.quantity].series], np.float64)
        names = [layer.name for layer in self.source.layers]
        if not self.source.steps or not len(now):
            return "No step has been taken yet."
        symbol = {"a": "std of a"}.get(self.quantity, QUANTITIES[self.quantity].symbol)
        bad = [f"{number(v)} in {name}" for v, name in zip(now, names, strict=True) if not np.isfinite(v)]
        if bad:
            return f"{symbol} is {_some(bad)}: the run has diverged."
        zero = [name for v, name in zip(now, names, strict=True) if v == 0]
        if zero:
            words = f"{symbol} is exactly 0 in {_some(zero)}."
        elif self.quantity == "ratio":
            low, high = now.min(), now.max()
            verdict = "about right" if low >= 1e-4 and high <= 1e-2 else "too large" if high > 1e-2 else "too small"
            words = f"{symbol} is between {number(low, 2)} and {number(high, 2)} (around 1e-3 is healthy): {verdict}."
        else:
            words = self._flow(symbol, now, names)
        return words + self._silence()

    def _flow(self, symbol, now, names):
        if len(now) == 1:
            return f"{symbol} is {number(now[0])} in {names[0]}."
        forward = self.quantity == "a"
        start, end = (0, len(now) - 2 or 1) if forward else (len(now) - 1, 0)
        factor = now[start] / now[end]
        what = f"{symbol} {{}} from {names[start]} to {names[end]}"
        if factor >= 2:
            word = ": vanishing" if factor > 100 else ""
            return what.format(f"falls by a factor {_rough(factor)}") + word + "."
        if factor <= 0.5:
            word = ": exploding" if factor < 0.01 else ""
            return what.format(f"grows by a factor {_rough(1 / factor)}") + word + "."
        return what.format("is steady") + f" (between {number(now.min(), 2)} and {number(now.max(), 2)})."

    def _silence(self):
        share = np.asarray(self.source.probe()["saturated"])
        if not np.isfinite(share).any() or (most := np.nanargmax(share)) is None or share[most] < 0.2:
            return ""
        layer = self.source.layers[most]
        word = _silent_word(layer.activation) or "silent"
        return f" {percent(share[most])} of {layer.name} is {word}."


def laid_out(history, series, count):
    """Steps (n,), values (n, count) and the index of the first record since the depth was last changed. Before it the
    columns are laid so that the first and the last layer keep their places; NaN where there was no such layer."""
    steps, values = history.series(series)
    if not len(steps):
        return np.asarray(steps), np.zeros((0, count), np.float32), 0
    values = np.asarray(values, np.float32).reshape(len(steps), -1)
    changed = max((event.step for event in history.events if event.name in STRUCTURE), default=-1)
    born = int(np.searchsorted(steps, changed, side="right"))
    if values.shape[1] < count:
        values = np.pad(values, ((0, 0), (0, count - values.shape[1])), constant_values=np.nan)
    if not born:
        return steps, values[:, :count], 0
    old = values[:born]
    there = ~np.isnan(old)
    depth = np.where(there.any(axis=1), old.shape[1] - there[:, ::-1].argmax(axis=1), 1)
    laid = np.where(np.arange(count) < depth[:, None] - 1, old[:, :count], np.nan)
    laid[:, count - 1] = old[np.arange(born), depth - 1]
    return steps, np.concatenate([laid, values[born:, :count]]), born


def _columns(steps, values, starts, born):
    """Steps (m,) and means (L, m) of the runs of records at `starts`; before record `born` NaN is an absent layer."""
    if not len(starts):
        return np.zeros(0, np.float32), np.zeros((values.shape[1], 0), np.float32)
    ends = np.append(starts[1:], len(steps)) - 1
    means = bucket_means(values, starts)
    if born > 0:
        means = np.where((ends < born)[:, None] & np.isnan(means), ABSENT, means)
    return steps[ends].astype(np.float32), np.ascontiguousarray(means.T, np.float32)


def _silent_word(activation):
    known = nn.ACTIVATIONS.get(activation)
    if known is None or activation == "identity":
        return ""
    return "saturated" if known.two_sided else "dead"


def _rough(factor):
    """In two digits: 26,157 -> "26,000"."""
    return number(float(f"{factor:.2g}"), 2)


def _some(words):
    return ", ".join(words) if len(words) < 4 else f"{words[0]}, {words[1]} and {len(words) - 2} other layers"


def _edges(steps):
    """Borders of the columns of a map: each reaches back to the one before it."""
    first = steps[0] - (steps[1] - steps[0] if len(steps) > 1 else 1)
    return np.concatenate(([first], steps))


def _paint(values, cmap, norm, log):
    """Colours (L, n, 4) of a map: absent layers are clear, what has no place on the axis is in the warning colour."""
    from matplotlib.colors import to_rgba

    usual = np.isfinite(values) & ((values > 0) | (not log))
    image = np.asarray(cmap(norm(np.where(usual, values, norm.vmin))))
    image[~usual] = to_rgba(colors.WARNING)
    image[values == ABSENT] = 0
    return image
