"""Optimizers: rules that turn a gradient into a change of the parameters. Sorted from simple to hard."""

from ..nn.names import lookup
from .adaptive import AdaGrad, Adam, RMSProp
from .optimizer import Optimizer
from .sgd import SGD


def _momentum(lr=0.01):
    return SGD(lr, momentum=0.9)


def _nesterov(lr=0.01):
    return SGD(lr, momentum=0.9, nesterov=True)


OPTIMIZERS = {  # name -> what makes one, from lr alone
    "sgd": SGD,
    "momentum": _momentum,  # with lr / (1 - momentum) the same as plain SGD's
    "nesterov": _nesterov,
    "adagrad": AdaGrad,
    "rmsprop": RMSProp,
    "adam": Adam,
}


def optimizer(which, lr=None):
    """The optimizer called `which` ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam").

    An Optimizer is returned as it is (not copied), a class is called. lr: learning rate; None leaves the default.
    """
    if isinstance(which, Optimizer):
        if lr is not None:
            which.lr = lr
        return which
    a_class = isinstance(which, type) and issubclass(which, Optimizer)
    make = which if a_class else lookup("optimizer", which, OPTIMIZERS)
    return make() if lr is None else make(lr=lr)


__all__ = ["OPTIMIZERS", "SGD", "AdaGrad", "Adam", "Optimizer", "RMSProp", "optimizer"]
