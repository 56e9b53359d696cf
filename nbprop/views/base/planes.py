"""Samples over the plane of two of their inputs, or along one: which, where they are, and the picture in Matplotlib."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import colors
from .beside import borders
from .columns import extent, places

GRID = 32  # the plane is asked at GRID x GRID places
CURVE = 200  # ... and a line at so many
POINTS = 1500  # at most so many points of each kind are drawn


@dataclass(frozen=True)
class Cut:
    """inputs: numbers of those that are drawn, across and up; () where none can be. held: (d,) what all have where they
    are not drawn, None where all are. words: what is said of that."""

    inputs: tuple[int, ...] = ()
    held: "np.ndarray | None" = None
    words: str = ""

    def whole(self, points: Any) -> np.ndarray:
        """The inputs (n, d) of places (n, 1 or 2) in the picture."""
        points = np.asarray(points, np.float64).reshape(-1, len(self.inputs))
        if self.held is None and self.inputs == tuple(range(len(self.inputs))):
            return points
        X = np.tile(np.zeros(len(self.inputs)) if self.held is None else self.held.astype(np.float64), (len(points), 1))
        X[:, list(self.inputs)] = points
        return X


def cut_of(data: Any, x: str, y: str, held: str, number: "int | None") -> Cut:
    """What is drawn of data: both inputs or the one that there is, else those that are named. held: whether the others
    are at their "mean" over the training samples, or as in the "sample" of that number, where there is one."""
    if len(data.input_shape) > 1 or len(data.output_shape) > 1 or data.vocabulary:
        return Cut()
    if data.inputs <= 2:
        return Cut(tuple(range(data.inputs)))
    named = tuple(data.features.index(name) for name in dict.fromkeys((x, y)) if name in data.features)
    if not named:
        return Cut()
    X = data.X_train
    if held == "sample" and number is not None and number < len(X):
        return Cut(named, X[number], f"other inputs as in sample {number:,}")
    mean = X.mean(axis=0, dtype=np.float64).astype(np.float32) if len(X) else np.zeros(data.inputs, np.float32)
    return Cut(named, mean, "other inputs at their mean" + (", for no sample is chosen" if held == "sample" else ""))


def sample(count, most) -> np.ndarray:
    """The numbers of at most `most` of `count` things, rising: all of them, or a random choice that is always the same.
    (The first, or every so-many-th, would be of a few classes where data are sorted or take turns.)"""
    return np.arange(count) if count <= most else np.sort(np.random.default_rng(0).permutation(count)[:most])


def shown_extent(data: Any, inputs: "list[int] | None" = None) -> "tuple[Any, Any]":
    """Lowest and highest place (inputs,) that is drawn: those of the data before a hand has changed them, so that
    nothing moves under it; more where there are samples outside."""
    first = data.origin
    inputs = list(range(data.inputs)) if inputs is None else inputs
    X, now = (np.concatenate([each.X_train, each.X_val])[:, inputs] for each in (first, data))
    low, high = extent(X) if len(X) else (np.full(len(inputs), -1.1), np.full(len(inputs), 1.1))
    if data is not first and len(now):
        slack = 0.05 * (high - low)
        least, most = now.min(axis=0), now.max(axis=0)
        low, high = np.where(least < low, least - slack, low), np.where(most > high, most + slack, high)
    return low, high


def _range(data):
    """(2,): lowest and highest value, likewise."""
    if data.task != "regression":
        return np.array([0, 1], np.float32)
    parts = {id(each): each for each in (data.origin, data)}.values()
    values = np.concatenate([y[..., 0].ravel() for each in parts for y in (each.y_train, each.y_val)])
    low, high = (float(values.min()), float(values.max())) if values.size else (-1.0, 1.0)
    return np.array([low, high] if high > low else [low - 0.5, high + 0.5], np.float32)


def constants(data: Any, cut: Cut) -> dict[str, Any]:
    """The arrays of a picture that depend on the data and on what is drawn of them alone."""
    known: dict[str, Any] = {"range": _range(data)}
    inputs = list(cut.inputs)
    if not inputs:
        return known
    shown = []
    for which, name in (("train", "train"), ("val", "validation")):
        X, y = getattr(data, f"X_{which}"), getattr(data, f"y_{which}")
        keep = sample(len(X), POINTS)
        shown.append((X[keep], y[keep]))
        known[name] = np.column_stack([X[keep][:, inputs], y[keep]]).astype(np.float32)
        known[f"{name}_id"] = data.numbers(which)[keep].astype(np.float32)
    y = np.concatenate([known["train"], known["validation"]])[:, -1]
    known["classes"] = y.astype(np.int64) if data.task != "regression" else None
    low, high = shown_extent(data, inputs)
    if len(inputs) == 1:
        line = places(low, high, CURVE)
        known["x"], known["places"] = line[:, 0], cut.whole(line).astype(np.float32)
    else:
        known["extent"] = np.array([low[0], high[0], low[1], high[1]], np.float32)
        known["places"] = cut.whole(places(low, high, GRID)).astype(np.float32)
    known["everything"] = np.concatenate([known["places"], *(X for X, _ in shown)])
    return known


def plot_plane(ax, frame, labels) -> None:
    """The ground, the line where both classes are even, the points."""
    from matplotlib.colors import to_rgb

    task, many = labels["task"], len(labels["classes"])
    left, right, bottom, top = frame["extent"]
    grid, extent = frame["grid"], (left, right, bottom, top)
    if task == "multiclass":
        palette = np.array([to_rgb(colors.class_color(k, many)) for k in range(many)])
        sure = (grid.max(axis=-1) * many - 1) / (many - 1)
        shade = (0.1 + 0.4 * sure)[..., None]
        image = np.where(np.isfinite(shade), 1 + (palette[grid.argmax(axis=-1)] - 1) * shade, to_rgb(colors.WARNING))
        ax.imshow(image.clip(0, 1), extent=extent, interpolation="bilinear", aspect="auto")
    else:
        cmap = colors.colormap(colors.DIVERGING) if task == "binary" else colors.cividis()
        image = ax.imshow(np.ma.masked_invalid(grid), extent=extent, interpolation="bilinear", aspect="auto", cmap=cmap,
                          vmin=frame["range"][0], vmax=frame["range"][1])  # fmt: skip
        bar = ax.figure.colorbar(image, ax=ax, shrink=0.7)
        if task == "binary":
            bar.set_ticks([0, 0.5, 1], labels=[labels["classes"][0], "1/2", labels["classes"][1]])
            if np.isfinite(grid).all() and grid.min() < 0.5 < grid.max():
                x, y = np.linspace(left, right, GRID), np.linspace(top, bottom, GRID)
                ax.contour(x, y, grid, levels=[0.5], colors=colors.FOREGROUND, linewidths=1)
    for k in range(len(labels["ghosts"])):
        for line in borders(frame.get(f"ghost{k}_grid"), task):
            places = np.linspace(left, right, GRID), np.linspace(top, bottom, GRID)
            ax.contour(*places, line, levels=[0], colors=colors.FOREGROUND, linewidths=0.8, linestyles="--")
    for name, size in (("train", 14), ("validation", 22)):
        points = frame[name]
        if task == "regression":
            paint = colors.cividis()(np.clip((points[:, 2] - frame["range"][0]) / np.ptp(frame["range"]), 0, 1))
        else:
            paint = np.array([colors.class_color(int(k), many) for k in points[:, 2]])
        if name == "train":
            ax.scatter(points[:, 0], points[:, 1], c=paint, s=size, edgecolors="white", linewidths=0.5)
        else:
            ax.scatter(points[:, 0], points[:, 1], facecolors="none", edgecolors=paint, s=size, linewidths=1.2)
        wrong = points[: len(frame[name + "_wrong"])][frame[name + "_wrong"] > 0]
        if len(wrong):
            ax.plot(wrong[:, 0], wrong[:, 1], "x", color=colors.FOREGROUND, markersize=6)
    if frame["aim"].size:
        ax.plot(*frame["aim"], "o", color=colors.FOREGROUND, markerfacecolor="none", markersize=9)
        ax.plot(*frame["aim"], "+", color=colors.FOREGROUND, markersize=16)
    ax.set(xlim=(left, right), ylim=(bottom, top), xlabel=labels["features"][0], ylabel=labels["features"][1])
    colors.tidy(ax)
    ax.grid(False)
    if abs((right - left) - (top - bottom)) < 1e-3 * (right - left):
        ax.set_aspect("equal")
    if task == "multiclass":
        handles = [ax.scatter([], [], color=colors.class_color(k, many)) for k in range(many)]
        ax.legend(handles, labels["classes"], fontsize="x-small", loc="best")
