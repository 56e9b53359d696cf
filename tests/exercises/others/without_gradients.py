"""Other right answers to the exercises of notebook 21."""

import math

import numpy as np


def probability_by_where(worse, temperature):
    return np.where(worse > 0, np.exp(-np.abs(worse) / temperature), 1.0)


def probability_of_what_is_worse(worse, temperature):
    return np.exp(-np.maximum(worse, 0) / temperature)


def probability_in_a_loop(worse, temperature):
    return [min(1.0, math.exp(-each / temperature)) for each in worse]


def estimate_as_one_population(above, below, e, sigma):
    points, losses = np.concatenate([e, -e]), np.concatenate([above, below])
    return (losses[:, None] * points).sum(axis=0) / (len(points) * sigma)


def estimate_by_slopes(above, below, e, sigma):
    slopes = (above - below) / (2 * sigma)
    return np.einsum("i,ij->j", slopes, e) / e.shape[0]


def estimate_in_a_loop(above, below, e, sigma):
    found = np.zeros(e.shape[1])
    for i, direction in enumerate(e):
        found += direction * (above[i] - below[i]) / 2 / sigma
    return found / len(above)


def length_by_both(n, pairs):
    return (n + 2) / pairs + (pairs - 1) / pairs


def length_by_one_fraction(n, pairs):
    return (pairs + n + 1) / pairs


def length_by_pairs_of_pairs(n, pairs):
    return (pairs * (n + 2) + pairs * (pairs - 1)) / pairs**2


def move_by_velocity(x, v, p, g, r1, r2, w, c1, c2):
    v = v * w + (p - x) * r1 * c1 + (g - x) * r2 * c2
    return x + v


def move_by_a_goal(x, v, p, g, r1, r2, w, c1, c2):
    a, b = c1 * r1, c2 * r2
    return (1 - a - b) * x + w * v + a * p + b * g


def move_as_a_list(x, v, p, g, r1, r2, w, c1, c2):
    return [
        a + w * b + c1 * r * (c - a) + c2 * s * (d - a) for a, b, c, d, r, s in zip(x, v, p, g, r1, r2, strict=True)
    ]


def chance_by_logarithms(population, size):
    return -math.expm1(size * math.log1p(-1 / population))


def chance_by_counting(population, size):
    return (population**size - (population - 1) ** size) / population**size


def chance_draw_by_draw(population, size):
    missed = 1.0
    for _ in range(size):
        missed *= (population - 1) / population
    return 1 - missed


OTHERS = {
    "annealing-acceptance": (probability_by_where, probability_of_what_is_worse, probability_in_a_loop),
    "evolution-gradient": (estimate_as_one_population, estimate_by_slopes, estimate_in_a_loop),
    "evolution-noise": (length_by_both, length_by_one_fraction, length_by_pairs_of_pairs),
    "swarm-step": (move_by_velocity, move_by_a_goal, move_as_a_list),
    "tournament-chance": (chance_by_logarithms, chance_by_counting, chance_draw_by_draw),
}
