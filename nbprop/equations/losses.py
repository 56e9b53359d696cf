"""Losses. {x} is what the network gives, {t} the target, {y} the loss; {n} how many numbers the mean is of."""

from dataclasses import replace

import numpy as np

from nbprop import nn
from nbprop.nn.losses import softmax

from .equations import Equations

MEAN = {
    "n": "the mean is over n: its 1/n is in all derivatives of a batch, which are so the mean of those of its samples"
}


def _reduced(made):
    """The same of a sum; each number by itself is explained by its ops."""

    def reduced(module, nodes) -> Equations | None:
        if module.reduction == "none":
            return None
        found = made(module, nodes)
        if module.reduction != "sum":
            return found
        arrays, where = ({k: v for k, v in each.items() if k != "n"} for each in (found.arrays, found.where))
        forward = tuple(line.replace("mean(", "sum(").replace(" / {n}", "") for line in found.forward)
        return replace(found, forward=forward, back=found.back.replace(" / {n}", ""), arrays=arrays, where=where)

    return reduced


def _of(forward, back, where=None, count=lambda x: x.size, more=None):
    """A loss that compares numbers. count: of what is averaged; more(module, x, t): what else is named."""

    @_reduced
    def made(module, nodes) -> Equations:
        x, t = compared(nodes)
        arrays = {"t": t.reshape(x.shape), "n": np.array(count(x), x.dtype), **(more(module, x, t) if more else {})}
        return Equations(forward, back, arrays=arrays, where={**(where or {}), **MEAN}, out="L")

    return made


def compared(nodes) -> tuple[np.ndarray, np.ndarray]:
    """Prediction and target of a loss, as its first op that has both got them."""
    for node in nodes:
        if len(node.inputs) == 2 and any(x.requires_grad for x in node.inputs):
            a, b = node.inputs
            return (a.data, b.data) if a.requires_grad else (b.data, a.data)
    raise ValueError("a loss compares two things, and here is but one")


@_reduced
def _smooth_l1(module, nodes) -> Equations:
    x, t = compared(nodes)
    arrays = {"t": t.reshape(x.shape), "n": np.array(x.size, x.dtype), "β": x.dtype.type(module.beta)}
    if not module.beta:
        return Equations(*L1, arrays=arrays, where=MEAN, out="L")
    return Equations(
        ("{y} = mean(d² / (2 {β}) where d < {β}, else d − {β} / 2)",),
        "clip(({x} − {t}) / {β}, −1, 1) / {n}",
        arrays=arrays,
        where={"d": "|prediction − target|", **MEAN},
        out="L",
    )


def _two_classes(forward, back, weighed_forward, weighed_back, p):
    """Binary cross-entropy. p(x): the probability of class 1."""

    @_reduced
    def made(module, nodes) -> Equations:
        whole = [node.inputs for node in nodes if node.op.name in ("BCE", "BCEWithLogits")]
        inner = {node.op.name: node.inputs for node in reversed(nodes)}  # first z (1 − t) + ..., ln(1 + e^−z)
        x, t = (each.data for each in (whole[0] if whole else (inner["Neg"][0], inner["Sub"][1])))
        arrays = {"p": p(x), "t": t.reshape(x.shape), "n": np.array(x.size, x.dtype)}
        where = {"p": "the probability that the network gives to class 1", **MEAN}
        if module.weight is None and getattr(module, "pos_weight", None) is None:
            return Equations(forward, back, arrays=arrays, where=where, out="L")
        w = np.ones(1) if module.weight is None else np.array(module.weight, x.dtype)
        positive = getattr(module, "pos_weight", None) or (1.0,)
        arrays |= {"u": w * np.array(positive, x.dtype) * arrays["t"], "v": w * (1 - arrays.pop("t"))}
        where |= {"u": "how much class 1 counts, the target with its weights", "v": "how much class 0 counts"}
        return Equations(weighed_forward, weighed_back, arrays=arrays, where=where, out="L")

    return made


@_reduced
def _hinge(module, nodes) -> Equations:
    # (1 - (2 t - 1) z): the op that multiplies has both.
    product = next(node for node in nodes if node.op.name == "Mul" and node.requires_grad)
    s, x = product.inputs
    arrays = {"s": s.data, "n": np.array(x.size, x.dtype)}
    where = {"s": "1 for class 1, −1 for class 0", **MEAN}
    return Equations(
        ("{y} = mean(max(0, 1 − {s} ⊙ {x}))",),
        "(−{s} / {n} where {s} ⊙ {x} < 1, else 0)",
        arrays=arrays,
        where=where,
        out="L",
    )


def _classes(module, nodes) -> tuple[np.ndarray, dict, dict, bool]:
    """(x, arrays, what they are, whether samples weigh differently) of a loss that takes the right class."""
    first = next(node for node in nodes if node.op.name in ("CrossEntropy", "LogSoftmax", "NLL"))
    x, smooth = first.inputs[0].data, getattr(module, "label_smoothing", 0.0)
    weight, ignored = module.weight, module.ignore_index
    chosen = next((node.inputs[1].data for node in nodes if node.op.name in ("CrossEntropy", "NLL")), None)
    count, uneven = x.size // x.shape[-1], weight is not None or ignored is not None
    words = "1 for the class that is right, else 0 (one-hot)"
    if smooth:
        words = f"the target, of which {smooth:g} is spread over all classes"
    if chosen is None:  # probabilities
        product = next(node for node in nodes if node.op.name == "Mul" and node.inputs[1] is first)
        q = product.inputs[0].data
    else:
        real = np.ones(chosen.shape, bool) if ignored is None else chosen != ignored
        w, classes = np.ones(x.shape[-1]) if weight is None else np.array(weight), np.where(real, chosen, 0)
        q = (np.eye(x.shape[-1])[classes] * (1 - smooth) + smooth / x.shape[-1]) * w * real[..., None]
        count = (w[classes] * real).sum()
    where = {"t": words + ", times the weight of its class" * (weight is not None), **MEAN}
    if uneven:
        where["n"] = "the sum of the weights of the samples that count, by which all is divided"
    return x, {"t": q.astype(x.dtype), "n": np.array(count, x.dtype)}, where, uneven


@_reduced
def _nll(module, nodes) -> Equations:
    _, arrays, where, uneven = _classes(module, nodes)
    forward = "{y} = −sum(Σ {t} ⊙ {x}) / {n}" if uneven else "{y} = −mean(Σ {t} ⊙ {x})"
    return Equations((forward,), "−{t} / {n}", arrays=arrays, where=where, out="L")


@_reduced
def _cross_entropy(module, nodes) -> Equations:
    x, arrays, where, uneven = _classes(module, nodes)
    forward, back = "{y} = −mean(Σ {t} ⊙ ln {p})", "({p} − {t}) / {n}"
    if uneven:
        forward, back = "{y} = −sum(Σ {t} ⊙ ln {p}) / {n}", "({p} ⊙ Σ {t} − {t}) / {n}"
    return Equations(
        ("{p} = softmax({x})", forward),
        back,
        arrays={"p": softmax(x), **arrays},
        where={"p": "the probabilities that the network gives to the classes", **where},
        out="L",
    )


@_reduced
def _kl_div(module, nodes) -> Equations:
    product = next(node for node in nodes if node.op.name == "Mul" and node.requires_grad)
    q, each = product.inputs[0].data, "{t} ⊙ (ln {t} − {x})"
    count, mean = (len(q), "sum({}) / {{n}}") if module.reduction == "batchmean" else (q.size, "mean({})")
    where = {"t": "the target's probabilities; 0 ln 0 is 0", **MEAN}
    arrays = {"t": q, "n": np.array(count, q.dtype)}
    return Equations((f"{{y}} = {mean.format(each)}",), "−{t} / {n}", arrays=arrays, where=where, out="L")


@_reduced
def _poisson(module, nodes) -> Equations:
    t = next(node for node in nodes if node.op.name == "Mul").inputs[0]
    arrays = {"t": t.data, "n": np.array(t.size, t.dtype)}
    if module.log_input:
        forward, back = "{y} = mean(e^{x} − {t} ⊙ {x})", "(e^{x} − {t}) / {n}"
    else:
        arrays["ε"] = t.dtype.type(module.eps)
        forward, back = "{y} = mean({x} − {t} ⊙ ln({x} + {ε}))", "(1 − {t} / ({x} + {ε})) / {n}"
    return Equations((forward,), back, arrays=arrays, where=MEAN, out="L")


@_reduced
def _multi_margin(module, nodes) -> Equations:
    x, classes = next(node for node in nodes if node.op.name == "NLL").inputs
    x, hot = x.data, np.eye(x.shape[-1], dtype=x.dtype)[classes.data]
    own = (x * hot).sum(axis=-1, keepdims=True)
    d = np.maximum(module.margin - own + x, 0) * (1 - hot)
    arrays = {"o": own, "d": d, "t": hot, "m": x.dtype.type(module.margin), "C": x.dtype.type(x.shape[-1])}
    power, slope, g = ("", "sign({d})", np.sign(d)) if module.p == 1 else ("²", "2 {d}", 2 * d)
    w, where = (
        "",
        {"t": "1 for the class that is right, else 0 (one-hot)", "d": "what is missing to the margin", **MEAN},
    )
    if module.weight is not None:
        w, where["w"] = "{w} ⊙ ", "the weight of the class that is right"
        arrays["w"] = np.array(module.weight, x.dtype)[classes.data][..., None]
        g = arrays["w"] * g
    arrays |= {"n": np.array(x.size // x.shape[-1], x.dtype), "g": g}
    return Equations(
        ("{o} = Σ {t} ⊙ {x}", "{d} = (1 − {t}) ⊙ max(0, {m} − {o} + {x})", f"{{y}} = mean(Σ {w}{{d}}{power}) / {{C}}"),
        "({g} − {t} ⊙ Σ {g}) / {C} / {n}",
        inner=(f"{{g}} = {w}{slope}",),
        arrays=arrays,
        where={
            "t": "1 for the class that is right, else 0 (one-hot)",
            "d": "what a class is ahead of the margin",
            **MEAN,
        },
        out="L",
    )


def _pairs(text, where):
    """A loss of several inputs: what each of its ops gives back is said by the ops."""
    back = "what {dy} gives back through its ops"

    def made(module, nodes) -> Equations:
        how = {"mean": f"mean({text})", "sum": f"sum({text})", "none": text}[module.reduction]
        return Equations((f"{{y}} = {how}",), back, where=where, out="L")

    return made


def _ctc(module, nodes) -> Equations:
    n = "a" if module.reduction == "none" else module.reduction
    return Equations(
        (f"{{y}} = −ln p(labels | {{x}}), {n} of the sequences",),
        "−(the share of the alignments that are in the class at the frame), weighted as the losses are",
        where={"p": "the sum over all alignments (Graves et al. 2006, equations 5 to 15)"},
        out="L",
    )


def _delta(module, x, t):
    return {"δ": x.dtype.type(module.delta)}


L1 = ("{y} = mean(|{x} − {t}|)",), "sign({x} − {t}) / {n}"
TABLE = {
    nn.MSELoss: _of(("{y} = mean(({x} − {t})²)",), "2 ({x} − {t}) / {n}"),
    nn.L1Loss: _of(*L1),
    nn.HuberLoss: _of(
        ("{y} = mean(d² / 2 where d ≤ {δ}, else {δ} (d − {δ} / 2))",),
        "clip({x} − {t}, −{δ}, {δ}) / {n}",
        {"d": "|prediction − target|"},
        more=_delta,
    ),
    nn.SmoothL1Loss: _smooth_l1,
    nn.BCEWithLogitsLoss: _two_classes(
        ("{p} = σ({x})", "{y} = −mean({t} ⊙ ln {p} + (1 − {t}) ⊙ ln(1 − {p}))"),
        "({p} − {t}) / {n}",
        ("{p} = σ({x})", "{y} = −mean({u} ⊙ ln {p} + {v} ⊙ ln(1 − {p}))"),
        "(({u} + {v}) ⊙ {p} − {u}) / {n}",
        lambda x: 0.5 * (1 + np.tanh(0.5 * x)),
    ),
    nn.BCELoss: _two_classes(
        ("{y} = −mean({t} ⊙ ln {x} + (1 − {t}) ⊙ ln(1 − {x}))",),
        "({x} − {t}) / ({x} ⊙ (1 − {x})) / {n}",
        ("{y} = −mean({u} ⊙ ln {x} + {v} ⊙ ln(1 − {x}))",),
        "(({u} + {v}) ⊙ {x} − {u}) / ({x} ⊙ (1 − {x})) / {n}",
        lambda x: x,
    ),
    nn.HingeLoss: _hinge,
    nn.CrossEntropyLoss: _cross_entropy,
    nn.NLLLoss: _nll,
    nn.KLDivLoss: _kl_div,
    nn.PoissonNLLLoss: _poisson,
    nn.MultiMarginLoss: _multi_margin,
    nn.CTCLoss: _ctc,
    nn.CosineEmbeddingLoss: _pairs(
        "1 − cos, or max(0, cos − m) for a pair that does not belong together",
        {"cos": "the cosine of the angle between the two vectors of a pair", "m": "the margin"},
    ),
    nn.TripletMarginLoss: _pairs(
        "max(0, d(a, p) − d(a, n) + m)",
        {"d": "the distance of two vectors", "a, p, n": "anchor, positive, negative", "m": "the margin"},
    ),
    nn.MarginRankingLoss: _pairs(
        "max(0, m − s (a − b))",
        {"a, b": "the two scores", "s": "1 where a should be above b, else −1", "m": "the margin"},
    ),
    nn.GaussianNLLLoss: _pairs(
        "(ln v + (x − t)² / v) / 2", {"x, v": "mean and variance that the network gives", "t": "the target"}
    ),
}
