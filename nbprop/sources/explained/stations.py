"""What an explained step is made of: stations, their lines, and the arrays that these name."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

PHASES = ("forward", "error", "backward", "update")
DIGITS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


@dataclass(frozen=True)
class Named:
    """An array that equations name. kind: "value", "weight", "gradient" or "setting". made: the number of the station
    that computes it, -1 for what is given."""

    symbol: str
    data: np.ndarray
    kind: str
    made: int


@dataclass(frozen=True)
class Line:
    """An equation. pieces: texts, and numbers of the arrays between them. left: number of the array that it gives, -1
    for none.

    What its right side says, for whoever wants to compute it: the sum of `terms`, each a text in which names in braces
    stand for arrays and a dict of these, times `factor`, another one, or None.
    """

    pieces: tuple[Any, ...]
    left: int = -1
    terms: tuple[tuple[str, dict[str, Any]], ...] = ()
    factor: tuple[str, dict[str, Any]] | None = None


@dataclass
class Station:
    """One press. name: such as "layer 2"; what is there; phase: one of PHASES; lines: its equations; where: what signs
    in them mean; note: a sentence beside.

    cost: FLOPs of this station. reused: (symbol, number of the station that computed it). column: the column of numbers
    that it is about. layer: the number of the layer in `trainer.layers`, None for none.
    """

    name: str
    what: str
    phase: str
    lines: list[Line] = field(default_factory=list)
    where: dict[str, str] = field(default_factory=dict)
    note: str = ""
    cost: int = 0
    reused: list[tuple[str, int]] = field(default_factory=list)
    column: int = 0
    layer: int | None = None
