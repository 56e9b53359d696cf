"""What ops compute, written once more and plainly, with autograd's NumPy: so it can differentiate them too."""

import itertools
import math

import autograd.numpy as anp
import numpy as np
from autograd.extend import defvjp, primitive
from autograd.tracer import getval

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


def windows(x, kernel, step=1, border=0, apart=1, value=0.0):
    """What a window sees, one stop after the other: x (N, C, *sizes) -> (N, C, *kernel, *stops)."""
    x = anp.pad(x, [(0, 0), (0, 0), *[(border, border)] * len(kernel)], mode="constant", constant_values=value)
    spans = [apart * (k - 1) + 1 for k in kernel]
    stops = [(n - span) // step + 1 for n, span in zip(x.shape[2:], spans, strict=True)]
    cuts = [[slice(i * step, i * step + n, apart) for i, n in zip(at, spans, strict=True)] for at in np.ndindex(*stops)]
    return anp.reshape(
        anp.stack([x[(slice(None), slice(None), *cut)] for cut in cuts], -1), (*x.shape[:2], *kernel, *stops)
    )


def convolution(x, W, b=None, groups=1, **moves):
    """Each output channel, from the input channels of its group."""
    D, inputs, outputs = x.ndim - 2, x.shape[1] // groups, len(W) // groups
    axes, parts = range(1, D + 2), []
    for g in range(groups):
        seen = windows(x[:, g * inputs : (g + 1) * inputs], W.shape[2:], **moves)
        parts.append(anp.tensordot(seen, W[g * outputs : (g + 1) * outputs], (axes, axes)))  # (N, *stops, outputs)
    y = anp.moveaxis(anp.concatenate(parts, -1), -1, 1)
    return y if b is None else y + anp.reshape(b, (-1, *[1] * D))


def transposed_convolution(x, W, b, step=1, border=0, extra=0, groups=1, apart=1):
    """Number i of x goes to i step + j apart - border, with number j of the filter."""
    places = []
    for n, k in zip(x.shape[2:], W.shape[2:], strict=True):
        size = (n - 1) * step + apart * (k - 1) + 1 + extra - 2 * border
        to = np.arange(n)[:, None] * step + np.arange(k) * apart - border
        places.append((np.arange(size)[:, None, None] == to) * 1.0)
    formula = ["nch,coi,ahi->noa", "nchw,coij,ahi,bwj->noab", "nchwd,coijk,ahi,bwj,edk->noabe"][x.ndim - 3]
    one = x.shape[1] // groups
    parts = [anp.einsum(formula, x[:, i : i + one], W[i : i + one], *places) for i in range(0, x.shape[1], one)]
    return anp.concatenate(parts, 1) + anp.reshape(b, (-1, *[1] * (x.ndim - 2)))


def means_of_windows(x, sizes):
    """Adaptive pooling, window by window."""
    cuts = [
        [slice(i * n // m, -(-(i + 1) * n // m)) for i in range(m)] for m, n in zip(sizes, x.shape[2:], strict=True)
    ]
    axes = tuple(range(2, x.ndim))
    means = [anp.mean(x[(slice(None), slice(None), *cut)], axis=axes) for cut in itertools.product(*cuts)]
    return anp.reshape(anp.stack(means, -1), (*x.shape[:2], *sizes))


def standardized(x, axes, mean=None, var=None):
    mean = anp.mean(x, axis=axes, keepdims=True) if mean is None else mean
    return (x - mean) / anp.sqrt((anp.mean((x - mean) ** 2, axis=axes, keepdims=True) if var is None else var) + 1e-5)


def standardized_in_two_groups(x):
    return anp.reshape(standardized(anp.reshape(x, (len(x), 2, -1)), -1), x.shape)


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


def products(x):
    """Of the last axis, number by number: autograd's own prod divides, and zeros have no place there."""
    y = anp.ones(x.shape[:-1])
    for i in range(x.shape[-1]):
        y = y * x[..., i]
    return y


def running(reduce):
    """What a reduction of the last axis makes of its first number, the first two, and so on."""

    def run(x):
        if not x.shape[-1]:
            return x * 1.0
        return anp.stack([reduce(x[..., : i + 1]) for i in range(x.shape[-1])], axis=-1)

    return run


def cells(x, axis, index):
    """Where index[i, j] points to along an axis, as an index of x."""
    grid = list(np.indices(index.shape))
    grid[axis] = index
    return tuple(grid)


def put(x, axis, index, src, last=False):
    """0 in the shape of x, with src added where the index points to; of several for one place only the last."""
    columns = np.ravel_multi_index(cells(x, axis, index), x.shape).ravel()
    matrix = np.zeros((x.size, columns.size))
    matrix[columns, np.arange(columns.size)] = 1
    if last:
        matrix *= np.cumsum(matrix[:, ::-1], axis=1)[:, ::-1] == 1
    return anp.reshape(anp.dot(matrix, anp.ravel(src + np.zeros(index.shape))), x.shape)


def in_order(x, axis):
    return x[cells(x, axis, np.argsort(getval(x), axis))]


def middle(x, axis):
    """The median along one axis."""
    n, rows = x.shape[axis], anp.moveaxis(in_order(x, axis), axis, 0)
    return (rows[(n - 1) // 2] + rows[n // 2]) / 2
