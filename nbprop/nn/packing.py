"""Parameters as one vector: where they lie, and how they get there."""

from typing import Any

import numpy as np

from ..engine.errors import ShapeError
from ..engine.flat import joined


class Packed:
    """What a module found when it last looked: `theta`, `gradient`, all modules, and by what it sees that they still
    hold.

    kind: the module's class. modules, named: (name, module inside) and (name, parameter); not the module itself, whose
    memory is free as soon as nobody else holds it. lists: (list or dict, parts in it) of those that can change
    without notice. constants: tensors without gradient.
    """

    def __init__(self, structure, kind, modules, named, lists, constants, before) -> None:
        parameters = [p for _, p in named]
        pair = _common_slices(parameters) or _gather(named)
        kept = pair if before is None else (before.theta, before.gradient)  # each look would give another slice
        same = all(a.__array_interface__ == b.__array_interface__ for a, b in zip(pair, kept, strict=True))
        self.theta, self.gradient = kept if same else pair
        self.structure, self.kind, self.modules, self.lists = structure, kind, modules, lists
        self.constants = [tensor for tensor in constants if tensor.is_leaf]
        self.held = [(p, p.data, p.grad) for p in parameters]
        self.named, self._places = named, None
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

    @property
    def places(self) -> list[tuple[tuple[int, ...], tuple[str, str]]]:
        """(shape, names) of each parameter: its dotted name, and that with the class of its module: "Linear.bias"."""
        if self._places is None:
            kinds = {"": self.kind} | {name: type(module) for name, module in self.modules}
            self._places = [(p.shape, (name, _kind(name, kinds))) for name, p in self.named]
        return self._places

    def frozen_slices(self, changes) -> list[slice]:
        """Where in theta the parameters and rows lie that are not trained, neighbours in one slice."""
        if self.frozen[0] != changes:
            slices, end = [], 0
            for p, data, _ in self.held:
                begin, end, row = end, end + data.size, data.size // max(len(data), 1) if data.ndim else 1
                rows = [(begin + i * row, begin + i * row + row) for i in sorted(p.frozen_rows)]
                for start, stop in rows if p.requires_grad else [(begin, end)]:
                    joins = slices and slices[-1].stop == start
                    slices.append(slice(slices.pop().start if joins else start, stop))
            self.frozen = (changes, slices)
        return self.frozen[1]


def _same(these, those):
    return len(these) == len(those) and all(a is b for a, b in zip(these, those, strict=True))


def _kind(name, kinds):
    outer = name.rpartition(".")[0]
    while outer not in kinds:
        outer = outer.rpartition(".")[0]
    return f"{kinds[outer].__name__}.{name[len(outer) :].lstrip('.')}"


def assign(vector, value, name) -> None:
    value = np.asarray(value)
    if value.shape != vector.shape:
        raise ShapeError(f"{name} has shape {vector.shape}; got values of shape {value.shape}")
    if value is not vector:
        vector[...] = value


def _common_slices(parameters) -> Any:
    """(theta, gradient) if the parameters lie one after the other in one buffer, their gradients too; else None."""
    pair = [joined([p.data for p in parameters]), joined([p.grad for p in parameters])]
    return None if any(each is None for each in pair) else pair


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
