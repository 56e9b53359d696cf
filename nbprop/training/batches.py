"""Which samples make up the next batch: shuffled anew each epoch, and able to go back to any step."""

import numpy as np


class Batches:
    """Indices of one batch after the other: each epoch visits every sample once, in a new random order.

    The last batch of an epoch may be smaller. `batch_size` may change at any time: the rest of the epoch goes on.
    """

    def __init__(self, samples, seed):
        self.samples = samples
        self.epochs = 0
        self.position = 0
        self._rng = np.random.default_rng(seed)
        self._shuffle()

    def _shuffle(self):
        self._before = self._rng.bit_generator.state
        self._order = self._rng.permutation(self.samples)

    def next(self, batch_size):
        """(batch_size,) int64 indices."""
        if self.position >= self.samples:
            self.epochs += 1
            self.position = 0
            self._shuffle()
        batch = self._order[self.position : self.position + batch_size]
        self.position += len(batch)
        return batch

    @property
    def epoch(self):
        """Passes over the data so far, as a fraction."""
        return self.epochs + self.position / self.samples

    def state(self):
        return self.samples, self.epochs, self.position, self._before

    def restore(self, state):
        self.samples, self.epochs, self.position, before = state
        self._rng.bit_generator.state = before
        self._shuffle()
