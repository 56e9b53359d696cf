"""The filters of the first convolution, and the feature maps that they make of one picture."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.record.lessons import Lesson
from nbprop.record.source import CannotSay, Layered, Opened, Taught

from .base import colors
from .base.view import Option, View, inches, new_axes, number, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PICTURES = 100  # so many of the validation pictures can be chosen


class Filters(View):
    """For each filter of the network's first Conv2d its weights (input channels beside each other) and, below, what the
    layer, with its activation, makes of one picture: 0 is pale, positive blue, negative orange.

    Options: `sample`: which of the first 100 validation pictures (training pictures if there are none).
    """

    name = "filters"
    title = "Filters and feature maps"
    about = (
        "The small windows of weights which the first convolution moves over a picture, and below each what it makes "
        "of one picture. Blue weights look for ink, orange ones for paper, and the bluer a place below, the more it "
        "looks like the filter."
    )
    lesson = Lesson(9, "What the filters have learned")
    contract = (Layered, Opened, Taught)
    shows = "a Trainer of a network with a Conv2d layer"
    rate = 6.0
    links = ("layer", "unit")
    size = (6.0, 3.4)
    sample: int
    options = (Option("sample", "picture", range(PICTURES), default=0),)

    @classmethod
    def suits(cls, source) -> bool:
        return super().suits(source) and any(layer.kind == "Conv2d" for layer in source.layers)

    def _place(self):
        """Index of the layer."""
        kinds = [layer.kind for layer in self.source.layers]
        if "Conv2d" not in kinds:
            raise CannotSay(
                f"Filters: expected a network with a Conv2d layer, got {', '.join(dict.fromkeys(kinds))}; try "
                "nb.nn.Sequential(nb.nn.Conv2d(1, 6, 3), ...) on nb.data.digits(image=True)."
            )
        return kinds.index("Conv2d")

    def _sample(self):
        """The picture (1, channels, rows, columns) and its target."""
        data = self.source.data
        X, y = (data.X_val, data.y_val) if len(data.X_val) else (data.X_train, data.y_train)
        i = self.sample % len(X)
        return X[i : i + 1], y[i]

    def act(self, name, value) -> None:
        if name != "filter":
            return super().act(name, value)
        self.chosen.set(layer=self.source.layers[self._place()].name, unit=value)

    def frame(self) -> dict[str, Any]:
        """filters (F, rows, channels * columns), maps (F, H', W'), picture (H, W): the mean of its channels."""
        place, (X, _) = self._place(), self._sample()
        layer = self.source.layers[place]
        weight = np.asarray(self.source.theta[layer.weight], np.float32).reshape(layer.shape)
        maps = self.source.activations(X)[place][0]
        return {
            "filters": np.array(weight.transpose(0, 2, 1, 3), order="C").reshape(len(weight), weight.shape[2], -1),
            "maps": np.array(maps, np.float32, order="C"),
            "picture": np.array(X[0].mean(axis=0), np.float32, order="C"),
        }

    def labels(self) -> dict[str, Any]:
        """layer: its name; picture: what it shows; marks."""
        data, (_, y) = self.source.data, self._sample()
        return {
            "layer": self.source.layers[self._place()].name,
            "picture": data.classes[y] if data.classes and np.ndim(y) == 0 else "",
            "marks": self.marks(),
        }

    def marks(self) -> dict[str, str]:
        scale = "pale: 0, blue: positive, orange: negative, all on one scale"
        return {
            "picture": "the picture that is looked at; the option chooses another",
            "filter": f"upper picture of each pair, a filter: its weights; {scale}",
            "map": f"lower one, its feature map: what the layer, with its activation, makes of the picture; {scale}",
            "chosen": "framed: the filter that is chosen, in all views of the board; a press chooses it or lets go",
        }

    def plot(self, ax=None) -> "Axes":
        frame, labels = self.frame(), self.labels()
        ax = new_axes(ax, *self.size)
        ax.set_title(f"{self.title}: {labels['layer']}")
        ax.axis("off")
        maps, filters = frame["maps"], frame["filters"]
        count = len(filters)
        wide, high = inches(ax) * ax.get_position().size
        left = min(0.2 * wide, 0.5 * high)
        columns, side = max(
            ((n, min((wide - left) / n, high / -(-count // n) / 2.4)) for n in range(1, count + 1)),
            key=lambda one: one[1],
        )
        cmap = colors.colormap(colors.DIVERGING)

        def show(array, x, y, size, cmap, limits, title=""):
            """A picture in a square at x, y (from the top), all in inches."""
            cell = ax.inset_axes((x / wide, 1 - (y + size) / high, size / wide, size / high))
            cell.imshow(np.ma.masked_invalid(array), cmap=cmap, vmin=limits[0], vmax=limits[1])
            cell.set(xticks=[], yticks=[])
            cell.spines[:].set_color(colors.GRID)
            cell.set_title(title, fontsize="x-small", color=colors.MUTED, pad=2)

        show(
            frame["picture"],
            0,
            0.4 * high - 0.4 * left,
            0.8 * left,
            "gray_r",
            spread(frame["picture"]),
            labels["picture"],
        )
        ends = [(-most, most) for most in (largest(filters), largest(maps))]
        for i in range(count):
            row, column = divmod(i, columns)
            x, y = left + column * side, (2.4 * row + 0.35) * side
            show(filters[i], x, y, 0.9 * side, cmap, ends[0], str(i + 1))
            show(maps[i], x, y + 0.98 * side, 0.9 * side, cmap, ends[1])
        return ax

    def describe(self) -> str:
        frame, labels = self.frame(), self.labels()
        filters, maps = frame["filters"], frame["maps"]
        if not (np.isfinite(filters).all() and np.isfinite(maps).all()):
            return "Not all weights and feature maps are finite."
        rows, columns = self.source.layers[self._place()].shape[2:]
        of = f" of a {labels['picture']}" if labels["picture"] else ""
        means = np.abs(maps).mean(axis=(1, 2))
        return (
            f"{plural(len(filters), 'filter')} of {rows} × {columns} pixels, weights from {number(filters.min(), 2)} "
            f"to {number(filters.max(), 2)}. On the picture{of} filter {means.argmax() + 1} answers most, filter "
            f"{means.argmin() + 1} least."
        )


def largest(array) -> float:
    """Absolute value of the largest finite number, for a colour scale."""
    return float(np.abs(array, where=np.isfinite(array), out=np.zeros_like(array)).max(initial=0)) or 1.0


def spread(array) -> tuple[float, float]:
    """Lowest and highest number of a picture, for a grey scale."""
    low, high = float(array.min()), float(array.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)
