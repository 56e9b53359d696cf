"""Exercises of notebook 06, optimizers."""

import numpy as np

from nbprop import optim
from nbprop.sources import Descent

from .exercise import Exercise, Mistake


def stepped(optimizer, theta, gradient, t=1, **state):
    """What an optimizer makes of theta (in place) and its state, when this is update number t."""
    optimizer.state = {name: vector.copy() for name, vector in state.items()}
    optimizer.t = t - 1
    optimizer.update(theta, gradient)
    return (theta, *(optimizer.state[name] for name in state))


# ---- momentum ------------------------------------------------------------------------------------------------------


def momentum_step(theta, v, g, lr, mu):
    v = mu * v + g
    return theta - lr * v, v


def momentum_case(rng):
    return *rng.normal(size=(3, 4)), rng.uniform(0.05, 0.2), rng.uniform(0.5, 0.95)


def by_sgd(theta, v, g, lr, mu):
    return stepped(optim.SGD(lr=lr, momentum=mu), theta, g, momentum_buffer=v)


def old_velocity(theta, v, g, lr, mu):
    return theta - lr * v, mu * v + g


def faded_gradient(theta, v, g, lr, mu):
    v = mu * v + (1 - mu) * g
    return theta - lr * v, v


def lr_inside(theta, v, g, lr, mu):
    v = mu * v + lr * g
    return theta - v, v


def nesterov(theta, v, g, lr, mu):
    v = mu * v + g
    return theta - lr * (g + mu * v), v


# ---- RMSProp -------------------------------------------------------------------------------------------------------


def rmsprop_step(theta, v, g, lr, alpha, eps):
    v = alpha * v + (1 - alpha) * g**2
    return theta - lr * g / (np.sqrt(v) + eps), v


def rmsprop_case(rng):
    theta, v, g = rng.normal(size=(3, 4))
    return theta, v**2, g, rng.uniform(0.05, 0.2), rng.uniform(0.7, 0.95), rng.uniform(0.05, 0.2)


def by_rmsprop(theta, v, g, lr, alpha, eps):
    return stepped(optim.RMSProp(lr=lr, alpha=alpha, eps=eps), theta, g, square_avg=v)


def eps_inside(theta, v, g, lr, alpha, eps):
    v = alpha * v + (1 - alpha) * g**2
    return theta - lr * g / np.sqrt(v + eps), v


def never_forgets(theta, v, g, lr, alpha, eps):
    v = v + g**2
    return theta - lr * g / (np.sqrt(v) + eps), v


def no_root(theta, v, g, lr, alpha, eps):
    v = alpha * v + (1 - alpha) * g**2
    return theta - lr * g / (v + eps), v


def weights_swapped(theta, v, g, lr, alpha, eps):
    return rmsprop_step(theta, v, g, lr, 1 - alpha, eps)


def with_the_old_mean(theta, v, g, lr, alpha, eps):
    return theta - lr * g / (np.sqrt(v) + eps), alpha * v + (1 - alpha) * g**2


def mean_of_sizes(theta, v, g, lr, alpha, eps):
    v = alpha * v + (1 - alpha) * np.abs(g)
    return theta - lr * g / (np.sqrt(v) + eps), v


def all_by_the_root(theta, v, g, lr, alpha, eps):
    v = alpha * v + (1 - alpha) * g**2
    return (theta - lr * g) / (np.sqrt(v) + eps), v


# ---- Adam ----------------------------------------------------------------------------------------------------------


def adam_step(theta, m, v, g, t, lr, b1, b2, eps):
    m = b1 * m + (1 - b1) * g
    v = b2 * v + (1 - b2) * g**2
    m_hat = m / (1 - b1**t)
    v_hat = v / (1 - b2**t)
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def adam_case(rng):
    theta, m, v, g = rng.normal(size=(4, 4))
    b1, b2, lr, eps = rng.uniform((0.8, 0.95, 0.01, 0.05), (0.95, 0.999, 0.1, 0.2))
    return theta, m, v**2, g, int(rng.integers(3, 9)), lr, b1, b2, eps


def by_adam(theta, m, v, g, t, lr, b1, b2, eps):
    return stepped(optim.Adam(lr=lr, betas=(b1, b2), eps=eps), theta, g, t, exp_avg=m, exp_avg_sq=v)


def uncorrected(theta, m, v, g, t, lr, b1, b2, eps):
    m = b1 * m + (1 - b1) * g
    v = b2 * v + (1 - b2) * g**2
    return theta - lr * m / (np.sqrt(v) + eps), m, v


def keeps_corrected(theta, m, v, g, t, lr, b1, b2, eps):
    m = (b1 * m + (1 - b1) * g) / (1 - b1**t)
    v = (b2 * v + (1 - b2) * g**2) / (1 - b2**t)
    return theta - lr * m / (np.sqrt(v) + eps), m, v


def adam_eps_inside(theta, m, v, g, t, lr, b1, b2, eps):
    _, m, v = adam_step(theta, m, v, g, t, lr, b1, b2, eps)
    return theta - lr * m / (1 - b1**t) / np.sqrt(v / (1 - b2**t) + eps), m, v


def squared_once_more(theta, m, v, g, t, lr, b1, b2, eps):
    _, m, v = adam_step(theta, m, v, g, t, lr, b1, b2, eps)
    return theta - lr * m / (1 - b1**t) / (v / (1 - b2**t) + eps), m, v


def corrected(number, of_m=True, of_v=True):
    """Adam with this number in place of t in its corrections, or only one of the two."""

    def wrong(theta, m, v, g, t, lr, b1, b2, eps):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        k = number(t)
        m_hat = m / (1 - b1**k) if of_m else m
        v_hat = v / (1 - b2**k) if of_v else v
        return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v

    return wrong


only_m_corrected = corrected(lambda t: t, of_v=False)
only_v_corrected = corrected(lambda t: t, of_m=False)


def times_t(theta, m, v, g, t, lr, b1, b2, eps):
    _, m, v = adam_step(theta, m, v, g, t, lr, b1, b2, eps)
    with np.errstate(invalid="ignore"):
        return theta - lr * m / (1 - b1 * t) / (np.sqrt(v / (1 - b2 * t)) + eps), m, v


# ---- a race --------------------------------------------------------------------------------------------------------


def reaches_the_end(optimizer):
    """None if the optimizer brings the loss of Rosenbrock's valley below 0.01 in 500 steps, else why not."""
    try:
        descent = Descent("rosenbrock", optimizer)
    except (TypeError, ValueError) as error:
        return f"Expected an optimizer, such as nb.optim.SGD(lr=0.001): {error}"
    descent.step(500)
    (path,) = descent.paths.values()
    if path.diverged is not None:
        return f"It diverges, in step {path.diverged}: the learning rate is too large."
    if path.loss >= 0.01:
        return f"After 500 steps the loss is {path.loss:.3g}, not below 0.01."
    return None


EXERCISES = (
    Exercise(
        name="momentum-step",
        task="Write `momentum_step(theta, v, g, lr, mu)`: one update with momentum. It returns the new `theta` and the "
        "new `v`; `theta`, the running sum `v` and the gradient `g` have shape (n,).",
        solution=momentum_step,
        why=r"First the running sum is brought up to date, $v \leftarrow \mu v + g$: of the past a part is left, "
        r"the new gradient counts in full. Then the step is taken along the *new* sum, $\theta \leftarrow "
        r"\theta - \eta v$.",
        truth=by_sgd,
        case=momentum_case,
        outputs=("theta", "v"),
        mistakes=(
            Mistake(old_velocity, "The step is along the old `v`: bring it up to date first."),
            Mistake(lambda theta, v, g, lr, mu: (theta - lr * g, g), "There is no momentum in it: the old `v` is "
                    "lost."),
            Mistake(faded_gradient, "The gradient is weighted with 1 - mu, as in an average; here `v` is a sum."),
            Mistake(lr_inside, "`lr` stands inside the sum, as in 1986: here `v` is a sum of gradients, and `lr` "
                    "multiplies it at the end."),
            Mistake(nesterov, "That is Nesterov's step, which looks ahead along the new `v`: here it is along `v` "
                    "itself."),
            Mistake(lambda theta, v, g, lr, mu: (theta - lr * mu * v, mu * v + g), "The step is along the old `v`: the "
                    "new gradient has no part in it."),
            Mistake(lambda theta, v, g, lr, mu: (theta + lr * (mu * v + g), mu * v + g), "The step goes uphill: it is "
                    "subtracted."),
        ),
        hints=(
            "First `v`, then `theta`.",
            "$v \\leftarrow \\mu v + g$",
            "$\\theta \\leftarrow \\theta - \\eta v$, with the new $v$.",
        ),
    ),
    Exercise(
        name="how-far-momentum-goes",
        task="The gradient is the same in every step. How many times longer than those of plain gradient descent do "
        "the steps get with momentum $\\mu = 0.95$?",
        solution=20.0,
        why=r"With the same $g$ every time $v = g + \mu g + \mu^2 g + \ldots$, a geometric series: $v \to g/(1 - "
        r"\mu)$. For $\mu = 0.95$ that is 20 times as long.",
        mistakes=(
            Mistake(1.95, "That is the second step. The sum goes on: $1 + \\mu + \\mu^2 + \\ldots$"),
            Mistake(0.05, "That is $1 - \\mu$. The series adds up to 1 divided by it."),
            Mistake(0.95, "The steps get longer, not shorter."),
            Mistake(19.0, "Nearly: the newest gradient counts, too. The sum begins with 1."),
        ),
        hints=(
            "After many steps $v = g + \\mu g + \\mu^2 g + \\ldots$",
            "That is a geometric series: $1/(1 - \\mu)$.",
        ),
    ),
    Exercise(
        name="rmsprop-step",
        task="Write `rmsprop_step(theta, v, g, lr, alpha, eps)`: one update of RMSProp. It returns the new `theta` and "
        "the new mean square `v`, all of shape (n,).",
        solution=rmsprop_step,
        why=r"First the running mean of squares, $v \leftarrow \alpha v + (1 - \alpha)\,g^2$. Its root is the "
        r"usual size of the gradient, one for each parameter, and the gradient is divided by it. $\epsilon$ "
        "stands outside the root and keeps the division from 0.",
        truth=by_rmsprop,
        case=rmsprop_case,
        outputs=("theta", "v"),
        mistakes=(
            Mistake(eps_inside, "`eps` is inside the root; it is added after the root."),
            Mistake(never_forgets, "The squares are summed up, which is AdaGrad: RMSProp forgets old ones."),
            Mistake(no_root, "The root is missing: `v` is a mean of squares, the step is divided by its root."),
            Mistake(weights_swapped, "The weights are swapped: `alpha` belongs to the old `v`."),
            Mistake(with_the_old_mean, "It is divided by the root of the old `v`: bring `v` up to date first."),
            Mistake(mean_of_sizes, "`v` is a mean of |g|; it is one of the squares."),
            Mistake(all_by_the_root, "`lr * g` and `theta` alike are divided: only the step is."),
        ),
        hints=(
            "First the mean square: $v \\leftarrow \\alpha v + (1 - \\alpha) g^2$.",
            "Then the step, divided by the root of it.",
            "$\\theta \\leftarrow \\theta - \\eta\\, g / (\\sqrt{v} + \\epsilon)$",
        ),
    ),
    Exercise(
        name="adam-step",
        task="Write `adam_step(theta, m, v, g, t, lr, b1, b2, eps)`: update number `t` of Adam. It returns the new "
        "`theta`, `m` and `v` (not corrected), all of shape (n,).",
        solution=adam_step,
        why="Two running averages, of $g$ and of $g^2$. Both began at 0, so after $t$ steps their weights add up "
        r"to $1 - \beta^t$ only, and they are divided by that. The step is $\eta\,\hat m/(\sqrt{\hat v} + "
        r"\epsilon)$. What is kept for the next step is $m$ and $v$ without the correction.",
        truth=by_adam,
        case=adam_case,
        outputs=("theta", "m", "v"),
        mistakes=(
            Mistake(uncorrected, "The bias correction is missing: divide `m` by 1 - b1**t and `v` by 1 - b2**t."),
            Mistake(adam_eps_inside, "`eps` is inside the root; it is added after the root."),
            Mistake(squared_once_more, "The root is missing: `v` is a mean of squares."),
            Mistake(keeps_corrected, "The corrected numbers are kept for the next step; keep `m` and `v` themselves."),
            Mistake(corrected(lambda t: t - 1), "The corrections are one step behind, with t - 1: `t` counts from 1, "
                    "and is the number of this update."),
            Mistake(corrected(lambda t: t + 1), "The corrections are one step ahead, with t + 1: `t` is the number of "
                    "this update already."),
            Mistake(corrected(lambda t: 1), "The corrections are those of the first step, every time: it is "
                    "1 - b1**t, with a power."),
            Mistake(only_m_corrected, "Only `m` is corrected: `v` began at zero, too."),
            Mistake(only_v_corrected, "Only `v` is corrected: `m` began at zero, too."),
            Mistake(lambda theta, m, v, g, t, lr, b1, b2, eps: adam_step(theta, m, v, g, t, lr, b2, b1, eps),
                    "b1 and b2 are swapped: b1 belongs to `m`, b2 to `v`."),
            Mistake(lambda theta, m, v, g, t, lr, b1, b2, eps: adam_step(theta, m, v, g, t, lr, 1 - b1, 1 - b2, eps),
                    "The weights are swapped: `b1` and `b2` belong to the old averages."),
            Mistake(times_t, "The corrections are powers, 1 - b1**t, not products."),
        ),
        hints=(
            "Two running averages: one of `g`, one of `g**2`.",
            "Both start at zero, so divide by what they have seen so far: $1 - \\beta^t$.",
            "$\\theta \\leftarrow \\theta - \\eta\\, \\hat m / (\\sqrt{\\hat v} + \\epsilon)$",
        ),
    ),
    Exercise(
        name="adams-first-step",
        task="Adam has `lr=0.001`, `betas=(0.9, 0.999)` and a very small `eps`. The first gradient is 1000. How long "
        "is the first step?",
        solution=0.001,
        why=r"After one step $m = (1 - \beta_1)\,g$ and $v = (1 - \beta_2)\,g^2$. The corrections divide by just "
        r"these factors: $\hat m = g$, $\hat v = g^2$. So the step is $\eta\,g/|g|$, as long as the learning "
        "rate whatever $g$ is.",
        mistakes=(
            Mistake(1.0, "That is lr times the gradient, as in plain gradient descent. Adam divides the gradient by "
                    "its usual size."),
            Mistake(0.001 * 0.1 / 0.001**0.5, "That is without bias correction: $(1 - \\beta_1)/\\sqrt{1 - \\beta_2}$ "
                    "times too long."),
            Mistake(0.0001, "Both averages are corrected, so the factor $1 - \\beta_1$ cancels."),
            Mistake(1e-6, "The step does not depend on the size of the gradient: it does not become smaller "
                    "either."),
        ),
        hints=(
            "After one step, what are $\\hat m$ and $\\hat v$?",
            "$\\hat m = g$ and $\\hat v = g^2$. Divide.",
        ),
    ),
    Exercise(
        name="tame-the-valley",
        task='Find an optimizer that brings the loss below 0.01 in 500 steps on Rosenbrock\'s valley: '
        '`nb.Descent("rosenbrock", optimizer)`, from its usual start. Answer with the optimizer, such as '
        "`nb.optim.SGD(lr=0.001)`.",
        solution=optim.Adam(lr=0.1),
        why="Across the valley it is a thousand times as steep as along it, so plain descent must take steps that "
        "are far too small for the way along. Adam divides each direction by its own usual gradient, so that "
        "a rate of 0.1 suits both.",
        judge=reaches_the_end,
        mistakes=(
            Mistake(optim.SGD(lr=0.01), "It diverges, in step"),
            Mistake(optim.SGD(lr=0.0005), "After 500 steps the loss is"),
            Mistake(0.1, "Expected an optimizer, such as"),
        ),
        hints=(
            "Across the valley it is steep, along it nearly flat: plain descent cannot be quick in both.",
            "Momentum adds up what is the same in every step, and Adam divides by what is large.",
            "Try Adam with a learning rate that is much larger than its default.",
        ),
    ),
)  # fmt: skip
