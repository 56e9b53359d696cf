"""The desk of a board: controls that a hand turns, and the one path between them and what they turn.

A page sends turns (a value for a control) and presses (of a button), each with a number that rises. A frame says up to
which number they were taken, and what every control stands at since then. Until its own turn was taken, or while a hand
is on a control, a page shows what the hand has chosen: no value of the kernel's passes a newer one of the hand. What
stands at the end is what the kernel says.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import traitlets

from nbprop.record import Diverged
from nbprop.record.source import CannotSay

from .dial import NOTHING, Dial
from .taken import Taken

REFRESH = 0.2  # seconds between two looks, while it plays, at what the controls stand at
PAST = "You look at step {}: Continue from here, or go to Now, to turn it"
LISTED = 40  # so many acts can be taken back at once


@dataclass(frozen=True)
class Button:
    """act(n) is called; n is 1 but where one of a list was chosen: then it is that one's number, from 1 on. None: there
    is the list alone.

    listed: what is in the list beside the button; called whenever a page is to be told. heads: what stands above the
    list, while it is empty and while it is not; chosen: what is done with the number, by default `act`; present:
    whether it is about the present, to which a board that shows a moment of the past then goes back.
    """

    label: str
    tip: str
    act: "Callable[[int], Any] | None"
    listed: "Callable[[], Sequence[str]] | None" = None
    heads: "tuple[str, str]" = ("", "")
    chosen: "Callable[[int], Any] | None" = None
    present: bool = True


def steering(source: Any, each: str, reset: str) -> dict[str, Button]:
    """The buttons of whatever can be played. each: what is behind "one step", such as " of each"; reset: the tip."""
    return {
        "play": Button("Play", "Train on in the background", lambda n: source.play()),
        "pause": Button("Pause", "Stop after the present step", lambda n: source.pause()),
        "step": Button("Step", f"Make one step{each}", source.step),
        "reset": Button("Reset", reset, lambda n: source.reset()),
    }


class Desk:
    """Dials and buttons about one source.

    turn(name, value)  does what a hand or code asks for; a bad value raises ValueError or TypeError
    read(name, source) what a control of it, or of a moment of its past, stands at; and "" or why it cannot be turned
    where              "left": beside the panels, "above": in a row above them
    note               what is to be said of the run, whenever it is asked
    """

    def __init__(
        self,
        source: Any,
        dials: Mapping[str, Dial],
        turn: Callable[[str, Any], Any],
        read: Callable[[str, Any], "tuple[Any, str]"],
        buttons: "Mapping[str, Button] | None" = None,
        where: str = "above",
        note: Callable[[], str] = str,
    ) -> None:
        self.source, self.dials, self.buttons, self.where = source, dict(dials), dict(buttons or {}), where
        self.turn, self.read, self.note = turn, read, note
        self.message = ""  # what went wrong with the last thing that a hand did
        self.board: Any = None
        self._taken = Taken()
        self._told: dict[str, Any] = {}  # what pages know beside the dials
        self._lists: dict[str, list[str]] = {}  # what stood beside the buttons at the last look
        self._dirty: set[str] = set()  # dials of which they do not know
        self._news = True
        self._looked = float("-inf")
        self._acting = False
        self._away = False  # does the board show a moment of the past?
        self._showing: int | None = None  # the thread that lets traits show what stands
        for name in self.dials:
            self._shown(name)

    def spec(self) -> dict[str, Any]:
        """What stays, as a page is told."""
        buttons = [
            {"name": name, "label": each.label, "tip": each.tip}
            | ({"heads": each.heads} if each.listed else {})
            | ({"menu": True} if each.act is None else {})
            for name, each in self.buttons.items()
        ]
        return {"where": self.where, "dials": [dial.spec() for dial in self.dials.values()], "buttons": buttons}

    # ---- what a hand does --------------------------------------------------------------------------------------------

    def hear(self, content: dict[str, Any]) -> None:
        """A page has said something, perhaps in another thread: it is done in the source's, between two steps."""
        post = getattr(self.source, "post", lambda function: function())
        post(lambda: self._do(content))

    def _do(self, content):
        self._acting = True
        try:
            if content["type"] == "do":
                button = self.buttons[content["name"]]
                if button.present and self._past() is not None:
                    self.board._timeline.back()
                self._press(button, content.get("chosen"))
            elif not self._taken.late(content):
                self._turned(content["name"], content["value"])
            self.message = ""
        except Exception as error:  # it is said beside the controls; the run goes on untouched
            self.message = "" if isinstance(error, Diverged) else str(error) or type(error).__name__
        finally:
            self._acting = False
            self._taken.done(content)
            self._news, self._looked = True, float("-inf")
            if self.board is not None and not self.board._closed:
                self.board.ask()

    def _turned(self, name, told):
        if (past := self._past()) is not None:
            raise ValueError(PAST.format(past.moment))
        self.turn(name, self.dials[name].given(told))

    def _press(self, button, chosen):
        """chosen: number of what was chosen of its list, None for the button itself."""
        act = button.act if chosen is None else button.chosen or button.act
        if act is not None:
            act(1 if chosen is None else max(1, int(chosen)))

    def _past(self):
        """The moment of the past that the board shows, or None."""
        line = None if self.board is None else self.board._timeline
        return None if line is None else line.moment

    def _standing(self, name):
        """What a control stands at, now or at the moment that is looked at, where no hand can turn it."""
        past = self._past()
        if past is None:
            return self.read(name, self.source)
        try:
            value, idle = self.read(name, past)
            return value, NOTHING if idle == NOTHING else PAST.format(past.moment)
        except CannotSay as error:
            return None, str(error)

    # ---- what stands -------------------------------------------------------------------------------------------------

    def _shown(self, name):
        """Let a control show what stands and what can be chosen; whether that is news."""
        past, dial = self._past(), self.dials[name]
        offered = dial.offer(self.source if past is None else past)
        return dial.show(*self._standing(name)) or offered

    def look(self, now: float, playing: bool) -> bool:
        """Whether there is something to tell. In the source's thread."""
        if not self._acting and (not playing or now - self._looked >= REFRESH):
            self._looked, self._lists = now, self._listed()
            changed = {name for name in self.dials if self._shown(name)}
            self._dirty |= changed
            past = self._past()
            if past is None and (changed or self._away):  # traits are about now
                self._let_show(self.dials if self._away else changed)
            self._away = past is not None
            self._news |= bool(playing or changed or self._beside() != self._told)  # the number of steps is news
        return self._news

    def _listed(self):
        return {name: list(each.listed())[:LISTED] for name, each in self.buttons.items() if each.listed}

    def _beside(self):
        source = self.source
        said = source.message if source.status != "stopped" else ""  # of that the board speaks
        return {"message": self.message or said, "note": self.note(), "lists": self._lists}

    def news(self, whole: bool) -> dict[str, Any]:
        """What a frame says of it: all, or what is new."""
        told, self._told, self._news = self._told, self._beside(), False
        dirty, self._dirty = self._dirty, set()
        if whole:
            return self.standing()
        new = {key: value for key, value in self._told.items() if told.get(key) != value}
        return {"epoch": self._epoch(), "taken": self._taken.standing(), "state": self._states(dirty), **new}

    def standing(self) -> dict[str, Any]:
        """All of it."""
        self._lists = self._listed()
        return {
            "epoch": self._epoch(),
            "taken": self._taken.standing(),
            "state": self._states(self.dials),
            **self._beside(),
        }

    def _epoch(self):
        return getattr(self.source, "epoch", None)

    def _states(self, names):
        return {name: dial.state() for name, dial in self.dials.items() if name in names}

    # ---- traits ------------------------------------------------------------------------------------------------------

    def join(self, board: Any) -> None:
        """Stand on a board: every dial is a trait of it, unless that has such an attribute already."""
        self.board = board
        board.add_traits(**{name: Standing() for name in self.dials if not hasattr(type(board), name)})
        self._let_show(self.dials)

    def set(self, name: str, value: Any) -> Any:
        """Code asks for a value of a trait; what it stands at then."""
        if self._showing != threading.get_ident():
            self.turn(name, value)
            self.message, self._news = "", True
            if self.dials[name].show(*self.read(name, self.source)):
                self._dirty.add(name)
            value, self._looked = self.dials[name].value, float("-inf")
            self.board.ask()
        return value

    def _let_show(self, names):
        if self.board is None:
            return
        known = self.board.traits()
        traits = [name for name in names if isinstance(known.get(name), Standing)]
        heard = any(self.board._trait_notifiers.get(name) for name in [*traits, traitlets.All])
        lend = getattr(self.source, "lend", None) if heard else None  # whoever hears of it is somebody else's code
        (lend or (lambda function: function()))(lambda: self._show(traits))

    def _show(self, names):
        before, self._showing = self._showing, threading.get_ident()
        try:
            for name in names:
                try:
                    setattr(self.board, name, self.dials[name].value)
                except Exception:  # of an observer: the run goes on
                    logging.getLogger("nbprop").exception("an observer of %s", name)
        finally:
            self._showing = before


class Standing(traitlets.TraitType):
    """What a control stands at. Assigning turns the knob, or raises what that raises."""

    default_value = None
    info_text = "a value that the knob takes"

    def validate(self, obj: Any, value: Any) -> Any:
        return obj._desk.set(self.name, value)
