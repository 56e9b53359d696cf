"""Other right answers to the exercises of notebook 16."""

import numpy as np

import nbprop as nb


def growth_in_a_loop(blocks, scale):
    moment = 1.0
    for _ in range(blocks):
        moment += scale * scale * moment
    return moment


def growth_by_logarithms(blocks, scale):
    return np.exp(blocks * np.log1p(scale**2))


def growth_of_many(blocks, scale):
    return np.prod([1 + scale**2] * blocks)


def highway_by_nbprop(x, W, V, b, dy):
    def layer(x):
        t = (x @ V.T + b).sigmoid()
        return t * (x @ W.T).tanh() + (1 - t) * x

    return nb.vjp(layer, x)[1](dy)[0]


def highway_by_deltas(x, W, V, b, dy):
    h = np.tanh(x.dot(W.T))
    closed = 1 / (1 + np.exp(x.dot(V.T) + b))
    to_gate = (h - x) * dy * closed * (1 - closed)
    return (dy * (1 - closed) * (1 - h) * (1 + h)).dot(W) + to_gate.dot(V) + dy * closed


def highway_by_jacobians(x, W, V, b, dy):
    found = []
    for one, d in zip(x, dy, strict=True):
        h, t = np.tanh(W @ one), 1 / (1 + np.exp(-(V @ one + b)))
        J = np.diag(t * (1 - h**2)) @ W + np.diag((h - one) * t * (1 - t)) @ V + np.diag(1 - t)
        found.append(J.T @ d)
    return np.array(found)


def norm_sample_by_sample(x, w, dy, eps):
    found = []
    for one, d in zip(x, dy, strict=True):
        s, g = np.sqrt(one.var() + eps), d * w
        h = (one - one.mean()) / s
        found.append((g - g.mean() - h * np.mean(h * g)) / s)
    return found


def norm_by_nbprop(x, w, dy, eps):
    norm = nb.nn.LayerNorm(len(w), eps=eps, dtype=np.float64)
    norm.weight.data[...] = w
    x = nb.Tensor(x, requires_grad=True)
    norm(x).backward(dy)
    return x.grad


def norm_by_jacobians(x, w, dy, eps):
    d, found = x.shape[1], []
    for one, back in zip(x, dy, strict=True):
        centred = one - one.mean()
        s = np.sqrt(centred @ centred / d + eps)
        J = (np.eye(d) - 1 / d) / s - np.outer(centred, centred) / (d * s**3)
        found.append(J.T @ (w * back))
    return np.array(found)


def rms_sample_by_sample(x, w, dy, eps):
    found = np.empty_like(x)
    for i, (one, d) in enumerate(zip(x, dy, strict=True)):
        s = np.sqrt(np.mean(one * one) + eps)
        found[i] = w * d / s - one * (one @ (w * d)) / (len(one) * s**3)
    return found


def rms_by_nbprop(x, w, dy, eps):
    def layer(x):
        return x / ((x * x).mean(axis=1, keepdims=True) + eps).sqrt() * w

    return nb.vjp(layer, x)[1](dy)[0]


def rms_by_jacobians(x, w, dy, eps):
    d, found = x.shape[1], []
    for one, back in zip(x, dy, strict=True):
        s = (one @ one / d + eps) ** 0.5
        found.append((np.eye(d) / s - np.outer(one, one) / (d * s**3)) @ (w * back))
    return np.array(found)


def correlation_by_the_angle(c):
    angle = np.arccos(c)
    return (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / np.pi


def correlation_by_arcsin(c):
    return (np.sqrt((1 - c) * (1 + c)) + c * (np.pi / 2 + np.arcsin(c))) / np.pi


def correlation_one_by_one(c):
    return [(np.hypot(0, np.sqrt(1 - each * each)) + each * np.arccos(-each)) / np.pi for each in c]


def layers_of_the_square(chi, factor):
    return 2 * np.log(factor) / np.log(chi)


def layers_by_digits(chi, factor):
    return np.log10(factor) / (0.5 * np.log10(chi))


def layers_by_halving(chi, factor):
    low, high = 0.0, 10_000.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if chi ** (middle / 2) > factor else (low, middle)
    return low


def rescaled_by_the_variance(W, x):
    z = W @ x.T
    return W * np.mean((z - z.mean()) ** 2) ** -0.5


def rescaled_in_place(W, x):
    W /= np.std(x.dot(W.transpose()))
    return W


def rescaled_twice(W, x):
    for _ in range(2):
        W = W / (x @ W.T).std()
    return W


OTHERS = {
    "residual-growth": (growth_in_a_loop, growth_by_logarithms, growth_of_many),
    "highway-backward": (highway_by_nbprop, highway_by_deltas, highway_by_jacobians),
    "layer-norm-backward": (norm_sample_by_sample, norm_by_nbprop, norm_by_jacobians),
    "rms-norm-backward": (rms_sample_by_sample, rms_by_nbprop, rms_by_jacobians),
    "relu-correlation": (correlation_by_the_angle, correlation_by_arcsin, correlation_one_by_one),
    "depth-scale": (layers_of_the_square, layers_by_digits, layers_by_halving),
    "lsuv-layer": (rescaled_by_the_variance, rescaled_in_place, rescaled_twice),
    "a-hundred-blocks": (
        {"way": "residual", "scale": 0.1, "lr": 0.005},
        {"way": "residual", "norm": "pre", "lr": 0.005},
        {"way": "residual", "init": "zeros", "lr": 0.005},
    ),
}
