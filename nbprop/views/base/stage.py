"""What a Scene is drawn on: lines, circles and rectangles, each standing still or moving, in units of one's own."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from nbprop.checks import did_you_mean, number
from nbprop.record.source import CannotSay

COLORS = ("foreground", "muted", "train", "validation", "guide", "accuracy")  # of the theme, light or dark


@dataclass(frozen=True)
class Shape:
    """numbers (T or 1, k, m): at each moment k points (x, y) of a line, one (x, y, radius) of a circle, one (left,
    bottom, width, height) of a rectangle."""

    kind: str
    numbers: np.ndarray
    color: str
    width: float
    name: str

    def at(self, moment) -> np.ndarray:
        """Its numbers then, (k, m)."""
        return self.numbers[min(moment, len(self.numbers) - 1)]

    def where(self, moment) -> str:
        """Where it is then, in words."""
        now = self.at(moment)
        if not np.isfinite(now).all():
            return f"{self.name}: not finite"
        if self.kind == "line":
            return f"{self.name} from {_point(now[0])} to {_point(now[-1])}"
        middle = now[0, :2] if self.kind == "circle" else now[0, :2] + now[0, 2:] / 2
        return f"{self.name} at {_point(middle)}"


class Stage:
    """Every number may be one, for what stands still, or an array (T,), one for each of T moments; the points of a line
    are (k,) or (T, k). What is drawn later lies on top. A `name` says what a shape is, in words and under the pointer.

    color: "foreground", "muted", "train" (blue), "validation" (orange), "guide" (green), "accuracy" (purple).
    """

    def __init__(self) -> None:
        self.shapes: list[Shape] = []
        self.said: list[str] = []

    def line(self, x: Any, y: Any, color: str = "foreground", width: float = 2, name: str = "") -> None:
        """Through the points x, y, `width` pixels wide."""
        found = _arrays(x, y)
        if not found or found[0].ndim not in (1, 2) or found[0].shape[-1] < 2:
            came = _shapes(x, y)
            raise ValueError(f"line{_of(name)}: expected x and y of two or more points, (k,) or (T, k), got {came}")
        points = np.stack(found, axis=-1)
        self._add("line", points.reshape(-1, *points.shape[-2:]), color, width, name)

    def circle(self, x: Any, y: Any, radius: Any, color: str = "foreground", width: float = 0, name: str = "") -> None:
        """Around (x, y), filled; with a `width` in pixels, only its rim."""
        self._add("circle", _together("circle", name, 1, x, y, radius), color, width, name)

    def rectangle(
        self, x: Any, y: Any, across: Any, high: Any, color: str = "foreground", width: float = 0, name: str = ""
    ) -> None:
        """With the middle (x, y), so far `across` and so `high`, filled; with a `width` in pixels, only its rim."""
        found = _together("rectangle", name, 2, x, y, across, high)
        found[..., :2] -= found[..., 2:] / 2
        self._add("rectangle", found, color, width, name)

    def say(self, words: "str | list[str]") -> None:
        """What stands above the picture: always the same, or one text for each moment."""
        if not isinstance(words, (str, list, tuple)) or len(words) == 0:
            raise TypeError(f"say: expected a text, or a list of texts, one for each moment, got {words!r}")
        self.said = [words] if isinstance(words, str) else [str(each) for each in words]

    @property
    def moments(self) -> int:
        """How many there are. CannotSay where shapes do not agree, or there are none."""
        if not self.shapes:
            raise CannotSay("Scene: draw(stage, source) has drawn nothing: try stage.line(x, y) in it.")
        counts = {len(shape.numbers) for shape in self.shapes} | ({len(self.said)} if self.said else set())
        if len(counts - {1}) > 1:
            of = ", ".join(
                f"{shape.name or shape.kind} {len(shape.numbers)}" for shape in self.shapes if len(shape.numbers) > 1
            )
            of += f", words {len(self.said)}" if len(self.said) > 1 else ""
            raise CannotSay(f"Scene: expected as many moments of every shape that moves, or one, got of {of}.")
        return max(counts)

    def _add(self, kind, numbers, color, width, name):
        if color not in COLORS:
            raise ValueError(
                f"{kind}{_of(name)}: color: expected one of {', '.join(COLORS)}, got {color!r}"
                f"{did_you_mean(color, COLORS)}"
            )
        width = number(0)(f"{kind}{_of(name)}: width", width)
        with np.errstate(over="ignore"):  # what float32 cannot hold is not finite, which is said
            numbers = numbers.astype(np.float32)
        self.shapes.append(Shape(kind, numbers, color, width, str(name)))


def _arrays(*given):
    """These as arrays of one shape, not empty; None if they are no numbers or do not fit together."""
    try:
        found = np.broadcast_arrays(*(np.asarray(each, np.float64) for each in given))
    except (TypeError, ValueError):
        return None
    return found if found[0].size else None


def _shapes(*given):
    try:
        return f"shapes {', '.join(str(np.shape(each)) for each in given)}"
    except ValueError:  # a list of lists of different lengths
        return "lists of different lengths"


def _together(kind, name, sizes, *given):
    """Numbers (T or 1, 1, m), of which the last ones are sizes."""
    found = _arrays(*given)
    if not found or found[0].ndim > 1:
        came = _shapes(*given)
        raise ValueError(f"{kind}{_of(name)}: expected numbers, or arrays (T,) of the same length, got {came}")
    if any((size < 0).any() for size in found[-sizes:]):
        raise ValueError(f"{kind}{_of(name)}: expected sizes from 0 up, got {min(map(np.min, found[-sizes:])):g}")
    return np.stack([np.atleast_1d(each) for each in found], axis=-1)[:, None]


def _of(name):
    return f" {name!r}" if name else ""


def _point(at):
    return f"({at[0]:.2f}, {at[1]:.2f})".replace("-0.00", "0.00")
