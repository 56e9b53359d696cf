"""The equations of layers, losses and optimizers, forward and backward, as a book writes them.

`equations(module, nodes)` are those of one call of a module, `update(optimizer, ...)` the rule of an optimizer. A layer
of one's own says its own with a method `equations(self, nodes)` that returns an `Equations`; without one it is
explained by the ops that its forward ran.
"""

from typing import Any

from . import activations, layers, losses, recurrent
from .equations import Equations
from .optimizers import RULES, Rule, update

__all__ = ["RULES", "TABLE", "Equations", "Rule", "equations", "update"]

# Class of a module -> function of a call of it: the module, and the tensors that its own ops made, in order.
TABLE = {**layers.TABLE, **recurrent.TABLE, **activations.TABLE, **losses.TABLE}


def equations(module, nodes) -> Equations | None:
    """What a module says of a call; None where it says nothing. nodes: the tensors that its own ops have made."""
    own: Any = getattr(module, "equations", None)
    if callable(own):
        found = own(nodes)
        if not isinstance(found, Equations):
            raise TypeError(f"{type(module).__name__}.equations(nodes) must give an Equations, got {found!r}")
        return found
    made = TABLE.get(type(module))  # not of a class made from it, whose forward may be another one
    said = made(module, nodes) if made else None
    return activations.silenced(said, module, nodes) if said and getattr(module, "silenced", ()) else said
