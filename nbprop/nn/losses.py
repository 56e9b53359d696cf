"""Losses: one number that says how far the outputs are from what they should be, the mean over the batch; and what a
loss knows of outputs: with what they are compared, what probabilities they mean, which of them are right."""

from contextlib import nullcontext
from inspect import signature
from itertools import permutations
from typing import Any, Self

import numpy as np

from ..checks import lookup, number
from ..engine import ShapeError, Tensor, apply, loss as ops, record
from ..engine.careful import from_0_to_1
from ..engine.tape import recording
from . import asked
from .module import Module, as_tensor


class Loss(Module):
    """What all losses share: `loss(prediction, target) -> Tensor` with one number; target: array, list or Tensor.

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
    _turn = (0.0, 0)  # see `asked.threshold`
    _notes = ("_turn",)

    def __new__(cls, *values, **settings) -> Self:
        for name in settings.keys() & NOT_HERE.keys() - signature(cls.__init__).parameters.keys():
            raise TypeError(f"{cls.__name__} has no {name!r}: {NOT_HERE[name]}")
        return super().__new__(cls)

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
        return self.value(prediction, self.check(prediction, as_tensor(target)))

    def value(self, prediction, target) -> Tensor:
        """The loss of checked Tensors."""
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


class _Distance(Loss):
    """From a number, or from 0 and 1 for classes: the output is the probability."""

    def probabilities(self, output, task=None) -> np.ndarray:
        return output if task in (None, "regression") else np.clip(output, 0, 1)

    def says(self, output, task=None) -> np.ndarray:
        return output > 0.5


class MSELoss(_Distance):
    """mean((prediction - target)^2) over all elements,  dL/dprediction = 2 (prediction - target) / elements."""

    name = "mse"

    def value(self, prediction, target) -> Tensor:
        return apply(ops.MSE(), prediction, target)


class L1Loss(_Distance):
    """mean(|prediction - target|) over all elements,  dL/dprediction = sign(prediction - target) / elements.

    Outliers count less than in MSELoss.
    """

    name = "mae"

    def value(self, prediction, target) -> Tensor:
        return (prediction - target).abs().mean()


class HuberLoss(_Distance):
    """mean of d^2 / 2 where d = |prediction - target| <= delta, else delta (d - delta / 2)  (Huber 1964).

    Near the target as MSELoss (halved), far away as L1Loss (times delta).
    """

    name = "huber"
    shown = ("delta",)
    _checks = {"delta": number(above=0)}

    def __init__(self, delta=1.0) -> None:
        self.delta = delta

    def value(self, prediction, target) -> Tensor:
        d = (prediction - target).abs()
        near = d.clip(high=self.delta)
        return (near * (d - near * 0.5)).mean()


class _ClassLoss(Loss):
    """Two classes: z against y from 0 to 1, of the same shape, or (n,) where z is (n, 1)."""

    tasks = ("binary", "multilabel")

    def says(self, output, task=None) -> np.ndarray:
        return output > 0

    def check(self, prediction, target) -> Any:
        if prediction.shape == (*target.shape, 1):
            target = target.reshape(prediction.shape)
        return super().check(prediction, target)


class BCEWithLogitsLoss(_ClassLoss):
    """Binary cross-entropy of z, the log-odds of class 1: mean(log(1 + exp(z)) - y z),  dL/dz = (sigmoid(z) - y) / n.

    z: any real numbers, any shape; y: 0, 1 or probabilities in between, of the same shape, or (n,) where z is (n, 1).
    """

    name = "bce"

    def probabilities(self, output, task=None) -> np.ndarray:
        return 0.5 * (1 + np.tanh(0.5 * output))

    def value(self, prediction, target) -> Tensor:
        return apply(ops.BCEWithLogits(), prediction, target)


class HingeLoss(_ClassLoss):
    """mean(max(0, 1 - s z)) with s = 2 y - 1: for class 1 z should be at least 1, for class 0 at most -1.

    What is right with a margin gets no gradient (Cortes & Vapnik 1995).

    z: any shape; y: 0 or 1, of the same shape, or (n,) where z is (n, 1). NB: textbooks write s = -1 or 1 for y;
    PyTorch has no loss of this kind for one output (its MultiMarginLoss takes one per class).
    """

    name = "hinge"

    def probabilities(self, output, task=None) -> np.ndarray:
        """0 and 1 at the margins, a straight line between: no more than a picture, for hinge loss means none."""
        return np.clip((output + 1) / 2, 0, 1)

    def check(self, prediction, target) -> Any:
        y = target.data
        if not from_0_to_1(y):
            raise ValueError(f"{type(self).__name__} takes targets from 0 to 1: got {y.min()} to {y.max()}")
        return super().check(prediction, target)

    def value(self, prediction, target) -> Tensor:
        return (1 - (2 * target - 1) * prediction).relu().mean()


class CrossEntropyLoss(Loss):
    """-log softmax(z)[class], the mean over the samples,  dL/dz = (softmax(z) - one-hot) / samples.

    z (..., C): any real numbers ("logits").
    target: classes (...,), integers from 0 to C - 1; or probabilities q (..., C), then -sum(q * log softmax(z)).
    label_smoothing: share of the target, 0 to less than 1, that is spread evenly over all classes
        (Szegedy et al. 2016, section 7).
    NB: PyTorch has the classes in axis 1, here it is the last.
    """

    name = "cross_entropy"
    tasks = ("multiclass",)
    _checks = {"label_smoothing": number(0, 1)}

    def __init__(self, label_smoothing=0.0) -> None:
        self.label_smoothing = label_smoothing

    def target(self, y, outputs, task=None) -> Any:
        return y

    def probabilities(self, output, task=None) -> np.ndarray:
        return softmax(output)

    def value(self, prediction, target) -> Tensor:
        smooth = self.label_smoothing
        if target.dtype.kind == "f" and target.shape == prediction.shape:
            each = -(target * prediction.log_softmax()).sum(axis=-1).mean()
        else:
            each = apply(ops.CrossEntropy(), prediction, target)
        return each * (1 - smooth) - prediction.log_softmax().mean() * smooth if smooth else each

    def check(self, prediction, target) -> Any:
        q = target.data
        if q.dtype.kind != "f" or q.shape != prediction.shape:
            return target  # class numbers: the op looks at them
        sums = q.sum(axis=-1)
        if q.size and not (q.min() >= 0 and np.abs(sums - 1).max() < 1e-3):
            raise ValueError(
                f"{type(self).__name__} expects probabilities, at least 0 and with sum 1 in every row; "
                f"got values from {q.min()} and sums from {sums.min()} to {sums.max()}"
            )
        return target.astype(prediction.dtype)

    def extra_repr(self) -> str:
        return f"label_smoothing={self.label_smoothing}" if self.label_smoothing else ""


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


def softmax(z) -> np.ndarray:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


NOT_HERE = {  # settings of PyTorch's losses -> what to do
    "ignore_index": "leave those samples out, loss(z[keep], y[keep])",
    "weight": "weigh in a function of your own, such as lambda z, y: (weight[y] * each(z, y)).mean()",
    "pos_weight": "weigh in a function of your own, such as lambda z, y: (weight[y] * each(z, y)).mean()",
    "reduction": "it is always the mean",
    "size_average": "it is always the mean",
    "reduce": "it is always the mean",
}
LOSSES = {c.name: c for c in (MSELoss, L1Loss, HuberLoss, BCEWithLogitsLoss, CrossEntropyLoss, HingeLoss)}
USUAL = {"binary": "bce", "multiclass": "cross_entropy", "multilabel": "bce", "regression": "mse"}  # task -> name


def loss(which: Any) -> Loss:
    """A Loss: a new one by name ("mse", "mae", "huber", "bce", "cross_entropy", "hinge") or class, a Loss as it is; any
    other module or function becomes a FunctionLoss."""
    if isinstance(which, type) and issubclass(which, Module):
        which = which()
    if isinstance(which, Loss):
        return which
    if isinstance(which, Module) or (callable(which) and not isinstance(which, type)):
        return FunctionLoss(which)
    return lookup("loss", which, LOSSES)()
