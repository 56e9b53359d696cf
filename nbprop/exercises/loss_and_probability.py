"""Exercises of the notebook on losses and probabilities: what an output means, and what follows for its gradient."""

import numpy as np

from nbprop import nn
from nbprop.engine import Tensor

from .exercise import Exercise, Mistake

# ---- numbers, and two classes --------------------------------------------------------------------------------------


def gaussian_loss(prediction, y, sigma):
    return 0.5 * np.log(2 * np.pi * sigma**2) + ((y - prediction) ** 2).mean() / (2 * sigma**2)


def loss_of_densities(prediction, y, sigma):
    """By the densities themselves, sample by sample."""
    densities = np.exp(-(((y - prediction) / sigma) ** 2) / 2) / (np.sqrt(2 * np.pi) * sigma)
    return -np.log(densities).mean()


def numbers_case(rng):
    return *rng.normal(size=(2, rng.integers(4, 9))), rng.uniform(0.5, 2)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def mse_delta(z, y):
    p = 1 / (1 + np.exp(-z))
    return 2 * (p - y) * p * (1 - p) / len(y)


def mse_delta_by_autodiff(z, y):
    z = Tensor(z, requires_grad=True)
    nn.MSELoss()(z.sigmoid(), y).backward()
    return z.grad


def binary_case(rng):
    n = rng.integers(4, 9)
    return rng.normal(size=n), rng.integers(0, 2, n).astype(float)


def first_bias(share):
    return np.log(share / (1 - share))


def bias_by_halving(share):
    """The place where the sigmoid is `share`, between two that enclose it."""
    low, high = -50.0, 50.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if sigmoid(middle) < share else (low, middle)
    return low


# ---- many classes --------------------------------------------------------------------------------------------------


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def log_sum_exp(z):
    top = z.max(axis=1)
    return top + np.log(np.exp(z - top[:, None]).sum(axis=1))


def naive(z):
    with np.errstate(over="ignore", divide="ignore"):
        return np.log(np.exp(z).sum(axis=1))


def softmax_delta(z, y):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    delta = e / e.sum(axis=1, keepdims=True)
    delta[np.arange(len(y)), y] -= 1
    return delta / len(y)


def softmax_delta_by_autodiff(z, y):
    z = Tensor(z, requires_grad=True)
    nn.CrossEntropyLoss()(z, y).backward()
    return z.grad


def classes_case(rng):
    n = rng.integers(3, 8)
    return rng.normal(size=(n, 4)), rng.integers(0, 4, n)


def smoothed(y, k, s):
    q = np.full((len(y), k), s / k)
    q[np.arange(len(y)), y] += 1 - s
    return q


def targets_of_the_engine(y, k, s):
    """The gradient is (softmax - q) / n, and the softmax of zeros is 1 / k."""
    z = Tensor(np.zeros((len(y), k)), requires_grad=True)
    nn.CrossEntropyLoss(label_smoothing=s)(z, y).backward()
    return 1 / k - z.grad * len(y)


def smoothed_case(rng):
    n, k = (int(size) for size in rng.integers(3, 8, 2))
    return rng.integers(0, k, n), k, float(rng.uniform(0.05, 0.4))


def hot(y, k):
    return np.eye(k)[y]


# ---- which loss ----------------------------------------------------------------------------------------------------

RIGHT = {
    "a": ("cross_entropy", "one digit out of ten: exactly one is true, so the ten probabilities have the sum 1"),
    "b": ("bce", "each label may be there or not, whatever the others are: one Bernoulli for each"),
    "c": ("mae", "a median, and outliers that are not to count by their square: the Laplace distribution"),
    "d": ("poisson_nll", "a count, 0, 1, 2, ..., whose spread grows with its mean: the Poisson distribution"),
    "e": ("mse", "a mean with noise of the same spread everywhere: the Gaussian"),
}
EXAMPLE = 'dict(a="mse", b="mse", c="mse", d="mse", e="mse")'


def which(answer):
    """None if each letter has the loss that fits; else what is wrong with the first that has not."""
    if not isinstance(answer, dict) or answer.keys() != RIGHT.keys():
        return f"Expected a dict with a name for each letter, such as {EXAMPLE}; got {answer!r}."
    if any(name is ... or name is None for name in answer.values()):
        return "Not answered yet: each letter needs the name of a loss."
    for letter, name in answer.items():
        if not isinstance(name, str) or name not in nn.LOSSES:
            return f"{letter}: there is no loss {name!r}; the names are {', '.join(nn.LOSSES)}."
    wrong = [letter for letter, (name, _) in RIGHT.items() if answer[letter] != name]
    if wrong:
        rest = f" ({len(wrong)} of {len(RIGHT)} are not right yet.)" if len(wrong) > 1 else ""
        return f"{wrong[0]}: not {answer[wrong[0]]}. {_hint(wrong[0], answer[wrong[0]])}{rest}"
    return None


def _hint(letter, name):
    said = {
        ("b", "cross_entropy"): "A softmax would make the labels compete: with two that are there, neither gets 1.",
        ("a", "bce"): "Ten separate yes or no do not know that exactly one of them is true.",
        ("c", "mse"): "The square makes one such error count more than all good prices; its best number is the mean.",
        ("c", "huber"): "Near the target that is a square again, whose best number is no median.",
        ("d", "mse"): "That takes the same spread for a quiet hour and a busy one, and may predict less than 0.",
        ("e", "mae"): "That looks for the median, which is noisier than the mean where the noise is Gaussian.",
    }
    ask = {
        "a": "How many of the ten can be true at once?",
        "b": "Can several be true at once?",
        "c": "What is asked for, and what do the outliers do to it?",
        "d": "Which numbers are possible at all?",
        "e": "Which distribution has the square in its exponent?",
    }
    return said.get((letter, name), ask[letter])


def _answers(**changes):
    return {letter: name for letter, (name, _) in RIGHT.items()} | changes


EXERCISES = (
    Exercise(
        name="gaussian-loss",
        task="Write `gaussian_loss(prediction, y, sigma)`: the mean over the $n$ samples of $-\\ln$ of the density of "
        "`y` (n,) under a Gaussian with the mean `prediction` (n,) and the standard deviation `sigma`. One number.",
        solution=gaussian_loss,
        why=r"The logarithm makes a sum of the density $\frac{1}{\sqrt{2\pi}\,\sigma}\,e^{-(y - \hat "
        r"y)^2/2\sigma^2}$: $-\ln p = \frac12 \ln(2\pi\sigma^2) + (y - \hat y)^2/2\sigma^2$. The first part is "
        r"the same for all samples. So with a fixed $\sigma$ the loss is the mean squared error, but for a "
        "factor and a constant.",
        case=numbers_case,
        truth=loss_of_densities,
        mistakes=(
            Mistake(lambda p, y, s: ((y - p) ** 2).mean() / (2 * s**2), "The normalization of the density is missing."),
            Mistake(
                lambda p, y, s: 0.5 * np.log(2 * np.pi * s**2) + ((y - p) ** 2).mean() / s**2,
                "The exponent of the density has a 2 in its denominator.",
            ),
            Mistake(
                lambda p, y, s: 0.5 * np.log(2 * np.pi * s) + ((y - p) ** 2).mean() / (2 * s),
                "`sigma` is the standard deviation; the density has its square.",
            ),
            Mistake(
                lambda p, y, s: (0.5 * np.log(2 * np.pi * s**2) + (y - p) ** 2 / (2 * s**2)).sum(),
                "That is the sum over the samples, the mean is wanted.",
            ),
            Mistake(
                lambda p, y, s: -(0.5 * np.log(2 * np.pi * s**2) + ((y - p) ** 2).mean() / (2 * s**2)),
                "That is the mean of ln of the density: a loss is small where that is large.",
            ),
            Mistake(
                lambda p, y, s: np.log(2 * np.pi * s**2) + ((y - p) ** 2).mean() / (2 * s**2),
                "The density is divided by the root of 2 pi sigma^2: its logarithm is half as large.",
            ),
        ),
        hints=(
            r"The density is $\frac{1}{\sqrt{2\pi}\,\sigma}\, e^{-(y - \hat y)^2/(2\sigma^2)}$. What is its logarithm?",
            "A product becomes a sum: `0.5 * log(2 * pi * sigma**2)` and a square over `2 * sigma**2`.",
        ),
    ),
    Exercise(
        name="mse-behind-a-sigmoid",
        task=r"Write `mse_delta(z, y)`: $\partial L/\partial z$ of $L = \frac1n \sum_i (\sigma(z_i) - y_i)^2$. "
        "Both arrays are (n,), so is the answer.",
        solution=mse_delta,
        why="Two steps back: the square gives $2(p - y)/n$, the sigmoid its slope $p(1 - p)$. The second factor "
        "is near 0 where $p$ is near 0 or 1, also where it is near the wrong one: that is why it learns "
        "slowly there.",
        case=binary_case,
        truth=mse_delta_by_autodiff,
        mistakes=(
            Mistake(lambda z, y: 2 * (sigmoid(z) - y) / len(y), "The slope of the sigmoid is missing."),
            Mistake(lambda z, y: (sigmoid(z) - y) / len(y), "That is the gradient of the cross-entropy."),
            Mistake(
                lambda z, y: (sigmoid(z) - y) * sigmoid(z) * (1 - sigmoid(z)) / len(y),
                "The 2 of the square is missing.",
            ),
            Mistake(
                lambda z, y: 2 * (sigmoid(z) - y) * sigmoid(z) * (1 - sigmoid(z)),
                "The factor 1/n of the mean is missing.",
            ),
            Mistake(
                lambda z, y: 2 * (sigmoid(z) - y) * z * (1 - z) / len(y),
                "The slope of the sigmoid is p (1 - p), with p its output, not z.",
            ),
            Mistake(
                lambda z, y: 2 * (y - sigmoid(z)) * sigmoid(z) * (1 - sigmoid(z)) / len(y),
                "The sign is wrong: where p is above y the loss grows with z.",
            ),
        ),
        hints=(
            r"Two functions, one after the other: first the square, then $\sigma$.",
            r"$\partial L/\partial p = 2 (p - y)/n$ and $\partial p/\partial z = p (1 - p)$.",
        ),
    ),
    Exercise(
        name="log-sum-exp",
        task="Write `log_sum_exp(z)`: for each row of z (n, k) the number $\\ln \\sum_j e^{z_j}$, (n,). It must be "
        "right for numbers such as 1000 and -1000 as well.",
        solution=log_sum_exp,
        why=r"For any $m$ it is $\ln \sum_j e^{z_j} = m + \ln \sum_j e^{z_j - m}$. With the largest number of the "
        "row as $m$ no exponent is above 0, so nothing overflows, and one of them is 0, so the sum is at "
        "least 1.",
        case=lambda rng: (rng.normal(size=(3, 4)) + np.array([[0.0], [1000.0], [-1000.0]]),),
        truth=lambda z: Tensor(z).logsumexp(axis=1).data,
        mistakes=(
            Mistake(naive, "e to the power 1000 is more than a float64 can be. Take the largest number of the row off"),
            Mistake(lambda z: z.max(axis=1), "That is only the largest number. The others add a little."),
            Mistake(
                lambda z: np.log(np.exp(z - z.max(axis=1, keepdims=True)).sum(axis=1)),
                "The largest number was taken off, and is not added again at the end.",
            ),
            Mistake(
                lambda z: z.max() + np.log(np.maximum(np.exp(z - z.max()).sum(axis=1), 1e-300)),
                "Each row has a largest number of its own: with one for all, the others underflow.",
            ),
            Mistake(
                lambda z: z.max(axis=1) + np.log(np.exp(z - z.max(axis=1, keepdims=True)).mean(axis=1)),
                "That is the logarithm of the mean, not of the sum.",
            ),
        ),
        hints=(
            r"$\ln \sum_j e^{z_j} = m + \ln \sum_j e^{z_j - m}$ for any $m$. Which $m$ is safe?",
            "The largest number of the row: then no exponent is above 0, and one of them is 0.",
        ),
    ),
    Exercise(
        name="softmax-delta",
        task=r"Write `softmax_delta(z, y)`: $\partial L/\partial z$ (n, k) of the mean cross-entropy of the softmax of "
        "z (n, k) with the classes y (n,), whole numbers from 0 to k - 1.",
        solution=softmax_delta,
        why=r"For one sample $L = -z_y + \ln \sum_j e^{z_j}$. The derivative of the second part by $z_j$ is the "
        r"softmax $p_j$, that of the first -1 at the true class: $p - \text{target}$. The mean over the "
        "samples puts 1/n in front.",
        case=classes_case,
        truth=softmax_delta_by_autodiff,
        mistakes=(
            Mistake(lambda z, y: softmax(z) - hot(y, 4), "The factor 1/n of the mean is missing."),
            Mistake(lambda z, y: (hot(y, 4) - softmax(z)) / len(y), "The sign is wrong: it is p minus the target."),
            Mistake(lambda z, y: softmax(z) / len(y), "The 1 has to be taken off at the class that is true."),
            Mistake(
                lambda z, y: (softmax(z.T).T - hot(y, 4)) / len(y),
                "The softmax goes over the classes of one sample, which are in a row.",
            ),
            Mistake(
                lambda z, y: (z - hot(y, 4)) / len(y),
                "It is the probabilities p that the target is taken off, not z.",
            ),
            Mistake(
                lambda z, y: (softmax(z) - hot(y, 4)) * softmax(z) * (1 - softmax(z)) / len(y),
                "There is one slope too many: that of the softmax is in p - y already.",
            ),
            Mistake(
                lambda z, y: (softmax(z) - hot(y, 4)) * hot(y, 4) / len(y),
                "The other classes have a gradient, too: their z has to go down.",
            ),
        ),
        hints=(
            "Probabilities first, row by row. Then what is it at the class that is true, and at the others?",
            "`p`, but for 1 less in row i and column y[i]; then the mean.",
        ),
    ),
    Exercise(
        name="first-bias",
        task="A network with one output and a sigmoid is to begin by saying that class 1 has the probability `share`, "
        "whatever the input. Its last weights are 0. Write `first_bias(share)`: the bias that does it.",
        solution=first_bias,
        why=r"With weights of 0 the output is $\sigma(b)$ for every input. $\sigma(b) = p$ means $1 + e^{-b} = "
        "1/p$, so $e^b = p/(1 - p)$: the bias is the logarithm of the odds.",
        case=lambda rng: (float(rng.uniform(0.01, 0.99)),),
        truth=bias_by_halving,
        mistakes=(
            Mistake(lambda s: s, "The bias goes through the sigmoid: it has to be its inverse."),
            Mistake(lambda s: sigmoid(s), "That goes through the sigmoid once more; the inverse is wanted."),
            Mistake(np.log, "That is ln p. The sigmoid belongs to the log-odds, ln of p over 1 - p."),
            Mistake(lambda s: np.log((1 - s) / s), "The sign is wrong: a frequent class needs a bias above 0."),
            Mistake(lambda s: s / (1 - s), "Those are the odds. Their logarithm is wanted."),
        ),
        hints=(
            r"Solve $\sigma(b) = $ `share` for $b$.",
            r"$1/\sigma(b) = 1 + e^{-b}$, so $e^{b} = $ `share / (1 - share)`.",
        ),
    ),
    Exercise(
        name="smoothed-targets",
        task="Write `smoothed(y, k, s)`: for classes y (n,) the targets (n, k) of label smoothing. A share `s` of each "
        "one-hot target is spread evenly over all k classes, the true one among them.",
        solution=smoothed,
        why="Of the one-hot target `1 - s` stays, and each of the k classes gets `s / k`, the true one among "
        "them. So each row has the sum 1 still.",
        case=smoothed_case,
        truth=targets_of_the_engine,
        mistakes=(
            Mistake(lambda y, k, s: hot(y, k), "That is not smoothed at all."),
            Mistake(
                lambda y, k, s: hot(y, k) * (1 - s) + (1 - hot(y, k)) * s / (k - 1),
                "The share is spread over all k classes, so the true one gets a part of it back.",
            ),
            Mistake(lambda y, k, s: hot(y, k) * (1 - s) + s, "Each class gets a k-th of the share: the sum must be 1."),
            Mistake(lambda y, k, s: hot(y, k) + s / k, "The true class has to give up the share: the sum must be 1."),
            Mistake(lambda y, k, s: hot(y, k) * s + (1 - s) / k, "That keeps the share and spreads the rest."),
        ),
        hints=(
            "What is the sum of each row before, and what must it be afterwards?",
            "`s / k` everywhere, and `1 - s` more at the true class.",
        ),
    ),
    Exercise(
        name="which-loss",
        task="Which loss of `nb.nn.LOSSES` belongs to which output? Answer with a dict, a name for each letter.\n\n"
        "- **a** which of ten digits a picture shows\n"
        "- **b** which of twenty tags a photo has, any number of them\n"
        "- **c** the median price of a flat, from data with typing errors of three zeros\n"
        "- **d** how many calls come in within an hour\n"
        "- **e** a temperature, measured with Gaussian noise that is the same everywhere",
        solution=_answers(),
        why="A loss is minus the logarithm of a probability, so ask which distribution the target has. One of "
        "ten: categorical, cross-entropy. Yes or no for each tag: Bernoulli, `bce`. A median among wild "
        "values: Laplace, `mae`. A count: Poisson. A mean with Gaussian noise: `mse`.",
        judge=which,
        mistakes=(
            Mistake(_answers(b="cross_entropy"), "b: not cross_entropy. A softmax would make the labels compete"),
            Mistake(_answers(a="bce"), "a: not bce. Ten separate yes or no"),
            Mistake(_answers(c="mse"), "c: not mse. The square makes one such error"),
            Mistake(_answers(c="huber"), "c: not huber. Near the target"),
            Mistake(_answers(d="mse", e="mae"), "d: not mse. That takes the same spread"),
            Mistake(_answers(e="mae"), "e: not mae. That looks for the median"),
            Mistake(_answers(a="softmax"), "a: there is no loss 'softmax'; the names are mse,"),
            Mistake(["cross_entropy"], "Expected a dict with a name for each letter"),
        ),
        hints=(
            "Ask of each: which values are possible, and which distribution has them?",
            "One of k: categorical. Yes or no, several times: Bernoulli. A count: Poisson. A number: Gaussian, or "
            "Laplace where single values are wild.",
        ),
    ),
)
