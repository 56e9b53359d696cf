"""The gradient flow through time: how much of dL/dh is left at every time step of a recurrent network."""

import numpy as np

from .gradients import GradientFlow
from .view import Option, number, plural

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
    needs = frozenset({"lags"})
    options = (Option("log", "log", default=True),)
    quantity = "dh"

    def _read(self):
        steps, values = self.source.history.series("dh")
        if not len(steps):
            nothing = np.zeros(0, np.float32)
            return nothing, nothing, (steps, nothing.reshape(0, 0), 0)
        values = np.asarray(values, np.float32).reshape(len(steps), -1)
        count = int(np.isfinite(values[-1]).sum())  # a longer sequence may have been recorded before
        values = values[:, :count][:, ::-1]
        return values[-1], np.full(count, np.nan, np.float32), (steps, values, 0)

    def labels(self):
        """layers: a name for each time step; activations and units: of the recurrent layer; what is shown."""
        count = len(self._read()[0])
        layer = next((layer for layer in self.source.layers if layer.kind in RECURRENT), None)
        kind, units = (layer.kind, int(layer.units)) if layer else ("", 0)
        return {
            "layers": [f"T − {lag}" if lag else "T" for lag in range(count - 1, -1, -1)],
            "activations": [kind] * count,
            "units": [units] * count,
            "silent": [""] * count,
            "quantity": self.quantity,
            "symbol": "dL/dh",
            "unit": "norm",
        }

    def describe(self):
        now = self._read()[0].astype(np.float64)
        if len(now) < 2:
            return "No gradient has been sent back through time yet."
        first, last = now[0], now[-1]
        back = f"over {plural(len(now) - 1, 'step')} back in time"
        if first == 0 or last == 0:
            return f"dL/dh is {number(last)} at the last step and {number(first)} {back}."
        if last >= 2 * first:
            word = ": vanishing" if last > 100 * first else ""
            return f"dL/dh falls by a factor {number(last / first, 2)} {back}{word}."
        if first >= 2 * last:
            word = ": exploding" if first > 100 * last else ""
            return f"dL/dh grows by a factor {number(first / last, 2)} {back}{word}."
        return f"dL/dh is steady {back} (between {number(now.min(), 2)} and {number(now.max(), 2)})."
