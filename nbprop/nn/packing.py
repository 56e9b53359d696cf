"""Parameters as one vector: where they lie, and how they get there."""

from itertools import accumulate

import numpy as np

from ..engine.errors import ShapeError


class Packed:
    """What a module found when it last looked: `theta`, `gradient`, all modules, and by what it sees that they still
    hold.

    modules, named: (name, module) and (name, parameter). lists: (list or dict, parts in it) of those that can change
    without notice. constants: tensors without gradient.
    """

    def __init__(self, structure, modules, named, lists, constants, before) -> None:
        parameters = [p for _, p in named]
        pair = _common_slices(parameters) or _gather(named)
        kept = pair if before is None else (before.theta, before.gradient)  # each look would give another slice
        same = all(a.__array_interface__ == b.__array_interface__ for a, b in zip(pair, kept, strict=True))
        self.theta, self.gradient = kept if same else pair
        self.structure, self.modules, self.lists = structure, modules, lists
        self.constants = [tensor for tensor in constants if tensor.is_leaf]
        self.held = [(p, p.data, p.grad) for p in parameters]
        self.frozen = (None, [])

    def holds(self, structure, parts) -> bool:
        """parts: the function that said what is in a list."""
        if self.structure != structure:
            return False
        for p, data, grad in self.held:
            if p._data is not data or p._grad is not grad:
                return False
        for one, seen in self.lists:
            if not _same(parts(one), seen):
                return False
        return not (self.constants and any(tensor.requires_grad for tensor in self.constants))

    def frozen_slices(self, changes) -> list[slice]:
        """Where in theta the parameters lie that do not require a gradient, neighbours in one slice."""
        if self.frozen[0] != changes:
            slices, stop = [], 0
            for p, data, _ in self.held:
                start, stop = stop, stop + data.size
                if not p.requires_grad:
                    joins = slices and slices[-1].stop == start
                    slices.append(slice(slices.pop().start if joins else start, stop))
            self.frozen = (changes, slices)
        return self.frozen[1]


def _same(these, those):
    return len(these) == len(those) and all(a is b for a, b in zip(these, those, strict=True))


def assign(vector, value, name) -> None:
    value = np.asarray(value)
    if value.shape != vector.shape:
        raise ShapeError(f"{name} has shape {vector.shape}; got values of shape {value.shape}")
    if value is not vector:
        vector[...] = value


def _common_slices(parameters):
    """(theta, gradient) if the parameters lie one after the other in one buffer, their gradients too; else None."""
    pair = []
    for arrays in ([p.data for p in parameters], [p.grad for p in parameters]):
        base = getattr(arrays[0], "base", None) if arrays else None
        if not isinstance(base, np.ndarray) or base.ndim != 1 or not base.flags.c_contiguous:
            return None
        ends = list(accumulate([a.nbytes for a in arrays if a is not None], initial=_address(arrays[0])))
        for a, start in zip(arrays, ends, strict=False):
            if a is None or a.base is not base or _address(a) != start or not a.flags.c_contiguous:
                return None
        first, last = ((end - _address(base)) // base.itemsize for end in (ends[0], ends[-1]))
        pair.append(base if last - first == base.size else base[first:last])
    return pair


def _address(array):
    return array.__array_interface__["data"][0]


def _gather(named):
    """Move parameters and gradients into two new flat arrays, keeping their values."""
    dtypes = {p.data.dtype: name for name, p in reversed(named)}
    if len(dtypes) > 1:
        mixed = " and ".join(f"{dtype} ({name})" for dtype, name in reversed(dtypes.items()))
        raise TypeError(f"theta is one vector of one dtype; this model mixes {mixed}. Give all layers the same dtype=")
    theta = np.empty(sum(p.data.size for _, p in named), next(iter(dtypes), np.float32))
    gradient, start = np.zeros_like(theta), 0
    for _, p in named:
        piece = slice(start, start + p.data.size)
        data, grad = theta[piece].reshape(p.data.shape), gradient[piece].reshape(p.data.shape)
        data[...] = p.data
        if p.grad is not None:
            grad[...] = p.grad
        p._data, p.grad = data, grad  # the same numbers: nothing has changed
        start = piece.stop
    return theta, gradient
