"""Losses: one number that says how far the outputs are from what they should be, the mean over the batch."""

import numpy as np

from ..checks import lookup, number
from ..engine import ShapeError, apply, loss as ops
from .module import Module, as_tensor


class Loss(Module):
    """What all losses share: `loss(prediction, target) -> Tensor` with one number; target: array, list or Tensor.

    Shapes must be equal unless said otherwise; nothing is broadcast: (n, 1) against (n,) would compare all with all.
    """

    name = ""

    def forward(self, prediction, target):
        return self.value(prediction, self.check(prediction, as_tensor(target)))

    def value(self, prediction, target):
        """The loss of checked Tensors."""
        raise NotImplementedError

    def check(self, prediction, target):
        """The target in the dtype that `value` takes; ShapeError or ValueError for one that makes no sense."""
        z, y, name = prediction.shape, target.shape, type(self).__name__
        if y != z:
            hint = f". Try y.reshape{z}" if target.size == prediction.size else ""
            raise ShapeError(f"{name} expects a target of the prediction's shape {z}; got {y}{hint}")
        if not prediction.size:
            raise ShapeError(f"{name} expects at least one sample; got an empty batch of shape {z}")
        return target.astype(prediction.dtype)


class MSELoss(Loss):
    """mean((prediction - target)^2) over all elements,  dL/dprediction = 2 (prediction - target) / elements."""

    name = "mse"

    def value(self, prediction, target):
        return apply(ops.MSE(), prediction, target)


class L1Loss(Loss):
    """mean(|prediction - target|) over all elements,  dL/dprediction = sign(prediction - target) / elements.

    Outliers count less than in MSELoss.
    """

    name = "mae"

    def value(self, prediction, target):
        return (prediction - target).abs().mean()


class HuberLoss(Loss):
    """mean of d^2 / 2 where d = |prediction - target| <= delta, else delta (d - delta / 2)  (Huber 1964).

    Near the target as MSELoss (halved), far away as L1Loss (times delta).
    """

    name = "huber"
    shown = ("delta",)

    def __init__(self, delta=1.0):
        self.delta = number(above=0)("delta", delta)

    def value(self, prediction, target):
        d = (prediction - target).abs()
        near = d.clip(high=self.delta)
        return (near * (d - near * 0.5)).mean()


class _ClassLoss(Loss):
    """Two classes: z against y from 0 to 1, of the same shape, or (n,) where z is (n, 1)."""

    def check(self, prediction, target):
        y = target.data
        if y.size and not (y.min() >= 0 and y.max() <= 1):
            raise ValueError(f"{type(self).__name__} expects targets from 0 to 1; got {y.min()} to {y.max()}")
        if prediction.shape == (*target.shape, 1):
            target = target.reshape(prediction.shape)
        return super().check(prediction, target)


class BCEWithLogitsLoss(_ClassLoss):
    """Binary cross-entropy of z, the log-odds of class 1: mean(log(1 + exp(z)) - y z),  dL/dz = (sigmoid(z) - y) / n.

    z: any real numbers, any shape; y: 0, 1 or probabilities in between, of the same shape, or (n,) where z is (n, 1).
    """

    name = "bce"

    def value(self, prediction, target):
        return apply(ops.BCEWithLogits(), prediction, target)


class HingeLoss(_ClassLoss):
    """mean(max(0, 1 - s z)) with s = 2 y - 1: for class 1 z should be at least 1, for class 0 at most -1.

    What is right with a margin gets no gradient (Cortes & Vapnik 1995).

    z: any shape; y: 0 or 1, of the same shape, or (n,) where z is (n, 1). NB: textbooks write s = -1 or 1 for y;
    PyTorch has no loss of this kind for one output (its MultiMarginLoss takes one per class).
    """

    name = "hinge"

    def value(self, prediction, target):
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

    def __init__(self, label_smoothing=0.0):
        self.label_smoothing = number(0, 1)("label_smoothing", label_smoothing)

    def value(self, prediction, target):
        smooth = self.label_smoothing
        if target.dtype.kind == "f" and target.shape == prediction.shape:
            each = -(target * prediction.log_softmax()).sum(axis=-1).mean()
        else:
            each = apply(ops.CrossEntropy(), prediction, target)
        return each * (1 - smooth) - prediction.log_softmax().mean() * smooth if smooth else each

    def check(self, prediction, target):
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

    def extra_repr(self):
        return f"label_smoothing={self.label_smoothing}" if self.label_smoothing else ""


LOSSES = {c.name: c for c in (MSELoss, L1Loss, HuberLoss, BCEWithLogitsLoss, CrossEntropyLoss, HingeLoss)}


def loss(which):
    """A new loss by name ("mse", "mae", "huber", "bce", "cross_entropy", "hinge") or class; a module or function is
    returned as it is."""
    if isinstance(which, type) and issubclass(which, Module):
        return which()
    return which if callable(which) else lookup("loss", which, LOSSES)()
