"""Exercises of notebook 01: the chain rule on paper, and the two ways to apply it to a graph.

A graph is given by two lists. `inputs[k]` holds the numbers of the nodes from which node k was computed, all of them
smaller than k; `slopes[k]` the local derivatives with respect to these. The last node is the result L.
"""

import numpy as np

from nbprop.derivatives import grad
from nbprop.engine import Tensor

from .exercise import Exercise, Mistake


def slope(x):
    b = x**2
    t = np.tanh(b)
    return (t + b * (1 - t**2)) * 2 * x


def neuron_gradient(x, w, b, y):
    a = np.tanh(w * x + b)
    dz = 2 * (a - y) * (1 - a**2)
    return dz * x, dz


def backward(inputs, slopes):
    grad = np.zeros(len(inputs))
    grad[-1] = 1
    for k in reversed(range(len(inputs))):
        for i, slope in zip(inputs[k], slopes[k], strict=True):
            grad[i] += grad[k] * slope
    return grad


def forward_mode(inputs, slopes, x):
    dot = np.zeros(len(inputs))
    dot[x] = 1
    for k in range(x + 1, len(inputs)):
        for i, slope in zip(inputs[k], slopes[k], strict=True):
            dot[k] += slope * dot[i]
    return dot


# ---- the same in another way -----------------------------------------------------------------------------------------


def _product(b):
    return b * b.tanh()


def _neuron(x, w, b, y):
    w, b = Tensor(np.array(w), requires_grad=True), Tensor(np.array(b), requires_grad=True)
    (((w * x + b).tanh() - y) ** 2).backward()
    return w.grad, b.grad


def _matrix(inputs, slopes):
    """S[k, i]: how fast node k moves with node i, by the edges between them alone."""
    S = np.zeros((len(inputs), len(inputs)))
    for k, (some, each) in enumerate(zip(inputs, slopes, strict=True)):
        np.add.at(S[k], some, each)
    return S


def _all_gradients(inputs, slopes):
    """grad = e_L + S^T grad, as a system of linear equations."""
    n = len(inputs)
    return np.linalg.solve(np.eye(n) - _matrix(inputs, slopes).T, np.eye(n)[-1])


def _all_tangents(inputs, slopes, x):
    n = len(inputs)
    return np.linalg.solve(np.eye(n) - _matrix(inputs, slopes), np.eye(n)[x])


# ---- random tests, typical mistakes ----------------------------------------------------------------------------------


def _graph(rng):
    """Two leaves, then nodes made from one or two earlier ones; node 2 is used at least twice."""
    n = int(rng.integers(6, 10))
    inputs = [[], [], [0, 1], [2], *([int(rng.integers(k)), k - 1] for k in range(4, n - 1)), [2, n - 2]]
    return inputs, [[float(rng.uniform(0.5, 2)) for _ in some] for some in inputs]


def _graph_and_node(rng):
    inputs, slopes = _graph(rng)
    return inputs, slopes, int(rng.integers(len(inputs) - 2))


def _walk(inputs, slopes, order, add=True, use=True, seed=1.0):
    """Reverse accumulation with something left out."""
    found = np.zeros(len(inputs))
    found[-1] = seed
    for k in order:
        for i, slope in zip(inputs[k], slopes[k], strict=True):
            part = (found[k] if use else 1) * slope
            found[i] = found[i] + part if add else part
    return found


def _hasty(inputs, slopes):
    """From L to its inputs, then to theirs, and so on: each node once, when it is first reached."""
    found, order = np.eye(len(inputs))[-1], [len(inputs) - 1]
    for k in order:
        for i, slope in zip(inputs[k], slopes[k], strict=True):
            found[i] += found[k] * slope
            order += [i] * (i not in order)
    return found


def _again_and_again(inputs, slopes):
    """A node is visited each time that it is reached."""
    found = np.eye(len(inputs))[-1]

    def visit(k):
        for i, slope in zip(inputs[k], slopes[k], strict=True):
            found[i] += found[k] * slope
            visit(i)

    visit(len(inputs) - 1)
    return found


def _tangents(inputs, slopes, x, add=True, use=True, all_nodes=False):
    dot = np.zeros(len(inputs))
    dot[x] = 1
    for k in range(0 if all_nodes else x + 1, len(inputs)):
        parts = [slope * (dot[i] if use else 1) for i, slope in zip(inputs[k], slopes[k], strict=True)]
        dot[k] = (sum(parts) if add else parts[-1] if parts else 0) if parts or all_nodes else dot[k]
    return dot


EXERCISES = (
    Exercise(
        name="chain-rule",
        task=r"Let $b = x^2$ and $L = b \cdot \tanh(b)$. Write `slope(x)`, which returns $dL/dx$. "
        r"(The derivative of $\tanh(b)$ is $1 - \tanh(b)^2$.)",
        solution=slope,
        why=r"From $b$ two paths lead to $L$: directly, as the first factor, and by way of $\tanh(b)$. Along a "
        r"path the local derivatives are multiplied, and the paths are added: $dL/db = \tanh(b) + b\,(1 - "
        r"\tanh^2 b)$. From $x$ to $b$ it is one step more, $db/dx = 2x$, so all of it is multiplied by $2x$.",
        case=lambda rng: (rng.uniform(0.3, 1.2),),
        truth=lambda x: grad(lambda x: _product(x**2))(np.array(x)),
        mistakes=(
            Mistake(
                lambda x: np.tanh(x**2) + x**2 * (1 - np.tanh(x**2) ** 2),
                "This is dL/db. From x to b there is one factor more, db/dx.",
            ),
            Mistake(
                lambda x: np.tanh(x**2) * 2 * x,
                "One path is missing: b reaches L by way of tanh(b) too.",
            ),
            Mistake(
                lambda x: x**2 * (1 - np.tanh(x**2) ** 2) * 2 * x,
                "One path is missing: b reaches L directly too, as the first factor.",
            ),
            Mistake(
                lambda x: np.tanh(x**2) * x**2 * (1 - np.tanh(x**2) ** 2) * 2 * x,
                "Along a path you multiply, but different paths are added.",
            ),
        ),
        hints=(
            "How many paths lead from b to L?",
            "Along each path multiply the local derivatives; then add the paths: that is dL/db.",
            "dL/dx = (tanh(b) + b (1 - tanh(b)²)) · 2x.",
        ),
    ),
    Exercise(
        name="neuron-gradient",
        task=r"A neuron computes $a = \tanh(wx + b)$; its loss is $L = (a - y)^2$. "
        r"Write `neuron_gradient(x, w, b, y)`, which returns the two numbers $\partial L/\partial w$ and "
        r"$\partial L/\partial b$.",
        solution=neuron_gradient,
        why=r"Walk back from $L$: $\partial L/\partial a = 2(a - y)$, and through tanh $\partial L/\partial z = "
        "2(a - y)(1 - a^2)$ with $z = wx + b$. In $z$ the weight is multiplied by $x$ and the bias by 1, so "
        r"$\partial L/\partial w = x\,\partial L/\partial z$ and $\partial L/\partial b = \partial L/\partial "
        "z$.",
        case=lambda rng: (rng.uniform(1.5, 3), rng.uniform(0.1, 0.4), rng.uniform(-0.3, 0.3), rng.uniform(1, 2)),
        truth=_neuron,
        outputs=("dw", "db"),
        mistakes=(
            Mistake(
                lambda x, w, b, y: (2 * (np.tanh(w * x + b) - y) * x, 2 * (np.tanh(w * x + b) - y)),
                "The local derivative of tanh is missing: 1 - a².",
            ),
            Mistake(
                lambda x, w, b, y: tuple((1 - np.tanh(w * x + b) ** 2) * k for k in (x, 1)),
                "The first step back is missing: dL/da = 2 (a - y).",
            ),
            Mistake(
                lambda x, w, b, y: tuple(
                    2 * (np.tanh(w * x + b) - y) * (1 - np.tanh(w * x + b) ** 2) * k for k in (w, b)
                ),
                "The local derivative of a product w x with respect to w is x; that of a sum with respect to b is 1.",
            ),
            Mistake(
                lambda x, w, b, y: tuple(2 * (np.tanh(w * x + b) - y) * (1 - (w * x + b) ** 2) * k for k in (x, 1)),
                "The derivative of tanh is 1 - a² with the value a after tanh, not with the one before.",
            ),
        ),
        hints=(
            "Walk back: from L to a, from a to z = w x + b, from there to w and to b.",
            "dL/dz = 2 (a - y) (1 - a²).",
            "Then dL/dw = dL/dz · x and dL/db = dL/dz · 1.",
        ),
    ),
    Exercise(
        name="backward-walk",
        task="Write backpropagation: `backward(inputs, slopes)` returns an array with dL/d(node) for every node. "
        "`inputs[k]` is a list of the numbers of the nodes from which node `k` was computed (all smaller than `k`), "
        "`slopes[k]` the list of the local derivatives with respect to them. The last node is L.",
        solution=backward,
        why="A node may hand its gradient on only when all of it has arrived. Everything it was used for has a "
        "larger number, so the walk goes from the last node to the first, and begins with $dL/dL = 1$. Node "
        r"$k$ gives each of its inputs $i$ the part $\frac{dL}{dk} \cdot \frac{\partial k}{\partial i}$; what "
        "comes along several ways is added, `+=`.",
        case=_graph,
        truth=_all_gradients,
        mistakes=(
            Mistake(
                lambda inputs, slopes: _walk(inputs, slopes, reversed(range(len(inputs))), add=False),
                "A gradient is overwritten where it should grow: a node that is used twice gets two parts, += .",
            ),
            Mistake(
                lambda inputs, slopes: _walk(inputs, slopes, range(len(inputs))),
                "Only the inputs of L have got anything. Walk from the last node to the first, so that a node has its "
                "gradient before it hands it on, and all the way: a `return` inside the loop ends it after one step.",
            ),
            Mistake(
                lambda inputs, slopes: _walk(inputs, slopes, reversed(range(len(inputs))), use=False),
                "The local derivatives are not multiplied with the gradient that the node itself has got.",
            ),
            Mistake(
                lambda inputs, slopes: _walk(inputs, slopes, reversed(range(len(inputs))), seed=0.0),
                "All is zero: the walk begins with dL/dL = 1.",
            ),
            Mistake(
                _hasty,
                "It is hasty: a node hands its gradient on before all of it has arrived, since another one still has a "
                "part for it. Visit the nodes by their numbers, from the last to the first.",
            ),
            Mistake(
                _again_and_again,
                "A node that is reached along several ways hands on each time all that it has, so that the first part "
                "is counted again: hand on once, when everything has arrived, or each time only what is new.",
            ),
            Mistake(
                lambda inputs, slopes: _walk(
                    [i[:1] for i in inputs], [s[:1] for s in slopes], reversed(range(len(inputs)))
                ),
                "Only the first input of each node gets its part: all inputs do.",
            ),
        ),
        hints=(
            "With which number does the walk begin, and at which node?",
            "Visit the nodes from the last to the first. What does node k give to each of its inputs?",
            "grad[i] += grad[k] * slope, for i and slope in zip(inputs[k], slopes[k]).",
        ),
    ),
    Exercise(
        name="forward-mode",
        task="Now the other way: `forward_mode(inputs, slopes, x)` returns an array with d(node)/dx for every "
        "node; `x` is the number of one of the nodes. `inputs` and `slopes` are as before.",
        solution=forward_mode,
        why="Node $x$ moves by itself: $dx/dx = 1$. What was computed before it does not move, and every later "
        r"node moves because its inputs do: $\frac{dk}{dx} = \sum_i \frac{\partial k}{\partial "
        r"i}\,\frac{di}{dx}$. The inputs of a node have smaller numbers, so one pass forward finds all, for "
        "this one $x$.",
        case=_graph_and_node,
        edges=(([[], [], [0, 1], [2, 0]], [[], [], [2.0, 3.0], [0.5, 4.0]], 3),),
        truth=_all_tangents,
        mistakes=(
            Mistake(
                lambda inputs, slopes, x: _tangents(inputs, slopes, x, all_nodes=True),
                "All is zero: dx/dx = 1 is missing, or has been overwritten. Begin behind node x.",
            ),
            Mistake(
                lambda inputs, slopes, x: _tangents(inputs, slopes, x, add=False),
                "Only the last input of each node counts: add up the parts of all its inputs.",
            ),
            Mistake(
                lambda inputs, slopes, x: _tangents(inputs, slopes, x, use=False),
                "The local derivatives are not multiplied with d(input)/dx.",
            ),
            Mistake(
                lambda inputs, slopes, x: _all_gradients(inputs, slopes),
                "These are the derivatives of L with respect to every node. Asked is every node with respect to x.",
            ),
            Mistake(
                lambda inputs, slopes, x: _tangents(inputs, slopes, 0),
                "That is with respect to node 0. `x` is the number of a node, and may be any.",
            ),
            Mistake(
                lambda inputs, slopes, x: _tangents(inputs, slopes, x) - np.eye(len(inputs))[x],
                "dx/dx is 1: node x moves by itself.",
            ),
        ),
        hints=(
            "Which node's derivative with respect to x do you know from the start?",
            "Go forward. Node k moves because its inputs move: one part for each of them.",
            "dot[x] = 1; then for every later k: dot[k] = the sum of slope * dot[i] over its inputs i.",
        ),
    ),
    Exercise(
        name="cost-of-a-gradient",
        task="A network has 100,000 weights, and to compute its loss once takes 2 milliseconds. How many **seconds** "
        "does the gradient take by central differences, $(L(w + h) - L(w - h)) / 2h$ for each weight?",
        solution=400.0,
        why="A central difference needs two losses for each weight: 200,000 losses. At 0.002 seconds each that is "
        "400 seconds, where backpropagation takes about as long as a few losses.",
        mistakes=(
            Mistake(200.0, "That is one loss for each weight. A central difference needs two."),
            Mistake(400_000.0, "That is in milliseconds."),
            Mistake(
                0.004, "That would be about one pass back, by backpropagation. Differences need two losses per weight."
            ),
            Mistake(200_000, "That is how many losses have to be computed. How long does it take?"),
        ),
        hints=("How many losses for one weight?", "200,000 losses of 0.002 seconds each."),
    ),
)
