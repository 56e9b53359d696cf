"""Learning rates that change by plan: functions of the number of updates done, which give a factor for lr; any function
of that kind is a schedule (PyTorch's LambdaLR).

`optim.SGD(lr=0.1, schedule=CosineAnnealingLR(500))` steps with 0.1 * schedule(t) at update t = 0, 1, 2, ... Schedules
remember nothing, so going back to an earlier update goes back to its learning rate, and `lr` stays free to be turned by
hand. They multiply: `LinearLR(100) * CosineAnnealingLR(1000)` is a warm-up followed by a cosine. What
`ReduceLROnPlateau` has been told stands in a new one, which takes the place of the old.

NB: PyTorch's are bound to an optimizer, count with their own step(), usually epochs, and overwrite lr.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from math import cos, pi
from typing import TYPE_CHECKING, Any, Self

from ..checks import choice, instance, number, size, sizes, whole, wrong
from ..elsewhere import absent
from .optimizer import Optimizer

PARTS = ("first", "second", "plan")  # what one is called that another is made of
_checks = {
    **dict.fromkeys(("gamma", "eta_min", "start_factor", "power", "threshold", "min_factor"), number(0)),
    **dict.fromkeys(("step_size", "T_max", "total_iters", "div_factor", "final_div_factor"), number(above=0)),
    **dict.fromkeys(("start", "patience", "cooldown"), whole()),
    **dict.fromkeys(("T_0", "T_mult", "every"), size),
    "factor": number(0, 1, tip=0.1),
    "monitor": instance(str, "'val_loss'"),
    "mode": choice("min", "max"),
    "threshold_mode": choice("rel", "abs"),
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
        takes = [each.name for each in fields(cls) if each.init]
        if strange := [name for name in settings if name not in takes]:
            raise TypeError(f"{absent('schedule', strange[0], takes, cls.__name__)}; it takes {', '.join(takes)}")
        return super().__new__(cls)

    if not TYPE_CHECKING:  # an editor that saw it would take any name for one that is there

        def __getattr__(self, name) -> Any:
            raise AttributeError(absent("schedule", name, vars(self), type(self).__name__))

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name in _checks:
                _checks[name](name, value)
            elif name in PARTS and not callable(value):
                raise TypeError(wrong(name, "a schedule", value, "StepLR(100)"))

    def __call__(self, step) -> float:
        raise NotImplementedError

    def __mul__(self, other) -> "Product":
        return Product(self, other)

    def settings(self) -> dict[str, Any]:
        """What it was made with, name -> value."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.compare}

    @property
    def monitored(self) -> set[str]:
        """Names of the evaluations that it goes by."""
        return set().union(*(each.monitored for each in vars(self).values() if isinstance(each, Schedule)))

    def after(self, step, look: Callable[[str], float]) -> "Schedule":
        """The schedule for what comes after update number `step`. look(name): the evaluation of that name."""
        parts = {name: each.after(step, look) for name, each in vars(self).items() if isinstance(each, Schedule)}
        return replace(self, **parts) if any(vars(self)[name] is not new for name, new in parts.items()) else self


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

    def after(self, step, look) -> Schedule:
        return super().after(step - self.start, look) if step > self.start else self

    def __str__(self) -> str:
        return f"{self.plan} from update {self.start:,}"


@dataclass(frozen=True)
class Then(Schedule):
    """first(step) before update `start`, second(step - start) from then on: see SequentialLR."""

    first: Schedule
    second: Schedule
    start: int

    def __call__(self, step) -> float:
        return self.first(step) if step < self.start else self.second(step - self.start)

    def after(self, step, look) -> Schedule:
        name, since = ("first", step) if step <= self.start else ("second", step - self.start)
        old: Any = getattr(self, name)
        new = old.after(since, look) if isinstance(old, Schedule) else old
        return self if new is old else replace(self, **{name: new})


def SequentialLR(schedules, milestones) -> Schedule:
    """One schedule after the other: the next one begins, with its own count from 0, at each milestone, a number of
    updates. `SequentialLR([LinearLR(100), CosineAnnealingLR(900)], [100])`."""
    schedules, ends = list(schedules), _increasing("milestones", milestones)
    if len(schedules) != len(ends) + 1:
        raise ValueError(wrong("milestones", f"one fewer than the {len(schedules)} schedules", list(ends)))
    plan = schedules.pop()
    for first, start, end in reversed(list(zip(schedules, (0, *ends), ends, strict=False))):
        plan = Then(first, plan, end - start)
    return plan


def _increasing(name, value) -> tuple[int, ...]:
    value = sizes(name, value, 1)
    if list(value) != sorted(set(value)):
        raise ValueError(wrong(name, "numbers of updates that increase", list(value)))
    return value


@dataclass(frozen=True)
class StepLR(Schedule):
    """gamma^floor(step / step_size): lr falls by the factor gamma every step_size updates."""

    step_size: int
    gamma: float = 0.1

    def __call__(self, step) -> float:
        return self.gamma ** (step // self.step_size)


@dataclass(frozen=True)
class MultiStepLR(Schedule):
    """gamma^(milestones that have been reached): lr falls by the factor gamma at each of these updates."""

    milestones: tuple[int, ...]
    gamma: float = 0.1

    def __post_init__(self) -> None:
        object.__setattr__(self, "milestones", _increasing("milestones", self.milestones))
        super().__post_init__()

    def __call__(self, step) -> float:
        return self.gamma ** sum(step >= each for each in self.milestones)


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
class CosineAnnealingWarmRestarts(Schedule):
    """Half a cosine from 1 to eta_min over T_0 updates, then again from 1, each time T_mult times as long
    (Loshchilov & Hutter 2017, SGDR, eq. 5).

    NB: PyTorch's eta_min is a learning rate, not a factor.
    """

    T_0: int
    T_mult: int = 1
    eta_min: float = 0.0

    def __call__(self, step) -> float:
        length = self.T_0
        if self.T_mult == 1:
            step %= length
        while step >= length:
            step, length = step - length, length * self.T_mult
        return _cosine(1, self.eta_min, step / length)


@dataclass(frozen=True)
class PolynomialLR(Schedule):
    """(1 - step / total_iters)^power, 0 from total_iters updates on."""

    total_iters: int = 5
    power: float = 1.0

    def __call__(self, step) -> float:
        return (1 - min(step / self.total_iters, 1)) ** self.power


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


@dataclass(frozen=True)
class ReduceLROnPlateau(Schedule):
    """The factor falls, times `factor`, when more than `patience` evaluations in a row have not been better than the
    best one. A Trainer looks at the evaluation `monitor` after each `every` updates; a rewind goes back to what was
    known.

    monitor: a name in `trainer.evaluation`: "val_loss", "train_loss", "val_accuracy" (with mode="max"), ...
    mode: "min", lower is better, or "max". threshold: by how much, as a share of the best one ("rel") or as it is
        ("abs"). cooldown: evaluations after a fall that do not count. min_factor: least factor.
    Without a Trainer: `optimizer.schedule = optimizer.schedule.told(val_loss)`.
    NB: PyTorch's min_lr is a learning rate, not a factor; its scheduler changes lr itself.
    """

    mode: str = "min"
    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    threshold_mode: str = "rel"
    cooldown: int = 0
    min_factor: float = 0.0
    monitor: str = "val_loss"
    every: int = 20
    known: tuple[Any, ...] = field(default=(1.0, None, 0, 0), compare=False, repr=False)  # factor, best, bad, cooling

    def __call__(self, step) -> float:
        return self.known[0]

    @property
    def monitored(self) -> set[str]:
        return {self.monitor}

    def after(self, step, look) -> Schedule:
        return self if step % self.every else self.told(look(self.monitor))

    def told(self, value) -> "ReduceLROnPlateau":
        """The schedule that knows of one evaluation more."""
        now, best, bad, cooling = self.known
        best, bad = (float(value), 0) if self._better(float(value), best) else (best, bad + 1)
        if cooling:
            cooling, bad = cooling - 1, 0
        if bad > self.patience:
            now, bad, cooling = max(now * self.factor, min(now, self.min_factor)), 0, self.cooldown
        return replace(self, known=(now, best, bad, cooling))

    def _better(self, value, best):
        if best is None:
            return value == value  # not NaN
        margin = self.threshold * (best if self.threshold_mode == "rel" else 1)
        return value < best - margin if self.mode == "min" else value > best + margin


def _cosine(start, end, share):
    """Half a cosine wave from start (share 0) to end (share 1 and more)."""
    return end + (start - end) / 2 * (1 + cos(pi * min(share, 1)))
