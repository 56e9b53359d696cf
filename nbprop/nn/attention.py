"""Attention and transformers. Everywhere x is (..., T, d): T places of a sequence, a vector of d numbers in each."""

from typing import Any

import numpy as np

from ..checks import flag, size
from ..engine import ShapeError, Tensor, apply, attention as ops
from ..engine.matmul import Linear as LinearOp
from .activations import activation as make_activation
from .dropout import Dropout
from .init import normal, weights
from .layers import Linear
from .module import Module, Parameter, as_input, as_tensor
from .norm import LayerNorm


def scaled_dot_product_attention(query, key, value, attn_mask=None, is_causal=False) -> Tensor:
    """softmax(query key^T / sqrt(d)) value: query (..., T, d), key (..., S, d), value (..., S, e) -> (..., T, e).
    (Vaswani et al. 2017, equation 1)

    attn_mask: bool, broadcasts to (..., T, S): True where a query may look; one that may look nowhere gets zeros.
    is_causal: query i may look at keys 0 to i only; together with attn_mask both must allow it.
    """
    mask = () if attn_mask is None else (as_tensor(attn_mask),)
    return apply(ops.Attention(is_causal), query, key, value, *mask)


class MultiheadAttention(Module):
    """Several attentions side by side, each in a subspace of its own, mixed by a last linear layer:
    query (..., T, embed_dim), key and value (..., S, embed_dim) -> (..., T, embed_dim).  (Vaswani et al. 2017, 3.2.2)

    `attention(x)` is self-attention; `attention(query, key, value)`; and either with `mask=`: bool, broadcasts to
    (..., T, S), True where a query may look.

    Args:
        embed_dim, num_heads: integers >= 1; num_heads divides embed_dim.
        bias: whether the linear layers add one.
        causal: whether place i may look at places 0 to i only.
        init, rng, dtype: as in Linear.
    Attributes: in_proj_weight (3 embed_dim, embed_dim) and in_proj_bias: the layers that make query, key and value, one
        below the other; out_proj (Linear); attention_weights (..., num_heads, T, S): array, who looked where at the
        last call, each row with sum 1.
    NB: PyTorch has the batch in axis 1 unless batch_first=True, returns the weights too (their mean over the heads),
    and its attn_mask is True where a query may *not* look.
    """

    attention_weights: Any = None
    _notes = ("attention_weights",)
    shown = ("embed_dim", "num_heads", "causal")

    def __init__(
        self, embed_dim, num_heads, bias=True, causal=False, init: Any = "xavier", rng: Any = None, dtype=np.float32
    ) -> None:
        self.embed_dim, self.num_heads = size("embed_dim", embed_dim), size("num_heads", num_heads)
        self.bias, self.causal = flag("bias", bias), flag("causal", causal)
        if embed_dim % num_heads:
            raise ValueError(f"num_heads must divide embed_dim into equal parts; got {embed_dim} and {num_heads} heads")
        rng = np.random.default_rng(rng)
        self.in_proj_weight = Parameter(
            np.concatenate([weights(init, rng, embed_dim, embed_dim, dtype) for _ in "qkv"])
        )
        self.in_proj_bias = Parameter(np.zeros(3 * embed_dim, dtype)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, init, rng, dtype)

    def forward(self, query, key=None, value=None, mask=None) -> Tensor:
        key = query if key is None else key
        value = key if value is None else value
        op = ops.Attention(self.causal, self.num_heads)
        inputs = [self._project(i, x) for i, x in enumerate((query, key, value))]
        y = apply(op, *inputs, *(() if mask is None else (as_tensor(mask),)))
        self.attention_weights = op.weights
        return self.out_proj(y)

    def _project(self, i, x):
        """Query (i = 0), key (1) or value (2)."""
        x, d = as_input(x, self.in_proj_weight.dtype), self.embed_dim
        if x.ndim < 2 or x.shape[-1] != d:
            name = ("query", "key", "value")[i]
            raise ShapeError(f"MultiheadAttention({self.extra_repr()}) expected {name} (..., T, {d}); got {x.shape}")
        parameters = [self.in_proj_weight] if self.in_proj_bias is None else [self.in_proj_weight, self.in_proj_bias]
        return apply(LinearOp(), x, *[p[i * d : (i + 1) * d] for p in parameters])


class TransformerBlock(Module):
    """x + attention(norm(x)), then x + mlp(norm(x)): (..., T, embed_dim) -> the same. The way past attention and mlp is
    free of everything, so that the gradient reaches the first block undiminished ("pre-LN": Radford et al. 2019;
    Xiong et al. 2020). `block(x, mask=mask)`: see MultiheadAttention.

    Args:
        embed_dim, num_heads, causal, init, rng, dtype: as in MultiheadAttention.
        dim_feedforward: units of the mlp's one hidden layer; by default 4 embed_dim.
        activation: name or module, of that layer; by default GELU (tanh).
        dropout: probability, of the outputs of attention and of mlp.
    NB: the names of the parameters are those of PyTorch's TransformerEncoderLayer(norm_first=True), whose dropout acts
    on the attention weights and on the hidden layer too.
    """

    def __init__(
        self,
        embed_dim,
        num_heads,
        dim_feedforward=None,
        causal=False,
        activation: Any = "gelu",
        dropout=0.0,
        init: Any = "xavier",
        rng: Any = None,
        dtype=np.float32,
    ) -> None:
        self.embed_dim, self.num_heads, self.causal = size("embed_dim", embed_dim), num_heads, flag("causal", causal)
        hidden = size("dim_feedforward", 4 * embed_dim if dim_feedforward is None else dim_feedforward)
        self.dim_feedforward = hidden
        rng = np.random.default_rng(rng)
        self.norm1 = LayerNorm(embed_dim, dtype=dtype)
        self.self_attn = MultiheadAttention(embed_dim, num_heads, causal=causal, init=init, rng=rng, dtype=dtype)
        self.norm2 = LayerNorm(embed_dim, dtype=dtype)
        self.linear1 = Linear(embed_dim, hidden, init=init, rng=rng, dtype=dtype)
        self.activation = make_activation(activation)
        self.linear2 = Linear(hidden, embed_dim, init=init, rng=rng, dtype=dtype)
        self.drop = Dropout(dropout, rng)

    dropout = property(lambda self: self.drop.p, doc="The probability, that of `drop`.")

    def forward(self, x, mask=None) -> Tensor:
        x = as_input(x, self.linear1.weight.dtype)
        x = x + self.drop(self.self_attn(self.norm1(x), mask=mask))
        return x + self.drop(self.linear2(self.activation(self.linear1(self.norm2(x)))))


SMALL = normal(std=0.02)


class _Positions(Module):
    """Adds to each vector one that says where it stands; without it attention cannot tell the order of a sequence."""

    max_len: int
    embed_dim: int
    weight: Any

    def forward(self, x) -> Tensor:
        x = as_tensor(x)
        if x.ndim < 2 or x.shape[-1] != self.embed_dim or x.shape[-2] > self.max_len:
            raise ShapeError(
                f"{self!r} expected (..., T, {self.embed_dim}) with at most T = {self.max_len}; got shape {x.shape}"
            )
        return x + self.weight[: x.shape[-2]]

    def extra_repr(self) -> str:
        return f"{self.max_len}, {self.embed_dim}"


class LearnedPositions(_Positions):
    """y = x + weight[:T], the weight (max_len, embed_dim) learned: (..., T, embed_dim) -> the same.

    init: by default normal with standard deviation 0.02 (Radford et al. 2018); rng, dtype: as in Linear.
    """

    def __init__(self, max_len, embed_dim, init: Any = SMALL, rng: Any = None, dtype=np.float32) -> None:
        self.max_len, self.embed_dim = size("max_len", max_len), size("embed_dim", embed_dim)
        self.weight = Parameter(weights(init, rng, embed_dim, max_len, dtype))


class SinusoidalPositions(_Positions):
    """y = x + weight[:T], fixed: weight[t, 2i] = sin(t / 10000^(2i / embed_dim)), weight[t, 2i + 1] the cosine of the
    same: (..., T, embed_dim) -> the same. Clocks from fast to slow; a shift in time turns all by fixed angles.
    (Vaswani et al. 2017, section 3.5)

    max_len: integer >= 1, longest sequence.
    Attributes: weight (max_len, embed_dim), an array.
    """

    def __init__(self, max_len, embed_dim, dtype=np.float32) -> None:
        self.max_len, self.embed_dim = size("max_len", max_len), size("embed_dim", embed_dim)
        i = np.arange(embed_dim)
        angles = np.arange(max_len)[:, None] / 10000 ** (i // 2 * 2 / embed_dim)
        self.weight = np.where(i % 2, np.cos(angles), np.sin(angles)).astype(dtype)
