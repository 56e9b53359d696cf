"""The tape: what is recorded, and the walk back through it."""

from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from .errors import BackwardError, ShapeError

# Context variables, so that a callback in another thread (or task) neither sees nor disturbs what goes on in this one.
_grad_enabled = ContextVar("grad_enabled", default=True)
_tape: "ContextVar[Tape | None]" = ContextVar("tape", default=None)
grad_enabled = _grad_enabled.get  # False inside `no_grad()`


class Tape:
    """Everything that happened inside `record()`, in order."""

    def __init__(self):
        self.nodes = []  # output Tensor of every op
        self.calls = []  # (module, output Tensor) of every module call


@contextmanager
def _inside(variable, value):
    token = variable.set(value)
    try:
        yield value
    finally:
        variable.reset(token)


def record():
    """Keep every op applied inside, also those that need no gradient: `with record() as tape: loss = ...`."""
    return _inside(_tape, Tape())


def recording():
    """The Tape of the innermost `record()` around this line in this thread, or None."""
    return _tape.get()


def no_grad():
    """Inside, results need no gradient and keep no graph: `with no_grad(): ...`, or `@no_grad()` on a function."""
    return _inside(_grad_enabled, False)


def backward(root, gradient=None, retain_graph=False):
    """Walk from `root` back to the leaves; see Tensor.backward."""
    pending = {root: start(root, gradient)}  # gradients that have arrived, but not from every use yet
    for node in reachable(root):
        if node in pending:
            node._grad = dy = pending.pop(node)
            for i, (x, dx) in enumerate(zip(node.inputs, input_gradients(node, dy), strict=True)):
                if dx is not None and x.requires_grad:
                    dx = fit(dx, node, i)
                    pending[x] = pending[x] + dx if x in pending else dx
        if not retain_graph:
            node.op.release()
            if node._data.size > 1 or node.inputs[0]._data.size > 1:  # a graph of lone numbers stays, to be drawn
                node.inputs = ()
    for leaf, gradient in pending.items():
        if leaf._grad is None:
            leaf._grad = np.array(gradient)  # a copy: the op may have handed the same array to several inputs
        else:
            leaf._grad += gradient  # in place: it may be a view of a model's flat gradient


def start(root, gradient):
    """dL/droot as an array: 1 if root is L itself."""
    if not root.requires_grad:
        raise BackwardError(
            "backward() found nothing to differentiate: no requires_grad=True here, or no_grad() or detach() after it."
        )
    if gradient is None and root.size != 1:
        raise BackwardError(
            f"backward() starts from one number, not from shape {root.shape}: y.sum().backward(), or y.backward(dL/dy)."
        )
    gradient = np.ones_like(root._data) if gradient is None else np.array(gradient, root.dtype)  # a copy
    if gradient.shape != root.shape:
        raise ShapeError(f"backward(gradient) expects the shape of the tensor, {root.shape}; got {gradient.shape}.")
    return gradient


def reachable(root):
    """The tensors made by ops that need a gradient and that `root` depends on, last made first (so every tensor comes
    after all its uses). An explicit stack: no graph is too deep."""
    seen, stack = {root}, [root]
    while stack:
        node = stack.pop()
        if node.op is not None and node.op.released:
            raise BackwardError(
                f"backward has been through {node.op.name} already, and its saved values were let go. "
                "Compute the loss anew, add losses up before one backward(), or use backward(retain_graph=True) first."
            )
        for x in node.inputs:
            if x.requires_grad and x not in seen:
                seen.add(x)
                stack.append(x)
    return sorted((node for node in seen if node.op is not None), key=lambda node: node.number, reverse=True)


def input_gradients(node, dy):
    """What `node.op.backward` returns, as a tuple with one entry (array or None) for each input."""
    gradients = node.op.backward(dy)
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    if len(gradients) != len(node.inputs):
        raise BackwardError(
            f"{node.op.name}.backward returned {len(gradients)} gradient(s) for {len(node.inputs)} inputs: expected "
            "a tuple with one for each, None where there is none."
        )
    return gradients


def fit(gradient, node, i):
    """The gradient that `node.op` returned for input i, in the input's dtype and shape: what broadcasting repeated is
    summed up."""
    x = node.inputs[i]._data
    if gradient.shape != x.shape and gradient.ndim >= x.ndim:
        lead = gradient.ndim - x.ndim
        repeated = tuple(axis for axis in range(gradient.ndim) if axis < lead or x.shape[axis - lead] == 1)
        gradient = np.add.reduce(gradient, axis=repeated, keepdims=True)[(0,) * lead + (...,)]
    if gradient.shape != x.shape:
        raise ShapeError(
            f"{node.op.name}.backward returned a gradient of shape {gradient.shape} for input {i} of shape {x.shape}: "
            "they must be equal, up to broadcasting."
        )
    return gradient if gradient.dtype == x.dtype else gradient.astype(x.dtype)
