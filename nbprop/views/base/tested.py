"""What a network says of samples: in words, in Matplotlib as a curve, a confusion matrix, a scatter plot."""

import numpy as np

from . import colors
from .view import number, percent


def said_of(said, data) -> str:
    """What a network says of one sample, in words: "inner 93 %", or the values."""
    values = np.asarray(said, np.float64).reshape(-1)
    if data.task == "regression":
        return ", ".join(map(number, values))
    if data.task == "multilabel":
        return ", ".join(f"{name} {percent(p)}" for name, p in zip(data.classes, values, strict=True))
    p = np.append(1 - values, values) if values.size == 1 else values
    best = int(p.argmax()) if np.isfinite(p).all() else 0
    return f"{data.classes[best]} {percent(p[best])}"


def plot_curve(ax, frame, labels) -> None:
    many = len(labels["classes"])
    paint = _curve_colors(frame, labels)
    for name in ("train", "validation"):
        points = frame[name]
        for k, color in enumerate(paint[: points.shape[1] - 1] if labels["task"] == "regression" else paint):
            own = points if labels["task"] == "regression" else points[points[:, 1] == k]
            y = own[:, 1 + k] if labels["task"] == "regression" else own[:, 1] if many == 2 else np.ones(len(own))
            ax.scatter(own[:, 0], y, s=14, edgecolors=color, facecolors=color if name == "train" else "none", alpha=0.6)
    lines = [colors.FOREGROUND] if frame["y"].shape[1] == 1 else paint
    for values, color in zip(frame["y"].T, lines, strict=False):
        ax.plot(frame["x"], values, color=color, linewidth=1.8)
    for k in range(len(labels["ghosts"])):
        for values in frame.get(f"ghost{k}_y", np.zeros((0, 0))).T:
            ax.plot(frame["x"], values, color=colors.MUTED, linewidth=1, linestyle="--")
    if frame["aim"].size:
        ax.axvline(frame["aim"][0], color=colors.FOREGROUND, linewidth=0.8)
    ax.set(xlabel=labels["features"][0], ylabel="value" if labels["task"] == "regression" else "probability")
    if labels["task"] != "regression":
        ax.set_ylim(-0.05, 1.05)
    colors.tidy(ax)


def _curve_colors(frame, labels):
    if labels["task"] == "regression":
        return colors.CLASSES
    return [colors.class_color(k, len(labels["classes"])) for k in range(len(labels["classes"]))]


def plot_confusion(ax, frame, labels) -> None:
    counts = frame["counts"]
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax.imshow(share, cmap=colors.colormap(colors.SHARE), vmin=0, vmax=1)
    many = len(counts)
    if many <= 20:
        for (row, column), n in np.ndenumerate(counts):
            if n:
                ax.text(column, row, f"{n:.0f}", ha="center", va="center", fontsize="x-small" if many > 6 else "medium",
                        color="white" if share[row, column] > 0.6 else colors.FOREGROUND)  # fmt: skip
    turned = max(map(len, labels["classes"]), default=0) * many > 30
    ax.set_xticks(range(many), labels["classes"], rotation=90 if turned else 0)
    ax.set_yticks(range(many), labels["classes"])
    right = percent(counts.trace() / max(counts.sum(), 1))
    ax.set(xlabel="predicted", ylabel="true", title=f"{labels['tested']}: {right} right")
    colors.tidy(ax)
    ax.grid(False)


def plot_scatter(ax, frame, labels) -> None:
    points, ends = frame["points"], frame["range"]
    ax.plot(ends, ends, color=colors.MUTED, linewidth=1, linestyle="--")
    ax.scatter(points[:, 0], points[:, 1], s=12, color=colors.TRAIN, alpha=0.6, linewidths=0)
    ax.set(xlabel="true", ylabel="predicted", title=f"{labels['tested']}: predicted against true")
    colors.tidy(ax)
