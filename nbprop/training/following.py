"""Schedules of the learning rate that go by how the run is judged, such as ReduceLROnPlateau: they are told within the
step, so that a run made again makes of it what it made the first time."""

from typing import Any

from nbprop.optim import Schedule

from .knob import KNOBS


def follow(run) -> str:
    """After a step, tell the schedules what they go by. What they make of it, in words; "" for nothing."""
    found, words = {}, ""

    def look(name):
        if not found:
            found.update(run.evaluate())
        return found[name]

    for part, optimizer in run.optimizers.items():
        plan: Any = vars(optimizer)["schedule"]
        if not isinstance(plan, Schedule) or (new := plan.after(optimizer.t, look)) is plan:
            continue
        optimizer.assign("schedule", new)
        was, now = (optimizer.lr * each(optimizer.t) for each in (plan, new))
        if now != was:
            of = f" of {part}" if part else ""
            words = f"learning rate{of} {was:.3g} → {now:.3g}: {', '.join(sorted(new.monitored))} has stopped improving"
    if found:
        run.values = {**run.values, "schedule": KNOBS["schedule"].read(run)}
    return words


def check_followed(run, objective, optimizers, schedule=None) -> None:
    """ValueError where an evaluation of this objective does not give what a schedule goes by. optimizers: part ->
    optimizer; schedule: what is to take the place of theirs, for all or by their parts."""
    plans = schedule.values() if isinstance(schedule, dict) else [schedule] if schedule is not None else []
    plans = [*plans, *(each.schedule for each in optimizers.values())]
    names = set().union(*(plan.monitored for plan in plans if isinstance(plan, Schedule)))
    if not names:
        return
    with run.looking():
        there = objective.evaluate(run.model, run.seed, run.settings)
    for name in sorted(names - there.keys()):
        raise ValueError(
            f"schedule: ReduceLROnPlateau goes by {name}, and evaluations of this run give "
            f"{', '.join(there) or 'nothing'}: try monitor={next(iter(there), 'train_loss')!r}"
        )
