"""The tape: what is recorded, and the walk back through it."""

from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from .errors import BackwardError, ShapeError

# Context variables, so that a callback in another thread (or task) neither sees nor disturbs what goes on in this one.
_grad_enabled = ContextVar("grad_enabled", default=True)
_tape: "ContextVar[Tape | None]" = ContextVar("tape", default=None)


class Tape:
    """Everything that happened inside `record()`, in order."""

    def __init__(self):
        self.nodes = []  # output Tensor of every op
        self.calls = []  # (module, output Tensor) of every module call


@contextmanager
def record():
    """Keep every op applied inside, also those that need no gradient: `with record() as tape: loss = ...`."""
    token = _tape.set(Tape())
    try:
        yield _tape.get()
    finally:
        _tape.reset(token)


def recording():
    """The Tape of the innermost `record()` around this line in this thread, or None."""
    return _tape.get()


@contextmanager
def no_grad():
    """Inside, results need no gradient and keep no graph: `with no_grad(): ...`, or `@no_grad()` on a function."""
    token = _grad_enabled.set(False)
    try:
        yield
    finally:
        _grad_enabled.reset(token)


def grad_enabled():
    """False inside `no_grad()`."""
    return _grad_enabled.get()


def backward(root, gradient=None, retain_graph=False):
    """Walk from `root` back to the leaves; see Tensor.backward."""
    gradient = _seed(root, gradient)
    nodes = reachable(root)
    pending = {root: gradient}  # gradients that have arrived, but not from every use yet
    for node in nodes:
        dy = pending.pop(node, None)
        if dy is not None:
            node._grad = dy
            for i, (x, dx) in enumerate(zip(node.inputs, input_gradients(node, dy), strict=True)):
                if dx is None or not x.requires_grad:
                    continue
                dx = fit(dx, node, i)
                if x.is_leaf:
                    accumulate(x, dx)
                else:
                    pending[x] = pending[x] + dx if x in pending else dx
        if not retain_graph:
            node.op.release()
            node.inputs = ()
    if root.is_leaf:
        accumulate(root, gradient)


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


def fit(gradient, node, i):
    """The gradient that `node.op` returned for input i, summed over broadcast axes, in the input's dtype and shape."""
    x = node.inputs[i]._data
    if gradient.shape != x.shape:
        gradient = unbroadcast(gradient, x.shape)
    if gradient.shape != x.shape:
        raise ShapeError(
            f"{node.op.name}.backward returned a gradient of shape {gradient.shape} for input {i} of shape {x.shape}: "
            "they must be equal, up to broadcasting."
        )
    return gradient if gradient.dtype == x.dtype else gradient.astype(x.dtype)


def unbroadcast(gradient, shape):
    """Undo broadcasting: sum `gradient` over the axes along which an array of `shape` was repeated."""
    lead = gradient.ndim - len(shape)
    if lead < 0:
        return gradient
    repeated = [lead + i for i, n in enumerate(shape) if n == 1 and gradient.shape[lead + i] != 1]
    gradient = np.add.reduce(gradient, axis=(*range(lead), *repeated), keepdims=True)
    return gradient.reshape(gradient.shape[lead:])


def accumulate(leaf, gradient):
    """Add to the leaf's `.grad`, in place where there is one (it may be a view of a model's flat gradient)."""
    if leaf._grad is None:
        leaf._grad = np.array(gradient)  # a copy: the op may have handed the same array to several inputs
    else:
        leaf._grad += gradient


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


def _seed(root, gradient):
    if not root.requires_grad:
        raise BackwardError(
            "backward() found nothing to differentiate: no tensor with requires_grad=True took part in this result "
            "(or it was computed inside no_grad(), or cut off by detach())."
        )
    if gradient is None:
        if root.size != 1:
            raise BackwardError(
                f"backward() starts from one number, but this tensor has shape {root.shape}. Reduce it first, "
                "y.sum().backward(), or give dL/dy, y.backward(gradient), as an array of that shape."
            )
        return np.ones_like(root._data)
    gradient = np.array(gradient, root.dtype)  # a copy: nothing that is changed later should change it
    if gradient.shape != root.shape:
        raise ShapeError(f"backward(gradient) expects the shape of the tensor, {root.shape}; got {gradient.shape}.")
    return gradient
