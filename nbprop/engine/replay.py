"""Replay: a recorded step, run again and again without building its graph anew."""

from functools import partial
from typing import Any

import numpy as np

from .errors import BackwardError
from .tape import input_gradients, reachable, unbroadcast


class Replay:
    """The ops of a recorded step as two flat lists of calls on fixed arrays.

        with record() as tape:
            loss = criterion(model(x), t)
        step = Replay(tape, loss)
        step.backward()                            # the recording was the first forward
        x.data[:] = ...; t.data[:] = ...           # the next batch, in place
        step.forward(); step.backward()            # same numbers as computing the loss anew, bit by bit

    forward() computes every recorded op again, in order, into the arrays of the recording. backward() *sets* (it does
    not add to) `.grad` of every tensor that the loss depends on, in place.
    What changes the graph (a shape, an activation, another array in `.data`) needs a new recording.
    """

    def __init__(self, tape, loss) -> None:
        if loss.size != 1 or not loss.requires_grad:
            raise BackwardError(f"Replay expects a loss of one number that requires a gradient: got {loss!r}.")
        self.loss, self._nodes, self._falling = loss, list(tape.nodes), reachable(loss)
        recorded = set(self._nodes)
        for node in self._falling:
            if node not in recorded:
                raise BackwardError(f"The loss depends on a result of {node.op.name} computed before recording began.")
        self._reached = {loss, *(x for node in self._falling for x in node.inputs if x.requires_grad)}
        for x in self._reached:
            if x._grad is None or not x.is_leaf:  # a model's parameters bring theirs, views of the flat gradient
                x._grad = np.zeros_like(x.data)  # in the same memory layout
        loss.grad.fill(1)
        self._forward: Any = None
        self._backward: Any = None  # made when first run: only then is it known where each op writes

    def forward(self) -> np.ndarray:
        """Compute everything anew from what now stands in the arrays of the leaves; returns the loss, an array."""
        if self._forward is None:
            self._forward = list(self._plan_forward())
        else:
            for call in self._forward:
                call()
        return self.loss.data

    def backward(self) -> None:
        """Compute all gradients, for what forward() computed last."""
        if self._backward is None:
            self._backward = list(self._plan_backward())
        else:
            for call in self._backward:
                call()

    def depends_on(self, tensor) -> bool:
        """Whether backward() fills the `.grad` of a tensor: the loss depends on it, and it requires a gradient."""
        return tensor in self._reached

    def _plan_forward(self):
        """Run the ops once, and see which of them write into the recorded array by themselves."""
        for node in self._nodes:
            call = partial(node.op.forward, *[x.data for x in node.inputs])
            if node.op.view and (np.may_share_memory(node.data, call.args[0]) or not node.size):
                continue  # a view of its input shows the new numbers already
            y = call()
            if y is not node.data:
                np.copyto(node.data, y)
                call = partial(_copy_forward, call, node.data)
            yield call

    def _plan_backward(self):
        """Run the ops once, give each the arrays its gradients belong in, and see which of them write there."""
        arrived = {self.loss}
        for node in self._falling:
            if node in arrived:
                for call in self._plan_node(node, arrived):
                    call()
                    yield call

    def _plan_node(self, node, arrived):
        op, dy, into = node.op, node.grad, [None] * len(node.inputs)
        uses = []  # (input number, the input's gradient, True if it must be added to what another use left there)
        for i, (x, dx) in enumerate(zip(node.inputs, input_gradients(node, dy), strict=True)):
            if dx is not None and x.requires_grad:
                uses.append((i, x.grad, x in arrived))
                if (dx.shape, dx.dtype, dx.strides) == (x.shape, x.dtype, x.grad.strides):
                    into[i] = np.empty_like(x.grad) if x in arrived else x.grad
                arrived.add(x)
        op.into = tuple(into)
        returned = input_gradients(node, dy)
        if any(returned[i] is not into[i] for i, _, _ in uses):
            return [partial(_backward_and_collect, node, dy, uses)]
        return [partial(op.backward, dy), *(partial(np.add, total, into[i], total) for i, total, add in uses if add)]


def _copy_forward(forward, y):
    np.copyto(y, forward())


def _backward_and_collect(node, dy, uses):
    """For an op that returns gradients in its own memory, or in need of un-broadcasting."""
    returned = input_gradients(node, dy)
    for i, total, add in uses:
        gradient = unbroadcast(returned[i], node, i)
        if add:
            np.add(total, gradient, total)
        else:
            np.copyto(total, gradient)
