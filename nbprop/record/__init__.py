"""What is seen of a step, and what a run leaves behind; nothing here knows a trainer."""

from .diverged import Diverged
from .history import Event, History
from .layers import Layer

__all__ = ["Diverged", "Event", "History", "Layer"]
