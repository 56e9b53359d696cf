"""What the layers of a module are: one, or several where its weights lie apart, as those of an LSTM of several layers;
each with its place in theta and what was seen of it."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbprop.record.layers import Layer, Tap, Wire, unit_axis

from .calls import Call, array, tap


@dataclass(frozen=True)
class Part:
    """Weights that lie side by side in theta. name: of the part, "" of the only one. above: numbers of the parts whose
    outputs it gets, none: what the module gets; gives: whether the module gives what it gives. order: how many of a
    recurrent layer are before it, None of others."""

    name: str
    weights: "tuple[Any, ...]"
    above: "tuple[int, ...]" = ()
    gives: bool = True
    order: "int | None" = None


def matrices(module: Any) -> "list[tuple[str, Any]]":
    """The matrices of a module by their names: its own, or those that stand for them (weight_norm, spectral_norm)."""
    if type(module).__name__ == "ParametrizationList":
        return []
    own = [(name, p) for name, p in module.named_parameters(recurse=False) if p.ndim > 1]
    if not own and hasattr(module, "parametrizations"):
        found = [(name, p) for name, p in module.parametrizations.named_parameters() if p.ndim > 1]
        own = sorted(found, key=lambda each: each[1].numel())[-1:]
    return own


def parts_of(module: Any, places: "dict[Any, slice]") -> "list[Part]":
    """The parts of a module. places: parameter -> where it lies in theta."""
    runs: list[list[tuple[str, Any]]] = []
    for name, p in matrices(module):
        if p not in places:
            continue
        beside = runs and places[runs[-1][-1][1]].stop == places[p].start and _kind(runs[-1][-1][0]) == _kind(name)
        runs[-1].append((name, p)) if beside else runs.append([(name, p)])
    weights = [tuple(p for _, p in run) for run in runs]
    if len(runs) < 2:
        return [Part("", weights[0] if weights else ())]
    kinds = [_kind(run[0][0]) for run in runs]
    if not all(kinds):
        return [
            Part(f".{run[0][0]}", mine, gives=i == len(runs) - 1)
            for i, (run, mine) in enumerate(zip(runs, weights, strict=True))
        ]
    found, last = [], max(kind[1] for kind in kinds)
    states = [kind for kind in kinds if kind[0] != "hr"]
    for (what, layer, way), mine in zip(kinds, weights, strict=True):
        name = f" layer {layer + 1}" * (last > 0) + " reverse" * bool(way) + " projection" * (what == "hr")
        above = tuple(i for i, (_, at, _) in enumerate(kinds) if at == layer - 1)
        order = None if what == "hr" else states.index((what, layer, way))
        found.append(Part(name, mine, above, layer == last and what != "hr", order))
    return found


def _kind(name) -> Any:
    """("ih", 1, "_reverse") of a weight of a recurrent layer, () of others; those of the input and of the state, which
    lie side by side, are of one kind."""
    found = re.fullmatch(r"weight_(ih|hh|hr)_l(\d+)(_reverse)?", name)
    return (found[1].replace("hh", "ih"), int(found[2]), found[3] or "") if found else ()


def layers_of(
    name: str, module: Any, parts: "list[Part]", places: "dict[Any, slice]", calls: "list[Call]", function: Any,
    scale: float,
) -> "list[tuple[Layer, Tap]]":  # fmt: skip
    """The Layer and the Tap of each part of a module, from its calls in a step. Inside of a recurrent module is seen
    only the last state of each layer, and no gradient."""
    one = tap(calls, function, scale)
    if len(parts) == 1:
        return [(_layer(_title(name, module), module, parts[0], places, one), one)]
    giving = [part for part in parts if part.gives]
    pieces = _split(one, len(giving), calls[-1])
    states: Any = next((array(z) for z, _ in calls[-1].others if z.ndim == 3), None)
    found = []
    for part in parts:
        if part.gives:
            mine = pieces[giving.index(part)]
        else:
            z = None if states is None or part.order is None else states[part.order]
            if z is None:
                z = np.full((0, part.weights[0].shape[0]), np.nan, np.float32)
            mine = Tap(z, np.full_like(z, np.nan), z, None, False)
        found.append((_layer(_title(name, module) + part.name, module, part, places, mine), mine))
    return found


def _split(one, count, call):
    """The Tap of what a module gives, cut into those of its parts, which give it side by side; where its gradient has
    come through its last states, these are the last of them."""
    if call.state:
        return [Tap(z, dz, z, None, one.reached) for z, dz in zip(one.z[-count:], one.dz[-count:], strict=True)]
    if count == 1:
        return [one]
    cut = [np.split(each, count, axis=-1) for each in (one.z, one.dz)]
    return [Tap(z, dz, z, None, one.reached) for z, dz in zip(*cut, strict=True)]


def _layer(title, module, part, places, one):
    weights = [places[p] for p in part.weights]
    bias: Any = getattr(module, "bias", None)
    units = one.z.shape[unit_axis(one.z)]
    at = places.get(bias) if hasattr(bias, "detach") and bias.shape == (units,) else None
    function = one.activation.name if one.activation is not None else "identity"
    shape = tuple(part.weights[0].shape) if len(weights) == 1 else ()
    weight = slice(weights[0].start, weights[-1].stop) if weights else slice(0, 0)
    return Layer(title, type(module).__name__, function, units, weight, shape, at, getattr(module, "groups", 1))


def _title(name, module):
    """What a layer is called: as in the model, but where that is a bare number."""
    return name if name and not name.isdecimal() else f"{type(module).__name__} {name}".strip()


def wired(wires: "list[Any]", parts: "list[list[Part]]") -> "list[Wire]":
    """The wires of all parts, from those of their modules."""
    starts = np.cumsum([0, *map(len, parts)])
    giving = [
        [int(start) + i for i, part in enumerate(each) if part.gives]
        for start, each in zip(starts, parts, strict=False)
    ]
    found = []
    for start, wire, each in zip(starts, wires, parts, strict=False):
        outside = sorted({at for source in wire.sources for at in ([-1] if source < 0 else giving[source])})
        for part in each:
            inside = tuple(int(start) + i for i in part.above)
            found.append(Wire(inside or tuple(outside), () if inside else wire.through))
    return found
