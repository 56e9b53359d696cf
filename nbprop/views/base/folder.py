"""The registry of views is their folder: a view is `name.py` beside `name.js`; there is no list of them anywhere."""

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from nbprop.checks import did_you_mean

if TYPE_CHECKING:
    from .view import View

FOLDER = Path(__file__).parents[1]


def names(folder=FOLDER) -> list[str]:
    """The names of all views, sorted. A half without the other is an error."""
    return list(_names(folder))


@cache  # it is asked for while a board plays
def _names(folder):
    python, javascript = (
        {path.stem for path in folder.glob(f"*.{ending}") if not path.name.startswith("__")} for ending in ("py", "js")
    )
    for halves, others, ending in ((python, javascript, "js"), (javascript, python, "py")):
        if alone := sorted(halves - others):
            raise FileNotFoundError(
                f"a view is two files of one name: expected {alone[0]}.{ending} in {folder}; if it is no view, it "
                "belongs into base/ or board/"
            )
    return tuple(sorted(python))


@cache
def kind(name) -> "type[View]":
    """The class of the view of that name: the one in `name.py` that has it as its `name`."""
    if name not in names():
        raise ValueError(f"expected a view out of {names()}, got {name!r}{did_you_mean(name, names())}")
    return kind_in(import_module(f"nbprop.views.{name}"), name)


def kind_in(module, name) -> "type[View]":
    """The View in a module that is named as the file is, and has all that a view must have."""
    from .view import View

    own = [
        each
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, View) and each.__module__ == module.__name__
    ]
    named = [each for each in own if "name" in vars(each) and each.name == name]
    if len(named) != 1:
        there = ", ".join(f"{each.__name__} with name = {each.name!r}" for each in own) or "no View"
        raise TypeError(f"{name}.py: expected one View in it with name = {name!r}, got {there}")
    for method in ("frame", "plot", "describe"):
        if getattr(named[0], method) is getattr(View, method):
            raise TypeError(f"{name}.py: {named[0].__name__} has no {method}(): a view has frame(), plot(), describe()")
    if not named[0].title:
        raise TypeError(f"{name}.py: {named[0].__name__} has no title")
    return named[0]


@cache
def kinds() -> "dict[str, type[View]]":
    """Name of the class -> class, of all views."""
    return {each.__name__: each for each in map(kind, names())}


def view(name, source, **options) -> "View":
    """The view of that name ("loss", "gradients", "histograms", ...) of a source."""
    return kind(name)(source, **options)
