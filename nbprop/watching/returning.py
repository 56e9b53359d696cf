"""The past of a watched loop: looked at, and gone back to."""

from collections.abc import Callable
from typing import Any

from nbprop.record import Event

from .past import Past


class Returning:
    """The part of a Loop that knows its past."""

    steps: int
    message: str
    history: Any
    post: "Callable[[Callable[[], Any]], None]"
    _states: Any
    _hands: Any
    _spreads: Any
    _ending: bool
    _seek: int
    _changed: "Callable[[], None]"
    _since_back: "dict[str, Any]"
    _scheduled: "dict[str, tuple[Event, int, Any]]"

    @property
    def earliest(self) -> int:
        """The earliest step that can be looked at."""
        return 0

    @property
    def snapshots(self) -> "tuple[int, ...]":
        """The steps to which `rewind` can go back."""
        return () if self._states is None else self._states.steps

    def at(self, step: int, wait: bool = True) -> Past:
        """The loop as it was after that step, to be looked at: what was recorded."""
        return Past(self, step)

    def rewind(self, step: int) -> None:
        """Go back to the state after that step: model, optimizer, schedules, GradScaler and random generators as they
        were, bit by bit, and what `also` named. The loop's data go on where they are: what it draws from PyTorch's,
        NumPy's or Python's generators it draws again. ValueError for a step that is not among `snapshots`."""
        if self._states is None:
            raise ValueError(
                "rewind: this loop has no snapshots: give its model and optimizer, nb.watch(model, optimizer)"
            )
        self._states.check(step)
        self._states.fits(step)
        self.post(lambda: self._rewind(step))

    def _rewind(self, step):
        self._since_back, self._seek = {}, 0
        left = self._states.restore(step, self._ending, self._turn_again)
        if self._hands is not None:
            self._hands.known()
        self.history.truncate(step, turned=True)
        self._spreads.truncate(step)
        self.history.events.append(Event(step, "rewind", None, None, f"back from step {self.steps:,}"))
        self.steps, self.message = step, left
        self._changed()

    def _turn_again(self):
        """What a hand has turned since the loop went back stands."""
        for name, value in self._since_back.items():
            self._hands.knobs[name].apply(value)
        self._hands.known()

    def turned_since(self, event: Event) -> int:
        """The step since when the knob of that event was on its way: of one that the loop turns again and again it is
        the first."""
        last, since, _ = self._scheduled.get(event.name, (None, event.step, None))
        return since if last is event else event.step
