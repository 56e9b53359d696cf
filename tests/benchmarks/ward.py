"""What patients of the doctor are made with: what differs from suite to suite, models, data."""

import warnings
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

import nbprop as nb

DATA = ("spirals", "circles", "moons", "xor", "gaussians", "wave", "surface", "iris", "digits")


class Kind:
    """What differs from suite to suite. number 0: nothing does."""

    def __init__(self, number, salt=0):
        self.number = number
        self.rng = np.random.default_rng([number, salt])
        self.seed = int(self.rng.integers(1, 10_000)) if number else 0
        self.samples = int(self.rng.integers(300, 700)) if number else 400
        self.noise = float(self.rng.uniform(0.03, 0.15)) if number else 0.1
        self.wide = float(self.rng.choice([0.75, 1, 1.5])) if number else 1.0

    def width(self, units):
        return max(2, round(units * self.wide))

    def data(self, *names, **settings):
        """One of the named data sets: the first, in the first suite."""
        name = str(self.rng.choice(names)) if self.number else names[0]
        if name in ("iris", "digits"):
            settings.pop("samples", None)
        else:
            settings = {"samples": self.samples, "noise": self.noise, **settings}
        return nb.data.dataset(name, **{"seed": self.seed, **settings})

    def mlp(self, data, hidden, activation="tanh", init=None, sized=True, **more):
        sizes = [self.width(units) if sized else units for units in hidden]
        init = init or ("he" if activation in ("relu", "leaky_relu", "gelu", "silu", "elu") else "xavier")
        sizes = [int(np.prod(data.input_shape)), *sizes, data.outputs]
        return nb.nn.mlp(sizes, activation=activation, init=init, seed=self.seed, **more)

    def trainer(self, model, data, loss=None, **settings):
        return nb.Trainer(model, data, loss, **{"seed": self.seed, **settings})


@dataclass(frozen=True)
class Patient:
    """make(kind) -> trainer. steps: that are made, fewer if it diverges. ought: rules that are to find something; may:
    that can be right, too."""

    name: str
    make: Callable[[Kind], nb.Trainer]
    steps: int = 400
    ought: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    salt: int = field(default=0)

    def run(self, number=0):
        """The trainer, trained."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", nb.data.DataWarning)  # of inputs that are not scaled, and on purpose
            trainer = self.make(Kind(number, self.salt))
        trainer.watch()
        with suppress(nb.Diverged):
            trainer.fit(steps=self.steps, bar=False)
        return trainer


PATIENTS: dict[str, Patient] = {}


def patient(*ought, steps=400, may=()):
    def add(make):
        name = make.__name__.replace("_", " ")
        PATIENTS[name] = Patient(name, make, steps, ought, tuple(may), zlib.crc32(name.encode()))
        return make

    return add


# ---- models that nn.mlp does not make --------------------------------------------------------------------------------


class Last(nb.nn.Module):
    """A recurrent layer, and a dense one on its last output."""

    def __init__(self, layer, outputs, seed):
        self.layer, self.head = layer, nb.nn.Linear(layer.hidden_size, outputs, rng=seed)

    def forward(self, x):
        return self.head(self.layer(x)[0][:, -1])


def recurrent(kind, layer, **settings):
    units = kind.width(16)
    return Last(layer(1, units, batch_first=True, rng=kind.seed, **settings), 1, kind.seed)


class Ended(nb.nn.Module):
    """A model with something behind it."""

    def __init__(self, body, end):
        self.body, self.end = body, end

    def forward(self, x):
        return self.end(self.body(x))


class Cut(nb.nn.Module):
    """What comes out of the first part is detached."""

    def __init__(self, first, second):
        self.first, self.second = first, second

    def forward(self, x):
        return self.second(self.first(x).tanh().detach())


class Beside(nb.nn.Module):
    """Has a part that forward() does not use."""

    def __init__(self, body, unused):
        self.body, self.unused = body, unused

    def forward(self, x):
        return self.body(x)


class Pooled(nb.nn.Module):
    """Blocks of a transformer, the mean over time, a dense layer."""

    def __init__(self, width, inputs, outputs, blocks, seed):
        rng = np.random.default_rng(seed)
        self.into = nb.nn.Linear(inputs, width, rng=rng)
        self.blocks = nb.nn.Sequential(*[nb.nn.TransformerBlock(width, 2, rng=rng) for _ in range(blocks)])
        self.head = nb.nn.Linear(width, outputs, rng=rng)

    def forward(self, x):
        return self.head(self.blocks(self.into(x)).mean(axis=1))


def cnn(kind, batch_norm=False, activation="relu"):
    rng = np.random.default_rng(kind.seed)
    f, g = kind.width(8), kind.width(12)
    norm = [nb.nn.BatchNorm2d(f)] if batch_norm else []
    act = nb.nn.activation
    return nb.nn.Sequential(
        nb.nn.Conv2d(1, f, 3, padding=1, init="he", rng=rng), *norm, act(activation), nb.nn.MaxPool2d(2),
        nb.nn.Conv2d(f, g, 3, init="he", rng=rng), act(activation), nb.nn.Flatten(),
        nb.nn.Linear(g * 4, 10, rng=rng),
    )  # fmt: skip


def sequences(kind, length=12):
    """Which of the two halves of a noisy sequence is the larger: (n, T, 1), two classes."""
    rng = np.random.default_rng(kind.seed)
    X = rng.normal(size=(kind.samples, length, 1))
    X[:, : length // 2] += rng.choice([-0.7, 0.7], size=(kind.samples, 1, 1))
    y = (X[:, : length // 2].sum(axis=(1, 2)) > X[:, length // 2 :].sum(axis=(1, 2))).astype(int)
    return nb.data.from_arrays(X, y, seed=kind.seed, name="halves", task="binary")


def sign_of(kind, place, length):
    """Which sign the number at a place of a noisy sequence had: (n, T, 1), two classes."""
    X = np.random.default_rng(kind.seed).normal(size=(kind.samples, length, 1))
    return nb.data.from_arrays(X, (X[:, place, 0] > 0).astype(int), seed=kind.seed, name="a sign", task="binary")


def language(kind, length=8):
    """The next letter of words made by a rule: tokens (n, T), a target at each time step."""
    rng = np.random.default_rng(kind.seed)
    start = rng.integers(0, 6, size=(kind.samples, 1))
    steps = rng.choice([1, 2], size=(kind.samples, 1))
    words = (start + steps * np.arange(length + 1)) % 6
    return nb.data.from_arrays(words[:, :-1], words[:, 1:], vocabulary=6, seed=kind.seed, name="counting")


def clouds(kind, shares=(0.5, 0.5), apart=2.5, inputs=4, n=None):
    """Round clouds, one for each class."""
    rng = np.random.default_rng(kind.seed)
    y = rng.choice(len(shares), size=n or kind.samples, p=shares)
    centres = rng.normal(size=(len(shares), inputs))
    centres *= apart / np.linalg.norm(centres, axis=1, keepdims=True)
    X = centres[y] + rng.normal(size=(len(y), inputs))
    return nb.data.from_arrays(X, y, seed=kind.seed, name="clouds", task="multiclass" if len(shares) > 2 else "binary")


def sigmoids(depth=8, steps=200, watched=True):
    """A trainer whose gradient vanishes."""
    trainer = nb.Trainer(nb.nn.mlp([2, *[8] * depth, 1], activation="sigmoid", seed=0), "spirals", seed=0)
    if watched:
        trainer.watch()
    trainer.fit(steps=steps, bar=False)
    return trainer
