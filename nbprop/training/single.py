"""Single units: silenced, so that they give 0 and hand no gradient back; or frozen, so that their weights and bias stay
as they are while the others learn. What a change of the network makes of them."""

from collections.abc import Iterable
from typing import Any

from nbprop import nn
from nbprop.checks import whole

from .makeup import counts_of_units, functions_of, layer_named, layers_of, own_parameters


def check_silenced(run, value, wanted) -> Any:
    found = _pairs(run, "silenced", value)
    functions = functions_of(run)
    for name in dict(found):
        _check_silent(run, name, functions)
    return found


def _check_silent(run, name, functions):
    """Raise an error for a layer whose units cannot be made to give 0."""
    layer, function = layers_of(run)[name], functions[name]
    if name == list(functions)[-1]:
        raise ValueError(f"{name}: its units are the output, which cannot be silenced; those of the layers before can")
    if function is None:
        raise ValueError(
            f"{name} ({type(layer).__name__}): units are silenced behind their activation, and no nn.Activation comes "
            "right after this layer (or its normalization). Put one there; nn.Identity() changes nothing"
        )
    if list(functions.values()).count(function) > 1:
        raise ValueError(f"{name}: its activation is one object with that of another layer; give each its own")
    if type(function).forward is not nn.Activation.forward:
        raise ValueError(f"{name}: its activation {type(function).__name__} has a forward of its own, not an op")


def set_silenced(run, value) -> None:
    for name, function in functions_of(run).items():
        units = _of(name, value)
        if function is not None and function.silenced != units:
            function.silenced = units


def check_frozen_units(run, value, wanted) -> Any:
    found = _pairs(run, "frozen_units", value)
    for name in dict(found):
        module = layers_of(run)[name]
        if not isinstance(module, nn.Linear | nn.Conv2d):
            raise ValueError(
                f"{name} is a {type(module).__name__}: expected a Linear or Conv2d, which has weights of its own for "
                f"each unit. The whole layer can be frozen: trainer.freeze({name!r})"
            )
    check_some_trained(run, wanted.get("frozen", run.values["frozen"]), found)
    return found


def check_some_trained(run, layers, units) -> None:
    """Raise an error if nothing would be trained."""
    sizes = {layer.name: int(layer.units) for layer in run.layers}
    if all(name in layers or len(_of(name, units)) == size for name, size in sizes.items()):
        raise ValueError("frozen: all layers were to be frozen; at least one must be trained")


def set_frozen_units(run, value) -> None:
    for name, module in layers_of(run).items():
        for parameter in own_parameters(module):
            rows = _of(name, value)
            if parameter.frozen_rows != rows:
                parameter.frozen_rows = rows


def _pairs(run, what, value):
    """(layer, unit) each once, in the order of the layers."""
    pairs = list(value) if isinstance(value, Iterable) and not isinstance(value, str) else None
    if pairs is None or any(not isinstance(pair, (tuple, list)) or len(pair) != 2 for pair in pairs):
        raise TypeError(f'{what}: expected pairs of a layer and a unit, such as [("hidden 1", 5)]; got {value!r}')
    sizes = {layer.name: int(layer.units) for layer in run.layers}
    named = [(layer_named(run, layer), unit) for layer, unit in pairs]
    found = {(name, whole(0, sizes[name] - 1)(f"the unit of {name}", unit)) for name, unit in named}
    order = list(sizes)
    return tuple(sorted(found, key=lambda pair: (order.index(pair[0]), pair[1])))


def _of(name, pairs):
    return tuple(unit for layer, unit in pairs if layer == name)


# ---- when the network changes ----------------------------------------------------------------------------------------


def keep(old, new) -> None:
    """What was frozen of a parameter stays so in the one that takes its place, as far as it has these rows."""
    new.requires_grad = old.requires_grad
    new.frozen_rows = tuple(row for row in old.frozen_rows if row < len(new.data))


def fit(blocks) -> None:
    """Units that there are no longer are no longer silenced. blocks: as of `makeup.blocks`."""
    for linear, *rest in blocks:
        for module in rest:
            if isinstance(module, nn.Activation) and module.silenced:
                module.silenced = tuple(unit for unit in module.silenced if unit < linear.out_features)


def gone(before, model) -> str:
    """In words, how many silenced and frozen units there are no longer; before: `counts_of_units` of then."""
    now = zip(("silenced", "frozen"), before, counts_of_units(model), strict=True)
    lost = [f"{kind} unit{'s' * (was - n > 1)}: {was - n} gone" for kind, was, n in now if was > n]
    return ", ".join(lost)
