"""Live views of a run. Each is made for a source, such as a trainer, and shown by naming it at the end of a cell:

    nb.views.Loss(trainer)
    nb.views.Board(nb.views.Loss(trainer), nb.views.GradientFlow(trainer, quantity="dz"))

All give `.frame()` (the numbers), `.plot()` (Matplotlib) and `.describe()` (words), live in a notebook or not. What is
given is a board with that one view: a widget, with the options of the view as attributes, `board.log = True`.

A view is two files in this folder, `name.py` and `name.js`; that they are here makes them known everywhere.
"""

from typing import Any


def __getattr__(name) -> Any:
    # Nothing here loads a widget before the first board is made, nor a view before the first is asked for.
    if name in ("Board", "Controls"):
        from . import board

        value = getattr(board, name)
    elif name == "__all__":
        value = _all()
    elif name.startswith("_"):
        raise AttributeError(f"module 'nbprop.views' has no attribute {name!r}")
    else:
        from nbprop.checks import did_you_mean

        from .base.factory import factory
        from .base.folder import kinds

        if name not in kinds():
            raise AttributeError(f"module 'nbprop.views' has no attribute {name!r}{did_you_mean(name, _all())}")
        value = factory(kinds()[name])
    globals()[name] = value
    return value


def _all():
    from .base.folder import kinds

    return sorted([*kinds(), "Board", "Controls"])


def __dir__() -> list[str]:
    return sorted({*globals(), *_all()})
