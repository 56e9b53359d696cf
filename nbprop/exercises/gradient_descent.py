"""Exercises of notebook 03, gradient descent."""

import numpy as np

from nbprop import optim
from nbprop.derivatives import grad
from nbprop.engine import Tensor
from nbprop.sources import Descent
from nbprop.sources.surfaces import SURFACES

from .answers import array
from .exercise import Exercise, Mistake

# ---- the update ----------------------------------------------------------------------------------------------------


def update(theta, gradient, lr):
    return theta - lr * gradient


def sgd(theta, gradient, lr):
    optim.SGD(lr=float(lr)).update(theta, gradient)  # in place
    return theta


# ---- the limit of the learning rate ----------------------------------------------------------------------------------


def largest_lr(a, b):
    return 2 / max(a, b)


def two_over_curvature(a, b):
    """2 / L, with L the largest eigenvalue of the matrix of second derivatives, by differences of gradients."""
    gradient = grad(lambda p: (a * p[0] ** 2 + b * p[1] ** 2) / 2)
    hessian = np.array([gradient(step) - gradient(-step) for step in np.eye(2)]) / 2
    return 2 / np.linalg.eigvalsh(hessian)[-1]


# ---- the gradient of a mini-batch ----------------------------------------------------------------------------------


def minibatch_gradient(w, b, x, y, rows):
    error = w * x[rows] + b - y[rows]
    return 2 * np.mean(error * x[rows]), 2 * np.mean(error)


def by_backpropagation(w, b, x, y, rows):
    def loss(p):
        return ((p[0] * Tensor(x[rows]) + p[1] - y[rows]) ** 2).mean()

    return tuple(grad(loss)(np.array([w, b])))


def line_case(rng):
    n = int(rng.integers(15, 25))
    x, y = rng.normal(size=(2, n))
    return rng.normal(), rng.normal(), x, y, rng.integers(0, n, size=rng.integers(3, 9))


def scaled(factor):
    def answer(w, b, x, y, rows):
        return tuple(factor(len(rows), len(x)) * part for part in minibatch_gradient(w, b, x, y, rows))

    return answer


# ---- a start that ends in the deeper valley ------------------------------------------------------------------------


def ends_deep(answer):
    """None if momentum, but not plain descent, gets from there over the pass into the deeper valley, else why not."""
    try:
        start = tuple(array(answer).astype(float, casting="same_kind"))
        descent = Descent("two minima", "sgd", lr=0.1, start=start)
    except (TypeError, ValueError):
        return f"Expected two numbers, the start (x, y), got {answer!r}."
    if descent.start[0] <= 1:
        return "It must start on the right, at x > 1: beyond the pass everything ends in the deeper valley."
    momentum = Descent("two minima", optim.SGD(lr=0.1, momentum=0.9), start=start)
    for run in (descent, momentum):
        run.step(400)
    plain, heavy = (next(iter(run.paths.values())) for run in (descent, momentum))
    if heavy.diverged is not None or plain.diverged is not None:
        return "It diverges: there the surface is too steep for this learning rate."
    deep = min(x for x, _ in SURFACES["two minima"].minima)
    if abs(heavy.point[0] - deep) > 0.1:
        return "With momentum, too, it ends in the shallow valley: it has not enough speed at the pass."
    if abs(plain.point[0] - deep) < 0.1:
        return "Already plain gradient descent ends in the deeper valley: its first step jumps over the pass."
    return None


EXERCISES = (
    Exercise(
        name="descent-update",
        task="Write `update(theta, gradient, lr)`: the parameters after one step of gradient descent. `theta` and "
        "`gradient` are arrays of the same shape (n,), `lr` is a number.",
        solution=update,
        why="The gradient points to where the loss grows fastest. The step goes the other way, and is as long as "
        r"the learning rate times the gradient: $\theta \leftarrow \theta - \eta\,\nabla L$.",
        truth=sgd,
        case=lambda rng: (rng.normal(size=4), rng.normal(size=4), rng.uniform(0.01, 0.5)),
        mistakes=(
            Mistake(lambda theta, gradient, lr: theta + lr * gradient, "This goes uphill: the gradient points to where "
                    "the loss grows, so it is subtracted."),
            Mistake(lambda theta, gradient, lr: theta - gradient, "The learning rate is missing: it scales the step."),
            Mistake(lambda theta, gradient, lr: -lr * gradient, "This is the step alone; the parameters are what they "
                    "were plus the step."),
            Mistake(lambda theta, gradient, lr: theta - lr * gradient / np.linalg.norm(gradient), "The gradient has "
                    "been brought to length 1: its length counts, too."),
            Mistake(lambda theta, gradient, lr: theta - lr * np.sign(gradient), "Only the sign of the gradient counts "
                    "here: its length does, too."),
        ),
        hints=(
            "The gradient points uphill. Which way is down?",
            "The step is the gradient times a number that says how long it is.",
            "`theta - ... * gradient`",
        ),
    ),
    Exercise(
        name="largest-learning-rate",
        task="The loss is $a x^2/2 + b y^2/2$ with $a, b > 0$. Write `largest_lr(a, b)`: the learning rate above which "
        "gradient descent diverges.",
        solution=largest_lr,
        why=r"Along $x$ a step makes $x - \eta a x = (1 - \eta a)\,x$, which grows if $|1 - \eta a| > 1$, that is, "
        r"if $\eta > 2/a$. Along $y$ the limit is $2/b$. It diverges as soon as one direction does: the larger "
        "curvature decides.",
        truth=two_over_curvature,
        case=lambda rng: tuple(rng.permutation([rng.uniform(0.5, 3), rng.uniform(5, 30)])),
        mistakes=(
            Mistake(lambda a, b: 2 / min(a, b), "That is the limit along the flat direction. The steep one diverges "
                    "first."),
            Mistake(lambda a, b: 1 / max(a, b), "With this one the steep direction is at its minimum after one step. "
                    "It may be longer: up to where each step lands as far away on the other side."),
            Mistake(lambda a, b: 2 / (a + b), "This one is the quickest, not the largest."),
            Mistake(lambda a, b: 2 / a, "And if $b$ is larger than $a$?"),
        ),
        hints=(
            "One step along $x$ multiplies $x$ by $1 - \\eta a$. When does it grow?",
            "It grows when $|1 - \\eta a| > 1$, that is when $\\eta > 2/a$.",
            "There are two directions. The one with the larger curvature decides.",
        ),
    ),
    Exercise(
        name="minibatch-gradient",
        task="The loss is the mean of $(w x_i + b - y_i)^2$ over the samples of a mini-batch. Write "
        "`minibatch_gradient(w, b, x, y, rows)`: the pair $\\partial L/\\partial w$, $\\partial L/\\partial b$. `x` "
        "and `y` (n,) are all samples, `rows` (batch,) the indices of those in the mini-batch.",
        solution=minibatch_gradient,
        why="With $e_i = w x_i + b - y_i$ the derivative of $e_i^2$ is $2 e_i$ times that of $e_i$, which is "
        "$x_i$ for $w$ and 1 for $b$. The loss is a mean over the mini-batch, and so are the two derivatives.",
        truth=by_backpropagation,
        case=line_case,
        outputs=("dw", "db"),
        mistakes=(
            Mistake(scaled(lambda batch, n: 0.5), "The 2 of the square is missing."),
            Mistake(scaled(lambda batch, n: batch), "This is the sum over the mini-batch; the loss is a mean."),
            Mistake(scaled(lambda batch, n: batch / n), "It is divided by the number of all samples, not of those in "
                    "the mini-batch."),
            Mistake(lambda w, b, x, y, rows: minibatch_gradient(w, b, x, y, np.arange(len(x))), "This is the gradient "
                    "of all samples: only those in `rows` count."),
        ),
        hints=(
            "`x[rows]` and `y[rows]` are the samples of the mini-batch.",
            "The derivative of $e^2$ is $2e$, times the derivative of $e = wx + b - y$ inside.",
            "$\\partial e/\\partial w = x$ and $\\partial e/\\partial b = 1$. Then take the mean.",
        ),
    ),
    Exercise(
        name="gradient-noise",
        task="The gradient of a single sample differs from the gradient of all samples with a standard deviation of 3. "
        "What is the standard deviation with mini-batches of 36 samples, drawn at random?",
        solution=0.5,
        why="The gradient of a mini-batch is a mean of $B$ independent gradients. The variance of such a mean is "
        r"$1/B$ of that of one, and the standard deviation its root: $3/\sqrt{36} = 0.5$.",
        mistakes=(
            Mistake(3 / 36, "It falls with the root of the batch size, not with the batch size."),
            Mistake(18.0, "It becomes smaller, not larger: a mean of many is more certain than one."),
            Mistake(3.0, "That is the noise of one sample. A mean of 36 is more certain."),
            Mistake(3 / 36**2, "It falls with the root of the batch size, not with its square."),
        ),
        hints=(
            "A mini-batch gradient is a mean of independent numbers.",
            "The variance of a mean of $B$ of them is $1/B$ of the variance of one.",
            "$3 / \\sqrt{36}$",
        ),
    ),
    Exercise(
        name="over-the-pass",
        task="On the surface `\"two minima\"`, gradient descent with `lr=0.1` ends in the shallow valley when it "
        "starts on the right. Momentum can carry it over the pass. Find a start `(x, y)` with `x > 1` from which "
        "`nb.optim.SGD(lr=0.1)` ends in the shallow valley and `nb.optim.SGD(lr=0.1, momentum=0.9)` in the deeper one. "
        "(Click on the last landscape of the notebook, or try numbers.)",
        solution=(1.6, 0.5),
        why="Momentum is speed: who starts higher up the slope has more of it at the pass. Too high is too steep "
        "for this learning rate, and then the first step of plain descent jumps over everything. In between, "
        "for x from about 1.4 to 1.7, only momentum gets across.",
        judge=ends_deep,
        mistakes=(
            Mistake((1.05, 0.0), "With momentum, too, it ends in the shallow valley"),
            Mistake((-1.5, 1.0), "It must start on the right"),
            Mistake((9.0, 0.0), "It diverges"),
            Mistake(1.5, "Expected two numbers"),
        ),
        hints=(
            "Momentum is speed. Where does a ball get more of it, near the bottom or high on the slope?",
            "Higher up: a larger $x$. But not so far that the first step jumps over everything.",
            "Try `x` between 1.4 and 1.7.",
        ),
    ),
)  # fmt: skip
