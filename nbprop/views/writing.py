"""What a language model writes: letter by letter, each drawn from the probabilities it gives."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.record.lessons import Lesson
from nbprop.record.source import CannotSay, Predicts, Taught

from .attention import SHOWN, _tokens
from .base import colors
from .base.view import Option, View, inches, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 0.62  # of a letter, as a share of its size
TEMPERATURES = ("0.2", "0.5", "0.8", "1", "1.5", "2")


class Writing(View):
    """Texts of a network that gives, for tokens (n, T), the probabilities of the next one at each place, (n, T, V). The
    next token is drawn, put behind the text, and so on. The paler a letter, the less probable it was.

    start: the text that each line begins with, in the data's vocabulary. Default: `end`, if it is one of
        them, else the first token of the data.
    end: a line ends when this comes; it is not shown. Default: "\\n".
    lines, length: how many, and of how many tokens at most (start included; default: as long as a training sample).
    Options: `temperature`: the logarithms of the probabilities are divided by it; low is careful, high is bold.

    At the same step of a run it writes the same.
    """

    name = "writing"
    title = "What it writes"
    about = (
        "What the network writes by itself: it draws the next letter from the probabilities that it gives, puts it "
        "behind the text, and guesses again. The paler a letter, the less likely it was; a low temperature writes "
        "carefully, a high one boldly."
    )
    lesson = Lesson(11, "Writing")
    contract = (Taught, Predicts)
    shows = "a Trainer of a language model"
    size = (4.4, 2.4)
    rate = 1.0
    temperature: str
    options = (Option("temperature", "temperature", tuple((t, t) for t in TEMPERATURES), default="0.8"),)

    @classmethod
    def suits(cls, source) -> bool:
        return super().suits(source) and bool(getattr(source.data, "vocabulary", ()))

    def __init__(
        self,
        source,
        start: str | None = None,
        end="\n",
        lines: int = 6,
        length: int | None = None,
        *,
        temperature: float | str = 0.8,
    ) -> None:
        super().__init__(source, temperature=temperature)
        self.end, self.lines = -1, lines
        self.start: Any = None
        self.length: Any = length
        if not self.served or not self._writes():
            return
        data = source.data
        self.end = data.vocabulary.index(end) if end in data.vocabulary else -1
        if start is None:
            start = end if self.end >= 0 else data.vocabulary[int(data.X_train[0, 0])]
        self.start = _tokens(start, data.vocabulary, "Writing: start")
        self.length = data.X_train.shape[1] if length is None else length

    def _writes(self):
        """Are the targets tokens of the same vocabulary as the inputs?"""
        data = self.source.data
        return bool(data.vocabulary) and data.classes == data.vocabulary

    def __setattr__(self, name, value) -> None:
        super().__setattr__(name, f"{value:g}" if name == "temperature" and not isinstance(value, str) else value)

    def frame(self) -> dict[str, np.ndarray]:
        """tokens (lines, length), -1 behind the end of a line, and probability (lines, length) of each, 1 for those of
        the start."""
        if self.start is None or not self._writes():
            raise CannotSay(
                "Writing: expected data whose targets are tokens of the same vocabulary as the inputs; "
                "try nb.data.from_arrays(X, y, vocabulary=letters, classes=letters)."
            )
        tokens, probability = self._constant("text", (self.source.version, self.temperature), self._write)
        return {"tokens": tokens, "probability": probability}

    def labels(self) -> dict[str, list[str]]:
        """letters: by their numbers."""
        return {"letters": [c if c == " " else str(SHOWN.get(c, c)) for c in self.source.data.vocabulary]}

    def _write(self):
        rng = np.random.default_rng(self.source.steps)
        text, sure = np.tile(self.start, (self.lines, 1)), np.ones((self.lines, len(self.start)))
        ended = np.zeros(self.lines, bool)
        while text.shape[1] < self.length and not ended.all():
            p = np.asarray(self.source.predict(text)[:, -1], np.float64)
            chosen, probability = draw(p, float(self.temperature), rng)
            chosen[ended] = self.end
            text, sure = np.column_stack([text, chosen]), np.column_stack([sure, probability])
            ended |= chosen == self.end
        first = int(self.start[0] == self.end)
        text, sure = text[:, first:], sure[:, first:]
        gone = np.cumsum(text == self.end, axis=1) > 0
        tokens, probability = np.full((self.lines, self.length), -1.0), np.zeros((self.lines, self.length))
        tokens[:, : text.shape[1]] = np.where(gone, -1, text)
        probability[:, : text.shape[1]] = np.where(gone, 0, sure)
        return tokens.astype(np.float32), probability.astype(np.float32)

    def texts(self) -> list[str]:
        """The lines, as a list of texts."""
        letters = self.source.data.vocabulary
        return ["".join(letters[int(token)] for token in line if token >= 0) for line in self.frame().get("tokens", ())]

    def plot(self, ax=None) -> "Axes":
        ax = new_axes(ax, 4.4, 2.4)
        frame, letters = self.frame(), self.labels()["letters"]
        ax.set_title(f"{self.title}, temperature {self.temperature}")
        ax.axis("off")
        rows, columns = frame["tokens"].shape
        width = 72 * ax.get_position().width * inches(ax)[0]  # in points
        size = min(12.0, width / columns / WIDTH)
        ax.set(xlim=(-0.5, max(columns, width / size / WIDTH) - 0.5), ylim=(rows - 0.5, -0.5))
        for row, column in zip(*np.nonzero(frame["tokens"] >= 0), strict=True):
            p = float(frame["probability"][row, column])
            ax.text(column, row, letters[int(frame["tokens"][row, column])], family="monospace", fontsize=size,
                    color=colors.FOREGROUND, alpha=0.35 + 0.65 * p, va="center")  # fmt: skip
        return ax

    def describe(self) -> str:
        texts = [repr(text) for text in self.texts()]
        return f"At temperature {self.temperature} it writes {', '.join(texts)}."


def draw(p, temperature, rng) -> tuple[Any, Any]:
    """From probabilities (n, V): one class of each row, drawn at this temperature, and its probability then, (n,)."""
    with np.errstate(divide="ignore"):
        z = np.log(p) / temperature
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    below = p.cumsum(axis=1) < rng.random((len(p), 1))
    chosen = np.minimum(below.sum(axis=1), p.shape[1] - 1)
    return chosen, p[np.arange(len(p)), chosen]
