"""What leaves the notebook: a run as a short text, and as a Python script."""

from .code import code, from_code
from .recipe import Recipe

__all__ = ["Recipe", "code", "from_code"]
