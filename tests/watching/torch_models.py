"""Networks of PyTorch as people write them, each with a batch and a loss."""

import math

import pytest

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional


def mlp():
    """A Sequential with activations as modules."""
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 3))
    return model, (torch.randn(10, 4),), lambda out: F.cross_entropy(out, torch.arange(10) % 3)


class Functional(nn.Module):
    """Activations as functions, a residual path, one in place."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.third = nn.Linear(4, 6), nn.Linear(6, 6), nn.Linear(6, 1)

    def forward(self, x):
        h = torch.sigmoid(self.first(x))
        h = h + F.relu_(self.second(h))
        return self.third(F.leaky_relu(h, 0.2))


def functional():
    return Functional(), (torch.randn(7, 4),), lambda out: (out**2).mean()


def cnn():
    """Convolutions, normalization, activations in place, pooling."""
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3), nn.LeakyReLU(0.1, inplace=True), nn.Flatten(), nn.Linear(6 * 4 * 4, 3),
    )  # fmt: skip
    return model, (torch.randn(5, 1, 14, 14),), lambda out: F.cross_entropy(out, torch.arange(5) % 3)


def cnn1d():
    model = nn.Sequential(nn.Conv1d(2, 4, 3), nn.GELU(), nn.Conv1d(4, 3, 1), nn.AdaptiveAvgPool1d(1), nn.Flatten())
    return model, (torch.randn(6, 2, 9),), lambda out: F.cross_entropy(out, torch.arange(6) % 3)


class Reader(nn.Module):
    """Embedding, LSTM (which gives a tuple), the last moment."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 5)
        self.lstm = nn.LSTM(5, 7, batch_first=True)
        self.head = nn.Linear(7, 2)

    def forward(self, x):
        out, _ = self.lstm(self.embedding(x))
        return self.head(out[:, -1])


def lstm():
    return Reader(), (torch.randint(0, 11, (4, 6)),), lambda out: F.cross_entropy(out, torch.arange(4) % 2)


class Packed(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru, self.head = nn.GRU(3, 5, batch_first=True), nn.Linear(5, 1)

    def forward(self, x):
        packed = nn.utils.rnn.pack_padded_sequence(x, torch.tensor([5, 3, 2]), batch_first=True)
        _, last = self.gru(packed)
        return self.head(last[0])


def packed():
    return Packed(), (torch.randn(3, 5, 3),), lambda out: (out - 1).square().mean()


class Cell(nn.Module):
    """A cell that is called at every moment: one module, many calls."""

    def __init__(self):
        super().__init__()
        self.inner, self.cell, self.head = nn.Linear(2, 6), nn.Linear(6, 6), nn.Linear(6, 1)

    def forward(self, x):
        h = torch.zeros(len(x), 6)
        for moment in range(x.shape[1]):
            h = torch.tanh(self.inner(x[:, moment]) + self.cell(h))
        return self.head(h)


def cell():
    return Cell(), (torch.randn(4, 5, 2),), lambda out: out.square().mean()


class GPT(nn.Module):
    """A small transformer, the head tied to the embedding."""

    def __init__(self, words=13, width=8, heads=2, blocks=2, context=6):
        super().__init__()
        self.tokens, self.places = nn.Embedding(words, width), nn.Embedding(context, width)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(width, heads, 4 * width, dropout=0.1, batch_first=True, norm_first=True)
            for _ in range(blocks)
        )
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, words, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, x):
        h = self.tokens(x) + self.places(torch.arange(x.shape[1]))
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        for block in self.blocks:
            h = block(h, src_mask=mask, is_causal=True)
        return self.head(self.norm(h))


def gpt():
    x = torch.randint(0, 13, (3, 6))
    return GPT(), (x,), lambda out: F.cross_entropy(out.flatten(0, 1), x.roll(-1, 1).flatten())


class Twice(nn.Module):
    """The same module twice in a row."""

    def __init__(self):
        super().__init__()
        self.enter, self.again, self.leave = nn.Linear(3, 5), nn.Linear(5, 5), nn.Linear(5, 1)

    def forward(self, x):
        return self.leave(torch.tanh(self.again(torch.tanh(self.again(torch.tanh(self.enter(x)))))))


def twice():
    return Twice(), (torch.randn(6, 3),), lambda out: out.square().mean()


def frozen():
    model, inputs, loss = mlp()
    model[0].requires_grad_(False)
    return model, inputs, loss


def positional():
    """Not a module in sight but Linear: sine activations, which nbprop has not."""

    class Sine(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(2, 9), nn.Linear(9, 1)

        def forward(self, x):
            return self.b(torch.sin(math.pi * self.a(x)))

    return Sine(), (torch.randn(8, 2),), lambda out: out.square().mean()


KINDS = {
    each.__name__: each for each in (mlp, functional, cnn, cnn1d, lstm, packed, cell, gpt, twice, frozen, positional)
}
