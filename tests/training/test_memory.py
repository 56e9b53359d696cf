"""A run that nobody holds any more gives its memory back at once, without waiting for the garbage collector."""

import gc
import weakref

import numpy as np
import pytest

import nbprop as nb
from nbprop import nn


def mlp():
    trainer = nb.Trainer(nn.mlp([2, 8, 1], dropout=0.1, seed=0), nb.data.xor(), loss="bce", seed=0)
    trainer.batch_norm = True
    return trainer


def convolutional():
    layers = nn.Conv2d(1, 4, 3, rng=0), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 10, rng=1)
    return nb.Trainer(nn.Sequential(*layers), nb.data.digits(image=True), optimizer="momentum", lr=0.01, seed=0)


class Remembers(nn.Module):
    def __init__(self):
        self.lstm, self.output = nn.LSTM(2, 4, batch_first=True, rng=0), nn.Linear(4, 1, rng=1)

    def forward(self, x):
        hidden, _ = self.lstm(x)
        return self.output(hidden)


def recurrent():
    rng = np.random.default_rng(0)
    data = nb.data.from_arrays(rng.normal(size=(64, 6, 2)), rng.normal(size=(64, 6, 1)))
    return nb.Trainer(Remembers(), data, loss="mse", seed=0)


@pytest.mark.parametrize("make", [mlp, convolutional, recurrent])
@pytest.mark.parametrize("steps", [0, 3])
def test_a_run_that_nobody_holds_is_gone(make, steps):
    gc.collect()
    gc.disable()
    try:
        trainer = make()
        trainer.fit(steps=steps, bar=False)
        if steps:
            trainer.rewind(1)
            trainer.lr = 0.5
            trainer.step()
        left = [weakref.ref(each) for each in (trainer, trainer.model, trainer.optimizer, trainer.history)]
        del trainer
        assert [each() for each in left] == [None] * 4
    finally:
        gc.enable()
