"""What the right sides of the equations say, in plain NumPy: text of the equation -> function of what it names (a dict
of arrays). A test compares them with the engine. window: how the convolution or pooling of a test moves."""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

window = {"kernel": (3, 3), "stride": (1, 1), "padding": (0, 0)}


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
    batch = "M" in v or "μ" in v
    return w.reshape(1, -1, *[1] * (y.ndim - 2)) if batch else w


def norm_sum(v, x):
    return over_all_but(x, 1 if "M" in v or "μ" in v else -1, v["γ"])


def mean_of_features(v, x):
    return x.mean(axis=tuple(range(x.ndim - v["γ"].ndim, x.ndim)), keepdims=True)


def mean_for_norm(v):
    x = v["x"]
    return x.mean(axis=tuple(i for i in range(x.ndim) if i != 1), keepdims=True) if "M" in v else mean_of_features(v, x)


def patches(x, fill=0.0):
    """(N, C, rows, columns of the kernel, H', W')."""
    (top, left), (down, right) = window["padding"], window["stride"]
    x = np.pad(x, ((0, 0), (0, 0), (top, top), (left, left)), constant_values=fill)
    return sliding_window_view(x, window["kernel"], axis=(2, 3))[:, :, ::down, ::right].transpose(0, 1, 4, 5, 2, 3)


def folded(p, shape):
    """Each number of `patches` back to its pixel."""
    (top, left), (down, right), (N, C, H, W) = window["padding"], window["stride"], shape
    x = np.zeros((N, C, H + 2 * top, W + 2 * left), p.dtype)
    for i in range(p.shape[2]):
        for j in range(p.shape[3]):
            x[:, :, i : i + down * p.shape[4] : down, j : j + right * p.shape[5] : right] += p[:, :, i, j]
    return x[:, :, top : top + H, left : left + W]


def conv(v, bias=True):
    y = np.einsum("nchwij,ochw->noij", patches(v["x"]), v["W"])
    return y + v["b"][:, None, None] if bias else y


def first_largest(v):
    p = patches(v["x"], -np.inf)
    flat = p.transpose(0, 1, 4, 5, 2, 3).reshape(*v["y"].shape, -1)
    mask = np.arange(flat.shape[-1]) == flat.argmax(axis=-1)[..., None]
    given = (mask * v["dy"][..., None]).reshape(*v["y"].shape, *window["kernel"])
    return folded(given.transpose(0, 1, 4, 5, 2, 3), v["x"].shape)


def split(x, heads):
    return x.reshape(*x.shape[:-1], heads, -1).swapaxes(-2, -3)


def joined(x):
    x = x.swapaxes(-2, -3)
    return x.reshape(*x.shape[:-2], -1)


def heads(v):
    return v["A"].shape[-3]


def scores(v):
    s = split(v["Q"], heads(v)) @ split(v["K"], heads(v)).swapaxes(-1, -2) / np.sqrt(v["d"])
    return np.where(v["A"] > 0, s, -np.inf)  # what is masked is seen in the weights


def row_part(v):
    dP = split(v["dy"], heads(v)) @ split(v["V"], heads(v)).swapaxes(-1, -2)
    return v["A"] * (dP - (v["A"] * dP).sum(axis=-1, keepdims=True))


def later(x):
    """x of the next step, and zeros after the last."""
    return np.concatenate([x[1:], np.zeros_like(x[:1])])


def gate(v, name, bias):
    z = v["x"] @ v[f"W{name}"].T + v["h"][:-1] @ v[f"U{name}"].T
    return z + v[f"b{name}"] + v[f"k{name}"] if bias else z


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


def huber(v):
    d = np.abs(v["x"] - v["t"])
    return np.where(d <= v["δ"], d * d / 2, v["δ"] * (d - v["δ"] / 2)).mean()


def scattered(v):
    dW = np.zeros_like(v["W"])
    np.add.at(dW, v["x"].ravel(), rows(v["dy"]))
    return dW


def first_rows(v):
    dP = np.zeros_like(v["P"])
    dP[: v["dy"].shape[-2]] = v["dy"].reshape(-1, *v["dy"].shape[-2:]).sum(axis=0)
    return dP


def _gates():
    z = lambda name, bias: lambda v: (np.tanh if name in "gn" else sigmoid)(gate(v, name, bias))  # noqa: E731
    return {
        text.replace("#", name).replace("f(", "tanh(" if name == "g" else "σ("): z(name, bias)
        for name in "ifgoru"
        for bias, text in (
            (True, "f({W#} {x}ₜ + {b#} + {U#} {h}ₜ₋₁ + {k#})"),
            (False, "f({W#} {x}ₜ + {U#} {h}ₜ₋₁)"),
        )
    }


RIGHT = {
    # Linear, convolution, pooling, embedding, positions
    "{W} {x} + {b}": lambda v: v["x"] @ v["W"].T + v["b"],
    "{W} {x}": lambda v: v["x"] @ v["W"].T,
    "{W}ᵀ {dy}": lambda v: v["dy"] @ v["W"],
    "{Σ}{dy} {x}ᵀ": lambda v: outer(v["dy"], v["x"]),
    "{Σ}{dy}": lambda v: (
        norm_sum(v, v["dy"]) if "γ" in v else over_all_but(v["dy"], 1 if v["W"].ndim == 4 else -1, v["b"])
    ),
    "{W} X({x}) + {b}": conv,
    "{W} X({x})": lambda v: conv(v, bias=False),
    "{Σ}{dy} X({x})ᵀ": lambda v: np.einsum("noij,nchwij->ochw", v["dy"], patches(v["x"])),
    "X⁺({W}ᵀ {dy})": lambda v: folded(np.einsum("noij,ochw->nchwij", v["dy"], v["W"]), v["x"].shape),
    "the largest {x} in each window 2×2": lambda v: patches(v["x"], -np.inf).max(axis=(2, 3)),
    "{dy} where the largest {x} was, else 0": first_largest,
    "the mean of {x} over each window 2×2": lambda v: patches(v["x"]).mean(axis=(2, 3)),
    "{dy} / {k} to every {x} of the window": lambda v: folded(
        np.broadcast_to((v["dy"] / v["k"])[:, :, None, None], patches(v["x"]).shape), v["x"].shape
    ),
    "{x} as one row": lambda v: v["x"].reshape(len(v["x"]), -1),
    "{dy} in the shape of {x}": lambda v: v["dy"].reshape(v["x"].shape),
    "{W}[{x}]": lambda v: v["W"][v["x"]],
    "{dy} added up in row {x}": scattered,
    "{x} + {P}[first T rows]": lambda v: v["x"] + v["P"][: v["x"].shape[-2]],
    "{x} + {P}": lambda v: v["x"] + v["P"],
    "{Σ}{dy} in the first T rows": first_rows,
    "{x} + {x2}": lambda v: v["x"] + v["x2"],
    "{dy}": lambda v: v["dy"],
    # Ops
    "{x}[:, -1]": lambda v: v["x"][:, -1],
    **{f"{{x}}[:, {k}]": lambda v, k=k: v["x"][:, k] for k in range(3)},
    **{f"{{{x}}}[{k}]": lambda v, k=k, x=x: v[x][k] for k in range(2) for x in ("x", "x2")},
    "{x2}[:, 1]": lambda v: v["x2"][:, 1],
    "{x2}[:, 2]": lambda v: v["x2"][:, 2],
    "{u1} ⊙ {x3}": lambda v: v["u1"] * v["x3"],
    "{x} ⊙ {scale}": lambda v: v["x"] * v["scale"],
    "exp({u1})": lambda v: np.exp(v["u1"]),
    "sum({u2})": lambda v: v["u2"].sum(axis=1, keepdims=True),
    "{x} − {x2}": lambda v: v["x"] - v["x2"],
    "{u1} to the power 2": lambda v: v["u1"] ** 2,
    "mean({u2})": lambda v: v["u2"].mean(),
    "log({u3})": lambda v: np.log(v["u3"]),
    # Norms, dropout
    "({x} − mean({x})) / {s}": lambda v: (v["x"] - mean_for_norm(v)) / v["s"],
    "({x} − {μ}) / {s}": lambda v: (v["x"] - per_channel(v, "μ")) / v["s"],
    "{γ} ⊙ {h} + {β}": lambda v: per_channel(v, "γ") * v["h"] + per_channel(v, "β"),
    "{Σ}{h} ⊙ {dy}": lambda v: norm_sum(v, v["h"] * v["dy"]),
    "({γ} ⊙ {dy} − mean({γ} ⊙ {dy}) − {h} ⊙ mean({h} ⊙ {γ} ⊙ {dy})) / {s}": lambda v: (
        (
            v["γ"] * v["dy"]
            - mean_of_features(v, v["γ"] * v["dy"])
            - v["h"] * mean_of_features(v, v["h"] * v["γ"] * v["dy"])
        )
        / v["s"]
    ),
    "{γ} / {s} ⊙ ({dy} − ({dβ} + {h} ⊙ {dγ}) / {M})": lambda v: (
        per_channel(v, "γ") / v["s"] * (v["dy"] - (per_channel(v, "dβ") + v["h"] * per_channel(v, "dγ")) / v["M"])
    ),
    "{γ} / {s} ⊙ {dy}": lambda v: per_channel(v, "γ") / v["s"] * v["dy"],
    "{m} ⊙ {x}": lambda v: v["m"] * v["x"],
    "{m} ⊙ {dy}": lambda v: v["m"] * v["dy"],
    # Attention
    **{f"{{W{n}}} {{x}} + {{b{n}}}": lambda v, n=n: v["x"] @ v[f"W{n}"].T + v[f"b{n}"] for n in "QKV"},
    **{f"{{W{n}}} {{x}}": lambda v, n=n: v["x"] @ v[f"W{n}"].T for n in "QKV"},
    "softmax({Q} {K}ᵀ / √{d})": lambda v: softmax(scores(v)),
    "{A} {V}": lambda v: joined(v["A"] @ split(v["V"], heads(v))),
    "{A}ᵀ {dy}": lambda v: joined(v["A"].swapaxes(-1, -2) @ split(v["dy"], heads(v))),
    "{A} ⊙ ({dy} {V}ᵀ − row sums of {A} ⊙ {dy} {V}ᵀ)": row_part,
    "{dS} {K} / √{d}": lambda v: joined(v["dS"] @ split(v["K"], heads(v))) / np.sqrt(v["d"]),
    "{dS}ᵀ {Q} / √{d}": lambda v: joined(v["dS"].swapaxes(-1, -2) @ split(v["Q"], heads(v))) / np.sqrt(v["d"]),
    "{WQ}ᵀ {dQ} + {WK}ᵀ {dK} + {WV}ᵀ {dV}": lambda v: sum(v[f"d{n}"] @ v[f"W{n}"] for n in "QKV"),
    "{Σ}{dQ} {x}ᵀ | {Σ}{dK} {x}ᵀ | {Σ}{dV} {x}ᵀ": lambda v: np.concatenate([outer(v[f"d{n}"], v["x"]) for n in "QKV"]),
    "{Σ}{dQ} | {Σ}{dK} | {Σ}{dV}": lambda v: np.concatenate([rows(v[f"d{n}"]).sum(axis=0) for n in "QKV"]),
    # Recurrent
    **_gates(),
    "tanh({W} {x}ₜ + {b} + {U} {h}ₜ₋₁ + {k})": lambda v: rnn(v, np.tanh),
    "max({W} {x}ₜ + {b} + {U} {h}ₜ₋₁ + {k}, 0)": lambda v: rnn(v, lambda z: np.maximum(z, 0)),
    "tanh({W} {x}ₜ + {U} {h}ₜ₋₁)": lambda v: rnn(v, np.tanh, bias=False),
    "{dy}ₜ + {U}ᵀ {e}ₜ₊₁": lambda v: v["dy"] + later(v["e"]) @ v["U"],
    "{dh}ₜ ⊙ (1 − {h}ₜ²)": lambda v: v["dh"] * (1 - v["h"][1:] ** 2),
    "{dh}ₜ ⊙ (1 where {h}ₜ > 0, else 0)": lambda v: v["dh"] * (v["h"][1:] > 0),
    "{W}ᵀ {e}ₜ": lambda v: v["e"] @ v["W"],
    "{U}ᵀ {e}₁": lambda v: v["e"][0] @ v["U"],
    "{U}ᵀ {e′}₁ + {u}₁ ⊙ {dh}₁": lambda v: v["e′"][0] @ v["U"] + v["u"][0] * v["dh"][0],
    "{f}₁ ⊙ {dc}₁": lambda v: v["f"][0] * v["dc"][0],
    "{dc}₁": lambda v: v["dc"][0],
    "{U}ᵀ {e}₁ | {f}₁ ⊙ {dc}₁": lambda v: np.stack([v["e"][0] @ v["U"], v["f"][0] * v["dc"][0]]),
    "{U}ᵀ {e}₁ | {dc}₁": lambda v: np.stack([v["e"][0] @ v["U"], v["dc"][0]]),
    "{Σ}{e}ₜ {x}ₜᵀ": lambda v: outer(v["e"], v["x"]),
    "{Σ}{e}ₜ {h}ₜ₋₁ᵀ": lambda v: outer(v["e"], v["h"][:-1]),
    "{Σ}{e′}ₜ {h}ₜ₋₁ᵀ": lambda v: outer(v["e′"], v["h"][:-1]),
    "{Σ}{e}ₜ": lambda v: rows(v["e"]).sum(axis=0),
    "{Σ}{e′}ₜ": lambda v: rows(v["e′"]).sum(axis=0),
    "{Un} {h}ₜ₋₁ + {kn}": lambda v: v["h"][:-1] @ v["Un"].T + v["kn"],
    "{Un} {h}ₜ₋₁": lambda v: v["h"][:-1] @ v["Un"].T,
    "tanh({Wn} {x}ₜ + {bn} + {r}ₜ ⊙ {v}ₜ)": lambda v: np.tanh(v["x"] @ v["Wn"].T + v["bn"] + v["r"] * v["v"]),
    "tanh({Wn} {x}ₜ + {r}ₜ ⊙ {v}ₜ)": lambda v: np.tanh(v["x"] @ v["Wn"].T + v["r"] * v["v"]),
    "(1 − {u}ₜ) ⊙ {n}ₜ + {u}ₜ ⊙ {h}ₜ₋₁": lambda v: h0(v, (1 - v["u"]) * v["n"] + v["u"] * v["h"][:-1]),
    "{dy}ₜ + {U}ᵀ {e′}ₜ₊₁ + {u}ₜ₊₁ ⊙ {dh}ₜ₊₁": lambda v: (
        v["dy"] + later(v["e′"]) @ v["U"] + later(v["u"]) * later(v["dh"])
    ),
    "{dh}ₜ ⊙ ({h}ₜ₋₁ − {n}ₜ) ⊙ {u}ₜ ⊙ (1 − {u}ₜ)": lambda v: v["dh"] * (v["h"][:-1] - v["n"]) * v["u"] * (1 - v["u"]),
    "{dh}ₜ ⊙ (1 − {u}ₜ) ⊙ (1 − {n}ₜ²)": lambda v: v["dh"] * (1 - v["u"]) * (1 - v["n"] ** 2),
    "{en}ₜ ⊙ {v}ₜ ⊙ {r}ₜ ⊙ (1 − {r}ₜ)": lambda v: v["en"] * v["v"] * v["r"] * (1 - v["r"]),
    "{f}ₜ ⊙ {c}ₜ₋₁ + {i}ₜ ⊙ {g}ₜ": lambda v: np.concatenate([v["c"][:1], v["f"] * v["c"][:-1] + v["i"] * v["g"]]),
    "{c}ₜ₋₁ + {i}ₜ ⊙ {g}ₜ": lambda v: np.concatenate([v["c"][:1], v["c"][:-1] + v["i"] * v["g"]]),
    "{o}ₜ ⊙ tanh({c}ₜ)": lambda v: h0(v, v["o"] * np.tanh(v["c"][1:])),
    "{dh}ₜ ⊙ {o}ₜ ⊙ (1 − tanh²({c}ₜ)) + {f}ₜ₊₁ ⊙ {dc}ₜ₊₁": next_cell,
    "{dh}ₜ ⊙ {o}ₜ ⊙ (1 − tanh²({c}ₜ)) + {dc}ₜ₊₁": next_cell,
    "{dc}ₜ ⊙ {g}ₜ ⊙ {i}ₜ ⊙ (1 − {i}ₜ)": lambda v: v["dc"] * v["g"] * v["i"] * (1 - v["i"]),
    "{dc}ₜ ⊙ {c}ₜ₋₁ ⊙ {f}ₜ ⊙ (1 − {f}ₜ)": lambda v: v["dc"] * v["c"][:-1] * v["f"] * (1 - v["f"]),
    "{dc}ₜ ⊙ {i}ₜ ⊙ (1 − {g}ₜ²)": lambda v: v["dc"] * v["i"] * (1 - v["g"] ** 2),
    "{dh}ₜ ⊙ tanh({c}ₜ) ⊙ {o}ₜ ⊙ (1 − {o}ₜ)": lambda v: v["dh"] * np.tanh(v["c"][1:]) * v["o"] * (1 - v["o"]),
    # Activations, and their slopes
    "σ({x})": lambda v: sigmoid(v["x"]),
    "{y} ⊙ (1 − {y})": lambda v: v["y"] * (1 - v["y"]),
    "tanh({x})": lambda v: np.tanh(v["x"]),
    "(1 − {y}²)": lambda v: 1 - v["y"] ** 2,
    "max({x}, 0)": lambda v: np.maximum(v["x"], 0),
    "(1 where {x} > 0, else 0)": lambda v: (v["x"] > 0) * 1.0,
    "{x} where {x} > 0, else {α} {x}": lambda v: np.where(v["x"] > 0, v["x"], v["α"] * v["x"]),
    "(1 where {x} > 0, else {α})": lambda v: np.where(v["x"] > 0, 1, v["α"]),
    "{x} where {x} > 0, else {α} (e^{x} − 1)": lambda v: np.where(v["x"] > 0, v["x"], v["α"] * np.expm1(v["x"])),
    "(1 where {x} > 0, else {y} + {α})": lambda v: np.where(v["x"] > 0, 1, v["y"] + v["α"]),
    "{x} ⊙ Φ({x})": lambda v: v["x"] * Φ(v["x"]),
    "(Φ({x}) + {x} ⊙ φ({x}))": lambda v: Φ(v["x"]) + v["x"] * φ(v["x"]),
    "½ {x} ⊙ (1 + tanh u({x}))": lambda v: 0.5 * v["x"] * (1 + np.tanh(u(v["x"]))),
    "½ (1 + tanh u({x}) + {x} ⊙ (1 − tanh² u({x})) ⊙ u′({x}))": lambda v: (
        0.5 * (1 + np.tanh(u(v["x"])) + v["x"] * (1 - np.tanh(u(v["x"])) ** 2) * du(v["x"]))
    ),
    "{x} ⊙ σ({x})": lambda v: v["x"] * sigmoid(v["x"]),
    "σ({x}) ⊙ (1 + {x} ⊙ (1 − σ({x})))": lambda v: sigmoid(v["x"]) * (1 + v["x"] * (1 - sigmoid(v["x"]))),
    "ln(1 + e^{x})": lambda v: np.logaddexp(0, v["x"]),
    "{x}": lambda v: v["x"],
    "1": lambda v: 1,
    # Losses
    "mean(({x} − {t})²)": lambda v: ((v["x"] - v["t"]) ** 2).mean(),
    "2 ({x} − {t}) / {n}": lambda v: 2 * (v["x"] - v["t"]) / v["n"],
    "mean(|{x} − {t}|)": lambda v: np.abs(v["x"] - v["t"]).mean(),
    "sign({x} − {t}) / {n}": lambda v: np.sign(v["x"] - v["t"]) / v["n"],
    "mean(d² / 2 where d ≤ {δ}, else {δ} (d − {δ} / 2))": huber,
    "clip({x} − {t}, −{δ}, {δ}) / {n}": lambda v: np.clip(v["x"] - v["t"], -v["δ"], v["δ"]) / v["n"],
    "−mean({t} ⊙ ln {p} + (1 − {t}) ⊙ ln(1 − {p}))": lambda v: (
        -(v["t"] * np.log(v["p"]) + (1 - v["t"]) * np.log1p(-v["p"])).mean()
    ),
    "({p} − {t}) / {n}": lambda v: (v["p"] - v["t"]) / v["n"],
    "mean(max(0, 1 − {s} ⊙ {x}))": lambda v: np.maximum(0, 1 - v["s"] * v["x"]).mean(),
    "(−{s} / {n} where {s} ⊙ {x} < 1, else 0)": lambda v: np.where(v["s"] * v["x"] < 1, -v["s"] / v["n"], 0),
    "softmax({x})": lambda v: softmax(v["x"]),
    "−mean(Σ {t} ⊙ ln {p})": lambda v: -(v["t"] * np.log(v["p"])).sum(axis=-1).mean(),
    # The update
    "{dW}": lambda v: v["dW"],
    "{dW} + {λ₁} sign({W})": lambda v: v["dW"] + v["λ₁"] * np.sign(v["W"]),
    "{dW}, the mean of 2 batches": lambda v: v["dW"],
    "{dW}, the mean of 2 batches + {λ₁} sign({W})": lambda v: v["dW"] + v["λ₁"] * np.sign(v["W"]),
    "clip({g}, −{κ}, {κ})": lambda v: np.clip(v["g"], -v["κ"], v["κ"]),
    "{g} · {c} / {N}": lambda v: v["g"] * v["c"] / v["N"],
    "{g}, as {N} ≤ {c}": lambda v: v["g"],
    "{g} + {λ} {W}": lambda v: v["g"] + v["λ"] * v["W"],
    "−{η} {g}": lambda v: -v["η"] * v["g"],
    "{μ} {v} + {g}": lambda v: v["μ"] * v["v"] + v["g"],
    "{μ} {v} + (1 − {d}) {g}": lambda v: v["μ"] * v["v"] + (1 - v["d"]) * v["g"],
    "max({u}, {v′})": lambda v: np.maximum(v["u"], v["v′"]),
    "{u′} / (1 − {β₂}^{τ})": lambda v: v["u′"] / (1 - v["β₂"] ** v["τ"]),
    "max({β₂} {u}, |{g}| + {ε})": lambda v: np.maximum(v["β₂"] * v["u"], np.abs(v["g"]) + v["ε"]),
    "−{η} {m′} / ((1 − {β₁}^{τ}) {u′})": lambda v: -v["η"] * v["m′"] / ((1 - v["β₁"] ** v["τ"]) * v["u′"]),
    "{μ} {k} + 1 − {μ}": lambda v: v["μ"] * v["k"] + 1 - v["μ"],
    "(1 − {μ}) / {k′} ⊙ {g} + {ν} / ({ν} {k′} + 1 − {ν}) ⊙ {m′}": lambda v: (
        (1 - v["μ"]) * v["g"] / v["k′"] + v["ν"] * v["m′"] / (1 - (1 - v["k′"]) * v["ν"])
    ),
    "−{η} {d} / (√{v̂} + {ε})": lambda v: -v["η"] * v["d"] / (np.sqrt(v["v̂"]) + v["ε"]),
    "−{η} {m̂}": lambda v: -v["η"] * v["m̂"],
    "−{η} {r} √(1 − {β₂}^{τ}) {m̂} / (√{v′} + {ε})": lambda v: (
        -v["η"] * v["r"] * np.sqrt(1 - v["β₂"] ** v["τ"]) * v["m̂"] / (np.sqrt(v["v′"]) + v["ε"])
    ),
    "{β₂} {m} + (1 − {β₂}) {g}": lambda v: v["β₂"] * v["m"] + (1 - v["β₂"]) * v["g"],
    "−{η} sign({b})": lambda v: -v["η"] * np.sign(v["b"]),
    "−{η} sign({b}) − {η} {λ} {W}": lambda v: -v["η"] * (np.sign(v["b"]) + v["λ"] * v["W"]),
    "{μ} {m} + (1 − {μ}) {g}": lambda v: v["μ"] * v["m"] + (1 - v["μ"]) * v["g"],
    "{μ} {m′} + (1 − {μ}) {g}": lambda v: v["μ"] * v["m′"] + (1 - v["μ"]) * v["g"],
    "NS({n})": lambda v: evened(v["n"]),
    "NS({m′})": lambda v: evened(v["m′"]),
    "−{η} {f} {O}": lambda v: -v["η"] * v["f"] * v["O"],
    "−{η} {f} {O} − {η} {λ} {W}": lambda v: -v["η"] * (v["f"] * v["O"] + v["λ"] * v["W"]),
    "−{η} {v′}": lambda v: -v["η"] * v["v′"],
    "−{η} ({g} + {μ} {v′})": lambda v: -v["η"] * (v["g"] + v["μ"] * v["v′"]),
    "{s} + {g}²": lambda v: v["s"] + v["g"] ** 2,
    "−{η} {g} / (√{s′} + {ε})": lambda v: -v["η"] * v["g"] / (np.sqrt(v["s′"]) + v["ε"]),
    "{α} {v} + (1 − {α}) {g}²": lambda v: v["α"] * v["v"] + (1 - v["α"]) * v["g"] ** 2,
    "{α} {m} + (1 − {α}) {g}": lambda v: v["α"] * v["m"] + (1 - v["α"]) * v["g"],
    "−{η} {g} / (√{v′} + {ε})": lambda v: -v["η"] * v["g"] / (np.sqrt(v["v′"]) + v["ε"]),
    "−{η} {g} / (√({v′} − {m′}²) + {ε})": lambda v: (
        -v["η"] * v["g"] / (np.sqrt(np.maximum(v["v′"] - v["m′"] ** 2, 0)) + v["ε"])
    ),
    "{ρ} {v} + (1 − {ρ}) {g}²": lambda v: v["ρ"] * v["v"] + (1 - v["ρ"]) * v["g"] ** 2,
    "√({u} + {ε}) / √({v′} + {ε}) ⊙ {g}": lambda v: np.sqrt(v["u"] + v["ε"]) / np.sqrt(v["v′"] + v["ε"]) * v["g"],
    "{ρ} {u} + (1 − {ρ}) {d}²": lambda v: v["ρ"] * v["u"] + (1 - v["ρ"]) * v["d"] ** 2,
    "−{η} {d}": lambda v: -v["η"] * v["d"],
    "{β₁} {m} + (1 − {β₁}) {g}": lambda v: v["β₁"] * v["m"] + (1 - v["β₁"]) * v["g"],
    "{β₂} {v} + (1 − {β₂}) {g}²": lambda v: v["β₂"] * v["v"] + (1 - v["β₂"]) * v["g"] ** 2,
    "{m′} / (1 − {β₁}^{τ})": lambda v: v["m′"] / (1 - v["β₁"] ** v["τ"]),
    "{v′} / (1 − {β₂}^{τ})": lambda v: v["v′"] / (1 - v["β₂"] ** v["τ"]),
    "−{η} {m̂} / (√{v̂} + {ε})": lambda v: -v["η"] * v["m̂"] / (np.sqrt(v["v̂"]) + v["ε"]),
    "−{η} {m̂} / (√{v̂} + {ε}) − {η} {λ} {W}": lambda v: (
        -v["η"] * v["m̂"] / (np.sqrt(v["v̂"]) + v["ε"]) - v["η"] * v["λ"] * v["W"]
    ),
}
SILENCED = ("{m} ⊙ (%s)", "{m} ⊙ %s")  # an activation some of whose units are silenced, and its slope
RIGHT |= {form % each: lambda v, of=of: v["m"] * of(v) for form in SILENCED for each, of in list(RIGHT.items())}
# Said of ops that have no equation of their own in words only; what they hand back is compared all the same.
IN_WORDS = ("gives back through", "gives through", "where it was taken from")
