"""A computation graph as plain data, and two walks back through it: the right one, and one that cannot wait.

A Walk holds copies: it can be shown and stepped long after the tensors are gone, and does not disturb their backward().
The derivatives are found by each op's own `backward`.
"""

import re
from copy import deepcopy
from dataclasses import dataclass
from itertools import count
from string import ascii_lowercase
from typing import Any

import numpy as np

from nbprop.engine import Tensor

MOST = 40  # tensors: more cannot be read in a picture
LETTERS = [letter for letter in ascii_lowercase if letter not in "dl"]  # dL/dd and dL/dl would be riddles


@dataclass(frozen=True)
class Node:
    """One tensor of the graph."""

    name: str
    op: str  # name of the op that made it; "" for a leaf, which nobody computed
    rule: str  # the formula of the op and its derivative, in words
    detail: Any  # what else the op was given: the exponent of a power, the index of a slice
    inputs: tuple[int, ...]  # numbers of the nodes that the op took
    value: np.ndarray
    needs: bool  # is there to be a gradient?
    slopes: tuple  # for each input d(this)/d(input), in the shape of the input; None where this is not one number


@dataclass(frozen=True)
class Step:
    """One step of a walk: a value is computed, or one part of a gradient arrives."""

    kind: str  # "start", "forward", "seed", "backward" or "end"
    node: int = -1  # whose value it is, or whose gradient grows
    user: int = -1  # backward: the node that hands its gradient on ...
    slot: int = -1  # ... to its input of this number
    sent: Any = None  # the gradient of `user` at this moment
    part: Any = None  # what is added
    before: Any = None  # the gradient of `node` before, None if nothing has arrived yet
    total: Any = None  # and after
    has: int = 0  # so many parts of the gradient of `user` have arrived ...
    of: int = 0  # ... out of so many
    late: bool = False  # `node` has handed its own gradient on already


class Walk:
    """The graph that ends in a tensor, and the steps of the walks through it.

    root    a Tensor with one element, before backward(); it was computed from one at least that requires a gradient
    names   what to call tensors: {"x": x, "w": w}. The others get letters, the root is L.
    most    more tensors than this are refused

    nodes   Node, every one after those it was computed from; the last is the root
    orders  "right": each node hands its gradient on when all of it has arrived (reverse topological order);
            "wrong": at once, when the first part has. Each a list of Step: start, forward, seed, backward, end.
    """

    # What a board asks of a source: nothing is running here.
    status, message, version, steps = "ready", "", 0, 0

    def __init__(self, root, names=None, most=MOST) -> None:
        tensors = _collect(_checked(root), most)
        self.numbers = {id(tensor): i for i, tensor in enumerate(tensors)}
        self._pulls = [_pull(tensor) for tensor in tensors]
        named = _named(tensors, names or {})
        self.nodes = tuple(self._node(*each) for each in zip(tensors, named, self._pulls, strict=True))
        forward = [Step("start")] + [Step("forward", i) for i, node in enumerate(self.nodes) if node.op]
        self.orders = {"right": forward + self._backward(self._patient), "wrong": forward + self._backward(self._hasty)}
        del self._pulls, self.numbers

    def __repr__(self) -> str:
        return f"Walk({len(self.nodes)} tensors, {len(self.orders['right'])} steps)"

    def gradients(self, order="right", step=None) -> list[Any]:
        """What has arrived of each node's gradient after this step (None: after the last): arrays, None for nothing."""
        steps = self.orders[order]
        found: list[Any] = [None] * len(self.nodes)
        for each in steps if step is None else steps[: step + 1]:
            if each.total is not None:
                found[each.node] = each.total
        return found

    def _node(self, tensor, name, pull):
        op, value = tensor.op, np.array(tensor.data)
        slopes = pull(np.ones_like(value)) if pull and value.size == 1 else (None,) * len(tensor.inputs)
        detail = next((getattr(op, key) for key in ("exponent", "index") if hasattr(op, key)), None)
        inputs = tuple(self.numbers[id(x)] for x in tensor.inputs)
        return Node(name, op.name if op else "", _rule(op), detail, inputs, value, tensor.requires_grad, slopes)

    def _backward(self, order):
        """The steps back, over the edges (user, slot) that `order` gives."""
        root = len(self.nodes) - 1
        one = np.ones_like(self.nodes[root].value)
        totals, arrived, left = {root: one}, {root: 0}, set()
        expected = self._uses()
        steps = [Step("seed", root, part=one, total=one)]
        for user, slot in order(totals):
            left.add(user)
            node = self.nodes[user].inputs[slot]
            part, before = self._pulls[user](totals[user])[slot], totals.get(node)
            totals[node] = part if before is None else before + part
            arrived[node] = arrived.get(node, 0) + 1
            counts = arrived[user], expected[user], node in left
            steps.append(Step("backward", node, user, slot, totals[user], part, before, totals[node], *counts))
        return [*steps, Step("end")]

    def _uses(self):
        """How many parts the gradient of each node is made of."""
        uses = [0] * len(self.nodes)
        for user, slot in self._patient({len(self.nodes) - 1}, follow=True):
            uses[self.nodes[user].inputs[slot]] += 1
        return uses

    def _edges(self, user):
        """The inputs (user, slot) to which this node hands a gradient."""
        pull = self._pulls[user]
        if pull is None:
            return []
        return [(user, slot) for slot, dx in enumerate(pull(np.ones_like(self.nodes[user].value))) if dx is not None]

    def _patient(self, reached, follow=False):
        """All edges, the last made nodes first: every node comes after all its uses."""
        for user in reversed(range(len(self.nodes))):
            if user in reached:
                for edge in self._edges(user):
                    if follow:
                        reached.add(self.nodes[user].inputs[edge[1]])
                    yield edge

    def _hasty(self, reached):
        """All edges; a node's turn comes at once when something has arrived."""
        root = len(self.nodes) - 1
        stack, seen = [iter(self._edges(root))], {root}
        while stack:
            edge = next(stack[-1], None)
            if edge is None:
                stack.pop()
                continue
            yield edge
            node = self.nodes[edge[0]].inputs[edge[1]]
            if node not in seen:
                seen.add(node)
                stack.append(iter(self._edges(node)))


def _checked(root):
    if not isinstance(root, Tensor):
        raise TypeError(f"Graph: expected a Tensor, such as the loss, got {type(root).__name__}")
    if root.op is None or not root.requires_grad:
        raise ValueError(
            "Graph: expected a Tensor that was computed from others, one of which has requires_grad=True; this one has "
            "no history: try w = nb.Tensor(2.0) and Graph(w * w)"
        )
    if root.size != 1:
        raise ValueError(f"Graph: expected one number at the end, got shape {root.shape}: try Graph(y.sum())")
    return root


def _collect(root, most):
    """The tensors that `root` was computed from and itself, each after its inputs, in the order in which one would
    compute them."""
    found, stack, seen = [], [(root, iter(root.inputs))], {id(root)}
    while stack:
        tensor, rest = stack[-1]
        if tensor.op is not None and (getattr(tensor.op, "released", False) or not tensor.inputs):
            raise ValueError(
                "Graph: backward() has been through this graph and let its values go. Compute it anew and draw it "
                "before backward(), or call backward(retain_graph=True)"
            )
        x = next(rest, None)
        if x is None:
            stack.pop()
            found.append(tensor)
        elif id(x) not in seen:
            seen.add(id(x))
            stack.append((x, iter(x.inputs)))
        if len(seen) > most:
            raise ValueError(
                f"Graph: expected at most {most} tensors, which can still be read; here are more. Draw a part of it "
                "(an earlier result, a smaller network), or compute with whole arrays, x @ w, not with single numbers"
            )
    return found


def _named(tensors, names):
    """A name for each tensor: the given ones, numbers for constants, letters for the rest."""
    given = {}
    for name, tensor in names.items():
        if not isinstance(tensor, Tensor):
            raise TypeError(f"Graph: {name}: expected a Tensor, got {type(tensor).__name__}")
        if not any(tensor is each for each in tensors):
            raise ValueError(f"Graph: {name}: expected a Tensor that the result was computed from; this one is not")
        given[id(tensor)] = str(name)
    taken = set(given.values())
    letters = (letter + (str(k) if k else "") for k in count() for letter in LETTERS)
    variables, constants = (map(prefix.format, count(1)) for prefix in ("x{}", "c{}"))
    found = []
    for tensor in tensors:
        name = given.get(id(tensor))
        if name is None and tensor is tensors[-1] and "L" not in taken:
            name = "L"
        if name is None and tensor.op is None and not tensor.requires_grad and tensor.size == 1:
            name = f"{float(tensor.item()):.3g}"
        if name is None:
            kind = letters if tensor.op is not None else variables if tensor.requires_grad else constants
            name = next(each for each in kind if each not in taken)
        taken.add(name)
        found.append(name)
    return found


def _pull(tensor):
    """The function from dL/dtensor to dL/dx for each input x, None where there is none. It works on a copy of the op,
    so nothing that the op keeps, or writes into, is touched."""
    if not tensor.requires_grad or tensor.op is None:
        return None
    op = deepcopy(tensor.op)

    def pull(dy):
        gradients = op.backward(np.array(dy))
        gradients = gradients if isinstance(gradients, tuple) else (gradients,)
        return tuple(
            None if dx is None or not x.requires_grad else _fit(np.array(dx), x.data)
            for x, dx in zip(tensor.inputs, gradients, strict=True)
        )

    return pull


def _fit(dx, x):
    """A gradient summed over the axes along which x was repeated."""
    dx = dx.sum(axis=tuple(range(max(dx.ndim - x.ndim, 0))))
    repeated = tuple(i for i, n in enumerate(x.shape) if n == 1 and dx.shape[i] != 1)
    return dx.sum(axis=repeated, keepdims=True).astype(x.dtype)


def _rule(op):
    """The formula of the op: its description up to the last sentence in which there is a derivative."""
    sentences = re.split(r"\.\s\s+|\.\n|\n\n", (type(op).__doc__ or "").strip()) if op else [""]
    last = max((i for i, sentence in enumerate(sentences) if "dL/d" in sentence), default=0)
    return ". ".join(" ".join(sentence.split()) for sentence in sentences[: last + 1]).rstrip(".")
