"""Layers for images (N, C, H, W): N samples of C channels, H rows and W columns; and for sequences (N, C, L)."""

from typing import Any

import numpy as np

from ..checks import choice, flag, optional, per_axis, size
from ..engine import ShapeError, Tensor, apply, conv as ops, resize
from .init import weights
from .module import Module, Parameter, as_input, as_tensor

BLENDED = {1: "linear", 2: "bilinear", 3: "trilinear"}  # axes -> mode of Upsample
TAKES = {"linear": "sequences (N, C, L)", "bilinear": "images (N, C, H, W)", "trilinear": "volumes (N, C, D, H, W)"}
USUAL = {"output_padding": 0, "dilation": 1, "groups": 1, "ceil_mode": False, "count_include_pad": True}


def _moves(module) -> str:
    """How its window moves, for the repr: of USUAL only what is something else."""
    shown = ["kernel_size", "stride", "padding"]
    shown += [
        name for name, usual in USUAL.items() if getattr(module, name, usual) not in (usual, (usual,) * module.axes)
    ]
    return ", ".join(f"{name}={getattr(module, name)!r}" for name in shown)


class _Conv(Module):
    axes = 2
    op: Any
    transposed = False

    def _build(self, in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, made) -> None:
        """The settings that all have in common, and the weights. made: init, rng, dtype."""
        self.in_channels, self.out_channels = size("in_channels", in_channels), size("out_channels", out_channels)
        self.kernel_size = per_axis("kernel_size", kernel_size, self.axes)
        self.stride = per_axis("stride", stride, self.axes)
        self.padding = padding if isinstance(padding, str) else per_axis("padding", padding, self.axes, 0)
        self.dilation, self.groups = per_axis("dilation", dilation, self.axes), size("groups", groups)
        for name, channels in (("in_channels", self.in_channels), ("out_channels", self.out_channels)):
            if channels % self.groups:
                raise ValueError(f"groups={self.groups} must divide {name}, which is {channels}")
        heads, tails = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        tails, window, (init, rng, dtype) = tails // self.groups, int(np.prod(self.kernel_size)), made
        # The variance follows from both fans; a filter is one row.
        filters = weights(init, rng, tails * window, heads * window, dtype)[:heads]
        self.weight = Parameter(filters.reshape(heads, tails, *self.kernel_size))
        self.bias = Parameter(np.zeros(self.out_channels, dtype)) if flag("bias", bias) else None

    def forward(self, x) -> Tensor:
        x, bias = as_input(x, self.weight.dtype), [] if self.bias is None else [self.bias]
        if x.ndim != 2 + self.axes or x.shape[1] != self.in_channels:
            last = x.ndim == 2 + self.axes and x.shape[-1] == self.in_channels
            one = x.ndim == 1 + self.axes and x.shape[0] == self.in_channels
            hint = "; a single one is x[None]" if one else "; channels come second, np.moveaxis(x, -1, 1)" * last
            sizes = ", ".join("LHW"[self.axes - 1 :][: self.axes])
            raise ShapeError(f"{self!r} expected x of shape (N, {self.in_channels}, {sizes}); got {x.shape}{hint}")
        return apply(self._op(), x, self.weight, *bias)

    def _op(self):
        return self.op(self.stride, self.padding, self.dilation, self.groups)

    def extra_repr(self) -> str:
        return f"{self.in_channels}, {self.out_channels}, {_moves(self)}, bias={self.bias is not None}"


class Conv2d(_Conv):
    """A window of weights for each output channel moves over the image: (N, in_channels, H, W) -> (N, out_channels,
    H', W') with H' = (H + 2 padding - dilation (kernel_size - 1) - 1) // stride + 1, W' likewise.  (LeCun et al. 1989)

    Args:
        in_channels, out_channels: integers >= 1.
        kernel_size, stride, padding, dilation: integers (padding >= 0, of zeros; the others >= 1), or pairs (rows,
            columns). dilation: how far apart the pixels of the window lie. padding "same": H' = H, for a stride of 1;
            "valid": none.
        groups: of channels, of input and output alike; each of the output sees only its own of the input. As many as
            there are input channels: a depthwise convolution.
        bias: whether a number is added to each output channel.
        init: name or function for the weight, see `nn.init`; the bias starts at zero. fan_in and fan_out are the
            channels (of the input: of a group) times the pixels of the window. NB: PyTorch uses "standard" and a bias
            of the same kind.
        rng: NumPy generator or seed; None draws other numbers each time.
        dtype: float32 or float64.
    Attributes: weight (out_channels, in_channels / groups, rows, columns), bias (out_channels,) or None.
    """

    op = ops.Conv2d

    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride=1,
        padding: Any = 0,
        dilation=1,
        groups=1,
        bias=True,
        *,
        init: Any = "he",
        rng: Any = None,
        dtype=np.float32,
    ) -> None:
        if isinstance(padding, str):
            choice("same", "valid")("padding", padding)
        sizes = in_channels, out_channels, kernel_size, stride, padding, dilation
        self._build(*sizes, groups, bias, (init, rng, dtype))
        if padding == "same" and set(self.stride) != {1}:
            raise ValueError(f"padding='same' keeps the size only with a stride of 1; got {self.stride}; try stride=1")


class Conv1d(Conv2d):
    """As Conv2d, for sequences: (N, in_channels, L) -> (N, out_channels, L'). All sizes are integers.

    Attributes: weight (out_channels, in_channels / groups, kernel_size), bias (out_channels,) or None.
    """

    axes, op = 1, ops.Conv1d


class ConvTranspose2d(_Conv):
    """The way back of a Conv2d as a layer, which makes images larger: each pixel puts a copy of the filter, times its
    number, `stride` pixels from the next; where copies overlap they add up. (N, in_channels, H, W) -> (N, out_channels,
    H', W') with H' = (H - 1) stride - 2 padding + dilation (kernel_size - 1) + 1 + output_padding, W' likewise.
    (Zeiler et al. 2010)

    Args: as of Conv2d, and
        padding: pixels that are cut off at each border: that many zeros the Conv2d would add.
        output_padding: further pixels at the end, less than stride or dilation: a Conv2d with a stride makes the same
            of images of several sizes, and this says which is meant.
        init: NB: fan_in and fan_out are out_channels / groups and in_channels times the pixels of the window, as
            PyTorch counts them: those of the Conv2d.
    Attributes: weight (in_channels, out_channels / groups, rows, columns), bias (out_channels,) or None.
    """

    op, transposed = ops.ConvTranspose2d, True

    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride=1,
        padding=0,
        output_padding=0,
        groups=1,
        bias=True,
        dilation=1,
        *,
        init: Any = "he",
        rng: Any = None,
        dtype=np.float32,
    ) -> None:
        self.output_padding = per_axis("output_padding", output_padding, self.axes, 0)
        sizes = in_channels, out_channels, kernel_size, stride, per_axis("padding", padding, self.axes, 0), dilation
        self._build(*sizes, groups, bias, (init, rng, dtype))
        if any(p >= max(s, d) for p, s, d in zip(self.output_padding, self.stride, self.dilation, strict=True)):
            raise ValueError(
                f"output_padding must be less than stride {self.stride} or dilation {self.dilation}; "
                f"got {self.output_padding}"
            )

    def _op(self):
        return self.op(self.stride, self.padding, self.output_padding, self.groups, self.dilation)


class ConvTranspose1d(ConvTranspose2d):
    """As ConvTranspose2d, for sequences: (N, in_channels, L) -> (N, out_channels, L'). All sizes are integers.

    Attributes: weight (in_channels, out_channels / groups, kernel_size), bias (out_channels,) or None.
    """

    axes, op = 1, ops.ConvTranspose1d


def _floating(x):
    x = as_tensor(x)
    return x if x.dtype.kind == "f" else x.astype(np.float32)  # whole numbers have no -inf for the padding


class _Pool(Module):
    axes = 2
    op: Any
    moves: tuple[str, ...]  # names of the settings, in the order in which the op takes them
    _checks = {"ceil_mode": flag, "count_include_pad": flag}

    def __init__(self, kernel_size, stride=None, padding=0) -> None:
        self.kernel_size = per_axis("kernel_size", kernel_size, self.axes)
        self.stride = self.kernel_size if stride is None else per_axis("stride", stride, self.axes)
        self.padding = per_axis("padding", padding, self.axes, 0)
        if any(2 * p > k for p, k in zip(self.padding, self.kernel_size, strict=True)):
            raise ValueError(f"padding must be at most half of the kernel size {self.kernel_size}; got {self.padding}")

    def forward(self, x) -> Tensor:
        return apply(self.op(*(getattr(self, name) for name in self.moves)), _floating(x))

    def extra_repr(self) -> str:
        return _moves(self)


class MaxPool2d(_Pool):
    """The largest value in each window: (N, C, H, W) -> (N, C, H', W') with
    H' = (H + 2 padding - dilation (kernel_size - 1) - 1) // stride + 1, W' likewise.

    kernel_size, stride (by default the kernel size), padding, dilation: integers or pairs (rows, columns). The padding
        is never the largest.
    ceil_mode: round the quotient up: the last window may stick out, if it begins on the image.
    """

    op = ops.MaxPool2d
    moves = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")

    def __init__(self, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False) -> None:
        super().__init__(kernel_size, stride, padding)
        self.dilation, self.ceil_mode = per_axis("dilation", dilation, self.axes), ceil_mode


class MaxPool1d(MaxPool2d):
    """As MaxPool2d, for sequences: (N, C, L) -> (N, C, L'). All sizes are integers."""

    axes, op = 1, ops.MaxPool1d


class AvgPool2d(_Pool):
    """The mean of each window: (N, C, H, W) -> (N, C, H', W') with H' = (H + 2 padding - kernel_size) // stride + 1,
    W' likewise.

    kernel_size, stride (by default the kernel size), padding: integers or pairs (rows, columns).
    ceil_mode: round the quotient up: the last window may stick out, if it begins on the image.
    count_include_pad: whether the zeros of the padding count. What sticks out never does.
    """

    op = ops.AvgPool2d
    moves = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad")

    def __init__(self, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True) -> None:
        super().__init__(kernel_size, stride, padding)
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad


class AvgPool1d(AvgPool2d):
    """As AvgPool2d, for sequences: (N, C, L) -> (N, C, L'). All sizes are integers."""

    axes, op = 1, ops.AvgPool1d


class _AdaptivePool2d(Module):
    shown = ("output_size",)

    def __init__(self, output_size) -> None:
        self.output_size = per_axis("output_size", output_size, 2)


class AdaptiveAvgPool2d(_AdaptivePool2d):
    """The mean of each of so many windows that there are `output_size` of them: (N, C, H, W) -> (N, C, *output_size).
    Window i of H' goes from row floor(i H / H') to ceil((i + 1) H / H'), so that all are covered and no window has more
    than one row more than another; columns likewise. With 1 it is the mean of each channel ("global average pooling",
    Lin, Chen & Yan 2014).

    output_size: an integer or a pair (rows, columns). NB: without PyTorch's None.
    """

    def forward(self, x) -> Tensor:
        return apply(resize.AdaptiveAvgPool(self.output_size), _floating(x))


class AdaptiveMaxPool2d(_AdaptivePool2d):
    """As AdaptiveAvgPool2d, with the largest value of each window."""

    def forward(self, x) -> Tensor:
        x = _floating(x)
        if x.ndim != 4 or not x.size:
            raise ShapeError(f"{self!r} takes images (N, C, H, W), one at least; got shape {x.shape}")
        windows = []
        for m, n in zip(self.output_size, x.shape[2:], strict=True):
            start, end = np.arange(m) * n // m, -(-np.arange(1, m + 1) * n // m)
            windows.append(np.minimum(start[:, None] + np.arange((end - start).max()), end[:, None] - 1))
        # Windows of one size side by side: those that are smaller have their last row, or column, twice.
        rows, columns = (window.ravel() for window in windows)
        size = windows[0].shape[1], windows[1].shape[1]
        return apply(ops.MaxPool2d(size), x[:, :, rows[:, None], columns])


class Upsample(Module):
    """Images, sequences and volumes in another size: (N, C, *sizes) -> (N, C, *size).

    size: of the output, an integer or one for each axis; or scale_factor: integers >= 1, how many times as large.
    mode: "nearest": each number becomes several equal ones; "nearest-exact": the one next to the middle of the new
        pixel; "linear" (of a sequence), "bilinear" (of an image), "trilinear": a weighted mean of the neighbours.
    align_corners: of the last three: whether the numbers at the corners stay there; by default not.
    NB: without PyTorch's "bicubic" and "area", and with whole scale factors only.
    """

    shown = ("size", "scale_factor", "mode")
    _checks = {"mode": choice("nearest", "nearest-exact", *BLENDED.values()), "align_corners": optional(flag)}

    def __init__(self, size=None, scale_factor=None, mode="nearest", align_corners=None) -> None:
        if (size is None) == (scale_factor is None):
            raise ValueError(f"Upsample takes size or scale_factor, one of them; got {size!r} and {scale_factor!r}")
        for name, value in (("size", size), ("scale_factor", scale_factor)):
            if value is not None:
                per_axis(name, value, len(value) if isinstance(value, (tuple, list)) else 1)
        self.size, self.scale_factor, self.mode, self.align_corners = size, scale_factor, mode, align_corners
        if align_corners is not None and "linear" not in self.mode:
            raise ValueError(f"align_corners is for the modes that mix neighbours; got mode={mode!r}")

    def forward(self, x) -> Tensor:
        x = _floating(x)
        axes = x.ndim - 2
        if axes not in BLENDED or ("linear" in self.mode and BLENDED[axes] != self.mode):
            takes = TAKES.get(self.mode, "images (N, C, H, W) or sequences (N, C, L)")
            raise ShapeError(f"{self!r} takes {takes}; got shape {x.shape}")
        if self.scale_factor is None:
            sizes = per_axis("size", self.size, axes)
        else:
            factors = per_axis("scale_factor", self.scale_factor, axes)
            sizes = tuple(n * factor for n, factor in zip(x.shape[2:], factors, strict=True))
        if self.mode == "nearest":
            return apply(resize.Upsample(sizes), x)
        return resize.blended(x, sizes, self.mode, bool(self.align_corners))

    def shares(self, m, n) -> np.ndarray:
        """(m, n): how much of each of n numbers along an axis those of m get, where neighbours are mixed."""
        low, high, part = resize.neighbours(m, n, self.mode, bool(self.align_corners))
        return np.eye(n)[low] * (1 - part[:, None]) + np.eye(n)[high] * part[:, None]
