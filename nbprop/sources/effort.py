"""What a run has used up: samples, seconds of its own, evaluations of the loss, forward passes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from nbprop.data.trees import leaves
from nbprop.record import History
from nbprop.training.batches import Batches

MEASURES = ("samples", "seconds", "evaluations", "forwards")
BACKWARD = 2  # forward passes that a backward pass counts as: two products of matrices for each one forward


class Effort:
    """Counts, from now on, what the steps of a trainer take. Bounded, however long the run."""

    def __init__(self, trainer) -> None:
        self.trainer, self.history, self.start = trainer, History(), trainer.steps
        self.total: dict[str, float] = dict.fromkeys(MEASURES, 0.0)
        self._note()

    def _note(self):
        self.at = self.trainer.steps
        for name, value in self.total.items():
            self.history.add(name, self.at, value)

    def series(self, what: str) -> tuple[np.ndarray, np.ndarray]:
        """(steps (n,), totals (n,)) from the beginning on."""
        steps, values = self.history.series(what)
        inner = (steps > self.start) & (steps < self.at)  # which are thinned, the ends are not
        ends = [self.start, self.at] if self.at > self.start else [self.start]
        totals = [0.0, self.total[what]][: len(ends)]
        return (
            np.concatenate([ends[:1], steps[inner], ends[1:]]).astype(np.int64),
            np.concatenate([totals[:1], values[inner], totals[1:]]),
        )

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Inside, one step is made. One that fails counts nothing."""
        run = self.trainer._run
        if self.trainer.steps != self.at:
            self.truncate(self.trainer.steps)
        feed, settings = run.batches, run.settings
        position = feed.position if isinstance(feed, Batches) else None
        began = time.perf_counter()
        yield
        self.total["seconds"] += time.perf_counter() - began
        count = settings["accumulate"]
        if position is None:
            first: Any = next(iter(leaves(run._batch)), 0)
            samples = count * (len(first) if np.ndim(first) else 1)
        else:
            samples = _drawn(feed.samples, position, settings["batch_size"], settings["drop_last"], count)
        self.total["samples"] += samples
        free = run.optimizer.gradient_free
        evaluations = run.optimizer.evaluations if free else count * len(run.objective.losses)
        self.total["evaluations"] += evaluations
        self.total["forwards"] += evaluations * (1 if free else 1 + BACKWARD)
        self._note()

    def truncate(self, step: int) -> None:
        """The run has come to this step by other ways than `counted`: what was counted after it is forgotten."""
        self.total = {name: float(np.interp(step, *self.series(name))) for name in MEASURES}
        self.start = min(self.start, step)
        self.history.truncate(step - 1)
        self._note()


def _drawn(samples, position, size, drop_last, count):
    """How many samples `count` batches have, as `Batches.next` gives them."""
    total = 0
    for _ in range(count):
        left = samples - position
        if left <= 0 or (drop_last and left < size and position):
            position, left = 0, samples
        total += min(size, left)
        position += min(size, left)
    return total
