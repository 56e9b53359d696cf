"""What is chosen on a board: one sample or place, one layer, unit and edge, the same in all views that are linked."""

import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.checks import did_you_mean
from nbprop.record.source import CannotSay

if TYPE_CHECKING:
    from .view import View

NAMES = ("sample", "point", "layer", "unit", "source", "weight")
MARK = "framed: the layer that is chosen, in all views of the board; a press on a layer chooses it, or lets go of it"


class Chosen:
    """What all views of one board look at. None, or:

    sample: number of a sample of the training data, from 0
    point: a place that is looked at instead, the inputs of the network, a tuple of numbers
    layer: name of a layer, as in `trainer.layers`
    unit: number of one of its units, from 0 (a channel, of a convolution; a head, of an attention)
    source: number of a unit in the layer before, from 0; with it the edge from there to the unit is chosen
    weight: number of one of the weights of that edge, from 0, where it has several: in the filter of a convolution row
        by row, in a Linear behind pictures one for each place

    `set` chooses, in code; a hand does by pressing on a picture. `version` is another number whenever it has changed.
    """

    def __init__(self) -> None:
        self._views: weakref.WeakSet[View] = weakref.WeakSet()
        self._now: dict[str, Any] = dict.fromkeys(NAMES)
        self._over: tuple[float, ...] | None = None
        self.version = 0

    @property
    def sample(self) -> int | None:
        """Number of a sample of the training data."""
        return self._now["sample"]

    @property
    def point(self) -> tuple[float, ...] | None:
        """A place that is no sample: that over which a hand is moving now, else the one that was set."""
        return self._now["point"] if self._over is None else self._over

    @property
    def layer(self) -> str | None:
        """Name of a layer."""
        return self._now["layer"]

    @property
    def unit(self) -> int | None:
        """Number of a unit in the layer."""
        return self._now["unit"]

    @property
    def source(self) -> int | None:
        """Number of a unit in the layer before, where an edge is chosen."""
        return self._now["source"]

    @property
    def weight(self) -> int | None:
        """Number of one of the weights of the edge."""
        return self._now["weight"]

    @property
    def held(self) -> bool:
        """Whether a sample or a place was chosen to stay, wherever a hand moves meanwhile."""
        return self._now["sample"] is not None or self._now["point"] is not None

    def set(self, **changes: Any) -> None:
        """Choose: `chosen.set(layer="hidden 2", unit=3)`. None lets go. Another layer lets go of the unit, another unit
        of the edge, another edge of its weight, and a sample of the point. ValueError or TypeError that says what may
        be chosen."""
        for name in changes:
            if name not in NAMES:
                raise TypeError(f"chosen: expected names out of {', '.join(NAMES)}; got {name!r}")
        checked = {name: value if value is None else self._checked(name, value) for name, value in changes.items()}
        now = dict(self._now)
        edge = ("unit", "source", "weight")
        for name, below in (("layer", edge), ("unit", edge[1:]), ("source", edge[2:]), ("sample", ("point",))):
            if name in checked and (checked[name] != now[name] or name == "sample"):
                now |= dict.fromkeys(below)
        now |= checked
        for name, needs in (("unit", "layer"), ("source", "unit"), ("weight", "source")):
            if now[name] is not None and now[needs] is None:
                raise ValueError(f"chosen: a {name} belongs to a {needs}: choose that too, or first")
        if {"point", "sample"} & checked.keys():
            self._over = None
        self._change(now)

    def pass_over(self, point: Iterable[float] | None) -> None:
        """A hand moves over this place; None: it has gone, and what was chosen before is chosen again."""
        over = None if point is None else _point(point)
        if over != self._over:
            self._over = over
            self._told()

    def told(self, names: Iterable[str] = NAMES) -> dict[str, Any]:
        """Those of `names` that are chosen, as plain values."""
        return {name: value for name in names if (value := getattr(self, name)) is not None}

    def inputs(self, data: Any) -> np.ndarray | None:
        """The inputs (1, ...) of what is looked at, of these data: of the point, else of the sample; None: nothing, or
        what is no sample or place of these."""
        X, point, sample = data.X_train, self.point, self.sample
        if point is not None and len(point) == np.prod(X.shape[1:]):
            return np.reshape(np.array(point, X.dtype), (1, *X.shape[1:]))
        return X[sample : sample + 1] if point is None and sample is not None and sample < len(X) else None

    def join(self, *views: "View") -> None:
        """From now on these views look at this, and all that were linked with them."""
        for view in views:
            for each in [view, *view.chosen._views]:
                each.chosen = self
                self._views.add(each)

    def _change(self, now):
        if now != self._now or self._over is not None:
            self._now = now
            self._told()

    def _told(self):
        self.version += 1
        for board in {board for view in list(self._views) for board in vars(view).get("boards", ())}:
            board.ask()

    def _checked(self, name, value):
        if name == "layer":
            return self._layer(value)
        data = [data for view in list(self._views) if hasattr(data := _asked(view.source, "data"), "X_train")]
        if name == "point":
            point, sizes = _point(value), dict.fromkeys(int(np.prod(each.input_shape)) for each in data)
            if sizes and len(point) not in sizes:
                raise ValueError(f"chosen: point: expected {next(iter(sizes))} inputs of the network; got {len(point)}")
            return point
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0:
            raise ValueError(f"chosen: {name}: expected a number from 0, or None; got {value!r}")
        count = max((len(each.X_train) for each in data), default=None) if name == "sample" else None
        if count is not None and value >= count:
            raise ValueError(f"chosen: sample: expected a training sample, from 0 to {count - 1:,}; got {value}")
        return int(value)

    def _layer(self, value):
        known = dict.fromkeys(name for view in list(self._views) for name in _names(view.source))
        if not isinstance(value, str) or (known and value not in known):
            names = f" out of {', '.join(map(repr, known))}" if known else " such as 'hidden 1'"
            meant = did_you_mean(value, known) if isinstance(value, str) else ""
            raise ValueError(f"chosen: layer: expected the name of a layer{names}, or None; got {value!r}{meant}")
        return value

    def __repr__(self) -> str:
        return f"Chosen({', '.join(f'{name}={value!r}' for name, value in self.told().items())})"


def _asked(source, member) -> Any:
    """A member of a source that may have none, or no answer."""
    try:
        return getattr(source, member, None)
    except CannotSay:
        return None


def _names(source):
    return [layer.name for layer in _asked(source, "layers") or ()]


def _point(value):
    try:
        point = tuple(float(x) for x in value)
    except (TypeError, ValueError):
        point = ()
    if not point or not np.isfinite(point).all() or np.abs(point).max() > 3e38:  # it will be float32
        raise ValueError(f"chosen: point: expected the inputs of a place, finite numbers, or None; got {value!r}")
    return point
