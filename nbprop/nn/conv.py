"""Layers for images (N, C, H, W): N samples of C channels, H rows and W columns."""

from typing import Any

import numpy as np

from ..checks import flag, pair, size
from ..engine import Tensor, apply, conv as ops
from .init import weights
from .module import Module, Parameter, as_input, as_tensor


class Conv2d(Module):
    """A window of weights for each output channel moves over the image: (N, in_channels, H, W) -> (N, out_channels,
    H', W') with H' = (H + 2 padding - kernel_size) // stride + 1, W' likewise.  (LeCun et al. 1989)

    Args:
        in_channels, out_channels: integers >= 1.
        kernel_size, stride, padding: integers (padding >= 0, of zeros; the others >= 1), or pairs (rows, columns).
        bias: whether a number is added to each output channel.
        init: name or function for the weight, see `nn.init`; the bias starts at zero. fan_in and fan_out are the
            channels times the pixels of the window. NB: PyTorch uses "standard" and a bias of the same kind.
        rng: NumPy generator or seed; None draws other numbers each time.
        dtype: float32 or float64.
    Attributes: weight (out_channels, in_channels, rows, columns), bias (out_channels,) or None.
    NB: without PyTorch's dilation and groups.
    """

    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride=1,
        padding=0,
        *,
        bias=True,
        init: Any = "he",
        rng: Any = None,
        dtype=np.float32,
    ) -> None:
        self.in_channels = size("in_channels", in_channels)
        self.out_channels = size("out_channels", out_channels)
        self.kernel_size = rows, columns = pair("kernel_size", kernel_size)
        self.stride, self.padding = pair("stride", stride), pair("padding", padding, least=0)
        fans = self.in_channels * rows * columns, self.out_channels * rows * columns
        # The variance follows from both fans; a filter is one row.
        filters = weights(init, rng, *fans, dtype)[: self.out_channels]
        self.weight = Parameter(filters.reshape(self.out_channels, self.in_channels, rows, columns))
        self.bias = Parameter(np.zeros(self.out_channels, dtype)) if flag("bias", bias) else None

    def forward(self, x) -> Tensor:
        op, x = ops.Conv2d(self.stride, self.padding), as_input(x, self.weight.dtype)
        return apply(op, x, self.weight) if self.bias is None else apply(op, x, self.weight, self.bias)

    def extra_repr(self) -> str:
        window = f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"
        return f"{self.in_channels}, {self.out_channels}, {window}, bias={self.bias is not None}"


class _Pool2d(Module):
    op: Any
    shown = ("kernel_size", "stride", "padding")

    def __init__(self, kernel_size, stride=None, padding=0) -> None:
        self.kernel_size = pair("kernel_size", kernel_size)
        self.stride = self.kernel_size if stride is None else pair("stride", stride)
        self.padding = pair("padding", padding, least=0)
        if any(2 * p > k for p, k in zip(self.padding, self.kernel_size, strict=True)):
            raise ValueError(f"padding must be at most half of the kernel size {self.kernel_size}; got {self.padding}")

    def forward(self, x) -> Tensor:
        x = as_tensor(x)
        x = x if x.dtype.kind == "f" else x.astype(np.float32)  # whole numbers have no -inf for the padding
        return apply(self.op(self.kernel_size, self.stride, self.padding), x)


class MaxPool2d(_Pool2d):
    """The largest value in each window: (N, C, H, W) -> (N, C, H', W') with
    H' = (H + 2 padding - kernel_size) // stride + 1, W' likewise.

    kernel_size, stride (by default the kernel size), padding: integers or pairs (rows, columns). The padding is never
    the largest.
    """

    op = ops.MaxPool2d


class AvgPool2d(_Pool2d):
    """The mean of each window: (N, C, H, W) -> (N, C, H', W') with H' = (H + 2 padding - kernel_size) // stride + 1,
    W' likewise.

    kernel_size, stride (by default the kernel size), padding: integers or pairs (rows, columns). The zeros of the
    padding count.
    """

    op = ops.AvgPool2d
