"""What was done to a run, to be taken back: turns, rewinds, resets."""

from dataclasses import dataclass, replace
from typing import Any

MOST, MOMENTS = 200, 12  # acts that are remembered; moments, which hold a copy of a history, among them


@dataclass(frozen=True)
class Act:
    """words: what was done. moment: what the run was before it; or, of a turn, which leaves the way back as it is, its
    step, its number, and how many events there were before."""

    words: str
    moment: Any = None
    step: int = 0
    serial: int = 0
    events: int = 0


class Acts:
    """The newest acts, and those that `undo` has taken back, each with the moment from which it has gone away."""

    def __init__(self) -> None:
        self.done: list[Act] = []
        self.left: list[Act] = []

    def turn(self, words, step, serial, events) -> None:
        self._add(Act(words, None, step, serial, events))

    def again(self, words) -> None:
        """The last turn goes on: it has come to be this."""
        if self.done:
            self.done[-1] = replace(self.done[-1], words=words)

    def moment(self, words, moment) -> None:
        self._add(Act(words, moment))

    def join(self, before, words) -> None:
        """What was done since `before` was the last act is one act, called so."""
        start = next((i + 1 for i, act in enumerate(self.done) if act is before), 0)
        if self.done[start:]:
            self.done[start:] = [replace(self.done[start], words=words)]

    def _add(self, act):
        self.done.append(act)
        self.left.clear()
        self._bound()

    def _bound(self):
        kept = [act for act in self.done if act.moment is not None]
        if len(self.done) > MOST or len(kept) > MOMENTS:
            # What came before a moment that is no longer there cannot be reached.
            start = self.done.index(kept[-MOMENTS - 1]) + 1 if len(kept) > MOMENTS else len(self.done) - MOST
            del self.done[:start]

    def last(self) -> Act:
        if not self.done:
            raise ValueError("nothing to undo: no knob was turned, and the run was neither rewound nor reset")
        return self.done[-1]

    def undone(self, moment) -> None:
        """The last act was taken back; before that the run was as in `moment`."""
        self.left.append(Act(self.done.pop().words, moment))
        del self.left[:-MOMENTS]

    def away(self) -> Act:
        """What `undo` has taken back last."""
        if not self.left:
            raise ValueError("nothing to redo: nothing was undone since the last turn")
        return self.left[-1]

    def redone(self, now) -> None:
        """That was brought back; before that the run was as in `now`."""
        self.done.append(Act(self.left.pop().words, now))
        self._bound()
