"""Convolution and pooling of images (N, C, H, W): N samples of C channels, H rows and W columns.

In memory the results lie as (C, H, W, N), the samples last; seen from outside they are (N, C, H, W). What a pixel of a
window sees while the window moves is then a few long runs of numbers instead of many short ones.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .errors import ShapeError
from .op import Op


def samples_last(x):
    """(N, C, H, W) seen as (C, H, W, N)."""
    return x.transpose(1, 2, 3, 0)


def samples_first(x):
    """(C, H, W, N) seen as (N, C, H, W)."""
    return x.transpose(3, 0, 1, 2)


def pair(value):
    """(rows, columns), from a pair or from one number for both."""
    return tuple(value) if np.ndim(value) else (value, value)


class _Window(Op):
    """A window of `kernel` pixels moves in steps of `stride` over the image and a border of `padding` pixels (each of
    the three a number, or a pair: rows, columns), and stops at H' = (H + 2 padding - kernel) // stride + 1 rows, W'
    columns likewise."""

    border = 0  # what stands in the padding

    def __init__(self, kernel, stride=None, padding=0):
        self.kernel, self.padding = pair(kernel), pair(padding)
        self.stride = self.kernel if stride is None else pair(stride)

    def start(self, x, channels):
        """The first time: check the sizes, make room for the frame (the image and its border) and for y."""
        if x.ndim != 4:
            raise ShapeError(f"{self.name} takes images (N, C, H, W): got shape {x.shape}; a single one is x[None].")
        (N, C, H, W), (top, left), (down, right) = x.shape, self.padding, self.stride
        rows, columns = H + 2 * top, W + 2 * left
        if self.kernel[0] > rows or self.kernel[1] > columns:
            raise ShapeError(
                f"{self.name}: a window of {self.kernel} does not fit into images of {rows, columns}, padding included "
                f"(input {x.shape}); try a smaller kernel or more padding."
            )
        self.stops = (rows - self.kernel[0]) // down + 1, (columns - self.kernel[1]) // right + 1
        self.inside = slice(None), slice(top, top + H), slice(left, left + W)
        self.frame = np.full((C, rows, columns, N), self.border, x.dtype)
        self.Y = np.empty((channels, *self.stops, N), x.dtype)
        self.y = samples_first(self.Y)

    def pixels(self, frame):
        """What each pixel of the window sees at all its stops, row by row: views (C, H', W', N)."""
        (h, w), (down, right) = self.stops, self.stride
        places = [(i, j) for i in range(self.kernel[0]) for j in range(self.kernel[1])]
        return [frame[:, i : i + h * down : down, j : j + w * right : right] for i, j in places]

    def collect(self, pieces):
        """dL/dx, given for each pixel of the window dL/d(what it sees)."""
        dx = self.into[0]
        if dx is None or any(self.padding):
            frame = np.empty_like(self.frame)
            dx = samples_first(frame[self.inside])
        else:
            frame = samples_last(dx)
        frame.fill(0)
        for seen, piece in zip(self.pixels(frame), pieces, strict=True):
            seen += piece
        return dx


class Conv2d(_Window):
    """y = cross-correlation of x with the filters W, plus b. As a product of matrices it is y = W X + b, where column s
    of X holds all that the window sees at its stop s (im2col). So  dL/dW = dL/dy X^T,  dL/db = row sums of dL/dy,
    dL/dX = W^T dL/dy,  and dL/dx = sum of dL/dX over all places of X that hold this pixel.
    x (N, in, H, W), W (out, in, rows, columns), b (out,) or left out, y (N, out, H', W')."""

    hint = "Expected x (N, in, H, W), W (out, in, rows, columns), b (out,)."
    dX = None

    def __init__(self, stride=1, padding=0):
        self.stride, self.padding = pair(stride), pair(padding)

    def forward(self, x, W, b=None):
        if self.y is None:
            self.check(x, W, b)
            self.kernel = W.shape[2:]
            self.start(x, len(W))
            seen = sliding_window_view(self.frame, self.kernel, axis=(1, 2))[:, :: self.stride[0], :: self.stride[1]]
            self.seen = seen.transpose(0, 4, 5, 1, 2, 3)  # (in, rows, columns, H', W', N)
            self.Y = self.Y.reshape(len(W), -1)
            self.X = np.empty((W[0].size, self.Y.shape[1]), x.dtype)
            self.ones = np.ones(self.Y.shape[1], x.dtype)
        self.W = W.reshape(len(W), -1)
        self.frame[self.inside] = samples_last(x)
        np.copyto(self.X.reshape(self.seen.shape), self.seen)
        self.W.dot(self.X, self.Y)
        if b is not None:
            np.add(self.Y, b[:, None], self.Y)
        return self.y

    def backward(self, dy):
        dy = samples_last(dy).reshape(self.Y.shape)
        dx = dW = db = None
        if self.needs[0]:
            self.dX = np.dot(self.W.T, dy, self.dX)
            dx = self.collect(seen for row in np.moveaxis(self.dX.reshape(self.seen.shape), 0, 2) for seen in row)
        if self.needs[1]:
            shape = len(dy), len(self.frame), *self.kernel
            dW = np.empty(shape, dy.dtype) if self.into[1] is None else self.into[1]
            dW.reshape(self.W.shape)[:] = self.X.dot(dy.T).T  # twice as fast as dy X^T
        if len(self.needs) == 2:
            return dx, dW
        if self.needs[2]:
            db = dy.dot(self.ones, self.into[2])
        return dx, dW, db

    def check(self, x, W, b):
        if W.ndim != 4 or (b is not None and b.shape != W.shape[:1]):
            raise ValueError("sizes do not agree")
        if x.ndim == 4 and x.shape[1] != W.shape[1]:
            raise ShapeError(f"Conv2d expects images (N, {W.shape[1]}, H, W) for its weight {W.shape}: got {x.shape}.")


class _Pool(_Window):
    def look(self, x):
        """`seen`: what each pixel of the window sees of the image."""
        if self.y is None:
            self.start(x, x.shape[1])
        frame = samples_last(x)
        if any(self.padding):
            self.frame[self.inside] = frame
            frame = self.frame
        self.seen = self.pixels(frame)


class MaxPool2d(_Pool):
    """y = largest x in the window; dL/dy goes to it, to the first if there are several.
    x (N, C, H, W), y (N, C, H', W')"""

    border = -np.inf

    def forward(self, x):
        self.look(x)
        self.Y.fill(-np.inf)
        for seen in self.seen:
            np.maximum(self.Y, seen, out=self.Y)
        return self.y

    def backward(self, dy):
        return self.collect(self.shares(samples_last(dy)))

    def shares(self, dy):
        """What each pixel of the window gets of dL/dy: all that those before have left, wherever it is the largest."""
        left = dy.copy()
        for seen in self.seen:
            share = left * (seen == self.Y)
            left -= share
            yield share


class AvgPool2d(_Pool):
    """y = mean of x over the window, zeros in the padding included;  dL/dx = sum of dL/dy / (pixels of the window) over
    all windows that see x.   x (N, C, H, W), y (N, C, H', W')"""

    def forward(self, x):
        self.look(x)
        self.Y.fill(0)
        for seen in self.seen:
            self.Y += seen
        self.Y /= len(self.seen)
        return self.y

    def backward(self, dy):
        return self.collect([samples_last(dy / len(self.seen))] * len(self.seen))
