"""What can be seen of a watched loop: a source, see nbprop/record/source.py."""

from collections.abc import Callable
from typing import Any

import numpy as np

from nbprop.record import histograms as spread
from nbprop.record.layers import Layer, Wire
from nbprop.record.observation import Observation
from nbprop.record.quantities import Quantity
from nbprop.record.recorder import Recorder
from nbprop.record.source import CannotSay

from .spreads import Spreads

WHY_NOT = {
    "explained": "Explained goes through a step with nbprop's own layers, which know their equations. A watched loop "
    "has PyTorch's, or its own: build the same network of nb.nn, and give it and the data to a Trainer.",
    "landscape": "Landscape asks for the loss at many other weights. A watched loop says what its loss was, not how to "
    "compute it anew: give the network and the data to a Trainer, or draw a loss of two numbers with nb.Descent.",
    "sharpness": "Sharpness needs the Hessian of the loss, so the loss at other weights. A watched loop says what its "
    "loss was, not how to compute it anew: give the network and the data to a Trainer, trainer.sharpness().",
}


class Seen:
    """The part of a Loop that views read. All of it is of the last step that was looked into, in arrays that nothing
    writes to, so that it may be read from any thread while the loop computes."""

    watchers: "set[Any]"
    history: Any
    data: Any
    post: "Callable[[Callable[[], Any]], None]"
    between: "Callable[[Callable[[], Any]], Any]"
    _eyes: Any
    _recorder: Recorder
    _observation: "Observation | None"
    _spreads: Spreads
    _looked: int
    why_not = WHY_NOT

    def _needed(self):
        return {"layers"}.union(*(getattr(watcher, "records", ()) for watcher in self.watchers))

    @property
    def watched(self) -> bool:
        """Whether numbers of layers are recorded: always."""
        return True

    @property
    def layers(self) -> "list[Layer]":
        """A `Layer` for every module with weights that the loss depended on, in the order of the first call; none
        before the first step that was looked into."""
        return [] if self._observation is None else list(self._observation.layers)

    @property
    def wires(self) -> "list[Wire]":
        """A `Wire` for each of `layers`."""
        return self._eyes.wires if self._observation is not None else []

    @property
    def quantities(self) -> "dict[str, Quantity]":
        """What is recorded of each layer."""
        return self._recorder.quantities

    def record(self, name: str, function: Any, symbol: "str | None" = None, unit: str = "", log: bool = True) -> None:
        """Record a quantity of your own, as `Trainer.record` does."""
        checked = self._recorder.checked(name, function, symbol, unit, None, log, self.history.columns)
        self.post(lambda: self._recorder.put(name, checked))

    def probe(self) -> "dict[str, np.ndarray]":
        """The quantities of each layer in the last step that was looked into: dict of (layers,) float32."""
        seen = self._observation
        with np.errstate(all="ignore"):
            found = self._recorder.nothing(0) if seen is None else self._recorder.measure(seen)
        if missing := self._eyes.missing:  # layers that were not called
            for name, values in found.items():
                if np.ndim(values):
                    found[name] = np.ma.array(values, mask=np.ma.getmaskarray(values).copy())
                    found[name][missing] = np.ma.masked
        return found

    def observe(self, sample: Any = None, **given: Any) -> Any:
        """Without anything: the `Observation` of the last step that was looked into. With arrays: what a loop of yours
        has computed in a step, see `nb.watch`."""
        if given:
            return self._eyes.given(self, **given)
        if sample is not None:
            raise CannotSay("a watched loop shows the batch of its last step, not single samples")
        if self._observation is None:
            raise CannotSay("no step was looked into yet")
        return self._observation

    def histograms(self, kind: str, bins: int = 40) -> "tuple[np.ndarray, np.ndarray, np.ndarray]":
        """Counts (layers, bins), lowest and highest value (layers,) of "weights", "gradients" or "activations"."""
        return self._spread(("histograms", kind, bins), lambda: spread.histograms(self._arrays(kind), bins))

    def not_finite(self, kind: str) -> np.ndarray:
        """How many values are NaN and how many infinite: (layers, 2)."""
        return self._spread(("not_finite", kind), lambda: spread.not_finite(self._arrays(kind)))

    def _arrays(self, kind):
        if kind not in spread.KINDS:
            raise ValueError(f"expected one of {', '.join(spread.KINDS)}; got {kind!r}")
        seen = self._observation
        if seen is None:
            return []
        return {"weights": seen.W, "gradients": seen.dW, "activations": seen.a}[kind]

    def slopes(self, bins: int = 40) -> "dict[str, np.ndarray]":
        """How the inputs of the activations are spread: see `slopes` in record/histograms.py."""
        taps = [] if self._observation is None else self._observation.taps
        with np.errstate(all="ignore"):
            return self._spread(("slopes", bins), lambda: spread.slopes(taps, bins))

    def _spread(self, key, make):
        """What `make()` gives of the step that was looked into last: made once, and kept for a look at the past."""
        seen = self._observation
        known = self._spreads.of(key, seen)
        return self._spreads.keep(key, self._looked, seen, make()) if known is None else known

    def kept_spread(self, key: "tuple[Any, ...]", step: int) -> Any:
        """What was shown of that at the step, or last before it; None: nothing."""
        return self._spreads.at(key, step)

    @property
    def theta(self) -> np.ndarray:
        """All parameters as they are now, one vector; `theta[layer.weight]` are those of a layer."""
        return self._eyes.theta()

    def activations(self, X: Any) -> "list[np.ndarray]":
        """What every layer gives for samples X."""
        return self.between(lambda: self._eyes.activations(X))

    def predict(self, X: Any) -> np.ndarray:
        """What the model gives for samples X, as the data say: probabilities of classes, or values."""
        return self.between(lambda: self._eyes.predict(X, self.data))
