"""Checks for the settings of optimizers: each takes name and value, and returns the value or raises ValueError."""

import numpy as np

from ..nn.checks import number


def flag(name, value):
    """On or off."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} must be True or False; got {value!r}")
    return bool(value)


def pair(check):
    """Two numbers, such as Adam's betas."""

    def check_pair(name, value):
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            raise ValueError(f"{name} must be two numbers, such as (0.9, 0.999); got {value!r}")
        return tuple(check(f"{name}[{i}]", v) for i, v in enumerate(value))

    return check_pair


def factor(name, value):
    """None, or a function of the number of updates done."""
    if value is not None and not callable(value):
        raise ValueError(f"{name} must be None or a function of the step, such as StepLR(100); got {value!r}")
    return value


__all__ = ["factor", "flag", "number", "pair"]
