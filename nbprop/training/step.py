"""The gradient of one batch: computed anew, or by replaying a recorded step where that gives the same numbers."""

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from nbprop import nn
from nbprop.engine import Replay, Tensor, record
from nbprop.engine.tape import reachable
from nbprop.record.layers import Layer, Tap, Wire, behind, find_layers, find_wires, recurrent_ops, tapped
from nbprop.record.observation import untouched


class Step:
    """What can be seen of a step once it is made: `layers`, and in `taps` the arrays of each; both in one order.

    back: whether the last one went backward, too; if not there are no gradients in its taps."""

    back = True

    def __init__(self, model) -> None:
        self.model = model
        self._found = None

    def look(self, calls, loss) -> tuple[list[Layer], list[Tap]]:
        """Find the layers in what was computed."""
        layers, taps = [], []
        for layer, z, a, activation in find_layers(self.model, calls, behind(loss).__contains__):
            layers.append(layer)
            taps.append(tapped(z, a, activation))
        return layers, taps

    def _seen(self) -> tuple[list[Layer], list[Tap]]:
        raise NotImplementedError

    def wires(self) -> list[Wire]:
        """How the layers hang together."""
        raise NotImplementedError

    def _wires(self, calls, loss):
        return find_wires(find_layers(self.model, calls, behind(loss).__contains__))

    @property
    def layers(self) -> list[Layer]:
        self._found = self._found or self._seen()
        return self._found[0]

    @property
    def taps(self) -> list[Tap]:
        self._found = self._found or self._seen()
        return self._found[1] if self.back else list(map(_forward_only, self._found[1]))


def _forward_only(tap):
    return replace(tap, dz=np.full_like(tap.z, np.nan), reached=False, x=None, dy=None)


class EagerStep(Step):
    """The loss computed with new ops, and its gradient: right whatever the model and the loss do."""

    _tape: Any = None
    _known: Any = None

    def run(self, compute, back=True) -> float:
        """compute() -> the loss, a Tensor. Leaves the gradient in the model, or 0 if not back; the loss (float)."""
        self._found, self.back = None, back
        self.model.zero_grad()
        with record() as tape:
            loss = compute()
        if not loss.requires_grad:
            raise ValueError(UNTRAINED)
        if back:
            loss.backward(retain_graph=True)  # kept until the next step, to be looked into
        self._tape, self._loss, self.recurrent = tape, loss, recurrent_ops(tape.calls)
        return float(loss.data)

    def check(self, function, module, part="") -> None:
        """Raise an error if the last loss, which `function` gave, reaches what it could not train."""
        self._known = self._known or set(self.model.parameters())
        check_leaves(self._loss, self._known, function, module, part)

    def _seen(self):
        return self.look(self._tape.calls, self._loss)

    def wires(self) -> list[Wire]:
        return self._wires(self._tape.calls, self._loss)


class RecordedStep(Step):
    """The loss of `Supervised` for batches of one size, the same ops again and again on the same arrays.

    The first `run` records, every later one replays; both give the same bits.
    """

    def __init__(self, model, objective, batch_size) -> None:
        super().__init__(model)
        X, y = objective.X, objective.target
        self.objective = objective
        self.x = Tensor(np.empty((batch_size, *X.shape[1:]), X.dtype))
        self._x = self.x.data
        self.y = np.empty((batch_size, *y.shape[1:]), y.dtype)
        self.batch = self._x, self.y
        self.shares = None  # the weights of its samples, where they are not all 1
        if objective.shares is not None:
            self.shares = Tensor(np.empty(batch_size, model.theta.dtype))
            self.batch = self._x, self.y, self.shares.data
        self.replay: Any = None
        self._beside: Any = None

    def run(self, X, y, indices, back=True) -> float:
        """Loss (float) of the samples `indices` of X and y; leaves their gradient in the model, or 0 if not back."""
        X.take(indices, axis=0, out=self._x, mode="clip")  # the other modes copy first
        y.take(indices, axis=0, out=self.y, mode="clip")
        if self.shares is not None:
            self.shares.data[...] = self.objective.shares[indices]
        if self.replay is None:
            self.replay = self._record()
        else:
            self.replay.forward()
        self.back = back
        if back:
            self.replay.backward()
        else:
            self.model.gradient[...] = 0
        return float(self._loss)

    def beside(self) -> Callable[[], float]:
        """A function that gives the loss of these samples with the parameters as they are when it is called. It has
        arrays of its own: what is seen of this step stays."""
        if self._beside is None:
            self._beside = RecordedStep(self.model, self.objective, len(self._x))
        other = self._beside
        for mine, copied in zip(self.batch, other.batch, strict=True):
            copied[...] = mine
        other.replay = other.replay or other._record()
        return lambda: float(other.replay.forward())

    def _record(self) -> Replay:
        with record() as self._tape:
            output = self.model(self.x)
            given = self.objective.compared if self.shares is None else self.objective.loss_of
            loss = given(output, self.y, *[] if self.shares is None else [self.shares])
        check_leaves(loss, set(self.model.parameters()))
        self._loss = loss.data
        self.recurrent = recurrent_ops(self._tape.calls)
        return Replay(self._tape, loss)

    def _seen(self):
        return self.look(self._tape.calls, self.replay.loss)

    def wires(self) -> list[Wire]:
        return self._wires(self._tape.calls, self.replay.loss)

    def differs(self, objective, indices) -> str:
        """Why a replay does not give the numbers of computing anew, tried on the batch `indices` and another; "" if it
        does, bit by bit. The model is afterwards as before."""
        X, y, model = objective.X, objective.target, self.model
        other = (indices + max(len(X) // 2, 1)) % len(X)
        with untouched(model):
            self.run(X, y, indices)
            with untouched(model):
                found = self.run(X, y, other), model.gradient.copy()
            anew = EagerStep(model)
            loss = anew.run(lambda: objective.loss(model, objective.batch(other)))
            if loss == found[0] and np.array_equal(model.gradient, found[1]):
                return ""
        name = type(model).__name__
        return f"{name} or the loss was declared static, and a replayed step gives other numbers than a new one"


UNTRAINED = (
    "the loss depends on no parameter that is trained: all are frozen, or it was computed beside the graph (.data, "
    ".numpy(), NumPy functions)"
)


def check_leaves(loss, known, function=None, module: Any = None, part="") -> None:
    """Everything that the loss could train must be among the known parameters. function: what has computed it.

    module: it must reach some of the parameters of this one, the module of a `part`."""
    if not loss.requires_grad:
        raise ValueError(UNTRAINED)
    met = set()
    for node in reachable(loss):
        for x in node.inputs:
            if x.requires_grad and x.op is None:
                met.add(x)
                if x not in known:
                    raise ValueError(
                        f"the loss depends on {_whose(x, function) or 'a tensor'} of shape {x.shape}, which requires a "
                        "gradient and is no parameter of the model, so it would never be trained: make it an "
                        "nn.Parameter that is an attribute of the model, or x.detach() it. (A loss must use the model "
                        "that it is given, not one from outside.)"
                    )
    if part and met.isdisjoint(module.parameters()):
        raise ValueError(
            f"the loss of {part!r} depends on no parameter of {part} that is trained, so it would learn nothing"
        )


def _whose(x, function):
    """Where a function has a tensor from, such as 'teacher.0.weight'; "" if that is not seen."""
    function = getattr(function, "function", function)  # of a FunctionLoss
    try:
        found = inspect.getclosurevars(function)
        places = {**found.globals, **found.nonlocals}
    except TypeError:
        places = {}
    if isinstance(function, nn.Module):
        places["loss"] = function
    for name, value in places.items():
        if value is x:
            return name
        if isinstance(value, nn.Module):
            for inner, parameter in value.named_parameters():
                if parameter is x:
                    return f"{name}.{inner}"
    return ""
