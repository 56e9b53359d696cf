"""Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov 2014: dropout keeps a large network from overfitting."""

import numpy as np

from nbprop import data as datasets, nn, optim
from nbprop.training import Trainer

from .card import QUIET, Card, Numbers, Setting, Verdict, part


def trial(s, seed, share) -> Numbers:
    digits, found = datasets.digits(seed=seed), {}
    few = np.random.default_rng(seed).permutation(len(digits.X_train))[: s.samples]
    for name, hidden, visible in (("plain", 0.0, 0.0), ("dropout", 1 - s.keep, 1 - s.keep_inputs)):
        data = datasets.from_arrays(digits.X_train[few], digits.y_train[few], digits.X_val, digits.y_val)
        model = nn.mlp([64, *s.units, 10], activation="relu", init="he", seed=seed, dropout=hidden)
        model.insert(0, nn.Dropout(visible, seed=seed + 1))
        optimizer = optim.SGD(lr=s.lr, momentum=s.momentum)
        trainer = Trainer(model, data, optimizer=optimizer, batch_size=s.batch, seed=seed, **QUIET)
        trainer.fit(steps=part(s.steps, share), bar=False)
        wrong = {
            "test": trainer.predict(data.X_val).argmax(axis=1) != data.y_val,
            "train": trainer.predict(data.X_train).argmax(axis=1) != data.y_train,
        }
        found |= {f"{name}_{which}": 100 * float(each.mean()) for which, each in wrong.items()}
    return found


def judge(numbers) -> Verdict:
    plain, dropped = (np.array([each[f"{name}_test"] for each in numbers]) for name in ("plain", "dropout"))
    better = int((dropped < plain).sum())
    ratio = float(dropped.mean() / plain.mean())
    fitted = np.mean([each["dropout_train"] for each in numbers])
    why = (
        f"of so few and so small pictures too much is left out: after these steps the network with dropout still makes "
        f"{fitted:.1f} % errors on what it is trained on, the other one hardly overfits"
    )
    passed = ratio < 0.9 and better >= 0.75 * len(numbers)
    return Verdict(
        bool(passed),
        ratio,
        f"{plain.mean():.1f} % and {dropped.mean():.1f} %, a factor {ratio:.2f}; fewer in {better} of {len(numbers)} "
        "seeds",
        "" if passed else why,
    )


CARDS = (
    Card(
        "srivastava-2014",
        "Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov 2014, Dropout, JMLR 15",
        "section 6.1.1, table 2",
        "The same network makes fewer test errors when half of its units are left out at random in training.",
        {
            "data": Setting("data", "MNIST", "digits of scikit-learn", "nothing is downloaded"),
            "samples": Setting("training samples", 60_000, 1347, "all there are"),
            "units": Setting("hidden units, ReLU", (1024, 1024, 1024), (256, 256, 256), "time"),
            "keep": Setting("hidden units are kept with probability", 0.5),
            "keep_inputs": Setting("inputs are kept with probability", 0.8),
            "lr": Setting("learning rate", "high, falling; chosen by validation", 0.05),
            "momentum": Setting("momentum", 0.95, 0.9, "0.95 to 0.99 there, with dropout"),
            "batch": Setting("batch", "not said", 50),
            "steps": Setting("steps", 1_000_000, 2000, "time"),
            "norm": Setting("max-norm of the weights of a unit", "none, or 2 to 4", "none"),
        },
        "The mean test error is lower by 10 % of itself at least, and lower in three quarters of the seeds at least.",
        "1.60 % without (2 layers of 800 logistic units, by others), 1.25 % with dropout: a factor 0.78 (1.06 % with "
        "max-norm, too)",
        trial,
        judge,
        seeds=3,
        tolerance=0.3,
    ),
)
