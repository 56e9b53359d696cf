"""One step, seen from inside: what every layer computed, and the gradients that came back."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from nbprop.engine import Tensor, record
from nbprop.nn.likeness import is_own
from nbprop.nn.module import Module, evaluating
from nbprop.nn.parameter import Parameter

from . import histograms, statistics
from .layers import behind, find_layers, tapped

FORWARD_ONLY = "no gradient here: the optimizer asks for losses alone, so the step did not go backward"


class Observation:
    """What happened in each layer, for a batch or for one sample.

    layers: a `Layer` each, from input to output, L of them.
    z, a, dz: lists of L arrays (n, units), (n, T, units) or (n, channels, rows, columns): what the activation gets,
        what it gives, and dL/dz.
    W, dW: lists of L arrays: the weights, and dL/dW before any clipping or L1 penalty. After a step, W is what the
        step has made of it.
    update: list of L arrays, what the last step that was watched has added to W; None where none was.
    theta, gradient: (parameters,), all of them, biases too, in the order of `model.theta`.
    loss: of this batch or sample, a float. x, y: inputs and targets (n, ...), where they are known.

    forward_only: whether the step went forward alone, as one of an optimizer that needs no gradient does; then dz, dW
    and gradient raise ValueError.

    All arrays are read-only. Those of the last step of a run hold the numbers of the next one as soon as that is
    made; `copy()` keeps them.
    """

    def __init__(
        self, layers, taps, theta, gradient, loss, *, x=None, y=None, before=None, after=None, recurrent=(),
        forward_only=False,
    ) -> None:  # fmt: skip
        self.layers, self.taps, self.loss = layers, taps, float(loss)
        self.theta, self._gradient, self.forward_only = _seen(theta), _seen(gradient), forward_only
        self.x, self.y = (None if array is None else _seen(array) for array in (x, y))
        self.before = before  # theta, before and after the last step that was watched
        self.after = after
        self.recurrent = recurrent  # the ops of the calls of recurrent layers
        self.measured = {}  # what has been measured of it already, by the name of the quantity

    @property
    def gradient(self) -> np.ndarray:
        if self.forward_only:
            raise ValueError(FORWARD_ONLY)
        return self._gradient

    @property
    def z(self) -> list[np.ndarray]:
        return [_seen(tap.z) for tap in self.taps]

    @property
    def a(self) -> list[np.ndarray]:
        return [_seen(tap.a) for tap in self.taps]

    @property
    def dz(self) -> list[np.ndarray]:
        if self.forward_only:
            raise ValueError(FORWARD_ONLY)
        return [_seen(tap.dz) for tap in self.taps]

    @property
    def W(self) -> list[np.ndarray]:
        return self._weights(self.theta)

    @property
    def dW(self) -> list[np.ndarray]:
        return self._weights(self.gradient)

    @property
    def update(self) -> list[np.ndarray] | None:
        return None if self.before is None else self._weights(_seen(self.after - self.before))

    def _weights(self, flat):
        """The part of each layer, in the shape of its weight where it has but one."""
        parts = [flat[layer.weight] for layer in self.layers]
        return [part.reshape(layer.shape or part.shape) for part, layer in zip(parts, self.layers, strict=True)]

    # ---- what several quantities have in common: computed once, for all layers ------------------------------------

    @cached_property
    def moments(self) -> np.ndarray:
        """Mean and standard deviation of a, (2, L)."""
        flat = [tap.a.ravel("K") for tap in self.taps]  # in the order of memory: no copy
        return np.array([statistics.moments(a) for a in flat], np.float32).reshape(-1, 2).T

    @cached_property
    def percentiles(self) -> dict[str, np.ndarray]:
        """See `histograms.percentiles`."""
        return histograms.percentiles(self.taps)

    def norms(self, flat) -> np.ndarray:
        """Euclidean norm of the weights' part of each layer in an array like theta, (L,) float32."""
        return np.array([statistics.norm(flat[layer.weight]) for layer in self.layers], np.float32)

    def copy(self) -> "Observation":
        """The same numbers, in arrays that nothing writes to."""
        copied: dict[int, Any] = {id(None): None}  # what one layer gives is what the next gets: copied once

        def own(array):
            if id(array) not in copied:
                copied[id(array)] = array.copy()
            return copied[id(array)]

        names = ("z", "dz", "a", "x", "dy")
        taps = [replace(tap, **{name: own(getattr(tap, name)) for name in names}) for tap in self.taps]
        x, y = (None if array is None else array.copy() for array in (self.x, self.y))
        before, after = (None if array is None else array.copy() for array in (self.before, self.after))
        other = Observation(
            list(self.layers),
            taps,
            self.theta.copy(),
            self._gradient.copy(),
            self.loss,
            forward_only=self.forward_only,
            x=x,
            y=y,
            before=before,
            after=after,
        )
        other.measured = dict(self.measured)
        return other

    def __repr__(self) -> str:
        samples = f"{len(self.x)} sample{'s' * (len(self.x) != 1)}, " if self.x is not None else ""
        return f"Observation({samples}{len(self.layers)} layers, loss {self.loss:.4g})"


def observe(model, compute, x=None, y=None) -> Observation:
    """An Observation of the loss that `compute()` gives, forward and backward: computed eagerly, with the model in
    evaluation mode. The model, its gradient, buffers and random generators are afterwards as before.

    x, y: what it is computed from, where these are two arrays."""
    with untouched(model), evaluating(model):
        model.zero_grad()
        with record() as tape:
            found = compute()
        if not found.requires_grad:
            raise ValueError(
                "observe: nothing that the loss depends on is trained, so no gradient comes back: all is frozen"
            )
        layers = find_layers(model, tape.calls, behind(found).__contains__)
        found.backward(retain_graph=True)  # what each layer gets is looked up in it
        taps = [tapped(z, a, f) for _, z, a, f in layers]
        seen = Observation([layer for layer, *_ in layers], taps, model.theta, model.gradient, found.item(), x=x, y=y)
        return seen.copy()


@contextmanager
def untouched(model, *losses) -> Iterator[None]:
    """Afterwards all that is in the model is as it was before: attributes and what is in them, gradient, buffers,
    random generators. Likewise what a loss keeps, a module or an object that is called: attributes, lists and dicts in
    them, of a module arrays too (not the self of a method)."""
    kept = [each for module in (model, *losses) for each in _parts(module)]
    attributes = [(vars(each), dict(vars(each))) for each in kept]
    own = own_arrays(model, *(each for each in losses if isinstance(each, Module)))
    contents: list[Any] = [(each, each.copy()) for _, each in [("", model.gradient), *model.named_buffers(), *own]]
    contents += [
        (one, _copied(one))
        for each in kept
        for one in _inside(vars(each).values())
        if isinstance(one, (list, dict, set, np.random.Generator))
    ]
    try:
        yield
    finally:
        for now, then in attributes:
            now.clear()
            now.update(then)
        for now, then in contents:
            _put_back(now, then)


def _parts(thing):
    """What keeps attributes: a module and all inside; an object that is called, and of a FunctionLoss its function."""
    if isinstance(thing, Module):
        inside = getattr(thing, "function", None)
        return [*thing.modules(), *([] if isinstance(inside, Module) else _parts(inside))]
    return [thing] if hasattr(thing, "__dict__") and not isinstance(thing, type) else []


def own_arrays(*modules) -> list[tuple[str, np.ndarray]]:
    """(where, array) of what modules of the user's own classes keep as attributes, or in lists, tuples and dicts that
    are: arrays, and those of Tensors that are no parameters. Each once; not buffers, nor what a `forward` leaves behind
    that the class names in `_notes`. where: such as "net.memory.0"."""
    found = {}
    for outer, inner in (item for module in modules for item in module.named_modules()):
        if is_own(inner):
            left = {"_packed", *inner._notes, *inner._buffers}
            for name, value in _named({key: value for key, value in vars(inner).items() if key not in left}):
                array = value.data if isinstance(value, Tensor) and value.is_leaf else value
                if isinstance(array, np.ndarray) and not isinstance(value, Parameter):
                    found.setdefault(id(array), (f"{outer}.{name}" if outer else name, array))
    return list(found.values())


def _named(holder, prefix=""):
    """(name, value) of what is in a list, tuple or dict, and in those in it."""
    for key, value in holder.items() if isinstance(holder, dict) else enumerate(holder):
        yield f"{prefix}{key}", value
        if isinstance(value, (list, tuple, dict)):
            yield from _named(value, f"{prefix}{key}.")


def _inside(values):
    """The values, and what is in lists, tuples and dicts among them."""
    for value in values:
        yield value
        if isinstance(value, (list, tuple, dict)):
            yield from _inside(value.values() if isinstance(value, dict) else value)


def _copied(value):
    return value.bit_generator.state if isinstance(value, np.random.Generator) else value.copy()


def _put_back(value, then):
    if isinstance(value, np.random.Generator):
        value.bit_generator.state = then
    elif isinstance(value, np.ndarray):
        if value.flags.writeable:
            value[...] = then
    elif isinstance(value, list):
        value[:] = then
    else:
        value.clear()
        value.update(then)


def _seen(array):
    """The array, to be looked at only."""
    view = array.view()
    view.flags.writeable = False
    return view
