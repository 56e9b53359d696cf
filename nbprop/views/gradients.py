"""How strongly the signal flows through the layers: forward (activations), backward (gradients), into the weights."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.record import verdicts
from nbprop.record.quantities import QUANTITIES
from nbprop.record.source import Layered, Probed, Recorded

from .base import colors
from .base.view import Option, View, bucket_means, buckets, log_range, new_axes, number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WHOLE, RECENT = 96, 64  # columns of the map: the whole run, thinned, and the newest records
STRUCTURE = ("depth", "hidden", "insert", "remove")  # what changes how many layers there are
ABSENT = float(np.finfo(np.float32).min)  # nothing is known: the layer was not there, or is frozen


class Offered:
    """The options of a gradient flow: what can be shown is in the table of quantities, and with the source."""

    def __get__(self, view, owner=None) -> tuple[Option, Option]:
        shown = offered(None if view is None else vars(view).get("source"))
        quantity = Option("quantity", "show", shown, default="dz", more=True)
        return quantity, Option("log", "log", default=True, where="browser")


def offered(source) -> tuple[tuple[Any, Any], ...]:
    """(name, words) of every quantity that can be shown of a source, or of any."""
    return tuple((q.name, q.label) for q in getattr(source, "quantities", QUANTITIES).values() if q.offered)


class GradientFlow(View):
    """One quantity in every layer: a profile of the last step, and a map of layers and steps whose left part is the
    whole run and whose right part is the newest records.

    Options: `quantity`: any name of the table in record/quantities.py, such as "a" (standard deviation of the
    activations), "dz" (norm of dL/dz, default), "dW" (norm of dL/dW), "ratio" (norm of the last update over that of the
    weights), or one that `trainer.record` was told of; `log` (default True), for quantities that a logarithm suits.

    dL/dW alone is blind to vanishing: shrinking activations and shrinking dL/dz multiply to a constant (Glorot and
    Bengio 2010), so the three are kept apart.
    """

    name = "gradients"
    title = "Gradient flow"
    contract = (Recorded, Layered, Probed)
    records = frozenset({"layers"})
    quantity: str
    log: bool
    options: Any = Offered()

    def frame(self) -> dict[str, Any]:
        """now (L,) and saturated (L,), share of saturated values or dead units, of the last step; map (L, n) with
        map_steps (n,), the whole run, and recent (L, m) with recent_steps (m,), empty while the map holds every record;
        range (4,): lowest and highest value of a linear axis, lowest below 0 if any value is, and of a logarithmic one.
        ABSENT, the lowest float32, is what was not measured: of a layer that was not there yet, or is frozen. What the
        whole network has one of has one row, L = 1.
        """
        now, saturated, (steps, values, born) = self._read()
        if np.isnan(now).any() and not self._lost():
            now = np.where(np.isnan(now), np.float32(ABSENT), now)
        n = len(steps)
        recent = max(n - RECENT, 0) if n > WHOLE + RECENT else n
        starts = buckets(steps, WHOLE if recent < n else n)
        if 0 < born < n:  # a column is either before or after the change of depth
            starts = np.union1d(starts, [born])
        sound = self._sound(steps, born) if np.isnan(values).any() else np.zeros(n, bool)
        map_steps, whole = _columns(steps, values, starts, sound)
        recent_steps, newest = _columns(steps[recent:], values[recent:], np.arange(n - recent), sound[recent:])
        return {
            "now": now,
            "saturated": saturated,
            "map": whole,
            "map_steps": map_steps,
            "recent": newest,
            "recent_steps": recent_steps,
            "range": self._range(np.append(values[max(n - RECENT, born) :].ravel(), now[now != ABSENT])),
        }

    def _sound(self, steps, born):
        """(n,) bool: in these records NaN is what was not measured. Before a change of depth it always is; after it,
        where dL/dW, of which there is one of every layer, has none."""
        sound = np.arange(len(steps)) < born
        at, values = self.source.history.series("dW")
        if len(at):
            there = ~np.isnan(np.asarray(values).reshape(len(at), -1))
            whole = there[:, 0] & (np.diff(there.astype(int), axis=1) <= 0).all(axis=1)  # NaN at the end: fewer layers
            sound |= np.isin(steps, at[whole])
        return sound

    def _shown(self):
        """The Quantity that is shown."""
        there = getattr(self.source, "quantities", QUANTITIES)
        return there.get(self.quantity, QUANTITIES["dz"])  # one of a user's may have been taken away

    def _probed(self, series):
        """What the source says of the last step: (layers,) or one number; NaN of what it does not measure."""
        found = self.source.probe().get(series)
        return np.full(len(self.source.layers), np.nan) if found is None else np.asarray(found)

    def _read(self):
        """now (L,), saturated (L,), and the record of the quantity, as `laid_out` gives it."""
        series = self._shown().series
        now = self._probed(series).astype(np.float32)
        saturated = self._probed("saturated").astype(np.float32) if now.ndim else np.full(1, np.nan, np.float32)
        now = now.reshape(-1)
        return now, saturated, laid_out(self.source.history, series, len(now))

    def _rows(self):
        """The layers, or None where one number stands for the whole network."""
        return self.source.layers if self._probed(self._shown().series).ndim else None

    def labels(self) -> dict[str, Any]:
        """layers, activations, units of each row; saturated: "saturated", "dead" or "" for each; the words of what is
        shown, which way it flows ("forward", "backward" or ""), whether a logarithm suits it; usual: [low, high, rule
        of thumb] or []; alarm: the share of saturated units that is one; choices: of the options, as they are now."""
        layers, shown = self._rows(), self._shown()
        known = layers is not None
        return {
            "layers": [layer.name for layer in layers] if known else ["network"],
            "activations": [layer.activation for layer in layers] if known else [""],
            "units": [int(layer.units) for layer in layers] if known else [0],
            "saturated": [verdicts.saturation_word(layer.activation) for layer in layers] if known else [""],
            **words_of(shown),
            "choices": {"quantity": [list(choice) for choice in offered(self.source)]},
        }

    def _range(self, values):
        """Of the newest records: what was long ago must not flatten what is now. Half decades, so it moves rarely."""
        values, shown = values[np.isfinite(values)], self._shown()
        if shown.usual:
            values = np.append(values, shown.usual)
        largest = np.abs(values).max(initial=0) or 1.0
        bottom = -largest if values.min(initial=0) < 0 else 0
        low, high = np.log10(log_range(values[values > 0]))
        log = 10 ** (np.floor(2 * low) / 2), min(10 ** (np.ceil(2 * high) / 2), 3e38)
        return np.array([bottom, largest, *log], np.float32)

    def plot(self, ax=None) -> "Axes":
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import LogNorm, Normalize

        ax = new_axes(ax, 7.0, 3.8)
        frame, labels = self.frame(), self.labels()
        now, names = np.where(frame["now"] == ABSENT, np.nan, frame["now"]), labels["layers"]
        log = bool(self.log and labels["log"] and frame["range"][0] == 0)
        low, high = frame["range"][2:] if log else frame["range"][:2]
        norm = (LogNorm if log else Normalize)(low, high)
        cmap = colors.cividis()
        rows = np.arange(len(now))
        unit = f" ({labels['unit']})" if labels["unit"] else ""
        ax.set_title(f"{self.title}: {labels['symbol']}{unit}")
        ax.axis("off")
        if not (self.source.steps and len(now)):
            colors.unrun(ax)
            return ax
        left = ax.inset_axes((0, 0, 0.36, 1))
        if labels["usual"]:
            left.axvspan(*labels["usual"][:2], color=colors.GUIDE, alpha=0.12, linewidth=0)
            for rule in labels["usual"][2:]:
                left.axvline(rule, color=colors.GUIDE, linewidth=1, linestyle="--")
        placed = np.isfinite(now) & ((now > 0) | (not log))
        left.plot(np.where(placed, now, np.nan), rows, color=colors.MUTED, linewidth=1, zorder=1)
        left.scatter(now[placed], rows[placed], c=now[placed], cmap=cmap, norm=norm, s=24, zorder=2,
                     edgecolors=colors.FOREGROUND, linewidths=0.6)  # fmt: skip
        style = {"xycoords": ("axes fraction", "data"), "va": "center"}
        for row in rows[frame["now"] == ABSENT]:
            left.annotate("not measured", (0.02, row), fontsize="x-small", color=colors.MUTED, **style)
        for row in rows[~placed & (frame["now"] != ABSENT)]:
            left.annotate(number(now[row]), (float(now[row] == np.inf), row), ha="center", weight="bold",
                          fontsize="small", color=colors.WARNING, **style)  # fmt: skip
        every = max(1, len(now) // 14)  # more words would meet
        for row in rows[::every]:
            share, word = frame["saturated"][row], labels["saturated"][row]
            if word and share >= verdicts.SATURATED_SHOWN:
                left.annotate(percent(share), (1.01, row), fontsize="x-small",
                              color=colors.WARNING if share > labels["alarm"] else colors.MUTED, **style)  # fmt: skip
        if log:
            left.set_xscale("log")
            colors.log_axis(left.xaxis, low, high, ticks=3)
        words = f"{labels['unit']}, last step" if labels["unit"] else "last step"
        left.set(xlim=(low, high), ylim=(len(now) - 0.5, -0.5), xlabel=words)
        left.set_yticks(rows[::every], names[::every])
        colors.tidy(left)
        parts = [(0.46, 0.46, "map", "step")]
        if frame["recent_steps"].size:
            parts = [(0.46, 0.24, "map", "step"), (0.73, 0.19, "recent", "last")]
        for x, width, name, label in parts:
            part = ax.inset_axes((x, 0, width, 1))
            steps = frame[f"{name}_steps"]
            if steps.size:
                image = _paint(frame[name], cmap, norm, log)
                edges = _edges(steps)
                part.pcolormesh(edges, np.arange(len(now) + 1) - 0.5, image)
                ends = np.maximum(edges[[0, -1]], 0)
                if name == "map":
                    part.set_xticks(ends, [f"{end:,.0f}" for end in ends])
                    for tick, align in zip(part.get_xticklabels(), ("left", "right"), strict=True):
                        tick.set_horizontalalignment(align)
                else:  # narrow: two labels would meet
                    part.set(xticks=[])
                    label = f"last {ends[1] - ends[0]:,.0f}"
            part.set(ylim=(len(now) - 0.5, -0.5), xlabel=label, yticks=[])
            colors.tidy(part)
            part.grid(False)
        bar = ax.figure.colorbar(ScalarMappable(norm, cmap), cax=ax.inset_axes((0.94, 0, 0.02, 1)))
        bar.ax.tick_params(colors=colors.MUTED, labelsize="small")
        if log:
            colors.log_axis(bar.ax.yaxis, low, high)
        return ax

    def describe(self) -> str:
        shown, layers = self._shown(), self._rows()
        now = self._probed(shown.series).astype(np.float64).reshape(-1)
        names = [layer.name for layer in layers] if layers is not None else ["the network"]
        if not self.source.steps or not len(now):
            return "No step has been taken yet."
        if not self._lost():  # what is NaN has not been measured, as of frozen layers
            there = ~np.isnan(now)
            if not there.any():
                return f"{shown.said} has not been measured in this step."
            now, names = now[there], [name for name, known in zip(names, there, strict=True) if known]
        bad = [f"{number(v)} in {name}" for v, name in zip(now, names, strict=True) if not np.isfinite(v)]
        if bad:
            return f"{shown.said} is {some(bad)}{'' if shown.own else ': the run has diverged'}."
        zero = [name for v, name in zip(now, names, strict=True) if v == 0]
        if zero and shown.log:
            words = f"{shown.said} is exactly 0 in {some(zero)}."
        elif shown.usual:
            words = _beside_usual(shown, now.min(), now.max())
        elif len(now) == 1:
            words = f"{shown.said} is {number(now[0])} in {names[0]}."
        elif shown.flow and now.min() > 0:
            words = _flowing(shown, now, names)
        else:
            low, high = int(now.argmin()), int(now.argmax())
            least, most = f"{number(now[low])} in {names[low]}", f"{number(now[high])} in {names[high]}"
            words = f"{shown.said} is between {least} and {most}."
        return words + self._saturation(self._probed("saturated"))

    def _lost(self):
        """Has the run diverged?  Then dL/dW, which is always measured, is not finite."""
        return not np.isfinite(self.source.probe().get("dW", 0)).all()

    def _saturation(self, shares):
        most = int(np.nanargmax(shares)) if np.isfinite(shares).any() else None
        if most is None or shares[most] < verdicts.SATURATED_SAID:
            return ""
        layer = self.source.layers[most]
        word = verdicts.saturation_word(layer.activation) or "flat"
        return f" {percent(shares[most])} of {layer.name} is {word}."


def words_of(shown) -> dict[str, Any]:
    """What the picture must know of a Quantity."""
    rule = [] if shown.rule is None else [shown.rule]
    return {
        "quantity": shown.name,
        "symbol": shown.symbol,
        "unit": shown.unit,
        "flow": shown.flow or "",
        "log": shown.log,
        "usual": [*shown.usual, *rule] if shown.usual else [],
        "alarm": verdicts.SATURATED_ALARM,
    }


def _beside_usual(shown, low, high):
    healthy = f"usual is {number(shown.usual[0])} to {number(shown.usual[1])}"
    if shown.rule is not None:
        healthy = f"around {f'{shown.rule:.0e}'.replace('e-0', 'e-').replace('e+0', 'e')} is healthy"
    verdict = verdicts.compared(low, high, shown.usual)
    return f"{shown.said} is between {number(low, 2)} and {number(high, 2)} ({healthy}): {verdict}."


def _flowing(shown, now, names):
    """From the layer where it begins to the one where it ends; the output layer has no activation to begin at."""
    start, end = (0, len(now) - 2 or 1) if shown.flow == "forward" else (len(now) - 1, 0)
    change, factor, verdict = verdicts.flow(now[start], now[end])
    words = f"{shown.said} {change}" + ("" if change == "is steady" else f" by a factor {_rough(factor)}")
    words += f" from {names[start]} to {names[end]}"
    if change == "is steady":
        return f"{words} (between {number(now.min(), 2)} and {number(now.max(), 2)})."
    return f"{words}: {verdict}." if verdict else f"{words}."


def laid_out(history, series, count) -> tuple[np.ndarray, np.ndarray, int]:
    """Steps (n,), values (n, count) and the index of the first record since the depth was last changed. Before it the
    columns are laid so that the first and the last layer keep their places, and where one layer was put in or taken
    out the others do; NaN where there was no such layer."""
    steps, values = history.series(series)
    if not len(steps):
        return np.asarray(steps), np.zeros((0, count), np.float32), 0
    values = np.asarray(values, np.float32).reshape(len(steps), -1)
    last = next((event for event in reversed(history.events) if event.name in STRUCTURE), None)
    changed = -1 if last is None else last.step
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
    place, before = _place(last, count)
    if place is not None:
        same = depth == before
        kept = old[same, :before]
        laid[same] = np.insert(kept, place, np.nan, axis=1) if before < count else np.delete(kept, place, axis=1)
    return steps, np.concatenate([laid, values[born:, :count]]), born


def _place(event, count):
    """Where one layer was put in or taken out, and of how many; None, 0 where it was neither. count: layers now."""
    if event.name == "insert" and isinstance(event.new, tuple):
        return event.new[0], count - 1
    if event.name == "remove" and str(event.new).startswith("hidden "):
        return int(event.new.split()[1]) - 1, count + 1
    return None, 0


def _columns(steps, values, starts, sound):
    """Steps (m,) and means (L, m) of the runs of records at `starts`; in those that are sound NaN is ABSENT."""
    if not len(starts):
        return np.zeros(0, np.float32), np.zeros((values.shape[1], 0), np.float32)
    ends = np.append(starts[1:], len(steps)) - 1
    means = bucket_means(values, starts)
    means = np.where(sound[ends][:, None] & np.isnan(means), ABSENT, means)
    return steps[ends].astype(np.float32), np.ascontiguousarray(means.T, np.float32)


def _rough(factor):
    """In two digits: 26,157 -> "26,000"."""
    return number(float(f"{factor:.2g}"), 2)


def some(words) -> str:
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
