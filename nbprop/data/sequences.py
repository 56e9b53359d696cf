"""Sequences of different lengths as one array: filled up at the end, with the lengths and masks that tell what is real.

X, lengths = nb.data.pad([[1, 2, 3], [4, 5]])       # [[1, 2, 3], [4, 5, 0]] and [3, 2]
real = nb.data.mask(lengths)                        # [[True, True, True], [True, True, False]]
loss = (error * real).sum() / real.sum()            # what was filled up does not count
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from nbprop.checks import number, whole
from nbprop.data import checks


class Padded(NamedTuple):
    """values: (n, T, ...), T the largest length; lengths: int64 (n,)."""

    values: np.ndarray
    lengths: np.ndarray


def pad(sequences: Iterable[Any], value: float = 0, name: str = "sequences") -> Padded:
    """Arrays (T_i, ...) that differ in their first axis alone, filled up at the end with `value`.

    Whole numbers stay whole (int64; True and False bool), floats become float32. A sequence may be empty.
    Raises ValueError or TypeError that names the sequence that does not fit.
    NB: PyTorch has pad_sequence, which gives (T, n, ...) unless batch_first=True, and no lengths.
    """
    if isinstance(sequences, (str, bytes)) or not np.iterable(sequences):
        raise TypeError(f"{name}: expected a list of arrays, got {sequences!r}")
    given = [checks.array(each, f"{name}[{i}]") for i, each in enumerate(sequences)]
    if not given:
        raise ValueError(f"{name}: expected at least one array, got none")
    for i, each in enumerate(given):
        if each.ndim == 0:
            raise ValueError(f"{name}[{i}]: expected a sequence, (T, ...), got the single value {each.item()!r}")
    filled = [(i, checks.numbers(each, f"{name}[{i}]")) for i, each in enumerate(given) if len(each)]
    rest = filled[0][1].shape[1:] if filled else given[0].shape[1:]
    for i, each in filled:
        if each.shape[1:] != rest:
            raise ValueError(
                f"{name}[{i}]: expected shape (T, {', '.join(map(str, rest))}) as of {name}[{filled[0][0]}], got "
                f"{each.shape}; try arrays that differ in their first axis alone"
            )
    dtype = kept(np.result_type(*(each for _, each in filled)) if filled else np.dtype(np.float32))
    lengths = np.array([len(each) for each in given])
    if dtype.type(number()("value", value)) != value and dtype.kind != "f":
        raise ValueError(f"value: expected a number that fits {dtype}, got {value!r}")
    values = np.full((len(given), lengths.max(), *rest), value, dtype)
    for i, each in filled:
        values[i, : len(each)] = each
    return Padded(values, lengths)


def mask(lengths: Any, T: int | None = None) -> np.ndarray:
    """bool (n, T): True where a sequence has not ended yet. T: default, the largest of the lengths (n,)."""
    found = checks.numbers(lengths, "lengths")
    if found.ndim != 1 or not len(found) or found.dtype.kind not in "iu" or found.min() < 0:
        raise ValueError(f"lengths: expected whole numbers (n,), 0 or more, got {lengths!r}")
    steps = int(found.max()) if T is None else whole()("T", T)
    if found.max() > steps:
        raise ValueError(
            f"T: expected at least {found.max()}, the largest of the lengths, got {steps}; try to leave it out"
        )
    return np.arange(steps) < found[:, None]


def kept(dtype: np.dtype) -> np.dtype:
    """The type in which data of a type are kept: floats as float32, whole numbers as int64, bool as it is."""
    return np.dtype({"f": np.float32, "b": np.bool_}.get(dtype.kind, np.int64))
