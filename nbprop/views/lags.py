"""The gradient flow through time: how much of dL/dh is left at every time step of a recurrent network."""

from typing import Any

import numpy as np

from nbprop.record import verdicts
from nbprop.record.source import Layered, Recorded

from .base.view import Option, number, plural
from .gradients import GradientFlow, words_of

RECURRENT = ("RNN", "GRU", "LSTM")


class Lags(GradientFlow):
    """Norm of dL/dh_t at every time step of the first recurrent layer: a profile of the last training step, and a map
    of time steps and training steps. The last time step T is at the bottom, as the output is in the gradient flow.

    Where the loss sees the last output alone, the row T - k is what is left of its gradient after k steps back
    (Hochreiter 1991; Bengio, Simard and Frasconi 1994). Where it sees all outputs, a row is what arrives from all later
    ones together. Option: `log` (default True).
    """

    name = "lags"
    title = "Gradient through time"
    contract = (Recorded, Layered)
    records = frozenset({"lags"})
    options = (Option("log", "log", default=True, where="browser"),)
    quantity = "dh"

    def _read(self):
        steps, values = self.source.history.series(self._shown().series)
        if not len(steps):
            nothing = np.zeros(0, np.float32)
            return nothing, nothing, (steps, nothing.reshape(0, 0), 0)
        values = np.asarray(values, np.float32).reshape(len(steps), -1)
        count = int(np.isfinite(values[-1]).sum())  # a longer sequence may have been recorded before
        values = values[:, :count][:, ::-1]
        return values[-1], np.full(count, np.nan, np.float32), (steps, values, 0)

    def labels(self) -> dict[str, Any]:
        """layers: a name for each time step; activations and units: of the recurrent layer; what is shown."""
        count = len(self._read()[0])
        layer = next((layer for layer in self.source.layers if layer.kind in RECURRENT), None)
        kind, units = (layer.kind, int(layer.units)) if layer else ("", 0)
        return {
            "layers": [f"T − {lag}" if lag else "T" for lag in range(count - 1, -1, -1)],
            "activations": [kind] * count,
            "units": [units] * count,
            "saturated": [""] * count,
            **words_of(self._shown()),
        }

    def describe(self) -> str:
        now = self._read()[0].astype(np.float64)
        if len(now) < 2:
            return "No gradient has been sent back through time yet."
        first, last, symbol = now[0], now[-1], self._shown().said
        back = f"over {plural(len(now) - 1, 'step')} back in time"
        if first == 0 or last == 0:
            return f"{symbol} is {number(last)} at the last step and {number(first)} {back}."
        change, factor, verdict = verdicts.flow(last, first)
        if change == "is steady":
            return f"{symbol} is steady {back} (between {number(now.min(), 2)} and {number(now.max(), 2)})."
        return f"{symbol} {change} by a factor {number(factor, 2)} {back}{': ' if verdict else ''}{verdict}."
