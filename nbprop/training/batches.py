"""Where the batches of a run come from: drawn from data, made by a function, or given one after the other. Each source
knows its state, so that a run can go back to any step and meet the same batches again.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .taking import taking


class Batches:
    """Indices of one batch after the other: each epoch visits every sample once, in a new random order.

    The last batch of an epoch may be smaller; with `drop_last` it is left out (unless it is the only one).
    `batch_size` may change at any time: the rest of the epoch goes on. So may `kept`, which of the samples are drawn
    (bool, None for all): the others are passed over, and the order of the rest stays.
    """

    rewinds = ""  # why it cannot go back; "": it can
    kept: "np.ndarray | None" = None

    def __init__(self, samples, seed) -> None:
        self.samples = samples
        self.epochs = 0
        self.position = 0
        self._rng = np.random.default_rng(seed)
        self._shuffle()

    def _shuffle(self):
        self._before = self._rng.bit_generator.state
        self._order = self._rng.permutation(self.samples)

    def next(self, batch_size, drop_last=False) -> np.ndarray:
        """(batch_size,) int64 indices."""
        if self.kept is not None:
            return self._next_kept(batch_size, drop_last)
        left = self.samples - self.position
        if left <= 0 or (drop_last and left < batch_size and self.position):
            self.epochs += 1
            self.position = 0
            self._shuffle()
        batch = self._order[self.position : self.position + batch_size]
        self.position += len(batch)
        return batch

    def _next_kept(self, batch_size, drop_last):
        left = self._left(self.kept)
        if not len(left) or (drop_last and len(left) < batch_size and self.position):
            self.epochs += 1
            self.position = 0
            self._shuffle()
            left = self._left(self.kept)
        self.position = int(left[:batch_size][-1]) + 1
        return self._order[left[:batch_size]]

    def _left(self, kept):
        """Where in the order those are that come yet."""
        return self.position + np.flatnonzero(kept[self._order[self.position :]])

    @property
    def epoch(self) -> float:
        """Passes over the data so far, as a fraction."""
        return self.epochs + self.position / max(1, self.samples)

    def state(self) -> tuple[int, int, int, Any]:
        return self.samples, self.epochs, self.position, self._before

    def restore(self, state) -> None:
        self.samples, self.epochs, self.position, before = state
        self._rng.bit_generator.state = before
        self._shuffle()


class MadeBatches:
    """Batches that a function makes: it may take any of `model`, `rng`, `batch_size` and `step` (updates done).

    All chance must come from `rng` (a NumPy generator), and nothing may be kept from one call to the next, else going
    back meets other batches.
    """

    rewinds = ""

    def __init__(self, make, seed) -> None:
        self.make, self.takes = make, taking(make, "model", "rng", "batch_size", "step")
        self.rng = np.random.default_rng(seed)

    def next(self, model, batch_size, step) -> Any:
        offered = {"model": model, "rng": self.rng, "batch_size": batch_size, "step": step}
        batch = self.make(**{name: offered[name] for name in self.takes})
        if batch is None:
            raise TypeError(
                f"{getattr(self.make, '__name__', 'batches')} gave None in the place of a batch: let it return one"
            )
        return batch

    @property
    def epoch(self) -> float:
        """There are no passes over anything: 0."""
        return 0.0

    def state(self) -> tuple[Any]:
        return (self.rng.bit_generator.state,)

    def restore(self, state) -> None:
        (self.rng.bit_generator.state,) = state


class GivenBatches:
    """The batches of an iterable, again from its start when it is through. A list or tuple can be gone back in; what
    another iterable gives (a generator, a loader that shuffles) comes but once."""

    def __init__(self, iterable) -> None:
        self.iterable, self.iterator = iterable, None
        self.passes, self.position = 0, 0
        self.rewinds = (
            ""
            if isinstance(iterable, Sequence)
            else f"its batches come from a {type(iterable).__name__}, which gives each but once: give them as a "
            "list, or as a function batches(rng) that makes one from the random numbers of rng"
        )

    def __deepcopy__(self, memo) -> "GivenBatches":
        """Of another run, with the same batches, which nobody changes."""
        other = GivenBatches(self.iterable)
        other.passes, other.position = self.passes, self.position
        return other

    def next(self) -> Any:
        if isinstance(self.iterable, Sequence):
            if self.position == len(self.iterable):
                self.passes, self.position = self.passes + 1, 0
            batch = self.iterable[self.position] if self.iterable else None
        else:
            batch = self._drawn()
        if batch is None:
            raise ValueError("the iterable of batches is empty")
        self.position += 1
        return batch

    def _drawn(self):
        for _ in range(2):
            if self.iterator is None:
                self.iterator = iter(self.iterable)
            batch = next(self.iterator, None)
            if batch is not None:
                return batch
            if isinstance(self.iterable, Iterator):
                raise ValueError(
                    f"the batches are used up after {self.position}: a {type(self.iterable).__name__} gives each but "
                    "once. Give a list, something that can be iterated again, or a function batches(rng)"
                )
            self.iterator, self.passes, self.position = None, self.passes + 1, 0
        return None

    @property
    def epoch(self) -> float:
        """Passes through the iterable; a fraction where its length is known."""
        length = len(self.iterable) if hasattr(self.iterable, "__len__") else 0
        return self.passes + (self.position / length if length else 0)

    def state(self) -> tuple[int, int]:
        return self.passes, self.position

    def restore(self, state) -> None:
        if self.rewinds and state != (self.passes, self.position):
            raise ValueError(f"this run cannot go back: {self.rewinds}")
        self.passes, self.position = state
