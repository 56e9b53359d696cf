"""Exercises of the notebook on going deep."""

import numpy as np

from nbprop import data, nn
from nbprop.engine import Tensor, norm
from nbprop.training import Diverged, Trainer

from .exercise import Exercise, Mistake

# ---- ways around ---------------------------------------------------------------------------------------------------


def growth(blocks, scale):
    return (1 + scale**2) ** blocks


def block_by_block(blocks, scale):
    moment = 1.0
    for _ in range(blocks):
        moment = moment + scale**2 * moment  # x and scale f(x) are independent: second moments add
    return moment


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def highway_backward(x, W, V, b, dy):
    h, t = np.tanh(x @ W.T), sigmoid(x @ V.T + b)
    through_h = (dy * t * (1 - h**2)) @ W
    through_gate = (dy * (h - x) * t * (1 - t)) @ V
    return dy * (1 - t) + through_h + through_gate


def highway_by_autodiff(x, W, V, b, dy):
    x = Tensor(x, requires_grad=True)
    h, t = (x @ W.T).tanh(), (x @ V.T + b).sigmoid()
    (t * h + (1 - t) * x).backward(dy)
    return x.grad


def highway_case(rng):
    return rng.normal(size=(4, 3)), *rng.normal(size=(2, 3, 3)), rng.normal(size=3), rng.normal(size=(4, 3))


def highway_without(x, W, V, b, dy, *, part):
    """The three ways back, without one of them."""
    h, t = np.tanh(x @ W.T), sigmoid(x @ V.T + b)
    ways = {"x": dy * (1 - t), "h": (dy * t * (1 - h**2)) @ W, "gate": (dy * (h - x) * t * (1 - t)) @ V}
    return sum(way for name, way in ways.items() if name != part)


# ---- norms ---------------------------------------------------------------------------------------------------------


def layer_norm_backward(x, w, dy, eps):
    s = np.sqrt(x.var(axis=1, keepdims=True) + eps)
    h = (x - x.mean(axis=1, keepdims=True)) / s
    g = dy * w
    return (g - g.mean(axis=1, keepdims=True) - h * (h * g).mean(axis=1, keepdims=True)) / s


def norm_case(rng):
    n, d = rng.integers(3, 6), rng.integers(4, 8)
    return 3 * rng.normal(size=(n, d)) + 1, rng.uniform(0.5, 2, size=d), rng.normal(size=(n, d)), rng.uniform(0.1, 1)


def by_the_op(make):
    def truth(x, w, dy, eps):
        op = make(eps)
        op.needs = (True, True)
        op.forward(x, w)
        return op.backward(dy)[0]

    return truth


def norm_wrong(x, w, dy, eps, centre=True, spread=True, axis=1, late=False):
    """The backward pass of a layer norm, with one thing that is not right."""
    s = np.sqrt(x.var(axis=axis, keepdims=True) + eps)
    h = (x - x.mean(axis=axis, keepdims=True)) / s
    g = dy if late else dy * w
    dx = g - (g.mean(axis=axis, keepdims=True) if centre else 0)
    dx = dx - (h * (h * g).mean(axis=axis, keepdims=True) if spread else 0)
    return dx / s * (w if late else 1)


def rms_norm_backward(x, w, dy, eps):
    s = np.sqrt((x**2).mean(axis=1, keepdims=True) + eps)
    h, g = x / s, dy * w
    return (g - h * (h * g).mean(axis=1, keepdims=True)) / s


def rms_wrong(x, w, dy, eps, spread=True, centre=False, h_of_w=False):
    s = np.sqrt((x**2).mean(axis=1, keepdims=True) + eps)
    h, g = x / s, dy * w
    dx = g - (h * (h * (dy if h_of_w else g)).mean(axis=1, keepdims=True) if spread else 0)
    return (dx - g.mean(axis=1, keepdims=True) if centre else dx) / s


# ---- mean field ----------------------------------------------------------------------------------------------------


def correlation(c):
    return (np.sqrt(1 - c**2) + c * (np.pi - np.arccos(c))) / np.pi


def correlation_by_integration(c):
    """2 E[relu(u) relu(v)] over the angle, on the arc where both are positive."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    found = []
    for angle in np.arccos(c):  # between the two inputs
        low, high = angle - np.pi / 2, np.pi / 2
        at = (low + high) / 2 + nodes * (high - low) / 2
        arc = (np.cos(at) * np.cos(at - angle)) @ weights * (high - low) / 2
        found.append(2 * 2 * arc / (2 * np.pi))  # E[r²] = 2
    return np.array(found)


def layers_until(chi, factor):
    return np.log(factor) / np.log(np.sqrt(chi))


def layers_by_counting(chi, factor):
    """Whole layers first, then the rest of one."""
    norm, layers, step = 1.0, 0.0, np.sqrt(chi)
    while norm * step > factor:
        norm, layers = norm * step, layers + 1
    return layers + (np.log(factor) - np.log(norm)) / np.log(step)


# ---- starts --------------------------------------------------------------------------------------------------------


def rescale(W, x):
    return W / (x @ W.T).std()


def rescaled_by_trial(W, x):
    """With the factor found by halving an interval."""
    low, high = 0.0, 1e6
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if (x @ (middle * W).T).var() < 1 else (low, middle)
    return middle * W


# ---- a hundred blocks ----------------------------------------------------------------------------------------------

BLOCKS, STEPS, ENOUGH = 100, 100, 0.7
EXAMPLE = 'dict(way="plain", norm="none", init="he", scale=1.0, lr=0.005)'
WAYS, NORMS = ("plain", "residual"), ("none", "pre", "post")


def hundred(way="plain", norm="none", init="he", scale=1.0, lr=0.005, seed=0):
    """A Trainer of 100 blocks, each a ReLU and a layer of 16 units, on the digits.

    way: "plain" or "residual", x + f(x). norm: a LayerNorm before the block ("pre"), behind it ("post"), or "none".
    init: of the block's weights, which are then multiplied by `scale`.
    """
    rng, d, blocks = np.random.default_rng(seed), 16, []
    for _ in range(BLOCKS):
        layer = nn.Linear(d, d, init=init, rng=rng)
        layer.weight.data *= scale
        inside = [*([nn.LayerNorm(d)] if norm == "pre" else []), nn.ReLU(), layer]
        blocks += [nn.Residual(*inside)] if way == "residual" else inside
        blocks += [nn.LayerNorm(d)] if norm == "post" else []
    model = nn.Sequential(nn.Linear(64, d, rng=rng), *blocks, nn.Linear(d, 10, rng=rng))
    return Trainer(model, data.digits(), lr=lr, batch_size=64, seed=seed, evaluate_every=STEPS)


def does_not_learn(settings):
    """None if a network of a hundred blocks with these settings learns; else what stands in its way."""
    if not isinstance(settings, dict) or not settings.keys() <= {"way", "norm", "init", "scale", "lr"}:
        return f"Expected settings such as {EXAMPLE}; got {settings!r}."
    for name, known in (("way", WAYS), ("norm", NORMS)):
        chosen = settings.get(name, known[0])
        if not isinstance(chosen, str) or chosen not in known:
            return f"{name} is one of {', '.join(known)}; got {chosen!r}."
    try:
        trainer = hundred(**settings)
        first, last = _gradients(trainer)
        if not first > 1e-4 * last:
            share = first / last if last else 0
            return f"The gradient vanishes: in the first block it is {share:.0e} times that of the last."
        if not first < 1e4 * last:
            return f"The gradient explodes: in the first block it is {first / last:.0e} times that of the last."
        trainer.fit(steps=STEPS - 1, bar=False)
    except Diverged as error:
        return f"The run diverges. {error}"
    except (TypeError, ValueError) as error:
        return f"{error}."
    accuracy = trainer.history["val_accuracy"][-1]
    if accuracy < ENOUGH:
        return (
            f"The gradient arrives, but after {STEPS} steps only {accuracy:.0%} of the validation digits are right, "
            f"{ENOUGH:.0%} are asked for."
        )
    return None


def _gradients(trainer):
    """Norms of dL/dz in the first and in the last block, in the first step."""
    trainer.watch()
    trainer.fit(steps=1, bar=False)
    dz = trainer.probe()["dz"]
    return dz[1], dz[BLOCKS]


EXERCISES = (
    Exercise(
        name="residual-growth",
        task="Blocks $y = x + s\\, f(x)$, one behind the other. Each $f$ keeps the second moment, "
        "$E[f(x)^2] = E[x^2]$, and its output is independent of $x$ with mean 0. Write `growth(blocks, scale)`: by "
        "which factor $E[y^2]$ has grown behind so many blocks, with $s$ = `scale`.",
        why="Second moments of independent numbers of mean 0 add: one block makes $E[x^2] + s^2 E[x^2]$ of "
        "$E[x^2]$. The next block begins with that, so the factors $1 + s^2$ multiply.",
        solution=growth,
        case=lambda rng: (int(rng.integers(2, 20)), rng.uniform(0.1, 1)),
        truth=block_by_block,
        mistakes=(
            Mistake(lambda n, s: (1 + s) ** (2 * n),
                    "Independent numbers: their second moments add, not their lengths."),
            Mistake(lambda n, s: (1 + s) ** n, "s multiplies f(x), so its square multiplies the second moment."),
            Mistake(lambda n, s: 1 + n * s**2, "A block adds to what all before it have made: the factors multiply."),
            Mistake(lambda n, s: 2.0**n, "That is with s = 1."),
            Mistake(lambda n, s: s ** (2 * n), "x itself goes into y, too: the way around is missing."),
            Mistake(lambda n, s: np.sqrt(1 + s**2) ** n, "That is the root: the spread, not the second moment."),
        ),
        hints=(
            "One block: $E[y^2] = E[x^2] + 2 s E[x f(x)] + s^2 E[f(x)^2]$. What is the middle term?",
            "It is 0. So a block multiplies by $1 + s^2$.",
        ),
    ),
    Exercise(
        name="highway-backward",
        task="A highway layer: $h = \\tanh(x W^\\top)$, $t = \\sigma(x V^\\top + b)$, "
        "$y = t \\odot h + (1 - t) \\odot x$. Write `backward(x, W, V, b, dy)`: $\\partial L/\\partial x$. x, dy are "
        "(n, d), W and V (d, d), b is (d,).",
        why="$x$ goes three ways into $y$, and what comes back along them adds up: around, times $1 - t$; through "
        "the layer $h$, times $t$ and the slope of tanh; through the gate, where $\\partial y/\\partial t = h "
        "- x$ and the slope is $t(1-t)$.",
        solution=highway_backward,
        case=highway_case,
        truth=highway_by_autodiff,
        mistakes=(
            Mistake(lambda *a: highway_without(*a, part="gate"),
                    "x also decides how far the gate opens: the way back through t is missing."),
            Mistake(lambda *a: highway_without(*a, part="x"), "The way around is missing: dy (1 - t)."),
            Mistake(lambda *a: highway_without(*a, part="h"), "The way through h is missing."),
            Mistake(
                lambda *a: 2 * highway_without(*a, part="gate") - highway_backward(*a),
                "The gate opens for h and closes for x: dy times (h - x), not (x - h).",
            ),
            Mistake(lambda x, W, V, b, dy: highway_backward(x, W, V, b, dy) + dy * sigmoid(x @ V.T + b),
                    "Around goes only the share 1 - t, not all of dy."),
            Mistake(lambda x, W, V, b, dy: highway_backward(x, W, V, 0 * b, dy), "The bias of the gate is forgotten."),
        ),
        hints=(
            "x goes three ways into y: through h, through t, and around.",
            "Around: dy (1 - t). To h comes dy t, to t comes dy (h - x).",
            "Then back through tanh, 1 - h², and through the sigmoid, t (1 - t), each with its own matrix.",
        ),
    ),
    Exercise(
        name="layer-norm-backward",
        task="A layer norm: $\\hat x = (x - m)/s$ and $y = w \\odot \\hat x + b$, with the mean $m$ and "
        "$s = \\sqrt{v + \\varepsilon}$ over the features of each sample. Write `backward(x, w, dy, eps)`: "
        "$\\partial L/\\partial x$. x, dy (n, d), w (d,).",
        why="Three ways lead from $x$ to $\\hat x$: directly, through the mean, through $s$. The second takes the "
        "mean of $g$ off, the third what lies along $\\hat x$, because the output does not change when $x$ is "
        "shifted or stretched.",
        solution=layer_norm_backward,
        case=norm_case,
        truth=by_the_op(norm.LayerNorm),
        mistakes=(
            Mistake(lambda *a: norm_wrong(*a, centre=False, spread=False),
                    "That takes m and s for constants: both depend on x."),
            Mistake(lambda *a: norm_wrong(*a, centre=False), "The way through the mean m is missing."),
            Mistake(lambda *a: norm_wrong(*a, spread=False), "The way through s is missing."),
            Mistake(lambda *a: norm_wrong(*a, axis=0),
                    "Mean and variance over the batch: that is batch norm. Here they are over the features, axis 1."),
            Mistake(
                lambda *a: norm_wrong(*a, late=True),
                "w comes between: what reaches x̂ is w dy, and the means are of that. Only for batch norm, where w is "
                "the same along the axis of the mean, does the order not matter.",
            ),
            Mistake(
                lambda x, w, dy, eps: layer_norm_backward(x, np.ones_like(w), dy, eps), "w is forgotten: dy w is what "
                "reaches x̂.",
            ),
        ),
        hints=(
            "What reaches x̂ is g = w dy. Three ways lead from x to x̂: directly, through m, through s.",
            "Directly: g / s. Through m: every number of the sample gets -mean(g) / s.",
            "Through s: -x̂ mean(x̂ g) / s. Means over axis 1, with keepdims=True.",
        ),
    ),
    Exercise(
        name="rms-norm-backward",
        task="RMSNorm takes no mean off: $\\hat x = x/s$ with $s = \\sqrt{\\text{mean of } x^2 + \\varepsilon}$ over "
        "the features, $y = w \\odot \\hat x$. Write `backward(x, w, dy, eps)`: $\\partial L/\\partial x$. x, dy "
        "(n, d), w (d,).",
        why="Without a mean in the forward pass there are two ways from $x$ to $\\hat x$: directly, and through "
        "$s$, with $\\partial s/\\partial x_i = x_i/(d s)$. The second takes off what lies along $\\hat x$.",
        solution=rms_norm_backward,
        case=norm_case,
        truth=by_the_op(norm.RMSNorm),
        mistakes=(
            Mistake(lambda *a: rms_wrong(*a, spread=False), "That takes s for a constant, and it depends on x."),
            Mistake(lambda *a: rms_wrong(*a, centre=True),
                    "There is no mean in the forward pass, so nothing comes back through one."),
            Mistake(layer_norm_backward, "That is the layer norm, with its mean."),
            Mistake(lambda *a: rms_wrong(*a, h_of_w=True), "Also in the second term it is w dy that reaches x̂."),
            Mistake(
                lambda x, w, dy, eps: rms_norm_backward(x, np.ones_like(w), dy, eps), "w is forgotten: what reaches x̂ "
                "is dy w.",
            ),
        ),
        hints=(
            "The layer norm had three terms. Which of them came through the mean?",
            "Leave that one out, and take s without the mean: (g - x̂ mean(x̂ g)) / s.",
        ),
    ),
    Exercise(
        name="relu-correlation",
        task="Two inputs have the correlation $c$. Behind a wide ReLU layer with weights of He (which keep $q = 1$) it "
        "is $2 E[\\mathrm{relu}(u)\\, \\mathrm{relu}(v)]$, for normal $u, v$ of variance 1 and correlation $c$. This "
        "expectation is $(\\sin\\theta + (\\pi - \\theta) \\cos\\theta)/2\\pi$, with the angle $\\theta$ between the "
        "inputs, $\\cos\\theta = c$. Write `correlation(c)`, for an array c (k,) between -1 and 1.",
        why="Only the angle between the two inputs counts. Put $\\theta = \\arccos c$, $\\sin\\theta = \\sqrt{1 - "
        "c^2}$ and $\\cos\\theta = c$ into the expectation; the factor 2 of He cancels the 2 of $2\\pi$. "
        "Equal inputs then keep the correlation 1.",
        solution=correlation,
        case=lambda rng: (rng.uniform(-0.95, 0.95, size=5),),
        truth=correlation_by_integration,
        mistakes=(
            Mistake(lambda c: correlation(c) / 2,
                    "The factor 2 of He is missing: equal inputs must keep the correlation 1."),
            Mistake(lambda c: (np.sqrt(1 - c**2) + c * np.arccos(c)) / np.pi,
                    "π - θ, not θ: the closer the inputs, the larger the share of the plane where both are positive."),
            Mistake(lambda c: c * (np.pi - np.arccos(c)) / np.pi,
                    "The term with the sine is missing. It is what makes even opposite inputs more alike."),
            Mistake(lambda c: c, "That would be a linear layer: ReLU makes inputs more alike."),
            Mistake(lambda c: (np.sin(c) + (np.pi - c) * np.cos(c)) / np.pi,
                    "c is the cosine of the angle, not the angle."),
        ),
        hints=(
            "First the angle: np.arccos(c).",
            "Its sine is the root of 1 - c².",
            "Two times the expectation: the 2 cancels.",
        ),
    ),
    Exercise(
        name="depth-scale",
        task="On its way back through a layer the *squared* norm of the gradient is multiplied by $\\chi$ (below 1). "
        "Write `layers_until(chi, factor)`: behind how many layers is the *norm* down to `factor` times what it was "
        "(`factor` below 1, the answer need not be whole)?",
        why="A layer multiplies the squared norm by $\\chi$, the norm by $\\sqrt\\chi$. Behind $n$ layers it is "
        "$\\chi^{n/2}$; set that to the factor and take logarithms on both sides.",
        solution=layers_until,
        case=lambda rng: (rng.uniform(0.6, 0.98), 10.0 ** rng.uniform(-6, -1)),
        truth=layers_by_counting,
        mistakes=(
            Mistake(lambda chi, f: np.log(f) / np.log(chi),
                    "χ multiplies the *square* of the norm: per layer the norm gets its root."),
            Mistake(lambda chi, f: np.log(f) / np.log(chi) / 2,
                    "The root of χ has *half* its logarithm: twice as many layers, not half as many."),
            Mistake(lambda chi, f: -1 / np.log(chi), "That is the depth scale ξ: until the square is down to 1/e."),
            Mistake(lambda chi, f: -layers_until(chi, f), "Both logarithms are below 0, so their quotient is above."),
            Mistake(lambda chi, f: (1 - f) / (1 - np.sqrt(chi)), "Each layer multiplies; nothing is taken off."),
        ),
        hints=(
            "By what is the norm multiplied in one layer?",
            "By the root of χ. And behind n layers by its n-th power: solve for n, with logarithms.",
        ),
    ),
    Exercise(
        name="lsuv-layer",
        task="One step of LSUV: write `rescale(W, x)`: the weights W (m, d), all multiplied by one number, so that "
        "$z = x W^\\top$ has the standard deviation 1, over all units and all samples of the batch x (n, d) together.",
        why="What comes out is linear in the weights: divided by its standard deviation, they give an output of "
        "standard deviation 1. One number for the whole layer keeps orthogonal weights orthogonal up to a "
        "factor.",
        solution=rescale,
        case=lambda rng: (rng.normal(size=(5, 4)), 2 * rng.normal(size=(12, 4)) + 1),
        truth=rescaled_by_trial,
        mistakes=(
            Mistake(lambda W, x: W / (x @ W.T).var(), "Divide by the standard deviation, not by the variance."),
            Mistake(lambda W, x: W / W.std(), "The output is to have the spread 1, not the weights: send x through."),
            Mistake(
                lambda W, x: W / (x @ W.T).std(axis=0)[:, None],
                "One number for all units: each by its own spread would turn what is orthogonal into something else.",
            ),
            Mistake(lambda W, x: W / np.sqrt(((x @ W.T) ** 2).mean()),
                    "That is the root of the second moment; the standard deviation is around the mean."),
            Mistake(lambda W, x: W * (x @ W.T).std(), "Multiplied instead of divided."),
        ),
        hints=(
            "What is the spread of x @ W.T now?",
            "z is linear in W: half the weights, half the spread.",
        ),
    ),
    Exercise(
        name="a-hundred-blocks",
        task=f"A hundred blocks of 16 ReLU units on the digits: `{EXAMPLE}` does not learn. `way` is `\"plain\"` or "
        "`\"residual\"` (x + f(x)); `norm` a layer norm before each block, `\"pre\"`, behind it, `\"post\"`, or "
        "`\"none\"`; `init` and `scale` (a factor) make the block's weights. Choose so that at least "
        f"{ENOUGH:.0%} of the validation digits are right after {STEPS} steps of Adam. Answer with such a dict.",
        why="Without a way around the gradient is multiplied by a hundred matrices, and what is left points in "
        "few directions. With a way around each block doubles, unless something holds it small: a norm in "
        "front of it, or a scale near $1/\\sqrt{100}$.",
        solution={"way": "residual", "norm": "pre", "init": "he", "scale": 0.1, "lr": 0.005},
        judge=does_not_learn,
        mistakes=(
            Mistake({"way": "plain", "init": "xavier"}, "The gradient vanishes"),
            Mistake({"way": "plain", "init": "he", "scale": 1.6}, "The gradient explodes"),
            Mistake({"way": "residual", "norm": "pre", "scale": 0.1, "lr": 1e-5}, "The gradient arrives, but"),
            Mistake({"way": "around"}, "way is one of plain, residual; got 'around'"),
            Mistake("residual", "Expected settings such as"),
        ),
        hints=(
            "Which two of the choices keep the gradient from vanishing, whatever the weights?",
            "A way around each block; and a norm in front of it, or a small scale such as $1/\\sqrt{100}$, against the "
            "growth.",
        ),
    ),
)  # fmt: skip
