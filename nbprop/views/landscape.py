"""A loss over two numbers, seen from above, with the paths of those who descend on it."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.record.lessons import Lesson
from nbprop.record.source import Descends, Surrounded, lacking
from nbprop.sources.surfaces import SURFACES

from .base import colors
from .base.view import Control, Option, View, new_axes, number, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GRID = 97  # the loss is asked at GRID x GRID places
LEVELS = 16  # bands of height
FAR = 1e4  # widths of the picture: beyond it a path ends
LOPSIDED = 4  # beyond this ratio of width to height a unit is not as long across as upright
GROUND = (0.02, 0.42)  # how much of the foreground is mixed into the background, at the lowest and the highest band
BUTTONS = ("play", "pause", "step", "reset")


OPTIONS = (  # of the landscape of a network
    Option("directions", "directions", (("random", "random"), ("path", "path")), "random", where="live"),
    Option("log", "log", default=True, where="live"),
)


class Offered:
    """The options: that of a Descent has none."""

    def __get__(self, view, owner=None) -> tuple[Option, ...]:
        return OPTIONS if view is None else ()


class Landscape(View):
    """Bands of equal height of a loss, the higher the darker and, from the lowest place on, narrower first (a
    logarithmic scale); on it the path of every optimizer, with a dot for each step. + marks the lowest places.

    Of a `Descent`: the loss f(x, y) and its known minima. Buttons and sliders reach it, and a click is a new start.

    Of a trainer: the loss over a plane through the present point of its own network (Li et al. 2018), on a fixed sample
    of at most 512 training samples, in evaluation mode; the path by its snapshots. It is computed in slices between the
    steps, first coarse, then finer, and anew when the run has moved on, or with the button. Options: `directions`,
    "random" (default; each filter as long as that of the network) or "path" (the two main directions of the way that
    the run has come); `log` (default True), bands that are narrower near the lowest loss.
    """

    name = "landscape"
    title = "Descent"
    about = (
        "A loss seen from above, over two numbers or over a plane through all weights of a network: the darker, the "
        "higher. The dots are the steps of an optimizer on its way down."
    )
    lesson = Lesson(3, "Two parameters")
    contract = (Descends,)
    shows = "a Descent, such as nb.Descent('bowl'), or a Trainer"
    options: Any = Offered()
    size = (5.2, 4.0)
    height = 500

    def __new__(cls, source=None, **options) -> "Landscape":  # without a source: a copy
        if (
            cls is Landscape
            and source is not None
            and lacking(source, (Descends,))
            and not lacking(source, (Surrounded,))
        ):
            from .base.around import RunLandscape as cls
        return object.__new__(cls)

    @classmethod
    def suits(cls, source) -> bool:
        return any(not lacking(source, (each,)) for each in (Descends, Surrounded))

    def __init__(self, source, **options) -> None:
        if options and not self.options:
            raise TypeError(f"{next(iter(options))} is an option of the landscape of a Trainer; this one has none")
        super().__init__(source, **options)
        self._knobs = {}  # name of a control -> path and knob
        self.controls = (*_BUTTONS, *self._sliders()) if Descends in self.contract and self.served else ()

    def _sliders(self):
        """What a hand can turn. With several paths each has a learning rate, and no momentum."""
        source = self.source
        known = list(SURFACES) if source.surface.name in SURFACES else []
        if known:
            yield Control("surface", "surface", choices=tuple((name, name) for name in known))
        shown = SURFACES.values() if known else [source.surface]
        left, bottom = (min(surface.extent[side] for surface in shown) for side in (0, 2))
        right, top = (max(surface.extent[side] for surface in shown) for side in (1, 3))
        yield Control("x", "start x", left, right, (right - left) / 100)
        yield Control("y", "start y", bottom, top, (top - bottom) / 100)
        alone = len(source.paths) == 1
        for path in source.paths.values():
            for knob, label in (("lr", "learning rate"), ("momentum", "momentum")):
                if not hasattr(path.optimizer, knob) or (knob == "momentum" and not alone):
                    continue
                self._knobs[f"{knob} {path.name}"] = (path, knob)
                words = label if alone else f"lr {path.name}"
                low, high, step = (1e-4, 10.0, 0.05) if knob == "lr" else (0.0, 0.99, 0.01)
                yield Control(f"{knob} {path.name}", words, low, high, step, log=knob == "lr")

    def act(self, name, value) -> None:
        source = self.source
        if name in BUTTONS:
            getattr(source, name)()
        elif name in self._knobs:
            path, knob = self._knobs[name]
            source.set(path=path.name, **{knob: value})
        elif name in ("x", "y"):
            x, y = source.start
            source.set(start=(value, y) if name == "x" else (x, value))
        elif name in ("surface", "start"):
            source.set(**{name: value})
        else:
            super().act(name, value)

    def frame(self) -> dict[str, Any]:
        """grid (97, 97) of the loss, the first row at the top; extent (4,): left, right, bottom, top; levels (17,):
        borders of the bands; minima (m, 2); start (2,); paths (paths, n, 2): where each has been, NaN after its end;
        loss (paths,).
        """
        source = self.source
        grid, levels, extent, minima = self._constant("surface", source.surface, lambda: _ground(source.surface))
        return {
            "grid": grid,
            "levels": levels,
            "extent": extent,
            "minima": minima,
            "start": self._constant("start", tuple(source.start), lambda: np.array(source.start, np.float32)),
            "paths": _paths(source.paths.values(), extent),
            "loss": np.array([path.loss for path in source.paths.values()], np.float64).clip(-3e38, 3e38).astype("f4"),
        }

    def labels(self) -> dict[str, Any]:
        """surface: its name; paths: their names; diverged: the step for each, 0 for none; values: of the controls."""
        source = self.source
        values = {"surface": source.surface.name, "x": source.start[0], "y": source.start[1]}
        values |= {name: getattr(path.optimizer, knob) for name, (path, knob) in self._knobs.items()}
        paths = source.paths.values()
        return {
            "surface": source.surface.name,
            "paths": list(source.paths),
            "diverged": [path.diverged or 0 for path in paths],
            "values": values,
        }

    def plot(self, ax=None) -> "Axes":
        ax = new_axes(ax, *self.size)
        frame, labels = self.frame(), self.labels()
        if not frame:
            colors.unmeasured(ax, labels["unmeasured"])
            return ax
        left, right, bottom, top = frame["extent"]
        rows, columns = frame["grid"].shape
        xs, ys = np.linspace(left, right, columns), np.linspace(top, bottom, rows)
        cmap, levels = colors.colormap(_ground_colors(), "ground"), frame["levels"]
        from matplotlib.colors import BoundaryNorm

        norm = BoundaryNorm(levels, cmap.N)
        grid = np.where(np.isfinite(frame["grid"]), frame["grid"], np.nan)
        if np.isnan(grid).any():
            ax.set_facecolor(colors.WARNING)
        shade = ax.contourf(xs, ys, grid.clip(levels[0], levels[-1]), levels, cmap=cmap, norm=norm)
        ax.contour(xs, ys, grid, levels[1:-1], colors=colors.MUTED, linewidths=0.4, linestyles="solid")
        beside = ax.inset_axes((1.03, 0, 0.035, 1))  # as high as the picture, whatever its aspect
        bar = ax.figure.colorbar(shade, cax=beside, ticks=levels[:: len(levels) // 4])
        bar.ax.set_yticklabels([number(level, 2) for level in levels[:: len(levels) // 4]])
        bar.ax.tick_params(labelsize="small", colors=colors.MUTED)
        bar.set_label("loss", color=colors.MUTED)
        ax.plot(*frame["minima"].T, "+", color=colors.FOREGROUND, markersize=9)
        ax.plot(*frame["start"], "o", markerfacecolor="none", color=colors.FOREGROUND, markersize=8)
        for k, (name, points) in enumerate(zip(labels["paths"], frame["paths"], strict=True)):
            color = colors.CLASSES[k % len(colors.CLASSES)]
            words = f"{name}: {said(frame['loss'][k], labels['diverged'][k])}"
            points = points[np.isfinite(points[:, 0])]
            ax.plot(*points.T, color="white", linewidth=3, solid_joinstyle="round")
            ax.plot(*points.T, ".-", color=color, linewidth=1.4, markersize=4, label=words)
            ax.plot(*points[-1], "o", color=color, markeredgecolor="white", markersize=8)
        ax.set(
            xlim=(left, right),
            ylim=(bottom, top),
            **dict(zip(("xlabel", "ylabel"), labels.get("axes", "xy"), strict=True)),
        )
        ax.set_title(f"{labels['surface']}, {plural(self.source.steps, 'step')}", fontsize="medium")
        if 1 / LOPSIDED < (right - left) / (top - bottom) < LOPSIDED:
            ax.set_aspect("equal")  # else the steepest way down would not look as if it crossed the lines upright
        ax.legend(fontsize="small", loc="best")
        colors.tidy(ax)
        ax.grid(False)
        return ax

    def describe(self) -> str:
        source = self.source
        words = []
        for path in source.paths.values():
            where = f"{path.name}, lr {number(path.optimizer.lr)}"
            if path.diverged is not None:
                words.append(f"{where}, has diverged in step {path.diverged}")
            else:
                x, y = path.point
                words.append(f"{where}, is at ({number(x)}, {number(y)}) with loss {number(path.loss)}")
        return f"On the {source.surface.name} after {plural(source.steps, 'step')}: {'; '.join(words)}."


_BUTTONS = tuple(Control(name, name.capitalize()) for name in BUTTONS)


def said(loss, diverged) -> str:
    """How a path stands, in the legend."""
    return f"diverged in step {diverged}" if diverged else number(loss)


def heights(grid, count=LEVELS, log=True) -> np.ndarray:
    """Borders of `count` bands from the lowest to the highest finite number: equal steps of log(1 + height / typical),
    where typical is what a tenth of the places lie below; without `log` equal steps."""
    finite = grid[np.isfinite(grid)].astype(np.float64)
    if not finite.size:
        return np.linspace(0, 1, count + 1, dtype=np.float32)
    low, high = finite.min(), finite.max()
    typical = np.quantile(finite - low, 0.1) or 1.0
    steps = np.linspace(0, high - low, count + 1)
    if log:
        steps = np.expm1(np.linspace(0, np.log1p((high - low) / typical), count + 1)) * typical
    levels = np.unique((low + steps).astype(np.float32))
    return levels if len(levels) == count + 1 else np.linspace(low - 0.5, low + 0.5, count + 1, dtype=np.float32)


def _ground(surface):
    """(grid, levels, extent, minima) of a surface."""
    left, right, bottom, top = surface.extent
    x, y = np.meshgrid(np.linspace(left, right, GRID), np.linspace(top, bottom, GRID))
    grid = surface.values(x, y).clip(-3e38, 3e38).astype(np.float32)
    minima = np.array(surface.minima, np.float32).reshape(-1, 2)
    return grid, heights(grid), np.array(surface.extent, np.float32), minima


def _paths(paths, extent):
    """(paths, n, 2), NaN where a path is shorter than the others; a step far out of the picture is its end there."""
    found = [path.points for path in paths]
    out = np.full((len(found), max(map(len, found)), 2), np.nan, np.float32)
    wide, high = FAR * (extent[1] - extent[0]), FAR * (extent[3] - extent[2])
    for row, points in zip(out, found, strict=True):
        row[: len(points)] = points.clip((-wide, -high), (wide, high))
    return out


def _ground_colors():
    from matplotlib.colors import to_hex, to_rgb

    ink = np.array(to_rgb(colors.FOREGROUND))
    return [to_hex(tuple(1 + (ink - 1) * share)) for share in GROUND]
