"""Which views hang on a board: given when it is made, and exchanged for others while it is looked at."""

import weakref
from typing import Any

from nbprop.checks import did_you_mean

from ..base.folder import kind, names
from ..base.view import View
from .panel import Panel, specs


class Gallery:
    """A part of Board. Pages are told by `_spec`, whose `layout` counts the exchanges: what was said before one of them
    is about other panels, and is neither drawn nor done."""

    views: "tuple[Any, ...]"
    chosen: Any
    ghosts: Any
    _spec: Any
    _desk: Any
    _timeline: Any
    _ghosts: "list[Any]"
    _deaf: Any
    _exchange: Any
    _end_ghosts: Any
    _keep_anew: Any
    _listen: Any
    _pacing: Any
    _refreshing: Any
    ask: Any

    _layout = 0
    _wanted_views: Any = ()  # that are to be shown instead
    _away: "dict[str, View]"  # views that hung here before, by name: they come back with their options

    def _hang(self, views, beside):
        """These views from now on. beside: sources that the board has besides theirs."""
        self.views = tuple(views)
        self._panels = [Panel(view) for view in views]
        self._sources = list({id(each): each for each in [*(view.source for view in views), *beside]}.values())
        self._told = [source for source in self._sources if hasattr(source, "watchers")]  # they call refresh()
        self._errors = {}  # index of a panel that could not be drawn -> what was wrong
        self._whole = True  # the next frame carries everything, for a viewer that has nothing
        self._news = True  # someone looks elsewhere or chose an option since the last frame
        self._versions = self._statuses = None  # of the sources, at the last frame
        for view in views:
            vars(view).setdefault("boards", weakref.WeakSet()).add(self)

    def show(self, *views: "View | str") -> None:
        """Show these views instead of those that are there: `board.show("loss", "network")`.

        views: views or boards, or names of views, which are then of the first source of the board; one that was here
        before comes back with its options. ValueError for a name that there is not, TypeError for what is no view, or
        none at all."""
        line = self._timeline
        wanted = given_views([self._named(each) if isinstance(each, str) else each for each in views_in(views)])
        if line is not None and any(view.source not in (line.trainer, line.moment) for view in wanted):
            raise ValueError("show: a board with a time line shows one run; these views have other sources")
        self._wanted_views = wanted
        getattr(self._sources[0], "between", lambda function: function())(self._hang_others)

    def _hang_others(self):
        """The exchange that was asked for last; while a frame is being made it waits for the end of that."""
        while self._wanted_views and self._refreshing.acquire(blocking=False):
            try:
                wanted, self._wanted_views = self._wanted_views, ()
                if wanted:
                    self._exchanged(wanted)
            finally:
                self._refreshing.release()
            self.ask()

    def _exchanged(self, wanted):
        line, ghosts, old, chosen = self._timeline, self.ghosts, self.views, self.chosen
        self._away |= {view.name: view for view in old}
        self._deaf()
        chosen.pass_over(None)  # a hand over a picture that goes
        for view in old:
            view.boards.discard(self)
            if line is not None:
                view.source = line.trainer
        self._hang(wanted, [] if self._desk is None else [self._desk.source])
        if line is not None and line.moment is not None:
            self._exchange(line.trainer, line.moment)
        chosen.join(*wanted)
        for view in wanted:
            if view.outlined and view not in old:
                view.ghosts = ghosts
        gone = [view for view in old if not view.boards]
        if not any(view.outlined for view in wanted):
            self._end_ghosts(gone)
        for view in gone:
            view.ghosts = ()
        self._listen()
        self._layout += 1
        self._pacing.see_all(len(self._panels) + (self._desk is not None))
        self._spec = {**self._spec, "layout": self._layout, "panels": specs(self.views)}
        self._keep_anew()

    def _named(self, name) -> View:
        """The view of that name: the one that is here or was, else a new one."""
        known = [*self.views, *self._away.values()]
        if (here := next((view for view in known if view.name == name), None)) is not None:
            return here
        if name not in names():
            raise ValueError(
                f"show: expected names of views out of {names()}, got {name!r}{did_you_mean(name, names())}"
            )
        line = self._timeline
        return kind(name)(self._sources[0] if line is None else line.trainer)


def views_in(given) -> "list[Any]":
    """Those of boards in the place of the boards."""
    return [view for each in given for view in (each.views if isinstance(each, Gallery) else (each,))]


def given_views(views) -> "list[Any]":
    """The views, checked."""
    if not views:
        raise TypeError("Board: expected at least one view, got none: try Board(nb.views.Loss(trainer))")
    for view in views:
        if not isinstance(view, View):
            raise TypeError(f"Board: expected views such as nb.views.Loss(trainer), got {type(view).__name__}")
    return views
