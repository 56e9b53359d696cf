"""Linear algebra on square matrices (..., n, n), the last two axes of what may be a stack of them.

The derivatives: Giles, "Collected matrix derivative results for forward and reverse mode algorithmic differentiation"
(2008). NumPy computes in float64 or float32; longer and shorter floats come back as what they were."""

from typing import Any

import numpy as np

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


def eigvalsh(a) -> Tensor:
    """The eigenvalues of symmetric matrices, rising: (..., n)."""
    return apply(EigenValues(), a)


def eigh(a) -> tuple[Tensor, Tensor]:
    """(eigenvalues (..., n), eigenvectors as columns (..., n, n)) of symmetric matrices."""
    return apply(EigenValues(), a), apply(EigenVectors(), a)


def svdvals(a) -> Tensor:
    """The singular values of matrices (..., n, m), falling."""
    return apply(SingularValues(), a)
