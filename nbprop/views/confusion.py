"""Which classes are taken for which: the confusion table, and the samples behind every number in it."""

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.record.lessons import Lesson
from nbprop.record.source import CannotSay, Predicts, Taught

from .base import colors
from .base.pictures import ends, picture_shape, sample_in_words
from .base.tested import plot_confusion
from .base.view import Option, View, new_axes, percent, plural
from .boundary import classes_of, most_frequent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TESTED = 2048  # samples, at most
READABLE = 30  # rows and columns; of more classes the rare ones are one, "other"
LISTED = 24  # samples of a cell that are shown
NAMED = 4  # so many classes have precision and recall in words; of more, those where they are lowest
OF = (("validation", "validation"), ("training", "training"))


class Confusion(View):
    """How often samples of each class are taken for each class: a row for each true class, a column for each that the
    network says. A cell that is pressed (or `view.cell = "3", "8"`, true and said) shows its samples; one of these that
    is pressed is chosen in all views of the board.

    At most 2,048 samples are tested, always the same ones, each class with its share. Where every time step has a
    target, each counts. Of more than 30 classes the 29 most frequent ones have rows, all others are one, "other".

    Options: `of`: "validation" (default) or "training", which is also taken where nothing was kept for validation;
    `shares` (default False): percentages of the row in place of counts, in the browser.
    """

    name = "confusion"
    title = "Confusion"
    about = (
        "How often each class is taken for each other one: a row for what is true, a column for what the network says, "
        "so that all on the diagonal is right. Press a number to see the samples behind it."
    )
    lesson = Lesson(0, "Real data")
    contract = (Taught, Predicts)
    shows = "a Trainer with data in classes"
    size = (4.6, 4.0)
    outlined = ("counts",)
    of: str
    shares: bool
    options = (Option("of", "of", OF, "validation"), Option("shares", "shares", where="browser"))

    def __init__(self, source, **options) -> None:
        self._cell: tuple[int, int] | None = None
        super().__init__(source, **options)

    def _ask(self):
        super()._ask()
        task = self.source.data.task
        if task == "regression":
            raise CannotSay(
                "Confusion: expected data in classes, got numbers to be predicted; nb.views.Boundary(trainer) draws "
                "what is said against what is true."
            )
        if task == "multilabel":
            raise CannotSay(
                "Confusion: expected one class for each sample, got several labels, of which none is taken for "
                "another; try metrics= of the Trainer and nb.views.Loss(trainer)."
            )

    @classmethod
    def suits(cls, source) -> bool:
        return super().suits(source) and getattr(source.data, "task", None) in ("binary", "multiclass")

    @property
    def rate(self) -> float:
        """As of Boundary: pictures and sequences take long to test."""
        return 12.0 if not self.served or len(self.source.data.input_shape) == 1 else 3.0

    @property
    def version(self) -> Any:
        return super().version, self._cell, self.chosen.sample, self.chosen.point

    @property
    def cell(self) -> "tuple[str, str] | None":
        """The cell whose samples are shown: names of the true class and of the one it is taken for; None for none."""
        if self._cell is None:
            return None
        names = self._rows()[0]
        row, column = self._cell
        return (names[row], names[column]) if max(self._cell) < len(names) else None

    @cell.setter
    def cell(self, value: "tuple[Any, Any] | None") -> None:
        if value is not None:
            names = self._rows()[0]
            if not isinstance(value, tuple) or len(value) != 2 or any(str(each) not in names for each in value):
                raise ValueError(
                    f"cell: expected two class names, true and said, out of {', '.join(names)}, or None; got {value!r}"
                )
            value = names.index(str(value[0])), names.index(str(value[1]))
        self._look_into(value)

    def _look_into(self, cell):
        self._cell = cell
        post = getattr(self.source, "post", lambda renew: renew())
        for board in tuple(vars(self).get("boards", ())):
            post(board.renew)

    def act(self, name, value) -> None:
        if name == "cell":
            many = len(self._rows()[0])
            cell = None if value is None else (int(value[0]), int(value[1]))
            if cell is not None and (min(cell) < 0 or max(cell) >= many):
                raise ValueError(f"Confusion: expected a cell of {many} × {many}, got {value!r}")
            self._look_into(None if cell == self._cell else cell)
        elif name == "sample":
            self._choose(int(value))
        else:
            super().act(name, value)

    def _choose(self, k):
        """The sample in that place of the list is chosen, or let go of."""
        listed = self._listed()[0]
        if not 0 <= k < len(listed):
            return  # the network has learned meanwhile, and the list is shorter
        which, places, _ = self._tested()
        number = int(places[self._sample_of(listed[k])])
        if self._own() in listed and k == int(np.flatnonzero(listed == self._own())[0]):
            self.chosen.set(sample=None, point=None)
        elif which == "training":
            self.chosen.set(sample=number)
        else:
            self.chosen.set(sample=None, point=self.source.data.X_val[number].ravel())

    # ---- what is tested ----------------------------------------------------------------------------------------------

    def _tested(self):
        """Which ("validation" or "training"), the places of the samples among those, and their inputs (n, ...)."""
        return self._constant("tested", (id(self.source.data), self.of), self._drawn)

    def _drawn(self):
        data = self.source.data
        which = "training" if self.of == "training" or not len(data.X_val) else "validation"
        places = data.sample(TESTED, "train" if which == "training" else "val")
        return which, places, (data.X_train if which == "training" else data.X_val)[places]

    def _true(self):
        """The class of every target that is tested, (targets,)."""
        data, (which, places, _) = self.source.data, self._tested()
        return (data.y_train if which == "training" else data.y_val)[places].ravel()

    def _sample_of(self, target):
        """In which of the tested samples a target is: of sequences with one at each time step there are several."""
        return target // max(1, int(np.prod(self.source.data.y_train.shape[1:])))

    def _rows(self):
        """Names of the rows, and class number -> row (C,)."""
        key = (id(self.source.data), self.of)
        return self._constant("rows", key, lambda: most_frequent(self.source.data.classes, self._true(), READABLE))

    def _said(self):
        """The class that is said of every target, (targets,), and how probable it is taken to be."""
        key = (id(self.source), self.source.version, self.source.steps, self.moment, id(self.source.data), self.of)
        return self._constant("said", key, lambda: _answers(self.source, self._tested()[2]))

    def _counted(self, said):
        row, many, good = self._rows()[1], max(len(self._rows()[0]), 2), said >= 0
        counts = np.bincount(row[self._true()[good]] * many + row[said[good]], minlength=many * many)
        return counts.reshape(many, many).astype(np.float32)

    def _of_ghost(self, view):
        view._ask()
        return {"counts": self._counted(_answers(view.source, self._tested()[2])[0])}

    def _depends(self):
        return id(self.source.data), self.of

    def _listed(self):
        """The targets in the cell, at most so many, rising, so that they stay where they are; and how many."""
        if self._cell is None or max(self._cell) >= len(self._rows()[0]):
            return np.zeros(0, int), 0
        row, said = self._rows()[1], self._said()[0]
        inside = (row[self._true()] == self._cell[0]) & (row[said] == self._cell[1]) & (said >= 0)
        found = np.flatnonzero(inside)
        return found[:LISTED], len(found)

    def _own(self):
        """The target of the sample that is chosen, -1 where it is none of those tested."""
        data = self.source.data
        X = self.chosen.inputs(data)
        if X is None or len(data.y_train.shape) > 1:
            return -1
        same = self._constant(
            "own",
            (id(data), self.of, self.chosen.sample, self.chosen.point),
            lambda: np.flatnonzero((self._tested()[2] == X).reshape(len(self._tested()[2]), -1).all(axis=1)),
        )
        return int(same[0]) if same.size else -1

    # ---- numbers, picture, words -------------------------------------------------------------------------------------

    def frame(self) -> dict[str, Any]:
        """counts (C, C): rows are true classes, columns those that are said; lost (1,): for how many targets the output
        is not finite, which are in no cell.
        cell (2,): row and column of the one that is looked into, empty for none; own (2,): those of the chosen sample;
        inside (1,): how many samples are in the cell. Of the first 24 of them: samples (k,), their numbers in the
        data; sure (k,), how probable the class that is said is taken to be; held (k,), 1 for the chosen one; pictures
        (k, channels, rows, columns), from 0 to 1, empty where the samples are none.
        Of ghost number k ghostk_counts."""
        return self._together(self._numbers) | self._looked_into()

    def _numbers(self):
        return {"counts": self._counted(self._said()[0])}

    def _looked_into(self):
        said, sure = self._said()
        listed, inside = self._listed()
        _, places, X = self._tested()
        own, row = self._own(), self._rows()[1]
        cell = () if self._cell is None or max(self._cell) >= len(self._rows()[0]) else self._cell
        at = (row[self._true()[own]], row[said[own]]) if own >= 0 and said[own] >= 0 else ()
        numbers = {
            "lost": [np.count_nonzero(said < 0)],
            "cell": cell, "own": at, "inside": [inside],
            "samples": places[self._sample_of(listed)], "sure": sure[listed], "held": listed == own,
        }  # fmt: skip
        found = {name: np.array(value, np.float32) for name, value in numbers.items()}
        return {**found, "pictures": self._pictures(X[self._sample_of(listed)])}

    def _shape(self):
        data = self.source.data
        return self._constant("shape", data, lambda: picture_shape(data))

    def _pictures(self, X):
        shape = self._shape()
        if shape is None:
            return _NONE
        low, high = self._constant("ends", self.source.data, lambda: ends(self.source.data, shape))
        return np.ascontiguousarray((X.reshape(-1, *shape) - low) / (high - low), np.float32)

    def labels(self) -> dict[str, Any]:
        """classes: names of rows and columns; tested: "validation" or "training", and whether it is a sample of them;
        of: which, alone; things: "samples", or "targets" where a sample has several; words: of each sample in the list,
        what it is, where it is no picture; ghosts; marks."""
        which, places, X = self._tested()
        data, (listed, _) = self.source.data, self._listed()
        whole = len(data.X_train if which == "training" else data.X_val)
        pictures = self._shape() is not None
        return {
            "classes": list(self._rows()[0]),
            "tested": f"{'randomly sampled ' if len(places) < whole else ''}{which}",
            "of": which,
            "things": "samples" if len(self._true()) == len(places) else "targets",
            "words": [] if pictures else [self._in_words(target, X) for target in listed],
            "ghosts": self._ghost_names(),
            "marks": self.marks(),
        }

    def _in_words(self, target, X):
        i, places = self._sample_of(target), int(np.prod(self.source.data.y_train.shape[1:]))
        where = f"place {target - i * places + 1}: " if places > 1 else ""
        return where + sample_in_words(X[i], self.source.data)

    def marks(self) -> dict[str, str]:
        which = self._tested()[0]
        found = {
            "true": "a row for each true class; what is on the diagonal is right",
            "predicted": "a column for each class that the network says; the number says how often, the colour which "
            "share of the row",
            "recall": "recall, at the name of a row: which share of a class is recognized",
            "precision": "precision, at the name of a column: how often it is right when it says that class",
            "tested": f"counted now, on these {which} samples, always the same ones; at most {TESTED:,}",
            "cell": "framed: the cell that was pressed, whose samples are shown; pressed again, it closes",
            "chosen": "a ring with a cross: the cell that the chosen sample is in; among the samples it is framed",
        }
        if len(self._rows()[0]) < len(self.source.data.classes):
            rest = len(self.source.data.classes) - READABLE + 1
            found["other"] = f"other: {rest} rarer classes as one; some on its diagonal are taken for each other"
        return found | self._ghost_marks("right of the same samples")

    def plot(self, ax=None) -> "Axes":
        from matplotlib.patches import Rectangle

        ax = new_axes(ax, *self.size)
        frame, labels = self.frame(), self.labels()
        plot_confusion(ax, frame, labels)
        lines = [self.heading, ax.get_title()]
        if frame["cell"].size:
            row, column = frame["cell"]
            ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=colors.FOREGROUND, lw=2))
            lines.append(textwrap.shorten(self._cell_words(), 48, placeholder=" …"))
        if frame["own"].size:
            ax.plot(
                frame["own"][1], frame["own"][0], "o", color=colors.FOREGROUND, markerfacecolor="none", markersize=9
            )
        for k, picture in enumerate(frame["pictures"][:8]):
            part = ax.inset_axes((1.03, 1 - (k + 1) / 8, 0.12, 0.115))
            grey = picture.shape[0] != 3
            shown = picture.mean(axis=0) if grey else picture.transpose(1, 2, 0).clip(0, 1)
            part.imshow(shown, cmap="gray_r" if grey else None, vmin=0, vmax=1)
            part.set(xticks=[], yticks=[])
        ax.set_title("\n".join(lines))
        return ax

    def describe(self) -> str:
        said, _ = self._said()
        true, (which, places, _) = self._true(), self._tested()
        if not len(true):
            return "No samples to test with."
        if (said < 0).any():
            return "The network's output is not finite."
        data = self.source.data
        whole = len(data.X_train if which == "training" else data.X_val)
        sampled = f", a random sample of {whole:,}," if len(places) < whole else ""
        wrong, things = said != true, f"{which} {'targets' if len(true) > len(places) else 'samples'}"
        found = f"{percent(1 - wrong.mean())} of {len(true):,} {things}{sampled} are right ({wrong.sum():,} wrong). "
        found += self._rates(true, said)
        if len(data.classes) > 2 and wrong.any():
            pairs, counts = np.unique(true[wrong] * len(data.classes) + said[wrong], return_counts=True)
            one, taken = divmod(int(pairs[counts.argmax()]), len(data.classes))
            found += f" Most often {data.classes[one]} is taken for {data.classes[taken]} ({counts.max():,})."
        if (own := self._own()) >= 0 and said[own] >= 0:
            found += f" The chosen sample is {data.classes[true[own]]}; it says {data.classes[said[own]]}."
        if words := self._cell_words():
            found += f" {words}."
        return found + self._ghost_words(lambda view: f"{percent(self._right(view.source))} right")

    def _right(self, source):
        return np.mean(_answers(source, self._tested()[2])[0] == self._true())

    def _rates(self, true, said):
        """Recall and precision of each class, or the lowest of them."""
        names = self.source.data.classes
        count = [np.bincount(each, minlength=len(names)) for each in (true[said == true], true, said)]
        recall, precision = (_share(count[0], count[k]) for k in (1, 2))

        def one(kind, share, of, k):
            return f"{kind} {percent(share[k])} ({count[0][k]:,} of {of[k]:,})" if of[k] else f"{kind}: none"

        if len(names) <= NAMED:
            parts = [
                f"{name}: {one('recall', recall, count[1], k)}, {one('precision', precision, count[2], k)}"
                for k, name in enumerate(names)
            ]
            return f"{'; '.join(parts)}."
        low, least = (int(np.where(np.isnan(share), np.inf, share).argmin()) for share in (recall, precision))
        return (
            f"Lowest are {one('recall', recall, count[1], low)} of {names[low]} and "
            f"{one('precision', precision, count[2], least)} of {names[least]}."
        )

    def _cell_words(self):
        """What is in the cell, "" if none is looked into."""
        cell, (listed, inside) = self.cell, self._listed()
        if cell is None:
            return ""
        which, places, _ = self._tested()
        true, said = cell
        what = f"{true} recognized" if true == said else f"{true} taken for {said}"
        numbers = ", ".join(f"{n:,}" for n in places[self._sample_of(listed)])
        more = f" and {inside - len(listed):,} more" if inside > len(listed) else ""
        return f"{what}: {plural(inside, f'{which} sample')}{': ' if inside else ''}{numbers}{more}"


_NONE = np.zeros((0, 0, 0, 0), np.float32)


def _answers(source, X):
    """The class that is said of each target, -1 where an output is not finite, and how probable it is taken to be."""
    if not len(X):
        return np.zeros(0, np.int64), np.zeros(0, np.float32)
    said = np.asarray(source.predict(X), np.float32)
    finite = np.isfinite(said).all(axis=-1).ravel()
    best = said.max(axis=-1) if said.shape[-1] > 1 else np.maximum(said[..., 0], 1 - said[..., 0])
    return np.where(finite, classes_of(said).ravel(), -1), best.ravel()


def _share(part, whole):
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
