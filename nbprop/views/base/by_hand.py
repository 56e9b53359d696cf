"""Points that a hand adds, moves, calls otherwise and erases in a picture: each act is a turn of the trainer's data."""

import itertools
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.checks import whole

from .planes import Cut

if TYPE_CHECKING:
    from .view import View as _View
else:
    _View = object

PARTS = ("train", "val")
PAGES, MOST = 20, 2000  # pages whose last act is remembered; points of one message
_numbers, _origins = itertools.count(1), weakref.WeakKeyDictionary()


class ByHand(_View):
    """A view of a trainer's data in which points can be drawn. `cut`: what is drawn of the data."""

    source: Any
    cut: Cut
    chosen: Any
    _heard: int = 0
    _said: str = ""  # why the last act was refused

    def __init__(self, source, **options) -> None:
        self._done: dict[str, int] = {}  # page -> number of its last act
        super().__init__(source, **options)

    @property
    def version(self) -> Any:
        """Something else whenever there is something new to show."""
        return super().version, self._heard

    def _hand_labels(self) -> dict[str, Any]:
        """What a page needs for drawing. of: number of the data that the points are of; taken: page -> number of its
        last act that was done, or refused; said: why it was refused; why: why nothing can be drawn now; by: what a
        point has, a "class", or a "value", or is as high as its value is, "height"."""
        data = self.source.data
        if not self.cut.inputs:
            return {}
        by = "class" if data.task != "regression" else "value" if len(self.cut.inputs) == 2 else "height"
        told: dict[str, Any] = {"by": by, "why": self._hindrance(), "parts": [len(data.X_train), len(data.X_val)]}
        return {"hand": told | {"of": _origin(data), "taken": dict(self._done), "said": self._said}}

    def _hindrance(self):
        data, moment = self.source.data, getattr(self.source, "moment", None)
        if moment is not None:
            return f"step {moment:,} of the past is shown: draw when the picture is of now again"
        if not hasattr(self.source, "edit_data"):
            return f"only points of a Trainer can be drawn, not of a {type(self.source).__name__}"
        if data.task == "regression" and data.y_train.shape[-1] > 1:
            return f"a point would need {data.y_train.shape[-1]} values: add it in code, data.with_points(X, y)"
        return ""

    def hand(self, told: dict[str, Any]) -> None:
        """A hand has drawn. told: page and number, by which the page knows that it was heard; of, see `_hand_labels`;
        hand: a number for each gesture, which is one turn; do: what was done, a list of

        ["add", "train" or "val", points], ["move", number, point], ["class", numbers, target], ["erase", numbers]

        where a point is its place in the picture and its target (of a moved one the place, and its value if that is its
        height), and a number is that of a sample, see by_hand.py. What is gone meanwhile is left out.
        """
        page, number = str(told["page"])[:40], whole(0)("number", told["number"])
        try:
            if why := self._hindrance():
                raise ValueError(why)
            if told["of"] != _origin(self.source.data):
                raise ValueError("other data have come meanwhile: draw it once more")
            self._edit(told["do"], (page, told["hand"]))
            self._said = ""
        except (ValueError, TypeError) as error:
            self._said = str(error)
        self._done.pop(page, None)
        self._done[page] = number
        if len(self._done) > PAGES:
            del self._done[next(iter(self._done))]
        self._heard += 1

    def _edit(self, acts, hand):
        sample, before = self.chosen.sample, self.source.data
        self.source.edit_data(lambda data: self._edited(data, acts), hand=hand)
        if sample is not None and sample < len(before.X_train):  # it stays the same one, wherever it is now
            own = before.numbers()[sample]
            places = np.flatnonzero(self.source.data.numbers() == own)
            self.chosen.set(sample=int(places[0]) if len(places) else None)

    def _edited(self, data, acts):
        cut = self.cut
        for name, *given in acts:
            if name == "add":
                which, points = given
                points = _points(points, len(cut.inputs) + 1)
                if len(points):
                    data = data.with_points(cut.whole(points[:, :-1]), _targets(points[:, -1]), which)
            elif name == "move":
                number, point = given
                data = self._moved(data, number, _points([point], len(point))[0])
            elif name in ("class", "erase"):
                for which in PARTS:
                    places = np.flatnonzero(np.isin(data.numbers(which), np.asarray(given[0], np.int64)))
                    if not len(places):
                        continue
                    if name == "erase":
                        data = data.without(places, which)
                    else:
                        data = data.changed(places, y=_targets(np.full(len(places), given[1])), which=which)
            else:
                raise ValueError(f"expected add, move, class or erase, got {name!r}")
        return data

    def _moved(self, data, number, point):
        inputs = list(self.cut.inputs)
        for which in PARTS:
            places = np.flatnonzero(data.numbers(which) == number)
            if len(places):
                X = getattr(data, f"X_{which}")[places].copy()
                X[:, inputs] = point[: len(inputs)]
                y = point[len(inputs) :] if len(point) > len(inputs) else None
                return data.changed(places, X, y, which)
        return data


def _origin(data):
    """A number of the data that a hand has made these of."""
    if data.origin not in _origins:
        _origins[data.origin] = next(_numbers)
    return _origins[data.origin]


def _points(given, width):
    """(n, width) float64, finite."""
    points = np.asarray(given, np.float64)
    if points.size == 0:
        return points.reshape(0, width)
    if points.ndim != 2 or points.shape[1] != width or len(points) > MOST:
        raise ValueError(f"expected at most {MOST:,} points of {width} numbers, got an array of shape {points.shape}")
    return points


def _targets(values):
    """Numbers of classes are whole ones."""
    return [int(v) if float(v).is_integer() else float(v) for v in values]
