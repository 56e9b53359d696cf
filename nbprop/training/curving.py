"""The sharpness of a run, measured between its steps: at once, or a slice at a time while it plays."""

import time
from typing import Any, Self

import numpy as np

from nbprop.second_order import lanczos, largest_eigenvalue

from .around import Around
from .past import same_trail

SLICE = 0.003  # seconds of measuring between two steps, about: at least one gradient
SHARE = 0.1  # of the time that a run which plays may be kept waiting
SETTLED = 0.05  # share of the value within which an eigenvalue must be to be recorded


class Curving:
    """What measures the sharpness: the largest eigenvalue of the Hessian of the training loss.

    The leading eigenvectors of the last time are where the next search begins. why: it cannot be measured, or "".
    complaint: the same, until somebody has taken it, once.
    """

    def __init__(self) -> None:
        self.why = self.complaint = ""
        self._vector: Any = None
        self._way: Any = None  # what is being measured
        self._of: Any = None  # run, trail and step, and what is stable then
        self._due = 0.0  # on the clock, when the next slice may be made

    def __deepcopy__(self, memo) -> Self:
        return type(self)()

    def __reduce__(self) -> Any:
        return type(self), ()

    @property
    def busy(self) -> bool:
        return self._way is not None

    def begin(self, run, past) -> None:
        """Begin to measure the run as it is now."""
        self._way = None
        try:
            around = Around(run, statistics=True)
            stable = run.stability().threshold
        except Exception as error:  # of the user's own model, perhaps: the run goes on
            self._fail(str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}")
            return
        self.why = ""
        vector = self._vector if self._vector is not None and self._vector.size == run.theta.size else None
        seed = [run.seed, 6, run.steps]
        self._way = lanczos(around.gradient, around.theta, vector, seed=seed, frozen=around.frozen)
        self._of = run, past.trail(run.steps), run.steps, stable

    def go(self, run, past, whole) -> "tuple[int, float, float] | None":
        """Go on measuring, to the end or for a slice if it is time for one. When it is known: (step, sharpness, what is
        stable). What is no longer in the past of the run is let go of."""
        begun = time.perf_counter()
        if self._way is None or (not whole and begun < self._due):
            return None
        of, trail, step, stable = self._of
        if of is not run or step > run.steps or not same_trail(trail, past.trail(step)):
            self._way = None
            return None
        found = None
        try:
            with np.errstate(all="ignore"):  # what is not finite is found
                while whole or time.perf_counter() - begun < SLICE:
                    next(self._way)
        except StopIteration as end:
            found, self._way = end.value, None
        except Exception as error:
            self._way = None
            self._fail(f"{type(error).__name__}: {error}")
        now = time.perf_counter()
        self._due = now + (now - begun) * (1 / SHARE - 1)
        if found is None:
            return None
        value, _, error, guess = found
        if np.isfinite(value):
            self._vector = guess
            if error > SETTLED * abs(value):
                self._fail("the largest eigenvalue of the Hessian did not settle")
                return None
        return step, value, stable

    def _fail(self, why):
        if why != self.why:
            self.complaint = f"The sharpness cannot be measured: {why}"
        self.why = why


def sharpness(run) -> float:
    """The sharpness of a run as it is, measured at once."""
    around = Around(run, statistics=True)
    return largest_eigenvalue(around.gradient, around.theta, seed=[run.seed, 6, run.steps], frozen=around.frozen)[0]
