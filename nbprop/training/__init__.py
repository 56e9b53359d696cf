"""Training: a loop with knobs that act while it runs, a history, probes, and a way back to any step."""

from .diverged import Diverged
from .history import Event, History
from .trainer import Trainer

__all__ = ["Diverged", "Event", "History", "Trainer"]
