"""Between two steps of a watched loop: what other threads want of it is done there."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from nbprop.record.source import CannotSay

from .hearing import Hearing

LONGEST = 60.0  # seconds that one thread waits for the end of a step
LOG = logging.getLogger("nbprop")
IDLE = 1.0  # seconds without a step after which another thread may do what waits


class Between:
    """The part of a Loop that hands over from thread to thread."""

    _hearing: Hearing
    _lock: Any
    _inbox: "deque[Callable[[], Any]]"
    _took: "dict[bool, float | None]"
    _last: float
    _paused: bool

    def post(self, function: "Callable[[], Any]") -> None:
        """Have a function called between two steps; at once where no loop runs. From any thread."""
        if (self._hearing.here or not self._running()) and self._lock.acquire(blocking=False):
            try:
                self._drain()
                function()
            finally:
                self._lock.release()
            return
        self._inbox.append(function)
        later = threading.Timer(2 * IDLE, self._drain_if_idle)  # the loop may have come to an end just now
        later.daemon = True
        later.start()

    def between(self, function: "Callable[[], Any]") -> Any:
        """What a function gives that looks into the model, called between two steps; waits for it."""
        done, found = threading.Event(), []

        def ask():
            try:
                found.append((function(), None))
            except Exception as error:
                found.append((None, error))
            done.set()

        self.post(ask)
        if not done.wait(LONGEST):
            raise CannotSay(f"the loop has not come to the end of its step in {LONGEST:.0f} s")
        value, error = found[0]
        if error is not None:
            raise error
        return value

    def _running(self):
        """Is a step perhaps being made? Then nobody else may touch the model. In a cell it is known when that is over;
        elsewhere a loop has ended when no step has come for much longer than one takes."""
        usual = LONGEST if self._hearing.knows else IDLE + 10 * (self._took[False] or self._took[True] or 0.0)
        return self._hearing.running and (self._paused or time.perf_counter() - self._last < usual)

    def _drain(self):
        while self._inbox:
            function = self._inbox.popleft()
            try:
                function()
            except Exception:
                LOG.exception("something that was asked of a watched loop failed")

    def _drain_if_idle(self):
        if self._inbox and not self._running():
            with self._lock:
                self._drain()
