"""Which layers a model has: found in what it computes, with the arrays of each, and how they hang together."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nbprop import nn
from nbprop.engine import Tensor

CONVOLUTIONS = ("Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d")  # names of layers, and of their ops


@dataclass(frozen=True)
class Layer:
    """A layer with weights, as a view describes it. `weight` is its place in `theta`, `bias` that of one bias for each
    unit, where there is one. groups: of channels, in a convolution."""

    name: str
    kind: str
    activation: str
    units: int
    weight: slice
    shape: tuple[int, ...] = ()  # of the weight, where there is but one
    bias: slice | None = None
    groups: int = 1


@dataclass(frozen=True)
class Wire:
    """How a layer hangs in the network.

    sources: numbers of the layers whose outputs it gets, the nearest last; -1 is the input of the network. More than
        one: they are added, or joined, on the way.
    through: the normalizations and poolings on the way to what its activation gets, such as "MaxPool2d"
    inside: number of the layer that it is a part of, as the last Linear of an attention; None: of none
    """

    sources: tuple[int, ...]
    through: tuple[str, ...] = ()
    inside: int | None = None


@dataclass(frozen=True)
class Window:
    """How the weights of a convolution move: weight (i, j) sees at stop (p, q) the place (p stride + i dilation -
    padding, ...) of what comes in, nothing where there is none. Pairs, rows and columns; of sequences the rows stand
    still. backwards: of a transposed one, which stops at each place of what comes in and moves over what it gives."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int = 1
    backwards: bool = False

    def seen(self, weight, stops, sizes) -> "tuple[Any, Any]":
        """(stops, places), indices for rows and columns each, of all stops at which a weight (i, j) sees something:
        stops and sizes: how many stops and places there are, rows and columns."""
        moves = zip(weight, stops, sizes, self.stride, self.padding, self.dilation, strict=True)
        found = []
        for at, count, size, stride, padding, dilation in moves:
            places = np.arange(count) * stride + at * dilation - padding
            good = (places >= 0) & (places < size)
            found.append((np.flatnonzero(good), places[good]))
        (rows, down), (columns, across) = found
        return np.ix_(rows, columns), np.ix_(down, across)


@dataclass(frozen=True)
class Tap:
    """The arrays of one layer in a recorded step: they hold the numbers of the last step that was run. What a
    convolution of sequences gives, (N, C, L), is there as pictures of one row, (N, C, 1, L).

    reached: whether a gradient comes back as far as this; of frozen layers before the first that is trained dz is NaN.
    x, dy: of a Linear or a convolution what its weights are multiplied with, (n, ..., inputs) or pictures, and dL/dy of
        what it gives, before any normalization: dL/dW = sum over all places of dy x^T. None of others.
    window: how the weights of a convolution move over x.
    """

    z: np.ndarray
    dz: np.ndarray
    a: np.ndarray
    activation: Any = field(repr=False)
    reached: bool = True
    x: "np.ndarray | None" = None
    dy: "np.ndarray | None" = None
    window: "Window | None" = None


def tapped(z, a, activation) -> Tap:
    """The Tap of a layer, from its Tensors, after backward."""
    reached = z.grad is not None
    dz = z.grad if reached else np.full_like(z.data, np.nan)
    y = _weighted(z)
    plain = reached and type(y.op).__name__ in ("Linear", *CONVOLUTIONS) and y.grad is not None
    x, dy = (y.inputs[0].data, dz if y is z else y.grad) if plain else (None, None)
    x, dy = (None if each is None else pictured(each, z) for each in (x, dy))
    window = _window(y.op) if plain and type(y.op).__name__ in CONVOLUTIONS else None
    return Tap(pictured(z.data, z), pictured(dz, z), pictured(a.data, z), activation, reached, x, dy, window)


def _weighted(z):
    """What the weights give: z, before any normalization."""
    while "Norm" in type(z.op).__name__:
        z = z.inputs[0]
    return z


def _window(op) -> Window:
    """Of the op of a convolution."""
    named, still = isinstance(op.padding, str), [1] * (2 - op.axes)
    padding: Any = [(n - 1) // 2 * (op.padding == "same") for n in op.span] if named else op.padding
    kernel, stride, dilation = ((*still, *each) for each in (op.kernel, op.stride, op.dilation))
    padding = (*[0] * len(still), *padding)
    return Window(kernel, stride, padding, dilation, op.groups, type(op).__name__.startswith("ConvTranspose"))


def pictured(array, z) -> np.ndarray:
    """What belongs to a layer that gives z; of a convolution of sequences as pictures of one row."""
    return array[:, :, None] if _is_of_sequences(z) else array


def _is_of_sequences(z):
    """Whether a Tensor comes from a convolution of sequences: its units are the channels."""
    return z.ndim == 3 and type(_weighted(z).op).__name__ in CONVOLUTIONS


def behind(*outputs) -> "set[Tensor]":
    """All that these Tensors were computed from while recording, whether it needs a gradient or not, and themselves."""
    seen, stack = set(outputs), list(outputs)
    while stack:
        for x in stack.pop().inputs:
            if x not in seen:
                seen.add(x)
                stack.append(x)
    return seen


def unit_axis(z) -> int:
    """The axis of a layer's output along which its units lie: channels of pictures, features of anything else."""
    return 1 if z.ndim == 4 else z.ndim - 1


def find_layers(model, calls, used) -> "list[tuple[Layer, Tensor, Tensor, Any]]":
    """(Layer, z, a, activation module) for every module with a weight matrix and an output that is used, in order.

    `z` is what the activation gets: where a normalization follows the weights, what it gives.
    """
    found, biases = [], []
    backwards = {vars(m).get("weight_ih") for name, m in model.named_modules() if name.endswith("_reverse")}
    for module, given in calls:
        outputs = [one for one in (given if isinstance(given, tuple) else (given,)) if isinstance(one, Tensor)]
        if not outputs:
            continue
        output = next(filter(used, outputs), outputs[0])
        if isinstance(module, nn.Recurrent) and output is not outputs[0]:  # the last state alone, as (1, N, units)
            output = output.inputs[0]
        weights = [value for value in vars(module).values() if isinstance(value, nn.Parameter) and value.ndim > 1]
        follows = found and output.inputs and output.inputs[0] is found[-1][1]
        if weights and used(output):
            found.append([weights, output, output, None, module])
            biases.append(getattr(module, "bias", None))
        elif follows and isinstance(module, nn.Activation):
            found[-1][2:4] = output, module
        elif follows and any(isinstance(value, nn.Parameter) for value in vars(module).values()):
            found[-1][1:3] = output, output
    layers, theta = [], model.theta  # which looks at all parameters
    for i, (weights, z, a, activation, module) in enumerate(found):
        name = "output" if i == len(found) - 1 else f"hidden {i + 1}"
        name += " reverse" if weights[0] in backwards else ""
        start, stop = _place(theta, weights[0])[0], _place(theta, weights[-1])[1]
        units, shape = (
            z.shape[1 if _is_of_sequences(z) else unit_axis(z)],
            weights[0].shape if len(weights) == 1 else (),
        )
        function = activation.name if activation else "identity"
        kind, bias, groups = type(module).__name__, _bias(theta, biases[i], units), getattr(module, "groups", 1)
        layer = Layer(name, kind, function, units, slice(start, stop), shape, bias, groups)
        layers.append((layer, z, a, activation))
    return layers


def recurrent_ops(calls) -> "list[Any]":
    """The op of every call of a recurrent layer, in the order of the calls."""
    found = []
    for module, given in calls:
        if isinstance(module, nn.Recurrent) and not module.named_children():  # what holds several has no op of its own
            node = given[0]
            while not hasattr(node.op, "dh"):
                node = node.inputs[0]
            found.append(node.op)
    return found


def find_wires(found) -> list[Wire]:
    """A Wire for each layer that `find_layers` has found, from what their outputs were computed from."""
    places, last = {}, {}
    for i, (_, z, a, _) in enumerate(found):
        places |= {z: i, a: i}
        last[z] = i  # of several with one output the last is the one that has the others inside
    wires, entrance = [], set()
    for i, (_, z, _, _) in enumerate(found):
        sources, leaves, through, seen, stack = set(), set(), [], {z}, [z]
        while stack:
            x = stack.pop()
            if (name := type(x.op).__name__) and ("Norm" in name or "Pool" in name):
                through.append(name)
            for y in x.inputs:
                if y in places and places[y] < last[z] and y is not z:
                    sources.add(places[y])
                elif y not in seen:
                    seen.add(y)
                    stack.append(y)
                    if y.op is None and not isinstance(y, nn.Parameter):
                        leaves.add(y)
        entrance = entrance or leaves  # what the first layer begins from
        if not sources or leaves & entrance:
            sources.add(-1)
        wires.append(Wire(tuple(sorted(sources)), tuple(through[::-1]), last[z] if last[z] != i else None))
    return wires


def _bias(theta, bias, units):
    return slice(*_place(theta, bias)) if isinstance(bias, nn.Parameter) and bias.shape == (units,) else None


def _place(theta, parameter):
    """Where a parameter lies in theta: start and stop."""
    offset = parameter.data.__array_interface__["data"][0] - theta.__array_interface__["data"][0]
    start = offset // theta.itemsize
    return start, start + parameter.size
