"""Which points a sweep goes through: a product of lists, a list of points, or what a function proposes."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from typing import Any

import numpy as np

from nbprop.checks import whole, wrong

LONG = 10**7  # values of an axis
MOST = 100_000  # runs of a sweep, unless more are asked for


class Product:
    """All combinations of some lists, the last name fastest; points are made when they are asked for."""

    def __init__(self, lists: "Mapping[str, Iterable[Any]]") -> None:
        self.axes = {name: _values(name, values) for name, values in lists.items()}
        self.shape = tuple(map(len, self.axes.values()))

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> dict[str, Any]:
        point = {}
        for name, values in reversed(self.axes.items()):
            index, k = divmod(index, len(values))
            point[name] = values[k]
        return dict(reversed(point.items()))

    def where(self) -> np.ndarray:
        """Of each point, and each axis, which of its values: (points, axes)."""
        return np.stack(np.unravel_index(np.arange(len(self)), self.shape), axis=1)

    def __str__(self) -> str:
        return " x ".join(f"{len(values)} {name}" for name, values in self.axes.items())


class Listed:
    """Points as they are given, or proposed; each has the same names. The axes have what was seen so far."""

    def __init__(self, points: "Iterable[Mapping[str, Any]]" = ()) -> None:
        self.axes: dict[str, tuple[Any, ...]] = {}
        self._points: list[dict[str, Any]] = []
        self.add(points)

    def add(self, points: "Iterable[Mapping[str, Any]]", most: "int | None" = None) -> int:
        """How many are new. ValueError, with nothing added, if there would be more than `most`."""
        points, before = list(points), len(self._points)
        for point in points:
            if not isinstance(point, Mapping) or not point:
                raise TypeError(wrong("a point", "a dict such as {'depth': 5, 'lr': 0.1}", point))
        taken = [{_name(name): plain(name, value) for name, value in point.items()} for point in points]
        names = set(next(iter([*self._points, *taken]), {}))
        for point in taken:
            if set(point) != names:
                raise ValueError(f"every point must have the same names, {sorted(names)}; got {point}")
        known = {key_of(point): point for point in self._points}
        for point in taken:
            known.setdefault(key_of(point), {name: point[name] for name in next(iter(self._points), point)})
        if most is not None and len(known) > most:
            raise ValueError(f"{len(known):,} points are more than most={most:,}; say most=... if you mean it")
        self._points = list(known.values())
        for name in next(iter(self._points), {}):
            self.axes[name] = _sorted({key_of(point[name]): point[name] for point in self._points}.values())
        return len(self._points) - before

    @property
    def size(self) -> int:
        return len(self._points)

    def __len__(self) -> int:
        return len(self._points)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return dict(self._points[index])

    def where(self) -> np.ndarray:
        places = {name: {key_of(v): k for k, v in enumerate(values)} for name, values in self.axes.items()}
        where = [[places[name][key_of(value)] for name, value in point.items()] for point in self._points]
        return np.array(where, int).reshape(len(self._points), len(self.axes))

    def __str__(self) -> str:
        return f"{len(self)} points"


def grid_of(given: Any) -> "tuple[Product | Listed, Callable[..., Any] | None]":
    """The points, and the function that proposes more."""
    if isinstance(given, Mapping):
        if not given:
            raise ValueError("grid is empty: give a dict of lists, e.g. {'depth': [5, 10], 'lr': [0.1, 0.01]}")
        return Product({_name(name): values for name, values in given.items()}), None
    if callable(given):
        return Listed(), given
    if isinstance(given, Sequence) and not isinstance(given, str):
        if not given:
            raise ValueError("grid is empty: give points, e.g. [{'depth': 5}, {'depth': 10}]")
        return Listed(given), None
    expected = "a dict of lists, a list of points (dicts), or a function that proposes points"
    raise TypeError(wrong("grid", expected, given))


def seeds_of(given: Any) -> tuple[int, ...]:
    """3 -> 0, 1, 2."""
    if isinstance(given, Iterable) and not isinstance(given, (str, bytes)):
        seeds = tuple(whole(0)("seeds", seed) for seed in given)
    else:
        seeds = tuple(range(whole(1, tip="[0, 1, 2]")("seeds", given)))
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(wrong("seeds", "at least one, and each there once", given))
    return seeds


def not_too_many(grid: "Product | Listed", seeds: tuple[int, ...], most: int) -> None:
    runs = grid.size * len(seeds)
    if runs > most:
        of = f" x {len(seeds)} seeds" if len(seeds) > 1 else ""
        raise ValueError(
            f"this grid is {grid}{of} = {runs:,} runs, at a second each {_long(runs)} of one core; if you mean it, say "
            f"most={runs}, else make it coarser"
        )


def plain(name: str, value: Any) -> Any:
    """The value as a file can hold it: numbers, names, None, and tuples of these; anything else is refused."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (list, tuple)):
        return tuple(plain(name, one) for one in value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(wrong(name, "a finite number", value))
        return value
    expected = "a number, a name, True, False, None, or a tuple of these"
    raise TypeError(wrong(name, expected, value, "a name, of which make(...) makes the thing"))


def _values(name, values):
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
        raise TypeError(wrong(name, "a list of values", values, f"{name}=[{values!r}]"))
    if isinstance(values, Sized) and len(values) > LONG:
        raise ValueError(f"{name} has {len(values):,} values, of which each would be a run: make it coarser")
    found = tuple(plain(name, value) for value in values)
    if not found:
        raise ValueError(f"{name} has no values")
    if len({key_of(value) for value in found}) < len(found):
        raise ValueError(wrong(name, "a list in which no value is there twice", found))
    return found


def _name(name):
    if not isinstance(name, str) or not name.isidentifier():
        raise TypeError(wrong("a name in the grid", "an argument of make, such as 'depth'", name))
    if name == "seed":
        raise ValueError("the seed is no axis of the grid: give seeds=[0, 1, 2]")
    return name


def key_of(value: Any) -> Any:
    """What stands for a value among others: True is not 1, but 1.0 is."""
    if isinstance(value, dict):
        return tuple(sorted((name, key_of(one)) for name, one in value.items()))
    return tuple(map(key_of, value)) if isinstance(value, tuple) else (isinstance(value, bool), value)


def _sorted(values):
    values = list(values)
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    return tuple(sorted(values)) if numbers else tuple(values)


def _long(seconds):
    for unit, size in (("years", 365 * 86400), ("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:,} seconds"


def identity(point: dict[str, Any], seed: int) -> Any:
    """What tells a run from all others, in a file too."""
    return tuple(sorted((name, key_of(_tuple(value))) for name, value in point.items())), seed


def _tuple(value):
    return tuple(map(_tuple, value)) if isinstance(value, list) else value
