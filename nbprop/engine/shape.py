"""Ops that move numbers and change none: the gradient moves back the same way."""

import numpy as np

from .op import Op


class Reshape(Op):
    """y = x in another shape,  dL/dx = dL/dy in the shape of x.  One size may be -1: whatever is left."""

    view = True
    hint = "The sizes must multiply to the same number; one of them may be -1."

    def __init__(self, shape):
        self.shape = shape

    def forward(self, x):
        self.x_shape = x.shape
        return x.reshape(self.shape)

    def backward(self, dy):
        return dy.reshape(self.x_shape)


class Transpose(Op):
    """y = x with its axes in another order,  dL/dx = dL/dy with the axes back in theirs.  None: reversed."""

    view = True
    hint = "Expected every axis of x once."

    def __init__(self, axes=None):
        self.axes = axes

    def forward(self, x):
        return x.transpose(self.axes)

    def backward(self, dy):
        return dy.transpose(None if self.axes is None else np.argsort([axis % dy.ndim for axis in self.axes]))


class BroadcastTo(Op):
    """y = x repeated to a larger shape,  dL/dx = dL/dy summed over the repeats (done by the tape)."""

    view = True

    def __init__(self, shape):
        self.shape = shape

    def forward(self, x):
        return np.broadcast_to(x, self.shape)

    def backward(self, dy):
        return dy


class Slice(Op):
    """y = x[index],  dL/dx[index] = dL/dy, 0 elsewhere; an element taken several times gets the sum.
    The index is anything NumPy takes: numbers, slices, None, ..., arrays of int or bool, and tuples of them."""

    view = True

    def __init__(self, index):
        self.index = np.index_exp[index]

    def forward(self, x):
        self.shape = x.shape
        return x[self.index]

    def backward(self, dy):
        dx = self.room(0, self.shape)
        dx.fill(0)
        if any(isinstance(part, (np.ndarray, list)) for part in self.index):
            np.add.at(dx, self.index, dy)  # may take an element twice
        else:
            dx[self.index] = dy
        return dx


class Concatenate(Op):
    """y = the inputs one after the other along an axis; dL/dy is cut into pieces again.  All other sizes are equal."""

    hint = "All sizes but the one along the axis must be equal."

    def __init__(self, axis=0):
        self.axis = axis

    def forward(self, *xs):
        self.ends = np.cumsum([x.shape[self.axis] for x in xs if x.ndim])
        return np.concatenate(xs, axis=self.axis, out=self.y)

    def backward(self, dy):
        return tuple(np.split(dy, self.ends[:-1], axis=self.axis))


class Stack(Op):
    """y = the inputs side by side along a new axis; dL/dy is taken apart along it.  All inputs of one shape."""

    hint = "All inputs must have the same shape."

    def __init__(self, axis=0):
        self.axis = axis

    def forward(self, *xs):
        return np.stack(xs, axis=self.axis, out=self.y)

    def backward(self, dy):
        return tuple(np.moveaxis(dy, self.axis, 0))


class Pad(Op):
    """y = x with a border of one value,  dL/dx = dL/dy without the border.   widths: (before, after) for each axis."""

    hint = "Expected one pair (before, after) for each axis."

    def __init__(self, widths, value=0.0):
        self.widths, self.value = widths, value

    def forward(self, x):
        if self.y is None:
            if len(self.widths) != x.ndim:
                raise ValueError(f"got {len(self.widths)} pairs")
            self.y = np.pad(x, self.widths, constant_values=self.value)
            self.inside = tuple(slice(before, before + n) for (before, _), n in zip(self.widths, x.shape, strict=True))
        self.y[self.inside] = x
        return self.y

    def backward(self, dy):
        return dy[self.inside]
