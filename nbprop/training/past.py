"""The way back: full states of a run, kept every so often, and the knobs turned between them."""

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Snapshot:
    """All that decides how a run goes on from `step`: nothing else may."""

    step: int
    settings: dict[str, Any]
    theta: np.ndarray
    buffers: list  # arrays of the model's state that are not trained
    activations: list  # modules, one for each place
    generators: list  # the model's own random generators, one for each place: those that share one still do
    optimizer: dict[str, Any]
    batches: tuple

    @property
    def nbytes(self):
        arrays = [self.theta, *self.buffers, *self.optimizer["state"].values()]
        return sum(array.nbytes for array in arrays) + 4096

    def fill(self, model):
        """Give a model of the same architecture the parameters, buffers and random generators of then."""
        model.theta = self.theta
        for (_, array), kept in zip(model.named_buffers(), self.buffers, strict=True):
            array[...] = kept
        for place, generator in zip(generators(model), copy.deepcopy(self.generators), strict=True):
            setattr(*place, generator)


def generators(model):
    """(module, attribute) of each place in a model where there is a random generator."""
    return [
        (module, name)
        for module in model.modules()
        for name, value in vars(module).items()
        if isinstance(value, np.random.Generator)
    ]


class Past:
    """The way back of a run: snapshots at multiples of `interval` steps, and every knob that was turned between them.

    Any step is reached by restoring the snapshot before it and training on. Snapshots are bounded in number and bytes:
    when there are too many, every second one goes and the interval doubles. Step 0 always stays.
    """

    def __init__(self, interval=100, limit=256, nbytes=64 * 2**20):
        self.interval, self.limit, self.nbytes = interval, limit, nbytes
        self.snapshots = []
        self.turns = []  # (steps done before, name, value) of every knob turned

    def keep(self, run):
        """Take a snapshot of the run if one is due at its present step."""
        if run.steps % self.interval or (self.snapshots and self.snapshots[-1].step >= run.steps):
            return
        self.snapshots.append(run.snapshot())
        most = max(2, min(self.limit, self.nbytes // self.snapshots[-1].nbytes))
        while len(self.snapshots) > most:
            self.interval *= 2
            self.snapshots = [kept for kept in self.snapshots if kept.step % self.interval == 0]

    def turned(self, step, name, value):
        """A knob was turned after `step` updates."""
        self.turns.append((step, name, value))

    def before(self, step):
        """The latest snapshot at or before `step`."""
        return max((kept for kept in self.snapshots if kept.step <= step), key=lambda kept: kept.step)

    def rewind(self, run, step, turned=False):
        """Bring the run to exactly the state after `step` updates; what came later is forgotten.

        turned: with the knobs that were turned at that step, or as it was before.
        At least one step is made again (if there was one), so that there is a step to look into.
        """
        snapshot = self.before(max(step - 1, 0))
        last = step if turned else step - 1
        self.turns = [turn for turn in self.turns if turn[0] <= last]
        self.snapshots = [kept for kept in self.snapshots if kept.step <= step]
        run.restore(snapshot)
        again = [turn for turn in self.turns if turn[0] >= snapshot.step]
        for made, name, value in again:
            while run.steps < made:
                run.step()
            run.apply(name, value)
        while run.steps < step:
            run.step()

    def copy(self):
        other = Past(self.interval, self.limit, self.nbytes)
        other.snapshots, other.turns = list(self.snapshots), list(self.turns)
        return other
