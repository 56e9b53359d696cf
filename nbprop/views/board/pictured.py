"""What a view gives, a board gives too: numbers, words, a picture; and all of it in a file."""

import base64
from typing import Any

from .picture import figure
from .recording import MOMENTS
from .saving import SIZE, Saved, save
from .shown import show


class Pictured:
    """A part of Board, before the widget's class among its bases."""

    views: Any
    _sources: Any
    _spec: Any

    def frame(self) -> dict[Any, Any]:
        """The numbers drawn: of the one view, or a dict of view name -> numbers."""
        return self._of_each(lambda view: view.frame())

    def describe(self) -> str:
        """The picture in words."""
        return "\n".join(map(_described, self.views))

    def plot(self, ax=None) -> Any:
        """The same in Matplotlib: the Axes of the one view, or a Figure of all of them."""
        if len(self.views) == 1:
            return self.views[0].plot(ax)
        if ax is not None:
            raise ValueError(f"plot: expected no ax for a board of {len(self.views)} views, which makes its own figure")
        return self._figure()

    def save(self, path, *, title=None, moments=MOMENTS, size=SIZE, dpi=150) -> Saved:
        """Write the board into a file, as its ending says.

        .html   a page that needs nothing else, neither Python nor a network: up to `moments` moments of the run, in at
                most `size` bytes, with what can be chosen and what is said under the pointer. title: by default the
                name of the file
        .png    a picture of now, with `dpi` dots per inch; .svg
        """
        return save(self, path, title, moments, size, dpi)

    def _of_each(self, what):
        if len(self.views) == 1:
            return what(self.views[0])
        names = [view.name for view in self.views]
        nth = [f" {names[: i + 1].count(name)}" if names.count(name) > 1 else "" for i, name in enumerate(names)]
        return {name + n: what(view) for name, n, view in zip(names, nth, self.views, strict=True)}

    def _figure(self, dpi=100):
        return figure(self.views, self._spec["columns"], dpi)

    def __repr__(self) -> str:
        return f"Board({', '.join(type(view).__name__ for view in self.views)})"

    def _ipython_display_(self) -> None:
        show(self, self)

    def _repr_mimebundle_(self, **kwargs):
        above: Any = super()
        bundle = above._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**data, **self.picture()}, metadata

    def picture(self, playing: bool = False) -> dict[str, str]:
        """A picture of now for where no widget can live (GitHub, PDF, an export), as a part of a MIME bundle.

        Empty while a run plays: Matplotlib takes a quarter of a second per panel, and the picture would be old at once;
        unless it is wanted while it is `playing`, too.
        """
        if not playing and any(source.status == "playing" for source in self._sources):
            return {}
        return {"image/png": base64.b64encode(self._figure(dpi=80)._repr_png_()).decode()}


def _described(view):
    name = getattr(view.source, "name", "")
    return f"{name}: {view.describe()}" if name else view.describe()
