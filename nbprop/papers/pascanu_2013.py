"""Pascanu, Mikolov & Bengio 2013: a recurrent network that explodes learns when its gradient is clipped."""

from typing import Any

import numpy as np

from nbprop import data as datasets, nn, optim
from nbprop.record import Diverged
from nbprop.training import Trainer

from .card import QUIET, Card, Numbers, Setting, Verdict, part


class Order(nn.Module):
    """A recurrent layer of tanh units, and what is said after the last step."""

    def __init__(self, s, seed: int) -> None:
        starts = {"init": nn.init.normal(std=s.std), "recurrent_init": nn.init.orthogonal(gain=s.radius)}
        self.layer = nn.RNN(8, s.units, batch_first=True, rng=seed, **starts)
        self.head = nn.Linear(s.units, 4, init=nn.init.normal(std=s.std), rng=seed + 1)

    def forward(self, x: Any) -> Any:
        return self.head(self.layer(x)[0][:, -1])


def trial(s, seed, share) -> Numbers:
    found = {}
    data = datasets.temporal_order(s.T, symbols=2, samples=s.sequences, longer=0, validation=0.25, seed=seed)
    for name, clip in (("plain", None), ("clipped", s.threshold)):
        model, optimizer = Order(s, seed), optim.SGD(lr=s.lr)
        trainer = Trainer(model, data, optimizer=optimizer, batch_size=s.batch, clip=clip, seed=seed, **QUIET)
        try:
            trainer.fit(steps=part(s.steps, share), bar=False)
            wrong = trainer.predict(data.X_val).argmax(axis=1) != data.y_val
            found[name] = 100 * float(wrong.mean())
        except Diverged:
            found[name] = 100.0
    return found


def judge(numbers) -> Verdict:
    plain, clipped = (np.array([each[name] for each in numbers]) for name in ("plain", "clipped"))
    many = len(numbers)
    share = float((clipped < 1).mean())
    passed = share > (plain < 1).mean() and share >= 0.8
    return Verdict(
        bool(passed),
        share,
        f"{(clipped < 1).sum()} of {many} seeds learn it with clipping, {(plain < 1).sum()} without; errors "
        f"{clipped.mean():.1f} % and {plain.mean():.0f} %",
        "" if passed else "clipping helps less than in the paper",
    )


CARDS = (
    Card(
        "pascanu-2013",
        "Pascanu, Mikolov & Bengio 2013, On the difficulty of training recurrent neural networks, ICML",
        "section 4.1, figure 7",
        "Of two letters far apart, which came first? A recurrent network whose gradient explodes learns to tell when "
        "it is clipped, and not without.",
        {
            "T": Setting("steps", "50 to 250, and more", 20, "time"),
            "symbols": Setting(
                "symbols",
                "A or B, twice among four others",
                "X or Y, between E and B",
                "as Hochreiter & Schmidhuber have it",
            ),
            "sequences": Setting("sequences", "made as needed", 2000, "a quarter of them to test"),
            "units": Setting("hidden units, tanh", 50),
            "std": Setting("weights in and out from N(0, σ), σ", "0.01, or 0.1", 0.1),
            "radius": Setting(
                "recurrent weights, spectral radius", "0.95, sparse", 1.2, "orthogonal: it is to explode"
            ),
            "lr": Setting("learning rate, gradient descent", 0.01, 0.1, "time"),
            "batch": Setting("batch", 20),
            "threshold": Setting("norm of the gradient clipped to", 1.0),
            "steps": Setting("updates at most", 5_000_000, 1500, "time"),
        },
        "Learned: less than 1 % of new sequences wrong. At least 80 % of the seeds learn it with clipping, and fewer "
        "without.",
        "the share of runs that learn it falls with the length: later with clipping, latest with their regularizer as "
        "well (a figure)",
        trial,
        judge,
        seeds=8,
        tolerance=0.26,
    ),
)
