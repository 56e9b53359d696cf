"""What the entries of the table of knobs do: how a value is checked, and how it is made so."""

import copy
from typing import Any

import numpy as np

from nbprop import data as datasets, nn, optim
from nbprop.checks import whole

from . import given, makeup, plans
from .knob import Knob
from .objective import Objective
from .supervised import Supervised

MAX_DEPTH, MAX_WIDTH = 64, 1024


# ---- what the optimizer has --------------------------------------------------------------------------------------


def _optimizers(run, wanted) -> Any:
    return wanted.get("optimizer", run.optimizers)


def setting(name, doc, control=None, given=lambda value, optimizer: value, fits=lambda value, module: "") -> Any:
    """A setting of the optimizer, of the same name. With an optimizer for each part of the objective: a number sets it
    for all, a dict for those named; where they differ it reads as a dict. given(value, optimizer): what is meant by a
    value. fits(value, module): why a value cannot be that of an optimizer of this module."""

    def check(run, value, wanted):
        held = _optimizers(run, wanted)
        if isinstance(value, dict):
            if unknown := [part for part in value if part not in held]:
                raise ValueError(f"{name}: no part {unknown[0]!r}; there are {', '.join(map(repr, held))}")
            return {part: _checked(held[part], each, run, part) for part, each in value.items()}
        checked = {part: _checked(optimizer, value, run, part) for part, optimizer in held.items()}
        return next(iter(checked.values()))

    def _checked(optimizer, value, run, part):
        if name not in optimizer.checks:
            having = [label for label in optim.EVERY if name in optim.optimizer(label).checks]
            raise ValueError(
                f"{type(optimizer).__name__} has no {name}; {', '.join(having)} {'have' if len(having) > 1 else 'has'}"
                f": try trainer.set(optimizer={having[0]!r}, {name}={value!r})"
            )
        checked = optimizer.checks[name](name, given(value, optimizer))
        if wrong := fits(checked, run._module(part)):
            raise ValueError(wrong)
        return checked

    def read(run):
        values = {part: getattr(each, name) if name in each.checks else None for part, each in run.optimizers.items()}
        first = next(iter(values.values()))
        return first if all(value == first for value in values.values()) else values

    def apply(run, value):
        for part, optimizer in run.optimizers.items():
            if not isinstance(value, dict):
                optimizer.assign(name, value)
            elif part in value:
                optimizer.assign(name, value[part])

    return Knob(doc, check=check, read=read, apply=apply, control=control, looks=name == "groups")


def of_recurrent(name) -> Any:
    """A Knob's check of a whole number that the only recurrent layer has."""

    def check(run, value, wanted):
        if makeup.windowed(run.model) is None:
            kinds = [type(m).__name__ for m in run.model.modules() if isinstance(m, nn.RecurrentCell)]
            raise ValueError(
                f"{name} cannot be {value!r}: expected a model with one recurrent layer (nn.RNN, nn.GRU, nn.LSTM) in "
                f"one direction, got {', '.join(kinds) or 'none'}; nn.truncated_bptt is for all others"
            )
        return whole()(name, value)

    return check


class Anew(dict):
    """Optimizers that begin anew, though they may be like those that there are."""


def check_optimizer(run, value, wanted) -> Any:
    lr = wanted.get("lr")
    lr = lr if isinstance(lr, (int, float)) else None
    made = given.optimizers(value, run.optimizer.lr if lr is None else lr, list(run.optimizers), run._module)
    asked = value if isinstance(value, dict) else dict.fromkeys(made, value)
    for part, each in asked.items():
        if isinstance(each, str):
            made[part] = _exchanged(run.optimizers[part], each, lr)
    held = {id(optimizer) for optimizer in run.optimizers.values()}
    new = any(isinstance(each, optim.Optimizer) and id(each) not in held for each in asked.values())
    return Anew(made) if new else made


def _exchanged(old, name, lr):
    """The optimizer of that name, with the learning rate and all that was chosen for the old one and has a place."""
    new = given.optimizer(name, old.lr if lr is None else lr)
    for setting, value in old.settings().items():
        # momentum is what the names "sgd", "momentum" and "nesterov" tell apart
        if setting in new.checks and setting not in ("lr", "momentum", "nesterov") and value != old.defaults()[setting]:
            new.assign(setting, plans.anew(value) if setting != "groups" else _known(value, new.checks))
    return new


def _known(groups, checks):
    """Groups with those of their settings that an optimizer has."""
    return [{key: each for key, each in group.items() if key == "params" or key in checks} for group in groups]


def optimizer_name(optimizer) -> Any:
    """The name under which `optim.OPTIMIZERS` has it (SGD has three); what has none stays what it is."""
    if isinstance(optimizer, optim.SGD) and optimizer.momentum:
        return "nesterov" if optimizer.nesterov else "momentum"
    return getattr(optimizer, "name", "") or optimizer


def apply_optimizer(run, value) -> None:
    run.own({part: copy.deepcopy(each) for part, each in value.items()})


# ---- what is learned from what -----------------------------------------------------------------------------------


def check_objective(run, value, wanted) -> Any:
    """data and loss, which must fit each other and the model."""
    if not isinstance(run.objective, Supervised):
        raise ValueError(
            "data and loss belong to this trainer's own Objective: set(objective=nb.Objective(...)) gives "
            "it another one"
        )
    before = wanted.get("objective", run.objective)
    made = before.replaced(**value)
    if "objective" not in wanted:  # the other half may still come
        wanted["objective"] = made
    return made


def half_of_objective(name) -> Any:
    def check(run, value, wanted):
        if name == "data":
            value = given.dataset(value, loss=getattr(run.objective, "given", None))
            if isinstance(value, datasets.Dataset) and isinstance(run.objective.data, datasets.Dataset):
                value.check_order(run.objective.data)
        return "objective", check_objective(run, {name: value}, wanted)

    return check


def apply_objective(run, value) -> Any:
    before = run.objective
    keep = value.original is before.original and value.batches is before.batches
    if keep and (value.weights, value.relabelled) != (before.weights, before.relabelled):  # turned since it was asked
        value = value.turned(before.weights, before.relabelled) if isinstance(value, Supervised) else value
    run.objective = value
    if keep:
        return None
    run.batches = value.feed([run.seed, run.steps])
    gone = bool(before.weights or before.relabelled) and value.original is not before.original
    return f"data {value.name}: no sample is left out, weighed or relabelled any more" if gone else None


def loss_name(loss) -> Any:
    """The name under which `nn.LOSSES` has a loss with the usual settings; any other stays what it is."""
    if isinstance(loss, type):
        return loss.name if nn.LOSSES.get(getattr(loss, "name", "")) is loss else loss
    usual = nn.LOSSES.get(getattr(loss, "name", ""))
    return loss.name if usual is not None and type(loss) is usual and repr(loss) == repr(usual()) else loss


def fitting_losses(source) -> tuple[str, ...]:
    """Names of the losses that fit the data of a source, and take any numbers for outputs."""
    task = getattr(getattr(source, "data", None), "task", None)
    return tuple(name for name, kind in nn.LOSSES.items() if not kind.takes and (task is None or task in kind.tasks))


# ---- the model ------------------------------------------------------------------------------------------------------


def sizes(value: Any) -> "tuple[int, ...]":
    """The sizes of the hidden layers, checked."""
    try:
        found = tuple(whole(1, MAX_WIDTH)("a hidden layer's width", size) for size in value)
    except TypeError:
        whole(1, MAX_WIDTH)("a hidden layer's width", value)
        raise TypeError(f"hidden must be the sizes of the hidden layers, such as [16, 16]; got {value!r}") from None
    whole(0, MAX_DEPTH)("depth (hidden layers)", len(found))
    return found


def check_hidden(run, value, wanted) -> Any:
    sizes_now(run, wanted)  # an error where they cannot be changed
    return sizes(value)


def resized(run, wanted, depth=None, width=None) -> Any:
    """Hidden sizes with another depth (hidden layers) or width (units in each)."""
    now = sizes_now(run, wanted)
    depth = len(now) if depth is None else whole(0, MAX_DEPTH)("depth (hidden layers)", depth)
    if width is not None:
        return (whole(1, MAX_WIDTH)("width", width),) * depth
    last = now[-1] if now else makeup.width_to_come(run)
    return now[:depth] + (last,) * (depth - len(now))


def sizes_now(run, wanted) -> Any:
    now = wanted.get("hidden", run.values["hidden"])
    if now is None:
        raise ValueError(makeup.MLP.format(type(run.model).__name__))
    return now


def hidden_or_none(run) -> Any:
    try:
        return makeup.hidden_sizes(run.model)
    except ValueError:
        return None


def check_theta(run, value, wanted) -> Any:
    """A copy of all parameters; or with the buffers what model.state_dict() gave."""
    if isinstance(value, dict):
        return {name: np.array(array) for name, array in value.items()}
    array = np.array(value, run.theta.dtype)
    if array.shape != run.theta.shape:
        raise ValueError(f"theta must have the shape of the model's parameters, {run.theta.shape}; got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError("theta must be finite; got NaN or infinity")
    return array


def apply_theta(run, value) -> None:
    if isinstance(value, dict):
        run.model.load_state_dict(value)
    else:
        run.model.theta = value


def each_activation(run, value, wanted) -> tuple[str, Any]:
    """Activations of all hidden layers, one for each or one for all, as a turn of `activation`."""
    value = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    return "activation", places_of("activation", "hidden_activations")(run, value[0] if len(value) == 1 else value, {})


def places_of(kind, name) -> Any:
    """A check for a value of `kind` for all places in the model, or a tuple with one for each."""

    def check(run, value, wanted):
        count = run.places[kind]
        if not count and makeup.coming(kind, run):
            if isinstance(value, (tuple, list)):
                raise ValueError(f"{name}: there are no hidden layers now; expected one for all to come, got {value!r}")
            return makeup.CHECKED[kind](name, value)  # for the hidden layers to come
        if not count:
            raise ValueError(makeup.NONE[kind].format(value=value))
        if not isinstance(value, (tuple, list)):
            return makeup.CHECKED[kind](name, value)
        if len(value) != count:
            raise ValueError(f"{name}: expected one for all or {count}, one for each place; got {len(value)}")
        return tuple(makeup.CHECKED[kind](f"{name}[{i}]", each) for i, each in enumerate(value))

    return check


def whole_objective(run, value, wanted) -> Any:
    if not isinstance(value, Objective):
        raise TypeError(f"objective must be an nb.Objective, got {type(value).__name__}")
    if list(value.losses) != list(run.objective.losses):
        raise ValueError("an objective with other parts needs other optimizers: make a new Trainer")
    return value
