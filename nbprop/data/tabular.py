"""Tables as data sets: every column is looked at, made into inputs, and said."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nbprop.checks import choice, whole
from nbprop.data import answer, checks, column, scaling, splitting
from nbprop.data.column import Column, LeftOut
from nbprop.data.dataset import Dataset
from nbprop.data.gate import from_arrays
from nbprop.data.table import Table, is_table, opened
from nbprop.data.values import Values, such, values_of, written


@dataclass(frozen=True)
class Plan:
    """How rows of a table become inputs: of each of its `columns` those that it makes."""

    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns that are needed."""
        return tuple(each.name for each in self.columns)

    @property
    def features(self) -> tuple[str, ...]:
        """Of the inputs."""
        return tuple(feature for each in self.columns for feature in each.features)

    @property
    def amounts(self) -> np.ndarray:
        """Which inputs are amounts, to be scaled: bool (d,)."""
        return np.array([amount for each in self.columns for amount in each.amounts])

    def takes(self, X: Any) -> bool:
        """Is this a table, in any form, or a row of one?"""
        return is_table(X) or _is_row(X)

    def read(self, X: Any, what: str = "X") -> np.ndarray:
        """The inputs (n, d), float64, not yet scaled, of a table with these columns, in any order and among others.

        What no training row had (another category, a missing value) is a DataWarning that says what was taken for it.
        Raises ValueError or TypeError that names what is missing or of another kind.
        """
        table = opened(X.to_dict() if _is_row(X) else X, what)
        if missing := [name for name in self.names if name not in table.columns]:
            raise ValueError(
                f"{what}: expected the columns {_list(self.names)}, in any order, got no {_list(missing)} among "
                f"{_list(table.columns)}; try to rename columns"
            )
        words: list[str] = []
        made = self.of(table, words, {}, f"{what}: ")
        checks.warn(f"{what}: {each}" for each in words)
        return made

    def of(self, table: Table, words: list[str], known: dict[str, Values], what: str = "") -> np.ndarray:
        """The inputs of a table that has the columns. words: what was not as in the training rows is put there. known:
        values of columns that were looked at already."""
        parts = []
        for each in self.columns:
            try:
                found = known.get(each.name)
                if found is None:
                    found = values_of(table.columns[each.name], each.literal, table.place)
                parts.append(each.read(found, table.place, words.append))
            except ValueError as error:
                named = "" if repr(each.name) in str(error) else f"column {each.name!r}: "
                raise ValueError(f"{what}{named}{error}") from None
        return np.concatenate(parts, axis=1)


def from_table(
    table: Any,
    target: Any = None,
    *,
    task: str | None = None,
    drop: str | Iterable[str] = (),
    validation: float | None = None,
    seed: int = 0,
    scale: str | float | None = "standard",
    missing: str = "fill",
    most: int = column.MOST,
    classes: Iterable[Any] | None = None,
    name: str = "table",
) -> Dataset:
    """A Dataset of a table: one column is predicted from the others. What was made of each is in `describe()`.

    table: a data frame (pandas, Polars, PyArrow, or whatever speaks the data frame interchange protocol), a dict of
        columns, a list of dicts, a structured array.
    target: the name of the column to predict, or its place, -1 for the last; a list of names for several numbers, or
        several labels of 0 and 1. Texts, truth values and few (at most 20) different whole numbers, each there more
        than once, are classes; other numbers are predicted (regression), in units of mean 0 and standard deviation 1,
        and `predict` of a table gives them back in the table's. Rows without a target are left out.
    task: "binary", "multiclass", "multilabel" or "regression", where that is not what is meant.
    drop: columns that are not to be used.
    validation, seed, classes, name: as for `from_arrays`.
    scale: what is done to numbers: "standard", "minmax", a number to divide by, or None. Of the training rows alone.
    missing: "fill": a number by the median of the training rows, with an input more that says where; a category is one
        of its own. "drop": rows in which anything is missing are left out. "refuse": an error that says where.
    most: inputs made of one column of categories, at most: the rarer ones share the last. 2 or more.

    Numbers stay numbers, and two values become 0 and 1. Categories, such as texts or numbers of a category type, become
    an input each. Dates (or ISO texts) become days, and where on its round the day, the week and the year is. A column
    that is the same everywhere is left out. Texts that name the rows, or are prose, are refused; what looks like an
    identifier is a DataWarning. Raises ValueError or TypeError that says what was expected, what came, what to try.
    """
    most, missing = whole(2)("most", most), choice("fill", "drop", "refuse")("missing", missing)
    seed, scale, whole_table = whole()("seed", seed), scaling.check(scale), opened(table)
    names = answer.names_of(target, whole_table)
    used = _used(whole_table, names, drop)
    table, told, rows = _complete(whole_table, names, used, missing)
    found = answer.values(names, table)
    y, task, why = answer.understood(names, found, task)

    share, _ = splitting.held_back(validation, len(table))
    is_val = _split(y, task, share, seed, names)
    plan, words, known = _plan(table, used, ~is_val, most)
    said: list[str] = []
    X = plan.of(table, said, known)
    fitted = _fitted(X[~is_val], scale, plan.amounts)
    back = scaling.fit("standard", lambda: [_2d(y[~is_val])], _2d(y).shape) if task == "regression" else None
    scaled, targets = (X if fitted is None else fitted(X)), (y if back is None else back(_2d(y)))
    held = (scaled[is_val], targets[is_val]) if is_val.any() else (None, None)
    made = from_arrays(
        scaled[~is_val], targets[~is_val], *held, validation=0 if held[0] is None else None, task=task, name=name,
        classes=names if task == "multilabel" and classes is None else classes, features=plan.features,
    )  # fmt: skip
    sizes = [] if fitted is None else [f"numbers are scaled: {scaling.KINDS.get(str(scale), f'divided by {scale}')}"]
    told = [*whole_table.notes, *told, *sizes, *words, *(f"rows to validate on: {each}" for each in said)]
    return replace(
        made, scaling=fitted, columns=plan, target=names, target_scaling=back, notes=(*made.notes, *rows),
        told=(_target_words(made, names, y, back, why), *told),
    )  # fmt: skip


def _is_row(X):
    """A row of a pandas frame, df.iloc[0]: values by the names of the columns."""
    return all(hasattr(X, each) for each in ("to_dict", "index", "iloc")) and not hasattr(X, "columns")


def _used(table, names, drop):
    drop = (drop,) if isinstance(drop, str) else tuple(map(str, drop))
    if unknown := [each for each in drop if each not in table.columns]:
        raise ValueError(f"drop: expected columns of the table, {_list(table.columns)}; got {_list(unknown)}")
    used = tuple(each for each in table.columns if each not in (*names, *drop))
    if not used:
        raise ValueError("drop: expected at least one column to be left beside the target, got none")
    return used


def _complete(table, names, used, missing):
    """The rows that have a target (and, if asked, everything else); words on those that were left out."""
    without = np.any([each.missing for each in answer.values(names, table)], axis=0)
    told, short = [], []
    if without.any():
        told.append(f"{without.sum()} rows have no {_list(names)}: left out")
        short.append(f"{without.sum()} rows without target left out")
    if missing != "fill":
        holes = np.zeros(len(table), bool)
        for name in used:
            found = _values(table, name)[0]
            if found is None:
                continue
            if missing == "refuse" and (gap := found.missing & ~without).any():
                raise ValueError(
                    f"column {name!r}: expected a value in every row, got none at {table.place(int(gap.argmax()))}"
                    f"{such(gap)}; try missing='fill' or 'drop'"
                )
            holes |= found.missing if not found.missing.all() else False
        if (holes & ~without).any():
            told.append(f"{(holes & ~without).sum()} rows with missing values: left out")
            short.append(f"{(holes & ~without).sum()} rows with missing values left out")
        without |= holes
    if len(table) - without.sum() < 2:
        raise ValueError(f"expected at least 2 rows that have a target, got {len(table) - without.sum()}")
    return (table.without(without) if without.any() else table), told, short


def _values(table, name):
    try:
        return values_of(table.columns[name], name in table.categorical, table.place), ""
    except ValueError as error:
        return None, str(error)


def _split(y, task, share, seed, names):
    if task in ("regression", "multilabel"):
        return splitting.split(y, share, seed)
    labels, numbers = np.unique(y, return_inverse=True)
    counts = np.bincount(numbers)
    if share and counts.min() < 2:
        raise ValueError(
            f"target {names[0]!r}: expected at least 2 rows of class {str(labels[counts.argmin()])!r} (one to train, "
            f"one to validate), got {counts.min()}; try to leave this row out, or validation=0"
        )
    return splitting.split(numbers, share, seed, tuple(map(str, labels)))


def _plan(table, used, train, most):
    """The columns, what to say of each, and what each holds; ValueError that names all that cannot be used."""
    made, words, wrong, doubts, known = [], [], {}, [], {}
    for name in used:
        found, refused = _values(table, name)
        try:
            if found is None:
                raise ValueError(refused)
            each = column.made_of(name, found, train, most, table.place)
        except LeftOut as left:
            words.append(f"{name}: left out, for it {left}")
            continue
        except ValueError as error:
            wrong[name] = str(error)
            continue
        made.append(each)
        known[name] = found
        words.append(f"{name}: {each.words}")
        if looks := column.identifier(name, found):
            doubts.append(
                f"column {name!r} {looks}: it looks like an identifier, which a network can only learn by heart. "
                f"Try drop=[{name!r}], unless it is a measurement."
            )
    if wrong:
        reasons = "; ".join(f"column {name!r}: {why}" for name, why in wrong.items())
        raise ValueError(f"{reasons}. Or leave {'it' if len(wrong) == 1 else 'them'} out: drop=[{_list(wrong)}]")
    if not made:
        raise ValueError(f"no column is left to predict from: {'; '.join(words)}")
    checks.warn(doubts)
    return Plan(tuple(made)), words, known


def _fitted(X, scale, amounts):
    """The scaling of the amounts alone."""
    if scale is None or not amounts.any():
        return None
    whole = scaling.fit(scale, lambda: [X], X.shape)
    return replace(whole, shift=np.where(amounts, whole.shift, 0.0), size=np.where(amounts, whole.size, 1.0))


def _2d(y):
    return y[:, None].astype(np.float64) if y.ndim == 1 else y


def _target_words(data, names, y, back, why):
    many = len(data.X_train) + len(data.X_val)
    what = (
        f"{many} rows ({len(data.X_train)} to train, {len(data.X_val)} to validate), {data.inputs} inputs; to predict "
    )
    if data.task == "multilabel":
        return f"{what}the labels {_list(names)}, of which a row may have several"
    if back is not None:
        each = ", ".join(
            f"{name} (mean {written(m)}, standard deviation {written(s)})"
            for name, m, s in zip(names, back.shift, back.size, strict=True)
        )
        them = "it" if len(names) == 1 else "them"
        words = (
            f"{what}{each}. The run sees {them} with mean 0 and standard deviation 1; predict(table) gives {them} back"
        )
        return f"{words}. It is taken as a number, {why}" if why else words
    numbers = np.concatenate([data.y_train, data.y_val])
    shown = answer.shares(y, data.classes, numbers)
    return f"{what}{names[0]}, {len(data.classes)} classes{f', {why}' if why else ''}: {shown}"


def _list(names):
    names = [*names]
    return ", ".join(map(repr, names[:10])) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
