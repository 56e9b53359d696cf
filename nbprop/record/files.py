"""A history as a file, and as a table: for other programs, and for years to come."""

import csv
import io
import os
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from nbprop import saving
from nbprop.checks import flag, whole

from .samples import COLUMNS

if TYPE_CHECKING:
    import pandas

    from .history import History

Kind = TypeVar("Kind", bound="History")
HEAD = "history"
RESHAPED = {"hidden", "insert", "remove", "model", "batch_norm"}  # events after which layers may be others
EVENTS = ("step", "name", "old", "new", "text")


# ---- files -----------------------------------------------------------------------------------------------------------


def save(history: "History", path: Any) -> None:
    """See History.save."""
    meta, arrays = history.state()
    places = {}  # names of a user's own may be no names of files
    for i, name in enumerate(meta["columns"]):
        places |= {f"steps{i}": arrays[f"steps/{name}"], f"values{i}": arrays[f"values/{name}"]}
    saving.write(path, HEAD, {**meta, "layers": layer_names(history)}, places)


def load(kind: type[Kind], path: Any) -> Kind:
    """See History.load."""
    with saving.opened(path, "a history that history.save wrote") as file:
        meta, places = saving.read(file, HEAD)
        _check(meta, places)
        arrays = {}
        for i, name in enumerate(meta["columns"]):
            arrays |= {f"steps/{name}": places[f"steps{i}"], f"values/{name}": places[f"values{i}"]}
        history = kind.from_state(meta, arrays)
        history._layers = tuple(meta["layers"])
        return history


def _check(meta, places):
    whole(1)("capacity", meta["capacity"])
    expected = {f"{part}{i}" for i in range(len(meta["columns"])) for part in ("steps", "values")}
    if places.keys() != expected:
        raise ValueError(f"expected the arrays of {len(meta['columns'])} columns, got {len(places)} arrays")
    for name, array in places.items():
        if array.dtype.kind not in ("iu" if name.startswith("steps") else "f"):
            raise ValueError(f"{name} holds {array.dtype}")
        if name.startswith("steps") and array.size and array.min() < 0:
            raise ValueError(f"{name} goes below 0")
    for column in meta["columns"].values():
        whole(1)("interval", column["interval"])
        whole(4)("capacity", column["capacity"])
        flag("scalar", column["scalar"])
    for event in meta["events"]:
        whole(0)("the step of an event", event["step"])
        if not all(isinstance(event[key], str) for key in ("name", "text")):
            raise ValueError("an event in it has no words")
    if not all(isinstance(name, str) for name in meta["layers"]):
        raise ValueError("its layers have no names")


# ---- tables ----------------------------------------------------------------------------------------------------------


def layer_names(history: "History") -> list[str]:
    """Of the layers, where they are known and have always been these; [] else."""
    source = None if history._source is None else history._source()
    if any(event.name in RESHAPED for event in history.events):
        return []
    if source is None:
        return list(history._layers)
    return [layer.name for layer in getattr(source, "layers", ())]


def _sample_numbers(history):
    """Which samples the columns of single ones are of, where that is known."""
    source: Any = None if history._source is None else history._source()
    try:
        return [] if source is None else [*map(int, source.samples.numbers)]
    except (AttributeError, ValueError):
        return []


def wide(history: "History") -> "tuple[np.ndarray, dict[str, np.ndarray]]":
    """(steps (n,) at which anything was recorded, name -> values (n,)), NaN where nothing was."""
    columns = history.columns
    steps = np.unique(np.concatenate([np.zeros(0, np.int64), *(column.steps for column in columns.values())]))
    names, found = layer_names(history), {}
    for name, column in columns.items():
        values = column.values
        if values.ndim == 1:
            each = {name: values}
        else:
            known = _sample_numbers(history) if name in COLUMNS else names
            called = known if len(known) == values.shape[1] else range(values.shape[1])
            each = {f"{name}[{layer}]": one for layer, one in zip(called, values.T, strict=True)}
        rows = np.searchsorted(steps, column.steps)
        for key, one in each.items():
            while key in found or key == "step":  # a user's own may be called as it likes
                key += "'"
            found[key] = np.full(len(steps), np.nan, one.dtype)
            found[key][rows] = one
    return steps, found


def events(history: "History") -> list[tuple[Any, ...]]:
    """(step, name, old, new, text) of each; old and new where they are a number or a text, else None."""
    found = []
    for event in history.events:
        values = [event.old, event.new]
        values = [value if isinstance(value, (bool, int, float, str)) else _named(value) for value in values]
        found.append((event.step, event.name, *values, event.text))
    return found


def _named(value):
    """A tuple of sizes or names in words; the name of what has one."""
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    name = getattr(value, "name", None)
    return name if isinstance(name, str) else None


def to_csv(history: "History", path: Any, of_events: bool) -> str | None:
    """See History.to_csv."""
    if of_events:
        head, rows = EVENTS, events(history)
    else:
        steps, columns = wide(history)
        head = ["step", *columns]
        rows = ([step, *map(_cell, each)] for step, *each in zip(steps.tolist(), *columns.values(), strict=True))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    if path is None:
        return text.getvalue()
    with open(os.fspath(path), "w", newline="", encoding="utf-8") as file:
        file.write(text.getvalue())
    return None


def _cell(number):
    """The shortest text that is this number; nothing for NaN."""
    return "" if np.isnan(number) else str(number)


def to_dataframe(history: "History", of_events: bool) -> "pandas.DataFrame":
    """See History.to_dataframe."""
    try:
        from pandas import DataFrame, Index
    except ImportError as error:
        raise ImportError(
            f"to_dataframe: expected pandas, got {error}; try pip install pandas, or to_csv, which needs nothing"
        ) from error
    if of_events:
        return DataFrame(events(history), columns=list(EVENTS))
    steps, columns = wide(history)
    return DataFrame(columns, index=Index(steps, name="step"))
