"""The explained step: every number in it is one of the run, and every equation gives what stands on its left."""

import sys
from pathlib import Path

import numpy as np
import pytest

import nbprop as nb
from nbprop import nn, optim
from nbprop.equations import RULES, TABLE, Equations
from nbprop.flops import flops
from nbprop.record.source import CannotSay
from nbprop.sources import Explained

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1] / "training")]  # importlib mode does not
import random_runs
import right_sides
from right_sides import IN_WORDS, RIGHT

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


@pytest.mark.parametrize("sample", [None, 3])
@pytest.mark.parametrize("name", RUNS)
def test_every_equation_gives_what_the_engine_has_computed(name, sample):
    moving(3, 1, 1)
    trainer = RUNS[name]()
    trainer.fit(steps=2, bar=False)
    explained = Explained(trainer, sample)
    assert check(explained) >= 8
    check_whole(explained)


@pytest.mark.parametrize("pool", [nn.MaxPool2d, nn.AvgPool2d])
@pytest.mark.parametrize(("stride", "padding"), [(2, 0), (1, 1), (2, 1)])
def test_pooling(pool, stride, padding):
    moving(2, stride, padding)
    size = (4 + 2 * padding - 2) // stride + 1
    model = nn.Sequential(
        nn.Linear(4, 4, rng=0, **F), pool(2, stride, padding), nn.Flatten(), nn.Linear(size**2, 2, rng=1, **F)
    )
    explained = Explained(of(model, normal(20, 1, 4, 4)))
    assert check(explained) >= 8
    check_whole(explained)


@pytest.mark.parametrize(("stride", "padding"), [(2, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("bias", [True, False])
def test_convolution(stride, padding, bias):
    moving(3, stride, padding)
    sizes = [5]
    for _ in range(2):
        sizes.append((sizes[-1] + 2 * padding - 3) // stride + 1)
    settings = {"stride": stride, "padding": padding, "bias": bias, **F}
    model = nn.Sequential(
        nn.Conv2d(2, 3, 3, rng=0, **settings), nn.Tanh(), nn.Conv2d(3, 2, 3, rng=1, **settings), nn.Flatten(),
        nn.Linear(2 * sizes[2] ** 2, 2, rng=1, **F),
    )  # fmt: skip
    explained = Explained(of(model, normal(20, 2, 5, 5)))
    assert check(explained) >= 12
    check_whole(explained)


def moving(kernel, stride=1, padding=0, dilation=1, groups=1, axes=2):
    each = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    right_sides.window.update({name: (n,) * axes for name, n in each.items()}, groups=groups)


def ends_dense(X, *layers):
    """A network that begins with these layers, and whose last one is a Linear on all that they give."""
    first = nn.Sequential(*layers)
    size = first(X[:1]).size
    return of(nn.Sequential(*layers, nn.Flatten(), nn.Linear(size, 2, rng=9, **F)), X)


@pytest.mark.parametrize("axes", [1, 2])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("settings", [{"stride": 2, "padding": 1}, {"dilation": 2, "groups": 2}])
def test_convolutions_of_all_kinds(axes, bias, settings):
    moving(3, **settings, axes=axes)
    X = normal(20, 2, *[9, 10][:axes])
    for name in ("Conv", "ConvTranspose"):
        kind = getattr(nn, f"{name}{axes}d")
        layers = [
            kind(2, 4, 3, bias=bias, rng=0, **settings, **F),
            nn.Tanh(),
            kind(4, 2, 3, bias=bias, **settings, **F),
        ]
        explained = Explained(ends_dense(X, *layers))
        assert check(explained) >= 12
        check_whole(explained)


@pytest.mark.parametrize("sample", [None, 3])
def test_a_pooling_of_sequences(sample):
    moving(2, 1, 1, axes=1)
    for pool in (nn.MaxPool1d(2, 1, 1), nn.AvgPool1d(2, 1, 1), nn.AvgPool1d(2, 1, 1, count_include_pad=False)):
        explained = Explained(ends_dense(normal(20, 2, 5), nn.Linear(5, 5, rng=0, **F), pool), sample)
        assert check(explained) >= 8
        check_whole(explained)


OF_IMAGES = {
    "adaptive mean": lambda: [nn.AdaptiveAvgPool2d((2, 3))],
    "adaptive largest": lambda: [nn.AdaptiveMaxPool2d((2, 3))],
    "upsample": lambda: [nn.Upsample(scale_factor=2)],
    "upsample by mixing": lambda: [nn.Upsample((5, 7), mode="bilinear")],
    "upsample with corners": lambda: [nn.Upsample((5, 7), mode="bilinear", align_corners=True)],
    "group norm": lambda: [nn.GroupNorm(2, 4, **F), nn.Tanh()],
    "group norm without weights": lambda: [nn.GroupNorm(2, 4, affine=False, **F), nn.Tanh()],
    "instance norm": lambda: [nn.InstanceNorm2d(4, affine=True, **F), nn.Tanh()],
    "rms norm": lambda: [nn.RMSNorm((4, 5), **F)],
    "prelu": lambda: [nn.PReLU(4, dtype=np.float64)],
    "softmax": lambda: [nn.Softmax()],
    "dropout of channels": lambda: [nn.Dropout2d(0.5)],
}


@pytest.mark.parametrize("sample", [None, 3])
@pytest.mark.parametrize("name", OF_IMAGES)
def test_layers_for_images(name, sample):
    moving(1)
    trainer = ends_dense(normal(20, 3, 4, 5), nn.Conv2d(3, 4, 1, rng=0, **F), *OF_IMAGES[name]())
    trainer.fit(steps=2, bar=False)
    explained = Explained(trainer, sample)
    assert check(explained) >= 8
    check_whole(explained)


@pytest.mark.parametrize(
    "between", [nn.RMSNorm(4, **F), nn.PReLU(dtype=np.float64), nn.LogSoftmax(), nn.GroupNorm(2, 4, **F)]
)
def test_layers_for_features(between):
    explained = Explained(dense(between, nn.Tanh()))
    assert check(explained) >= 8
    check_whole(explained)
    model = nn.Sequential(
        nn.Linear(2, 4, rng=0, **F), nn.Unflatten(1, (2, -1)), nn.Flatten(), nn.Linear(4, 2, rng=1, **F)
    )
    assert check(Explained(of(model))) >= 8


W3 = (0.5, 2.0, 1.25)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (nn.MSELoss, {}), (nn.L1Loss, {}), (nn.HuberLoss, {"delta": 0.3}), (nn.SmoothL1Loss, {"beta": 0.3}),
        (nn.SmoothL1Loss, {"beta": 0.0}), (nn.BCEWithLogitsLoss, {}), (nn.BCEWithLogitsLoss, {"pos_weight": 3.0}),
        (nn.BCEWithLogitsLoss, {"weight": 2.0, "pos_weight": 0.5}), (nn.HingeLoss, {}), (nn.BCELoss, {}),
        (nn.BCELoss, {"weight": 2.0}),
    ],
)  # fmt: skip
def test_losses_of_numbers_and_of_two_classes(kind, settings, reduction):
    end = [nn.Sigmoid()] if kind is nn.BCELoss else []
    model = nn.Sequential(nn.Linear(2, 1, rng=0, **F), *end)
    explained = Explained(of(model, y=whole(2, 40), loss=kind(**settings, reduction=reduction)))
    assert check(explained) >= 3
    check_whole(explained)
    error = next(station for station in explained.stations if station.name == "error")
    assert error.note.startswith(f"The loss is the {reduction} over 8 samples")
    assert all(f"the {reduction} of their gradients" in s.where["Σ"] for s in explained.stations if "Σ" in s.where)


class LogSoftmaxed(nn.Module):
    def forward(self, x):
        return x.log_softmax()


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (nn.CrossEntropyLoss, {}), (nn.CrossEntropyLoss, {"label_smoothing": 0.2}), (nn.NLLLoss, {}),
        (nn.CrossEntropyLoss, {"weight": W3}), (nn.NLLLoss, {"weight": W3, "ignore_index": 1}),
        (nn.CrossEntropyLoss, {"weight": W3, "ignore_index": 1, "label_smoothing": 0.2}), (nn.KLDivLoss, {}),
        (nn.KLDivLoss, {"reduction": "batchmean"}), (nn.MultiMarginLoss, {}), (nn.MultiMarginLoss, {"p": 2}),
        (nn.MultiMarginLoss, {"weight": W3}), (nn.MultiMarginLoss, {"weight": W3, "p": 2}),
    ],
)  # fmt: skip
def test_losses_of_classes(kind, settings, reduction):
    loss = kind(**{"reduction": reduction, **settings})
    model = nn.Sequential(nn.Linear(2, 3, rng=0, **F), *[LogSoftmaxed()] * bool(loss.takes))
    explained = Explained(of(model, y=whole(3, 40), loss=loss))
    assert check(explained) >= 2
    check_whole(explained)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("log_input", [True, False])
def test_counts(log_input, reduction):
    model = nn.Sequential(nn.Linear(2, 1, rng=0, **F), *[nn.Softplus()] * (not log_input))
    data = nb.data.Arrays(normal(40, 2), whole(4, 40, 1).astype(float))
    loss = nn.PoissonNLLLoss(log_input, 1e-3, reduction)
    explained = Explained(nb.Trainer(model, data, loss=loss, seed=0))
    assert check(explained) >= 2
    check_whole(explained)


@pytest.mark.parametrize("loss", [nn.CrossEntropyLoss(), nn.CrossEntropyLoss(label_smoothing=0.2)])
def test_softmax_and_cross_entropy_give_p_minus_y(loss):
    trainer = of(nn.Sequential(nn.Linear(2, 3, rng=0, **F)), y=whole(3, 40), loss=loss)
    explained = Explained(trainer)
    check(explained)
    error = explained.stations[3]
    assert (error.phase, text(explained, error.lines[0])) == ("error", "δ₁ = (p − y) / n")


OPTIMIZERS = [
    lambda: optim.SGD(0.05),
    lambda: optim.SGD(0.05, momentum=0.9),
    lambda: optim.SGD(0.05, momentum=0.9, nesterov=True, weight_decay=0.1),
    lambda: optim.AdaGrad(0.05),
    lambda: optim.RMSProp(0.01),
    lambda: optim.RMSProp(0.01, centered=True, weight_decay=0.01),
    lambda: optim.AdaDelta(),
    lambda: optim.Adam(0.02, weight_decay=0.1),
    lambda: optim.AdamW(0.02, weight_decay=0.1),
    lambda: optim.AdamW(0.02, schedule=optim.StepLR(2, 0.5)),
    lambda: optim.SGD(0.05, momentum=0.9, dampening=0.5),
    lambda: optim.Adam(0.02, amsgrad=True),
    lambda: optim.Adamax(0.02, weight_decay=0.1),
    lambda: optim.NAdam(0.02, momentum_decay=0.1),
    lambda: optim.RAdam(0.02),
    lambda: optim.RAdam(0.02, betas=(0.9, 0.7)),
    lambda: optim.Lion(0.02, weight_decay=0.1),
    lambda: optim.Muon(0.02),
    lambda: optim.Muon(0.02, nesterov=False, weight_decay=0),
]


@pytest.mark.parametrize("make", OPTIMIZERS)
@pytest.mark.parametrize(
    "settings", [{}, {"l1": 0.01, "clip": 0.1}, {"clip_value": 0.01, "clip": 100.0, "accumulate": 2}]
)
def test_the_update_is_reproduced_to_the_last_term(make, settings):
    trainer = dense(nn.Tanh(), optimizer=make(), **settings)
    trainer.fit(steps=3, bar=False)
    explained = Explained(trainer)
    # AdaGrad and the like divide by a root in another order of operations: the last digits differ.
    assert check(explained, rtol=1e-6, atol=1e-8) >= 8
    check_whole(explained)
    r = explained.rehearsal
    trainer.step()
    np.testing.assert_array_equal(r.after, trainer.theta)


@pytest.mark.parametrize("seed", range(12))
def test_random_runs(seed):
    trainer = random_runs.begun(np.random.default_rng(seed), dtype=np.float64)
    trainer.fit(steps=seed % 5, bar=False)
    for sample in (None, seed):
        explained = Explained(trainer, sample)
        check(explained, rtol=1e-5, atol=1e-7)
        check_whole(explained)


@pytest.mark.parametrize("activation", nn.ACTIVATIONS)
def test_equations_of_silenced_units(activation):
    model = nn.mlp([2, 5, 4, 1], activation=activation, seed=0, dtype=np.float64)
    trainer = nb.Trainer(model, nb.data.moons(samples=40, seed=0), batch_size=8, seed=0)
    trainer.silence("hidden 1", 1, 4)
    trainer.fit(steps=2, bar=False)
    explained = Explained(trainer)
    assert "a₁ = m₁ ⊙" in "".join(texts(explained))
    check(explained, rtol=1e-5, atol=1e-7)
    check_whole(explained)


def test_what_is_said_of_a_frozen_unit():
    trainer = RUNS["batch norm"]()
    trainer.freeze("hidden 1", unit=2)
    notes = [(station.phase, station.note) for station in Explained(trainer).stations]
    assert ("backward", "Frozen, so that its gradient counts as 0: unit 2.") in notes
    assert ("update", "Frozen, with Δ = 0: unit 2.") in notes


@pytest.mark.parametrize("seed", range(4))
def test_in_single_precision_too(seed):
    trainer = random_runs.begun(np.random.default_rng(40 + seed), dtype=np.float32)
    trainer.fit(steps=2, bar=False)
    check(Explained(trainer), rtol=2e-2, atol=1e-3)


# ---- it is the step of the run, and does not disturb it -------------------------------------------------------------


@pytest.mark.parametrize("name", ["images", "dropout", "batch norm", "lstm", "transformer", "tied"])
def test_the_run_is_left_as_it_is_bit_by_bit(name):
    looked_at, alone = RUNS[name](), RUNS[name]()
    for _ in range(3):
        explained = Explained(looked_at)
        Explained(looked_at, 2)
        looked_at.step()
        alone.step()
        np.testing.assert_array_equal(looked_at.theta, alone.theta)
        np.testing.assert_array_equal(explained.rehearsal.after, alone.theta)
        assert explained.loss == alone.history["loss"][-1]
    assert not looked_at.history.events


def test_it_is_what_observe_says():
    trainer = dense(nn.Tanh())
    trainer.fit(steps=2, bar=False)
    seen, explained = trainer.observe(5), Explained(trainer, 5)
    z, a, δ = ({each.symbol: each.data for each in explained.arrays}[name] for name in ("z₁", "a₁", "δ₁"))
    for mine, theirs in (
        (z, seen.z[0]),
        (a, seen.a[0]),
        (δ, seen.dz[0]),
        (explained.rehearsal.gradient, seen.gradient),
    ):
        np.testing.assert_array_equal(mine, theirs)
    assert explained.loss == seen.loss
    explained, trainer = Explained(trainer), trainer.step() or trainer
    for mine, theirs in zip([explained.rehearsal.gradient], [trainer.observe().gradient], strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_past_step_is_explained_with_the_knobs_of_then():
    trainer = nb.Trainer(nn.mlp([2, 4, 1], seed=0), "moons", seed=0)
    trainer.fit(steps=4, bar=False)
    trainer.set(lr=0.3, activation="relu", optimizer="sgd")
    trainer.fit(steps=4, bar=False)
    for step in (0, 3, 4, 6):
        explained = Explained(trainer.at(step))
        assert explained.step == step + 1
        np.testing.assert_array_equal(explained.rehearsal.after, trainer.at(step + 1).theta)
    assert any("max(z₁, 0)" in each for each in texts(Explained(trainer.at(4))))
    assert any("tanh(z₁)" in each for each in texts(Explained(trainer.at(3))))


# ---- what it says ---------------------------------------------------------------------------------------------------


def test_the_textbook_is_in_it():
    trainer = nb.Trainer(nn.mlp([2, 8, 8, 1], seed=0), "moons", optimizer=optim.SGD(0.1), seed=0)
    explained = Explained(trainer)
    said = texts(explained)
    assert {
        "z₁ = W₁ x + b₁",
        "a₁ = tanh(z₁)",
        "p = σ(z₃)",
        "δ₃ = (p − y) / n",
        "δ₂ = (W₃ᵀ δ₃) ⊙ (1 − a₂²)",
        "∂L/∂W₂ = Σᵢ δ₂ a₁ᵀ",
        "∂L/∂b₂ = Σᵢ δ₂",
        "ΔW₂ = −η g",
    } <= set(said)
    assert "∂L/∂W₂ = δ₂ a₁ᵀ" in texts(Explained(trainer, 0))  # of one sample there is no sum
    phases = [station.phase for station in explained.stations]
    assert phases == ["forward"] * 4 + ["error"] * 2 + ["backward"] * 3 + ["update"] * 3
    names = [station.name for station in explained.stations if station.phase == "backward"]
    assert names == ["layer 3", "layer 2", "layer 1"]
    back = explained.stations[7]
    assert ("a₁", 1) in back.reused and ("δ₃", 5) in back.reused
    assert [station.layer for station in explained.stations[1:4]] == [0, 1, 2]
    assert "mean of their gradients" in back.where["Σ"]


def test_through_time_there_is_a_sum_over_time():
    said = texts(Explained(recurrent(nn.LSTM)))
    assert "∂L/∂U₁ = Σₜᵢ δ₁ₜ h₁ₜ₋₁ᵀ" in said and "∂L/∂h₁ₜ = ∂L/∂h₁↑ₜ + U₁ᵀ δ₁ₜ₊₁" in said


def test_what_is_frozen_stays_and_gets_no_gradient():
    trainer = dense(nn.Tanh())
    trainer.set(frozen=[0])
    explained = Explained(trainer)
    assert not any(s.phase == "backward" and s.column == 1 for s in explained.stations)
    assert {"ΔW₁ = 0, for it is frozen", "Δb₁ = 0, for it is frozen"} <= set(texts(explained))
    check(explained)


def test_a_step_that_diverges_is_explained_as_far_as_it_goes():
    trainer = dense(nn.Identity())
    trainer.theta[0] = np.inf
    explained = Explained(trainer)
    assert "There is no update. In step 1" in explained.stations[-1].note and not np.isfinite(explained.loss)
    np.testing.assert_array_equal(explained.rehearsal.after, explained.rehearsal.theta)


def test_a_layer_used_twice_has_a_gradient_of_two_parts():
    said = texts(Explained(RUNS["tied"]()))
    assert {"∂L/∂W₃ (of layer 3) = Σᵢ δ₃ a₂ᵀ", "∂L/∂W₃ (of layer 5) = Σᵢ δ₅ a₄ᵀ"} <= set(said)
    assert "∂L/∂W₃ = the part of layer 3 + the part of layer 5" in said


def test_several_inputs_and_the_functions_of_others():
    def loss(model, batch, rng):
        noise = rng.normal(size=batch["x"].shape)
        return ((model(batch["x"] + noise) - batch["y"]) ** 2).mean()

    data = {"x": normal(20, 2), "y": normal(20, 1)}
    trainer = nb.Trainer(nn.mlp([2, 3, 1], seed=0, dtype=np.float64), objective=nb.Objective(loss, data), seed=0)
    trainer.fit(steps=2, bar=False)
    explained = Explained(trainer)
    check(explained)
    check_whole(explained)
    trainer.step()
    np.testing.assert_array_equal(explained.rehearsal.after, trainer.theta)


def test_what_cannot_be_explained_is_said():
    model = nn.ModuleDict({"a": nn.Linear(1, 1, rng=0), "b": nn.Linear(1, 1, rng=1)})
    losses = {name: lambda model, batch, name=name: (model[name](batch) ** 2).mean() for name in "ab"}
    trainer = nb.Trainer(model, objective=nb.Objective(losses, normal(9, 1).astype("f")), seed=0)
    with pytest.raises(CannotSay, match="this run has several, minimized in turn: a and b"):
        Explained(trainer)
    one = dense(nn.Tanh())
    with pytest.raises(ValueError, match="sample must be an integer from 0 to"):
        Explained(one, 10_000)
    explained = Explained(one, 1)
    with pytest.raises(ValueError, match="this is the step with sample 1"):
        explained.rehearse(2)


# ---- nothing is forgotten -------------------------------------------------------------------------------------------

KINDS = [getattr(nn, name) for name in nn.__all__ if isinstance(getattr(nn, name), type)]
NO_LAYERS = {  # what holds others, and what all of a kind share
    nn.Module, nn.Parameter, nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.Activation, nn.Recurrent, nn.Loss,
    nn.RecurrentCell,
    nn.FunctionLoss,  # explained by the ops of the function
}  # fmt: skip


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in NO_LAYERS])
def test_every_layer_and_every_loss_says_its_equations(kind):
    assert kind in TABLE


def test_every_optimizer_says_its_rule():
    made = [optim.optimizer(name) for name in optim.OPTIMIZERS]
    assert {type(each) for each in made} <= set(RULES)


def test_a_layer_of_ones_own_may_say_its_equation():
    class Double(nn.Module):
        def forward(self, x):
            return x * 2.0

        def equations(self, nodes):
            return Equations(("{y} = twice {x}",), "twice {dy}", where={"twice": "two times"})

    said = texts(Explained(dense(Double())))
    assert {"a₂ = twice z₁", "δ₁ = twice ∂L/∂a₂"} <= set(said)


def test_an_optimizer_of_ones_own_is_named():
    class Half(optim.Optimizer):
        """theta <- theta - g / 2.  Nothing else."""

        checks = {"lr": lambda name, value: value}

        def __init__(self, lr=0.1, weight_decay=0.0, schedule=None):
            super().__init__(lr=lr, weight_decay=weight_decay, schedule=schedule)

        def rule(self, theta, gradient, lr):
            theta -= gradient / 2

    said = texts(Explained(dense(nn.Tanh(), optimizer=Half())))
    assert "ΔW₁ = by Half: theta <- theta - g / 2.  Nothing else" in said
