"""One small trainer of each kind of objective, for the tests of all kinds; tests of this folder share modules."""

import sys
from pathlib import Path

import numpy as np
import pytest

import nbprop as nb
from nbprop import nn

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode does not

KINDS = {}


def kind(function):
    KINDS[function.__name__] = function
    return function


def rng():
    return np.random.default_rng(0)


class TwoInputs(nn.Module):
    """forward(left, right): two inputs, each with its own layer."""

    def __init__(self):
        self.left, self.right, self.out = nn.Linear(3, 4, rng=0), nn.Linear(2, 4, rng=1), nn.Linear(4, 1, rng=2)

    def forward(self, left, right):
        return self.out((self.left(left) + self.right(right)).tanh())


class TwoOutputs(TwoInputs):
    """The same, with a dict of outputs."""

    def __init__(self):
        super().__init__()
        self.kind = nn.Linear(4, 2, rng=3)

    def forward(self, left, right):
        h = (self.left(left) + self.right(right)).tanh()
        return {"value": self.out(h), "kind": self.kind(h)}


class Reader(nn.Module):
    """forward(tokens, lengths): an output for each token."""

    def __init__(self):
        self.embedding, self.rnn, self.out = (
            nn.Embedding(5, 4, rng=0),
            nn.RNN(4, 6, batch_first=True, rng=1),
            nn.Linear(6, 1, rng=2),
        )

    def forward(self, tokens, lengths):
        return self.out(self.rnn(self.embedding(tokens))[0])


class Auto(nn.Module):
    """An autoencoder, with noise in the middle if it is given some."""

    def __init__(self):
        self.encode, self.decode = nn.Linear(6, 4, rng=0), nn.Linear(2, 6, rng=1)

    def forward(self, x, noise=None):
        h = self.encode(x)
        mean, log_var = h[:, :2], h[:, 2:]
        z = mean if noise is None else mean + (log_var * 0.5).exp() * noise
        return self.decode(z)


def pairs(n=60):
    left, right = rng().normal(size=(n, 3)), rng().normal(size=(n, 2))
    return left, right, (left[:, :1] * right[:, :1])


@kind
def tuple_inputs(**settings):
    left, right, y = pairs()
    return nb.Trainer(TwoInputs(), nb.data.Arrays((left, right), y), loss="mse", batch_size=8, **settings)


@kind
def dict_inputs_and_outputs(**settings):
    left, right, y = pairs()

    def both(output, y):
        return ((output["value"] - y["value"]) ** 2).mean() + nn.CrossEntropyLoss()(output["kind"], y["kind"])

    def right_kind(said, y):
        return (said["kind"].argmax(axis=1) == y["kind"]).mean()

    targets = {"value": y, "kind": (y[:, 0] > 0).astype(int)}
    data = nb.data.Arrays({"right": right, "left": left}, targets)
    return nb.Trainer(TwoOutputs(), data, loss=both, metrics={"right_kind": right_kind}, batch_size=8, **settings)


def sentences(n=40):
    drawn = rng()
    return [drawn.integers(1, 5, drawn.integers(1, 7)) for _ in range(n)]


@kind
def padded_sequences(**settings):
    tokens = sentences()

    def masked(output, y):
        values, lengths = y
        real = nb.data.mask(lengths, values.shape[1])
        return (((output[..., 0] - values) ** 2) * real).sum() / real.sum()

    data = nb.data.Arrays(tokens, nb.data.pad([each.astype(float) for each in tokens]))
    return nb.Trainer(Reader(), data, loss=masked, batch_size=8, **settings)


@kind
def ctc(**settings):
    drawn = rng()
    X, lengths = drawn.normal(size=(40, 6, 3)), drawn.integers(4, 7, 40)
    labels = nb.data.pad([drawn.integers(1, 3, drawn.integers(1, 3)) for _ in range(40)])

    def loss(z, y):
        frames, (targets, sizes) = y
        return nn.CTCLoss()(z.log_softmax().transpose(1, 0, 2), targets, frames, sizes)

    model = nn.Sequential(nn.Linear(3, 3, rng=0))
    return nb.Trainer(model, nb.data.Arrays(X, (lengths, labels)), loss=loss, batch_size=8, **settings)


def pictures():
    return rng().normal(size=(60, 2)) @ rng().normal(size=(2, 6))


@kind
def autoencoder(**settings):
    def loss(model, x):
        return ((model(x) - x) ** 2).mean()

    return nb.Trainer(Auto(), objective=nb.Objective(loss, pictures()), batch_size=8, **settings)


@kind
def vae(**settings):
    def loss(model, x, rng):
        return ((model(x, rng.normal(size=(len(x), 2)).astype(np.float32)) - x) ** 2).mean()

    return nb.Trainer(Auto(), objective=nb.Objective(loss, pictures()), batch_size=8, **settings)


def gan_losses():
    def discriminator(model, x, rng):
        fake = model["generator"](rng.normal(size=(len(x), 2)).astype(np.float32)).detach()
        bce = nn.BCEWithLogitsLoss()
        real, false = model["discriminator"](x), model["discriminator"](fake)
        return bce(real, np.ones(real.shape)) + bce(false, np.zeros(false.shape))

    def generator(model, x, rng):
        said = model["discriminator"](model["generator"](rng.normal(size=(len(x), 2)).astype(np.float32)))
        return nn.BCEWithLogitsLoss()(said, np.ones(said.shape))

    return {"discriminator": discriminator, "generator": generator}


@kind
def gan(**settings):
    model = nn.ModuleDict({"generator": nn.mlp([2, 4, 6], seed=0), "discriminator": nn.mlp([6, 4, 1], seed=1)})
    objective = nb.Objective(gan_losses(), pictures(), predict=lambda model, z: model["generator"](z))
    optimizer = settings.pop("optimizer", {"generator": "sgd", "discriminator": "adam"})
    return nb.Trainer(model, objective=objective, optimizer=optimizer, batch_size=8, **settings)


@kind
def policy_gradient(**settings):
    """A bandit with three arms, the last of which is the best."""

    def play(model, rng, batch_size):
        state = np.ones((batch_size, 1), np.float32)
        p = model(state).softmax().data.astype(np.float64)
        arms = np.array([rng.choice(3, p=each / each.sum()) for each in p])
        return state, arms, (arms == 2) + 0.1 * rng.normal(size=batch_size)

    def loss(model, batch):
        state, arms, reward = batch
        advantage = (reward - reward.mean()).astype(np.float32)
        return -(model(state).log_softmax()[np.arange(len(arms)), arms] * advantage).mean()

    def mean_return(model):
        return {"mean_return": float(model(np.ones((1, 1), np.float32)).softmax().data[0, 2])}

    objective = nb.Objective(loss, batches=play, evaluate=mean_return)
    return nb.Trainer(nn.mlp([1, 4, 3], seed=0), objective=objective, batch_size=8, **settings)


@kind
def sample_weights(**settings):
    X = rng().normal(size=(60, 2))
    y, weight = (X[:, 0] > 0).astype(int), rng().uniform(size=60)

    def weighted(z, y):
        classes, weight = y
        each = -z.log_softmax()[np.arange(len(classes)), classes]
        return (each * weight).mean()

    data = nb.data.Arrays(X, (y, weight))
    return nb.Trainer(nn.mlp([2, 4, 2], seed=0), data, loss=weighted, batch_size=8, **settings)


@kind
def multilabel(**settings):
    X = rng().normal(size=(60, 2))
    data = nb.data.from_arrays(X, (X @ rng().normal(size=(2, 3)) > 0).astype(int), task="multilabel")
    return nb.Trainer(nn.mlp([2, 4, 3], seed=0), data, metrics={"f1": f1}, batch_size=8, **settings)


def f1(said, y):
    said = said > 0.5
    return 2 * (said & (y == 1)).sum() / (said.sum() + (y == 1).sum() + 1e-9)


@kind
def list_of_batches(**settings):
    X = rng().normal(size=(5, 8, 2)).astype(np.float32)

    def noisy(batch, rng):
        batch += 0.1 * rng.normal(size=batch.shape)  # in place: the list must not change
        return batch

    def loss(model, x):
        return ((model(x) - x[:, :1] * x[:, 1:]) ** 2).mean()

    objective = nb.Objective(loss, batches=list(X), augment=noisy)
    return nb.Trainer(nn.mlp([2, 4, 1], seed=0), objective=objective, **settings)


@kind
def made_batches(**settings):
    def make(rng, batch_size, step):
        x = rng.normal(size=(batch_size, 2)).astype(np.float32)
        return x, np.float32(np.sin(x[:, :1]) * min(step, 10))

    def loss(model, batch):
        x, y = batch
        return ((model(x) - y) ** 2).mean()

    return nb.Trainer(nn.mlp([2, 4, 1], seed=0), objective=nb.Objective(loss, batches=make), **settings)


@kind
def augmented(**settings):
    def noisy(X, y, rng):
        return X + 0.1 * rng.normal(size=X.shape).astype(np.float32), y

    objective = nb.training.Supervised(nb.data.moons(samples=80, seed=0), augment=noisy, metrics={"f1": f1_of_two})
    return nb.Trainer(nn.mlp([2, 4, 1], seed=0, dropout=0.2), objective=objective, batch_size=8, **settings)


def f1_of_two(said, y):
    return f1(said[:, 0], y)


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def make(request):
    """make(**settings) -> a Trainer; every kind of objective in turn."""
    return request.param
