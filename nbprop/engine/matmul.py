"""Products of matrices, and of any arrays along any axes."""

from functools import lru_cache
from math import prod
from string import ascii_letters
from typing import Any

import numpy as np

from .op import UNSET, Op


class Linear(Op):
    """y = x W^T + b: a layer's pre-activation z.   dL/dx = dL/dy W,  dL/dW = dL/dy^T x,  dL/db = row sum of dL/dy.
    x (..., in), W (out, in), b (out,) or left out, y (..., out)."""

    whole = np.float32
    hint = "Expected x (..., in), W (out, in), b (out,): the last size of x must be the second of W."

    rows = ones = UNSET  # y as a matrix; 1 for each of its rows

    def forward(self, x, W, b=None) -> np.ndarray:
        if self.y is None and (x.shape[-1:] != W.shape[1:] or (b is not None and b.shape != W.shape[:1])):
            raise ValueError("sizes do not agree")
        self.W, self.x = W, x if x.ndim == 2 else x.reshape(prod(x.shape[:-1]), W.shape[1])
        self.rows = rows = self.x.dot(W.T, self.rows)
        if b is not None:
            np.add(rows, b, rows)
        if x is self.x:
            return rows
        return rows.reshape(*x.shape[:-1], len(W)) if self.y is None else self.y

    def backward(self, dy) -> tuple[Any, ...]:
        dx, dW, into, needs, rows = None, None, self.into, self.needs, dy
        if dy.ndim == 2:
            if needs[0]:
                dx = dy.dot(self.W, into[0])
        else:
            rows = dy.reshape(self.rows.shape)
            if needs[0]:
                dx = self.room(0, (*dy.shape[:-1], self.W.shape[1]))
                rows.dot(self.W, dx.reshape(self.x.shape))
        if needs[1]:
            dW = rows.T.dot(self.x, into[1])
        if len(needs) == 2:
            return dx, dW
        if self.ones is None:
            self.ones = row_of_ones(len(rows), rows.dtype)
        return dx, dW, self.ones.dot(rows, into[2])  # several times faster than dy.sum(axis=0)

    def flops(self, y, x, W, b=None) -> tuple[int, ...]:
        product = 2 * y.size * W.shape[-1]
        return product + (b is not None) * y.size, product, product, y.size


@lru_cache(16)
def row_of_ones(n, dtype) -> np.ndarray:
    array = np.ones(n, dtype)
    array.flags.writeable = False  # everybody's
    return array


class MatMul(Op):
    """y = a b,  dL/da = dL/dy b^T,  dL/db = a^T dL/dy.   a (..., n, k), b (..., k, m), y (..., n, m); the leading
    axes broadcast. A vector a counts as a row (1, k), a vector b as a column (k, 1)."""

    symbol = "@"
    whole = np.int64
    hint = "Expected (..., n, k) @ (..., k, m): the last size of the first must be the last but one of the second."

    def forward(self, a, b) -> np.ndarray:
        self.a, self.b = a, b
        return np.matmul(a, b, out=self.y)

    def backward(self, dy) -> tuple[Any, ...]:
        a, b = np.atleast_2d(self.a), self.b if self.b.ndim > 1 else self.b[:, None]
        dy = dy.reshape(*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1])
        da = np.matmul(dy, b.swapaxes(-1, -2), out=self.into[0]) if self.needs[0] else None
        if self.b.ndim == 1:
            return da, np.matmul(a.swapaxes(-1, -2), dy)[..., 0]
        return da, np.matmul(a.swapaxes(-1, -2), dy, out=self.into[1]) if self.needs[1] else None

    def flops(self, y, a, b) -> tuple[int, ...]:
        return (2 * y.size * a.shape[-1],) * 3


class Einsum(Op):
    """y = product of the inputs, summed over every letter that is not in the output;  dL/dx = product of dL/dy and the
    other inputs, summed over every letter that x does not have. "ij,jk->ik" is a product of matrices, "ii->i" a
    diagonal, "...ij->...ji" a transpose. Without "->" the output has, in the order of the alphabet, the letters that
    come once. As in NumPy and PyTorch, axes of one letter and those that "..." stands for broadcast."""

    whole = np.int64
    hint = "Expected one group of letters for each input, one letter for each axis, as in 'ij,jk->ik'."
    kept = ("sizes",)

    def __init__(self, subscripts) -> None:
        self.subscripts = subscripts

    def forward(self, *xs) -> np.ndarray:
        if self.y is None:
            self.letters, self.out = spelled_out(self.subscripts, [x.ndim for x in xs])
            self.sizes: Any = {}
            for letters, x in zip(self.letters, xs, strict=True):
                for c, n in zip(letters, x.shape, strict=True):
                    known = self.sizes.get(c, 1)
                    if n != known and 1 not in (n, known):
                        raise ValueError(f"{c} is {known} and {n}")
                    self.sizes[c] = n if known == 1 else known
            self.y = np.empty([self.sizes[c] for c in self.out], np.result_type(*xs))
        self.xs = xs
        return contract(xs, self.letters, self.out, out=self.y)

    def backward(self, dy) -> tuple[Any, ...]:
        return tuple([self.slope(i, x, dy) if self.needs[i] else None for i, x in enumerate(self.xs)])

    def slope(self, i, x, dy) -> np.ndarray:
        others, letters = [dy, *self.xs], [self.out, *self.letters]
        del others[i + 1]
        own = letters.pop(i + 1)
        each = dict(zip(own, x.shape, strict=True))  # a letter that comes twice stands for a diagonal
        shared = [c for c in each if each[c] == self.sizes[c] and any(c in group for group in letters)]
        slope = contract(others, letters, "".join(shared))
        if slope.shape == x.shape and len(each) == x.ndim:
            return slope
        dx = self.room(i, x.shape)
        dx.fill(0)
        place = dx if len(each) == x.ndim else np.einsum(f"{own}->{''.join(each)}", dx)
        place[...] = slope[tuple([slice(None) if c in shared else None for c in each])]
        return dx

    def flops(self, y, *xs) -> tuple[int, ...]:
        return (len(xs) * prod(self.sizes.values()),) * (len(xs) + 1)


def contract(xs, letters, out_letters, out=None) -> np.ndarray:
    return np.asarray(np.einsum(f"{','.join(letters)}->{out_letters}", *xs, out=out, optimize=len(xs) > 1))


def spelled_out(subscripts, dimensions) -> tuple[list[str], str]:
    """The letters of each input's axes, and of the output's, also those that "..." stands for."""
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    parts = inputs.split(",")
    if not set(inputs.replace("...", "").replace(",", "") + output.replace("...", "")) <= set(ascii_letters):
        raise ValueError(f"{subscripts!r} has other signs than letters, ',', '...' and '->'")
    if len(parts) != len(dimensions):
        raise ValueError(f"{subscripts!r} names {len(parts)} inputs")
    unnamed = [n - len(part.replace("...", "")) for part, n in zip(parts, dimensions, strict=True)]
    for part, n, more in zip(parts, dimensions, unnamed, strict=True):
        if more < 0 or (more and "..." not in part):
            raise ValueError(f"{part!r} names {n - more} axes of {n}")
    dots = "".join([c for c in ascii_letters if c not in subscripts][: max(unnamed)])
    letters = [part.replace("...", dots[len(dots) - more :]) for part, more in zip(parts, unnamed, strict=True)]
    together = "".join(letters)
    if not arrow:
        return letters, dots + "".join(sorted(c for c in set(together) - set(dots) if together.count(c) == 1))
    for c in output.replace("...", ""):
        if output.count(c) > 1 or c not in together:
            raise ValueError(f"the output of {subscripts!r} has {c} {'twice' if c in together else 'but no input has'}")
    return letters, output.replace("...", dots)
