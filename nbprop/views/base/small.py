"""The small picture of a finding, in Matplotlib; small.js draws the same in the browser."""

from typing import TYPE_CHECKING

import numpy as np

from nbprop.diagnosis import Picture

from . import colors
from .view import log_range, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_small(ax: "Axes", picture: Picture) -> None:
    """Bars, or a line, with the limit as a dashed line. What is not finite, or 0 on a logarithmic axis, is written in
    its place; but a bar of NaN is one that there is none of."""
    values, log = np.asarray(picture.values, np.float64), picture.log
    places = np.arange(len(values)) if picture.steps is None else picture.steps
    with np.errstate(all="ignore"):
        good = np.isfinite(values) & ((values > 0) | (not log))
    seen = values[good] if picture.limit is None else [*values[good], picture.limit]
    if log:
        ax.set_yscale("log")
        ax.set_ylim(*log_range(seen))
    if picture.kind == "bars":
        low = ax.get_ylim()[0] if log else 0
        ax.bar(places[good], values[good] - low, bottom=low, color=colors.TRAIN)
        ax.set_xticks([0, len(values) - 1], [picture.labels[0], picture.labels[-1]])
    else:
        ax.plot(places, np.where(good, values, np.nan), color=colors.TRAIN, linewidth=1)
    loud = ~good & ~(np.isnan(values) & (picture.kind == "bars"))
    for place, value in zip(places[loud], values[loud], strict=True):
        ax.annotate(number(value), (place, 0.5), xycoords=("data", "axes fraction"), ha="center", rotation=90,
                    fontsize=6, color=colors.WARNING, fontweight="bold")  # fmt: skip
    if picture.limit is not None:
        ax.axhline(picture.limit, color=colors.FOREGROUND, linestyle="--", linewidth=1)
    ax.set_title(picture.unit, fontsize=7, color=colors.MUTED, pad=2)
    colors.tidy(ax)
    ax.tick_params(labelsize=6)
