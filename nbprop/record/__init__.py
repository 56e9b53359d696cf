"""What is seen of a step, and what a run leaves behind: observations, the table of quantities, the history."""

from .diverged import Diverged
from .history import Event, History
from .layers import Layer
from .observation import Observation, observe
from .quantities import QUANTITIES, Quantity

__all__ = ["QUANTITIES", "Diverged", "Event", "History", "Layer", "Observation", "Quantity", "observe"]
