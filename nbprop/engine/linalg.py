"""Linear algebra on square matrices (..., n, n), the last two axes of what may be a stack of them.

The derivatives: Giles, "Collected matrix derivative results for forward and reverse mode algorithmic differentiation"
(2008). NumPy computes in float64 or float32; longer and shorter floats come back as what they were."""

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..checks import choice
from .op import Op
from .tensor import Tensor, apply, operands

DOUBLE = np.dtype(np.float64)
ROUNDING = 1e-3  # of the largest number: what is less makes no matrix unsymmetric


def T(x) -> np.ndarray:
    return x.swapaxes(-1, -2)


class _OfMatrix(Op):
    """A matrix (..., n, n), whose size is checked, in numbers that LAPACK knows."""

    whole = np.float64
    hint = "Expected square matrices (..., n, n)."

    def square(self, A) -> np.ndarray:
        if A.ndim < 2 or A.shape[-1] != A.shape[-2]:
            raise ValueError("the last two sizes must be equal")
        return A if A.dtype == DOUBLE else A.astype(np.float32, copy=False)

    def symmetric(self, A) -> np.ndarray:
        """The symmetric part: of a symmetric matrix all of it, but for rounding."""
        A = self.square(A)
        if np.abs(A - T(A)).max(initial=0) > ROUNDING * np.abs(A).max(initial=0):
            raise ValueError("the matrices are not symmetric")
        return (A + T(A)) / 2

    def back(self, dA) -> np.ndarray:
        return dA.astype(self.y.dtype, copy=False)

    def cast(self, y, A) -> np.ndarray:
        if self.y is None:
            return np.asarray(y).astype(A.dtype, copy=False)
        self.y[...] = y
        return self.y

    def flops(self, y, A, *others) -> tuple[int, ...]:
        cube = A.size * A.shape[-1]
        return (2 * cube,) * (2 + len(others))


class Inv(_OfMatrix):
    """y = A^-1,  dL/dA = -y^T dL/dy y^T."""

    def forward(self, A) -> np.ndarray:
        return self.cast(np.linalg.inv(self.square(A)), A)

    def backward(self, dy) -> np.ndarray:
        return -T(self.y) @ dy @ T(self.y)


class Solve(_OfMatrix):
    """A y = b,  dL/db = A^-T dL/dy,  dL/dA = -dL/db y^T.   b (n,) or (..., n, k)."""

    hint = "Expected A (..., n, n) and b (n,) or (..., n, k)."

    def forward(self, A, b) -> np.ndarray:
        self.A, self.vector = self.square(A), b.ndim == 1
        return self.cast(np.linalg.solve(self.A, b.astype(self.A.dtype, copy=False)), A)

    def backward(self, dy) -> tuple[Any, ...]:
        column = (lambda x: x[..., None]) if self.vector else (lambda x: x)
        db = np.linalg.solve(T(self.A), column(dy).astype(self.A.dtype, copy=False))
        return self.back(-db @ T(column(self.y))), self.back(db[..., 0] if self.vector else db)


class Det(_OfMatrix):
    """y = det A,  dL/dA = dL/dy C with the matrix of cofactors C, which is y A^-T where A has an inverse."""

    def forward(self, A) -> np.ndarray:
        self.A = self.square(A)
        return self.cast(np.linalg.det(self.A), A)

    def backward(self, dy) -> np.ndarray:
        U, s, Vt = np.linalg.svd(self.A)  # A = U diag(s) V^T: right for singular matrices, too
        others = np.where(np.eye(s.shape[-1], dtype=bool), 1, s[..., None, :]).prod(-1)
        sign = np.linalg.det(U) * np.linalg.det(Vt)
        return self.back((dy * sign)[..., None, None] * (U * others[..., None, :]) @ Vt)


class LogDet(_OfMatrix):
    """y = log |det A|,  dL/dA = dL/dy A^-T."""

    def forward(self, A) -> np.ndarray:
        self.A = self.square(A)
        return self.cast(np.linalg.slogdet(self.A)[1], A)

    def backward(self, dy) -> np.ndarray:
        return self.back(dy[..., None, None] * T(np.linalg.inv(self.A)))


class Cholesky(_OfMatrix):
    """y y^T = A, y lower triangular;  dL/dA = y^-T Phi(y^T dL/dy) y^-1, made symmetric, where Phi keeps the lower
    triangle and half of the diagonal. (Murray 2016)"""

    hint = "Expected symmetric matrices (..., n, n): (A + A^T) / 2 is one."

    def forward(self, A) -> np.ndarray:
        return self.cast(np.linalg.cholesky(self.symmetric(A)), A)

    def backward(self, dy) -> np.ndarray:
        L = self.square(self.y)
        middle = np.tril(T(L) @ dy)
        middle *= 1 - np.eye(L.shape[-1]) / 2
        inverse = np.linalg.inv(L)
        dA = T(inverse) @ middle @ inverse
        return self.back((dA + T(dA)) / 2)


class EigenValues(_OfMatrix):
    """y: the eigenvalues of a symmetric A, rising;  dL/dA = V diag(dL/dy) V^T with the eigenvectors V."""

    hint = Cholesky.hint

    def forward(self, A) -> np.ndarray:
        y, self.V = np.linalg.eigh(self.symmetric(A))
        return self.cast(y, A)

    def backward(self, dy) -> np.ndarray:
        return self.back((self.V * dy[..., None, :]) @ T(self.V))


class EigenVectors(_OfMatrix):
    """y: the eigenvectors of a symmetric A as columns;  dL/dA = y (F o y^T dL/dy) y^T, F_ij = 1 / (w_j - w_i),
    F_ii = 0. Infinite or NaN where two eigenvalues are equal: there an eigenvector is no function of A."""

    hint = Cholesky.hint

    def forward(self, A) -> np.ndarray:
        self.w, y = np.linalg.eigh(self.symmetric(A))
        return self.cast(y, A)

    def backward(self, dy) -> np.ndarray:
        apart = self.w[..., None, :] - self.w[..., :, None]
        with np.errstate(divide="ignore"):
            F = np.where(np.eye(self.w.shape[-1], dtype=bool), 0, 1 / apart)
        dA = self.y @ (F * (T(self.y) @ dy)) @ T(self.y)
        return self.back((dA + T(dA)) / 2)


class SingularVectors(_OfMatrix):
    """y: the singular vectors of A (..., n, m) as columns, n rows of the left ones U, below them m of the right ones V.
    dL/dA = U (J S + S K) V^T + (1 - U U^T) dL/dU S^-1 V^T + U S^-1 dL/dV^T (1 - V V^T) with J_ij = (P_ij - P_ji) /
    (s_j^2 - s_i^2), P = U^T dL/dU, and K likewise of V (Townsend 2016). Infinite or NaN where two singular values are
    equal, or one is 0 and A not square: there they are no function of A."""

    hint = "Expected matrices (..., n, m)."

    def forward(self, A) -> np.ndarray:
        self.U, self.s, Vt = np.linalg.svd(A if A.dtype == DOUBLE else A.astype(np.float32), full_matrices=False)
        self.V = T(Vt)
        return self.cast(np.concatenate([self.U, self.V], -2), A)

    def backward(self, dy) -> np.ndarray:
        U, V, s, n = self.U, self.V, self.s[..., None, :], self.U.shape[-2]
        with np.errstate(divide="ignore", invalid="ignore"):
            F = np.where(np.eye(s.shape[-1], dtype=bool), 0, 1 / ((s - T(s)) * (s + T(s))))
            (J, dU), (K, dV) = self.turned(U, dy[..., :n, :], F, s), self.turned(V, dy[..., n:, :], F, s)
        return self.back(U @ (J * s + T(s) * K) @ T(V) + dU @ T(V) + U @ T(dV))

    def turned(self, X, dX, F, s) -> tuple[Any, Any]:
        """What of dX turns the vectors X among themselves, and what turns them out of their space, if there is more."""
        P = T(X) @ dX
        return F * (P - T(P)), (dX - X @ P) / s if X.shape[-2] > X.shape[-1] else np.zeros_like(dX)


class SingularValues(_OfMatrix):
    """y: the singular values of A (..., n, m), falling;  dL/dA = U diag(dL/dy) V^T."""

    hint = "Expected matrices (..., n, m)."

    def forward(self, A) -> np.ndarray:
        self.U, y, self.Vt = np.linalg.svd(A if A.dtype == DOUBLE else A.astype(np.float32), full_matrices=False)
        return self.cast(y, A)

    def backward(self, dy) -> np.ndarray:
        return self.back((self.U * dy[..., None, :]) @ self.Vt)


# As in torch.linalg and numpy.linalg.


def inv(a) -> Tensor:
    """The inverse of square matrices (..., n, n)."""
    return apply(Inv(), a)


def solve(a, b) -> Tensor:
    """x with a x = b, for a (..., n, n) and b (n,) or (..., n, k)."""
    return apply(Solve(), *operands(a, b))


def det(a) -> Tensor:
    """The determinant of square matrices: (...,)."""
    return apply(Det(), a)


def slogdet(a) -> tuple[np.ndarray, Tensor]:
    """(sign, log |det|) of the determinant; the sign is a plain array, for it has no slope."""
    return np.linalg.slogdet(a.data)[0], apply(LogDet(), a)


def cholesky(a) -> Tensor:
    """The lower triangular L with L L^T = a, for symmetric, positive definite matrices."""
    return apply(Cholesky(), a)


def _of_triangle(a, UPLO):
    """The symmetric matrix of which one triangle is looked at, if said which: "L" or "U"."""
    if UPLO is None:
        return a
    choice("L", "U")("UPLO", UPLO)
    half, other = (a.tril(), a.tril(-1)) if UPLO == "L" else (a.triu(), a.triu(1))
    return half + other.swapaxes(-1, -2)


def eigvalsh(a, UPLO=None) -> Tensor:
    """The eigenvalues of symmetric matrices, rising: (..., n). UPLO: as in `eigh`."""
    return apply(EigenValues(), _of_triangle(a, UPLO))


def eigh(a, UPLO=None) -> tuple[Tensor, Tensor]:
    """(eigenvalues (..., n), eigenvectors as columns (..., n, n)) of symmetric matrices.

    UPLO: "L" or "U": only this triangle counts, and gets the gradient. NB: NumPy and PyTorch look at the lower one
    where nothing is said; here a matrix that is not symmetric is an error then."""
    a = _of_triangle(a, UPLO)
    return apply(EigenValues(), a), apply(EigenVectors(), a)


def svdvals(a) -> Tensor:
    """The singular values of matrices (..., n, m), falling."""
    return apply(SingularValues(), a)


def svd(a, full_matrices=False) -> tuple[Tensor, Tensor, Tensor]:
    """(U (..., n, k), s (..., k), V^T (..., k, m)) with a = U diag(s) V^T, for matrices (..., n, m), k the smaller of n
    and m. Signs of U and V, which may be changed in pairs, are as they come: a loss should not depend on them.

    full_matrices: True, as NumPy and PyTorch have it by default, for square matrices only: of the vectors that fill up
    U or V only the space is known."""
    n, m = a.shape[-2:]
    if full_matrices and n != m:
        raise ValueError(f"svd of Tensors that are not square takes full_matrices=False: got shape {a.shape}.")
    vectors = apply(SingularVectors(), a)
    return vectors[..., :n, :], svdvals(a), vectors[..., n:, :].swapaxes(-1, -2)


def matrix_norm(a, ord: Any = "fro", axis=(-2, -1), keepdims=False) -> Tensor:
    """The norm of matrices, which lie along two axes. ord: "fro", the root of all squares; "nuc", the sum of the
    singular values, 2 the largest of them, -2 the smallest; inf, the largest sum of |a| along a row, -inf the smallest;
    1 and -1 along a column."""
    axes = normalize_axis_tuple(axis, a.ndim)
    rows = a.moveaxis(axes, (-2, -1))
    if ord == "fro":
        y = rows.norm(2, (-2, -1))
    elif ord in ("nuc", 2, -2):
        values = svdvals(rows)
        y = values.sum(-1) if ord == "nuc" else values[..., 0 if ord == 2 else -1]
    elif ord in (1, -1, np.inf, -np.inf):
        sums = rows.abs().sum(-2 if abs(ord) == 1 else -1)
        y = sums.max(-1) if ord > 0 else sums.min(-1)
    else:
        raise ValueError(f'the norm of matrices takes as ord "fro", "nuc", 1, -1, 2, -2, inf or -inf: got {ord!r}.')
    return y.reshape([1 if i in axes else n for i, n in enumerate(a.shape)]) if keepdims else y
