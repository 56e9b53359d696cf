"""What theory says of a network before it is measured: mean field, linear networks solved exactly, and how sharp a
minimum an optimizer can stand."""

from .linear import mode_strength
from .mean_field import MeanField, Prediction, mean_field, predict
from .modes import Modes, modes_of
from .stability import Stability, stability

__all__ = [
    "MeanField",
    "Modes",
    "Prediction",
    "Stability",
    "mean_field",
    "mode_strength",
    "modes_of",
    "predict",
    "stability",
]
