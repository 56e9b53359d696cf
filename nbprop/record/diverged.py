"""What happens when a number is no longer finite: the run stops, and says which step, which layer and what."""

from typing import Any

import numpy as np

from nbprop.engine import Tensor


class Diverged(FloatingPointError):
    """A loss, gradient or parameter became infinite or NaN.

    step: the step in which it happened; layer: name of the layer, None for the loss;
    quantity: "z", "a", "loss", "dL/dz", "gradient" or "parameters"; or where it came into the step from outside,
    "batch" or "weights"; value: the first such number.
    back, lr: what `advise` advises: the step to go back to, and a learning rate to try from there (a dict, of one for
    each part); None: nothing, or none would help.
    """

    back: "int | None" = None
    lr: Any = None

    def __init__(self, step, layer, quantity, value) -> None:
        self.step, self.layer, self.quantity, self.value = step, layer, quantity, value
        of = f" of layer '{layer}'" if layer else ""
        what = "NaN" if np.isnan(value) else "infinite"
        became = "is {} before it begins" if quantity in _ADVICE else "became {}"
        super().__init__(f"In step {step}, {_WORDS[quantity]}{of} {became.format(what)}.")

    def advise(self, step, lr, then) -> None:
        """Add what to do: go back to `step`. lr: a number, or a dict of one for each part; then: what it was there."""
        self.back = int(step)
        if self.quantity in _ADVICE:
            self.args = (f"{self} {_ADVICE[self.quantity].format(step)}",)
            if self.quantity == "batch":
                self.back = None
            return
        several = isinstance(lr, dict)
        now, before = (each if isinstance(each, dict) else {"": each} for each in (lr, then))
        # A rate that has been raised since is to blame; any other is to be smaller than it was.
        raised = any(each > before.get(part, each) for part, each in now.items())
        tried = {part: before.get(part, each) if raised else float(f"{each / 10:.1g}") for part, each in now.items()}
        self.lr = tried if several else tried[""]
        rate, other = (", ".join(_rate(part, each) for part, each in rates.items()) for rates in (now, tried))
        such = f"the {other} that it had then" if raised else other
        back = f"Rewind to step {step}, trainer.rewind({step}), and try a learning rate below {rate}"
        self.args = (f"{self} {back}, such as {such}.",)


def _rate(part, each):
    return f"{each:.3g} ({part})" if part else f"{each:.3g}"


_ADVICE = {
    "batch": "Look for it in the data, or in what makes the batches: no learning rate helps.",
    "weights": "What was set in code, trainer.undo() takes back; what a step has made, trainer.rewind({0}).",
}
_WORDS = {
    "batch": "a number in the batch",
    "weights": "a weight",
    "z": "the pre-activation z",
    "a": "the activation a",
    "loss": "the loss",
    "dL/dz": "the delta dL/dz",
    "gradient": "the gradient dL/dW",
    "parameters": "the weights",
}


def not_finite_before(layers, batch, theta) -> tuple[Any, str, float] | None:
    """(layer name, quantity, value) of the first number that is not finite of what a step is made from; None if all
    are."""
    given = [each.data if isinstance(each, Tensor) else each for each in batch]
    search = [(None, "batch", array) for array in given if isinstance(array, np.ndarray) and array.dtype.kind == "f"]
    search += [(layer.name, "weights", theta[layer.weight]) for layer in layers] + [(None, "weights", theta)]
    return _first(search)


def first_not_finite(layers, taps, gradient, theta, loss) -> tuple[Any, str, float]:
    """(layer name, quantity, value) of the first number of the last step that is not finite, in the order of the
    computation: forward through the layers, the loss, backward through the layers, the updated parameters."""
    weights = [(layer.name, layer.weight) for layer in layers]
    search = [
        (layer.name, quantity, array)
        for layer, tap in zip(layers, taps, strict=True)
        for quantity, array in (("z", tap.z), ("a", tap.a))
    ]
    search += [(None, "loss", np.array([loss]))]
    for (name, weight), tap in reversed(list(zip(weights, taps, strict=True))):
        search += [(name, "dL/dz", tap.dz)] if tap.reached else []
        search += [(name, "gradient", gradient[weight])]
    search += [(name, "parameters", theta[weight]) for name, weight in weights]
    search += [(None, "gradient", gradient), (None, "parameters", theta)]
    return _first(search) or (None, "loss", float(loss))


def _first(search):
    for name, quantity, array in search:
        bad = array[~np.isfinite(array)]
        if bad.size:
            return name, quantity, float(bad.flat[0])
    return None
