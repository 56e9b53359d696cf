"""Gives a run the numbers that a file holds: parameters, optimizer, place in the data, random generators, and what
modules of the user's own keep. Where they do not fit, nothing goes on as if they did."""

from typing import Any

import numpy as np

from nbprop import nn
from nbprop.checks import whole
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
            parameter.frozen_rows = _units(said, "frozen_rows", name, len(parameter.data))
        attributes = {name: settings for name, _, settings in said["modules"]}
        for name, inner in module.named_modules():
            inner.training = name not in said["evaluating"]
            if isinstance(inner, nn.Activation):
                inner.silenced = _units(said, "silenced", name)
            for key, value in attributes[name].items() if saved.given and part == "model" else ():
                now = getattr(inner, key, noted.MISSING)
                if callable(now):
                    raise Misfit(f"it is damaged: {key} of {type(inner).__name__} cannot be {noted.short(value)}")
                if noted.listed(now) != value:
                    setattr(inner, key, tuple(value) if isinstance(now, tuple) else value)


def _units(said, what, name, most=10**6):
    """Numbers of the units of a part of the model."""
    return tuple(whole(0, most - 1)(what, unit) for unit in said[what].get(name, ()))


def _fill_own(run, saved):
    """Give what is of the user's own its numbers: the arrays that modules keep, the generators of the loss."""
    here, kept = dict(own_arrays(run.model)), saved.own
    if strange := [name for name in here if name not in kept]:
        raise Misfit(f"{strange[0]}, an array that a module of your own keeps, was not there; make the model as it was")
    for name, then in kept.items():
        array = here.get(name)
        if array is None:  # made while it was trained
            _put(run.model, name, then)
        elif (array.shape, array.dtype) != (then.shape, then.dtype):
            raise Misfit(f"{name}, an array that a module of your own keeps, was {_of(then)} and is {_of(array)}")
        elif array.flags.writeable:
            array[...] = then
        elif not np.array_equal(array, then):
            raise Misfit(f"{name}, an array that a module of your own keeps, has other numbers, and is read-only")
    generators = run.objective.generators()
    if len(generators) != len(saved.drawn):
        raise Misfit(
            f"the loss drew from {len(saved.drawn)} random generators of its own, and draws from {len(generators)}"
        )
    for generator, state in zip(generators, saved.drawn, strict=True):
        generator.bit_generator.state = state


def _put(model, name, array):
    """Give a module of the user's own an array where it has none (yet), such as "net.memory.0"."""
    modules = dict(model.named_modules())
    outer = max((each for each in modules if not each or name.startswith(each + ".")), key=len)
    *path, last = name.removeprefix(outer + ".").split(".") if outer else name.split(".")
    holder: Any = vars(modules[outer])
    try:
        for key in path:
            holder = holder[int(key)] if isinstance(holder, (list, tuple)) else holder[key]
        if isinstance(holder, list) and int(last) == len(holder):
            holder.append(array)
        elif isinstance(holder, dict) and holder.get(last) is None and not hasattr(type(modules[outer]), last):
            setattr(modules[outer], last, array) if not path else holder.update({last: array})
        else:
            raise KeyError(last)
    except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
        raise Misfit(
            f"{name}, an array {_of(array)} that a module of your own kept, is missing; make the model as it was"
        ) from error


def _of(array):
    return f"of shape {array.shape} and {array.dtype}"
