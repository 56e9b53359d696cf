"""Curvature of a loss: what its Hessian H does to a vector, and the largest eigenvalue of it, without H itself.

A Hessian-vector product is the derivative of the gradient along the vector (Pearlmutter 1994); here it is taken as the
difference of two gradients, in float64. With those alone the Lanczos method finds the eigenvalues at the ends.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

APART = 1e-8  # how far from theta the two gradients are taken; nearer would cost digits, farther would cross more kinks
DIGITS = 1e-13  # of a gradient that are lost in its rounding
KEPT = 64 * 2**20  # bytes of vectors that are kept, at most
FRESH = 0.3  # share of noise in the first vector, and
LEADING = 3  # eigenvectors that a guess is made of: what has become the largest meanwhile is not to be missed

Gradient = Callable[[np.ndarray], np.ndarray]


def hvp(gradient: Gradient, theta: np.ndarray, v: np.ndarray, at: "np.ndarray | None" = None) -> np.ndarray:
    """H v of a loss, from its gradient: (gradient(theta + e v) - gradient(theta - e v)) / 2e, (n,) float64.

    gradient: function of theta (n,) that gives the gradient (n,), both float64. v (n,). at: gradient(theta), where it
    is known: then it is seen whether a kink (of ReLU) lies between the two, and they are taken nearer.

    The error is of size 1e-13 / e * |gradient| by rounding and e^2 times the third derivative; with e = 1e-8 / |v| some
    five digits of H v remain where H v and the gradient are of one size. In float32 there would be none.
    """
    return _result(product(gradient, theta, v, at))


def product(gradient: Gradient, theta: np.ndarray, v: np.ndarray, at=None) -> Iterator[Any]:
    """`hvp` in slices: a generator that stops after every gradient, and returns H v."""
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

    gradient, theta: see `hvp`. start: a guess of the eigenvector, such as that of a step before, which saves most of
    the work. tol: when to end: there is an eigenvalue within error <= tol times the one that is given (the method's own
    bound; usually it is much nearer). most: products with H, at most. frozen: slices of theta that stay as they are.
    NaN, where a gradient is not finite.
    """
    return _result(lanczos(gradient, theta, start, tol, most, seed, frozen))[:3]


def lanczos(gradient, theta, start=None, tol=3e-4, most=120, seed: Any = 0, frozen=()) -> Iterator[Any]:
    """`largest_eigenvalue` in slices: a generator that stops after every gradient, and returns its three and a guess:
    what to start from the next time, made of the leading eigenvectors."""
    n = theta.size

    def free(vector):
        for part in frozen:
            vector[part] = 0
        return vector

    rng = np.random.default_rng(seed)
    q = free(rng.normal(size=n))
    q /= np.linalg.norm(q) or 1.0
    if start is not None and start.shape == q.shape and np.linalg.norm(start):
        q = free(start / np.linalg.norm(start)) + FRESH * q
    at, kept, made = gradient(theta).copy(), int(np.clip(KEPT // (8 * n), 4, 40)), 0
    yield
    found = np.nan, q, np.nan, q
    while made < most:
        q = q / (np.linalg.norm(q) or 1.0)
        basis, diagonal, beside = [], [], []
        for _ in range(min(kept, n, most - made)):
            basis.append(q)
            w = free((yield from product(gradient, theta, q, at)))
            made += 1
            if not np.isfinite(w).all():
                return np.nan, basis[0], np.nan, basis[0]
            diagonal.append(float(w @ q))
            for _ in range(2):  # once is not enough against rounding
                w -= np.array(basis).T @ (np.array(basis) @ w)
            rest = float(np.linalg.norm(w))
            values, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1))
            error = rest * abs(vectors[-1, -1])
            leading = np.array(basis).T @ vectors[:, -LEADING:]
            found = float(values[-1]), leading[:, -1], error, leading.sum(axis=1)
            if error <= tol * max(abs(values[-1]), 1e-3 * np.abs(values).max()) or rest == 0:
                return found
            beside.append(rest)
            q = w / rest
        q = found[1]
    return found


def _result(generator):
    with np.errstate(all="ignore"):
        while True:
            try:
                next(generator)
            except StopIteration as end:
                return end.value
