"""Training: a loop with knobs that act while it runs, a history, probes, and a way back to any step."""

from typing import TYPE_CHECKING, Any

from nbprop.record import Diverged, Event, History

from .live import Live
from .moment import Moment
from .objective import Objective
from .spectrum import Curvature, curvature
from .supervised import Supervised
from .trainer import Trainer

__all__ = [
    "Curvature",
    "Diverged",
    "Event",
    "History",
    "Live",
    "Moment",
    "Objective",
    "Supervised",
    "Trainer",
    "curvature",
]


if not TYPE_CHECKING:  # an editor that saw it would take any name for one that is there

    def __getattr__(name) -> Any:
        if name in ("SURFACES", "Descent", "Surface"):  # where they were before they had a storey of their own
            from nbprop import sources

            return getattr(sources, name)
        raise AttributeError(f"module 'nbprop.training' has no attribute {name!r}")
