"""Layers that normalize: mean 0 and variance 1, then a learned scale and shift."""

import numpy as np

from ..checks import number, share, size
from ..engine import ShapeError, Tensor, apply, norm as ops
from .module import Module, Parameter, as_input


class LayerNorm(Module):
    """y = weight (x - mean) / sqrt(variance + eps) + bias, mean and variance over the features of each sample:
    (..., *normalized_shape) -> the same.  (Ba, Kiros & Hinton 2016)

    normalized_shape: sizes of the last axes, or the size of the last one.
    Attributes: weight and bias, of that shape; they start at 1 and 0.
    """

    _checks = {"eps": number(above=0)}

    def __init__(self, normalized_shape, eps=1e-5, *, dtype=np.float32) -> None:
        sizes = normalized_shape if isinstance(normalized_shape, (tuple, list)) else [normalized_shape]
        self.normalized_shape = tuple(size("normalized_shape", n) for n in sizes)
        self.eps = eps
        self.weight = Parameter(np.ones(self.normalized_shape, dtype))
        self.bias = Parameter(np.zeros(self.normalized_shape, dtype))

    def forward(self, x) -> Tensor:
        return apply(ops.LayerNorm(self.eps), as_input(x, self.weight.dtype), self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}"


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
