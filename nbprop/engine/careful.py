"""Arithmetic that stays right where plain arithmetic does not: at infinity, NaN, in float16, in small whole numbers."""

from functools import lru_cache
from typing import Any

import numpy as np

HELD = "?bhilqBHILQefd"  # characters of the dtypes that a Tensor may have: longer floats have no integers of their size
UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}
ONE = {np.dtype(kind): np.ones((), kind) for kind in "efd"}  # 1 as an array: what a number is made of in each call
BITS = {2: np.int16, 4: np.int32, 8: np.int64}  # bytes of a float -> the integers of that size


def only(mask, x, out=None) -> np.ndarray:
    """x where the mask is True, else 0, also where x is infinite or NaN there: as numbers, 0 times inf is NaN.

    So the bits of x, taken for an integer, are multiplied by 1 or 0, which costs no more; np.where takes up to ten
    times as long, because a processor cannot foresee a mask.
    """
    bits = BITS.get(x.dtype.itemsize)
    if bits is None:  # there are no integers of that size
        return np.multiply(np.where(mask, x, 0), 1, out=out)
    if out is None:
        return np.multiply(x.view(bits), mask).view(x.dtype)
    np.multiply(x.view(bits), mask, out=out.view(bits))
    return out


def bounded(x, size) -> Any:
    """x with its numbers brought within -size and size (NaN stays); x itself, not a copy, if all are there already."""
    if not x.size or (np.maximum.reduce(x, axis=None) <= size and np.minimum.reduce(x, axis=None) >= -size):
        return x
    return np.clip(x, -size, size)


def largest_bits(x) -> int:
    """The largest of the bits of the numbers of x, taken for integers without a sign: an int, 0 if there are none.
    Among those the negative numbers (and -0.0, and NaN) are above all others: one look says whether numbers are within
    0 and a limit. (To find its place and take it is three times as fast as np.max.)"""
    bits = x.view(UNSIGNED[x.itemsize])
    return bits.item(bits.argmax()) if x.size else 0


@lru_cache
def one_as_bits(dtype) -> int:
    return largest_bits(np.ones(1, dtype))


def from_0_to_1(x) -> bool:
    """Whether all numbers of x are."""
    return largest_bits(x) <= one_as_bits(x.dtype) or bool(x.min() >= 0 and x.max() <= 1)


def largest_in_rows(x) -> np.ndarray:
    """(..., n) -> (..., 1), n > 0; NaN if there is one. Some times as fast as np.max, as `largest_bits` is."""
    rows = x.reshape(-1, x.shape[-1])
    places = rows.argmax(axis=1)
    places += np.arange(0, rows.size, rows.shape[1])
    return rows.take(places).reshape(*x.shape[:-1], 1)


def wide(x) -> Any:
    """float16 as float32, in which sums neither overflow nor stand still; anything else as it is."""
    return x.astype(np.float32) if x.dtype.char == "e" else x


def narrow(y, x, out=None) -> Any:
    """y in the dtype that x had before `wide`, in the memory of `out` if given."""
    if x.dtype.char != "e" or y.dtype.char == "e":
        return y
    if out is None:
        return y.astype(np.float16)
    np.copyto(out, y)
    return out


def with_whole_numbers(op, inputs) -> tuple[Any, ...]:
    """The inputs of an op that computes whole numbers in `op.whole`, where nothing wraps (uint8 ends at 255): cast to
    that, or to the dtype of a floating one among them."""
    dtype = next((x.dtype for x in inputs if x.dtype.kind == "f"), op.whole)
    return tuple([x if x.dtype.kind == "f" or i in op.indices else x.astype(dtype) for i, x in enumerate(inputs)])
