"""Other right answers to the exercises of notebook 13."""

from graphlib import TopologicalSorter
from math import isqrt

import numpy as np

import nbprop as nb

# ---- the rule of a division


def divide_by_logarithms(a, b, dy):
    y = a / b
    return dy * y / a, -dy * y / b


def divide_as_a_product(a, b, dy):
    inverse = b**-1
    d_inverse = dy * a
    return [dy * inverse, d_inverse * -(inverse**2)]


def divide_by_nbprop(a, b, dy):
    return nb.grad(lambda a, b: dy * a / b, argnums=(0, 1))(a, b)


# ---- the order of the walk


def reached(inputs, root):
    nodes, todo = set(), [root]
    while todo:
        node = todo.pop()
        if node not in nodes:
            nodes.add(node)
            todo.extend(inputs[node])
    return nodes


def order_by_graphlib(inputs, root):
    return list(TopologicalSorter({node: inputs[node] for node in reached(inputs, root)}).static_order())


def order_by_counting(inputs, root):
    """Kahn's way: whatever waits for nothing comes next."""
    nodes = reached(inputs, root)
    waits = {node: len(set(inputs[node])) for node in nodes}
    users = {node: [] for node in nodes}
    for node in nodes:
        for i in set(inputs[node]):
            users[i].append(node)
    ready = [node for node in nodes if not waits[node]]
    for node in ready:
        for user in users[node]:
            waits[user] -= 1
            if not waits[user]:
                ready.append(user)
    return ready


def order_with_iterators(inputs, root):
    found, path, seen = [], [(root, iter(inputs[root]))], {root}
    while path:
        node, rest = path[-1]
        for i in rest:
            if i not in seen:
                seen.add(i)
                path.append((i, iter(inputs[i])))
                break
        else:
            found.append(node)
            path.pop()
    return np.array(found)


# ---- broadcasting backward


def to_shape_axis_by_axis(dy, shape):
    while dy.ndim > len(shape):
        dy = dy.sum(0)
    for axis, size in enumerate(shape):
        if size == 1:
            dy = dy.sum(axis, keepdims=True)
    return dy


def to_shape_in_one_sum(dy, shape):
    full = (1,) * (dy.ndim - len(shape)) + tuple(shape)
    return np.sum(dy, axis=tuple(i for i in range(dy.ndim) if full[i] == 1)).reshape(shape)


def to_shape_one_by_one(dy, shape):
    found = np.zeros(shape)
    places = np.broadcast_to(np.arange(found.size).reshape(shape), dy.shape)
    np.add.at(found.reshape(-1), places.ravel(), dy.ravel())
    return found


# ---- a loop over layers


def layers_with_a_stack(x, W, dy):
    stack = []
    for each in W:
        y = np.tanh(x @ each)
        stack.append((x, y))
        x = y
    dW = []
    for each in W[::-1]:
        before, y = stack.pop()
        dz = dy * (1 - y) * (1 + y)
        dW.insert(0, np.einsum("ni,nj->ij", before, dz))
        dy = np.einsum("nj,ij->ni", dz, each)
    return dW, dy


def layers_recursively(x, W, dy):
    if not len(W):
        return np.zeros((0, x.shape[1], x.shape[1])), dy
    z = x @ W[0]
    dW, da = layers_recursively(np.tanh(z), W[1:], dy)
    dz = da / np.cosh(z) ** 2
    return np.concatenate([(x.T @ dz)[None], dW]), dz @ W[0].T


def layers_by_nbprop(x, W, dy):
    def loss(x, W):
        for k in range(len(W.data)):
            x = (x @ W[k]).tanh()
        return (x * dy).sum()

    dx, dW = nb.grad(loss, argnums=(0, 1))(x, W)
    return dW, dx


# ---- a layer of dual numbers


def dual_by_parts(x, dx, W, dW):
    z, dz = x @ W, x @ dW
    dz = dz + dx @ W
    return np.tanh(z), dz / np.cosh(z) ** 2


def dual_by_blocks(x, dx, W, dW):
    both = np.hstack([x, dx]) @ np.block([[W, dW], [np.zeros_like(W), W]])
    z, dz = np.hsplit(both, 2)
    y = np.tanh(z)
    return [y, dz - dz * y * y]


def dual_by_nbprop(x, dx, W, dW):
    return nb.jvp(lambda x, W: (x @ W).tanh(), (x, W), (dx, dW))


# ---- a backward pass with checkpoints


def checkpoints_in_a_list(forward, backward, x, L, every, dy):
    points = []
    for k in range(L):
        if not k % every:
            points.append(x)
        x = forward(k, x)
    while points:
        first = (len(points) - 1) * every
        inputs = [points.pop()]
        for k in range(first, min(L, first + every) - 1):
            inputs += [forward(k, inputs[-1])]
        while inputs:
            dy = backward(first + len(inputs) - 1, inputs.pop(), dy)
    return dy


def checkpoints_by_functions(forward, backward, x, L, every, dy):
    def segment(first, a, dy):
        """Back through one segment, which keeps its own inputs."""
        if first == L or first % every == every - 1:
            return backward(first, a, dy) if first < L else dy
        return backward(first, a, segment(first + 1, forward(first, a), dy) if first + 1 < L else dy)

    def run(first, a):
        start = a
        for k in range(first, min(first + every, L)):
            a = forward(k, a)
        after = run(first + every, a) if first + every < L else dy
        del a
        return segment(first, start, after)

    return run(0, x)


def checkpoints_segment_by_segment(forward, backward, x, L, every, dy):
    ends = [*range(every, L, every), L]
    starts = [0, *ends[:-1]]
    kept = [x]
    for first, end in zip(starts[:-1], ends[:-1], strict=True):
        a = kept[-1]
        for k in range(first, end):
            a = forward(k, a)
        kept.append(a)
    for first, end in zip(starts[::-1], ends[::-1], strict=True):
        inputs = {first: kept.pop()}
        for k in range(first + 1, end):
            inputs[k] = forward(k - 1, inputs[k - 1])
        for k in range(end - 1, first - 1, -1):
            dy = backward(k, inputs.pop(k), dy)
    return dy


# ---- the best step of a difference


def step_by_logarithms(eps, f, f3):
    return np.exp((np.log(3) + np.log(eps) + np.log(f) - np.log(f3)) / 3)


def step_by_newton(eps, f, f3):
    h = 1e-3
    for _ in range(100):
        h -= (h**3 - 3 * eps * f / f3) / (3 * h**2)
    return h


def step_by_cbrt(eps, f, f3):
    return np.cbrt(3 * eps * np.abs(f) / np.abs(f3))


OTHERS = {
    "division-backward": (divide_by_logarithms, divide_as_a_product, divide_by_nbprop),
    "topological-order": (order_by_graphlib, order_by_counting, order_with_iterators),
    "unbroadcast": (to_shape_axis_by_axis, to_shape_in_one_sum, to_shape_one_by_one),
    "layers-backward": (layers_with_a_stack, layers_recursively, layers_by_nbprop),
    "dual-layer": (dual_by_parts, dual_by_blocks, dual_by_nbprop),
    "checkpointed-backward": (checkpoints_in_a_list, checkpoints_by_functions, checkpoints_segment_by_segment),
    "best-step": (step_by_logarithms, step_by_newton, step_by_cbrt),
    "loss-scale": (32768.0, np.float32(2**15), np.int64(isqrt(2**30))),
}
