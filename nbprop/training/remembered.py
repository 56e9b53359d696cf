"""What optimizers remember of each parameter, when parameters come, go, or change their shape."""

from itertools import pairwise

import numpy as np


def layout(parameters) -> dict:
    """Parameter -> where it lies in one flat vector of them, and its shape."""
    ends = np.cumsum([0, *(parameter.size for parameter in parameters)])
    return {p: (slice(a, b), p.shape) for p, (a, b) in zip(parameters, pairwise(ends), strict=True)}


def laid_out(state, old, new, heir=None) -> dict[str, np.ndarray]:
    """An optimizer's state, name -> flat vector, for other parameters: what belongs to a parameter goes with it, as far
    as there is room; 0 for what is new. Vectors that are laid out for the new ones already stay.

    old, new: layouts, before and now. heir: new parameter -> the one it stands for."""
    heir, made = heir or {}, {}
    was, size = (max((place.stop for place, _ in each.values()), default=0) for each in (old, new))
    for name, vector in state.items():
        if vector.size == size != was:
            made[name] = vector
            continue
        made[name] = np.zeros(size, vector.dtype)
        for parameter, (place, shape) in new.items():
            before = old.get(heir.get(parameter, parameter))
            if before is not None and len(before[1]) == len(shape):
                copy_common(vector[before[0]].reshape(before[1]), made[name][place].reshape(shape))
    return made


def copy_common(old, new) -> tuple[slice, ...]:
    """Copy what two arrays have in common, from the first corner on; returns where that is."""
    common = tuple(slice(min(pair)) for pair in zip(old.shape, new.shape, strict=True))
    new[common] = old[common]
    return common
