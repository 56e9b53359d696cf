"""nbprop's part of the engine benchmark: a step as the Trainer makes it, and the same step without replay."""

from dataclasses import replace

import numpy as np

from nbprop import nn, optim
from nbprop.data import Dataset
from nbprop.training.run import Run, architecture


def model_of(workload):
    """The nbprop model of a workload, with its weights."""
    settings = workload.settings
    model = nn.mlp(settings["sizes"], activation=settings["activation"])
    model.theta = workload.theta
    return model


def run_of(workload, copies=1):
    """A Run as a Trainer holds it. Its data: the workload's batch, `copies` times."""
    n, loss = len(workload.x), workload.settings["loss"]
    X, y = (np.concatenate([array] * copies) for array in (workload.x, workload.y))
    y = y.reshape(len(y)).astype(np.int64)
    outputs = workload.settings["sizes"][-1]
    classes = tuple(str(i) for i in range(max(outputs, 2)))
    task = "binary" if loss == "bce" else "multiclass"
    names = tuple(str(i) for i in range(X.shape[1]))
    data = Dataset(workload.name, task, X, y, X[:0], y[:0], classes, names)
    model = model_of(workload)
    settings = {"lr": workload.lr, "batch_size": n, "optimizer": optim.optimizer(workload.optimizer, lr=workload.lr)}
    settings |= {"loss": loss, "data": data, "clip": None, "l1": 0.0, **architecture(model)}
    return Run(model, settings, seed=0)


class Replayed:
    """What `Trainer` does at every step of a run: next batch, replay, gradient norms, checks, update."""

    def __init__(self, workload, copies=16):
        self.run = run_of(workload, copies)
        self.norms = workload.norms

    def step(self):
        loss = self.run.step()
        if self.norms:
            self.run.gradient_norms()
        return loss

    @property
    def gradient(self):
        return self.run.gradient


class Eager:
    """A plain loop as one writes it in PyTorch: every op makes its Tensor anew."""

    def __init__(self, workload):
        self.model = model_of(workload)
        self.loss = nn.loss(workload.settings["loss"])
        self.optimizer = optim.optimizer(workload.optimizer, lr=workload.lr)
        self.x, self.y = workload.x, workload.y
        self.starts = workload.starts if workload.norms else None

    def step(self):
        self.model.zero_grad()
        loss = self.loss(self.model(self.x), self.y)
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
