"""Trees: an array, or a tuple or dict of trees. Samples of several inputs or outputs, and batches of them."""

from typing import Any

import numpy as np

from nbprop import nn
from nbprop.engine import ShapeError, Tensor


def mapped(tree, change) -> Any:
    """The same tree, of changed leaves."""
    if isinstance(tree, dict):
        return {name: mapped(each, change) for name, each in tree.items()}
    if not isinstance(tree, (tuple, list)):
        return change(tree)
    parts = [mapped(each, change) for each in tree]
    return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)


def leaves(tree) -> list[Any]:
    """Its arrays, from left to right."""
    if isinstance(tree, (dict, tuple, list)):
        return [leaf for each in (tree.values() if isinstance(tree, dict) else tree) for leaf in leaves(each)]
    return [tree]


def at(tree, places) -> Any:
    """Those rows of every array."""
    return mapped(tree, lambda array: array[places])


def arrays(tree) -> Any:
    """What is in Tensors, as arrays."""
    return mapped(tree, lambda each: each.data if isinstance(each, Tensor) else np.asarray(each))


def rows(tree) -> int:
    """How many rows the arrays have."""
    return len(leaves(tree)[0])


def numbers(tree) -> int:
    """How many numbers a row has, of all arrays together."""
    return sum(int(np.prod(np.shape(leaf)[1:])) for leaf in leaves(tree))


def joined(parts, sizes) -> Any:
    """The rows of several trees of the same form below each other. sizes: how many samples each is of."""
    first = parts[0]
    if len(parts) == 1:
        return first
    if isinstance(first, dict):
        return {name: joined([part[name] for part in parts], sizes) for name in first}
    if isinstance(first, (tuple, list)):
        several = [joined(list(each), sizes) for each in zip(*parts, strict=True)]
        return type(first)(*several) if hasattr(first, "_fields") else type(first)(several)
    if any(np.ndim(part) == 0 or len(part) != size for part, size in zip(parts, sizes, strict=True)):
        raise ShapeError(
            f"the model gives an output of shape {np.shape(first)} for {sizes[0]} samples: expected one row for each, "
            "(samples, ...). Let it give those alone, or pass predict= to the Objective"
        )
    return np.concatenate(parts)


def called(model, X) -> Any:
    """What the model gives for inputs X: model(X) of an array, model(*X) of a tuple, model(**X) of a dict."""
    if type(model).forward is nn.Module.forward:
        raise TypeError(
            f"a {type(model).__name__} cannot be called, so it predicts nothing: pass predict=, a function (model, X), "
            "to the Objective"
        )
    if isinstance(X, dict):
        return model(**mapped(X, Tensor))
    return model(*mapped(X, Tensor)) if isinstance(X, tuple) else model(Tensor(X))
