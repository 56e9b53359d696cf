"""What can be played in the background of a notebook, watched by views, and reached by hands in other threads."""

import asyncio
import math
import threading
from collections import deque

from nbprop.record import Diverged

from . import cells, knobs
from .player import Player


class Live:
    """Steps that can be played. A subclass has `steps`, how many were made, and makes one more in `_advance()`."""

    blocking = "step(n)"  # what to use where nothing can go on in the background

    def __init__(self, speed=math.inf):
        self.watchers = set()  # boards that show it: .needs, .seen, .pump()
        self.version = 0  # changes whenever there is something new to show
        self.status, self.message = "ready", ""
        self._inbox = deque()
        self._thread, self._loop = threading.get_ident(), running_loop()
        self._player = Player(self)
        self.speed = speed
        cells.claim(self)

    # ---- what a hand does ----------------------------------------------------------------------------------------

    def play(self, steps=None, unseen=False):
        """Go on in the background of the notebook, for `steps` more steps or until `pause`; returns at once.

        What nobody can see pauses after 5 s and goes on when somebody is back; `unseen=True` lets it go on.
        """
        self._loop = self._loop or running_loop()
        if self._loop is None:
            raise RuntimeError(
                f"play() goes on in the background of a notebook; here nothing runs in the background: "
                f"use {self.blocking}"
            )
        until = math.inf if steps is None else self.steps + knobs.whole("steps", steps, 0)
        self.post(lambda: self._play(until, unseen))

    def _play(self, until, unseen):
        self.message = ""
        self._player.start(until, unseen)
        self._set_status("playing")

    def pause(self):
        """Stop after the step that is being made."""
        self.post(self._pause)

    def _pause(self):
        self._player.stop()
        if self.status in ("playing", "unseen"):
            self._set_status("paused")

    def step(self, n=1):
        """Make n steps, then pause."""
        knobs.whole("n", n, 1)
        self.post(lambda: self._few(n))

    def _few(self, n):
        self._pause()
        for _ in range(n):
            self._advance()
        self._set_status("paused")
        self._changed()

    def replaced(self):
        """The cell that made it was run again."""
        self.pause()

    @property
    def playing(self):
        """Whether it goes on in the background right now."""
        return self._player.playing

    @property
    def speed(self):
        """Most steps per second of `play`."""
        return self._player.speed

    @speed.setter
    def speed(self, value):
        value = float(value)
        if not value > 0:
            raise ValueError(f"speed must be a number of steps per second above 0 (or infinity), got {value:g}")
        self._player.speed = value

    def post(self, function):
        """Have a function without arguments called between two steps, in the thread that makes them: at once if this is
        that thread. Callbacks of widgets arrive in other threads."""
        if threading.get_ident() == self._thread:
            self._drain()
            function()
            return
        self._inbox.append(function)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._drain)
        elif self.status != "playing":
            self._drain()

    def _drain(self):
        while self._inbox:
            try:
                self._inbox.popleft()()
            except Exception as error:  # whoever asked is in another thread; the views show the message
                self._fail(error, stop=isinstance(error, Diverged))

    # ---- telling the views -----------------------------------------------------------------------------------------

    def _changed(self):
        self.version += 1
        self._pump()

    def _pump(self):
        for watcher in tuple(self.watchers):
            watcher.pump()

    def _set_status(self, status):
        if status != self.status:
            self.status = status
            self._changed()

    def _fail(self, error, stop=True):
        self.message = str(error)
        if stop:
            self._player.stop()
            self.status = "stopped"
        self._changed()


def running_loop():
    """The event loop of this thread, or None."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
