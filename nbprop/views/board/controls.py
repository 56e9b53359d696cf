"""Controls of one's own with a board, in one output of a notebook cell that leaves a picture."""

from typing import Any

import ipywidgets as widgets

from nbprop import cells
from nbprop.record.source import Turned, lacking

from . import dial
from .board import Board
from .desk import Desk
from .shown import show
from .widgets import Strict, hear_in_any_thread, let_go


def Controls(board: Any, *controls: Any) -> Any:
    """A board with controls in a row above it: knobs of its trainer by their names, and any ipywidgets.

        nb.views.Controls(nb.views.Loss(trainer), "lr", "clip", "batch_norm")

        button = widgets.Button(description="Shuffle")
        button.on_click(lambda _: shuffle())
        nb.views.Controls(nb.views.Loss(trainer), "lr", button)

    board: a Board, or what a view such as `nb.views.Loss(trainer)` gives. controls: names of knobs, see `trainer.knobs`
    (they act at the next step, and show what is turned in code), and any ipywidgets, such as sliders, or what
    `ipywidgets.interactive(turn, decay=(0.0, 1.0))` makes.

    With names alone it is a Board, one widget, of which every knob is a trait: `made.lr = 0.1`,
    `widgets.link((slider, "value"), (made, "lr"))`. With widgets of yours it is a box of a row of these and the board.
    Where no widget can live (GitHub, PDF) the board's picture stands in for it.
    """
    names = [each for each in controls if isinstance(each, str)]
    own = [each for each in controls if not isinstance(each, str)]
    if names:
        board = Reached(board, names)
    return Framed(board, own, close=bool(names)) if own or not names else board


class Reached(Board):
    """A board with a row of controls of its source's knobs."""

    def __init__(self, board: Any, names: "list[str]") -> None:
        source = _turned(board, names)
        desk = Desk(
            source,
            dial.dials(source, names),
            turn=lambda name, value: dial.turn(source, name, value),
            read=lambda name, source: dial.standing(source, name),
        )
        super().__init__(board, columns=board.columns, height=board.height, desk=desk)

    def __repr__(self) -> str:
        return f"Controls({super().__repr__().replace(type(self).__name__, 'Board', 1)})"


class Framed(Strict, widgets.VBox):
    """A row of widgets above a board."""

    def __init__(self, board: Any, row: "list[Any]", close: bool) -> None:
        self.board, self._own, self._close = board, row, close
        self._row = widgets.HBox(row, layout=widgets.Layout(flex_flow="row wrap", grid_gap="0 12px"))
        super().__init__([self._row, board])
        self.add_class("nbprop-controls")
        for each in _all(row):
            hear_in_any_thread(each.comm)  # a slider of yours acts while a loop runs in a cell, too
        cells.claim(self)
        self._made = True

    def replaced(self) -> None:
        """The cell that made it was run again."""
        self.close()

    def close(self) -> None:
        """Take it out of the page; the board and the widgets that you gave are yours."""
        layout = self.layout
        super().close()
        if self._made and layout.comm is not None:
            layout.close()
            let_go(self._row, keep=self._own)
            if self._close:
                self.board.close()

    def frame(self) -> Any:
        """The numbers that the board draws."""
        return self.board.frame()

    def plot(self, ax: Any = None) -> Any:
        """The board in Matplotlib."""
        return self.board.plot(ax)

    def save(self, path, **options) -> Any:
        """Write the board into a file, .html, .png or .svg: see `Board.save`."""
        return self.board.save(path, **options)

    def describe(self) -> str:
        """The board in words."""
        return self.board.describe()

    def _ipython_display_(self) -> None:
        show(self, self.board)

    def _repr_mimebundle_(self, **kwargs):
        return {**dict(super()._repr_mimebundle_(**kwargs) or {}), **self.board.picture()}

    def __repr__(self) -> str:
        return repr(self.board) if self._close else f"Controls({self.board!r})"


def _all(row):
    """Widgets, with those that are in them."""
    return [part for each in row for part in (each, *_all(getattr(each, "children", ())))]


def _turned(board, names):
    """What on the board has knobs."""
    sources = list({id(view.source): view.source for view in getattr(board, "views", ())}.values())
    found = [source for source in sources if not lacking(source, [Turned])]
    if len(found) == 1:
        return found[0]
    what = "shows several: make Controls for each of them" if found else "shows none: give widgets of your own"
    raise ValueError(f"{', '.join(map(repr, names))}: these are to be knobs of the board's trainer, but it {what}")
