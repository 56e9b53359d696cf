"""Where the nodes of a graph go: in layers, each node behind all that it was computed from, with few crossings.

Pure mathematics, after Sugiyama, Tagawa and Toda (1981): layers; a bend wherever an edge passes a layer; each layer
sorted by where its neighbours are; then as level as the order allows. A graph with more layers than fit side by side is
folded: the second row of layers runs back from right to left, the third from left to right again.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

BEND = 0.4  # room that a bend takes, with a node as the unit
ROOM = (11, 7)  # so many nodes stand beside and above each other in a panel of the usual size
SWEEPS = 12


@dataclass(frozen=True)
class Layout:
    """nodes (n, 3): x and y, 0 to 1, and the direction (1 or -1) in which the layers of that row follow each other;
    routes: for each edge the points (k, 3) that it goes through, ends included; columns, rows: nodes that have room
    beside and above each other."""

    nodes: np.ndarray
    routes: list
    columns: int
    rows: float


def layered(inputs) -> Layout:
    """The Layout of a graph. inputs: for each node the numbers of those that it was computed from, all smaller than its
    own; every node but the last is used. Edges are in the order of `inputs`."""
    layer = _layers(inputs)
    items = list(layer)  # the layer of each node, and then of each bend
    chains = []  # for each edge the nodes and bends that it goes through
    for user, xs in enumerate(inputs):
        for x in xs:
            start = len(items)
            items.extend(range(layer[x] + 1, layer[user]))
            chains.append([x, *range(start, len(items)), user])
    links = sorted({link for chain in chains for link in pairwise(chain)})
    before, after = ({i: [] for i in range(len(items))} for _ in range(2))
    for a, b in links:
        after[a].append(b)
        before[b].append(a)
    layers = _ordered([[i for i, at in enumerate(items) if at == k] for k in range(max(items) + 1)], before, after)
    size = np.where(np.arange(len(items)) < len(inputs), 1.0, BEND)
    height = max(size[row].sum() for row in layers)
    y = _leveled(layers, before, after, size, height)
    return _folded(np.array(items), y, height, chains, len(inputs))


def _layers(inputs):
    """The layer of each node: one behind its last input. A leaf stands just before its first use."""
    layer, first = [0] * len(inputs), [len(inputs)] * len(inputs)
    for user, xs in enumerate(inputs):
        layer[user] = 1 + max((layer[x] for x in xs), default=-1)
        for x in xs:
            first[x] = min(first[x], layer[user])
    return [at if xs or user == len(inputs) - 1 else first[user] - 1
            for user, (at, xs) in enumerate(zip(layer, inputs, strict=True))]  # fmt: skip


def _ordered(layers, before, after):
    """The layers sorted so that few edges cross: the best of some sweeps there and back."""
    best, fewest = layers, _crossings(layers, after)
    for sweep in range(SWEEPS):
        layers, near = [list(row) for row in layers], before if sweep % 2 == 0 else after
        for k in range(len(layers)) if sweep % 2 == 0 else reversed(range(len(layers))):
            place = {i: (n + 0.5) / len(row) for row in layers for n, i in enumerate(row)}
            wanted = {i: np.mean([place[j] for j in near[i]]) if near[i] else place[i] for i in layers[k]}
            layers[k].sort(key=wanted.__getitem__)
        if (crossings := _crossings(layers, after)) < fewest:
            best, fewest = layers, crossings
    return best


def _crossings(layers, after):
    """How many pairs of edges between neighbouring layers cross."""
    total = 0
    for row, following in pairwise(layers):
        place = {i: n for n, i in enumerate(following)}
        ends = [(n, place[j]) for n, i in enumerate(row) for j in after[i]]
        total += sum(a < c and d < b for a, b in ends for c, d in ends)
    return total


def _leveled(layers, before, after, size, height):
    """y of each node and bend, 0 to `height`: near to its neighbours, in the order given, with room for each."""
    y = np.zeros(len(size))
    for row in layers:
        y[row] = np.cumsum(size[row]) - size[row] / 2 + (height - size[row].sum()) / 2
    for sweep in range(2 * SWEEPS):
        for row in layers if sweep % 2 == 0 else reversed(layers):
            wanted = [np.mean(y[near]) if (near := before[i] + after[i]) else y[i] for i in row]
            y[row] = _apart(np.array(wanted), size[row], height)
    return y


def _apart(wanted, size, height):
    """Positions near the wanted ones, in that order, half the sizes apart, within 0 to `height`."""
    offset = np.cumsum(size) - size / 2  # packed without gaps; positions minus this may only rise
    slack = wanted - offset
    rising = (np.maximum.accumulate(slack) + np.minimum.accumulate(slack[::-1])[::-1]) / 2
    return np.clip(rising, 0, height - size.sum()) + offset


def _folded(layer, y, height, chains, n):
    """Layers laid side by side, in as many rows as give the nodes the most room."""
    depth = layer.max() + 1

    def room(folds):
        rows = folds * height + 0.4 * (folds - 1)
        return min(ROOM[0] / np.ceil(depth / folds), ROOM[1] / rows) / (1 if folds == 1 else 1.2)

    columns = int(np.ceil(depth / max(range(1, 7), key=room)))
    folds = int(np.ceil(depth / columns))
    rows = folds * height + 0.4 * (folds - 1)
    fold, column = np.divmod(layer, columns)
    direction = np.where(fold % 2 == 0, 1, -1)
    x = column / (columns - 1) if columns > 1 else np.full(len(layer), 0.5)
    x = np.where(direction > 0, x, 1 - x)
    top = y - 0.5 + fold * (height + 0.4)
    y = np.clip(top / (rows - 1), 0, 1) if rows > 1 else np.full(len(y), 0.5)
    points = np.stack([x, y, direction], axis=1).astype(np.float32)
    return Layout(points[:n], [points[chain] for chain in chains], columns, float(rows))
