"""What an equation is: a line of text in which names in braces stand for arrays."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Equations:
    """What a layer says of itself: its equations, in plain text, for one sample.

    Names in braces stand for arrays: {x} the input ({x2}, {x3} further ones), {y} the output, {W} a parameter, and
    {dy}, {dW} the derivatives of the loss with respect to them. {Σ} is the sum over all that is not written: samples,
    places, time; it is left out where there is nothing to sum over.

    forward    "left = right", line by line; the last is {y}
    back       the right side of {dx}: what this layer hands to its input, by the chain rule. A tuple where it differs
               from input to input; the last stands for all that follow. An activation gives `slope` instead
    others     inputs (Tensors) to which it hands something else -> the right side of that
    slope      of an activation, which acts on each number alone: dy/dx, so that {dx} = {dy} ⊙ slope
    gradients  name of a parameter -> the right side of its gradient
    inner      "left = right", line by line: what the way back computes before `back` and `gradients`
    parameters attribute of the module -> the name it has in the equations
    arrays     what else is named in the equations -> its numbers
    where      name or sign -> what it means, in words
    out        letter of the output: "z" is what an activation gets, "a" what goes on
    axis       of the output, along which its units lie
    over       what {Σ} goes over: a letter for the first of the other axes, and one for all that follow
               ("i" samples, "t" time, "p" places of a picture)
    """

    forward: tuple[str, ...]
    back: str | tuple[str, ...] = ""
    others: Mapping[Any, str] = field(default_factory=dict)
    slope: str = ""
    gradients: Mapping[str, str] = field(default_factory=dict)
    inner: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    where: Mapping[str, str] = field(default_factory=dict)
    out: str = "a"
    axis: int = -1
    over: str = "it"

    def backs(self, i, x) -> str:
        """The right side of the derivative with respect to input number i, a Tensor x."""
        if x in self.others:
            return self.others[x]
        if self.slope:
            return f"{{dy}} ⊙ {self.slope}"
        return self.back if isinstance(self.back, str) else self.back[min(i, len(self.back) - 1)]
