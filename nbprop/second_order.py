"""Second derivatives of a loss: what its Hessian H does to a vector, H whole where it is small, and the eigenvalues at
the ends of its spectrum without H itself.

A Hessian-vector product is the derivative of the gradient along the vector (Pearlmutter 1994); here it is taken as the
difference of two gradients, in float64. With those alone the Lanczos method finds the eigenvalues at the ends.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .checks import whole
from .derivatives import flat, holds, like, mapped, shaped, value_and_grad
from .engine import GradientError, record

APART = 1e-8  # how far from theta the two gradients are taken; nearer would cost digits, farther would cross more kinks
WIDE = 1e-4  # the same for a plain function, where two differences are taken; eps^(1/4), where most digits are right,
AGREE = 1e-6  # a share by which the two may differ, and
ROUNDING = 1e-14  # a share of the gradient by which it may be wrong
DIGITS = 1e-13  # of a gradient that are lost in its rounding
KEPT = 64 * 2**20  # bytes of vectors that are kept, at most
FRESH = 0.3  # share of noise in the first vector, and
LEADING = 3  # eigenvectors that a guess is made of: what has become the largest meanwhile is not to be missed

Gradient = Callable[[np.ndarray], np.ndarray]


def hvp(f, x, v) -> Any:
    """H v, a Hessian-vector product of a function that takes Tensors, x, and returns one number (Pearlmutter 1994).

    x: a number, an array, or a dict, list or tuple of arrays; v, and H v, built like it.

    NB: gradients have no gradients here. H v is made of differences D(e) = (g(x + e v) - g(x - e v)) / 2e of gradients,
    as (4 D(e) - D(2e)) / 3 with e = 1e-4 for |v| = |x| = 1: four gradients, in float64, as is the result. A share of
    some 1e-12 is lost by rounding, and e^4 / 30 times the fifth derivative of g. Where the two differ by more than
    1e-6, as at a kink (of relu, abs), it is done again with e / 8, down to 5e-11, where a share of 1e-5 is lost.
    GradientError if they never agree, as where x lies on a kink or f draws random numbers, or if f computes in float32.
    """
    x = mapped(lambda part: np.array(part, np.float64), x)
    return shaped(_exact(_gradient(value_and_grad(f), x), flat(x), flat(like(x, v, "v"))), x)


def hessian(f, argnum: int = 0) -> Callable[..., np.ndarray]:
    """The function that computes all second derivatives by one array x among its arguments: x.shape + x.shape, float64.

    Made of one product as by `hvp` for each of the n numbers of x, and made symmetric: 4 n gradients and n^2 numbers,
    so for small n. f returns one number.

    On a kink of the gradient it is the mean of both sides, and nothing says so: of relu(x)^2 at 0 it is 1, between the
    0 on the left and the 2 on the right. On a kink of f itself, as of |x| at 0, it is a GradientError.
    """
    both = value_and_grad(f, argnum)

    def of(*args):
        k = whole(-len(args), len(args) - 1)("argnum", argnum) % len(args)
        if holds(args[k]):
            got = type(args[k]).__name__
            raise TypeError(f"hessian differentiates by one array: got a {got}; nb.hvp takes containers.")
        x = np.array(args[k], np.float64)
        gradient = _gradient(lambda x: both(*args[:k], x, *args[k + 1 :]), x)
        H = np.array([_exact(gradient, x.ravel(), unit) for unit in np.eye(x.size)]).reshape(x.size, x.size)
        return ((H + H.T) / 2).reshape(x.shape + x.shape)

    return of


def _gradient(both, x):
    """The gradient as a function of a vector, of all numbers in x."""

    def gradient(theta):
        with record() as tape:
            _, found = both(shaped(theta, x))
        coarse = next((node for node in tape.nodes if node.requires_grad and node.dtype != np.float64), None)
        if coarse is not None:
            raise GradientError(
                f"second derivatives need float64: f computes in {coarse.dtype} from {coarse.op} on; "
                "look for float32 constants."
            )
        return flat(found)

    return gradient


def _exact(gradient, theta, v):
    """H v of a plain function, to as many digits as there are."""
    scale, size = max(1.0, np.linalg.norm(theta) / np.sqrt(max(theta.size, 1))), np.abs(v).max(initial=0)
    if not size:
        return np.zeros_like(v)
    step = v * (scale / size)
    with np.errstate(all="ignore"):
        for apart in WIDE / 8.0 ** np.arange(8):
            above, below = gradient(theta + apart * step), gradient(theta - apart * step)
            near = (above - below) / (2 * apart)
            far = (gradient(theta + 2 * apart * step) - gradient(theta - 2 * apart * step)) / (4 * apart)
            noise = ROUNDING * np.linalg.norm(above) / apart
            if np.linalg.norm(near - far) <= max(AGREE * np.linalg.norm(near), noise):
                return (4 * near - far) * (size / (3 * scale))
        if not np.isfinite(gradient(theta)).all():
            return np.full_like(v, np.nan)
    raise GradientError(
        "The gradients of f on both sides of x do not come together as they are taken nearer, so there is no second "
        "derivative along v: x lies on a kink (of relu, abs, max, ...), from which it can be moved, or f draws random "
        "numbers."
    )


def product(gradient: Gradient, theta: np.ndarray, v: np.ndarray, at=None) -> Iterator[Any]:
    """H v (n,), float64, from the gradient, a function of theta (n,) that gives (n,), both float64. A generator that
    stops after every gradient.

    at: gradient(theta), where it is known: then it is seen whether a kink (of ReLU) lies between the two gradients, and
    they are taken nearer.

    The error is of size 1e-13 / e * |gradient| by rounding and e^2 times the third derivative; with e = 1e-8 / |v| some
    five digits of H v remain where H v and the gradient are of one size. In float32 there would be none.
    """
    v = np.asarray(v, np.float64)
    size = np.linalg.norm(v)
    if not size:
        return np.zeros_like(v)
    apart = APART * max(1.0, np.linalg.norm(theta) / np.sqrt(theta.size))
    while True:
        above = gradient(theta + v * (apart / size)).copy()
        yield
        below = gradient(theta - v * (apart / size)).copy()
        yield
        if at is None or apart < APART / 500:
            break
        bend = np.linalg.norm(above - 2 * at + below)  # next to nothing where the gradient is smooth
        if not bend > max(0.1 * np.linalg.norm(above - below), DIGITS * np.sqrt(at.size) * np.linalg.norm(at)):
            break
        apart /= 8
    return (above - below) * (size / (2 * apart))


def largest_eigenvalue(
    gradient: Gradient, theta: np.ndarray, start: "np.ndarray | None" = None, tol: float = 3e-4, most: int = 120,
    seed: Any = 0, frozen: Any = (),
) -> tuple[float, np.ndarray, float]:  # fmt: skip
    """(eigenvalue, eigenvector (n,), error): the largest of the Hessian at theta, by the Lanczos method.

    gradient, theta: see `product`. start: a guess of the eigenvector, such as that of a step before, which saves most
    of the work. tol: when to end: there is an eigenvalue within error <= tol times the one that is given (the method's
    own bound; usually it is much nearer). most: products with H, at most. frozen: slices of theta that stay as they
    are. NaN, where a gradient is not finite.
    """
    return _result(lanczos(gradient, theta, start, tol, most, seed, frozen))[:3]


def lanczos(gradient, theta, start=None, tol=3e-4, most=120, seed: Any = 0, frozen=()) -> Iterator[Any]:
    """`largest_eigenvalue` in slices: a generator that stops after every gradient, and returns its three and a guess:
    what to start from the next time, made of the leading eigenvectors."""
    values, vectors, errors, guess = yield from ends(gradient, theta, (1, 0), start, tol, 1e-3, most, seed, frozen)
    return float(values[0]), vectors[0], float(errors[0]), guess


def eigenvalues(gradient, theta, count, tol, most, seed: Any = 0, frozen=()) -> tuple[np.ndarray, ...]:
    """(values (k,), vectors (k, n), errors (k,)): `count`, a pair, of the largest, largest first, and of the smallest,
    smallest first. Errors are at most tol times the largest by size if `most` products were enough."""
    return _result(ends(gradient, theta, count, None, tol, 1.0, most, seed, frozen))[:3]


def ends(gradient, theta, count, start, tol, share, most, seed: Any, frozen) -> Iterator[Any]:
    """What `eigenvalues` gives, and a guess, in slices. An eigenvalue is found when its error is at most tol times its
    size, or times this share of the largest size.

    The Lanczos method with every vector made orthogonal to all others; when there is no more room, it goes on from the
    best approximations of what is looked for (thick restart, Wu & Simon 2000). Of an eigenvalue that there is several
    times it may see one.
    """
    n, (high, low) = theta.size, count

    def free(vector):
        for part in frozen:
            vector[part] = 0
        return vector

    rng = np.random.default_rng(seed)
    q = free(rng.normal(size=n))
    dimensions = np.count_nonzero(q)
    q /= np.linalg.norm(q) or 1.0
    if start is not None and start.shape == q.shape and np.linalg.norm(start):
        q = free(start / np.linalg.norm(start)) + FRESH * q
        q /= np.linalg.norm(q)
    room = min(int(np.clip(KEPT // (8 * n), 4, 40)) + 2 * (high + low - 1), max(dimensions, 1))
    basis, T, k = np.empty((room, n)), np.zeros((room, room)), 0
    at = gradient(theta).copy()
    yield
    for made in range(1, most + 1):
        basis[k], k = q, k + 1
        w = free((yield from product(gradient, theta, q, at)))
        if not np.isfinite(w).all():
            nothing = np.full(high + low, np.nan)
            return nothing, np.repeat(q[None], high + low, 0), nothing, q
        T[k - 1, :k] = T[:k, k - 1] = basis[:k] @ w
        for _ in range(2):  # once is not enough against rounding
            w -= (basis[:k] @ w) @ basis[:k]
        rest = float(np.linalg.norm(w))
        values, S = np.linalg.eigh(T[:k, :k])
        sought = [*range(k - 1, max(k - 1 - high, -1), -1), *range(min(low, k))]
        errors, size = rest * np.abs(S[-1, sought]), np.abs(values).max()
        enough = k >= min(high + low, dimensions)
        if (
            made == most
            or k >= dimensions
            or (enough and (errors <= tol * np.maximum(np.abs(values[sought]), share * size)).all())
        ):
            return values[sought], S[:, sought].T @ basis[:k], errors, S[:, -LEADING:].sum(axis=1) @ basis[:k]
        if k == room:
            k = max(high + low, room // 2)
            many = -(-k * high // (high + low))
            keep = [*range(k - many), *range(room - many, room)]
            basis[:k], T[:] = S[:, keep].T @ basis, 0
            T[range(k), range(k)] = values[keep]
        if rest <= 1e-12 * size:  # all that the first vector leads to: another one
            w = free(rng.normal(size=n))
            for _ in range(2):
                w -= (basis[:k] @ w) @ basis[:k]
            rest = float(np.linalg.norm(w))
        q = w / rest
    raise AssertionError  # most is at least 1


def _result(generator) -> Any:
    with np.errstate(all="ignore"):
        while True:
            try:
                next(generator)
            except StopIteration as end:
                return end.value
