"""Exercises of the notebook on vanishing and exploding gradients."""

import numpy as np

from nbprop import data, nn, optim
from nbprop.engine import Tensor
from nbprop.training import Diverged, Trainer

from .exercise import Exercise, Mistake

# ---- one layer after the other -------------------------------------------------------------------------------------


def second_moment(depth, fan_in, variance):
    return (fan_in * variance / 2) ** depth


def layer_by_layer(depth, fan_in, variance):
    """E[a^2] by going through the layers."""
    moment = 1.0
    for _ in range(depth):
        of_z = fan_in * variance * moment  # a sum of fan_in independent terms of mean 0
        moment = of_z / 2  # half of the values are cut off, and z is as often below 0 as above
    return moment


def bound(fan_in):
    return np.sqrt(6 / fan_in)


def bound_by_integration(fan_in):
    """With the standard deviation of a uniform distribution from -1 to 1 taken from a fine grid."""
    grid = (np.arange(10_000) + 0.5) / 5000 - 1
    return np.sqrt(2 / fan_in) / grid.std()


# ---- clipping and the way around -----------------------------------------------------------------------------------


def clip(gradient, max_norm):
    norm = np.sqrt((gradient**2).sum())
    if norm > max_norm:
        gradient = gradient * (max_norm / norm)
    return gradient


def clipped_by_the_optimizer(gradient, max_norm):
    optim.clip_grad_norm(gradient, max_norm)
    return gradient


def backward(x, W, V, dy):
    mask = x @ W.T > 0
    return dy + (dy @ V * mask) @ W


def residual_by_autodiff(x, W, V, dy):
    x = Tensor(x, requires_grad=True)
    y = x + (x @ Tensor(W.T)).relu() @ Tensor(V.T)
    y.backward(dy)
    return x.grad


def residual_case(rng):
    n, d, h = (int(size) for size in rng.integers(3, 7, size=3))
    return tuple(rng.normal(size=size) for size in ((n, d), (h, d), (d, h), (n, d)))


# ---- thirty layers -------------------------------------------------------------------------------------------------

STEPS, ENOUGH = 300, 0.75
EXAMPLE = 'dict(activation="sigmoid", init="standard", lr=0.003, optimizer="momentum")'


def thirty_layers(activation, init, lr=0.003, optimizer="momentum"):
    """A Trainer of the network that is to be repaired: 30 hidden layers of 64 units on the digits."""
    model = nn.mlp([64, *[64] * 30, 10], activation=activation, init=init, seed=0)
    trainer = Trainer(model, data.digits(), optimizer=optimizer, lr=lr, batch_size=64, seed=0, evaluate_every=STEPS)
    trainer.watch()
    return trainer


def still_wrong(settings):
    """None if a network with these settings learns; else which quantity is wrong, and in which layers."""
    if not isinstance(settings, dict) or not KEYS >= settings.keys() >= {"activation", "init"}:
        return f"Expected settings such as {EXAMPLE}; got {settings!r}."
    try:
        trainer = thirty_layers(**settings)
        if is_linear(next(each for each in trainer.model.modules() if isinstance(each, nn.Activation))):
            return (
                f"With activation {settings['activation']!r} the 30 layers are one: a product of matrices. It passes "
                "signals on, and learns what one layer can; asked for is a network that bends."
            )
        trainer.fit(steps=1, bar=False)
        wrong = what_is_lost(trainer)
        if wrong:
            return wrong
        trainer.fit(steps=STEPS - 1, bar=False)
    except Diverged as error:
        return f"The run diverges. {error}"
    except (TypeError, ValueError) as error:
        return f"{error}."
    accuracy = trainer.history["val_accuracy"][-1]
    if accuracy < ENOUGH:
        return (
            f"The signal passes all layers, but after {STEPS} steps only {accuracy:.0%} of the validation digits are "
            f"right, {ENOUGH:.0%} are asked for: try another learning rate or another optimizer."
        )
    return None


def is_linear(activation):
    """Does it give back the sum for a sum, wherever one asks?"""
    z = np.array([1.5, -2.5, 4.0, -0.5])
    return bool(
        np.allclose(activation(Tensor(z)).data + activation(Tensor(z[::-1])).data, activation(Tensor(z + z[::-1])).data)
    )


KEYS = {"activation", "init", "lr", "optimizer"}


def what_is_lost(trainer):
    """A sentence on the signal in the last step, forward and backward, or None where it passes."""
    probe, names = trainer.probe(), [layer.name for layer in trainer.layers]
    a, dz = probe["a_std"][:-1], probe["dz"]
    if not dz[0]:
        return f"dL/dz is exactly 0 in {_span(names, dz == 0)}: what these layers compute makes no difference."
    said = []
    first = f"in {names[0]} it is {dz[0] / dz[-1]:.0e} times what it is in the output layer"
    if (low := dz < 0.01 * dz[-1]).any():
        said.append(f"dL/dz is still vanishing: {first}, and below a hundredth of that in {_span(names, low)}.")
    elif (high := dz > 100 * dz[-1]).any():
        said.append(f"dL/dz is exploding: {first}, and more than a hundred times that in {_span(names, high)}.")
    if (low := a < 0.01 * a[0]).any():
        said.append(
            f"The activations vanish too: their spread is below a hundredth of the first in {_span(names, low)}."
        )
    return " ".join(said) or None


def _span(names, where):
    places = np.flatnonzero(where)
    first, last = names[places[0]], names[places[-1]]
    return first if first == last else f"{first} to {last}"


EXERCISES = (
    Exercise(
        name="vanishing-bound",
        task="A chain of 20 sigmoid layers, with one unit each and all weights equal to 1. At most how large is "
        r"$\partial L/\partial z_1$ if $\partial L/\partial z_{20} = 1$? Two digits are enough.",
        solution=0.25**19,
        why=r"One step back is $\partial L/\partial z_k = \partial L/\partial z_{k+1} \cdot w \cdot \sigma'(z_k)$ "
        r"with $w = 1$. The slope $\sigma' = \sigma(1 - \sigma)$ is at most $\frac14$, at $z = 0$. From layer "
        "20 to layer 1 there are 19 steps: $0.25^{19}$.",
        tolerance=0.02,
        mistakes=(
            Mistake(0.25**20, "Count the steps: from layer 20 back to layer 1 there are 19 of them."),
            Mistake(0.5**19, "One half is the sigmoid itself at 0. How large is its derivative there?"),
            Mistake(0.25 * 19, "The factors of the layers multiply, they do not add."),
            Mistake(1.0, "Every layer on the way back multiplies by the derivative of its sigmoid, which is below 1."),
        ),
        hints=(
            "What does one layer do to the gradient on its way back?",
            r"$\partial L/\partial z_k = \partial L/\partial z_{k+1} \cdot w \cdot \sigma'(z_k)$. Where is $\sigma'$ "
            "largest?",
            r"$\sigma' = \sigma (1 - \sigma)$ is at most 1/4, at $z = 0$. There are 19 such factors.",
        ),
    ),
    Exercise(
        name="second-moment",
        task="Write `second_moment(depth, fan_in, variance)`: the mean of $a^2$ behind `depth` ReLU layers of `fan_in` "
        r"units each, with weights of mean 0 and this variance, biases 0, and $E[x^2] = 1$ at the input.",
        solution=second_moment,
        why=r"Each $z$ is a sum of `fan_in` independent terms $w a$ of mean 0, so $E[z^2] = \text{fan\_in} \cdot "
        r"\text{Var}[w] \cdot E[a^2]$. ReLU cuts off half of a symmetric distribution, so $E[a^2]$ is half of "
        "that. Every layer multiplies by the same factor.",
        case=lambda rng: (int(rng.integers(2, 9)), int(rng.integers(10, 200)), rng.uniform(0.005, 0.05)),
        truth=layer_by_layer,
        mistakes=(
            Mistake(lambda d, n, v: (n * v) ** d, "ReLU lets only half of the second moment of z through."),
            Mistake(lambda d, n, v: n * v / 2, "That is one layer. There are `depth` of them, one behind the other."),
            Mistake(lambda d, n, v: d * n * v / 2, "The factors of the layers multiply, they do not add."),
            Mistake(lambda d, n, v: (n * v**2 / 2) ** d, "`variance` is the variance already, it need not be squared."),
            Mistake(lambda d, n, v: (v / 2) ** d, "Each z is a sum of `fan_in` terms, whose variances add."),
        ),
        hints=(
            "Begin with one layer. Each $z$ is a sum of `fan_in` terms $w a$. What is $E[z^2]$?",
            r"$E[z^2] = \mathrm{fan\_in} \cdot \mathrm{Var}[w] \cdot E[a^2]$. And which share of it does ReLU "
            "let through?",
            "Half of it: one layer multiplies $E[a^2]$ by `fan_in * variance / 2`.",
        ),
    ),
    Exercise(
        name="he-bound",
        task="Weights for a ReLU layer are to be drawn *uniformly* from $-b$ to $b$, with the variance of He. "
        "Write `bound(fan_in)`: it returns $b$.",
        solution=bound,
        why=r"He asks for $\text{Var}[w] = 2/\text{fan\_in}$, so that the half which ReLU takes away is made up "
        "for. A uniform distribution from $-b$ to $b$ has the variance $b^2/3$. So $b = "
        r"\sqrt{6/\text{fan\_in}}$.",
        case=lambda rng: (int(rng.integers(2, 500)),),
        truth=bound_by_integration,
        mistakes=(
            Mistake(
                lambda n: np.sqrt(2 / n),
                "That is the standard deviation. A uniform distribution from -b to b has the variance b²/3.",
            ),
            Mistake(
                lambda n: np.sqrt(3 / n),
                "That is the bound of LeCun, Var[w] = 1/fan_in. ReLU takes half of the "
                "second moment away: He has 2/fan_in.",
            ),
            Mistake(lambda n: 6 / n, "That is b². The root is missing."),
            Mistake(
                lambda n: np.sqrt(1 / n),
                "That is the bound of the standard initializer, whose variance is 1/(3 "
                "fan_in): a sixth of what ReLU needs.",
            ),
            Mistake(lambda n: np.sqrt(24 / n), "From -b to b is a range of 2b: its variance is (2b)²/12, not b²/12."),
        ),
        hints=(
            "Which variance does He ask for, and which has a uniform distribution from $-b$ to $b$?",
            "$2/$`fan_in`, and $b^2/3$.",
        ),
    ),
    Exercise(
        name="clip-by-norm",
        task="Write `clip(gradient, max_norm)`: the gradient (n,) itself if its Euclidean norm is at most `max_norm`, "
        "else a vector of the same direction and the norm `max_norm`.",
        solution=clip,
        why="Multiplied by a positive number a vector keeps its direction, and its norm is multiplied by the same "
        "number. The factor `max_norm / norm` gives the norm `max_norm`; a gradient that is short enough "
        "stays as it is.",
        case=lambda rng: (rng.normal(size=rng.integers(3, 8)), rng.uniform(0.5, 2)),
        edges=((np.array([3.0, -4.0]), 6.0), (np.array([0.3, 0.4]), 0.7), (np.array([3.0, -4.0]), 2.0)),
        truth=clipped_by_the_optimizer,
        mistakes=(
            Mistake(
                lambda g, m: np.clip(g, -m, m),
                "That clips each number by itself, so the direction changes. Scale the whole vector by one factor.",
            ),
            Mistake(
                lambda g, m: g * m / np.linalg.norm(g),
                "It makes short gradients longer: those at most `max_norm` long stay as they are.",
            ),
            Mistake(
                lambda g, m: g / max(1.0, np.linalg.norm(g)),
                "It scales what is longer than 1 to the norm 1. The limit is `max_norm`.",
            ),
            Mistake(
                lambda g, m: g / np.linalg.norm(g),
                "It always has the norm 1: the limit is `max_norm`, for long ones only.",
            ),
            Mistake(
                lambda g, m: g * max(1.0, m / np.linalg.norm(g)),
                "The comparison is the wrong way round: it makes short gradients longer, and leaves the long ones.",
            ),
            Mistake(
                lambda g, m: g * m if np.linalg.norm(g) > m else g,
                "It multiplies by `max_norm`: the norm becomes norm times max_norm. Divide by the norm, too.",
            ),
            Mistake(
                lambda g, m: g / np.linalg.norm(g) if np.linalg.norm(g) > m else g,
                "A long gradient gets the norm 1 here, not `max_norm`.",
            ),
            Mistake(
                lambda g, m: np.minimum(g, m),
                "That cuts single numbers, and only the positive ones: scale the whole vector by one factor.",
            ),
            Mistake(
                lambda g, m: g * min(1.0, m / np.sqrt((g**2).mean())),
                "The norm is the root of the *sum* of squares, not of their mean.",
            ),
            Mistake(lambda g, m: g * min(1.0, m / (g**2).sum()), "The norm is the root of the sum of squares."),
            Mistake(
                lambda g, m: g * min(1.0, m / np.abs(g).sum()),
                "The Euclidean norm is the root of the sum of the squares, not the sum of absolute values.",
            ),
        ),
        hints=(
            "By which factor do you multiply a vector of norm 8 to get the norm 2?",
            "By `max_norm / norm`, and only `if norm > max_norm`.",
        ),
    ),
    Exercise(
        name="residual-backward",
        task="A residual block computes `y = x + relu(x @ W.T) @ V.T`, with x (n, d), W (h, d), V (d, h). "
        r"Write `backward(x, W, V, dy)`: it takes $\partial L/\partial y$ (n, d) and returns $\partial L/\partial x$ "
        "(n, d).",
        solution=backward,
        why="x goes into y along two ways, and what comes back along them is added. The way around has the "
        "derivative 1: `dy` as it is. The other one goes back through $V$, `dy @ V`, then through ReLU, which "
        "lets pass where `x @ W.T > 0`, then through $W$, `@ W`.",
        case=residual_case,
        truth=residual_by_autodiff,
        mistakes=(
            Mistake(
                lambda x, W, V, dy: (dy @ V * (x @ W.T > 0)) @ W,
                "The way around is missing: x also goes into y directly.",
            ),
            Mistake(lambda x, W, V, dy: dy, "That is the way around alone. The way through W, ReLU and V is missing."),
            Mistake(
                lambda x, W, V, dy: dy + dy @ V @ W,
                "The derivative of ReLU is missing: where x @ W.T is negative nothing comes back.",
            ),
            Mistake(
                lambda x, W, V, dy: x + (dy @ V * (x @ W.T > 0)) @ W,
                "Along the way around the gradient comes back as it is: dy, not x.",
            ),
            Mistake(
                lambda x, W, V, dy: 1 + (dy @ V * (x @ W.T > 0)) @ W,
                "The derivative of x + ... with respect to x is 1, and what comes back is 1 times dy.",
            ),
        ),
        hints=(
            "x goes two ways into y. What comes back along each of them?",
            "The gradients of the two ways add up. The first one is `dy`.",
            "Back along the second: `dy @ V`, then only where `x @ W.T > 0`, then `@ W`.",
        ),
    ),
    Exercise(
        name="repair-thirty-layers",
        task="The network of 30 layers at the beginning of this notebook does not learn. Repair it: choose "
        "`activation`, `init`, `lr` and `optimizer` so that nothing vanishes or explodes, and at least 75 % of the "
        f"validation digits are right after 300 steps. Answer with a dict, e.g. `{EXAMPLE}`.",
        solution={"activation": "tanh", "init": "orthogonal", "lr": 0.003, "optimizer": "momentum"},
        why=r"Sigmoid slopes are at most $\frac14$, so 30 of them make $\partial L/\partial z$ vanish whatever the "
        "learning rate is. Tanh has the slope 1 at 0, and an orthogonal matrix changes no length, so what "
        "goes through 30 layers keeps its size in both directions; then an ordinary learning rate does. ReLU "
        "with He, and Adam, works too.",
        judge=still_wrong,
        mistakes=(
            Mistake({"activation": "sigmoid", "init": "standard"}, "dL/dz is still vanishing"),
            Mistake(
                {"activation": "relu", "init": "xavier", "lr": 0.01},
                "The activations vanish too: their spread is below a hundredth of the first in hidden",
            ),
            Mistake({"activation": "tanh", "init": "zeros"}, "dL/dz is exactly 0 in hidden 1 to hidden 30"),
            Mistake({"activation": "relu", "init": nn.init.lecun(gain=3)}, "dL/dz is exploding"),
            Mistake({"activation": "relu", "init": "he", "lr": 1e-6}, "The signal passes all layers"),
            Mistake({"activation": "relu", "init": "he", "lr": 50.0, "optimizer": "sgd"}, "The run diverges"),
            Mistake("he", "Expected settings such as"),
        ),
        hints=(
            "Look at `a` and at `dL/dz` of the first step, layer by layer: which of them is lost, and in which "
            "direction?",
            "Which initializer was made for which activation? For ReLU a factor 2 is needed that others do not have.",
            "Tanh with Xavier or with orthogonal matrices; or ReLU with He, but then with an optimizer that "
            "adapts, such as `adam`.",
        ),
    ),
)
