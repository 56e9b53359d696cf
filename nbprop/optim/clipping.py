"""Gradient clipping: no steep place may throw the parameters far away. In place, of a model's flat gradient, or as in
PyTorch of parameters."""

import math
from collections.abc import Mapping

import numpy as np

from ..checks import number, wrong
from ..engine import Tensor

_limit = number(above=0)


def _flat(gradient):
    """The gradients of a list of parameters, or one array, as flat arrays."""
    if isinstance(gradient, Tensor):
        gradient = [gradient]
    if isinstance(gradient, np.ndarray):
        return [gradient.reshape(-1)]
    found = [] if isinstance(gradient, (str, Mapping)) or not np.iterable(gradient) else list(gradient)
    if not found or not all(isinstance(one, Tensor) for one in found):
        raise TypeError(wrong("gradient", "an array or a list of parameters", gradient, "model.parameters()"))
    return [one.grad.reshape(-1) for one in found if one.grad is not None]


def clip_grad_norm(gradient, max_norm) -> float:
    """If the Euclidean norm of the whole gradient is above max_norm, scale it to that norm: the direction stays
    (Pascanu, Mikolov & Bengio 2013, algorithm 1). Returns the norm before.

    gradient: model.gradient, or parameters, whose gradients are meant: model.parameters().
    A gradient with infinite or NaN elements is left alone: there is no direction to keep.
    """
    parts, max_norm = _flat(gradient), _limit("max_norm", max_norm)
    with np.errstate(over="ignore"):
        norm = math.sqrt(sum(part.dot(part) for part in parts))
    if not math.isfinite(norm):  # perhaps only the square is too large for float32
        norm = math.hypot(*(float(np.linalg.norm(part.astype(np.float64))) for part in parts))
    for part in parts if max_norm < norm < math.inf else ():
        part *= max_norm / norm
    return norm


def clip_grad_value(gradient, clip_value) -> None:
    """Every element to between -clip_value and clip_value; the direction changes. NaN stays."""
    parts, clip_value = _flat(gradient), _limit("clip_value", clip_value)
    for part in parts:
        np.clip(part, -clip_value, clip_value, out=part)
