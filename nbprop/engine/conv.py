"""Convolution and pooling of images (N, C, H, W): N samples of C channels, H rows and W columns; and of sequences
(N, C, L), where all is as along the columns of an image.

In memory the results lie as (C, H, W, N), the samples last; seen from outside they are (N, C, H, W). What a pixel of a
window sees while the window moves is then a few long runs of numbers instead of many short ones.
"""

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..checks import per_axis
from .careful import only
from .op import Op

ALL = slice(None)


def samples_last(x) -> np.ndarray:
    """(N, C, H, W) seen as (C, H, W, N)."""
    return x.transpose(*range(1, x.ndim), 0)


def samples_first(x) -> np.ndarray:
    """(C, H, W, N) seen as (N, C, H, W)."""
    return x.transpose(-1, *range(x.ndim - 1))


class _Window(Op):
    """A window of `kernel` pixels, `dilation` apart, moves in steps of `stride` over the image and a border of
    `padding` pixels. (Each of the four a number, or one for each axis: rows, columns.) Its span is
    dilation (kernel - 1) + 1 rows, and it stops at H' = (H + 2 padding - span) // stride + 1 rows, W' columns likewise.
    With `ceil_mode` the quotient is rounded up: the last window may stick out, if it begins on the image.
    padding "same": as much as lets H' be H for a stride of 1, the odd pixel at the end; "valid": none."""

    axes = 2
    border = 0  # what stands in the padding
    whole = np.float32
    hint = "Expected images (N, C, H, W); a single one is x[None]."
    ceil_mode = False

    def __init__(self, kernel, stride: Any = None, padding: Any = 0, dilation: Any = 1) -> None:
        self.kernel = per_axis("kernel", kernel, self.axes)
        self.stride = self.kernel if stride is None else per_axis("stride", stride, self.axes)
        self.padding = padding if isinstance(padding, str) else per_axis("padding", padding, self.axes, 0)
        self.dilation = per_axis("dilation", dilation, self.axes)

    @property
    def span(self) -> tuple[int, ...]:
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    def start(self, x, dtype, channels=None) -> None:
        """The first time: check the sizes, make room for the frame (the image and its border) and for y."""
        if x.ndim != 2 + self.axes:
            raise ValueError("sizes do not agree")
        ends = {"same": [((n - 1) // 2, n // 2) for n in self.span], "valid": [(0, 0)] * self.axes}
        ends: Any = ends[self.padding] if isinstance(self.padding, str) else [(p, p) for p in self.padding]
        self.sizes = tuple(before + n + after for n, (before, after) in zip(x.shape[2:], ends, strict=True))
        moves = list(zip(self.sizes, self.span, self.stride, ends, strict=True))
        self.stops = tuple((n - span) // s + 1 for n, span, s, _ in moves)
        if self.ceil_mode:  # no window begins in the border behind the image
            last = [min(-((span - n) // s), (n - 1 - after) // s) for n, span, s, (_, after) in moves]
            self.stops = tuple(n + 1 for n in last)
        if min(self.stops) < 1:
            what = f"{('sequences', 'images', 'volumes')[self.axes - 1]} of {self.sizes}, padding included"
            raise ValueError(f"a window of {self.span} does not fit into {what}; try a smaller kernel or more padding")
        frame = [max(n, (stops - 1) * s + span) for stops, (n, span, s, _) in zip(self.stops, moves, strict=True)]
        self.inside = ALL, *(slice(before, before + n) for n, (before, _) in zip(x.shape[2:], ends, strict=True))
        self.padded = tuple(frame) != x.shape[2:]
        self.frame = np.full((x.shape[1], *frame, len(x)), self.border, dtype)
        self.Y = np.empty((channels or x.shape[1], *self.stops, len(x)), dtype)
        self.y = samples_first(self.Y)

    def pixels(self, frame) -> list[Any]:
        """What each pixel of the window sees at all its stops, row by row: views (C, H', W', N)."""
        moves = zip(self.kernel, self.dilation, self.stops, self.stride, strict=True)
        sides = [[slice(i * d, i * d + n * s, s) for i in range(k)] for k, d, n, s in moves]
        return [frame[(ALL, *place)] for place in product(*sides)]

    def blank(self) -> tuple[np.ndarray, list[np.ndarray]]:
        """dL/dx, zeros, and the `pixels` of the frame it lies in."""
        own = self.into[0] is None or self.padded
        frame = np.empty_like(self.frame) if own else samples_last(self.into[0])
        frame.fill(0)
        return samples_first(frame[self.inside]) if own else self.into[0], self.pixels(frame)


class _Conv(_Window):
    """What convolutions share: the matrix X in which column s holds all that the window sees at its stop s (im2col).
    With `groups` G the channels of both sides are cut into G parts, and each part of the one sees one of the other.

    X is rows * columns times as large as the image. It is made (and made again in backward) for one band of stops after
    the other, few enough for the processor's cache: in about half the time, and with little memory."""

    hint = "Expected x (N, in, H, W), W (out, in / groups, rows, columns), b (out,); a single image is x[None]."
    cache = 2**17  # numbers

    def __init__(self, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups=1) -> None:
        super().__init__(1, stride, padding, dilation)
        self.groups = groups

    def check(self, x, W, b, channels, biases) -> None:
        """channels: that x must have. biases: how many numbers b must have."""
        fits = x.ndim == W.ndim == 2 + self.axes and x.shape[1] == channels and len(W) % self.groups == 0
        if not fits or (b is not None and b.shape != (biases,)):
            raise ValueError("sizes do not agree")
        self.kernel = W.shape[2:]

    def cut(self, frame, W) -> None:
        """Make X, and `windows`, what it is filled from: the frame, cut to windows (C, kernel, stops, N)."""
        D, stops = self.axes, [slice(0, n * s, s) for n, s in zip(self.stops, self.stride, strict=True)]
        windows = sliding_window_view(frame, self.span, axis=tuple(range(1, D + 1)))
        windows = windows[(ALL, *stops, ALL, *(slice(None, None, d) for d in self.dilation))]
        self.windows = windows.transpose(0, *range(D + 2, 2 * D + 2), *range(1, D + 2))
        height, width = len(frame) * prod(self.kernel), prod(self.stops[1:]) * frame.shape[-1]
        stops, most = self.stops[0], max(self.cache // max(height * width, 1), 1)
        even = max(r for r in range(1, min(most, stops) + 1) if stops % r == 0)
        # Of a prime number of stops that would be one: then the last band is a smaller one.
        self.rows = even if 2 * even > most else -(-stops // -(-stops // most))
        self.X = np.empty((self.groups, W[0].size, self.rows * width), frame.dtype)
        self.seen = self.X.reshape(*self.windows.shape[: D + 1], self.rows, *self.windows.shape[D + 2 :])
        self.pieces = [self.seen[(ALL, *place)] for place in np.ndindex(*self.kernel)]

    def bands(self, y) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """For each band its rows, a slice of H'; its part of X; and that of y (out, H', W', N), as (groups, out /
        groups, stops) each."""
        stops, width = self.stops[0], self.X.shape[2] // self.rows
        y = y.reshape(self.groups, len(y) // self.groups, stops * width)
        for start in range(0, stops, self.rows):
            stop = min(start + self.rows, stops)
            yield slice(start, stop), self.X[:, :, : (stop - start) * width], y[:, :, start * width : stop * width]

    def matrix(self, W) -> np.ndarray:
        return W.reshape(self.groups, len(W) // self.groups, -1)

    def look(self, band) -> None:
        front = (ALL,) * (self.axes + 1)
        np.copyto(self.seen[(*front, slice(band.stop - band.start))], self.windows[(*front, band)])

    def gather(self, W, y) -> None:
        """y = W X"""
        for band, X, Y in self.bands(y):
            self.look(band)
            np.matmul(self.matrix(W), X, out=Y)

    def scatter(self, W, y, pixels) -> None:
        """Add W^T y to the pixels."""
        for band, X, Y in self.bands(y):
            np.matmul(self.matrix(W).swapaxes(1, 2), Y, out=X)
            for pixel, piece in zip(pixels, self.pieces, strict=True):
                np.add(pixel[:, band], piece[:, : band.stop - band.start], out=pixel[:, band])

    def weigh(self, y, dW) -> np.ndarray:
        """dW = y X^T"""
        dW.fill(0)
        rows = self.matrix(dW)
        for band, X, Y in self.bands(y):
            self.look(band)
            rows += np.matmul(X, Y.swapaxes(1, 2)).swapaxes(1, 2)  # (X Y^T)^T is twice as fast as Y X^T
        return dW

    def total(self, dy) -> Any:
        """dL/db"""
        return np.add.reduce(dy.reshape(len(dy), -1), axis=1, out=self.into[2]) if any(self.needs[2:]) else None

    def flops(self, y, x, W, b=None) -> tuple[int, ...]:
        product = 2 * prod(self.stops) * len(x) * W.size
        return product + (b is not None) * y.size, product, product, y.size


class Conv2d(_Conv):
    """y = cross-correlation of x with the filters W, plus b. As a product of matrices it is y = W X + b, where column s
    of X holds all that the window sees at its stop s (im2col). So  dL/dW = dL/dy X^T,  dL/db = row sums of dL/dy,
    dL/dX = W^T dL/dy,  and dL/dx = sum of dL/dX over all places of X that hold this pixel.
    x (N, in, H, W), W (out, in / groups, rows, columns), b (out,) or left out, y (N, out, H', W')."""

    def forward(self, x, W, b=None) -> np.ndarray:
        if self.y is None:
            self.check(x, W, b, W.shape[1] * self.groups if W.ndim > 1 else 0, len(W))
            self.start(x, np.result_type(x, W), len(W))
            self.cut(self.frame, W)
        self.W = W
        self.frame[self.inside] = samples_last(x)
        self.gather(W, self.Y)
        if b is not None:
            self.Y += b.reshape(-1, *[1] * (self.axes + 1))
        return self.y

    def backward(self, dy) -> tuple[Any, ...]:
        dy, dx = np.ascontiguousarray(samples_last(dy)), None
        dW = self.weigh(dy, self.room(1, self.W.shape)) if self.needs[1] else None
        if self.needs[0]:
            dx, pixels = self.blank()
            self.scatter(self.W, dy, pixels)
        return (dx, dW, self.total(dy))[: len(self.needs)]


class Conv1d(Conv2d):
    """As Conv2d, of sequences: x (N, in, L), W (out, in / groups, kernel), b (out,) or left out, y (N, out, L')."""

    axes = 1
    hint = "Expected x (N, in, L), W (out, in / groups, kernel), b (out,); a single sequence is x[None]."


class Conv3d(Conv2d):
    """As Conv2d, of volumes: x (N, in, D, H, W), W (out, in / groups, planes, rows, columns), b (out,) or left out,
    y (N, out, D', H', W')."""

    axes = 3
    hint = "Expected x (N, in, D, H, W), W (out, in / groups, planes, rows, columns), b (out,)."


class ConvTranspose2d(_Conv):
    """What a Conv2d hands back, as a layer of its own: each number of x puts a copy of the filter, times this number,
    where a window of the Conv2d had stopped; copies that overlap add up. y = W^T x + b, each number back to its pixel,
    and so  dL/dx = W X,  dL/dW = x X^T,  where column s of X holds what the window sees of dL/dy at its stop s.
    H' = (H - 1) stride - 2 padding + dilation (kernel - 1) + 1 + extra rows, W' likewise.
    x (N, in, H, W), W (in, out / groups, rows, columns), b (out,) or left out, y (N, out, H', W').
    Zeiler et al. 2010, "Deconvolutional networks"."""

    hint = "Expected x (N, in, H, W), W (in, out / groups, rows, columns), b (out,); a single image is x[None]."

    def __init__(self, stride: Any = 1, padding: Any = 0, extra: Any = 0, groups=1, dilation: Any = 1) -> None:
        super().__init__(stride, padding, dilation, groups)
        self.extra = per_axis("output_padding", extra, self.axes, 0)

    def forward(self, x, W, b=None) -> np.ndarray:
        if self.y is None:
            outputs = W.shape[1] * self.groups if W.ndim > 1 else 0
            self.check(x, W, b, len(W), outputs)
            self.stops = x.shape[2:]
            moves = zip(self.stops, self.stride, self.span, self.extra, strict=True)
            sizes = [(n - 1) * s + span + extra for n, s, span, extra in moves]
            self.inside = ALL, *(slice(p, n - p) for n, p in zip(sizes, self.padding, strict=True))
            self.frame = np.empty((outputs, *sizes, len(x)), np.result_type(x, W))
            self.Y, self.back = self.frame[self.inside], np.zeros_like(self.frame)  # back: dL/dy and its border
            self.y = samples_first(self.Y)
            if not all(self.y.shape[2:]):
                raise ValueError(f"a padding of {self.padding} leaves nothing of {tuple(sizes)} pixels; try less")
            self.cut(self.back, W)
        self.W, self.x = W, np.ascontiguousarray(samples_last(x))
        self.frame.fill(0)
        self.scatter(W, self.x, self.pixels(self.frame))
        if b is not None:
            self.Y += b.reshape(-1, *[1] * (self.axes + 1))
        return self.y

    def backward(self, dy) -> tuple[Any, ...]:
        dy = samples_last(dy)
        self.back[self.inside] = dy
        dx = np.empty_like(self.x, self.y.dtype) if self.needs[0] else None
        if dx is not None:
            self.gather(self.W, dx)
            dx = samples_first(dx)
        dW = self.weigh(self.x, self.room(1, self.W.shape)) if self.needs[1] else None
        return (dx, dW, self.total(dy))[: len(self.needs)]


class ConvTranspose1d(ConvTranspose2d):
    """As ConvTranspose2d, of sequences: x (N, in, L), W (in, out / groups, kernel), b (out,) or left out,
    y (N, out, L')."""

    axes = 1
    hint = "Expected x (N, in, L), W (in, out / groups, kernel), b (out,); a single sequence is x[None]."


class ConvTranspose3d(ConvTranspose2d):
    """As ConvTranspose2d, of volumes: x (N, in, D, H, W), W (in, out / groups, planes, rows, columns), b (out,) or left
    out, y (N, out, D', H', W')."""

    axes = 3
    hint = "Expected x (N, in, D, H, W), W (in, out / groups, planes, rows, columns), b (out,)."


class _Pool(_Window):
    ufunc: Any

    def __init__(self, kernel, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode=False) -> None:
        super().__init__(kernel, stride, padding, dilation)
        self.ceil_mode = ceil_mode
        if any(2 * border > size for border, size in zip(self.padding, self.kernel, strict=True)):
            raise ValueError(
                f"padding may be half of the kernel {self.kernel} at most, or a window sees nothing but padding: "
                f"got {self.padding}"
            )

    def forward(self, x) -> np.ndarray:
        """`ufunc` of what each pixel of the window sees of the image, which is `seen`."""
        if self.y is None:
            self.start(x, x.dtype)
        frame = samples_last(x)
        if self.padded:
            self.frame[self.inside] = frame
            frame = self.frame
        self.seen = self.pixels(frame)
        self.Y.fill(self.border)
        for seen in self.seen:
            self.ufunc(self.Y, seen, out=self.Y)
        return self.y

    def marked(self, *places) -> list[Any]:
        """For each pixel of the window, 1 at the stops where it sees one of these places of the frame, else 0."""
        frame = np.zeros((1, *self.frame.shape[1:-1], 1), self.y.dtype)
        frame[(ALL, *places)] = 1
        return self.pixels(frame)


class MaxPool2d(_Pool):
    """y = largest x in the window; dL/dy goes to it, to the first if there are several. NaN counts as the largest.
    x (N, C, H, W), y (N, C, H', W')"""

    border = -np.inf
    ufunc = np.maximum

    def backward(self, dy) -> np.ndarray:
        dx, pixels = self.blank()
        dY, left = samples_last(dy), np.ones(self.Y.shape, bool)  # the windows whose largest is still to be found
        image = [None] * len(pixels)
        if self.padded:  # only a pixel of the image is looked for: it may be -inf, as the border is
            image = [real == 1 for real in self.marked(*self.inside[1:])]
        alone = self.span == self.stride  # each pixel is in one window, at most
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


class MaxPool1d(MaxPool2d):
    """As MaxPool2d, of sequences: x (N, C, L), y (N, C, L')."""

    axes = 1
    hint = "Expected sequences (N, C, L); a single one is x[None]."


class MaxPool3d(MaxPool2d):
    """As MaxPool2d, of volumes: x (N, C, D, H, W), y (N, C, D', H', W')."""

    axes = 3
    hint = "Expected volumes (N, C, D, H, W)."


class AvgPool2d(_Pool):
    """y = mean of x over the window, zeros in the padding included;  dL/dx = sum of dL/dy / (pixels of the window) over
    all windows that see x.  x (N, C, H, W), y (N, C, H', W').
    counted: False: the padding is left out of the mean. What sticks out (`ceil_mode`) never counts."""

    ufunc = np.add

    def __init__(self, kernel, stride: Any = None, padding: Any = 0, ceil_mode=False, counted=True) -> None:
        super().__init__(kernel, stride, padding, 1, ceil_mode)
        self.counted = counted

    def forward(self, x) -> np.ndarray:
        first = self.y is None
        super().forward(x)
        if first:
            places = [slice(0, n) for n in self.sizes] if self.counted else self.inside[1:]
            self.count = sum(self.marked(*places))  # pixels that count, at each stop
        self.Y /= self.count
        return self.y

    def backward(self, dy) -> np.ndarray:
        dx, pixels = self.blank()
        share = samples_last(dy) / self.count
        for pixel in pixels:
            pixel += share
        return dx

    def flops(self, y, x) -> tuple[int, ...]:
        return ((prod(self.kernel) + 1) * y.size,) * 2


class AvgPool1d(AvgPool2d):
    """As AvgPool2d, of sequences: x (N, C, L), y (N, C, L')."""

    axes = 1
    hint = "Expected sequences (N, C, L); a single one is x[None]."


class AvgPool3d(AvgPool2d):
    """As AvgPool2d, of volumes: x (N, C, D, H, W), y (N, C, D', H', W')."""

    axes = 3
    hint = "Expected volumes (N, C, D, H, W)."
