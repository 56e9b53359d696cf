"""One sample, drawn: a picture, a point among the others, curves, words, bars; and a `Samples` view in Matplotlib."""

from typing import Any

import numpy as np

from . import colors
from .columns import picture_shape, small

BARS = 64  # inputs that are drawn as bars: the first
WORDS = 200  # tokens that are shown


def kind_of(samples, data) -> str:
    """ "picture", "point", "curves", "text", "bars"; "" where the inputs are not known."""
    X = samples.X
    if X is None:
        return ""
    if X.dtype.kind in "iu":
        return "text"
    if X.ndim == 4 or (X.ndim == 2 and hasattr(data, "vocabulary") and picture_shape(data)):
        return "picture"
    return "curves" if X.ndim == 3 else "point" if X.ndim == 2 and X.shape[1] == 2 else "bars" if X.ndim == 2 else ""


def frame(samples, place, data) -> dict[str, np.ndarray]:
    """x: the sample; a picture (h, w), curves (features, T), bars (d,), a point (2,), of words and of what cannot be
    drawn (0,). points (n, 2), targets (n,): all samples beside a point, else empty."""
    kind, nothing = kind_of(samples, data), np.zeros(0, np.float32)
    found = {"x": nothing, "points": np.zeros((0, 2), np.float32), "targets": nothing}
    if kind in ("", "text"):
        return found
    x = np.asarray(samples.X[place], np.float32)
    if kind == "picture":
        maps = x.mean(axis=0) if x.ndim == 3 else x.reshape(picture_shape(data))
        found["x"] = small(maps[None])[0]
    elif kind == "point":
        known = np.full(len(samples.X), -1) if samples.labels is None else samples.labels
        found |= {"x": x, "points": np.asarray(samples.X, np.float32), "targets": known.astype(np.float32)}
    else:
        found["x"] = np.ascontiguousarray(x.T[:8]) if kind == "curves" else x[:BARS]
    return found


def labels(samples, place, data) -> dict[str, Any]:
    """kind: see `kind_of`; features: names of the inputs; text: the words of a sequence of tokens."""
    kind, names = kind_of(samples, data), [str(name) for name in getattr(data, "features", ())]
    text = ""
    if kind == "text":
        known = samples.X[place][:WORDS]
        words = [names[token] if token < len(names) else str(token) for token in known.reshape(-1)]
        text = ("" if all(len(word) == 1 for word in words) else " ").join(words)
    return {"kind": kind, "features": names[:BARS] if kind in ("bars", "point", "curves") else [], "text": text}


# ---- in Matplotlib ---------------------------------------------------------------------------------------------------


def plot(ax, frame, labels, log) -> None:
    """Draws the frame of a Samples view."""
    if not frame["values"].size:
        colors.unmeasured(ax, labels["unmeasured"])
        return
    ax.axis("off")
    _bars(ax.inset_axes((0.0, 0.58, 1.0, 0.36)), frame, labels, log)
    _curves(ax.inset_axes((0.0, 0.08, 0.5, 0.38)), frame, log)
    _shown(ax.inset_axes((0.56, 0.08, 0.18, 0.38)), frame, labels)
    ax.text(0.77, 0.48, "\n".join(labels["shown"]), va="top", fontsize="x-small", transform=ax.transAxes)
    said, classes = frame["said"], labels["classes"]
    if said.size and said.size == len(classes):
        cell = ax.inset_axes((0.82, 0.08, 0.16, 0.2))
        cell.barh(np.arange(len(said)), np.nan_to_num(said), color=_class_colors(len(said)))
        cell.set(xlim=(0, 1), xticks=[0, 1], yticks=np.arange(len(said)) if len(said) <= 12 else [])
        if len(said) <= 12:
            cell.set_yticklabels(classes)
        cell.invert_yaxis()
        colors.tidy(cell)
        cell.tick_params(labelsize=5)


def _bars(cell, frame, labels, log):
    values, state = frame["values"], frame["state"].astype(int)
    paint = np.where(state & 1, colors.WARNING, colors.TRAIN)
    known = np.isfinite(values)
    bars = cell.bar(np.arange(len(values))[known], values[known], width=0.9, color=paint[known])
    for bar, bits in zip(bars, state[known], strict=True):
        if bits & 2:
            bar.set(facecolor="none", edgecolor=colors.MUTED)
    if log and (values[known] > 0).any():
        cell.set_yscale("log")
    for place in frame["place"]:
        cell.axvline(place, color=colors.FOREGROUND, linewidth=0.8)
    if not known.all():
        cell.text(0.99, 0.95, f"{(~known).sum()} not finite", color=colors.WARNING, weight="bold", ha="right", va="top",
                  transform=cell.transAxes)  # fmt: skip
    cell.set(xticks=[], ylabel=labels["by"])
    cell.set_title(labels["of"], fontsize="x-small", color=colors.MUTED, loc="left")
    colors.tidy(cell)


def _curves(cell, frame, log):
    steps, (low, middle, high) = frame["steps"], frame["band"]
    cell.fill_between(steps, low, high, color=colors.TRAIN, alpha=0.2, linewidth=0)
    cell.plot(steps, middle, color=colors.TRAIN, linewidth=1.2)
    for losses in frame["named"]:
        cell.plot(steps, losses, color=colors.WARNING, linewidth=0.6, alpha=0.5)
    cell.plot(steps, frame["own"], color=colors.FOREGROUND, linewidth=1.6)
    if log:
        cell.set_yscale("log")
    cell.set(xlabel="step", ylabel="loss")
    colors.tidy(cell)


def _shown(cell, frame, labels):
    x, kind = frame["x"], labels["kind"]
    cell.set(xticks=[], yticks=[])
    if kind == "picture":
        cell.imshow(x, cmap="gray_r")
    elif kind == "point":
        many, known = max(len(labels["classes"]), 1), frame["targets"].astype(int)
        paint = [colors.MUTED if k < 0 else colors.class_color(k, many) for k in known]
        cell.scatter(*frame["points"].T, s=3, c=paint, alpha=0.5, linewidths=0)
        cell.scatter(*x, s=60, facecolors="none", edgecolors=colors.FOREGROUND)
    elif kind == "curves":
        cell.plot(x.T, linewidth=0.8)
    elif kind == "bars":
        cell.bar(np.arange(len(x)), x, color=colors.TRAIN)
    else:
        cell.text(0.5, 0.5, labels["text"][:60], wrap=True, ha="center", va="center", fontsize="x-small")


def _class_colors(many):
    return [colors.class_color(k, many) for k in range(many)]
