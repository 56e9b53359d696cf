"""A data set: samples to train and to validate on, and how inputs that come later become such samples."""

from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np

from nbprop.checks import choice, whole
from nbprop.data import by_hand, checks, splitting, tables
from nbprop.data.scaling import Scaling


@runtime_checkable
class Reader(Protocol):
    """Makes samples of what they come from: rows of a table, files of pictures."""

    def takes(self, X: Any) -> bool:
        """Is this something that `read` reads?"""
        ...

    def read(self, X: Any, what: str = "X") -> np.ndarray:
        """Samples (n, ...), not yet scaled; or an error that says what does not fit."""
        ...


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Training and validation samples. Made by `from_arrays`, which checks them.

    name: what it is called.
    task: "binary" (two classes, one output), "multiclass" (one output for each class), "multilabel" (one output for
        each label, of which a sample may have several) or "regression".
    X_train, X_val: one sample after the other. float32 (n, d): d numbers in no order; (n, T, features): a sequence;
        (n, channels, rows, columns): a picture. int64 (n, T): tokens, numbers 0..V-1 of things in a vocabulary.
        X_val has no samples where nothing was kept for validation.
    y_train, y_val: class numbers 0..C-1, int64 (n,), or (n, T) where every time step has its own; for several labels
        0 and 1, float32 (n, C), or (n, ..., C); for regression float32 (n, k), or (n, ..., k).
    classes: the names of the C classes or labels, () for regression.
    features: the names of the d inputs, of a sequence's features, a picture's channels, or the tokens.
    scaling: what was done to the inputs (`scale=` of from_arrays), None for nothing. X_train and X_val are scaled.
    columns: how a data frame becomes inputs, None where X was none: its `names` are those of the columns, its
        `features` those of the inputs.
    target: the names of the columns that are predicted, () where they have none.
    target_scaling: of a table's numbers to predict, what was done to them; None for nothing.
    notes: what was taken for granted of X and y; said in the repr.
    told: what was made of each column of a table, each file of a folder, ...; said by `describe`.
    noise: what was added, see `from_arrays`; 0 for nothing.
    settings: of a data set with a name, with what it was made: `nb.data.dataset(name, **settings)` makes it again. None
        for your own.
    drawn: which sample is which, where a hand has added, changed or taken out some (`with_points`, `changed`,
        `without`), see by_hand.py; None where none has.
    """

    name: str
    task: str
    X_train: np.ndarray
    y_train: np.ndarray
    X_val: np.ndarray
    y_val: np.ndarray
    classes: tuple[str, ...]
    features: tuple[str, ...]
    scaling: Scaling | None = None
    columns: Any = None
    notes: tuple[str, ...] = ()
    noise: float = 0.0
    settings: dict[str, Any] | None = None
    target: tuple[str, ...] = ()
    target_scaling: Scaling | None = None
    told: tuple[str, ...] = ()
    drawn: by_hand.Drawn | None = None
    _samples: dict[tuple[str, int, int], np.ndarray] = field(default_factory=dict, init=False)

    @property
    def inputs(self) -> int:
        """For how many inputs a model's first layer is to be made: d numbers, features of a sequence (Linear, RNN),
        channels of a picture (Conv2d), or tokens of the vocabulary (Embedding)."""
        return len(self.features)

    @property
    def outputs(self) -> int:
        """Number of outputs a model needs, at every time step that has a target: 1 (binary), C (multiclass and
        multilabel) or k (regression)."""
        return {"binary": 1, "multiclass": len(self.classes)}.get(self.task) or self.y_train.shape[-1]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one sample of X: (d,), (T, features), (channels, rows, columns) or, tokens, (T,)."""
        return self.X_train.shape[1:]

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of what a model must give for one sample: (outputs,), or (T, outputs) with a target per time step."""
        targets = self.y_train.shape[1:]
        return targets if self.task in ("regression", "multilabel") else (*targets, self.outputs)

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The names of the tokens, () where the inputs are measurements."""
        return self.features if self.X_train.dtype.kind == "i" else ()

    def takes(self, X: Any) -> bool:
        """Are these new samples in their own units, as the data were before, of which `inputs_of` makes inputs?"""
        return self.columns.takes(X) if isinstance(self.columns, Reader) else tables.keys(X) is not None

    def inputs_of(self, X: Any) -> np.ndarray:
        """Inputs (n, ...) as the model takes them, from new samples in the units of `from_arrays`.

        X: a data frame, whose columns are found by their names, in any order and among others; or an array, as for
            `scaled`. Of data from a table or a CSV file also a table of any other make, a dict or list of dicts, the
            path or text of a file; of a folder of pictures paths of such.
        Columns become inputs as they did there; then everything is scaled as the training samples were.
        Raises ValueError or TypeError that names the columns or places that do not fit.
        """
        if not self.takes(X):
            return self.scaled(X)
        if isinstance(self.columns, Reader):
            return self.scaled(self.columns.read(X))
        if self.vocabulary or len(self.input_shape) > 1:
            raise ValueError(
                f"X: expected samples of shape {self.input_shape} in an array, got a data frame; try X.to_numpy()"
            )
        return self.scaled((self.columns or tables.Columns(self.features, {})).read(X))

    def scaled(self, X: Any) -> np.ndarray:
        """New samples (n, ...), in the order and the units of `from_arrays`, as the model takes them: checked, scaled
        as the training samples were, float32; tokens int64."""
        X = checks.tokens(X, "X", self.inputs) if self.vocabulary else checks.inputs(X, "X", self.features)
        if X.shape[1:] != self.input_shape:
            raise ValueError(
                f"X: expected samples of shape {self.input_shape} as in {self.name!r}, got {X.shape[1:]}; "
                "try X[None] if it is one sample"
            )
        if self.vocabulary:
            return X
        return (X if self.scaling is None else self.scaling(X)).astype(np.float32)

    def check_order(self, before: "Dataset") -> None:
        """ValueError if the features are those of another data set in another order: a model that has learned from that
        one would take them for each other."""
        if self.features != before.features and sorted(self.features) == sorted(before.features):
            raise ValueError(
                f"{self.name!r}: expected the features {', '.join(before.features)} in this order, as in "
                f"{before.name!r}, got {', '.join(self.features)}; try from_arrays(..., features=[...]) in that order"
            )

    def sample(self, n: int, which: str = "train", seed: int = 0) -> np.ndarray:
        """Places of n of the samples, the same ones every time: int64 (n,), in order, not to be written to.

        Each class, or each range of a single target, has its share, even where the data are sorted; where a sample
        has more than one target they are n at random. All samples if there are no more than n.

        which: "train" or "val". seed: another one gives others.
        """
        n = whole(1)("n", n)
        key = (choice("train", "val")("which", which), n, whole()("seed", seed))
        if key not in self._samples:
            found = splitting.sample(self.y_train if which == "train" else self.y_val, n, key[2])
            found.setflags(write=False)
            self._samples[key] = found
        return self._samples[key]

    def describe(self) -> str:
        """What the data are, and what was made of each column of a table, in sentences, one a line."""
        return "\n".join([f"{self!r}", *self.told])

    @property
    def origin(self) -> "Dataset":
        """The data before a hand has changed them: these themselves, where none has."""
        return by_hand.origin(self)

    @property
    def lacks(self) -> str:
        """Why nothing can be learned from points drawn by hand yet: what is missing; "" where nothing is."""
        return by_hand.lacks(self)

    def numbers(self, which: str = "train") -> np.ndarray:
        """The number of each sample, int64 (n,), which it keeps whatever a hand makes of the data: its place among the
        training samples of `origin` and then the validation samples; of one that was added, one of its own."""
        return by_hand.numbers(self, which)

    def with_points(self, X: Any, y: Any, which: str = "train") -> "Dataset":
        """These data and more samples, behind the others; these stay as they are.

        X: (n, ...) in the units of X_train, as `predict` takes them; new samples in your own units: `scaled(X)`.
        y: (n,) classes by their names or numbers 0..C-1; for regression numbers (n,) or (n, k).
        which: "train" to learn from, "val" to validate with.
        Raises ValueError or TypeError for what is no sample of these data, or a class that they do not have.
        """
        return by_hand.added(self, X, y, which)

    def without(self, places: Any, which: str = "train") -> "Dataset":
        """These data without the samples at these places (whole numbers from 0, or bools, one for each sample)."""
        return by_hand.taken_out(self, places, which)

    def changed(self, places: Any, X: Any = None, y: Any = None, which: str = "train") -> "Dataset":
        """These data with other inputs X, or targets y, or both, of the samples at these places; as for `with_points`,
        one for each place."""
        return by_hand.changed(self, places, X, y, which)

    def differs(self, before: Any) -> str:
        """In what it differs from another data set, as far as that is said in few words: "noise 0.1 → 0.3"; else ""."""
        if not isinstance(before, Dataset):
            return ""
        if done := by_hand.said(before, self):
            return done
        many = [len(each.X_train) + len(each.X_val) for each in (before, self)]
        kept = [
            f"{len(each.X_val) / max(n, 1):.0%}".replace("%", " %")
            for each, n in zip((before, self), many, strict=True)
        ]
        found = {
            "noise": [f"{before.noise:g}", f"{self.noise:g}"],
            "samples": [f"{n:,}" for n in many],
            "validation": kept,
            "inputs": [f"{before.inputs}", f"{self.inputs}"],
            "classes": [f"{len(before.classes)}", f"{len(self.classes)}"],
        }
        return ", ".join(f"{what} {old} → {new}" for what, (old, new) in found.items() if old != new)

    def __repr__(self) -> str:
        takes = f"{self.inputs} input{'s' * (self.inputs > 1)}"
        if self.vocabulary:
            takes = f"inputs {self.input_shape} of {self.inputs} tokens"
        elif len(self.input_shape) > 1:
            takes = f"inputs {self.input_shape}"
        what = f"{self.outputs} target{'s' * (self.outputs > 1)}"
        if self.classes:
            what = f"{len(self.classes)} {'labels' if self.task == 'multilabel' else 'classes'}"
        if len(self.output_shape) > 1:
            what += f" at each of {self.output_shape[:-1]} places"
        notes = "".join(f"; {note}" for note in self.notes)
        return (
            f"Dataset({self.name!r}, {self.task}, {takes}, {what}, "
            f"{len(self.X_train)} train, {len(self.X_val)} validation{notes})"
        )
