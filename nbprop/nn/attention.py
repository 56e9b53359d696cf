"""Attention and transformers. Everywhere x is (..., T, d): T places of a sequence, a vector of d numbers in each."""

from typing import Any

import numpy as np

from ..checks import flag, share, size
from ..engine import ShapeError, Tensor, apply, attention as ops
from ..engine.dropout import Dropout as DropoutOp
from ..engine.matmul import Linear as LinearOp
from .activations import activation as make_activation
from .dropout import Dropout
from .init import normal, weights
from .layers import Linear
from .module import Module, Parameter, as_input, as_tensor
from .norm import LayerNorm


def scaled_dot_product_attention(
    query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, rng: Any = None
) -> Tensor:
    """softmax(query key^T / sqrt(d)) value: query (..., T, d), key (..., S, d), value (..., S, e) -> (..., T, e).
    (Vaswani et al. 2017, equation 1)

    attn_mask: broadcasts to (..., T, S). Bools: True where a query may look; one that may look nowhere gets zeros.
        Floats: added to what the softmax gets; they may require a gradient.
    dropout_p: probability that a weight is left out, drawn from rng, a NumPy generator or seed.
    is_causal: query i may look at keys 0 to i only; together with attn_mask both must allow it.
    scale: in the place of 1 / sqrt(d).
    NB: of a query that may look nowhere PyTorch makes NaN; it allows is_causal or attn_mask, not both.
    """
    drop = Dropout(dropout_p, rng)
    mask = () if attn_mask is None else (_mask("attn_mask", attn_mask),)
    return apply(ops.Attention(is_causal, scale=scale, drop=_dropping(drop)), query, key, value, *mask)


def _mask(name, value):
    """A mask as a Tensor; ValueError for 0 and 1 as floats, which would be added, and hide next to nothing."""
    mask = as_tensor(value)
    if (
        mask.dtype.kind == "f"
        and not mask.requires_grad
        and (mask.data == 1).any()
        and np.isin(mask.data, (0, 1)).all()
    ):
        raise ValueError(
            f"{name}: floats are added to what the softmax gets, and these are 0 and 1; try mask.astype(bool)"
        )
    return mask


class _Alone(Tensor):
    """The output of MultiheadAttention where PyTorch gives a pair."""

    def __iter__(self) -> Any:
        raise TypeError(
            "MultiheadAttention gives its output alone; try out, weights = attention(query, key, value, "
            "need_weights=True). (A loop over it: for i in range(len(out)))"
        )


def _dropping(drop):
    return DropoutOp(drop.p, drop.rng) if drop is not None and drop.p and drop.training else None


class MultiheadAttention(Module):
    """Several attentions side by side, each in a subspace of its own, mixed by a last linear layer:
    query (..., T, embed_dim), key (..., S, kdim) and value (..., S, vdim) -> (..., T, embed_dim).
    (Vaswani et al. 2017, 3.2.2)

    `attention(x)` is self-attention, `attention(x, memory)` and `attention(query, key, value)` look elsewhere. Who may
    look where: all of these must allow it, and a place that may look nowhere gets zeros (of the values; out_proj.bias
    is added).
        key_padding_mask: (..., S), bool: True where there is nothing to look at, as behind the end of a sequence.
        attn_mask: (T, S), (..., T, S) or one for each head, (..., num_heads, T, S) or (N num_heads, T, S). Bool: True
            where a query may *not* look, as in PyTorch.
        Floats in these two are added to what the softmax gets.
        mask: as attn_mask, but True where a query may look.
        is_causal: place i looks at places 0 to i only.
    With need_weights=True the result is a pair, the second who looked where: (..., T, S), the mean over the heads, or
    with average_attn_weights=False (..., num_heads, T, S); it carries no gradient.

    Args:
        embed_dim, num_heads: integers >= 1; num_heads divides embed_dim.
        bias: whether the linear layers add one.
        causal: the same as is_causal in all calls.
        dropout: probability that a weight of the attention is left out, while training.
        kdim, vdim: features of key and value; None: embed_dim.
        batch_first: False for inputs and outputs (T, N, features).
        init, rng, dtype: as in Linear.
    Attributes: in_proj_weight (3 embed_dim, embed_dim) and in_proj_bias: the layers that make query, key and value, one
        below the other; with a kdim or vdim of its own q_proj_weight, k_proj_weight and v_proj_weight in its place;
        out_proj (Linear); attention_weights (..., num_heads, T, S): array, who looked where at the last call, each row
        with sum 1, or 0 where it may look nowhere.
    NB: PyTorch has the batch in axis 1 unless batch_first=True, returns the weights too unless need_weights=False (here
    `out, weights = attention(query, key, value)` is an error), and gives NaN to a place that may look nowhere.
    """

    attention_weights: Any = None
    in_proj_weight: Any = None
    drop: Any = None
    _notes = ("attention_weights",)
    shown = ("embed_dim", "num_heads", "causal")

    def __init__(
        self, embed_dim, num_heads, bias=True, causal=False, dropout=0.0, kdim=None, vdim=None, batch_first=True,
        init: Any = "xavier", rng: Any = None, dtype=np.float32,
    ) -> None:  # fmt: skip
        self.embed_dim, self.num_heads = size("embed_dim", embed_dim), size("num_heads", num_heads)
        self.bias, self.causal, self.batch_first = (
            flag("bias", bias),
            flag("causal", causal),
            flag("batch_first", batch_first),
        )
        self.kdim, self.vdim = size("kdim", kdim or embed_dim), size("vdim", vdim or embed_dim)
        if embed_dim % num_heads:
            raise ValueError(f"num_heads must divide embed_dim into equal parts; got {embed_dim} and {num_heads} heads")
        rng = np.random.default_rng(rng)
        blocks = [weights(init, rng, columns, embed_dim, dtype) for columns in (embed_dim, self.kdim, self.vdim)]
        if self.kdim == self.vdim == embed_dim:
            self.in_proj_weight = Parameter(np.concatenate(blocks))
        else:
            self.q_proj_weight, self.k_proj_weight, self.v_proj_weight = map(Parameter, blocks)
        self.in_proj_bias = Parameter(np.zeros(3 * embed_dim, dtype)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, init, rng, dtype)
        if share("dropout", dropout):
            self.drop = Dropout(dropout, rng)

    dropout = property(lambda self: self.drop.p if self.drop else 0.0, doc="The probability, that of `drop`.")

    def forward(
        self, query, key=None, value=None, key_padding_mask=None, need_weights=False, attn_mask=None,
        average_attn_weights=True, is_causal=False, *, mask=None,
    ) -> Any:  # fmt: skip
        pair = value is not None  # as PyTorch is called, which gives two
        key = query if key is None else key
        value = key if value is None else value
        inputs = [self._project(i, x) for i, x in enumerate((query, key, value))]
        heads, samples = self.num_heads, len(inputs[0])
        given = (("mask", mask, False), ("attn_mask", attn_mask, True))
        masks = [(_mask(name, m), hides) for name, m, hides in given if m is not None]
        for i, (m, hides) in enumerate(masks):
            if m.ndim == 3 and len(m) == samples * heads > samples:
                masks[i] = m.reshape(samples, heads, *m.shape[1:]), hides
        if key_padding_mask is not None:
            m, shape = _mask("key_padding_mask", key_padding_mask), (*inputs[1].shape[:-2], inputs[1].shape[-2])
            if m.shape != shape[-max(m.ndim, 1) :]:
                raise ShapeError(f"MultiheadAttention expected a key_padding_mask of shape {shape}; got {m.shape}")
            masks.append((m[..., None, :], True))
        drop = None if self.drop is None else _dropping(self.drop)
        op = ops.Attention(self.causal or is_causal, heads, None, drop, tuple(hides for _, hides in masks))
        y = self.out_proj(apply(op, *inputs, *[m for m, _ in masks]))
        self.attention_weights = found = op.weights
        y = y if self.batch_first or y.ndim < 3 else y.swapaxes(0, 1)
        if need_weights:
            return y, Tensor(found.mean(axis=-3) if average_attn_weights else found)
        if pair:
            y.__class__ = _Alone
        return y

    def _project(self, i, x):
        """Query (i = 0), key (1) or value (2)."""
        x, d, name = as_input(x, self.out_proj.weight.dtype), self.embed_dim, ("query", "key", "value")[i]
        features = (d, self.kdim, self.vdim)[i]
        if x.ndim < 2 or x.shape[-1] != features:
            raise ShapeError(
                f"MultiheadAttention({self.extra_repr()}) expected {name} (..., T, {features}); got {x.shape}"
            )
        x, rows = x if self.batch_first or x.ndim < 3 else x.swapaxes(0, 1), slice(i * d, (i + 1) * d)
        weight = getattr(self, f"{name[0]}_proj_weight") if self.in_proj_weight is None else self.in_proj_weight[rows]
        return apply(LinearOp(), x, weight, *([] if self.in_proj_bias is None else [self.in_proj_bias[rows]]))


class TransformerBlock(Module):
    """x + attention(norm(x)), then x + mlp(norm(x)): (..., T, embed_dim) -> the same. The way past attention and mlp is
    free of everything, so that the gradient reaches the first block undiminished ("pre-LN": Radford et al. 2019;
    Xiong et al. 2020). With norm_first=False norm(x + attention(x)), then norm(x + mlp(x)), as in Vaswani et al. 2017.

        y = block(x)            # of an encoder; of a language model with causal=True
        y = block(x, memory)    # of a decoder: between the two it looks at the memory, (..., S, embed_dim)

    mask, attn_mask, key_padding_mask: of the attention to x; memory_mask, memory_key_padding_mask: of that to the
    memory, where memory_mask is an attn_mask. All as in MultiheadAttention.

    Args:
        embed_dim, num_heads, causal, init, rng, dtype: as in MultiheadAttention; causal is about x.
        dim_feedforward: units of the mlp's one hidden layer; by default 4 embed_dim.
        activation: name or module, of that layer; by default GELU (tanh).
        dropout: probability, of the outputs of attention and of mlp.
        decoder: True for a block with attention to a memory.
        norm_first: see above.
    NB: the names of the parameters are those of PyTorch's TransformerEncoderLayer and TransformerDecoderLayer, whose
    dropout acts on the attention weights and on the hidden layer too, and which have norm_first=False, ReLU and
    2048 hidden units unless told otherwise.
    """

    def __init__(
        self, embed_dim, num_heads, dim_feedforward=None, causal=False, activation: Any = "gelu", dropout=0.0,
        decoder=False, norm_first=True, init: Any = "xavier", rng: Any = None, dtype=np.float32,
    ) -> None:  # fmt: skip
        self.embed_dim, self.num_heads, self.causal = size("embed_dim", embed_dim), num_heads, flag("causal", causal)
        self.decoder, self.norm_first = flag("decoder", decoder), flag("norm_first", norm_first)
        hidden = size("dim_feedforward", 4 * embed_dim if dim_feedforward is None else dim_feedforward)
        self.dim_feedforward = hidden
        rng = np.random.default_rng(rng)
        self.norm1 = LayerNorm(embed_dim, dtype=dtype)
        self.self_attn = MultiheadAttention(embed_dim, num_heads, causal=causal, init=init, rng=rng, dtype=dtype)
        self.norm2 = LayerNorm(embed_dim, dtype=dtype)
        if decoder:
            self.multihead_attn = MultiheadAttention(embed_dim, num_heads, init=init, rng=rng, dtype=dtype)
            self.norm3 = LayerNorm(embed_dim, dtype=dtype)
        self.linear1 = Linear(embed_dim, hidden, init=init, rng=rng, dtype=dtype)
        self.activation = make_activation(activation)
        self.linear2 = Linear(hidden, embed_dim, init=init, rng=rng, dtype=dtype)
        self.drop = Dropout(dropout, rng)

    dropout = property(lambda self: self.drop.p, doc="The probability, that of `drop`.")

    def forward(
        self, x, memory=None, *, mask=None, attn_mask=None, key_padding_mask=None, memory_mask=None,
        memory_key_padding_mask=None,
    ) -> Tensor:  # fmt: skip
        if memory is None and self.decoder:
            raise TypeError("a TransformerBlock with decoder=True looks at a memory: block(x, memory)")
        if memory is not None and not self.decoder:
            raise TypeError("a TransformerBlock takes a memory if decoder=True; a mask is block(x, mask=mask)")
        x = as_input(x, self.linear1.weight.dtype)
        given = {"mask": mask, "attn_mask": attn_mask, "key_padding_mask": key_padding_mask}
        x = self._around(x, self.norm1, lambda x: self.self_attn(x, **given))
        if self.decoder:
            given = {"attn_mask": memory_mask, "key_padding_mask": memory_key_padding_mask}
            x = self._around(x, self.norm2, lambda x: self.multihead_attn(x, memory, **given))
        mlp, norm = lambda x: self.linear2(self.activation(self.linear1(x))), self.norm3 if self.decoder else self.norm2
        return self._around(x, norm, mlp)

    def _around(self, x, norm, part):
        return x + self.drop(part(norm(x))) if self.norm_first else norm(x + self.drop(part(x)))


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
