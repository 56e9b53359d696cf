"""How strongly the signal flows through the layers: forward (activations), backward (gradients), into the weights."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.record import verdicts
from nbprop.record.lessons import Lesson
from nbprop.record.observation import FORWARD_ONLY
from nbprop.record.quantities import QUANTITIES
from nbprop.record.source import CannotSay, Layered, Probed, Recorded

from .base import colors
from .base.beside import places
from .base.chosen import MARK
from .base.flowing import Theorized, beside_usual, flowing, some, words_of
from .base.laid import ABSENT, laid_out
from .base.mapped import columns, edges, paint
from .base.view import Option, View, buckets, log_range, new_axes, number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WHOLE, RECENT = 96, 64  # columns of the map: the whole run, thinned, and the newest records


class Offered:
    """The options of a gradient flow: what can be shown is in the table of quantities, and with the source."""

    def __get__(self, view, owner=None) -> tuple[Option, Option, Option]:
        shown = offered(None if view is None else vars(view).get("source"))
        quantity = Option("quantity", "show", shown, default="dz", more=True)
        return quantity, Option("log", "log", default=True, where="browser"), Option("theory", "theory", where="live")


def offered(source) -> tuple[tuple[Any, Any], ...]:
    """(name, words) of every quantity that can be shown of a source, or of any."""
    return tuple((q.name, q.label) for q in getattr(source, "quantities", QUANTITIES).values() if q.offered)


class GradientFlow(Theorized, View):
    """One quantity in every layer: a profile of the last step, and a map of layers and steps whose left part is the
    whole run and whose right part is the newest records.

    Options: `quantity`: any name of the table in record/quantities.py, such as "a" (standard deviation of the
    activations), "dz" (norm of dL/dz, default), "dW" (norm of dL/dW), "ratio" (norm of the last update over that of the
    weights), or one that `trainer.record` was told of; `log` (default True), for quantities that a logarithm suits;
    `theory`: what mean field says of "a" and "dz" beside what is measured, see `trainer.mean_field`.

    dL/dW alone is blind to vanishing: shrinking activations and shrinking dL/dz multiply to a constant (Glorot and
    Bengio 2010), so the three are kept apart.
    """

    name = "gradients"
    title = "Gradient flow"
    about = (
        "How strongly the loss depends on what each layer computes: now, as a profile, and over the steps, as a map. "
        "Where that has shrunk to nearly nothing on its way back from the output, a layer is not told what to change: "
        "the gradient vanishes."
    )
    lesson = Lesson(5, "A network that does not learn")
    contract = (Recorded, Layered, Probed)
    records = frozenset({"layers"})
    outlined = ("now",)
    links = ("layer",)
    quantity: str
    log: bool
    theory: bool
    options: Any = Offered()

    def frame(self) -> dict[str, Any]:
        """now (L,) and saturated (L,), share of saturated values or dead units, of the last step; map (L, n) with
        map_steps (n,), the whole run, and recent (L, m) with recent_steps (m,), empty while the map holds every record;
        range (4,): lowest and highest value of a linear axis, lowest below 0 if any value is, and of a logarithmic one.
        ABSENT, the lowest float32, is what was not measured: since the network was changed, or of a layer that was not
        there, or is frozen. What the whole network has one of has one row, L = 1.

        theory (L,): what mean field says, (0,) where it is not asked or says nothing.

        Of a look at the past now and saturated are those of its step, or of the last record before it. Of ghost number
        k ghostk_now (L,): that of its layers of the same names.
        """
        return self._together(self._numbers)

    def _numbers(self):
        now, saturated, laid, _ = self._read()
        steps, values, n = laid.steps, laid.values, len(laid.steps)
        recent = max(n - RECENT, 0) if n > WHOLE + RECENT else n
        starts = buckets(steps, WHOLE if recent < n else n)
        # A column is either before or after a change of depth.
        starts = np.union1d(starts, [end for end in (laid.start, laid.stop) if 0 < end < n]).astype(int)
        sound = self._sound(laid)
        newest = values[max(laid.stop - RECENT, laid.start) : laid.stop]
        newest = newest if len(newest) else values[-RECENT:]
        theory = self._predicted(now)[0] if self.theory else np.zeros(0, np.float32)
        map_steps, whole = columns(steps, values, starts, sound)
        recent_steps, last = columns(steps[recent:], values[recent:], np.arange(n - recent), sound[recent:])
        return {
            "now": now,
            "saturated": saturated,
            "map": whole,
            "map_steps": map_steps,
            "recent": last,
            "recent_steps": recent_steps,
            "theory": theory,
            "range": self._range(np.concatenate([newest.ravel(), now[now != ABSENT], theory[theory != ABSENT]])),
        }

    def _of_ghost(self, view):
        frame = super()._of_ghost(view)
        at = places(self.labels()["layers"], view.labels()["layers"])
        return {**frame, "now": np.where(at >= 0, frame["now"][at], np.float32(ABSENT))}

    def _depends(self):
        return tuple(self.labels()["layers"])

    def _sound(self, laid):
        """(n,) bool: in these records NaN is what was not measured. Of other networks it always is; of this one, where
        dL/dW, of which there is one of every layer, has none."""
        steps, place = laid.steps, np.arange(len(laid.steps))
        sound = (place < laid.start) | (place >= laid.stop)
        if not np.isnan(laid.values).any():
            return sound
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
        """What the source says of the last step: (layers,) or one number; ABSENT where it has not measured it."""
        return self._several(series)[0]

    def _several(self, *names):
        """`_probed` of several series, with one look at the source."""
        try:
            found = self.source.probe()
        except CannotSay:
            if self.moment is None:
                raise
            found = {}  # then the record may know
        return [self._number(series, found.get(series)) for series in names]

    def _number(self, series, found):
        if found is None:
            values = self.source.history.series(series)[1]
            one = len(values) and np.ndim(values) == 1  # it stands for the whole network
            found = np.ma.masked_all(() if one else len(self.source.layers))
        if not np.ma.isMaskedArray(found):
            return np.asarray(found, np.float32)
        hidden = np.ma.getmaskarray(found)
        return np.where(hidden, np.float32(ABSENT), np.ma.getdata(found)).astype(np.float32)

    def _read(self):
        """now (L,), saturated (L,), the record of the quantity as it is `laid_out`, and the step that now is of."""
        moment, series = self.moment, self._shown().series
        (now, saturated), step = self._several(series, "saturated"), self.source.steps
        saturated = saturated if now.ndim else np.full(1, ABSENT, np.float32)
        now = now.reshape(-1)
        laid = laid_out(self.source.history, series, len(now), moment)
        if moment is not None and (now == ABSENT).all() and (i := laid.at(moment)) >= 0:
            step, known = int(laid.steps[i]), laid.values[i]
            now = np.where(np.isnan(known) & self._sound(laid)[i], ABSENT, known)
            shares = laid_out(self.source.history, "saturated", len(now), moment)
            if len(saturated) == len(now) and (i := shares.at(step)) >= 0 and shares.steps[i] == step:
                saturated = np.where(np.isnan(shares.values[i]), ABSENT, shares.values[i])
        return now.astype(np.float32), saturated.astype(np.float32), laid, step

    def _rows(self):
        """The layers, or None where one number stands for the whole network."""
        return self.source.layers if self._probed(self._shown().series).ndim else None

    def labels(self) -> dict[str, Any]:
        """layers, activations, units of each row; saturated: "saturated", "dead" or "" for each; the words of what is
        shown, which way it flows ("forward", "backward" or ""), whether a logarithm suits it; usual: [low, high, rule
        of thumb] or []; alarm: the share of saturated units that is one; choices: of the options, as they are now;
        when: "now", or "at step 120" of a look at the past, and moment: its step, or None; unmeasured: what to say
        where there is no number; marks."""
        layers, shown = self._rows(), self._shown()
        known = layers is not None
        return {
            "layers": [layer.name for layer in layers] if known else ["network"],
            "activations": [layer.activation for layer in layers] if known else [""],
            "units": [int(layer.units) for layer in layers] if known else [0],
            "saturated": [verdicts.saturation_word(layer.activation) for layer in layers] if known else [""],
            **words_of(shown),
            "choices": {"quantity": [list(choice) for choice in offered(self.source)]},
            **self._when(),
            "theory": self._theory_words(),
            "ghosts": self._ghost_names(),
            "marks": self.marks(),
        }

    def _when(self):
        moment = self.moment
        when = "now" if moment is None else f"at step {self._read()[-1]:,}"
        return {"when": when, "moment": moment, "unmeasured": self.unmeasured()}

    def marks(self) -> dict[str, str]:
        shown = self._shown()
        way = {"backward": " It flows back, from the output to the input.", "forward": " It flows on to the output."}
        step = "last step" if self.moment is None else "step that is shown"
        unit = f", {shown.unit}" if shown.unit else ""
        flat = ["share of the values of a tanh or sigmoid that lie where its slope is near 0",
                "share of the units of ReLU and its kin whose slope is near 0 for the whole batch"]  # fmt: skip
        found = {
            "profile": f"{shown.label}{unit}: a dot for each layer, of the {step}.{way.get(shown.flow, '')}",
            "saturated": f"saturated: {flat[0]}",
            "dead": f"dead: {flat[1]}",
            "flat": f"saturated: {flat[0]}; dead: {flat[1]}",
            "map": "every layer at every step that was recorded, in the colours of the bar under the dots; clear: "
            "nothing was measured; magenta: NaN, infinite, or 0 on a logarithmic axis",
            "recent": "the newest records of the same, one by one",
            "colours": f"the axis of the dots, and what the colours beside it mean{unit}",
            "chosen": MARK,
        }
        if shown.usual:
            found["usual"] = f"green: what is usual, {number(shown.usual[0])} to {number(shown.usual[1])}"
            found["usual"] += "" if shown.rule is None else f"; dashed: the rule of thumb, {number(shown.rule)}"
        if self.theory:
            found["theory"] = (
                f"diamonds, dashed: mean field, as if the weights were independent; {self._theory_words()}"
            )
        if self.moment is not None:
            found["moment"] = f"the step that is shown, {self.moment:,}"
        return found | self._ghost_marks("rings, dashed")

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
        ax.set_title(f"{self.heading}: {labels['symbol']}{unit}")
        ax.axis("off")
        nothing = (frame["now"] == ABSENT).all()
        if nothing and not frame["map_steps"].size:
            colors.unmeasured(ax, labels["unmeasured"])
            return ax
        left = ax.inset_axes((0, 0, 0.36, 1))
        if labels["usual"]:
            left.axvspan(*labels["usual"][:2], color=colors.GUIDE, alpha=0.12, linewidth=0)
            for rule in labels["usual"][2:]:
                left.axvline(rule, color=colors.GUIDE, linewidth=1, linestyle="--")
        placed = np.isfinite(now) & ((now > 0) | (not log))
        left.plot(np.where(placed, now, np.nan), rows, color=colors.MUTED, linewidth=1, zorder=1)
        for k in range(len(self.ghosts)):
            ghost = frame.get(f"ghost{k}_now", np.zeros(0))
            there = (ghost != ABSENT) & np.isfinite(ghost) & ((ghost > 0) | (not log))
            style = {"color": colors.MUTED, "markerfacecolor": "none", "markersize": 4, "linewidth": 0.8, "alpha": 0.7}
            left.plot(ghost[there], np.flatnonzero(there), "o--", **style)
        theory = np.where((frame["theory"] != ABSENT) & ((frame["theory"] > 0) | (not log)), frame["theory"], np.nan)
        if theory.size:
            left.plot(theory, rows, "D--", color=colors.VALIDATION, markerfacecolor="none", markersize=5, linewidth=1)
        elif self.theory:
            left.text(0.02, 0.01, "no theory", color=colors.MUTED, fontsize="x-small", transform=left.transAxes)
        left.scatter(now[placed], rows[placed], c=now[placed], cmap=cmap, norm=norm, s=24, zorder=2,
                     edgecolors=colors.FOREGROUND, linewidths=0.6)  # fmt: skip
        style = {"xycoords": ("axes fraction", "data"), "va": "center"}
        if nothing:
            words = labels["unmeasured"].replace(": ", ":\n")
            left.text(0.5, 0.5, words, color=colors.MUTED, ha="center", va="center", fontsize="small",
                      transform=left.transAxes)  # fmt: skip
        for row in [] if nothing else rows[frame["now"] == ABSENT]:
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
        when = "last step" if labels["moment"] is None else labels["when"]
        words = f"{labels['unit']}, {when}" if labels["unit"] else when
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
                image = paint(frame[name], cmap, norm, log)
                borders = edges(steps)
                part.pcolormesh(borders, np.arange(len(now) + 1) - 0.5, image)
                if labels["moment"] is not None and borders[0] <= labels["moment"] <= borders[-1]:
                    part.axvline(labels["moment"], color=colors.WARNING, linewidth=1.5)
                ends = np.maximum(borders[[0, -1]], 0)
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
        now, shares, _, step = self._read()
        names = [layer.name for layer in layers] if layers is not None else ["the network"]
        there = now != ABSENT
        if not there.any():
            return self._silent(shown)
        now, names = now[there].astype(np.float64), [name for name, known in zip(names, there, strict=True) if known]
        words = ("" if self.moment is None else f"At step {step:,}: ") + self._said(shown, now, names, shares)
        return words + self._beside_theory() + self._ghost_words(self._factors)

    def _factors(self, view):
        """By how much the layers of a ghost differ from these."""
        frames = {id(other): frame for other, frame in self._shown_ghosts()}
        own, other = self._read()[0].astype(np.float64), frames[id(view)]["now"].astype(np.float64)
        both = (own != ABSENT) & (other != ABSENT) & (own > 0) & (other > 0) & np.isfinite(own * other)
        if not both.any():
            return ""
        change = other[both] / own[both]
        low, high = number(change.min(), 2), number(change.max(), 2)
        return f"{self._shown().said} is {low if low == high else f'{low} to {high}'} times as large"

    def _forward_only(self):
        """Whether there is nothing because the last step did not go backward."""
        optimizer = getattr(self.source, "optimizer", None)
        backward = self._shown().flow == "backward" and self.moment is None
        return backward and self.source.steps > 0 and getattr(optimizer, "gradient_free", False)

    def unmeasured(self) -> str:
        return FORWARD_ONLY if self._forward_only() else super().unmeasured()

    def _silent(self, shown):
        """Why there is no number."""
        if self._forward_only():
            return f"{shown.said}: {FORWARD_ONLY}."
        if self.moment is not None:
            return f"{shown.said} was not recorded at step {self.moment:,}."
        if not self.source.steps:
            return "No step has been taken yet."
        if (self._probed("dW") == ABSENT).all():
            return f"{shown.said} has not been measured yet: make a step."
        return f"{shown.said} has not been measured in this step."

    def _said(self, shown, now, names, shares):
        bad = [f"{number(v)} in {name}" for v, name in zip(now, names, strict=True) if not np.isfinite(v)]
        if bad:
            return f"{shown.said} is {some(bad)}{'' if shown.own else ': the run has diverged'}."
        zero = [name for v, name in zip(now, names, strict=True) if v == 0]
        if zero and shown.log:
            words = f"{shown.said} is exactly 0 in {some(zero)}."
        elif shown.usual:
            words = beside_usual(shown, now.min(), now.max())
        elif len(now) == 1:
            words = f"{shown.said} is {number(now[0])} in {names[0]}."
        elif shown.flow and now.min() > 0:
            words = flowing(shown, now, names)
        else:
            low, high = int(now.argmin()), int(now.argmax())
            least, most = f"{number(now[low])} in {names[low]}", f"{number(now[high])} in {names[high]}"
            words = f"{shown.said} is between {least} and {most}."
        return words + self._saturation(shares)

    def _saturation(self, shares):
        most = int(np.argmax(shares)) if len(shares) else 0
        if not len(shares) or not shares[most] >= verdicts.SATURATED_SAID:
            return ""
        layer = self.source.layers[most]
        word = verdicts.saturation_word(layer.activation) or "flat"
        return f" {percent(shares[most])} of {layer.name} is {word}."
