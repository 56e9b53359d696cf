"""Learning rates that change by plan: functions of the number of updates done, which give a factor for lr.

`optim.SGD(lr=0.1, schedule=CosineAnnealingLR(500))` steps with 0.1 * schedule(t) at update t = 0, 1, 2, ... Schedules
remember nothing, so going back to an earlier update goes back to its learning rate, and `lr` stays free to be turned by
hand. They multiply: `LinearLR(100) * CosineAnnealingLR(1000)` is a warm-up followed by a cosine.

NB: PyTorch's are bound to an optimizer, count with their own step(), usually epochs, and overwrite lr.
"""

from dataclasses import dataclass
from math import cos, pi
from typing import Self

from ..checks import number, whole, wrong
from .optimizer import Optimizer

_checks = {
    **dict.fromkeys(("gamma", "eta_min", "start_factor"), number(0)),
    **dict.fromkeys(("step_size", "T_max", "total_iters", "div_factor", "final_div_factor"), number(above=0)),
    "start": whole(),
    "total_steps": number(above=1),
    "pct_start": number(0, 1),
}


@dataclass(frozen=True)
class Schedule:
    """A function step -> factor."""

    def __new__(cls, *values, **settings) -> Self:
        if isinstance(settings.get("optimizer", values[0] if values else None), Optimizer):
            raise TypeError(
                f"{cls.__name__} is not given an optimizer, but given to one: "
                f"nb.optim.Adam(lr=0.01, schedule=nb.optim.{cls.__name__}(...)); there is no step() to call"
            )
        return super().__new__(cls)

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name in _checks:
                _checks[name](name, value)
            elif not callable(value):  # one that is made of others
                raise TypeError(wrong(name, "a schedule", value, "StepLR(100)"))

    def __call__(self, step) -> float:
        raise NotImplementedError

    def __mul__(self, other) -> "Product":
        return Product(self, other)


@dataclass(frozen=True)
class Product(Schedule):
    """first(step) * second(step)."""

    first: Schedule
    second: Schedule

    def __call__(self, step) -> float:
        return self.first(step) * self.second(step)


@dataclass(frozen=True)
class Later(Schedule):
    """plan(step - start): a schedule that begins at update `start`; before it is what it begins with."""

    plan: Schedule
    start: int

    def __call__(self, step) -> float:
        return self.plan(max(step - self.start, 0))

    def __str__(self) -> str:
        return f"{self.plan} from update {self.start:,}"


@dataclass(frozen=True)
class StepLR(Schedule):
    """gamma^floor(step / step_size): lr falls by the factor gamma every step_size updates."""

    step_size: int
    gamma: float = 0.1

    def __call__(self, step) -> float:
        return self.gamma ** (step // self.step_size)


@dataclass(frozen=True)
class ExponentialLR(Schedule):
    """gamma^step."""

    gamma: float

    def __call__(self, step) -> float:
        return self.gamma**step


@dataclass(frozen=True)
class CosineAnnealingLR(Schedule):
    """Half a cosine from 1 to eta_min over T_max updates, eta_min from then on (Loshchilov & Hutter 2017, SGDR, eq. 5).

    NB: PyTorch's eta_min is a learning rate, not a factor, and its cosine rises again after T_max.
    """

    T_max: int
    eta_min: float = 0.0

    def __call__(self, step) -> float:
        return _cosine(1, self.eta_min, step / self.T_max)


@dataclass(frozen=True)
class LinearLR(Schedule):
    """Warm-up: from start_factor in a straight line to 1 over total_iters updates, 1 from then on."""

    total_iters: int = 5
    start_factor: float = 1 / 3

    def __call__(self, step) -> float:
        return self.start_factor + (1 - self.start_factor) * min(step / self.total_iters, 1)


@dataclass(frozen=True)
class OneCycleLR(Schedule):
    """Up and down once, both as half a cosine: from 1 / div_factor to 1 over the share pct_start of total_steps, then
    down to 1 / (div_factor * final_div_factor)  (Smith & Topin 2018, arXiv:1708.07120). lr is the highest rate.

    NB: PyTorch also moves momentum the other way unless cycle_momentum=False.
    """

    total_steps: int
    pct_start: float = 0.3
    div_factor: float = 25.0
    final_div_factor: float = 1e4

    def __call__(self, step) -> float:
        low, lowest = 1 / self.div_factor, 1 / (self.div_factor * self.final_div_factor)
        top = self.pct_start * self.total_steps - 1  # the update with the highest rate
        if step < top:
            return _cosine(low, 1, step / top)
        return _cosine(1, lowest, (step - top) / (self.total_steps - 1 - top))


def _cosine(start, end, share):
    """Half a cosine wave from start (share 0) to end (share 1 and more)."""
    return end + (start - end) / 2 * (1 + cos(pi * min(share, 1)))
