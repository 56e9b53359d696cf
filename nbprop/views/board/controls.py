"""Controls of one's own above a board, in one output that leaves a picture."""

import time
from typing import Any

import ipywidgets as widgets

from nbprop import cells
from nbprop.record.source import Turned, lacking

from . import knobs
from .widgets import Strict, let_go

REFRESH = 0.2  # seconds between two looks, while it plays, at whether the controls still show what the knobs stand at
VERMILLION = "#d55e00"


class Controls(Strict, widgets.VBox):
    """Controls in a row above a board, in one output of a notebook cell: knobs of its trainer by their names, and any
    ipywidgets.

        nb.views.Controls(nb.views.Loss(trainer), "lr", "clip", "batch_norm")

        button = widgets.Button(description="Shuffle")
        button.on_click(lambda _: shuffle())
        nb.views.Controls(nb.views.Loss(trainer), "lr", button)

    board: a Board, or what a view such as `nb.views.Loss(trainer)` gives. controls: names of knobs, see `trainer.knobs`
    (they act at the next step, and show what is turned in code), and any ipywidgets, such as sliders, or what
    `ipywidgets.interactive(turn, decay=(0.0, 1.0))` makes.

    Where no widget can live (GitHub, PDF) the board's picture stands in for it.
    """

    _closed = False
    records, seen = frozenset(), False  # it watches too, to keep the controls true

    def __init__(self, board: Any, *controls: Any) -> None:
        self.board = board
        names = [each for each in controls if isinstance(each, str)]
        self._source: Any = _turned(board, names) if names else None
        self._dials = knobs.dials(self._source, names, self._hand)
        self._looked, self._turning = 0.0, False
        made = [self._dials[each].widget if isinstance(each, str) else each for each in controls]
        row = widgets.HBox(made, layout=widgets.Layout(flex_flow="row wrap", grid_gap="0 12px"))
        for dial in self._dials.values():
            dial.widget.layout.width = "300px"
        self._message: Any = None
        if names:
            self._message = widgets.Label(style={"text_color": VERMILLION}).add_class("nbprop-message")
        self._say("")
        super().__init__([row, *([self._message] if names else []), board])
        self.add_class("nbprop-controls")
        self._row = row
        if names:
            knobs.refresh(self._source, self._dials)
            getattr(self._source, "watchers", set()).add(self)
        cells.claim(self)
        self._made = True

    def _hand(self, name, value):
        """In whatever thread a message has come; it acts in the source's."""
        post = getattr(self._source, "post", lambda function: function())
        post(lambda: self._turn(name, value))

    def _turn(self, name, value):
        if not self._dials[name].turned(value):
            return
        self._turning = True
        try:
            self._source.set(**{name: value})
            self._say("")
        except Exception as error:  # it is said beside the controls; the run goes on untouched
            self._say(str(error))
        finally:
            self._turning, self._looked = False, 0.0
            self.refresh()

    def _say(self, words):
        if self._message is not None:
            self._message.value, self._message.layout.display = words, None if words else "none"

    def refresh(self) -> None:
        """Show what the knobs stand at. Called by the source, in its thread."""
        now = time.perf_counter()
        if self._turning or self._closed or (self._source.status == "playing" and now - self._looked < REFRESH):
            return
        self._looked = now
        knobs.refresh(self._source, self._dials)

    def replaced(self) -> None:
        """The cell that made it was run again."""
        self.close()

    def close(self) -> None:
        """Take it out of the page; the board and the widgets you gave are yours."""
        layout = self.layout
        super().close()
        if self._made and not self._closed:
            self._closed = True
            getattr(self._source, "watchers", set()).discard(self)
            layout.close()
            own = [dial.widget for dial in self._dials.values()]
            let_go(self._row, keep=[each for each in self._row.children if each not in own])
            if self._message is not None:
                let_go(self._message)

    def frame(self) -> Any:
        """The numbers that the board draws."""
        return self.board.frame()

    def plot(self, ax: Any = None) -> Any:
        """The board in Matplotlib."""
        return self.board.plot(ax)

    def describe(self) -> str:
        """The board in words."""
        return self.board.describe()

    def _repr_mimebundle_(self, **kwargs):
        return {**dict(super()._repr_mimebundle_(**kwargs) or {}), **self.board.picture()}

    def __repr__(self) -> str:
        return f"Controls({self.board!r})"


def _turned(board, names):
    """What on the board has knobs."""
    sources = list({id(view.source): view.source for view in getattr(board, "views", ())}.values())
    found = [source for source in sources if not lacking(source, [Turned])]
    if len(found) == 1:
        return found[0]
    what = "shows several: make Controls for each of them" if found else "shows none: give widgets of your own"
    raise ValueError(f"{', '.join(map(repr, names))}: these are to be knobs of the board's trainer, but it {what}")
