"""The same run once more, with a difference: what was turned in it is turned again at the same steps."""

import math
from typing import Any

from .knob import ACTIONS, KNOBS
from .optimizing import SETTINGS as OF_OPTIMIZERS

THROUGH = {"depth": "hidden", "width": "hidden", "data": "objective", "loss": "objective"}
THROUGH |= {"hidden_activations": "activation"}


def begin_anew(trainer, changes: "dict[str, Any]") -> None:
    """Bring a trainer, a branch that nobody else has, to its first step with other knobs. What was turned up to now is
    turned again as it goes on."""
    past = trainer._past
    edited = [kept.step for kept in past.snapshots if kept.edited]
    if edited:
        raise ValueError(
            f"this run was changed in code after step {edited[0]:,}, which no other one can repeat: trainer.branch() "
            "with other knobs goes on from here"
        )
    left_out = {THROUGH.get(name, name) for name in changes}
    turns = [(step, name, value) for step, name, value, _ in past.turns if name not in left_out]
    first = past.first
    trainer.rewind(first)
    repeat = Repeat(turns, {name: value for name, value in changes.items() if name in OF_OPTIMIZERS})
    repeat(trainer)
    before = trainer.theta.shape
    trainer.set(**changes)
    if trainer.theta.shape != before and not first:
        trainer.reset()  # other layers: their weights are drawn as at the start of any run
    trainer.on("step", repeat)


class Repeat:
    """Turns knobs at the steps at which they were turned before. kept: settings of the optimizer that another optimizer
    must not bring along."""

    def __init__(self, turns, kept) -> None:
        self.turns: dict[int, list[Any]] = {}
        for step, name, value in turns:
            self.turns.setdefault(step, []).append((name, value))
        self.kept, self.__name__ = kept, "what was turned in the other run"

    def __call__(self, trainer) -> None:
        for name, value in self.turns.get(trainer.steps, ()):
            trainer._turned = -math.inf  # each is an event of its own, however soon they follow each other
            if name in ACTIONS:
                trainer._act(name, value)
            elif name in KNOBS:
                trainer._turn({name: value})
            if name == "optimizer" and self.kept:
                trainer.set(**self.kept)
