"""One run of a sweep, in whatever worker it is made: a point and a seed in, a dict of plain numbers and words out."""

import ctypes
import os
import pickle
import random
import socket
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from typing import Any, Self

import numpy as np

from nbprop.record import Diverged
from nbprop.record.source import STATES

POINTS = 100  # of each series that are kept
GRACE = 5.0  # seconds in which a run that has had its time may come to an end by itself
LINES = 12  # of a traceback

done, diverged, failed, late = STATES[2:]
unread, interrupted = "unread", "interrupted"  # no run can be made there; it is to be made again


class Unread(Exception):
    """The worker cannot read what it is to do: no run would come to anything."""


class OutOfTime(BaseException):
    """Raised in the middle of a run that takes longer than it may."""


def here() -> str:
    """This process, by the names of its machine and its number."""
    return f"{socket.gethostname()}:{os.getpid()}"


def work(packed: bytes, point: "dict[str, Any]", seed: int, steps: "int | None", limit: "float | None",
         owned: bool = False, home: str = "", points: int = POINTS) -> "dict[str, Any]":  # fmt: skip
    """What became of one run. It raises nothing: what goes wrong is said in the answer.

    packed: what `packing.pack` made of make and measure; owned: the process is ours, and may be ended when the run
    cannot be interrupted; home: the process of the notebook, whose global generators are left alone; points: of each
    series that are kept. The answer:
    `status`, `numbers` (name -> float), `history` (name -> [steps, values]), `seconds`, `worker`, `error`.
    """
    began = time.perf_counter()
    answer = {"status": failed, "numbers": {}, "history": {}, "error": ""}
    if here() != home:
        begin(seed)
    try:
        with _Watch(limit, owned) as watch, nullcontext() if owned else _ONE_THREAD:
            make, measure, takes_seed = unpacked(packed)
            made = make(**point, **({"seed": seed} if takes_seed else {}))
            answer |= _trained(made, measure, steps, watch, points)
    except Unread as error:
        answer |= {"status": unread, "error": str(error)}
    except OutOfTime:
        answer |= {"status": late, "error": f"took longer than {limit:g} s"}
    except Diverged as error:
        answer |= {"status": diverged, "error": str(error)}
    except KeyboardInterrupt:
        answer |= {"status": interrupted}
    except BaseException as error:
        answer |= {"error": _said(error)}
    return answer | {"seconds": round(time.perf_counter() - began, 6), "worker": here()}


def begin(seed: int) -> None:
    """Set the global generators, for a make that draws from them."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 (what make draws from the global generator is to be the same, too)


def _trained(made, measure, steps, watch, points):
    if not hasattr(made, "fit") or not hasattr(made, "history"):
        watch.over()
        if callable(measure):
            made = measure(made)
        return {"status": done, "numbers": _numbers(made)}
    status, error = done, ""
    try:
        if steps is not None and made.steps < steps:
            made.fit(steps=steps - made.steps, bar=False)
        if not made.steps:
            raise ValueError("make gave a trainer that has made no step: say steps=200, or fit it in make")
    except Diverged as problem:
        status, error = diverged, str(problem)
    history = thinned(made.history, points)
    try:
        numbers = _measured(made, measure)
    except Exception:
        if status != diverged:  # of what has diverged there may be nothing to measure
            raise
        numbers = {}
    watch.over()
    return {"status": status, "error": error, "numbers": numbers, "history": history}


def _measured(trainer, measure):
    if callable(measure):
        return _numbers(measure(trainer))
    if measure is None:
        return {name: float(trainer.history[name][-1]) for name in thinned(trainer.history)}
    found = {}
    for name in measure:
        if name not in trainer.history:
            there = ", ".join(name for name in trainer.history if np.ndim(trainer.history[name]) == 1)
            raise KeyError(f"measure: there is no series {name!r}; there are {there}")
        values = trainer.history[name]
        if values.ndim != 1:
            which = f"measure=lambda trainer: trainer.history[{name!r}][-1, 0]"
            raise ValueError(f"measure: {name!r} has a number for each layer; say which, {which}")
        found[name] = float(values[-1])
    return found


def _numbers(made):
    """name -> float."""
    named = made if isinstance(made, Mapping) else {"value": made}
    found = {}
    for name, value in named.items():
        array = np.asarray(getattr(value, "data", value) if type(value).__name__ == "Tensor" else value)
        if array.dtype.kind not in "biuf" or array.size != 1:
            what = f"an array of shape {array.shape}" if array.ndim else repr(value)
            of = f" as {name!r}" if named is made else ""
            tip = "; take one of them, or their mean" if array.size > 1 else ""
            raise TypeError(f"expected a number, or a dict of numbers, of each run, got {what}{of}{tip}")
        found[str(name)] = float(array.reshape(()))
    if not found:
        raise TypeError("expected a number, or a dict of numbers, of each run, got an empty dict")
    return found


def thinned(history: Any, points: int = POINTS) -> "dict[str, Any]":
    """name -> [steps, values] of all series of single numbers, at most `points` of each, with the first and the last;
    none of them for 0."""
    found = {}
    for name in history if points else ():
        steps, values = history.series(name)
        if values.ndim == 1 and len(values):
            at = np.unique(np.linspace(len(values) - 1, 0, min(len(values), points)).round().astype(int))
            found[name] = [steps[at].tolist(), [float(f"{value:.6g}") for value in values[at]]]
    return found


def unpacked(packed: bytes) -> Any:
    """make, measure, and whether make takes a seed: anew for each run, as nothing that one run has changed, such as a
    generator that make names, may reach the next."""
    try:
        return pickle.loads(packed)
    except Exception as error:
        raise Unread(
            f"this worker cannot read make and measure ({type(error).__name__}: {error}): it must have the modules "
            "that they come from, and the same Python; what is defined in the notebook itself travels by value"
        ) from error


class _OneThread:
    """BLAS in one thread, so that a run gives the same numbers wherever it is made. Processes of ours have that from
    their start; elsewhere threadpoolctl does it, where it is installed: for all of the process, so the first run that
    goes on in it begins that, and the last one ends it."""

    def __init__(self) -> None:
        self._lock, self._inside, self._limits = threading.Lock(), 0, None
        self._libraries: Any = None
        self._modules = 0  # that were loaded when they were looked for

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                with suppress(ImportError):
                    import threadpoolctl

                    if self._modules != len(sys.modules):  # looking for libraries takes one or two milliseconds
                        self._libraries, self._modules = threadpoolctl.ThreadpoolController(), len(sys.modules)
                    self._limits = self._libraries.limit(limits=1)

    def __exit__(self, *_) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside and self._limits is not None:
                self._limits.restore_original_limits()
                self._limits = None


_ONE_THREAD = _OneThread()


def _said(error):
    """The error, where it happened in the caller's own code, and the last lines of its traceback."""
    try:
        lines = "".join(traceback.format_exception(error)).strip().splitlines()
        return "\n".join([f"{type(error).__name__}: {error}", *lines[-LINES:]])
    except Exception:  # its words are a fault themselves
        return type(error).__name__


class _Watch:
    """Interrupts a run that takes too long: an exception in its thread, between two lines of Python. One that is deep
    in a library does not hear it; then the process ends, if it is ours, and whoever waits for it is told."""

    def __init__(self, limit: "float | None", owned: bool) -> None:
        self._limit, self._owned, self._thread = limit, owned, threading.get_ident()
        self._lock, self._over, self._raised, self._timers = threading.Lock(), False, False, []

    def __enter__(self) -> Self:
        if self._limit is not None:
            self._timers = [threading.Timer(self._limit, self._interrupt)]
            if self._owned:
                self._timers.append(threading.Timer(self._limit + GRACE, self._end))
            for timer in self._timers:
                timer.daemon = True
                timer.start()
        return self

    def _interrupt(self):
        with self._lock:
            if not self._over:
                self._raised = True
                _raise(self._thread, ctypes.py_object(OutOfTime))

    def _end(self):
        with self._lock:
            if not self._over:
                print(f"nbprop: a run of a sweep could not be interrupted after {self._limit:g} s", file=sys.stderr)
                os._exit(75)

    def over(self) -> None:
        """It has made it."""
        with self._lock:
            if self._raised and not self._over and self._thread == threading.get_ident():
                _raise(self._thread, None)  # what has not arrived yet is too late
            self._over = True
        for timer in self._timers:
            timer.cancel()

    def __exit__(self, *_) -> None:
        self.over()


def _raise(thread, what):
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), what)
