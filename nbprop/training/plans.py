"""Schedules of the learning rate that have a name, and so can be chosen from a list."""

from typing import Any

from nbprop.checks import lookup
from nbprop.optim.schedules import CosineAnnealingLR, ExponentialLR, Later, LinearLR, OneCycleLR, Schedule, StepLR

PLANS: dict[str, Schedule] = {
    "warm_up": LinearLR(200, 0.01),
    "halving": StepLR(500, 0.5),
    "exponential": ExponentialLR(0.999),
    "cosine": CosineAnnealingLR(2000),
    "one_cycle": OneCycleLR(2000),
}
OFFERED = (  # (words, name)
    ("none", None),
    ("up in 200 steps", "warm_up"),
    ("half every 500", "halving"),
    ("× 0.999 each step", "exponential"),
    ("cosine, 2,000 steps", "cosine"),
    ("one cycle of 2,000", "one_cycle"),
)


def begun(value: Any, optimizer: Any) -> Any:
    """The schedule of a name, which begins with the next update of the optimizer; any other as it is. The name that
    stands is the schedule that stands."""
    if not isinstance(value, str):
        return value
    if value == called(optimizer.schedule):
        return optimizer.schedule
    plan = lookup("schedule", value, PLANS)
    return Later(plan, optimizer.t) if optimizer.t else plan


def called(schedule: Any) -> Any:
    """The name of a schedule out of `PLANS`, with the update at which it began if that is not the first; one of the
    user's own is returned as it is."""
    start, plan = (schedule.start, schedule.plan) if isinstance(schedule, Later) else (0, schedule)
    name = next((name for name, each in PLANS.items() if each == plan), None)
    if name is None:
        return schedule
    return f"{name} from update {start:,}" if start else name


def anew(schedule: Any) -> Any:
    """A schedule for an optimizer that begins to count: one that was chosen by its name begins again."""
    return schedule.plan if isinstance(schedule, Later) and isinstance(called(schedule), str) else schedule
