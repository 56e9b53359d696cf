"""The knobs of a run: what values they take. Each check returns the value to use, or raises a clear error."""

import math
import operator

import numpy as np

from nbprop import data as datasets, nn, optim
from nbprop.checks import did_you_mean

MAX_DEPTH, MAX_WIDTH = 64, 1024


def number(name, value, lowest, tip):
    """A finite float that is not below `lowest`."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, got {value!r}; try {tip}") from None
    if not (math.isfinite(number) and number >= lowest):
        limit = "not negative" if lowest == 0 else f"at least {lowest:g}"
        raise ValueError(f"{name} must be finite and {limit}, got {number:g}; try {tip}")
    return number


def lr(value):
    return number("lr", value, 0, 0.01)


def l1(value):
    return number("l1", value, 0, 1e-4)


def clip(value):
    """Largest norm of the gradient, or None."""
    return None if value is None else number("clip", value, 1e-12, "1.0, or None for no clipping")


def dropout(value, present):
    """Probability in [0, 1). present: what it is now, None where there is nothing that it could act on."""
    if present is None:
        raise ValueError(
            f"dropout cannot be {value!r}: there is no nn.Dropout in this model. Make it with "
            "nb.nn.mlp(..., dropout=0.0), or put nb.nn.Dropout(0.0) into it, and start a new Trainer"
        )
    value = number("dropout", value, 0, 0.5)
    if value >= 1:
        raise ValueError(f"dropout must be below 1, got {value:g}; try 0.5")
    return value


def theta(value, present):
    """A copy of all parameters."""
    array = np.array(value, present.dtype)
    if array.shape != present.shape:
        raise ValueError(f"theta must have the shape of the model's parameters, {present.shape}; got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError("theta must be finite; got NaN or infinity")
    return array


def whole(name, value, low, high=None):
    """A whole number from low to high."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, got {value!r}") from None
    if number < low or (high is not None and number > high):
        upto = f"from {low} to {high}" if high is not None else f"{low} or more"
        raise ValueError(f"{name} must be {upto}, got {number}")
    return number


def batch_size(value):
    return whole("batch_size", value, 1)


def hidden(value):
    sizes = tuple(whole("a hidden layer's width", size, 1, MAX_WIDTH) for size in value)
    whole("depth (hidden layers)", len(sizes), 0, MAX_DEPTH)
    return sizes


def resized(sizes, depth=None, width=None):
    """Hidden sizes with another depth (hidden layers) or width (units in each)."""
    depth = len(sizes) if depth is None else whole("depth (hidden layers)", depth, 0, MAX_DEPTH)
    if width is not None:
        return (whole("width", width, 1, MAX_WIDTH),) * depth
    last = sizes[-1] if sizes else 8
    return sizes[:depth] + (last,) * (depth - len(sizes))


def activation(value):
    return nn.activation(value).name


def loss(value):
    nn.loss(value)  # an unknown name is named
    return value


def optimizer(value, rate):
    """An optimizer that nobody else holds, with learning rate `rate` unless an instance brings its own."""
    if isinstance(value, optim.Optimizer):
        return type(value)(**value.settings())
    return optim.optimizer(value, lr=rate)


def dataset(value):
    """A Dataset from a Dataset, a name, or arrays (X, y)."""
    if isinstance(value, datasets.Dataset):
        return value
    if isinstance(value, str):
        return datasets.dataset(value)
    if isinstance(value, tuple) and len(value) == 2:
        return datasets.from_arrays(*value)
    raise TypeError(
        "data must be a Dataset (nb.data.spirals(), nb.data.from_arrays(X, y)), a name or a pair (X, y); "
        f"got {type(value).__name__}"
    )


CHECKS = {
    "lr": lr,
    "batch_size": batch_size,
    "activation": activation,
    "loss": loss,
    "data": dataset,
    "clip": clip,
    "l1": l1,
}
NAMES = (*CHECKS, "dropout", "optimizer", "hidden", "depth", "width", "theta", "speed")


def unknown(name):
    """What to say of a knob that there is not."""
    return f"no knob {name!r}{did_you_mean(name, NAMES) or '.'} The knobs are {', '.join(NAMES)}"
