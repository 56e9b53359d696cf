"""Data sets: points to learn from and points to validate on, made here or of the user's own tables, files and arrays.

iris and digits need scikit-learn, pictures Pillow, episodes gymnasium, the rest NumPy only.
"""

from collections.abc import Callable
from importlib import import_module
from inspect import isfunction
from typing import TYPE_CHECKING, Any

from nbprop.checks import did_you_mean
from nbprop.data import bundled, sound, speech, synthetic
from nbprop.data.bundled import *  # noqa: F403
from nbprop.data.checks import DataWarning
from nbprop.data.dataset import Dataset
from nbprop.data.empty import points
from nbprop.data.gate import from_arrays
from nbprop.data.numerals import numeral, spelled
from nbprop.data.sequences import Padded, mask, pad
from nbprop.data.several import Arrays
from nbprop.data.synthetic import *  # noqa: F403

if TYPE_CHECKING:  # for editors, which do not run __getattr__ below
    from nbprop.data.delimited import from_csv
    from nbprop.data.episodes import Episodes
    from nbprop.data.grammar import reber, reber_following, reber_possible
    from nbprop.data.loaders import from_bunch, from_npz, from_torch
    from nbprop.data.long_lags import adding, temporal_order
    from nbprop.data.pictures import from_folder
    from nbprop.data.reading import read
    from nbprop.data.sentences import sentiment, valences, worth
    from nbprop.data.tabular import from_table

# Name -> file it is in. What reads files and tables, and made sequences, is loaded on first use: most runs need none.
_HOME = {
    "adding": "long_lags",
    "Episodes": "episodes",
    "from_bunch": "loaders",
    "from_csv": "delimited",
    "from_folder": "pictures",
    "from_npz": "loaders",
    "from_table": "tabular",
    "from_torch": "loaders",
    "read": "reading",
    "reber": "grammar",
    "reber_following": "grammar",
    "reber_possible": "grammar",
    "sentiment": "sentences",
    "temporal_order": "long_lags",
    "valences": "sentences",
    "worth": "sentences",
}


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
    "Episodes",
    "Padded",
    "adding",
    "dataset",
    "from_arrays",
    "from_bunch",
    "from_csv",
    "from_folder",
    "from_npz",
    "from_table",
    "from_torch",
    "mask",
    "numeral",
    "pad",
    "points",
    "read",
    "reber",
    "reber_following",
    "reber_possible",
    "sentiment",
    "temporal_order",
    "valences",
    "worth",
    "sound",
    "speech",
    "spelled",
    "temporal_order",
    *DATASETS,
]


if not TYPE_CHECKING:  # an editor that saw it would take any name for one of these

    def __getattr__(name) -> Any:
        if name not in _HOME:
            raise AttributeError(f"module 'nbprop.data' has no attribute {name!r}")
        globals()[name] = found = getattr(import_module(f"nbprop.data.{_HOME[name]}"), name)
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
