"""What a view is seen beside: ghosts, which are runs drawn pale behind its own, and peers, which show other runs in the
same way: with the same options and over the same range."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.record.source import CannotSay, Shown, lacking
from nbprop.sources.differences import called

from .options import Option

if TYPE_CHECKING:
    from .view import View

MOST = 4  # ghosts that can be told apart


class Beside:
    """The part of a View that knows of others."""

    outlined: tuple[str, ...] = ()  # what of its frame is drawn of a ghost too; (): it draws none
    options: tuple[Option, ...]
    source: Any
    _behind: "tuple[View, ...]" = ()  # views of the ghosts, which do the reckoning
    _peers: "tuple[View, ...]" = ()
    _constant: Any

    @property
    def ghosts(self) -> tuple[Any, ...]:
        """Sources whose picture is drawn pale behind that of its own: a trainer, a moment, what `board.pin()` keeps."""
        return tuple(view.source for view in self._behind)

    @ghosts.setter
    def ghosts(self, sources) -> None:
        sources, name = tuple(sources), type(self).__name__
        if sources and not self.outlined:
            raise ValueError(f"{name} draws no ghosts")
        if len(sources) > MOST:
            raise ValueError(f"{name}: expected at most {MOST} ghosts, which can be told apart, got {len(sources)}")
        for each in sources:
            if missing := lacking(each, (Shown,)):
                raise TypeError(
                    f"{name}: expected ghosts such as another trainer, or trainer.at(step), got "
                    f"{type(each).__name__}, which has no {missing[0]}"
                )
        kind: Any = type(self)
        self._behind = tuple(kind(each) for each in sources)
        for board in vars(self).get("boards", ()):
            board.ghosts_changed()

    @property
    def version(self) -> Any:
        """Something else whenever there is something new to show."""
        if not self._behind:
            return self.source.version
        return (self.source.version, *((id(ghost), ghost.version) for ghost in self.ghosts))

    @property
    def heading(self) -> str:
        """The title, with the name of the run where it has one."""
        name, title = getattr(self.source, "name", ""), getattr(self, "title", "")
        return f"{title}: {name}" if name else title

    def _shown_ghosts(self):
        """(view, frame) of each ghost; an empty frame of one that cannot be shown with these options."""
        found = []
        for k, view in enumerate(self._behind):
            try:
                for option in self.options:
                    if getattr(view, option.name) != getattr(self, option.name):
                        setattr(view, option.name, getattr(self, option.name))
                owner = (id(view.source), view.source.version, *self._settings(), *self._depends())
                frame = self._constant(f"ghost{k}", owner, lambda view=view: self._of_ghost(view))
            except (CannotSay, ValueError, TypeError, LookupError):  # a network of another kind, perhaps
                frame = {}
            found.append((view, frame))
        return found

    def _settings(self):
        return tuple(getattr(self, option.name) for option in self.options)

    def _depends(self) -> tuple[Any, ...]:
        """What else the picture of a ghost depends on: by ids, or plain values."""
        return ()

    def _of_ghost(self, view: "View") -> dict[str, Any]:
        """The numbers of a ghost, of which `outlined` are drawn. `view`: the same view of the ghost."""
        view._ask()
        return view.frame()

    def _together(self, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The frame: what `make` gives, the same of the ghosts as ghost0_name, ..., and a range for all of them."""
        if not (self._behind or self._peers):
            return make()
        own = self._numbers_once(make)
        ghosts = [frame for _, frame in self._shown_ghosts()]
        peers = [peer._numbers_once(peer._numbers) for peer in self._peers if peer.served]
        outlines = {
            f"ghost{k}_{name}": frame[name] for k, frame in enumerate(ghosts) for name in self.outlined if name in frame
        }
        frame = {**own, **outlines}
        for name in ("range", "until"):
            ranges = [each[name] for each in (own, *ghosts, *peers) if name in each]
            if name in own:
                frame[name] = common([each for each in ranges if each.shape == own[name].shape])
        return frame

    def _numbers(self) -> dict[str, Any]:
        """The frame, without what it is seen beside."""
        raise NotImplementedError

    def _numbers_once(self, make):
        """Reckoned once for each state of the source, however many peers ask."""
        moment = getattr(self.source, "moment", None)
        return self._constant("numbers", (self.source.version, self.source.steps, moment, *self._settings()), make)

    def _ghost_names(self):
        """What each ghost is called: where it has no name, by what is different about it, or by its step."""
        return [called(ghost, self.source) for ghost in self.ghosts]

    def _ghost_marks(self, how):
        """What the marks of ghosts mean, if there are any."""
        return {"ghost": f"{how}: {', '.join(self._ghost_names())}"} if self._behind else {}

    def _ghost_words(self, say: "Callable[[View], str]") -> str:
        """A sentence for each ghost; `say` gives what it says of one, "" for nothing."""
        said = []
        for name, (view, frame) in zip(self._ghost_names(), self._shown_ghosts(), strict=True):
            if frame and (words := say(view)):
                said.append(f" Behind it {name}: {words}.")
        return "".join(said)


def make_peers(views: "list[View]") -> None:
    """From now on these views, of one kind, have the same options and one range."""
    for view in views:
        view._peers = tuple(other for other in views if other is not view)


def common(ranges: list[np.ndarray]) -> np.ndarray:
    """The smallest range that has all of some: arrays whose last axis is lowest, highest, lowest, ...; of single
    numbers the highest."""
    stacked = np.stack(ranges)
    if stacked.shape[-1] == 1:
        return stacked.max(axis=0)
    found = np.empty_like(ranges[0])
    found[..., 0::2], found[..., 1::2] = stacked[..., 0::2].min(axis=0), stacked[..., 1::2].max(axis=0)
    return found


def places(names: list[str], others: list[str]) -> np.ndarray:
    """For each name its place among the others, -1 for none: the rows of another network."""
    return np.array([others.index(name) if name in others else -1 for name in names], np.int64)


def rows_of(frame, names, others, arrays) -> dict[str, Any]:
    """A frame of a network with other layers, in the rows of this one: 0 in rows that it has not, and no range."""
    at = places(names, others)
    there = at >= 0
    made = {}
    for name in arrays:
        values = frame[name]
        none = np.array([np.inf, -np.inf]) if name == "range" else 0
        shown = np.where(there.reshape(-1, *[1] * (values.ndim - 1)), values[at], none)
        made[name] = np.ascontiguousarray(shown, np.float32)
    return {**frame, **made}


def borders(grid, task) -> list[np.ndarray]:
    """What is 0 on the borders between classes, of probabilities (rows, columns) or (rows, columns, C): arrays."""
    if grid is None or task == "regression" or not np.isfinite(grid).all():
        return []
    if grid.ndim == 2:
        found = [grid - 0.5]
    else:
        found = [grid[..., k] - np.delete(grid, k, axis=-1).max(axis=-1) for k in range(grid.shape[-1])]
    return [each for each in found if each.min() < 0 < each.max()]
