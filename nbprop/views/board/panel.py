"""One view on a board: what the browser is told of it once, and then in every frame."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from operator import attrgetter
from typing import Any

from nbprop.record.source import CannotSay

from ..base.view import View

PATIENCE = 2.0  # seconds: how old the words for screen readers may be while everything moves
EARLY = 0.005  # seconds: frames leave between slices of training, not on the dot


class Panel:
    """One view on a board, and what of it the browser has."""

    def __init__(self, view) -> None:
        self.view = view
        self.names = [option.name for option in view.options]
        self._get = attrgetter(*self.names) if self.names else lambda view: None
        self.described = self.packed = -math.inf
        self._first = view.heading
        self.forget()

    def spec(self) -> dict[str, Any]:
        """What stays: name, title, options and controls, as the browser is told."""
        view = self.view
        options = [_option(option, getattr(view, option.name)) for option in view.options]
        controls = {"controls": [asdict(control) for control in view.controls]} if view.controls else {}
        row = {"row": view.row} if view.row else {}
        row |= {"beside": True} if view._peers else {}
        row |= {"tools": True} if view.tools else {}
        row |= {"about": view.about, "lesson": str(view.lesson or "")} if view.about else {}
        row |= {"where": view.lesson.where} if view.about and view.lesson else {}
        return {"name": view.name, "title": view.heading, "options": options, **row, **controls}

    def forget(self) -> None:
        """The browser has nothing of it (any more)."""
        self.version = self.options = self.labels = self.text = None
        self.heading = self._first  # which the browser has from the spec, perhaps with a number
        self.arrays = {}

    def values(self) -> tuple[Any, ...] | None:
        """What the view's options are set to: a tuple, a lone value, or None (quick: asked again and again)."""
        return self._get(self.view)

    def pack(self, parts, now, words) -> dict[Any, Any]:
        """What a frame says of this panel: all that the browser does not have. Its numbers are added to `parts`."""
        view = self.view
        self.packed = now
        self.version, options = view.version, self.values()
        frame, labels = dict(view.frame()), view.labels()
        if chosen := view.chosen.told(view.links):
            labels = {**labels, "chosen": chosen}
        if view.unserved:
            labels = {"unserved": view.unserved}
        offset = sum(part.size for part in parts)
        arrays = []
        for name, array in frame.items():
            if self.arrays.get(name) is array:
                arrays.append([name])
            else:
                arrays.append([name, offset, array.shape])
                parts.append(array.ravel())
                offset += array.size
        entry: dict = {"arrays": arrays}
        if labels != self.labels:
            entry["labels"] = labels
        if (heading := view.heading) != self.heading:
            entry["heading"] = self.heading = heading
        if options != self.options:
            entry["options"] = {name: getattr(view, name) for name in self.names}
        if words or now - self.described >= PATIENCE:
            text, self.described = view.describe(), now
            if text != self.text:
                entry["text"] = self.text = text
        # The arrays themselves are kept, not their ids: an id is given again once its array is gone.
        self.arrays, self.labels, self.options = frame, labels, options
        return entry

    def stale(self, now) -> bool:
        """Is there something new, and is it time to show it?"""
        source = self.view.source
        if self.options != self.values():
            return True
        rested = source.status != "playing" or now - self.packed >= 1 / self._rate() - EARLY
        return rested and self.version != self.view.version

    def _rate(self):
        try:
            return self.view.rate
        except CannotSay:  # the picture will say it
            return View.rate


def _option(option, value):
    """What stays of an option, and its value at the start."""
    if isinstance(option.choices, range):
        walk = {"walk": True, **({"pace": option.pace} if option.pace else {})} if option.walk else {}
        choices = {"range": [option.choices[0], option.choices[-1]], **walk}
    else:
        choices = {"choices": [list(choice) for choice in option.choices]}
    return {"name": option.name, "label": option.label, "where": option.where, **choices, "value": value}


def specs(views: Sequence[Any]) -> list[dict[str, Any]]:
    """What stays of these panels. Those of the same title are numbered, in the order in which they were given."""
    made = [Panel(view).spec() for view in views]
    for title, count in Counter(spec["title"] for spec in made).items():
        alike = [spec for spec in made if spec["title"] == title]
        for i, spec in enumerate(alike, 1):
            spec["title"] += f" {i}" if count > 1 else ""
    return made
