"""From the class of a view to the function that puts it on a board: `nb.views.Loss(trainer, log=True)`."""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING

from .options import signature

if TYPE_CHECKING:
    from ..board import Board


def factory(kind) -> "Callable[..., Board]":
    """A function with the parameters of the view and `height`, that gives a Board with the view on it."""

    def make(source, *given, height=None, **options):
        from ..board import Board

        view = kind(source, *given, **options)
        return Board(view, height=view.height if height is None else height)

    make.__name__ = make.__qualname__ = kind.__name__
    make.__module__ = "nbprop.views"
    make.__signature__ = signature(kind, height=True)
    make.__doc__ = (
        f"{inspect.getdoc(kind)}\n\nGives a Board with this view; the options are attributes of both.\n\n"
        f"height   CSS pixels; None: by {'the picture' if kind.height else 'the width'}"
    )
    return make
