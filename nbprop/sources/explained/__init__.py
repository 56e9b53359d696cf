"""A step explained: forward, error, backward and update as stations, with equations, numbers and costs."""

from .stations import PHASES, Line, Named, Station
from .step import Explained

__all__ = ["PHASES", "Explained", "Line", "Named", "Station"]
