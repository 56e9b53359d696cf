"""What losses share: one number, or one for each; and what a loss knows of outputs: with what they are compared, what
probabilities they mean, which of them are right."""

from inspect import signature
from typing import Any, Self

import numpy as np

from ..checks import choice, number, wrong
from ..engine import ShapeError, Tensor
from . import asked
from .module import Module, as_tensor

NOT_HERE = {  # settings of PyTorch's losses -> what to do
    "ignore_index": "leave those samples out, loss(z[keep], y[keep])",
    "weight": "weigh in a function of your own, such as lambda z, y: (weight[y] * each(z, y)).mean()",
    "pos_weight": "weigh in a function of your own, such as lambda z, y: (weight[y] * each(z, y)).mean()",
    "full": "it would add what depends on the targets alone, and change no gradient",
    "size_average": "write reduction='mean' or reduction='sum'",
    "reduce": "write reduction='mean', 'sum' or 'none'",
}


def weights(name, value) -> Any:
    """A check for None, or a list of numbers of 0 or more, or one number: a tuple."""
    if value is None:
        return None
    array = np.asarray(getattr(value, "data", value) if isinstance(value, Tensor) else value)
    if array.ndim > 1 or array.dtype.kind not in "iuf" or not array.size:
        raise TypeError(wrong(name, "None or a list of numbers, one for each class or label", value, [1.0, 5.0]))
    return tuple(number(0)(f"{name}[{i}]", float(one)) for i, one in enumerate(array.ravel()))


class Criterion(Module):
    """What is a mean ("mean"), a sum ("sum"), or all the numbers ("none"), as its `reduction` says."""

    reduction = "mean"
    _checks = {"reduction": choice("mean", "sum", "none")}

    def __new__(cls, *values, **settings) -> Self:
        for name in settings.keys() & NOT_HERE.keys() - signature(cls.__init__).parameters.keys():
            raise TypeError(f"{cls.__name__} has no {name!r}: {NOT_HERE[name]}")
        return super().__new__(cls, *values, **settings)

    def __init__(self, reduction="mean") -> None:
        self.reduction = reduction

    def reduced(self, each) -> Tensor:
        """What `reduction` makes of a Tensor with a loss for each element, or sample."""
        return each if self.reduction == "none" else each.mean() if self.reduction == "mean" else each.sum()

    def tensors(self, *inputs) -> tuple[Tensor, ...]:
        """The inputs as Tensors; ShapeError unless all have one shape."""
        found = tuple(map(as_tensor, inputs))
        if len({x.shape for x in found}) > 1 or not found[0].size:
            shapes = " and ".join(str(x.shape) for x in found)
            raise ShapeError(f"{type(self).__name__} expects inputs of one shape, not empty; got {shapes}")
        return found

    def extra_repr(self) -> str:
        takes = signature(type(self).__init__).parameters
        given = {n: (getattr(self, n), one.default) for n, one in takes.items() if n in self._checks}
        return ", ".join(f"{n}={now!r}" for n, (now, usual) in given.items() if n in self.shown or now != usual)


class Loss(Criterion):
    """What all losses share: `loss(prediction, target) -> Tensor` with one number, or with reduction="none" one for
    each; target: array, list or Tensor.

    reduction: "mean"; "sum", which grows with the batch, as its gradient does; or "none", for a loss of your own that
        weighs and adds up. A Trainer needs one number, so it takes the first two.

    Shapes must be equal unless said otherwise; nothing is broadcast: (n, 1) against (n,) would compare all with all.

    Of data with targets y a loss knows, for each `task` ("binary": two classes, one output; "multiclass": one output
    for each class; "multilabel": one output for each label, y (..., C) of 0 and 1; "regression"):
        target(y, outputs, task): the array to compare outputs (..., outputs) with.
        probabilities(output, task): of class 1, (..., 1), of each class, or of each label, (..., C); for regression the
            output itself.
        correct(output, y, task): bool, of y's shape; None for regression.
    task may be None: then y of whole numbers are classes, and output is taken for what the loss is made for.
    Here, for a loss of your own, they ask the loss itself: see FunctionLoss.
    """

    name = ""
    tasks = ("binary", "multiclass", "multilabel", "regression")  # which it fits
    weight: Any = None
    takes = ""  # what the outputs have to be, where they are not any real numbers
    _turn = (0.0, 0)  # see `asked.threshold`
    _notes = ("_turn",)

    def target(self, y, outputs, task=None) -> np.ndarray:
        if y.dtype.kind == "f" or task == "regression":
            return y
        if task == "multilabel":
            return y.astype(np.float32)
        return y.astype(np.float32)[..., None] if outputs == 1 else np.eye(outputs, dtype=np.float32)[y]

    def probabilities(self, output, task=None) -> np.ndarray:
        if task == "regression":
            return output
        if output.shape[-1] > 1 and task != "multilabel":
            return softmax(output)
        return asked.probabilities(self, output, task)

    def correct(self, output, y, task=None) -> None:
        if task == "regression" or (task is None and y.dtype.kind == "f"):
            return None
        if output.shape[-1] > 1 and task != "multilabel":
            return output.argmax(axis=-1) == y
        said = self.says(output, task)
        return (said if task == "multilabel" else said[..., 0]) == y

    def says(self, output, task=None) -> np.ndarray:
        """Where an output means class 1, or that the label is there: bool, of output's shape."""
        return asked.decisions(self, output, task)

    def forward(self, prediction, target) -> Tensor:
        prediction = as_tensor(prediction)
        return self.value(prediction, self.check(prediction, as_tensor(target)))

    def counts(self, target, rows) -> float:
        """How much a mean over so many rows of targets counts beside a mean over others."""
        return rows

    def value(self, prediction, target) -> Tensor:
        """The loss of checked Tensors."""
        return self.reduced(self.each(prediction, target))

    def each(self, prediction, target) -> Tensor:
        """The same before it is reduced."""
        raise NotImplementedError

    def check(self, prediction, target) -> Any:
        """The target in the dtype that `value` takes; ShapeError or ValueError for one that makes no sense."""
        z, y, name = prediction.shape, target.shape, type(self).__name__
        if y != z:
            hint = f". Try y.reshape{z}" if target.size == prediction.size else ""
            raise ShapeError(f"{name} expects a target of the prediction's shape {z}; got {y}{hint}")
        if not prediction.size:
            raise ShapeError(f"{name} expects at least one sample; got an empty batch of shape {z}")
        return target.astype(prediction.dtype)

    def check_values(self, y) -> None:
        """ValueError for an array of targets with numbers that make no sense."""

    def row(self, name, x) -> Any:
        """The numbers of a setting that has one for each label, the last axis of x, or one for all."""
        given = getattr(self, name)
        if len(given) > 1 and x.shape[-1:] != (len(given),):
            raise ShapeError(f"{type(self).__name__} has {name} of {len(given)} labels, and outputs of shape {x.shape}")
        return np.array(given, x.dtype)

    def weighed(self, each, x) -> Tensor:
        """Losses of outputs x, times `weight`."""
        return each if self.weight is None else each * self.row("weight", x)


def softmax(z) -> np.ndarray:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
