"""What carries views to the browser and hands back: the board, its panels, pacing, the joining of the JavaScript."""

from .board import Board
from .controls import Controls

__all__ = ["Board", "Controls"]
