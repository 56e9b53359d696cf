"""Training in the background of the notebook: short slices on its own event loop, so that cells and sliders go on.

A run that is held back by its speed wakes once a picture, not once a step: a step that comes alone takes twice as long
as one among others, and waking costs as much again. What a hand asks for meanwhile is done at once: see `Live.post`.

Measured on JupyterLab with ipykernel 7: a message to the kernel needs five to nine turns of the event loop. Ten turns
between two slices of 12 ms cost training nothing and let a slider act within some 20 ms; one turn makes it 130 ms.
"""

import asyncio
import math
import sys
import time
import weakref
from typing import Any

from .interrupt import deferred, hear, unhear

SLICE = 0.012  # seconds of training between two looks at the messages
PICTURES = 30.0  # per second, of a run that is held back by its speed
REST = 0.25  # seconds: the longest without a look at who is watching
GRACE = 5.0  # seconds that a run goes on although nobody can see it (a view takes a moment to appear)
TURNS = 10


class Player:
    """Drives a trainer's steps from an asyncio task, at up to `speed` steps per second."""

    def __init__(self, trainer) -> None:
        self._trainer = weakref.ref(trainer)  # whose memory is free as soon as nobody holds it and it does not play
        self.speed = math.inf
        self.unseen = False  # go on although nobody can see it
        self.until = math.inf
        self._task = None
        self._last_seen = 0.0
        self._rest = None  # done when it is time to go on

    @property
    def trainer(self) -> Any:
        return self._trainer()

    @property
    def playing(self) -> bool:
        return self._task is not None

    def wake(self) -> None:
        """Go on now, in the thread that plays: there is another speed."""
        if self._rest is not None and not self._rest.done():
            self._rest.set_result(True)

    def start(self, until, unseen) -> None:
        self.until, self.unseen = until, unseen
        if self._task is None:
            self._last_seen = time.perf_counter()
            # It holds the trainer: a run that plays goes on, whoever lets go of it.
            self._task = asyncio.get_running_loop().create_task(self._play(self.trainer))

    def interrupted(self) -> None:
        """An interrupt came while no cell ran: perhaps in the middle of anything, so it is heeded a little later."""
        if (task := self._task) is None:
            return
        if task.get_loop().is_closed():  # with which the playing has ended: nobody told it
            self.stop()
        else:
            task.get_loop().call_soon_threadsafe(self.trainer.interrupted)

    def stop(self) -> None:
        unhear(self)
        task, self._task = self._task, None
        if task is not None and task is not _current_task():
            loop = task.get_loop()
            if loop is running_loop():
                task.cancel()
            elif not loop.is_closed():  # another thread's
                loop.call_soon_threadsafe(task.cancel)

    async def _play(self, trainer):
        mine = asyncio.current_task()
        due = time.perf_counter()  # when the next step is to be made
        try:
            while self._task is mine and trainer.steps < self.until:
                hear(self)
                now = time.perf_counter()
                if self._nobody_looks(now):
                    trainer._set_status("unseen")
                    await asyncio.sleep(0.1)
                    continue
                if not trainer._lock.acquire(blocking=False):  # another thread looks into the run
                    await asyncio.sleep(0.005)
                    continue
                bunch = max(1, int(self.speed // PICTURES)) if self.speed < math.inf else sys.maxsize  # steps at a time
                waits = (bunch - 1) / self.speed  # until the last of them is due
                try:
                    trainer._set_status("playing")
                    due = max(due, now - waits - SLICE)  # time that was lost is not caught up
                    with trainer._by_itself():
                        due, left = self._slice(mine, due, bunch, now + SLICE)
                        trainer._refresh()
                finally:
                    trainer._release()
                now = time.perf_counter()
                if await self._breathe(0 if left and due <= now else due + waits - now):
                    due = min(due, time.perf_counter() + 1 / self.speed)
        except KeyboardInterrupt:  # at the end of a slice; the kernel goes on
            trainer.interrupted()
        except Exception as error:  # a background task has no cell to show a traceback in: the views show it
            if self._task is mine:
                self._task = None
            trainer._fail(error)
        else:
            if self._task is mine:
                self._task = None
                trainer._set_status("paused")
        finally:
            if self._task is None:
                unhear(self)

    def _slice(self, mine, due, bunch, end):
        """At most so many steps, until a moment; when the next one is to be made, and how many are left."""
        trainer = self.trainer
        with deferred() as interrupt:
            while bunch and due <= time.perf_counter() < end and not interrupt.came:
                trainer._drain()
                if self._task is not mine or trainer.steps >= self.until:
                    break
                trainer._advance()
                due, bunch = due + 1 / self.speed, bunch - 1
        return due, bunch

    async def _breathe(self, idle):
        """Let the notebook handle its messages; for `idle` seconds if there is nothing to do before. True if waked."""
        if idle < 0.001:
            await turns()
            return False
        loop = asyncio.get_running_loop()
        self._rest = rest = loop.create_future()
        timer = loop.call_later(min(idle, REST), lambda: rest.done() or rest.set_result(False))
        try:
            return await rest
        finally:
            timer.cancel()

    def _nobody_looks(self, now):
        watchers = self.trainer.watchers
        if self.unseen or not watchers or any(getattr(watcher, "seen", True) for watcher in watchers):
            self._last_seen = now
        return now - self._last_seen > GRACE


async def turns() -> None:
    """Let the notebook handle its messages."""
    if sys.platform == "emscripten":  # there messages come only to who sleeps
        await asyncio.sleep(0.005)
    for _ in range(TURNS):
        await asyncio.sleep(0)


def _current_task():
    return None if running_loop() is None else asyncio.current_task()


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop of this thread, or None."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
