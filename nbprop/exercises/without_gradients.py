"""Exercises of the notebook on optimizers that need no gradient."""

import numpy as np

from .exercise import Exercise, Mistake


def probability(worse, temperature):
    return np.minimum(1, np.exp(-worse / temperature))


def by_cases(worse, temperature):
    return np.array([1.0 if each <= 0 else float(np.exp(-each / temperature)) for each in worse])


def estimate(above, below, e, sigma):
    return (above - below) @ e / (2 * len(e) * sigma)


def pair_by_pair(above, below, e, sigma):
    return np.mean([(a - b) / (2 * sigma) * each for a, b, each in zip(above, below, e, strict=True)], axis=0)


def squared_length(n, pairs):
    return 1 + (n + 1) / pairs


def from_both_parts(n, pairs):
    """The mean square is the square of the mean, 1, and the variance of a mean of so many."""
    of_one = n + 2  # E[(g e)² |e|²], for |g| = 1
    return 1 + (of_one - 1) / pairs


def move(x, v, p, g, r1, r2, w, c1, c2):
    return x + w * v + c1 * r1 * (p - x) + c2 * r2 * (g - x)


def number_by_number(x, v, p, g, r1, r2, w, c1, c2):
    found = []
    for i in range(len(x)):
        velocity = w * v[i]
        velocity += c1 * r1[i] * (p[i] - x[i])
        velocity += c2 * r2[i] * (g[i] - x[i])
        found.append(x[i] + velocity)
    return np.array(found)


def chance(population, size):
    return 1 - (1 - 1 / population) ** size


def by_first_draws(population, size):
    """It is drawn first at the k-th draw."""
    return sum((1 - 1 / population) ** k / population for k in range(size))


def pairs_case(rng):
    pairs, n = (int(each) for each in rng.integers(2, 8, size=2))
    return *rng.normal(size=(2, pairs)), rng.normal(size=(pairs, n)), rng.uniform(0.1, 0.6)


def swarm_case(rng):
    return *rng.normal(size=(4, 5)), *rng.random((2, 5)), rng.uniform(0.3, 0.9), *rng.uniform(0.5, 2, size=2)


EXERCISES = (
    Exercise(
        name="annealing-acceptance",
        task="Write `probability(worse, temperature)`: with which probability annealing takes points whose losses are "
        "higher by `worse` (k,) than where it is; those with a number below 0 are better. temperature > 0.",
        why="What is better is always taken: the probability is 1. What is worse by $d$ is taken with "
        "$e^{-d/T}$. As $e^{-d/T} > 1$ for $d < 0$, both together are $\\min(1, e^{-d/T})$.",
        solution=probability,
        case=lambda rng: (rng.normal(size=8), rng.uniform(0.2, 2)),
        truth=by_cases,
        mistakes=(
            Mistake(lambda d, T: np.exp(-d / T), "A probability is at most 1: what is better is always taken."),
            Mistake(lambda d, T: np.minimum(1, np.exp(d / T)), "The sign: the worse, the more seldom it is taken."),
            Mistake(lambda d, T: np.minimum(1, np.exp(-d * T)),
                    "Divide by the temperature: the hotter, the more is taken."),
            Mistake(lambda d, T: (d <= 0) * 1.0, "That is temperature 0: what is worse is taken, too, now and then."),
        ),
        hints=("What is better is always taken.", "What is worse by d: exp(-d / T). np.minimum does both at once."),
    ),
    Exercise(
        name="evolution-gradient",
        task="Write `estimate(above, below, e, sigma)`: the gradient that an evolution strategy estimates (n,), from "
        "the losses `above` (k,) at $\\theta + \\sigma e_i$ and `below` (k,) at $\\theta - \\sigma e_i$; e is (k, n), "
        "a row for each pair.",
        why="A pair measures the slope along its direction, $(L_+ - L_-)/(2\\sigma) \\approx g^\\top e_i$. "
        "That many times $e_i$ is on average $g$, as $E[e e^\\top]$ is the identity. The mean over the "
        "pairs is the estimate.",
        solution=estimate,
        case=pairs_case,
        truth=pair_by_pair,
        mistakes=(
            Mistake(lambda a, b, e, s: (a - b) @ e / (len(e) * s), "The two points of a pair are 2 sigma apart."),
            Mistake(lambda a, b, e, s: (a - b) @ e / (2 * s), "The mean over the pairs, not their sum."),
            Mistake(lambda a, b, e, s: (b - a) @ e / (2 * len(e) * s), "The sign: the gradient points uphill."),
            Mistake(lambda a, b, e, s: (a + b) @ e / (2 * len(e) * s), "It is the difference of the two that counts."),
            Mistake(lambda a, b, e, s: (a - b) @ e / (2 * len(e)), "The slope is the difference over 2 sigma."),
        ),
        hints=(
            "One pair: by how much does the loss rise along e, for each unit of length?",
            "(above - below) / (2 sigma) times e, and the mean of that over the k pairs.",
        ),
    ),
    Exercise(
        name="evolution-noise",
        task="A loss is a plane with slope $g$, so a pair estimates $(g^\\top e)\\, e$, with $n$ normal numbers in $e$."
        " For one pair $E\\,|(g^\\top e)\\, e|^2 = (n + 2)\\,|g|^2$. Write `squared_length(n, pairs)`: how many times "
        "$|g|^2$ the expected squared length of the mean of so many independent pairs is.",
        why="The mean of the estimates is $g$, so of the $n + 2$ of one pair 1 is the gradient itself, and $n + 1$ is "
        "noise. In the mean of $k$ independent pairs the noise is divided by $k$, the gradient stays.",
        solution=squared_length,
        case=lambda rng: (int(rng.integers(2, 300)), int(rng.integers(2, 40))),
        truth=from_both_parts,
        mistakes=(
            Mistake(lambda n, k: (n + 2) / k, "Only the noise is divided by the number of pairs; the gradient stays."),
            Mistake(lambda n, k: (n + 1) / k, "That is the noise; the gradient itself comes to it."),
            Mistake(lambda n, k: 1 + (n + 2) / k, "Of the n + 2 one is the gradient itself."),
            Mistake(lambda n, k: n + 2.0, "That is with one pair."),
            Mistake(lambda n, k: 1 + (n + 1) / k**2, "The variance of a mean of k is that of one over k."),
        ),
        hints=(
            "Mean square = square of the mean + variance. What is the mean of one estimate?",
            "It is g: so n + 2 = 1 + (n + 1), and the variance of a mean of k is the k-th part.",
        ),
    ),
    Exercise(
        name="swarm-step",
        task="Write `move(x, v, p, g, r1, r2, w, c1, c2)`: where a particle at x (n,) with velocity v is after a step. "
        "p is the best point that it has seen, g that of all, r1 and r2 (n,) are the uniform numbers; w is the "
        "inertia, c1 the cognitive and c2 the social factor.",
        why="The velocity keeps the share $w$ of itself, and is drawn to both points, the more the further they are: "
        "$v' = w v + c_1 r_1 (p - x) + c_2 r_2 (g - x)$. Then $x' = x + v'$.",
        solution=move,
        case=swarm_case,
        truth=number_by_number,
        mistakes=(
            Mistake(lambda x, v, p, g, r1, r2, w, c1, c2: w * v + c1 * r1 * (p - x) + c2 * r2 * (g - x),
                    "That is the new velocity; the particle moves by it."),
            Mistake(lambda x, v, p, g, r1, r2, w, c1, c2: x + v + c1 * r1 * (p - x) + c2 * r2 * (g - x),
                    "The inertia is missing: only the share w of the velocity is kept."),
            Mistake(lambda x, v, p, g, r1, r2, w, c1, c2: x + w * v + c1 * r1 * (x - p) + c2 * r2 * (x - g),
                    "It is pulled to p and g, not away: p - x."),
            Mistake(lambda x, v, p, g, r1, r2, w, c1, c2: x + w * v + c1 * r1 * p + c2 * r2 * g,
                    "It is the way from x to the point that counts: p - x."),
        ),
        hints=("First the velocity, of three parts; then x plus the velocity.", "w v + c1 r1 (p - x) + c2 r2 (g - x)."),
    ),
    Exercise(
        name="tournament-chance",
        task="For a tournament `size` are drawn out of a population, each draw from all alike, and the best of them "
        "becomes a parent. Write `chance(population, size)`: the probability that it is the best of all.",
        why="The best of all wins whenever it is drawn. One draw misses it with $1 - 1/N$, all $k$ of them with "
        "$(1 - 1/N)^k$; the rest is its chance.",
        solution=chance,
        case=lambda rng: (int(rng.integers(3, 30)), int(rng.integers(2, 8))),
        truth=by_first_draws,
        mistakes=(
            Mistake(lambda N, k: k / N, "It can be drawn twice: draws are from all alike, so chances do not add."),
            Mistake(lambda N, k: (1 - 1 / N) ** k, "That is the chance that it is not drawn."),
            Mistake(lambda N, k: N ** -float(k), "That is the chance that each draw is the best; one is enough."),
            Mistake(lambda N, k: 1 / N, "That is with one draw."),
        ),
        hints=("When does the best of all not win?", "If no draw is it: (1 - 1/N) to the power of the draws."),
    ),
)  # fmt: skip
