"""The floor of the engine benchmark: training steps derived by hand, for one model each, in NumPy.

Every array is made beforehand, every call writes into one of them, nothing is checked and nothing can be watched.
`loss_and_gradient()` leaves the gradient in `self.gradient` (flat, laid out as `theta`) and returns the loss.
"""

import math
from importlib import import_module

import numpy as np


class Floor:
    """Parameters and gradient as two flat vectors, and the update."""

    def __init__(self, workload):
        self.x, self.y = workload.x, workload.y
        self.theta = workload.theta.copy()
        self.gradient = np.zeros_like(self.theta)
        self.p, self.g = workload.split(self.theta), workload.split(self.gradient)
        self.lr, self.t = workload.lr, 0
        self.m, self.v, self.scratch = (np.zeros_like(self.theta) for _ in range(3))
        self.update = getattr(self, workload.optimizer)
        self.starts = workload.starts
        self.prepare(**workload.settings)
        if workload.norms:
            self.step = self.step_with_norms

    def step(self):
        loss = self.loss_and_gradient()
        self.update()
        return loss

    def step_with_norms(self):
        loss = self.loss_and_gradient()
        np.multiply(self.gradient, self.gradient, self.scratch)
        self.norms = np.sqrt(np.add.reduceat(self.scratch, self.starts))
        self.update()
        return loss

    def sgd(self):
        np.multiply(self.gradient, self.lr, self.scratch)
        np.subtract(self.theta, self.scratch, self.theta)

    def adam(self, b1=0.9, b2=0.999, eps=1e-8):
        self.t += 1
        g, m, v, step = self.gradient, self.m, self.v, self.scratch
        np.multiply(g, 1 - b1, step)
        np.multiply(m, b1, m)
        np.add(m, step, m)
        np.multiply(g, g, step)
        np.multiply(step, 1 - b2, step)
        np.multiply(v, b2, v)
        np.add(v, step, v)
        root = math.sqrt(1 - b2**self.t)
        np.sqrt(v, step)
        np.add(step, eps * root, step)
        np.divide(m, step, step)
        np.multiply(step, self.lr * root / (1 - b1**self.t), step)
        np.subtract(self.theta, step, self.theta)


class CrossEntropy:
    """Mean of -log softmax(z)[y]; leaves dL/dz in `self.dz`."""

    def __init__(self, y, classes):
        n = y.size
        self.dz = np.empty((n, classes), np.float32)
        self.flat = self.dz.ravel()
        self.chosen = np.arange(n) * classes + y.ravel()
        self.top, self.sums = np.empty((n, 1), np.float32), np.empty((n, 1), np.float32)
        self.row, self.ones = self.sums[:, 0], np.ones(classes, np.float32)
        self.share = np.float32(1 / n)

    def __call__(self, z):
        dz, row = self.dz, self.row
        np.maximum.reduce(z, axis=1, keepdims=True, out=self.top)
        np.subtract(z, self.top, dz)
        own = self.flat.take(self.chosen)
        np.exp(dz, dz)
        dz.dot(self.ones, row)
        np.log(row, self.top[:, 0])
        loss = (np.add.reduce(self.top[:, 0]) - np.add.reduce(own)) * self.share
        np.divide(self.share, self.sums, self.sums)
        np.multiply(dz, self.sums, dz)
        self.flat[self.chosen] -= self.share
        return float(loss)


class BinaryCrossEntropy:
    """Mean of log(1 + exp(s z)) with s = 1 - 2y; leaves dL/dz in `self.dz`."""

    def __init__(self, y, _):
        self.sign = 1 - 2 * y
        self.share = np.full(len(y), 1 / len(y), np.float32)
        self.scaled = self.sign / np.float32(len(y))
        self.u, self.l, self.dz = (np.empty_like(y) for _ in range(3))
        self.flat = self.l.ravel()
        self.zero = np.float32(0)

    def __call__(self, z):
        np.multiply(z, self.sign, self.u)
        np.logaddexp(self.u, self.zero, self.l)
        loss = self.share.dot(self.flat)
        np.subtract(self.u, self.l, self.u)
        np.exp(self.u, self.u)
        np.multiply(self.u, self.scaled, self.dz)
        return float(loss)


LOSSES = {"bce": BinaryCrossEntropy, "cross_entropy": CrossEntropy}


class Dense(Floor):
    """A chain of z = a W^T + b, a = tanh(z) or max(z, 0)."""

    def prepare(self, kind, sizes, activation, loss):
        n = len(self.x)
        self.loss = LOSSES[loss](self.y, sizes[-1])
        self.ones = np.ones(n, np.float32)
        a, self.up, self.down = self.x, [], []
        dz = [np.empty((n, size), np.float32) for size in sizes[1:-1]] + [self.loss.dz]
        for i in range(len(sizes) - 1):
            W, b, gW, gb = (v[f"{2 * i}.{name}"] for v in (self.p, self.g) for name in ("weight", "bias"))
            z = np.empty((n, sizes[i + 1]), np.float32)
            self.up.append((a, W.T, b, z))
            below = (dz[i - 1], np.empty(a.shape, np.float32 if activation == "tanh" else bool)) if i else (None, None)
            self.down.append((dz[i], dz[i].T, a, W, gW, gb, *below))
            a = z
        self.last = self.up.pop()
        self.down.reverse()
        self.first = self.down.pop()
        self.loss_and_gradient = getattr(self, activation)

    def tanh(self):
        for a, W, b, z in self.up:
            a.dot(W, z)
            np.add(z, b, z)
            np.tanh(z, z)
        a, W, b, z = self.last
        a.dot(W, z)
        np.add(z, b, z)
        loss, ones = self.loss(z), self.ones
        for dz, dzT, a, W, gW, gb, da, slope in self.down:
            dzT.dot(a, gW)
            ones.dot(dz, gb)
            dz.dot(W, da)
            np.multiply(a, a, slope)
            np.subtract(1, slope, slope)
            np.multiply(da, slope, da)
        dz, dzT, a, W, gW, gb, _, _ = self.first
        dzT.dot(a, gW)
        ones.dot(dz, gb)
        return loss

    def relu(self):
        for a, W, b, z in self.up:
            a.dot(W, z)
            np.add(z, b, z)
            np.maximum(z, 0, out=z)
        a, W, b, z = self.last
        a.dot(W, z)
        np.add(z, b, z)
        loss, ones = self.loss(z), self.ones
        for dz, dzT, a, W, gW, gb, da, on in self.down:
            dzT.dot(a, gW)
            ones.dot(dz, gb)
            dz.dot(W, da)
            np.greater(a, 0, on)
            np.multiply(da, on, da)
        dz, dzT, a, W, gW, gb, _, _ = self.first
        dzT.dot(a, gW)
        ones.dot(dz, gb)
        return loss


FLOORS = {
    "dense": "floors.Dense",
    "cnn": "floors_cnn.Cnn",
    "lstm": "floors_lstm.Lstm",
    "transformer": "floors_transformer.Transformer",
}


def floor(workload):
    """The hand-written step of a workload."""
    file, name = FLOORS[workload.settings["kind"]].split(".")
    return getattr(import_module(file), name)(workload)
