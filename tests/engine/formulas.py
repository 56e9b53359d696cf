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


def nll(weight=(1.0, 1.0, 1.0), ignored=-1, reduction="mean", smoothing=0.0):
    def formula(x, t):
        x, t = anp.reshape(x, (-1, 3)), t.ravel()
        w = np.array(weight) * (t != ignored)[:, None]
        K = w * ((1 - smoothing) * np.eye(3)[t] + smoothing / 3)
        each = -anp.sum(K * x, axis=1)
        if reduction == "none":
            return each
        return anp.sum(each) / (np.sum(w[np.arange(len(t)), t]) if reduction == "mean" else 1)

    return formula


def attend(q, k, v, mask=True):
    T, S = q.shape[-2], k.shape[-2]
    scores = anp.matmul(q, anp.swapaxes(k, -1, -2)) / math.sqrt(q.shape[-1]) + np.zeros((T, S))
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


def lstm_step(z, v, state):
    i, f, g, o = anp.split(z + v, 4, 1)
    c = sigmoid(f) * state[1] + sigmoid(i) * anp.tanh(g)
    return anp.stack([sigmoid(o) * anp.tanh(c), c])


def lstm_step_of_1997(z, v, state):
    i, g, o = anp.split(z + v, 3, 1)
    c = state[1] + sigmoid(i) * anp.tanh(g)
    return anp.stack([sigmoid(o) * anp.tanh(c), c])
