"""Functions of a user that are called when something has happened in a run."""

import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from nbprop.checks import did_you_mean

EVENTS = ("step", "evaluation", "turn", "diverged")


class Hooks:
    """complaint: what went wrong in one of them, until somebody has taken it."""

    def __init__(self) -> None:
        self._hooks = {event: [] for event in EVENTS}
        self.complaint = ""
        self._failed = set()  # complained about already

    def add(self, event, function=None) -> Callable[..., Any]:
        """The function; without one, a decorator that takes it."""
        hooks = self._of(event)
        if function is None:
            return lambda function: self.add(event, function)
        if not callable(function):
            raise TypeError(f"on({event!r}, ...) takes a function, got {function!r}")
        hooks.append(function)
        return function

    def remove(self, event, function) -> None:
        hooks = self._of(event)
        if function not in hooks:
            raise ValueError(f"{function!r} is not called on {event!r}")
        hooks.remove(function)
        self._failed.discard(function)

    def _of(self, event):
        if event not in self._hooks:
            raise ValueError(f"no event {event!r}{did_you_mean(event, EVENTS) or '.'} There are {', '.join(EVENTS)}")
        return self._hooks[event]

    def called_on(self, event) -> list[Callable[..., Any]]:
        """The functions that are called then."""
        return self._hooks[event]

    def call(self, event, *news) -> None:
        for function in tuple(self._hooks[event]):
            try:
                function(*news)
            except Exception as error:
                if function not in self._failed:
                    self._failed.add(function)
                    called = getattr(function, "__name__", repr(function))
                    self.complaint = f"{called}, called on {event!r}, failed: {type(error).__name__}: {error}"
                    with suppress(RuntimeWarning):  # where warnings are errors
                        warnings.warn(self.complaint, RuntimeWarning, stacklevel=2)
