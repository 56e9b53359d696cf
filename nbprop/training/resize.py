"""Changing depth and width of a dense network while it learns, keeping what can be kept.

A widened layer gets new units whose outgoing weights are zero, and an inserted layer is as close to the identity as
its activation allows: right after the change the network says (nearly) what it said before.
"""

from functools import cache
from itertools import cycle, pairwise

import numpy as np

from nbprop import nn
from nbprop.engine import Tensor


def dense_layers(model):
    """The Linear layers of `Sequential(Linear, activation, ..., Linear)`, with the same Dropout behind each activation
    or without; ValueError for any other model."""
    modules = list(model) if isinstance(model, nn.Sequential) else []
    shares = {module.p for module in dropouts(model)}
    kinds = (nn.Linear, nn.Activation, nn.Dropout)[: 2 + len(shares)]
    regular = (
        len(shares) <= 1
        and len(modules) % len(kinds) == 1
        and all(isinstance(module, kind) for module, kind in zip(modules, cycle(kinds), strict=False))
    )
    if not regular:
        raise ValueError(
            "depth, width and hidden sizes can be changed on networks made by nb.nn.mlp "
            "(Linear, activation, ..., Linear, with the same Dropout behind each activation or without); "
            f"this {type(model).__name__} is not: build a new model and a new Trainer instead"
        )
    return modules[:: len(kinds)]


def dropouts(model):
    """All nn.Dropout in a model, however deep inside."""
    return [module for module in model.modules() if isinstance(module, nn.Dropout)]


def activations(model):
    """(module, name, activation) of each place in a model where there is an activation."""
    places = [(module, *child) for module in model.modules() for child in module.named_children()]
    return [place for place in places if isinstance(place[2], nn.Activation)]


def hidden_sizes(model):
    return tuple(layer.out_features for layer in dense_layers(model)[:-1])


@cache
def near_identity(activation):
    """(c, b) for which f(c*a + b) is closest to `a` over the values that f gives to standard normal inputs."""
    f = nn.activation(activation)
    a = f(Tensor(np.linspace(-2, 2, 65))).data
    c, b, width = 1.0, 0.0, 4.0
    for _ in range(8):  # a grid that closes in on the least-squares fit
        cs, bs = np.meshgrid(c + width * np.linspace(-1, 1, 17), b + width * np.linspace(-1, 1, 17), indexing="ij")
        error = ((f(Tensor(cs[..., None] * a + bs[..., None])).data - a) ** 2).mean(axis=-1)
        best = np.unravel_index(np.argmin(error), error.shape)
        c, b, width = float(cs[best]), float(bs[best]), width / 4
    return c, b


class Resize:
    """How the parameters of a network with `old` sizes (input, hidden..., output) become those of one with `new`."""

    def __init__(self, old, new, activation):
        self.old, self.new = tuple(old), tuple(new)
        self.activation = activation

    def source(self, layer):
        """The old layer that lives on as `layer` of the new network; None for an inserted one."""
        if layer == len(self.new) - 2:
            return len(self.old) - 2
        return layer if layer < len(self.old) - 2 else None

    def carry(self, theta, fresh, identity=False):
        """The new flat vector: values of `theta` where they still have a place, else those of `fresh`.

        theta: (old parameters,), fresh: (new parameters,), e.g. a new initialization, or zeros for optimizer state.
        identity: make inserted layers near-identities and silence the outgoing weights of new units.
        """
        out = fresh.copy()
        old, new = _pieces(theta, self.old), _pieces(out, self.new)
        for layer, (weight, bias) in enumerate(new):
            source = self.source(layer)
            if source is not None:
                W, b = old[source]
                rows, columns = min(len(W), len(weight)), min(W.shape[1], weight.shape[1])
                weight[:rows, :columns] = W[:rows, :columns]
                bias[:rows] = b[:rows]
                if identity:
                    weight[:rows, columns:] = 0
            elif identity:
                c, shift = near_identity(self.activation)
                same = min(weight.shape)
                weight[:same] = 0
                weight[range(same), range(same)] = c
                bias[:same] = shift
        return out


def _pieces(theta, sizes):
    """Views of (weight, bias) of every layer in a flat vector."""
    pieces, start = [], 0
    for fan_in, fan_out in pairwise(sizes):
        weight = theta[start : start + fan_in * fan_out].reshape(fan_out, fan_in)
        start += weight.size
        pieces.append((weight, theta[start : start + fan_out]))
        start += fan_out
    return pieces
