"""A picture that is drawn by hand: what the network says of it, and which pixels that hangs on."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.record.lessons import Lesson
from nbprop.record.source import CannotSay, Predicts, Sensitive, Taught

from .base import colors
from .base.pictures import Placing, ends, paper_of, picture_shape, placing
from .base.view import Option, View, new_axes, number, percent
from .filters import largest

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LARGEST = 64  # pixels along a side
GRADIENTS = (("score", "score of the class"), ("loss", "loss, were it the class"))
LIKELIEST = ("", "the likeliest")
PLACED = Option("placed", "placed as the data", default=True, where="browser")


class Offered:
    """The options: which classes there are depends on the data."""

    def __get__(self, view, owner=None) -> tuple[Option, Option, Option]:
        data = getattr(None if view is None else vars(view).get("source"), "data", None)
        classes = tuple((name, name) for name in getattr(data, "classes", ()))
        target = Option("target", "class", (LIKELIEST, *classes), "", more=True)
        return target, Option("gradient", "gradient of", GRADIENTS, "score"), PLACED


class Drawing(View):
    """A sheet of paper to draw on, beside it the pixels that the network gets of it, what it says, and the gradient
    with respect to every pixel.

    For networks that tell pictures apart: data (n, channels, rows, columns), or flattened ones whose inputs are called
    "pixel 0,0", "pixel 0,1", ... as those of nb.data.digits; of other flattened pictures pass `shape=`, (rows, columns)
    or (channels, rows, columns). At most 64 × 64 pixels. One channel is drawn on in grey, three in a colour, and of any
    other number all channels alike.

    What is drawn is the place that is chosen on the board, `board.chosen.point`, so the other views show it too; a
    sample that is chosen, here or there, is put on the paper. In code: `board.chosen.set(sample=7)`.

    Options: `target`: the name of a class, of which the gradient is; "" (default) is the one that is likeliest now;
    `gradient`: "score" (default): of what the network gives for that class, before the loss makes a probability of it;
    "loss": of what the loss would be if the picture were of that class; `placed` (default True): what is drawn on empty
    paper is moved and scaled to where the data have it, before it becomes pixels.
    """

    name = "drawing"
    title = "Your drawing"
    about = (
        "Draw on the paper, and see what the network takes it for, while it learns. The map beside it shows which "
        "pixels that hangs on: a higher number where it is blue raises the score, where it is orange it lowers it."
    )
    lesson = Lesson(9, "Which pixels matter?")
    contract = (Taught, Predicts, Sensitive)
    shows = "a Trainer of a network that tells pictures apart"
    size = (7.2, 3.2)
    rate = 20.0
    target: str
    gradient: str
    placed: bool
    options: Any = Offered()

    def __init__(self, source, shape: "tuple[int, ...] | None" = None, **options) -> None:
        self.shape = None if shape is None else _shape(shape)
        self._page: tuple[str, Any] = ("", None)  # who has drawn, and what was chosen by that
        self._next = 0  # the sample that comes next
        super().__init__(source, **options)

    @classmethod
    def suits(cls, source) -> bool:
        return super().suits(source) and not _cannot(source.data, picture_shape(source.data))

    def _ask(self):
        super()._ask()
        if cannot := _cannot(self.source.data, self._shaped()):
            raise CannotSay(cannot)

    def _shaped(self) -> Any:
        """(channels, rows, columns), None where the data are no pictures."""
        data = self.source.data
        own = self.shape
        if own is not None:
            return own if int(np.prod(own)) == int(np.prod(data.input_shape)) and not data.vocabulary else None
        return self._constant("shape", data, lambda: picture_shape(data))

    @property
    def version(self) -> Any:
        return super().version, self.chosen.sample, self.chosen.point, self._drawn_by()

    def _drawn_by(self):
        """The page that has drawn, or cleared, what is chosen; "" if it was chosen otherwise, once that was seen."""
        if self.chosen.sample is not None or self.chosen.point != self._page[1]:
            self._page = "", None
        return self._page[0]

    def act(self, name, value) -> None:
        """ink: {page, pixels}, from 0 to 1 as in the frame; pixels null: the paper is empty. sample: its number among
        those of validation (of training where there are none); null lets go."""
        if name == "ink":
            self._draw(value["page"], value["pixels"])
        elif name == "sample":
            self._start_from(value)
        else:
            super().act(name, value)

    def _draw(self, page, pixels):
        point = None
        if pixels is not None:
            shape, ink = self._shaped(), np.asarray(pixels, np.float32)
            if shape is None or ink.size != np.prod(shape) or not np.isfinite(ink).all():
                raise ValueError(f"Drawing: expected {shape} pixels, finite numbers, got {ink.size} numbers")
            low, high = self._ends()
            point = tuple((low + (high - low) * ink.reshape(shape)).ravel().tolist())
        self._page = page, point
        self.chosen.set(sample=None, point=point)

    def _start_from(self, number):
        data, (which, X) = self.source.data, self._samples()
        self._page = "", None
        if number is None:
            return self.chosen.set(sample=None, point=None)
        number = int(number) % len(X)
        self._next = (number + 1) % len(X)
        if which == "training":
            return self.chosen.set(sample=number)
        self.chosen.set(sample=None, point=data.X_val[number].ravel())

    def _samples(self):
        data = self.source.data
        return ("validation", data.X_val) if len(data.X_val) else ("training", data.X_train)

    # ---- what the network gets ---------------------------------------------------------------------------------------

    def _ends(self):
        """Lowest and highest number of each channel in the data, (channels, 1, 1)."""
        return self._constant("ends", self.source.data, lambda: ends(self.source.data, self._shaped()))

    def _paper(self):
        """What empty paper is, (channels, 1, 1), from 0 to 1."""
        return self._constant("paper", self.source.data, lambda: paper_of(self.source.data, self._shaped()))

    def _placing(self) -> "Placing | None":
        return self._constant(
            "placing", self.source.data, lambda: placing(self.source.data, self._shaped(), self._paper())
        )

    def _inputs(self):
        """What is on the paper as the model takes it, (1, ...); and whether there is anything."""
        data = self.source.data
        X = self.chosen.inputs(data)
        if X is not None:
            return X, True
        low, high = self._ends()
        blank = np.broadcast_to(low + (high - low) * self._paper(), self._shaped())
        return blank.astype(np.float32).reshape(1, *data.input_shape), False

    def _began(self):
        """Which sample is on the paper as it is: (words, number in the data, class); None for none."""
        key = (id(self.source.data), self.chosen.sample, self.chosen.point, self._drawn_by())
        return self._constant("began", key, self._found)

    def _found(self):
        X, data = self.chosen.inputs(self.source.data), self.source.data
        if X is None or self._drawn_by():
            return None
        for which, own, y in (("validation", data.X_val, data.y_val), ("training", data.X_train, data.y_train)):
            if which == "validation" and self.chosen.sample is not None and self.chosen.point is None:
                continue
            same = np.flatnonzero((own == X).reshape(len(own), -1).all(axis=1)) if len(own) else np.zeros(0, int)
            if same.size:
                number = int(same[0]) if self.chosen.sample is None else int(self.chosen.sample)
                return f"{which} sample {number:,}", which, number, int(y[number])
        return None

    # ---- numbers, picture, words -------------------------------------------------------------------------------------

    def frame(self) -> dict[str, Any]:
        """picture (channels, rows, columns): what the network gets, from 0 to 1, which are the lowest and the highest
        number of each channel in the training data; probability (C,) of each class; gradient (rows, columns): the
        derivative with respect to each pixel, in the units of the model's inputs, of several channels their sum; like
        (1,): the number of the class that it is of."""
        key = (id(self.source), self.source.version, self.source.steps, self.moment, self.target, self.gradient)
        key += (id(self.source.data), self.chosen.sample, self.chosen.point)
        return {
            **self._constant("numbers", key, self._numbers),
            "picture": self._constant("picture", key[-3:], self._shown),
        }

    def _shown(self):
        low, high = self._ends()
        return np.ascontiguousarray((self._inputs()[0].reshape(self._shaped()) - low) / (high - low), np.float32)

    def _numbers(self):
        data, source = self.source.data, self.source
        X, _ = self._inputs()
        said = np.asarray(source.predict(X), np.float32).reshape(-1)
        p = np.append(1 - said, said) if said.size == 1 else said
        k = data.classes.index(self.target) if self.target in data.classes else int(np.nan_to_num(p).argmax())
        asked = {"score": k} if self.gradient == "score" else {"y": np.array([k])}
        gradient = np.asarray(source.input_gradient(X, **asked), np.float32)
        return {
            "probability": np.ascontiguousarray(p, np.float32),
            "gradient": np.ascontiguousarray(gradient.reshape(self._shaped()).sum(axis=0)),
            "like": np.array([k], np.float32),
        }

    def labels(self) -> dict[str, Any]:
        """classes; of: "score" or "loss"; paper: what empty paper is in each channel, from 0 to 1; placing: where the
        data have their ink, None where that varies, see Placing; how: what is done to a drawing, in words; began: which
        sample is on the paper, as it is, "" for none; next: which one comes next; blank: is nothing on it; page: who
        has drawn it; brush: pixels; choices; marks."""
        began, place = self._began(), self._placing()
        blank = not self._inputs()[1]
        which, X = self._samples()
        return {
            "classes": list(self.source.data.classes),
            "of": self.gradient,
            "paper": [float(v) for v in self._paper().ravel()],
            "placing": None if place is None else place.told(),
            "how": self._how(),
            "began": f"{began[0]}, {self.source.data.classes[began[3]]}" if began else "",
            "next": (began[2] + 1) % len(X) if began and began[1] == which else self._next % len(X),
            "many": len(X),
            "blank": blank,
            "page": self._drawn_by(),
            "choices": {"target": [list(choice) for choice in self.options[0].choices]},
            "marks": self.marks(),
        }

    def _how(self):
        channels, rows, columns = self._shaped()
        kind = {1: "grey pixels", 3: "pixels in colour"}.get(channels, f"pixels of {channels} channels, drawn alike")
        return f"{rows} × {columns} {kind}, each the mean of what is drawn in it"

    def marks(self) -> dict[str, str]:
        place = self._placing()
        why = "the data do not have their ink in one place" if self._shaped()[0] == 1 else "the pictures are in colour"
        what = "the score of the class" if self.gradient == "score" else "the loss, were the picture of the class"
        return {
            "picture": f"what the network gets: {self._how()}",
            "placed": f"as the data: {place.words()}; a sample that is drawn over stays where it is"
            if place
            else f"as it is drawn: {why}",
            "gradient": f"the derivative of {what}, with respect to each pixel: blue where more of it raises that, "
            "orange where it lowers it; of more than one channel their sum",
            "probability": "how probable the network takes each class to be",
        }

    def plot(self, ax=None) -> "Axes":
        ax = new_axes(ax, *self.size)
        frame, labels = self.frame(), self.labels()
        ax.set_title(f"{self.title}: {labels['began']}" if labels["began"] else self.title)
        ax.axis("off")
        picture, p, most = frame["picture"], frame["probability"], largest(frame["gradient"])
        grey = picture.shape[0] != 3
        shown = picture.mean(axis=0) if grey else picture.transpose(1, 2, 0).clip(0, 1)
        parts = [ax.inset_axes((x, 0.05, 0.3, 0.8)) for x in (0, 0.33, 0.72)]
        parts[0].imshow(shown, cmap="gray_r" if grey else None, vmin=0, vmax=1)
        masked = np.ma.masked_invalid(frame["gradient"])
        parts[1].imshow(masked, cmap=colors.colormap(colors.DIVERGING), vmin=-most, vmax=most)
        name = labels["classes"][int(frame["like"][0])]
        titles = ("what it gets", f"gradient of the {labels['of']} of {name}")
        for part, title in zip(parts[:2], titles, strict=True):
            part.set(xticks=[], yticks=[])
            part.set_title(title, fontsize="small", color=colors.MUTED)
        places = np.argsort(-np.nan_to_num(p), kind="stable")[:12] if len(p) > 12 else np.arange(len(p))
        parts[2].barh(np.arange(len(places)), np.nan_to_num(p[places]), color=colors.TRAIN)
        parts[2].set_yticks(np.arange(len(places)), [labels["classes"][k] for k in places])
        parts[2].set(xlim=(0, 1), ylim=(len(places) - 0.5, -0.5))
        colors.tidy(parts[2])
        parts[2].set_title("probability", fontsize="small", color=colors.MUTED)
        return ax

    def describe(self) -> str:
        frame, labels = self.frame(), self.labels()
        p, gradient, classes = frame["probability"], frame["gradient"], labels["classes"]
        what = "Of empty paper" if labels["blank"] else f"Of {labels['began'] or 'what is drawn'}"
        if not np.isfinite(p).all():
            return f"{what} the network's output is not finite."
        best = np.argsort(-p, kind="stable")[:3]
        words = f"{what} it says {', '.join(f'{classes[k]} {percent(p[k])}' for k in best)}."
        like = classes[int(frame["like"][0])]
        score = f"The score of {like}" if self.gradient == "score" else f"The loss, were it {like},"
        if not np.isfinite(gradient).all():
            return f"{words} {score} has a gradient that is not finite."
        if not gradient.any():
            return f"{words} {score} hangs on no pixel."
        found = []
        for verb, sign in (("rises", 1), ("falls", -1)):
            row, column = np.unravel_index((sign * gradient).argmax(), gradient.shape)
            if sign * gradient[row, column] > 0:
                found.append(
                    f"{verb} most with row {row + 1}, column {column + 1} ({number(gradient[row, column], 2)})"
                )
        return f"{words} {score} {', '.join(found)}."


def _shape(shape):
    """(channels, rows, columns) from what a user gives."""
    given = tuple(shape) if isinstance(shape, (tuple, list)) else ()
    if len(given) not in (2, 3) or not all(isinstance(n, (int, np.integer)) and n > 0 for n in given):
        raise ValueError(f"shape: expected (rows, columns) or (channels, rows, columns), got {shape!r}")
    return (1, *given) if len(given) == 2 else given


def _cannot(data, shape):
    """Why nothing can be drawn for such data; "" if it can."""
    own = "a data set of your own that is flattened: nb.views.Drawing(trainer, shape=(rows, columns))"
    if shape is None:
        return (
            f"Drawing: expected pictures (channels, rows, columns), got samples of shape {data.input_shape}; for {own}."
        )
    if data.task not in ("binary", "multiclass") or len(data.output_shape) > 1:
        return f"Drawing: expected data with one class for each picture, got {data.task} data."
    if max(shape[1:]) > LARGEST:
        return (
            f"Drawing: expected pictures of at most {LARGEST} × {LARGEST} pixels, which a hand can fill, got "
            f"{shape[1]} × {shape[2]}."
        )
    return ""
