"""A computation graph, walked through step by step: values on the way forward, gradients on the way back."""

import re
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nbprop.record.lessons import Lesson
from nbprop.record.source import Shown, Walks, lacking
from nbprop.sources.walk import Walk

from .base import colors
from .base.layered import layered
from .base.view import Option, View, inches, new_axes, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INFIX = {"Add": "+", "Sub": "-", "Mul": "*", "Div": "/", "MatMul": "@", "TensorPower": "**"}
INFIX |= {"Remainder": "%", "FloorDivide": "//"}
UNSEEN, KNOWN, BEGUN, WRONG = range(4)  # states of a node: nothing yet, its value, some of its gradient, a wrong one
MARGIN, GAP, WIDEST = 3, 34, 112  # of the boxes of the nodes: beside all, between two, and how wide they get
UNKNOWN = "#b9bdc2"  # lines of what has not been computed yet
NARROW = 4.2  # text sizes that a box is wide where there is no room for such gaps
APART = 1.9  # heights of a box from one to the next below it, at most


class Graph(View):
    """How a number was computed: a box for each tensor, an edge to each operation that used it, with the local
    derivative on it. Step by step the values are computed from left to right, then the gradients from right to left.

    source   a Tensor with one element, before backward(), computed from at most 40 tensors; or a Walk
    names    what to call tensors: {"x": x}; also as keywords, Graph(y, x=x, w=w). The others get letters, the end is L

    Options: `order` of the way back, "right" (a gradient is handed on when all of it has arrived) or "wrong" (at once);
    `step`, 0 to `last`. A negative step counts from the end, as in lists: -1 is the last.
    """

    name = "graph"
    title = "Computation graph"
    about = (
        "How a number was computed: a box for each value, a line to each operation that used it. On the way back each "
        "box gets its gradient: what has arrived behind it times the derivative on the line, and where lines meet the "
        "parts are added."
    )
    lesson = Lesson(1, "An expression is a graph")
    contract = (Walks,)
    shows = "a Tensor, nb.views.Graph(loss), or the Walk of one"
    order: str
    step: int
    options: tuple[Option, ...] = (
        Option("order", "order", (("right", "right: wait for all"), ("wrong", "wrong: at once")), "right"),
        Option("step", "step", range(1), 0),
    )

    def __init__(
        self,
        source: Any,
        names: dict | None = None,
        *,
        order: Literal["right", "wrong"] = "right",
        step: int = 0,
        **tensors: Any,
    ) -> None:
        if lacking(source, (Shown,)):  # a Tensor, or nothing of the kind, which Walk refuses
            source = Walk(source, {**(names or {}), **tensors})
        elif names or tensors:
            raise TypeError("Graph: expected names together with a Tensor; a Walk has its names already")
        if lacking(source, self.contract):
            super().__init__(source)
            return
        self.last = len(source.orders["right"]) - 1
        self.options = (type(self).options[0], Option("step", "step", range(self.last + 1), 0))
        counts = isinstance(step, int) and -self.last - 1 <= step < 0
        super().__init__(source, order=order, step=step + self.last + 1 if counts else step)
        self._layout = layered([node.inputs for node in source.nodes])
        self._edges = [(user, slot) for user, node in enumerate(source.nodes) for slot in range(len(node.inputs))]
        self._wrong = self._compared()
        # Room for the three lines of every box: in CSS pixels, and in inches.
        self.height = int(np.clip(100 + 60 * self._layout.rows, 280, 640))
        self.size = (8.0, float(np.clip(0.9 + 0.6 * self._layout.rows, 2.4, 6)))

    def _compared(self):
        """The nodes whose gradient the wrong order gets wrong."""
        right, wrong = (self.source.gradients(order) for order in ("right", "wrong"))
        return {i for i, (a, b) in enumerate(zip(right, wrong, strict=True)) if a is not None and not np.allclose(a, b)}

    # What is seen after a step.

    def _now(self):
        """The step, the nodes whose values are known, the gradients as far as they have arrived, the edges passed."""
        steps = self.source.orders[self.order]
        known = {i for i, node in enumerate(self.source.nodes) if not node.op}
        known |= {step.node for step in steps[: self.step + 1] if step.kind == "forward"}
        passed = {(step.user, step.slot) for step in steps[: self.step + 1] if step.kind == "backward"}
        return steps[self.step], known, self.source.gradients(self.order, self.step), passed

    def frame(self) -> dict[str, Any]:
        """nodes (n, 3): x, y (0 to 1), direction of their row; routes (k, 4): edge, x, y, direction of each point that
        an edge goes through; edges (m, 3): from, to, and where it arrives (part of a box's height, from its middle);
        grid (2,): nodes that have room beside and above each other. values, gradients (n,): a number, or the norm of
        an array; slopes (m,): local derivatives; NaN where there is none (yet). state (n,): 0 nothing yet, 1 its
        value, 2 some of its gradient, 3 a wrong one; passed (m,): 0 nothing, 1 a value, 2 a gradient; active (2,): the
        node and the edge of this step, -1 for none.
        """
        nodes = self.source.nodes
        step, known, gradients, passed = self._now()
        edge = self._edges.index((step.user, step.slot)) if step.kind == "backward" else -1
        state = [UNSEEN if i not in known else KNOWN if g is None else BEGUN for i, g in enumerate(gradients)]
        if step.kind == "end" and self.order == "wrong":
            state = [WRONG if i in self._wrong else at for i, at in enumerate(state)]
        slopes = [nodes[user].slopes[slot] if user in known else None for user, slot in self._edges]
        slopes = [slope if slope is not None and slope.size == 1 else None for slope in slopes]
        return {
            **self._constant("layout", self._layout, self._places),
            "values": _floats(node.value if i in known else None for i, node in enumerate(nodes)),
            "gradients": _floats(gradients),
            "slopes": _floats(slopes),
            "state": np.array(state, np.float32),
            "passed": np.array([2 if e in passed else int(e[0] in known) for e in self._edges], np.float32),
            "active": np.array([step.node, edge], np.float32),
        }

    def _places(self):
        layout, nodes = self._layout, self.source.nodes
        heights = [route[-2, 1] for route in layout.routes]  # where each edge comes from
        edges = []
        for k, (user, slot) in enumerate(self._edges):
            fan = [j for j, (other, _) in enumerate(self._edges) if other == user]
            fan.sort(key=lambda j: (heights[j], j))
            edges.append([nodes[user].inputs[slot], user, (fan.index(k) + 1) / (len(fan) + 1) - 0.5])
        points = [np.column_stack([np.full(len(route), k), route]) for k, route in enumerate(layout.routes)]
        return {
            "nodes": layout.nodes,
            "routes": np.concatenate(points).astype(np.float32),
            "edges": np.array(edges, np.float32),
            "grid": np.array([layout.columns, layout.rows], np.float32),
        }

    # In words.

    def labels(self) -> dict[str, Any]:
        """words: what happens in this step; nodes: name, symbol of the op, value and gradient, all that is known (tip);
        edges: the local derivative, and what passes (tip); marks."""
        step, known, gradients, _ = self._now()
        return {
            "words": self._words(step),
            "nodes": [self._node(i, i in known, gradients[i]) for i in range(len(self.source.nodes))],
            "edges": [self._edge(*edge, edge[0] in known) for edge in self._edges],
            "marks": self.marks(),
        }

    def marks(self) -> dict[str, str]:
        end = self.source.nodes[-1].name
        of = f"orange: the derivative of {end} with respect to the box"
        return {
            "value": "blue: what was computed, on the way forward; of an array its shape and norm",
            "gradient": f"{of}, as far as it has arrived; red: a wrong one",
            "slope": "on the edge: the derivative of the box that it leads to with respect to the one it comes from",
        }

    def _node(self, i, known, gradient):
        node = self.source.nodes[i]
        value = short(node.value) if known else ""
        arrived = short(gradient) if gradient is not None else ""
        made = f" = {expression(node, self._names(node))}" if node.op else ""
        tip = [f"{node.name}{made}"] + ([f"value {value}"] if value else [])
        if arrived:
            tip.append(f"{self._d(i)} {arrived}" + (" so far" if self._open(i) else ""))
        elif not node.needs:
            tip.append("no gradient: a constant")
        return {
            "name": node.name,
            "symbol": symbol(node),
            "value": "" if value == node.name else value,
            "gradient": arrived,
            "tip": "\n".join(tip + ([node.rule] if node.rule and node.value.size > 1 else [])),
        }

    def _open(self, i):
        """Does more of this gradient arrive later?"""
        later = self.source.orders[self.order][self.step + 1 :]
        return any(step.kind == "backward" and step.node == i for step in later)

    def _edge(self, user, slot, known):
        node, x = self.source.nodes[user], self.source.nodes[self.source.nodes[user].inputs[slot]]
        if not (known and node.needs and x.needs):
            return {"text": "", "tip": ""}
        slope = node.slopes[slot]
        if slope is None and node.value.size == 1:
            return {"text": "", "tip": ""}
        if slope is None:  # between two arrays it is a matrix, which nobody writes down
            sizes = f"{node.value.size} × {x.value.size} Jacobian, which is never built"
            return {"text": "VJP", "tip": f"d{node.name}/d{x.name}: a {sizes}\n{node.rule}"}
        brief = short(slope).partition(", ")[2] or short(slope)  # of an array the norm alone: there is little room
        return {"text": brief, "tip": f"d{node.name}/d{x.name} = {short(slope)}"}

    def _names(self, node):
        return [self.source.nodes[i].name for i in node.inputs]

    def _d(self, i):
        return f"d{self.source.nodes[-1].name}/d{self.source.nodes[i].name}"

    def _words(self, step):
        nodes, root = self.source.nodes, len(self.source.nodes) - 1
        if step.kind == "start":
            given = [f"{node.name} = {short(node.value)}" for node in nodes if not node.op and not _plain(node)]
            return f"Given: {', '.join(given)}. Forward: one operation after the other."
        if step.kind == "forward":
            node = nodes[step.node]
            names = expression(node, self._names(node))
            numbers = expression(node, [short(nodes[i].value) for i in node.inputs])
            scalar = all(nodes[i].value.size == 1 for i in (*node.inputs, step.node)) and numbers != names
            return " = ".join([node.name, names, *([numbers] if scalar else []), short(node.value)])
        if step.kind == "seed":
            return f"{self._d(root)} = 1. Backward: from the result to all that it was computed from."
        return self._words_back(step) if step.kind == "backward" else self._words_end()

    def _words_back(self, step):
        user, x = self.source.nodes[step.user], self.source.nodes[step.node]
        target, sent = self._d(step.node), self._d(step.user)
        slope = user.slopes[step.slot]
        if slope is None:
            product = f"{sent} · d{user.name}/d{x.name} = {short(step.part)}, a vector-Jacobian product"
        else:
            numbers = f"{_factor(step.sent)} * {_factor(slope)} = {short(step.part)}"
            product = f"{sent} * d{user.name}/d{x.name} = {numbers}"
        words = f"{target} += {product}"
        if user.inputs.count(step.node) > 1:
            words += f" (operand {step.slot + 1})"
        if step.before is not None:
            words += f". It was {short(step.before)} and is now {short(step.total)}"
        if step.has < step.of:
            words += f". Too early: {step.of - step.has} of {step.of} parts of {sent} are still to come"
        if slope is None:
            words += f". The rule of {user.op}: {user.rule}"
        if step.late:
            words += f". Too late: {x.name} has handed its gradient on already"
        return words + "."

    def _words_end(self):
        nodes = self.source.nodes
        leaves = [i for i, node in enumerate(nodes) if node.needs and not node.op]
        right, found = (self.source.gradients(order) for order in ("right", self.order))
        wrong = [i for i in leaves if i in self._wrong] if self.order == "wrong" else []
        if wrong:
            cases = [f"{self._d(i)} = {short(found[i])}, not {short(right[i])}" for i in wrong]
            return f"Wrong: {'; '.join(cases)}. A gradient was handed on before all of it had arrived."
        known = [f"{self._d(i)} = {short(found[i])}" for i in leaves if found[i] is not None]
        same = "" if self.order == "right" else " Here any order is right: nothing that was computed is used twice."
        return f"Done: {', '.join(known)}.{same}"

    def describe(self) -> str:
        step = self._now()[0]
        where = {"forward": ", forward", "seed": ", backward", "backward": ", backward"}.get(step.kind, "")
        return f"Step {self.step} of {self.last}{where}. {self._words(step)}"

    # In Matplotlib.

    def plot(self, ax=None) -> "Axes":
        from matplotlib.patches import FancyBboxPatch, PathPatch
        from matplotlib.path import Path

        ax = new_axes(ax, *self.size)
        frame, labels = self.frame(), self.labels()
        # In points; a figure without axes to label gives all its room to them.
        share = np.divide(ax.get_position().size, (0.775, 0.77))
        width, height = 72 * 0.97 * inches(ax) * share
        top = 34
        ax.set(xlim=(0, width), ylim=(height, 0))
        ax.axis("off")
        words = _wrapped(labels["words"], int(width / 4.9))
        head = ax.text(0, 0, words, fontsize=9, va="top", color=colors.FOREGROUND)
        head.set_in_layout(False)  # or a line that is a little too long would make the picture narrower
        boxes, curves = geometry(frame, width, height - top, 8)
        box_width, box_height = boxes[0, 2:]
        state, (active, now), taken = frame["state"], frame["active"], []
        for k, curve in enumerate(curves):
            color = (UNKNOWN, colors.MUTED, colors.KINDS["gradients"])[int(frame["passed"][k])]
            bezier = [Path.CURVE4] * 3
            for x0, y0, x1, y1, x2, y2, x3, y3 in curve:
                path = Path([(x0, y0 + top), (x1, y1 + top), (x2, y2 + top), (x3, y3 + top)], [Path.MOVETO, *bezier])
                ax.add_patch(PathPatch(path, facecolor="none", edgecolor=color, linewidth=2.2 if k == now else 1))
            if text := labels["edges"][k]["text"]:
                # Beside the other texts: where there is room, else in the middle.
                spots = [at(one, t) for one in curve for t in (0.5, 0.38, 0.62, 0.28, 0.72)]
                free = (s for s in spots if all(abs(s[0] - x) > 22 or abs(s[1] - y) > 8 for x, y in taken))
                x, y = next(free, spots[0])
                taken.append((x, y))
                halo = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"}
                ax.text(x, y + top, text, fontsize=6.5, color=colors.MUTED, ha="center", va="center", bbox=halo)
        for i, ((x, y, *_), node) in enumerate(zip(boxes, labels["nodes"], strict=True)):
            edge = (UNKNOWN, colors.MUTED, colors.KINDS["gradients"], colors.WARNING)[int(state[i])]
            corner = (x - box_width / 2, y + top - box_height / 2)
            box = FancyBboxPatch(corner, box_width, box_height, boxstyle="round,pad=0,rounding_size=3")
            box.set(facecolor="white", edgecolor=edge, linewidth=2.2 if i == active else 1)
            ax.add_patch(box)
            ink = colors.WARNING if state[i] == WRONG else colors.KINDS["gradients"]
            rows = [(f"{node['name']}  {node['symbol']}".strip(), colors.FOREGROUND, "bold"),
                    (node["value"], colors.KINDS["weights"], "normal"), (node["gradient"], ink, "normal")]  # fmt: skip
            for row, (words, color, weight) in enumerate(rows):
                size = min(8, box_height / 3.6, box_width / (0.62 * max(len(words), 1)))
                place = y + top + (row - 1) * box_height / 3.2 * bool(node["value"] or node["gradient"])
                ax.text(x, place, words, fontsize=size, color=color, weight=weight, ha="center", va="center")
        return ax


# Geometry: the same as in graph.js.


def geometry(frame, width, height, size) -> tuple[np.ndarray, list[Any]]:
    """Boxes (n, 4): middle, width, height; for each edge its cubic Bézier curves (k, 8). In the units of `width`."""
    columns, rows = frame["grid"]
    nodes = frame["nodes"]
    margin = MARGIN if (nodes[:, 2] > 0).all() else 16
    cell = (width - 2 * margin) / columns
    w = max(min(cell - GAP, WIDEST), min(0.74 * cell, NARROW * size))
    h = min(0.82 * height / rows, 3 * (size + 4) + 4)

    span = min(height - h, APART * h * (rows - 1))

    def place(x, y):
        return margin + w / 2 + x * (width - w - 2 * margin), height / 2 + (y - 0.5) * span

    boxes = np.column_stack([*place(nodes[:, 0], nodes[:, 1]), np.full(len(nodes), w), np.full(len(nodes), h)])
    curves = []
    for k, (_, _, entry) in enumerate(frame["edges"]):
        points = frame["routes"][frame["routes"][:, 0] == k, 1:]
        xs, ys = place(points[:, 0], points[:, 1])
        ys[-1] += entry * h
        curve = []
        for j in range(len(points) - 1):
            a, b = points[j, 2], points[j + 1, 2]
            x0 = xs[j] + (a * w / 2 if j == 0 else 0)
            x1 = xs[j + 1] - (b * w / 2 if j == len(points) - 2 else 0)
            bow = abs(x1 - x0) / 2 if a == b else 18
            curve.append([x0, ys[j], x0 + a * bow, ys[j], x1 - b * bow, ys[j + 1], x1, ys[j + 1]])
        curves.append(np.array(curve))
    return boxes, curves


def at(curve, t) -> np.ndarray:
    """The point (x, y) at t (0 to 1) of a cubic Bézier curve."""
    return np.array([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3]) @ np.reshape(curve, (4, 2))


# Words for numbers and operations.


def short(array) -> str:
    """A number; a few numbers; or the shape and the norm of an array."""
    array = np.asarray(array)
    if array.size == 1:
        return number(array.item())
    if array.ndim == 1 and array.size <= 3:
        return f"[{' '.join(number(x, 2) for x in array)}]"
    return f"{'×'.join(map(str, array.shape))}, norm {number(_norm(array), 2)}"


def symbol(node) -> str:
    """How an operation is written in its box: +, tanh, **2."""
    if node.op == "Power":
        return f"**{node.detail:g}"
    if node.op == "Neg":
        return "-"
    if node.op == "Slice":
        return "[…]"
    return INFIX.get(node.op) or _lower(node.op)


def expression(node, operands) -> str:
    """How it was computed, in terms of `operands` (texts): a * b, tanh(a), a**2."""
    several = [f"({each})" if each.startswith("-") or (" " in each and each[0] != "[") else each for each in operands]
    if node.op in INFIX:
        return f"{operands[0] if ' ' not in operands[0] else several[0]} {INFIX[node.op]} {several[1]}"
    if node.op == "Power":
        return f"{several[0]}**{node.detail:g}"
    if node.op == "Neg":
        return f"-{several[0]}"
    if node.op == "Slice":
        index = node.detail if isinstance(node.detail, int | tuple) else "…"
        return f"{operands[0]}[{str(index).strip('()') if 'slice' not in str(index) else '…'}]"
    return f"{_lower(node.op)}({', '.join(operands)})"


def _lower(op):
    """CrossEntropy -> cross_entropy, ReLU -> relu, LogSumExp -> logsumexp."""
    if op in ("LogSumExp", "LogAddExp", "LogCumSumExp", "SiLU"):
        return op.lower()
    special = {"BCEWithLogits": "bce_with_logits"}
    return special.get(op) or re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", "_", op).lower()


def _factor(array):
    text = short(array)
    return f"({text})" if text.startswith("-") or "," in text else text


def _plain(node):
    """Is it a plain number, whose name is its value?"""
    return not node.needs and node.value.size == 1 and node.name == f"{float(node.value.item()):.3g}"


def _norm(array):
    return np.linalg.norm(np.asarray(array, np.float64))


def _floats(arrays):
    """A number for each: itself or the norm; NaN for None."""
    numbers = [np.nan if a is None else float(a.item()) if a.size == 1 else _norm(a) for a in arrays]
    with np.errstate(over="ignore"):
        return np.array(numbers, np.float64).astype(np.float32)


def _wrapped(words, width):
    import textwrap

    return "\n".join(textwrap.wrap(words, width)[:3])
