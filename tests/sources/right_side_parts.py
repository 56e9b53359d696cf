"""What the right sides of equations are made of, in NumPy: see right_sides.py. window: how the
convolution or pooling of a test moves."""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

window = {"kernel": (3, 3), "stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def rows(x):
    return x.reshape(-1, x.shape[-1])


def outer(dy, x):
    """Sum over all rows of dy x^T."""
    return rows(dy).T @ rows(x)


def over_all_but(x, axis, w):
    """Summed to the shape of w: over all axes but the last ones, or but axis 1."""
    return x.sum(axis=tuple(i for i in range(x.ndim) if i != 1)) if axis == 1 else x.reshape(-1, *w.shape).sum(axis=0)


def per_channel(v, name):
    """A parameter of a norm as it meets y: along axis 1 of a batch norm, the last axes of a layer norm."""
    w, y = v[name], v["y"]
    return w.reshape(1, -1, *[1] * (y.ndim - 2)) if channels(v) else w


def channels(v):
    """Whether a norm is one of channels."""
    return any(name in v for name in "MμG")


def norm_sum(v, x):
    return over_all_but(x, 1 if channels(v) else -1, v["γ"])


def mean_of_features(v, x):
    if "G" in v:
        means = x.reshape(len(x), int(v["G"]), -1).mean(axis=2)
        return np.repeat(means, x.shape[1] // int(v["G"]), axis=1).reshape(*x.shape[:2], *[1] * (x.ndim - 2))
    return x.mean(axis=tuple(range(x.ndim - v["γ"].ndim, x.ndim)), keepdims=True)


def mean_for_norm(v):
    x = v["x"]
    return x.mean(axis=tuple(i for i in range(x.ndim) if i != 1), keepdims=True) if "M" in v else mean_of_features(v, x)


def layer_norm_back(v):
    g = per_channel(v, "γ") * v["dy"]
    return (g - mean_of_features(v, g) - v["h"] * mean_of_features(v, v["h"] * g)) / v["s"]


def patches(x, fill=0.0):
    """(N, C, *kernel, *stops)."""
    kernel, D = window["kernel"], len(window["kernel"])
    x = np.pad(x, ((0, 0), (0, 0), *((p, p) for p in window["padding"])), constant_values=fill)
    spans = tuple(d * (k - 1) + 1 for k, d in zip(kernel, window["dilation"], strict=True))
    seen = sliding_window_view(x, spans, axis=tuple(range(2, 2 + D)))
    steps = (slice(None, None, step) for step in (*window["stride"], *window["dilation"]))
    return np.moveaxis(seen[(slice(None), slice(None), *steps)], range(2, 2 + D), range(2 + D, 2 + 2 * D))


def folded(p, shape):
    """Each number of `patches` back to its pixel."""
    padding, D = window["padding"], len(window["kernel"])
    x = np.zeros((*shape[:2], *(n + 2 * before for n, before in zip(shape[2:], padding, strict=True))), p.dtype)
    for place in np.ndindex(*window["kernel"]):
        moves = zip(place, window["dilation"], window["stride"], p.shape[2 + D :], strict=True)
        to = tuple(slice(i * d, i * d + s * n, s) for i, d, s, n in moves)
        x[(slice(None), slice(None), *to)] += p[(slice(None), slice(None), *place)]
    return x[(slice(None), slice(None), *(slice(p, p + n) for p, n in zip(padding, shape[2:], strict=True)))]


def parts(x, axis):
    """The channels, along this axis, as groups and channels of a group."""
    return x.reshape(*x.shape[:axis], window["groups"], x.shape[axis] // window["groups"], *x.shape[axis + 1 :])


def matrices(W, p):
    """Filters (groups, out, pixels of a window), and what the window sees (n, groups, pixels of a window, stops)."""
    D = len(window["kernel"])
    seen = parts(p, 1)
    flat = seen.reshape(*seen.shape[:2], -1, math.prod(seen.shape[3 + D :]))
    return parts(W, 0).reshape(window["groups"], len(W) // window["groups"], -1), flat


def correlated(W, x):
    """W X(x)"""
    p = patches(x)
    rows, seen = matrices(W, p)
    return np.einsum("ngks,gok->ngos", seen, rows).reshape(len(x), len(W), *p.shape[2 + len(window["kernel"]) :])


def spread(W, y, shape):
    """X⁺(Wᵀ y)"""
    rows = matrices(W, np.zeros((1, W.shape[1] * window["groups"], *window["kernel"], *y.shape[2:])))[0]
    flat = parts(y, 1).reshape(len(y), window["groups"], -1, math.prod(y.shape[2:]))
    p = np.einsum("ngos,gok->ngks", flat, rows)
    return folded(p.reshape(len(y), -1, *window["kernel"], *y.shape[2:]), shape)


def gradient_of_filters(v, y, x):
    """Σ y X(x)ᵀ"""
    seen = matrices(v["W"], patches(x))[1]
    flat = parts(y, 1).reshape(len(y), window["groups"], -1, math.prod(y.shape[2:]))
    return np.einsum("ngos,ngks->gok", flat, seen).reshape(v["W"].shape)


def conv(v, bias=True):
    y = correlated(v["W"], v["x"])
    return y + v["b"].reshape(-1, *[1] * (y.ndim - 2)) if bias else y


def transposed(v, bias=True):
    y = spread(v["W"], v["x"], v["y"].shape)
    return y + v["b"].reshape(-1, *[1] * (y.ndim - 2)) if bias else y


def windows_of(x, sizes):
    """Adaptive windows: for each pixel of the output its place and what it sees."""
    sides = zip(sizes, x.shape[2:], strict=True)
    cuts = [[slice(i * n // m, -(-(i + 1) * n // m)) for i in range(m)] for m, n in sides]
    return [((i, j), x[:, :, cuts[0][i], cuts[1][j]]) for i, j in np.ndindex(*sizes)]


def largest_of_windows(v):
    y = np.empty(v["y"].shape)
    for (i, j), seen in windows_of(v["x"], y.shape[2:]):
        y[:, :, i, j] = seen.max(axis=(2, 3))
    return y


def to_the_largest(v):
    dx = np.zeros(v["x"].shape)
    both = zip(*(windows_of(array, v["y"].shape[2:]) for array in (v["x"], dx)), strict=True)
    for ((i, j), seen), (_, back) in both:
        for n, c in np.ndindex(*dx.shape[:2]):
            back[n, c][np.unravel_index(seen[n, c].argmax(), seen.shape[2:])] += v["dy"][n, c, i, j]
    return dx


def slope_of_prelu(v):
    α = v["α"]
    return α if α.size == 1 else α.reshape(-1, *[1] * (v["x"].ndim - 2))


def first_largest(v):
    p = patches(v["x"], -np.inf)
    flat = p.reshape(*p.shape[:2], -1, *v["y"].shape[2:])
    mask = np.arange(flat.shape[2]).reshape(-1, *[1] * (v["y"].ndim - 2)) == flat.argmax(axis=2)[:, :, None]
    return folded((mask * v["dy"][:, :, None]).reshape(p.shape), v["x"].shape)


def split(x, heads):
    return x.reshape(*x.shape[:-1], heads, -1).swapaxes(-2, -3)


def joined(x):
    x = x.swapaxes(-2, -3)
    return x.reshape(*x.shape[:-2], -1)


def heads(v):
    return v["A"].shape[-3]


XS = "x", "x2", "x3"  # what query, key and value are made of


def scores(v):
    s = split(v["Q"], heads(v)) @ split(v["K"], heads(v)).swapaxes(-1, -2) / np.sqrt(v["d"])
    return np.where(v["A"] > 0, s, -np.inf)  # what is masked is seen in the weights


def row_part(v, kept=1.0):
    dP = split(v["dy"], heads(v)) @ split(v["V"], heads(v)).swapaxes(-1, -2) * kept
    return v["A"] * (dP - (v["A"] * dP).sum(axis=-1, keepdims=True))


def later(x):
    """x of the next step, and zeros after the last."""
    return np.concatenate([x[1:], np.zeros_like(x[:1])])


def gate(v, name, bias):
    z = v["x"] @ v[f"W{name}"].T + v["h"][:-1] @ v[f"U{name}"].T
    return z + v[f"b{name}"] + v[f"k{name}"] if bias else z


def reset_before(v):
    """What each step of a GRU with the reset gate before the product hands to the state before it."""
    return v["er"] @ v["Ur"] + v["eu"] @ v["Uu"] + v["r"] * (v["en"] @ v["Un"]) + v["u"] * v["dh"]


def h0(v, h):
    """With the state before the first step, which no equation gives."""
    return np.concatenate([v["h"][:1], h])


def rnn(v, f, bias=True):
    z = v["x"] @ v["W"].T + v["h"][:-1] @ v["U"].T
    return h0(v, f(z + v["b"] + v["k"] if bias else z))


def next_cell(v, factor=1.0):
    carried = later(v["dc"]) * (later(v["f"]) if "f" in v else factor)
    carried[-1] = v["dcT"]
    return v["dh"] * v["o"] * (1 - np.tanh(v["c"][1:]) ** 2) + carried


def evened(X, steps=5):
    """What Newton and Schulz's steps make of the singular values, by themselves."""
    U, s, V = np.linalg.svd(X.reshape(len(X), -1), full_matrices=False)
    s = s / np.linalg.norm(s)
    for _ in range(steps):
        s = 3.4445 * s - 4.775 * s**3 + 2.0315 * s**5
    return (U * s @ V).reshape(X.shape)


def Φ(z):
    return 0.5 * (1 + np.vectorize(math.erf)(z / math.sqrt(2)))


def φ(z):
    return np.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def u(z):
    return math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)


def du(z):
    return math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * z**2)


def gate6(z):
    return np.clip(z / 6 + 0.5, 0, 1)


def huber(v):
    d = np.abs(v["x"] - v["t"])
    return np.where(d <= v["δ"], d * d / 2, v["δ"] * (d - v["δ"] / 2))


def log_of_two(u, v, p):
    return u * np.log(p) + v * np.log1p(-p)


def losses(positive, negative, slopes):
    """What is averaged, what is averaged and has a minus in front, and the slope of the one and of the other."""
    found = {}
    for how in ("mean", "sum"):
        found |= {f"{how}({t})": lambda v, f=f, how=how: getattr(f(v), how)() for t, f in positive.items()}
        found |= {f"−{how}({t})": lambda v, f=f, how=how: -getattr(f(v), how)() for t, f in negative.items()}
    return {**found, **slopes, **{f"{t} / {{n}}": lambda v, f=f: f(v) / v["n"] for t, f in slopes.items()}}


def scattered(v):
    dW = np.zeros_like(v["W"])
    np.add.at(dW, v["x"].ravel(), rows(v["dy"]))
    return dW


def first_rows(v):
    dP = np.zeros_like(v["P"])
    dP[: v["dy"].shape[-2]] = v["dy"].reshape(-1, *v["dy"].shape[-2:]).sum(axis=0)
    return dP


def gates():
    z = lambda name, bias: lambda v: (np.tanh if name in "gn" else sigmoid)(gate(v, name, bias))  # noqa: E731
    return {
        text.replace("#", name).replace("f(", "tanh(" if name == "g" else "σ("): z(name, bias)
        for name in "ifgoru"
        for bias, text in (
            (True, "f({W#} {x}ₜ + {b#} + {U#} {h}ₜ₋₁ + {k#})"),
            (False, "f({W#} {x}ₜ + {U#} {h}ₜ₋₁)"),
        )
    }
