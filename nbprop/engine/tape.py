"""The tape: what is recorded, and the walk back through it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache, partial, wraps
from inspect import isasyncgenfunction, isclass, iscoroutinefunction, isgeneratorfunction
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from .careful import wide
from .errors import BackwardError, ShapeError

if TYPE_CHECKING:
    from .tensor import Tensor

# Context variables, so that a callback in another thread (or task) neither sees nor disturbs what goes on in this one.
_grad_enabled = ContextVar("grad_enabled", default=True)
_tape: "ContextVar[Tape | None]" = ContextVar("tape", default=None)
grad_enabled = _grad_enabled.get  # False inside `no_grad()`
current = _tape.get  # what `recording` returns, for those in a hurry
_number = attrgetter("number")
Function = TypeVar("Function", bound=Callable[..., Any])


class Tape:
    """Everything that happened inside `record()`, in order."""

    def __init__(self) -> None:
        self.nodes = []  # output Tensor of every op
        self.calls = []  # (module, output Tensor) of every module call
        self.spans = []  # of each call where in `nodes` its ops are: (first, last + 1)


@contextmanager
def record() -> "Iterator[Tape]":
    """Keep every op applied inside, also those that need no gradient: `with record() as tape: loss = ...`."""
    tape = Tape()
    token = _tape.set(tape)
    try:
        yield tape
    finally:
        _tape.reset(token)


def recording() -> Tape | None:
    """The Tape of the innermost `record()` around this line in this thread, or None."""
    return _tape.get()


class no_grad:
    """Inside, results need no gradient and keep no graph: `with no_grad(): ...`, or `@no_grad()` on a function.

    A generator function so decorated runs inside whenever it is resumed, and its caller outside. Coroutines and classes
    are refused: write `with no_grad():` in them.
    """

    enabled = False

    def __enter__(self) -> None:
        self._tokens = [*getattr(self, "_tokens", ()), _grad_enabled.set(self.enabled)]

    def __exit__(self, *error) -> None:
        _grad_enabled.reset(self._tokens.pop())

    def __call__(self, function: Function) -> Function:
        if not callable(function) or isclass(function) or iscoroutinefunction(function) or isasyncgenfunction(function):
            raise TypeError(f"@no_grad() expects a function or a generator function: got {function!r}.")

        @wraps(function)
        def inside(*args, **kwargs):
            with type(self)():
                return function(*args, **kwargs)

        @wraps(function)
        def resumed(*args, **kwargs):
            generator = function(*args, **kwargs)
            resume = partial(generator.send, None)
            while True:
                try:
                    with type(self)():
                        value = resume()
                except StopIteration as stop:
                    return stop.value
                try:
                    resume = partial(generator.send, (yield value))
                except BaseException as error:  # the caller's throw(), or GeneratorExit from its close()
                    resume = partial(generator.throw, error)

        chosen: Any = resumed if isgeneratorfunction(function) else inside
        return chosen


class enable_grad(no_grad):
    """The opposite, inside a no_grad()."""

    enabled = True


def backward(root, gradient=None, retain_graph=False) -> "list[Tensor]":
    """Walk from `root` back to the leaves; see Tensor.backward. Returns the leaves that got a gradient, a list."""
    arrived = walk(root, gradient, retain_graph)
    for leaf, gradient in arrived.items():
        if leaf._grad is None:
            leaf._grad = np.array(gradient)  # a copy: the op may have handed the same array to several inputs
        else:
            np.add(leaf._grad, gradient, leaf._grad)  # in place: it may be a view of a model's flat gradient
    return list(arrived)


def walk(root, gradient=None, retain_graph=False) -> "dict[Tensor, np.ndarray]":
    """What arrives at the leaves, which do not get it: leaf -> gradient, an array that may be shared or read-only."""
    pending = {root: start(root, gradient)}  # gradients that have arrived, but not from every use yet
    for node in reachable(root):
        dy = pending.pop(node, None)
        if dy is not None:
            node._grad, node._lent = None, dy
            inputs, gradients = node.inputs, input_gradients(node, dy)
            for i, x in enumerate(inputs):
                dx = gradients[i]
                if dx is not None and x.requires_grad:
                    if dx.shape != x._data.shape or dx.dtype is not x._data.dtype:
                        dx = unbroadcast(dx, node, i)
                    others = pending.get(x)
                    pending[x] = dx if others is None else others + dx
        if not retain_graph:
            node.op = node.op.release()
            if node._data.size > 1 or node.inputs[0]._data.size > 1:  # a graph of lone numbers stays, to be drawn
                node.inputs = ()
    return pending


def start(root, gradient) -> np.ndarray:
    """dL/droot as an array: 1 if root is L itself."""
    if not root.requires_grad:
        raise BackwardError(
            "backward() found nothing to differentiate: no requires_grad=True here, or no_grad() or detach() after it."
        )
    if gradient is None and root.size != 1:
        raise BackwardError(
            f"backward() starts from one number, not from shape {root.shape}: y.sum().backward(), or y.backward(dL/dy)."
        )
    if gradient is None:
        return one(root.shape, root.dtype)
    gradient = np.array(gradient, root.dtype)  # a copy
    if gradient.shape != root.shape:
        raise ShapeError(f"backward(gradient) expects the shape of the tensor, {root.shape}; got {gradient.shape}.")
    return gradient


@lru_cache(16)
def one(shape, dtype) -> np.ndarray:
    array = np.ones(shape, dtype)
    array.flags.writeable = False  # it is lent to every root
    return array


def reachable(root) -> "list[Tensor]":
    """The tensors made by ops that need a gradient and that `root` depends on, last made first (so every tensor comes
    after all its uses). A list that grows while it is walked: no graph is too deep."""
    found = [] if root.op is None else [root]
    seen = set(found)
    for node in found:
        if node.op.released:
            raise BackwardError(
                f"backward has been through {node.op.name} already, and its saved values were let go. "
                "Compute the loss anew, add losses up before one backward(), or use backward(retain_graph=True) first."
            )
        number = node.number
        if node.changed > number:
            raise stale(node, node)
        for x in node.inputs:
            if x.changed > number:
                raise stale(x, node)
            if x.op is not None and x.requires_grad and x not in seen:
                seen.add(x)
                found.append(x)
    found.sort(key=_number, reverse=True)
    return found


def stale(x, node) -> BackwardError:
    """The error for a graph whose numbers are no longer those of the forward pass."""
    return BackwardError(
        f"The numbers of {x!r} were changed in place after {node.op.name} had used them: gradients would belong to no "
        "forward pass. Call backward() before the update, or compute the loss anew after it."
    )


def leaves(root) -> list[Any]:
    """The leaves that require a gradient and that `root` depends on, in the order in which the graph meets them first,
    last op first. To be asked before backward() lets the graph go."""
    uses = (x for node in reachable(root) for x in node.inputs if x.op is None and x.requires_grad)
    return list(dict.fromkeys(uses)) if root.op is not None else [root] * root.requires_grad


def input_gradients(node, dy) -> tuple[Any, ...]:
    """What `node.op.backward` returns, as a tuple with one entry (array or None) for each input."""
    gradients = node.op.backward(dy)
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    if len(gradients) != len(node.inputs):
        raise BackwardError(
            f"{node.op.name}.backward returned {len(gradients)} gradient(s) for {len(node.inputs)} inputs: expected "
            "a tuple with one for each, None where there is none."
        )
    return gradients


def unbroadcast(gradient, node, i) -> np.ndarray:
    """The gradient that `node.op` returned for input i, in the input's dtype and shape: what broadcasting repeated is
    summed up."""
    x = node.inputs[i]._data
    if gradient.shape != x.shape and gradient.ndim >= x.ndim:
        lead = gradient.ndim - x.ndim
        repeated = tuple(axis for axis in range(gradient.ndim) if axis < lead or x.shape[axis - lead] == 1)
        gradient = np.add.reduce(wide(gradient), axis=repeated, keepdims=True)[(0,) * lead + (...,)]
    if gradient.shape != x.shape:
        raise ShapeError(
            f"{node.op.name}.backward returned a gradient of shape {gradient.shape} for input {i} of shape {x.shape}: "
            "they must be equal, up to broadcasting."
        )
    return gradient if gradient.dtype == x.dtype else gradient.astype(x.dtype)
