"""Parameters that are to be trained and that no gradient reaches."""

import numpy as np

from nbprop.record.lessons import Lesson
from nbprop.record.source import Built, CannotSay, Opened, Recorded

from ..finding import listed
from ..rule import Evidence, Finding, Remedy, Rule


class Unreached(Rule):
    name = "unreached"
    title = "No gradient arrives"
    number = "share of the modules that are to be trained and get no gradient"
    needs = (Recorded, Opened, Built)
    after = ("symmetric", "dead", "saturated", "vanishing", "lr_too_high")
    why = (
        "Only what the loss was computed from gets a gradient. A module that forward() does not call, or whose output "
        "was detached, keeps the weights that it began with."
    )
    equation = "dL/dw = 0 if L does not depend on w"
    lesson = Lesson(1, "An expression is a graph")

    def measure(self, seen) -> float:
        names, gone = modules(seen)
        return len(gone) / len(names)

    def find(self, seen) -> Finding | None:
        seen.must_go_on()
        names, gone = modules(seen)
        if not gone or len(gone) == len(names):
            return None
        return self.finding(
            "alarm",
            f"No gradient at all arrives at {listed(gone)}: {'it keeps' if len(gone) == 1 else 'they keep'} the "
            "weights of the start.",
            Evidence(self.number, len(gone) / len(names), "0"),
            layers=tuple(gone),
            remedies=(
                Remedy(f"Use {gone[0]} in forward()", hindrance="that is in the code of the model: is it called, and "
                       "is its output detached?"),
            ),
        )  # fmt: skip


def modules(seen) -> tuple[list[str], list[str]]:
    """(modules with parameters of their own that are to be trained, those of them whose gradient is exactly 0), in the
    last step. CannotSay before the first one."""
    if not seen.step or not hasattr(seen.source, "observe"):
        raise CannotSay("no step was made yet")
    if not np.any(gradient := seen.gradient):
        raise CannotSay("the whole gradient is 0, or was not measured")
    start, sums = 0, {}
    for name, parameter in seen.model.named_parameters():
        if parameter.requires_grad:
            owner = name.rpartition(".")[0] or name
            sums[owner] = sums.get(owner, 0.0) + float(np.abs(gradient[start : start + parameter.size]).max(initial=0))
        start += parameter.size
    return list(sums), [name for name, size in sums.items() if size == 0]
