"""Gives a run the numbers that a file holds: parameters, optimizer, place in the data, random generators, and what
modules of the user's own keep. Where they do not fit, nothing goes on as if they did."""

import numpy as np

from nbprop.record.observation import own_arrays

from . import noted
from .noted import Misfit

TOLERANCE = 1e-3  # of the loss that shows whether model and loss are those of then: other machines round differently


def fill(run, saved) -> None:
    """Give the run all numbers. saved: a `checkpoint.Saved`."""
    for part, place in (run._places or {next(iter(run.optimizers)): slice(0, run.theta.size)}).items():
        for name, vector in run.optimizers[part].state.items():
            if vector.shape != (place.stop - place.start,):
                raise Misfit(f"it is damaged: the optimizer's {name!r} has shape {vector.shape}")
    if "block" in saved.built:
        run.settings["block"] = list(saved.built["block"])
    parts = {"model": run.model, **({"block": saved.built["block"]} if "block" in saved.built else {})}
    run.steps = saved.head["steps"]
    _restore_batches(run, saved)
    _fill_parts(parts, saved)
    mine = {place: generator for generator, places in noted.generators(parts, run.rng) for place in places}
    for generator, places in saved.generators:
        for place in places:
            if place in mine:
                mine[place].bit_generator.state = generator.bit_generator.state
    _fill_own(run, saved)
    run.take_model()
    was, now = saved.loss_now, noted.loss_now(run)
    if was is not None and now is not None and not np.isclose(was, now, rtol=TOLERANCE, atol=1e-6, equal_nan=True):
        raise Misfit(
            f"model and loss are not those of then: the loss of a batch is {now:.6g}, and was {was:.6g}. Has their "
            "code changed?"
        )


def _restore_batches(run, saved):
    state, fresh = saved.head["batches"], run.batches.state()
    same = len(state) == len(fresh) and all(type(a) is type(b) for a, b in zip(state, fresh, strict=True))
    numbers = [value for value in state if not isinstance(value, dict)]
    samples = run.objective.samples
    if not same or min(numbers, default=0) < 0 or (samples is not None and (state[0] != samples or state[2] > samples)):
        raise Misfit("it is damaged: the place in the data makes no sense")
    try:
        if isinstance(state[-1], dict):
            noted.generator(state[-1])
        run.batches.restore(tuple(state))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise Misfit(f"it is damaged: the place in the data makes no sense: {error}") from error


def _fill_parts(parts, saved):
    for part, module in parts.items():
        said = saved.parts[part]
        module.load_state_dict(saved.arrays.get(part, {}))
        for name, parameter in module.named_parameters():
            parameter.requires_grad = name not in said["frozen"]
        attributes = {name: settings for name, _, settings in said["modules"]}
        for name, inner in module.named_modules():
            inner.training = name not in said["evaluating"]
            for key, value in attributes[name].items() if saved.given and part == "model" else ():
                if isinstance(value, (bool, int, float)) and getattr(inner, key) != value:
                    setattr(inner, key, value)


def _fill_own(run, saved):
    """Give what is of the user's own its numbers: the arrays that modules keep, the generators of the loss."""
    kept, here = saved.arrays.get("own", {}), own_arrays(run.model)
    was, now = ([(each.shape, str(each.dtype)) for each in arrays] for arrays in (kept.values(), here))
    if list(kept) != [str(i) for i in range(len(kept))] or was != now:
        raise Misfit(
            f"the arrays that modules of your own keep were {noted.short(was)}, and are {noted.short(now)}; make the "
            "model as it was"
        )
    for array, then in zip(here, kept.values(), strict=True):
        if array.flags.writeable:
            array[...] = then
        elif not np.array_equal(array, then):
            raise Misfit("an array that a module of your own keeps has other numbers, and cannot be written to")
    generators = run.objective.generators()
    if len(generators) != len(saved.drawn):
        raise Misfit(
            f"the loss drew from {len(saved.drawn)} random generators of its own, and draws from {len(generators)}"
        )
    for generator, state in zip(generators, saved.drawn, strict=True):
        generator.bit_generator.state = state
