"""What a view can watch besides a run that is trained: several side by side, one as it was once, a descent over two
numbers, the loss of a run over a plane, a walk back through a graph, a step explained."""

from .comparison import Comparison
from .descent import Descent, Path
from .explained import Explained
from .ghost import Ghost
from .instead import Instead
from .plane import Plane
from .surfaces import SURFACES, Surface
from .walk import Walk

__all__ = ["SURFACES", "Comparison", "Descent", "Explained", "Ghost", "Instead", "Path", "Plane", "Surface", "Walk"]
