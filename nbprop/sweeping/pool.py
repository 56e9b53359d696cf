"""The engines that make the runs: a pool of processes of our own, or whatever executor is given.

A process pool of `concurrent.futures` is broken as a whole when one of its processes dies. Then a new one is made, and
the runs that were under way, of which one may be to blame, go alone.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
import weakref
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from typing import Any

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
MOST = 61 if sys.platform == "win32" else 2**20  # processes that a pool may have
AHEAD = 256  # runs that an executor of unknown size is given at a time
LOOK = 5.0  # seconds between two looks at how large a cluster is


class Given:
    """Somebody else's executor: anything with the interface of `concurrent.futures.Executor`."""

    owned = False

    def __init__(self, executor: Any, ahead: "int | None") -> None:
        if not callable(getattr(executor, "submit", None)):
            raise TypeError(
                "executor must have the interface of concurrent.futures.Executor, as ProcessPoolExecutor(2), "
                f"dask.distributed.Client().get_executor() or joblib's loky have; got {executor!r}"
            )
        self._executor = executor
        workers = getattr(executor, "_max_workers", None)
        self.workers = workers if isinstance(workers, int) else None
        self._ahead = ahead or (max(2 * self.workers, 4) if self.workers else None)
        self._looked, self._seen = float("-inf"), AHEAD

    @property
    def ahead(self) -> int:
        """How many runs it is given at a time. A cluster of Dask may grow: then it is twice as many as it has threads
        now, and at least 256, as one that adapts itself grows by what waits."""
        if self._ahead is None and time.monotonic() - self._looked > LOOK:
            self._looked = time.monotonic()
            self._seen = max(2 * _threads(self._executor), AHEAD)
        return self._ahead or self._seen

    def submit(self, function, *arguments) -> "Future[Any]":
        return self._executor.submit(function, *arguments)

    def again(self) -> bool:
        """Can it go on after it was broken?"""
        return False

    def end(self) -> None:
        """It is not ours to end."""

    def kill(self) -> None:
        """What runs there runs to its end."""


class Pool:
    """Processes of our own, as many as there are cores, with one thread of BLAS each; they end when this one does."""

    owned = True

    def __init__(self, workers: "int | None", ahead: "int | None") -> None:
        self.workers = min(workers or _cores(), MOST)
        self.ahead = ahead or 2 * self.workers + 2
        self._executor, self.over = None, False  # over: the interpreter ends
        self._environment = os.environ | dict.fromkeys(THREADS, "1")  # of all its processes, whenever they begin

    def submit(self, function, *arguments) -> "Future[Any]":
        if self.over:
            raise RuntimeError("Python is ending")
        if self._executor is None:
            context = multiprocessing.get_context("spawn")
            self._executor = ProcessPoolExecutor(
                self.workers, context, initializer=_begin, initargs=(self._environment,)
            )
            _end_with_the_interpreter(self)
        begun = len(getattr(self._executor, "_processes", None) or ())
        with _for_children() if begun < self.workers else contextlib.nullcontext():
            return self._executor.submit(function, *arguments)

    def again(self) -> bool:
        self.kill()
        return not self.over

    def end(self) -> None:
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=False, cancel_futures=True)

    def kill(self) -> None:
        """End the processes, with whatever they are at."""
        executor, self._executor = self._executor, None
        if executor is not None:
            for process in list((getattr(executor, "_processes", None) or {}).values()):
                process.kill()
            executor.shutdown(wait=True, cancel_futures=True)  # which has nothing to wait for any more


def _threads(executor):
    """Of the workers that a cluster of Dask has now; 0 where that is not known."""
    ask: Any = getattr(getattr(executor, "_client", None), "nthreads", None)
    try:
        return sum(ask().values()) if ask else 0
    except Exception:  # it is gone: handing out a run will say so
        return 0


def engine(executor: Any, workers: "int | None", ahead: "int | None") -> "Given | Pool":
    return Pool(workers, ahead) if executor is None else Given(executor, ahead)


def broken(error: BaseException) -> bool:
    """Has the executor as a whole come to an end, and not one run?"""
    return isinstance(error, BrokenExecutor) or type(error).__name__ == "ShutdownExecutorError"  # of loky


def _cores():
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


_environment = threading.Lock()


@contextlib.contextmanager
def _for_children():
    """Processes that are begun inside have one thread of BLAS each, or they would get in each other's way; and they do
    not run the script that begins them, which would begin the sweep anew."""
    with _environment:
        before = {name: os.environ.get(name) for name in THREADS}
        main = sys.modules["__main__"]
        hidden = {name: getattr(main, name) for name in ("__file__", "__spec__") if hasattr(main, name)}
        try:
            os.environ.update(dict.fromkeys(THREADS, "1"))
            for name in hidden:
                setattr(main, name, None)
            if "__file__" in hidden:
                del main.__file__
            yield
        finally:
            for name, value in hidden.items():
                setattr(main, name, value)
            for name, value in before.items():
                if os.environ.get(name) == "1":  # else another thread has set it meanwhile
                    os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def _begin(environment):
    """In a new process: the environment variables are those of the others, whatever the notebook has set since; Ctrl-C
    and the kernel's interrupt are for the notebook, without which it is of no use."""
    if os.environ != environment:
        os.environ.clear()
        os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent,), daemon=True).start()


def _follow(parent):
    parent.join()
    os._exit(0)


def _end_with_the_interpreter(pool):
    """The interpreter would wait for runs that are under way; it kills them instead."""
    register = getattr(threading, "_register_atexit", None)  # before concurrent.futures waits, which is atexit too late
    known = weakref.ref(pool)

    def kill():
        if (there := known()) is not None:
            there.over = True  # or its processes, which are gone, would be begun anew
            there.kill()

    with contextlib.suppress(RuntimeError):  # it is ending already
        if register is not None:
            register(kill)
