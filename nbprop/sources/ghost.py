"""A run as it was when it was pinned: numbers that stay, whatever becomes of the run."""

import copy
import weakref
from contextlib import suppress
from typing import Any

import numpy as np

from nbprop.record.histograms import KINDS
from nbprop.record.source import CannotSay

from .differences import difference, settings

BINS = 40  # as many as the histograms that are drawn
FAULTS = (CannotSay, ValueError, TypeError, AttributeError)  # a source need not have an answer to everything


class Ghost:
    """A copy of what views read of a source, at this moment: a source itself, for `ghosts=` of a view and for any view.

    source: a Trainer, a moment of one, or another source. name: what it is called; by default what was different about
    the run then beside what it is now, "lr 0.01", else its step.

    It has what the source has: history, layers, what was measured in the last step, histograms, data, and a copy of the
    model to predict with. It holds on to neither the source nor its way back.
    """

    status, message, version, moment = "paused", "", 0, None

    def __init__(self, source: Any, name: str = "") -> None:
        self.watchers: set[Any] = set()
        self.steps = int(source.steps)
        self._given, self._source = name, weakref.ref(getattr(source, "trainer", source))
        getattr(source, "between", lambda function: function())(lambda: self._take(source))

    def _take(self, source):
        self._settings = settings(source) if hasattr(source, "_run") else None
        if hasattr(source, "history"):
            self.history = source.history.copy()
        self._keep("layers", lambda: list(source.layers))
        self._keep("evaluation", lambda: dict(source.evaluation))
        self._keep("quantities", lambda: dict(source.quantities))
        self._keep("data", lambda: source.data)
        self._keep("_probed", lambda: {name: np.ma.copy(values) for name, values in source.probe().items()})
        self._keep("_counts", lambda: {kind: source.histograms(kind, BINS) for kind in KINDS})
        self._keep("_ill", lambda: {kind: source.not_finite(kind) for kind in KINDS})
        self._keep("_stable", lambda: source.stability())
        self._keep("_model", lambda: copy.deepcopy(source.model))
        self._keep("_objective", lambda: source.objective)

    def _keep(self, name, make):
        with suppress(*FAULTS):
            setattr(self, name, make())

    def _kept(self, name) -> Any:
        if name not in vars(self):
            raise CannotSay(f"this was not kept of {self!r}, which had no answer itself when it was pinned.")
        return vars(self)[name]

    @property
    def name(self) -> str:
        """What it is called."""
        source = self._source()
        different = "" if source is None or self._settings is None else difference(self._settings, settings(source))
        return self._given or different or f"step {self.steps:,}"

    def probe(self) -> "dict[str, np.ndarray]":
        """What was measured in each layer in the last step."""
        return self._kept("_probed")

    def histograms(self, kind: str, bins: int = BINS) -> "tuple[np.ndarray, np.ndarray, np.ndarray]":
        """Counts (layers, 40), lowest and highest value (layers,)."""
        if bins != BINS:
            raise CannotSay(f"a ghost has histograms of {BINS} bins, not of {bins}.")
        return self._kept("_counts")[kind]

    def not_finite(self, kind: str) -> np.ndarray:
        """How many values were NaN and how many infinite: (layers, 2)."""
        return self._kept("_ill")[kind]

    def stability(self) -> Any:
        """How large the sharpness may be: see `Trainer.stability`."""
        return self._kept("_stable")

    def sharpness(self) -> float:
        """The newest that was measured."""
        found = self.history.series("sharpness")[1]
        if not len(found):
            raise CannotSay(f"the sharpness was not measured of {self!r} before it was pinned.")
        return float(found[-1])

    def predict(self, X: Any) -> Any:
        """What its model says of samples X."""
        model, objective = self._kept("_model"), self._kept("_objective")
        with np.errstate(all="ignore"):
            return objective.predict(model, X)

    def __repr__(self) -> str:
        return f"Ghost({self.name}, step {self.steps})"
