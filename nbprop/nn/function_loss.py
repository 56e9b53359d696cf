"""A function of the user's own as a loss."""

from contextlib import nullcontext
from itertools import permutations
from typing import Any

from ..engine import ShapeError, Tensor, record
from ..engine.tape import recording
from .criterion import Loss
from .module import Module


class FunctionLoss(Loss):
    """A function of your own, or a module, as a loss: function(prediction, y) -> Tensor with one number, y as it is in
    the data (class numbers (n,), targets (n, k), ...).

    What it means by an output z of two classes it is asked: z says class 1 where function(z, 1) is less than
    function(z, 0), and the probability is the one for which z is the best answer, that is where the expected loss
    p L1(z) + (1 - p) L0(z) is flat: p = L0' / (L0' - L1')  (proper scoring rules: Gneiting & Raftery 2007). Several
    outputs count as logits. Where that is wrong, make a subclass of nn.Loss with `probabilities` and `correct`.
    """

    _notes = ("_turn", "_seen")

    def __init__(self, function: Any) -> None:
        self.function = function
        self._seen = set()  # shapes for which comparing all with all has been ruled out

    @property
    def static(self) -> bool | None:  # a module inside speaks for itself
        return None if isinstance(self.function, Module) else getattr(self.function, "static", False)

    def target(self, y, outputs, task=None) -> Any:
        return y

    def forward(self, prediction, target) -> Tensor:
        name = getattr(self.function, "__name__", type(self.function).__name__)
        shapes = (getattr(prediction, "shape", None), getattr(target, "shape", None))
        if shapes in self._seen:
            value = self.function(prediction, target)
        else:
            tape = recording()
            with nullcontext(tape) if tape else record() as tape:
                before = len(tape.nodes)
                value = self.function(prediction, target)
            self._compares_pairs(tape.nodes[before:], prediction, name)
            self._seen.add(shapes)
        if not isinstance(value, Tensor):
            raise TypeError(
                f"the loss {name} must give a Tensor, got {type(value).__name__}: compute it with the methods of "
                "Tensor (z.log(), z.mean(), ...), so that it has a gradient"
            )
        if value.size != 1:
            raise ShapeError(f"the loss {name} must give one number, got shape {value.shape}: take its mean, .mean()")
        return value if value.ndim == 0 else value.reshape(())

    def _compares_pairs(self, nodes, prediction, name):
        """Raise ShapeError if numbers (n, 1) that depend on the prediction meet others, (n,), that do not."""
        depend = {prediction} if isinstance(prediction, Tensor) else set()
        for node in nodes:
            if depend.isdisjoint(node.inputs):
                continue
            depend.add(node)
            for x, y in permutations(node.inputs, 2):
                pairs = y.ndim and x.shape == (*y.shape, 1) and node.shape == (*y.shape, y.shape[-1])
                if pairs and node.size > x.size and x in depend and y not in depend:
                    raise ShapeError(
                        f"the loss {name} lets {x.shape} meet {y.shape}, which compares all with all, {node.shape}: "
                        "try y[..., None], or z[..., 0]"
                    )

    def extra_repr(self) -> str:
        return "" if isinstance(self.function, Module) else getattr(self.function, "__name__", repr(self.function))
