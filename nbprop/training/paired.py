"""Predictions and targets as metrics get them: (n, 1) does not meet (n,), which would compare all with all."""

from typing import Any

import numpy as np

from nbprop.data.trees import mapped
from nbprop.engine import ShapeError


class Paired(np.ndarray):
    """An array (n, 1) that says so when it meets one (n,) in a NumPy function of elements, such as == or -. What is
    taken out of it is an array as any other: whoever writes predicted[:, None] - y means it."""

    samples = 0  # n

    def __array_finalize__(self, obj, /) -> None:
        self.samples = getattr(obj, "samples", 0)

    def __array_ufunc__(self, ufunc, method, *inputs, **options) -> Any:
        if method == "__call__" and ufunc.signature is None:
            _check(inputs)
        options = {name: _plain(each) for name, each in options.items()}
        return self._of_these(getattr(ufunc, method)(*map(_plain, inputs), **options))

    def __array_function__(self, func, types, args, kwargs) -> Any:
        if func in (np.where, np.isclose, np.allclose):
            _check(args)
        return self._of_these(func(*map(_plain, args), **{name: _plain(each) for name, each in kwargs.items()}))

    def _of_these(self, made):
        return _paired(made) if np.ndim(made) > 1 and len(made) == self.samples else made

    def __getitem__(self, index) -> Any:
        return np.asarray(self)[index]


def _check(arrays):
    shapes = [np.shape(each) for each in arrays]
    for each in arrays:
        column = isinstance(each, Paired) and each.ndim > 1 and each.shape[-1] == 1 and len(each) == each.samples > 1
        if column and each.shape[:-1] in shapes:
            raise ShapeError(
                f"a metric lets {each.shape} meet {each.shape[:-1]}, which compares all with all: try "
                "predicted[..., 0] with y, or predicted with y[..., None]"
            )


def _plain(value):
    if type(value) in (tuple, list):
        return type(value)(map(_plain, value))
    return np.asarray(value) if isinstance(value, Paired) else value


def paired(tree) -> Any:
    """The array, or arrays in a tuple or dict, as Paired ones where the last axis is one long."""
    return mapped(tree, _paired)


def _paired(array):
    if type(array) is not np.ndarray or array.ndim < 2 or array.shape[-1] != 1:
        return array
    made: Any = array.view(Paired)
    made.samples = len(array)
    return made
