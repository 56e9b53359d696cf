"""Activations: the function and its slope. {x} is what comes in (z), {y} what goes out (a)."""

from dataclasses import replace

import numpy as np

from nbprop import nn

from .equations import Equations

SIGMOID = {"σ": "1 / (1 + e⁻ᶻ), the logistic function"}
GATE = {"g": "min(max(z / 6 + ½, 0), 1), the hard sigmoid"}
NORMAL = {"Φ": "the normal distribution function", "φ": "its density"}


def _plain(forward, slope, where=None):
    return lambda module, nodes: Equations((f"{{y}} = {forward}",), slope=slope, where=where or {})


def _leaky(module, nodes) -> Equations:
    α = module.negative_slope
    return Equations(
        ("{y} = {x} where {x} > 0, else {α} {x}",), slope="(1 where {x} > 0, else {α})", arrays={"α": _number(α, nodes)}
    )


def _elu(module, nodes) -> Equations:
    return Equations(
        ("{y} = {x} where {x} > 0, else {α} (e^{x} − 1)",),
        slope="(1 where {x} > 0, else {y} + {α})",
        arrays={"α": _number(module.alpha, nodes)},
    )


def _gelu(module, nodes) -> Equations:
    if module.approximate == "none":
        return Equations(("{y} = {x} ⊙ Φ({x})",), slope="(Φ({x}) + {x} ⊙ φ({x}))", where=NORMAL)
    return Equations(
        ("{y} = ½ {x} ⊙ (1 + tanh u({x}))",),
        slope="½ (1 + tanh u({x}) + {x} ⊙ (1 − tanh² u({x})) ⊙ u′({x}))",
        where={"u": "√(2/π) (z + 0.044715 z³)"},
    )


def _selu(module, nodes) -> Equations:
    op = module.op()
    return Equations(
        ("{y} = {λ} {x} where {x} > 0, else {λ} {α} (e^{x} − 1)",),
        slope="({λ} where {x} > 0, else {y} + {λ} {α})",
        arrays={"α": _number(op.alpha, nodes), "λ": _number(op.scale, nodes)},
        where={"λ": "with this α and λ, mean 0 and variance 1 keep themselves up from layer to layer"},
    )


def _hardtanh(module, nodes) -> Equations:
    return Equations(
        ("{y} = min(max({x}, {l}), {u})",),
        slope="(1 where {l} < {x} < {u}, else 0)",
        arrays={"l": _number(module.min_val, nodes), "u": _number(module.max_val, nodes)},
    )


def _prelu(module, nodes) -> Equations:
    return Equations(
        ("{y} = {x} where {x} > 0, else {α} ⊙ {x}",),
        "{dy} ⊙ (1 where {x} > 0, else {α})",
        gradients={"α": "{Σ}{dy} ⊙ min({x}, 0)"},
        parameters={"weight": "α"},
        where={"α": "the slope on the left, which is learned"},
        axis=1 if nodes[-1].ndim > 1 else -1,
        over="ip",
    )


def _softmax(module, nodes) -> Equations:
    return Equations(
        ("{y} = softmax({x})",),
        "{y} ⊙ ({dy} − sum({dy} ⊙ {y}))",
        where={"sum": f"along axis {module.dim}, as that of the softmax"},
    )


def _log_softmax(module, nodes) -> Equations:
    return Equations(
        ("{y} = {x} − ln(sum(e^{x}))",),
        "{dy} − e^{y} ⊙ sum({dy})",
        where={"sum": f"along axis {module.dim}", "e^y": "the softmax"},
    )


def silenced(said, module, nodes) -> Equations:
    """The same where some units are silenced: m is 0 for these, and 1 for the others."""
    y = nodes[-1].data
    m = np.ones((1, y.shape[1], 1, 1) if y.ndim == 4 else y.shape[-1], y.dtype)
    m.reshape(-1)[list(module.silenced)] = 0
    (*first, last), where = said.forward, {**said.where, "m": "0 for silenced units, 1 for all others"}
    left, right = last.split(" = ", 1)
    forward = (*first, f"{left} = {{m}} ⊙ ({right})")
    return replace(said, forward=forward, slope=f"{{m}} ⊙ {said.slope}", arrays={**said.arrays, "m": m}, where=where)


def _number(value, nodes):
    return nodes[-1].data.dtype.type(value)


TABLE = {
    nn.Sigmoid: _plain("σ({x})", "{y} ⊙ (1 − {y})", SIGMOID),
    nn.Tanh: _plain("tanh({x})", "(1 − {y}²)"),
    nn.ReLU: _plain("max({x}, 0)", "(1 where {x} > 0, else 0)"),
    nn.LeakyReLU: _leaky,
    nn.ELU: _elu,
    nn.GELU: _gelu,
    nn.SiLU: _plain("{x} ⊙ σ({x})", "σ({x}) ⊙ (1 + {x} ⊙ (1 − σ({x})))", SIGMOID),
    nn.Softplus: _plain("ln(1 + e^{x})", "σ({x})", SIGMOID),
    nn.SELU: _selu,
    nn.Mish: _plain(
        "{x} ⊙ tanh(s({x}))",
        "(tanh(s({x})) + {x} ⊙ (1 − tanh²(s({x}))) ⊙ σ({x}))",
        {"s": "ln(1 + eᶻ), the softplus, whose slope is σ", **SIGMOID},
    ),
    nn.ReLU6: _plain("min(max({x}, 0), 6)", "(1 where 0 < {x} < 6, else 0)"),
    nn.Hardtanh: _hardtanh,
    nn.Hardsigmoid: _plain("min(max({x} / 6 + ½, 0), 1)", "(1/6 where 0 < {y} < 1, else 0)"),
    nn.Hardswish: _plain("{x} ⊙ g({x})", "(g({x}) + {x} / 6 where 0 < g({x}) < 1, else g({x}))", GATE),
    nn.Softsign: _plain("{x} / (1 + |{x}|)", "(1 − |{y}|)²"),
    nn.PReLU: _prelu,
    nn.Softmax: _softmax,
    nn.LogSoftmax: _log_softmax,
    nn.Identity: _plain("{x}", "1"),
}
