"""A training loop of somebody else's as a source of views: what was seen of it, and hands on it.

The loop runs in a cell of the user's. At the end of each of its steps it is told here (`end_step`): numbers are kept,
what pages have said is done, pictures leave, and while it is paused nobody returns. Whatever goes wrong in that is said
and logged: the user's training goes on.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from nbprop import cells
from nbprop.checks import whole
from nbprop.record import Event, History
from nbprop.record.observation import Observation
from nbprop.record.recorder import Recorder

from .between import Between
from .hearing import Hearing
from .returning import Returning
from .spreads import Spreads
from .told import Told
from .turned import Turned

PICTURES = 1 / 30  # seconds between two steps that are looked into, at least
SHARE = 0.04  # of the time, at most about, that is spent on looking into steps; what cannot be clocked comes on top
PATIENCE = 0.02  # seconds between two looks at what pages say, while it is paused
LOG = logging.getLogger("nbprop")


class Stopped(BaseException):
    """Ends a watched loop after Stop was pressed: `with nb.watch(...)` swallows it. It is no Exception, for a loop that
    goes on after those would go on after this."""

    def __init__(self, run: Any) -> None:
        super().__init__(f"Stop was pressed after step {run.steps}")
        self.run = run


class Loop(Turned, Returning, Between):
    """A training loop that is watched, as `nb.watch` gives it: a source for every view, and hands on the loop.

        with nb.watch(model, optimizer) as run:
            for x, y in batches:
                ...

    steps: how many it has made. history: what was recorded: "loss" of every step, and of those that were looked into
    a number for each layer. status, message: as of a Trainer. stopped: whether Stop was pressed: a loop without `with`
    asks for it. `run.pause()`, `run.resume()`, `run.lr = 0.01` act at the end of the present step, from any thread.
    `close()` takes all hooks away; so does the end of the `with`.

    `view = nb.views.GradientFlow(run)` shows it, `nb.diagnose(run)` says what is wrong with it.
    """

    watchers: "set[Any]"
    playing = False  # it is not ours to go on by itself
    data: Any = None

    def __init__(self, eyes: Any, hands: Any = None, states: Any = None, every: "int | None" = None) -> None:
        self.every = None if every is None else whole(1)("every", every)
        self.history = History()
        self.history.attach(self)
        self.watchers, self.version = set(), 0
        self.status, self.message = "ready", ""
        self.evaluation: dict[str, float] = {}
        self.steps = 0
        self._eyes, self._hands, self._states = eyes, hands, states
        self._recorder, self._observation = Recorder(), None
        self._spreads, self._looked = Spreads(), 0  # the step that was looked into last
        self._inbox: deque[Callable[[], Any]] = deque()
        self._lock = threading.RLock()
        self._hearing = Hearing()
        self._inside = False  # a `with`
        self._stop_asked = self._asks = False
        self._ending = False  # is a step about to be over?
        self._since_back: dict[str, Any] = {}  # what a hand has turned since the loop went back
        self._paused, self._single = False, 0
        self._due = 0.0  # when the next step is to be looked into
        self._last = -np.inf  # when the last step was over
        self._took: dict[bool, float | None] = {True: None, False: None}  # seconds, of steps looked into and not
        self._failed: set[str] = set()
        self._told = Told()
        self._seek = 0  # from which step on schedules are looked for once more
        self._scheduled: dict[str, tuple[Event, int, Any]] = {}  # the last event of each knob that the loop has turned
        self.told_itself = False  # does the loop say itself when a step is over?
        self._closed = False
        cells.claim(self)
        self._look_into_next()

    # ---- the loop says -----------------------------------------------------------------------------------------------

    def end_step(self, loss: "float | None" = None, looked: "Observation | None" = None, **more: float) -> None:
        """A step of the loop is over. looked: what was seen of it; loss and whatever else is one number goes into the
        history. Raises `Stopped` inside a `with`, once Stop was pressed; with a GradScaler that is raised when the
        next step begins."""
        if self._closed:
            return
        begun = time.perf_counter()
        with self._lock:
            self.steps, self._ending = self.steps + 1, True
            self._safely(self._keep, loss, looked, more)
            self._safely(self._go_on)
            self._safely(self._look_into_next, begun, looked is not None)
        try:
            self._wait()
        finally:
            self._ending = False
        self._last = time.perf_counter()
        if self._stop_asked and self._inside:
            self._eyes.leave(self._stop_now)

    def _stop_now(self):
        raise Stopped(self)

    def _keep(self, loss, looked, more):
        step, history = self.steps, self.history
        if loss is not None:
            history.add("loss", step, loss)
        for name, value in more.items():
            history.add(name, step, value)
        if self._hands is not None:
            if self._hands.why:
                self.message = f"The gradient is not clipped: {self._hands.why}"
            for name, old, new in self._hands.news():  # turned by the loop itself, as a schedule does
                self._flag_of_the_loop(name, old, new)
                if name == "lr":
                    self._look_for_schedules()
        if looked is not None:
            with np.errstate(all="ignore"):
                self._recorder.keep(_Without(history, self._eyes.missing), step, looked, self._needed(), 1)
            self._observation, self._looked = looked, step
            if self._recorder.complaint:
                self.message, self._recorder.complaint = self._recorder.complaint, ""
            self._name_what_is_not_finite(loss, looked)
        if self._states is not None:
            if self._eyes.scaler is not None:
                self._states.uses(self._eyes.scaler)
            self._states.keep(step)

    def _look_for_schedules(self):
        """Who turns the rate? A loop that does it by hand would have all objects gone through at every step."""
        if self._states is not None and self.steps >= self._seek and not self._states.also.schedules:
            self._states.also.find()
            self._seek = 2 * self.steps

    def _name_what_is_not_finite(self, loss, looked):
        with np.errstate(all="ignore"):
            fine = (loss is None or np.isfinite(loss)) and (
                not self._eyes.tells_gradients or np.isfinite(looked.gradient.sum())
            )
        if fine:
            if self.message.startswith("In step"):
                self.message = ""
            return
        if self.message.startswith("In step"):  # it began before
            return
        what = "the loss" if loss is not None and not np.isfinite(loss) else "a gradient dL/dW"
        first = looked.taps[0].x if looked.taps else None
        if first is not None and not np.isfinite(first).all():
            what = f"what {looked.layers[0].name} gets"
        else:
            for each, words in (("dz", "the gradient dL/dz of {}"), ("z", "the output of {}")):
                bad = [
                    layer.name
                    for layer, tap, a in zip(looked.layers, looked.taps, getattr(looked, each), strict=True)
                    if tap.reached and not np.isfinite(a).all()
                ]
                if bad:
                    what = words.format(bad[0] if each == "z" else bad[-1])
        back = ", Back to an earlier step" if self._states is not None else ""
        self.message = (
            f"In step {self.steps:,} {what} is not finite. The loop goes on; to try: a lower learning rate, a clipped "
            f"gradient{back}"
        )

    def _go_on(self):
        """Do what was asked for, and let pictures leave."""
        self.version += 1
        if self.status != "playing" and not self._paused:
            self.status = "playing"
        self._hearing.begin(self)
        self._hearing.pump()
        self._drain()
        self._refresh()

    def _refresh(self):
        for watcher in tuple(self.watchers):
            watcher.refresh()

    def _look_into_next(self, begun=None, looked=False):
        """Decide whether the next step is looked into. begun: when the end of this one began, which was `looked` into
        or not."""
        now, step = time.perf_counter(), self.steps + 1
        if begun is not None and self._last > 0:
            took = now - self._last
            known = self._took[looked]
            self._took[looked] = took if known is None else known + (took - known) / 5
        if begun is not None and looked:
            cost = now - begun + self._eyes.cost
            plain, whole = self._took[False], self._took[True]
            if plain is not None and whole is not None:  # there is more to it than can be clocked: memory, other caches
                cost = max(cost, whole - plain)
            self._due = now + max(PICTURES, cost / SHARE)
        if self.every is not None:
            wanted = step % self.every == 0 or step == 1
        else:
            wanted = now >= self._due and self.history.due("dW", step)
        self._eyes.look(wanted and not self._closed)

    def _wait(self):
        """While it is paused."""
        if not self._paused:
            return
        if self._single:
            self._single -= 1
            if self._single:
                return
        self._say("paused")
        try:
            while self._paused and not self._single and not self._stop_asked and not self._closed:
                with self._lock:
                    self._safely(self._go_on_paused)
                time.sleep(PATIENCE)
        finally:  # also when the cell is interrupted
            self._say("paused" if self._paused and not self._single else "playing")

    def _say(self, status):
        self.status = status
        self.version += 1

    def _go_on_paused(self):
        self._hearing.pump()
        self._drain()
        self._refresh()

    def _safely(self, function, *given):
        """An error of ours never ends a user's training: it is said, and logged once."""
        try:
            return function(*given)
        except Exception as error:
            words = f"{type(error).__name__}: {error}"
            self.message = f"watching failed ({words}); the loop goes on"
            if words not in self._failed:
                self._failed.add(words)
                LOG.exception("a watched loop cannot be watched")

    def heeded(self, function: "Callable[[], Any]") -> Any:
        """What a function makes of what the user has given; what does not fit is said, and logged once: None."""
        try:
            return function()
        except Exception as error:
            self.message = f"{error}. The loop goes on without it"
            if str(error) not in self._failed:
                self._failed.add(str(error))
                LOG.warning("nb.watch: %s", self.message)
            return None

    def said_once(self, words: str) -> None:
        """Something that is worth a word, once; it does not take the place of another."""
        if words not in self._failed and not self.message:
            self._failed.add(words)
            self.message = words

    def failed(self, error: Exception) -> None:
        """Something went wrong in a hook."""

        def again():
            raise error

        self._safely(again)

    def _changed(self):
        self.version += 1
        if not self._running():
            self.post(self._refresh)

    def cell_ended(self) -> None:
        """The cell in which the loop ran is over."""
        self._say("paused" if self.status == "playing" else self.status)
        with self._lock:
            self._safely(self._eyes.look, False)  # whoever calls the model now is no step of the loop
            self._safely(self._drain)
            self._safely(self._refresh)

    def board(self, *views: Any, columns: "int | None" = 2) -> Any:
        """A Board of it with its controls: `run.board("loss", "network")`. By default loss, gradients, histograms and
        the Doctor."""
        from .board import board

        return board(self, *views, columns=columns)

    # ---- the end -----------------------------------------------------------------------------------------------------

    def __enter__(self) -> "Loop":
        if self._closed:
            raise ValueError("this loop is watched no more: with nb.watch(model, optimizer) as run, anew")
        self._inside = True
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        self._inside = False
        self.close()
        return isinstance(error, Stopped) and error.run is self

    def close(self) -> None:
        """Watch no more: every hook is taken away. What was recorded stays, and views of it."""
        if self._closed:
            return
        self._closed = True
        for each in (self._eyes, self._hands, self._states):
            if each is not None:
                self._safely(each.close)
        self._hearing.end()
        self._paused = False
        self.cell_ended()

    @property
    def over(self) -> bool:
        """Whether it is watched no more."""
        return self._closed

    def replaced(self) -> None:
        """The cell that made it was run again."""
        self.close()

    def __repr__(self) -> str:
        return f"Loop({self._eyes}, step {self.steps:,}, {'closed' if self._closed else self.status})"


class _Without:
    """A history, into which nothing goes of layers that were not called."""

    def __init__(self, history, missing) -> None:
        self._history, self._missing, self.columns = history, missing, history.columns

    def add(self, name, step, value, interval=1) -> None:
        if self._missing and np.ndim(value):
            value = np.array(value, np.float32)
            value[self._missing] = np.nan
        self._history.add(name, step, value, interval)
