"""The time line of a board: any moment of a run is one drag away, while the run stays where it is or goes on.

A page asks for a step; the views are then of a moment of the past (`trainer.at`) instead of the trainer, until it asks
for now again, or to go on from there: alone, or with the run as it is kept as a ghost behind the one that branches off.
"""

from typing import Any

from nbprop.record.source import Timed, lacking

from .taken import Taken

SNAPSHOT = "snapshot: Continue and Branch go on from here"
MARKS = 200  # the newest of which so many events stand on it


class Timeline:
    """trainer: a source with `at`, `rewind` and `earliest`; others are refused."""

    def __init__(self, trainer: Any) -> None:
        if missing := lacking(trainer, (Timed,)):
            raise TypeError(
                f"timeline: expected views of a Trainer, whose past can be looked at; this {type(trainer).__name__} "
                f"has no {', '.join(missing)}"
            )
        self.trainer = trainer
        self.moment: Any = None  # what is looked at instead of the trainer
        self.message = ""  # why it cannot be
        self._board: Any = None
        self._taken = Taken()
        self._told: dict[str, Any] = {}  # what pages know
        self._events: tuple[Any, list[Any]] = (None, [])

    def join(self, board: Any) -> None:
        """Stand under a board."""
        self._board = board

    # ---- what a hand does --------------------------------------------------------------------------------------------

    def hear(self, content: dict[str, Any]) -> None:
        """A page asks for something, perhaps in another thread: it is done between two steps."""
        self.trainer.post(lambda: self._do(content))

    def _do(self, content):
        step = content.get("step")
        try:
            if content["name"] == "at" and not self._taken.late(content):
                self.look_at(step) if step is not None else self.back()
            elif content["name"] in ("continue", "branch"):
                self.back()
                if content["name"] == "branch":
                    self._board.pin()
                try:
                    self.trainer.rewind(step)
                except BaseException:
                    if content["name"] == "branch":
                        self._board.ghosts = self._board.ghosts[:-1]
                    raise
            self.message = ""
        except Exception as error:  # it is said under the board
            self.message = str(error)
        finally:
            self._taken.done(content)
            if not self._board._closed:
                self._board.ask()

    def look_at(self, step: int) -> None:
        """Let the views show the state after that step."""
        step = min(max(int(step), self.trainer.earliest), self.trainer.steps)
        if self.moment is None:
            self.moment = self.trainer.at(step, wait=False)
            self._board._exchange(self.trainer, self.moment)
        else:
            self.moment.show(step)

    def back(self) -> None:
        """Let the views show the run as it is now."""
        moment, self.moment = self.moment, None
        if moment is not None:
            self._board._exchange(moment, self.trainer)
            moment.close()

    # ---- what a page is told -----------------------------------------------------------------------------------------

    def standing(self) -> dict[str, Any]:
        """All of it. at: the step that is looked at, None for now; shown: the one that is there already."""
        trainer, moment = self.trainer, self.moment
        at = None if moment is None else moment.asked
        shown = None if moment is None else moment.steps
        return {
            "first": trainer.earliest,
            "last": trainer.steps,
            "at": at,
            "shown": shown,
            "events": self._marks(),
            "message": self.message,
            "taken": self._taken.standing(),
        }

    def new(self) -> bool:
        """Whether pages are to be told something beside the number of steps."""
        now = self.standing()
        return any(self._told.get(key) != value for key, value in now.items() if key != "last")

    def news(self, whole: bool) -> dict[str, Any]:
        """What a frame says of it: all, or what is new."""
        told, self._told = {} if whole else self._told, self.standing()
        return {key: value for key, value in self._told.items() if key not in told or told[key] != value}

    def _marks(self):
        events, snapshots = self.trainer.history.events, getattr(self.trainer, "snapshots", ())
        key = (id(events), len(events), events[-1] if events else None, snapshots)
        if self._events[0] != key:
            marks = [[event.step, event.text] for event in events[-MARKS:]]
            if snapshots:  # of a source that cannot go back to any step
                marks = sorted(marks + [[step, SNAPSHOT] for step in snapshots], key=lambda mark: mark[0])
            self._events = key, marks
        return self._events[1]


def of(sources: "list[Any]") -> Timeline:
    """The time line of the one source that a board shows."""
    if len(sources) != 1:
        raise ValueError(f"timeline: expected views of one source, got {len(sources)}: a board has one time line")
    return Timeline(sources[0])
