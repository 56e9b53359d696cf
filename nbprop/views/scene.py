"""A scene: what a network does in the world, drawn by a function of one's own: a pole on a cart, an arm."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.record.lessons import Lesson
from nbprop.record.source import CannotSay

from .base import colors
from .base.stage import Stage
from .base.view import Option, View, new_axes, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 2000  # moments
PALE = 8  # other moments, at most, that are drawn pale
PACE = 40  # ms that a moment stands while it plays


class Scene(View):
    """Lines, circles and rectangles that a function draws, moment by moment; both axes have the same scale.

    draw    draw(stage, source): draws on the `stage` with line, circle, rectangle and say (see `Stage` in
            nbprop/views/base/stage.py) what the source does now: it may ask `source.predict(X)`, and is to change
            nothing. It is called whenever the source has made a step, at most four times a second while it plays.
    x, y    (low, high), what is to be seen at least. Default: all that is drawn.
    Options: `time`: which moment is shown, from 0 on. `trail` (default False): others pale behind it.
    """

    name = "scene"
    title = "Scene"
    about = (
        "What the network does in the world, drawn by a function: a pole that it balances, an arm that it moves. Play "
        "goes through the moments; while the run trains, each picture is of the network as it is then."
    )
    lesson = Lesson(20, "The pole, live")
    shows = "whatever a function draws of it"
    size = (5.0, 3.4)
    rate = 4.0
    time: int
    trail: bool
    options = (
        Option("time", "time", range(MOST), 0, where="browser", walk=True, pace=PACE),
        Option("trail", "trail", where="browser"),
    )

    def __init__(
        self,
        source: Any,
        draw: Any = None,
        x: "tuple[float, float] | None" = None,
        y: "tuple[float, float] | None" = None,
        **options: Any,
    ) -> None:
        if draw is not None and not callable(draw):
            raise TypeError(f"Scene: expected draw to be a function draw(stage, source), got {draw!r}")
        self.draw, self.x, self.y = draw, _limits("x", x), _limits("y", y)
        super().__init__(source, **options)

    @classmethod
    def suits(cls, source) -> bool:
        return False  # it needs a function, too

    @property
    def stage(self) -> Stage:
        """What was drawn of the source as it is now."""
        if self.draw is None:
            raise CannotSay("Scene shows what a function draws: pass draw, a function draw(stage, source).")
        return self._constant("stage", (self.source, self.source.version, self.source.steps), self._drawn)

    def _drawn(self):
        stage = Stage()
        assert self.draw is not None
        self.draw(stage, self.source)
        if stage.moments > MOST:
            raise CannotSay(
                f"Scene: expected at most {plural(MOST, 'moment')}, got {stage.moments:,}: draw every second one, or "
                "fewer."
            )
        return stage

    @property
    def shown(self) -> int:
        """The moment that is shown: `time`, or the last one where there are fewer."""
        return min(self.time, self.stage.moments - 1)

    def frame(self) -> dict[str, Any]:
        """range (4,): lowest and highest x, lowest and highest y; shape0, shape1, ...: numbers of each shape, see
        `Shape` in base/stage.py."""
        stage = self.stage
        found = {"range": self._constant("range", stage, lambda: self._range(stage))}
        return found | {f"shape{i}": shape.numbers for i, shape in enumerate(stage.shapes)}

    def _range(self, stage):
        corners = [np.zeros((0, 2))]
        for shape in stage.shapes:
            low, high = shape.numbers[..., :2], shape.numbers[..., :2]
            if shape.kind == "circle":
                low, high = low - shape.numbers[..., 2:], high + shape.numbers[..., 2:]
            if shape.kind == "rectangle":
                high = low + shape.numbers[..., 2:]
            corners += [low.reshape(-1, 2), high.reshape(-1, 2)]
        points = np.concatenate(corners)
        points = points[np.isfinite(points).all(axis=1)]
        found = []
        for axis, given in enumerate((self.x, self.y)):
            low, high = given or ((points[:, axis].min(), points[:, axis].max()) if len(points) else (0, 1))
            room = 0 if given else 0.05 * (high - low) or 0.5
            found += [low - room, high + room]
        return np.array(found, np.float32)

    def labels(self) -> dict[str, Any]:
        """shapes: kind, color, width and name of each; said: words above the picture, one text or one for each moment;
        stops: where the walk ends; marks."""
        stage = self.stage
        return {
            "shapes": [[shape.kind, shape.color, shape.width, shape.name] for shape in stage.shapes],
            "said": stage.said,
            "stops": {"time": {"last": stage.moments - 1, "names": [], "parts": []}},
            "marks": self.marks(),
        }

    def marks(self) -> dict[str, str]:
        return {
            "time": "the moment that is shown; Play goes through all of them, and round again",
            "trail": f"pale: at most {PALE} other moments, evenly spaced",
        }

    def _others(self, moments, time):
        """Those of the trail."""
        spread = np.unique(np.linspace(0, moments - 1, PALE).round().astype(int)) if self.trail else np.zeros(0, int)
        return spread[spread != time]

    def plot(self, ax=None) -> "Axes":
        from matplotlib.patches import Circle, Rectangle

        ax = new_axes(ax, *self.size)
        stage, frame, time = self.stage, self.frame(), self.shown
        x0, x1, y0, y1 = map(float, frame["range"])
        ax.set(xlim=(x0, x1), ylim=(y0, y1), aspect="equal", title=self.heading)
        colors.tidy(ax)
        for moment in (*self._others(stage.moments, time), time):
            for shape in stage.shapes:
                now, color = shape.at(moment), getattr(colors, shape.color.upper())
                x, y, *size = map(float, now[0])
                if not np.isfinite(now).all() or (moment != time and len(shape.numbers) == 1):
                    continue
                alpha = 1.0 if moment == time else 0.2
                rim = {"fill": not shape.width, "lw": shape.width, "color": color, "alpha": alpha}
                if shape.kind == "line":
                    ax.plot(*now.T, color=color, lw=shape.width, alpha=alpha, solid_capstyle="round")
                elif shape.kind == "circle":
                    ax.add_patch(Circle((x, y), size[0], **rim))
                else:
                    ax.add_patch(Rectangle((x, y), *size, **rim))
        words = " ".join(filter(None, [_said(stage, time), _not_finite(stage, time)]))
        ax.text(0.01, 0.98, words, va="top", size="small", color=colors.MUTED, transform=ax.transAxes)
        return ax

    def describe(self) -> str:
        stage, time = self.stage, self.shown
        where = "; ".join(shape.where(time) for shape in stage.shapes if shape.name)
        count = f"Moment {time:,} of {stage.moments - 1:,}" if stage.moments > 1 else "One moment"
        said = _said(stage, time)
        first = f"{count}: {where}." if where else f"{count}, {plural(len(stage.shapes), 'shape')}."
        return " ".join(filter(None, [first, f"{said.rstrip('.')}." if said else "", _not_finite(stage, time)]))


def _said(stage, time):
    return stage.said[min(time, len(stage.said) - 1)] if stage.said else ""


def _not_finite(stage, time):
    """What is wrong with the numbers of that moment, in words."""
    bad = sum(not np.isfinite(shape.at(time)).all() for shape in stage.shapes)
    return f"{plural(bad, 'shape')} not finite." if bad else ""


def _limits(name, given):
    if given is None:
        return None
    try:
        low, high = np.asarray(given, np.float64).ravel()[:2] if np.size(given) == 2 else (0, 0)
    except (TypeError, ValueError):
        low = high = 0
    if not (np.isfinite([low, high]).all() and low < high):
        raise ValueError(f"Scene: {name}: expected (low, high), got {given!r}")
    return float(low), float(high)
