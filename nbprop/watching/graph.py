"""How the layers of a PyTorch model hang together, from the graph of a step."""

from collections.abc import Iterable
from typing import Any

from nbprop.record.layers import Wire

from . import functions


def found(calls: "list[list[Any]]", roots: "Iterable[Any]" = ()) -> "tuple[list[Wire], list[Any]]":
    """A Wire, and the activation that stands behind it in the graph or None, for each layer. calls: those of each
    layer, in the order of the layers. roots: nodes from which the backward pass began."""
    places = {id(call.node): i for i, each in enumerate(calls) for call in each if call.node is not None}
    below: list[dict[int, Any]] = [{} for _ in calls]  # what stands behind z, by the ids of nodes
    wires = []
    for i, each in enumerate(calls):
        node = next((call.node for call in reversed(each) if call.node is not None), None)
        if node is None:  # no gradient comes as far as this
            wires.append(Wire((i - 1,)))
            continue
        sources, through = set(), []
        for above, under in _up(node, places):
            at = places.get(id(above))
            if at is None:
                through += _passed(above)
            elif at < i:
                sources.add(at)
                below[at][id(under)] = under
        wires.append(Wire(tuple(sorted(sources)) or (-1,), tuple(through[::-1])))
    for root in roots:
        for above, under in _up(root, places):
            if (at := places.get(id(above))) is not None:
                below[at][id(under)] = under
    return wires, [functions.of_node(*each.values()) if len(each) == 1 else None for each in below]


def _up(node, places):
    """(node, the one below it) of what a node was computed from, up to the layers before."""
    kept, stack = {id(node): node}, [node]  # kept: else another node may get the same id
    while stack:
        below = stack.pop()
        for above, _ in below.next_functions:
            if above is None:
                continue
            if id(above) in places:
                yield above, below
            elif id(above) not in kept:
                kept[id(above)] = above
                yield above, below
                stack.append(above)


def _passed(node):
    name = node.name().partition("Backward")[0]
    if "Pool" in name:
        return [name.replace("WithIndices", "").replace("2D", "2d").replace("1D", "1d")]
    return [name] if "Norm" in name else []
