"""What a gradient costs, in three ways: backward, forward mode, finite differences.

Going back through the tape costs a small constant times the forward pass, however many parameters there are
(Linnainmaa 1976; Baur & Strassen 1983). Forward mode tells how the loss changes along one direction, finite differences
compute one more loss for each: for the whole gradient either is needed once for each parameter.

    from nbprop import cost

    costs = cost.grow()                                             # networks of growing width, in FLOPs
    costs.plot(plt.axes())
    cost.count(lambda: criterion(model(x), y), model.parameters())
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from .engine import Replay, Tensor, apply, record
from .engine.activation import Tanh
from .engine.loss import MSE
from .engine.matmul import Linear
from .flops import flops


@dataclass(frozen=True)
class Cost:
    """The cost of a loss alone, and of the loss with its whole gradient in three ways; in FLOPs or in seconds.

    backward: forward pass and backward pass. forward_mode: forward pass, and one pass with a direction for each
    parameter. differences: f(x), and (f(x + h e_i) - f(x)) / h for each parameter i.
    """

    parameters: int
    loss: float
    backward: float
    forward_mode: float
    differences: float


def count(f, parameters) -> Cost:
    """The FLOPs of the loss that f() returns, and of its gradient for `parameters` (Tensors): a Cost.

    f is made of Linear, elementwise ops and losses, as a dense network is; NotImplementedError for others.
    """
    with record() as tape:
        loss = f()
    forward, backward = (sum(column) for column in zip(*map(flops, tape.nodes), strict=True))
    uses = [x for node in tape.nodes for x in node.inputs if x.requires_grad]
    backward += sum(x.size for x in uses) - sum(x.size for x in set(uses))  # gradients of several uses add up
    passes = sum(p.size * forward_mode(tape, loss, {p: np.ones_like(p.data)})[1] for p in parameters)
    n = sum(p.size for p in parameters)
    return Cost(n, forward, forward + backward, forward + passes, forward * (n + 1))


def clock(f, parameters) -> Cost:
    """The same as `count`, in seconds on this machine. What is done once for each parameter is timed a few times only,
    and multiplied."""
    with record() as tape:
        loss = f()
    passes = sum(p.size * _seconds(lambda p=p: forward_mode(tape, loss, {p: np.ones_like(p.data)})) for p in parameters)
    step = Replay(tape, loss)
    forward, backward = _seconds(step.forward), _seconds(step.backward)
    n = sum(p.size for p in parameters)
    return Cost(n, forward, forward + backward, forward + passes, forward * (n + 1))


def _seconds(run, enough=0.005):
    """The shortest of many runs."""
    run()
    times, until = [], time.perf_counter() + enough
    while (now := time.perf_counter()) < until or len(times) < 5:
        run()
        times.append(time.perf_counter() - now)
    return min(times)


def forward_mode(tape, loss, tangents) -> tuple[float, int]:
    """How fast the loss changes when each tensor x in `tangents` moves by tangents[x] (an array) per unit of time: the
    sum of all dL/dx times tangents[x], computed *with* the tape, in the order of recording (Wengert 1964).

    A tangent goes along with each result. Returns the float, and how many FLOPs it took.
    """
    tangents, total = dict(tangents), 0
    for node in tape.nodes:
        moving = [(i, tangents[x]) for i, x in enumerate(node.inputs) if x in tangents]
        if moving:
            parts, n = _push(node, moving)
            tangents[node] = sum(parts)
            total += n + node.size * (len(parts) - 1)
    return float(tangents.get(loss, 0)), total


def _push(node, moving):
    """What each tangent (number of the input, array) adds to the tangent of the result, and the FLOPs of that."""
    op = node.op
    if op.name == "Linear":
        x, W = (tensor.data for tensor in node.inputs[:2])
        rules = (lambda dx: dx.dot(W.T), lambda dW: x.dot(dW.T), lambda db: np.broadcast_to(db, node.shape))
        return [rules[i](tangent) for i, tangent in moving], 2 * node.size * W.shape[1] * sum(i < 2 for i, _ in moving)

    def back(dy):
        gradients = op.backward(dy)
        return gradients if isinstance(gradients, tuple) else (gradients,)

    each = op.flops if isinstance(op.flops, tuple) else (0, 0, 0, 0)
    n = sum(each[i + 1] * node.inputs[i].size for i, _ in moving)
    if node.size == 1:
        gradients = back(np.ones_like(node.data))
        return [np.vdot(gradients[i], tangent) for i, tangent in moving], n + sum(2 * t.size for _, t in moving)
    if type(op).__module__.rpartition(".")[2] not in ("elementwise", "elementary", "activation"):
        raise NotImplementedError(f"forward mode knows Linear, elementwise ops and losses, but not {op.name}")
    # Each result depends on one element of an input only: what leads back leads forward too.
    return [back(np.broadcast_to(tangent, node.shape))[i] for i, tangent in moving], n


WAYS = {"backward": ("#D55E00", "o"), "forward_mode": ("#E69F00", "^"), "differences": ("#0072B2", "s")}


class Costs(list):
    """Several Cost, of networks of growing size."""

    def ratios(self, way) -> list[Any]:
        """The cost of a gradient by "backward", "forward_mode" or "differences", with the loss alone as the unit."""
        return [getattr(cost, way) / cost.loss for cost in self]

    def __repr__(self) -> str:
        columns = zip([cost.parameters for cost in self], *map(self.ratios, WAYS), strict=True)
        head = "parameters   backward   forward mode   differences   (the loss alone = 1)"
        return "\n".join([head, *(f"{n:10,}   {b:8.2f}   {f:12,.0f}   {d:11,.0f}" for n, b, f, d in columns)])

    def plot(self, ax) -> None:
        """Draw what a gradient costs, with the loss alone as the unit, over the number of parameters, into Matplotlib's
        `ax`."""
        for way, (color, marker) in WAYS.items():
            n = [cost.parameters for cost in self]
            ax.loglog(n, self.ratios(way), color=color, marker=marker, label=way.replace("_", " "))
        ax.set(xlabel="parameters", ylabel="cost of the gradient / cost of the loss")
        ax.legend(frameon=False)
        return ax


def grow(measure=count, widths=(2, 4, 8, 16, 32, 64), samples=16, seed=0) -> Costs:
    """The Costs of networks 4-width-width-1 with tanh and squared error, by `measure`: `count` or `clock`."""
    return Costs(measure(*dense([4, width, width, 1], samples, seed)) for width in widths)


def dense(sizes, samples, seed) -> tuple[Callable[[], Tensor], list[Any]]:
    """A network of Tensors alone: the function without arguments that gives its loss, and its parameters."""
    rng = np.random.default_rng(seed)
    x, y = Tensor(rng.normal(size=(samples, sizes[0]))), Tensor(rng.normal(size=(samples, sizes[-1])))
    layers = []
    for fan_in, fan_out in pairwise(sizes):
        W = Tensor(rng.normal(0, 1 / np.sqrt(fan_in), (fan_out, fan_in)), requires_grad=True)
        layers.append((W, Tensor(np.zeros(fan_out), requires_grad=True)))

    def loss():
        z = apply(Linear(), x, *layers[0])
        for W, b in layers[1:]:
            z = apply(Linear(), apply(Tanh(), z), W, b)
        return apply(MSE(), z, y)

    return loss, [parameter for layer in layers for parameter in layer]
