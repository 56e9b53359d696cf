"""Gradients of plain functions, and whether they are right."""

import numpy as np

from .errors import BackwardError, GradientError
from .tape import no_grad
from .tensor import Tensor


def grad(f, argnum=0):
    """The function that computes df/dx; x is argument number `argnum` of f, which takes Tensors and returns one number.

    `grad(lambda x: (x**2).sum())([1.0, 2.0])` is `array([2., 4.])`. Raises BackwardError if f returns anything else.

    NB: gradients are plain arrays, so grad(grad(f)) is refused; second derivatives need differences of first ones.
    """

    def gradient(*args):
        if any(isinstance(x, Tensor) and (x.requires_grad or x.op) for x in args):
            raise BackwardError(
                "grad of grad is not supported: a gradient is a plain array, without a history of its own. For second "
                "derivatives take central differences of grad(f)."
            )
        args = [_tensor(x, requires_grad=i == argnum) for i, x in enumerate(args)]
        y = f(*args)
        if not isinstance(y, Tensor) or y.size != 1:
            got = f"shape {y.shape}" if isinstance(y, Tensor) else type(y).__name__
            raise BackwardError(f"grad expects a function that returns one number (a Tensor): got {got}; try .sum().")
        if y.requires_grad:
            y.backward()
        x = args[argnum]
        return np.zeros_like(x.data) if x.grad is None else x.grad

    return gradient


def check_gradient(f, *args, eps=1e-6, tol=1e-6, directions=3, seed=0):
    """Compare backward with central differences (f(x + eps u) - f(x - eps u)) / (2 eps) along random directions u.

    In float64, for every floating argument of f; f takes Tensors and returns one, of any shape.
    Returns the largest relative error.

    f must be smooth within eps of the arguments and return the same every time (no new random numbers).
    Raises GradientError, naming the argument and the numbers, if an error is above `tol`.
    """
    rng = np.random.default_rng(seed)
    arrays = [_double(x) for x in args]
    tensors = [_tensor(x, requires_grad=isinstance(x, np.ndarray) and x.dtype == np.float64) for x in arrays]
    y = f(*tensors)
    if not isinstance(y, Tensor):
        raise BackwardError(f"check_gradient expects a function that returns a Tensor: got {type(y).__name__}.")
    if y.dtype != np.float64:
        raise GradientError(
            f"check_gradient needs float64, but f returned {y.dtype}: look for float32 constants or layers."
        )
    weights = rng.standard_normal(y.shape)  # L = sum(weights * y): every output counts, each differently
    noise = 1e-3 * float(np.sum(np.abs(weights * y.data)))  # differences are blind below this, times tol
    if y.requires_grad:
        y.backward(weights)

    def value(i, x):
        with no_grad():
            y = f(*[_tensor(x if j == i else other) for j, other in enumerate(arrays)])
        return float(np.sum(weights * y.data))

    worst = 0.0
    for i, x in enumerate(tensors):
        if not (isinstance(x, Tensor) and x.requires_grad):
            continue
        gradient = np.zeros_like(x.data) if x.grad is None else x.grad
        for direction in range(directions):
            u = rng.standard_normal(x.shape)
            numeric = (value(i, arrays[i] + eps * u) - value(i, arrays[i] - eps * u)) / (2 * eps)
            analytic = float(np.sum(gradient * u))
            difference = abs(numeric - analytic)
            error = difference / max(abs(numeric), abs(analytic), noise) if difference else 0.0
            if not error <= tol:
                raise GradientError(
                    f"The gradient for argument {i} (shape {x.shape}) is wrong: along random direction {direction} "
                    f"backward gives {analytic:.9g}, central differences give {numeric:.9g} "
                    f"(relative error {error:.2g}, allowed {tol:g}). "
                    "Look for a missing factor, sign, transpose or sum over a broadcast axis."
                )
            worst = max(worst, error)
    return worst


def _tensor(x, requires_grad=False):
    """Floats, lists and floating arrays as Tensors; anything else (indices, texts) as it is."""
    if isinstance(x, Tensor):
        x = x.data
    return Tensor(x, requires_grad=requires_grad) if requires_grad or _floating(x) else x


def _double(x):
    x = x.data if isinstance(x, Tensor) else x
    return np.array(x, np.float64) if _floating(x) else x


def _floating(x):
    return isinstance(x, (float, list)) or getattr(getattr(x, "dtype", None), "kind", "") == "f"
