"""A step cut into units: the ops of one call of a module, or those that no module made, with their equations."""

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from nbprop import nn
from nbprop.engine import Tensor
from nbprop.engine.tape import input_gradients, unbroadcast
from nbprop.equations import Equations, equations
from nbprop.flops import flops
from nbprop.record.layers import behind

INFIX = {"Add": "+", "Sub": "−", "Mul": "⊙", "Div": "/", "MatMul": "@"}
SIZES = (
    ("in_features", "out_features"),
    ("in_channels", "out_channels"),
    ("input_size", "hidden_size"),
    ("num_embeddings", "embedding_dim"),
)
SHOWN = 4  # rules of ops that are written down, of a layer that is explained by its ops


@dataclass(eq=False)
class Unit:
    """nodes: the tensors that its ops made. inputs: what it takes that was made outside, results first;
    parameters: those that it uses, with their names in the equations; outputs: what of `nodes` is used outside.

    uncounted: ops whose cost nobody knows. words: "" if it says its own equations, else why they are those of its ops.
    """

    module: Any
    name: str
    nodes: list[Tensor]
    inputs: list[Tensor] = field(default_factory=list)
    parameters: dict[str, nn.Parameter] = field(default_factory=dict)
    outputs: list[Tensor] = field(default_factory=list)
    equations: Any = None
    uncounted: set[str] = field(default_factory=set)

    @property
    def kind(self) -> str:
        """Of what class it is; of ops that no module made, what they are."""
        if self.module is not None:
            return type(self.module).__name__
        return ", ".join(dict.fromkeys(node.op.name for node in self.nodes))

    @property
    def output(self) -> Tensor:
        return self.outputs[0]

    def takes(self, x) -> bool:
        """Is this an input of the model, and no constant (a mask, the state from which a recurrent layer begins)?"""
        return x is self.inputs[0]

    def words(self, after=None) -> str:
        """What it is: Linear 2 → 4, tanh. after: the activation that follows."""
        module, kind = self.module, self.kind
        sizes = next(((a, b) for a, b in SIZES if hasattr(module, a) and hasattr(module, b)), None)
        kind += f" {getattr(module, sizes[0])} → {getattr(module, sizes[1])}" if sizes else ""
        kind += " (reverse)" if self.name.endswith("_reverse") else ""
        return kind + (f", {after.title()}" if after else "")

    def title(self, after=None) -> str:
        """In a word or two."""
        name = getattr(self.module, "name", "") if isinstance(self.module, nn.Activation) else ""
        return (name or self.kind) + (f" {after.title()}" if after else "")

    @cached_property
    def cost(self) -> tuple[int, int]:
        """FLOPs forward and backward, see nbprop/flops.py."""
        there = back = 0
        for node in self.nodes:
            try:
                forward, backward = flops(node)
            except ValueError:
                self.uncounted.add(node.op.name)
                continue
            there, back = there + forward, back + (backward if node.requires_grad else 0)
        return int(there), int(back)

    def handed_back(self) -> dict[Tensor, np.ndarray]:
        """What it alone adds to the gradient of each of its inputs and parameters."""
        own, found = set(self.nodes), {}
        for node in self.nodes:
            if node.grad is None:
                continue
            for i, (x, dx) in enumerate(zip(node.inputs, input_gradients(node, node.grad), strict=True)):
                if dx is not None and x.requires_grad and x not in own:
                    dx = unbroadcast(dx, node, i)
                    found[x] = found[x] + dx if x in found else np.array(dx)
        return found


def units_of(rehearsal) -> list[Unit]:
    """The units on the way from the input to the loss, in the order in which they were computed; the last gives it."""
    nodes, names = rehearsal.nodes, {id(module): name for name, module in rehearsal.model.named_modules()}
    owner: list[Any] = [None] * len(nodes)
    for number, (first, end) in enumerate(rehearsal.spans):  # inner calls end before outer ones
        for i in range(first, end):
            owner[i] = number if owner[i] is None else owner[i]
    needed, found, last = behind(rehearsal.loss), [], object()
    for node, number in zip(nodes, owner, strict=True):
        if node not in needed:
            continue
        if number != last or not found:
            module = None if number is None else rehearsal.calls[number][0]
            found.append(Unit(module, names.get(id(module), ""), []))
        found[-1].nodes.append(node)
        last = number
    _connect(found, rehearsal.loss)
    for unit in found:
        unit.equations = equations(unit.module, unit.nodes) if unit.module is not None else None
        names_of = (
            {id(value): attribute for attribute, value in vars(unit.module or object()).items()} if unit.module else {}
        )
        unit.parameters = _named(unit, names_of)
        unit.equations = unit.equations or _by_ops(unit)
    return found


def fused(units, users) -> list[tuple[Unit, Unit | None]]:
    """Each unit, with the activation that follows it, where nothing else uses what that one gets: a layer."""
    home, after = {x: unit for unit in units for x in unit.outputs}, {}
    for unit in units:
        before = home.get(unit.inputs[0]) if unit.inputs else None
        alone = before is not None and len(users[unit.inputs[0]]) == len(before.outputs) == 1
        if unit.equations.slope and before is not None and alone and not before.equations.slope:
            after[before] = unit
    taken = set(after.values())
    return [(unit, after.get(unit)) for unit in units if unit not in taken]


def _connect(units, loss):
    """Inputs and outputs of each."""
    home, used = {node: unit for unit in units for node in unit.nodes}, {}
    for unit in units:
        taken = dict.fromkeys(x for node in unit.nodes for x in node.inputs if home.get(x) is not unit)
        inputs = (x for x in taken if not isinstance(x, nn.Parameter))
        unit.inputs = sorted(inputs, key=lambda x: (x.op is None, not x.requires_grad))  # constants last
        unit.parameters = {str(i): x for i, x in enumerate(taken) if isinstance(x, nn.Parameter)}
        for x in taken:
            if x in home:
                used[x] = None
    for x in (*used, loss):
        home[x].outputs = list(dict.fromkeys([*home[x].outputs, x]))  # not `in`, which compares numbers


def _named(unit, attributes):
    """The parameters under the names that they have in the equations; others under that of their attribute."""
    known = unit.equations.parameters if unit.equations else {}
    found = {}
    for i, parameter in enumerate(unit.parameters.values()):
        attribute = attributes.get(id(parameter), "")
        found[known.get(attribute) or re.sub(r"\W", "_", attribute) or f"W{i + 1}"] = parameter
    return found


# ---- what says no equations of its own -------------------------------------------------------------------------------


def _by_ops(unit) -> Equations:
    """Of the ops that were run: what each computed, and the rule of each kind on the way back."""
    names: dict[Tensor, str] = {x: "{x}" if i == 0 else f"{{x{i + 1}}}" for i, x in enumerate(unit.inputs)}
    names |= {parameter: f"{{{name}}}" for name, parameter in unit.parameters.items()}
    output, arrays, lines = unit.output, {}, []
    for node in unit.nodes:
        if node is output:
            names[node] = "{y}"
        else:
            name = f"u{len(arrays) + 1}"
            names[node], arrays[name] = f"{{{name}}}", node.data
        lines.append(f"{names[node]} = {_expression(node, [names[x] for x in node.inputs])}")
    if len(lines) > 2 * SHOWN:
        lines = [*lines[:SHOWN], f"… {len(lines) - 2 * SHOWN} ops more …", *lines[-SHOWN:]]
    rules = {node.op.name: _rule(node.op) for node in unit.nodes if node.requires_grad}
    words = {name: rule for name, rule in list(rules.items())[-SHOWN:] if rule}
    inner = tuple(f"{name}: {rule}" for name, rule in words.items())
    ops, alone = ", ".join(reversed(rules)), unit.nodes[0].op if len(unit.nodes) == 1 else None
    simple = {"Slice": "{dy} where it was taken from, else 0", "Reshape": "{dy} in the shape of {x}"}
    back = simple.get(alone.name, "") if alone else ""
    if alone and alone.name == "Add" and all(x.shape == output.shape for x in unit.nodes[0].inputs):
        back = "{dy}"
    gradients = {name: f"what {{dy}} gives through {ops}" for name in unit.parameters}
    return Equations(
        tuple(lines),
        back or f"what {{dy}} gives back through {ops}",
        gradients=gradients,
        inner=() if back else inner,
        arrays=arrays,
    )


def _expression(node, operands):
    """How an op's result is written."""
    name = node.op.name
    if name in INFIX:
        return f" {INFIX[name]} ".join(operands)
    if name == "Power":
        return f"{operands[0]} to the power {node.op.exponent:g}"
    if name == "Neg":
        return f"−{operands[0]}"
    if name == "Slice":
        return f"{operands[0]}[{_index(node.op.index)}]"
    return f"{name[0].lower() + name[1:]}({', '.join(operands)})"


def _index(index):
    """An index as it is typed."""
    if isinstance(index, tuple):
        return ", ".join(map(_index, index))
    if isinstance(index, slice):
        parts = ["" if each is None else str(each) for each in (index.start, index.stop, index.step)]
        return ":".join(parts[: 2 + (index.step is not None)])
    return "…" if index is ... or np.ndim(index) else str(index)


def _rule(op):
    """The formula of an op and its derivative, from what its class says."""
    sentences = re.split(r"\.\s\s+|\.\n|\n\n", (type(op).__doc__ or "").strip())
    last = max((i for i, sentence in enumerate(sentences) if "dL/d" in sentence), default=0)
    return ". ".join(" ".join(each.split()) for each in sentences[: last + 1]).rstrip(".").replace("dL/d", "∂L/∂")
