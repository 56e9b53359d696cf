"""A watched loop as it was: what its record holds of a step, for every view that shows a past."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from nbprop.record.layers import Layer, Wire
from nbprop.record.quantities import Quantity
from nbprop.record.source import CannotSay

from .seen import WHY_NOT


class Past:
    """`run.at(step)`: a source that is only looked at. It has what was recorded at that step or last before it: numbers
    of layers, and the histograms that were shown. The arrays of that step are gone.

    asked, steps, moment: the step. history: the loop's, all of it. `show(step)` goes to another one.
    """

    status, message, exact, why_not = "paused", "", True, WHY_NOT

    def __init__(self, run: Any, step: int) -> None:
        self.run, self.watchers, self._shown = run, set(), 0
        self.show(step)

    def show(self, step: int, wait: bool = True) -> None:
        """Look at another step. wait: it is there at once."""
        self.steps = self.asked = self.moment = min(max(int(step), self.run.earliest), self.run.steps)
        self._shown += 1

    def close(self) -> None:
        """Nothing is held."""

    @property
    def version(self) -> Any:
        """Another whenever another step is shown, or the loop went on."""
        return self._shown, self.run.version

    def post(self, function: Any) -> None:
        """As the loop's."""
        self.run.post(function)

    def between(self, function: Any) -> Any:
        """As the loop's."""
        return self.run.between(function)

    @property
    def history(self) -> Any:
        """The loop's."""
        return self.run.history

    @property
    def quantities(self) -> "dict[str, Quantity]":
        """What is recorded of each layer."""
        return self.run.quantities

    @property
    def layers(self) -> "list[Layer]":
        """The loop's."""
        return self.run.layers

    @property
    def wires(self) -> "list[Wire]":
        """The loop's."""
        return self.run.wires

    @property
    def data(self) -> Any:
        """The loop's."""
        return self.run.data

    @property
    def evaluation(self) -> "dict[str, float]":
        """The newest numbers of the loop's own at or before the step."""
        found = {}
        for name in self.run.evaluation:
            steps, values = self.history.series(name)
            if count := int(np.searchsorted(steps, self.moment, side="right")):
                found[name] = float(values[count - 1])
        return found

    @property
    def samples(self) -> Any:
        """The loop's."""
        return self.run.samples

    @property
    def knobs(self) -> "dict[str, Any]":
        """How each knob stood, as far as the flags say."""
        return {name: SimpleNamespace(read=lambda name=name: self._stood(name)) for name in self.run.knobs}

    def _stood(self, name):
        for event in self.history.events:
            if event.name == name and event.step >= self.moment:
                if self.run.turned_since(event) < self.moment:
                    raise CannotSay("a schedule of the loop's turned it then, and not every value is kept")
                return event.old
        return self.run.knobs[name].read()

    def probe(self) -> "dict[str, np.ndarray]":
        """Nothing: the record is asked."""
        raise CannotSay(self._gone("what was recorded of each layer"))

    def histograms(self, kind: str, bins: int = 40) -> "tuple[np.ndarray, np.ndarray, np.ndarray]":
        """Those that were shown at that step, or last before it."""
        return self._spread("histograms", kind, bins)

    def not_finite(self, kind: str) -> np.ndarray:
        """As `histograms`."""
        return self._spread("not_finite", kind)

    def slopes(self, bins: int = 40) -> "dict[str, np.ndarray]":
        """As `histograms`."""
        return self._spread("slopes", bins)

    def _spread(self, *key):
        found = self.run.kept_spread(key, self.moment)
        if found is None:
            raise CannotSay(self._gone("no such histogram: they are kept of steps at which they were shown"))
        return found

    def _gone(self, what):
        snapshots = ", ".join(f"{step:,}" for step in self.run.snapshots)
        more = f" There are snapshots of step {snapshots}, to which Continue goes back." if snapshots else ""
        return f"Of step {self.moment:,} there is {what}. Its arrays are gone.{more}"

    @property
    def theta(self) -> np.ndarray:
        """Gone."""
        raise CannotSay(self._gone("only what was recorded"))

    def observe(self, sample: Any = None) -> Any:
        """Gone."""
        raise CannotSay(self._gone("only what was recorded"))

    def predict(self, X: Any) -> np.ndarray:
        """Gone."""
        raise CannotSay(self._gone("only what was recorded"))

    def activations(self, X: Any) -> "list[np.ndarray]":
        """Gone."""
        raise CannotSay(self._gone("only what was recorded"))

    def __repr__(self) -> str:
        return f"Past(step {self.moment:,} of {self.run.steps:,})"
