"""Losses over two numbers that show what descent is about, from simple to hard."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbprop.derivatives import grad
from nbprop.engine import Tensor, no_grad


@dataclass(frozen=True)
class Surface:
    """A loss over the plane.

    f        f(x, y) of two Tensors, made of operations that work element by element; returns their loss
    name     what it is called
    extent   left, right, bottom, top of the part that is shown
    start    where descent begins, unless told otherwise
    minima   its lowest points, pairs (x, y), where they are known
    lr       a learning rate with which plain gradient descent gets on
    """

    f: Callable
    name: str = "loss"
    extent: tuple[float, float, float, float] = (-2.0, 2.0, -2.0, 2.0)
    start: tuple[float, float] = (-1.5, 1.2)
    minima: tuple[tuple[float, float], ...] = ()
    lr: float = 0.1

    def values(self, x, y) -> np.ndarray:
        """The loss at the places x and y, arrays of one shape or numbers: float64 of that shape."""
        x, y = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(y, np.float64))
        with no_grad(), np.errstate(all="ignore"):
            found = self.f(Tensor(x, requires_grad=False), Tensor(y, requires_grad=False))
        found = np.asarray(found.data if isinstance(found, Tensor) else found, np.float64)
        if found.shape != x.shape:
            raise ValueError(
                f"the loss must work element by element: of x and y of shape {x.shape} it made shape {found.shape}; "
                "try x**2 + y**2, without sums over axes"
            )
        return found

    def gradient(self, point) -> np.ndarray:
        """(dL/dx, dL/dy) at `point` (2,), by backpropagation: float64 (2,)."""
        with np.errstate(all="ignore"):
            return grad(lambda p: self.f(p[0], p[1]))(np.asarray(point, np.float64))


def bowl(x, y) -> Any:
    """Equally steep in all directions."""
    return (x**2 + y**2) / 2


def ravine(x, y) -> Any:
    """25 times as steep across as along: ill-conditioned."""
    return (x**2 + 25 * y**2) / 2


def saddle(x, y) -> Any:
    """A minimum along x and a maximum along y at (0, 0); two valleys further out."""
    return x**2 / 2 - y**2 / 2 + y**4 / 8


def plateau(x, y) -> Any:
    """A hole in a plain: almost no gradient away from it."""
    return 1 - (-(x**2) - y**2).exp()


def two_minima(x, y) -> Any:
    """A shallow valley and, beyond a pass, a deeper one."""
    return (x**2 - 1) ** 2 / 2 + y**2 / 2 + x / 4


def rosenbrock(x, y) -> Any:
    """A curved valley, flat along its floor (Rosenbrock 1960)."""
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def beale(x, y) -> Any:
    """Plains, steep cliffs at the corners, one hole (Beale 1958)."""
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


_DEEP, _, _SHALLOW = sorted(np.roots([2, 0, -2, 0.25]).real.tolist())  # where two_minima is level along x

SURFACES = {
    surface.name: surface
    for surface in (
        Surface(bowl, "bowl", minima=((0, 0),)),
        Surface(ravine, "ravine", minima=((0, 0),), start=(-1.7, 0.6), extent=(-2, 2, -1, 1), lr=0.05),
        Surface(saddle, "saddle", minima=((0, -(2**0.5)), (0, 2**0.5)), start=(1.6, 0.01)),
        Surface(plateau, "plateau", minima=((0, 0),), start=(-1.5, 1.0)),
        Surface(two_minima, "two minima", minima=((_DEEP, 0), (_SHALLOW, 0)), start=(1.7, 1.0)),
        Surface(rosenbrock, "rosenbrock", extent=(-2, 2, -1, 3), minima=((1, 1),), start=(-1.5, 2.0), lr=1e-3),
        Surface(beale, "beale", extent=(-1, 4, -2, 2), minima=((3, 0.5),), start=(1.0, 1.5), lr=0.01),
    )
}
