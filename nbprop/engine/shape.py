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
        self.index = index

    def forward(self, x):
        self.shape = x.shape
        return x[self.index]

    def backward(self, dy):
        dx = np.zeros(self.shape, dy.dtype)
        parts = self.index if isinstance(self.index, tuple) else (self.index,)
        if any(isinstance(part, (np.ndarray, list)) for part in parts):
            np.add.at(dx, self.index, dy)  # may take an element twice
        else:
            dx[self.index] = dy
        return dx
