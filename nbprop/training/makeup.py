"""What a network is made of: its hidden layers, activations and dropouts, the layers by name; and, of a network from
which all hidden layers were taken, what those are to be like that may come back."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nbprop import nn
from nbprop.checks import number

MLP = (
    "depth, width, hidden sizes and batch normalization can be changed on networks made by nb.nn.mlp (Linear with "
    "bias, activation, ..., Linear, with the same Dropout behind each activation or without; a Flatten may stand "
    "before); this {} is not: build a new model and a new Trainer instead"
)


# ---- hidden layers of a multilayer perceptron ------------------------------------------------------------------------


def blocks(model) -> list[list[Any]]:
    """The hidden layers of `Sequential(Linear, activation, ..., Linear)`: for each a list of its modules, Linear first,
    BatchNorm1d (or none), activation, Dropout (or none). ValueError for any other model."""
    modules = list(model)[len(head(model)) :] if isinstance(model, nn.Sequential) else []
    found = []
    for module in modules:
        if isinstance(module, nn.Linear):
            found.append([])
        if not found:
            break
        found[-1].append(module)
    shapes = {tuple(_kind(module) for module in block) for block in found[:-1]}
    regular = len(found) > 0 and len(found[-1]) == 1 and sum(map(len, found)) == len(modules)
    regular = regular and all(module.bias is not None for module in modules if isinstance(module, nn.Linear))
    usual = {
        (*norm, nn.Activation, *drop)
        for norm in ((nn.Linear,), (nn.Linear, nn.BatchNorm1d))
        for drop in ((), (nn.Dropout,))
    }
    shares = {module.p for module in dropouts(model)}
    if not (regular and len(shapes) <= 1 and shapes <= usual and len(shares) <= 1):
        raise ValueError(MLP.format(type(model).__name__))
    return found[:-1]


def head(model) -> list[nn.Module]:
    """What stands before the first Linear and stays there: a Flatten, or nothing."""
    return [model[0]] if len(model) and isinstance(model[0], nn.Flatten) else []


def _kind(module):
    kinds = (nn.Linear, nn.BatchNorm1d, nn.Activation, nn.Dropout)
    return next((kind for kind in kinds if isinstance(module, kind)), type(module))


def dense_layers(model) -> list[nn.Linear]:
    """The Linear layers of a network as nb.nn.mlp makes it; ValueError for any other."""
    return [*(block[0] for block in blocks(model)), model[-1]]


def hidden_sizes(model) -> tuple[int, ...]:
    return tuple(layer.out_features for layer in dense_layers(model)[:-1])


def has_batch_norm(run) -> bool | None:
    """None where it cannot be told, or changed."""
    try:
        found = blocks(run.model)
    except ValueError:
        return None
    return any(isinstance(module, nn.BatchNorm1d) for block in found for module in block)


# ---- places for activations and dropouts -----------------------------------------------------------------------------


def dropouts(model) -> list[nn.Dropout]:
    """All nn.Dropout in a model, however deep inside."""
    return [module for module in model.modules() if isinstance(module, nn.Dropout)]


def activations(model) -> list[tuple[nn.Module, str, nn.Activation]]:
    """(module, name, activation) of each place in a model where there is an activation."""
    places = [(module, *child) for module in model.modules() for child in module.named_children()]
    return [place for place in places if isinstance(place[2], nn.Activation)]


def activation_of(run) -> Any:
    """Name of the activation, a tuple where they differ; of a network without hidden layers that of those to come; None
    where there is no place for one."""
    names = [module.name for _, _, module in activations(run.model)]
    names = names or [module.name for module in to_come(run) if isinstance(module, nn.Activation)]
    return reading(names, None if has_batch_norm(run) is None else "identity")


def activations_of(run) -> tuple[Any, ...]:
    """The activation at each place: its name, or one with settings of its own, or of the user's, itself."""
    return tuple(_named(module) for _, _, module in activations(run.model))


def _named(module):
    usual: Any = nn.ACTIVATIONS.get(module.name)
    return module.name if type(module) is usual and repr(module) == repr(usual()) else module


def dropout_of(run) -> Any:
    """p of the dropouts, likewise; None where there are none."""
    shares = [layer.p for layer in dropouts(run.model)]
    return reading(shares or [module.p for module in to_come(run) if isinstance(module, nn.Dropout)], None)


def windowed(model) -> nn.Recurrent | None:
    """The recurrent layer that a window of BPTT can be of: the only one, and in one direction."""
    first, *more = [module for module in model.modules() if isinstance(module, nn.RecurrentCell)] or [None]
    if more or not isinstance(first, nn.Recurrent):
        return None
    return first if first.num_layers == 1 and not first.bidirectional else None


def reading(values, none) -> Any:
    """One value for all places, a tuple where they differ, `none` where there are no places."""
    return values[0] if len(set(values)) == 1 else tuple(values) or none


PLACES = {"activation": activations, "dropout": dropouts}
KINDS = {"activation": nn.Activation, "dropout": nn.Dropout}
NONE = {
    "activation": "activation cannot be {value!r}: there is no nn.Activation (nn.Tanh, nn.ReLU, ...) in this model",
    "dropout": "dropout cannot be {value!r}: there is no nn.Dropout in this model. Make it with "
    "nb.nn.mlp(..., dropout=0.0), or put nb.nn.Dropout(0.0) into it, and start a new Trainer",
}
CHECKED = {
    "activation": lambda name, value: _activation(value),
    "dropout": number(0, 1, tip=0.5),
}


def _activation(value):
    """A name, or an activation with settings of its own, such as a slope."""
    module: Any = nn.activation(value)
    plain = type(module).forward is nn.Activation.forward
    if not isinstance(module, nn.Activation) or (plain and not hasattr(module, "op")):
        raise TypeError(
            f"activation must be a name, such as 'relu', or an nn.Activation, such as nn.LeakyReLU(0.2), that makes a "
            f"number of each number; {module!r} is none"
        )
    plain = type(module).name in nn.ACTIVATIONS and vars(module) == vars(nn.activation(type(module).name))
    return module.name if plain else module


# ---- hidden layers to come -------------------------------------------------------------------------------------------


def to_come(run) -> Sequence[nn.Module]:
    """Of a network from which all hidden layers were taken: the modules of those that may come."""
    return run.settings.get("block") or () if not (activations(run.model) or dropouts(run.model)) else ()


def coming(kind, run) -> bool:
    """Whether there are no hidden layers, but some may come that have a place of that kind."""
    if run.values["hidden"] != ():
        return False
    made = run.settings["block"]
    return kind == "activation" if made is None else any(isinstance(module, KINDS[kind]) for module in made)


def width_to_come(run) -> int:
    """Units of the first hidden layer to come."""
    made = run.settings["block"]
    return made[0].out_features if made else 8


def last_block(run) -> list[Any]:
    """The modules of the last hidden layer that there is or was, Linear first: what a new one is made like."""
    found = blocks(run.model)
    if found:
        return found[-1]
    made = run.settings.get("block")
    return made or [nn.Linear(8, 8), nn.activation(getattr(run.model, "activation", "tanh"))]


def generators(run) -> list[np.random.Generator]:
    """The random generators of what is kept for hidden layers to come."""
    return list({id(m.rng): m.rng for m in to_come(run) if isinstance(m, nn.Dropout)}.values())


# ---- layers by name --------------------------------------------------------------------------------------------------


def layers_of(run) -> dict[str, nn.Module]:
    """name -> the module of each layer in `run.layers`."""
    owners = {}
    for module in run.model.modules():
        for value in vars(module).values():
            if isinstance(value, nn.Parameter) and value.ndim > 1:
                owners.setdefault(_start(run, value), module)
    return {layer.name: owners[layer.weight.start] for layer in run.layers if layer.weight.start in owners}


def _start(run, parameter):
    offset = parameter.data.__array_interface__["data"][0] - run.theta.__array_interface__["data"][0]
    return offset // run.theta.itemsize


def layer_named(run, name: Any) -> str:
    """The name of a layer, from its name or its number (0 is the first)."""
    names = list(layers_of(run))
    if isinstance(name, (int, np.integer)) and not isinstance(name, bool) and -len(names) <= name < len(names):
        return names[int(name)]
    if name not in names:
        raise ValueError(f"no layer {name!r}; the layers are {', '.join(map(repr, names))}")
    return str(name)


def functions_of(run) -> dict[str, Any]:
    """name -> the module that is the activation of each layer in `run.layers`, or None."""
    return {layer.name: function for layer, function in zip(run.layers, run.functions, strict=True)}


def own_parameters(module) -> list[nn.Parameter]:
    return [value for value in vars(module).values() if isinstance(value, nn.Parameter)]


def frozen(run) -> tuple[str, ...]:
    """Names of the layers none of whose own parameters is trained."""
    if all(parameter.requires_grad for parameter in run.model.parameters()):
        return ()
    return tuple(
        name for name, module in layers_of(run).items() if not any(p.requires_grad for p in own_parameters(module))
    )


# ---- single units ----------------------------------------------------------------------------------------------------

Units = tuple[tuple[str, int], ...]  # (name of the layer, number of the unit)


def silenced(run) -> Units:
    """The units that give 0 whatever comes in."""
    if not any(isinstance(module, nn.Activation) and module.silenced for module in run.model.modules()):
        return ()
    each = {name: function.silenced for name, function in functions_of(run).items() if function is not None}
    return tuple((name, unit) for name, units in each.items() for unit in units)


def frozen_units(run) -> Units:
    """The units whose weights and bias are not trained, though others of their layer may be."""
    if not any(parameter.frozen_rows for parameter in run.model.parameters()):
        return ()
    rows = {name: [p.frozen_rows for p in own_parameters(module)] for name, module in layers_of(run).items()}
    return tuple((name, unit) for name, each in rows.items() for unit in sorted(set(each[0]).intersection(*each)))


def counts_of_units(model) -> tuple[int, int]:
    """How many units are silenced, and how many frozen."""
    quiet = {id(module): len(module.silenced) for module in model.modules() if isinstance(module, nn.Activation)}
    return sum(quiet.values()), sum(len(p.frozen_rows) for p in model.parameters() if p.ndim > 1)
