"""The next step of a run, made by a copy of it and kept with all that happens in it. The run is left as it is."""

import copy
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from nbprop.checks import whole
from nbprop.data.trees import leaves
from nbprop.engine import Tensor
from nbprop.nn.module import Module, evaluating
from nbprop.optim import Optimizer
from nbprop.record import Diverged
from nbprop.record.layers import Layer
from nbprop.record.source import CannotSay

from .step import UNTRAINED


@dataclass(frozen=True)
class Rehearsal:
    """A step that is not made: what the next one of a run is, or what it would be with one sample alone.

    step: its number; 1 is the first of the run. sample: which, or None for the batch that is next. batch: it, as the
        objective has it. samples: how many there are in it, None where nobody knows.
    model: a copy, with the weights of before the update. loss: its Tensor; every Tensor that it was computed from has
        its numbers and its gradient.
    nodes, calls, spans: of the tape of this step, see `engine.tape.Tape`.
    layers: as in an `Observation`.
    theta, after: all parameters before and after the update. gradient: dL/dtheta, of several batches (`accumulate`)
        the mean, of which this is the last. applied: what of it the optimizer was given, with penalties and clipping.
    optimizer: as it was before; state: what it remembers after.
    settings: `l1`, `clip`, `clip_value`, `accumulate`. frozen: slices of theta that stay.
    stopped: why there was no update, "" if there was.
    """

    step: int
    sample: Any
    batch: Any
    samples: int | None
    model: Module
    loss: Tensor
    nodes: list[Tensor]
    calls: list[Any]
    spans: list[tuple[int, int]]
    layers: list[Layer]
    theta: np.ndarray
    after: np.ndarray
    gradient: np.ndarray
    applied: np.ndarray
    optimizer: Optimizer
    state: dict[str, np.ndarray]
    settings: SimpleNamespace
    frozen: list[slice]
    stopped: str

    def __repr__(self) -> str:
        what = "the batch" if self.sample is None else f"sample {self.sample}"
        return f"Rehearsal(step {self.step} with {what}, loss {float(self.loss.data):.4g})"


def rehearse(run, sample=None, turns=()) -> Rehearsal:
    """A Rehearsal of the next step of a run. turns: (name, value) of knobs that are turned before, in the copy.

    CannotSay where there is no such step, or none that can be made beside the run."""
    if run.bound:
        raise CannotSay(f"The next step of this run cannot be looked into: {run.bound}.")
    if run.objective.lacks:
        raise CannotSay(f"There is no step to look into: {run.objective.lacks}.")
    if run.optimizer.gradient_free:
        name = type(run.optimizer).__name__
        raise CannotSay(f"No gradient here: {name} asks for losses alone, so there is no way back to look into.")
    if sample is not None:
        _check_sample(run.objective, sample)
    with run.looking():
        return _rehearse(run, sample, turns)


def _check_sample(objective, sample):
    count = objective.samples
    if count is None:
        raise CannotSay("The batches of this run are made, so its samples have no numbers: look at the batch.")
    whole(0, count - 1)("sample", sample)


def _rehearse(run, sample, turns) -> Rehearsal:
    mine, turns = copy.deepcopy((run, turns))
    for name, value in turns:
        mine.apply(name, value)
    if mine._places:
        parts = " and ".join(mine._places)
        raise CannotSay(f"A step with one loss can be explained; this run has several, minimized in turn: {parts}.")
    mine.not_replayed = "it is looked into"  # so every op is new, and keeps its numbers; they are the same
    with np.errstate(all="ignore"):
        loss, stopped = _gradient(mine, sample)
        theta, gradient = mine.theta.copy(), mine.gradient.copy()
        optimizer, stopped = mine.optimizer.copy(), stopped or _update(mine, loss)
    made, after, applied = mine._made, mine.theta.copy(), mine.gradient.copy()
    mine.theta[:] = theta  # what the step was computed with
    settings = {name: mine.settings[name] for name in ("l1", "clip", "clip_value", "accumulate")}
    first = next((each for each in leaves(mine._batch) if isinstance(each, np.ndarray) and each.ndim), None)
    return Rehearsal(
        step=run.steps + 1, sample=sample, batch=mine._batch, samples=None if first is None else len(first),
        model=mine.model, loss=made._loss, nodes=made._tape.nodes, calls=made._tape.calls, spans=made._tape.spans,
        layers=made.layers, theta=theta, after=after, gradient=gradient, applied=applied,
        optimizer=optimizer, state={name: vector.copy() for name, vector in mine.optimizer.state.items()},
        settings=SimpleNamespace(**settings), frozen=list(mine._frozen), stopped=stopped,
    )  # fmt: skip


def _gradient(run, sample):
    """Leaves the gradient in the model of the copy: of the next batch, or of a sample as in evaluation. The loss, and
    why it came to an end."""
    try:
        if sample is None:
            return run._gradient(), ""
        run.rng = np.random.default_rng([run.seed, 3])  # as `observe`
        run.settings = {**run.settings, "accumulate": 1}
        with evaluating(run.model):
            return run._of_part("", run.objective.one(sample)), ""
    except Diverged as error:
        return float("nan"), str(error)
    except ValueError as error:
        if str(error) == UNTRAINED:
            raise CannotSay(f"There is no step to look into: {error}.") from None
        raise


def _update(run, loss):
    """Why there was no update; "" if there was."""
    try:
        run._update(loss, "", run.optimizer)
    except Diverged as error:
        return str(error)
    return ""
