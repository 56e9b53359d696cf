"""A vector for each of a number of things."""

from typing import Any

import numpy as np

from ..checks import optional, size, whole
from ..engine import Tensor, apply, embedding as ops
from .init import normal, weights
from .module import Module, Parameter, as_tensor


class Embedding(Module):
    """y = weight[index]: integers (...) from 0 to num_embeddings - 1 -> (..., embedding_dim).

    Args:
        num_embeddings, embedding_dim: integers >= 1.
        padding_idx: number of a row that stands for nothing: it begins as zeros, and its gradient is 0. Below 0 it
            counts from the end; None: there is no such row.
        init: name or function for the weight, see `nn.init` (its fan_in is embedding_dim, fan_out num_embeddings); by
            default normal with standard deviation 1, as in PyTorch.
        rng: NumPy generator or seed; None draws other numbers each time.
        dtype: float32 or float64.
    Attributes: weight (num_embeddings, embedding_dim).
    NB: PyTorch also has max_norm, which shrinks rows in the forward pass, scale_grad_by_freq and sparse; not here.
    """

    def __init__(
        self, num_embeddings, embedding_dim, padding_idx=None, *, init: Any = None, rng: Any = None, dtype=np.float32
    ) -> None:
        self.num_embeddings = count = size("num_embeddings", num_embeddings)
        self.embedding_dim = size("embedding_dim", embedding_dim)
        padding_idx = optional(whole(-count, count - 1))("padding_idx", padding_idx)
        self.padding_idx = None if padding_idx is None else padding_idx % count
        init = normal(std=1.0) if init is None else init
        weight = weights(init, rng, self.embedding_dim, count, dtype)
        if padding_idx is not None:
            weight = np.array(weight)
            weight[padding_idx] = 0
        self.weight = Parameter(weight)

    def forward(self, index) -> Tensor:
        return apply(ops.Embedding(self.padding_idx), as_tensor(index), self.weight)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
