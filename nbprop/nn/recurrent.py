"""Recurrent layers, over whole sequences or step by step, and truncated backpropagation through time."""

from collections.abc import Iterator
from typing import Any, TypedDict, Unpack

import numpy as np

from ..checks import flag, lookup, share, size, whole
from ..engine import ShapeError, Tensor, apply, concatenate, no_grad, recurrent as ops, stack
from .dropout import Dropout
from .init import weights
from .module import Module, Parameter, as_input, as_tensor

layers = whole(1, 1000)


class Settings(TypedDict, total=False):
    """What all of them take, see RecurrentCell."""

    init: Any
    recurrent_init: Any
    rng: Any
    dtype: Any


class LayerSettings(Settings, total=False):
    """What all layers take, see Recurrent."""

    bias: bool
    batch_first: bool
    dropout: float
    bidirectional: bool
    window: int
    period: int


class RecurrentCell(Module):
    """What all recurrent cells share: one step, for a loop of one's own.

        h = cell(x, h)              # x (N, input_size), h and the result (N, hidden_size); without h from zeros
        h, c = lstm_cell(x, (h, c))

    Args:
        input_size, hidden_size: integers >= 1.
        bias: whether biases are added.
        init, recurrent_init: names or functions, see `nn.init`, for each block of weight_ih and of weight_hh. Biases
            start at zero, but the forget gate's at 1 (Gers, Schmidhuber & Cummins 2000).
        rng: NumPy generator or seed; None draws other numbers each time.
        dtype: float32 or float64.
    Attributes, in blocks of hidden_size rows, one for each gate:
        weight_ih (rows, input_size), weight_hh (rows, hidden_size), bias_ih and bias_hh (rows,) or None.
        last: the op of the latest call that needs a gradient. After backward its `dh` (T, N, hidden_size) is dL/dh_t of
            each step of that call (of a cell, T = 1), along all ways. An LSTM's has `dc` too.

    NB: PyTorch draws all parameters from U(-1/sqrt(hidden_size), 1/sqrt(hidden_size)), takes 1-D x without a batch too,
    and an LSTMCell returns a tuple; here h and c are one Tensor (2, N, hidden_size), which unpacks in the same way.
    """

    blocks = states = 1
    bias_ih: Any = None
    bias_hh: Any = None
    last: Any = None
    _notes = ("last",)
    window = period = 0
    op: Any  # op(lengths) is a new op of the engine that computes this layer
    own: tuple[str, ...] = ()  # names of the settings that this kind alone has
    defaults: dict[str, Any] = {"bias": True}  # shown in the repr where they differ

    def __init__(
        self, input_size, hidden_size, bias=True, *, init: Any = "xavier", recurrent_init: Any = "orthogonal",
        rng: Any = None, dtype=np.float32,
    ) -> None:  # fmt: skip
        self.input_size, self.hidden_size = size("input_size", input_size), size("hidden_size", hidden_size)
        self.bias = flag("bias", bias)
        self._fill(init, recurrent_init, np.random.default_rng(rng), dtype)

    def _fill(self, init, recurrent_init, rng, dtype):
        """Make the parameters."""

        def weight(init, columns):
            blocks = [weights(init, rng, columns, self.hidden_size, dtype) for _ in range(self.blocks)]
            return Parameter(np.concatenate(blocks))

        self.weight_ih, self.weight_hh = weight(init, self.input_size), weight(recurrent_init, self.hidden_size)
        if self.bias:
            self.bias_ih, self.bias_hh = (Parameter(np.zeros(len(self.weight_ih), dtype)) for _ in "ih")

    def forward(self, x, state=None) -> Tensor:
        x = as_input(x, self.weight_ih.dtype)
        if x.ndim != 2 or x.shape[1] != self.input_size:
            raise ShapeError(f"{self!r} expected x of shape (N, {self.input_size}), one step; got {x.shape}")
        y = self._run(x.reshape(1, *x.shape), self._start(state, len(x), ()))
        return y[1] if self.states == 1 else y[1:]

    def _run(self, x, state, lengths=None):
        """What the op gives. x (T, N, in); state as the op takes it, None: zeros."""
        if state is None:
            state = np.zeros((self.states, x.shape[1], self.hidden_size)[self.states == 1 :], x.dtype)
        biases = [self.bias_ih, self.bias_hh] if self.bias else []
        op = self.op(lengths)
        op.window, op.period = self.window, self.period
        y = apply(op, x, state, self.weight_ih, self.weight_hh, *biases)
        if y.requires_grad:
            self.last = y.op
        return y

    def _start(self, state, N, layers):
        """A state as one Tensor; layers: (), or (how many,)."""
        if state is None:
            return None
        state = as_input(stack(state) if isinstance(state, (tuple, list)) else state, self._weight().dtype)
        shape = (self.states, *layers, N, self.hidden_size)[self.states == 1 :]
        if state.shape != shape:
            raise ShapeError(f"{self!r} expected a state of shape {shape} for {N} sequences; got {state.shape}")
        return state

    def _weight(self):
        return self.weight_ih

    def extra_repr(self) -> str:
        sizes = f"input_size={self.input_size}, hidden_size={self.hidden_size}"
        changed = [(name, getattr(self, name)) for name, value in self.defaults.items() if getattr(self, name) != value]
        return ", ".join([sizes, *(f"{name}={value!r}" for name, value in changed)])

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "last": None}  # a copy has made no call yet


class RNNCell(RecurrentCell):
    """h' = f(W_ih x + b_ih + W_hh h + b_hh).  See RecurrentCell for what it takes and returns.  (Elman 1990)

    nonlinearity: f, "tanh" or "relu".
    """

    own = ("nonlinearity",)
    defaults = {**RecurrentCell.defaults, "nonlinearity": "tanh"}

    def __init__(self, input_size, hidden_size, bias=True, nonlinearity="tanh", **settings: Unpack[Settings]) -> None:
        self.nonlinearity = lookup("nonlinearity", nonlinearity, {"tanh": "tanh", "relu": "relu"})
        super().__init__(input_size, hidden_size, bias, **settings)

    def op(self, lengths=None) -> ops.RNN:
        return ops.RNN(self.nonlinearity, lengths)


class GRUCell(RecurrentCell):
    """With a = W_ih x + b_ih and v = W_hh h + b_hh, in blocks r, z, n:  r = sigmoid(a_r + v_r), z = sigmoid(a_z + v_z),
    n = tanh(a_n + r v_n),  h' = (1 - z) n + z h.  See RecurrentCell for what it takes and returns.

    reset_after: True, as in cuDNN and PyTorch; False for the first formula, in which r acts before the product:
        n = tanh(a_n + W_hn (r h) + b_hn).  (Cho et al. 2014)
    """

    blocks = 3
    own = ("reset_after",)
    defaults = {**RecurrentCell.defaults, "reset_after": True}

    def __init__(self, input_size, hidden_size, bias=True, reset_after=True, **settings: Unpack[Settings]) -> None:
        self.reset_after = flag("reset_after", reset_after)
        super().__init__(input_size, hidden_size, bias, **settings)

    def op(self, lengths=None) -> ops.GRU:
        return ops.GRU(lengths) if self.reset_after else ops.ResetBefore(lengths)


class LSTMCell(RecurrentCell):
    """With W_ih x + b_ih + W_hh h + b_hh in blocks i, f, g, o, sigmoid of i, f, o and tanh of g:  c' = f c + i g,
    h' = o tanh(c').  See RecurrentCell for what it takes and returns.

    forget_gate: True, as in Gers, Schmidhuber & Cummins 2000; False for c' = c + i g and blocks i, g, o, as in
        Hochreiter & Schmidhuber 1997.

    NB: in 1997 the squashing functions were 2 tanh(z/2) for g and tanh(c/2) for the output, and errors were not sent
    back through the gates; here g = tanh(z), the output has tanh(c), and the gradient is exact.
    """

    states = 2
    own = ("forget_gate",)
    defaults = {**RecurrentCell.defaults, "forget_gate": True}

    def __init__(self, input_size, hidden_size, bias=True, forget_gate=True, **settings: Unpack[Settings]) -> None:
        self.forget_gate = flag("forget_gate", forget_gate)
        self.blocks = 4 if forget_gate else 3
        super().__init__(input_size, hidden_size, bias, **settings)

    def _fill(self, *how):
        super()._fill(*how)
        if self.bias and self.forget_gate:
            self.bias_ih.data[self.hidden_size : 2 * self.hidden_size] = 1

    def op(self, lengths=None) -> ops.LSTM:
        return ops.LSTM(self.forget_gate, lengths)


class Recurrent(RecurrentCell):
    """What all recurrent layers share: a cell, run over whole sequences.

        out, state = layer(x)             # T steps of N sequences: x (T, N, input_size), out (T, N, D hidden_size)
        out, state = layer(x, state)      # goes on where another call ended; without a state from zeros
        out, state = layer(x, lengths=lengths)  # sequences of different lengths, filled up to T with anything
        out, state = layer(x)             # one sequence without a batch: x (T, input_size), out (T, D hidden_size)

    state: the last output of each layer and direction, (D num_layers, N, hidden_size), D = 2 if bidirectional, else 1:
        layer by layer, in each the reverse direction last. Of an LSTM h and c, (2, D num_layers, N, hidden_size), which
        unpacks as in `out, (h, c) = lstm(x)`, and a pair (h, c) may be given. `state.detach()` cuts the way back.
    lengths: N integers from 0 to T. What comes after the end of a sequence has no influence: out is 0 there, the state
        is the one after the last step that counts, and the reverse direction begins at that one.

    Args:
        num_layers: each gets the outputs of the one before it.
        bidirectional: another direction in each layer that reads from the end; out has both, side by side.
        dropout: probability, of the outputs of all layers but the last, while training.
        batch_first: x and out are (N, T, ...); the state is not.
        window, period: BPTT(h; h') with h = window and h' = period (Williams & Peng 1990): every `period` steps, and
            after the last, the errors since the time before are sent back through the last `window` steps and no
            further. The numbers forward stay as they are. window 0, the default: the full gradient. period 0, or more
            than the window: as the window, which makes chunks. Of one layer in one direction only, for through several
            an error would get further back than a window. Both may be set later, `lstm.window = 20`. With lengths the
            passes are those of the whole batch, as in truncated_bptt: the end of a shorter sequence is none of them.
        input_size, hidden_size, bias, init, recurrent_init, rng, dtype: as in RecurrentCell.
    Attributes: those of RecurrentCell. With several layers or directions these belong to `l0`, `l0_reverse`, `l1`, ...,
        each a layer of its own, whose sequence is in the order in which it reads.

    NB: PyTorch has the same parameters under the names weight_ih_l0, weight_ih_l0_reverse, ..., which load_state_dict
    takes, too; its sequences of different lengths are packed, out, state = layer(pack_padded_sequence(x, lengths,
    enforce_sorted=False)), which is layer(x, lengths=lengths). There is no proj_size: put a Linear behind.
    """

    defaults = {
        "num_layers": 1, "bidirectional": False, "dropout": 0.0, "batch_first": False, "window": 0, "period": 0,
    }  # fmt: skip
    drop: Any = None
    _checks = {"window": whole(), "period": whole()}

    def __init__(
        self, input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0, bidirectional=False,
        window=0, period=0, **settings: Any,
    ) -> None:  # fmt: skip
        self.num_layers, self.bidirectional = layers("num_layers", num_layers), flag("bidirectional", bidirectional)
        self.batch_first, self.window, self.period = flag("batch_first", batch_first), window, period
        if share("dropout", dropout) and num_layers == 1:
            raise ValueError("dropout acts between layers, and num_layers is 1: put an nn.Dropout behind the layer")
        settings["rng"] = rng = np.random.default_rng(settings.get("rng"))
        super().__init__(input_size, hidden_size, bias, **settings)
        if num_layers > 1:
            self.drop = Dropout(dropout, rng)

    dropout = property(lambda self: self.drop.p if self.drop else 0.0, doc="The probability, that of `drop`.")

    def _fill(self, *how):
        ways = ("", "_reverse")[: self._ways()]
        self._names = tuple(f"l{k}{way}" for k in range(self.num_layers) for way in ways)
        if len(self._names) == 1:
            return super()._fill(*how)
        kind = next(kind for kind in type(self).__mro__ if kind.__module__ == __name__)
        made = dict(zip(("init", "recurrent_init", "rng", "dtype"), how, strict=True))
        made |= {name: getattr(self, name) for name in ("bias", "batch_first", *self.own)}
        for i, name in enumerate(self._names):
            inputs = self.input_size if i < self._ways() else self._ways() * self.hidden_size
            setattr(self, name, kind(inputs, self.hidden_size, **made))

    def _ways(self):
        return 2 if self.bidirectional else 1

    def _weight(self):
        return self.weight_ih if len(self._names) == 1 else getattr(self, self._names[0]).weight_ih

    def forward(self, x, state=None, lengths=None) -> tuple[Tensor, Any]:
        x = as_input(x, self._weight().dtype)
        if x.ndim not in (2, 3) or x.shape[-1] != self.input_size:
            axes = ("(T, N, {0})", "(N, T, {0})")[self.batch_first] + ", or (T, {0}) for one sequence"
            raise ShapeError(f"{self!r} expected x of shape {axes.format(self.input_size)}; got {x.shape}")
        alone, first = x.ndim == 2, self.batch_first
        if alone:
            x = x[None] if first else x[:, None]
        if alone and state is not None:
            state = [as_tensor(h)[:, None] for h in state] if self.states > 1 else as_tensor(state)[:, None]
        T, N = x.shape[first], x.shape[not first]
        state = self._start(state, N, (len(self._names),))
        lengths = None if lengths is None else self._checked(lengths, T, N)
        if self.window and len(self._names) > 1:
            raise ValueError(
                f"{self!r}: a window is of one layer in one direction; through {len(self._names)} an error would get "
                "further back than its steps. Set window = 0, or use nn.truncated_bptt for layers above each other"
            )
        out, state = (self._one if len(self._names) == 1 else self._all)(x, state, lengths, T, N)
        return ((out[0] if first else out[:, 0]), state[..., 0, :]) if alone else (out, state)

    def _checked(self, lengths, T, N):
        lengths = np.asarray(lengths.data if isinstance(lengths, Tensor) else lengths)
        fits = lengths.dtype.kind in "iu" and lengths.shape == (N,)
        if not fits or (N and not 0 <= lengths.min() <= lengths.max() <= T):
            got = f"{lengths.dtype} {lengths.shape}: {lengths}"
            raise ValueError(f"{self!r} expected lengths, {N} integers from 0 to T = {T}; got {got}")
        return lengths

    def _one(self, x, state, lengths, T, N):
        """One direction of one layer. (What the state is made of is one op before it: record/layers.py looks there.)"""
        x = x.swapaxes(0, 1) if self.batch_first else x
        y = self._run(x, state if state is None else state[..., 0, :, :], lengths)
        if lengths is None:
            end = y[-1] if self.states == 1 else y[-2:]
        else:
            h = y[lengths, np.arange(N)]
            end = h if self.states == 1 else stack([h, y[-1]])
        out = y[1 : T + 1]
        return out.swapaxes(0, 1) if self.batch_first else out, end.reshape(*end.shape[:-2], 1, N, self.hidden_size)

    def _all(self, x, state, lengths, T, N):
        backwards, ways, ends = slice(None, None, -1), self._ways(), []
        backwards: Any = (slice(None), backwards) if self.batch_first else backwards
        if lengths is not None:  # what is after the end stays there
            t, n = np.arange(T)[:, None], np.arange(N)
            places = np.where(t < lengths, lengths - 1 - t, t)
            backwards = (n[:, None], places.T) if self.batch_first else (places, n)
        for k in range(0, len(self._names), ways):
            if k and self.dropout:
                x = self.drop(x)
            outs = []
            for i, name in enumerate(self._names[k : k + ways]):
                start = None if state is None else state[..., k + i : k + i + 1, :, :]
                out, end = getattr(self, name)(x[backwards] if i else x, start, lengths)
                outs.append(out[backwards] if i else out)
                ends.append(end)
            x = concatenate(outs, axis=-1) if ways > 1 else outs[0]
        return x, concatenate(ends, axis=-3)


class RNN(Recurrent, RNNCell):
    """h_t = f(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh).  See Recurrent for what it takes and returns.  (Elman 1990)

    nonlinearity: f, "tanh" or "relu".
    """

    defaults = {**Recurrent.defaults, **RNNCell.defaults}

    def __init__(
        self, input_size, hidden_size, num_layers=1, nonlinearity="tanh", **settings: Unpack[LayerSettings]
    ) -> None:
        super().__init__(input_size, hidden_size, num_layers, nonlinearity=nonlinearity, **settings)


class GRU(Recurrent, GRUCell):
    """The formula of GRUCell at each step.  See Recurrent for what it takes and returns, GRUCell for reset_after."""

    defaults = {**Recurrent.defaults, **GRUCell.defaults}

    def __init__(
        self, input_size, hidden_size, num_layers=1, *, reset_after=True, **settings: Unpack[LayerSettings]
    ) -> None:
        super().__init__(input_size, hidden_size, num_layers, reset_after=reset_after, **settings)


class LSTM(Recurrent, LSTMCell):
    """The formula of LSTMCell at each step.  See Recurrent for what it takes and returns, LSTMCell for forget_gate."""

    defaults = {**Recurrent.defaults, **LSTMCell.defaults}

    def __init__(
        self, input_size, hidden_size, num_layers=1, *, forget_gate=True, **settings: Unpack[LayerSettings]
    ) -> None:
        super().__init__(input_size, hidden_size, num_layers, forget_gate=forget_gate, **settings)


def truncated_bptt(model, x, window, period=None, state=None, lengths=None) -> Iterator[tuple[Tensor, slice]]:
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
            is a Tensor or a tuple of states, and None to begin with. Layers below belong inside it. None may be
            bidirectional: what reads from the end cannot go on where a window ends.
        x: (T, N, ...) or, if model.batch_first, (N, T, ...): then time is the second axis of out, too.
        window, period: integers, 1 <= period <= window. The last pass may be of fewer steps.
        state: where to begin, None: the model's start.
        lengths: of the sequences, as in Recurrent; then the model is called as `model(x, state, lengths)`.

    Between two passes the parameters may be updated. NB: in the paper a pass goes back through the activations that
    were computed at the time; here it runs the window anew, with the parameters as they are now.
    """
    window = size("window", window)
    period = window if period is None else size("period", period)
    if period > window:
        raise ValueError(f"period must be at most window = {window}, or errors would get lost; got {period}")
    both = [name or "the model" for name, inner in model.named_modules() if getattr(inner, "bidirectional", False)]
    if both:
        raise ValueError(f"{both[0]} is bidirectional: what reads from the end cannot go on where a window ends")
    return _passes(model, as_tensor(x), window, period, state, lengths)


def _passes(model, x, window, period, state, lengths):
    alone = isinstance(model, Recurrent) and x.ndim == 2
    batch_first = getattr(model, "batch_first", False) and not alone

    def run(i, j, state):
        return model(cut(x, i, j), state, *(() if lengths is None else (np.clip(lengths, i, j) - i,)))

    def cut(a, i, j):
        return a[:, i:j] if batch_first else a[i:j]

    steps = x.shape[int(batch_first)]
    begin = 0  # `state` is the one before this step
    for start in range(0, steps, period):
        end = min(start + period, steps)
        out, last = run(begin, end, state)
        yield cut(out, start - begin, end - begin), slice(start, end)
        following = max(0, min(end + period, steps) - window)
        if following == end:
            state = _detached(last)
        elif following > begin:
            with no_grad():
                _, state = run(begin, following, state)
        begin = following


def _detached(state):
    return tuple(map(_detached, state)) if isinstance(state, (tuple, list)) else state.detach()
