"""Williams & Peng 1990: backpropagation through the last h steps, only every h' steps."""

from typing import Any

import numpy as np

from nbprop import nn, optim
from nbprop.data import Arrays
from nbprop.training import Objective, Trainer

from .card import QUIET, Card, Numbers, Setting, Verdict, part


class Echo(nn.Module):
    """What a recurrent layer says at each step."""

    def __init__(self, units: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.layer = nn.RNN(1, units, batch_first=True, rng=rng)
        self.head = nn.Linear(units, 1, rng=rng)

    def forward(self, x: Any) -> Any:
        return self.head(self.layer(x)[0])


def trial(s, seed, share) -> Numbers:
    rng, found = np.random.default_rng(seed), {}
    bits = rng.integers(0, 2, (s.samples, s.length, 1)).astype(np.float32)
    echo = np.zeros_like(bits)
    echo[:, s.lag :] = bits[:, : -s.lag]
    data = Arrays(2 * bits - 1, echo, validation=0.25, seed=seed)
    criterion = nn.BCEWithLogitsLoss()
    X, y = data.take(data.val)
    first = data.take(data.train[: s.batch])
    full = _gradient(Echo(s.units, seed), first, s.length, s.length, criterion)
    whole = Echo(s.units, seed)  # without windows: the loss of all steps, and its gradient through all of them
    criterion(whole(first[0]), first[1]).backward()
    plain = whole.gradient.astype(np.float64)
    for name, (window, period) in s.ways.items():
        model = Echo(s.units, seed)
        own = _gradient(model, first, window, period, criterion)
        found[f"{name}_cosine"] = float(own @ full / np.linalg.norm(own) / np.linalg.norm(full))

        def loss(model, batch, window=window, period=period):
            return through(model, batch, window, period, criterion)

        optimizer = optim.Adam(lr=s.lr)
        trainer = Trainer(
            model,
            objective=Objective(loss, data),
            optimizer=optimizer,
            batch_size=s.batch,
            clip=1.0,
            seed=seed,
            **QUIET,
        )
        trainer.fit(steps=part(s.steps, share), bar=False)
        right = (model(X).data > 0) == (y > 0.5)
        found[f"{name}_right"] = 100 * float(right[:, s.lag :].mean())
        runs = [min(end, window) for end in range(period, s.length + 1, period)]
        found[f"{name}_cost"] = sum(runs) / s.length  # steps run per step of the sequence
    return found | {"identity": float(np.abs(full - plain).max() / np.abs(plain).max())}


def through(model, batch, window, period, criterion) -> Any:
    """The loss of all windows: its gradient is that of BPTT(window; period)."""
    x, y = batch
    total: Any = 0.0
    passes: Any = nn.truncated_bptt(model.layer, x, window=window, period=period)
    for out, times in passes:
        total = total + criterion(model.head(out), y[:, times]) * ((times.stop - times.start) / x.shape[1])
    return total


def _gradient(model, batch, window, period, criterion):
    through(model, batch, window, period, criterion).backward()
    return model.gradient.astype(np.float64)


def judge(numbers) -> Verdict:
    mean = {name: float(np.mean([each[name] for each in numbers])) for name in numbers[0]}
    every, mixed, chunks = (mean[f"{name}_right"] for name in ("every", "mixed", "chunks"))
    same = max(each["identity"] for each in numbers) < 1e-4
    passed = same and every > 95 and mixed > 95 and chunks < 60
    return Verdict(
        bool(passed),
        mixed,
        f"BPTT(8; 1) {every:.0f} % right at {mean['every_cost']:.1f} steps run per step, BPTT(8; 4) {mixed:.0f} % at "
        f"{mean['mixed_cost']:.1f}, chunks, BPTT(4; 4), {chunks:.0f} % at {mean['chunks_cost']:.1f}; cosine of the "
        f"first gradient to the full one {mean['every_cosine']:.2f}, {mean['mixed_cosine']:.2f}, "
        f"{mean['chunks_cosine']:.2f}",
        "" if passed else "not all seeds learn it in time",
    )


CARDS = (
    Card(
        "williams-1990",
        "Williams & Peng 1990, An efficient gradient-based algorithm for on-line training of recurrent network "
        "trajectories, Neural Computation 2",
        "BPTT(h; h')",
        "To go back through the last h steps only every h' steps, h = 2h', teaches what going back at every step does, "
        "at a quarter of the work; with h = h' no longer than the lag, what is to be learned never comes into a "
        "window.",
        {
            "task": Setting("task", "trajectories; running networks", "say the bit of 4 steps ago", "its lag is known"),
            "lag": Setting("lag", "unknown", 4),
            "length": Setting(
                "steps in a sequence", "no end", 24, "so that the full gradient is there to compare with"
            ),
            "units": Setting("hidden units", "others", 20),
            "ways": Setting("windows (h; h')", "several", {"every": (8, 1), "mixed": (8, 4), "chunks": (4, 4)}),
            "samples": Setting("sequences", "a stream", 800),
            "batch": Setting("batch", 1, 20, "time"),
            "lr": Setting("Adam, learning rate", "gradient descent", 0.01),
            "steps": Setting("updates, one a sequence", "one each h' steps", 600),
        },
        "BPTT(8; 1) and BPTT(8; 4) are right on more than 95 % of the held-out bits, chunks on less than 60 % (chance: "
        "50 %); a window as long as the sequence gives the gradient of backpropagation without windows, to 1e-4 of "
        "its largest number.",
        "a cross between truncated BPTT(h) and epochs, with a fraction of the computation of the former (in words)",
        trial,
        judge,
        seeds=2,
        tolerance=3,
    ),
)
