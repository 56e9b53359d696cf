"""The models that the engine benchmark trains: sizes, one batch of data, and weights to start from.

All parameters lie in one flat vector, in the order and shapes of nbprop's (and PyTorch's) modules, so that gradients of
different implementations can be compared number by number.
"""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np


@dataclass
class Workload:
    """One model with one batch. shapes: name -> shape of each parameter, in the order in which they lie in `theta`."""

    name: str
    about: str
    optimizer: str  # "sgd" or "adam", with `lr`
    x: np.ndarray
    y: np.ndarray
    shapes: dict
    settings: dict = field(default_factory=dict)
    norms: bool = False  # the norm of each parameter's gradient is read at every step
    lr: float = 0.01

    def __post_init__(self):
        rng = np.random.default_rng(1)
        self.theta = np.concatenate([_start(rng, name, shape).ravel() for name, shape in self.shapes.items()])

    def split(self, theta):
        """Views of a flat vector, one for each parameter: name -> array."""
        ends = np.cumsum([np.prod(shape) for shape in self.shapes.values()])
        pieces = np.split(theta, ends[:-1])
        return {name: piece.reshape(shape) for (name, shape), piece in zip(self.shapes.items(), pieces, strict=True)}

    @property
    def starts(self):
        """Where each parameter begins in the flat vector."""
        sizes = np.array([np.prod(shape) for shape in self.shapes.values()])
        return np.cumsum(sizes) - sizes


def _start(rng, name, shape):
    """Weights with the variance 1 / fan_in, ones for scales, small biases (zeros would hide mistakes)."""
    if "norm" in name and name.endswith("weight"):
        return np.ones(shape, np.float32)
    scale = 0.1 if len(shape) == 1 else np.sqrt(1 / np.prod(shape[1:]))
    return rng.normal(0, scale, shape).astype(np.float32)


def _dense(name, sizes, activation, loss, optimizer, batch, norms=False):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch, sizes[0])).astype(np.float32)
    y = rng.integers(0, max(sizes[-1], 2), batch)
    y = y.astype(np.float32)[:, None] if loss == "bce" else y
    shapes = {}
    for i, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        shapes |= {f"{2 * i}.weight": (fan_out, fan_in), f"{2 * i}.bias": (fan_out,)}
    middle = f"{sizes[1]}x{len(sizes) - 2}" if len(sizes) > 5 else "-".join(map(str, sizes[1:-1]))
    about = f"MLP {sizes[0]}-{middle}-{sizes[-1]} {activation}, {optimizer}, batch {batch}"
    settings = {"kind": "dense", "sizes": sizes, "activation": activation, "loss": loss}
    return Workload(name, about + ", norms" * norms, optimizer, x, y, shapes, settings, norms)


def _layers(name, fan_in, fan_out):
    """A dense layer's shapes."""
    return {f"{name}.weight": (fan_out, fan_in), f"{name}.bias": (fan_out,)}


def _cnn():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(64, 1, 28, 28)).astype(np.float32), rng.integers(0, 10, 64)
    shapes = {"0.weight": (6, 1, 5, 5), "0.bias": (6,), "3.weight": (16, 6, 5, 5), "3.bias": (16,)}
    shapes |= {**_layers("7", 256, 120), **_layers("9", 120, 84), **_layers("11", 84, 10)}
    about = "CNN: conv 5x5x6, pool, conv 5x5x16, pool, 120-84-10 relu, adam, batch 64"
    return Workload("W5", about, "adam", x, y, shapes, {"kind": "cnn"})


def _lstm():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(32, 50, 32)).astype(np.float32), rng.integers(0, 10, 32)
    shapes = {"lstm.weight_ih": (256, 32), "lstm.weight_hh": (256, 64), "lstm.bias_ih": (256,), "lstm.bias_hh": (256,)}
    shapes |= _layers("linear", 64, 10)
    about = "LSTM 32-64, 50 steps, last state to 10, adam, batch 32"
    return Workload("W6", about, "adam", x, y, shapes, {"kind": "lstm"})


def _transformer(d=64, blocks=2, vocabulary=64, length=64):
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, vocabulary, (2, 16, length))
    shapes = {"0.weight": (vocabulary, d), "1.weight": (length, d)}
    for i in range(2, 2 + blocks):
        shapes |= {f"{i}.norm1.weight": (d,), f"{i}.norm1.bias": (d,)}
        shapes |= {f"{i}.self_attn.in_proj_weight": (3 * d, d), f"{i}.self_attn.in_proj_bias": (3 * d,)}
        shapes |= {**_layers(f"{i}.self_attn.out_proj", d, d), f"{i}.norm2.weight": (d,), f"{i}.norm2.bias": (d,)}
        shapes |= {**_layers(f"{i}.linear1", d, 4 * d), **_layers(f"{i}.linear2", 4 * d, d)}
    shapes |= {f"{2 + blocks}.norm.weight": (d,), f"{2 + blocks}.norm.bias": (d,), **_layers("head", d, vocabulary)}
    settings = {"kind": "transformer", "d": d, "heads": 4, "blocks": blocks, "vocabulary": vocabulary, "length": length}
    about = "transformer: d 64, 4 heads, 2 blocks, 64 characters, adam, batch 16"
    return Workload("W7", about, "adam", x, y, shapes, settings, lr=0.001)


WORKLOADS = {
    "W1": lambda: _dense("W1", [2, 8, 8, 1], "tanh", "bce", "sgd", 32),
    "W1a": lambda: _dense("W1a", [2, 8, 8, 1], "tanh", "bce", "adam", 32),
    "W2": lambda: _dense("W2", [2, *[16] * 20, 1], "tanh", "bce", "sgd", 64, norms=True),
    "W3": lambda: _dense("W3", [64, 128, 64, 10], "relu", "cross_entropy", "adam", 64),
    "W4": lambda: _dense("W4", [784, 512, 256, 10], "relu", "cross_entropy", "adam", 128),
    "W5": _cnn,
    "W6": _lstm,
    "W7": _transformer,
}
