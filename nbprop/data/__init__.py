"""Data sets: points to learn from and points to validate on. iris and digits need scikit-learn, the rest NumPy only."""

from collections.abc import Callable
from inspect import isfunction
from typing import Any

from nbprop.checks import did_you_mean
from nbprop.data import bundled, synthetic
from nbprop.data.bundled import *  # noqa: F403
from nbprop.data.checks import DataWarning
from nbprop.data.dataset import Dataset
from nbprop.data.empty import points
from nbprop.data.gate import from_arrays
from nbprop.data.sequences import Padded, mask, pad
from nbprop.data.several import Arrays
from nbprop.data.synthetic import *  # noqa: F403


def _data_sets(*modules: Any) -> dict[str, Callable[..., Dataset]]:
    """The public functions of modules that are made there, not imported."""
    found = [(name, value, module) for module in modules for name, value in vars(module).items()]
    return {
        name: value
        for name, value, module in found
        if isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
    }


DATASETS = _data_sets(synthetic, bundled)
"""Name -> function that makes the data set: every public function of synthetic.py and bundled.py."""


def dataset(name: str, **settings: Any) -> Dataset:
    """Make the data set `name` out of `DATASETS`: `dataset("moons", noise=0.2)` is `moons(noise=0.2)`.

    Raises ValueError for an unknown name, TypeError for an unknown setting.
    """
    if name not in list(DATASETS):
        raise ValueError(f"data set: expected one of {', '.join(DATASETS)}; got {name!r}{did_you_mean(name, DATASETS)}")
    return DATASETS[name](**settings)


__all__ = [  # pyright: ignore[reportUnsupportedDunderAll]
    "DATASETS",
    "Arrays",
    "DataWarning",
    "Dataset",
    "Padded",
    "dataset",
    "from_arrays",
    "mask",
    "pad",
    "points",
    *DATASETS,
]
