"""The engine: Tensor, the ops, backward, gradient check. NumPy only."""

from . import attention, conv, ctc, dropout, embedding, linalg, loss, norm, numpy_protocol, recurrent, resize
from .check import check_gradient, grad
from .errors import BackwardError, GradientError, ShapeError
from .functions import concatenate, maximum, minimum, pad, split, stack, vector_norm, where
from .op import OPS, Op
from .replay import Replay
from .tape import Tape, no_grad, record, recording
from .tensor import Tensor, apply

# fmt: off
__all__ = [
    "OPS", "BackwardError", "GradientError", "Op", "Replay", "ShapeError", "Tape", "Tensor", "apply", "attention",
    "check_gradient", "concatenate", "conv", "ctc", "dropout", "embedding", "grad", "linalg", "loss", "maximum",
    "minimum", "no_grad", "norm", "numpy_protocol", "pad", "record", "recording", "recurrent", "resize", "split",
    "stack", "vector_norm", "where",
]
