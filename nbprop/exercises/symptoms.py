"""Faults of a network that does not learn, by their names, and for each the number that speaks for or against it."""

import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from typing import NamedTuple

import numpy as np

from nbprop import nn
from nbprop.training import Diverged, Trainer
from nbprop.training.around import Around

STEPS = 300  # of a run that is judged


class Look:
    """One network, looked at as often as it takes. make() -> a Trainer of it before its first step."""

    def __init__(self, make: Callable[[], Trainer]) -> None:
        self.make = make

    def trained(self, steps, **changes) -> Trainer:
        """A new one, after so many steps or where it diverged."""
        trainer = self.make()
        trainer.watch()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trainer.set(**changes)
            with suppress(Diverged):
                trainer.fit(steps=steps, bar=False)
        return trainer

    @cached_property
    def fresh(self) -> Trainer:
        return self.make()

    @cached_property
    def first(self) -> Trainer:
        """After one step."""
        return self.trained(1)

    @cached_property
    def last(self) -> Trainer:
        """At the end."""
        return self.trained(STEPS)

    @cached_property
    def accuracy(self) -> float:
        return right(self.last)


def right(trainer) -> float:
    """Share of the validation samples that it gets right; 0 where it has diverged."""
    return 0.0 if trainer.error is not None else trainer.evaluate().get("val_accuracy", 0.0)


def labels(look):
    data = look.fresh.data
    X, X_val = (x.reshape(len(x), -1).astype(np.float64) for x in (data.X_train, data.X_val))
    nearest = ((X**2).sum(axis=1)[:, None] - 2 * X @ X_val.T + (X_val**2).sum(axis=1)).argmin(axis=1)
    share = float((data.y_train == data.y_val[nearest]).mean())
    return share < 0.7, f"{share:.0%} of the training samples have the label of the validation sample most like them"


def inputs(look):
    X, z = look.fresh.data.X_train, look.first.observe().z[0]
    size, spread = float(np.sqrt(np.square(X, dtype=np.float64).mean())), float(np.std(z))
    words = f"the inputs have the root mean square {size:.2g}, and make z of the first layer spread by {spread:.2g}"
    return size > 10 and spread > 10, words


def _with_another_rate(look, factor, words):
    there = right(look.trained(STEPS, lr=look.fresh.lr * factor))
    return there > look.accuracy + 0.2, f"with {words} the rate {there:.0%} are right instead of {look.accuracy:.0%}"


def rate_too_low(look):
    return _with_another_rate(look, 100, "a hundred times")


def rate_too_high(look):
    return _with_another_rate(look, 0.01, "a hundredth of")


def _worst(trainer, share, wanted):
    """(largest share, its layer) of the hidden layers whose activation is wanted."""
    there = [(float(s), layer.name) for s, layer in zip(share, trainer.layers[:-1], strict=False) if wanted(layer)]
    return max(there, default=(0.0, "any layer"))


def saturated(look):
    share = look.first.probe()["saturated"]
    worst, name = _worst(look.first, share, lambda layer: layer.activation in ("tanh", "sigmoid"))
    return worst > 0.3, f"at the start {worst:.0%} of the values of {name} lie where tanh or sigmoid is flat"


def dead(look):
    share = look.last.probe()["saturated"]
    worst, name = _worst(look.last, share, lambda layer: layer.activation == "relu")
    return worst > 0.9, f"after {STEPS} steps {worst:.0%} of the units of {name} are 0 for every sample of a batch"


def linear(look):
    X = look.fresh.data.X_train[:100]
    mean = (look.fresh.outputs(X) + look.fresh.outputs(X[::-1])) / 2
    gap = np.abs(look.fresh.outputs((X + X[::-1]) / 2) - mean).max() / (np.abs(mean).max() + 1e-30)
    return gap < 1e-4, f"half-way between two inputs the output is the mean of theirs, but for {gap:.0e} of its size"


def two_softmaxes(look):
    out, loss = look.fresh.outputs(look.fresh.data.X_train[:100]), look.fresh.loss
    sums = out.sum(axis=-1)
    once = out.min() >= 0 and np.abs(sums - 1).max() < 1e-3 and out.shape[-1] > 1
    words = f"the loss {loss!r} gets numbers from {out.min():.2g} to {out.max():.2g}, with sums in a row up to "
    return once and loss in (None, "cross_entropy"), f"{words}{sums.max():.2g}"


def all_alike(look):
    spread = [float(np.std(W, axis=0).max()) for W in _weights(look.fresh)[:-1]]
    smallest = min(spread, default=1.0)
    return smallest < 1e-6, f"the weights of the units of one hidden layer have the spread {smallest:.2g}"


def _weights(trainer):
    return [module.weight.data for module in trainer.model.modules() if isinstance(module, nn.Linear)]


def wrong_gradient(look):
    around = Around(look.first._run, np.float64)
    theta, rng = around.theta.copy(), np.random.default_rng(0)
    g, errors = around.gradient(theta).copy(), []
    for _ in range(7):
        u, eps = rng.normal(size=theta.size), 1e-7  # so short that hardly a ReLU is pushed across its kink
        difference = (around.loss(theta + eps * u) - around.loss(theta - eps * u)) / (2 * eps)
        errors.append(abs(difference - g @ u) / max(abs(difference), abs(g @ u), 1e-6))
    error = float(np.median(errors))
    return error > 0.01, f"backward and central differences have a relative error of {error:.0e}"


def dropout(look):
    p = np.max(look.fresh.dropout or 0)
    return p > 0.8, f"each step leaves out {p:.0%} of the hidden units"


def weight_decay(look):
    def norm(trainer):
        return float(np.sqrt(sum((W**2).sum() for W in _weights(trainer))))

    share = norm(look.last) / max(norm(look.fresh), 1e-30)
    words = f"weight decay is {look.fresh.weight_decay:g}, and after {STEPS} steps the weights have {share:.2g} times"
    return look.fresh.weight_decay > 0 and share < 0.3, f"{words} the norm that they had"


def vanishing(look):
    dz = look.first.probe()["dz"]
    share = float(dz[0] / dz[-1])
    return share < 0.01, f"dL/dz of the first layer has {share:.2g} times the norm of that of the last"


class Fault(NamedTuple):
    """says: what is wrong; measure(look) -> (whether it is so, the numbers in words)."""

    says: str
    measure: Callable[[Look], "tuple[bool, str]"]


FAULTS = {
    "labels": Fault("labels that belong to other inputs", labels),
    "inputs": Fault("inputs that are not scaled", inputs),
    "rate too low": Fault("a learning rate that is too low", rate_too_low),
    "rate too high": Fault("a learning rate that is too high", rate_too_high),
    "saturated": Fault("units that begin where their activation is flat", saturated),
    "dead": Fault("ReLU units that are 0 for all samples from the start", dead),
    "linear": Fault("no nonlinearity between the layers", linear),
    "two softmaxes": Fault("a softmax before a loss that makes one itself", two_softmaxes),
    "all alike": Fault("weights that are all the same", all_alike),
    "wrong gradient": Fault("an operation with a wrong backward", wrong_gradient),
    "dropout": Fault("dropout that leaves hardly anything", dropout),
    "weight decay": Fault("weight decay that is too strong", weight_decay),
    "vanishing": Fault("a gradient that vanishes in a deep network", vanishing),
}
