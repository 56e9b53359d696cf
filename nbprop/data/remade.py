"""The same data with other noise, or with other samples held back."""

from dataclasses import replace

import numpy as np

from nbprop.data import dataset
from nbprop.data.dataset import Dataset
from nbprop.data.gate import from_arrays


def share(data: Dataset) -> float:
    """The part of the samples that is held back for validation."""
    if data.settings is not None and "validation" in data.settings:
        return data.settings["validation"]
    return float(f"{len(data.X_val) / max(1, len(data.X_train) + len(data.X_val)):.4g}")


def remade(data: Dataset, noise: "float | None" = None, validation: "float | None" = None, seed: int = 0) -> Dataset:
    """The data set once more, with other `noise` (as `from_arrays` takes it) or another share for `validation`; None:
    as it is. Of a data set with a name the samples are those of its own settings, and `seed` is not asked for.

    Of your own data all samples, those held back too, are split anew where `validation` is given, with `seed`; the
    inputs stay scaled as they are. Raises ValueError for noise on data of your own to which noise was added already, or
    of which a hand has put points where they are.
    """
    if data.settings is not None:
        changed = {name: value for name, value in (("noise", noise), ("validation", validation)) if value is not None}
        return dataset(data.name, **{**data.settings, **changed})
    if data.drawn is not None and noise not in (None, data.noise):
        raise ValueError(
            f"noise: {data.name!r} has points that a hand has put where they are, and noise would move them: choose "
            "the data anew, and draw then"
        )
    if not len(data.X_train) + len(data.X_val):
        return data  # there is nothing to split
    if noise is not None and data.noise and noise != data.noise:
        raise ValueError(
            f"noise: {data.name!r} was made with noise {data.noise:g}, which cannot be taken away: make the data anew, "
            "from_arrays(X, y, noise=...)"
        )
    added = 0.0 if noise is None or data.noise else noise
    told = {"noise": added, "seed": seed, "task": data.task, "name": data.name, "features": data.features}
    told |= {"classes": data.classes} if data.classes else {}
    if validation is None or validation == share(data):
        made = from_arrays(data.X_train, data.y_train, data.X_val, data.y_val, **told)
    else:
        X, y = np.concatenate([data.X_train, data.X_val]), np.concatenate([data.y_train, data.y_val])
        made = from_arrays(X, y, validation=validation, **told)
    kept = {name: getattr(data, name) for name in ("scaling", "columns", "notes", "target", "target_scaling", "told")}
    return replace(made, noise=data.noise or added, **kept)
