"""How the layers of a PyTorch model hang together, from the graph of a step."""

from collections.abc import Iterable
from typing import Any

from nbprop.record.layers import Wire

from . import functions
from .calls import array


def found(calls: "list[list[Any]]", roots: "Iterable[Any]" = ()) -> "tuple[list[Wire], list[Any]]":
    """A Wire, and the activation that stands behind it in the graph or None, for each layer. calls: those of each
    layer, in the order of the layers. roots: nodes from which the backward pass began."""
    places = {id(call.node): i for i, each in enumerate(calls) for call in each if call.node is not None}
    passed = {id(node): i for i, each in enumerate(calls) for call in each for node in call.passed}
    places = passed | places
    below: list[dict[int, Any]] = [{} for _ in calls]  # what stands behind z, by the ids of nodes
    under: dict[int, dict[int, Any]] = {}  # the same of all other nodes
    wires = []
    for i, each in enumerate(calls):
        node = next((call.node for call in reversed(each) if call.node is not None), None)
        if node is None:  # no gradient comes as far as this
            wires.append(Wire((i - 1,)))
            continue
        sources, through = set(), _passed(node)
        for above, beneath in _up(node, places):
            at = places.get(id(above))
            if at is None or id(above) in passed:
                through += _passed(above)
            if at is None:
                under.setdefault(id(above), {})[id(beneath)] = beneath
            elif at < i:
                sources.add(at)
                below[at][id(beneath)] = beneath
        wires.append(Wire(tuple(sorted(sources)) or (-1,), tuple(through[::-1])))
    for root in roots:
        for above, beneath in _up(root, places):
            at = places.get(id(above))
            (under.setdefault(id(above), {}) if at is None else below[at])[id(beneath)] = beneath
    return wires, [_activation(each, under) or _told(calls, i) for i, each in enumerate(below)]


def _activation(nodes, under):
    """The activation that these nodes are, or the one that stands behind the pooling that they are; None: none that is
    known."""
    while len(nodes) == 1:
        (node,) = nodes.values()
        if not _passes(node):
            return functions.of_node(node)
        nodes = under.get(id(node), {})
    return None


def _told(calls, i):
    """The activation of a frozen layer, of which there is no graph: what makes of z just what a later layer gets."""
    z = calls[i][-1].z
    if calls[i][-1].node is not None or calls[i][-1].a is not None:
        return None
    later = (each[-1].x for each in calls[i + 1 :])
    x = next((x for x in later if x is not None and x.numel() == z.numel()), None)
    return None if x is None else functions.of_numbers(array(z).ravel(), array(x).ravel())


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


def _passes(node):
    return "Pool" in node.name() or "NativeDropout" in node.name()


def _passed(node):
    name = node.name().partition("Backward")[0]
    if "Pool" in name:
        return [name.replace("WithIndices", "").replace("2D", "2d").replace("1D", "1d")]
    return [name] if "Norm" in name else []
