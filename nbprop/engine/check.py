"""Whether gradients are right."""

import numpy as np

from ..checks import number, size
from .errors import BackwardError, GradientError
from .tape import no_grad
from .tensor import Tensor


def check_gradient(f, *args, eps=1e-6, tol=1e-6, directions=3, seed=0) -> float:
    """Compare backward with central differences (f(x + eps u) - f(x - eps u)) / (2 eps) along random directions u.

    In float64, for every floating argument of f; f takes Tensors and returns one, of any shape. Whole numbers count as
    indices, which have no gradient, unless there is no floating argument at all: then they become float64.
    Returns the largest relative error.

    f must be smooth within eps of the arguments and return the same every time (no new random numbers).
    Raises GradientError if an error is above `tol`, naming the argument and the numbers, or the kink at which f stands;
    and if there was nothing to compare.
    """
    eps, tol = (number(above=0)(name, value) for name, value in [("eps", eps), ("tol", tol)])
    size("directions", directions)
    rng = np.random.default_rng(seed)
    variable = floating if any(map(floating, args)) else whole
    args = [Tensor(x, True, np.float64) if variable(x) else x for x in args]
    variables = [(i, x) for i, x in enumerate(args) if isinstance(x, Tensor) and x.requires_grad and x.size]
    if not variables:
        got = ", ".join(_kind(x) for x in args) or "no argument"
        raise GradientError(
            f"check_gradient found nothing to compare: got {got}. Expected an argument with floating numbers (or whole "
            "ones, an int or an integer array); what f reaches by other ways is not looked at."
        )
    y = f(*args)
    if not isinstance(y, Tensor):
        raise BackwardError(f"check_gradient expects a function that returns a Tensor: got {type(y).__name__}.")
    if y.dtype != np.float64:
        raise GradientError(f"check_gradient needs float64, but f returned {y.dtype}; look for float32 constants.")
    if not y.size or not np.isfinite(y.data).all():
        got = "inf or NaN" if y.size else f"an empty result of shape {y.shape}"
        raise GradientError(f"check_gradient found nothing to compare: f returned {got}. Try other arguments.")
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
    for i, x in variables:
        for direction in range(directions):
            u = rng.standard_normal(x.shape)
            numeric = (moved(x, eps * u) - moved(x, -eps * u)) / (2 * eps)
            analytic = 0.0 if x.grad is None else float(np.sum(x.grad * u))
            error = abs(numeric - analytic) / max(abs(numeric), abs(analytic), noise)
            if not error <= tol:
                where = f"argument {i} (shape {x.shape})", f"along random direction {direction}"
                raise GradientError(
                    _trouble(lambda step, x=x, u=u: moved(x, step * u), eps, analytic, noise, where)
                    or f"The gradient for {where[0]} is wrong: {where[1]} "
                    f"backward gives {analytic:.9g}, central differences give {numeric:.9g} "
                    f"(relative error {error:.2g}, allowed {tol:g}). "
                    "Look for a missing factor, sign, transpose or sum over a broadcast axis."
                )
            worst = max(worst, error)
    return worst


def _trouble(L, eps, analytic, noise, where):
    """What there is to say about L, a function of the step, that makes differences useless; nothing if it is smooth."""
    here = L(0)
    if L(0) != here:
        return "check_gradient needs a function that returns the same every time: look for random numbers in f."

    def bend(eps):
        """The slopes on both sides, and by how much they differ."""
        before, after = (here - L(-eps)) / eps, (L(eps) - here) / eps
        return before, after, abs(after - before)

    # The slopes of a smooth function differ in proportion to eps, those at a kink do not.
    (before, after, small), (_, _, large) = bend(eps), bend(10 * eps)
    if not np.isfinite(small + large) or small < 1e-3 * max(abs(before), abs(after), noise) or small < large / 3:
        return None
    low, high = sorted((before, after))
    margin = 1e-3 * (high - low)
    between = "is" if low - margin <= analytic <= high + margin else "is not even"
    return (
        f"f has a kink at {where[0]}, where a gradient cannot be checked: {where[1]} the slope is {before:.6g} on one "
        f"side and {after:.6g} on the other; what backward gives, {analytic:.6g}, {between} between them. "
        "Move the arguments off the kink (of relu, abs, max, clip, ...)."
    )


def floating(x) -> bool:
    """Whether x holds floating numbers: only then is there a gradient with respect to it, unless it is asked for."""
    return isinstance(x, (float, list)) or getattr(getattr(x, "dtype", None), "kind", "") == "f"


def whole(x) -> bool:
    """Whether x holds whole numbers: indices, or numbers that were written without a point."""
    plain = isinstance(x, int) and not isinstance(x, bool)
    return plain or getattr(getattr(x, "dtype", None), "kind", "") in ("i", "u")


def _kind(x):
    """What sort of argument x is, for a message."""
    dtype = getattr(x, "dtype", None)
    return type(x).__name__ if dtype is None else f"{type(x).__name__} of {dtype}, shape {x.shape}"
