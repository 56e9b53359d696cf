"""Losses: one number that says how far the outputs are from what they should be, the mean over the batch."""

from ..engine import loss as ops
from ..engine.tensor import apply
from .layers import as_tensor
from .module import Module
from .names import lookup


class Loss(Module):
    """What all losses share: `loss(prediction, target) -> Tensor` with one number; target: array, list or Tensor.

    Shapes must be equal unless said otherwise; nothing is broadcast: (n, 1) against (n,) would compare all with all.
    """

    name = ""

    def op(self):
        """A new op of the engine that computes this loss."""
        raise NotImplementedError

    def forward(self, prediction, target):
        return apply(self.op(), prediction, self.check(prediction, as_tensor(target)))

    def check(self, prediction, target):
        """The target as the op takes it; ValueError for values that make no sense."""
        return target.astype(prediction.dtype)


class MSELoss(Loss):
    """mean((prediction - target)^2) over all elements,  dL/dprediction = 2 (prediction - target) / elements."""

    name = "mse"

    def op(self):
        return ops.MSE()


class BCEWithLogitsLoss(Loss):
    """Binary cross-entropy of z, the log-odds of class 1: mean(log(1 + exp(z)) - y z),  dL/dz = (sigmoid(z) - y) / n.

    z: any real numbers, any shape; y: 0, 1 or probabilities in between, of the same shape, or (n,) where z is (n, 1).
    """

    name = "bce"

    def op(self):
        return ops.BCEWithLogits()

    def check(self, prediction, target):
        y = target.data
        if y.size and not (y.min() >= 0 and y.max() <= 1):
            raise ValueError(f"{type(self).__name__} expects targets from 0 to 1; got {y.min()} to {y.max()}")
        return super().check(prediction, target)


class CrossEntropyLoss(Loss):
    """-log softmax(z)[class], the mean over the samples,  dL/dz = (softmax(z) - one-hot) / samples.

    z (..., C): any real numbers ("logits"); classes (...,): integers from 0 to C - 1.
    """

    name = "cross_entropy"

    def op(self):
        return ops.CrossEntropy()

    def check(self, prediction, target):
        return target  # class numbers stay integers


LOSSES = {c.name: c for c in (MSELoss, BCEWithLogitsLoss, CrossEntropyLoss)}


def loss(which):
    """A new loss by name ("mse", "bce", "cross_entropy") or class; a module or function is returned as it is."""
    if isinstance(which, type) and issubclass(which, Module):
        return which()
    return which if callable(which) else lookup("loss", which, LOSSES)()
