"""Exercises of the notebook on curvature."""

import numpy as np

from .exercise import Exercise, Mistake

# ---- directions and axes -------------------------------------------------------------------------------------------


def steepest(g, P):
    d = -np.linalg.solve(P, g)  # the gradient as this length sees it
    return d / np.sqrt(d @ P @ d)


def by_change_of_variables(g, P):
    """With P = C Cᵀ the length of d is the Euclidean one of u = Cᵀd, and the slope is (C⁻¹g)·u."""
    C = np.linalg.cholesky(P)
    u = -np.linalg.solve(C, g)
    return np.linalg.solve(C.T, u / np.linalg.norm(u))


def length_case(rng):
    A = rng.normal(size=(3, 3))
    return rng.normal(size=3), A @ A.T + 0.5 * np.eye(3)


def best_rate(curvatures):
    low, high = min(curvatures), max(curvatures)
    lr = 2 / (low + high)  # there both ends shrink alike: 1 - lr low = lr high - 1
    return lr, (high - low) / (high + low)


def best_rate_by_search(curvatures):
    """Thirds of the interval that holds the lowest point of a V."""

    def factor(lr):
        return np.abs(1 - lr * curvatures).max()

    low, high = 0.0, 2 / curvatures.min()
    for _ in range(200):
        a, b = low + (high - low) / 3, high - (high - low) / 3
        low, high = (low, b) if factor(a) < factor(b) else (a, high)
    return low, factor(low)


# ---- momentum ------------------------------------------------------------------------------------------------------


def largest_root(lr, mu, a):
    b = 1 + mu - lr * a  # r² - b r + mu = 0
    root = np.sqrt(b**2 - 4 * mu + 0j)  # complex where the mode swings
    return np.maximum(abs(b + root), abs(b - root)) / 2


def by_eigenvalues(lr, mu, a):
    return np.array([abs(np.linalg.eigvals([[mu, each], [-lr * mu, 1 - lr * each]])).max() for each in a])


def mode_case(rng):
    lr, mu = rng.uniform(0.05, 0.2), rng.uniform(0.3, 0.8)
    return lr, mu, np.array([0.01, 0.5, 1.0, 1.9, 2.2]) * rng.uniform(0.9, 1.1) * (1 + mu) / lr


# ---- without the Hessian -------------------------------------------------------------------------------------------


def hvp(gradient, theta, v, eps):
    above, below = gradient(theta + eps * v), gradient(theta - eps * v)
    return (above - below) / (2 * eps)


def gradient_of_waves(theta):
    """Of Σ sin(θᵢ θᵢ₊₁), the last with the first."""
    after, before = np.roll(theta, -1), np.roll(theta, 1)
    return after * np.cos(theta * after) + before * np.cos(theta * before)


def cubes(theta):
    return theta**3


def exact_hvp(gradient, theta, v, eps):
    if gradient is cubes:  # with the error of the differences
        return 3 * theta**2 * v + eps**2 * v**3
    after, before = np.roll(theta, -1), np.roll(theta, 1)
    c, s = np.cos(theta * after), np.sin(theta * after)  # of the pairs (i, i + 1)
    own = -(after**2) * s - before**2 * np.roll(s, 1)
    pair = c - theta * after * s
    return own * v + pair * np.roll(v, -1) + np.roll(pair, 1) * np.roll(v, 1)


def power(product, v, steps):
    for _ in range(steps):
        v = product(v)
        v = v / np.linalg.norm(v)
    return v @ product(v)


def by_matrix_power(product, v, steps):
    H = product(np.eye(len(v)))
    w = np.linalg.matrix_power(H, steps) @ v
    return w @ H @ w / (w @ w)


def last_of_power(product, v, steps):
    for _ in range(steps):
        v = product(v) / np.linalg.norm(product(v))
    return v


def not_made_short(product, v, steps):
    for _ in range(steps):
        v = product(v)
    return v


def power_case(rng):
    axes, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    H = axes * (rng.permutation([3.0, 1.0, 0.5, -4.0]) + 0.1 * rng.normal(size=4)) @ axes.T
    return lambda v: H @ v, rng.normal(size=4), int(rng.integers(1, 5))


# ---- noise, and other steps ----------------------------------------------------------------------------------------


def noise_scale(small, b, large, B):
    noise = (small - large) / (1 / b - 1 / B)  # tr Σ, of one sample
    signal = (B * large - b * small) / (B - b)  # |g|²
    return noise / signal


def by_two_equations(small, b, large, B):
    signal, noise = np.linalg.solve([[1, 1 / b], [1, 1 / B]], [small, large])
    return noise / signal


def noise_case(rng):
    b, B = int(rng.integers(2, 9)), int(rng.integers(40, 200))
    signal, noise = rng.uniform(0.5, 2), rng.uniform(5, 50)
    return signal + noise / b, b, signal + noise / B, B


def gauss_newton(J, r, damping):
    return -np.linalg.solve(J.T @ J + damping * np.eye(J.shape[1]), J.T @ r)


def residuals(rng):
    m, n = rng.integers(5, 8), rng.integers(2, 5)
    return rng.normal(size=(m, n)), rng.normal(size=m), rng.uniform(0.1, 2)


def by_least_squares(J, r, damping):
    """The d for which |r + J d|² + damping |d|² is least."""
    k = J.shape[1]
    return np.linalg.lstsq(np.vstack([J, np.sqrt(damping) * np.eye(k)]), np.append(-r, np.zeros(k)), rcond=None)[0]


EXERCISES = (
    Exercise(
        name="steepest-direction",
        task="The length of a step $d$ is measured by a matrix $P$: $\\lVert d \\rVert = \\sqrt{d^\\top P d}$. Write "
        "`steepest(g, P)`: of all $d$ of length 1 the one along which the loss falls fastest, that is, for which "
        "$g \\cdot d$ is least. `g` (n,) is the gradient, `P` (n, n) symmetric with positive eigenvalues; the answer "
        "is (n,).",
        why="With $P = C C^\\top$ and $u = C^\\top d$ the length is the usual one of $u$, and the slope is "
        "$(C^{-1}g) \\cdot u$. It is least for $u$ along $-C^{-1}g$, so $d$ lies along $-P^{-1}g$. Its length "
        "is then set to 1 by the given measure.",
        solution=steepest,
        case=length_case,
        truth=by_change_of_variables,
        mistakes=(
            Mistake(
                lambda g, P: -g / np.linalg.norm(g),
                "That is the steepest direction when all directions count alike, P = 1. This length counts some more.",
            ),
            Mistake(lambda g, P: -steepest(g, P), "This goes uphill: the sign is wrong."),
            Mistake(lambda g, P: -np.linalg.solve(P, g), "The direction is right, but not of length 1."),
            Mistake(lambda g, P: -np.linalg.solve(P, g) / np.linalg.norm(np.linalg.solve(P, g)),
                    "The direction is right; its length is measured by P as well: divide by the root of d @ P @ d."),
            Mistake(lambda g, P: -P @ g / np.sqrt(g @ P @ P @ P @ g),
                    "P g instead of P⁻¹g: along a direction that counts much, the step is to be shorter, not longer."),
            Mistake(lambda g, P: -g / np.sqrt(g @ P @ g),
                    "It is of length 1, but -g points the way that is steepest for the Euclidean length."),
        ),
        hints=(
            "For P = 1 it is -g, made as long as 1. Which change of variables makes this length the usual one?",
            "With $P = C C^\\top$ and $u = C^\\top d$ the length of $d$ is that of $u$. The slope is "
            "$(C^{-1} g) \\cdot u$.",
            "So $u$ goes along $-C^{-1} g$ and $d$ along $-P^{-1} g$: np.linalg.solve(P, g). Then make it of length 1.",
        ),
    ),
    Exercise(
        name="best-rate",
        task="Write `best(curvatures)` for a bowl with these curvatures, an array (k,) of positive numbers in any "
        "order: the learning rate with which plain gradient descent shrinks the slowest direction most, and the "
        "factor by which that one shrinks in a step. Return `lr, factor`.",
        why="Each direction is multiplied by $1 - \\eta a$, and only the two ends can be the slowest. As $\\eta$ "
        "grows the flattest gets quicker and the steepest, beyond $1/a$, slower. The best is where both are "
        "alike, $1 - \\eta a_{min} = \\eta a_{max} - 1$.",
        solution=best_rate,
        case=lambda rng: (rng.uniform(0.5, 20, size=4),),
        truth=best_rate_by_search,
        outputs=("lr", "factor"),
        mistakes=(
            Mistake(
                lambda a: (2 / a.max(), 1 - 2 * a.min() / a.max()),
                "That is the limit: there the steepest direction jumps from side to side for ever, with a factor -1.",
            ),
            Mistake(
                lambda a: (1 / a.max(), 1 - a.min() / a.max()),
                "With 1 over the largest curvature the steepest direction is done in one step, and the flattest waits. "
                "Somewhat longer steps are better for the slower of the two.",
            ),
            Mistake(lambda a: (1 / a.mean(), np.abs(1 - a / a.mean()).max()),
                    "Only the two ends count: the mean of the largest and the smallest curvature, not that of all."),
            Mistake(lambda a: (1 / (a.min() + a.max()), 1 - a.min() / (a.min() + a.max())),
                    "A factor 2 is missing: 1 - lr a_min = lr a_max - 1."),
            Mistake(lambda a: (2 / (a[0] + a[-1]), abs(a[-1] - a[0]) / (a[-1] + a[0])),
                    "The curvatures are in no order: take the smallest and the largest."),
            Mistake(lambda a: (2 / (a.min() + a.max()), (a.max() + a.min()) / (a.max() - a.min())),
                    "Upside down: a factor above 1 would be growth."),
        ),
        hints=(
            "Each direction is multiplied by 1 - lr a. Which directions are the slowest if lr is small? And if it is "
            "large?",
            "At the best lr the flattest and the steepest shrink alike: 1 - lr a_min = lr a_max - 1.",
            "So lr = 2 / (a_min + a_max). Put it into 1 - lr a_min.",
        ),
    ),
    Exercise(
        name="momentum-mode",
        task="Write `largest_root(lr, mu, a)`: for each of the curvatures `a` (k,) the larger of the absolute values "
        "of the two roots $r$ of $r^2 - (1 + \\mu - \\eta a)\\, r + \\mu = 0$. That is the factor by which momentum "
        "shrinks this direction per step, in the long run. The answer is (k,).",
        why="The roots of $r^2 - b r + \\mu$ are $(b \\pm \\sqrt{b^2 - 4\\mu})/2$. Where the root is of a "
        "negative number both have the size $\\sqrt\\mu$; complex numbers see to that by themselves. "
        "Otherwise the one with the sign of $b$ is the larger.",
        solution=largest_root,
        case=mode_case,
        truth=by_eigenvalues,
        mistakes=(
            Mistake(
                lambda lr, mu, a: np.full_like(a, np.sqrt(mu)),
                "The root of mu is right only where the roots are complex. For some of these curvatures they are real.",
            ),
            Mistake(lambda lr, mu, a: np.abs(1 - lr * a), "That is plain descent: where is mu?"),
            Mistake(
                lambda lr, mu, a: np.abs(1 + mu - lr * a) / 2
                + np.sqrt(np.maximum((1 + mu - lr * a) ** 2 - 4 * mu, 0)) / 2,
                "Where what is under the root is negative the roots are complex: their absolute value is not half of "
                "the sum of the two.",
            ),
            Mistake(lambda lr, mu, a: np.abs((1 + mu - lr * a + np.sqrt((1 + mu - lr * a) ** 2 - 4 * mu + 0j)) / 2),
                    "That is one of the two roots. For large curvatures the other one is the larger."),
            Mistake(lambda lr, mu, a: largest_root(lr, mu, a / (1 + mu)),
                    "The middle term is 1 + mu - lr a; the curvature is not divided by anything."),
            Mistake(lambda lr, mu, a: 2 * largest_root(lr, mu, a),
                    "The formula for the roots of a quadratic ends with a division by 2."),
        ),
        hints=(
            "With b = 1 + mu - lr a the roots are (b ± root of b² - 4 mu) / 2.",
            "What is under the root may be negative: let NumPy compute with complex numbers, np.sqrt(... + 0j).",
            "np.abs of both, and np.maximum of these.",
        ),
    ),
    Exercise(
        name="hessian-vector-product",
        task="Write `hvp(gradient, theta, v, eps)`: $H v$ by central differences of gradients. `gradient(theta)` gives "
        "(n,); `theta` and `v` are (n,), and so is the answer. $H$ itself is not needed.",
        why="$Hv$ is the derivative of the gradient along $v$: how much it changes from one side of $\\theta$ to "
        "the other, divided by the distance. What is taken on both sides is wrong by $\\varepsilon^2$ only.",
        solution=hvp,
        case=lambda rng: (gradient_of_waves, *rng.normal(size=(2, 5)), rng.uniform(0.5e-4, 2e-4)),
        truth=exact_hvp,
        edges=((cubes, np.array([1.0, -2.0]), np.array([0.5, 1.0]), 0.5),),
        tolerance=1e-5,
        mistakes=(
            Mistake(lambda g, t, v, eps: (g(t + eps * v) - g(t)) / eps,
                    "That is a one-sided difference, wrong by a share of eps. Take both sides."),
            Mistake(lambda g, t, v, eps: (g(t + eps * v) - g(t - eps * v)) / eps, "The two are 2 eps apart."),
            Mistake(lambda g, t, v, eps: (g(t + eps * v) - g(t - eps * v)) / 2, "Divide by eps: it is a derivative."),
            Mistake(lambda g, t, v, eps: g(t) * v, "That is the gradient times v: it has no second derivative in it."),
            Mistake(lambda g, t, v, eps: (g(v + eps * t) - g(v - eps * t)) / (2 * eps),
                    "theta and v are swapped: the place is theta, the direction is v."),
            Mistake(lambda g, t, v, eps: (g(t + eps) - g(t - eps)) / (2 * eps),
                    "That goes along (1, 1, ..., 1). The direction is v."),
        ),
        hints=(
            "How does the gradient change when theta moves a little along v?",
            "Two gradients: at theta + eps v and at theta - eps v.",
        ),
    ),
    Exercise(
        name="power-iteration",
        task="Write `power(product, v, steps)`: `steps` times replace `v` by $Hv/\\lVert Hv \\rVert$, then return "
        "$v \\cdot Hv$, an estimate of the eigenvalue that is largest by size, with its sign. `product(v)` gives $Hv$ "
        "for a symmetric $H$; `v` is (n,).",
        why="Each product multiplies the part of $v$ along an eigenvector by its eigenvalue, so that the largest "
        "by size takes over. For a $v$ of length 1 along it $v \\cdot Hv$ is the eigenvalue, with its sign, "
        "which the length of $Hv$ does not have.",
        solution=power,
        case=power_case,
        truth=by_matrix_power,
        mistakes=(
            Mistake(
                lambda H, v, steps: np.linalg.norm(H(last_of_power(H, v, steps))),
                "The length of Hv is without its sign, and these matrices have negative eigenvalues: v @ Hv has it.",
            ),
            Mistake(lambda H, v, steps: power(H, v, steps - 1), "That is one step too few."),
            Mistake(lambda H, v, steps: power(H, v, steps + 1), "That is one step too many."),
            Mistake(lambda H, v, steps: not_made_short(H, v, steps) @ H(not_made_short(H, v, steps)),
                    "v is to be made as long as 1 in every step: v @ Hv is an eigenvalue only for such a v."),
            Mistake(lambda H, v, steps: v @ H(last_of_power(H, v, steps)),
                    "The first v is still in it: take the last one on both sides, v @ product(v)."),
        ),
        hints=(
            "One step: w = product(v), then v = w / np.linalg.norm(w).",
            "After the loop: v @ product(v).",
        ),
    ),
    Exercise(
        name="edge-with-momentum",
        task="Gradient descent on all samples, with learning rate 0.05 and momentum $\\mu = 0.9$ (heavy ball), has "
        "come to the edge of stability. Near which number does the sharpness stay?",
        why="At the edge one of the two roots is $-1$: the run jumps from side to side and neither grows nor "
        "shrinks. With $r = -1$ the equation says $2 + 2\\mu = \\eta a$, so $a = 2(1 + \\mu)/\\eta = "
        "3.8/0.05$.",
        solution=76.0,
        mistakes=(
            Mistake(40.0, "That is 2/lr, the edge of plain descent. Momentum stands a steeper valley."),
            Mistake(4.0, "Divided by ten: a steeper valley is stable with momentum, not a flatter one."),
            Mistake(400.0, "The steps get 10 times as long along a constant slope, but across a valley they cancel."),
            Mistake(38.0, "A factor 2 is missing: at mu = 0 it must be 2/lr."),
            Mistake(
                2 * 1.9 / (2.8 * 0.05),
                "That is the edge of Nesterov's momentum, which stands less; this is the heavy ball's.",
            ),
        ),
        hints=(
            "At the edge one of the two roots is -1. Put r = -1 into $r^2 - (1 + \\mu - \\eta a)\\, r + \\mu = 0$.",
            "$1 + (1 + \\mu - \\eta a) + \\mu = 0$. Solve it for $a$.",
            "$a = 2 (1 + \\mu) / \\eta$.",
        ),
    ),
    Exercise(
        name="noise-scale",
        task="The mean of $\\lVert g_B \\rVert^2$, the squared length of the gradient of a mini-batch, is `small` for "
        "batches of `b` samples and `large` for batches of `B`. Write `noise_scale(small, b, large, B)`: "
        "$\\mathrm{tr}\\,\\Sigma / \\lVert g \\rVert^2$, by $E\\lVert g_B \\rVert^2 = \\lVert g \\rVert^2 + "
        "\\mathrm{tr}\\,\\Sigma / B$ for both.",
        why="Two equations for two unknowns. Their difference has no signal in it and gives the noise; multiplied "
        "by their batch sizes their difference has no noise in it and gives the signal. The quotient is the "
        "noise scale.",
        solution=noise_scale,
        case=noise_case,
        truth=by_two_equations,
        mistakes=(
            Mistake(lambda s, b, L, B: 1 / noise_scale(s, b, L, B), "Upside down: noise over signal is asked for."),
            Mistake(lambda s, b, L, B: (s - L) / (1 / b - 1 / B) / L,
                    "The large batch has noise in it too: its squared length is not yet that of the gradient."),
            Mistake(lambda s, b, L, B: (s - L) * b / L,
                    "That takes the large batch for all the data. Solve the two equations instead."),
            Mistake(lambda s, b, L, B: (s - L) / (1 / b - 1 / B),
                    "That is the noise, tr Σ. It is to be divided by the squared length of the gradient."),
            Mistake(lambda s, b, L, B: noise_scale(s, B, L, b), "The batch sizes are swapped: `small` belongs to `b`."),
            Mistake(
                lambda s, b, L, B: (s - L) / (1 / b - 1 / B) / ((b * L - B * s) / (b - B)),
                "The signal: multiply each equation by its *own* batch size, then subtract, and the noise is gone.",
            ),
        ),
        hints=(
            "Two equations, two unknowns. Subtract one from the other: what is left of the signal?",
            "tr Σ = (small - large) / (1/b - 1/B).",
            "Multiply each equation by its batch size and subtract: |g|² = (B large - b small) / (B - b).",
        ),
    ),
    Exercise(
        name="gauss-newton-step",
        task="The loss is $\\lVert r(\\theta) \\rVert^2/2$ with residuals $r$ (m,) and their Jacobian $J$ (m, n). "
        "Write `gauss_newton(J, r, damping)`: the step $d$ (n,) for which "
        "$\\lVert r + J d \\rVert^2 + \\text{damping} \\cdot \\lVert d \\rVert^2$ is least.",
        why="The derivative of what is to be least, by $d$, is $2 J^\\top(r + J d) + 2\\,\\text{damping}\\,d$. "
        "Set to zero it is a linear system for $d$, whose matrix has no negative eigenvalues, and with "
        "damping no zero ones.",
        solution=gauss_newton,
        case=residuals,
        truth=by_least_squares,
        mistakes=(
            Mistake(lambda J, r, k: -gauss_newton(J, r, k), "The sign is wrong: this step makes r longer."),
            Mistake(lambda J, r, k: gauss_newton(J, r, 0), "The damping is missing."),
            Mistake(lambda J, r, k: -J.T @ r, "That is the gradient, with a minus: a step of plain descent."),
            Mistake(lambda J, r, k: -np.linalg.solve(J.T @ J * (1 + k), J.T @ r),
                    "The damping is added to the diagonal of JᵀJ; it does not multiply the whole matrix."),
            Mistake(lambda J, r, k: -np.linalg.solve(J.T @ J + k, J.T @ r),
                    "The damping is added to *all* entries of JᵀJ. It belongs to the diagonal: damping * np.eye(n)."),
            Mistake(lambda J, r, k: gauss_newton(J, r, k**2), "The damping is not squared."),
        ),
        hints=(
            "Set the derivative with respect to d to zero.",
            "$J^\\top (r + J d) + \\text{damping} \\cdot d = 0$.",
            "$(J^\\top J + \\text{damping} \\cdot 1)\\, d = -J^\\top r$: np.linalg.solve.",
        ),
    ),
)  # fmt: skip
