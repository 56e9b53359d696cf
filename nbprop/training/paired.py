"""Predictions and targets as metrics get them: (n, 1) does not meet (n,), which would compare all with all."""

from typing import Any

import numpy as np

from nbprop.engine import ShapeError


class Paired(np.ndarray):
    """An array (n, 1) that says so when it meets one (n,) in a NumPy function of elements, such as == or -."""

    def __array_ufunc__(self, ufunc, method, *inputs, **options) -> Any:
        shapes = [np.shape(each) for each in inputs]
        if method == "__call__" and ufunc.signature is None:
            columns = [shape for shape in shapes if len(shape) > 1 and shape[-1] == 1]
            for column in columns:
                if column[:-1] in shapes and column[0] > 1:
                    raise ShapeError(
                        f"a metric lets {column} meet {column[:-1]}, which compares all with all: try "
                        "predicted[..., 0] with y, or predicted with y[..., None]"
                    )
        plain = [np.asarray(each) if isinstance(each, Paired) else each for each in inputs]
        if "out" in options:
            options["out"] = tuple(np.asarray(each) if isinstance(each, Paired) else each for each in options["out"])
        return paired(getattr(ufunc, method)(*plain, **options))


def paired(array) -> np.ndarray:
    """The array, as a Paired one where its last axis is one long."""
    if type(array) is np.ndarray and array.ndim > 1 and array.shape[-1] == 1:
        return array.view(Paired)
    return array
