"""An interrupt (Ctrl-C, the stop button of a notebook) waits for the end of the step that is being made."""

import signal
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


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
    if not _may_set() or not callable(usual):
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


_HEARING: "weakref.WeakSet[Any]" = weakref.WeakSet()


def hear(player: Any) -> None:
    """Have `player.interrupted()` called when an interrupt comes that everybody ignores, as a kernel does while no cell
    runs. Whoever plays says so again and again: a cell that ends brings back what there was when it began."""
    _HEARING.add(player)
    if _may_set() and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, _tell)


def unhear(player: Any) -> None:
    """It plays no more."""
    _HEARING.discard(player)
    if not _HEARING and _may_set() and signal.getsignal(signal.SIGINT) is _tell:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _tell(number, frame):
    for player in tuple(_HEARING):
        player.interrupted()


def _may_set():
    return threading.current_thread() is threading.main_thread()
