"""Gradient clipping: no steep place may throw the parameters far away. On a model's flat gradient, in place."""

import math

import numpy as np

from ..checks import instance, number

_limit = number(above=0)
_flat = instance(np.ndarray, "model.gradient, the gradients of all parameters")


def clip_grad_norm(gradient, max_norm) -> float:
    """If the Euclidean norm of the whole gradient is above max_norm, scale it to that norm: the direction stays
    (Pascanu, Mikolov & Bengio 2013, algorithm 1). Returns the norm before.

    A gradient with infinite or NaN elements is left alone: there is no direction to keep.
    """
    gradient, max_norm = _flat("gradient", gradient), _limit("max_norm", max_norm)
    with np.errstate(over="ignore"):
        norm = math.sqrt(gradient.dot(gradient))
    if not math.isfinite(norm):  # perhaps only the square is too large for float32
        norm = float(np.linalg.norm(gradient.astype(np.float64)))
    if max_norm < norm < math.inf:
        gradient *= max_norm / norm
    return norm


def clip_grad_value(gradient, clip_value) -> None:
    """Every element to between -clip_value and clip_value; the direction changes. NaN stays."""
    gradient, clip_value = _flat("gradient", gradient), _limit("clip_value", clip_value)
    np.clip(gradient, -clip_value, clip_value, out=gradient)
