"""What travels to the workers: `make` and `measure` as bytes, made once."""

import functools
import hashlib
import inspect
import pickle
from collections.abc import Callable
from typing import Any

LARGE = 2**20  # bytes that are too many to be sent with each run


def pack(make: "Callable[..., Any]", measure: Any, takes_seed: bool) -> bytes:
    """For pickle.loads, in another process that may know nothing of this notebook.

    What stands in a notebook or script travels by value, with the functions and numbers that it names; what stands in a
    module by its name, so that the workers must be able to import it. ValueError where something cannot travel.
    """
    try:
        import cloudpickle
    except ImportError:
        cloudpickle = None
    what = (make, measure, takes_seed)
    of_here = next((each for each in (make, measure) if callable(each) and _by_value(each)), None)
    if cloudpickle is None and of_here is not None:
        raise ValueError(
            f"{_name(of_here)} is defined in this notebook or script, and its workers are processes of their own: "
            "pip install cloudpickle, which carries it there; or put it into a file, e.g. my_runs.py beside the "
            "notebook, and import it from there"
        )
    try:
        packed = (cloudpickle or pickle).dumps(what)
    except Exception as error:
        raise ValueError(
            f"make or measure cannot be sent to another process ({type(error).__name__}: {error}): it names something "
            "that lives here only, such as an open file, a lock, a thread, a widget or a board. Build that inside "
            "make(...), or take numbers out of it first"
        ) from error
    if len(packed) > LARGE:
        raise ValueError(
            f"make and measure name {len(packed) / 2**20:.0f} MB of data, which would be sent with each run: load or "
            "make the data inside make(...), e.g. nb.data.digits() there"
        )
    return packed


def takes_seed(make: "Callable[..., Any]", names: "list[str]") -> bool:
    """Has `make` an argument `seed`?  TypeError if it does not take these names."""
    if not callable(make):
        raise TypeError(f"make must be a function of the grid's names that gives a Trainer or numbers; got {make!r}")
    try:
        signature = inspect.signature(make)
    except (TypeError, ValueError):
        return True
    seeded = "seed" in signature.parameters
    try:
        signature.bind(**dict.fromkeys([*names, *["seed"] * seeded]))
    except TypeError as error:
        raise TypeError(
            f"make{signature} does not fit the grid's names {', '.join(names)}: {error}; expected "
            f"make({', '.join([*names, 'seed'])})"
        ) from None
    return seeded or any(each.kind is each.VAR_KEYWORD for each in signature.parameters.values())


def fingerprint(function: Any) -> "str | None":
    """Of the source of a function, or of names; None where there is nothing to compare."""
    if function is None or not callable(function):
        return repr(function)
    if isinstance(function, functools.partial):
        return f"{fingerprint(function.func)} {function.args} {function.keywords}"
    if getattr(function, "__name__", "") == "<lambda>":  # whose source is the whole statement around it
        code = function.__code__
        text = repr((code.co_code, [each for each in code.co_consts if not inspect.iscode(each)], code.co_names))
        return hashlib.sha256(text.encode()).hexdigest()[:16]
    try:
        source = inspect.getsource(function).rstrip()  # at the end of a cell there is no newline behind it
    except (OSError, TypeError):
        return None
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def _by_value(function):
    return getattr(function, "__module__", "__main__") in ("__main__", None) or "<locals>" in getattr(
        function, "__qualname__", ""
    )


def _name(function):
    return getattr(function, "__qualname__", type(function).__name__)
