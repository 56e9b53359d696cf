"""The engine: Tensor, the ops, backward, gradient check. NumPy only."""

from . import attention, conv, ctc, dropout, embedding, linalg, loss, norm, numpy_protocol, recurrent
from .check import check_gradient, grad
from .errors import BackwardError, GradientError, ShapeError
from .functions import maximum, minimum, one_hot, pad, vector_norm, where
from .joining import cat, concatenate, dstack, hstack, meshgrid, split, stack, vstack
from .op import OPS, Op
from .replay import Replay
from .tape import Tape, no_grad, record, recording
from .tensor import Tensor, apply

# fmt: off
__all__ = [
    "OPS", "BackwardError", "GradientError", "Op", "Replay", "ShapeError", "Tape", "Tensor", "apply", "attention",
    "cat", "check_gradient", "concatenate", "conv", "ctc", "dropout", "dstack", "embedding", "grad", "hstack",
    "linalg", "loss", "maximum", "meshgrid", "minimum", "no_grad", "norm", "numpy_protocol", "one_hot", "pad", "record",
    "recording", "recurrent", "split", "stack", "vector_norm", "vstack", "where",
]
