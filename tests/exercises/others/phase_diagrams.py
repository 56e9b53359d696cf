"""Other right answers to the exercises of notebook 23."""

import math

import numpy as np

import nbprop as nb


def chi_by_nbprop(sigma_w2, slope):
    return nb.mean_field(nb.nn.LeakyReLU(slope), sigma_w2).chi_at(3.0)


def chi_by_two_halves(sigma_w2, slope):
    return 0.5 * sigma_w2 + 0.5 * sigma_w2 * slope * slope


def chi_on_a_grid(sigma_w2, slope):
    z = np.linspace(-8, 8, 4000)  # none of them 0
    weight = np.exp(-(z**2) / 2)
    return sigma_w2 * np.average(np.where(z > 0, 1, slope) ** 2, weights=weight)


def edge_with_legendre(q):
    x, weight = np.polynomial.legendre.leggauss(200)
    u = 9 * x
    weight = 9 * weight * np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi)
    t = np.tanh(np.sqrt(q) * u)
    sigma_w2 = 1 / (weight @ (1 - t**2) ** 2)
    return sigma_w2, q - sigma_w2 * (weight @ t**2)


def edge_by_bisection(q):
    low, high = 1.0, 50.0
    for _ in range(100):
        middle = (low + high) / 2
        if nb.mean_field("tanh", middle).chi_at(q) < 1:
            low = middle
        else:
            high = middle
    return [low, q - float(nb.mean_field("tanh", low).variance(q))]


def edge_by_cosh(q):
    u = np.linspace(-9, 9, 3001)
    weight = np.exp(-(u**2) / 2) / np.exp(-(u**2) / 2).sum()
    z = u * q**0.5
    sigma_w2 = 1 / np.sum(weight / np.cosh(z) ** 4)
    return np.array([sigma_w2, q - sigma_w2 * np.sum(weight * np.tanh(z) ** 2)])


def limit_by_math(chi, times):
    return abs(times / math.log(chi))


def limit_by_sides(chi, times):
    return times / np.log(chi) if chi > 1 else times / np.log(1 / chi)


def limit_by_log2(chi, times):
    return times * np.log2(np.e) / np.sqrt(np.log2(chi) ** 2)


def deepest_by_product(depths, right, enough):
    return ((right >= enough) * depths[:, None]).max(axis=0)


def deepest_by_columns(depths, right, enough):
    return [max([0, *depths[column >= enough]]) for column in right.T]


def deepest_from_below(depths, right, enough):
    found = np.zeros(right.shape[1])
    for depth, row in zip(depths, right, strict=True):
        found[~(row < enough)] = depth
    return found


def scaled_by_numpy(lr, batch, new, limit):
    return np.minimum(new * (lr / batch), limit)


def scaled_by_clip(lr, batch, new, limit):
    return np.clip(lr / batch * new, 0, limit)


def scaled_by_cases(lr, batch, new, limit):
    rate = lr * (new / batch)
    if rate > limit:
        rate = limit
    return rate


OTHERS = {
    "leaky-chi": (chi_by_nbprop, chi_by_two_halves, chi_on_a_grid),
    "edge-of-chaos": (edge_with_legendre, edge_by_bisection, edge_by_cosh),
    "depth-limit": (limit_by_math, limit_by_sides, limit_by_log2),
    "deepest-trained": (deepest_by_product, deepest_by_columns, deepest_from_below),
    "scaled-rate": (scaled_by_numpy, scaled_by_clip, scaled_by_cases),
}
