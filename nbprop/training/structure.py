"""What a model is made of at a moment: which modules, how each is set, which parameters are frozen. To come back to."""

import copy
from typing import Any

import numpy as np

from nbprop import nn
from nbprop.nn.likeness import is_own
from nbprop.nn.module import Module
from nbprop.nn.parameter import changes, restructured


class Structure:
    """The make of a model, not its numbers: each module's attributes, each parameter's shape and whether it is trained.

    Modules and parameters are kept themselves, not copied: whoever holds one finds it in the model again after
    `restore`. Attributes that are lists, tuples or dicts are kept as they were, with what stood in them.
    """

    def __init__(self, model) -> None:
        self.stamp = changes()
        self.own = any(is_own(module) for module in model.modules())  # whose lists and dicts may change in silence
        self.modules = [(module, _attributes(module)) for module in model.modules()]
        self.parameters = [(each, each.shape, each.requires_grad, each.frozen_rows) for each in model.parameters()]
        self.arrays = [each.data for each, *_ in self.parameters]

    def __getstate__(self) -> dict[str, Any]:
        """A copy, in another process perhaps, has another count of changes, and arrays of its own."""
        return {**vars(self), "stamp": None, "arrays": []}

    @property
    def current(self) -> bool:
        """Whether it is known that nothing has been changed since: cheap."""
        return self.stamp == changes() and not self.own

    def same(self, model) -> bool:
        """Whether the model is made so: the very same modules, parameters and arrays, and equal attributes."""
        now = Structure(model)
        pairs = zip(self.modules, now.modules, strict=False)
        return (
            len(now.modules) == len(self.modules)
            and all(a is b and _equal(old, new) for (a, old), (b, new) in pairs)
            and [id(each) for each in now.arrays] == [id(each) for each in self.arrays]
            and [each[1:] for each in now.parameters] == [each[1:] for each in self.parameters]
        )

    def restore(self) -> None:
        """Make the model so again. Its numbers are then to be set: parameters and buffers."""
        if self.current:
            return
        for module, attributes in self.modules:
            kept = {name: value for name, value in vars(module).items() if _left_out(module, name)}
            vars(module).clear()
            vars(module).update({**kept, **{name: _copied(value) for name, value in attributes.items()}})
        for parameter, shape, trained, rows in self.parameters:
            if parameter.shape != shape:
                parameter.data, parameter.grad = np.zeros((2, *shape), parameter.dtype)
            parameter.requires_grad, parameter.frozen_rows = trained, rows
        restructured()
        self.stamp = changes()


def _attributes(module):
    """With `training` also where it is only the class's: evaluating writes it down."""
    found = {name: _copied(value) for name, value in vars(module).items() if not _left_out(module, name)}
    return {**found, "training": module.training}


def _left_out(module, name):
    """What is no part of the make: packed vectors, and what the last forward left."""
    return name == "_packed" or name in module._notes


def _copied(value):
    """Lists, tuples and dicts anew, with the same things in them."""
    if isinstance(value, (nn.Parameter, Module)):
        return value
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return type(value)(map(_copied, value))
    return copy.copy(value) if isinstance(value, (list, set)) else value


def _equal(a, b):
    """Whether two attributes are the same object, equal numbers or texts, or containers of such."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_equal(value, b[key]) for key, value in a.items())
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(_equal, a, b))
    return isinstance(a, (bool, int, float, str, set, frozenset, type(None))) and a == b
