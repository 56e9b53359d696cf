"""Functions of a user may take what they need of what is offered, by name."""

import dis
from functools import lru_cache
from inspect import Parameter, signature

import numpy as np


def taking(function, *offered) -> tuple[str, ...]:
    """Those of the names `offered` that the function has as parameters."""
    try:
        parameters = signature(function).parameters.values()
    except (TypeError, ValueError):  # some builtins have none to look at
        return ()
    if any(each.kind is Parameter.VAR_KEYWORD for each in parameters):
        return offered
    names = {each.name for each in parameters if each.kind in (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)}
    return tuple(name for name in offered if name in names)


def check_call(name, function, *arguments) -> None:
    """TypeError if the function cannot be called with arguments of these names, one after the other."""
    try:
        asked = signature(function)
    except (TypeError, ValueError):
        return
    try:
        asked.bind(*arguments)
    except TypeError as error:
        called = f"{getattr(function, '__name__', type(function).__name__)}{asked}"
        raise TypeError(
            f"{name} is called with ({', '.join(arguments)}), which {called} does not take: {error}"
        ) from None


def generators_of(function) -> list[np.random.Generator]:
    """The NumPy generators that a user's function has at hand: in its closure, in the globals that it names, or in the
    attributes of an object that is called."""
    code, known = getattr(function, "__code__", None), dict(getattr(function, "__dict__", {}))
    if code is not None:
        known |= {name: function.__globals__[name] for name in _named(code) if name in function.__globals__}
        known |= {
            name: cell.cell_contents for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True)
        }
    return [value for value in known.values() if isinstance(value, np.random.Generator)]


@lru_cache(256)
def _named(code):
    """The globals that a function's code asks for."""
    return {each.argval for each in dis.get_instructions(code) if each.opname == "LOAD_GLOBAL"}
