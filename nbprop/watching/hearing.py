"""Whether the cell in which a loop runs is still running, and what pages say meanwhile.

JupyterLab with ipykernel 7 hands what a page says to another thread (a subshell), also while a cell runs: then there is
nothing to do here. Elsewhere it waits in the kernel's main thread until the cell is over, unless somebody lets the
kernel look: see `pump`.
"""

import sys
import threading
import time
from contextlib import suppress
from typing import Any

from nbprop.training import kernel

PUMP = 0.04  # seconds between two looks of the kernel


class Hearing:
    """running: whether a loop was begun, and is not known to be over."""

    def __init__(self) -> None:
        self.running = False
        self._thread: int | None = None
        self._loop: Any = None
        self._events: Any = None
        self._pumped = 0.0

    @property
    def knows(self) -> bool:
        """Whether it will be told when the cell of the loop is over."""
        return self._events is not None

    @property
    def here(self) -> bool:
        """Whether this is the thread in which the loop runs."""
        return self._thread == threading.get_ident()

    def begin(self, loop: Any) -> None:
        """A step was made in this thread."""
        if self.running and self._thread == threading.get_ident():
            return
        self.running, self._thread, self._loop = True, threading.get_ident(), loop
        ipython = sys.modules.get("IPython")
        shell = ipython.get_ipython() if ipython else None
        if shell is not None and self._events is None and self._thread == threading.main_thread().ident:
            self._events = shell.events
            self._events.register("post_run_cell", self._over)

    def _over(self, *_):
        """A cell is over; it is that of the loop, for cells run one after the other, where the loop runs in theirs."""
        loop = self._loop
        self._unregister()
        self.running = False
        if loop is not None:
            loop.cell_ended()

    def pump(self) -> None:
        """Let the kernel handle what pages have said, where it does not by itself; now and then."""
        now = time.perf_counter()
        if now - self._pumped < PUMP or self._events is None:  # in a cell of the main thread
            return
        found = kernel.kernel_here()
        if found is not None:
            kernel.look(found)
        self._pumped = time.perf_counter()

    def _unregister(self):
        events, self._events = self._events, None
        if events is not None:
            with suppress(ValueError):  # a shell that was reset
                events.unregister("post_run_cell", self._over)

    def end(self) -> None:
        """The loop is watched no more."""
        self._unregister()
        self.running, self._loop = False, None
