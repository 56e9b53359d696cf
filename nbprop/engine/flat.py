"""Arrays that are windows onto one vector."""

import numpy as np


def joined(arrays) -> np.ndarray | None:
    """One flat view (n,) of arrays that lie one after the other in one vector; None where they do not."""
    base = getattr(arrays[0], "base", None) if arrays else None
    if not isinstance(base, np.ndarray) or base.ndim != 1 or not base.flags.c_contiguous:
        return None
    first = stop = _address(arrays[0])
    for array in arrays:
        if array is None or array.base is not base or _address(array) != stop or not array.flags.c_contiguous:
            return None
        stop += array.nbytes
    first, last = ((end - _address(base)) // base.itemsize for end in (first, stop))
    return base if last - first == base.size else base[first:last]


def _address(array):
    return array.__array_interface__["data"][0]
