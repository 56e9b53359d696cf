"""The loss over the steps: training, validation, accuracy, and what was changed on the way."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.record.lessons import Lesson
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
    about = (
        "How wrong the network is, step by step: on the samples that it learns from (train) and on those that it never "
        "learns from (validation); lower is better. Dashed is the share that it gets right, and every change you make "
        "leaves a flag."
    )
    lesson = Lesson(7, "Two losses")
    contract = (Recorded,)
    rate = 18.0
    outlined = ("train", "validation")
    log: bool
    accuracy: bool
    options = (Option("log", "log", where="browser"), Option("accuracy", "accuracy", default=True, where="browser"))

    def frame(self) -> dict[str, Any]:
        """train (4, n): step, mean, lowest, highest; validation, train_accuracy, val_accuracy (2, m): step, value;
        events (k,): steps; range (4,): lowest and highest loss of a linear and of a logarithmic axis. Of metric number
        i train_metric_i, val_metric_i (2, m); metric_ranges (metrics, 2): lowest and highest value of its axis.
        until (1,): the last step that is drawn. Of ghost number k ghostk_train, ghostk_validation.
        """
        return self._together(self._numbers)

    def _numbers(self):
        self._check()
        history, moment = self.source.history, self.moment
        train = _thin_band(*history.series("loss"), moment=moment)
        validation = _thin(*history.series("val_loss"), moment=moment)
        classifies = self._classifies()
        halves = {
            name: [_thin(*half, moment=moment) for half in both] for name, both in [*self._metrics().items()][:METRICS]
        }
        metrics = {
            f"{half}_metric_{i}": curve
            for i, both in enumerate(halves.values())
            for half, curve in zip(("train", "val"), both, strict=True)
        }
        ranges = [_metric_range(*(curve[1] for curve in both)) for both in halves.values()]
        return {
            "train": train,
            "validation": validation,
            "train_accuracy": _thin(*history.series("train_accuracy"), moment=moment) if classifies else _NOTHING,
            "val_accuracy": _thin(*history.series("val_accuracy"), moment=moment) if classifies else _NOTHING,
            "events": np.array([event.step for event in history.events[-EVENTS:]], np.float32),
            "range": _ranges(train[1], validation[1]),
            "until": np.array([max((half[0, -1] for half in (train, validation) if half.size), default=0)], np.float32),
            **metrics,
            "metric_ranges": np.array(ranges, np.float32).reshape(-1, 2),
        }

    def labels(self) -> dict[str, Any]:
        """events: a short text for each; classifies: is there an accuracy?; metrics: the names of those drawn; moment:
        the step of a look at the past, or None; ghosts: their names; unmeasured: what to say where there is no step;
        marks."""
        texts = [event.text for event in self.source.history.events[-EVENTS:]]
        return {
            "events": texts,
            "classifies": self._classifies(),
            "metrics": [*self._metrics()][:METRICS],
            "moment": self.moment,
            "ghosts": self._ghost_names(),
            "unmeasured": self.unmeasured(),
            "marks": self.marks(),
        }

    def marks(self) -> dict[str, str]:
        often = "at every evaluation (of many points, on a sample of them, always the same)"
        found = {
            "train": "the loss of the batches that the steps were made with, on average; the band goes from the lowest "
            "to the highest of neighbouring steps",
            "validation": f"the loss on the validation points, {often}",
            "accuracy": f"the share of points that the network gets right: dashed, and in the number, of the "
            f"validation points, dotted of the training points, {often}",
            "metric": f"dashed on the validation points, dotted on the training points, {often}",
            "flag": "something was changed after this step",
            **self._ghost_marks("pale"),
        }
        return found if self.moment is None else {**found, "moment": f"the step that is shown, {self.moment:,}"}

    def _check(self):
        if self.source.steps and (known := getattr(self.source.history, "columns", {})) and "loss" not in known:
            names = ", ".join(map(repr, known))
            raise CannotSay(f"Loss: expected a series 'loss' in the history, which has {names}.")

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
        ax.set_title(self.heading, pad=20)
        colors.tidy(ax)
        frame = self.frame()
        steps, mean, low, high = frame["train"]
        if not steps.size and not frame["validation"].size:
            colors.unmeasured(ax, self.unmeasured())
            return ax
        ax.set(xlabel="step", ylabel="loss", yscale="log" if self.log else "linear")
        bottom, top = frame["range"][2:] if self.log else frame["range"][:2] * np.float32(1.03)
        ax.set_ylim(bottom, top)
        if self.log:
            colors.log_axis(ax.yaxis, bottom, top)
        for k, name in enumerate(self._ghost_names()):
            for half, color in (("train", colors.TRAIN), ("validation", colors.VALIDATION)):
                curve = frame.get(f"ghost{k}_{half}", _NOTHING)
                ax.plot(*curve[:2], color=color, linewidth=0.8, alpha=0.5)
            if curve.size:
                ax.annotate(name, curve[:2, -1], color=colors.MUTED, fontsize="x-small", ha="right", va="bottom")
        ax.fill_between(steps, low, high, where=np.isfinite(mean), color=colors.TRAIN, alpha=0.2, linewidth=0)
        alone = {"marker": "o", "markersize": 4}  # a point with none beside it is no line
        lines = ax.plot(steps, mean, color=colors.TRAIN, label="train", **(alone if len(steps) == 1 else {}))
        single = alone if frame["validation"].shape[1] == 1 else {}
        lines += ax.plot(*frame["validation"], color=colors.VALIDATION, label="validation", **single)
        if steps.size:
            self._plot_marks(ax, steps, mean, top)
        else:
            ax.text(0.5, 0.5, self.unmeasured(), color=colors.MUTED, ha="center", va="center", transform=ax.transAxes)
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
            found.append(
                ("validation accuracy", colors.ACCURACY, (0, 1), frame["train_accuracy"], frame["val_accuracy"])
            )
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
        events, moment = self.source.history.events[-EVENTS:], self.moment
        style = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "va": "top"}
        for event in events:
            ax.axvline(event.step, color=colors.MUTED, linewidth=0.8, linestyle=":", zorder=0)
            if len(events) <= 8:
                ax.annotate(event.text, (event.step, 1), xytext=(2, -2), rotation=90, color=colors.MUTED,
                            fontsize="x-small", **style)  # fmt: skip
        if moment is not None:
            ax.axvline(moment, color=colors.FOREGROUND, linewidth=1.2)
            ax.annotate(f"step {moment:,}", (moment, 0), xycoords=("data", "axes fraction"), xytext=(3, 3),
                        textcoords="offset points", color=colors.FOREGROUND, fontsize="small")  # fmt: skip
        style |= {"color": colors.WARNING, "weight": "bold", "ha": "right"}
        for step, word in alarms(steps, mean, self.log):
            ax.axvline(step, color=colors.WARNING, linewidth=1.5)
            ax.annotate(word, (step, 1), xytext=(-3, -2), **style)
        highest = np.where(np.isfinite(mean), mean, -np.inf)
        if (peak := highest.max()) > top:
            ax.annotate(f"▲ up to {number(peak)}", (steps[highest.argmax()], 1), xytext=(3, -16), **style)

    def describe(self) -> str:
        return self._described() + self._ghost_words(self._beside)

    def _beside(self, view):
        """What a ghost's loss is, and by how much this one differs."""
        for series, word in (("val_loss", "validation loss"), ("train_loss", "training loss")):
            own, other = self._until(series)[1][-1:], view._until(series)[1][-1:]
            if len(own) and len(other):
                less = float(own[0] - other[0])
                more = f"here {number(abs(less))} {'higher' if less > 0 else 'lower'}" if less else "here the same"
                return f"{word} {number(other[0])} after {plural(view.source.steps, 'step')}, {more}"
        return ""

    def _described(self):
        self._check()
        source, moment = self.source, self.moment
        batches, losses = self._until("loss")
        if not len(batches):
            return "No step has been taken yet." if moment is None else f"Step {moment:,}: before the first step."
        if not np.isfinite(losses[-1]):
            first = batches[np.flatnonzero(np.isfinite(losses))[-1] + 1 if np.isfinite(losses).any() else 0]
            said = f" {source.message}" if source.message else ""
            return f"Loss {number(losses[-1])} at step {first:,.0f}: the run has diverged.{said}"
        measured, train = self._until("train_loss")
        # Where it was measured not that of the newest batch, which is another at every step.
        at = int(measured[-1]) if len(train) else int(batches[-1]) if moment is not None else source.steps
        loss = train[-1] if len(train) else self.frame()["train"][1, -1] if moment is None else losses[-1]
        steps, values = self._until("val_loss")
        events = [event for event in source.history.events if moment is None or event.step < moment]
        since = max((event.step for event in events if _another_loss(event)), default=-1)
        more = [f"validation {number(values[-1])}"] if len(values) else []
        if self._classifies() and len(accuracy := self._until("val_accuracy")[1]):
            more.append(f"validation accuracy {percent(accuracy[-1])}")
        found = {name: self._cut(*val)[1] for name, (_, val) in self._metrics().items()}
        more += [f"{name} {number(each[-1])}" for name, each in found.items() if len(each)]
        words = f"Loss {number(loss)}{'' if len(train) else ' of the latest batches'} after {plural(at, 'step')}"
        words += f" ({', '.join(more)})" if more else ""
        if since >= at:
            return f"{words}, before its loss or data were changed."
        steps, values = steps[steps > since], values[steps > since]  # others are losses of something else
        if np.isfinite(values).any() and (best := np.nanargmin(values)) < len(values) - 1:
            words += f"; lowest validation {number(values[best])} at step {steps[best]:,}"
        return words + "."

    def _until(self, series):
        """Steps and values of a series, up to the moment of a look at the past."""
        return self._cut(*self.source.history.series(series))

    def _cut(self, steps, values):
        end = len(steps) if self.moment is None else np.searchsorted(steps, self.moment, side="right")
        return steps[:end], values[:end]


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


def _thin_band(steps, values, moment):
    if not len(steps):
        return np.zeros((4, 0), np.float32)
    starts = _starts(steps, moment)
    ends = np.append(starts[1:], len(steps)) - 1
    low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    return np.array([steps[ends], bucket_means(values, starts), low, high], np.float32)


def _thin(steps, values, moment):
    if not len(steps):
        return _NOTHING
    starts = _starts(steps, moment)
    ends = np.append(starts[1:], len(steps)) - 1
    return np.array([steps[ends], bucket_means(values, starts)], np.float32)


def _starts(steps, moment):
    """Where a curve is cut into points: each lies before or after the moment that is looked at."""
    starts = buckets(steps, POINTS)
    cut = len(steps) if moment is None else int(np.searchsorted(steps, moment, side="right"))
    return np.union1d(starts, [cut]) if 0 < cut < len(steps) else starts


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
