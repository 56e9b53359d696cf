"""A step of an optimizer that asks for losses alone, all of one batch."""

import copy
import math

import numpy as np

from nbprop.engine import no_grad

from .step import RecordedStep


def search(run) -> float:
    """Make it; returns the loss before. What is seen of the step is its first pass forward, with theta as it was."""
    rng, buffers = copy.deepcopy(run.rng), [each for _, each in run.model.named_buffers()]
    before = [each.copy() for each in buffers]
    loss = run._one_gradient(back=False)
    if not math.isfinite(loss):
        run._diverged(loss)
    run._dL, after = run.gradient, [each.copy() for each in buffers]
    replayed = run._made.beside() if isinstance(run._made, RecordedStep) else None

    def put(theta, kept):
        run.theta[...] = theta
        for each, values in zip(buffers, kept, strict=True):
            each[...] = values

    def f(theta):
        put(theta, before)
        return replayed() if replayed else _anew(run, copy.deepcopy(rng))

    found = run.theta.copy()
    with np.errstate(all="ignore"):  # a trial may end anywhere
        run.optimizer.search(found, f, loss, run._frozen)
    put(found, after)  # the running means of a batch normalization are those of theta alone
    if not np.isfinite(found).all():
        run.steps += 1
        run._diverged(loss, updated=True)
    return loss


def _anew(run, rng):
    """The loss of the last batch, with these random numbers."""
    with no_grad():
        loss = float(run.objective.loss(run.model, run._batch, rng, "").data)
    run._left_behind()
    return loss
