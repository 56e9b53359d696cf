"""Exercises of the notebook on control."""

import numpy as np

from nbprop.engine import Tensor

from .exercise import Exercise, Mistake

# ---- policies ------------------------------------------------------------------------------------------------------


def softmax(z):
    p = np.exp(z - z.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def score(z, action):
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p = p / p.sum(axis=1, keepdims=True)
    return np.eye(z.shape[1])[action] - p


def score_by_autodiff(z, action):
    z = Tensor(z, requires_grad=True)
    z.log_softmax()[np.arange(len(action)), action].sum().backward()
    return z.grad


def policy_case(rng):
    n, k = rng.integers(3, 7), rng.integers(2, 5)
    return 2 * rng.normal(size=(n, k)), rng.integers(0, k, n)


def returns(reward, gamma):
    found = np.array(reward)
    for t in range(len(found) - 2, -1, -1):
        found[t] += gamma * found[t + 1]
    return found


def returns_by_powers(reward, gamma):
    T = len(reward)
    return np.array([sum(gamma ** (k - t) * reward[k] for k in range(t, T)) for t in range(T)])


def best_baseline(score, value):
    return (score**2 * value).sum() / (score**2).sum()


def baseline_by_least_squares(score, value):
    """The b for which score * b is nearest to score * value."""
    return np.linalg.lstsq(score[:, None], score * value, rcond=None)[0][0]


# ---- arms ----------------------------------------------------------------------------------------------------------


def jacobian(angles, lengths):
    direction = np.cumsum(angles)
    J = np.zeros((2, len(angles)))
    for k in range(len(angles)):
        J[0, k] = -(lengths[k:] * np.sin(direction[k:])).sum()
        J[1, k] = (lengths[k:] * np.cos(direction[k:])).sum()
    return J


def jacobian_by_a_complex_step(angles, lengths):
    columns = []
    for k in range(len(angles)):
        moved = np.cumsum(angles + 1e-30j * (np.arange(len(angles)) == k))
        columns.append([(lengths * each(moved)).sum().imag / 1e-30 for each in (np.cos, np.sin)])
    return np.array(columns).T


def arm_case(rng):
    joints = rng.integers(2, 5)
    return rng.uniform(-2, 2, joints), rng.uniform(0.5, 1.5, joints)


def miss(r, first, second):
    return first + second - r


def miss_by_both_solutions(r, first, second):
    """Both solutions by the law of cosines for a target at (r, 0), their mean, and where the hand is then."""
    elbow = np.arccos((r**2 - first**2 - second**2) / (2 * first * second))
    shoulder = -np.arctan2(second * np.sin(elbow), first + second * np.cos(elbow))
    one, two = np.mean([[shoulder, elbow], [-shoulder, -elbow]], axis=0)
    hand = first * np.exp(1j * one) + second * np.exp(1j * (one + two))
    return abs(hand - r)


def target_case(rng):
    first, second = rng.uniform(0.5, 1.5, 2)
    low, high = abs(first - second), first + second
    return rng.uniform(low + 0.05 * (high - low), high - 0.05 * (high - low)), first, second


# ---- gradients of what is random -----------------------------------------------------------------------------------


def by_score(value, eps, sigma):
    return np.array([(value * eps / sigma).mean(), (value * (eps**2 - 1) / sigma).mean()])


def by_log_density(value, eps, sigma):
    """Backpropagation through log p(x; mu, sigma), with x held."""
    mu, s = Tensor(0.0, requires_grad=True), Tensor(float(sigma), requires_grad=True)
    x = sigma * eps
    ((-(((x - mu) / s) ** 2) / 2 - s.log()) * value).mean().backward()
    return np.array([mu.grad, s.grad])


def by_path(slope, eps):
    return np.array([slope.mean(), (slope * eps).mean()])


def by_reparametrization(slope, eps):
    """Backpropagation through x = mu + sigma eps, for a loss of this slope."""
    mu, s = Tensor(0.0, requires_grad=True), Tensor(1.0, requires_grad=True)
    ((mu + s * eps) * slope).mean().backward()
    return np.array([mu.grad, s.grad])


def bias(p, t):
    return (2 * p - 1) * p * (1 - p)


def bias_by_enumeration(p, t):
    """Expectations over both bits: of what straight-through says, and the derivative of the expected loss by z."""
    z = np.log(p) - np.log1p(-p)
    said = (p * 2 * (1 - t) + (1 - p) * 2 * (0 - t)) * p * (1 - p)
    z = Tensor(z, requires_grad=True)
    q = z.sigmoid()
    (q * (1 - t) ** 2 + (1 - q) * t**2).sum().backward()
    return said - z.grad


EXERCISES = (
    Exercise(
        name="score-of-a-policy",
        task="A policy: $\\pi = \\mathrm{softmax}(z)$, and `action` was drawn from it. Write `score(z, action)`: the "
        "gradient of $\\ln \\pi(\\mathrm{action})$ by z. z is (n, k), action (n,) whole numbers, the answer (n, k).",
        why="$\\ln \\pi(a) = z_a - \\ln \\sum_i e^{z_i}$. The first term gives 1 at the action, the second $-\\pi$ "
        "everywhere. It is the gradient of the cross-entropy with its sign turned: there one goes down, here up.",
        solution=score,
        case=policy_case,
        truth=score_by_autodiff,
        mistakes=(
            Mistake(lambda z, a: softmax(z) - np.eye(z.shape[1])[a],
                    "That is the gradient of the cross-entropy, -ln π: here the logarithm is to grow."),
            Mistake(lambda z, a: np.eye(z.shape[1])[a], "Only z of the action: the sum below the fraction has z, too."),
            Mistake(lambda z, a: softmax(z) * (np.eye(z.shape[1])[a] - softmax(z)[np.arange(len(a)), a][:, None]),
                    "That is the gradient of π(action), without the logarithm, or nearly."),
            Mistake(lambda z, a: np.eye(z.shape[1])[a] / softmax(z),
                    "That is by π, not by z: go on through the softmax."),
        ),
        hints=(
            "ln π(a) = z_a - ln(sum of exp(z)). What is the derivative of each term?",
            "Of the first: 1 at the action, else 0, `np.eye(k)[action]`. Of the second: the probabilities.",
        ),
    ),
    Exercise(
        name="returns-to-go",
        task="Write `returns(reward, gamma)`: what came from each step on, $G_t = r_t + \\gamma r_{t+1} + \\gamma^2 "
        "r_{t+2} + \\ldots$ up to the end. reward is (T,), the answer, too.",
        why="$G_t = r_t + \\gamma G_{t+1}$: from the end to the beginning one pass is enough. It is a backward pass "
        "in time, as through a recurrent network whose state is multiplied by $\\gamma$.",
        solution=returns,
        case=lambda rng: (rng.normal(size=rng.integers(4, 9)), rng.uniform(0.3, 0.95)),
        truth=returns_by_powers,
        edges=((np.array([1.5, -2.0]), 0.5), (np.array([3.0]), 0.9)),
        mistakes=(
            Mistake(lambda r, g: np.cumsum(r[::-1])[::-1], "gamma is missing: what comes later counts less."),
            Mistake(lambda r, g: np.full(len(r), (g ** np.arange(len(r)) * r).sum()),
                    "That is the return of the whole episode, at every step. An action cannot change what was before."),
            Mistake(lambda r, g: np.cumsum(g ** np.arange(len(r)) * r),
                    "That sums what came up to each step; wanted is what comes from it on."),
            Mistake(lambda r, g: np.cumsum((g ** np.arange(len(r)) * r)[::-1])[::-1],
                    "The discount is counted from the beginning of the episode; G_t counts it from t."),
            Mistake(lambda r, g: returns(r, g) - r, "r_t itself belongs to it."),
        ),
        hints=(
            "What is G at the last step? And the one before it, with that?",
            "G_t = r_t + gamma * G_{t+1}: go from the end to the beginning.",
        ),
    ),
    Exercise(
        name="best-baseline",
        task="Samples of a gradient: $s_i (G_i - b)$, with scores $s$ (n,) and returns $G$ (n,). The baseline $b$ does "
        "not change what they are in the mean, as scores are 0 in the mean. Write `baseline(score, value)`: the one "
        "number $b$ for which the mean of $(s_i (G_i - b))^2$ is smallest.",
        why="The derivative by $b$, $-2\\, \\mathrm{mean}(s^2 (G - b))$, is 0 at $b = \\mathrm{mean}(s^2 G) / "
        "\\mathrm{mean}(s^2)$: a mean of the returns, in which those count more that have a large score.",
        solution=best_baseline,
        case=lambda rng: (0.3 + rng.normal(size=9), 3 + 2 * rng.normal(size=9)),
        truth=baseline_by_least_squares,
        mistakes=(
            Mistake(lambda s, G: G.mean(), "The mean is a good baseline, but samples with a large score count more."),
            Mistake(lambda s, G: (s * G).sum() / s.sum(), "Weighted by s: the *square* is to be small, so by s²."),
            Mistake(lambda s, G: (s * G).sum() / (s**2).sum(), "That fits s b to G, not s b to s G."),
            Mistake(lambda s, G: (s**2 * G).mean(), "Divide by the mean of s²: the weights must add up to 1."),
        ),
        hints=(
            "It is a parabola in b: take the derivative and set it to 0.",
            "mean(s² (G - b)) = 0. Solve for b.",
        ),
    ),
    Exercise(
        name="jacobian-of-an-arm",
        task="An arm of n parts: part k points into the direction $q_0 + \\ldots + q_k$, so that the hand is at $x = "
        "\\sum_k l_k \\cos(q_0 + \\ldots + q_k)$, $y = \\sum_k l_k \\sin(q_0 + \\ldots + q_k)$. Write "
        "`jacobian(angles, lengths)`: (2, n), the derivatives of x and y by each angle. angles, lengths are (n,).",
        why="Angle $k$ turns all parts from $k$ on, and none before. The derivative of their sum of cosines is minus "
        "their sum of sines: the column is the way from joint $k$ to the hand, turned by a right angle.",
        solution=jacobian,
        case=arm_case,
        truth=jacobian_by_a_complex_step,
        mistakes=(
            Mistake(lambda q, r: np.stack([-r * np.sin(np.cumsum(q)), r * np.cos(np.cumsum(q))]),
                    "An angle turns all parts behind it as well, not its own alone."),
            Mistake(lambda q, r: np.stack([np.cumsum(-r * np.sin(np.cumsum(q))), np.cumsum(r * np.cos(np.cumsum(q)))]),
                    "Summed from the shoulder: angle k turns the parts from k on, towards the hand."),
            Mistake(lambda q, r: jacobian(q, r) * [[-1], [1]], "The derivative of the cosine is minus the sine."),
            Mistake(lambda q, r: jacobian(q, r)[::-1], "x and y are exchanged, or sine and cosine."),
            Mistake(lambda q, r: jacobian(np.diff(q, prepend=0), r),
                    "The directions are sums of angles: np.cumsum(angles)."),
        ),
        hints=(
            "Which parts move when angle k changes?",
            "All from k on. Their directions are np.cumsum(angles)[k:].",
        ),
    ),
    Exercise(
        name="between-two-elbows",
        task="An arm of two parts, `first` and `second` long, can reach a target at the distance `r` from its shoulder "
        "in two ways: elbow up and elbow down. Write `miss(r, first, second)`: how far from the target the hand is "
        "when each angle is the mean of its two values.",
        why="The two are mirror images: the elbow is bent by $\\beta$ or $-\\beta$, the shoulder lies as far on one "
        "side of the target's direction as on the other. In the mean the elbow is straight and the arm points at the "
        "target, and beyond it.",
        solution=miss,
        case=target_case,
        truth=miss_by_both_solutions,
        mistakes=(
            Mistake(lambda r, a, b: a + b, "That is how far the hand is from the shoulder; how far from the target?"),
            Mistake(lambda r, a, b: abs(a - b) - r, "The elbow is straight in the mean, not folded."),
            Mistake(lambda r, a, b: 0 * r, "Each of the two reaches it, but not what lies between them."),
            Mistake(lambda r, a, b: np.sqrt(a**2 + b**2) - r, "That is an elbow bent by a right angle."),
        ),
        hints=(
            "Draw both. What is the mean of an elbow bent by β and one bent by -β?",
            "Straight, and it points at the target. How long is the arm then?",
        ),
    ),
    Exercise(
        name="score-function-gradient",
        task="$x = \\mu + \\sigma\\varepsilon$ with $\\varepsilon$ normal, and only the values $f(x)$ are known, not "
        "the slope of f. Write `gradient(value, eps, sigma)`: the score-function estimates of the derivatives of "
        "$E[f(x)]$ by $\\mu$ and by $\\sigma$, an array of two. value, eps are (n,), sigma is a number.",
        why="$\\ln p(x) = -(x - \\mu)^2 / 2\\sigma^2 - \\ln\\sigma$ + constant. Its derivative by $\\mu$ is $(x - "
        "\\mu)/\\sigma^2 = \\varepsilon/\\sigma$, by $\\sigma$ it is $(\\varepsilon^2 - 1)/\\sigma$. Each times the "
        "value, in the mean.",
        solution=by_score,
        case=lambda rng: (3 + rng.normal(size=8), rng.normal(size=8), rng.uniform(0.3, 2)),
        truth=by_log_density,
        mistakes=(
            Mistake(lambda v, e, s: np.array([(v * e).mean(), (v * (e**2 - 1)).mean()]) / s**2,
                    "x - μ is σε: of the σ² below the fraction one σ is left."),
            Mistake(lambda v, e, s: np.array([(v * e / s).mean(), (v * e**2 / s).mean()]),
                    "The density has a factor 1/σ: -ln σ in the logarithm gives -1/σ."),
            Mistake(lambda v, e, s: np.array([v.mean(), (v * e).mean()]),
                    "That would be along the path, with slopes in place of values."),
            Mistake(lambda v, e, s: np.array([(v * e).mean(), (v * (e**2 - 1)).mean()]), "The 1/σ is missing."),
            Mistake(lambda v, e, s: by_score(v, e, s)[::-1], "First by μ, then by σ."),
        ),
        hints=(
            "The derivative of E[f] is E[f(x) times the derivative of ln p(x)].",
            "ln p = -(x - μ)²/2σ² - ln σ. By μ: (x - μ)/σ², which is ε/σ.",
            "By σ: (x - μ)²/σ³ - 1/σ, which is (ε² - 1)/σ.",
        ),
    ),
    Exercise(
        name="pathwise-gradient",
        task="The same $x = \\mu + \\sigma\\varepsilon$; now the slopes $f'(x)$ are known. Write "
        "`gradient_along(slope, eps)`: the pathwise (reparametrized) estimates of the derivatives of $E[f(x)]$ by "
        "$\\mu$ and by $\\sigma$, an array of two. slope, eps are (n,).",
        why="With $\\varepsilon$ drawn first, x is an ordinary function of $\\mu$ and $\\sigma$, with the derivatives "
        "1 and $\\varepsilon$: the chain rule.",
        solution=by_path,
        case=lambda rng: (1 + rng.normal(size=8), rng.normal(size=8)),
        truth=by_reparametrization,
        mistakes=(
            Mistake(lambda s, e: np.array([(s * e).mean(), (s * (e**2 - 1)).mean()]),
                    "That is the score function; along the path there is no density."),
            Mistake(lambda s, e: np.array([s.mean(), s.mean()]), "By σ: x moves by ε when σ moves by 1."),
            Mistake(lambda s, e: np.array([s.mean(), s.mean() * e.mean()]),
                    "The mean of a product is not the product of the means."),
            Mistake(lambda s, e: by_path(s, e)[::-1], "First by μ, then by σ."),
        ),
        hints=(
            "How does x change with μ, when ε stays? And with σ?",
            "By 1, and by ε. Then the chain rule, and the mean.",
        ),
    ),
    Exercise(
        name="straight-through-bias",
        task="A bit b is 1 with probability $p = \\sigma(z)$, and $f(b) = (b - t)^2$. The straight-through estimate of "
        "the derivative by z is $f'(b)\\, p (1 - p)$. Write `bias(p, t)`: its mean over b, minus the true derivative "
        "of $E[f(b)]$ by z. p, t are (n,).",
        why="The mean of $f'(b) = 2(b - t)$ is $2(p - t)$. In truth it should be $f(1) - f(0) = 1 - 2t$. The "
        "difference, $2p - 1$, times $p(1 - p)$: no t is left. Where $p$ is a half there is no bias.",
        solution=bias,
        case=lambda rng: (rng.uniform(0.05, 0.95, 5), rng.uniform(0, 1, 5)),
        truth=bias_by_enumeration,
        mistakes=(
            Mistake(lambda p, t: 2 * (p - t) * p * (1 - p), "That is the mean of the estimate; take the truth off."),
            Mistake(lambda p, t: (1 - 2 * t) * p * (1 - p), "That is the true derivative."),
            Mistake(lambda p, t: (1 - 2 * p) * p * (1 - p), "Turned around: the estimate minus the truth."),
            Mistake(lambda p, t: 2 * p - 1, "By z, not by p: times the slope of the sigmoid."),
        ),
        hints=(
            "The mean of f'(b) = 2(b - t), with b = 1 in a share p of all cases?",
            "2(p - t). In truth: E[f] = p f(1) + (1 - p) f(0), with the slope f(1) - f(0) by p.",
            "(2(p - t) - (1 - 2t)) p (1 - p).",
        ),
    ),
)  # fmt: skip
