"""The recipe of a run that is there: found in its past, and checked. What no recipe can hold is refused by its name."""

from dataclasses import replace
from functools import partial
from typing import Any, NoReturn

import numpy as np

from nbprop import data as datasets, nn, optim, saving
from nbprop.nn.likeness import is_own
from nbprop.optim import schedules

from ..knob import KNOBS
from ..run import DEFAULTS, Run
from ..supervised import Supervised
from .recipe import OBJECTIVE, Recipe, Source, Turn

SEEDS = 1000  # that are tried to find the one of the weights
NUMBERS = 10**7  # drawn at most for that
# Settings of the optimizer.
STATE = ("momentum", "nesterov", "betas", "alpha", "centered", "rho", "eps", "weight_decay", "schedule", "lr")
UNITS = ("frozen", "silenced", "frozen_units", "sample_weights", "relabelled")  # single layers, units, samples
PLAIN = {*STATE, *DEFAULTS, *UNITS, "dropout", "activation"}  # what an assignment of the same step stands in for
GROW = ("hidden", "insert")
OURS = "only what nbprop makes itself can be written down"


def recipe_of(trainer, controls=()) -> Recipe:
    """The recipe of the present run of a trainer. ValueError that names what no recipe can hold."""
    run, past, history = trainer.between(lambda: _copied(trainer))
    steps, metrics = run.steps, tuple(run.objective.metrics)
    turns = _turns(past, history)
    past.replay(run, 0)
    told = _beginning(run)
    first = [*_first_turns(run, told)]
    _check_same(told, first, run)
    if run.settings["block"] is not None and not told.hidden and any(each.name in GROW for each in turns):
        refuse("it began without hidden layers, after others had been taken out, and got new ones")
    return replace(
        told,
        turns=(*first, *turns),
        steps=steps,
        evaluate_every=trainer.evaluate_every,
        probe_every=trainer.probe_every,
        speed=trainer.speed,
        controls=tuple(controls),
        metrics=metrics,
    )


def _copied(trainer):
    _check_past(trainer._past, trainer.history)
    for each in objectives(trainer._past):
        _check_objective(each)
    return trainer._copied()


def objectives(past) -> list[Any]:
    """That with which it began, and those that came since."""
    return [past.snapshots[0].objective, *(value for _, name, value, _ in past.turns if name == OBJECTIVE)]


def refuse(why: str) -> NoReturn:
    raise ValueError(f"this run cannot be written down: {why}")


# ---- what can be known -----------------------------------------------------------------------------------------------


def _check_past(past, history):
    if past.first:
        refuse(f"it was loaded from a file at step {past.first}, and how it came there is not in the file")
    if edited := next((kept for kept in past.snapshots if kept.edited), None):
        words = [event.words for event in history.events if event.name == "model" and event.step == edited.step]
        what = words[-1] if words else "the model was changed in code"
        refuse(f"{what} after step {edited.step}, and not by a knob; rewind to step {edited.step} and go on without it")
    for step, name, _, _ in past.turns:
        if name == "theta":
            refuse(f"weights were set after step {step} (theta, as early stopping does, too): they are only numbers")


def _check_objective(objective):
    if type(objective) is not Supervised:
        refuse(f"its objective ({type(objective).__name__}) is one of your own: {OURS}")
    if objective.augment is not None:
        refuse("its batches are changed by augment, a function of your own")
    if not isinstance(objective.data, datasets.Dataset):
        refuse(
            f"its data are nb.data.{type(objective.data).__name__} without a name by which they could be made again: "
            "try nb.data.from_arrays(X, y)"
        )
    loss = objective.criterion
    if isinstance(loss, nn.FunctionLoss):
        refuse(f"its loss {loss.extra_repr() or type(loss.function).__name__} is a function of your own: {OURS}")
    if is_own(loss):
        refuse(f"its loss {type(loss).__name__} is a class of your own: {OURS}")


def source(data) -> Source:
    """How these data are made: by a name and settings, if that gives the same numbers; else they are one's own."""
    if data.settings is not None and data.name in datasets.DATASETS:
        made = datasets.dataset(data.name, **data.settings)
        if same_data(data, made):
            return Source(data.name, {name: _plain(value) for name, value in data.settings.items()})
    return Source(data.name, {}, data)


def same_data(a, b) -> bool:
    arrays = ("X_train", "y_train", "X_val", "y_val")
    return (a.task, a.classes, a.features) == (b.task, b.classes, b.features) and all(
        np.array_equal(getattr(a, name), getattr(b, name)) for name in arrays
    )


def loss_of(objective) -> Any:
    """A name, or a loss with settings of its own."""
    given, loss = objective.given, objective.criterion
    if isinstance(given, str):
        return loss.name
    return loss if others(loss) else loss.name


def others(loss) -> dict[str, Any]:
    """The settings of a loss that are not as usual."""
    usual = saving.settings(nn.loss(loss.name))
    return {name: value for name, value in saving.settings(loss).items() if value != usual[name]}


def _plain(value):
    return value.item() if isinstance(value, np.generic) else value


# ---- how it began ----------------------------------------------------------------------------------------------------


def _beginning(run: Run) -> Recipe:
    flatten, blocks, output = _parts(run.model)
    activations = [block["activation"] for block in blocks]
    note = getattr(run.model, "activation", None)
    first = activations[0] if activations else nn.activation(note if note in nn.ACTIVATIONS else "tanh")
    optimizer = run.optimizers[""]
    check_optimizer(optimizer)
    init = getattr(run.model, "init", "xavier")
    told = Recipe(
        data=source(run.objective.original),
        loss=loss_of(run.objective),
        hidden=tuple(block["linear"].out_features for block in blocks),
        optimizer=type(optimizer)(**optimizer.settings()),
        activation=_named(first),
        init=init if isinstance(init, str) else _known_init(init),
        dropout=next((block["dropout"].p for block in blocks if "dropout" in block), None),
        batch_norm=any("norm" in block for block in blocks),
        flatten=flatten,
        dtype=str(run.theta.dtype),
        knobs={name: run.settings[name] for name in DEFAULTS if run.settings[name] != DEFAULTS[name]},
        seed=run.seed,
    )
    linear = blocks[0]["linear"] if blocks else output
    return replace(told, model_seed=_model_seed(told, linear, run.seed))


def _parts(model):
    """(whether a Flatten comes first, a dict of modules for each hidden layer, the output layer) of an nn.mlp."""
    kinds = {"linear": nn.Linear, "norm": nn.BatchNorm1d, "activation": nn.Activation, "dropout": nn.Dropout}
    for module in model.modules():
        if is_own(module):
            refuse(f"its model has a module of your own, {type(module).__name__}: {OURS}")
    modules = list(model) if type(model) is nn.Sequential else [model]
    flatten = isinstance(modules[0], nn.Flatten)
    blocks = []
    for module in modules[flatten:]:
        kind = next((kind for kind, of in kinds.items() if isinstance(module, of)), None)
        if kind is None or (kind == "linear" and module.bias is None):
            other = "a Linear without bias" if kind else f"{type(module).__name__}"
            refuse(f"its model has {other}, and only networks as nb.nn.mlp makes them can be written down")
        if kind == "linear":
            blocks.append({})
        if not blocks or list(blocks[-1]) != [each for each in kinds if each in blocks[-1]] or kind in blocks[-1]:
            refuse("its layers are in another order than nb.nn.mlp has them")
        blocks[-1][kind] = module
    hidden, output = blocks[:-1], blocks[-1] if blocks else {}
    if (
        list(output) != ["linear"]
        or len({tuple(block) for block in hidden}) > 1
        or any(
            list(block) != [each for each in kinds if each in block] or "activation" not in block for block in hidden
        )
    ):
        refuse("its layers are not those of a network that nb.nn.mlp makes")
    return flatten, hidden, output["linear"]


def _named(activation):
    """By its name where it is as the name makes it."""
    if isinstance(activation, nn.PReLU):
        refuse("its activation PReLU learns a slope of its own, and a recipe holds no weights")
    plain = saving.settings(activation) == saving.settings(nn.activation(activation.name))
    return activation.name if plain else activation


def _known_init(init):
    """An initializer of nn.init with settings of its own."""
    made = partial_of(init)
    if made is None:
        refuse(f"its weights were drawn by {getattr(init, '__name__', init)!r}, an initializer of your own: {OURS}")
    return init


def partial_of(init) -> tuple[str, dict[str, Any]] | None:
    """(name, settings) of `nn.init.he(slope=0.2)` and its like, None for others."""
    if not isinstance(init, partial) or init.args:
        return None
    name = getattr(init.func, "__name__", "")
    known: Any = nn.INITIALIZERS.get(name)
    return (name, dict(init.keywords)) if getattr(known, "__wrapped__", None) is init.func else None


def _model_seed(told, linear, likely):
    """The seed with which nn.mlp draws these weights: its first layer is tried out."""
    shape = linear.weight.shape
    sizes = [shape[1], shape[0]] if not told.hidden else [shape[1], shape[0], 1]
    for seed in dict.fromkeys([likely, *range(min(SEEDS, NUMBERS // linear.weight.size))]):
        made = nn.mlp(sizes, told.activation, told.init, seed, np.dtype(told.dtype))
        if np.array_equal(made[0].weight.data, linear.weight.data):
            return seed
    refuse(
        "its first weights are not those that nb.nn.mlp draws with a seed from 0 to "
        f"{SEEDS - 1}, or with the trainer's own: make the network with seed=0 and train it anew"
    )


def check_optimizer(optimizer) -> None:
    name = type(optimizer).__name__
    if getattr(optim, name, None) is not type(optimizer):
        refuse(f"its optimizer {name} is a class of your own: {OURS}")
    check_schedule(optimizer.schedule)


def check_schedule(schedule) -> None:
    if isinstance(schedule, (schedules.Product, schedules.Then)):
        check_schedule(schedule.first)
        check_schedule(schedule.second)
    elif isinstance(schedule, schedules.Later):
        check_schedule(schedule.plan)
    elif schedule is not None and getattr(schedules, type(schedule).__name__, None) is not type(schedule):
        refuse(
            f"its schedule {getattr(schedule, '__name__', type(schedule).__name__)} is a function of your own: {OURS}"
        )


# ---- what was turned -------------------------------------------------------------------------------------------------


def _first_turns(run, told):
    """What nn.mlp and Trainer are not told, but the knobs are."""
    _, blocks, _ = _parts(run.model)
    activations = tuple(_named(block["activation"]) for block in blocks)
    shares = tuple(block["dropout"].p for block in blocks if "dropout" in block)
    if any(repr(each) != repr(told.activation) for each in activations):
        yield Turn(0, "activation", activations)
    if len(set(shares)) > 1:
        yield Turn(0, "dropout", shares)
    for name in UNITS:
        if run.values[name]:
            yield Turn(0, name, run.values[name])


def _turns(past, history):
    objective = past.snapshots[0].objective
    ends = {(event.step, event.name) for event in history.events}
    found: list[Turn] = []
    for step, name, given, _ in past.turns:
        value = given
        if name == OBJECTIVE:
            value, objective = _halves(objective, given), given
        elif name == "optimizer":
            value = given[""]
            check_optimizer(value)
        elif name == "reinitialize" and not isinstance(value[1], str):
            _known_init(value[1])
        elif isinstance(value, dict):
            value = value[""]
        if name == "schedule":
            check_schedule(value)
        if name == "activation":
            value = tuple(map(_checked, value)) if isinstance(value, tuple) else _checked(value)
        start = len(found)
        while start and found[start - 1].step == step:
            start -= 1
        found[start:] = [each for each in found[start:] if not _stands_in(name, each, found[start:])]
        last = found[-1] if found else None
        again = last is not None and last.name == name in KNOBS and name != OBJECTIVE and (last.step, name) not in ends
        found.append(Turn(step, name, value, again))
    return found


def _stands_in(name, before, turns):
    """Whether a turn of `name`, after `turns` of the same step, makes one of those as if it had not been."""
    if before.name != name or name not in PLAIN:
        return False
    return all(each.name in PLAIN for each in turns[turns.index(before) + 1 :])


def _checked(activation):
    if isinstance(activation, nn.Module) and is_own(activation):
        refuse(f"its activation {type(activation).__name__} is a class of your own: {OURS}")
    return _named(activation) if isinstance(activation, nn.Module) else activation


def _halves(old, new):
    halves: dict[str, Any] = {}
    if new.original is not old.original:
        halves["data"] = source(new.original)
    if repr(loss_of(new)) != repr(loss_of(old)) or not halves:
        halves["loss"] = loss_of(new)
    return halves


# ---- whether it is so ------------------------------------------------------------------------------------------------


def _check_same(told, first, run):
    """Begin as the recipe says, and compare with how the run began: what is different is refused."""
    made = told.run()
    for turn in first:
        made.apply(turn.name, turn.value)
    ours, theirs = ([(type(m), saving.settings(m)) for m in each.model.modules()][1:] for each in (made, run))
    if ours != theirs:
        refuse("its layers have settings with which nb.nn.mlp does not make them")
    if not np.array_equal(made.theta, run.theta):
        refuse("its first weights are not all those that nb.nn.mlp draws")
    for (name, a), (_, b) in zip(made.model.named_buffers(), run.model.named_buffers(), strict=True):
        if not np.array_equal(a, b):
            refuse(f"{name} was not as a new layer has it when the run began")
    for name, module in run.model.named_modules():
        if not module.training:
            refuse(f"{name or 'its model'} was in evaluation mode when the run began")
    if [p.requires_grad for p in made.model.parameters()] != [p.requires_grad for p in run.model.parameters()]:
        refuse("parameters were frozen one by one when the run began, and not layers")
    drawn = [[each.bit_generator.state for each in one.model.generators()] for one in (made, run)]
    if drawn[0] != drawn[1]:
        refuse("the random numbers of its dropouts were not those of nb.nn.mlp when the run began")
    if made.batches.state() != run.batches.state():
        refuse("its batches did not begin as those of a new run do")
