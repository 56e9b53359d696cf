"""Losses. {x} is what the network gives, {t} the target, {y} the loss; {n} how many numbers the mean is of."""

import numpy as np

from nbprop import nn
from nbprop.nn.losses import softmax

from .equations import Equations

MEAN = {
    "n": "the mean is over n: its 1/n is in all derivatives of a batch, which are so the mean of those of its samples"
}


def _of(forward, back, where=None, count=lambda x: x.size, more=None):
    """A loss that compares numbers. count: of what is averaged; more(module, x, t): what else is named."""

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


def _cross_entropy(module, nodes) -> Equations:
    first = next(node for node in nodes if node.op.name in ("CrossEntropy", "LogSoftmax"))
    x = first.inputs[0].data
    p, smooth = softmax(x), module.label_smoothing
    if first.op.name == "CrossEntropy":
        q = np.eye(x.shape[-1], dtype=x.dtype)[first.inputs[1].data]
    else:
        product = next(node for node in nodes if node.op.name == "Mul" and node.inputs[1] is first)
        q = product.inputs[0].data
    words = "1 for the class that is right, else 0 (one-hot)"
    if smooth:
        q, words = (
            q * (1 - smooth) + smooth / x.shape[-1],
            f"the target, of which {smooth:g} is spread over all classes",
        )
    arrays = {"p": p, "t": q, "n": np.array(x.size // x.shape[-1], x.dtype)}
    return Equations(
        ("{p} = softmax({x})", "{y} = −mean(Σ {t} ⊙ ln {p})"),
        "({p} − {t}) / {n}",
        arrays=arrays,
        where={"p": "the probabilities that the network gives to the classes", "t": words, **MEAN},
        out="L",
    )


def _ctc(module, nodes) -> Equations:
    n = "a" if module.reduction == "none" else module.reduction
    return Equations(
        (f"{{y}} = −ln p(labels | {{x}}), {n} of the sequences",),
        "−(the share of the alignments that are in the class at the frame), weighted as the losses are",
        where={"p": "the sum over all alignments (Graves et al. 2006, equations 5 to 15)"},
        out="L",
    )


def _probability(module, x, t):
    return {"p": 0.5 * (1 + np.tanh(0.5 * x))}


def _delta(module, x, t):
    return {"δ": x.dtype.type(module.delta)}


TABLE = {
    nn.MSELoss: _of(("{y} = mean(({x} − {t})²)",), "2 ({x} − {t}) / {n}"),
    nn.L1Loss: _of(("{y} = mean(|{x} − {t}|)",), "sign({x} − {t}) / {n}"),
    nn.HuberLoss: _of(
        ("{y} = mean(d² / 2 where d ≤ {δ}, else {δ} (d − {δ} / 2))",),
        "clip({x} − {t}, −{δ}, {δ}) / {n}",
        {"d": "|prediction − target|"},
        more=_delta,
    ),
    nn.BCEWithLogitsLoss: _of(
        ("{p} = σ({x})", "{y} = −mean({t} ⊙ ln {p} + (1 − {t}) ⊙ ln(1 − {p}))"),
        "({p} − {t}) / {n}",
        {"p": "the probability that the network gives to class 1"},
        more=_probability,
    ),
    nn.HingeLoss: _hinge,
    nn.CrossEntropyLoss: _cross_entropy,
    nn.CTCLoss: _ctc,
}
