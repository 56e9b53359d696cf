"""What layers and losses compute, as functions under PyTorch's names, for `import nbprop.nn.functional as F`.
Parameters are arguments. What draws numbers, such as dropout, is a layer only: it has a generator of its own, so that a
run can be gone back to exactly."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..checks import choice
from ..engine import (
    ShapeError,
    Tensor,
    activation,
    apply,
    conv,
    embedding as embeddings,
    maximum,
    norm,
    one_hot,
    pad as bordered,
)
from ..engine.matmul import Linear
from ..engine.shaping import moved
from . import losses, pairs
from .attention import scaled_dot_product_attention
from .conv import Upsample
from .module import as_tensor
from .pairs import cosine_similarity

# fmt: off
__all__ = [
    "avg_pool1d", "avg_pool2d", "avg_pool3d", "batch_norm", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "celu", "conv1d", "conv2d", "conv3d", "conv_transpose1d",
    "conv_transpose2d", "conv_transpose3d", "cosine_embedding_loss", "cosine_similarity", "cross_entropy", "elu",
    "embedding", "gaussian_nll_loss", "gelu", "glu", "group_norm", "hardsigmoid", "hardswish", "hardtanh",
    "huber_loss", "instance_norm", "interpolate", "kl_div", "l1_loss", "layer_norm", "leaky_relu", "linear",
    "log_softmax", "logsigmoid", "margin_ranking_loss", "max_pool1d", "max_pool2d", "max_pool3d", "mish",
    "mse_loss", "multi_margin_loss", "nll_loss", "normalize", "one_hot", "pad", "poisson_nll_loss", "prelu", "relu",
    "relu6", "rms_norm", "scaled_dot_product_attention", "selu", "sigmoid", "silu", "smooth_l1_loss", "softmax",
    "softmin", "softplus", "softsign", "tanh", "triplet_margin_loss",
]
# fmt: on

MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}  # of pad: PyTorch's name -> NumPy's


def _floating(x):
    x = as_tensor(x)
    return x if x.dtype.kind == "f" else x.astype(np.float32)


def _named(name, about, function) -> Callable[..., Tensor]:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = about
    return function


def _method(name):
    """The method of Tensor of that name."""
    about = getattr(Tensor, name).__doc__
    return _named(name, about, lambda x, *values, **options: getattr(_floating(x), name)(*values, **options))


def _op(name, op):
    """An op of one input and some settings."""
    return _named(name, op.__doc__, lambda x, *settings: apply(op(*settings), _floating(x)))


def _loss(name, loss):
    """A loss, with its settings by name."""
    return _named(name, loss.__doc__, lambda *inputs, **settings: loss(**settings)(*inputs))


def _conv(name, op):
    def function(x, weight, bias=None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups=1):
        return apply(op(stride, padding, dilation, groups), x, weight, *_some(bias))

    return _named(name, op.__doc__, function)


def _transposed(name, op):
    def function(
        x, weight, bias=None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups=1, dilation: Any = 1
    ):
        return apply(op(stride, padding, output_padding, groups, dilation), x, weight, *_some(bias))

    return _named(name, op.__doc__, function)


def _max_pool(name, op):
    def function(x, kernel_size, stride=None, padding: Any = 0, dilation: Any = 1, ceil_mode=False):
        return apply(op(kernel_size, stride, padding, dilation, ceil_mode), _floating(x))

    return _named(name, op.__doc__, function)


def _avg_pool(name, op):
    def function(x, kernel_size, stride=None, padding: Any = 0, ceil_mode=False, count_include_pad=True):
        return apply(op(kernel_size, stride, padding, ceil_mode, count_include_pad), _floating(x))

    return _named(name, op.__doc__, function)


def _some(x):
    return () if x is None else (x,)


relu, sigmoid, tanh, silu, gelu = (
    _method("relu"),
    _method("sigmoid"),
    _method("tanh"),
    _method("silu"),
    _method("gelu"),
)
elu, leaky_relu = _method("elu"), _method("leaky_relu")
softmax, log_softmax = _method("softmax"), _method("log_softmax")
selu, mish = _op("selu", activation.SELU), _op("mish", activation.Mish)
softsign, hardtanh = _op("softsign", activation.Softsign), _op("hardtanh", activation.Hardtanh)
hardsigmoid, hardswish = _op("hardsigmoid", activation.Hardsigmoid), _op("hardswish", activation.Hardswish)

mse_loss, l1_loss = _loss("mse_loss", losses.MSELoss), _loss("l1_loss", losses.L1Loss)
huber_loss, smooth_l1_loss = _loss("huber_loss", losses.HuberLoss), _loss("smooth_l1_loss", losses.SmoothL1Loss)
cross_entropy, nll_loss = _loss("cross_entropy", losses.CrossEntropyLoss), _loss("nll_loss", losses.NLLLoss)
binary_cross_entropy = _loss("binary_cross_entropy", losses.BCELoss)
binary_cross_entropy_with_logits = _loss("binary_cross_entropy_with_logits", losses.BCEWithLogitsLoss)
kl_div, multi_margin_loss = _loss("kl_div", losses.KLDivLoss), _loss("multi_margin_loss", losses.MultiMarginLoss)
poisson_nll_loss = _loss("poisson_nll_loss", losses.PoissonNLLLoss)
gaussian_nll_loss = _loss("gaussian_nll_loss", pairs.GaussianNLLLoss)
margin_ranking_loss = _loss("margin_ranking_loss", pairs.MarginRankingLoss)
triplet_margin_loss = _loss("triplet_margin_loss", pairs.TripletMarginLoss)
cosine_embedding_loss = _loss("cosine_embedding_loss", pairs.CosineEmbeddingLoss)

conv1d, conv2d, conv3d = _conv("conv1d", conv.Conv1d), _conv("conv2d", conv.Conv2d), _conv("conv3d", conv.Conv3d)
conv_transpose1d = _transposed("conv_transpose1d", conv.ConvTranspose1d)
conv_transpose2d = _transposed("conv_transpose2d", conv.ConvTranspose2d)
conv_transpose3d = _transposed("conv_transpose3d", conv.ConvTranspose3d)
max_pool3d, avg_pool3d = _max_pool("max_pool3d", conv.MaxPool3d), _avg_pool("avg_pool3d", conv.AvgPool3d)
max_pool1d, max_pool2d = _max_pool("max_pool1d", conv.MaxPool1d), _max_pool("max_pool2d", conv.MaxPool2d)
avg_pool1d, avg_pool2d = _avg_pool("avg_pool1d", conv.AvgPool1d), _avg_pool("avg_pool2d", conv.AvgPool2d)


def relu6(x) -> Tensor:
    """x within 0 and 6; the slope is 0 at both, and beyond."""
    return apply(activation.Hardtanh(0, 6), _floating(x))


def celu(x, alpha=1.0) -> Tensor:
    """x where x > 0, else alpha (e^(x / alpha) - 1): an ELU whose slope at 0 is 1 for any alpha.  (Barron 2017)"""
    return (_floating(x) / alpha).elu() * alpha


def softplus(x, beta=1.0) -> Tensor:
    """ln(1 + e^(beta x)) / beta. NB: everywhere; PyTorch has x itself above a threshold."""
    return (_floating(x) * beta).softplus() / beta


def logsigmoid(x) -> Tensor:
    """ln sigmoid(x), which does not overflow."""
    return -(-_floating(x)).softplus()


def softmin(x, dim=-1) -> Tensor:
    """The softmax of -x."""
    return (-_floating(x)).softmax(dim)


def prelu(x, weight) -> Tensor:
    """x where x > 0, else weight x; of one weight, or one for each channel (axis 1)."""
    x, weight = _floating(x), as_tensor(weight)
    return apply(activation.PReLU(), x, weight if weight.size == 1 else weight.reshape(-1, *[1] * (x.ndim - 2)))


def glu(x, dim=-1) -> Tensor:
    """a sigmoid(b), where a and b are the halves of x along an axis of even size.  (Dauphin et al. 2017)"""
    x = _floating(x)
    if x.shape[dim] % 2:
        raise ShapeError(f"glu cuts an axis into halves: got shape {x.shape}, axis {dim}.")
    a, b = x.chunk(2, dim)
    return a * b.sigmoid()


def linear(x, weight, bias=None) -> Tensor:
    """x W^T + b: x (..., in), W (out, in), b (out,)."""
    return apply(Linear(), x, weight, *_some(bias))


def embedding(index, weight, padding_idx=None) -> Tensor:
    """Rows of weight (count, size), by their numbers (...,): (..., size)."""
    return apply(embeddings.Embedding(padding_idx), as_tensor(index), weight)


def batch_norm(x, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5) -> Tensor:
    """(x - mean) / sqrt(variance + eps), times weight, plus bias, of each channel: x (N, C, ...). Training, or without
    running arrays, mean and variance are those of the batch, and the arrays (NumPy's, (C,)) move towards them."""
    running = None if running_mean is None else (running_mean, running_var)
    return apply(norm.BatchNorm(running, training, momentum, eps), *_scaled(x, np.shape(x)[1:2], weight, bias))


def group_norm(x, num_groups, weight=None, bias=None, eps=1e-5) -> Tensor:
    """As nn.GroupNorm; without weight and bias no scale and shift."""
    return apply(norm.GroupNorm(num_groups, eps), *_scaled(x, np.shape(x)[1:2], weight, bias))


def instance_norm(x, weight=None, bias=None, eps=1e-5) -> Tensor:
    """group_norm with each channel as a group. NB: without PyTorch's running arrays, which come second there."""
    return group_norm(x, np.shape(x)[1], weight, bias, eps)


def layer_norm(x, normalized_shape, weight=None, bias=None, eps=1e-5) -> Tensor:
    """As nn.LayerNorm; without weight and bias no scale and shift."""
    return apply(norm.LayerNorm(eps), *_scaled(x, normalized_shape, weight, bias))


def rms_norm(x, normalized_shape, weight=None, eps=None) -> Tensor:
    """As nn.RMSNorm; without weight no scale."""
    x, weight, _ = _scaled(x, normalized_shape, weight, None)
    return apply(norm.RMSNorm(float(np.finfo(x.dtype).eps) if eps is None else eps), x, weight)


def _scaled(x, shape, weight, bias):
    x = _floating(x)
    weight = np.ones(shape, x.dtype) if weight is None else weight
    return x, weight, np.zeros(np.shape(weight), x.dtype) if bias is None else bias


def normalize(x, p: Any = 2.0, dim: Any = 1, eps=1e-12) -> Tensor:
    """x / |x|_p along an axis; a norm below eps counts as eps."""
    x = _floating(x)
    return x / maximum(x.norm(p, dim, True), eps)


def pad(x, pad, mode="constant", value=0.0) -> Tensor:
    """x with a border. pad: (before, after) of the last axis, then of the last but one, and so on, in one row; what is
    negative cuts off. mode: "constant", "reflect", "replicate" or "circular"; value: of a constant border.
    NB: `nb.engine.pad`, as np.pad, takes pairs from the first axis on."""
    x, pad = as_tensor(x), [int(n) for n in pad]
    choice("constant", *MODES)("mode", mode)
    if len(pad) % 2 or len(pad) > 2 * x.ndim:
        raise ShapeError(
            f"pad takes (before, after) for one axis after the other, the last first: got {pad} for {x.shape}."
        )
    widths = [(0, 0)] * (x.ndim - len(pad) // 2) + [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)][::-1]
    x = x[tuple(slice(max(-a, 0), n - max(-b, 0)) for (a, b), n in zip(widths, x.shape, strict=True))]
    widths = [(max(a, 0), max(b, 0)) for a, b in widths]
    return bordered(x, widths, value) if mode == "constant" else moved(x, np.pad, widths, MODES[mode])


def interpolate(x, size=None, scale_factor=None, mode="nearest", align_corners=None) -> Tensor:
    """As nn.Upsample: x (N, C, *sizes) in another size."""
    return Upsample(size, scale_factor, mode, align_corners)(x)
