"""Units of ReLU and its kin that are off for every sample: no gradient comes through, so they stay so."""

import numpy as np

from nbprop import nn
from nbprop.record import verdicts
from nbprop.record.lessons import Lesson
from nbprop.record.source import CannotSay, Layered, Opened, Taught

from ..rule import Evidence, Finding, Remedy, Rule, bars, rate

DEAD = verdicts.SATURATED_ALARM  # share of a layer's units; CS231n calls 40 % an example of a learning rate too high
ALARM = 0.95  # what is left cannot carry anything


class Dead(Rule):
    name = "dead"
    title = "Dead units"
    number = "share of dead units in the worst layer"
    needs = (Layered, Opened, Taught)
    why = (
        "A unit of ReLU whose input is negative for every sample gives 0 and has the slope 0. No gradient comes "
        "through it, so its weights do not change any more and it stays dead; often a step that was too large, or a "
        "large negative bias, has brought it there."
    )
    equation = "dL/dz = dL/da · f′(z),  f′(z) = 0 for z ≤ 0"
    lesson = Lesson(4, "Units that die")

    def measure(self, seen) -> float:
        return float(np.nanmax(shares(seen)))

    def find(self, seen) -> Finding | None:
        seen.must_go_on()
        dead = shares(seen)
        if not (worst := np.nanmax(dead, initial=0)) >= DEAD:
            return None
        layers = tuple(np.array(seen.names)[dead >= DEAD])
        return self.finding(
            "alarm" if worst >= ALARM else "warning",
            f"{worst:.0%} of the units of {layers[int(np.argmax(dead[dead >= DEAD]))]} are dead: they give 0 for every "
            f"one of {len(seen.inputs)} samples.",
            Evidence(self.number, worst, f"below {DEAD:g}"),
            layers=layers,
            picture=bars(seen, dead, DEAD, "share of dead units"),
            remedies=(
                anew(seen) if worst >= ALARM else None,
                Remedy("Use leaky ReLU", {"activation": "leaky_relu"}),
                Remedy(f"Draw {layers[0]} anew (he)", act=("reinitialize", (layers[0], "he"))),
                Remedy("Draw all weights anew (he)", act=("reinitialize", ("all", "he"))),
            ),
        )


def anew(seen) -> "Remedy | None":
    """Nothing wakes units that are all dead; and steps as long as those that have killed them would again."""
    lr = rate(seen, 1 / 10)
    act = ("reinitialize", ("all", "he"))
    return lr and Remedy(f"Draw all weights anew (he), learning rate {lr.changes['lr']:g}", lr.changes, act)


def shares(seen) -> np.ndarray:
    """The share of each layer's units that are flat for all samples, (layers,); NaN where they cannot be dead. Units
    that a hand has silenced do not count."""
    found = np.full(len(seen.layers), np.nan)
    one_sided = [verdicts.saturation_word(layer.activation) == "dead" for layer in seen.layers]
    if not any(one_sided):
        raise CannotSay("no layer has ReLU or its kin")
    for i, a in enumerate(seen.source.activations(seen.inputs)):
        if one_sided[i]:
            flat = nn.ACTIVATIONS[seen.layers[i].activation]().flat(a)
            unit = 1 if a.ndim == 4 else a.ndim - 1
            quiet = [each for layer, each in getattr(seen.source, "silenced", ()) if layer == seen.layers[i].name]
            dead = np.delete(flat.all(axis=tuple(axis for axis in range(a.ndim) if axis != unit)), quiet)
            found[i] = dead.mean() if dead.size else np.nan
    return found
