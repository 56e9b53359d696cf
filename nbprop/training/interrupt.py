"""An interrupt (Ctrl-C, the stop button of a notebook) waits for the end of the step that is being made."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Interrupt:
    """Whether one has come, and how often: a second one is not kept waiting."""

    def __init__(self) -> None:
        self.came = 0


@contextmanager
def deferred() -> Iterator[Interrupt]:
    """Inside, an interrupt is noted in what this yields; at the end, however that comes, it is handed on to whoever
    usually hears it, who raises KeyboardInterrupt. A second interrupt is handed on at once. Nothing in threads that get
    no interrupts."""
    noted = Interrupt()
    usual = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(usual):
        yield noted
        return

    def note(number, frame):
        noted.came += 1
        if noted.came > 1:
            usual(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, usual)
        if noted.came == 1:
            usual(signal.SIGINT, None)
