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
        args = [Tensor(x, i == argnum) if i == argnum or _floating(x) else x for i, x in enumerate(args)]
        args[argnum].grad = 0
        y = f(*args)
        if not isinstance(y, Tensor):
            raise BackwardError(f"grad expects a function that returns one number, a Tensor: got {type(y).__name__}.")
        if y.requires_grad:
            y.backward()
        return args[argnum].grad

    return gradient


def check_gradient(f, *args, eps=1e-6, tol=1e-6, directions=3, seed=0):
    """Compare backward with central differences (f(x + eps u) - f(x - eps u)) / (2 eps) along random directions u.

    In float64, for every floating argument of f; f takes Tensors and returns one, of any shape.
    Returns the largest relative error.

    f must be smooth within eps of the arguments and return the same every time (no new random numbers).
    Raises GradientError, naming the argument and the numbers, if an error is above `tol`.
    """
    rng = np.random.default_rng(seed)
    args = [Tensor(x, True, np.float64) if _floating(x) else x for x in args]
    y = f(*args)
    if not isinstance(y, Tensor):
        raise BackwardError(f"check_gradient expects a function that returns a Tensor: got {type(y).__name__}.")
    if y.dtype != np.float64:
        raise GradientError(f"check_gradient needs float64, but f returned {y.dtype}; look for float32 constants.")
    weights = rng.standard_normal(y.shape)  # L = sum(weights * y): every output counts, each differently
    noise = 1e-3 * float(np.sum(np.abs(weights * y.data))) or 1e-300  # differences are blind below this, times tol

    def moved(x, step):
        """L where one argument is moved by a step."""
        kept, x.data = x.data, x.data + step
        with no_grad():
            L = float(np.sum(weights * f(*args).data))
        x.data = kept
        return L

    if y.requires_grad:
        y.backward(weights)
    worst = 0.0
    for i, x in enumerate(args):
        for direction in range(directions if _floating(x) else 0):
            u = rng.standard_normal(x.shape)
            numeric = (moved(x, eps * u) - moved(x, -eps * u)) / (2 * eps)
            analytic = 0.0 if x.grad is None else float(np.sum(x.grad * u))
            error = abs(numeric - analytic) / max(abs(numeric), abs(analytic), noise)
            if not error <= tol:
                raise GradientError(
                    f"The gradient for argument {i} (shape {x.shape}) is wrong: along random direction {direction} "
                    f"backward gives {analytic:.9g}, central differences give {numeric:.9g} "
                    f"(relative error {error:.2g}, allowed {tol:g}). "
                    "Look for a missing factor, sign, transpose or sum over a broadcast axis."
                )
            worst = max(worst, error)
    return worst


def _floating(x):
    """Whether there is a gradient with respect to x: indices and texts have none."""
    return isinstance(x, (float, list)) or getattr(getattr(x, "dtype", None), "kind", "") == "f"
