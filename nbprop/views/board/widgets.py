"""Widgets with manners: they take no attribute that would do nothing, and leave nothing behind."""

from typing import TYPE_CHECKING, Any

from ipywidgets import Widget

from nbprop.checks import did_you_mean


class Strict:
    """Before a widget class, among its bases. Once `_made` is True, a public attribute that is neither there nor of the
    class is refused; classes that others derive are theirs, and take all."""

    _made = _free = False
    trait_names: Any  # of the widget

    def __init_subclass__(cls, **settings) -> None:
        super().__init_subclass__(**settings)
        # traitlets makes a class of each widget that gets traits of its own.
        cls._free = cls._free or not cls.__module__.startswith(("nbprop.", "traitlets."))

    if not TYPE_CHECKING:  # an editor that saw it would take any name for one that is there

        def __setattr__(self, name, value) -> None:
            if self._made and name[0] != "_" and not (self._free or name in vars(self) or hasattr(type(self), name)):
                meant = self._hint(name) or did_you_mean(name, self._offered())
                raise AttributeError(f"{type(self).__name__} has no attribute {name!r}{meant}")
            super().__setattr__(name, value)

    def _hint(self, name):
        """What may be wanted instead, if that is known: "; try ..."."""
        return ""

    def _offered(self):
        """What may have been meant."""
        own = {name for each in type(self).__mro__ if each.__module__.startswith("nbprop.") for name in vars(each)}
        return [name for name in {*own, *vars(self), *self.trait_names()} if name[0] != "_"]


def hear_in_any_thread(comm: Any) -> None:
    """Let what a page says of a widget arrive while a cell runs. ipykernel 7.4 and later hand it to the thread in which
    the widget has last sent something, instead of the one that the page names: during `fit` in a cell to the one that
    trains, which listens only when the cell has ended."""
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda data, named: named


def let_go(widget, keep=()) -> None:
    """Close a widget with all that is in it, and with its layout and style, which are widgets too. ipywidgets holds all
    that are not closed for as long as the kernel lives. What is in `keep` stays."""
    if any(widget is each for each in keep):
        return
    parts = [*getattr(widget, "children", ()), *(getattr(widget, name, None) for name in ("layout", "style"))]
    widget.close()
    for part in parts:
        if isinstance(part, Widget):
            let_go(part, keep)
