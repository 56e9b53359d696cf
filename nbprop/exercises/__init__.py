"""The graded exercises of the course: a file per notebook, with its questions, answers, typical mistakes and hints."""

import copy
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from nbprop.checks import did_you_mean

from .exercise import Exercise, Mistake, Text, Verdict
from .prediction import Prediction, predict
from .results import Results, collect, results

__all__ = [
    "Exercise",
    "Mistake",
    "Prediction",
    "Results",
    "Verdict",
    "catalogue",
    "collect",
    "exercise",
    "predict",
    "results",
]


def files():
    """The modules with exercises, one per notebook: each has its `EXERCISES`."""
    modules = [import_module(f".{name}", __name__) for name in sorted(each.name for each in iter_modules(__path__))]
    return [module for module in modules if hasattr(module, "EXERCISES")]


def catalogue():
    """Name -> Exercise, of all notebooks."""
    return {each.name: each for file in files() for each in file.EXERCISES}


def exercise(name: str | None = None) -> Any:
    """The exercise of that name, to `check` an answer, get a `hint` or see the `solution`; without a name: which there
    are. Shown at the end of a notebook cell it is the task."""
    known = catalogue()
    if name is None:
        return Text("\n".join(f"- `{name}`" for name in known))
    if name not in known:
        raise ValueError(f"no exercise {name!r}{did_you_mean(name, known) or ';'} nb.exercise() lists them")
    return copy.copy(known[name])
