"""Recurrent layers, over whole sequences or step by step, and truncated backpropagation through time."""

from collections.abc import Iterator
from typing import Any, TypedDict, Unpack

import numpy as np

from ..checks import flag, lookup, size
from ..engine import ShapeError, Tensor, apply, no_grad, recurrent as ops, stack
from .init import weights
from .module import Module, Parameter, as_input, as_tensor


class Recurrent(Module):
    """What all recurrent layers share.

        out, state = layer(x)             # T steps of N sequences: x (T, N, input_size), out (T, N, hidden_size)
        out, state = layer(x, state)      # goes on where another call ended; without a state from zeros
        out, state = layer(x_t, state)    # one step: x_t (N, input_size), out (N, hidden_size)

    state: the last output, (N, hidden_size); of an LSTM h and c, (2, N, hidden_size), which unpacks as in
        `out, (h, c) = lstm(x)`, and a pair (h, c) may be given. `state.detach()` cuts the way back.

    Args:
        input_size, hidden_size: integers >= 1.
        bias: whether biases are added.
        batch_first: x and out are (N, T, ...); the state is not.
        init, recurrent_init: names or functions, see `nn.init`, for each block of weight_ih and of weight_hh. Biases
            start at zero, but the forget gate's at 1 (Gers, Schmidhuber & Cummins 2000).
        rng: NumPy generator or seed; None draws other numbers each time.
        dtype: float32 or float64.
    Attributes, in blocks of hidden_size rows, one for each gate:
        weight_ih (rows, input_size), weight_hh (rows, hidden_size), bias_ih and bias_hh (rows,) or None.
        last: the op of the latest call that needs a gradient. After backward its `dh` (T, N, hidden_size) is dL/dh_t of
            each step of that call, along all ways: where the loss sees the last output alone, last.dh[-1 - lag] is what
            reaches the state `lag` steps before. An LSTM's has `dc` too. (Step by step, every step has its own op.)

    NB: PyTorch numbers the parameters by layer (weight_ih_l0), has an axis of layers in the state, takes 2-D x for a
    sequence without batch, and draws all parameters from U(-1/sqrt(hidden_size), 1/sqrt(hidden_size)).
    """

    blocks = states = 1
    bias_ih: Any = None
    bias_hh: Any = None
    last: Any = None
    _notes = ("last",)
    op: Any  # op() is a new op of the engine that computes this layer
    defaults = {"bias": True, "batch_first": False}  # shown in the repr where they differ

    def __init__(
        self,
        input_size,
        hidden_size,
        *,
        bias=True,
        batch_first=False,
        init: Any = "xavier",
        recurrent_init: Any = "orthogonal",
        rng: Any = None,
        dtype=np.float32,
    ) -> None:
        self.input_size, self.hidden_size = size("input_size", input_size), size("hidden_size", hidden_size)
        self.bias, self.batch_first = flag("bias", bias), flag("batch_first", batch_first)
        rng = np.random.default_rng(rng)

        def weight(init, columns):
            blocks = [weights(init, rng, columns, self.hidden_size, dtype) for _ in range(self.blocks)]
            return Parameter(np.concatenate(blocks))

        self.weight_ih, self.weight_hh = weight(init, self.input_size), weight(recurrent_init, self.hidden_size)
        if bias:
            self.bias_ih, self.bias_hh = (Parameter(np.zeros(len(self.weight_ih), dtype)) for _ in "ih")

    def forward(self, x, state=None) -> tuple[Tensor, Any]:
        x = as_input(x, self.weight_ih.dtype)
        if x.ndim not in (2, 3) or x.shape[-1] != self.input_size:
            axes = "(N, T, {0}), or (N, {0})" if self.batch_first else "(T, N, {0}), or (N, {0})"
            raise ShapeError(f"{self!r} expected x of shape {axes.format(self.input_size)} for one step; got {x.shape}")
        one_step, swap = x.ndim == 2, x.ndim == 3 and self.batch_first
        x = x.reshape(1, *x.shape) if one_step else x.swapaxes(0, 1) if swap else x
        biases = [self.bias_ih, self.bias_hh] if self.bias else []
        y = apply(self.op(), x, self._start(state, x.shape[1]), self.weight_ih, self.weight_hh, *biases)
        if y.requires_grad:
            self.last = y.op
        out = y[1] if one_step else y[1 : len(x) + 1]
        return out.swapaxes(0, 1) if swap else out, y[-1] if self.states == 1 else y[-2:]

    def _start(self, state, N):
        shape = (self.states, N, self.hidden_size)[self.states == 1 :]
        if state is None:
            return np.zeros(shape, self.weight_ih.dtype)
        state = as_input(stack(state) if isinstance(state, (tuple, list)) else state, self.weight_ih.dtype)
        if state.shape != shape:
            raise ShapeError(f"{self!r} expected a state of shape {shape} for {N} sequences; got {state.shape}")
        return state

    def extra_repr(self) -> str:
        sizes = f"input_size={self.input_size}, hidden_size={self.hidden_size}"
        changed = [(name, getattr(self, name)) for name, value in self.defaults.items() if getattr(self, name) != value]
        return ", ".join([sizes, *(f"{name}={value!r}" for name, value in changed)])

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "last": None}  # a copy has made no call yet


class Settings(TypedDict, total=False):
    """What all of them take, see Recurrent."""

    bias: bool
    batch_first: bool
    init: Any
    recurrent_init: Any
    rng: Any
    dtype: Any


class RNN(Recurrent):
    """h_t = f(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh).  See Recurrent for what it takes and returns.  (Elman 1990)

    nonlinearity: f, "tanh" or "relu".
    """

    defaults = {**Recurrent.defaults, "nonlinearity": "tanh"}

    def __init__(self, input_size, hidden_size, nonlinearity="tanh", **settings: Unpack[Settings]) -> None:
        self.nonlinearity = lookup("nonlinearity", nonlinearity, {"tanh": "tanh", "relu": "relu"})
        super().__init__(input_size, hidden_size, **settings)

    def op(self) -> ops.RNN:
        return ops.RNN(self.nonlinearity)


class GRU(Recurrent):
    """With a = W_ih x_t + b_ih and v = W_hh h_(t-1) + b_hh, in blocks r, z, n:  r = sigmoid(a_r + v_r),
    z = sigmoid(a_z + v_z),  n = tanh(a_n + r v_n),  h_t = (1 - z) n + z h_(t-1).  See Recurrent for what it takes and
    returns.  (Cho et al. 2014, but r after the product with W_hh, as in cuDNN and PyTorch)"""

    blocks = 3

    op = ops.GRU


class LSTM(Recurrent):
    """With W_ih x_t + b_ih + W_hh h_(t-1) + b_hh in blocks i, f, g, o, sigmoid of i, f, o and tanh of g:
    c_t = f c_(t-1) + i g,  h_t = o tanh(c_t).  See Recurrent for what it takes and returns.

    forget_gate: True, as in Gers, Schmidhuber & Cummins 2000; False for c_t = c_(t-1) + i g and blocks i, g, o, as in
        Hochreiter & Schmidhuber 1997.

    NB: in 1997 the squashing functions were 2 tanh(z/2) for g and tanh(c/2) for the output, and errors were not sent
    back through the gates; here g = tanh(z), the output has tanh(c), and the gradient is exact.
    """

    states = 2
    defaults = {**Recurrent.defaults, "forget_gate": True}

    def __init__(self, input_size, hidden_size, forget_gate=True, **settings: Unpack[Settings]) -> None:
        self.forget_gate = flag("forget_gate", forget_gate)
        self.blocks = 4 if forget_gate else 3
        super().__init__(input_size, hidden_size, **settings)
        if self.bias and forget_gate:
            self.bias_ih.data[self.hidden_size : 2 * self.hidden_size] = 1

    def op(self) -> ops.LSTM:
        return ops.LSTM(self.forget_gate)


def truncated_bptt(model, x, window, period=None, state=None) -> Iterator[tuple[Tensor, slice]]:
    """Truncated backpropagation through time, BPTT(h; h') with h = window and h' = period (Williams & Peng 1990).

        for out, times in nn.truncated_bptt(lstm, x, window=20, period=5):
            criterion(head(out), targets[times]).backward()      # adds to the gradient

    Every `period` steps, and at the end, the model runs through the last `window` steps, and `out` are its outputs of
    the last `period` of them, at `times` (a slice): those whose errors have not been sent back yet. So every error is
    sent back once, through at least window - period + 1 steps (its own counted) and at most `window`. The gradients of
    all passes sum up to the full one if the window covers the sequence; with a shorter one no error ever gets further
    back than `window` steps. period = window, the default, cuts the sequence into chunks, as is usual today; period = 1
    is BPTT(h), the closest to the full gradient, and `window` times as expensive as chunks.

    Args:
        model: a recurrent layer, or any module called as `model(x, state)` that returns (out, state), with a state that
            is a Tensor or a tuple of states, and None to begin with. Layers below belong inside it.
        x: (T, N, ...) or, if model.batch_first, (N, T, ...): then time is the second axis of out, too.
        window, period: integers, 1 <= period <= window. The last pass may be of fewer steps.
        state: where to begin, None: the model's start.

    Between two passes the parameters may be updated. NB: in the paper a pass goes back through the activations that
    were computed at the time; here it runs the window anew, with the parameters as they are now.
    """
    window = size("window", window)
    period = window if period is None else size("period", period)
    if period > window:
        raise ValueError(f"period must be at most window = {window}, or errors would get lost; got {period}")
    return _passes(model, as_tensor(x), window, period, state)


def _passes(model, x, window, period, state):
    batch_first = getattr(model, "batch_first", False)

    def cut(a, i, j):
        return a[:, i:j] if batch_first else a[i:j]

    steps = x.shape[int(batch_first)]
    begin = 0  # `state` is the one before this step
    for start in range(0, steps, period):
        end = min(start + period, steps)
        out, last = model(cut(x, begin, end), state)
        yield cut(out, start - begin, end - begin), slice(start, end)
        following = max(0, min(end + period, steps) - window)
        if following == end:
            state = _detached(last)
        elif following > begin:
            with no_grad():
                _, state = model(cut(x, begin, following), state)
        begin = following


def _detached(state):
    return tuple(map(_detached, state)) if isinstance(state, (tuple, list)) else state.detach()
