"""What belongs to which notebook cell: running a cell again replaces what it made before."""

import sys
import weakref
from typing import Any

_MADE = {}  # cell id -> (id of the execution, weak set of what it made)


def claim(made) -> None:
    """Called by what is made in a cell and would go on by itself (a trainer, a playground).

    What an earlier execution of the same cell has made is told by its `replaced()`.
    """
    if (marimo := _marimo()) is not None:
        _Made.of(marimo).things.add(made)
        return
    cell, execution = _cell()
    if cell is None:
        return
    last, things = _MADE.get(cell, (None, ()))
    if last != execution:
        _replace(things)
        _forget(list(things))
        things = weakref.WeakSet()
        _MADE[cell] = execution, things
    things.add(made)


class _Made:
    """What a cell of marimo has made: a `CellLifecycleItem`, which marimo disposes of when the cell is to be run again
    (because something that it reads has changed, too) or is deleted."""

    def __init__(self) -> None:
        self.things = weakref.WeakSet()

    @classmethod
    def of(cls, marimo) -> "_Made":
        """That of the cell that runs now. Each page of an app has a registry of its own."""
        registry = marimo.cell_lifecycle_registry
        found = [each for each in registry.registry.get(marimo.cell_id, ()) if isinstance(each, cls)]
        if not found:
            found.append(cls())
            registry.add(found[0])
        return found[0]

    def create(self, context) -> None:
        pass

    def dispose(self, context, deletion) -> bool:
        _replace(self.things)
        return True


def _replace(things):
    for old in list(things):
        old.replaced()


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


def _marimo() -> Any:
    """The runtime of marimo if a cell of it runs now."""
    runtime = sys.modules.get("marimo._runtime.context")
    now = runtime.get_context() if runtime and runtime.runtime_context_installed() else None
    return None if now is None or now.cell_id is None else now


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
