"""The loss over the steps: training, validation, accuracy, and what was changed on the way."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.record.source import CannotSay, Recorded

from .base import colors
from .base.view import Option, View, bucket_means, buckets, log_range, new_axes, number, percent, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS = 160  # a curve is thinned to at most so many
EVENTS = 200  # the newest of which so many are flagged
METRICS = 4  # so many of one's own are drawn, all are said
COLORS = [colors.CLASSES[i] for i in (2, 1, 4, 7)]  # of metrics; the same in loss.js


class Loss(View):
    """Training loss (mean of neighbouring batches, with a band from the lowest to the highest), validation loss and,
    when the network classifies, the share it gets right; metrics of one's own, and the numbers that an objective's
    `evaluate` gives; a flag at every change.

    Metrics from 0 to 1 share the axis of the accuracy; any other is drawn over its own range, from its lowest to its
    highest value, and named with its last one.

    Options: `log` (logarithmic loss axis, default False), `accuracy` (also of the metrics, default True).
    """

    name = "loss"
    title = "Loss"
    contract = (Recorded,)
    rate = 18.0
    log: bool
    accuracy: bool
    options = (Option("log", "log", where="browser"), Option("accuracy", "accuracy", default=True, where="browser"))

    def frame(self) -> dict[str, Any]:
        """train (4, n): step, mean, lowest, highest; validation, train_accuracy, val_accuracy (2, m): step, value;
        events (k,): steps; range (4,): lowest and highest loss of a linear and of a logarithmic axis. Of metric number
        i train_metric_i, val_metric_i (2, m); metric_ranges (metrics, 2): lowest and highest value of its axis.
        """
        history = self.source.history
        if self.source.steps and (known := getattr(history, "columns", {})) and "loss" not in known:
            names = ", ".join(map(repr, known))
            raise CannotSay(f"Loss: expected a series 'loss' in the history, which has {names}.")
        train = _thin_band(*history.series("loss"))
        validation = _thin(*history.series("val_loss"))
        classifies = self._classifies()
        halves = {name: [_thin(*half) for half in both] for name, both in [*self._metrics().items()][:METRICS]}
        metrics = {
            f"{half}_metric_{i}": curve
            for i, both in enumerate(halves.values())
            for half, curve in zip(("train", "val"), both, strict=True)
        }
        ranges = [_metric_range(*(curve[1] for curve in both)) for both in halves.values()]
        return {
            "train": train,
            "validation": validation,
            "train_accuracy": _thin(*history.series("train_accuracy")) if classifies else _NOTHING,
            "val_accuracy": _thin(*history.series("val_accuracy")) if classifies else _NOTHING,
            "events": np.array([event.step for event in history.events[-EVENTS:]], np.float32),
            "range": _ranges(train[1], validation[1]),
            **metrics,
            "metric_ranges": np.array(ranges, np.float32).reshape(-1, 2),
        }

    def labels(self) -> dict[str, Any]:
        """events: a short text for each; classifies: is there an accuracy?; metrics: the names of those drawn."""
        texts = [event.text for event in self.source.history.events[-EVENTS:]]
        return {"events": texts, "classifies": self._classifies(), "metrics": [*self._metrics()][:METRICS]}

    def _classifies(self):
        task = getattr(getattr(self.source, "data", None), "task", None)
        if task is None:  # then it is seen by whether there is an accuracy
            return len(self.source.history.series("val_accuracy")[0]) > 0
        return task != "regression"

    def _metrics(self):
        """name -> steps and values in training, and in validation; what is measured but once has no training values."""
        history, found = self.source.history, {}
        for column in getattr(history, "columns", {}):
            half, _, name = column.partition("_")
            if half not in ("train", "val") or not name:
                half, name = "val", column if column in getattr(self.source, "evaluation", {}) else ""
            steps, values = history.series(column)
            if name and not (name in ("loss", "accuracy") and column != name) and values.ndim == 1 and len(steps):
                found.setdefault(name, {})[half] = steps, values
        nothing = _NOTHING
        return {
            name: (halves["train"], halves["val"]) if len(halves) == 2 else (nothing, next(iter(halves.values())))
            for name, halves in found.items()
        }

    def plot(self, ax=None) -> "Axes":
        ax = new_axes(ax)
        ax.set_title(self.title, pad=20)
        colors.tidy(ax)
        frame = self.frame()
        steps, mean, low, high = frame["train"]
        if not steps.size:
            colors.unrun(ax)
            return ax
        ax.set(xlabel="step", ylabel="loss", yscale="log" if self.log else "linear")
        bottom, top = frame["range"][2:] if self.log else frame["range"][:2] * np.float32(1.03)
        ax.set_ylim(bottom, top)
        if self.log:
            colors.log_axis(ax.yaxis, bottom, top)
        ax.fill_between(steps, low, high, where=np.isfinite(mean), color=colors.TRAIN, alpha=0.2, linewidth=0)
        lines = ax.plot(steps, mean, color=colors.TRAIN, label="train")
        lines += ax.plot(*frame["validation"], color=colors.VALIDATION, label="validation")
        self._plot_marks(ax, steps, mean, top)
        if self.accuracy:
            lines += self._plot_shares(ax, frame)
        # In a row above the curves, which may be anywhere.
        ax.legend(handles=lines, ncols=4 if len(lines) > 3 else 3, loc="lower center", bbox_to_anchor=(0.5, 1),
                  frameon=False, fontsize="small",                  borderaxespad=0.2, columnspacing=1.2)  # fmt: skip
        return ax

    def _plot_shares(self, ax, frame):
        """Accuracy and metrics, over an axis from 0 to 1 at the right; returns the lines for the legend."""
        found, shares = [], []
        if frame["val_accuracy"].size:
            found.append(("accuracy", colors.ACCURACY, (0, 1), frame["train_accuracy"], frame["val_accuracy"]))
        for i, name in enumerate([*self._metrics()][:METRICS]):
            limits = frame["metric_ranges"][i]
            found.append((name, COLORS[i], limits, frame[f"train_metric_{i}"], frame[f"val_metric_{i}"]))
        if not found:
            return []
        right, lines = ax.twinx(), []
        for name, color, (low, high), train, val in found:
            within = low == 0 and high == 1
            shares += [name] if within else []
            said = name if within else f"{name} {number(val[1, -1])}"
            right.plot(train[0], (train[1] - low) / (high - low), color=color, linewidth=0.9, linestyle=":")
            lines += right.plot(val[0], (val[1] - low) / (high - low), color=color, linestyle="--", label=said)
        color = found[0][1] if len(found) == 1 else colors.MUTED
        right.set(ylim=(0, 1) if shares else (-0.05, 1.05))
        right.set_ylabel(", ".join(shares), color=color)
        right.tick_params(colors=color, labelsize="small", right=bool(shares), labelright=bool(shares))
        right.spines[:].set_visible(False)
        return lines

    def _plot_marks(self, ax, steps, mean, top):
        """Events, what is not finite, and what leaves the axis at the top."""
        events = self.source.history.events[-EVENTS:]
        style = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "va": "top"}
        for event in events:
            ax.axvline(event.step, color=colors.MUTED, linewidth=0.8, linestyle=":", zorder=0)
            if len(events) <= 8:
                ax.annotate(event.text, (event.step, 1), xytext=(2, -2), rotation=90, color=colors.MUTED,
                            fontsize="x-small", **style)  # fmt: skip
        style |= {"color": colors.WARNING, "weight": "bold", "ha": "right"}
        for step, word in alarms(steps, mean, self.log):
            ax.axvline(step, color=colors.WARNING, linewidth=1.5)
            ax.annotate(word, (step, 1), xytext=(-3, -2), **style)
        highest = np.where(np.isfinite(mean), mean, -np.inf)
        if (peak := highest.max()) > top:
            ax.annotate(f"▲ up to {number(peak)}", (steps[highest.argmax()], 1), xytext=(3, -16), **style)

    def describe(self) -> str:
        source, history = self.source, self.source.history
        frame = self.frame()
        if not frame["train"].size:
            return "No step has been taken yet."
        loss = frame["train"][1, -1]
        if not np.isfinite(loss):
            first = next(alarms(frame["train"][0], frame["train"][1], False))
            said = f" {source.message}" if source.message else ""
            return f"Loss {number(loss)} at step {first[0]:,.0f}: the run has diverged.{said}"
        measured, losses = history.series("train_loss")
        # Where it was measured not that of the newest batch, which is another at every step.
        at, loss = (measured[-1], losses[-1]) if len(losses) else (source.steps, loss)
        steps, values = history.series("val_loss")
        since = max((event.step for event in history.events if _another_loss(event)), default=-1)
        more = [f"validation {number(values[-1])}"] if len(values) else []
        if self._classifies() and len(accuracy := history.series("val_accuracy")[1]):
            more.append(f"accuracy {percent(accuracy[-1])}")
        more += [f"{name} {number(values[-1])}" for name, (_, (_, values)) in self._metrics().items()]
        words = f"Loss {number(loss)}{'' if len(losses) else ' of the latest batches'} after {plural(int(at), 'step')}"
        words += f" ({', '.join(more)})" if more else ""
        if since >= at:
            return f"{words}, before its loss or data were changed."
        steps, values = steps[steps > since], values[steps > since]  # others are losses of something else
        if np.isfinite(values).any() and (best := np.nanargmin(values)) < len(values) - 1:
            words += f"; lowest validation {number(values[best])} at step {steps[best]:,}"
        return words + "."


def _another_loss(event):
    """Whether losses before it are not comparable with those after."""
    return event.name in ("loss", "data", "objective") or event.text == "loss changed in code"


_NOTHING = np.zeros((2, 0), np.float32)


def alarms(steps, values, log) -> Iterator[tuple[Any, str]]:
    """(step, word) where a curve begins to be NaN, infinite or, on a log axis, not positive."""
    words = ""
    for step, value in zip(steps, values, strict=True):
        ok = np.isfinite(value) and not (log and value <= 0)
        word = "" if ok else number(value)
        if word and word != words:
            yield step, word
        words = word


def _thin_band(steps, values):
    if not len(steps):
        return np.zeros((4, 0), np.float32)
    starts = buckets(steps, POINTS)
    ends = np.append(starts[1:], len(steps)) - 1
    low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    return np.array([steps[ends], bucket_means(values, starts), low, high], np.float32)


def _thin(steps, values):
    if not len(steps):
        return _NOTHING
    starts = buckets(steps, POINTS)
    ends = np.append(starts[1:], len(steps)) - 1
    return np.array([steps[ends], bucket_means(values, starts)], np.float32)


def _metric_range(*curves):
    """0 to 1 for what lies in between, else from the lowest to the highest value."""
    values = np.concatenate(curves).astype(np.float64)
    values = values[np.isfinite(values)]
    if not values.size or (values.min() >= 0 and values.max() <= 1):
        return 0, 1
    low, high = values.min(), values.max()
    return (
        (low, high)
        if np.float32(high) > np.float32(low)
        else (low - max(abs(low), 1) / 2, high + max(abs(high), 1) / 2)
    )


def _ranges(*curves):
    """Linear and logarithmic range. A loss beyond ten times what it was at first and in the middle leaves the linear
    axis (and is marked there), or nothing else could be seen."""
    values = np.concatenate(curves)
    values = values[np.isfinite(values)].astype(np.float64)
    if not values.size:
        return np.array([0, 1, 0.1, 1], np.float32)
    usual = 10 * max(abs(values[0]), abs(np.median(values))) or np.inf
    low, high = max(min(0.0, values.min()), -usual), min(values.max(), usual)
    bottom, top = log_range(values, decades=0.5)
    return np.array([low, high if high > low else low + 1, bottom / 1.1, min(top * 1.1, 3e38)], np.float32)
