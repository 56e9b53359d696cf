"""Runs of all kinds, and what compares each equation of an explained step with the numbers of the engine."""

import sys
from pathlib import Path

import numpy as np

import nbprop as nb
from nbprop import nn
from nbprop.flops import flops

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1] / "training")]  # importlib mode does not
from right_sides import IN_WORDS, RIGHT, window

F = {"dtype": np.float64}


def normal(*shape):
    return np.random.default_rng(list(shape)).normal(size=shape)


def whole(below, *shape):
    return np.random.default_rng([below, *shape]).integers(0, below, shape)


def text(explained, line):
    return "".join(each if isinstance(each, str) else explained.arrays[each].symbol for each in line.pieces)


def texts(explained):
    return [text(explained, line) for station in explained.stations for line in station.lines]


def computed(line):
    """The right side of a line in plain NumPy; None for what is said in words."""
    if not line.terms or any(word in each for each, _ in line.terms for word in IN_WORDS):
        return None
    total = sum(RIGHT[each](values) if "dx" not in values else 0 for each, values in line.terms)
    return total if line.factor is None else total * RIGHT[line.factor[0]](line.factor[1])


def moving(kernel, stride=1, padding=0, dilation=1, groups=1, axes=2):
    each = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    window.update({name: (n,) * axes for name, n in each.items()}, groups=groups)


def check(explained, rtol=1e-8, atol=1e-10):
    """Each equation gives what the engine has computed. Returns how many were computed."""
    done = 0
    for station in explained.stations:
        for line in station.lines:
            found = computed(line)
            if found is None or line.left < 0:
                continue
            left, done = explained.arrays[line.left], done + 1
            data = left.data
            if np.ndim(found) == data.ndim == 3 and np.shape(found)[1::-1] == data.shape[:2] != np.shape(found)[:2]:
                data = data.swapaxes(0, 1)  # time is first where batch_first was asked for
            elif np.shape(found) != data.shape and np.size(found) == data.size:
                data = data.reshape(np.shape(found))
            scale = np.abs(found).max(initial=1e-3)
            np.testing.assert_allclose(
                data,
                found,
                rtol=rtol,
                atol=atol * scale,
                err_msg=f"{station.phase} {station.name}: {text(explained, line)}",
            )
    return done


def check_whole(explained):
    """What the units hand back makes up every gradient there is; costs are those of the ops; ΔW is what is added."""
    r, sums = explained.rehearsal, {}
    for unit in explained.units:
        for x, dx in unit.handed_back().items():
            sums[x] = sums[x] + dx if x in sums else dx
    for unit in explained.units:
        for x in unit.outputs[:-1] if unit is explained.units[-1] else unit.outputs:
            if x.grad is not None and x in sums:
                np.testing.assert_allclose(sums[x], x.grad, rtol=1e-5, atol=1e-7)
    there = sum(flops(node)[0] for unit in explained.units for node in unit.nodes)
    back = sum(flops(node)[1] for unit in explained.units for node in unit.nodes if node.requires_grad)
    cost = {
        phase: sum(s.cost for s in explained.stations if s.phase == phase) for phase in ("forward", "error", "backward")
    }
    loss = explained.units[-1].cost
    assert cost["forward"] + loss[0] == there and cost["backward"] + cost["error"] - loss[0] == back
    for station in explained.stations:
        for line in station.lines if station.phase == "update" else ():
            symbol = explained.arrays[line.left].symbol if line.left >= 0 else ""
            if symbol.startswith("Δ"):
                data = explained.arrays[line.left].data
                assert any(
                    np.array_equal(data.ravel(), (r.after - r.theta)[i : i + data.size]) for i in range(r.theta.size)
                )
    for station, (symbol, made) in ((s, each) for s in explained.stations for each in s.reused):
        assert made < explained.stations.index(station) and any(n.symbol == symbol for n in explained.arrays)


class Last(nn.Module):
    """The last state of a recurrent layer, to an output."""

    def __init__(self, layer, outputs=2):
        units = layer.hidden_size * (1 + layer.bidirectional)
        self.layer, self.head = layer, nn.Linear(units, outputs, rng=1, **F)

    def forward(self, x):
        out, _ = self.layer(x)
        return self.head(out[:, -1] if self.layer.batch_first else out)


CELLS = {nn.RNN: nn.RNNCell, nn.GRU: nn.GRUCell, nn.LSTM: nn.LSTMCell}


class Stacked(nn.Module):
    """A recurrent layer, and a cell above it, step by step; of an LSTM with a state that is taken apart."""

    def __init__(self, kind, pair=False, **settings):
        self.first = kind(3, 4, batch_first=True, rng=0, **F, **settings)
        self.second = CELLS[kind](4, 5, rng=1, **F, **settings)
        self.head, self.pair = nn.Linear(5, 2, rng=2, **F), pair

    def forward(self, x):
        out, state = self.first(x)[0], None
        for t in range(3):
            given = (state[0] * 1.0, state[1]) if self.pair and state is not None else state
            state = self.second(out[:, t], given)
        return self.head(state[0] if isinstance(self.second, nn.LSTMCell) else state)


class Chunks(nn.Module):
    """A sequence in two parts, the state of the first handed on, of an LSTM as a pair."""

    def __init__(self, layer):
        self.layer, self.head = layer, nn.Linear(4, 2, rng=2, **F)

    def forward(self, x):
        _, state = self.layer(x[:, :2])
        out, _ = self.layer(x[:, 2:], (state[0] * 1.0, state[1]) if isinstance(self.layer, nn.LSTM) else state)
        return self.head(out[:, -1])


class Language(nn.Module):
    def __init__(self, positions, **block):
        self.embedding, self.positions = nn.Embedding(5, 8, block.pop("padding", None), rng=0, **F), positions
        self.block = nn.TransformerBlock(8, 2, rng=2, **F, **block)
        self.head = nn.Linear(8, 5, rng=3, **F)

    def forward(self, x):
        h = self.embedding(x)
        return self.head(self.block(self.positions(h), *([h] if self.block.decoder else [])))


class Looking(nn.Module):
    """Attention from some features to others."""

    def __init__(self, **settings):
        self.query, self.key, self.value = (nn.Linear(3, n, rng=n, **F) for n in (4, 5, 6))
        self.attention = nn.MultiheadAttention(4, 2, kdim=5, vdim=6, rng=0, **F, **settings)
        self.head = nn.Linear(4, 2, rng=2, **F)

    def forward(self, x):
        return self.head(self.attention(self.query(x), self.key(x), self.value(x))[:, -1])


class SelfAttention(nn.Module):
    def __init__(self, **settings):
        self.attention, self.head = nn.MultiheadAttention(4, 2, rng=0, **F, **settings), nn.Linear(4, 2, rng=2, **F)

    def forward(self, x):
        if not self.attention.batch_first:
            return self.head(self.attention(x.swapaxes(0, 1))[-1])
        return self.head(self.attention(x, key_padding_mask=[False] * 4 + [True])[:, -1])


class Tied(nn.Module):
    """One layer, used twice."""

    def __init__(self):
        self.first, self.same, self.last = (
            nn.Linear(2, 4, rng=0, **F),
            nn.Linear(4, 4, rng=1, **F),
            nn.Linear(4, 1, rng=2, **F),
        )

    def forward(self, x):
        return self.last(self.same(self.same(self.first(x).tanh()).tanh()))


class Own(nn.Module):
    """A layer of one's own, made of ops."""

    def __init__(self):
        self.scale, self.inner = nn.Parameter(np.ones(4)), nn.Linear(2, 4, rng=0, **F)

    def forward(self, x):
        h = self.inner(x)
        return (h * self.scale).exp().sum(axis=1, keepdims=True).log()


def images():
    return nb.Trainer(
        nn.Sequential(
            nn.Conv2d(1, 3, 3, padding=1, rng=0, **F),
            nn.BatchNorm2d(3, **F),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(3 * 36, 3, rng=1, **F),
        ),
        (normal(40, 1, 6, 6), whole(3, 40)),
        seed=0,
    )


def of(model, X=None, y=None, outputs=2, **settings):
    X = normal(40, 2) if X is None else X
    y = X.sum(axis=tuple(range(1, X.ndim)))[:, None] * np.ones(outputs) if y is None else y
    return nb.Trainer(model, (X, y), settings.pop("loss", "mse"), seed=0, batch_size=8, **settings)


def recurrent(kind, **settings):
    layer = kind(3, 4, batch_first=True, rng=0, **F, **settings)
    return of(Last(layer), normal(30, 5, 3))


def language(positions, **block):
    X = whole(5, 40, 6)
    data = nb.data.from_arrays(X, np.roll(X, -1, 1), task="multiclass", vocabulary="abcde", validation=0.2)
    return nb.Trainer(Language(positions, **block), data, "cross_entropy", seed=0, batch_size=8)


def dense(*between, outputs=2, **settings):
    return of(nn.Sequential(nn.Linear(2, 4, rng=0, **F), *between, nn.Linear(4, outputs, rng=1, **F)), **settings)


ACTIVATIONS = [*(kind() for kind in nn.ACTIVATIONS.values()), nn.LeakyReLU(0.2), nn.ELU(0.7), nn.GELU("none")]
RUNS = {
    "images": images,
    "tied": lambda: of(Tied(), outputs=1),
    "own": lambda: of(Own(), outputs=1),
    "no bias": lambda: of(nn.Sequential(nn.Linear(2, 4, bias=False, rng=0, **F), nn.Linear(4, 2, rng=1, **F))),
    "layer norm": lambda: dense(nn.LayerNorm(4, **F), nn.Tanh()),
    "batch norm": lambda: dense(nn.BatchNorm1d(4, **F), nn.Tanh()),
    "dropout": lambda: dense(nn.Tanh(), nn.Dropout(0.3)),
    "residual": lambda: dense(nn.Residual(nn.Linear(4, 4, rng=3, **F), nn.Tanh(), nn.Linear(4, 4, rng=4, **F))),
    "rnn": lambda: recurrent(nn.RNN),
    "rnn relu": lambda: recurrent(nn.RNN, nonlinearity="relu"),
    "rnn no bias": lambda: recurrent(nn.RNN, bias=False),
    "gru": lambda: recurrent(nn.GRU),
    "gru no bias": lambda: recurrent(nn.GRU, bias=False),
    "gru reset before": lambda: recurrent(nn.GRU, reset_after=False),
    "stacked gru reset before": lambda: of(Stacked(nn.GRU, reset_after=False), normal(30, 5, 3)),
    **{
        f"two layers both ways {kind.__name__}": lambda kind=kind: recurrent(kind, num_layers=2, bidirectional=True)
        for kind in CELLS
    },
    **{
        f"chunks {kind.__name__}": lambda kind=kind: of(
            Chunks(kind(3, 4, batch_first=True, rng=0, **F)), normal(30, 5, 3)
        )
        for kind in CELLS
    },
    "lstm": lambda: recurrent(nn.LSTM),
    "lstm 1997": lambda: recurrent(nn.LSTM, forget_gate=False, bias=False),
    **{
        f"stacked {kind.__name__}": lambda kind=kind: of(Stacked(kind), normal(30, 5, 3))
        for kind in (nn.RNN, nn.GRU, nn.LSTM)
    },
    "a state in two": lambda: of(Stacked(nn.LSTM, pair=True), normal(30, 5, 3)),
    "learned positions": lambda: language(nn.LearnedPositions(7, 8, rng=1, **F), causal=True),
    "decoder": lambda: language(nn.SinusoidalPositions(7, 8, **F), decoder=True, causal=True),
    "post norm": lambda: language(nn.SinusoidalPositions(7, 8, **F), norm_first=False, activation="relu"),
    "attention elsewhere": lambda: of(Looking(bias=False), normal(30, 5, 3)),
    "attention with dropout": lambda: of(Looking(dropout=0.3), normal(30, 5, 3)),
    "self attention": lambda: of(SelfAttention(dropout=0.5), normal(30, 5, 4)),
    "the batch second": lambda: of(SelfAttention(batch_first=False), normal(30, 5, 4)),
    "padding": lambda: language(nn.SinusoidalPositions(7, 8, **F), padding=2),
    "transformer": lambda: language(nn.SinusoidalPositions(7, 8, **F), dropout=0.2, activation="relu"),
    **{f"{each!r}": lambda each=each: dense(each) for each in ACTIVATIONS},
    **{
        f"output {each!r}": lambda each=each: of(nn.Sequential(nn.Linear(2, 2, rng=0, **F), each))
        for each in ACTIVATIONS[:3]
    },
}
