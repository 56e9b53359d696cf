"""A vector for each of a number of things."""

from typing import Any

import numpy as np

from ..checks import size
from ..engine import Tensor, apply, embedding as ops
from .init import normal, weights
from .module import Module, Parameter, as_tensor


class Embedding(Module):
    """y = weight[index]: integers (...) from 0 to num_embeddings - 1 -> (..., embedding_dim).

    Args:
        num_embeddings, embedding_dim: integers >= 1.
        init: name or function for the weight, see `nn.init` (its fan_in is embedding_dim, fan_out num_embeddings); by
            default normal with standard deviation 1, as in PyTorch.
        rng: NumPy generator or seed; None draws other numbers each time.
        dtype: float32 or float64.
    Attributes: weight (num_embeddings, embedding_dim).
    """

    def __init__(self, num_embeddings, embedding_dim, *, init: Any = None, rng: Any = None, dtype=np.float32) -> None:
        self.num_embeddings = size("num_embeddings", num_embeddings)
        self.embedding_dim = size("embedding_dim", embedding_dim)
        init = normal(std=1.0) if init is None else init
        self.weight = Parameter(weights(init, rng, self.embedding_dim, self.num_embeddings, dtype))

    def forward(self, index) -> Tensor:
        return apply(ops.Embedding(), as_tensor(index), self.weight)

    def extra_repr(self) -> str:
        return f"{self.num_embeddings}, {self.embedding_dim}"
