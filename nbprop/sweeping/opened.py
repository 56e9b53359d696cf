"""How a sweep is seen in a notebook: its map, and below it the run that was opened."""

from typing import Any

import ipywidgets as widgets

from nbprop import cells
from nbprop.views.base.folder import kind
from nbprop.views.board import Board, dial as dials
from nbprop.views.board.desk import Desk, steering
from nbprop.views.board.shown import show
from nbprop.views.board.widgets import Strict, let_go

VIEWS = ("loss", "gradients", "histograms", "boundary")
CONTROLS = ("lr", "batch_size", "dropout", "clip")


class Opened(Board):
    """One run of a sweep, made again: a board with Play, Pause, Step, Reset, the usual knobs and a time line."""

    def __init__(self, trainer: Any) -> None:
        self.trainer = trainer
        desk = Desk(
            trainer,
            dials.dials(trainer, [name for name in CONTROLS if _reached(trainer, name)]),
            lambda name, value: dials.turn(trainer, name, value),
            lambda name, source: dials.standing(source, name),
            steering(trainer, "", "Start again"),
        )
        views = [kind(name)(trainer) for name in VIEWS if kind(name).suits(trainer)]
        super().__init__(*views, columns=2, timeline=True, desk=desk)


class Shown(Strict, widgets.VBox):
    """The map of a sweep above the run that was opened."""

    def __init__(self, view: Any) -> None:
        self.board, self._opened = Board(view, height=view.height), None
        super().__init__([self.board])
        cells.claim(self)
        self._made = True

    def put(self, opened: Any) -> None:
        old, self._opened = self._opened, opened
        self.children = [self.board, opened]
        if old is not None:
            old.close()

    def replaced(self) -> None:
        self.close()

    def close(self) -> None:
        """Take it out of the page; the sweep goes on."""
        layout = self.layout
        super().close()
        if self._made and layout.comm is not None:
            layout.close()
            let_go(self.board)
            if self._opened is not None:
                self._opened.close()

    def describe(self) -> str:
        return self.board.describe()

    def _ipython_display_(self) -> None:
        show(self, self.board)

    def _repr_mimebundle_(self, **kwargs):
        return {
            **dict(super()._repr_mimebundle_(**kwargs) or {}),
            **self.board.picture(playing=True),
        }  # its runs are made elsewhere

    def __repr__(self) -> str:
        return repr(self.board)


def _reached(trainer, name):
    try:
        return getattr(trainer, name, None) is not None or name == "clip"
    except ValueError:
        return False
