"""Optimizers: rules that turn a gradient into a change of the parameters. Sorted from simple to hard."""

from functools import partial
from typing import TYPE_CHECKING, Any

from ..checks import lookup, not_of_torch
from ..elsewhere import absent
from . import adaptive, muon, recent, schedules, searching
from .adaptive import *  # noqa: F403
from .clipping import clip_grad_norm, clip_grad_value
from .lbfgs import LBFGS
from .muon import *  # noqa: F403
from .optimizer import Optimizer
from .recent import *  # noqa: F403
from .schedules import (
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    ExponentialLR,
    Later,
    LinearLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    Schedule,
    SequentialLR,
    StepLR,
    Then,
)
from .searching import *  # noqa: F403
from .sgd import SGD

RMSprop = adaptive.RMSProp  # as PyTorch spells it

OPTIMIZERS = {  # name -> what makes one, from lr alone; those for which any batch will do
    "sgd": SGD,
    "momentum": partial(SGD, lr=0.01, momentum=0.9),  # with lr / (1 - momentum) the same as plain SGD's
    "nesterov": partial(SGD, lr=0.01, momentum=0.9, nesterov=True),
    **{getattr(file, each).name: getattr(file, each) for file in (adaptive, recent, muon) for each in file.__all__},
}

EVERY = {  # and those that need all samples at once
    **OPTIMIZERS, "lbfgs": LBFGS,
    **{getattr(searching, each).name: getattr(searching, each) for each in searching.__all__},
}  # fmt: skip


def optimizer(which, lr=None) -> Optimizer:
    """The optimizer called `which`, one of `OPTIMIZERS`: "sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw", ...
    or "lbfgs"; or one that needs no gradient: "annealing", "evolution", "swarm", "genetic".

    An Optimizer is returned as it is (not copied), a class is called. lr: learning rate; None leaves the default.
    """
    if isinstance(which, Optimizer):
        if lr is not None:
            which.lr = lr
        return which
    not_of_torch("optimizer", which, f"nb.optim.{type(which).__name__}(lr=0.01)")
    a_class = isinstance(which, type) and issubclass(which, Optimizer)
    make = which if a_class else lookup("optimizer", which, EVERY)
    return make() if lr is None else make(lr=lr)


# fmt: off
__all__ = [
    "LBFGS", "OPTIMIZERS", "SGD", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "ExponentialLR", "Later",
    "LinearLR", "MultiStepLR", "OneCycleLR", "Optimizer", "PolynomialLR", "RMSprop", "ReduceLROnPlateau", "Schedule",
    "SequentialLR", "StepLR", "Then", "clip_grad_norm", "clip_grad_value", "optimizer", "schedules",
]
# fmt: on
__all__ += adaptive.__all__
__all__ += recent.__all__
__all__ += muon.__all__
__all__ += searching.__all__

_PYTORCHS = {"Adagrad": "AdaGrad", "Adadelta": "AdaDelta"}
_PYTORCHS |= {"clip_grad_norm_": "clip_grad_norm", "clip_grad_value_": "clip_grad_value", "lr_scheduler": "schedules"}

if not TYPE_CHECKING:  # an editor that saw it would take any name for one that is there

    def __getattr__(name) -> Any:
        if name in _PYTORCHS:
            return globals()[_PYTORCHS[name]]
        raise AttributeError(absent(f"module {__name__!r}", name, __all__))
