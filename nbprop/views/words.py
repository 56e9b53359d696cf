"""Which words speak for a class: sentences, word by word in colour, while the network learns to tell."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.nn import Embedding
from nbprop.record.lessons import Lesson
from nbprop.record.source import Attributes, CannotSay, Taught

from .attention import SHOWN
from .base import colors
from .base.view import Option, View, inches, new_axes, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINES = 8  # sentences, where none are given


class Words(View):
    """Sentences whose words are coloured by how much each has to do with the score of a class: blue speaks for it,
    orange against it, the darker the more, by one scale for all. At the end of a line stands the score.

    sentences: texts, words of the data's vocabulary between spaces (of a vocabulary of letters: letters). Default: the
        first eight validation sentences (training sentences if there are none); tokens at the end that the model's
        Embedding has as padding_idx are left out.
    Options: `by`: "gradient", the gradient of the score with respect to a word's embedding times the embedding
        (`trainer.gradient_times_input`); or "left out", how much higher the score is with the word than without it.
        `score`: of which class, by its name; default the last.
    """

    name = "words"
    title = "Words"
    about = (
        "Sentences, and how much each word has to do with what the network says of them. Blue words speak for the "
        "class, orange ones against it; either by their gradient, or by what changes when the word is left out."
    )
    lesson = Lesson(19, "Which word was it?")
    contract = (Taught, Attributes)
    shows = "a Trainer that reads words and tells classes"
    size = (5.2, 3.2)
    rate = 8.0
    by: str
    score: str
    # Which classes there are depends on the data.
    options = (
        Option("by", "by", (("gradient", "gradient × input"), ("left out", "leaving it out")), default="gradient"),
        Option("score", "score of", (("last", "last"),), "last", more=True),
    )

    def __init__(self, source, sentences: Any = None, *, by: str = "gradient", score: "str | None" = None) -> None:
        super().__init__(source, by=by)
        self.sentences: Any = []
        if not self.served or not _tells(source.data):
            return
        data = source.data
        names = tuple((name, name) for name in data.classes)
        self.options = (self.options[0], Option("score", "score of", names, data.classes[-1], more=True))
        self.score = data.classes[-1] if score is None else score
        if isinstance(sentences, str) or not (sentences is None or np.iterable(sentences)):
            raise TypeError(f"Words: sentences: expected a list of texts, got {sentences!r}; try [{sentences!r}]")
        self.sentences = self._first() if sentences is None else [_tokens(each, data.vocabulary) for each in sentences]
        if not self.sentences:
            raise ValueError("Words: sentences: expected at least one, got none")

    @classmethod
    def suits(cls, source) -> bool:
        return super().suits(source) and _tells(source.data)

    def _first(self):
        data, model = self.source.data, getattr(self.source, "model", None)
        tables = [] if model is None else [each for each in model.modules() if isinstance(each, Embedding)]
        nothing = [each.padding_idx for each in tables if each.padding_idx is not None]
        found = []
        for row in (data.X_val if len(data.X_val) else data.X_train)[:LINES]:
            real = np.flatnonzero(~np.isin(row, nothing))
            found.append(row[: real[-1] + 1] if len(real) else row[:1])
        return found

    def frame(self) -> dict[str, np.ndarray]:
        """words (lines, longest): how much each speaks for the class, 0 behind the end; scores (lines,)."""
        key = (self.source, self.source.version, self.source.steps, self.by, self.score)
        return self._constant("words", key, self._reckoned)

    def _reckoned(self):
        if not self.sentences or not _tells(self.source.data):
            raise CannotSay(
                "Words: expected data with a vocabulary whose targets are one class for each sentence; "
                "try nb.data.from_arrays(X, y, vocabulary=words)."
            )
        classes, k = len(self.source.data.classes), self.source.data.classes.index(self.score)

        def scores(X):
            z = np.asarray(self.source.outputs(X), np.float64)
            return z[:, k] if self.source.data.task != "binary" else z[:, 0] * (1 if k == classes - 1 else -1)

        found = np.zeros((len(self.sentences), max(map(len, self.sentences))), np.float32)
        total = np.zeros(len(self.sentences), np.float32)
        for i, tokens in enumerate(self.sentences):
            total[i] = scores(tokens[None])[0]
            if self.by == "gradient":
                found[i, : len(tokens)] = self.source.gradient_times_input(tokens[None], score=k)[0]
            elif len(tokens) > 1:
                without = np.array([np.delete(tokens, place) for place in range(len(tokens))])
                found[i, : len(tokens)] = total[i] - scores(without)
        return {"words": found, "scores": total}

    def labels(self) -> dict[str, Any]:
        """lines: the words of each sentence; score: the class; marks."""
        return self._constant("labels", (self.by, self.score), self._named)

    def _named(self):
        names = self.source.data.vocabulary
        lines = [[SHOWN.get(names[token], names[token]) for token in line] for line in self.sentences]
        return {"lines": lines, "score": self.score, "marks": self.marks()}

    def marks(self) -> dict[str, str]:
        by = {
            "gradient": "the gradient of the score with respect to the word's embedding, times the embedding",
            "left out": "the score of the sentence less its score without the word",
        }
        return {
            "words": f"{by[self.by]}: blue speaks for {self.score}, orange against it; one scale for all lines",
            "scores": f"the score of {self.score}, before it becomes a probability; above 0: that is what it says"
            if self.source.data.task == "binary"
            else f"the score of {self.score}, before it becomes a probability",
        }

    def plot(self, ax=None) -> "Axes":
        frame, labels = self.frame(), self.labels()
        ax = new_axes(ax, *self.size)
        ax.set_title(f"{self.title}: for {labels['score']}")
        ax.axis("off")
        lines = labels["lines"]
        longest = max(sum(len(word) + 1.5 for word in line) for line in lines) + 7
        width, height = ax.get_position().width * inches(ax)[0], ax.get_position().height * inches(ax)[1]
        size = min(10.0, 72 * width / longest / 0.62, 72 * height / len(lines) / 1.7)
        ax.set(xlim=(0, max(longest, 72 * width / size / 0.62)), ylim=(len(lines) - 0.4, -0.6))
        most = float(np.nanmax(np.abs(frame["words"]), initial=1e-6))
        paint = colors.colormap(colors.DIVERGING)
        for i, line in enumerate(lines):
            ax.text(4, i, number(frame["scores"][i], 2), ha="right", va="center", fontsize=size, color=colors.MUTED)
            x = 5.5
            for word, value in zip(line, frame["words"][i], strict=False):
                back = paint(0.5 + 0.5 * float(value) / most) if np.isfinite(value) else colors.WARNING
                box = {"facecolor": back, "edgecolor": "none", "pad": 1.5}
                ax.text(x, i, word, va="center", fontsize=size, family="monospace", color=colors.FOREGROUND, bbox=box)
                x += len(word) + 1.5
        return ax

    def describe(self) -> str:
        frame, labels = self.frame(), self.labels()
        if not np.isfinite(frame["words"]).all() or not np.isfinite(frame["scores"]).all():
            return "What the words have to do with the score is not finite."
        said = []
        for line, values, score in zip(labels["lines"], frame["words"], frame["scores"], strict=True):
            most = int(np.abs(values[: len(line)]).argmax())
            said.append(f"{' '.join(line)!r} {number(score, 2)}, most by {line[most]!r} ({number(values[most], 2)})")
        more = f"; and {len(said) - 3} more" if len(said) > 3 else ""
        return f"Score of {self.score}, by {dict(self.options[0].choices)[self.by]}: {'; '.join(said[:3])}{more}."


def _tells(data):
    """Are there tokens to be read, and one class for each row of them?"""
    return bool(getattr(data, "vocabulary", ())) and bool(data.classes) and np.ndim(data.y_train) == 1


def _tokens(text, vocabulary):
    """The number of each word of a text; of each letter, where the vocabulary has letters only."""
    letters = all(len(name) == 1 for name in vocabulary)
    number = {name: i for i, name in enumerate(vocabulary)}
    if not isinstance(text, str):
        raise TypeError(f"Words: sentences: expected texts, got {text!r}")
    words = list(text) if letters else text.split()
    if unknown := [word for word in words if word not in number]:
        raise ValueError(f"Words: sentences: expected words out of {' '.join(vocabulary)!r}, got {unknown[0]!r}")
    if not words:
        raise ValueError("Words: sentences: expected at least one word, got an empty text")
    return np.array([number[word] for word in words], np.int64)
