"""The way back: full states of a run, kept every so often, and the knobs turned between them."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Snapshot:
    """All that decides how a run goes on from `step`: nothing else may."""

    step: int
    settings: dict[str, Any]
    theta: np.ndarray
    optimizer: dict[str, Any]
    batches: tuple

    @property
    def nbytes(self):
        return self.theta.nbytes + sum(array.nbytes for array in self.optimizer["state"].values()) + 4096


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

    def rewind(self, run, step):
        """Bring the run to exactly the state after `step` updates, before knobs turned there; forget what came later."""
        snapshot = self.before(step)
        again = [turn for turn in self.turns if snapshot.step <= turn[0] < step]
        run.restore(snapshot)
        while run.steps < step:
            while again and again[0][0] == run.steps:
                run.apply(*again.pop(0)[1:])
            run.step()
        self.turns = [turn for turn in self.turns if turn[0] < step]
        self.snapshots = [kept for kept in self.snapshots if kept.step <= step]

    def copy(self):
        other = Past(self.interval, self.limit, self.nbytes)
        other.snapshots, other.turns = list(self.snapshots), list(self.turns)
        return other
