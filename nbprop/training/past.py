"""The way back: full states of a run, kept every so often, and the knobs turned between them."""

import copy
from bisect import bisect_left
from dataclasses import dataclass
from operator import is_, itemgetter
from typing import Any

import numpy as np

from nbprop.nn.losses import FunctionLoss

from .structure import Structure


@dataclass(frozen=True)
class Snapshot:
    """All that decides how a run goes on from `step`: nothing else may."""

    step: int
    settings: dict[str, Any]
    objective: Any
    structure: Structure
    losses: list[Structure]  # of those that are modules
    theta: np.ndarray
    buffers: list  # arrays of the model's state that are not trained
    generators: list  # (generator, its state) of the model's own and the objective's
    optimizers: dict[str, Any]
    batches: Any  # state of the source of batches
    arrays: list  # (array, its numbers) of those that modules of the user's own keep, and may write into
    edited: int = 0  # number of the turn, if the model was changed by hand: no replaying leads across it

    @property
    def nbytes(self) -> int:
        states = [vector for optimizer in self.optimizers.values() for vector in optimizer.state.values()]
        kept = [numbers for _, numbers in self.arrays]
        return sum(array.nbytes for array in [self.theta, *self.buffers, *kept, *states]) + 4096

    def fill(self, model, generators=True) -> None:
        """Give the model, made as then, the parameters, buffers and (unless it is a copy) random numbers of then."""
        model.theta = self.theta
        for (_, array), kept in zip(model.named_buffers(), self.buffers, strict=True):
            array[...] = kept
        for generator, state in self.generators if generators else ():
            generator.bit_generator.state = state
        for array, numbers in self.arrays if generators else ():
            array[...] = numbers

    def __deepcopy__(self, memo) -> "Snapshot":
        """Another's snapshot: of its modules and generators, with the same arrays, which nobody changes."""
        kept = [numbers for _, numbers in self.arrays]
        arrays = [
            self.theta,
            *self.buffers,
            *kept,
            *(v for each in self.optimizers.values() for v in each.state.values()),
        ]
        memo.update({id(array): array for array in arrays})
        losses = [each for each in self.losses if not isinstance(each.modules[0][0], FunctionLoss)]  # others are shared
        own = {**vars(self), "losses": losses}
        return Snapshot(**{name: copy.deepcopy(value, memo) for name, value in own.items()})


class Past:
    """The way back of a run: snapshots at multiples of `interval` steps, and every knob that was turned between them.

    Any step is reached by restoring the snapshot before it and training on. Snapshots are bounded in number and bytes:
    when there are too many, every second one goes and the interval doubles. The first always stays, and those that were
    taken because somebody changed the model by hand: from before such a change no training leads to after it.
    """

    def __init__(self, interval=100, limit=256, nbytes=64 * 2**20) -> None:
        self.interval, self.limit, self.nbytes = interval, limit, nbytes
        self.snapshots = []
        self.turns = []  # (steps done before, name, value, number) of every knob turned
        self._number = 0  # of the last turn
        self.gap = (0, 0)  # between these steps nothing is left

    def keep(self, run) -> None:
        """Take a snapshot of the run if one is due at its present step."""
        if run.steps % self.interval or (self.snapshots and self.snapshots[-1].step >= run.steps):
            return
        self._add(run.snapshot())

    def begin(self, run) -> None:
        """Take a snapshot of the run as the earliest state to go back to, whatever step it is at."""
        self._add(run.snapshot())

    def keep_edited(self, run) -> int:
        """Take a snapshot because the model was changed by hand, which counts as a turn; returns its number."""
        number = self._next()
        self._add(run.snapshot(edited=number))
        return number

    def _add(self, snapshot):
        self.snapshots.append(snapshot)
        most = max(2, min(self.limit, self.nbytes // snapshot.nbytes))
        while len(self.snapshots) > most:
            if sum(s.edited for s in self.snapshots) > most // 2:  # many changes by hand: only the newest can be kept
                self.snapshots = [self.snapshots[0], *self.snapshots[-(most // 2) or -1 :]]
                self.gap = self.snapshots[0].step, self.snapshots[1].step
            else:
                self.interval *= 2
                kept = [s for s in self.snapshots if s.edited or s.step % self.interval == 0]
                self.snapshots = kept if kept[0] is self.snapshots[0] else [self.snapshots[0], *kept]

    def turned(self, step, name, value) -> int:
        """A knob is turned after `step` updates; returns the number of the turn."""
        number = self._next()
        self.turns.append((step, name, value, number))
        return number

    def _next(self):
        self._number += 1
        return self._number

    def cut(self, number) -> None:
        """Forget the turn of that number, and all later ones."""
        self.turns = [turn for turn in self.turns if turn[3] < number]
        self.snapshots = [kept for kept in self.snapshots if kept.edited < number]

    @property
    def first(self) -> int:
        """The earliest step that can be gone back to."""
        return self.snapshots[0].step

    def before(self, step, turned=True) -> "Snapshot":
        """The latest snapshot at or before `step`; without `turned` as it was before anything was changed there."""
        fitting = [
            kept for kept in self.snapshots if kept.step < step or (kept.step == step and (turned or not kept.edited))
        ]
        if self._lost(step) or not fitting or fitting[-1].step < self.gap[1] <= step:
            whole = any(kept.step == self.gap[1] and not kept.edited for kept in self.snapshots)
            left = self.first if step < self.first else self.gap[1] + (not whole)
            raise ValueError(f"the way back to step {step} is no longer there; the earliest one left is step {left}")
        return fitting[-1]

    def _lost(self, step):
        return step < self.first or self.gap[0] < step < self.gap[1]

    def rewind(self, run, step, turned=False) -> list[tuple[int, float]]:
        """Bring the run to exactly the state after `step` updates; what came later is forgotten.

        turned: with the knobs that were turned at that step, or as it was before. Returns what `replay` does.
        """
        made = self.replay(run, step, turned)
        last = step if turned else step - 1
        self.turns = [turn for turn in self.turns if turn[0] <= last]
        self.snapshots = [s for s in self.snapshots if s.step < step or (s.step == step and (turned or not s.edited))]
        if step <= self.gap[0]:
            self.gap = (0, 0)
        return made

    def replay(self, run, step, turned=False) -> list[tuple[int, float]]:
        """Bring the run to exactly the state after `step` updates, and forget nothing.

        At least one step is made again (if there was one), so that there is a step to look into. Returns (steps done,
        loss) of those that were made again.
        """
        snapshot, losses = self.start(step, turned), []
        run.restore(snapshot)

        def go(to):
            while run.steps < to:
                loss = run.step()
                losses.append((run.steps, loss))

        for made, name, value, _ in self.turns_between(snapshot.step, step, turned, snapshot.edited):
            go(made)
            run.apply(name, value)
        go(step)
        return losses

    def start(self, step, turned=False) -> "Snapshot":
        """The snapshot from which the state after `step` is made again, with at least one step if there is a way."""
        snapshot = self.before(step, turned)
        if snapshot.step == step and not snapshot.edited and step > self.first and not self._lost(step - 1):
            snapshot = self.before(step - 1)
        return snapshot

    def turns_between(self, start, step, turned=False, edited=0) -> list[Any]:
        """(steps done before, name, value, number) of the turns from the state after `start` to that after `step`.
        edited: the number of a change by hand, which some at `start` came before."""
        first, end = (bisect_left(self.turns, at, key=itemgetter(0)) for at in (start, step + turned))
        return [turn for turn in self.turns[first:end] if turn[3] > edited]

    def trail(self, step) -> tuple[Any, Any, Any]:
        """What has led to the state after `step`: the first snapshot, the last turn before it, the last snapshot of a
        change by hand before it (None where there is none). Where these are the very same three, in copies of this past
        too, the state is: `same_trail`."""
        place = bisect_left(self.turns, step, key=itemgetter(0))
        edit = next((kept for kept in reversed(self.snapshots) if kept.edited and kept.step < step), None)
        return self.snapshots[0], self.turns[place - 1] if place else None, edit

    def copy(self) -> "Past":
        """The same past, to go on differently from."""
        other = Past(self.interval, self.limit, self.nbytes)
        other.snapshots, other.turns, other.gap = list(self.snapshots), list(self.turns), self.gap
        other._number = self._number
        return other


def same_trail(a, b) -> bool:
    """Whether two trails lead to the same state."""
    return all(map(is_, a, b))
