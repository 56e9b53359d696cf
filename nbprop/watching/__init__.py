"""The same eyes on a training loop of your own: `nb.watch`."""

from .loop import Loop, Stopped
from .watch import watch

__all__ = ["Loop", "Stopped", "watch"]
