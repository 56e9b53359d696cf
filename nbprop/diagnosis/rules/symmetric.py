"""Units of a hidden layer that are copies of each other: they get the same gradient, and stay so for ever."""

import numpy as np

from nbprop.record.lessons import Lesson
from nbprop.record.source import Layered, Opened

from ..rule import CannotSay, Evidence, Finding, Remedy, Rule, bars

SAME = 1e-6  # of the largest weight: rounding


class Symmetric(Rule):
    name = "symmetric"
    title = "Units that are all the same"
    number = "largest difference between the units of a hidden layer, over their size"
    needs = (Layered, Opened)
    why = (
        "Units with the same weights give the same, so they get the same gradient and make the same step: a layer of "
        "many is no better than one of one. Random numbers at the start make them different."
    )
    equation = "wᵢ = wⱼ  ⇒  dL/dwᵢ = dL/dwⱼ"
    lesson = Lesson(5, "How to draw the weights")

    def measure(self, seen) -> float:
        return float(np.nanmin(differences(seen)))

    def find(self, seen) -> Finding | None:
        different = differences(seen)
        same = different < SAME
        if not same.any():
            return None
        layers = tuple(np.array(seen.names)[same])
        zero = not any(np.any(seen.theta[layer.weight]) for layer, yes in zip(seen.layers, same, strict=True) if yes)
        relu = any(layer.activation in ("relu", "leaky_relu") for layer in seen.layers)
        init = "he" if relu else "xavier"
        return self.finding(
            "alarm",
            f"All weights of {' and '.join(layers)} are 0, so all its units are the same."
            if zero
            else f"All units of {' and '.join(layers)} have the same weights.",
            Evidence(self.number, float(np.nanmin(different)), f"more than {SAME:g}"),
            layers=layers,
            since=0 if not seen.turned else None,
            picture=bars(seen, different, SAME, "difference between units", log=True),
            remedies=(Remedy(f"Draw all weights anew ({init})", act=("reinitialize", ("all", init))),),
        )


def differences(seen) -> np.ndarray:
    """For each layer the largest difference between two units' weights as a share of the largest weight, (layers,); 0
    where all are 0; NaN for the output, one unit alone, and what is no plain matrix."""
    found = np.full(len(seen.layers), np.nan)
    for i, layer in enumerate(seen.layers[:-1]):
        if len(layer.shape) < 2 or layer.kind == "Embedding":
            continue
        units = seen.theta[layer.weight].reshape(layer.shape[0], -1)
        if len(units) > 1 and np.isfinite(units).all():
            size = np.abs(units).max()
            found[i] = np.ptp(units, axis=0).max() / size if size else 0.0
    if np.isnan(found).all():
        raise CannotSay("no hidden layer has several units")
    return found
