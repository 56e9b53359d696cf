"""The loss over the steps: training, validation, accuracy, and what was changed on the way."""

import numpy as np

from . import colors
from .view import Option, View, bucket_means, buckets, log_range, new_axes, number, percent, plural

POINTS = 160  # a curve is thinned to at most so many
EVENTS = 200  # the newest of which so many are flagged


class Loss(View):
    """Training loss (mean of neighbouring batches, with a band from the lowest to the highest), validation loss and,
    when the network classifies, the share it gets right; a flag at every change.

    Options: `log` (logarithmic loss axis, default False), `accuracy` (default True).
    """

    name = "loss"
    title = "Loss"
    rate = 18.0
    options = (Option("log", "log"), Option("accuracy", "accuracy", default=True))

    def frame(self):
        """train (4, n): step, mean, lowest, highest; validation, train_accuracy, val_accuracy (2, m): step, value;
        events (k,): steps; range (4,): lowest and highest loss of a linear and of a logarithmic axis.
        """
        history = self.source.history
        train = _thin_band(*history.series("loss"))
        validation = _thin(*history.series("val_loss"))
        classifies = self._classifies()
        return {
            "train": train,
            "validation": validation,
            "train_accuracy": _thin(*history.series("train_accuracy")) if classifies else _NOTHING,
            "val_accuracy": _thin(*history.series("val_accuracy")) if classifies else _NOTHING,
            "events": np.array([event.step for event in history.events[-EVENTS:]], np.float32),
            "range": _ranges(train[1], validation[1]),
        }

    def labels(self):
        """events: a short text for each; classifies: is there an accuracy?"""
        texts = [event.text for event in self.source.history.events[-EVENTS:]]
        return {"events": texts, "classifies": self._classifies()}

    def _classifies(self):
        return self.source.data.task != "regression"

    def plot(self, ax=None):
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
        if self.accuracy and frame["val_accuracy"].size:
            right = ax.twinx()
            right.plot(*frame["train_accuracy"], color=colors.ACCURACY, linewidth=0.9, linestyle=":")
            lines += right.plot(*frame["val_accuracy"], color=colors.ACCURACY, linestyle="--", label="accuracy")
            right.set(ylim=(0, 1))
            right.set_ylabel("accuracy", color=colors.ACCURACY)
            right.tick_params(colors=colors.ACCURACY, labelsize="small")
            right.spines[:].set_visible(False)
        # In a row above the curves, which may be anywhere.
        ax.legend(handles=lines, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1), frameon=False, fontsize="small",
                  borderaxespad=0.2, columnspacing=1.2)  # fmt: skip
        return ax

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

    def describe(self):
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
        if not len(losses):
            return f"Loss {number(loss)} of the latest batches after {plural(source.steps, 'step')}."
        # Not that of the newest batch, which is another at every step.
        words = f"Loss {number(losses[-1])} after {plural(int(measured[-1]), 'step')}"
        steps, values = history.series("val_loss")
        if not len(values):
            return words + "."
        words += f" (validation {number(values[-1])}"
        if self._classifies() and len(accuracy := history.series("val_accuracy")[1]):
            words += f", accuracy {percent(accuracy[-1])}"
        words += ")"
        if np.isfinite(values).any() and (best := np.nanargmin(values)) < len(values) - 1:
            words += f"; lowest validation {number(values[best])} at step {steps[best]:,}"
        return words + "."


_NOTHING = np.zeros((2, 0), np.float32)


def alarms(steps, values, log):
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
