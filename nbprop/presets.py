"""Runs worth seeing: what is set up, what there is to see, and in which views. Each is one click in the playground.

To add one, add an entry: it is in the playground's menu, and a test wants to see what it promises.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nbprop import data as datasets, nn
from nbprop.checks import did_you_mean
from nbprop.training import Trainer

VIEWS = ("loss", "gradients", "histograms", "boundary")
USUAL = {"batch_size": 32, "clip": None, "clip_value": None, "l1": 0.0, "drop_last": False, "accumulate": 1}


@dataclass(frozen=True)
class Preset:
    """A run worth seeing. words: what there is to see. make() -> model and data; settings: as of `Trainer.reset`;
    views: names of those that show it; speed: most steps per second; probe_every: as of a Trainer."""

    name: str
    words: str
    make: "Callable[[], tuple[nn.Module, datasets.Dataset]]" = field(repr=False)
    settings: Mapping[str, Any]
    views: "tuple[str, ...]" = ("loss", "gradients", "doctor", "boundary")
    speed: float = 300.0
    probe_every: int = 10

    def start(self, trainer: Trainer) -> None:
        """Let a trainer begin this run; its `undo` brings back the one that it had."""
        model, data = self.make()
        trainer.reset(model, data, seed=0, **{**USUAL, **self.settings})
        trainer.speed, trainer.probe_every = self.speed, self.probe_every


def preset(name: str) -> Preset:
    """The preset of that name; ValueError where there is none."""
    if name not in PRESETS:
        raise ValueError(f"preset: expected one of {', '.join(PRESETS)}; got {name!r}{did_you_mean(name, PRESETS)}")
    return PRESETS[name]


# ---- what they learn with --------------------------------------------------------------------------------------------


class LastOutput(nn.Module):
    """What is said after the last step of sequences (n, T, inputs): a recurrent layer, and a dense one on its last
    output."""

    def __init__(self, layer: nn.RNN, outputs: int) -> None:
        self.layer, self.head = layer, nn.Linear(layer.hidden_size, outputs, rng=0)

    def forward(self, x: Any) -> Any:
        out, _ = self.layer(x)
        return self.head(out[:, -1])


def temporal_order(samples: int, seed: int, T: int = 20) -> "tuple[np.ndarray, np.ndarray]":
    """Sequences (samples, T, 6) of a, b, c, d, X, Y as ones and zeros: two of the letters are X or Y, and which of the
    four orders it is, is asked (Hochreiter and Schmidhuber 1997, experiment 6a)."""
    rng = np.random.default_rng(seed)
    letters, answer, each = rng.integers(0, 4, (samples, T)), rng.integers(0, 4, samples), np.arange(samples)
    letters[each, rng.integers(T // 10, T // 5, samples)] = 4 + answer // 2
    letters[each, rng.integers(T // 2, T * 6 // 10, samples)] = 4 + answer % 2
    return np.eye(6)[letters], answer


def _deep_sigmoid():
    model = nn.mlp([2, *[8] * 8, 1], activation="sigmoid", init="xavier", seed=0)
    return model, datasets.circles(seed=0)


def _dead_relus():
    return nn.mlp([2, 16, 16, 16, 1], activation="relu", init="he", seed=0), datasets.circles(seed=0)


def _edge_of_stability():
    return nn.mlp([1, 32, 32, 1], activation="tanh", init="xavier", seed=0), datasets.wave(noise=0.05, seed=0)


def _overfitting():
    data = datasets.moons(samples=60, noise=0.3, validation=0.5, seed=0)
    return nn.mlp([2, 64, 64, 1], activation="relu", init="he", seed=0), data


def _exploding_rnn():
    start = {"init": nn.init.normal(std=0.1), "recurrent_init": nn.init.orthogonal(gain=2.0)}
    data = datasets.from_arrays(*temporal_order(1000, 0), *temporal_order(400, 1), name="temporal order")
    return LastOutput(nn.RNN(6, 32, batch_first=True, rng=0, **start), 4), data


_ENTRIES = (
    Preset(
        "a deep sigmoid net that does not learn",
        "Eight layers of sigmoids: dL/dz shrinks a hundred thousand times on its way back, so the first layers never "
        "hear of the error, and the loss stays what guessing costs.",
        _deep_sigmoid,
        {"optimizer": "momentum", "lr": 0.05},
    ),
    Preset(
        "dead ReLUs",
        "The first steps are far too long, and throw the ReLUs where they are 0 for every sample. Nothing comes "
        "back through a dead unit, so it stays dead, and the loss with it.",
        _dead_relus,
        {"optimizer": "adam", "lr": 1.0},
    ),
    Preset(
        "the edge of stability",
        "Gradient descent on the whole data set: the loss falls while its sharpness rises, until that reaches 2/lr; "
        "from there on the loss goes up and down in single steps, and falls all the same (Cohen et al. 2021).",
        _edge_of_stability,
        {"optimizer": "sgd", "lr": 0.1, "batch_size": 300},
        views=("loss", "sharpness", "doctor", "boundary"),
    ),
    Preset(
        "overfitting",
        "Thousands of weights and thirty noisy points: soon all of those are right, while the loss on the validation "
        "points rises from step to step.",
        _overfitting,
        {"optimizer": "adam", "lr": 0.01},
    ),
    Preset(
        "an exploding RNN",
        "A recurrent network whose gradient grows on its way back in time, at first sixty times over twenty letters. "
        "Steps of that length throw it where nothing is learned. With the gradient clipped it learns all.",
        _exploding_rnn,
        {"optimizer": "sgd", "lr": 0.1, "batch_size": 20},
        views=("loss", "lags", "doctor", "boundary"),
        speed=100.0,
        probe_every=1,
    ),
)

PRESETS = {entry.name: entry for entry in _ENTRIES}
