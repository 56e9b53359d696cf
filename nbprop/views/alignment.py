"""Where the labels are, of frames without an alignment: what the network says, and what CTC makes of it."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.checks import optional, whole
from nbprop.nn import ctc
from nbprop.record.lessons import Lesson
from nbprop.record.source import CannotSay, Predicts

from .base import colors
from .base.view import Option, View, new_axes, number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Alignment(View):
    """CTC at work on one sequence: above, what the network gives each class at each frame; below, where the alignments
    of the true labels are, a row for each state blank, label, blank, ...

    X: one sequence as the model takes it, with an axis for the samples, of which there is one; `predict(X)` gives
        (1, T, C), logits or logarithms of probabilities.
    labels: (S,), the true ones. frames: how many of the T count, default all. classes: names of the C classes, default
        their numbers. blank: number of the blank class.
    Options: `above`: "said", the probability of each class, or "gradient", what the loss sends back to the logits: the
        probability of a class less the share of the alignments that are in it.
    """

    name = "alignment"
    title = "CTC alignment"
    about = (
        "Frames from left to right, and nobody has said which belongs to which label. Above, what the network says of "
        "each frame; below, where the labels can be, each alignment counted as much as the network makes it probable."
    )
    lesson = Lesson(17, "Watching it align")
    contract = (Predicts,)
    shows = "a Trainer that learns by CTC"
    size = (5.2, 4.2)
    rate = 12.0
    above: str
    options = (Option("above", "above", (("said", "what is said"), ("gradient", "the gradient")), default="said"),)

    def __init__(
        self, source, X: Any = None, labels: Any = None, frames: int | None = None, classes=None, blank: int = 0, *,
        above: str = "said",
    ) -> None:  # fmt: skip
        super().__init__(source, above=above)
        self.X, self.true, self.classes, self.blank = X, labels, classes, whole()("Alignment: blank", blank)
        self.frames = optional(whole(1))("Alignment: frames", frames)
        if labels is not None:
            self.true = true = np.asarray(labels if np.size(labels) else np.zeros(0, int))
            if true.ndim != 1 or true.dtype.kind not in "iu" or (true == blank).any() or (true < 0).any():
                raise ValueError(
                    f"Alignment: labels: expected class numbers (S,) other than the blank, {blank}, got {labels!r}"
                )

    @classmethod
    def suits(cls, source) -> bool:
        return False  # of which sequence, a list cannot know

    def _said(self):
        """ln of the probabilities of the frames that count, (T, C)."""
        if self.X is None or self.true is None:
            raise CannotSay("Alignment shows one sequence: give it, X and labels, as in Alignment(trainer, X, labels).")
        found = np.asarray(self.source.predict(self.X), np.float64)
        if found.ndim != 3 or len(found) != 1:
            raise CannotSay(f"Alignment shows scores (1, T, C) of one sequence, and predict(X) gave {found.shape}.")
        if (self.frames or 0) > found.shape[1] or self.blank >= found.shape[2]:
            raise CannotSay(
                f"Alignment: expected at most {found.shape[1]} frames and a blank below {found.shape[2]}, as the "
                f"scores have them, got frames={self.frames}, blank={self.blank}."
            )
        z = found[0, : self.frames]
        top = z.max(axis=1, keepdims=True)
        return z - top - np.log(np.exp(z - top).sum(axis=1, keepdims=True))

    def _numbers(self):
        source = self.source
        return self._constant("numbers", (source, source.version, source.steps), self._reckoned)

    def _reckoned(self):
        log_p = self._said()
        if not np.isfinite(log_p).all():
            nan = np.full((len(log_p), 2 * len(self.true) + 1), np.nan)
            return np.exp(log_p), nan, np.full(log_p.shape, np.nan), np.nan
        if self.true.size and self.true.max() >= log_p.shape[1]:
            raise CannotSay(
                f"Alignment: label {self.true.max()} is none of the {log_p.shape[1]} classes of the scores."
            )
        try:
            shares = ctc.occupancy(log_p, self.true, self.blank)
        except ValueError as no:
            raise CannotSay(f"Alignment: {no}.") from None
        p, gradient = np.exp(log_p), np.exp(log_p)
        np.subtract.at(gradient.T, self._states(), shares.T)
        loss = ctc.CTCLoss(self.blank, "sum")(log_p[:, None], self.true[None]).item()
        return p, shares, gradient, loss

    def _states(self):
        states = np.full(2 * len(self.true) + 1, self.blank)
        states[1::2] = self.true
        return states

    def frame(self) -> dict[str, np.ndarray]:
        """above (C, T): probabilities or dL/dlogits; shares (2 S + 1, T): of the alignments in each state; loss (1,):
        -ln p(labels)."""
        p, shares, gradient, loss = self._numbers()
        above = p if self.above == "said" else gradient
        found = {"above": above.T, "shares": shares.T, "loss": [loss]}
        return {name: np.array(value, np.float32, order="C") for name, value in found.items()}

    def labels(self) -> dict[str, Any]:
        """classes: a name for each row above; states: for each row below; above: which; said; marks."""
        p = self._numbers()[0]
        names = self._names(p.shape[1])
        return {
            "classes": names,
            "states": [names[k] if k != self.blank else "" for k in self._states()],
            "above": self.above,
            "said": self._words(p),
            "marks": self.marks(),
        }

    def _names(self, many):
        names = [str(k) for k in range(many)] if self.classes is None else [str(each) for each in self.classes]
        if len(names) != many:
            raise CannotSay(f"Alignment: {many} classes have scores, and classes names {len(names)}.")
        return ["blank" if k == self.blank and self.classes is None else name for k, name in enumerate(names)]

    def _words(self, p):
        if np.isnan(p).any():
            return "NaN"
        names = self._names(p.shape[1])
        said = [names[k] for k in ctc.decode(p[None], blank=self.blank)[0]]
        return " ".join(said) if said else "nothing"

    def marks(self) -> dict[str, str]:
        what = {
            "said": "a row for each class; the bluer, the more probable the network takes it to be at a frame",
            "gradient": "a row for each class: dL/dlogits; orange: its score is to rise there, blue: it is to fall",
        }
        return {
            "above": what[self.above],
            "below": "a row for each state of the true labels, from the first at the top to the last; unnamed rows are "
            "blanks; the bluer, the more of the alignments are there at that frame",
            "said": "the likeliest class of each frame, repeats merged, blanks dropped",
        }

    def plot(self, ax=None) -> "Axes":
        frame, labels = self.frame(), self.labels()
        ax = new_axes(ax, *self.size)
        ax.set_title(f"{self.title}: says {labels['said']}")
        ax.axis("off")
        rows = len(frame["above"]), len(frame["shares"])
        split = rows[1] / sum(rows)
        most = float(np.nanmax(np.abs(frame["above"]), initial=1e-6)) if self.above == "gradient" else 1.0
        palette, least = (colors.DIVERGING, -most) if self.above == "gradient" else (colors.SHARE, 0.0)
        for values, names, box, stops, low, high in (
            (frame["above"], labels["classes"], (0.12, split + 0.04, 0.88, 0.96 - split), palette, least, most),
            (frame["shares"], labels["states"], (0.12, 0, 0.88, split - 0.04), colors.SHARE, 0.0, 1.0),
        ):
            part = ax.inset_axes(box)
            extent = (0.5, values.shape[1] + 0.5, len(names) - 0.5, -0.5)  # frames count from 1, as in the live view
            paint = colors.colormap(stops)
            part.imshow(values, paint, aspect="auto", interpolation="nearest", vmin=low, vmax=high, extent=extent)
            part.set_yticks(range(len(names)), names, fontsize=7)
            part.tick_params(length=0, labelcolor=colors.FOREGROUND, labelsize=7)
            part.spines[:].set_color(colors.GRID)
            if values is frame["above"]:
                part.set_xticks([])
            else:
                part.set_xlabel("frame", color=colors.MUTED)
        return ax

    def describe(self) -> str:
        p, shares, _, loss = self._numbers()
        if not np.isfinite(loss):
            return "The network's output is not finite."
        names = self._names(p.shape[1])
        where = [f"{names[k]} at {shares[:, 2 * i + 1].argmax() + 1}" for i, k in enumerate(self.true)]
        blanks = percent((p.argmax(axis=1) == self.blank).mean())
        return (
            f"-ln p of the labels is {number(loss)}; it says {self._words(p)}. Blank is likeliest at {blanks} of "
            f"{len(p)} frames. The labels are likeliest at frames: {', '.join(where) or 'none'}."
        )
