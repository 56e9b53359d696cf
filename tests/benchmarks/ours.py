"""nbprop's part of the engine benchmark: a step as the Trainer makes it, and the same step without replay."""

from dataclasses import replace

import numpy as np

from nbprop import nn, optim
from nbprop.data import Dataset
from nbprop.engine import Tensor
from nbprop.record.quantities import QUANTITIES
from nbprop.training.run import Run
from nbprop.training.supervised import Supervised


class LastState(nn.Module):
    """An LSTM, and a dense layer that sees its last state."""

    static = True

    def __init__(self):
        self.lstm, self.linear = nn.LSTM(32, 64, batch_first=True), nn.Linear(64, 10)

    def forward(self, x):
        _, (h, _) = self.lstm(x)
        return self.linear(h[-1])


def cnn(kind):
    images = [nn.Conv2d(1, 6, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(6, 16, 5), nn.MaxPool2d(2), nn.ReLU()]
    dense = [nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]
    return nn.Sequential(*images, nn.Flatten(), *dense)


def transformer(kind, d, heads, blocks, vocabulary, length):
    layers = [nn.Embedding(vocabulary, d), nn.LearnedPositions(length, d)]
    layers += [nn.TransformerBlock(d, heads, causal=True) for _ in range(blocks)]
    return nn.Sequential(*layers, nn.LayerNorm(d), nn.Linear(d, vocabulary))


MODELS = {
    "dense": lambda kind, sizes, activation, loss: nn.mlp(sizes, activation=activation),
    "cnn": cnn,
    "lstm": lambda kind: LastState(),
    "transformer": transformer,
}


def model_of(workload):
    """The nbprop model of a workload, with its weights."""
    model = MODELS[workload.settings["kind"]](**workload.settings)
    assert [p.shape for p in model.parameters()] == list(workload.shapes.values())
    model.theta = workload.theta
    return model


def training_of(workload, copies):
    """The arguments of a Trainer. Its data: the workload's batch, `copies` times."""
    X, y = (np.concatenate([array] * copies) for array in (workload.x, workload.y))
    model, loss = model_of(workload), workload.settings.get("loss", "cross_entropy")
    task, outputs = "binary" if loss == "bce" else "multiclass", model(Tensor(workload.x[:1])).shape[-1]
    y = y.reshape(len(y)).astype(np.int64) if task == "binary" else y
    classes = tuple(str(i) for i in range(max(outputs, 2)))
    data = Dataset(workload.name, task, X, y, X[:0], y[:0], classes, ("x",))
    optimizer = optim.optimizer(workload.optimizer, lr=workload.lr)
    return {"model": model, "data": data, "loss": loss, "optimizer": optimizer, "batch_size": len(workload.x)}


class Replayed:
    """What `Trainer` does at every step of a run: next batch, replay, gradient norms, checks, update."""

    def __init__(self, workload, copies=16):
        settings = training_of(workload, copies)
        objective, optimizers = Supervised(settings["data"], settings["loss"]), {"": settings["optimizer"]}
        batch_size = {"batch_size": settings["batch_size"]}
        self.run, self.norms = Run(settings["model"], objective, optimizers, batch_size, seed=0), workload.norms
        assert not self.run.not_replayed, self.run.not_replayed

    def step(self):
        loss = self.run.step()
        if self.norms:
            QUANTITIES["dW"].measure(self.run.observation)
        return loss

    @property
    def gradient(self):
        return self.run.gradient


class Eager:
    """A plain loop as one writes it in PyTorch: every op makes its Tensor anew."""

    def __init__(self, workload):
        self.model = model_of(workload)
        name = workload.settings.get("loss", "cross_entropy")
        self.loss, self.how = nn.loss(name), {"dim": -1} if name == "cross_entropy" else {}
        self.optimizer = optim.optimizer(workload.optimizer, lr=workload.lr)
        self.x, self.y = workload.x, workload.y
        self.starts = workload.starts if workload.norms else None

    def step(self):
        self.model.zero_grad()
        loss = self.loss(self.model(self.x), self.y, **self.how)
        loss.backward()
        if self.starts is not None:
            self.norms = np.sqrt(np.add.reduceat(self.model.gradient**2, self.starts))
        self.optimizer.step(self.model)
        return loss.item()

    @property
    def gradient(self):
        return self.model.gradient


def shrunk(workload, samples):
    """The same workload with the first few samples of its batch."""
    return replace(workload, x=workload.x[:samples], y=workload.y[:samples])
