"""Exercises of notebook 04: slopes of activations, saturation, dead units and what brings them back."""

import numpy as np

from nbprop import data, nn
from nbprop.derivatives import grad
from nbprop.engine import Tensor
from nbprop.training import Diverged, Trainer

from .exercise import Exercise, Mistake


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def sigmoid_slope(a):
    return a * (1 - a)


def silu_slope(z):
    s = 1 / (1 + np.exp(-z))
    return s + z * s * (1 - s)


def leaky_backward(z, da, slope):
    return da * np.where(z > 0, 1, slope)


def flat_share(a):
    return np.mean(1 - a**2 < 0.06)


def dead_units(a):
    return (a <= 0).all(axis=0).sum()


# ---- random tests --------------------------------------------------------------------------------------------------


def _relu_layer(rng):
    """Outputs (n, units) of a ReLU layer with some dead units, and one that answers to a single sample, weakly."""
    n, units = int(rng.integers(30, 60)), int(rng.integers(7, 12))
    z = rng.normal(size=(n, units))
    rare, *dead = rng.permutation(units)[: rng.integers(2, 6)]
    z[:, dead] -= 20
    z[:, rare] = -1
    z[rng.integers(n), rare] = rng.uniform(0.001, 0.5)
    return (np.maximum(z, 0),)


# ---- a network to be repaired ----------------------------------------------------------------------------------------


def repaired(settings):
    """None when the ReLU network of the notebook learns with these settings, else what is wrong."""
    if not isinstance(settings, tuple | list) or len(settings) != 2:
        return f"Expected an activation and a learning rate, such as ('relu', 3.0); got {settings!r}."
    try:
        activation, lr = settings
        model = nn.mlp([2, 16, 16, 1], activation=activation, init="he", seed=0)
        trainer = Trainer(model, data.circles(seed=0), optimizer="sgd", lr=lr, seed=0)
    except (TypeError, ValueError) as error:
        return f"Expected an activation and a learning rate, such as ('relu', 3.0): {error}"
    try:
        trainer.fit(steps=400, bar=False)
    except Diverged:
        return "With this learning rate the numbers grow beyond all bounds."
    dead, accuracy = trainer.probe()["saturated"][:2].max(), trainer.history["val_accuracy"][-1]
    if not model[1].two_sided and dead > 0.25:
        return f"In one layer {dead:.0%} of the units are dead: steps this long push them out of reach of the data."
    if accuracy < 0.9:
        return f"It gets {accuracy:.0%} of the validation points right after 400 steps; 90% are wanted."
    return None


EXERCISES = (
    Exercise(
        name="sigmoid-slope",
        task="Backpropagation knows the output $a = \\sigma(z)$ of a sigmoid and no longer needs $z$. Write "
        "`sigmoid_slope(a)`: $\\sigma'(z)$ from $a$, any shape.",
        solution=sigmoid_slope,
        why="With $a = 1/(1 + e^{-z})$ the quotient rule gives $a' = e^{-z}/(1 + e^{-z})^2$. One factor $1/(1 + "
        "e^{-z})$ is $a$, and the rest, $e^{-z}/(1 + e^{-z})$, is $1 - a$.",
        case=lambda rng: (sigmoid(rng.normal(size=6)),),
        truth=lambda a: grad(lambda z: z.sigmoid().sum())(np.log(a / (1 - a))),
        mistakes=(
            Mistake(lambda a: 1 - a**2, "1 - a² is the slope of tanh."),
            Mistake(
                lambda a: sigmoid(a) * (1 - sigmoid(a)),
                "a is σ(z) already: you have taken the sigmoid twice.",
            ),
            Mistake(lambda a: a, "That is the output itself; its slope is small where a is near 0 or 1."),
            Mistake(lambda a: 1 - a, "Only half of it: near a = 0 the sigmoid is flat too."),
        ),
        hints=(
            "Take the derivative of 1 / (1 + e⁻ᶻ) by the quotient rule.",
            "You get e⁻ᶻ / (1 + e⁻ᶻ)². Which part of it is a, which is 1 - a?",
        ),
    ),
    Exercise(
        name="silu-slope",
        task="SiLU is $f(z) = z\\,\\sigma(z)$. Write `silu_slope(z)`: its derivative, any shape.",
        solution=silu_slope,
        why=r"The product rule for $z \cdot \sigma(z)$: the first factor has the derivative 1, the second "
        r"$\sigma(1 - \sigma)$. So $f' = \sigma + z\,\sigma(1 - \sigma)$.",
        case=lambda rng: (2 * rng.normal(size=6),),
        truth=lambda z: grad(lambda z: (z * z.sigmoid()).sum())(z),
        mistakes=(
            Mistake(
                lambda z: sigmoid(z),
                "A term is missing: z is also inside of σ. The product rule has two terms.",
            ),
            Mistake(
                lambda z: z * sigmoid(z) * (1 - sigmoid(z)),
                "A term is missing: the factor z has a derivative too. The product rule has two terms.",
            ),
            Mistake(
                lambda z: sigmoid(z) * (1 - sigmoid(z)),
                "The product rule multiplies each derivative by the *other* factor; this is the derivative of σ alone.",
            ),
            Mistake(lambda z: z * sigmoid(z), "That is the function, not its derivative."),
        ),
        hints=("The product rule: (u v)' = u' v + u v'.", "u = z, v = σ(z), v' = σ(z) (1 - σ(z))."),
    ),
    Exercise(
        name="leaky-backward",
        task="Write `leaky_backward(z, da, slope)`: the way back through Leaky ReLU, $a = z$ where $z > 0$, else "
        "$\\text{slope} \\cdot z$. `da` is $\\partial L/\\partial a$; return $\\partial L/\\partial z$, of the same "
        "shape.",
        solution=leaky_backward,
        why="The local derivative is 1 where $z > 0$, else `slope`. The chain rule multiplies what arrives, "
        r"$\partial L/\partial a$, by it, number by number.",
        case=lambda rng: (*rng.normal(size=(2, rng.integers(3, 6), 3)), rng.uniform(0.05, 0.4)),
        truth=lambda z, da, slope: grad(lambda z: (nn.LeakyReLU(slope)(z) * Tensor(da)).sum())(z),
        mistakes=(
            Mistake(
                lambda z, da, slope: da * (z > 0),
                "That is ReLU: on the left the leak is missing, `slope` times da.",
            ),
            Mistake(
                lambda z, da, slope: np.where(da > 0, da, slope * da),
                "The sign of z decides on which side the unit is, not that of da.",
            ),
            Mistake(
                lambda z, da, slope: np.where(z > 0, 1, slope),
                "That is the slope alone: the chain rule multiplies it by da.",
            ),
            Mistake(
                lambda z, da, slope: np.where(z > 0, z, slope * z),
                "That is the way forward.",
            ),
            Mistake(
                lambda z, da, slope: np.where(z > 0, da, slope * z),
                "On the left it is the *slope* that is wanted, times da, not the output.",
            ),
            Mistake(
                lambda z, da, slope: slope * da, "That is the left side, for all units: where z > 0 the slope is 1."
            ),
            Mistake(lambda z, da, slope: da, "That is the right side, for all units: elsewhere the slope is `slope`."),
            Mistake(
                lambda z, da, slope: da * np.where(z > 0, slope, 1),
                "The sides are swapped: where z > 0 the slope is 1, elsewhere `slope`.",
            ),
            Mistake(
                lambda z, da, slope: np.where(z > 0, da, da / slope),
                "The gradient is multiplied by the slope, as the output was, not divided.",
            ),
        ),
        hints=("Which number does the chain rule multiply da by?", "By 1 or by `slope`. np.where chooses."),
    ),
    Exercise(
        name="flat-share",
        task="Write `flat_share(a)`: `a` holds the outputs of a tanh layer for a batch (n, units). Return the share (0 "
        "to 1) of these values at which the slope of tanh is below 0.06.",
        solution=flat_share,
        why="The slope of tanh can be had from its output, $1 - a^2$. Comparing it with 0.06 gives True and "
        "False, and their mean is the share of True.",
        case=lambda rng: (np.tanh(2 * rng.normal(size=(40, 8))),),
        truth=lambda a: (grad(lambda z: z.tanh().sum())(np.arctanh(a)) < 0.06).sum() / a.size,
        mistakes=(
            Mistake(
                lambda a: np.mean(1 - a < 0.06),
                "The slope of tanh is 1 - a², with a square; so both ends count.",
            ),
            Mistake(
                lambda a: np.mean(1 - np.tanh(a) ** 2 < 0.06),
                "That finds none, in any test. Perhaps tanh was taken twice: a is tanh(z) already.",
            ),
            Mistake(lambda a: np.sum(1 - a**2 < 0.06), "That is the number; the share is wanted."),
            Mistake(lambda a: np.mean(1 - a**2 >= 0.06), "That is the other part, where the slope is not small."),
            Mistake(lambda a: np.mean(np.abs(a) < 0.06), "That is where the output is small: there tanh is steepest."),
        ),
        hints=(
            "The slope at each value, from a.",
            "A comparison gives an array of True and False; its mean is the share of True.",
        ),
    ),
    Exercise(
        name="dead-units",
        task="Write `dead_units(a)`: `a` holds the outputs of a ReLU layer for all samples (n, units). Return how many "
        "units are dead: 0 for *every* sample.",
        solution=dead_units,
        why="A unit is a column. It is dead if *all* samples (axis 0) give 0; one sample that gives more, however "
        "little, lets a gradient through. The number of such columns is the sum of the Trues.",
        case=_relu_layer,
        edges=((np.ones((4, 3)),), (np.zeros((4, 3)),)),
        truth=lambda a: sum(float(unit.max()) == 0 for unit in a.T),
        mistakes=(
            Mistake(
                lambda a: (a <= 0).any(axis=0).sum(),
                "A unit that is silent for *some* samples is alive: that is what a ReLU is for.",
            ),
            Mistake(
                lambda a: (a <= 0).all(axis=1).sum(),
                "That counts samples: ask along axis 0, over the samples of each unit.",
            ),
            Mistake(lambda a: (a <= 0).sum(), "That counts single zeros, not units."),
            Mistake(lambda a: (a > 0).any(axis=0).sum(), "That counts the living."),
            Mistake(lambda a: (a <= 0).all(axis=0).mean(), "That is the share; the number is wanted."),
            Mistake(
                lambda a: (a.mean(axis=0) < 0.1).sum(),
                "A unit that answers to few samples, or weakly, is alive: one sample is enough to get a gradient.",
            ),
            Mistake(lambda a: (a[0] <= 0).sum(), "That looks at the first sample alone."),
        ),
        hints=("Along which axis lie the samples?", "`.all(axis=0)` says for each column whether all is True."),
    ),
    Exercise(
        name="revive",
        task="A ReLU network on `nb.data.circles()` with `nb.optim.SGD`: with `('relu', 3.0)` it dies within 400 "
        "steps. Choose an activation and a learning rate with which it gets 90% right and at most a quarter of the "
        "units of a layer are dead: `check((activation, lr))`.",
        solution=("leaky_relu", 0.3),
        why="Steps of `lr=3.0` push the biases so far down that no sample reaches a unit any more, and ReLU lets "
        "no gradient through that could bring it back. A tenth of the learning rate makes steps that do not "
        "jump there; a leak, or an activation without a flat side, lets units come back.",
        judge=repaired,
        mistakes=(
            Mistake(("relu", 3.0), "of the units are dead"),
            Mistake(("leaky_relu", 1e-4), "of the validation points right after 400 steps"),
            Mistake(("reloo", 0.1), "Expected an activation and a learning rate"),
            Mistake(("identity", 100.0), "grow beyond all bounds"),
        ),
        hints=("Which of the two makes steps long enough to push a unit away from all data?", "Try a tenth of it."),
    ),
)
