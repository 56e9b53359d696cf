"""A dozen networks that do not learn, each with one fault, and a judge who looks at what was done about it.

`broken(k)` is a trainer before its first step. Whoever repairs it names the fault and gives what mends it: settings for
`trainer.set`, or a function of the trainer. The judge makes the network anew, repairs it, trains it and measures.
"""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from nbprop import data, nn
from nbprop.checks import did_you_mean, whole
from nbprop.engine import Op
from nbprop.training import Trainer

from .answers import Failed, call
from .symptoms import FAULTS, STEPS, Look

ENOUGH = 0.85  # accuracy on the validation samples from which on a network is repaired
EXAMPLE = '("dead", dict(activation="tanh"))'


class _Tanh(Op):
    """y = tanh(x),  dL/dx = dL/dy (1 - y^2)."""

    def forward(self, x) -> np.ndarray:
        return np.tanh(x)

    def backward(self, dy) -> np.ndarray:
        return dy * (self.y * self.y - 1)


class OwnTanh(nn.Activation):
    """tanh, written anew: of the lesson."""

    name = "own_tanh"
    op = _Tanh


class _Softsign(Op):
    """y = x / (1 + |x|),  dL/dx = dL/dy (1 - |y|)^2."""

    def forward(self, x) -> np.ndarray:
        return x / (1 + np.abs(x))

    def backward(self, dy) -> np.ndarray:
        size = np.abs(self.y)
        return dy * (1 - size) * (size - 1)


class OwnSoftsign(nn.Activation):
    """softsign, written anew: of a network to be repaired."""

    name = "own_softsign"
    op = _Softsign


class Case(NamedTuple):
    """A network with one fault: the name of that, and make() -> a Trainer before its first step."""

    fault: str
    make: Callable[[], Trainer]


def _digits(activation="relu", init="he", lr=0.005, optimizer="adam", dropout=None, learned=None):
    model = nn.mlp([64, 32, 32, 10], activation, init, seed=0, dropout=dropout)
    return Trainer(model, learned or data.digits(), optimizer=optimizer, lr=lr, batch_size=64, seed=0)


def _shifted():
    digits = data.digits()
    shifted = np.roll(digits.y_train, 1)  # sample i has the label of the sample before it
    return _digits(learned=data.from_arrays(digits.X_train, shifted, digits.X_val, digits.y_val, name="digits"))


def _raw():
    digits = data.digits()
    X, X_val = (300 + 1000 * X for X in (digits.X_train, digits.X_val))
    made = data.from_arrays(X, digits.y_train, X_val, digits.y_val, name="digits")
    return _digits(activation="tanh", init="xavier", learned=made)


def _slow():
    return _digits(optimizer="sgd", lr=1e-4)


def _fast():
    return _digits(lr=0.5)


def _straight():
    model = nn.mlp([2, 16, 16, 1], "identity", seed=0)
    return Trainer(model, data.circles(seed=0), lr=0.02, seed=0)


def _pinned():
    return _digits(activation="tanh", init=nn.init.normal(std=3.0), lr=0.002)


def _silent():
    model = nn.mlp([64, 32, 32, 10], "relu", "he", seed=0)
    for layer in (model[0], model[2]):
        layer.bias.data[...] = -3.0
    return Trainer(model, data.digits(), lr=0.005, batch_size=64, seed=0)


def _squashed():
    model = nn.mlp([64, 32, 32, 10], "relu", "he", seed=0)
    model.append(nn.Softmax())
    return Trainer(model, data.digits(), optimizer="momentum", lr=0.02, batch_size=64, seed=0)


def _alike():
    return _digits(activation="tanh", init="zeros")


def _turned():
    model = nn.Sequential(
        nn.Linear(64, 32, rng=0), OwnSoftsign(), nn.Linear(32, 32, rng=1), nn.Tanh(), nn.Linear(32, 10, rng=2)
    )
    return Trainer(model, data.digits(), optimizer="momentum", lr=0.02, batch_size=64, seed=0)


def _left_out():
    return _digits(dropout=0.95)


def _decayed():
    trainer = _digits()
    trainer.set(weight_decay=1.0)
    return trainer


CASES = tuple(
    Case(*each)
    for each in (
        ("rate too low", _slow),
        ("labels", _shifted),
        ("linear", _straight),
        ("dead", _silent),
        ("weight decay", _decayed),
        ("two softmaxes", _squashed),
        ("inputs", _raw),
        ("all alike", _alike),
        ("rate too high", _fast),
        ("saturated", _pinned),
        ("dropout", _left_out),
        ("wrong gradient", _turned),
    )
)


def broken(k: int) -> Trainer:
    """Network k of the dozen, 1 to 12: a Trainer before its first step, which does not learn. Another one each time."""
    number = whole(1, len(CASES))("k", k)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what would tell the fault at once
        return CASES[number - 1].make()


# ---- the judge -------------------------------------------------------------------------------------------------------


class Refused(Exception):
    """An answer that is none, in words."""


def judge(k: int) -> Callable[[Any], "str | None"]:
    """The judge of network k: takes (fault, repair) and says None, or what is still wrong."""

    def look_at(answer):
        try:
            fault, repair = _pair(answer)
            case = CASES[k - 1]
            if fault != case.fault:
                is_so, numbers = FAULTS[fault].measure(Look(lambda: broken(k)))
                if is_so:
                    return f"{fault!r} is there, but it follows from something else: {numbers}. What brings it about?"
                return f"It is not {fault!r}: {numbers}."
            look = Look(lambda: _repaired(k, repair))
            is_so, numbers = FAULTS[fault].measure(look)
            if is_so:
                return f"The fault has the right name, but it is still there after your repair: {numbers}."
            if (there := look.accuracy) < ENOUGH:
                return (
                    f"The fault has the right name and is gone ({numbers}), but after {STEPS} steps only {there:.0%} "
                    f"of the validation samples are right, {ENOUGH:.0%} are asked for."
                )
        except Refused as no:
            return str(no)
        return None

    return look_at


def _pair(answer):
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise Refused(f"Expected a pair, the name of a fault and a repair: {EXAMPLE}; got {answer!r}.")
    fault, repair = answer
    if not isinstance(fault, str) or fault not in FAULTS:
        meant = did_you_mean(fault, FAULTS) if isinstance(fault, str) else ""
        raise Refused(f"There is no fault {fault!r}{meant or '.'} The names are {', '.join(map(repr, FAULTS))}.")
    if not (isinstance(repair, dict) or callable(repair)):
        raise Refused(f"A repair is settings, such as dict(lr=0.1), or a function of the trainer; got {repair!r}.")
    return fault, repair


def _repaired(k, repair):
    """Network k after a repair, before its first step."""
    trainer = broken(k)
    before = trainer.data
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            made = call(repair if callable(repair) else lambda it: it.set(**repair), (trainer,))
        except Failed as failed:
            raise Refused(f"Your repair: {failed}") from None
    trainer = made if isinstance(made, Trainer) else trainer
    if trainer.steps:
        raise Refused(f"A repair comes before the first step; yours has made {trainer.steps:,} steps.")
    if not _the_same_task(before, trainer.data):
        raise Refused("The validation samples are others now: they may be scaled, each input by itself, and no more.")
    return trainer


def _the_same_task(before, after):
    """The same validation samples with the same labels, each input scaled or shifted at most."""
    if after is None or after.X_val.shape != before.X_val.shape or not np.array_equal(after.y_val, before.y_val):
        return False
    old, new = (x.reshape(len(x), -1).astype(np.float64) for x in (before.X_val, after.X_val))
    old, new = old - old.mean(axis=0), new - new.mean(axis=0)
    slope = (old * new).sum(axis=0) / np.maximum((old**2).sum(axis=0), 1e-30)
    return bool(np.allclose(slope * old, new, rtol=0, atol=1e-3 * (np.abs(new).max() + 1e-30)))
