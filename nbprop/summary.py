"""What a model consists of and what it costs, layer by layer."""

import copy
from dataclasses import asdict, dataclass, replace
from html import escape
from typing import Any

import numpy as np

from .engine import record
from .flops import flops
from .nn.embedding import Embedding
from .nn.layers import Linear
from .nn.module import as_tensor

HEAD = ("layer", "kind", "parameters", "output", "FLOPs forward", "backward", "memory forward", "backward")


@dataclass
class Row:
    """One module's own part: what the modules inside it do stands in their rows. Memory in bytes."""

    name: str
    kind: str
    output: tuple | None = None  # shape
    parameters: int = 0
    flops_forward: int = 0
    flops_backward: int = 0
    memory_forward: int = 0
    memory_backward: int = 0

    def cells(self) -> list[str]:
        """In words, in the order of HEAD."""
        counts = [f"{n:,}" for n in (self.parameters, self.flops_forward, self.flops_backward)]
        memory = [_bytes(n) for n in (self.memory_forward, self.memory_backward)]
        return [self.name, self.kind, counts[0], "" if self.output is None else str(self.output), *counts[1:], *memory]


class Summary:
    """What `model.summary()` returns. rows: a Row for each module, the outer before the inner; total: their sums.

    parameters: what is used in several places counts in the first.
    flops_forward, flops_backward: of one batch; see nbprop/flops.py.
    memory_forward: of what a batch leaves for the way back: results, and all that the ops keep.
    memory_backward: of the gradients of all results and parameters.
    """

    def __init__(self, model, input_shape=None) -> None:
        named, counted, self.rows = model.named_modules(), set(), []
        for name, module in named:
            own = set(module.parameters(recurse=False)) - counted
            counted |= own
            size, nbytes = sum(p.size for p in own), sum(p.data.nbytes for p in own)
            self.rows.append(Row(name or "model", type(module).__name__, None, size, memory_backward=nbytes))
        batch, self.input_shape = _example(model, input_shape), None
        self.note = "for shapes, FLOPs and memory give the shape of a batch: model.summary((32, 1, 28, 28))"
        if batch is not None:
            try:
                self.rows = _run(copy.deepcopy(model), batch, self.rows)
                self.input_shape, self.note = batch.shape, f"for a batch of shape {batch.shape}"
            except Exception:
                if input_shape is not None:  # else it was a bad guess
                    raise
        leaf = [not module.named_children() for _, module in named]  # others are shown if they do something themselves
        self.rows = [row for i, row in enumerate(self.rows) if leaf[i] or row.parameters or row.memory_forward]
        sums = np.sum([list(asdict(row).values())[3:] for row in self.rows] or [[0] * 5], axis=0)
        self.total = Row("total", "", None, *sums.tolist())

    def table(self) -> list[Any]:
        """The texts of all cells: head, rows, total."""
        lines = [list(HEAD), *(row.cells() for row in [*self.rows, self.total])]
        return lines if self.input_shape else [line[:3] for line in lines]

    def __repr__(self) -> str:
        lines = self.table()
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        padded = [[f"{cell:{'<>'[i > 1]}{widths[i]}}" for i, cell in enumerate(line)] for line in lines]
        return "\n".join([*map("  ".join, padded), self.note])

    def _repr_html_(self):
        head, *lines = ["".join(f"<td>{escape(cell)}</td>" for cell in line) for line in self.table()]
        rows = "".join(f"<tr>{line}</tr>" for line in lines)
        head = head.replace("td>", "th>")
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table><p>{escape(self.note)}</p>"


def _example(model, shape):
    """A batch of zeros, a Tensor; None if no shape is given and none can be guessed from the first layer."""
    if isinstance(shape, np.ndarray):
        return as_tensor(shape)
    first = next((m for m in model.modules() if m.parameters(recurse=False)), None)
    if shape is None:
        if not isinstance(first, Linear):
            return None
        shape = (1, first.in_features)
    return as_tensor(np.zeros(shape, np.int64 if isinstance(first, Embedding) else model.theta.dtype))


def _run(model, batch, rows):
    """Copies of the rows with what each module does to the batch. The model, a copy too, is changed."""
    rows = {module: replace(row) for module, row in zip(model.modules(), rows, strict=True)}
    running, settled = [], []
    held = {id(_memory(p.data)) for p in [batch, *model.parameters()]}

    def settle():
        """What has been done since the last call was done by the module that is running."""
        for node in tape.nodes[len(settled) :]:
            settled.append(node)
            _add(running[-1], node, held)

    def watch(module, forward):
        def watched(*inputs, **options):
            settle()
            running.append(rows[module])
            output = forward(*inputs, **options)
            settle()
            running.pop().output = (output[0] if isinstance(output, tuple) else output).shape
            return output

        object.__setattr__(module, "forward", watched)

    for module in rows:
        watch(module, module.forward)
    with record() as tape:
        model(batch)
    return list(rows.values())


def _add(row, node, held):
    forward, backward = flops(node)
    row.flops_forward += forward
    row.flops_backward += backward
    row.memory_backward += node.data.nbytes * node.requires_grad
    for array in _arrays([node.data, vars(node.op)]):
        memory = _memory(array)
        if id(memory) not in held:
            held.add(id(memory))
            row.memory_forward += memory.nbytes


def _arrays(value):
    """All arrays in it, however deep."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, (dict, list, tuple)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _arrays(item)


def _memory(array):
    """The array to which the memory of this one belongs."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _bytes(n):
    return f"{n:,} B" if n < 1024 else f"{n / 1024:,.1f} KB" if n < 2**20 else f"{n / 2**20:,.1f} MB"
