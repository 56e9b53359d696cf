"""Layers that normalize: mean 0 and variance 1, then a learned scale and shift."""

from typing import Any

import numpy as np

from ..checks import flag, number, optional, share, size
from ..engine import ShapeError, Tensor, apply, norm as ops
from .module import Module, Parameter, as_input, as_tensor


class _OfFeatures(Module):
    eps: Any
    _checks = {"eps": number(above=0)}

    def _sized(self, normalized_shape, dtype) -> None:
        sizes = normalized_shape if isinstance(normalized_shape, (tuple, list)) else [normalized_shape]
        self.normalized_shape = tuple(size("normalized_shape", n) for n in sizes)
        self.weight = Parameter(np.ones(self.normalized_shape, dtype))

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}"


class LayerNorm(_OfFeatures):
    """y = weight (x - mean) / sqrt(variance + eps) + bias, mean and variance over the features of each sample:
    (..., *normalized_shape) -> the same.  (Ba, Kiros & Hinton 2016)

    normalized_shape: sizes of the last axes, or the size of the last one.
    Attributes: weight and bias, of that shape; they start at 1 and 0.
    """

    def __init__(self, normalized_shape, eps=1e-5, *, dtype=np.float32) -> None:
        self._sized(normalized_shape, dtype)
        self.eps = eps
        self.bias = Parameter(np.zeros(self.normalized_shape, dtype))

    def forward(self, x) -> Tensor:
        return apply(ops.LayerNorm(self.eps), as_input(x, self.weight.dtype), self.weight, self.bias)


class RMSNorm(_OfFeatures):
    """y = weight x / sqrt(mean of x^2 + eps), the mean over the features of each sample: a LayerNorm that neither takes
    off the mean nor adds a bias. (..., *normalized_shape) -> the same.  (Zhang & Sennrich 2019)

    normalized_shape: sizes of the last axes, or the size of the last one.
    eps: None: the spacing of the numbers at 1, 1.2e-7 for float32.
    Attributes: weight, of that shape; it starts at 1.
    """

    _checks = {"eps": optional(number(above=0))}

    def __init__(self, normalized_shape, eps=None, *, dtype=np.float32) -> None:
        self._sized(normalized_shape, dtype)
        self.eps = eps

    def forward(self, x) -> Tensor:
        eps = float(np.finfo(self.weight.dtype).eps) if self.eps is None else self.eps
        return apply(ops.RMSNorm(eps), as_input(x, self.weight.dtype), self.weight)


class GroupNorm(Module):
    """y = weight (x - mean) / sqrt(variance + eps) + bias, mean and variance over the numbers of each sample in each
    group of channels, whatever the size of the batch: (N, num_channels, ...) -> the same.  (Wu & He 2018)

    num_groups: of channels; must divide num_channels. With 1 all channels of a sample are one group.
    affine: whether there are weight and bias.
    Attributes: weight and bias (num_channels,), which start at 1 and 0, or None.
    """

    _checks = {"eps": number(above=0)}

    def __init__(self, num_groups, num_channels, eps=1e-5, affine=True, *, dtype=np.float32) -> None:
        self.num_groups, self.num_channels = size("num_groups", num_groups), size("num_channels", num_channels)
        if num_channels % num_groups:
            raise ValueError(f"num_groups must divide num_channels, which is {num_channels}; got {num_groups}")
        self.eps, self.affine = eps, flag("affine", affine)
        self.weight = Parameter(np.ones(num_channels, dtype)) if affine else None
        self.bias = Parameter(np.zeros(num_channels, dtype)) if affine else None

    def forward(self, x) -> Tensor:
        op, C = ops.GroupNorm(self.num_groups, self.eps), self.num_channels
        if self.weight is None:
            x = as_tensor(x)
            x = x if x.dtype.kind == "f" else x.astype(np.float32)
            return apply(op, x, np.ones(C, x.dtype), np.zeros(C, x.dtype))
        return apply(op, as_input(x, self.weight.dtype), self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}"


class InstanceNorm2d(GroupNorm):
    """y = (x - mean) / sqrt(variance + eps), mean and variance over the pixels of each channel of each image, in
    training and evaluation alike: (N, num_features, H, W) -> the same. A GroupNorm in which each channel is a group.
    (Ulyanov, Vedaldi & Lempitsky 2016)

    affine: whether y is multiplied with a weight and shifted by a bias.
    Attributes: weight and bias (num_features,), which start at 1 and 0, or None.
    NB: without PyTorch's running statistics, which it does not keep by default either.
    """

    def __init__(self, num_features, eps=1e-5, affine=False, *, dtype=np.float32) -> None:
        super().__init__(size("num_features", num_features), num_features, eps, affine, dtype=dtype)
        self.num_features = self.num_channels

    def forward(self, x) -> Tensor:
        if np.ndim(x) != 4 or np.shape(x)[2] * np.shape(x)[3] < 2:
            raise ShapeError(f"{self!r} takes images (N, C, H, W) of at least 2 pixels; got shape {np.shape(x)}")
        return super().forward(x)

    def extra_repr(self) -> str:
        return f"{self.num_features}, eps={self.eps}, affine={self.affine}"


class _BatchNorm(Module):
    ndims: tuple[int, ...]
    takes: str
    _buffers = ("running_mean", "running_var")
    _checks = {"eps": number(above=0), "momentum": share}

    def __init__(self, num_features, eps=1e-5, momentum=0.1, *, dtype=np.float32) -> None:
        self.num_features = size("num_features", num_features)
        self.eps, self.momentum = eps, momentum
        self.weight = Parameter(np.ones(self.num_features, dtype))
        self.bias = Parameter(np.zeros(self.num_features, dtype))
        self.running_mean = np.zeros(self.num_features, dtype)
        self.running_var = np.ones(self.num_features, dtype)

    def forward(self, x) -> Tensor:
        x = as_input(x, self.weight.dtype)
        if x.ndim not in self.ndims:
            raise ShapeError(f"{self!r} takes {self.takes}; got shape {x.shape}")
        if self.training and x.size == x.shape[1]:
            raise ShapeError(
                f"{self!r} needs at least 2 numbers per channel while training, got a batch of one sample, {x.shape}: "
                "one number has no variance. Choose a batch_size that leaves no last batch of one sample (32 leaves "
                "one of 33), leave such a batch out (drop_last=True of a Trainer), or use evaluation mode: model.eval()"
            )
        op = ops.BatchNorm((self.running_mean, self.running_var), self.training, self.momentum, self.eps)
        return apply(op, x, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"{self.num_features}, eps={self.eps}, momentum={self.momentum}"


class BatchNorm1d(_BatchNorm):
    """y = weight (x - mean) / sqrt(variance + eps) + bias for each channel: (N, C) or (N, C, L) -> the same.

    Training, mean and variance are those of the batch, and the running ones move towards them by `momentum` (the
    variance towards the unbiased one, with n - 1). Evaluating, they are the running ones.  (Ioffe & Szegedy 2015)

    num_features: C.
    Attributes: weight and bias (C,), which start at 1 and 0; running_mean and running_var (C,), at 0 and 1.
    """

    ndims, takes = (2, 3), "inputs (N, C) or (N, C, L)"


class BatchNorm2d(_BatchNorm):
    """As BatchNorm1d, for images: (N, C, H, W) -> the same, mean and variance over N, H and W."""

    ndims, takes = (4,), "images (N, C, H, W)"
