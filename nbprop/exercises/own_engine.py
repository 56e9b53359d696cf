"""What functions of an engine of the reader's own are tried on: the order of the walk back, and checkpoints."""

import itertools
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np

from nbprop.engine import Tensor

from .answers import Failed, array, call

# ---- the order of the walk


def order(inputs, root):
    found, seen, stack = [], set(), [(root, False)]
    while stack:
        node, ready = stack.pop()
        if ready:  # everything that it was computed from is in the list
            found.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((i, False) for i in inputs[node])
    return found


def graphs() -> Iterator[tuple[list[Any], int]]:
    """(inputs, root) of some graphs, whose nodes are numbered at random; last a deep one."""
    for seed in range(8):
        rng = np.random.default_rng(seed)
        numbers = rng.permutation(9).tolist()
        inputs: list[Any] = [[] for _ in numbers]
        for k in range(2, 9):
            inputs[numbers[k]] = [numbers[i] for i in rng.integers(k, size=2)]
        yield inputs, numbers[int(rng.integers(5, 9))]  # of which something may not be needed
    yield [[k + 1] for k in range(DEEP)] + [[]], 0


DEEP = 5000  # nodes in a row: more than functions may call themselves


def not_an_order(answer):
    """None if this function finds an order of any graph in which the walk can go; else what is wrong with it."""
    if not callable(answer):
        return "Expected your function itself, e.g. check(order)."
    for inputs, root in graphs():
        try:
            found = call(answer, ([list(each) for each in inputs], root))
        except Failed as failed:
            if isinstance(failed.__cause__, RecursionError) and len(inputs) > DEEP:
                return (
                    f"It is right for small graphs, but raises RecursionError at {DEEP:,} nodes in a row: keep a stack."
                )
            return str(failed)
        if found is None or found is ...:
            return "Not answered yet: write it in place of `...` and run the cell again."
        try:
            wrong = what_is_wrong_with_order([int(node) for node in found], inputs, root)
        except (TypeError, ValueError):
            return f"Expected a list of numbers of nodes, got {repr(found)[:60]}."
        if wrong:
            return f"{wrong} (Graph: inputs = {inputs}, root = {root}.)" if len(inputs) < DEEP else wrong
    return None


def what_is_wrong_with_order(found, inputs, root):
    needed, todo = set(), [root]
    while todo:
        node = todo.pop()
        if node not in needed:
            needed.add(node)
            todo += inputs[node]
    if twice := sorted({node for node in found if found.count(node) > 1} if len(found) < DEEP else ()):
        return f"Node {twice[0]} is in the list twice: it would hand its gradient on twice."
    if missing := sorted(needed.difference(found)):
        return f"Node {missing[0]} is missing, though node {root} depends on it."
    if more := sorted(set(found) - needed):
        return f"Node {more[0]} is not needed: node {root} does not depend on it."
    place = {node: k for k, node in enumerate(found)}
    early = [(node, i) for node in found for i in inputs[node] if place[i] > place[node]]
    if not early:
        return None
    if all(place[i] > place[node] for node in found for i in inputs[node]):
        return "It is the reverse: asked for is every node behind its inputs, so that the root comes last."
    return f"Node {early[0][0]} stands before its input {early[0][1]}."


def depth_first(inputs, root, seen=None):
    """As many write it first."""
    seen = set() if seen is None else seen
    if root in seen:
        return []
    seen.add(root)
    return [*(node for i in inputs[root] for node in depth_first(inputs, i, seen)), root]


def breadth_first(inputs, root):
    found = [root]
    for node in found:
        found += [i for i in dict.fromkeys(inputs[node]) if i not in found]
    return found[::-1]


def with_repetitions(inputs, root):
    return [*(node for i in inputs[root] for node in with_repetitions(inputs, i)), root]


# ---- a backward pass with checkpoints


def checkpointed(forward, backward, x, L, every, dy):
    kept, a = {}, x  # kept: number of a layer -> its input
    for k in range(L):
        if k % every == 0:
            kept[k] = a
        a = forward(k, a)
    for first in reversed(range(0, L, every)):
        inputs = [kept.pop(first)]
        for k in range(first, min(first + every, L) - 1):
            inputs.append(forward(k, inputs[-1]))
        for k in reversed(range(first, first + len(inputs))):
            dy = backward(k, inputs.pop(), dy)
    return dy


class Kept(np.ndarray):
    """An array that is counted as long as somebody keeps it."""

    alive: "weakref.WeakValueDictionary" = weakref.WeakValueDictionary()
    number = itertools.count()

    def __array_finalize__(self, of):
        Kept.alive[next(Kept.number)] = self


class Layers:
    """L layers a -> tanh(a W), which are counted: how often forward was computed, how many arrays were kept."""

    def __init__(self, L, seed=0):
        rng = np.random.default_rng(seed)
        self.W, self.x, self.dy = rng.normal(size=(L, 4, 4)) / 2, rng.normal(size=4), rng.normal(size=4)
        self.calls = self.most = 0
        Kept.alive.clear()

    def forward(self, k, a):
        self.calls += 1
        y = np.tanh(np.asarray(a) @ self.W[k]).view(Kept)
        self.most = max(self.most, len(Kept.alive))
        return y

    def backward(self, k, a, dy):
        self.most = max(self.most, len(Kept.alive))
        return (np.asarray(dy) * (1 - np.tanh(np.asarray(a) @ self.W[k]) ** 2)) @ self.W[k].T

    def gradient(self):
        a = x = Tensor(self.x, requires_grad=True)
        for W in self.W:
            a = (a @ Tensor(W)).tanh()
        a.backward(self.dy)
        return x.grad


def not_checkpointed(answer):
    """None if this function finds the gradient with few arrays and few evaluations; else what is wrong with it."""
    if not callable(answer):
        return "Expected your function itself, e.g. check(checkpointed)."
    runs = []
    for L, every in ((12, 3), (1, 1), (11, 3), (12, 1), (12, 12), (5, 8), (64, 8)):
        layers = Layers(L)
        try:
            found = call(answer, (layers.forward, layers.backward, layers.x, L, every, layers.dy.copy()))
        except Failed as failed:
            return f"{failed} (With L = {L} and every = {every}.)"
        if found is None or found is ...:
            return "Not answered yet: write it in place of `...` and run the cell again."
        found, truth = array(found), layers.gradient()
        if found.shape != truth.shape or not np.allclose(found, truth, rtol=1e-6, atol=1e-12):
            return f"The gradient is not right with L = {L} and every = {every}.{where(L, every, found)}"
        runs.append((L, every, layers))
    for L, every, layers in reversed(runs):
        enough = -(-L // every) + every
        if layers.most > enough + SPARE:
            return (
                f"The gradient is right, but with L = {L} and every = {every} you keep {layers.most} arrays at once; "
                f"{enough} are enough: {-(-L // every)} checkpoints, and the inputs of one segment."
            )
        if layers.calls > 2 * L:
            return (
                f"The gradient is right, but with L = {L} and every = {every} you call forward {layers.calls:,} times; "
                f"{2 * L} times are enough: each layer once more, from the checkpoint before it."
            )
    return None


SPARE = 3  # arrays that a loop may have in its hands, beside those that are needed


def where(L, every, found):
    """What is known of a wrong gradient, in words."""
    if L % every and every < L:
        return " It is with a number of layers that can be divided by `every`: is the last, shorter segment complete?"
    if found.shape != (4,):
        return f" Its shape is {found.shape}, that of x (4,)."
    for wrong, words in ((up, "the layers of a segment are walked from the first to the last"),
                         (outputs, "a layer needs its input for the way back, not its output")):  # fmt: skip
        layers = Layers(L)
        if np.allclose(found, wrong(layers.forward, layers.backward, layers.x, L, every, layers.dy)):
            return f" It looks as if {words}."
    return ""


def everything(forward, backward, x, L, every, dy):
    inputs = [x]
    for k in range(L - 1):
        inputs.append(forward(k, inputs[-1]))
    for k in reversed(range(L)):
        dy = backward(k, inputs[k], dy)
    return dy


def from_the_start(forward, backward, x, L, every, dy):
    for k in reversed(range(L)):
        a = x
        for before in range(k):
            a = forward(before, a)
        dy = backward(k, a, dy)
    return dy


def segments(forward, x, L, every):
    """The inputs of the layers, and the last output."""
    inputs = [x]
    for k in range(L):
        inputs.append(forward(k, inputs[-1]))
    return inputs


def up(forward, backward, x, L, every, dy):
    inputs = segments(forward, x, L, every)
    for first in reversed(range(0, L, every)):
        for k in range(first, min(first + every, L)):
            dy = backward(k, inputs[k], dy)
    return dy


def outputs(forward, backward, x, L, every, dy):
    inputs = segments(forward, x, L, every)
    for k in reversed(range(L)):
        dy = backward(k, inputs[k + 1], dy)
    return dy


def whole_segments(forward, backward, x, L, every, dy):
    inputs = segments(forward, x, L, every)
    for k in reversed(range(L - L % every)):
        dy = backward(k, inputs[k], dy)
    return dy
