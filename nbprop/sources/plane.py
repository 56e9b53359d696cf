"""The loss of a run's own network over a plane through its parameters, from coarse to fine."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nbprop.checks import choice, number, whole
from nbprop.record.source import CannotSay

COARSEST, FINEST = 9, 65  # places along either side
PATIENCE = 8.0  # seconds: a finer grid that takes longer is not begun
KEPT = 32  # places of the path, at most, that its main directions are found from
BLOCK = 2**16  # parameters at once
MARGIN = 0.35  # of the path's extent, on every side of it
SLICE, PAUSE = 0.008, 0.012  # seconds of computing, and for everybody else, when nothing plays


class Plane:
    """The loss over theta + a x + b y: theta is where the run of `source` is, x and y are two directions.

    source      a Trainer or a moment of one: whatever has `around()` and `path()`
    directions  "random": normal numbers, of which each filter (the weights into a unit, or a channel) is made as long
                as that of the network, biases and other lone numbers 0 (Li et al. 2018, section 4): so planes of
                different networks have one scale. "path": the two main directions of the way that the run has come, by
                singular values of the differences to where it is (Li et al. 2018, section 7)
    span        how far it reaches from the middle: 1 is as far as the weights are long; None: 1 for random directions,
                the extent of the path for its own
    seed        of random directions

    step, origin (n,): where the run was. x, y (n,). extent: left, right, bottom, top, for a and b. grid (k, k): the
    loss, the first row at the top, as fine as it is by now; None before the first. loss: in the middle. normalized:
    whether the network has batch normalization: then all is computed with the running statistics. share: of the squares
    of the differences, how much lies along x and y; None for random ones.

    Nothing of the run is changed, and it may go on: `go(seconds)` computes for so long.
    """

    def __init__(self, source: Any, directions: str = "random", span: Any = None, seed: int = 0) -> None:
        self.directions = choice("random", "path")("directions", directions)
        span = None if span is None else number(above=0, tip=1)("span", span)
        seed = whole(0)("seed", seed)
        self._going = threading.Lock()  # by one thread at a time
        self._between = getattr(source, "between", lambda function: function())
        try:
            self._around = around = source.around()
        except ValueError as error:
            raise CannotSay(f"Landscape: {error}.") from None
        self.step, self.origin, self.samples = source.steps, around.theta, around.samples
        self.normalized, self.share = around.normalized, None
        if not np.isfinite(self.origin).all():
            raise CannotSay("Landscape: the parameters are not finite, there is no plane through them: rewind.")
        path = source.path()
        if directions == "random":
            rng = np.random.default_rng([seed, 7])
            self.x, self.y = (filter_normalized(rng, self.origin, around.shapes, around.frozen) for _ in range(2))
        else:
            self.x, self.y, self.share = main_directions([theta for _, theta in path], self.origin)
        x, y = self.x.astype(np.float64), self.y.astype(np.float64)
        products = np.array([[x @ x, x @ y], [x @ y, y @ y]])
        self._reach = float(np.linalg.norm(x))
        self._inverse = np.linalg.pinv(products)
        self._known = {}  # step -> (its theta, coordinates)
        self.extent = self._extent(path, span)
        self.grid, self.loss, self.done, self.version = None, np.nan, False, 0
        self._places, self._due = self._way(), False

    def _extent(self, path, span):
        if span is not None or self.directions == "random":
            span = span or 1.0
            if self.directions == "path":
                span *= float(np.linalg.norm(self.origin))
            return -span, span, -span, span
        points = np.array([self.coordinates(step, theta) for step, theta in path])
        low, high = points.min(axis=0), points.max(axis=0)
        size = np.maximum(high - low, 0.6 * (high - low).max())  # a long and narrow one would not be seen
        middle = (low + high) / 2
        low, high = middle - size * (0.5 + MARGIN), middle + size * (0.5 + MARGIN)
        return float(low[0]), float(high[0]), float(low[1]), float(high[1])

    def coordinates(self, step, theta) -> tuple[float, float]:
        """(a, b) of the place on the plane that is nearest to theta, the parameters after `step`."""
        known = self._known.get(step)
        if known is None or known[0] is not theta:
            away = theta.astype(np.float64) - self.origin
            a, b = self._inverse @ np.array([away @ self.x, away @ self.y])
            known = self._known[step] = theta, (float(a), float(b))
        return known[1]

    def inside(self, theta) -> float:
        """How much of the square of the distance from the middle to theta is along the plane, 0 to 1."""
        away = theta.astype(np.float64) - self.origin
        along = np.array([away @ self.x, away @ self.y])
        whole = float(away @ away)
        return float(along @ self._inverse @ along) / whole if whole else 1.0

    def moved(self, theta) -> float:
        """How far theta is from the middle, 1 being half the width of the picture."""
        left, right, bottom, top = self.extent
        half = min(right - left, top - bottom) / 2 * self._reach
        return float(np.linalg.norm(theta.astype(np.float64) - self.origin)) / half if half else np.inf

    # ---- computing -------------------------------------------------------------------------------------------------

    def go(self, seconds: "float | None" = None, finest: int = FINEST) -> bool:
        """Compute for so long, None to the end; True if a finer grid has come. Each place is computed between two steps
        of the run, in whatever thread; what another thread is at is left to that one, or waited for."""
        if not self._going.acquire(blocking=seconds is None):
            return False
        try:
            return self._go(seconds, finest)
        finally:
            self._going.release()

    def _go(self, seconds, finest):
        end, before = time.perf_counter() + (np.inf if seconds is None else seconds), self.version
        if self.grid is None or len(self.grid) < finest:
            for _ in self._places:
                if time.perf_counter() >= end or (self.grid is not None and len(self.grid) >= finest):
                    break
            else:
                self.done = True
        return self.version != before

    def go_on(self, loop, post: Callable[..., Any], tell: Callable[[], Any], idle: Callable[[], bool]) -> None:
        """Go on by itself, in slices on an event loop, as long as nothing else is going on. post: as a source's; tell:
        called at a finer grid; idle: says whether there is time."""
        if self._due or self.done or not idle():
            return

        def again():
            self._due = False
            if self.go(SLICE):
                tell()
            self.go_on(loop, post, tell, idle)

        self._due = True
        loop.call_later(PAUSE, lambda: post(again))

    def _way(self) -> Iterator[None]:
        """Computes all places; stops after each. `grid` is another array whenever a finer one is whole."""
        count, old, spent = COARSEST, None, 0.0
        left, right, bottom, top = self.extent
        while count <= FINEST:
            grid = np.full((count, count), np.nan)
            if old is not None:
                grid[::2, ::2] = old
            for r, b in enumerate(np.linspace(top, bottom, count)):
                for c, a in enumerate(np.linspace(left, right, count)):
                    if old is None or r % 2 or c % 2:
                        begun = time.perf_counter()
                        grid[r, c] = self._at(a, b)
                        spent += 0.1 * (time.perf_counter() - begun - spent) if spent else time.perf_counter() - begun
                        yield
            if old is None:
                self.loss = self._at(0.0, 0.0)
            self.grid, self.version = grid.astype(np.float32), self.version + 1
            old, count = grid, 2 * count - 1
            if spent * count**2 > PATIENCE:
                return

    def _at(self, a, b):
        dtype = self.origin.dtype.type
        with np.errstate(all="ignore"):  # what is not finite is drawn so
            place = self.origin + dtype(a) * self.x + dtype(b) * self.y
            found = self._between(lambda: self._around.loss(place))
        return min(found, 3e38) if np.isfinite(found) else found

    def __repr__(self) -> str:
        size = "nothing yet" if self.grid is None else f"{len(self.grid)} x {len(self.grid)} places"
        return f"Plane({self.directions} directions through step {self.step}, {size})"


def filter_normalized(rng, theta, shapes, frozen=()) -> np.ndarray:
    """A random direction (n,) of the dtype of theta: each row of each weight as long as that of theta, all else 0.
    shapes: (slice, shape) of every parameter; frozen: slices that stay 0."""
    found = np.zeros_like(theta)
    for place, shape in shapes:
        drawn = rng.normal(size=shape)  # also of those that are not used, so that the others stay the same
        if len(shape) < 2:
            continue
        rows, own = drawn.reshape(shape[0], -1), theta[place].astype(np.float64).reshape(shape[0], -1)
        rows *= np.linalg.norm(own, axis=1, keepdims=True) / np.linalg.norm(rows, axis=1, keepdims=True)
        found[place] = rows.ravel().clip(-3e38, 3e38)
    for part in frozen:
        found[part] = 0
    return found


def main_directions(path, origin) -> tuple[np.ndarray, np.ndarray, list[float]]:
    """The two main directions, orthonormal (n,), of the way from the places of a path (arrays (n,)) to the origin, and
    the share of each of the squares of all differences. CannotSay if they have no two."""
    some = [path[i] for i in np.unique(np.linspace(0, len(path) - 1, KEPT).astype(int))] if path else []
    blocks = [slice(start, start + BLOCK) for start in range(0, origin.size, BLOCK)]
    products = np.zeros((len(some), len(some)))
    for block in blocks:
        away = np.array([theta[block] - origin[block] for theta in some], np.float64).reshape(len(some), -1)
        products += away @ away.T
    values, vectors = np.linalg.eigh(products) if len(some) else (np.zeros(0), np.zeros((0, 0)))
    if len(values) < 2 or not values[-2] > 1e-9 * values[-1] or not np.isfinite(values).all():
        raise CannotSay(
            "Landscape: the run has not come far enough for two main directions of its path (they are found from its "
            'snapshots): train on, or choose random directions, directions="random".'
        )
    found = []
    for k in (-1, -2):
        weights, direction = vectors[:, k] / np.sqrt(values[k]), np.zeros_like(origin)
        for block in blocks:
            away = np.array([theta[block] - origin[block] for theta in some], np.float64)
            direction[block] = weights @ away
        found.append(direction * np.sign(direction[np.abs(direction).argmax()]))
    total = float(values.sum())
    return found[0], found[1], [float(values[-1]) / total, float(values[-2]) / total]
