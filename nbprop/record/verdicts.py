"""When a number deserves a word: every threshold of the views, once.

One word for one thing. *flat*: where the slope of an activation is near 0. *saturated*: the share of values of a
sigmoid or tanh that lie there. *dead*: a unit of ReLU and its kin that lies there for a whole batch. *vanishing*,
*exploding*: what flows through the layers, and only that.
"""

from typing import Any

from nbprop import nn

NOTABLE = 2.0  # a flow that changes by a smaller factor is steady
EXTREME = 100.0  # one that changes by a larger one vanishes or explodes
SATURATED_SHOWN = 0.005  # a smaller share of saturated values or dead units is not worth a number,
SATURATED_SAID = 0.2  # from this one on it is worth a sentence,
SATURATED_ALARM = 0.5  # above this one the colour of a warning
FLAT_ALARM = 0.9  # above this share of z where the slope is near 0 hardly anything gets through
FLAT_SLOPE = 0.06  # what is near 0, for sigmoid and tanh: this share of the largest slope,
FLAT_SLOPE_ONE_SIDED = 0.01  # for the others: this slope; `nn.Activation.flat` goes by the same two


def flow(start, end) -> tuple[str, Any, str]:
    """How a positive number changes on its way: ("falls", "grows" or "is steady", the factor, "vanishing", "exploding"
    or "")."""
    if start >= NOTABLE * end:
        return "falls", start / end, "vanishing" if start > EXTREME * end else ""
    if end >= NOTABLE * start:
        return "grows", end / start, "exploding" if end > EXTREME * start else ""
    return "is steady", start / end, ""


def compared(low, high, usual) -> str:
    """ "about right", "too large" or "too small": numbers from `low` to `high` beside the usual range."""
    return "too large" if high > usual[1] else "too small" if low < usual[0] else "about right"


def saturation_word(activation) -> str:
    """What the units of the activation of that name can be: "saturated", "dead", or "" (identity)."""
    known = nn.ACTIVATIONS.get(activation)
    if known is None or activation == "identity":
        return ""
    return "saturated" if known.two_sided else "dead"
