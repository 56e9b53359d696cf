"""The multi-layer perceptron."""

from itertools import pairwise
from typing import Any

import numpy as np

from ..checks import number, size
from .activations import LeakyReLU, activation as make_activation
from .containers import Sequential
from .dropout import Dropout
from .init import INITIALIZERS, he, initializer
from .layers import Linear


def mlp(
    sizes, activation: Any = "tanh", init: Any = "xavier", seed: Any = 0, dtype: Any = np.float32, dropout: Any = None
) -> Sequential:
    """Sequential(Linear, activation, Linear, activation, ..., Linear).

    Args:
        sizes: numbers of units, inputs first and outputs last, such as [2, 16, 16, 1]; two at least.
        activation: name or module, between the Linear layers (the output is linear).
        init: name or function; with leaky ReLU, "he" takes the slope into account.
        seed: of the generator for the weights. Same seed, same weights.
        dtype: float32 or float64; the weights are the same up to rounding.
        dropout: None for none, or 0 <= p < 1 for a Dropout(p) after each activation; with 0.0 a Trainer can turn it up
            later. All draw from one generator that comes from the seed; the weights are the same with and without.
    The model keeps their names as `model.activation` and `model.init`; an initializer of your own, or with settings of
    its own, it keeps itself.
    """
    sizes = list(sizes) if np.iterable(sizes) and not isinstance(sizes, str) else sizes
    if not isinstance(sizes, list) or len(sizes) < 2:
        raise ValueError(f"mlp needs at least two sizes, inputs and outputs, such as [2, 16, 1]; got {sizes!r}")
    sizes = [size(f"sizes[{i}]", n) for i, n in enumerate(sizes)]
    act, draw, rng = make_activation(activation), initializer(init), np.random.default_rng(seed)
    if draw is he and isinstance(act, LeakyReLU):
        draw = he(slope=act.negative_slope)
    modules = []
    for fan_in, fan_out in pairwise(sizes):
        modules += [Linear(fan_in, fan_out, init=draw, rng=rng, dtype=dtype), make_activation(act)]
    model = Sequential(*modules[:-1])
    if dropout is not None:
        p, masks = number(0, 1)("dropout", dropout), rng.spawn(1)[0]
        for i in range(len(model) - 1, 1, -2):  # before each Linear but the first
            model.insert(i, Dropout(p, masks))
    model.activation = getattr(act, "name", type(act).__name__)
    function = initializer(init)
    model.init = next((name for name, known in INITIALIZERS.items() if known is function), function)
    return model
