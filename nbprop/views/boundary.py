"""What the network has learned: over the plane of two inputs, as a curve over one, else as a confusion matrix."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.record.lessons import Lesson
from nbprop.record.source import CannotSay, Predicts, Taught

from .base import colors
from .base.beside import borders
from .base.columns import extent, places
from .base.tested import plot_confusion, plot_curve, plot_scatter, said_of
from .base.view import Option, View, new_axes, number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GRID = 32  # the plane is asked at GRID x GRID places
CURVE = 200  # ... and a line at so many
POINTS = 1500  # at most so many points of each kind are drawn
TESTED = 2000  # at most so many samples are tested, with more than two inputs and in words
CLASSES = 100  # a confusion matrix has at most so many; of more, the rare ones are counted as one, "other"


class Boundary(View):
    """What the network says wherever it may be asked, under the points it learns from (filled) and those it is tested
    with (rings).

    Two inputs: the plane, coloured by the probability of the second class, by the likeliest class and how sure it is,
    or by the predicted value. One input: the curve. Other inputs, also pictures and sequences: on the validation points
    (training points if there are none) the confusion matrix, or predicted against true values. Where every time step
    has a target, each counts as a point. Of many points a random sample is taken, always the same, and this is said.

    Options: `errors`: mark the points that the network gets wrong (default False).
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
    errors: bool
    options = (Option("errors", "mark errors"),)

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
        data = self.source.data
        if data.inputs <= 2 and len(data.input_shape) == len(data.output_shape) == 1 and not data.vocabulary:
            return "plane" if data.inputs == 2 else "curve"
        return "scatter" if data.task == "regression" else "confusion"

    def frame(self) -> dict[str, np.ndarray]:
        """By mode.
        plane: grid (32, 32) of probabilities of the second class or of values, or (32, 32, C) of probabilities, the
            first row at the top; extent (4,): left, right, bottom, top; train, validation (n, 3): both inputs, and
            class or value; range (2,) of the values.
        curve: x (200,), y (200, outputs); train, validation (n, 1 + targets); range (2,).
        confusion: counts (C, C), rows are true classes, columns predicted ones.
        scatter: points (n, 2): true and predicted value; range (2,).
        plane and curve: train_wrong, validation_wrong (n,) are 1 where a class is wrong, empty without `errors`.
        aim (inputs,): the inputs of the sample or place that is chosen, empty without.
        Of ghost number k ghostk_grid, ghostk_y or ghostk_counts: what it says at the same places, of the same points.
        """
        aim = self._aim()
        # While a hand moves over a run that stands still the ground stays as it is.
        frame = self._together((lambda: self._numbers_once(self._numbers)) if aim is not None else self._numbers)
        return {**frame, "aim": _NOWHERE if aim is None else aim} if self.mode in ("plane", "curve") else frame

    def _aim(self):
        """The inputs (inputs,) of what is chosen, or None."""
        return None if (X := self.chosen.inputs(self.source.data)) is None else X.reshape(-1).astype(np.float32)

    def act(self, name, value) -> None:
        data = self.source.data
        if name == "over":
            self.chosen.pass_over(value)
        elif name == "sample":  # of those that are drawn
            number = int(sample(len(data.X_train), POINTS)[value])
            self.chosen.set(sample=None if number == self.chosen.sample else number)
        elif name == "point":
            self.chosen.set(sample=None, point=None if self.chosen.held else value)
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
        return (id(self.source.data),)

    def _numbers(self):
        if self.mode == "confusion":
            return {"counts": self._confusion(self.source.predict)}
        if self.mode == "scatter":
            X, y = self._tested()
            true, said = y.ravel(), np.asarray(self.source.predict(X), np.float32).ravel()
            keep = sample(true.size, 2 * POINTS)  # an autoencoder has many for each sample
            return {"points": np.stack([true[keep], said[keep]], axis=1), "range": self._known("range")}
        asked = self._known("places")
        frame = {name: self._known(name) for name in ("train", "validation", "range")}
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
        sampled: what is said of the points of a plane or curve if not all are drawn, else ""; marks."""
        data = self.source.data
        return {
            "mode": self.mode,
            "task": data.task,
            "classes": self._shown()[0] if self.mode == "confusion" else list(data.classes),
            "features": list(data.features),
            "tested": f"{'randomly sampled ' if len(self._tested()[0]) < self._of()[1] else ''}{self._of()[0]}",
            "sampled": self._sampled(),
            "ghosts": self._ghost_names(),
            "marks": self.marks(),
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
        """What depends on the data alone, and is the same object until there are other data."""
        return self._constant("data", self.source.data, lambda: _constants(self.source.data))[name]

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
        true, said = row[y.ravel()], row[classes_of(np.asarray(predict(X))).ravel()]
        many = max(len(names), 2)
        return np.bincount(true * many + said, minlength=many * many).reshape(many, many).astype(np.float32)

    def plot(self, ax=None) -> "Axes":
        ax = new_axes(ax, 4.6, 4.0)
        frame, labels = self.frame(), self.labels()
        rings = self.mode in ("plane", "curve") and len(frame["validation"])
        title = f"{self.heading} (rings: validation)" if rings else self.heading
        ax.set_title(f"{title}\n{labels['sampled']}" if labels["sampled"] else title)
        {"plane": _plot_plane, "curve": plot_curve, "confusion": plot_confusion, "scatter": plot_scatter}[self.mode](
            ax, frame, labels
        )
        return ax

    def describe(self) -> str:
        return self._described() + self._aimed() + self._ghost_words(lambda view: self._tried(view.source))

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
            return "No points to test with."
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


def sample(count, most) -> np.ndarray:
    """The numbers of at most `most` of `count` things, rising: all of them, or a random choice that is always the same.
    (The first, or every so-many-th, would be of a few classes where data are sorted or take turns.)"""
    return np.arange(count) if count <= most else np.sort(np.random.default_rng(0).permutation(count)[:most])


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


def _constants(data):
    """The arrays of a picture that depend on the data alone."""
    known = {}
    X, y = np.concatenate([data.X_train, data.X_val]), np.concatenate([data.y_train, data.y_val])
    values = y[..., 0] if data.task == "regression" else np.array([0, 1])
    low, high = float(values.min()), float(values.max())
    known["range"] = np.array([low, high] if high > low else [low - 0.5, high + 0.5], np.float32)
    if data.inputs > 2 or len(data.input_shape) > 1 or len(data.output_shape) > 1 or data.vocabulary:
        return known
    for name, points, targets in (("train", data.X_train, data.y_train), ("validation", data.X_val, data.y_val)):
        keep = sample(len(points), POINTS)
        known[name] = np.column_stack([points[keep], targets[keep]]).astype(np.float32)
    shown = np.concatenate([known["train"], known["validation"]])
    known["classes"] = shown[:, -1].astype(np.int64) if data.task != "regression" else None
    low, high = extent(X)
    if data.inputs == 1:
        known["places"] = places(low, high, CURVE)
        known["x"] = known["places"][:, 0]
    else:
        known["extent"] = np.array([low[0], high[0], low[1], high[1]], np.float32)
        known["places"] = places(low, high, GRID)
    known["everything"] = np.concatenate([known["places"], shown[:, : data.inputs]])
    return known


def _plot_plane(ax, frame, labels):
    from matplotlib.colors import to_rgb

    task, many = labels["task"], len(labels["classes"])
    left, right, bottom, top = frame["extent"]
    grid, extent = frame["grid"], (left, right, bottom, top)
    if task == "multiclass":
        palette = np.array([to_rgb(colors.class_color(k, many)) for k in range(many)])
        sure = (grid.max(axis=-1) * many - 1) / (many - 1)
        shade = (0.1 + 0.4 * sure)[..., None]
        image = np.where(np.isfinite(shade), 1 + (palette[grid.argmax(axis=-1)] - 1) * shade, to_rgb(colors.WARNING))
        ax.imshow(image.clip(0, 1), extent=extent, interpolation="bilinear", aspect="auto")
    else:
        cmap = colors.colormap(colors.DIVERGING) if task == "binary" else colors.cividis()
        image = ax.imshow(np.ma.masked_invalid(grid), extent=extent, interpolation="bilinear", aspect="auto", cmap=cmap,
                          vmin=frame["range"][0], vmax=frame["range"][1])  # fmt: skip
        bar = ax.figure.colorbar(image, ax=ax, shrink=0.7)
        if task == "binary":
            bar.set_ticks([0, 0.5, 1], labels=[labels["classes"][0], "1/2", labels["classes"][1]])
            if np.isfinite(grid).all() and grid.min() < 0.5 < grid.max():
                x, y = np.linspace(left, right, GRID), np.linspace(top, bottom, GRID)
                ax.contour(x, y, grid, levels=[0.5], colors=colors.FOREGROUND, linewidths=1)
    for k in range(len(labels["ghosts"])):
        for line in borders(frame.get(f"ghost{k}_grid"), task):
            places = np.linspace(left, right, GRID), np.linspace(top, bottom, GRID)
            ax.contour(*places, line, levels=[0], colors=colors.FOREGROUND, linewidths=0.8, linestyles="--")
    for name, size in (("train", 14), ("validation", 22)):
        points = frame[name]
        if task == "regression":
            paint = colors.cividis()(np.clip((points[:, 2] - frame["range"][0]) / np.ptp(frame["range"]), 0, 1))
        else:
            paint = np.array([colors.class_color(int(k), many) for k in points[:, 2]])
        if name == "train":
            ax.scatter(points[:, 0], points[:, 1], c=paint, s=size, edgecolors="white", linewidths=0.5)
        else:
            ax.scatter(points[:, 0], points[:, 1], facecolors="none", edgecolors=paint, s=size, linewidths=1.2)
        wrong = points[: len(frame[name + "_wrong"])][frame[name + "_wrong"] > 0]
        if len(wrong):
            ax.plot(wrong[:, 0], wrong[:, 1], "x", color=colors.FOREGROUND, markersize=6)
    if frame["aim"].size:
        ax.plot(*frame["aim"], "o", color=colors.FOREGROUND, markerfacecolor="none", markersize=9)
        ax.plot(*frame["aim"], "+", color=colors.FOREGROUND, markersize=16)
    ax.set(xlim=(left, right), ylim=(bottom, top), xlabel=labels["features"][0], ylabel=labels["features"][1])
    colors.tidy(ax)
    ax.grid(False)
    if abs((right - left) - (top - bottom)) < 1e-3 * (right - left):
        ax.set_aspect("equal")
    if task == "multiclass":
        handles = [ax.scatter([], [], color=colors.class_color(k, many)) for k in range(many)]
        ax.legend(handles, labels["classes"], fontsize="x-small", loc="best")
