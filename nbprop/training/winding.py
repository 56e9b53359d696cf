"""Going to a moment of the past, in slices between the steps of a trainer that are not disturbed by it.

A second run (twin.py) makes the steps again. Where it stands meanwhile is a state of the run, too, that of an earlier
step: it is shown, and named, until the one that was asked for is there.
"""

import asyncio
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from nbprop.checks import whole
from nbprop.record.source import CannotSay

from .interrupt import deferred
from .live import Live
from .past import same_trail
from .player import SLICE, running_loop, turns
from .twin import Twin

AT_ONCE = 0.02  # seconds that `show` may take; what takes longer is left to the background
UNSEEN = 0.05  # seconds more, where turns follow each other and there is no step yet to look into
GROWN = 1.0  # seconds between two looks at a history that grows while the moment stays
BLOCKED = 0.1  # seconds without a turn of the event loop: a cell trains
CLOSED = "this moment was closed: trainer.at(step) makes another"


class Watchers(set):
    """Who watches a moment. As long as there is anybody, the moment watches its trainer."""

    def __init__(self, moment) -> None:
        super().__init__()
        self._moment = moment

    def add(self, watcher) -> None:
        super().add(watcher)
        self._moment._trainer.watchers.add(self._moment)

    def discard(self, watcher) -> None:
        super().discard(watcher)
        if not self:
            self._moment._trainer.watchers.discard(self._moment)


class Winding:
    """The part of a Moment that goes somewhere."""

    version: int
    watchers: set

    def __init__(self, trainer, step, wait) -> None:
        self._trainer: Any = trainer
        self._twin: Any = None
        self._way: Any = None  # the steps that are still to be made
        self._trail: Any = None  # what has led to the state that was asked for
        self._asked = whole(0, trainer.steps)("step", step)
        self._why = self._differs = ""  # why it cannot be shown; how it is not what it was
        self._closed, self._gone = False, (-1, "")
        self._task, self._posted = None, False
        self._turned = self._grown = -math.inf
        self._known = trainer.version
        self.version, self.watchers = 0, Watchers(self)
        self._go_to(self._asked, wait)
        if self._why:
            raise ValueError(self._why)

    def show(self, step: int, wait: bool = False) -> None:
        """Go to the state after `step`. What takes more than some 20 ms is computed in the background of the notebook,
        and arrives: until then an earlier step is shown. A newer `show` takes the place of an older one.

        wait: come back only when it is there; so it is where nothing can run in the background. Raises ValueError for a
        step that the run has not come to; what cannot be shown for another reason is said in `message`, and by views.
        """
        if self._closed:
            raise ValueError(CLOSED)
        self._go_to(whole(0, self._trainer.steps)("step", step), wait)

    def _go_to(self, step, wait):
        trainer = self._trainer
        if trainer.steps:
            Live.between(trainer, lambda: self._show(step, wait))
        else:  # what was changed in code before the first step is how the run begins
            trainer.between(lambda: self._show(step, wait))

    def _show(self, step, wait):
        trainer, past = self._trainer, self._trainer._past
        self._asked, self._trail, self._way = step, None, None
        self._why, self._differs, self._gone = "", "", (-1, "")
        try:
            if self._twin is None or self._twin.full or self._is_of_another_run():
                self._twin = Twin(trainer._run, past)
            past.start(step)
        except ValueError as error:
            self._why = str(error)
        else:
            self._trail, self._way = past.trail(step), self._twin.to(past, step)
            loop = running_loop() or trainer._loop
            background = not wait and loop is not None and loop.is_running()
            self._go(0 if background else math.inf)
            if background and (step - self._twin.run.steps) * self._twin.cost < AT_ONCE:
                self._go(AT_ONCE)
            if background:
                self._leave_to(loop)
        self._changed()

    def _is_of_another_run(self):
        trainer, twin = self._trainer, self._twin
        return trainer._run is not twin.first or trainer._past.snapshots[0] is not twin.beginning

    def _go(self, seconds):
        """Make steps for so long, at least one."""
        way, twin, end = self._way, self._twin, time.perf_counter() + seconds
        if way is None or self._lost():
            self._way = None
            return
        made = []
        try:
            with twin.unnoticed(), deferred() as interrupt, np.errstate(all="ignore"):
                for each in way:
                    made.append(each)
                    late = time.perf_counter() - end
                    if interrupt.came or late >= (0 if twin.run.taps else UNSEEN):
                        break
            if twin.run.steps == self._asked:  # nothing that was turned at this step belongs to it
                self._way = None
            self._differs = self._differs or self._trainer._differs(made)
        except CannotSay as error:
            self._way, self._why = None, str(error)
        except Exception as error:
            self._way = None
            self._why = f"step {twin.run.steps + 1} cannot be made again: {type(error).__name__}: {error}"
        except KeyboardInterrupt:
            self._way = None
            self._why = f"interrupted on the way to step {self._asked}: show({self._asked}) goes there again"
            raise

    # ---- the background --------------------------------------------------------------------------------------------

    def _leave_to(self, loop):
        if self._way is None or self._task is not None:
            return
        self._turned = time.perf_counter()
        if loop is running_loop():
            self._wind_here()
        else:
            loop.call_soon_threadsafe(self._wind_here)

    def _wind_here(self):
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._wind())

    async def _wind(self):
        try:
            while self._way is not None:
                await (asyncio.sleep(0.005) if self._posted else turns())
                self._turned = time.perf_counter()
                if not self._posted:
                    self._posted = True
                    self._trainer.post(self._slice)
        except KeyboardInterrupt:  # the message says it; the kernel goes on
            self._changed()
        finally:
            self._task = None

    def _slice(self):
        self._posted = False
        if self._way is not None:
            self._go(SLICE)
            self._changed()

    def post(self, function: Callable[[], Any]) -> None:
        """Have a function called between two steps of the trainer."""
        self._trainer.post(function)

    def between(self, function: Callable[[], Any]) -> Any:
        """What a function gives, called between two steps of the trainer."""
        return Live.between(self._trainer, function)

    def refresh(self) -> None:
        """The trainer has something new: a history that is longer, perhaps another past."""
        trainer, now = self._trainer, time.perf_counter()
        before = self._gone[1]
        if self._way is not None and now - self._turned > BLOCKED:
            self._go(SLICE)
        elif self._lost() == before:
            rested = trainer.status != "playing" or now - self._grown > GROWN
            if trainer.version == self._known or not rested:
                return
        self._known, self._grown = trainer.version, now
        self._changed()

    def _changed(self):
        self.version += 1
        self._trainer.tell(self.watchers)

    def close(self) -> None:
        """Let go of the second run and of who watches."""
        self._way, self._closed = None, True
        self.watchers.clear()
        self._trainer.watchers.discard(self)
        self._twin = self._trail = None

    @property
    def records(self) -> frozenset[Any]:
        """What those who watch it want recorded, while the trainer goes on."""
        return frozenset().union(*(getattr(watcher, "records", ()) for watcher in self.watchers))

    @property
    def seen(self) -> bool:
        """Whether somebody is there."""
        return any(getattr(watcher, "seen", True) for watcher in self.watchers)

    # ---- what it says of itself ------------------------------------------------------------------------------------

    def _lost(self):
        """Why what was asked for is not there, in words; "" if it is."""
        trainer = self._trainer
        if self._closed:
            return CLOSED
        if self._trail is not None and (self._gone[0] != trainer.version or self._is_of_another_run()):
            gone = (
                self._asked > trainer.steps
                or self._is_of_another_run()
                or not same_trail(self._trail, trainer._past.trail(self._asked))
            )
            words = (
                f"step {self._asked} is no longer in the past of this run, which was rewound, reset or edited since: "
                "show(step) goes to what is there now, trainer.undo() brings it back"
            )
            self._gone = trainer.version, words if gone else ""
        return self._gone[1]

    def _cannot(self):
        return self._why or self._lost()

    @property
    def asked(self) -> int:
        """The step that was asked for."""
        return self._asked

    @property
    def steps(self) -> int:
        """The step whose state is shown: on the way to the one that was asked for, an earlier one."""
        return self._asked if self._cannot() else self._twin.run.steps

    @property
    def moment(self) -> int:
        """The same, by which a view knows that it is a look at the past."""
        return self.steps

    @property
    def exact(self) -> bool:
        """Whether what is shown is what was asked for, bit by bit."""
        return not self._cannot() and self._way is None and not self._differs

    @property
    def status(self) -> str:
        """ "playing" while it is on its way to the step, "stopped" if it cannot be shown, else "paused"."""
        return "stopped" if self._cannot() else "playing" if self._way is not None else "paused"

    @property
    def message(self) -> str:
        """Why it cannot be shown, how it is not what it was, or that the run diverged there; or ""."""
        if cannot := self._cannot():
            return cannot
        step, diverged = self._twin.diverged
        return self._differs or (diverged if step == self._twin.run.steps else "")

    @property
    def first(self) -> int:
        """The earliest step that can be shown."""
        return self._trainer._past.first

    @property
    def stats(self) -> dict[str, Any]:
        """What it has cost: steps that were made again, seconds in all."""
        return {"steps": 0, "seconds": 0.0} if self._twin is None else {
            "steps": self._twin.made, "seconds": self._twin.seconds
        }  # fmt: skip
