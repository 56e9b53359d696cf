"""The loss around a run: what it is, and its gradient, at parameters other than the run's own."""

import copy
from typing import Any

import numpy as np

from nbprop import nn
from nbprop.data.trees import numbers
from nbprop.engine import no_grad
from nbprop.nn.module import Module

MOST = 512  # samples, at most
WORK = 1e8  # parameters times samples, about: what a gradient costs
PIECE = 2**17  # numbers of the inputs


class Around:
    """The loss of a model like that of a run, at any parameters. The run is neither changed nor disturbed, and may go
    on: all is computed with a copy of its model as it was, on a fixed random sample of the training data.

    theta (n,), frozen: of the run as it was. shapes: (slice of theta, shape) of every parameter.
    samples, of: how many samples are looked at, out of how many.
    statistics: batch normalization goes by those of the sample, as in training; else by its running ones. There is no
    dropout in either case. dtype: in which it is computed.

    ValueError for a run of which this cannot be had: batches that are made, a loss in several parts.
    """

    def __init__(self, run, dtype: Any = np.float64, statistics=False) -> None:
        objective = run.objective
        if list(objective.losses) != [""]:
            raise ValueError("the loss has several parts, each for a module of its own: there is not one surface")
        if objective.samples is None:
            raise ValueError("the batches of this objective are made: there is no fixed sample of the training data")
        self._run, self._objective = run, objective
        row = max(1, numbers(objective.fixed(1)))
        count = min(MOST, max(16, PIECE // row), max(64, int(WORK // max(1, run.theta.size))))
        self._batch = objective.fixed(count)
        self.samples, self.of = min(count, objective.samples), objective.samples
        with run.looking():
            self._model: Module = copy.deepcopy(run.model)
            self._model.eval()
            for module in self._model.modules():
                if statistics and isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                    module.training = True
            for parameter in self._model.parameters():
                parameter.data = parameter.data.astype(dtype)
            self._theta, self._gradient = self._model.theta, self._model.gradient
            self.frozen = list(self._model.frozen_slices())
        if sum(part.stop - part.start for part in self.frozen) == self._theta.size:
            raise ValueError("all parameters are frozen: there is nowhere to go")
        self.theta = self._theta.copy()
        ends = np.cumsum([parameter.size for parameter in self._model.parameters()])
        self.shapes = [
            (slice(end - parameter.size, end), parameter.shape)
            for end, parameter in zip(ends, self._model.parameters(), strict=True)
        ]
        self.normalized = any(isinstance(each, nn.BatchNorm1d | nn.BatchNorm2d) for each in self._model.modules())

    def loss(self, theta) -> float:
        """The loss at the parameters theta (n,); inf or NaN where it is not finite."""
        with self._run.looking(), no_grad():
            return float(self._compute(theta).data)

    def gradient(self, theta) -> np.ndarray:
        """dL/dtheta there, (n,), an array that the next call writes to."""
        with self._run.looking():
            loss = self._compute(theta)
            self._model.zero_grad()
            loss.backward()
            for part in self.frozen:
                self._gradient[part] = 0
            return self._gradient

    def _compute(self, theta):
        self._theta[...] = theta
        return self._objective.loss(self._model, self._batch, np.random.default_rng([self._run.seed, 3]))
