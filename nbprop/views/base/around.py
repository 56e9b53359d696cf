"""The landscape of a run's own network: the loss over a plane through where it is, and the way that it has come."""

from contextlib import suppress
from typing import Any

import numpy as np

from nbprop.record.source import CannotSay, Surrounded
from nbprop.sources.plane import Plane

from ..landscape import OPTIONS, Landscape, heights
from .loop import running_loop
from .options import Control
from .view import View, number, percent, plural

SLICE = 0.006  # seconds of computing in a frame
NEAR, FAR = 0.15, 0.5  # of half the picture: beyond it the run has left its middle; far, so that nothing else counts
REST = 0.02  # the same of a run that rests: there is time
FINE = 33  # places along a side: a picture that is not as fine is not given up for a run that is still near


class RunLandscape(Landscape):
    """A Landscape of what is `Surrounded`: see there."""

    title = "Landscape"
    contract = (Surrounded,)
    options = OPTIONS
    rate = 12.0
    directions: str
    log: bool

    def __init__(self, source, **options) -> None:
        self._plane: Any = None  # what is shown
        self._next: Any = None  # what comes in its place as soon as there is something to show of it
        self._of: Any = None  # of what it is a picture, and how often something has been turned
        super().__init__(source, **options)
        self.controls = (Control("refresh", "Refresh"),)

    def __copy__(self) -> "RunLandscape":
        """For a recording, which shows all moments on the plane of now."""
        with suppress(CannotSay):
            self._look()
        other = object.__new__(type(self))
        vars(other).update(vars(self))
        return other

    def act(self, name, value) -> None:
        if name != "refresh":
            return View.act(self, name, value)
        try:
            self._next = Plane(self.source, self.directions)
        except CannotSay:  # the picture says it
            self._plane = self._next = None

    @property
    def version(self) -> Any:
        planes = (self._plane, self._next)
        return (self.source.version, id(self.source), *(None if each is None else each.version for each in planes))

    # ---- the plane -------------------------------------------------------------------------------------------------

    def _look(self, go=True):
        """(plane, path): the plane that is to be shown now, computed as far as there is time for."""
        if not go and self._plane is not None:
            return self._plane, []
        source, path = self.source, self.source.path()
        history = getattr(source, "history", None)
        of, turned = (history, self.directions, path[-1][1].size), len(getattr(history, "events", ()))
        if self._plane is None or self._of[0] != of:
            self._plane, self._next, self._of = Plane(source, self.directions), None, (of, turned)
        elif self._next is None and np.isfinite(path[-1][1]).all() and (self._of[1] != turned or self._left(path)):
            self._next, self._of = Plane(source, self.directions), (of, turned)
        working = self._next or self._plane
        loop = running_loop() if vars(self).get("boards") else None
        if loop is None:  # nobody would come back to it
            working.go(finest=FINE)
        elif source.status == "playing":
            working.go(SLICE)
        else:
            working.go_on(loop, source.post, self._tell, lambda: self.source.status != "playing")
        if self._next is not None and self._next.grid is not None:
            self._plane, self._next = self._next, None
        return self._plane, path

    def _left(self, path):
        """Whether the run is no longer in the middle of the picture. A look at the past leaves it where it is."""
        plane, theta = self._plane, path[-1][1]
        if self.moment is not None or plane.grid is None:
            return False
        moved = plane.moved(theta)
        if plane.directions == "path":  # beside the way that it had come until then
            come = np.linalg.norm(path[0][1] - plane.origin)
            moved = float(np.linalg.norm(theta - plane.origin) / come) if come else np.inf
        near = NEAR if self.source.status == "playing" else REST
        return moved > (FAR if len(plane.grid) < FINE and not plane.done else near)

    def _tell(self):
        for board in tuple(vars(self).get("boards", ())):
            board.renew()

    # ---- numbers, picture, words -----------------------------------------------------------------------------------

    def frame(self) -> dict[str, Any]:
        plane, path = self._look()
        if plane.grid is None:
            return {}
        extent = self._constant("extent", plane.extent, lambda: np.array(plane.extent, np.float32))
        points = [plane.coordinates(*each) for each in path if np.isfinite(each[1]).all()]
        points = np.array(points or [(np.nan, np.nan)], np.float32)
        ground = self._constant("ground", (id(plane.grid), self.log), lambda: _ground(plane, self.log))
        return {
            "grid": plane.grid,
            "levels": ground[0],
            "extent": extent,
            "minima": ground[1],
            "start": self._constant("start", tuple(points[0]), lambda: points[0]),
            "paths": points.reshape(1, -1, 2),
            "loss": self._constant("loss", plane.loss, lambda: np.array([plane.loss], np.float32)),
        }

    def labels(self) -> dict[str, Any]:
        """surface: what it is called; paths: where the plane was laid; diverged: [0]; axes: what the two directions
        are; still: True, for a click is no start; unmeasured: what to say before the first picture; marks."""
        plane, _ = self._look(go=False)
        return {
            "surface": f"{plane.directions} directions",
            "paths": [f"step {plane.step:,}"],
            "diverged": [0],
            "values": {},
            "axes": self._axes(plane),
            "still": True,
            "moment": self.moment,
            "unmeasured": "computing the first places of the plane",
            "marks": self.marks(),
        }

    @staticmethod
    def _axes(plane):
        if plane.share is None:
            return ["first random direction", "second random direction"]
        return [
            f"{word} direction of the path ({percent(p)})"
            for word, p in zip(("main", "second"), plane.share, strict=True)
        ]

    def marks(self) -> dict[str, str]:
        plane, _ = self._look(go=False)
        running = "; batch normalization with its running statistics" if plane.normalized else ""
        scale = "narrower bands near the lowest loss" if self.log else "bands of equal width"
        lengths = {
            "random": "1 on an axis is as long as the weights are, filter by filter (Li et al. 2018)",
            "path": "an axis is in units of the parameters; the share says how much of the way lies along it",
        }
        return {
            "ground": f"the loss over a plane through the parameters of step {plane.step:,}, on "
            f"{plural(plane.samples, 'training sample')}, without dropout{running}: the darker the higher, {scale}; "
            f"magenta: not finite. {lengths[plane.directions][:1].upper()}{lengths[plane.directions][1:]}",
            "path": "the way that the run has come, by its snapshots, seen from above the plane; the large dot is "
            f"{'where it is' if self.moment is None else f'step {self.moment:,}'}; the number is the loss in the "
            "middle of the plane",
            "minimum": "+ the lowest of the places on the plane at which the loss was computed",
            "start": "ring: the earliest snapshot",
        }

    def describe(self) -> str:
        plane, path = self._look()
        if plane.grid is None:
            return "The first places of the plane are being computed."
        kind = "two random directions" if plane.share is None else "the two main directions of the path"
        words = f"On the plane through step {plane.step:,} in {kind} the loss is {number(plane.loss)} in the middle"
        finite = np.isfinite(plane.grid)
        if finite.any():
            a, b = _place(plane, np.where(finite, plane.grid, np.inf).argmin())
            words += f"; the minimum on this plane is {number(plane.grid[finite].min())} at ({number(a, 2)}, "
            words += f"{number(b, 2)}), the highest {number(plane.grid[finite].max())}"
        if not finite.all():
            words += f"; at {percent(1 - finite.mean())} of its places it is not finite"
        step, theta = path[-1]
        if not np.isfinite(theta).all():
            return f"{words}. At step {step:,} the parameters are not finite."
        a, b = plane.coordinates(step, theta)
        words += f". At step {step:,} the run is at ({number(a, 2)}, {number(b, 2)})"
        if len(path) > 1 and np.isfinite(path[0][1]).all():
            words += f"; {percent(plane.inside(path[0][1]))} of the way from step {path[0][0]:,} lies in the plane"
        return f"{words}."


def _place(plane, index):
    """(a, b) of a place of the grid, by its number."""
    left, right, bottom, top = plane.extent
    row, column = divmod(int(index), len(plane.grid))
    last = len(plane.grid) - 1
    return left + (right - left) * column / last, top + (bottom - top) * row / last


def _ground(plane, log):
    """(levels, minima) of what was computed."""
    finite = np.isfinite(plane.grid)
    if not finite.any():
        return heights(plane.grid), np.zeros((0, 2), np.float32)
    lowest = _place(plane, np.where(finite, plane.grid, np.inf).argmin())
    return heights(plane.grid, log=log), np.array([lowest], np.float32)
