"""LeCun et al. 1989 and 1998: convolutional networks for handwritten digits."""

from typing import Any

import numpy as np

from nbprop import data as datasets, nn, optim
from nbprop.data import Arrays
from nbprop.nn import functional as F
from nbprop.training import Trainer
from nbprop.training.supervised import Supervised

from .card import QUIET, Card, Numbers, Setting, Verdict, part

A, S = 1.7159, 2 / 3
CODES = 84  # units that say which character it is, 7 x 12 pixels


def squashed(z: Any) -> Any:
    """1.7159 tanh(2/3 z)."""
    return (z * S).tanh() * A


def drawn(parameter, fan_in, rng) -> nn.Parameter:
    """U(-2.4 / fan_in, 2.4 / fan_in), as in the papers."""
    parameter.data[:] = rng.uniform(-2.4 / fan_in, 2.4 / fan_in, parameter.shape)
    return parameter


def pictures(X, times, border, low, high) -> np.ndarray:
    """Digits (n, 64) as pictures of so many times more pixels, with a border, from low (paper) to high (ink)."""
    large = np.kron(X.reshape(-1, 1, 8, 8), np.ones((1, 1, times, times)))
    wide = np.pad(large, ((0, 0), (0, 0), (border, border), (border, border)))
    return (low + (high - low) * wide).astype(np.float32)


def errors(model, X, y) -> float:
    """Per cent."""
    return 100 * float((model(X).data.argmax(axis=1) != y).mean())


# ---- 1989 ------------------------------------------------------------------------------------------------------------


class ZipCodes(nn.Module):
    """H1: 12 maps of 8 x 8, H2: 12 maps of 4 x 4, each of which sees 8 of H1, H3: 30, 10 outputs. Weights are shared
    in a map, biases are not: 9,760 parameters. A border of -1 surrounds pictures and maps."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.first, self.second = (nn.Conv2d(k, 12, 5, stride=2, bias=False, rng=rng) for k in (1, 12))
        self.bias1, self.bias2 = (nn.Parameter(np.zeros((12, n, n), np.float32)) for n in (8, 4))
        self.hidden, self.output = nn.Linear(192, 30, rng=rng), nn.Linear(30, 10, rng=rng)
        self.seen = np.zeros((12, 12, 1, 1), np.float32)
        for k in range(12):
            self.seen[k, (k + np.arange(8)) % 12] = 1
        for layer, fan_in in ((self.first, 25), (self.second, 200), (self.hidden, 192), (self.output, 30)):
            drawn(layer.weight, fan_in, rng)
        self.second.weight.data *= self.seen

    @property
    def count(self) -> int:
        """Of parameters that are used."""
        used = int(self.seen.sum()) * 25
        return sum(each.size for each in self.parameters()) - self.second.weight.size + used

    def forward(self, x: Any) -> Any:
        a = squashed(self.first(F.pad(x, (2, 2, 2, 2), value=-1.0)) + self.bias1)
        a = F.pad(a, (2, 2, 2, 2), value=-1.0)
        a = squashed(F.conv2d(a, self.second.weight * self.seen, stride=2) + self.bias2)
        return squashed(self.output(squashed(self.hidden(a.flatten(start_dim=1)))))


def zip_codes(s, seed, share) -> Numbers:
    data, model = datasets.digits(seed=seed), ZipCodes(seed)
    X, X_val = (pictures(each, 2, 0, -1.0, 1.0) for each in (data.X_train, data.X_val))
    y = (2 * np.eye(10)[data.y_train] - 1).astype(np.float32)
    objective = Supervised(Arrays(X, y, validation=0), "mse")
    trainer = Trainer(model, objective=objective, optimizer=optim.SGD(lr=s.lr), batch_size=s.batch, seed=seed, **QUIET)
    trainer.fit(steps=part(s.passes * (len(X) // s.batch), share), bar=False)
    return {
        "count": model.count,
        "train": errors(model, X, data.y_train),
        "test": errors(model, X_val, data.y_val),
    }


def judge_zip_codes(numbers) -> Verdict:
    train, test = (float(np.mean([each[name] for each in numbers])) for name in ("train", "test"))
    passed = numbers[0]["count"] == 9760 and test <= 5.0
    return Verdict(
        bool(passed),
        test,
        f"{numbers[0]['count']:,} parameters, training error {train:.2f} %, test error {test:.1f} %",
        "" if passed else "not as good on the digits of scikit-learn",
    )


# ---- 1998 ------------------------------------------------------------------------------------------------------------

# Which of the six maps of S2 each of the sixteen maps of C3 sees (table 1).
TABLE = (
    *(tuple((k + i) % 6 for i in range(3)) for k in range(6)),
    *(tuple((k + i) % 6 for i in range(4)) for k in range(6)),
    *((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5)),
    tuple(range(6)),
)


class Subsampling(nn.Module):
    """The mean of 2 x 2, times a coefficient of its map, plus a bias, squashed."""

    def __init__(self, maps: int) -> None:
        self.weight = nn.Parameter(np.ones((maps, 1, 1), np.float32))
        self.bias = nn.Parameter(np.zeros((maps, 1, 1), np.float32))

    def forward(self, x: Any) -> Any:
        return squashed(F.avg_pool2d(x, 2) * self.weight + self.bias)


class LeNet5(nn.Module):
    """C1, S2, C3, S4, C5, F6 and distances to fixed codes: 60,000 parameters are learned."""

    names = ("C1", "S2", "C3", "S4", "C5", "F6")

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.C1, self.S2 = nn.Conv2d(1, 6, 5, rng=rng), Subsampling(6)
        self.C3, self.S4 = nn.Conv2d(6, 16, 5, rng=rng), Subsampling(16)
        self.C5, self.F6 = nn.Conv2d(16, 120, 5, rng=rng), nn.Linear(120, CODES, rng=rng)
        self.seen = np.zeros((16, 6, 1, 1), np.float32)
        for k, maps in enumerate(TABLE):
            self.seen[k, list(maps)] = 1
        drawn(self.C1.weight, 25, rng)
        for k, maps in enumerate(TABLE):
            fan_in = 25 * len(maps)
            self.C3.weight.data[k] = self.seen[k] * rng.uniform(-2.4 / fan_in, 2.4 / fan_in, (6, 5, 5))
        drawn(self.C5.weight, 400, rng)
        drawn(self.F6.weight, 120, rng)
        self.codes = rng.choice([-1.0, 1.0], (10, CODES)).astype(np.float32)

    @property
    def counts(self) -> "tuple[int, ...]":
        """Parameters of each layer that are used."""
        found = {name: sum(each.size for each in getattr(self, name).parameters()) for name in self.names}
        found["C3"] -= self.C3.weight.size - 25 * int(self.seen.sum())
        return tuple(found.values())

    def forward(self, x: Any) -> Any:
        bias: Any = self.C3.bias
        a = self.S2(squashed(self.C1(x)))
        a = F.conv2d(a, self.C3.weight * self.seen) + bias.reshape(16, 1, 1)
        a = squashed(self.C5(self.S4(squashed(a))))
        a = squashed(self.F6(a.flatten(start_dim=1)))
        # |a - code|^2 for each class; minus it, for the largest is to win.
        distance = (a**2).sum(axis=1, keepdims=True) - 2 * (a @ self.codes.T) + (self.codes**2).sum(axis=1)
        return -distance / 2


def lenet(s, seed, share) -> Numbers:
    digits, model = datasets.digits(seed=seed), LeNet5(seed)
    X, X_val = (pictures(each, 3, 4, -0.1, 1.175) for each in (digits.X_train, digits.X_val))
    objective = Supervised(Arrays(X, digits.y_train, validation=0), "cross_entropy")
    optimizer = optim.Adam(lr=s.lr)
    trainer = Trainer(model, objective=objective, optimizer=optimizer, batch_size=s.batch, seed=seed, **QUIET)
    trainer.fit(steps=part(s.passes * (len(X) // s.batch), share), bar=False)
    counts = dict(zip(model.names, model.counts, strict=True))
    return {**counts, "train": errors(model, X, digits.y_train), "test": errors(model, X_val, digits.y_val)}


def judge_lenet(numbers) -> Verdict:
    train, test = (float(np.mean([each[name] for each in numbers])) for name in ("train", "test"))
    counts = tuple(numbers[0][name] for name in LeNet5.names)
    why = (
        f"1,347 pictures are 45 times fewer than there, so 20 passes are too few steps: they leave a training error of "
        f"{train:.1f} %"
    )
    passed = counts == (156, 12, 1516, 32, 48120, 10164) and test < 2.0
    return Verdict(
        bool(passed),
        test,
        f"{sum(counts):,} parameters ({', '.join(f'{n:,}' for n in counts)}), training error {train:.2f} %, test error "
        f"{test:.1f} %",
        "" if passed else why,
    )


WHY = "nothing is downloaded"
CARDS = (
    Card(
        "lecun-1989",
        "LeCun, Boser, Denker, Henderson, Howard, Hubbard & Jackel 1989, Backpropagation applied to handwritten zip "
        "code recognition, Neural Computation 1",
        "sections 3 to 5",
        "A network of shared weights with 9,760 parameters learns to read handwritten digits from their pixels.",
        {
            "data": Setting("data", "7,291 zip code digits, 16 × 16", "1,347 of scikit-learn, 8 × 8 doubled", WHY),
            "held": Setting("held out", 2007, 450),
            "net": Setting("network", "12 maps of 8 × 8, 12 of 4 × 4, 30 units, 10"),
            "seen": Setting("maps of H1 that one of H2 sees", "8 of 12", "8 in a row, going round", "not said which"),
            "activation": Setting("activation", "1.7159 tanh(2/3 z)"),
            "loss": Setting("loss", "mean squared error, targets in the quasi-linear range", "targets -1 and 1"),
            "start": Setting("weights from U(±2.4 / fan-in)", "yes"),
            "batch": Setting("batch", 1, 8, "time"),
            "lr": Setting("learning rate", "diagonal approximation of Newton's", 0.1, "gradient descent"),
            "passes": Setting("passes", 23),
        },
        "9,760 parameters, and a mean test error of at most 5 %.",
        "training error 0.14 %, test error 5.0 %",
        zip_codes,
        judge_zip_codes,
        seeds=2,
        tolerance=1.0,
    ),
    Card(
        "lecun-1998",
        "LeCun, Bottou, Bengio & Haffner 1998, Gradient-based learning applied to document recognition, Proceedings of "
        "the IEEE 86",
        "sections II.B and III",
        "LeNet-5 has 60,000 parameters and reads handwritten digits.",
        {
            "data": Setting("data", "MNIST, 60,000", "1,347 of scikit-learn, 8 × 8 tripled", WHY),
            "held": Setting("held out", 10_000, 450),
            "input": Setting("input", "32 × 32, paper -0.1, ink 1.175"),
            "net": Setting("layers", "C1 6, S2, C3 16 (table 1), S4, C5 120, F6 84, 10 distances"),
            "codes": Setting("codes of the classes", "pictures of 7 × 12", "random ±1", "the pictures are not at hand"),
            "activation": Setting("activation", "1.7159 tanh(2/3 z)"),
            "loss": Setting("loss", "equation 9", "without its constant e^-j: cross-entropy of -distance / 2"),
            "lr": Setting("learning rate", "0.0005 falling to 0.00001, Levenberg-Marquardt", 0.002, "Adam"),
            "batch": Setting("batch", 1, 16, "time"),
            "passes": Setting("passes", 20),
        },
        "156, 12, 1,516, 32, 48,120 and 10,164 parameters, 60,000 in all; mean test error below 2 %.",
        "test error 0.95 %",
        lenet,
        judge_lenet,
        seeds=2,
        tolerance=0.8,
    ),
)
