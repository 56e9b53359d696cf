"""Runs for the doctor: each is made with one mistake, or with none, and labelled with what ought to be found.

A patient is a function of a `Kind` that gives a trainer, ready to be trained. `Kind(0)` is the first suite; other
numbers draw other seeds, sizes, amounts of data and noise, and other data where the mistake is the same on them.
"""

import warnings
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
        PATIENTS[name] = Patient(name, make, steps, ought, tuple(may), len(PATIENTS))
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


# ---- healthy: the playground as it opens, on each data set -----------------------------------------------------------


def playground(data, seed=0):
    """The run of `nb.Playground(data)`, without its widgets."""
    made = nb.data.dataset(data, seed=seed)
    sizes = [int(np.prod(made.input_shape)), 8, 8, 8, 8, made.outputs]
    return nb.Trainer(nb.nn.mlp(sizes, activation="tanh", init="xavier", dropout=0.0, seed=seed), made, seed=seed)


for each in DATA:

    def opened(kind, name=each):
        return playground(name, kind.seed)

    opened.__name__ = f"playground {each}"
    patient(steps=1000)(opened)


# ---- healthy ---------------------------------------------------------------------------------------------------------


@patient(may=("update_ratio",))
def relu_adam(kind):
    data = kind.data("spirals", "circles", "moons")
    return kind.trainer(kind.mlp(data, [16, 16], "relu"), data, lr=0.01)


@patient()
def plain_descent(kind):
    data = kind.data("moons", "circles", "gaussians")
    return kind.trainer(kind.mlp(data, [16]), data, optimizer="sgd", lr=0.2)


@patient(may=("update_ratio",))
def momentum(kind):
    data = kind.data("circles", "xor", "moons")
    return kind.trainer(kind.mlp(data, [12, 12]), data, optimizer="momentum", lr=0.05)


@patient(may=("update_ratio", "plateau"))
def whole_batches(kind):
    data = kind.data("moons", "circles", "gaussians")
    return kind.trainer(kind.mlp(data, [16]), data, optimizer="sgd", lr=0.3, batch_size=1000)


@patient(may=("update_ratio",))
def gelu_rmsprop(kind):
    data = kind.data("xor", "moons", "circles")
    return kind.trainer(kind.mlp(data, [16, 16], "gelu"), data, optimizer="rmsprop", lr=0.005)


@patient(may=("update_ratio",))
def leaky_nesterov(kind):
    data = kind.data("gaussians", "moons", "circles")
    return kind.trainer(kind.mlp(data, [16, 16], "leaky_relu"), data, optimizer="nesterov", lr=0.02)


@patient(may=("update_ratio",), steps=600)
def wave_adam(kind):
    data = kind.data("wave", "surface")
    return kind.trainer(kind.mlp(data, [16, 16]), data, lr=0.01)


@patient(may=("update_ratio",), steps=600)
def surface_silu(kind):
    data = kind.data("surface", "wave")
    return kind.trainer(kind.mlp(data, [16, 16], "silu"), data, lr=0.01)


@patient(may=("update_ratio",))
def wave_huber(kind):
    data = kind.data("wave", "surface")
    return kind.trainer(kind.mlp(data, [16, 16]), data, "huber", lr=0.01)


@patient()
def iris_descent(kind):
    data = kind.data("iris")
    return kind.trainer(kind.mlp(data, [12]), data, optimizer="sgd", lr=0.1)


@patient()
def digits_relu(kind):
    data = kind.data("digits")
    return kind.trainer(kind.mlp(data, [64, 32], "relu"), data, lr=0.002)


@patient(may=("update_ratio",))
def digits_dropout(kind):
    data = kind.data("digits")
    return kind.trainer(kind.mlp(data, [64], "relu", dropout=0.3), data, lr=0.005)


@patient()
def digits_convolution(kind):
    data = kind.data("digits", image=True)
    return kind.trainer(cnn(kind), data, lr=0.003, batch_size=64)


@patient(steps=300)
def convolution_batch_norm(kind):
    data = kind.data("digits", image=True)
    return kind.trainer(cnn(kind, batch_norm=True), data, lr=0.003, batch_size=64, drop_last=True)


@patient(may=("update_ratio",))
def batch_norm(kind):
    data = kind.data("spirals", "moons", "circles")
    trainer = kind.trainer(kind.mlp(data, [16, 16, 16]), data, drop_last=True, lr=0.01)
    trainer.set(batch_norm=True)
    return trainer


@patient(may=("update_ratio",))
def deep_tanh(kind):
    data = kind.data("circles", "moons")
    return kind.trainer(kind.mlp(data, [16] * 10), data, lr=0.003)


@patient(may=("update_ratio",), steps=500)
def deep_residual(kind):
    data, rng = kind.data("circles", "moons", "gaussians"), np.random.default_rng(kind.seed)
    w = kind.width(16)
    blocks = [
        nb.nn.Residual(nb.nn.LayerNorm(w), nb.nn.Linear(w, w, rng=rng), nb.nn.Tanh()) for _ in range(8)
    ]  # fmt: skip
    model = nb.nn.Sequential(nb.nn.Linear(2, w, rng=rng), *blocks, nb.nn.Linear(w, data.outputs, rng=rng))
    return kind.trainer(model, data, lr=0.003)


@patient(may=("update_ratio",))
def layer_norm(kind):
    data, rng = kind.data("moons", "circles", "gaussians"), np.random.default_rng(kind.seed)
    w = kind.width(16)
    model = nb.nn.Sequential(
        nb.nn.Linear(2, w, rng=rng), nb.nn.LayerNorm(w), nb.nn.ReLU(), nb.nn.Linear(w, data.outputs, rng=rng)
    )
    return kind.trainer(model, data, lr=0.01)


@patient(may=("update_ratio",), steps=240)
def lstm(kind):
    data = sequences(kind)
    return kind.trainer(recurrent(kind, nb.nn.LSTM), data, lr=0.01)


@patient(may=("update_ratio",), steps=240)
def gru(kind):
    data = sequences(kind)
    return kind.trainer(recurrent(kind, nb.nn.GRU), data, lr=0.01)


@patient(may=("update_ratio",), steps=240)
def rnn_clipped_now_and_then(kind):
    data = sequences(kind)
    return kind.trainer(recurrent(kind, nb.nn.RNN), data, lr=0.005, clip=5.0)


@patient(may=("update_ratio",))
def transformer(kind):
    data = sequences(kind)
    return kind.trainer(Pooled(2 * kind.width(8), 1, 1, 1, kind.seed), data, lr=0.003)


@patient(may=("update_ratio",), steps=300)
def small_language_model(kind):
    data, rng, w = language(kind), np.random.default_rng(kind.seed), 2 * kind.width(8)
    model = nb.nn.Sequential(
        nb.nn.Embedding(6, w, rng=rng), nb.nn.LearnedPositions(8, w, rng=rng),
        nb.nn.TransformerBlock(w, 2, causal=True, rng=rng), nb.nn.LayerNorm(w), nb.nn.Linear(w, 6, rng=rng),
    )  # fmt: skip
    return kind.trainer(model, data, lr=0.005)


@patient(may=("update_ratio",))
def adamw(kind):
    data = kind.data("moons", "circles", "xor")
    return kind.trainer(kind.mlp(data, [16, 16]), data, optimizer="adamw", lr=0.005)


@patient(may=("update_ratio",))
def hinge(kind):
    data = kind.data("moons", "circles")
    return kind.trainer(kind.mlp(data, [16]), data, "hinge", lr=0.01)


@patient(may=("update_ratio",))
def a_loss_of_ones_own(kind):
    data = kind.data("moons", "circles")
    return kind.trainer(
        kind.mlp(data, [16]),
        data,
        lambda z, y: ((z[:, 0].sigmoid() - nb.Tensor(y.astype(np.float32))) ** 2).mean(),
        lr=0.01,
    )


@patient(may=("update_ratio",))
def frozen_first_layer(kind):
    data = kind.data("moons", "circles")
    trainer = kind.trainer(kind.mlp(data, [32, 16]), data, lr=0.01)
    trainer.freeze("hidden 1")
    return trainer


@patient(may=("update_ratio",))
def an_autoencoder(kind):
    data, w = nb.data.digits(seed=kind.seed), kind.width(24)

    def loss(model, batch):
        return ((model(batch) - nb.Tensor(batch)) ** 2).mean()

    model = nb.nn.mlp([64, w, 64], activation="tanh", seed=kind.seed)
    return nb.Trainer(model, objective=nb.Objective(loss, data.X_train), lr=0.005, seed=kind.seed)


@patient(may=("update_ratio",))
def clouds_that_overlap(kind):
    data = clouds(kind, (0.4, 0.3, 0.3), apart=1.5)
    return kind.trainer(kind.mlp(data, [8]), data, lr=0.002)


@patient()
def a_straight_line_is_enough(kind):
    data = clouds(kind, apart=2.0)
    return kind.trainer(kind.mlp(data, []), data, optimizer="sgd", lr=0.1)


@patient()
def scaled_measurements(kind):
    rng = np.random.default_rng(kind.seed)
    X = rng.normal(size=(kind.samples, 3)) * [1, 300, 5000] + [0, 50, 20000]
    y = (X[:, :1] + X[:, 1:2] / 300) ** 2
    data = nb.data.from_arrays(X, (y - y.mean()) / y.std(), scale="standard", seed=kind.seed, name="measurements")
    return kind.trainer(kind.mlp(data, [16, 16]), data, lr=0.005)


@patient(may=("update_ratio",), steps=600)
def sigmoid_of_one_layer(kind):
    data = kind.data("circles", "xor")
    return kind.trainer(kind.mlp(data, [16], "sigmoid"), data, lr=0.02)


@patient(may=("update_ratio",))
def softplus_l1(kind):
    data = kind.data("moons", "gaussians")
    return kind.trainer(kind.mlp(data, [16, 8], "softplus"), data, lr=0.01, l1=1e-4)


@patient(steps=60)
def young(kind):
    data = kind.data("spirals", "xor")
    return kind.trainer(kind.mlp(data, [8, 8]), data, lr=0.003)


# ---- vanishing, exploding, saturated, dead ---------------------------------------------------------------------------

STUCK = ("lr_too_low", "plateau", "update_ratio")


@patient("vanishing", may=STUCK)
def deep_sigmoid(kind):
    data = kind.data("spirals", "moons", "circles", "xor")
    return kind.trainer(kind.mlp(data, [8] * 8, "sigmoid"), data)


@patient("vanishing", may=STUCK)
def deep_standard_tanh(kind):
    data = kind.data("spirals", "xor", "circles")
    return kind.trainer(kind.mlp(data, [16] * 20, "tanh", "standard"), data, optimizer="sgd", lr=0.01)


@patient("vanishing", may=(*STUCK, "dead"))
def deep_relu_too_small(kind):
    data = kind.data("spirals", "xor")
    return kind.trainer(
        kind.mlp(data, [32] * 15, "leaky_relu", "standard", sized=False), data, optimizer="sgd", lr=0.01
    )


@patient("vanishing", may=STUCK)
def digits_deep_sigmoid(kind):
    data = kind.data("digits")
    return kind.trainer(kind.mlp(data, [24] * 6, "sigmoid"), data, optimizer="sgd", lr=0.1)


@patient("exploding", may=("first_loss", "lr_too_high", "update_ratio", "dead", "overfitting"), steps=100)
def deep_relu_too_large(kind):
    data = kind.data("circles", "moons")
    init = nb.nn.init.normal(std=0.8)
    return kind.trainer(kind.mlp(data, [16] * 10, "relu", init, sized=False), data, optimizer="sgd", lr=1e-9)


@patient("exploding", may=("saturated", "first_loss", "lr_too_high", "update_ratio", "noisy_labels"), steps=200)
def deep_tanh_too_large(kind):
    data = kind.data("spirals", "xor")
    return kind.trainer(kind.mlp(data, [32] * 12, init=nb.nn.init.normal(std=1.0), sized=False), data, lr=1e-4)


@patient(
    "exploding",
    may=("lr_too_high", "first_loss", "update_ratio", "noisy_labels", "saturated", "dead", "lr_too_low"),
    steps=100,
)
def recurrent_too_large(kind):
    data = sequences(kind, 50)
    model = recurrent(kind, nb.nn.RNN, recurrent_init=nb.nn.init.orthogonal(gain=2.2))
    return kind.trainer(model, data, optimizer="sgd", lr=1e-12)


@patient("saturated", may=("exploding", "first_loss", "overfitting", "lr_too_high", *STUCK), steps=200)
def large_weights(kind):
    data = kind.data("spirals", "xor")
    return kind.trainer(kind.mlp(data, [16, 16, 16], init=nb.nn.init.normal(std=8.0)), data, lr=1e-3)


@patient("saturated", may=("first_loss", "exploding", *STUCK), steps=200)
def digits_large_weights(kind):
    data = kind.data("digits")
    return kind.trainer(kind.mlp(data, [32, 16], init=nb.nn.init.normal(std=3.0)), data, optimizer="sgd", lr=0.001)


@patient("dead", may=("vanishing", *STUCK), steps=200)
def dead_from_a_large_bias(kind):
    data = kind.data("circles", "moons", "digits")
    model = kind.mlp(data, [32, 32], "relu")
    model[0].bias.data[...] = -6.0
    model[2].bias.data[...] = np.where(np.arange(len(model[2].bias.data)) % 4, -6.0, 0.1)
    return kind.trainer(model, data, optimizer="sgd", lr=0.01)


@patient("dead", may=("lr_too_high", "update_ratio", "vanishing", "overfitting", "underfitting", *STUCK), steps=300)
def dead_after_a_large_step(kind):
    data = kind.data("spirals", "moons", "xor")
    model = kind.mlp(data, [32, 16], "relu")
    model[0].bias.data[...] -= np.where(np.arange(len(model[0].bias.data)) % 5, 4.0, 0)
    return kind.trainer(model, data, lr=0.002)


# ---- learning rate ---------------------------------------------------------------------------------------------------


@patient("lr_too_high", may=("saturated", "update_ratio", "exploding", "overfitting", "vanishing", "dead"))
def adam_much_too_fast(kind):
    data = kind.data("spirals")
    return kind.trainer(kind.mlp(data, [16, 16]), data, lr=1.0)


@patient("lr_too_high", may=("saturated", "update_ratio", "exploding", "overfitting", "vanishing", "dead"))
def descent_that_swings(kind):
    data = kind.data("spirals")
    return kind.trainer(kind.mlp(data, [16, 16]), data, optimizer="sgd", lr=5.0)


@patient("lr_too_high", may=("dead", "exploding", "first_loss"), steps=100)
def diverged(kind):
    data = kind.data("wave", "surface")
    return kind.trainer(kind.mlp(data, [16, 16], "relu"), data, optimizer="sgd", lr=30.0)


@patient("lr_too_high", may=("saturated", "update_ratio", "dead", "overfitting", "vanishing", "exploding"))
def momentum_too_fast(kind):
    data = kind.data("digits", "spirals")
    return kind.trainer(kind.mlp(data, [32]), data, optimizer="momentum", lr=2.0)


@patient("lr_too_high", may=("dead", "update_ratio", "vanishing", "exploding"), steps=200)
def convolution_too_fast(kind):
    data = kind.data("digits", image=True)
    return kind.trainer(cnn(kind, activation="leaky_relu"), data, lr=1.0)


@patient("lr_too_high", may=("update_ratio", "saturated", "exploding", "vanishing"), steps=400)
def edge_of_stability(kind):
    data = kind.data("wave", "surface")
    return kind.trainer(kind.mlp(data, [16, 16]), data, optimizer="sgd", lr=1.0, batch_size=1000)


@patient("lr_too_low", may=("update_ratio",))
def adam_much_too_slow(kind):
    data = kind.data("spirals", "moons", "circles", "digits")
    return kind.trainer(kind.mlp(data, [16, 16]), data, lr=2e-6)


@patient("lr_too_low", may=("update_ratio",))
def descent_too_slow(kind):
    data = kind.data("digits", "moons")
    return kind.trainer(kind.mlp(data, [32], "relu"), data, optimizer="sgd", lr=5e-5)


@patient("lr_too_low", may=("update_ratio",), steps=300)
def lstm_too_slow(kind):
    data = sequences(kind)
    return kind.trainer(recurrent(kind, nb.nn.LSTM), data, lr=1e-6)


@patient("update_ratio", may=("overfitting", "lr_too_high"), steps=100)
def large_steps(kind):
    data = kind.data("spirals")
    return kind.trainer(kind.mlp(data, [16, 16]), data, lr=0.04)


@patient("update_ratio", may=("plateau", "overfitting"), steps=200)
def one_layer_stands_still(kind):
    data, rng, w = kind.data("spirals", "xor", "moons"), np.random.default_rng(kind.seed), kind.width(16)
    first = nb.nn.Linear(2, w, rng=rng)
    first.weight.data *= 3e3  # the normalization behind it takes the length away, and the gradient is as much smaller
    model = nb.nn.Sequential(first, nb.nn.BatchNorm1d(w), nb.nn.Tanh(), nb.nn.Linear(w, w, rng=rng), nb.nn.Tanh(),
                             nb.nn.Linear(w, 1, rng=rng))  # fmt: skip
    return kind.trainer(model, data, drop_last=True, lr=1e-3)


# ---- start, data, loss -----------------------------------------------------------------------------------------------


@patient("symmetric", may=STUCK)
def all_weights_zero(kind):
    data = kind.data("moons", "spirals", "digits")
    return kind.trainer(kind.mlp(data, [16, 16], init="zeros"), data)


@patient("symmetric", may=(*STUCK, "saturated", "dead", "first_loss"))
def all_units_the_same(kind):
    data = kind.data("spirals", "xor", "digits")

    def same(rng, fan_in, fan_out):
        return np.full((fan_out, fan_in), 0.1)

    return kind.trainer(kind.mlp(data, [16, 16], "tanh", same), data)


@patient("unscaled", may=("saturated", "dead", "first_loss", "vanishing", "exploding", "lr_too_high", *STUCK))
def one_feature_in_thousands(kind):
    made = clouds(kind, inputs=4)
    X, y = np.concatenate([made.X_train, made.X_val]), np.concatenate([made.y_train, made.y_val])
    data = nb.data.from_arrays(X * [1, 5000, 1, 0.1], y, seed=kind.seed, name="units", task="binary")
    return kind.trainer(kind.mlp(data, [16, 16]), data)


@patient("unscaled", may=("saturated", "first_loss", "dead", "vanishing", "exploding", "lr_too_high", *STUCK))
def pixels_as_bytes(kind):
    made = kind.data("digits")
    data = nb.data.from_arrays(made.X_train * 255, made.y_train, made.X_val * 255, made.y_val, name="bytes")
    return kind.trainer(kind.mlp(data, [32]), data, lr=1e-3)


@patient("wrong_loss", may=("overfitting", *STUCK))
def softmax_twice(kind):
    data = kind.data("gaussians", "iris", "digits")
    return kind.trainer(Ended(kind.mlp(data, [16]), lambda z: z.softmax()), data, lr=0.005)


@patient("wrong_loss", may=(*STUCK, "update_ratio"))
def sigmoid_twice(kind):
    data = kind.data("moons", "circles", "xor")
    model = kind.mlp(data, [16])
    model.append(nb.nn.Sigmoid())
    return kind.trainer(model, data, lr=0.005)


@patient("wrong_loss", may=("update_ratio", *STUCK))
def sigmoid_and_mse(kind):
    data = kind.data("circles", "moons", "spirals")
    model = kind.mlp(data, [16])
    model.append(nb.nn.Sigmoid())
    return kind.trainer(model, data, "mse", lr=0.005)


@patient("wrong_loss", may=("saturated", "dead", "vanishing", *STUCK))
def numbers_out_of_reach(kind):
    data = kind.data("wave", "surface")
    model = kind.mlp(data, [16, 16])
    model.append(nb.nn.Sigmoid())
    return kind.trainer(model, data, lr=0.005)


@patient("first_loss", may=("overfitting", "update_ratio", "lr_too_high"), steps=30)
def sure_from_the_start(kind):
    data = kind.data("digits", "gaussians", "iris")
    model = kind.mlp(data, [32])
    model[-1].weight.data *= 40
    return kind.trainer(model, data)


@patient("first_loss", may=("overfitting", "lr_too_high", "update_ratio", "noisy_labels"), steps=20)
def numbers_far_from_the_start(kind):
    data = kind.data("wave", "surface")
    model = kind.mlp(data, [16, 16])
    model[-1].weight.data *= 8
    model[-1].bias.data += 4
    return kind.trainer(model, data)


@patient("imbalance", may=("overfitting", "underfitting", "plateau", "update_ratio"))
def one_in_twenty(kind):
    data = clouds(kind, (0.95, 0.05), apart=1.5)
    return kind.trainer(kind.mlp(data, [8]), data, lr=0.002)


@patient("imbalance", may=("overfitting", "update_ratio"))
def a_rare_digit(kind):
    made = kind.data("digits")
    kept = (made.y_train != 3) | (np.arange(len(made.y_train)) % 12 == 0)
    data = nb.data.from_arrays(made.X_train[kept], made.y_train[kept], made.X_val, made.y_val, name="few threes")
    return kind.trainer(kind.mlp(data, [32]), data, lr=0.003)


@patient("noisy_labels", may=("overfitting", "underfitting", "plateau", "update_ratio", "lr_too_low"), steps=600)
def labels_shuffled(kind):
    made, rng = kind.data("moons", "digits", "gaussians"), np.random.default_rng(kind.seed)
    data = nb.data.from_arrays(made.X_train, rng.permutation(made.y_train), made.X_val, rng.permutation(made.y_val))
    return kind.trainer(kind.mlp(data, [16, 16]), data, lr=0.005)


@patient("noisy_labels", may=("overfitting", "underfitting", "plateau", "update_ratio"), steps=600)
def every_fifth_label_wrong(kind):
    made, rng = kind.data("circles", "moons", "digits", samples=400), np.random.default_rng(kind.seed)
    classes = len(made.classes)

    def flipped(y):
        return np.where(rng.random(len(y)) < 0.2, (y + rng.integers(1, classes, len(y))) % classes, y)

    data = nb.data.from_arrays(made.X_train, flipped(made.y_train), made.X_val, flipped(made.y_val), name="flipped")
    return kind.trainer(kind.mlp(data, [16]), data, lr=0.005)


# ---- what is too large, too small, too much --------------------------------------------------------------------------


@patient("overfitting", may=("update_ratio", "noisy_labels"), steps=3000)
def few_noisy_points(kind):
    data = kind.data("moons", "spirals", samples=90, noise=0.6, validation=0.4)
    return kind.trainer(kind.mlp(data, [64, 64], "relu"), data, lr=0.005)


@patient("overfitting", may=("update_ratio", "noisy_labels"), steps=2500)
def few_noisy_numbers(kind):
    rng = np.random.default_rng(kind.seed)
    X = rng.normal(size=(100, 10))
    y = X[:, :1] + rng.normal(size=(100, 1))
    data = nb.data.from_arrays(X, y, validation=0.4, seed=kind.seed, name="few")
    return kind.trainer(kind.mlp(data, [64, 64], "relu", sized=False), data, lr=0.005)


@patient("overfitting", may=("update_ratio", "noisy_labels"), steps=1500)
def clouds_by_heart(kind):
    data = clouds(kind, (0.5, 0.5), apart=1.0, inputs=10, n=160)
    return kind.trainer(kind.mlp(data, [64]), data, lr=0.01)


@patient("underfitting", may=("plateau", "update_ratio"), steps=1200)
def a_line_for_spirals(kind):
    data = kind.data("circles", "xor", "spirals")
    return kind.trainer(kind.mlp(data, []), data, lr=0.02)


@patient("underfitting", may=("plateau", "update_ratio"), steps=1000)
def deep_and_straight(kind):
    data = kind.data("surface", "circles", "xor")
    return kind.trainer(kind.mlp(data, [16, 16], "identity", "xavier"), data, lr=0.01)


@patient("underfitting", may=("plateau", "update_ratio"), steps=2500)
def two_units(kind):
    data = kind.data("spirals", "surface")
    return kind.trainer(kind.mlp(data, [2], sized=False), data, lr=0.02)


@patient("plateau", may=("lr_too_low", "update_ratio"), steps=1000)
def a_saddle(kind):
    data = kind.data("xor")
    model = kind.mlp(data, [16], init=nb.nn.init.normal(std=0.02))
    return kind.trainer(model, data, optimizer="sgd", lr=0.1)


@patient("plateau", may=("lr_too_low", "update_ratio"), steps=1000)
def a_saddle_of_numbers(kind):
    data = kind.data("surface")
    model = kind.mlp(data, [16], init=nb.nn.init.normal(std=0.02))
    return kind.trainer(model, data, optimizer="sgd", lr=0.05)


@patient("plateau", may=("lr_too_low", "update_ratio"), steps=2500)
def descent_on_spirals(kind):
    data = kind.data("spirals")
    return kind.trainer(kind.mlp(data, [8, 8]), data, optimizer="sgd", lr=0.02)


@patient("small_batch", may=("lr_too_high", "update_ratio", "saturated", "dead"), steps=1500)
def one_sample_at_a_time(kind):
    data = clouds(kind, (0.5, 0.5), apart=1.0, inputs=6)
    return kind.trainer(kind.mlp(data, [16]), data, optimizer="sgd", lr=0.3, batch_size=1)


@patient("small_batch", may=("lr_too_high", "update_ratio", "saturated", "dead", "overfitting"), steps=1500)
def two_noisy_numbers_at_a_time(kind):
    data = kind.data("wave", "surface", noise=1.0)
    return kind.trainer(kind.mlp(data, [16]), data, optimizer="sgd", lr=0.15, batch_size=2)


@patient("clipping", may=("lr_too_low", "update_ratio"), steps=300)
def clipped_to_nothing(kind):
    data = kind.data("moons", "circles", "digits")
    return kind.trainer(kind.mlp(data, [16]), data, optimizer="sgd", lr=0.1, clip=1e-3)


@patient("clipping", may=("lr_too_low", "update_ratio"), steps=300)
def lstm_clipped_to_nothing(kind):
    data = sequences(kind)
    return kind.trainer(recurrent(kind, nb.nn.LSTM), data, optimizer="sgd", lr=0.1, clip=2e-3)


@patient("weight_decay", may=("plateau", "vanishing", "update_ratio", "underfitting"), steps=600)
def decayed_to_nothing(kind):
    data = kind.data("spirals", "xor", "circles")
    return kind.trainer(kind.mlp(data, [16, 16]), data, optimizer=nb.optim.SGD(lr=0.1, weight_decay=0.3))


@patient("weight_decay", may=("plateau", "vanishing", "update_ratio", "underfitting"), steps=800)
def adam_decayed(kind):
    data = kind.data("digits", "circles")
    return kind.trainer(kind.mlp(data, [32]), data, optimizer=nb.optim.Adam(lr=0.003, weight_decay=0.3))


@patient("tiny_batch_norm", may=("lr_too_high", "small_batch", "update_ratio", "overfitting", "vanishing"), steps=400)
def norm_of_two(kind):
    data = kind.data("moons", "circles", "spirals", samples=400)
    trainer = kind.trainer(kind.mlp(data, [16, 16]), data, drop_last=True, batch_size=2)
    trainer.set(batch_norm=True)
    return trainer


@patient("tiny_batch_norm", may=("lr_too_high", "small_batch", "update_ratio"), steps=300)
def norm_of_four(kind):
    data = kind.data("gaussians", "circles", "moons", samples=400)
    trainer = kind.trainer(kind.mlp(data, [16, 16], "relu"), data, batch_size=4, drop_last=True, lr=0.003)
    trainer.set(batch_norm=True)
    return trainer


@patient("unreached", may=("update_ratio", "plateau"), steps=150)
def a_part_that_is_not_used(kind):
    data, rng = kind.data("moons", "circles"), np.random.default_rng(kind.seed)
    body = kind.mlp(data, [16])
    return kind.trainer(Beside(body, nb.nn.Linear(4, 4, rng=rng)), data, lr=0.005)


@patient("unreached", may=("update_ratio", "plateau", "underfitting"), steps=150)
def detached(kind):
    data, rng, w = kind.data("moons", "circles"), np.random.default_rng(kind.seed), kind.width(16)
    return kind.trainer(Cut(nb.nn.Linear(2, w, rng=rng), nb.nn.Linear(w, 1, rng=rng)), data, lr=0.005)
