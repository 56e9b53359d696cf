"""The benchmark's models in PyTorch, as its users write them; parameters in the order of the workloads."""

from itertools import pairwise

from torch import nn
from torch.nn import functional as F


def dense(sizes, activation, **_):
    f = {"tanh": nn.Tanh, "relu": nn.ReLU}[activation]
    layers = [layer for fans in pairwise(sizes) for layer in (nn.Linear(*fans), f())]
    return nn.Sequential(*layers[:-1])


def cnn(**_):
    images = [nn.Conv2d(1, 6, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(6, 16, 5), nn.MaxPool2d(2), nn.ReLU()]
    dense = [nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]
    return nn.Sequential(*images, nn.Flatten(), *dense)


class LastState(nn.Module):
    def __init__(self, **_):
        super().__init__()
        self.lstm, self.linear = nn.LSTM(32, 64, batch_first=True), nn.Linear(64, 10)

    def forward(self, x):
        _, (h, _) = self.lstm(x)
        return self.linear(h[0])


class Block(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.in_proj, self.out_proj = nn.LayerNorm(d), nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.norm2, self.linear1, self.linear2 = nn.LayerNorm(d), nn.Linear(d, 4 * d), nn.Linear(4 * d, d)

    def forward(self, x):
        N, T, d = x.shape
        q, k, v = (part.view(N, T, self.heads, -1).transpose(1, 2) for part in self.in_proj(self.norm1(x)).split(d, 2))
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out_proj(a.transpose(1, 2).reshape(N, T, d))
        return x + self.linear2(F.gelu(self.linear1(self.norm2(x)), approximate="tanh"))


class Transformer(nn.Module):
    def __init__(self, d, heads, blocks, vocabulary, length, **_):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocabulary, d), nn.Embedding(length, d)
        self.blocks = nn.Sequential(*(Block(d, heads) for _ in range(blocks)))
        self.norm, self.head = nn.LayerNorm(d), nn.Linear(d, vocabulary)

    def forward(self, x):
        x = self.tokens(x) + self.positions.weight
        return self.head(self.norm(self.blocks(x))).flatten(0, 1)


MODELS = {"dense": dense, "cnn": cnn, "lstm": LastState, "transformer": Transformer}


def loss(name):
    if name == "bce":
        return nn.BCEWithLogitsLoss()
    entropy = nn.CrossEntropyLoss()
    return lambda z, y: entropy(z, y.flatten())
