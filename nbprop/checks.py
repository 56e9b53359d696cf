"""Checks of what a user gives: names, sizes, numbers. One set for the whole house.

A check is a function `check(name, value) -> value`: it returns the value to use, or raises an error that says what was
expected, what came and, where there is one, what to try. TypeError: a wrong kind ("0.1" or True for a number, 2.5 for a
whole number); ValueError: a wrong value (-1, NaN, an unknown name). `number(...)`, `whole(...)` and the like make one.
"""

import math
from difflib import get_close_matches
from numbers import Real
from operator import index
from typing import Any

import numpy as np


def did_you_mean(value, names) -> str:
    """ "; did you mean 'tanh'?" if one of the names is close, else nothing."""
    known = {name.lower(): name for name in names}
    close = get_close_matches(str(value).lower(), known, n=1, cutoff=0.5)
    return f"; did you mean {known[close[0]]!r}?" if close else ""


def not_of_torch(kind, value, here) -> None:
    """TypeError for an object of PyTorch's; here: what to write."""
    if any(base.__module__.partition(".")[0] == "torch" for base in type(value).__mro__):
        raise TypeError(f"{kind}: {type(value).__name__} is of PyTorch, and computes with its tensors; try {here}")


def lookup(kind, name, known, aliases=()) -> Any:
    """`known[name]`; case does not matter, nor "-" or " " for "_". ValueError, with the nearest name, if not there."""
    if not isinstance(name, str):
        raise TypeError(f"{kind} must be one of the names {', '.join(map(repr, known))}; got {name!r}")
    key = name.lower().replace("-", "_").replace(" ", "_")
    key = dict(aliases).get(key, key)
    if key in known:
        return known[key]
    meant = did_you_mean(key, [*known, *dict(aliases)]) or "."
    raise ValueError(f"unknown {kind} {name!r}{meant} Known: {', '.join(known)}")


def wrong(name, expected, value, tip: Any = "") -> str:
    """The words of all errors here."""
    got = repr(value)
    got = got if len(got) <= 120 else f"{got[:100]} ... ({type(value).__name__})"
    return f"{name} must be {expected}; got {got}{f'; try {tip}' if tip != '' else ''}"


def number(low=-math.inf, high=math.inf, *, above=-math.inf, most=math.inf, tip: Any = "") -> Any:
    """A check for a finite number with low <= value < high, value > above, value <= most; it returns a float."""
    limits = [f"greater than {above:g}"] * (above > -math.inf) + [f"at least {low:g}"] * (low > -math.inf)
    limits += [f"less than {high:g}"] * (high < math.inf) + [f"at most {most:g}"] * (most < math.inf)
    expected = ", ".join(["a finite number", *([" and ".join(limits)] if limits else [])])
    if low > -math.inf and most < math.inf:
        expected = f"a number from {low:g} to {most:g}"

    def check(name, value):
        if not isinstance(value, Real) or isinstance(value, bool):
            raise TypeError(wrong(name, expected, value, tip))
        try:
            plain = float(value)  # a NumPy float64 would turn float32 arithmetic into float64
        except OverflowError:
            plain = math.inf
        if not (math.isfinite(plain) and low <= plain < high and above < plain <= most):
            raise ValueError(wrong(name, expected, value, tip))
        return plain

    return check


def whole(low=0, high=None, *, tip: Any = "") -> Any:
    """A check for an integer from low to high (both included; None: no limit); it returns an int."""
    expected = f"an integer, {low} or more" if high is None else f"an integer from {low} to {high}"

    def check(name, value):
        try:
            plain = None if isinstance(value, (bool, np.bool_)) else index(value)
        except TypeError:
            plain = None
        if plain is None:
            near = isinstance(value, float) and value.is_integer()  # 3.0
            raise TypeError(wrong(name, expected, value, int(value) if near else tip))
        if plain < low or (high is not None and plain > high):
            raise ValueError(wrong(name, expected, value, tip))
        return plain

    return check


size = whole(1)
share = number(0, most=1)


def flag(name, value) -> bool:
    """On or off."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(wrong(name, "True or False", value))
    return bool(value)


def choice(*options) -> Any:
    """A check for one of some names (or other values, such as None)."""

    def check(name, value):
        if not any(type(value) is type(option) and value == option for option in options):
            named = isinstance(value, str) and any(isinstance(option, str) for option in options)
            meant = did_you_mean(value, [o for o in options if isinstance(o, str)]) if named else ""
            words = " or ".join(map(repr, options)) if len(options) < 3 else f"one of {', '.join(map(repr, options))}"
            raise (ValueError if named else TypeError)(wrong(name, words, value) + meant)
        return value

    return check


def optional(check) -> Any:
    """A check for None or what passes `check`."""

    def either(name, value):
        try:
            return None if value is None else check(name, value)
        except (TypeError, ValueError) as error:
            error.args = (str(error).replace(" must be ", " must be None or ", 1),)
            raise

    return either


def instance(kind, tip="") -> Any:
    """A check for an instance of a class, or of one of a tuple of classes; tip: how one is made."""
    names = " or ".join(one.__name__ for one in (kind if isinstance(kind, tuple) else (kind,)))

    def check(name, value):
        if not isinstance(value, kind):
            raise TypeError(wrong(name, f"{'an' if names[0] in 'AEIOUaeiou' else 'a'} {names}", value, tip))
        return value

    return check


def per_axis(name, value, axes, least=1) -> tuple[Any, ...]:
    """Integers >= least, one for each of the axes, from as many or from one for all."""
    each = tuple(value) if isinstance(value, (tuple, list)) else (value,) * axes
    expected = f"an integer, {least} or more, or {'a pair' if axes == 2 else f'a tuple of {axes}'} of them"
    if len(each) != axes:
        raise ValueError(wrong(name, expected, value))
    try:
        return tuple(whole(least)(name, one) for one in each)
    except (TypeError, ValueError) as error:
        raise type(error)(wrong(name, expected, value)) from None


def two(check) -> Any:
    """A check for a pair such as Adam's betas, each of which passes `check`; it returns a tuple."""

    def both(name, value):
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            kind = ValueError if isinstance(value, (tuple, list)) else TypeError
            raise kind(wrong(name, "two numbers, such as (0.9, 0.999)", value))
        return tuple(check(f"{name}[{i}]", v) for i, v in enumerate(value))

    return both


def sizes(name, value, least=0) -> tuple[Any, ...]:
    """A tuple of integers, 1 or more each; at least `least` of them."""
    if isinstance(value, str) or not np.iterable(value):
        raise TypeError(wrong(name, "a list of integers, 1 or more", value))
    found = tuple(size(f"{name}[{i}]", one) for i, one in enumerate(value))
    if len(found) < least:
        raise ValueError(wrong(name, f"at least {least} integers", value))
    return found
