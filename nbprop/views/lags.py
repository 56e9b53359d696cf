"""The gradient flow through time: how much of dL/dh is left at every time step of a recurrent network."""

from typing import Any

import numpy as np

from nbprop.record import verdicts
from nbprop.record.lessons import Lesson
from nbprop.record.quantities import series_of
from nbprop.record.source import Layered, Recorded

from .base.flowing import words_of
from .base.laid import ABSENT, Laid
from .base.view import Option, number, plural
from .gradients import GradientFlow

RECURRENT = ("RNN", "GRU", "LSTM")
LOG = Option("log", "log", default=True, where="browser")


def _recurrent(source):
    """Its recurrent layers; of several above each other, or in two directions, each."""
    return [layer for layer in getattr(source, "layers", ()) if layer.kind in RECURRENT]


class Lags(GradientFlow):
    """Norm of dL/dh_t at every time step of a recurrent layer: a profile of the last training step, and a map of time
    steps and training steps. The last time step T is at the bottom, as the output is in the gradient flow; of a
    direction that reads from the end it is the first place of the sequence.

    Where the loss sees the last output alone, the row T - k is what is left of its gradient after k steps back
    (Hochreiter 1991; Bengio, Simard and Frasconi 1994). Where it sees all outputs, a row is what arrives from all later
    ones together. Options: `log` (default True); `layer`: 1 for the first recurrent layer (or direction of one), the
    default, 2, ... in the order in which they were computed.
    """

    name = "lags"
    links = ()  # its rows are no layers
    title = "Gradient through time"
    about = (
        "How much of the gradient is left at each earlier place of a sequence, now and over the training steps. Where "
        "nothing is left, the network cannot learn from what came that long before."
    )
    lesson = Lesson(10, "What is left after k steps")
    contract = (Recorded, Layered)
    records = frozenset({"lags"})
    layer: Any = "1"
    options: Any = (Option("layer", "layer", (("1", "1"),), "1", more=True), LOG)  # if there are several
    quantity = "dh"
    theory = False

    def __init__(self, source, **options) -> None:
        choices = tuple((str(i + 1), layer.name) for i, layer in enumerate(_recurrent(source)))
        self.options = (*([Option("layer", "layer", choices, "1")] if len(choices) > 1 else []), LOG)
        super().__init__(source, **options)

    @classmethod
    def suits(cls, source) -> bool:
        return super().suits(source) and bool(_recurrent(source))

    def __setattr__(self, name, value) -> None:
        super().__setattr__(name, str(value) if name == "layer" else value)

    def _read(self):
        steps, values = self.source.history.series(series_of(int(self.layer) - 1))
        i = len(steps) - 1 if self.moment is None else int(np.searchsorted(steps, self.moment, side="right")) - 1
        if i < 0:
            nothing = np.zeros(0, np.float32)
            return nothing, nothing, Laid(steps[:0], nothing.reshape(0, 0), 0, 0), self.source.steps
        values = np.asarray(values, np.float32).reshape(len(steps), -1)
        there = np.flatnonzero(~np.isnan(values[i]))  # a longer sequence may have been recorded at another step
        count = there[-1] + 1 if there.size else values.shape[1]
        values = values[:, :count][:, ::-1]
        return values[i], np.full(count, ABSENT, np.float32), Laid(steps, values, 0, len(steps)), int(steps[i])

    def labels(self) -> dict[str, Any]:
        """layers: a name for each time step; activations and units: of the recurrent layer; what is shown, and of when;
        marks."""
        count = len(self._read()[0])
        layers = _recurrent(self.source)[int(self.layer) - 1 :]
        kind, units = (layers[0].kind, int(layers[0].units)) if layers else ("", 0)
        return {
            "layers": [f"T − {lag}" if lag else "T" for lag in range(count - 1, -1, -1)],
            "activations": [kind] * count,
            "units": [units] * count,
            "saturated": [""] * count,
            **words_of(self._shown()),
            **self._when(),
            "marks": self.marks(),
        }

    def marks(self) -> dict[str, str]:
        found = super().marks()
        when = "last step that was recorded" if self.moment is None else "step that is shown"
        return {
            "profile": f"norm of dL/dh at each time step of the {when}; T is the last time step, at the bottom",
            "map": found["map"].replace("layer", "time step", 1),
            **{name: found[name] for name in ("recent", "colours", "moment", "ghost") if name in found},
        }

    def describe(self) -> str:
        now, _, _, step = self._read()
        now = now.astype(np.float64)
        if len(now) < 2:
            return (
                "No gradient has been sent back through time yet."
                if self.moment is None
                else f"No gradient through time was recorded up to step {self.moment:,}."
            )
        layers = _recurrent(self.source)
        where = f"In {layers[int(self.layer) - 1].name}: " if len(layers) > 1 else ""
        words = ("" if self.moment is None else f"At step {step:,}: ") + where + self._through_time(now)
        return words + self._ghost_words(self._factors)

    def _through_time(self, now):
        if not np.isfinite(now).all():
            return f"{self._shown().said} is not finite at {plural(int((~np.isfinite(now)).sum()), 'time step')}."
        first, last, symbol = now[0], now[-1], self._shown().said
        back = f"over {plural(len(now) - 1, 'step')} back in time"
        if first == 0 or last == 0:
            return f"{symbol} is {number(last)} at the last step and {number(first)} {back}."
        change, factor, verdict = verdicts.flow(last, first)
        if change == "is steady":
            return f"{symbol} is steady {back} (between {number(now.min(), 2)} and {number(now.max(), 2)})."
        return f"{symbol} {change} by a factor {number(factor, 2)} {back}{': ' if verdict else ''}{verdict}."
