"""Hands on a watched loop: paused, stepped, stopped; its knobs; and what it says of itself."""

from collections.abc import Callable, Mapping
from typing import Any

from nbprop.checks import did_you_mean
from nbprop.record import Event
from nbprop.record.recorder import MEASURED, Recorder

from .also import what_comes_of
from .given import one_number
from .seen import Seen
from .told import Told


class Turned(Seen):
    """The part of a Loop that is turned, by hands and by the loop's own code, at the end of the present step."""

    steps: int
    message: str
    evaluation: "dict[str, float]"
    heeded: "Callable[[Callable[[], Any]], Any]"
    said_once: "Callable[[str], None]"
    _states: Any
    _since_back: "dict[str, Any]"
    _changed: "Callable[[], None]"
    _hands: Any
    _inside: bool
    _asks: bool
    _paused: bool
    _single: int
    _stop_asked: bool
    _told: Told
    _recorder: Recorder
    _scheduled: "dict[str, tuple[Event, int, Any]]"

    def pause(self) -> None:
        """Stop after the present step, until `resume()`."""
        self._paused = True
        self._changed()

    def resume(self) -> None:
        """Go on."""
        self._paused, self._single = False, 0
        self._changed()

    play = resume

    def step(self, loss: Any = None, n: int = 1) -> None:
        """With a loss: the loop says that a step is over, for loops whose steps nobody sees otherwise. Without: while
        it is paused, make `n` more steps."""
        if loss is not None:
            return self._eyes.told(self, loss)
        self._paused, self._single = True, self._single + int(n)
        self._changed()

    def stop(self) -> None:
        """End the loop after the present step: inside `with nb.watch(...)` by itself, else it has to ask for
        `run.stopped`."""
        self._stop_asked = True
        if not (self._inside or self._asks):
            self.message = "This loop does not ask: write `if run.stopped: break` into it, or `with nb.watch(...)`"
        self._changed()

    @property
    def stopped(self) -> bool:
        """Whether Stop was pressed: `if run.stopped: break`."""
        self._asks = True
        return self._stop_asked

    @property
    def knobs(self) -> "Mapping[str, Any]":
        """What can be turned: name -> knob, of those that the optimizer and the model have."""
        return {} if self._hands is None else self._hands.knobs

    def set(self, **changes: Any) -> None:
        """Turn knobs by their names, from the next step on: `run.set(lr=0.01, dropout=0.2)`. ValueError or TypeError
        for what cannot be."""
        if unknown := [name for name in changes if name not in self.knobs]:
            raise ValueError(
                f"no knob {unknown[0]!r}{did_you_mean(unknown[0], self.knobs) or '.'} This loop has "
                + (", ".join(self.knobs) or "none: give its optimizer, nb.watch(model, optimizer)")
            )
        values = {name: self.knobs[name].check(value) for name, value in changes.items()}
        self.post(lambda: [self._turn(name, value) for name, value in values.items()])

    def _turn(self, name, value):
        old = self.knobs[name].read()
        self.knobs[name].apply(value)
        new = self.knobs[name].read()
        if old != new:
            self._flag(name, old, new)
        self._since_back[name] = new
        if name == "lr" and self._states is not None and (schedules := self._states.also.schedules):
            self.said_once(what_comes_of(schedules))
        self._hands.known()
        self._changed()

    def _flag(self, name, old, new):
        self.history.events.append(Event(self.steps, name, old, new))

    def _flag_of_the_loop(self, name, old, new):
        """What the loop itself has turned; a schedule does at every step, and that is one event."""
        events = self.history.events
        last, since, first = self._scheduled.get(name, (None, self.steps, old))
        others, at = [event for event, *_ in self._scheduled.values() if event is not last], len(events) - 1
        while at >= 0 and any(events[at] is event for event in others):  # a schedule may turn several knobs
            at -= 1
        if at >= 0 and events[at] is last:
            events.pop(at)
        else:
            since, first = self.steps, old
        text = Event(self.steps, name, first, new).text
        words = f"{text} (by the loop{f', since step {since:,}' if since < self.steps else ''})"
        event = Event(self.steps, name, first, new, words)
        events.append(event)
        self._scheduled[name] = event, since, first

    def log(self, **numbers: Any) -> None:
        """Put numbers of yours into the history, at the present step: `run.log(val_loss=0.31, val_accuracy=0.9)`. Loss
        draws what begins with train_ or val_, and the Doctor compares them. ValueError for the name of what nbprop
        records itself, as the loss; a value that is no number is said on the board, and left out."""
        if taken := [name for name in numbers if name == "loss" or name in MEASURED | set(self._recorder.own)]:
            raise ValueError(
                f"log: {taken[0]!r} is recorded by nbprop itself; take another name, such as my_{taken[0]}, or val_loss"
            )
        checked = {name: self.heeded(lambda name=name: one_number("log", name, numbers[name])) for name in numbers}
        self.post(lambda: self._log({name: value for name, value in checked.items() if value is not None}))

    def _log(self, numbers):
        for name, value in numbers.items():
            self.history.add(name, self.steps, value)
        self.evaluation = {**self.evaluation, **numbers}
        self._changed()

    def log_samples(
        self, indices: Any, loss: Any = None, right: Any = None, gradient: Any = None, of: "int | None" = None
    ) -> None:
        """Tell how single samples fare, for the view Samples: `run.log_samples(i, loss=losses, of=len(dataset))`.

        indices: (b,) numbers of the samples in the training data. loss, right, gradient: (b,) each: the loss of each
        (a loss with reduction="none"), whether the answer is right, the norm of its gradient; what is not known is left
        out. of: how many samples there are, by default those of `data`. Of more than 512 a fixed random 512 are kept.
        """
        columns = {"loss": loss, "right": right, "gradient": gradient}
        self.heeded(lambda: self._told.take(self.history, self.steps + 1, self.data, indices, of, columns))

    @property
    def samples(self) -> Any:
        """Which samples were told of, and what is known of them: see record/samples.py."""
        return self._told.samples

    def event(self, words: str) -> None:
        """Put a flag with these words on the curves, at the present step: `run.event("second phase")`."""
        if not isinstance(words, str) or not words:
            raise TypeError(f"event: expected words such as 'second phase'; got {words!r}")
        self.post(lambda: self.history.events.append(Event(self.steps, "note", None, None, words)))

    # The knobs are attributes, too; which there are, the optimizer says.

    def __getattr__(self, name: str) -> Any:
        if name[0] != "_" and name in (knobs := self.knobs):
            return knobs[name].read()
        raise _Unknown(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name[0] != "_" and name not in vars(self) and not hasattr(type(self), name) and "_closed" in vars(self):
            return self.set(**{name: value})
        super().__setattr__(name, value)


class _Unknown(AttributeError):
    """A Loop has no such attribute. Views often ask whether there is one: the words are found only if somebody reads
    them, for that takes a while."""

    def __init__(self, run, wanted) -> None:
        super().__init__(name=wanted, obj=run)

    def __str__(self) -> str:
        kind, near = type(self.obj).__name__, did_you_mean(self.name, dir(self.obj))
        return f"{kind} has no attribute {self.name!r}{near}"
