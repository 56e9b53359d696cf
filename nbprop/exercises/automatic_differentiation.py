"""Exercises of notebook 13: the parts of an engine, forward mode, memory, and numbers of few bits."""

import numpy as np

from nbprop.engine import Tensor

from . import own_engine
from .exercise import Exercise, Mistake

# ---- the rule of a division


def divide_back(a, b, dy):
    return dy / b, -dy * a / b**2


def by_division(a, b, dy):
    a, b = Tensor(np.array(a), requires_grad=True), Tensor(np.array(b), requires_grad=True)
    (a / b).backward(np.array(dy))
    return a.grad, b.grad


# ---- broadcasting backward


def to_shape(dy, shape):
    dy = dy.sum(axis=tuple(range(dy.ndim - len(shape))))  # axes that the input does not have
    repeated = tuple(axis for axis, size in enumerate(shape) if size == 1)
    return dy.sum(axis=repeated, keepdims=True)


def by_broadcasting(dy, shape):
    x = Tensor(np.zeros(shape), requires_grad=True)
    (x + np.zeros(dy.shape)).backward(dy)
    return x.grad


def broadcast_case(rng):
    """An axis in front that the input does not have, and in the end one of size 1."""
    a, b, c = rng.permutation([2, 3, 4]).tolist()
    return rng.normal(size=(a, b, c)), (b, 1)


# ---- a loop over layers


def layers_backward(x, W, dy):
    a = [x]
    for each in W:
        a.append(np.tanh(a[-1] @ each))
    dW = np.zeros_like(W)
    for k in reversed(range(len(W))):
        dz = dy * (1 - a[k + 1] ** 2)
        dW[k] = a[k].T @ dz
        dy = dz @ W[k].T
    return dW, dy


def layers_by_engine(x, W, dy):
    a = start = Tensor(x, requires_grad=True)
    leaves = [Tensor(each, requires_grad=True) for each in W]
    for each in leaves:
        a = (a @ each).tanh()
    a.backward(dy)
    return np.array([each.grad for each in leaves]), start.grad


def layers_wrongly(x, W, dy, slope=lambda before, a: 1 - a**2, back=lambda W: W.T, late=0, order=1, final=True):
    a = [x]
    for each in W:
        a.append(np.tanh(a[-1] @ each))
    dW = np.zeros_like(W)
    for k in reversed(range(len(W))):
        dz = dy * slope(a[k] @ W[k], a[k + 1])
        dW[k] = a[k + late].T @ dz
        dy = dz @ back(W[k]) if k or final else dz
    return dW[::order], dy


def layers_case(rng):
    L, d = int(rng.integers(2, 6)), 4
    return rng.normal(size=(5, d)), rng.normal(size=(L, d, d)) / d**0.5, rng.normal(size=(5, d))


# ---- a layer of dual numbers


def dual_layer(x, dx, W, dW):
    y = np.tanh(x @ W)
    return y, (1 - y**2) * (dx @ W + x @ dW)


def dual_by_differences(x, dx, W, dW):
    """With a step that has a real part of 0: no digits are lost, however small it is (Squire and Trapp 1998)."""
    y = np.tanh((x + 1e-30j * dx) @ (W + 1e-30j * dW))
    return y.real, y.imag / 1e-30


# ---- the best step of a difference


def best_step(eps, f, f3):
    return (3 * eps * f / f3) ** (1 / 3)


def by_bisection(eps, f, f3):
    """Where the slope of the error, as a function of h, changes its sign."""
    low, high = 1e-12, 1e3
    for _ in range(200):
        h = (low * high) ** 0.5
        low, high = (h, high) if f3 * h / 3 < eps * f / h**2 else (low, h)
    return h


EXERCISES = (
    Exercise(
        name="division-backward",
        task="A division for the engine: write `divide_back(a, b, dy)` for $y = a / b$. It gets the two numbers and "
        r"$\partial L/\partial y$, and returns $\partial L/\partial a$ and $\partial L/\partial b$.",
        solution=divide_back,
        why=r"$y = a \cdot b^{-1}$. With respect to $a$ the derivative is $1/b$; with respect to $b$ it is $-a/b^2$, "
        "for $b^{-1}$ has the derivative $-b^{-2}$. What has arrived, `dy`, is multiplied by each: that is the "
        "chain rule.",
        case=lambda rng: (rng.uniform(1, 3), rng.uniform(1.5, 3), rng.uniform(0.5, 2)),
        truth=by_division,
        outputs=("da", "db"),
        mistakes=(
            Mistake(lambda a, b, dy: (1 / b, -a / b**2), "dy is missing: what has arrived is multiplied in."),
            Mistake(lambda a, b, dy: (dy / b, dy * a / b**2), "The sign is wrong: with a larger b, a / b is smaller."),
            Mistake(lambda a, b, dy: (dy * b, dy * a), "That is the rule of a product."),
            Mistake(lambda a, b, dy: (dy / b, -dy * a / b), "The derivative of 1 / b is -1 / b²."),
        ),
        hints=(
            "a / b is a times 1 / b.",
            "With respect to a it is 1 / b, with respect to b it is -a / b².",
            "Each is multiplied by dy.",
        ),
    ),
    Exercise(
        name="topological-order",
        task="Write `order(inputs, root)`. `inputs[k]` is a list of the numbers of the nodes from which node `k` was "
        "computed; the numbers say nothing about the order. Return a list of all nodes that `root` depends on, each "
        "once, and `root`, such that every node stands behind its inputs. The graph may be 5,000 nodes deep.",
        solution=own_engine.order,
        why="A node may be put into the list when all its inputs are in it. Whoever meets a node for the first time "
        "cannot know that yet: so it goes back onto the stack, marked as ready, and its inputs on top of it. When "
        "it is met again everything that was above it has been dealt with. `seen` keeps out what was met before. "
        "The stack is a list, which may grow as long as it likes; functions that call themselves may not.",
        judge=own_engine.not_an_order,
        mistakes=(
            Mistake(own_engine.depth_first, "raises RecursionError at 5,000 nodes in a row"),
            Mistake(lambda inputs, root: own_engine.order(inputs, root)[::-1], "It is the reverse"),
            Mistake(own_engine.with_repetitions, "is in the list twice"),
            Mistake(own_engine.breadth_first, "stands before its input"),
            Mistake(lambda inputs, root: list(range(len(inputs))), "is not needed"),
            Mistake(lambda inputs, root: own_engine.order(inputs, root)[:-1], "is missing, though"),
        ),
        hints=(
            "A node may be put into the list when all its inputs are in it.",
            "Begin at the root, with a stack. A node that is met for the first time goes back onto the stack, marked "
            "as ready, and its inputs on top of it.",
            "When a node is met that is marked, its inputs are done: append it.",
        ),
    ),
    Exercise(
        name="unbroadcast",
        task="An input of shape `shape` was broadcast to the shape of the result. Write `to_shape(dy, shape)`: from "
        r"$\partial L/\partial y$ the gradient of that input, an array of shape `shape`.",
        solution=to_shape,
        why="To broadcast is to use one number several times, and a number that is used several times gets the sum "
        "of what comes back. Axes that stand in front of those of the input were made by repeating all of it; an "
        "axis of size 1 was repeated along that axis, and has to keep its place: `keepdims=True`.",
        case=broadcast_case,
        edges=tuple((np.arange(12.0).reshape(4, 3) ** 2, shape) for shape in ((3,), (4, 3), ())),
        truth=by_broadcasting,
        mistakes=(
            Mistake(
                lambda dy, shape: dy, "The gradient has to have the shape of the input: sum over what was repeated."
            ),
            Mistake(
                lambda dy, shape: to_shape(dy, shape) / (dy.size / np.prod(shape)),
                "That is the mean over the copies. Each copy had its own effect on L: they are added.",
            ),
            Mistake(
                lambda dy, shape: dy[(0,) * (dy.ndim - len(shape))][tuple(slice(None if n > 1 else 1) for n in shape)],
                "That is the gradient of one copy. The input was used by all of them: add them up.",
            ),
            Mistake(
                lambda dy, shape: dy.sum(axis=tuple(range(dy.ndim - len(shape)))),
                "Axes in front are summed, but an axis of size 1 was repeated as well.",
            ),
            Mistake(
                lambda dy, shape: dy.sum(axis=tuple(range(dy.ndim - len(shape)))).sum(
                    axis=tuple(axis for axis, size in enumerate(shape) if size == 1)
                ),
                "An axis of size 1 has to stay: keepdims=True.",
            ),
        ),
        hints=(
            "To broadcast is to use a number several times. What happens to gradients then?",
            "Sum over the axes that the input does not have (they are in front), and over those where its size is 1.",
            "`dy.sum(axis=..., keepdims=True)` keeps an axis of size 1.",
        ),
    ),
    Exercise(
        name="layers-backward",
        task=r"A network of $L$ layers, $a_{k+1} = \tanh(a_k W_k)$, with `x` (n, d) and `W` (L, d, d). Write "
        r"`layers_backward(x, W, dy)`, where `dy` (n, d) is $\partial L/\partial a_L$. Return `dW` (L, d, d) and `dx` "
        "(n, d).",
        solution=layers_backward,
        why=r"Forward, all activations are kept. Back, in each layer first through tanh, $dz = dy \odot (1 - "
        r"a_{k+1}^2)$; then $dW_k = a_k^\top dz$, with the input of the layer, and the gradient of that input, $dz\, "
        r"W_k^\top$, which is `dy` of the layer before. What is left in the end belongs to x.",
        case=layers_case,
        truth=layers_by_engine,
        outputs=("dW", "dx"),
        mistakes=(
            Mistake(lambda x, W, dy: layers_wrongly(x, W, dy, lambda z, a: 1), "The slope of tanh is missing: 1 - a²."),
            Mistake(
                lambda x, W, dy: layers_wrongly(x, W, dy, lambda z, a: 1 - z**2),
                "The slope of tanh is 1 - a² with its output a, not with what goes in.",
            ),
            Mistake(lambda x, W, dy: layers_wrongly(x, W, dy, back=lambda W: W), "Back it goes through W transposed."),
            Mistake(
                lambda x, W, dy: layers_wrongly(x, W, dy, late=1),
                "The gradient of a weight has the input of its layer as a factor, not its output.",
            ),
            Mistake(
                lambda x, W, dy: layers_wrongly(x, W, dy, order=-1),
                "The list is the wrong way round: it was filled from the last layer to the first.",
            ),
            Mistake(
                lambda x, W, dy: layers_wrongly(x, W, dy, final=False),
                "This is dL/dz of the first layer; from there to x it goes through W[0], as in all layers.",
            ),
        ),
        hints=(
            "Forward first, with a list of all activations. Then a loop from the last layer to the first.",
            "In the loop: dz from dy and the slope, dW[k] from dz and the input of the layer, then the dy of the layer "
            "before.",
            "`dz = dy * (1 - a[k + 1]**2)`, `dW[k] = a[k].T @ dz`, `dy = dz @ W[k].T`.",
        ),
    ),
    Exercise(
        name="dual-layer",
        task=r"Forward mode through a layer $y = \tanh(x W)$: write `dual_layer(x, dx, W, dW)`, where `x` (n, d) moves "
        "along `dx` and `W` (d, m) along `dW`. Return `y` and `dy`, how fast `y` changes, both (n, m).",
        solution=dual_layer,
        why="A product changes with both of its factors, so x W changes by dx W + x dW. And tanh multiplies any "
        "change by its slope at that place, 1 - y². All of it goes forward, together with the value.",
        case=lambda rng: tuple(rng.normal(size=shape) for shape in ((4, 3), (4, 3), (3, 2), (3, 2))),
        truth=dual_by_differences,
        outputs=("y", "dy"),
        mistakes=(
            Mistake(
                lambda x, dx, W, dW: (np.tanh(x @ W), (1 - np.tanh(x @ W) ** 2) * (dx @ W)),
                "W moves too: x @ dW is missing.",
            ),
            Mistake(
                lambda x, dx, W, dW: (np.tanh(x @ W), (1 - np.tanh(x @ W) ** 2) * (x @ dW)),
                "x moves too: dx @ W is missing.",
            ),
            Mistake(
                lambda x, dx, W, dW: (np.tanh(x @ W), dx @ W + x @ dW), "This is how fast x W changes. Then comes tanh."
            ),
            Mistake(
                lambda x, dx, W, dW: (np.tanh(x @ W), (1 - np.tanh(x @ W) ** 2) * (dx @ dW)),
                "The derivative of a product is not the product of the derivatives.",
            ),
            Mistake(
                lambda x, dx, W, dW: (np.tanh(x @ W), np.tanh(dx @ W + x @ dW)),
                "What moves goes through the slope of tanh, a factor, not through tanh itself.",
            ),
        ),
        hints=(
            "How fast does the product x W change, if both factors change?",
            "dx W + x dW. And tanh multiplies that by its slope.",
            "`(1 - y**2) * (dx @ W + x @ dW)`.",
        ),
    ),
    Exercise(
        name="checkpointed-backward",
        task="Write `checkpointed(forward, backward, x, L, every, dy)`, which returns $\\partial L/\\partial x$. "
        "`forward(k, a)` is the output of layer `k` (0 to L - 1) for its input `a`; `backward(k, a, dy)` takes the "
        "layer's *input* and the gradient of its output, and gives that of its input. Keep the input of every "
        "`every`-th layer; on the way back compute the others once more, one segment at a time.",
        solution=own_engine.checkpointed,
        why="The inputs of the layers 0, every, 2 every, ... are enough to compute all others. So the segments are "
        "taken from the last to the first. The inputs of all layers of one are computed from its checkpoint; then "
        "the walk back goes through it, and what it has used is let go. The last segment may be shorter than the "
        "others.",
        judge=own_engine.not_checkpointed,
        mistakes=(
            Mistake(own_engine.everything, "arrays at once"),
            Mistake(own_engine.from_the_start, "times are enough: each layer once more"),
            Mistake(own_engine.up, "walked from the first to the last"),
            Mistake(own_engine.outputs, "a layer needs its input for the way back"),
            Mistake(own_engine.whole_segments, "is the last, shorter segment complete?"),
        ),
        hints=(
            "Forward: a dict of the inputs of layers 0, every, 2 every, ... Nothing else is kept.",
            "Back: the segments from the last to the first. Of each, the inputs of all its layers come from its "
            "checkpoint, by `forward`.",
            "Then the layers of the segment from the last to the first: `dy = backward(k, inputs[k - first], dy)`. The "
            "last segment may be shorter. Let a checkpoint go (`pop`) when its segment is done.",
        ),
    ),
    Exercise(
        name="best-step",
        task="A central difference with step $h$ is off by about "
        r"$\varepsilon |f| / h$ (rounding) $+\; h^2 |f'''| / 6$ (the bend). Write `best_step(eps, f, f3)`: the $h$ for "
        r"which the sum is smallest, from $\varepsilon$, $|f|$ and $|f'''|$.",
        solution=best_step,
        why=r"The sum is smallest where its derivative is zero: $-\varepsilon |f| / h^2 + h\, |f'''| / 3 = 0$. "
        r"Multiplied by $h^2$ that is $h^3 = 3\, \varepsilon |f| / |f'''|$. With $\varepsilon = 10^{-16}$ the root "
        "is near $10^{-5}$, and in float32 near 0.01.",
        case=lambda rng: (10 ** rng.uniform(-16, -7), rng.uniform(0.5, 5), rng.uniform(0.5, 5)),
        truth=by_bisection,
        mistakes=(
            Mistake(lambda eps, f, f3: eps ** (1 / 3), "f and f''' are missing: it depends on the function, too."),
            Mistake(lambda eps, f, f3: (eps * f / f3) ** (1 / 3), "A factor under the root is missing."),
            Mistake(
                lambda eps, f, f3: (6 * eps * f / f3) ** (1 / 3),
                "There both errors are equal. The sum is smallest where its derivative is 0.",
            ),
            Mistake(
                lambda eps, f, f3: (3 * eps * f / f3) ** 0.5,
                "A square root belongs to a one-sided difference, whose bend costs h, not h².",
            ),
            Mistake(lambda eps, f, f3: 3 * eps * f / f3, "This is h³."),
        ),
        hints=(
            "Where is the derivative of the sum with respect to h zero?",
            "-eps f / h² + h f3 / 3 = 0.",
            "h³ = 3 eps f / f3.",
        ),
    ),
    Exercise(
        name="loss-scale",
        task="The gradients of a network are as small as $3 \\cdot 10^{-9}$. Numbers of float16 have their full eleven "
        "bits from $2^{-14}$ on. By which power of two must the loss at least be multiplied, so that none of these "
        "gradients loses bits? Give the factor.",
        solution=32768,
        why=r"$2^{-14}$ is $6.1 \cdot 10^{-5}$, and that is 20,345 times as much as $3 \cdot 10^{-9}$. The next "
        "power of two is $2^{15} = 32768$. A power of two changes the exponent of a number and none of its digits.",
        mistakes=(
            Mistake(15, "That is the exponent: the factor is 2 to that power."),
            Mistake(16384, "Then the smallest becomes 4.9e-5, which is still below 2⁻¹⁴ = 6.1e-5."),
            Mistake(32, "Then it is not 0 any more, but has a single bit: 2⁻²⁴ is the smallest number of all."),
            Mistake(
                65536, "That is twice as large as needed, and float16 ends at 65504: the factor itself would be inf."
            ),
            Mistake(2**-14 / 3e-9, "That is how many times too small they are. A power of two changes no other bit."),
        ),
        hints=("2⁻¹⁴ is 6.1e-5. How many times larger is that?", "20,345 times. The next power of two?"),
    ),
)
