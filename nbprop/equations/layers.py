"""Layers, from simple to hard."""

from typing import Any

import numpy as np

from nbprop import nn

from .equations import Equations

WEIGHTS = {"weight": "W", "bias": "b"}
NORMS = {"weight": "γ", "bias": "β"}


def op_of(nodes, *names) -> Any:
    """The tensor that the first op of these names has made."""
    return next(node for node in nodes if node.op.name in names)


def _weighted(module, gradients):
    """What is left of it where there is no bias."""
    names = {attribute: name for attribute, name in WEIGHTS.items() if getattr(module, attribute) is not None}
    return "" if "bias" not in names else " + {b}", names, {name: gradients[name] for name in names.values()}


def _linear(module, nodes) -> Equations:
    bias, names, gradients = _weighted(module, {"W": "{Σ}{dy} {x}ᵀ", "b": "{Σ}{dy}"})
    return Equations(
        ("{y} = {W} {x}" + bias,),
        "{W}ᵀ {dy}",
        gradients=gradients,
        parameters=names,
        out="z",
        where={"ᵀ": "transposed"},
    )


def _flatten(module, nodes) -> Equations:
    return Equations(("{y} = {x} as one row",), "{dy} in the shape of {x}")


def _unflatten(module, nodes) -> Equations:
    return Equations(("{y} = {x} in another shape",), "{dy} in the shape of {x}")


def _seen(module):
    """What the signs of a convolution mean."""
    window = f"the window ({_by(module.kernel_size)})" + (", in each group of channels," if module.groups > 1 else "")
    return {
        "X": f"what {window} sees at each of its stops, a column each",
        "X⁺": "each number back to the pixel that it is from; where windows overlap they add up",
    }


def _conv(module, nodes) -> Equations:
    bias, names, gradients = _weighted(module, {"W": "{Σ}{dy} X({x})ᵀ", "b": "{Σ}{dy}"})
    return Equations(
        ("{y} = {W} X({x})" + bias,),
        "X⁺({W}ᵀ {dy})",
        gradients=gradients,
        parameters=names,
        where=_seen(module),
        out="z",
        axis=1,
        over="ip",
    )


def _transposed(module, nodes) -> Equations:
    bias, names, gradients = _weighted(module, {"W": "{Σ}{x} X({dy})ᵀ", "b": "{Σ}{dy}"})
    return Equations(
        ("{y} = X⁺({W}ᵀ {x})" + bias,),
        "{W} X({dy})",
        gradients=gradients,
        parameters=names,
        where=_seen(module),
        out="z",
        axis=1,
        over="ip",
    )


def _max_pool(module, nodes) -> Equations:
    return Equations(
        (f"{{y}} = the largest {{x}} in each window {_by(module.kernel_size)}",),
        "{dy} where the largest {x} was, else 0",
        where={"0": "what was not the largest had no influence"},
        axis=1,
        over="ip",
    )


def _adaptive_max_pool(module, nodes) -> Equations:
    return Equations(
        (f"{{y}} = the largest {{x}} in each of {_by(module.output_size)} windows",),
        "{dy} added up where the largest {x} of each window was, else 0",
        where={"windows": "as many as the output has pixels; they cover all of the input"},
        axis=1,
        over="ip",
    )


def _avg_pool(module, nodes) -> Equations:
    count, window = nodes[-1].op.count, f"each window {_by(module.kernel_size)}"
    same = bool((count == count.max(initial=1)).all())
    return Equations(
        (f"{{y}} = the mean of {{x}} over {window}" if same else f"{{y}} = the sum of {{x}} in {window} / {{k}}",),
        "{dy} / {k} to every {x} of the window",
        arrays={"k": np.array(count.flat[0]) if same else np.moveaxis(count, -1, 0).copy()},
        where={"k": "pixels in a window" + ("" if same else " that count")},
        axis=1,
        over="ip",
    )


def _adaptive_avg_pool(module, nodes) -> Equations:
    return _resized(nodes, "1 / (its pixels) where a pixel is in a window, else 0: a row for each window")


def _upsample(module, nodes) -> Equations | None:
    x, y = nodes[0].inputs[0], nodes[-1]
    if x.ndim > 4:  # volumes: the ops say it
        return None
    if module.mode == "nearest":
        return _resized(nodes, "1 where the number is taken from, else 0: a row for each number of the output")
    matrices = [module.shares(m, n).astype(y.dtype) for m, n in zip(y.shape[2:], x.shape[2:], strict=True)]
    return _by_matrices(matrices, "how much of each number is taken: a row for each number of the output")


def _resized(nodes, meaning) -> Equations:
    matrices = []
    for _, n, starts, ends in nodes[-1].op.axes:
        inside = (np.arange(n) >= starts[:, None]) & (np.arange(n) < ends[:, None])
        matrices.append((inside / (ends - starts)[:, None]).astype(nodes[-1].data.dtype))
    return _by_matrices(matrices, meaning)


def _by_matrices(matrices, meaning):
    arrays = dict(zip("PQ", matrices, strict=False))
    one = len(arrays) == 1
    return Equations(
        ("{y} = {x} {P}ᵀ" if one else "{y} = {P} {x} {Q}ᵀ",),
        "{dy} {P}" if one else "{P}ᵀ {dy} {Q}",
        arrays=arrays,
        where={"P" if one else "P, Q": meaning if one else f"{meaning}; P along the rows, Q along the columns"},
        axis=1,
        over="ip",
    )


def _layer_norm(module, nodes) -> Equations:
    op = op_of(nodes, "LayerNorm").op
    s = op.s.reshape(*nodes[-1].shape[: -op.w.ndim], *[1] * op.w.ndim)  # one for each sample or place
    return Equations(
        ("{h} = ({x} − mean({x})) / {s}", "{y} = {γ} ⊙ {h} + {β}"),
        "({γ} ⊙ {dy} − mean({γ} ⊙ {dy}) − {h} ⊙ mean({h} ⊙ {γ} ⊙ {dy})) / {s}",
        gradients={"γ": "{Σ}{h} ⊙ {dy}", "β": "{Σ}{dy}"},
        parameters=NORMS,
        arrays={
            "h": op.h.reshape(nodes[-1].shape),
            "s": s,
        },
        where={
            "s": "√(variance + ε); mean and variance are of the features of a sample",
            "mean": "the terms with a mean: mean and variance depend on x, too",
        },
        out="z",
    )


def _rms_norm(module, nodes) -> Equations:
    op = op_of(nodes, "RMSNorm").op
    return Equations(
        ("{h} = {x} / {s}", "{y} = {γ} ⊙ {h}"),
        "({γ} ⊙ {dy} − {h} ⊙ mean({h} ⊙ {γ} ⊙ {dy})) / {s}",
        gradients={"γ": "{Σ}{h} ⊙ {dy}"},
        parameters={"weight": "γ"},
        arrays={
            "h": op.h.reshape(nodes[-1].shape),
            "s": op.s.reshape(*nodes[-1].shape[: -op.w.ndim], *[1] * op.w.ndim),
        },
        where={"s": "√(mean of x² + ε) over the features of a sample", "mean": "this term: s depends on x, too"},
        out="z",
    )


def _group_norm(module, nodes) -> Equations:
    node = op_of(nodes, "GroupNorm")
    op, (N, C), rest = node.op, node.shape[:2], [1] * (node.ndim - 2)
    s = np.repeat(op.s.reshape(N, op.groups), C // op.groups, axis=1).reshape(N, C, *rest)
    where = {
        "s": "√(variance + ε)",
        "mean": f"of a sample's numbers in each of {op.groups} groups of channels, as the variance",
    }
    if module.weight is None:
        return Equations(
            ("{y} = ({x} − mean({x})) / {s}",),
            "({dy} − mean({dy}) − {y} ⊙ mean({y} ⊙ {dy})) / {s}",
            arrays={"s": s, "G": np.array(op.groups)},
            where=where,
            out="z",
            axis=1,
            over="ip",
        )
    return Equations(
        ("{h} = ({x} − mean({x})) / {s}", "{y} = {γ} ⊙ {h} + {β}"),
        "({γ} ⊙ {dy} − mean({γ} ⊙ {dy}) − {h} ⊙ mean({h} ⊙ {γ} ⊙ {dy})) / {s}",
        gradients={"γ": "{Σ}{h} ⊙ {dy}", "β": "{Σ}{dy}"},
        parameters=NORMS,
        arrays={"h": op.h.reshape(node.shape), "s": s, "G": np.array(op.groups)},
        where=where,
        out="z",
        axis=1,
        over="ip",
    )


def _batch_norm(module, nodes) -> Equations:
    node = op_of(nodes, "BatchNorm")
    op, shape = node.op, [1, -1, *[1] * (node.ndim - 2)]
    h = np.moveaxis(op.h.reshape(*node.shape[1:], len(node)), -1, 0)
    if op.training:
        back = "{γ} / {s} ⊙ ({dy} − ({dβ} + {h} ⊙ {dγ}) / {M})"
        first, whose = "{h} = ({x} − mean({x})) / {s}", "mean and variance are of the batch, channel by channel"
        arrays = {"M": np.array(op.h.shape[1], op.h.dtype)}
        words = {"M": "numbers of a channel in the batch", "dβ": "these terms: mean and variance depend on x, too"}
    else:
        back, first = "{γ} / {s} ⊙ {dy}", "{h} = ({x} − {μ}) / {s}"
        whose = "mean (μ) and variance are the running ones, as in evaluation"
        arrays, words = {"μ": op.running[0].copy()}, {}
    return Equations(
        (first, "{y} = {γ} ⊙ {h} + {β}"),
        back,
        gradients={"γ": "{Σ}{h} ⊙ {dy}", "β": "{Σ}{dy}"},
        parameters=NORMS,
        arrays={"h": h, "s": op.s.reshape(shape), **arrays},
        where={"s": f"√(variance + ε); {whose}", **words},
        out="z",
        axis=1,
        over="ip",
    )


def _dropout(module, nodes) -> Equations:
    node = op_of(nodes, "Dropout")
    op = node.op
    m = op.stay * node.data.dtype.type(1 / (1 - op.p) if op.p < 1 else 1)
    return Equations(
        ("{y} = {m} ⊙ {x}",),
        "{m} ⊙ {dy}",
        arrays={"m": m},
        where={"m": f"0 with probability {op.p:g}, else 1 / (1 − {op.p:g}), drawn anew at every step"},
    )


def _embedding(module, nodes) -> Equations:
    padding = "" if module.padding_idx is None else f", but 0 in row {module.padding_idx}"
    return Equations(
        ("{y} = {W}[{x}]",),
        gradients={"W": "{dy} added up in row {x}" + padding},
        parameters={"weight": "W"},
        where={"[ ]": "the row of that number: a product with a one-hot vector, without the product"},
        out="z",
    )


def _learned_positions(module, nodes) -> Equations:
    return Equations(
        ("{y} = {x} + {P}[first T rows]",),
        "{dy}",
        gradients={"P": "{Σ}{dy} in the first T rows"},
        parameters={"weight": "P"},
        over="i",
    )


def _positions(module, nodes) -> Equations:
    T = nodes[-1].shape[-2]
    return Equations(
        ("{y} = {x} + {P}",),
        "{dy}",
        arrays={"P": module.weight[:T]},
        where={"P": "sines and cosines of the place, fixed"},
    )


def _residual(module, nodes) -> Equations | None:
    if nodes[-1].op.name != "Add":  # a cast of what a block gets
        return None
    return Equations(
        ("{y} = {x} + {x2}",), "{dy}", where={"+": "the way around: what comes back reaches both undiminished"}
    )


def _attention(module, nodes) -> Equations | None:
    node = next((node for node in nodes if node.op.name == "Attention"), None)
    if node is None:  # the axes of the output are put back
        return None
    op, made, given = node.op, set(nodes), []
    q, k, v = products = [each for each in nodes if each.op.name == "Linear"]
    for product in products:  # what each is made of, before its axes or its dtype were changed
        x = product.inputs[0]
        while x in made:
            x = x.inputs[0]
        given.append(x)
    numbers = {x: i for i, x in enumerate(dict.fromkeys(given))}
    places = [f"x{numbers[x] + 1}" if numbers[x] else "x" for x in given]
    names, together = [f"{{{place}}}" for place in places], module.in_proj_weight is not None
    bias = module.in_proj_bias is not None
    arrays: dict[str, Any] = {"Q": q.data, "K": k.data, "V": v.data, "A": op.weights, "d": np.array(op.scale**-2)}
    arrays |= {"dQ": q.grad, "dK": k.grad, "dV": v.grad, "dS": op.dS}
    arrays |= {place: each.inputs[0].data for place, each in zip(places, products, strict=True)}
    for name, product in zip("QKV", products, strict=True):
        parameters = [each.data.copy() for each in product.inputs[1:]]
        arrays |= dict(zip([f"W{name}", f"b{name}"][not together :], parameters[not together :], strict=False))
    forward = [f"{{{n}}} = {{W{n}}} {x}" + (f" + {{b{n}}}" if bias else "") for n, x in zip("QKV", names, strict=True)]
    shared = [
        " + ".join(f"{{W{n}}}ᵀ {{d{n}}}" for n, s in zip("QKV", names, strict=True) if s == x)
        for x in dict.fromkeys(names)
    ]
    outer = {f"W{n}": f"{{Σ}}{{d{n}}} {x}ᵀ" for n, x in zip("QKV", names, strict=True)}
    known = {"in_proj_weight": "W"} if together else {f"{n.lower()}_proj_weight": f"W{n}" for n in "QKV"}
    gradients = {"W": " | ".join(outer.values())} if together else outer
    gradients |= {"b": "{Σ}{dQ} | {Σ}{dK} | {Σ}{dV}"} if bias else {}
    heads = f", in each of {op.heads} heads" if op.heads > 1 else ""
    where = {
        "A": f"who looks where: row by row{heads}; places that may not be looked at count as −∞",
        "S": "the scores, Q Kᵀ / √d",
        "|": "one below the other: the rows of W that make Q, K and V",
    }
    m, look = "", "{A}"
    if op.drop is not None:
        m, look = "{m} ⊙ ", "({m} ⊙ {A})"
        arrays["m"] = op.drop.scaled(np.ones_like(op.weights), None)
        where["m"] = f"0 with probability {op.drop.p:g}, else 1 / (1 − {op.drop.p:g}), drawn anew at every step"
    return Equations(
        (*forward, "{A} = softmax({Q} {K}ᵀ / √{d})", f"{{y}} = {look} {{V}}"),
        tuple(shared),
        gradients=gradients,
        inner=(
            f"{{dV}} = {look}ᵀ {{dy}}",
            f"{{dS}} = {{A}} ⊙ ({m}{{dy}} {{V}}ᵀ − row sums of {{A}} ⊙ {m}{{dy}} {{V}}ᵀ)",
            "{dQ} = {dS} {K} / √{d}",
            "{dK} = {dS}ᵀ {Q} / √{d}",
        ),
        parameters={**known, **({"in_proj_bias": "b"} if bias else {})},
        arrays=arrays,
        where=where,
        out="h",
    )


def _by(pair):
    return "×".join(map(str, pair))


TABLE = {
    nn.Linear: _linear,
    nn.Flatten: _flatten,
    nn.Unflatten: _unflatten,
    **dict.fromkeys((nn.Conv1d, nn.Conv2d), _conv),
    **dict.fromkeys((nn.ConvTranspose1d, nn.ConvTranspose2d), _transposed),
    **dict.fromkeys((nn.MaxPool1d, nn.MaxPool2d), _max_pool),
    **dict.fromkeys((nn.AvgPool1d, nn.AvgPool2d), _avg_pool),
    nn.AdaptiveAvgPool2d: _adaptive_avg_pool,
    nn.AdaptiveMaxPool2d: _adaptive_max_pool,
    nn.Upsample: _upsample,
    nn.LayerNorm: _layer_norm,
    nn.RMSNorm: _rms_norm,
    nn.GroupNorm: _group_norm,
    nn.InstanceNorm2d: _group_norm,
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    **dict.fromkeys((nn.Dropout, nn.Dropout2d), _dropout),
    nn.Embedding: _embedding,
    nn.LearnedPositions: _learned_positions,
    nn.SinusoidalPositions: _positions,
    nn.Residual: _residual,
    nn.MultiheadAttention: _attention,
    nn.TransformerBlock: _residual,
}
