"""The engine: Tensor, the ops, backward, gradient check. NumPy only."""

# Lists of names, not one a line.
# fmt: off
# isort: skip_file
from . import attention, conv, ctc, dropout, embedding, linalg, loss, norm, numpy_protocol, recurrent, resize
from .check import check_gradient
from .errors import BackwardError, GradientError, ShapeError
from .functions import maximum, minimum, one_hot, pad, vector_norm, where
from .joining import cat, concatenate, dstack, hstack, meshgrid, split, stack, vstack
from .op import OPS, Op
from .pairs import (
    arctan2, atan2, copysign, cross, dot, einsum, floor_divide, fmod, hypot, inner, logaddexp, outer, remainder,
    tensordot,
)
from .replay import Replay
from .tape import Tape, no_grad, record, recording
from .tensor import Tensor, apply

__all__ = [
    "OPS", "BackwardError", "GradientError", "Op", "Replay", "ShapeError", "Tape", "Tensor", "apply", "arctan2",
    "atan2", "attention", "cat", "check_gradient", "concatenate", "conv", "copysign", "cross", "ctc", "dot",
    "dropout", "dstack", "einsum", "embedding", "floor_divide", "fmod", "hstack", "hypot", "inner", "linalg",
    "logaddexp", "loss", "maximum", "meshgrid", "minimum", "no_grad", "norm", "numpy_protocol", "one_hot", "outer",
    "pad", "record", "recording", "recurrent", "remainder", "resize", "split", "stack", "tensordot", "vector_norm",
    "vstack", "where",
]
