"""Trees: an array, or a tuple, list or dict of trees. Samples of several inputs or targets, and batches of them."""

from typing import Any

import numpy as np


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


def rows(tree) -> int:
    """How many rows the arrays have."""
    return len(leaves(tree)[0])


def numbers(tree) -> int:
    """How many numbers a row has, of all arrays together."""
    return sum(int(np.prod(np.shape(leaf)[1:])) for leaf in leaves(tree))


def alone(sample) -> Any:
    """One sample as a batch of one: an array, or a tuple or dict of such (a list is an array)."""
    if isinstance(sample, dict):
        return {name: alone(each) for name, each in sample.items()}
    if isinstance(sample, tuple) and not all(np.isscalar(each) for each in sample):
        parts = [alone(each) for each in sample]
        return type(sample)(*parts) if hasattr(sample, "_fields") else tuple(parts)
    return np.asarray(sample)[None]
