"""What can be played in the background of a notebook, watched by views, and reached by hands in other threads."""

import math
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from nbprop import cells
from nbprop.checks import number, whole
from nbprop.record import Diverged

from . import kernel
from .interrupt import deferred
from .player import Player, running_loop

PATIENCE = 60.0  # seconds that one thread waits for another's step to end


class Waiting(ValueError):
    """No step can be made yet: it says what is missing. Nothing has gone wrong."""


class Live:
    """Steps that can be played. A subclass has `steps`, how many were made, and makes one more in `_advance()`.

    One thread at a time *drives*: it makes steps, turns knobs, looks into the model. Whoever comes from another thread
    meanwhile puts what is to be done into the inbox; the driver does it between two steps.
    """

    blocking = "step(n)"  # what to use where nothing can go on in the background
    steps: int
    watchers: set  # those who watch it, see record/source.py
    version: int  # changes whenever there is something new to show
    status: str
    message: str

    def __init__(self, speed=math.inf) -> None:
        self.watchers = set()
        self.version = 0
        self.status, self.message = "ready", ""
        self._live(speed)
        cells.claim(self)

    def _live(self, speed):
        """What belongs to this process and thread: made anew in a copy."""
        self._inbox: deque = deque()
        self._lock: Any = threading.RLock()  # held by whoever drives
        self._stepping = False  # in the middle of a step, where nothing else may be done
        self._alone = False  # in a loop of its own, where nobody else's code runs
        self._loop, self._loop_thread = running_loop(), threading.get_ident()
        self._player = Player(self)
        self.speed = speed

    # ---- what a hand does ----------------------------------------------------------------------------------------

    def play(self, steps: "int | None" = None, unseen: bool = False) -> None:
        """Go on in the background of the notebook, for `steps` more steps or until `pause`; returns at once.

        What nobody can see pauses after 5 s and goes on when somebody is back; `unseen=True` lets it go on.
        """
        if self._loop is None or not self._loop.is_running():  # that of a page's thread ends with the page
            self._loop, self._loop_thread = running_loop(), threading.get_ident()
        if self._loop is None:
            raise RuntimeError(
                f"play() goes on in the background of a notebook; here nothing runs in the background: "
                f"use {self.blocking}"
            )
        until = math.inf if steps is None else self.steps + whole(0)("steps", steps)
        if threading.get_ident() == self._loop_thread:
            self.post(lambda: self._play(until, unseen))
        else:  # only there can it begin
            self._loop.call_soon_threadsafe(self.post, lambda: self._play(until, unseen))

    def _play(self, until, unseen):
        self.message = ""
        self._player.start(until, unseen)
        self._set_status("playing")

    def pause(self) -> None:
        """Stop after the step that is being made."""
        self.post(self._pause)

    def _pause(self):
        self._player.stop()
        if self.status in ("playing", "unseen"):
            self._set_status("paused")

    def interrupted(self) -> None:
        """The kernel was interrupted while it goes on in the background: it pauses, and says why."""
        self.post(self._interrupted)

    def _interrupted(self):
        if self.playing:
            self.message = f"Interrupted after step {self.steps}: Play goes on from here"
            self._pause()

    def step(self, n: int = 1) -> None:
        """Make n steps, then pause."""
        whole(1)("n", n)
        self.post(lambda: self._few(n))

    def _few(self, n):
        self.message = ""
        self._pause()
        self._set_status("playing")
        try:
            with self._by_itself(), deferred() as interrupt:
                for _ in range(n):
                    self._drain()
                    if self.status != "playing" or interrupt.came:
                        break
                    self._advance()
        finally:
            if self.status == "playing":
                self._set_status("paused")
        self._changed()

    def replaced(self) -> None:
        """The cell that made it was run again."""
        self.pause()

    @property
    def playing(self) -> bool:
        """Whether it goes on in the background right now."""
        return self._player.playing

    @property
    def speed(self) -> float:
        """Most steps per second of `play`."""
        return self._player.speed

    @speed.setter
    def speed(self, value) -> None:
        value = value if value == math.inf else number(above=0, tip="30, or infinity")("speed", value)
        self._player.speed = float(value)
        if self._player.playing:
            self.post(self._player.wake)

    # ---- threads ----------------------------------------------------------------------------------------------------

    def post(self, function: Callable[[], Any]) -> None:
        """Have a function without arguments called between two steps: at once if nobody is making one, else by whoever
        is. In a notebook it is the notebook's own thread that does it: callbacks of widgets arrive in other ones."""
        loop = self._loop
        if self._driving():
            self._inbox.append(function) if self._stepping else self._called(function)
        elif loop is not None and loop.is_running() and threading.get_ident() != self._loop_thread:
            self._inbox.append(function)
            loop.call_soon_threadsafe(self._drain_if_free)
        elif self._lock.acquire(blocking=False):
            try:
                self._drain()
                function()
            finally:
                self._release()
        else:
            self._inbox.append(function)
            self._drain_if_free()  # the other one may have come to an end just now

    def between(self, function: Callable[[], Any]) -> Any:
        """What a function gives that looks into the run, called between two steps; waits for it."""
        if self._driving():
            return function() if self._alone else self._called(function)
        if self._lock.acquire(blocking=False):
            try:
                return function()
            finally:
                self._release()
        done, found = threading.Event(), []

        def ask():
            try:
                found.append((function(), None))
            except Exception as error:
                found.append((None, error))
            done.set()

        self._inbox.append(ask)
        waited = 0.0
        while not done.wait(0.05):
            self._drain_if_free()
            waited += 0.05
            if waited > PATIENCE and not done.is_set():
                raise RuntimeError(
                    f"the thread that trains has not come to the end of its step in {PATIENCE:.0f} s: is it waiting "
                    "for this one?"
                )
        value, error = found[0]
        if error is not None:
            raise error
        return value

    @contextmanager
    def driving(self) -> Iterator[None]:
        """Inside, this thread makes the steps."""
        self._lock.acquire()
        try:
            yield
        finally:
            self._release()

    def _driving(self):
        return self._lock._is_owned()

    @contextmanager
    def _by_itself(self, alone=True) -> Iterator[None]:
        """Inside, nobody else's code runs; with alone=False somebody's does, in such a loop. It is for who drives to
        say: from another thread it does nothing."""
        was, mine = self._alone, self._driving()
        if mine:
            self._alone = alone
        try:
            yield
        finally:
            if mine:
                self._alone = was

    def _leave(self):
        """Somebody else's code may run from here on."""

    def lend(self, function: Callable[[], Any]) -> None:
        """Call somebody else's function from inside a loop of one's own."""
        self._leave()
        with self._by_itself(False):
            function()

    def _called(self, function):
        """What a function gives that somebody calls who drives."""
        try:
            return function()
        finally:
            if not self._stepping:
                self._leave()

    def _release(self):
        self._let_go()
        self._drain_if_free()

    def _let_go(self):
        try:
            self._leave()
        finally:
            self._lock.release()

    def _drain_if_free(self):
        """Do what waits in the inbox, unless another thread drives and will."""
        while self._inbox and not self._stepping and self._lock.acquire(blocking=False):
            try:
                self._drain()
            finally:
                self._let_go()

    def _drain(self):
        """Do what has come so far; not what comes meanwhile: whoever turns a knob without end must not stop the run."""
        for _ in range(len(self._inbox)):
            try:
                self.lend(lambda: self._inbox.popleft()())
            except IndexError:  # it was done inside one of them
                return
            except Exception as error:  # whoever asked is in another thread; the views show the message
                self._fail(error, stop=isinstance(error, Diverged))

    def _advance(self) -> None:
        """Make one step."""
        raise NotImplementedError

    # ---- telling the views -----------------------------------------------------------------------------------------

    def _changed(self):
        self.version += 1
        self._refresh()

    def _refresh(self):
        self.tell(self.watchers)

    def _look_up(self):
        """Now and then in a loop that a cell waits for: views look, and where pages are not heard beside the cell, the
        kernel does."""
        self._refresh()
        if kernel.waits():
            self.lend(lambda: kernel.look(kernel.kernel_here()))

    def tell(self, watchers: Iterable[Any]) -> None:
        """Have those who watch look, as `refresh` of each does."""
        for watcher in tuple(watchers):
            if type(watcher).__module__.startswith("nbprop."):
                watcher.refresh()
            else:
                self.lend(watcher.refresh)

    def _set_status(self, status):
        if status != self.status:
            self.status = status
            self._changed()

    def _fail(self, error, stop=True):
        self.message = str(error)
        if stop:
            self._player.stop()
            self.status = "paused" if isinstance(error, Waiting) else "stopped"
        self._changed()
