"""What the right sides of the equations say, in plain NumPy: text of the equation -> function of what it names (a dict
of arrays). A test compares them with the engine."""

# ruff: noqa: F403, F405

import numpy as np
from right_side_parts import *

RIGHT = {
    # Linear, convolution, pooling, embedding, positions
    "{W} {x} + {b}": lambda v: v["x"] @ v["W"].T + v["b"],
    "{W} {x}": lambda v: v["x"] @ v["W"].T,
    "{W}ᵀ {dy}": lambda v: v["dy"] @ v["W"],
    "{Σ}{dy} {x}ᵀ": lambda v: outer(v["dy"], v["x"]),
    "{Σ}{dy}": lambda v: (
        norm_sum(v, v["dy"]) if "γ" in v else over_all_but(v["dy"], 1 if v["W"].ndim > 2 else -1, v["b"])
    ),
    "{W} X({x}) + {b}": conv,
    "{W} X({x})": lambda v: conv(v, bias=False),
    "{Σ}{dy} X({x})ᵀ": lambda v: gradient_of_filters(v, v["dy"], v["x"]),
    "X⁺({W}ᵀ {dy})": lambda v: spread(v["W"], v["dy"], v["x"].shape),
    "X⁺({W}ᵀ {x}) + {b}": transposed,
    "X⁺({W}ᵀ {x})": lambda v: transposed(v, bias=False),
    "{W} X({dy})": lambda v: correlated(v["W"], v["dy"]),
    "{Σ}{x} X({dy})ᵀ": lambda v: gradient_of_filters(v, v["x"], v["dy"]),
    **{
        f"the largest {{x}} in each window {k}": lambda v: patches(v["x"], -np.inf).max(
            axis=tuple(range(2, v["x"].ndim))
        )
        for k in ("2", "2×2")
    },
    "{dy} where the largest {x} was, else 0": first_largest,
    **{
        f"the mean of {{x}} over each window {k}": lambda v: patches(v["x"]).mean(axis=tuple(range(2, v["x"].ndim)))
        for k in ("2", "2×2")
    },
    **{
        f"the sum of {{x}} in each window {k} / {{k}}": lambda v: (
            patches(v["x"]).sum(axis=tuple(range(2, v["x"].ndim))) / v["k"]
        )
        for k in ("2", "2×2")
    },
    "{dy} / {k} to every {x} of the window": lambda v: folded(
        np.broadcast_to(np.expand_dims(v["dy"] / v["k"], tuple(range(2, v["x"].ndim))), patches(v["x"]).shape),
        v["x"].shape,
    ),
    "the largest {x} in each of 2×3 windows": largest_of_windows,
    "{dy} added up where the largest {x} of each window was, else 0": to_the_largest,
    "{x} {P}ᵀ": lambda v: v["x"] @ v["P"].T,
    "{dy} {P}": lambda v: v["dy"] @ v["P"],
    "{P} {x} {Q}ᵀ": lambda v: v["P"] @ v["x"] @ v["Q"].T,
    "{P}ᵀ {dy} {Q}": lambda v: v["P"].T @ v["dy"] @ v["Q"],
    "{x} in another shape": lambda v: v["x"].reshape(v["y"].shape),
    "{x} as one row": lambda v: v["x"].reshape(len(v["x"]), -1),
    "{dy} in the shape of {x}": lambda v: v["dy"].reshape(v["x"].shape),
    "{W}[{x}]": lambda v: v["W"][v["x"]],
    "{dy} added up in row {x}": scattered,
    "{dy} added up in row {x}, but 0 in row 2": lambda v: scattered(v) * (np.arange(len(v["W"])) != 2)[:, None],
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
    "{x} / {s}": lambda v: v["x"] / v["s"],
    "{γ} ⊙ {h}": lambda v: v["γ"] * v["h"],
    "({γ} ⊙ {dy} − {h} ⊙ mean({h} ⊙ {γ} ⊙ {dy})) / {s}": lambda v: (
        (v["γ"] * v["dy"] - v["h"] * mean_of_features(v, v["h"] * v["γ"] * v["dy"])) / v["s"]
    ),
    "({dy} − mean({dy}) − {y} ⊙ mean({y} ⊙ {dy})) / {s}": lambda v: (
        (v["dy"] - mean_of_features(v, v["dy"]) - v["y"] * mean_of_features(v, v["y"] * v["dy"])) / v["s"]
    ),
    "({x} − mean({x})) / {s}": lambda v: (v["x"] - mean_for_norm(v)) / v["s"],
    "({x} − {μ}) / {s}": lambda v: (v["x"] - per_channel(v, "μ")) / v["s"],
    "{γ} ⊙ {h} + {β}": lambda v: per_channel(v, "γ") * v["h"] + per_channel(v, "β"),
    "{Σ}{h} ⊙ {dy}": lambda v: norm_sum(v, v["h"] * v["dy"]),
    "({γ} ⊙ {dy} − mean({γ} ⊙ {dy}) − {h} ⊙ mean({h} ⊙ {γ} ⊙ {dy})) / {s}": layer_norm_back,
    "{γ} / {s} ⊙ ({dy} − ({dβ} + {h} ⊙ {dγ}) / {M})": lambda v: (
        per_channel(v, "γ") / v["s"] * (v["dy"] - (per_channel(v, "dβ") + v["h"] * per_channel(v, "dγ")) / v["M"])
    ),
    "{γ} / {s} ⊙ {dy}": lambda v: per_channel(v, "γ") / v["s"] * v["dy"],
    "{m} ⊙ {x}": lambda v: v["m"] * v["x"],
    "{m} ⊙ {dy}": lambda v: v["m"] * v["dy"],
    # Attention
    **{f"{{W{n}}} {{{x}}} + {{b{n}}}": lambda v, n=n, x=x: v[x] @ v[f"W{n}"].T + v[f"b{n}"] for n in "QKV" for x in XS},
    **{f"{{W{n}}} {{{x}}}": lambda v, n=n, x=x: v[x] @ v[f"W{n}"].T for n in "QKV" for x in XS},
    "softmax({Q} {K}ᵀ / √{d})": lambda v: softmax(scores(v)),
    "{A} {V}": lambda v: joined(v["A"] @ split(v["V"], heads(v))),
    "{A}ᵀ {dy}": lambda v: joined(v["A"].swapaxes(-1, -2) @ split(v["dy"], heads(v))),
    "{A} ⊙ ({dy} {V}ᵀ − row sums of {A} ⊙ {dy} {V}ᵀ)": row_part,
    "({m} ⊙ {A}) {V}": lambda v: joined(v["m"] * v["A"] @ split(v["V"], heads(v))),
    "({m} ⊙ {A})ᵀ {dy}": lambda v: joined((v["m"] * v["A"]).swapaxes(-1, -2) @ split(v["dy"], heads(v))),
    "{A} ⊙ ({m} ⊙ {dy} {V}ᵀ − row sums of {A} ⊙ {m} ⊙ {dy} {V}ᵀ)": lambda v: row_part(v, v["m"]),
    "{WQ}ᵀ {dQ}": lambda v: v["dQ"] @ v["WQ"],
    "{WK}ᵀ {dK}": lambda v: v["dK"] @ v["WK"],
    "{WV}ᵀ {dV}": lambda v: v["dV"] @ v["WV"],
    "{WK}ᵀ {dK} + {WV}ᵀ {dV}": lambda v: v["dK"] @ v["WK"] + v["dV"] @ v["WV"],
    **{f"{{Σ}}{{d{n}}} {{{x}}}ᵀ": lambda v, n=n, x=x: outer(v[f"d{n}"], v[x]) for n in "QKV" for x in XS},
    "{Σ}{dQ} {x}ᵀ | {Σ}{dK} {x2}ᵀ | {Σ}{dV} {x2}ᵀ": lambda v: np.concatenate(
        [outer(v[f"d{n}"], v["x2" if n in "KV" else "x"]) for n in "QKV"]
    ),
    "{dS} {K} / √{d}": lambda v: joined(v["dS"] @ split(v["K"], heads(v))) / np.sqrt(v["d"]),
    "{dS}ᵀ {Q} / √{d}": lambda v: joined(v["dS"].swapaxes(-1, -2) @ split(v["Q"], heads(v))) / np.sqrt(v["d"]),
    "{WQ}ᵀ {dQ} + {WK}ᵀ {dK} + {WV}ᵀ {dV}": lambda v: sum(v[f"d{n}"] @ v[f"W{n}"] for n in "QKV"),
    "{Σ}{dQ} {x}ᵀ | {Σ}{dK} {x}ᵀ | {Σ}{dV} {x}ᵀ": lambda v: np.concatenate([outer(v[f"d{n}"], v["x"]) for n in "QKV"]),
    "{Σ}{dQ} | {Σ}{dK} | {Σ}{dV}": lambda v: np.concatenate([rows(v[f"d{n}"]).sum(axis=0) for n in "QKV"]),
    # Recurrent
    **gates(),
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
    "tanh({Wn} {x}ₜ + {bn} + {Un} ({r}ₜ ⊙ {h}ₜ₋₁) + {kn})": lambda v: np.tanh(
        v["x"] @ v["Wn"].T + v["bn"] + (v["r"] * v["h"][:-1]) @ v["Un"].T + v["kn"]
    ),
    "{dy}ₜ + {Ur}ᵀ {er}ₜ₊₁ + {Uu}ᵀ {eu}ₜ₊₁ + {r}ₜ₊₁ ⊙ ({Un}ᵀ {en}ₜ₊₁) + {u}ₜ₊₁ ⊙ {dh}ₜ₊₁": lambda v: (
        v["dy"] + later(reset_before(v))
    ),
    "({Un}ᵀ {en}ₜ) ⊙ {h}ₜ₋₁ ⊙ {r}ₜ ⊙ (1 − {r}ₜ)": lambda v: v["en"] @ v["Un"] * v["h"][:-1] * v["r"] * (1 - v["r"]),
    "{Ur}ᵀ {er}₁ + {Uu}ᵀ {eu}₁ + {r}₁ ⊙ ({Un}ᵀ {en}₁) + {u}₁ ⊙ {dh}₁": lambda v: reset_before(v)[0],
    "{Σ}{er}ₜ {h}ₜ₋₁ᵀ | {Σ}{eu}ₜ {h}ₜ₋₁ᵀ | {Σ}{en}ₜ ({r}ₜ ⊙ {h}ₜ₋₁)ᵀ": lambda v: np.concatenate(
        [outer(v["er"], v["h"][:-1]), outer(v["eu"], v["h"][:-1]), outer(v["en"], v["r"] * v["h"][:-1])]
    ),
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
    "{λ} {x} where {x} > 0, else {λ} {α} (e^{x} − 1)": lambda v: (
        v["λ"] * np.where(v["x"] > 0, v["x"], v["α"] * np.expm1(v["x"]))
    ),
    "({λ} where {x} > 0, else {y} + {λ} {α})": lambda v: np.where(v["x"] > 0, v["λ"], v["y"] + v["λ"] * v["α"]),
    "{x} ⊙ tanh(s({x}))": lambda v: v["x"] * np.tanh(np.logaddexp(0, v["x"])),
    "(tanh(s({x})) + {x} ⊙ (1 − tanh²(s({x}))) ⊙ σ({x}))": lambda v: (
        np.tanh(np.logaddexp(0, v["x"])) + v["x"] * (1 - np.tanh(np.logaddexp(0, v["x"])) ** 2) * sigmoid(v["x"])
    ),
    "min(max({x}, 0), 6)": lambda v: np.clip(v["x"], 0, 6),
    "(1 where 0 < {x} < 6, else 0)": lambda v: ((v["x"] > 0) & (v["x"] < 6)) * 1.0,
    "min(max({x}, {l}), {u})": lambda v: np.clip(v["x"], v["l"], v["u"]),
    "(1 where {l} < {x} < {u}, else 0)": lambda v: ((v["x"] > v["l"]) & (v["x"] < v["u"])) * 1.0,
    "min(max({x} / 6 + ½, 0), 1)": lambda v: gate6(v["x"]),
    "(1/6 where 0 < {y} < 1, else 0)": lambda v: ((v["y"] > 0) & (v["y"] < 1)) / 6,
    "{x} ⊙ g({x})": lambda v: v["x"] * gate6(v["x"]),
    "(g({x}) + {x} / 6 where 0 < g({x}) < 1, else g({x}))": lambda v: (
        gate6(v["x"]) + v["x"] / 6 * ((gate6(v["x"]) > 0) & (gate6(v["x"]) < 1))
    ),
    "{x} / (1 + |{x}|)": lambda v: v["x"] / (1 + np.abs(v["x"])),
    "(1 − |{y}|)²": lambda v: (1 - np.abs(v["y"])) ** 2,
    "{x} where {x} > 0, else {α} ⊙ {x}": lambda v: np.where(v["x"] > 0, v["x"], slope_of_prelu(v) * v["x"]),
    "{dy} ⊙ (1 where {x} > 0, else {α})": lambda v: v["dy"] * np.where(v["x"] > 0, 1, slope_of_prelu(v)),
    "{Σ}{dy} ⊙ min({x}, 0)": lambda v: (
        (v["dy"] * np.minimum(v["x"], 0)).sum(keepdims=True).reshape(1)
        if v["α"].size == 1
        else over_all_but(v["dy"] * np.minimum(v["x"], 0), 1, v["α"])
    ),
    "{y} ⊙ ({dy} − sum({dy} ⊙ {y}))": lambda v: v["y"] * (v["dy"] - (v["dy"] * v["y"]).sum(axis=-1, keepdims=True)),
    "{x} − ln(sum(e^{x}))": lambda v: v["x"] - np.log(np.exp(v["x"]).sum(axis=-1, keepdims=True)),
    "{dy} − e^{y} ⊙ sum({dy})": lambda v: v["dy"] - np.exp(v["y"]) * v["dy"].sum(axis=-1, keepdims=True),
    "{x}": lambda v: v["x"],
    "1": lambda v: 1,
    # Ops around recurrent layers
    "cast({x})": lambda v: v["x"],
    "{x}[:, ::-1]": lambda v: v["x"][:, ::-1],
    "{x}[-1]": lambda v: v["x"][-1],
    "concatenate({x2}, {u1})": lambda v: np.concatenate([v["x2"], v["u1"]], axis=-1),
    **{f"transpose({{{name}}})": lambda v, name=name: v[name].swapaxes(0, 1) for name in ("u1", "u2", "x")},
    "{x}[:, :2]": lambda v: v["x"][:, :2],
    **{f"{{{name}}}[:, 2:]": lambda v, name=name: v[name][:, 2:] for name in ("x", "x2")},
    # Losses; of each mean also the sum
    **losses(
        {
            "({x} − {t})²": lambda v: (v["x"] - v["t"]) ** 2,
            "|{x} − {t}|": lambda v: np.abs(v["x"] - v["t"]),
            "d² / 2 where d ≤ {δ}, else {δ} (d − {δ} / 2)": huber,
            "d² / (2 {β}) where d < {β}, else d − {β} / 2": lambda v: huber({**v, "δ": v["β"]}) / v["β"],
            "max(0, 1 − {s} ⊙ {x})": lambda v: np.maximum(0, 1 - v["s"] * v["x"]),
            "e^{x} − {t} ⊙ {x}": lambda v: np.exp(v["x"]) - v["t"] * v["x"],
            "{x} − {t} ⊙ ln({x} + {ε})": lambda v: v["x"] - v["t"] * np.log(v["x"] + v["ε"]),
            "{t} ⊙ (ln {t} − {x})": lambda v: v["t"] * (np.log(np.maximum(v["t"], 1e-300)) - v["x"]),
        },
        {
            "{t} ⊙ ln {p} + (1 − {t}) ⊙ ln(1 − {p})": lambda v: log_of_two(v["t"], 1 - v["t"], v["p"]),
            "{u} ⊙ ln {p} + {v} ⊙ ln(1 − {p})": lambda v: log_of_two(v["u"], v["v"], v["p"]),
            "{t} ⊙ ln {x} + (1 − {t}) ⊙ ln(1 − {x})": lambda v: log_of_two(v["t"], 1 - v["t"], v["x"]),
            "{u} ⊙ ln {x} + {v} ⊙ ln(1 − {x})": lambda v: log_of_two(v["u"], v["v"], v["x"]),
            "Σ {t} ⊙ ln {p}": lambda v: (v["t"] * np.log(v["p"])).sum(axis=-1),
            "Σ {t} ⊙ {x}": lambda v: (v["t"] * v["x"]).sum(axis=-1),
        },
        {
            "2 ({x} − {t})": lambda v: 2 * (v["x"] - v["t"]),
            "sign({x} − {t})": lambda v: np.sign(v["x"] - v["t"]),
            "clip({x} − {t}, −{δ}, {δ})": lambda v: np.clip(v["x"] - v["t"], -v["δ"], v["δ"]),
            "clip(({x} − {t}) / {β}, −1, 1)": lambda v: np.clip((v["x"] - v["t"]) / v["β"], -1, 1),
            "({p} − {t})": lambda v: v["p"] - v["t"],
            "({p} ⊙ Σ {t} − {t})": lambda v: v["p"] * v["t"].sum(axis=-1, keepdims=True) - v["t"],
            "(({u} + {v}) ⊙ {p} − {u})": lambda v: (v["u"] + v["v"]) * v["p"] - v["u"],
            "({x} − {t}) / ({x} ⊙ (1 − {x}))": lambda v: (v["x"] - v["t"]) / (v["x"] * (1 - v["x"])),
            "(({u} + {v}) ⊙ {x} − {u}) / ({x} ⊙ (1 − {x}))": lambda v: (
                ((v["u"] + v["v"]) * v["x"] - v["u"]) / (v["x"] * (1 - v["x"]))
            ),
            "−{t}": lambda v: -v["t"],
            "(e^{x} − {t})": lambda v: np.exp(v["x"]) - v["t"],
            "(1 − {t} / ({x} + {ε}))": lambda v: 1 - v["t"] / (v["x"] + v["ε"]),
            "({g} − {t} ⊙ Σ {g}) / {C}": lambda v: (v["g"] - v["t"] * v["g"].sum(axis=-1, keepdims=True)) / v["C"],
        },
    ),
    "(−{s} / {n} where {s} ⊙ {x} < 1, else 0)": lambda v: np.where(v["s"] * v["x"] < 1, -v["s"] / v["n"], 0),
    "(−{s} where {s} ⊙ {x} < 1, else 0)": lambda v: np.where(v["s"] * v["x"] < 1, -v["s"], 0),
    "softmax({x})": lambda v: softmax(v["x"]),
    "−sum(Σ {t} ⊙ ln {p}) / {n}": lambda v: -(v["t"] * np.log(v["p"])).sum() / v["n"],
    "−sum(Σ {t} ⊙ {x}) / {n}": lambda v: -(v["t"] * v["x"]).sum() / v["n"],
    "sum({t} ⊙ (ln {t} − {x})) / {n}": lambda v: (
        (v["t"] * (np.log(np.maximum(v["t"], 1e-300)) - v["x"])).sum() / v["n"]
    ),
    "Σ {t} ⊙ {x}": lambda v: (v["t"] * v["x"]).sum(axis=-1, keepdims=True),
    "(1 − {t}) ⊙ max(0, {m} − {o} + {x})": lambda v: (1 - v["t"]) * np.maximum(0, v["m"] - v["o"] + v["x"]),
    **{
        f"{how}(Σ {w}{{d}}{power}) / {{C}}": lambda v, how=how, k=k: (
            getattr((v.get("w", 1) * v["d"] ** k).sum(axis=-1), how)() / v["C"]
        )
        for how in ("mean", "sum")
        for k, power in ((1, ""), (2, "²"))
        for w in ("", "{w} ⊙ ")
    },
    "sign({d})": lambda v: np.sign(v["d"]),
    "2 {d}": lambda v: 2 * v["d"],
    "{w} ⊙ sign({d})": lambda v: v["w"] * np.sign(v["d"]),
    "{w} ⊙ 2 {d}": lambda v: 2 * v["w"] * v["d"],
    "logSoftmax({x})": lambda v: np.log(softmax(v["x"])),
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
