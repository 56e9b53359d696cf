"""Ops that move numbers and change none: the gradient moves back the same way."""

from typing import Any

import numpy as np

from .op import Op


class Reshape(Op):
    """y = x in another shape,  dL/dx = dL/dy in the shape of x.  One size may be -1: whatever is left."""

    view = True
    hint = "The sizes must multiply to the same number; one of them may be -1."
    flops = (0, 0)

    def __init__(self, shape) -> None:
        self.shape = shape

    def forward(self, x) -> np.ndarray:
        self.x_shape = x.shape
        return x.reshape(self.shape)

    def backward(self, dy) -> np.ndarray:
        return dy.reshape(self.x_shape)


class Transpose(Op):
    """y = x with its axes in another order,  dL/dx = dL/dy with the axes back in theirs.  None: reversed."""

    view = True
    hint = "Expected every axis of x once."
    flops = (0, 0)

    def __init__(self, axes=None) -> None:
        self.axes = axes

    def forward(self, x) -> np.ndarray:
        return x.transpose(self.axes)

    def backward(self, dy) -> np.ndarray:
        return dy.transpose(None if self.axes is None else np.argsort([axis % dy.ndim for axis in self.axes]))


class BroadcastTo(Op):
    """y = x repeated to a larger shape,  dL/dx = dL/dy summed over the repeats (done by the tape)."""

    view = True
    flops = (0, 0)

    def __init__(self, shape) -> None:
        self.shape = shape

    def forward(self, x) -> np.ndarray:
        return np.broadcast_to(x, self.shape)

    def backward(self, dy) -> np.ndarray:
        return dy


PLAIN = int, np.integer, slice, type(None), type(...), np.bool_  # parts of an index that take no element twice


def _picks(part):
    """A part of an index that is an array or a sequence of numbers, as an array of its own."""
    array = np.array(part)
    return array if array.size or isinstance(part, np.ndarray) else array.astype(np.intp)  # of no type: []


class Slice(Op):
    """y = x[index],  dL/dx[index] = dL/dy, 0 elsewhere; an element taken several times gets the sum.
    The index is anything NumPy takes: numbers, slices, None, ..., arrays or sequences of int or bool, and tuples of
    them. It is copied: what happens to it later changes nothing."""

    view = True
    flops = (0, 0)

    def __init__(self, index) -> None:
        self.index: Any = tuple([part if isinstance(part, PLAIN) else _picks(part) for part in np.index_exp[index]])

    def forward(self, x) -> np.ndarray:
        self.shape = x.shape
        try:
            return x[self.index]
        except IndexError as error:
            raise IndexError(f"x[index] of shape {x.shape}: {error}.") from None

    def backward(self, dy) -> np.ndarray:
        if any(isinstance(part, np.ndarray) for part in self.index):  # may take an element twice
            dx = self.room(0, self.shape) if dy.dtype != np.float16 else np.empty(self.shape, np.float32)
            dx.fill(0)
            np.add.at(dx, self.index, dy)
        else:
            dx = self.room(0, self.shape)
            dx.fill(0)
            dx[self.index] = dy
        return dx


class Concatenate(Op):
    """y = the inputs one after the other along an axis; dL/dy is cut into pieces again.  All other sizes are equal."""

    hint = "All sizes but the one along the axis must be equal."
    flops = (0, 0)

    def __init__(self, axis=0) -> None:
        self.axis = axis

    def forward(self, *xs) -> np.ndarray:
        y = np.concatenate(xs, axis=self.axis, out=self.y)
        self.ends = np.cumsum([x.shape[self.axis] for x in xs])
        return y

    def backward(self, dy) -> tuple[Any, ...]:
        return tuple(np.split(dy, self.ends[:-1], axis=self.axis))


class Stack(Op):
    """y = the inputs side by side along a new axis; dL/dy is taken apart along it.  All inputs of one shape."""

    hint = "All inputs must have the same shape."
    flops = (0, 0)

    def __init__(self, axis=0) -> None:
        self.axis = axis

    def forward(self, *xs) -> np.ndarray:
        return np.stack(xs, axis=self.axis, out=self.y)

    def backward(self, dy) -> tuple[Any, ...]:
        return tuple(np.moveaxis(dy, self.axis, 0))


class Pad(Op):
    """y = x with a border of one value,  dL/dx = dL/dy without the border.   widths: (before, after) for each axis."""

    hint = "Expected one pair (before, after) for each axis."
    flops = (0, 0)

    def __init__(self, widths, value=0.0) -> None:
        if widths and np.shape(widths)[1:] != (2,):
            raise ValueError(f"pad expects one pair (before, after) for each axis: got {widths!r}.")
        self.widths, self.value = widths, value
        self.whole = None if float(value).is_integer() else np.float32

    def forward(self, x) -> np.ndarray:
        if self.y is None:
            if len(self.widths) != x.ndim:
                raise ValueError(f"got {len(self.widths)} pairs")
            self.y = np.pad(x, self.widths, constant_values=self.value)
            self.inside = tuple(slice(before, before + n) for (before, _), n in zip(self.widths, x.shape, strict=True))
        self.y[self.inside] = x
        return self.y

    def backward(self, dy) -> np.ndarray:
        return dy[self.inside]
