"""Optimizers: from the gradient of a parameter to its change.

{W} is the parameter, {dW} the derivative of the loss, {g} what becomes of it, {ΔW} the change. What an optimizer
remembers is named without a stroke before the step, and with one after it: {m}, {m′}.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nbprop import optim
from nbprop.optim import muon


@dataclass(frozen=True)
class Rule:
    """lines: (left, right, function) each; the function gives the left side from a dict of what is named, where that is
    nothing that the optimizer keeps, else it is None. The last line is that of ΔW.

    state: name -> the name of the vector in `optimizer.state`. settings: name -> number. flops: operations for each
    parameter. where: name -> words."""

    lines: tuple[Any, ...]
    state: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, float] = field(default_factory=dict)
    flops: int = 2
    where: Mapping[str, str] = field(default_factory=dict)


def _sgd(o) -> Rule:
    if not o.momentum:
        return Rule((("ΔW", "−{η} {g}", None),))
    ahead = "({g} + {μ} {v′})" if o.nesterov else "{v′}"
    dampened = o.dampening and "momentum_buffer" in o.state
    return Rule(
        (("v′", "{μ} {v} + (1 − {d}) {g}" if dampened else "{μ} {v} + {g}", None), ("ΔW", f"−{{η}} {ahead}", None)),
        {"v": "momentum_buffer"},
        {"μ": o.momentum, **({"d": o.dampening} if dampened else {})},
        (7 if o.nesterov else 4) + bool(dampened),
        {"v": "the momentum: a sum of gradients in which older ones fade"},
    )


def _adagrad(o) -> Rule:
    lines = ("s′", "{s} + {g}²", None), ("ΔW", "−{η} {g} / (√{s′} + {ε})", None)
    return Rule(lines, {"s": "sum"}, {"ε": o.eps}, 7, {"s": "the sum of all squares so far"})


def _rmsprop(o) -> Rule:
    first, state, settings = ("v′", "{α} {v} + (1 − {α}) {g}²", None), {"v": "square_avg"}, {"α": o.alpha, "ε": o.eps}
    where = {"v": "the mean square of the latest gradients"}
    if not o.centered:
        return Rule((first, ("ΔW", "−{η} {g} / (√{v′} + {ε})", None)), state, settings, 9, where)
    mean, last = ("m′", "{α} {m} + (1 − {α}) {g}", None), ("ΔW", "−{η} {g} / (√({v′} − {m′}²) + {ε})", None)
    return Rule((first, mean, last), {**state, "m": "grad_avg"}, settings, 15, {**where, "m": "their mean"})


def _adadelta(o) -> Rule:
    def step(v):
        return np.sqrt(v["u"] + v["ε"]) / np.sqrt(v["v′"] + v["ε"]) * v["g"]

    lines = (
        ("v′", "{ρ} {v} + (1 − {ρ}) {g}²", None),
        ("d", "√({u} + {ε}) / √({v′} + {ε}) ⊙ {g}", step),
        ("u′", "{ρ} {u} + (1 − {ρ}) {d}²", None),
        ("ΔW", "−{η} {d}", None),
    )
    where = {"v, u": "the mean square of the latest gradients, and of the latest changes"}
    return Rule(lines, {"v": "square_avg", "u": "acc_delta"}, {"ρ": o.rho, "ε": o.eps}, 17, where)


def _adam(o) -> Rule:
    largest = "amsgrad" in o.checks and o.amsgrad
    lines = (
        ("m′", "{β₁} {m} + (1 − {β₁}) {g}", None),
        ("v′", "{β₂} {v} + (1 − {β₂}) {g}²", None),
        ("m̂", "{m′} / (1 − {β₁}^{τ})", lambda v: v["m′"] / (1 - v["β₁"] ** v["τ"])),
        *([("u′", "max({u}, {v′})", None)] if largest else []),
        ("v̂", "{u′} / (1 − {β₂}^{τ})", lambda v: v["u′"] / (1 - v["β₂"] ** v["τ"]))
        if largest
        else ("v̂", "{v′} / (1 − {β₂}^{τ})", lambda v: v["v′"] / (1 - v["β₂"] ** v["τ"])),
        ("ΔW", "−{η} {m̂} / (√{v̂} + {ε})" + _decay(o), None),
    )
    b1, b2 = o.betas
    where = {
        "m, v": "running means of the gradients and of their squares",
        "τ": "the number of this update: m and v began at 0, which the divisions make good",
    }
    settings = {"β₁": b1, "β₂": b2, "ε": o.eps, "τ": o.t + 1}
    state = {"m": "exp_avg", "v": "exp_avg_sq"}
    if not largest:
        return Rule(lines, state, settings, 12, where)
    return Rule(lines, {**state, "u": "max_exp_avg_sq"}, settings, 13, {**where, "u": "the largest v so far"})


def _decay(o):
    return " − {η} {λ} {W}" if o.decoupled and o.weight_decay else ""


def _adamax(o) -> Rule:
    lines = (
        ("m′", "{β₁} {m} + (1 − {β₁}) {g}", None),
        ("u′", "max({β₂} {u}, |{g}| + {ε})", None),
        ("ΔW", "−{η} {m′} / ((1 − {β₁}^{τ}) {u′})", None),
    )
    where = {
        "m": "a running mean of the gradients",
        "u": "the largest of them, fading",
        "τ": "the number of this update",
    }
    settings = {"β₁": o.betas[0], "β₂": o.betas[1], "ε": o.eps, "τ": o.t + 1}
    return Rule(lines, {"m": "exp_avg", "u": "exp_inf"}, settings, 9, where)


def _nadam(o) -> Rule:
    def ahead(v):
        return (1 - v["μ"]) / v["k′"] * v["g"] + v["ν"] / (v["ν"] * v["k′"] + 1 - v["ν"]) * v["m′"]

    lines = (
        *_adam(o).lines[:2],
        ("k′", "{μ} {k} + 1 − {μ}", None),
        ("d", "(1 − {μ}) / {k′} ⊙ {g} + {ν} / ({ν} {k′} + 1 − {ν}) ⊙ {m′}", ahead),
        _adam(o).lines[3],
        ("ΔW", "−{η} {d} / (√{v̂} + {ε})", None),
    )
    where = {
        "μ, ν": "the momentum of this update and of the next: it looks ahead",
        "k": "1 less the product of all μ so far: m began at 0, which the divisions make good",
    }
    rule = _adam(o)
    settings = {**rule.settings, "μ": o.mu(o.t + 1), "ν": o.mu(o.t + 2)}
    return Rule(lines, {**rule.state, "k": "mu_correction"}, settings, 22, {**rule.where, **where})


def _radam(o) -> Rule:
    rule, r = _adam(o), o.rectified(o.t + 1)
    step = "{r} √(1 − {β₂}^{τ}) {m̂} / (√{v′} + {ε})" if r else "{m̂}"
    where = {"r": "how much the running mean of squares is trusted by now"} if r else {}
    settings = {**rule.settings, **({"r": r} if r else {})}
    return Rule((*rule.lines[:3], ("ΔW", f"−{{η}} {step}", None)), rule.state, settings, 12, {**rule.where, **where})


def _lion(o) -> Rule:
    lines = (
        ("b", "{β₁} {m} + (1 − {β₁}) {g}", lambda v: v["β₁"] * v["m"] + (1 - v["β₁"]) * v["g"]),
        ("m′", "{β₂} {m} + (1 − {β₂}) {g}", None),
        ("ΔW", "−{η} sign({b})" + _decay(o), None),
    )
    settings = {"β₁": o.betas[0], "β₂": o.betas[1]}
    return Rule(lines, {"m": "exp_avg"}, settings, 9, {"m": "a running mean of the gradients"})


def _muon(o) -> Rule:
    kind, shape = o._place
    if len(shape) < 2 or kind.startswith("Embedding."):
        return _adam(o)
    n = ("n", "{μ} {m′} + (1 − {μ}) {g}", lambda v: v["μ"] * v["m′"] + (1 - v["μ"]) * v["g"])
    last = "n" if o.nesterov else "m′"
    lines = (
        ("m′", "{μ} {m} + (1 − {μ}) {g}", None),
        *([n] if o.nesterov else []),
        ("O", f"NS({{{last}}})", lambda v: muon.orthogonal(v[last], o.ns_steps)),
        ("ΔW", "−{η} {f} {O}" + _decay(o), None),
    )
    where = {
        "m": "a running mean of the gradients",
        "NS": f"{o.ns_steps} steps of Newton and Schulz: the orthogonal matrix next to it, nearly",
        "f": "0.2 times the root of the larger side: steps as large as AdamW's",
    }
    small, large = sorted((shape[0], math.prod(shape[1:])))
    flops = 8 + o.ns_steps * (4 * small + 2 * small * small // large + 4)
    return Rule(lines, {"m": "exp_avg"}, {"μ": o.momentum, "f": muon.factor(shape)}, flops, where)


RULES = {
    optim.SGD: _sgd,
    optim.AdaGrad: _adagrad,
    optim.RMSProp: _rmsprop,
    optim.AdaDelta: _adadelta,
    optim.Adam: _adam,
    optim.AdamW: _adam,
    optim.Adamax: _adamax,
    optim.NAdam: _nadam,
    optim.RAdam: _radam,
    optim.Lion: _lion,
    optim.Muon: _muon,
}


def update(optimizer, l1=0.0, clip_value=None, clip=None, norm=0.0, batches=1) -> Rule:
    """The next update of an optimizer, with what is done to the gradient before. norm: that of the whole gradient,
    which is clipped. batches: of so many it is the mean. Of a rule of one's own stands what its class says first."""
    made = RULES.get(type(optimizer))
    rule = made(optimizer) if made else Rule((("ΔW", _first_words(optimizer), None),))
    decay = optimizer.weight_decay if not optimizer.decoupled else 0
    several = f", the mean of {batches} batches" if batches > 1 else ""
    lines: list[Any] = [("g", "{dW}" + several, lambda v: v["dW"])]
    settings: dict[str, float] = {"η": optimizer.rate}
    where, flops = {"η": "the learning rate" + ("" if optimizer.schedule is None else ", with its schedule")}, 0
    if l1:
        lines[0] = ("g", "{dW}" + several + " + {λ₁} sign({W})", lambda v: v["dW"] + v["λ₁"] * np.sign(v["W"]))
        settings["λ₁"], where["λ₁"], flops = l1, "the L1 penalty", flops + 3
    if clip_value is not None:
        lines.append(("g", "clip({g}, −{κ}, {κ})", lambda v: np.clip(v["g"], -v["κ"], v["κ"])))
        settings["κ"], where["κ"], flops = clip_value, "the largest element that clipping allows", flops + 2
    if clip is not None:
        if norm > clip:
            lines.append(("g", "{g} · {c} / {N}", lambda v: v["g"] * (v["c"] / v["N"])))
        else:
            lines.append(("g", "{g}, as {N} ≤ {c}", lambda v: v["g"]))
        settings |= {"c": clip, "N": norm}
        where["N"] = "the norm of the whole gradient, of all layers together; c: the largest that clipping allows"
        flops += 3 if norm > clip else 2
    if decay:
        lines.append(("g", "{g} + {λ} {W}", lambda v: v["g"] + v["λ"] * v["W"]))
        flops += 2
    if optimizer.weight_decay:
        settings["λ"], where["λ"] = optimizer.weight_decay, "weight decay"
        flops += optimizer.decoupled
    settings |= rule.settings
    return Rule((*lines, *rule.lines), rule.state, settings, rule.flops + flops, {**where, **rule.where})


def _first_words(optimizer):
    said = (type(optimizer).__doc__ or "").strip().split("\n")[0].rstrip(".")
    return f"by {type(optimizer).__name__}" + (f": {said}" if said else "")
