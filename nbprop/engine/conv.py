"""Convolution and pooling of images (N, C, H, W): N samples of C channels, H rows and W columns.

In memory the results lie as (C, H, W, N), the samples last; seen from outside they are (N, C, H, W). What a pixel of a
window sees while the window moves is then a few long runs of numbers instead of many short ones.
"""

from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..checks import pair
from .careful import only
from .op import Op


def samples_last(x) -> np.ndarray:
    """(N, C, H, W) seen as (C, H, W, N)."""
    return x.transpose(1, 2, 3, 0)


def samples_first(x) -> np.ndarray:
    """(C, H, W, N) seen as (N, C, H, W)."""
    return x.transpose(3, 0, 1, 2)


class _Window(Op):
    """A window of `kernel` pixels moves in steps of `stride` over the image and a border of `padding` pixels (each of
    the three a number, or a pair: rows, columns), and stops at H' = (H + 2 padding - kernel) // stride + 1 rows, W'
    columns likewise."""

    border = 0  # what stands in the padding
    whole = np.float32
    hint = "Expected images (N, C, H, W); a single one is x[None]."

    def __init__(self, kernel, stride: Any = None, padding: Any = 0) -> None:
        self.kernel, self.padding = pair("kernel", kernel), pair("padding", padding, 0)
        self.stride = self.kernel if stride is None else pair("stride", stride)

    def start(self, x, dtype, channels=None) -> None:
        """The first time: check the sizes, make room for the frame (the image and its border) and for y."""
        if x.ndim != 4:
            raise ValueError("sizes do not agree")
        (N, C, H, W), (top, left) = x.shape, self.padding
        rows, columns = H + 2 * top, W + 2 * left
        sides = zip((rows, columns), self.kernel, self.stride, strict=True)
        self.stops = tuple((n - window) // step + 1 for n, window, step in sides)
        if min(self.stops) < 1:
            size = f"{rows, columns}, padding included; try a smaller kernel or more padding"
            raise ValueError(f"a window of {self.kernel} does not fit into images of {size}")
        self.inside = slice(None), slice(top, top + H), slice(left, left + W)
        self.frame = np.full((C, rows, columns, N), self.border, dtype)
        self.Y = np.empty((channels or C, *self.stops, N), dtype)
        self.y = samples_first(self.Y)

    def pixels(self, frame) -> list[Any]:
        """What each pixel of the window sees at all its stops, row by row: views (C, H', W', N)."""
        (h, w), (down, right) = self.stops, self.stride
        places = [(i, j) for i in range(self.kernel[0]) for j in range(self.kernel[1])]
        return [frame[:, i : i + h * down : down, j : j + w * right : right] for i, j in places]

    def blank(self) -> tuple[np.ndarray, list[np.ndarray]]:
        """dL/dx, zeros, and the `pixels` of the frame it lies in."""
        own = self.into[0] is None or any(self.padding)
        frame = np.empty_like(self.frame) if own else samples_last(self.into[0])
        frame.fill(0)
        return samples_first(frame[self.inside]) if own else self.into[0], self.pixels(frame)


class Conv2d(_Window):
    """y = cross-correlation of x with the filters W, plus b. As a product of matrices it is y = W X + b, where column s
    of X holds all that the window sees at its stop s (im2col). So  dL/dW = dL/dy X^T,  dL/db = row sums of dL/dy,
    dL/dX = W^T dL/dy,  and dL/dx = sum of dL/dX over all places of X that hold this pixel.
    x (N, in, H, W), W (out, in, rows, columns), b (out,) or left out, y (N, out, H', W').

    X is rows * columns times as large as x. It is made (and made again in backward) for one band of stops after the
    other, few enough for the processor's cache: in about half the time, and with little memory."""

    hint = "Expected x (N, in, H, W), W (out, in, rows, columns), b (out,); a single image is x[None]."
    cache = 2**17  # numbers

    def __init__(self, stride: Any = 1, padding: Any = 0) -> None:
        self.stride, self.padding = pair("stride", stride), pair("padding", padding, 0)

    def forward(self, x, W, b=None) -> np.ndarray:
        if self.y is None:
            self.start_bands(x, W, b)
        self.W = W
        self.frame[self.inside] = samples_last(x)
        for band, Y in self.bands(self.Y):
            np.copyto(self.seen, self.windows[:, :, :, band])
            np.matmul(W.reshape(len(W), -1), self.X, out=Y)
        if b is not None:
            self.Y += b[:, None, None, None]
        return self.y

    def backward(self, dy) -> tuple[Any, ...]:
        dy, dW = samples_last(dy), self.room(1, self.W.shape)
        dx, pixels = self.blank() if self.needs[0] else (None, [])
        dW.fill(0)
        rows = dW.reshape(len(dy), -1)
        for band, dY in self.bands(dy):
            if self.needs[1]:
                np.copyto(self.seen, self.windows[:, :, :, band])
                rows += self.X.dot(dY.T).T  # (X dY^T)^T is twice as fast as dY X^T
            if self.needs[0]:
                np.dot(self.W.reshape(rows.shape).T, dY, self.X)  # X is dX from here on
                for pixel, piece in zip(pixels, self.pieces, strict=True):
                    np.add(pixel[:, band], piece, out=pixel[:, band])
        db = np.add.reduce(dy.reshape(len(dy), -1), axis=1, out=self.into[2]) if any(self.needs[2:]) else None
        return (dx, dW, db)[: len(self.needs)]

    def start_bands(self, x, W, b) -> None:
        if not x.ndim == W.ndim == 4 or x.shape[1] != W.shape[1] or (b is not None and b.shape != W.shape[:1]):
            raise ValueError("sizes do not agree")
        self.kernel = W.shape[2:]
        self.start(x, np.result_type(x, W), len(W))
        (h, w), (down, right), height = self.stops, self.stride, W[0].size
        windows = sliding_window_view(self.frame, self.kernel, axis=(1, 2))[:, ::down, ::right]
        self.windows = windows.transpose(0, 4, 5, 1, 2, 3)  # (in, rows, columns, H', W', N)
        fits = [r for r in range(1, h + 1) if h % r == 0 and r * height * w * len(x) <= self.cache]
        self.rows = max(fits, default=1)
        self.X = np.empty((height, self.rows * w * len(x)), self.frame.dtype)
        self.seen = self.X.reshape(*W.shape[1:], self.rows, w, len(x))
        self.pieces = [self.seen[:, i, j] for i in range(self.kernel[0]) for j in range(self.kernel[1])]

    def bands(self, y) -> list[tuple[slice, Any]]:
        """For each band its rows, a slice of H', and that part of y (out, H', W', N) as a matrix (out, stops)."""
        count = self.stops[0] // self.rows
        parts = y.reshape(len(y), count, self.X.shape[1])
        return [(slice(i * self.rows, (i + 1) * self.rows), parts[:, i]) for i in range(count)]

    def flops(self, y, x, W, b=None) -> tuple[int, ...]:
        product = 2 * y.size * W.size // len(W)
        return product + (b is not None) * y.size, product, product, y.size


class _Pool(_Window):
    gather: Any  # a ufunc

    def __init__(self, kernel, stride: Any = None, padding: Any = 0) -> None:
        super().__init__(kernel, stride, padding)
        if any(2 * border > size for border, size in zip(self.padding, self.kernel, strict=True)):
            raise ValueError(
                f"padding may be half of the kernel {self.kernel} at most, or a window sees nothing but padding: "
                f"got {self.padding}"
            )

    def forward(self, x) -> np.ndarray:
        """`gather` of what each pixel of the window sees of the image, which is `seen`."""
        if self.y is None:
            self.start(x, x.dtype)
        frame = samples_last(x)
        if any(self.padding):
            self.frame[self.inside] = frame
            frame = self.frame
        self.seen = self.pixels(frame)
        self.Y.fill(self.border)
        for seen in self.seen:
            self.gather(self.Y, seen, out=self.Y)
        return self.y


class MaxPool2d(_Pool):
    """y = largest x in the window; dL/dy goes to it, to the first if there are several. NaN counts as the largest.
    x (N, C, H, W), y (N, C, H', W')"""

    border = -np.inf
    gather = np.maximum

    def backward(self, dy) -> np.ndarray:
        dx, pixels = self.blank()
        dY, left = samples_last(dy), np.ones(self.Y.shape, bool)  # the windows whose largest is still to be found
        image = [None] * len(pixels)
        if any(self.padding):  # only a pixel of the image is looked for: it may be -inf, as the border is
            within = np.zeros((1, *self.frame.shape[1:3], 1), bool)
            within[self.inside] = True
            image = self.pixels(within)
        alone = self.kernel == self.stride  # each pixel is in one window, at most
        for found in (np.equal, lambda seen, _: np.isnan(seen)):
            for seen, pixel, real in zip(self.seen, pixels, image, strict=True):
                here = found(seen, self.Y)
                here &= left
                if real is not None:
                    here &= real
                left ^= here
                if alone and found is np.equal:
                    only(here, dY, out=pixel)
                else:
                    pixel += only(here, dY)
            if not left.any():
                break
        return dx

    def flops(self, y, x) -> tuple[int, ...]:
        window = prod(self.kernel)
        return (window - 1) * y.size, 4 * window * y.size  # compare, share out, take off, add


class AvgPool2d(_Pool):
    """y = mean of x over the window, zeros in the padding included;  dL/dx = sum of dL/dy / (pixels of the window) over
    all windows that see x.   x (N, C, H, W), y (N, C, H', W')"""

    gather = np.add

    def forward(self, x) -> np.ndarray:
        super().forward(x)
        self.Y /= len(self.seen)
        return self.y

    def backward(self, dy) -> np.ndarray:
        dx, pixels = self.blank()
        share = samples_last(dy / len(self.seen))
        for pixel in pixels:
            pixel += share
        return dx

    def flops(self, y, x) -> tuple[int, ...]:
        return ((prod(self.kernel) + 1) * y.size,) * 2
