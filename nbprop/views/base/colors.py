"""The colours of the views for Matplotlib: the light theme of plot.js."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

# Okabe and Ito (2008), in the order in which classes are coloured; yellow is darkened to be seen on white.
CLASSES = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b8a90e", "#7f7f7f")

FOREGROUND = "#1f2328"
MUTED = "#5c6670"
GRID = "#e3e6ea"
TRAIN = "#0072b2"
VALIDATION = "#d55e00"
ACCURACY = "#a3508a"
WARNING = "#c2185b"  # NaN, infinity, zero on a log axis
GUIDE = "#009e73"
KINDS = {"weights": "#0072b2", "gradients": "#d55e00", "activations": "#009e73"}
NEGATIVE = "#b34700"  # points of the first of two classes; the ground below them is lighter
POSITIVE = "#00538c"
DIVERGING = ("#e8963a", "#f2bc80", "#f8ddbf", "#f5f4f2", "#c6dcec", "#8abde0", "#4b98cf")
SHARE = ("#f4f7fa", "#c6dcec", "#8abde0", "#4b98cf", "#0072b2")


def colormap(stops, name="nbprop") -> "Colormap":
    """A Matplotlib colour map through the given colours; what is not finite is drawn in the warning colour."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list(name, stops).with_extremes(bad=WARNING)


def cividis() -> "Colormap":
    """Matplotlib's cividis; what is not finite is drawn in the warning colour."""
    import matplotlib

    return matplotlib.colormaps["cividis"].with_extremes(bad=WARNING)


def class_color(k, classes) -> Any:
    """The colour of class `k` out of `classes` many: two classes are dark orange and dark blue."""
    return (NEGATIVE, POSITIVE)[k] if classes == 2 else CLASSES[k % len(CLASSES)]


def tidy(ax) -> None:
    """Takes away what tells nothing: the frame's upper and right side; a faint grid stays."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(MUTED)
    ax.tick_params(colors=MUTED, labelsize="small")
    ax.xaxis.label.set_color(MUTED)
    ax.yaxis.label.set_color(MUTED)
    ax.grid(True, color=GRID, linewidth=0.8)
    ax.set_axisbelow(True)


def log_axis(axis, low, high, ticks=6) -> None:
    """Ticks at decades, or at 1, 2, 5 (or 1, 3) in plain numbers where there are less than two decades."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_minor_formatter(NullFormatter())
    if high < 100 * low:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if ticks > 3 else (1, 3)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        axis.set_major_locator(LogLocator(numticks=ticks))


def unmeasured(ax, words) -> None:
    """Says why there is nothing to draw."""
    ax.set(xticks=[], yticks=[])
    ax.text(0.5, 0.5, words, color=MUTED, ha="center", va="center", wrap=True, transform=ax.transAxes)
