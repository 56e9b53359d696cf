"""A map of layers and steps: its columns, and how they are coloured by Matplotlib."""

import numpy as np

from . import colors
from .laid import ABSENT
from .view import bucket_means


def columns(steps, values, starts, sound) -> tuple[np.ndarray, np.ndarray]:
    """Steps (m,) and means (L, m) of the runs of records at `starts`; in those that are sound NaN is ABSENT."""
    if not len(starts):
        return np.zeros(0, np.float32), np.zeros((values.shape[1], 0), np.float32)
    ends = np.append(starts[1:], len(steps)) - 1
    means = bucket_means(values, starts)
    means = np.where(sound[ends][:, None] & np.isnan(means), ABSENT, means)
    return steps[ends].astype(np.float32), np.ascontiguousarray(means.T, np.float32)


def edges(steps) -> np.ndarray:
    """Borders of the columns of a map: each reaches back to the one before it."""
    first = steps[0] - (steps[1] - steps[0] if len(steps) > 1 else 1)
    return np.concatenate(([first], steps))


def paint(values, cmap, norm, log) -> np.ndarray:
    """Colours (L, n, 4) of a map: absent layers are clear, what has no place on the axis is in the warning colour."""
    from matplotlib.colors import to_rgba

    usual = np.isfinite(values) & (values != ABSENT) & ((values > 0) | (not log))
    image = np.asarray(cmap(norm(np.where(usual, values, norm.vmin))))
    image[~usual] = to_rgba(colors.WARNING)
    image[values == ABSENT] = 0
    return image
