"""What ops compute, written once more and plainly, with autograd's NumPy: so it can differentiate them too."""

import itertools
import math

import autograd.numpy as anp
import numpy as np
from autograd.extend import defvjp, primitive

erf = primitive(np.vectorize(math.erf, otypes=[float]))
defvjp(erf, lambda y, x: lambda dy: dy * 2 / math.sqrt(math.pi) * anp.exp(-(x**2)))


def softplus(x):
    return anp.maximum(x, 0) + anp.log1p(anp.exp(-anp.abs(x)))


def sigmoid(z):
    return 1 / (1 + anp.exp(-z))


def gelu(x):
    return x * (1 + erf(x / math.sqrt(2))) / 2


def tanh_gelu(x):
    return x * (1 + anp.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2


def logsumexp(x, axis, keepdims=False):
    return anp.log(anp.sum(anp.exp(x), axis=axis, keepdims=keepdims))


def cross_entropy(z, t):
    z = anp.reshape(z, (-1, z.shape[-1]))
    picked = anp.sum(z * np.eye(z.shape[1])[t.ravel()], axis=1)
    return anp.mean(logsumexp(z, 1) - picked)


def attend(q, k, v, mask=True, added=0.0):
    T, S = q.shape[-2], k.shape[-2]
    scores = anp.matmul(q, anp.swapaxes(k, -1, -2)) / math.sqrt(q.shape[-1]) + np.zeros((T, S)) + added
    e = anp.exp(scores) * mask
    return anp.matmul(e / anp.sum(e, axis=-1, keepdims=True), v)


def attend_in_two_heads(q, k, v):
    halves = [[x[..., : x.shape[-1] // 2], x[..., x.shape[-1] // 2 :]] for x in (q, k, v)]
    return anp.concatenate([attend(*parts) for parts in zip(*halves, strict=True)], axis=-1)


def align(x, targets, frames, lengths):
    """CTC by looking at every sequence of classes."""
    losses = []
    for n, (T, wanted) in enumerate(zip(frames, targets, strict=True)):
        ways = [list(way) for way in itertools.product(range(x.shape[2]), repeat=T)]
        ways = [way for way in ways if [c for c, _ in itertools.groupby(way) if c] == [*wanted[: lengths[n]]]]
        losses.append(-anp.log(anp.sum(anp.exp(anp.sum(x[np.arange(T), n, np.array(ways)], axis=1)))))
    return anp.array(losses)


def patches(x, size, step, border, value=0.0):
    """What a window sees, one stop after the other: x (N, C, H, W) -> (N, C, size, size, H', W')."""
    sides = [(0, 0), (0, 0), (border, border), (border, border)]
    x = anp.pad(x, sides, mode="constant", constant_values=value)
    rows, columns = (range(0, n - size + 1, step) for n in x.shape[2:])
    return anp.stack([anp.stack([x[:, :, i : i + size, j : j + size] for j in columns], -1) for i in rows], -2)


def convolution(x, W, b, step, border):
    return anp.einsum("ncijhw,ocij->nohw", patches(x, W.shape[2], step, border), W) + b[:, None, None]


def standardized(x, axes, mean=None, var=None):
    mean = anp.mean(x, axis=axes, keepdims=True) if mean is None else mean
    return (x - mean) / anp.sqrt((anp.mean((x - mean) ** 2, axis=axes, keepdims=True) if var is None else var) + 1e-5)


def sequence(step):
    """All states of a recurrent layer, from step(W x_t + b, U h_(t-1) + d, the state before) -> state."""

    def states(x, s, W, U, b=0.0, d=0.0):
        y = [s]
        for x_t in x:
            h = y[-1] if s.ndim == 2 else y[-1][0]
            y.append(step(anp.dot(x_t, W.T) + b, anp.dot(h, U.T) + d, y[-1]))
        return anp.stack(y if s.ndim == 2 else [h for h, _ in y] + [y[-1][1]])

    return states


def gru_step(z, v, h):
    (r, u, n), (v_r, v_u, v_n) = anp.split(z, 3, 1), anp.split(v, 3, 1)
    u = sigmoid(u + v_u)
    return (1 - u) * anp.tanh(n + sigmoid(r + v_r) * v_n) + u * h


def reset_before(x, s, W, U, b=0.0, d=0.0):
    """All states of a GRU whose reset gate acts before the product with U (Cho et al. 2014)."""
    y, H = [s], s.shape[1]
    for x_t in x:
        z, h = anp.dot(x_t, W.T) + b + d, y[-1]
        r, u = (sigmoid(z[:, rows] + anp.dot(h, U[rows].T)) for rows in (slice(H), slice(H, 2 * H)))
        n = anp.tanh(z[:, 2 * H :] + anp.dot(r * h, U[2 * H :].T))
        y.append((1 - u) * n + u * h)
    return anp.stack(y)


def ended(states, lengths):
    """The same of sequences that end: each alone, as long as it is, and zeros from there on."""

    def each(x, s, *weights):
        T, single, found = len(x), s.ndim == 2, []
        for n, length in enumerate(lengths):
            y = states(x[:length, n : n + 1], s[..., n : n + 1, :], *weights)
            h, c = (y, y[:0]) if single else (y[:-1], y[-1:])
            found.append(anp.concatenate([h, anp.zeros((T - length, *h.shape[1:])), c]))
        return anp.concatenate(found, axis=1)

    return each


def lstm_step(z, v, state):
    i, f, g, o = anp.split(z + v, 4, 1)
    c = sigmoid(f) * state[1] + sigmoid(i) * anp.tanh(g)
    return anp.stack([sigmoid(o) * anp.tanh(c), c])


def lstm_step_of_1997(z, v, state):
    i, g, o = anp.split(z + v, 3, 1)
    c = state[1] + sigmoid(i) * anp.tanh(g)
    return anp.stack([sigmoid(o) * anp.tanh(c), c])
