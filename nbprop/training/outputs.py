"""What a model gives for inputs that are a tree of arrays."""

from typing import Any

import numpy as np

from nbprop import nn
from nbprop.data.trees import mapped
from nbprop.engine import ShapeError, Tensor


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


def arrays(tree) -> Any:
    """What is in Tensors, as arrays."""
    return mapped(tree, lambda each: each.data if isinstance(each, Tensor) else np.asarray(each))


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
