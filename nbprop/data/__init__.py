"""Data sets: points to learn from and points to validate on. iris and digits need scikit-learn, the rest NumPy only."""

from collections.abc import Callable

from nbprop.checks import did_you_mean
from nbprop.data.bundled import digits, iris
from nbprop.data.dataset import Dataset, from_arrays
from nbprop.data.synthetic import circles, gaussians, moons, spirals, surface, wave, xor

_ALL = (spirals, circles, moons, xor, gaussians, wave, surface, iris, digits)
DATASETS: dict[str, Callable[..., Dataset]] = {f.__name__: f for f in _ALL}
"""Name -> function that makes the data set."""


def dataset(name, **settings):
    """Make the data set `name` out of `DATASETS`: `dataset("moons", noise=0.2)` is `moons(noise=0.2)`.

    Raises ValueError for an unknown name, TypeError for an unknown setting.
    """
    if name not in list(DATASETS):
        raise ValueError(f"data set: expected one of {', '.join(DATASETS)}; got {name!r}{did_you_mean(name, DATASETS)}")
    return DATASETS[name](**settings)


__all__ = [
    "DATASETS",
    "Dataset",
    "circles",
    "dataset",
    "digits",
    "from_arrays",
    "gaussians",
    "iris",
    "moons",
    "spirals",
    "surface",
    "wave",
    "xor",
]
