"""Who looks where: the weights of attention, with the letters of a text beside the rows and above the columns."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.record.lessons import Lesson
from nbprop.record.source import Attends, CannotSay, Taught

from .base import colors
from .base.view import Option, View, inches, new_axes, percent, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN = {"\n": "⏎", " ": "␣", "\t": "⇥"}  # letters that leave no ink
WORD = 4  # from so many letters on a word stands upright above its column
SMALLEST = 4.5  # points; smaller letters are left out of a plot


class Attention(View):
    """The attention weights of a layer for one sample: a row for each place that looks, a column for each place that is
    looked at. Every row has the sum 1; what a mask forbids is left empty.

    sample: a text, written in the data's vocabulary (letters); or a sample as the model takes it, (T,) or (T, d), or
        a tuple or dict of such for a model of several inputs. Default: the first validation sample (training sample if
        there are none).
    rows, columns: a word for each place that looks, and for each that is looked at. Default: the letters of the
        vocabulary, else numbers.
    Options: `layer`: 1 for the first attention of the model, 2, ...; `head`: 1, 2, ... or "all" (default) beside each
        other.
    """

    name = "attention"
    title = "Attention"
    about = (
        "Who looks where: a row for each place that looks, a column for each that it looks at, the darker the more "
        "weight. Every row adds up to 1, and what is hidden from a place, such as the future, stays empty."
    )
    lesson = Lesson(11, "Training, and watching it look")
    contract = (Taught, Attends)
    shows = "a Trainer of a network with attention"
    one_array = False
    size = (4.4, 4.4)
    rate = 12.0
    # What there is to choose depends on the network.
    options = (Option("layer", "layer", (("1", "1"),), "1"), Option("head", "head", (("all", "all"),), "all"))

    def __init__(
        self,
        source,
        sample=None,
        rows: Any = None,
        columns: Any = None,
        *,
        layer: int | str = 1,
        head: int | str = "all",
    ) -> None:
        super().__init__(source)
        self.sample: Any = None
        self.rows, self.columns = ([str(each) for each in words or ()] for words in (rows, columns))
        if not self.served:
            return
        self.vocabulary = getattr(source.data, "vocabulary", ())
        self.sample = _first(source.data) if sample is None else sample
        if isinstance(sample, str):
            self.sample = _tokens(sample, self.vocabulary)
        elif not isinstance(self.sample, (tuple, dict)):
            self.sample = np.asarray(self.sample)
            if not self.sample.size:
                raise ValueError("Attention: sample: expected at least one place, got none")
        if found := source.attention(self.sample):
            layers = [str(i + 1) for i in range(len(found))]
            heads = ["all", *(str(i + 1) for i in range(max(map(len, found))))]
            self.options = (
                Option("layer", "layer", tuple((i, i) for i in layers), default="1"),
                Option("head", "head", tuple((i, i) for i in heads), default="all"),
            )
            self.layer, self.head = layer, head

    @classmethod
    def suits(cls, source) -> bool:
        return super().suits(source) and any(layer.kind == "MultiheadAttention" for layer in source.layers)

    def __setattr__(self, name, value) -> None:
        super().__setattr__(name, str(value) if name in ("layer", "head") else value)

    def frame(self) -> dict[str, np.ndarray]:
        """weights (heads, T, T): of the heads that are shown."""
        weights = self._weights()
        return {"weights": np.array(weights[self._shown(len(weights))], np.float32, order="C")}

    def _weights(self):
        """Those of the layer that is shown (heads, T, S)."""
        found = self.source.attention(self.sample)
        if len(found) < int(self.layer):
            raise CannotSay(
                "Attention: expected a model with nb.nn.MultiheadAttention in it (an nb.nn.TransformerBlock has one)."
            )
        return found[int(self.layer) - 1]

    def labels(self) -> dict[str, Any]:
        """rows, columns: a letter (or a number) for each place; heads: their names; marks."""
        return self._constant("labels", (self.layer, self.head), self._name)

    def _name(self):
        heads, rows, columns = self._weights().shape
        names = [f"head {i + 1}" for i in range(heads)]
        return {
            "rows": self._words("rows", rows),
            "columns": self._words("columns", columns),
            "heads": names[self._shown(heads)],
            "marks": self.marks(),
        }

    def marks(self) -> dict[str, str]:
        return {
            "weights": "a row for each place that looks, a column for each that is looked at; the bluer, the larger "
            "the weight; each row has the sum 1; empty: forbidden by a mask",
        }

    def _shown(self, heads):
        return slice(heads) if self.head == "all" else slice(min(int(self.head), heads) - 1, min(int(self.head), heads))

    def _words(self, name, count):
        if given := getattr(self, name):
            if len(given) != count:
                raise CannotSay(f"Attention: {name}: expected {count} words, one for each place, got {len(given)}")
            return given
        if self.vocabulary and np.shape(self.sample) == (count,):
            return [SHOWN.get(self.vocabulary[token], self.vocabulary[token]) for token in self.sample]
        return [str(i + 1) for i in range(count)]

    def plot(self, ax=None) -> "Axes":
        frame, labels = self.frame(), self.labels()
        weights = frame["weights"]
        count, rows, columns = weights.shape
        across = math.ceil(math.sqrt(count))
        down = -(-count // across)
        ax = new_axes(ax, 2.6 * across + 1.8, 2.7 * down + 1.9)
        ax.set_title(f"{self.title}, layer {self.layer}" + (f", {labels['heads'][0]}" if count == 1 else ""))
        ax.axis("off")
        place, (width, height) = ax.get_position(), inches(ax)
        side = 72 * min(0.9 * place.width * width / across, 0.85 * place.height * height / down)  # in points
        letter = min(9.0, 0.8 * side / max(rows, columns))
        for i, (matrix, name) in enumerate(zip(weights, labels["heads"], strict=True)):
            row, column = divmod(i, across)
            part = ax.inset_axes((column / across + 0.03, 1 - (row + 0.95) / down, 0.94 / across - 0.03, 0.85 / down))
            part.imshow(_paint(matrix), aspect="equal", interpolation="nearest")
            part.xaxis.tick_top()
            upright = 90 if max(map(len, labels["columns"])) >= WORD else 0
            part.xaxis.set_tick_params(labelrotation=upright)
            for axis, letters in ((part.xaxis, labels["columns"]), (part.yaxis, labels["rows"])):
                axis.set_ticks(range(len(letters)), letters if letter >= SMALLEST else [""] * len(letters))
                axis.set_tick_params(length=0, labelsize=letter, labelcolor=colors.FOREGROUND, pad=1)
            part.spines[:].set_color(colors.GRID)
            if count > 1:
                part.set_title(name, loc="left", fontsize="small", color=colors.FOREGROUND)
            else:
                part.set_ylabel("who looks", color=colors.MUTED)
                part.set_xlabel("at what", color=colors.MUTED)
        return ax

    def describe(self) -> str:
        frame, labels = self.frame(), self.labels()
        if not np.isfinite(frame["weights"]).all():
            return "The attention weights are not finite."
        said = [f"{name} {_habit(matrix)}" for name, matrix in zip(labels["heads"], frame["weights"], strict=True)]
        more = f", and {plural(len(said) - 4, 'head')} more" if len(said) > 4 else ""
        return f"Layer {self.layer}, on average: {', '.join(said[:4])}{more}."


def _first(data):
    """Its first validation sample, or its first training sample."""
    if not hasattr(data, "X_val"):  # several arrays
        return data.take((data.val if len(data.val) else data.train)[0])[0]
    return (data.X_val if len(data.X_val) else data.X_train)[0]


def _tokens(text, vocabulary, what="Attention: sample"):
    """The number of each letter of a text."""
    number = {name: i for i, name in enumerate(vocabulary)}
    if unknown := [letter for letter in text if letter not in number]:
        raise ValueError(f"{what}: expected letters out of {''.join(vocabulary)!r}, got {unknown[0]!r}")
    if not text:
        raise ValueError(f"{what}: expected at least one letter, got an empty text")
    return np.array([number[letter] for letter in text], np.int64)


def _habit(weights):
    """The distance at which most weight lies, and how much, of one head (T, S). Distances over half the text, which
    few places have, do not count."""
    rows, columns = weights.shape
    shares = {}
    for back in range(-(columns // 2), rows // 2 + 1):
        diagonal = np.diagonal(weights, -back)
        if diagonal.size:
            shares[back] = float(diagonal.mean())
    back = max(shares, key=lambda each: (round(shares[each], 6), -abs(each)))
    where = "on itself" if back == 0 else f"{plural(abs(back), 'place')} {'back' if back > 0 else 'ahead'}"
    return f"{percent(shares[back])} {where}"


def _paint(weights):
    """Colours (T, S, 4): clear where there is no weight at all, the warning colour where it is not finite."""
    from matplotlib.colors import to_rgba

    finite = np.isfinite(weights)
    image = np.asarray(colors.colormap(colors.SHARE)(np.where(finite, weights, 0).clip(0, 1)))
    image[weights == 0] = 0
    image[~finite] = to_rgba(colors.WARNING)
    return image
