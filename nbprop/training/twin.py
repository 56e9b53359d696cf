"""A second run, which goes where a moment is asked for: the first one's past is read, and nothing of it is written."""

import copy
import math
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from nbprop.nn.losses import FunctionLoss
from nbprop.nn.module import Module
from nbprop.optim import Optimizer
from nbprop.record import Diverged
from nbprop.record.observation import untouched
from nbprop.record.source import CannotSay

from .past import Snapshot, same_trail

MOST, NBYTES = 128, 24 * 2**20  # snapshots of its own that it keeps, at most
NEAR = 4  # steps that take as long as restoring a snapshot
PASSING = (list, dict, tuple, set, frozenset, Snapshot, Optimizer)  # made anew each time: nobody holds on to them


class Twin:
    """A copy of a run, with modules and generators of its own and the same data. `to` brings it to any step of the
    first one's past.

    cost: seconds that a step took lately. made: steps made, in all. seconds: spent on it, in all.
    """

    apart = 0.004  # seconds of making steps again between two snapshots that it keeps

    def __init__(self, run, past) -> None:
        self.first, self.beginning = run, past.snapshots[0]
        self._pairs = {}  # id of a thing of the first run -> (the thing, what stands for it here)
        self._checked = None  # objective that was found to be one that two runs may share
        if run.bound:
            raise ValueError(f"this run cannot be looked back into: {run.bound}")
        self.run = self._of_mine(run)
        self._at_first = len(self._pairs)
        self.trail: Any = None  # what has led to where it is; None where that is nowhere
        self._kept = []  # (trail, snapshot), by their steps
        self.diverged = -1, ""  # the last step after which not all numbers were finite, and what was said of it
        self.cost, self.made, self.seconds = 0.0, 0, 0.0

    def to(self, past, step) -> Iterator[tuple[int, float]]:
        """Go to the state after `step`, as far as this is asked for: gives (steps done, loss) after every step made,
        (steps done, NaN) after every turn. Where it stands between two of them is a state on the way."""
        run, turns = self.run, self._begin(past, step)
        begun = time.perf_counter()
        for turn in [*turns, None]:
            while run.steps < (step if turn is None else turn[0]):
                yield run.steps + 1, self._step()
                if time.perf_counter() - begun > self.apart:
                    self._keep()
                    begun = time.perf_counter()
            if turn is not None:
                before, self.trail = self.trail, None
                run.apply(turn[1], self._of_mine(turn[2]))
                self._check()
                self.trail = before[0], turn, before[2]
                yield run.steps, math.nan

    @property
    def full(self) -> bool:
        """Whether it holds on to much that may no longer be in the past: a new one does not."""
        return len(self._pairs) > 4 * self._at_first + 4000

    def _begin(self, past, step):
        """Stand at the nearest place from which steps lead there: here, at a snapshot of its own or of the past. The
        turns from there on."""
        trail, start = past.trail(step), past.start(step)
        own = [
            kept
            for known, kept in self._kept
            if start.step < kept.step < step and _leads(past, known, kept.step, trail)
        ]
        nearest = own[-1] if own else start
        at, seen = self.run.steps, self.run._made is not None  # there must be a step to look into
        near = nearest.step - NEAR <= at < step or (at == step and (seen or step == past.first))
        if near and _leads(past, self.trail, at, trail):
            return past.turns_between(at, step)
        self.trail = None
        if own:
            self._restore(nearest)
            self.trail = past.trail(nearest.step)
            return past.turns_between(nearest.step, step)
        self._restore(self._of_mine(start), start)
        self.trail = past.trail(start.step)
        if start.edited:
            turn = next((each for each in reversed(past.turns) if each[3] < start.edited), None)
            self.trail = self.trail[0], turn, start
        return past.turns_between(start.step, step, edited=start.edited)

    def _restore(self, snapshot, original=None):
        self.run.restore(snapshot, knobs=False)
        was, now = snapshot.structure, self.run.structure
        if original is not None:
            self._pairs[id(original.structure)] = original.structure, now
        if was is not now:  # which is made so, and is known to be what the run is made like
            kept = self._kept
            kept[:] = [(t, replace(s, structure=now) if s.structure is was else s) for t, s in kept]
        self._check()

    def _check(self):
        """An objective of before may be one that two runs cannot share."""
        if self.run.objective is not self._checked:
            if self.run.bound:
                raise CannotSay(f"this run cannot be looked back into: {self.run.bound}")
            self._checked = self.run.objective

    def _step(self):
        run, begun = self.run, time.perf_counter()
        before, trail = run.steps, self.trail
        self.trail = None
        try:
            loss = run.step(measure_update=True)
        except Diverged as error:
            if run.steps == before:
                raise
            loss, self.diverged = math.nan, (run.steps, str(error))  # the update was made: here the run stopped
        self.trail = trail
        self.made += 1
        self.cost += 0.1 * (time.perf_counter() - begun - self.cost) if self.cost else time.perf_counter() - begun
        return loss

    def _keep(self):
        """Keep a snapshot of here, and of all those nearest to here, before rather than behind: steps lead forward."""
        at, snapshot = self.run.steps, self.run.snapshot()
        kept = [(self.trail, snapshot), *(each for each in self._kept if each[1].step != at)]
        most = min(MOST, NBYTES // snapshot.nbytes)
        kept = sorted(kept, key=lambda each: max(at - each[1].step, 4 * (each[1].step - at)))[:most]
        self._kept = sorted(kept, key=lambda each: each[1].step)

    # ---- what stands for what ------------------------------------------------------------------------------------

    def _of_mine(self, thing) -> Any:
        """A copy of something of the first run; what was copied before is the same again."""
        memo: dict[int, Any] = {key: mine for key, (_, mine) in self._pairs.items()}
        made = copy.deepcopy(thing, memo)
        arrays = {id(array) for array, _ in thing.arrays} if isinstance(thing, Snapshot) else ()
        for each in memo.get(id(memo), ()):  # what was copied just now
            view = isinstance(each, np.ndarray) and each.base is not None and id(each) not in arrays
            if not isinstance(each, PASSING) and not view:
                self._pairs[id(each)] = each, memo[id(each)]
        return made

    @contextmanager
    def unnoticed(self) -> Iterator[None]:
        """Inside, it is made to do something, and what that does to what it shares with the first run is undone:
        random numbers drawn from where all draw, what the objects that compute the loss keep."""
        run, begun = self.run, time.perf_counter()
        try:
            if not run._foreign:
                yield
                return
            shared = [
                f for f in run.objective.losses.values() if isinstance(f, FunctionLoss) or not isinstance(f, Module)
            ]
            drawn, theirs = random.getstate(), np.random.get_state()  # noqa: NPY002
            try:
                with untouched(Module(), *shared):
                    yield
            finally:
                random.setstate(drawn)
                np.random.set_state(theirs)  # noqa: NPY002
        finally:
            self.seconds += time.perf_counter() - begun


def _leads(past, known, step, trail):
    """Whether steps and turns lead from the state after `step` that `known` has led to, to what `trail` leads to."""
    return known is not None and known[2] is trail[2] and same_trail(known, past.trail(step))
