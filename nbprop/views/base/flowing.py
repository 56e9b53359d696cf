"""The words of a gradient flow: what becomes of a quantity through the layers, measured and in theory."""

from typing import Any

import numpy as np

from nbprop.record import verdicts
from nbprop.record.source import CannotSay

from .laid import ABSENT
from .view import number

THEORY = ("a", "dz")  # the quantities of which mean field says something


class Theorized:
    """The part of a gradient flow that knows the theory."""

    source: Any
    theory: bool
    moment: Any
    _constant: Any
    _read: Any
    _shown: Any

    def _theory_words(self):
        if not self.theory:
            return ""
        deep = self._predicted(self._read()[0])[1]
        if isinstance(deep, str):
            return deep
        digits = [f"{x:.3g}" for x in (deep.sigma_w2, deep.sigma_b2)]  # the words are made anew where these change
        return self._constant("words", (repr(deep.activation), *digits), deep.describe)

    def _predicted(self, now):
        """What mean field says beside what is measured, and of what kind the network is."""
        source, shown = self.source, self._shown()
        if shown.name not in THEORY:
            return np.zeros(0, np.float32), "mean field is about activations a and dL/dz"
        moves = source.status == "playing" and self.moment is None
        # While it plays not at every step: what it says goes by the spread of all weights, which changes slowly.
        step = float(f"{source.steps:.2g}") if moves else (source.steps, source.version)
        found = self._constant("theory", (id(source), step, self.moment, len(now)), lambda: asked(source))
        return predicted(found, shown, now)

    def _beside_theory(self):
        """What mean field says, and by how much it differs from what is measured."""
        if not self.theory:
            return ""
        now = self._read()[0]
        theory, words = self._predicted(now)[0], self._theory_words()
        there = (now != ABSENT) & (now > 0) & np.isfinite(now) if len(theory) else np.zeros(0, bool)
        there[there] = (theory[there] != ABSENT) & (theory[there] > 0)
        if not there.any():
            return f" No theory: {words}."
        factor = float(np.exp(np.abs(np.log(now[there] / theory[there])).max()))
        off = f"within a factor {rough(factor)}" if factor > 1.05 else "within 5 %"
        return f" Mean field, {words}; what is measured is {off} of it."


def asked(source) -> Any:
    """The mean-field `Prediction` for a source, or words that say why there is none."""
    ask = getattr(source, "mean_field", None)
    if ask is None:
        return f"this {type(source).__name__} has no network of which mean field could say anything"
    try:
        return ask()
    except (CannotSay, ValueError) as error:
        return str(error)


def predicted(found, shown, now) -> tuple[np.ndarray, Any]:
    """What mean field says of the Quantity that is shown, beside what is measured, now (L,): (L,) or (0,), ABSENT where
    it says nothing; and the `MeanField` of the hidden layers, or words that say why there is none. Of dL/dz it knows
    the ratios: it begins with the last layer, where gradients do. found: what `asked` gave."""
    none = np.zeros(0, np.float32)
    if isinstance(found, str):
        return none, found
    if len(found.q) != len(now):
        return none, f"mean field knows of {len(found.q)} layers, and {len(now)} are shown"
    values, last = (found.a_std, 1.0) if shown.name == "a" else (found.dz, now[-1])
    if last == ABSENT or not np.isfinite(last):
        return none, "what is measured in the last layer, from where it goes back, is no number"
    with np.errstate(all="ignore"):
        values = np.where(np.isfinite(values * last), values * last, ABSENT).astype(np.float32)
    return values, found.deep or "with fewer than two hidden layers there is no depth to speak of"


def words_of(shown) -> dict[str, Any]:
    """What the picture must know of a Quantity."""
    rule = [] if shown.rule is None else [shown.rule]
    return {
        "quantity": shown.name,
        "symbol": shown.symbol,
        "unit": shown.unit,
        "flow": shown.flow or "",
        "log": shown.log,
        "usual": [*shown.usual, *rule] if shown.usual else [],
        "alarm": verdicts.SATURATED_ALARM,
    }


def beside_usual(shown, low, high) -> str:
    """What is usual of a Quantity, and how numbers from low to high are beside it."""
    healthy = f"usual is {number(shown.usual[0])} to {number(shown.usual[1])}"
    if shown.rule is not None:
        healthy = f"around {f'{shown.rule:.0e}'.replace('e-0', 'e-').replace('e+0', 'e')} is healthy"
    verdict = verdicts.compared(low, high, shown.usual)
    return f"{shown.said} is between {number(low, 2)} and {number(high, 2)} ({healthy}): {verdict}."


def flowing(shown, now, names) -> str:
    """From the layer where it begins to the one where it ends; the output layer has no activation to begin at."""
    start, end = (0, len(now) - 2 or 1) if shown.flow == "forward" else (len(now) - 1, 0)
    change, factor, verdict = verdicts.flow(now[start], now[end])
    words = f"{shown.said} {change}" + ("" if change == "is steady" else f" by a factor {rough(factor)}")
    words += f" from {names[start]} to {names[end]}"
    if change == "is steady":
        return f"{words} (between {number(now.min(), 2)} and {number(now.max(), 2)})."
    return f"{words}: {verdict}." if verdict else f"{words}."


def rough(factor) -> str:
    """In two digits: 26,157 -> "26,000"."""
    return number(float(f"{factor:.2g}"), 2)


def some(words) -> str:
    return ", ".join(words) if len(words) < 4 else f"{words[0]}, {words[1]} and {len(words) - 2} other layers"
