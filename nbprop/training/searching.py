"""A step of an optimizer that asks for losses alone, all of one batch."""

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from nbprop import nn
from nbprop.engine import no_grad
from nbprop.record.observation import untouched

from .step import RecordedStep


def search(run) -> float:
    """Make it; returns the loss before. What is seen of the step is its first pass forward, with theta as it was."""
    beginning: Any = copy.deepcopy((run.model, run.rng)) if run.not_replayed or run._declared else None
    loss = run._one_gradient(back=False)
    if not math.isfinite(loss):
        run._diverged(loss)
    run._dL, found = run.gradient, run.theta.copy()
    trials = _replayed(run) if isinstance(run._made, RecordedStep) else _anew(run, *beginning)
    with trials as f, np.errstate(all="ignore"):  # one may end anywhere
        run.optimizer.search(found, f, loss, [*run._frozen, *_padding(run)])
    run.theta[...] = found
    if not np.isfinite(found).all():
        run.steps += 1
        run._diverged(loss, updated=True)
    return loss


@contextmanager
def _replayed(run) -> Iterator[Callable[[np.ndarray], float]]:
    """The loss of the last batch as a function of theta. Afterwards all numbers of the model are as before: the running
    means of a batch normalization are those of theta alone, and one that is interrupted leaves nothing behind."""
    kept = [(each, each.copy()) for each in (run.theta, *(each for _, each in run.model.named_buffers()))]

    def f(theta):
        run.theta[...] = theta
        return replay()

    try:
        replay = run._made.beside()
        yield f
    finally:
        for now, then in kept:
            now[...] = then


@contextmanager
def _anew(run, model, rng) -> Iterator[Callable[[np.ndarray], float]]:
    """The same, computed by a model that is as the run's was before the step, and is so again for each theta: what it
    keeps from call to call, and the random numbers that it draws, are no part of what is compared."""

    def f(theta):
        model.theta[...] = theta
        with untouched(model, *run.objective.losses.values()), no_grad():
            return float(run.objective.loss(model, run._batch, copy.deepcopy(rng), "").data)

    yield f


def _padding(run) -> list[slice]:
    """Where in theta the rows are that stand for nothing: no gradient says so here."""
    found = []
    for module in run.model.modules():
        if isinstance(module, nn.Embedding) and module.padding_idx is not None:
            row = module.weight.data[module.padding_idx]
            start = row.__array_interface__["data"][0] - run.theta.__array_interface__["data"][0]
            found.append(slice(start // row.itemsize, start // row.itemsize + row.size))
    return found
