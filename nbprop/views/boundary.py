"""What the network has learned: over the plane of two inputs, as a curve over one, else as a confusion matrix."""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nbprop.record.lessons import Lesson
from nbprop.record.source import CannotSay, Predicts, Taught

from .base.by_hand import ByHand
from .base.planes import CURVE as CURVE, GRID, POINTS, Cut, constants, cut_of, plot_plane, sample
from .base.tested import plot_confusion, plot_curve, plot_scatter, said_of
from .base.view import Option, View, new_axes, number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TESTED = 2000  # at most so many samples are tested, with more than two inputs and in words
HELD = (("mean", "at their mean"), ("sample", "as in the chosen sample"))
CLASSES = 100  # a confusion matrix has at most so many; of more, the rare ones are counted as one, "other"


class Offered:
    """The options: the axes that can be chosen are the inputs of the data, where these are more than two."""

    def __get__(self, view, owner=None) -> tuple[Option, ...]:
        data = getattr(None if view is None else vars(view).get("source"), "data", None)
        names = several(data) if hasattr(data, "input_shape") else []
        none = (("", "choose" if names else "none"),)
        across, up = ((*none, *((name, name) for name in names)) for _ in range(2))
        return (
            Option("errors", "mark errors"),
            Option("x", "x", across, "", "live", more=True),
            Option("y", "y", up, "", "live", more=True),
            Option("held", "others", HELD, "mean", "live"),
        )


def several(data) -> list[str]:
    """The names of the inputs of data that have more than two of them, in no order."""
    table = len(data.input_shape) == len(data.output_shape) == 1 and not data.vocabulary
    return list(data.features) if table and data.inputs > 2 else []


class Boundary(ByHand, View):
    """What the network says wherever it may be asked, under the points it learns from (filled) and those it is tested
    with (rings).

    Two inputs: the plane, coloured by the probability of the second class, by the likeliest class and how sure it is,
    or by the predicted value. One input: the curve. Other inputs, also pictures and sequences: on the validation points
    (training points if there are none) the confusion matrix, or predicted against true values. Where every time step
    has a target, each counts as a point. Of many points a random sample is taken, always the same, and this is said.

    Options: `errors`: mark the points that the network gets wrong (default False). Of more than two inputs, `x` and
    `y`: the names of one or two of them, over which it is drawn like that; `held`: the others are at their "mean" over
    the training samples (default), or as in the "sample" that is chosen.

    In a plane or along a line points can be drawn while it trains, with mouse, touch or keys: the pencil in its corner
    has the tools. Each act is a turn of the trainer's data (`trainer.edit_data`). A new point has a class, or, along a
    line, the value that it is drawn at; over a plane of values the one that is set beside the tools.
    """

    name = "boundary"
    title = "What it has learned"
    about = (
        "What the network answers wherever it can be asked, under the samples: a colour for each class, and a line "
        "where it cannot decide. Where inputs cannot be drawn as a plane, what it says is set against what is true."
    )
    lesson = Lesson(0, "A network to play with")
    contract = (Taught, Predicts)
    shows = "a Trainer with data"
    outlined = ("grid", "y", "counts")
    links = ("sample", "point")
    tools = True
    errors: bool
    x: str
    y: str
    held: Literal["mean", "sample"]
    options: Any = Offered()

    def _ask(self):
        super()._ask()
        if self.source.data.task == "multilabel":
            raise CannotSay(
                "Boundary: expected one class or value for each sample, got several labels; try metrics= of the "
                "Trainer and nb.views.Loss(trainer)."
            )

    @classmethod
    def suits(cls, source) -> bool:
        return super().suits(source) and hasattr(source.data, "X_train") and source.data.task != "multilabel"

    @property
    def rate(self) -> float:
        """Pictures and sequences take long to test: about three times as long as to learn from, sample by sample."""
        return 12.0 if not self.served or len(self.source.data.input_shape) == 1 else 3.0

    @property
    def mode(self) -> str:
        """ "plane", "curve", "confusion" or "scatter"."""
        if inputs := self.cut.inputs:
            return "plane" if len(inputs) == 2 else "curve"
        return "scatter" if self.source.data.task == "regression" else "confusion"

    @property
    def cut(self) -> Cut:
        """Which inputs are drawn, and at what the others are held."""
        number = self._number()
        settings = self.x, self.y, self.held, number
        return self._constant("cut", (id(self.source.data), *settings), lambda: cut_of(self.source.data, *settings))

    def _number(self):
        """Of the sample whose other inputs hold."""
        return self.chosen.sample if self.held == "sample" else None

    def _settings(self):
        return (*super()._settings(), self._number())

    def frame(self) -> dict[str, np.ndarray]:
        """By mode.
        plane: grid (32, 32) of probabilities of the second class or of values, or (32, 32, C) of probabilities, the
            first row at the top; extent (4,): left, right, bottom, top; train, validation (n, 3): both inputs, and
            class or value; range (2,) of the values.
        curve: x (200,), y (200, outputs); train, validation (n, 1 + targets); range (2,).
        confusion: counts (C, C), rows are true classes, columns predicted ones.
        scatter: points (n, 2): true and predicted value; range (2,).
        plane and curve: train_id, validation_id (n,): the number of each point, see nbprop/data/by_hand.py.
            train_wrong, validation_wrong (n,) are 1 where a class is wrong, empty without `errors`.
        aim (1 or 2,): where the sample or place that is chosen is drawn, empty without.
        Of ghost number k ghostk_grid, ghostk_y or ghostk_counts: what it says at the same places, of the same points.
        """
        aim = self._aim()
        # While a hand moves over a run that stands still the ground stays as it is.
        frame = self._together((lambda: self._numbers_once(self._numbers)) if aim is not None else self._numbers)
        return {**frame, "aim": _NOWHERE if aim is None else aim} if self.mode in ("plane", "curve") else frame

    def _aim(self):
        """Where what is chosen is drawn, (1,) or (2,), or None."""
        X = self.chosen.inputs(self.source.data)
        return None if X is None else X.reshape(-1)[list(self.cut.inputs)].astype(np.float32)

    def act(self, name, value) -> None:
        data = self.source.data
        if name == "hand":
            self.hand(value)
        elif name == "over":
            self.chosen.pass_over(None if value is None else self.cut.whole(value)[0])
        elif name == "sample":  # of those that are drawn
            number = int(sample(len(data.X_train), POINTS)[value])
            self.chosen.set(sample=None if number == self.chosen.sample else number)
        elif name == "point":
            self.chosen.set(sample=None, point=None if self.chosen.held else self.cut.whole(value)[0])
        else:
            super().act(name, value)

    def _of_ghost(self, view):
        view._ask()
        predict = view.source.predict
        if self.mode in ("confusion", "scatter"):
            return {"counts": self._confusion(predict)} if self.mode == "confusion" else {}
        said = np.array(predict(self._known("places")), np.float32)
        return {"y": said} if self.mode == "curve" else {"grid": self._grid(said)}

    def _grid(self, said):
        grid = said if self.source.data.task == "multiclass" and said.shape[-1] > 1 else said[:, 0]
        return grid.reshape(GRID, GRID, *grid.shape[1:])

    def _depends(self):
        return id(self.source.data), self._number()

    def _numbers(self):
        if self.mode == "confusion":
            return {"counts": self._confusion(self.source.predict)}
        if self.mode == "scatter":
            X, y = self._tested()
            true, said = y.ravel(), np.asarray(self.source.predict(X) if len(X) else y, np.float32).ravel()
            keep = sample(true.size, 2 * POINTS)  # an autoencoder has many for each sample
            return {"points": np.stack([true[keep], said[keep]], axis=1), "range": self._known("range")}
        asked = self._known("places")
        frame = {name: self._known(name) for name in ("train", "validation", "train_id", "validation_id", "range")}
        errors = self.errors and self.source.data.task != "regression"
        said = np.array(self.source.predict(self._known("everything") if errors else asked), np.float32)
        n, count = len(frame["train"]), len(asked)
        wrong = self._wrong(said[count:]) if errors else np.zeros(0, np.float32)
        frame |= {"train_wrong": wrong[:n], "validation_wrong": wrong[n:]}
        if self.mode == "curve":
            return {"x": self._known("x"), "y": said[:count], **frame}
        return {"grid": self._grid(said[:count]), "extent": self._known("extent"), **frame}

    def labels(self) -> dict[str, Any]:
        """mode, task, classes, features; tested: "validation" or "training", and whether it is a sample of them;
        sampled: what is said of the points of a plane or curve if not all are drawn, else ""; held: what the inputs
        that are not drawn are at; lacks: what must be drawn before anything can be learned; choices: what there is to
        choose from; marks; hand: see `Drawing`."""
        data = self.source.data
        names = several(data)
        offered = {option.name: [list(each) for each in option.choices] if names else [] for option in self.options[1:]}
        return {
            "mode": self.mode,
            "task": data.task,
            "classes": self._shown()[0] if self.mode == "confusion" else list(data.classes),
            "features": [data.features[i] for i in self.cut.inputs] or list(data.features),
            "tested": f"{'randomly sampled ' if len(self._tested()[0]) < self._of()[1] else ''}{self._of()[0]}",
            "sampled": self._sampled(),
            "ghosts": self._ghost_names(),
            "held": self.cut.words,
            "lacks": data.lacks,
            "choices": offered if self.cut.inputs else {**offered, "held": []},
            "marks": self.marks(),
            **self._hand_labels(),
        }

    def marks(self) -> dict[str, str]:
        task, mode = self.source.data.task, self.mode
        if mode == "confusion":
            return self._ghost_marks("right of the same points") | {
                "true": "a row for each true class; what is on the diagonal is right",
                "predicted": "a column for each class that the network says; the number says how often, the colour "
                "which share of the row",
                "tested": "counted now, on these points; the view Loss counts at every evaluation",
            }
        if mode == "scatter":
            return {"line": "dashed: where the prediction is right"}
        found = {
            "train": "filled: points that the network learns from",
            "validation": "rings: points that it is only tested with",
            "wrong": "a cross: the network gets this point wrong",
            "chosen": "a ring with a cross: what is looked at, in all views of the board: what the pointer is over, or "
            "a point or place that was pressed",
        }
        if mode == "plane":
            found["colours"] = {
                "binary": "the ground: how probable the network takes the two classes to be there",
                "regression": "the ground: the value that the network predicts there; of the points, the true one",
            }.get(task, "the ground: the likeliest class, the stronger the colour the surer")
            found |= {"even": "the line: both classes are equally probable"} if task == "binary" else {}
        return found | self._ghost_marks("dashed")

    def _of(self):
        """What it is tested with: "validation" or "training", and how many there are."""
        data = self.source.data
        return ("validation", len(data.X_val)) if len(data.X_val) else ("training", len(data.X_train))

    def _sampled(self):
        data = self.source.data
        many = {"training": len(data.X_train), "validation": len(data.X_val)}
        parts = [f"{POINTS:,} of {n:,} {name} points" for name, n in many.items() if n > POINTS]
        return f"drawn at random: {', '.join(parts)}" if parts and self.mode in ("plane", "curve") else ""

    def _known(self, name):
        """What depends on the data and the axes alone, and is the same object until there are others."""
        data, cut = self.source.data, self.cut
        made = self._constant("data", data, dict)
        if made.get("cut") is not cut:
            made |= {"cut": cut, "known": constants(data, cut)}
        return made["known"][name]

    def _tested(self):
        return self._constant("tested", self.source.data, self._drawn)

    def _drawn(self):
        data = self.source.data
        X, y = (data.X_val, data.y_val) if len(data.X_val) else (data.X_train, data.y_train)
        keep = sample(len(X), TESTED)
        return X[keep], y[keep]

    def _wrong(self, said):
        return (classes_of(said) != self._known("classes")).astype(np.float32)

    def _shown(self):
        """The names of the classes of a confusion matrix, and class number -> row (C,)."""
        return self._constant(
            "classes", self.source.data, lambda: most_frequent(self.source.data.classes, self._tested()[1])
        )

    def _confusion(self, predict):
        X, y = self._tested()
        names, row = self._shown()
        true, said = row[y.ravel()], row[classes_of(np.asarray(predict(X))).ravel() if len(X) else y]
        many = max(len(names), 2)
        return np.bincount(true * many + said, minlength=many * many).reshape(many, many).astype(np.float32)

    def plot(self, ax=None) -> "Axes":
        ax = new_axes(ax, 4.6, 4.0)
        frame, labels = self.frame(), self.labels()
        rings = self.mode in ("plane", "curve") and len(frame["validation"])
        title = self.heading, "rings: validation" if rings else "", labels["held"], labels["sampled"]
        ax.set_title("\n".join(filter(None, title)))
        {"plane": plot_plane, "curve": plot_curve, "confusion": plot_confusion, "scatter": plot_scatter}[self.mode](
            ax, frame, labels
        )
        return ax

    def describe(self) -> str:
        return (
            self._described()
            + self._drawn_over()
            + self._aimed()
            + self._ghost_words(lambda view: self._tried(view.source))
        )

    def _drawn_over(self):
        """What is drawn of more than two inputs."""
        names = [self.source.data.features[i] for i in self.cut.inputs]
        return f" Drawn over {' and '.join(names)}, the {self.cut.words}." if self.cut.words else ""

    def _aimed(self):
        """What it says of the sample or place that is chosen."""
        data = self.source.data
        if (X := self.chosen.inputs(data)) is None:
            return ""
        what = "the place chosen" if self.chosen.point is not None else f"sample {self.chosen.sample:,}"
        return f" Of {what} it says {said_of(self.source.predict(X), data)}."

    def _tried(self, ghost):
        """What a ghost says of the same points."""
        X, y = self._tested()
        said = np.asarray(ghost.predict(X), np.float64) if len(X) else np.zeros(0)
        if not said.size or not np.isfinite(said).all():
            return ""
        if self.source.data.task == "regression":
            return f"root mean square error {number(np.sqrt(np.mean((said - y) ** 2)))}"
        wrong = np.count_nonzero(classes_of(said) != y)
        return f"{percent(1 - wrong / y.size)} right ({wrong:,} wrong)"

    def _described(self):
        X, y = self._tested()
        kind, many = self._of()
        if len(X) < many:
            kind = f"{kind} points, a random sample of {many:,}"
        else:
            kind += " points"
        if not len(X):
            return f"No points to test with{': ' * bool(why := self.source.data.lacks)}{why}."
        said = np.asarray(self.source.predict(X), np.float64)
        if not np.isfinite(said).all():
            return "The network's output is not finite."
        if self.source.data.task == "regression":
            error, spread = np.sqrt(np.mean((said - y) ** 2)), np.std(np.asarray(y, np.float64))
            return (
                f"Root mean square error {number(error)} on {len(X):,} {kind}, "
                f"whose targets have a standard deviation of {number(spread)}."
            )
        wrong = classes_of(said) != y
        if len(X) < many:
            kind += ","
        words = f"{percent(1 - wrong.mean())} of {y.size:,} {kind} are right ({np.count_nonzero(wrong):,} wrong)"
        names = self.source.data.classes
        if len(names) > 2 and wrong.any():
            pairs, counts = np.unique(y[wrong] * len(names) + classes_of(said)[wrong], return_counts=True)
            true, taken = divmod(int(pairs[counts.argmax()]), len(names))
            words += f"; most often {names[true]} is taken for {names[taken]} ({counts.max():,})"
        return words + "."


def classes_of(said) -> np.ndarray:
    """Class numbers (n, ...) from probabilities (n, ..., 1) of the second class or (n, ..., C)."""
    return (said[..., 0] >= 0.5).astype(np.int64) if said.shape[-1] == 1 else said.argmax(axis=-1)


def most_frequent(classes, y, most=CLASSES) -> "tuple[list[str], np.ndarray]":
    """Names of the classes to show, at most so many, and class number -> place among them (C,)."""
    count = max(len(classes), 2)
    if count <= most:
        return list(classes), np.arange(count)
    often = np.argsort(-np.bincount(y.ravel(), minlength=count), kind="stable")[: most - 1]
    often.sort()
    row = np.full(count, most - 1)
    row[often] = np.arange(most - 1)
    return [*(classes[k] for k in often), "other"], row


_NOWHERE = np.zeros(0, np.float32)
