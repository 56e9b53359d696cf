"""What theory says of a network before it is measured: mean field, and the exact solution of linear networks."""

from .linear import mode_strength
from .mean_field import MeanField, Prediction, mean_field, predict

__all__ = ["MeanField", "Prediction", "mean_field", "mode_strength", "predict"]
