"""What belongs to which notebook cell: running a cell again replaces what it made before."""

import sys
import weakref
from typing import Any

_MADE = {}  # cell id -> (id of the execution, weak set of what it made)


def claim(made) -> None:
    """Called by what is made in a cell and would go on by itself (a trainer, a playground).

    What an earlier execution of the same cell has made is told by its `replaced()`.
    """
    cell, execution = _cell()
    if cell is None:
        return
    last, things = _MADE.get(cell, (None, ()))
    if last != execution:
        for old in list(things):
            old.replaced()
        _forget(list(things))
        things = weakref.WeakSet()
        _MADE[cell] = execution, things
    things.add(made)


def in_jupyterlab() -> bool:
    """Does the code that runs now stand in a cell of JupyterLab or Notebook 7? These pages, and no others that are
    known, send with a cell which ones were deleted."""
    return "deletedCells" in _request().get("metadata", {})


def _forget(things):
    """Out of a notebook holds whatever a cell has ever shown; what has been replaced it need not."""
    gone, shell = {id(each) for each in things}, _shell()
    spaces = [getattr(shell, name, {}) for name in ("user_ns", "user_ns_hidden")]
    outputs = spaces[0].get("_oh", {})
    for number in [number for number, value in outputs.items() if id(value) in gone]:
        del outputs[number]
        for names in spaces:
            names.pop(f"_{number}", None)


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def _cell():
    """(cell id, execution id) of the code that runs now; (None, None) outside a notebook cell."""
    request = _request()
    return (request.get("metadata", {}).get("cellId"), request["header"]["msg_id"]) if request else (None, None)


def _request() -> "dict[str, Any]":
    """The message by which a page had the code run that runs now; empty outside a notebook cell."""
    shell = _shell()
    parent = shell.get_parent() if hasattr(shell, "get_parent") else None
    return parent if parent and parent.get("msg_type") == "execute_request" else {}
