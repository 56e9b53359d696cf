"""What a loop tells of the single samples of its batches."""

from typing import Any

import numpy as np

from nbprop.checks import whole
from nbprop.record.samples import Samples, keep
from nbprop.record.source import CannotSay

MOST = 512  # samples of which something is recorded, always the same


class Told:
    """samples: those of which is recorded, once anything was told."""

    def __init__(self) -> None:
        self._samples: Samples | None = None

    @property
    def samples(self) -> Samples:
        """CannotSay before anything was told."""
        if self._samples is None:
            raise CannotSay(
                "this loop tells nothing of single samples: run.log_samples(indices, loss=losses, of=len(data)), with "
                "a loss of each sample (reduction='none')"
            )
        return self._samples

    def take(
        self, history: Any, step: int, data: Any, indices: Any, of: "int | None", columns: "dict[str, Any]"
    ) -> None:
        """Record it; ValueError for what does not fit."""
        indices = np.asarray(_numbers(indices))
        if indices.ndim != 1 or indices.dtype.kind not in "iu":
            raise ValueError(f"log_samples: indices must be whole numbers (b,), got {indices.dtype} {indices.shape}")
        if self._samples is None:
            self._samples = self._chosen(data, of)
        if len(indices) and not 0 <= indices.min() <= indices.max() < self._samples.of:
            last, got = self._samples.of - 1, f"{indices.min()} to {indices.max()}"
            raise ValueError(f"log_samples: indices must lie from 0 to {last}, got {got}")
        given = {name: values for name, values in columns.items() if values is not None}
        told = {name: np.asarray(_numbers(values), np.float32) for name, values in given.items()}
        for name, values in told.items():
            if values.shape != indices.shape:
                raise ValueError(f"log_samples: {name} must be a number for each of {len(indices)}, got {values.shape}")
        keep(history, self._samples, step, indices, **told)

    def _chosen(self, data, of):
        X: Any = getattr(data, "X_train", None)
        if of is None and X is None:
            raise ValueError("log_samples: of must say how many samples there are, such as of=len(dataset)")
        count = len(X) if of is None else whole(1)("of", of)
        numbers = np.arange(count)
        if count > MOST:
            numbers = np.sort(np.random.default_rng(0).choice(count, MOST, replace=False))
        if X is None or len(X) != count:
            return Samples(numbers, np.ones(len(numbers)), count)
        labels = data.y_train[numbers].ravel() if data.classes and data.y_train[numbers].size == len(numbers) else None
        return Samples(
            numbers, np.ones(len(numbers)), count, labels, labels, tuple(map(str, data.classes or ())), X[numbers]
        )


def _numbers(values):
    """Of a tensor its numbers, cut off from its graph."""
    return values.detach().cpu().numpy() if hasattr(values, "detach") else values
