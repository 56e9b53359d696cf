"""Losses of an output and a target: how far the outputs are from what they should be, the mean over the batch if
nothing else is said."""

from typing import Any

import numpy as np

from ..checks import choice, flag, lookup, not_of_torch, number, optional, whole
from ..engine import ShapeError, Tensor, apply, loss as ops
from ..engine.careful import from_0_to_1
from .criterion import Criterion, Loss, softmax, weights
from .function_loss import FunctionLoss
from .module import Module, as_tensor


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
        fast = self.reduction == "mean"
        return apply(ops.MSE(), prediction, target) if fast else self.reduced((prediction - target) ** 2)


class L1Loss(_Distance):
    """mean(|prediction - target|) over all elements,  dL/dprediction = sign(prediction - target) / elements.

    Outliers count less than in MSELoss.
    """

    name = "mae"

    def each(self, prediction, target) -> Tensor:
        return (prediction - target).abs()


class HuberLoss(_Distance):
    """mean of d^2 / 2 where d = |prediction - target| <= delta, else delta (d - delta / 2)  (Huber 1964).

    Near the target as MSELoss (halved), far away as L1Loss (times delta).
    """

    name = "huber"
    shown = ("delta",)
    _checks = {**Loss._checks, "delta": number(above=0)}

    def __init__(self, delta=1.0, reduction="mean") -> None:
        self.delta, self.reduction = delta, reduction

    def each(self, prediction, target) -> Tensor:
        d = (prediction - target).abs()
        near = d.clip(high=self.delta)
        return near * (d - near * 0.5)


class SmoothL1Loss(_Distance):
    """mean of d^2 / (2 beta) where d = |prediction - target| < beta, else d - beta / 2  (Girshick 2015, Fast R-CNN).

    Far away as L1Loss: HuberLoss(beta) / beta. With beta 0 it is L1Loss.
    """

    name = "smooth_l1"
    shown = ("beta",)
    _checks = {**Loss._checks, "beta": number(0)}

    def __init__(self, reduction="mean", beta=1.0) -> None:
        self.reduction, self.beta = reduction, beta

    def each(self, prediction, target) -> Tensor:
        d = (prediction - target).abs()
        near = d.clip(high=self.beta)
        return near * (d - near * 0.5) / self.beta if self.beta else d


class _ClassLoss(Loss):
    """Two classes: z against y from 0 to 1, of the same shape, or (n,) where z is (n, 1)."""

    tasks = ("binary", "multilabel")

    def says(self, output, task=None) -> np.ndarray:
        return output > 0

    def check(self, prediction, target) -> Any:
        if prediction.shape == (*target.shape, 1):
            target = target.reshape(prediction.shape)
        return super().check(prediction, target)

    def check_values(self, y) -> None:
        if not from_0_to_1(y):
            raise ValueError(f"{type(self).__name__} takes targets from 0 to 1: got {y.min()} to {y.max()}")


class BCEWithLogitsLoss(_ClassLoss):
    """Binary cross-entropy of z, the log-odds of class 1: mean(log(1 + exp(z)) - y z),  dL/dz = (sigmoid(z) - y) / n.

    z: any real numbers, any shape; y: 0, 1 or probabilities in between, of the same shape, or (n,) where z is (n, 1).
    weight: what the losses are multiplied by, one number for each label (the last axis of z) or one for all.
    pos_weight: what the part of class 1 is multiplied by, y log p; in the same form. The mean is over all elements, as
        in PyTorch. NB: the probability is still sigmoid(z), that of classes as frequent as their weights make them.
    """

    name = "bce"
    _checks = {**Loss._checks, "weight": weights, "pos_weight": weights}

    def __init__(self, weight=None, reduction="mean", pos_weight=None) -> None:
        self.weight, self.reduction, self.pos_weight = weight, reduction, pos_weight

    def probabilities(self, output, task=None) -> np.ndarray:
        return 0.5 * (1 + np.tanh(0.5 * output))

    def value(self, prediction, target) -> Tensor:
        fast = self.reduction == "mean" and self.weight is None and self.pos_weight is None
        return apply(ops.BCEWithLogits(), prediction, target) if fast else super().value(prediction, target)

    def each(self, prediction, target) -> Tensor:
        self.check_values(target.data)  # which the op above does by itself
        positive = 1 if self.pos_weight is None else 1 + (self.row("pos_weight", prediction) - 1) * target
        return self.weighed((1 - target) * prediction + positive * (-prediction).softplus(), prediction)


class BCELoss(_ClassLoss):
    """Binary cross-entropy of p, the probability of class 1: -mean(y log p + (1 - y) log(1 - p)), no logarithm below
    -100,  dL/dp = (p - y) / (p (1 - p)) / n.

    p: from 0 to 1, as a sigmoid gives it, any shape; y and weight: as in BCEWithLogitsLoss, which takes the numbers
    before the sigmoid, and is exact where p rounds to 0 or 1.
    """

    name, takes = "binary_cross_entropy", "probabilities"
    _checks = {**Loss._checks, "weight": weights}

    def __init__(self, weight=None, reduction="mean") -> None:
        self.weight, self.reduction = weight, reduction

    def probabilities(self, output, task=None) -> np.ndarray:
        return output

    def says(self, output, task=None) -> np.ndarray:
        return output > 0.5

    def each(self, prediction, target) -> Tensor:
        return self.weighed(apply(ops.BCE(), prediction, target), prediction)


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

    def each(self, prediction, target) -> Tensor:
        self.check_values(target.data)
        return (1 - (2 * target - 1) * prediction).relu()


class NLLLoss(Loss):
    """-log p[class], the mean over the samples, of log-probabilities, such as `z.log_softmax()`.

    x (..., C): log p. Not checked, as in PyTorch: of other numbers this can fall without end.
    target (...,): classes, integers from 0 to C - 1.
    weight: one number for each class, which the loss of its samples is multiplied by; the mean is then divided by the
        sum of the weights of the targets.
    ignore_index: a number in the target that stands for nothing: no loss, no gradient, no part in the mean.
    dim: the axis of the classes. None: the last one, or 1, as in PyTorch, where only that fits the target: x (N, C, T)
        with target (N, T). Where both would fit, it must be said.
    NB: PyTorch's dim is always 1; its ignore_index is -100 if nothing is said, here there is none, and -100 is no
    class.
    """

    name, takes, tasks = "nll", "log-probabilities", ("multiclass",)
    dim: int | None = None
    _checks = {
        **Loss._checks,
        "weight": weights,
        "ignore_index": optional(whole(-(2**63))),
        "dim": optional(whole(-99)),
    }

    def __init__(self, weight=None, ignore_index=None, reduction="mean", dim=None) -> None:
        self.weight, self.ignore_index, self.reduction, self.dim = weight, ignore_index, reduction, dim

    def forward(self, prediction, target, dim=None) -> Tensor:
        """dim: as that of the loss, for this call."""
        prediction, target = as_tensor(prediction), as_tensor(target)
        z, y, dim = prediction.shape, target.shape, self.dim if dim is None else dim
        if dim is None and len(z) > 2 and y == z[:1] + z[2:]:
            if y == z[:-1]:
                raise ShapeError(
                    f"{type(self).__name__}: in shapes {z} and {y} the classes may be in axis 1, as in PyTorch, or in "
                    "the last; say dim=1 or dim=-1"
                )
            dim = 1
        if dim is not None and dim % max(len(z), 1) != len(z) - 1:
            order = [*range(len(z))]
            order.append(order.pop(dim))
            prediction, target = (x.transpose(*order) if x.ndim == len(z) else x for x in (prediction, target))
        return super().forward(prediction, target)

    def target(self, y, outputs, task=None) -> Any:
        return y

    def probabilities(self, output, task=None) -> np.ndarray:
        return softmax(output)

    def check(self, prediction, target) -> Any:
        return target  # class numbers: the op looks at them

    def value(self, prediction, target, smoothing=0.0) -> Tensor:
        return apply(ops.NLL(self.weight, self.ignore_index, self.reduction, smoothing), prediction, target)

    def counts(self, target, rows) -> float:
        """The sum of the weights."""
        if target.dtype.kind == "f" or (self.weight is None and self.ignore_index is None):
            return rows
        real = target[target != self.ignore_index]
        return real.size if self.weight is None else float(np.array(self.weight)[real].sum())


class CrossEntropyLoss(NLLLoss):
    """-log softmax(z)[class], the mean over the samples,  dL/dz = (softmax(z) - one-hot) / samples.

    z (..., C): any real numbers ("logits").
    target: classes (...,), integers from 0 to C - 1; or probabilities q (..., C), then -sum(q * log softmax(z)).
    weight, ignore_index: see NLLLoss; of probabilities none is ignored, and the mean is over the samples.
    label_smoothing: share of the target, 0 to less than 1, that is spread evenly over all classes
        (Szegedy et al. 2016, section 7).
    dim: see NLLLoss; of probabilities the last axis if it is not said.
    NB: PyTorch's dim is always 1, and its ignore_index is -100 if nothing is said.
    The probabilities are softmax(z) also with weights: those of classes as frequent as their weights make them.
    """

    name, takes = "cross_entropy", ""
    _checks = {**NLLLoss._checks, "label_smoothing": number(0, 1)}

    def __init__(self, weight=None, ignore_index=None, reduction="mean", label_smoothing=0.0, dim=None) -> None:
        super().__init__(weight, ignore_index, reduction, dim)
        self.label_smoothing = label_smoothing

    def value(self, prediction, target, smoothing=None) -> Tensor:
        smooth = self.label_smoothing
        if target.dtype.kind == "f" and target.shape == prediction.shape:
            q = target * (1 - smooth) + smooth / target.shape[-1] if smooth else target
            return self.reduced(-(self.weighed(q, prediction) * prediction.log_softmax()).sum(axis=-1))
        if smooth or self.weight is not None or self.ignore_index is not None or self.reduction != "mean":
            return super().value(prediction.log_softmax(), target, smooth)
        return apply(ops.CrossEntropy(), prediction, target)

    def check(self, prediction, target) -> Any:
        if target.dtype.kind != "f" or target.shape != prediction.shape:
            return target  # class numbers: the op looks at them
        if self.ignore_index is not None:
            raise ValueError("CrossEntropyLoss: ignore_index is of class numbers, and the target is probabilities")
        self.check_values(target.data)
        return target.astype(prediction.dtype)

    def check_values(self, y) -> None:
        if y.dtype.kind != "f" or y.ndim < 2 or not y.size:
            return
        sums = y.sum(axis=-1)
        if not (y.min() >= 0 and np.abs(sums - 1).max() < 1e-3):
            raise ValueError(
                f"{type(self).__name__} expects probabilities, at least 0 and with sum 1 in every row; "
                f"got values from {y.min()} and sums from {sums.min()} to {sums.max()}"
            )


class KLDivLoss(Loss):
    """mean(q (log q - x)), the divergence of the model's distribution, log-probabilities x, from the target's, q
    (Kullback & Leibler 1951),  dL/dx = -q / n.

    x: such as `z.log_softmax()`, any shape; target: of the same shape, q, or log q with log_target.
    reduction: "mean" over all elements, "batchmean" over the samples only, which is what the divergence of
        distributions means, "sum" or "none".
    """

    name, takes, tasks = "kl_div", "log-probabilities", ("multiclass", "regression")
    _checks = {"reduction": choice("mean", "batchmean", "sum", "none"), "log_target": flag}

    def __init__(self, reduction="mean", log_target=False) -> None:
        self.reduction, self.log_target = reduction, log_target

    def check_values(self, y) -> None:
        if not (self.log_target or y.min(initial=0) >= 0):
            raise ValueError(
                f"KLDivLoss expects probabilities as target; got {y.min()}; log_target=True is for their logarithms"
            )

    def value(self, prediction, target) -> Tensor:
        self.check_values(target.data)
        tiny = float(np.finfo(target.dtype).tiny)  # 0 log 0 is 0
        q, log_q = (target.exp(), target) if self.log_target else (target, target.clip(low=tiny).log())
        each = q * (log_q - prediction)
        return each.sum() / len(prediction) if self.reduction == "batchmean" else self.reduced(each)


class PoissonNLLLoss(Loss):
    """mean(exp(x) - y x): -log of the probability of a count y where exp(x) are expected, but for log y!, which no
    output changes,  dL/dx = (exp(x) - y) / n.

    log_input: False, then x is the rate itself: mean(x - y log(x + eps)). y: at least 0, of the shape of x.
    """

    name, takes, tasks = "poisson_nll", "log-rates", ("regression",)
    _checks = {**Loss._checks, "log_input": flag, "eps": number(above=0)}

    def __init__(self, log_input=True, eps=1e-8, reduction="mean") -> None:
        self.log_input, self.eps, self.reduction = log_input, eps, reduction

    def check_values(self, y) -> None:
        if not y.min(initial=0) >= 0:
            raise ValueError(f"PoissonNLLLoss expects counts, at least 0; got {y.min()}")

    def each(self, prediction, target) -> Tensor:
        self.check_values(target.data)
        if self.log_input:
            return prediction.exp() - target * prediction
        return prediction - target * (prediction + self.eps).log()


class MultiMarginLoss(NLLLoss):
    """mean of sum over the other classes c of max(0, margin - z[class] + z[c])^p / C: the right class should be
    ahead of each other one by the margin  (Crammer & Singer 2001).

    z (..., C): any real numbers; target (...,): classes. p: 1 or 2. weight: one number for each class, which the losses
    of its samples are multiplied by; the mean is over the samples.
    """

    name, takes, ignore_index = "multi_margin", "", None
    _checks = {**Loss._checks, "weight": weights, "p": choice(1, 2), "margin": number(0)}

    def __init__(self, p=1, margin=1.0, weight=None, reduction="mean") -> None:
        self.p, self.margin, self.weight, self.reduction = p, margin, weight, reduction

    def value(self, prediction, target) -> Tensor:
        own = apply(ops.NLL(reduction="none"), prediction, target)  # -z[class]
        gaps = (prediction + own.reshape(*own.shape, 1) + self.margin).relu() ** self.p
        each = (gaps.sum(axis=-1) - self.margin**self.p) / prediction.shape[-1]
        if self.weight is not None:
            each = each * -apply(ops.NLL(self.weight, reduction="none"), np.ones_like(prediction.data), target)
        return self.reduced(each)

    def counts(self, target, rows) -> float:
        return rows


LOSSES: dict[str, Any] = {
    kind.name: kind
    for kind in (
        MSELoss, L1Loss, HuberLoss, SmoothL1Loss, BCEWithLogitsLoss, CrossEntropyLoss, HingeLoss, MultiMarginLoss,
        BCELoss, NLLLoss, KLDivLoss, PoissonNLLLoss,
    )
}  # fmt: skip
USUAL = {"binary": "bce", "multiclass": "cross_entropy", "multilabel": "bce", "regression": "mse"}  # task -> name


def loss(which: Any) -> Loss:
    """A Loss: a new one by name ("mse", "mae", "huber", "bce", "cross_entropy", "hinge", ...: `LOSSES`) or class, a
    Loss as it is; any other module or function becomes a FunctionLoss."""
    if isinstance(which, type) and issubclass(which, Module):
        which = which()
    if isinstance(which, Loss):
        return which
    not_of_torch("loss", which, f"nb.nn.{type(which).__name__}()")
    if isinstance(which, Criterion):
        raise TypeError(
            f"{type(which).__name__} takes more than an output and a target: call it in an nb.Objective(loss, data), "
            "or in a function loss(output, y)"
        )
    if isinstance(which, Module) or (callable(which) and not isinstance(which, type)):
        return FunctionLoss(which)
    return lookup("loss", which, LOSSES)()
