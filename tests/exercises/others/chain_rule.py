"""Other right answers to the exercises of notebook 01."""

from fractions import Fraction

import numpy as np

import nbprop as nb


def slope_by_hyperbolic_cosine(x):
    b = x * x
    return 2 * x * (np.tanh(b) + b / np.cosh(b) ** 2)


def slope_by_nbprop(x):
    x = nb.Tensor(x, requires_grad=True)
    b = x**2
    (b * b.tanh()).backward()
    return x.grad


def slope_by_differences(x):
    def loss(x):
        return x**2 * np.tanh(x**2)

    h = 1e-5
    return (loss(x + h) - loss(x - h)) / (2 * h)


def neuron_step_by_step(x, w, b, y):
    z = w * x + b
    da = 2 * (np.tanh(z) - y)
    dz = da / np.cosh(z) ** 2
    return [float(dz) * x, float(dz)]


def neuron_as_an_array(x, w, b, y):
    a = np.tanh(w * x + b)
    return -2 * (y - a) * (1 - a) * (1 + a) * np.array([x, 1])


def neuron_by_nbprop(x, w, b, y):
    return nb.grad(lambda p: ((p[0] * x + p[1]).tanh() - y) ** 2)(np.array([w, b]))


def walk_along_every_path(inputs, slopes):
    found = [0.0] * len(inputs)

    def hand_on(k, gradient):
        found[k] += gradient
        for i, slope in zip(inputs[k], slopes[k], strict=True):
            hand_on(i, gradient * slope)

    hand_on(len(inputs) - 1, 1.0)
    return found


def walk_with_a_while(inputs, slopes):
    found = np.zeros(len(inputs))
    k = len(inputs) - 1
    found[k] = 1
    while k >= 0:
        for j in range(len(inputs[k])):
            found[inputs[k][j]] = found[inputs[k][j]] + slopes[k][j] * found[k]
        k = k - 1
    return found


def collected_from_the_users(inputs, slopes):
    n = len(inputs)
    found = {n - 1: 1.0}
    for i in range(n - 2, -1, -1):
        uses = [(k, s) for k in range(i + 1, n) for j, s in zip(inputs[k], slopes[k], strict=True) if j == i]
        found[i] = sum(found[k] * s for k, s in uses)
    return np.array([found[i] for i in range(n)])


def walk_by_nbprop(inputs, slopes):
    nudges = nb.Tensor(np.zeros(len(inputs)), requires_grad=True)
    nodes = []
    for k, (some, each) in enumerate(zip(inputs, slopes, strict=True)):
        node = nudges[k]
        for i, slope in zip(some, each, strict=True):
            node = node + nodes[i] * slope
        nodes.append(node)
    nodes[-1].backward()
    return nudges.grad


def tangents_from_the_start(inputs, slopes, x):
    dot = []
    for k in range(len(inputs)):
        total = 1.0 if k == x else 0.0
        for i, slope in zip(inputs[k], slopes[k], strict=True):
            total += slope * dot[i] if k > x else 0.0
        dot.append(total)
    return dot


def tangents_by_recursion(inputs, slopes, x):
    def of(k):
        if k == x:
            return 1.0
        return sum(slope * of(i) for i, slope in zip(inputs[k], slopes[k], strict=True))

    return np.array([of(k) for k in range(len(inputs))])


def tangents_by_powers(inputs, slopes, x):
    n = len(inputs)
    S = np.zeros((n, n))
    for k in range(n):
        for i, slope in zip(inputs[k], slopes[k], strict=True):
            S[k, i] += slope
    moved = np.eye(n)[x]
    total = moved.copy()
    for _ in range(n):
        moved = S @ moved
        total += moved
    return total


def tangents_with_dot(inputs, slopes, x):
    dot = np.zeros(len(inputs))
    dot[x] = 1
    for k in range(len(inputs)):
        if inputs[k] and k != x:
            dot[k] = np.dot(slopes[k], dot[inputs[k]])
    return dot


OTHERS = {
    "chain-rule": (slope_by_hyperbolic_cosine, slope_by_nbprop, slope_by_differences),
    "neuron-gradient": (neuron_step_by_step, neuron_as_an_array, neuron_by_nbprop),
    "backward-walk": (walk_along_every_path, walk_with_a_while, collected_from_the_users, walk_by_nbprop),
    "forward-mode": (tangents_from_the_start, tangents_by_recursion, tangents_by_powers, tangents_with_dot),
    "cost-of-a-gradient": (400, Fraction(2 * 100_000 * 2, 1000), [400], np.float32(400), nb.Tensor(400.0)),
}
