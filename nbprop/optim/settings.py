"""Checks for the settings of optimizers: each takes name and value, and returns the value or raises ValueError."""

import math
from typing import Any

import numpy as np


def number(low=-math.inf, high=math.inf, *, above=-math.inf):
    """A finite number with low <= value < high and value > above."""
    limits = [f"greater than {above}"] * (above > -math.inf) + [f"at least {low}"] * (low > -math.inf)
    limits += [f"less than {high}"] * (high < math.inf)
    expected = ", ".join(["a finite number", *([" and ".join(limits)] if limits else [])])

    def check(name, value: Any):
        plain = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
        if not (plain and math.isfinite(value) and low <= value < high and value > above):
            raise ValueError(f"{name} must be {expected}; got {value!r}")
        return float(value)  # a NumPy float64 would turn float32 arithmetic into float64

    return check


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
