"""Training: a loop with knobs that act while it runs, a history, probes, and a way back to any step."""

from nbprop.record import Diverged, Event, History

from .descent import Descent
from .live import Live
from .surfaces import SURFACES, Surface
from .trainer import Trainer

__all__ = ["SURFACES", "Descent", "Diverged", "Event", "History", "Live", "Surface", "Trainer"]
