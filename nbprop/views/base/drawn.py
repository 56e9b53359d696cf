"""A network in Matplotlib."""

from typing import Any

import numpy as np

from . import colors
from .laid import ABSENT

LINES = 3  # for each unit of the larger of two columns
FROM, TO = 0.62, 0.86  # how wide and high a unit is, with the distance to the next as the unit of length


def plot_network(ax, frame, labels) -> None:
    """Draws the frame of a Network."""
    from matplotlib.collections import LineCollection

    count = len(frame["kinds"])
    rows = [len(frame[f"numbers{k}"]) for k in range(count)]
    tallest = max(rows, default=1)
    cmap = colors.colormap(colors.DIVERGING)
    for k in range(count):
        ys = _heights(rows[k], tallest)
        source = labels["columns"][k].get("from")
        edges = frame[f"edges{k}"]
        if source is not None and edges.size:
            segments, values = _lines(edges, source, k, ys, _heights(rows[source], tallest))
            most = np.abs(values[np.isfinite(values)]).max(initial=0) or 1
            share = np.nan_to_num(values / most, posinf=1, neginf=-1)
            paint = [colors.POSITIVE if v >= 0 else colors.NEGATIVE for v in values]
            ax.add_collection(LineCollection(segments, colors=paint, linewidths=0.3 + 2 * np.abs(share), alpha=0.6))
        maps = frame[f"maps{k}"]
        known = maps[np.isfinite(maps) & (maps != ABSENT)]
        most = np.abs(known).max(initial=0) or 1
        for y, picture in zip(ys, maps, strict=True):
            shown: Any = np.ma.masked_invalid(np.where(picture == ABSENT, 0, picture))
            ends = (k - FROM / 2, k + FROM / 2, y - TO / 2, y + TO / 2)
            ax.imshow(shown, extent=ends, cmap=cmap, vmin=-most, vmax=most, aspect="auto", zorder=2)
        label = labels["columns"][k]
        more = label["units"] - rows[k]
        ax.text(k, tallest / 2 + 0.6, label["name"], ha="center", fontsize="x-small", color=colors.FOREGROUND)
        if more > 0:
            ax.text(k, -tallest / 2 - 0.9, f"+ {more:,} more", ha="center", fontsize="x-small", color=colors.MUTED)
        if label["skipped"]:
            words = f"+ {label['skipped']:,}\nlayers"
            ax.text(k - 0.5, 0, words, ha="center", va="center", fontsize="x-small", color=colors.MUTED)
    ax.set(xlim=(-0.8, count - 0.2), ylim=(-tallest / 2 - 1.4, tallest / 2 + 1.4))
    ax.axis("off")


def _heights(rows, tallest):
    """y of the units of a column, from the first at the top."""
    pitch = min(1.6, tallest / max(rows, 1))
    return (np.arange(rows)[::-1] - (rows - 1) / 2) * pitch


def _lines(edges, source, target, ys, before):
    """Segments and values of the largest."""
    most = LINES * max(edges.shape)
    size = np.where(np.isfinite(edges), np.abs(edges), np.inf).ravel()
    kept = np.argsort(-size, kind="stable")[:most][::-1]
    rows, columns = np.unravel_index(kept, edges.shape)
    segments = [
        [(source + FROM / 2, before[c]), (target - FROM / 2, ys[r])] for r, c in zip(rows, columns, strict=True)
    ]
    return segments, edges.ravel()[kept]


def plot_detail(ax, frame, labels) -> None:
    """Draws the frame of a Network that shows one unit or edge."""
    detail = labels["detail"]
    ax.axis("off")
    words = [f"{name} {value:.3g}" for name, value in detail["numbers"]]
    unit = f"{detail['layer']}, unit {detail['unit']}"
    if detail["source"] is not None:
        part = "" if detail["weight"] is None else f", weight {detail['weight']}"
        unit = f"{detail['before']}, {detail['source']}{part} → {unit}"
    ax.text(0, 1, "\n".join([unit, *words]), va="top", fontsize="small")
    cmap = colors.colormap(colors.DIVERGING)
    if (response := frame["response"]).size:
        cell = ax.inset_axes((0.0, 0.0, 0.36, 0.55))
        most = np.abs(response[np.isfinite(response)]).max(initial=0) or 1
        cell.imshow(np.ma.masked_invalid(response), cmap=cmap, vmin=-most, vmax=most, aspect="auto")
        cell.set(xticks=[], yticks=[])
        cell.set_title(detail["response"], fontsize="x-small", color=colors.MUTED)
    for name, place in (("weights", (0.45, 0.58, 0.55, 0.34)), ("pulls", (0.45, 0.08, 0.55, 0.34))):
        cell, values = ax.inset_axes(place), frame[name]
        paint = [colors.POSITIVE if v >= 0 else colors.NEGATIVE for v in values]
        cell.bar(np.arange(len(values)), np.nan_to_num(values), color=paint)
        cell.set(xticks=[])
        title = "weights" if name == "weights" else f"pull of each sample: their mean is {detail['of']}"
        cell.set_title(title, fontsize="x-small", color=colors.MUTED)
        colors.tidy(cell)
