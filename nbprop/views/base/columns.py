"""A network as columns of units: which layers and units are shown, small pictures, the weights between them."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nbprop.record.layers import CONVOLUTIONS, unit_axis

MOST = 16  # units of a column
LAYERS = 12  # columns beside the input
SIDE = 12  # places along each side of the plane over which a response is drawn
PIXELS = 16  # a picture is made at most so many pixels high and wide
RECURRENT = {"RNN": (1,), "GRU": (3,), "LSTM": (3, 4)}  # kind -> blocks of rows, one for each gate


@dataclass
class Column:
    """layer: its number, -1: the input. units: numbers of those that are shown, of `total`. skipped: layers left out
    before it. sources: numbers of the columns that it gets outputs of, the nearest last. kind: what its small pictures
    are: "plane", "curve", "picture", "weights", "time", "heads" or "value"."""

    layer: int
    total: int
    units: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    skipped: int = 0
    sources: tuple[int, ...] = ()
    kind: str = "value"
    maps: np.ndarray = field(default_factory=lambda: np.zeros((0, 1, 1), np.float32))


def shown_layers(wires, chosen=None) -> list[int]:
    """Numbers of the layers that have a column: all, or the first and the last, and the chosen one with the one before
    it. Layers that are parts of others have none."""
    own = [i for i, wire in enumerate(wires) if wire.inside is None]
    if len(own) <= LAYERS:
        return own
    half = LAYERS // 2
    kept = {*own[: half - 1], *own[-half + 1 :]}
    if chosen in own:
        at = own.index(chosen)
        kept |= {own[max(at - 1, 0)], chosen}
    return sorted(kept)


def columns(layers, wires, inputs, chosen=None) -> list[Column]:
    """The columns, the input first, without units yet. inputs: how many there are."""
    shown = shown_layers(wires, chosen)
    found, places = [Column(-1, inputs)], {-1: 0}
    own = [i for i, wire in enumerate(wires) if wire.inside is None]
    for i in shown:
        skipped = own.index(i) - (own.index(found[-1].layer) + 1 if found[-1].layer >= 0 else 0)
        sources = tuple(dict.fromkeys(places[s] for s in sorted(wires[i].sources) if s in places))
        places[i] = len(found)
        found.append(Column(i, int(layers[i].units), skipped=skipped, sources=sources))
    return found


def but_units(tap) -> tuple[int, ...]:
    """The axes of what a layer gives along which its units do not lie."""
    return tuple(i for i in range(tap.a.ndim) if i != unit_axis(tap.z))


def telling(tap) -> np.ndarray:
    """How much each unit tells, (units,): |a dL/dz|, summed over the batch (and places): about what the loss would
    change by if the unit were silent. 0 where no gradient arrives."""
    told = np.abs(tap.a.astype(np.float64) * tap.dz).sum(axis=but_units(tap))
    return told if tap.reached else np.zeros_like(told)


def means(tap) -> np.ndarray:
    """The mean activation of each unit over the batch, (units,)."""
    return tap.a.mean(axis=but_units(tap))


def mean_of_one(output) -> np.ndarray:
    """The same of one sample, (units,), T times units, or channels, rows, columns."""
    return output if output.ndim == 1 else output.mean(axis=(1, 2) if output.ndim == 3 else 0)


def ranked(scores, most=MOST, also=()) -> np.ndarray:
    """Numbers of the units to show, rising: all, or the first, the last, those `also` asked for, and those with the
    largest scores."""
    count = len(scores)
    if count <= most:
        return np.arange(count)
    must = list(dict.fromkeys([0, count - 1, *(unit for unit in also if 0 <= unit < count)]))
    order = [unit for unit in np.argsort(-np.nan_to_num(scores), kind="stable") if unit not in must]
    return np.sort([*must, *order[: most - len(must)]])


def between(weights, layer, targets, sources, units) -> np.ndarray | None:
    """What leads from each shown unit of a layer before, which has `units`, to each of this one, (targets, sources):
    weights of a Linear; of a convolution, or behind a picture, their sum over the places; of a recurrent layer the mean
    over its gates. None where that cannot be told. weights: the layer's part of a vector like theta."""
    count = int(layer.units)
    if layer.kind in RECURRENT:
        rows = weights.size // (units + count)
        if rows * (units + count) != weights.size or rows / count not in RECURRENT[layer.kind]:
            return None  # it gets the outputs of several
        whole = weights[: rows * units].reshape(rows // count, count, units)
        return whole[:, targets][:, :, sources].mean(axis=0)
    if layer.kind in CONVOLUTIONS:
        return _between_channels(weights, layer, targets, sources, units)
    if layer.kind != "Linear" or not layer.shape or layer.shape[0] != count:
        return None
    per, rest = divmod(weights.size // count, units)
    if rest or not per:
        return None
    whole = weights.reshape(count, units, per)
    return whole[np.ix_(targets, sources)].sum(axis=-1)


def _between_channels(weights, layer, targets, sources, units):
    """The sums of the filters; 0 between channels of different groups."""
    sums, groups = weights.reshape(*layer.shape[:2], -1).sum(axis=-1), layer.groups
    sums = sums.reshape(groups, -1, layer.shape[1])
    if "Transpose" in layer.kind:  # inputs, outputs
        sums = sums.swapaxes(1, 2)
    _, outs, ins = sums.shape
    if ins * groups != units:
        return None
    whole = np.zeros((groups, outs, groups, ins), sums.dtype)
    whole[range(groups), :, range(groups)] = sums
    return whole.reshape(groups * outs, units)[np.ix_(targets, sources)]


def small(maps) -> np.ndarray:
    """Pictures (n, h, w), averaged down to at most PIXELS a side."""
    n, h, w = maps.shape
    a, b = math.ceil(h / PIXELS), math.ceil(w / PIXELS)
    if a == b == 1:
        return np.ascontiguousarray(maps, np.float32)
    padded = np.pad(maps, ((0, 0), (0, -h % a), (0, -w % b)), mode="edge")
    return padded.reshape(n, -(-h // a), a, -(-w // b), b).mean(axis=(2, 4)).astype(np.float32)


def picture_shape(data) -> "tuple[int, int] | None":
    """Rows and columns where a sample is a picture, also a flattened one; else None."""
    shape = data.input_shape
    if len(shape) == 3:
        return shape[1:]
    side = math.isqrt(shape[0]) if len(shape) == 1 and not data.vocabulary else 0
    if side * side != shape[0] or side < 4:
        return None
    return (side, side) if str(data.features[0]).startswith("pixel") or side >= 14 else None


def of_one(output, units) -> "tuple[str, np.ndarray]":
    """What kind of small picture there is of what a layer gives for one sample, and the pictures (units, h, w): output
    (units,), (T, units) or (channels, rows, columns)."""
    if output.ndim == 3:
        return "time" if output.shape[1] == 1 else "picture", small(output[units])
    if output.ndim == 2 and output.shape[0] > 1:
        return "time", small(output.T[units][:, None, :])
    return "value", output.reshape(-1)[units].reshape(-1, 1, 1).astype(np.float32)


def extent(X) -> "tuple[Any, Any]":
    """Lowest and highest (inputs,) of what is drawn of a plane or line: a little more than where the samples X are."""
    low, high = X.min(axis=0).astype(np.float64), X.max(axis=0).astype(np.float64)
    width = np.maximum(high - low, 1e-6)
    if width.max() < 2 * width.min():  # like measures like: keep the shape of a spiral
        width[:] = width.max()
    return (low + high - 1.1 * width) / 2, (low + high + 1.1 * width) / 2


def places(low, high, side) -> np.ndarray:
    """(side * side, 2) places of a plane, row by row from the top; (side, 1) of a line."""
    if len(low) == 1:
        return np.linspace(low[0], high[0], side, dtype=np.float32)[:, None]
    across, down = np.linspace(low[0], high[0], side), np.linspace(high[1], low[1], side)
    return np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 2).astype(np.float32)
