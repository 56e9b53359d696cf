"""What a view can watch besides a run that is trained: a descent over two numbers, a walk back through a graph."""

from .descent import Descent, Path
from .surfaces import SURFACES, Surface
from .walk import Walk

__all__ = ["SURFACES", "Descent", "Path", "Surface", "Walk"]
