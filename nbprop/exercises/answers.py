"""Answers as they come: run without harm, and made into plain arrays."""

import contextlib
import copy
import ctypes
import dis
import inspect
import io
import threading
from collections.abc import Callable
from numbers import Number
from typing import Any

import numpy as np

from nbprop.engine import Tensor

SECONDS = 10.0  # that one call of an answer may take
AGAIN = 0.1  # seconds from the first attempt to stop it to the second: time for what is in a `finally`


class Failed(Exception):
    """Why an answer gave nothing to compare, in words for who wrote it."""


class TooLong(BaseException):
    """Raised within an answer that does not end; no `except Exception` catches it."""


def run(function: Callable, arguments: tuple, seconds: float | None = None) -> Any:
    """What the function returns, given copies of the arguments, as plain arrays; else as `call`."""
    return call(function, copy.deepcopy(arguments), seconds, plain)


def call(function: Callable, arguments: tuple, seconds: float | None = None, seen: Callable | None = None) -> Any:
    """seen(function(*arguments)), by default what it returns; Failed if there is nothing.

    It may raise anything, ask to end the program, or go on for ever: it is stopped after `seconds` (default SECONDS),
    but not in all cases, see `timed`.
    """
    seconds = SECONDS if seconds is None else seconds
    try:
        found = timed(function, arguments, seconds)
        return found if seen is None else seen(found)
    except TooLong:
        raise Failed(f"It was stopped after {seconds:g} seconds: does its loop end?") from None
    except KeyboardInterrupt:
        raise Failed("It was interrupted before it returned anything.") from None
    except SystemExit:
        raise Failed("It ends the program (SystemExit); a function only returns its answer.") from None
    except Exception as error:
        raise Failed(f"It raises {type(error).__name__}: {error}{_called(function, arguments)}") from error


def timed(function: Callable, arguments: tuple, seconds: float) -> Any:
    """function(*arguments), with TooLong raised in this thread when it takes longer: again and again until it ends, as
    a bare `except:` catches that, too.

    Out of reach is what does not come back to Python's own loop: a long call in C (one product of huge matrices,
    `time.sleep`, `input()`) is stopped at its end, and one that never ends never. So may be a loop that hardly ever is
    at a place outside of such an `except:`. Where there are no threads, as in a browser, there is no limit.
    """
    thread, lock, ended, over = threading.get_ident(), threading.Lock(), threading.Event(), False

    def stop():
        wait = seconds
        while not ended.wait(wait):
            with lock:
                if over:
                    return
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(TooLong))
            wait = max(min(wait / 2, AGAIN), 1e-3)  # ever more often: one has to come outside of its `try`

    with contextlib.suppress(RuntimeError):  # no threads
        threading.Thread(target=stop, daemon=True).start()
    try:
        return function(*arguments)
    finally:
        over = True  # before anything is called, where the next TooLong could come
        with lock:
            ended.set()


def _called(function, arguments):
    """How it is called, if it cannot be called like that."""
    try:
        inspect.signature(function).bind(*arguments)
    except (TypeError, ValueError):
        return f" (It is called with {len(arguments)} arguments, in the order of the task.)"
    return ""


def printing() -> contextlib.redirect_stdout:
    """What an answer prints goes into `.getvalue()` of the text that this context gives."""
    return contextlib.redirect_stdout(io.StringIO())


def is_open(function: Callable) -> bool:
    """Is nothing in its body but a docstring, `...`, `pass` or constants?"""
    code = getattr(function, "__code__", None)
    return code is not None and all(
        step.opname.startswith(("RESUME", "NOP", "COPY_FREE", "LOAD_CONST", "LOAD_SMALL", "RETURN_"))
        for step in dis.get_instructions(code)
    )


def plain(value: Any) -> Any:
    """A copy as an array, where it can be one: of a Tensor (also PyTorch's), a number, a fraction, nested lists of any
    of these. Tuples stay tuples, since they may hold several outputs; None and `...` stay as they are."""
    if value is None or value is ... or isinstance(value, str):
        return value
    if isinstance(value, tuple | list):
        return type(value)(map(plain, value)) if type(value) in (tuple, list) else [plain(each) for each in value]
    return array(value)


def array(value: Any) -> np.ndarray:
    """Of an array, a Tensor, a number or a list, a copy; of numbers without imaginary part the real ones."""
    if isinstance(value, Tensor):
        value = value.data
    elif hasattr(value, "detach"):  # PyTorch's
        value = value.detach().cpu()
        value = (value.double() if value.is_floating_point() else value).numpy()
    elif isinstance(value, tuple | list):
        value = [array(each) for each in value]
    try:
        found: np.ndarray = np.array(value)
    except ValueError:  # lists of different lengths
        found = np.empty(len(value), dtype=object)
        for k, each in enumerate(value):  # not at once: NumPy would look into them again
            found[k] = each
    if found.dtype == object and found.size and all(isinstance(each, Number) for each in found.flat):
        found = found.astype(complex if any(isinstance(each, complex) for each in found.flat) else float)
    return found if np.any(np.iscomplex(found)) else np.real(found)
