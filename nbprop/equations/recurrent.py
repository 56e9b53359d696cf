"""Recurrent layers: a sequence of T steps is one layer, and its gradients are sums over time.

{h} and {c} hold the states from before the first step to after the last, (T + 1, N, H). {e} is the derivative of the
loss with respect to what the gates get, in the order of the rows of {W}; {dh}, {dc} those of the states along all ways.
Time is the first axis of all of them.
"""

from typing import Any

import numpy as np

from nbprop import nn

from .equations import Equations
from .layers import op_of

NAMES = {"weight_ih": "W", "weight_hh": "U", "bias_ih": "b", "bias_hh": "k"}
SIGMOID = {"σ": "1 / (1 + e⁻ᶻ), the logistic function"}
TIME = {
    "↑": "from above: from all that uses what this layer gives, but not through its own later steps",
    "ₜ": "the step of the sequence; ₜ₋₁ is the one before",
    "δ": "the derivative with respect to what the gates get: through time it is sent back once for every step",
}
ENDED = {"0": "h behind the end of a sequence, whatever the equation says; nothing comes back from there"}
OPS = "RNN", "GRU", "ResetBefore", "LSTM"


class _Call:
    """The arrays of a call: those of its op, with the samples before the units."""

    def __init__(self, module, nodes) -> None:
        self.node = op_of(nodes, *OPS)
        self.op, self.bias = self.node.op, module.bias
        T, H = len(self.op.x), module.hidden_size
        self.T, self.nodes = T, nodes
        y, x = self.node.data, self.node.inputs[0].data
        self.arrays: dict[str, Any] = {"h": y[: T + 1], "x": x}
        self.back = self.node.grad is not None
        if self.back:
            dz = self.op.dz.reshape(T, -1, self.op.dz.shape[-1])  # (T, rows of M, N)
            self.arrays |= {
                "e": np.ascontiguousarray(dz[:, self.op.from_x].swapaxes(1, 2)),
                "dy": self.node.grad[1 : T + 1],
                "dh": self.op.dh,
            }
            if self.op.name == "GRU":
                self.arrays["e′"] = np.ascontiguousarray(dz[:, self.op.from_h].swapaxes(1, 2))
        self.gates = [np.ascontiguousarray(each.swapaxes(1, 2)) for each in self.op.a.swapaxes(0, 1)]
        self.blocks = {name: slice(i * H, (i + 1) * H) for i, name in enumerate(_blocks(module))}
        for i, name in enumerate(self.blocks):
            for attribute, letter in NAMES.items() if len(self.blocks) > 1 else ():
                if (parameter := getattr(module, attribute)) is not None:
                    self.arrays[f"{letter}{name}"] = parameter.data[i * H : (i + 1) * H].copy()

    def sum(self, name, of="{x}ₜ", state="{h}ₜ₋₁") -> str:
        """What a gate gets."""
        b, k = (" + {b" + name + "}", " + {k" + name + "}") if self.bias else ("", "")
        return f"{{W{name}}} {of}{b} + {{U{name}}} {state}{k}"

    def states(self, *texts) -> dict[Any, str]:
        """What goes back to the state that it began with. texts: to h, and to c, of the first step."""
        given, made = self.node.inputs[1], set(self.nodes)
        while given in made and given.inputs:
            if len(given.inputs) == len(texts) > 1:  # a pair was given
                return dict(zip(given.inputs, texts, strict=True))
            given = given.inputs[0]
        return {given: " | ".join(texts)}

    def equations(self, forward, inner, where, states, from_h="{e}", through="") -> Equations:
        gradients = {"W": "{Σ}{e}ₜ {x}ₜᵀ", "U": through or f"{{Σ}}{from_h}ₜ {{h}}ₜ₋₁ᵀ"}
        gradients |= {"b": "{Σ}{e}ₜ", "k": f"{{Σ}}{from_h}ₜ"} if self.bias else {}
        return Equations(
            forward,
            "{W}ᵀ {e}ₜ",
            others=states,
            gradients=gradients,
            inner=inner if self.back else (),
            parameters={key: name for key, name in NAMES.items() if self.bias or "weight" in key},
            arrays=self.arrays,
            where={**where, **TIME, **({} if self.op.lengths is None else ENDED)},
            out="h",
            over="ti",
        )


def _blocks(module):
    if isinstance(module, nn.LSTMCell):
        return "ifgo" if module.forget_gate else "igo"
    return "run" if isinstance(module, nn.GRUCell) else "h"


def _rnn(module, nodes) -> Equations:
    call, tanh = _Call(module, nodes), module.nonlinearity == "tanh"
    bias = (" + {b}", " + {k}") if call.bias else ("", "")
    z = f"{{W}} {{x}}ₜ{bias[0]} + {{U}} {{h}}ₜ₋₁{bias[1]}"
    slope = "(1 − {h}ₜ²)" if tanh else "(1 where {h}ₜ > 0, else 0)"
    return call.equations(
        ("{h}ₜ = " + (f"tanh({z})" if tanh else f"max({z}, 0)"),),
        ("{dh}ₜ = {dy}ₜ + {U}ᵀ {e}ₜ₊₁", f"{{e}}ₜ = {{dh}}ₜ ⊙ {slope}"),
        {"dh": "what comes from above at this step, and what the next step sends back"},
        call.states("{U}ᵀ {e}₁"),
    )


def _gru(module, nodes) -> Equations:
    call = _Call(module, nodes)
    call.arrays |= dict(zip("runv" if module.reset_after else "run", call.gates, strict=True))
    b, k = (" + {bn}", " + {kn}") if call.bias else ("", "")
    if call.back:
        call.arrays |= {f"e{name}": call.arrays["e"][..., at] for name, at in call.blocks.items()}
    if not module.reset_after:
        return _reset_before(call)
    return call.equations(
        (
            f"{{r}}ₜ = σ({call.sum('r')})",
            f"{{u}}ₜ = σ({call.sum('u')})",
            f"{{v}}ₜ = {{Un}} {{h}}ₜ₋₁{k}",
            f"{{n}}ₜ = tanh({{Wn}} {{x}}ₜ{b} + {{r}}ₜ ⊙ {{v}}ₜ)",
            "{h}ₜ = (1 − {u}ₜ) ⊙ {n}ₜ + {u}ₜ ⊙ {h}ₜ₋₁",
        ),
        (
            "{dh}ₜ = {dy}ₜ + {U}ᵀ {e′}ₜ₊₁ + {u}ₜ₊₁ ⊙ {dh}ₜ₊₁",
            "{eu}ₜ = {dh}ₜ ⊙ ({h}ₜ₋₁ − {n}ₜ) ⊙ {u}ₜ ⊙ (1 − {u}ₜ)",
            "{en}ₜ = {dh}ₜ ⊙ (1 − {u}ₜ) ⊙ (1 − {n}ₜ²)",
            "{er}ₜ = {en}ₜ ⊙ {v}ₜ ⊙ {r}ₜ ⊙ (1 − {r}ₜ)",
        ),
        {
            "r, u": "reset gate; update gate: how much of the old state stays (PyTorch's z)",
            "δ′": "δ, but for n: δ[n] ⊙ r, which is what reaches v",
            **SIGMOID,
        },
        call.states("{U}ᵀ {e′}₁ + {u}₁ ⊙ {dh}₁"),
        from_h="{e′}",
    )


def _reset_before(call) -> Equations:
    back = "{{Ur}}ᵀ {{er}}{0} + {{Uu}}ᵀ {{eu}}{0} + {{r}}{0} ⊙ ({{Un}}ᵀ {{en}}{0}) + {{u}}{0} ⊙ {{dh}}{0}".format
    return call.equations(
        (
            f"{{r}}ₜ = σ({call.sum('r')})",
            f"{{u}}ₜ = σ({call.sum('u')})",
            f"{{n}}ₜ = tanh({call.sum('n', state='({r}ₜ ⊙ {h}ₜ₋₁)')})",
            "{h}ₜ = (1 − {u}ₜ) ⊙ {n}ₜ + {u}ₜ ⊙ {h}ₜ₋₁",
        ),
        (
            f"{{dh}}ₜ = {{dy}}ₜ + {back('ₜ₊₁')}",
            "{eu}ₜ = {dh}ₜ ⊙ ({h}ₜ₋₁ − {n}ₜ) ⊙ {u}ₜ ⊙ (1 − {u}ₜ)",
            "{en}ₜ = {dh}ₜ ⊙ (1 − {u}ₜ) ⊙ (1 − {n}ₜ²)",
            "{er}ₜ = ({Un}ᵀ {en}ₜ) ⊙ {h}ₜ₋₁ ⊙ {r}ₜ ⊙ (1 − {r}ₜ)",
        ),
        {"r, u": "reset gate; update gate: how much of the old state stays (PyTorch's z)", **SIGMOID},
        call.states(back("₁")),
        through="{Σ}{er}ₜ {h}ₜ₋₁ᵀ | {Σ}{eu}ₜ {h}ₜ₋₁ᵀ | {Σ}{en}ₜ ({r}ₜ ⊙ {h}ₜ₋₁)ᵀ",
    )


def _lstm(module, nodes) -> Equations:
    call, forget = _Call(module, nodes), module.forget_gate
    order = "oifg" if forget else "oig"
    c = np.ascontiguousarray(call.op.c.swapaxes(1, 2))
    call.arrays |= {**dict(zip(order, call.gates, strict=True)), "c": c}
    if call.back:
        call.arrays |= {f"e{name}": call.arrays["e"][..., at] for name, at in call.blocks.items()}
        call.arrays |= {"dc": call.op.dc, "dcT": call.node.grad[-1]}
    kept, carried = ("{f}ₜ ⊙ {c}ₜ₋₁", "{f}ₜ₊₁ ⊙ {dc}ₜ₊₁") if forget else ("{c}ₜ₋₁", "{dc}ₜ₊₁")
    return call.equations(
        (
            f"{{i}}ₜ = σ({call.sum('i')})",
            *([f"{{f}}ₜ = σ({call.sum('f')})"] if forget else []),
            f"{{g}}ₜ = tanh({call.sum('g')})",
            f"{{o}}ₜ = σ({call.sum('o')})",
            f"{{c}}ₜ = {kept} + {{i}}ₜ ⊙ {{g}}ₜ",
            "{h}ₜ = {o}ₜ ⊙ tanh({c}ₜ)",
        ),
        (
            "{dh}ₜ = {dy}ₜ + {U}ᵀ {e}ₜ₊₁",
            f"{{dc}}ₜ = {{dh}}ₜ ⊙ {{o}}ₜ ⊙ (1 − tanh²({{c}}ₜ)) + {carried}",
            "{ei}ₜ = {dc}ₜ ⊙ {g}ₜ ⊙ {i}ₜ ⊙ (1 − {i}ₜ)",
            *(["{ef}ₜ = {dc}ₜ ⊙ {c}ₜ₋₁ ⊙ {f}ₜ ⊙ (1 − {f}ₜ)"] if forget else []),
            "{eg}ₜ = {dc}ₜ ⊙ {i}ₜ ⊙ (1 − {g}ₜ²)",
            "{eo}ₜ = {dh}ₜ ⊙ tanh({c}ₜ) ⊙ {o}ₜ ⊙ (1 − {o}ₜ)",
        ),
        {
            "i, f, o" if forget else "i, o": "the gates: what is let in, "
            + ("what is kept, " if forget else "")
            + "what is shown",
            "c": "the cell: along it gradients go through time undiminished" + (", as far as f is 1" if forget else ""),
            **SIGMOID,
        },
        call.states("{U}ᵀ {e}₁", "{f}₁ ⊙ {dc}₁" if forget else "{dc}₁"),
    )


def _one(equations):
    """Of one direction of one layer. Of several each says its own: what is left are the ops that join them."""
    return lambda module, nodes: equations(module, nodes) if any(node.op.name in OPS for node in nodes) else None


KINDS = {_rnn: (nn.RNN, nn.RNNCell), _gru: (nn.GRU, nn.GRUCell), _lstm: (nn.LSTM, nn.LSTMCell)}
TABLE = {kind: _one(equations) for equations, kinds in KINDS.items() for kind in kinds}
