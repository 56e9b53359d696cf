"""Exercises of the notebook on phase diagrams."""

import numpy as np

from nbprop import nn
from nbprop.theory.mean_field import MeanField, moments

from .exercise import Exercise, Mistake

# ---- mean field ----------------------------------------------------------------------------------------------------


def chi(sigma_w2, slope):
    return sigma_w2 * (1 + slope**2) / 2


def chi_by_integration(sigma_w2, slope):
    return float(MeanField(nn.LeakyReLU(slope), sigma_w2).chi_at(1.0))


def edge(q):
    u = np.linspace(-10, 10, 2001)
    weight = np.exp(-(u**2) / 2)
    weight = weight / weight.sum()
    phi = np.tanh(np.sqrt(q) * u)
    sigma_w2 = 1 / (weight @ (1 - phi**2) ** 2)
    return np.array([sigma_w2, q - sigma_w2 * (weight @ phi**2)])


def edge_by_nbprop(q):
    _, square, slope, _ = moments(nn.Tanh(), q)
    return np.array([1 / slope, q - square / slope])


def edge_wrong(q, *, slope=2, root=True, fixed=True):
    """The edge with one thing that is not right."""
    u = np.linspace(-10, 10, 2001)
    weight = np.exp(-(u**2) / 2)
    weight = weight / weight.sum()
    phi = np.tanh((np.sqrt(q) if root else q) * u)
    sigma_w2 = 1 / (weight @ (1 - phi**2) ** slope)
    return np.array([sigma_w2, (q if fixed else 1) - sigma_w2 * (weight @ phi**2)])


def depth_limit(chi, times):
    return times / np.abs(np.log(chi))


def limit_by_halving(chi, times):
    """Where what is multiplied by chi in each layer is e^times times as small, or as large."""
    low, high = 0.0, 1e6
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if abs(middle * np.log(chi)) < times else (low, middle)
    return middle


# ---- maps ----------------------------------------------------------------------------------------------------------


def deepest(depths, right, enough):
    return np.where(right >= enough, depths[:, None], 0).max(axis=0)


def deepest_by_looking(depths, right, enough):
    found = []
    for column in right.T:
        found.append(max((depth for depth, share in zip(depths, column, strict=True) if share >= enough), default=0))
    return np.array(found)


def map_case(rng):
    depths = np.cumsum(rng.integers(1, 9, size=6))
    enough = rng.integers(3, 8) / 10
    right = rng.integers(0, 11, size=(6, 5)) / 10  # so that some are just enough
    right[:, 0] = 0.1
    return depths, right, enough


# ---- rates and batches -----------------------------------------------------------------------------------------------


def scaled(lr, batch, new, limit):
    return min(lr * new / batch, limit)


def scaled_by_doubling(lr, batch, new, limit):
    """The rate for which what a sample moves the weights by is the same, unless that is too much."""
    moved = lr / batch
    rate = moved * new
    return limit if rate > limit else rate


EXERCISES = (
    Exercise(
        name="leaky-chi",
        task="Leaky ReLU has the slope 1 above 0 and `slope` below. Write `chi(sigma_w2, slope)`: by what the "
        "squared norm of the gradient is multiplied on its way back through a wide layer of it, $\\sigma_w^2 "
        "E[\\phi'(z)^2]$ with $z$ normal around 0.",
        why="Half of all $z$ are above 0, whatever their variance: there the squared slope is 1, on the other half "
        "$a^2$. The mean of both is $(1 + a^2)/2$. With $a = 0$, ReLU, it is $\\sigma_w^2/2$: critical at He's 2.",
        solution=chi,
        case=lambda rng: (rng.uniform(0.5, 4), rng.uniform(0.05, 0.9)),
        edges=((2.0, 0.0), (1.5, 1.0)),
        truth=chi_by_integration,
        mistakes=(
            Mistake(lambda w, a: w * (1 + a) / 2, "The slope is squared: it is the squared norm that is multiplied."),
            Mistake(lambda w, a: w * ((1 + a) / 2) ** 2, "The mean of the squares, not the square of the mean."),
            Mistake(lambda w, a: w / 2, "That is ReLU: below 0 something gets through here, too."),
            Mistake(lambda w, a: w * (1 + a**2), "Only half of all z are above 0, and half below: the mean of both."),
            Mistake(lambda w, a: 2 / (1 + a**2), "That is the sigma_w2 at which chi is 1; asked is chi at this one."),
        ),
        hints=(
            "What share of all z is above 0?",
            "Half. E[phi'²] is the mean of 1² and slope²; sigma_w2 multiplies it.",
        ),
    ),
    Exercise(
        name="edge-of-chaos",
        task="For tanh every variance $q$ of the pre-activations belongs to one point of the edge of chaos. Write "
        "`edge_at(q)`: the array $(\\sigma_w^2, \\sigma_b^2)$ for which $q$ stays as it is from layer to layer, $q = "
        "\\sigma_w^2 E[\\tanh(\\sqrt q\\, u)^2] + \\sigma_b^2$, and $\\chi = \\sigma_w^2 E[\\tanh'(\\sqrt q\\, u)^2] "
        "= 1$; $u \\sim N(0, 1)$. (An expectation is a sum over a fine grid of $u$, with weights like $e^{-u^2/2}$ "
        "that add up to 1.)",
        why="The second condition has one unknown: $\\sigma_w^2 = 1/E[\\tanh'^2]$, with $\\tanh' = 1 - \\tanh^2$. "
        "The first one then gives what the biases must add. The sum over an equally "
        "spaced grid is the expectation to many digits, as what is summed is smooth and as good as 0 at its ends.",
        solution=edge,
        case=lambda rng: (rng.uniform(0.05, 2.5),),
        truth=edge_by_nbprop,
        mistakes=(
            Mistake(lambda q: edge_wrong(q, slope=1), "chi has the square of the slope in it: (1 - tanh²)²."),
            Mistake(lambda q: edge_wrong(q, root=False), "u has the variance 1, so z is √q u, not q u."),
            Mistake(lambda q: edge_wrong(q, fixed=False), "What stays as it is is q, not 1: σb² = q - σw² E[tanh²]."),
            Mistake(lambda q: edge(q)[::-1], "In the other order: σw² first."),
            Mistake(lambda q: np.sqrt(np.abs(edge(q))), "These are σw and σb; asked are their squares."),
        ),
        hints=(
            "Begin with chi = 1: only one unknown is in it.",
            "u = np.linspace(-10, 10, 2001); weight = np.exp(-u**2 / 2); weight /= weight.sum(); then E[f] is weight "
            "@ f(u).",
            "sigma_w2 = 1 / E[(1 - tanh²)²], then sigma_b2 = q - sigma_w2 E[tanh²].",
        ),
    ),
    Exercise(
        name="depth-limit",
        task="The squared norm of the gradient is multiplied by $\\chi$ in each layer on its way back. Write "
        "`depth_limit(chi, times)`: so many (`times`) of its depth scales $\\xi = 1/\\lvert\\ln\\chi\\rvert$, in "
        "layers, for $\\chi$ below or above 1.",
        why="After $L$ layers it is $\\chi^L = e^{L \\ln\\chi}$: each $1/\\lvert\\ln\\chi\\rvert$ layers a factor "
        "$e$, down where $\\ln\\chi$ is below 0, up where it is above. The depth itself is positive on either side.",
        solution=depth_limit,
        case=lambda rng: (rng.uniform(0.5, 0.97) if rng.random() < 0.5 else rng.uniform(1.03, 2), rng.uniform(1, 8)),
        edges=((0.9, 6.0), (1.1, 6.0)),
        truth=limit_by_halving,
        mistakes=(
            Mistake(lambda chi, n: n / np.log(chi), "Below 1 the logarithm is negative; a depth is not."),
            Mistake(lambda chi, n: -n / np.log(chi), "Above 1 the logarithm is positive: this depth would be below 0."),
            Mistake(lambda chi, n: 1 / np.abs(np.log(chi)), "That is one depth scale; asked are `times` of them."),
            Mistake(lambda chi, n: n * np.abs(np.log(chi)), "The closer chi is to 1, the deeper: divide."),
            Mistake(lambda chi, n: n / np.abs(1 - chi), "Nearly, close to 1; but layers multiply: the logarithm."),
            Mistake(lambda chi, n: n / np.abs(np.log10(chi)), "The natural logarithm: a factor e, not 10."),
        ),
        hints=(
            "One depth scale is 1 / |ln chi|.",
            "times / np.abs(np.log(chi))",
        ),
    ),
    Exercise(
        name="deepest-trained",
        task="Out of a phase diagram the line along which it ends: `deepest(depths, right, enough)`, with the depths "
        "(k,), rising, and the shares of right answers, `right` (k, m), a row for each depth. For each of the m "
        "columns the largest depth at which at least `enough` are right; 0 where there is none.",
        why="`right >= enough` says which cells learned. Put the depth of its row into each of these, 0 into the "
        "others: the largest number of a column is the answer.",
        solution=deepest,
        case=map_case,
        truth=deepest_by_looking,
        mistakes=(
            Mistake(lambda d, r, e: np.where(r > e, d[:, None], 0).max(axis=0), "*At least*: just enough counts, too."),
            Mistake(lambda d, r, e: np.where(r >= e, d[:, None], 0).max(axis=1), "A number for each column, not row."),
            Mistake(lambda d, r, e: (r >= e).sum(axis=0), "That counts the depths; asked is the largest one."),
            Mistake(lambda d, r, e: d[r.argmax(axis=0)], "That is the depth at which the share is highest."),
            Mistake(
                lambda d, r, e: np.where((r >= e).any(axis=0), d[(r >= e).argmax(axis=0)], 0),
                "That is the first depth which learns; asked is the last.",
            ),
        ),
        hints=(
            "right >= enough: which cells?",
            "np.where(right >= enough, depths[:, None], 0) has the depth in each of these.",
        ),
    ),
    Exercise(
        name="scaled-rate",
        task="A network was trained with rate `lr` and batches of `batch`. Write `scaled(lr, batch, new, limit)`: "
        "the rate for batches of `new` with which it learns as much from each sample; but never above `limit`, the "
        "largest rate with which it is stable.",
        why="A sample moves the weights by the rate over the batch size, as the gradient is a mean over the batch. "
        "To keep lr/batch, the rate goes with the batch size (Goyal and others 2017, section 2.1) up to what a "
        "single step allows.",
        solution=scaled,
        case=lambda rng: (
            rng.uniform(0.01, 0.2), int(2 ** rng.integers(3, 8)), int(2 ** rng.integers(3, 10)), rng.uniform(0.1, 1),
        ),
        edges=((0.1, 32, 64, 0.3), (0.1, 32, 256, 0.3), (0.1, 64, 32, 0.3)),
        truth=scaled_by_doubling,
        mistakes=(
            Mistake(lambda lr, b, n, m: lr * n / b, "The limit is missing: with very large batches it diverges."),
            Mistake(lambda lr, b, n, m: min(lr * b / n, m), "The other way round: a larger batch makes fewer steps."),
            Mistake(lambda lr, b, n, m: min(lr * np.sqrt(n / b), m),
                    "The root would keep the noise of a single step; here the rate goes with the batch size."),
            Mistake(lambda lr, b, n, m: max(lr * n / b, m), "The limit is the *largest* rate: the smaller of the two."),
            Mistake(lambda lr, b, n, m: min(lr * n, m), "Beside what it was: new over old batch size."),
        ),
        hints=(
            "By how much does one sample move the weights? Keep that: lr / batch.",
            "lr * new / batch, or the limit if that is smaller: min.",
        ),
    ),
)  # fmt: skip
