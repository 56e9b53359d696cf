"""What can be typed at a board: height and columns, and all that its view has, if it has but one."""

import logging
import math
from typing import TYPE_CHECKING, Any

from nbprop.checks import did_you_mean
from nbprop.sources.ghost import Ghost
from nbprop.sources.instead import Instead

from ..base.beside import MOST
from ..base.chosen import Chosen
from .widgets import Strict


class Attributes(Strict):
    """A part of Board, which has `views`, `_panels` and `_spec`."""

    views: tuple
    _panels: list
    _spec: Any
    _news: bool
    _listen: Any
    _deaf: Any
    ask: Any

    if not TYPE_CHECKING:  # an editor that saw them would take any name for one that is there

        def __setattr__(self, name, value) -> None:
            if self._made and name[0] != "_":
                if len(self.views) == 1 and name in self._panels[0].names:
                    return setattr(self.views[0], name, value)
                if name == "log":  # every widget has a logger of this name
                    raise AttributeError(f"{self!r} has no option 'log'" + self._hint("log"))
            super().__setattr__(name, value)

        def __getattr__(self, name) -> Any:
            views = self.__dict__.get("views", ())
            if len(views) == 1 and name[0] != "_" and hasattr(views[0], name):
                return getattr(views[0], name)
            offered = self._offered() if views and name[0] != "_" else ()
            meant = self._hint(name) or did_you_mean(name, offered)
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}{meant}")

    def __dir__(self) -> list[Any]:
        views = self.__dict__.get("views", ())
        return [*super().__dir__(), *(self._panels[0].names if len(views) == 1 else ())]

    def _offered(self):
        own = [name for panel in self._panels for name in panel.names] if len(self.views) == 1 else []
        return ["height", "columns", *own, *super()._offered()]

    def _hint(self, name):
        """Where that option is, on a board of several views."""
        views = self.__dict__.get("views", ())
        at = [i for i, view in enumerate(views) if any(option.name == name for option in view.options)]
        return f"; it is an option of a view: try board.views[{at[0]}].{name}" if at else ""

    @property
    def log(self) -> Any:
        """The option of the one view, where it has that; else the logger that every widget has."""
        if len(self.views) == 1 and "log" in self._panels[0].names:
            return self.views[0].log
        return logging.getLogger("nbprop")

    @property
    def chosen(self) -> Chosen:
        """What all its views look at, a sample, a layer, ...: `board.chosen.set(layer="hidden 2", unit=3)`."""
        return self.views[0].chosen

    @property
    def columns(self) -> Any:
        """Panels beside each other; None: about square."""
        return self._spec["columns"]

    @columns.setter
    def columns(self, value) -> None:
        self._spec = {**self._spec, "columns": positive("columns", value)}

    @property
    def height(self) -> Any:
        """Of all panels together, in CSS pixels; None: by the width, and by the window where that is large."""
        return self._spec["height"]

    @height.setter
    def height(self, value) -> None:
        self._spec = {**self._spec, "height": positive("height", value)}

    def pin(self, name: str = "") -> None:
        """Keep the runs as they are now as ghosts: pale curves, profiles and outlines behind the live ones, in every
        view that draws them. They stay, whatever becomes of the runs.

        name: what to call them; by default what was different about the run, else its step. ValueError where there are
        four already."""
        sources = {id(view.source): view.source for view in self._outlining()}
        made = {known: Ghost(source, name) for known, source in sources.items()}
        for view in self._outlining():
            view.ghosts = (*view.ghosts, made[id(view.source)])

    def put_behind(self, source: Any) -> None:
        """Show another run pale behind the own one of every view that draws ghosts: a trainer, a moment of one, or
        another source. It is drawn as it is then, and goes on as it does."""
        for view in self._outlining():
            view.ghosts = (*view.ghosts, source)

    def unpin(self) -> None:
        """Take all ghosts away; what was trained only to be one is ended."""
        self._end_ghosts(self.views)
        for view in self.views:
            view.ghosts = ()

    def _end_ghosts(self, views):
        for ghost in [ghost for view in views for ghost in view.ghosts]:
            if isinstance(ghost, Instead):  # it is trained for these pictures only
                ghost.close()

    @property
    def ghosts(self) -> "tuple[Any, ...]":
        """What is drawn pale behind: see `pin` and `put_behind`. Assigning gives all views these."""
        return tuple({id(ghost): ghost for view in self.views for ghost in view.ghosts}.values())

    @ghosts.setter
    def ghosts(self, sources) -> None:
        for view in self.views:
            if view.outlined or len(self.views) == 1:
                view.ghosts = sources

    def ghosts_changed(self) -> None:
        """A view has other ghosts."""
        self._deaf()
        self._listen()
        self._news = True
        self.ask()

    def _outlining(self):
        views = [view for view in self.views if view.outlined and view.served]
        if not views:
            raise ValueError(f"{self!r}: expected a view that draws ghosts, such as nb.views.Loss(trainer)")
        full = max(len(view.ghosts) for view in views)
        if full >= MOST:
            raise ValueError(f"there are {full} ghosts already, as many as can be told apart: unpin() takes them away")
        return views


def positive(name, value) -> int | float | None:
    if value is not None and not (isinstance(value, int | float) and math.isfinite(value) and value > 0):
        raise ValueError(f"Board: {name}: expected a positive number or None, got {value!r}")
    return value
