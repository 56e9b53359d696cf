"""Checks of what a user gives: names, sizes, numbers. Each error says what was expected and what came."""

import math
from difflib import get_close_matches
from operator import index
from typing import Any

import numpy as np


def did_you_mean(value, names):
    """ "; did you mean 'tanh'?" if one of the names is close, else nothing."""
    known = {name.lower(): name for name in names}
    close = get_close_matches(str(value).lower(), known, n=1, cutoff=0.5)
    return f"; did you mean {known[close[0]]!r}?" if close else ""


def lookup(kind, name, known, aliases=()):
    """`known[name]`; case does not matter, nor "-" or " " for "_". ValueError, with the nearest name, if not there."""
    key = str(name).lower().replace("-", "_").replace(" ", "_")
    key = dict(aliases).get(key, key)
    if isinstance(name, str) and key in known:
        return known[key]
    meant = did_you_mean(key, [*known, *dict(aliases)]) or "."
    raise ValueError(f"unknown {kind} {name!r}{meant} Known: {', '.join(known)}")


def size(name, value):
    """An integer, 1 or more."""
    try:
        number = index(value)
    except TypeError:
        number = 0
    if number < 1 or isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} must be an integer, 1 or more; got {value!r}")
    return number


def pair(name, value, least=1):
    """(rows, columns), integers >= least, from a pair or from one for both."""
    both = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    whole = all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in both)
    if len(both) != 2 or not whole or min(both) < least:
        raise ValueError(f"{name} must be an integer, {least} or more, or a pair of them; got {value!r}")
    return int(both[0]), int(both[1])


def number(low=-math.inf, high=math.inf, *, above=-math.inf):
    """A check(name, value) for a finite number with low <= value < high and value > above; it returns a float."""
    limits = [f"greater than {above}"] * (above > -math.inf) + [f"at least {low}"] * (low > -math.inf)
    limits += [f"less than {high}"] * (high < math.inf)
    expected = ", ".join(["a finite number", *([" and ".join(limits)] if limits else [])])

    def check(name, value: Any):
        plain = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
        if not (plain and math.isfinite(value) and low <= value < high and value > above):
            raise ValueError(f"{name} must be {expected}; got {value!r}")
        return float(value)  # a NumPy float64 would turn float32 arithmetic into float64

    return check


def share(name, value):
    """A number from 0 to 1, both included; it returns a float."""
    if not 0 <= number()(name, value) <= 1:
        raise ValueError(f"{name} must be a number from 0 to 1; got {value!r}")
    return float(value)


def flag(name, value):
    """On or off."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} must be True or False; got {value!r}")
    return bool(value)


def two(check):
    """A check(name, value) for a pair such as Adam's betas, each of which passes `check`; it returns a tuple."""

    def both(name, value):
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            raise ValueError(f"{name} must be two numbers, such as (0.9, 0.999); got {value!r}")
        return tuple(check(f"{name}[{i}]", v) for i, v in enumerate(value))

    return both
