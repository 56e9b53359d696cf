"""Glorot & Bengio 2010: how weights start decides what reaches the first layers of a deep network."""

import numpy as np

from nbprop import data as datasets, nn, optim
from nbprop.training import Trainer

from .card import QUIET, Card, Numbers, Setting, Verdict, part

NAMES = {"standard": "U(±1/√n)", "xavier": "U(±√6/√(n_in + n_out))"}


def gradients(s, seed, share) -> Numbers:
    found = {}
    for init in NAMES:
        data = datasets.digits(seed=seed)
        model = nn.mlp([64, *[s.units] * s.depth, 10], activation="tanh", init=init, seed=seed)
        optimizer = optim.SGD(lr=s.lr)
        trainer = Trainer(model, data, optimizer=optimizer, batch_size=s.batch, seed=seed, **QUIET)
        trainer.fit(steps=1, bar=False)
        seen = trainer.observe()  # of its batch, on the way there and back before the update
        hidden = range(1, s.depth)
        spectra = []
        for k in hidden:  # of z of a hidden layer with respect to z of the one before
            slopes = 1 - seen.a[k - 1] ** 2
            spectra += [np.linalg.svd(seen.W[k] * slope, compute_uv=False).mean() for slope in slopes]
        found[f"{init}_singular"] = float(np.mean(spectra))
        found[f"{init}_back"] = float(seen.dz[0].std() / seen.dz[s.depth - 1].std())
        found[f"{init}_spreads"] = [float(each.std()) for each in seen.dz[: s.depth]]
        steps = part(s.epochs * (len(data.X_train) // s.batch), share)
        trainer.fit(steps=steps, bar=False)
        wrong = trainer.predict(data.X_val).argmax(axis=1) != data.y_val
        found[f"{init}_error"] = 100 * float(wrong.mean())
    return found


def judge(numbers) -> Verdict:
    mean = {name: float(np.mean([each[name] for each in numbers])) for name in numbers[0] if "spreads" not in name}
    a, b = mean["standard_singular"], mean["xavier_singular"]
    bad = mean["standard_error"] < mean["xavier_error"]
    ok = abs(a - 0.5) < 0.1 and abs(b - 0.8) < 0.1 and mean["standard_back"] < 0.5 * mean["xavier_back"]
    return Verdict(
        ok and not bad,
        b,
        f"{a:.2f} and {b:.2f}; dL/dz of the first hidden layer over that of the last {mean['standard_back']:.2g} and "
        f"{mean['xavier_back']:.2g}; test error {mean['standard_error']:.1f} % and {mean['xavier_error']:.1f} %",
        "on digits the start that weakens the gradient makes no more errors in the end" if bad else "",
    )


def draw(ax, numbers) -> None:
    for init, words in NAMES.items():
        spread = np.mean([each[f"{init}_spreads"] for each in numbers], axis=0)
        ax.semilogy(range(1, len(spread) + 1), spread, "o-", label=words)
    ax.set(xlabel="hidden layer", ylabel="spread of dL/dz at the start")
    ax.legend()


CARDS = (
    Card(
        "glorot-2010",
        "Glorot & Bengio 2010, Understanding the difficulty of training deep feedforward neural networks, AISTATS",
        "sections 4.2 and 5, table 1",
        "With weights from U(±1/√n) the signal shrinks in each tanh layer, forward and back; the normalized start "
        "keeps it, and the network makes fewer errors.",
        {
            "data": Setting("data", "Shapeset-3×2, MNIST, CIFAR-10", "digits of scikit-learn", "nothing is downloaded"),
            "depth": Setting("hidden layers", 5),
            "units": Setting("units in each", 1000, 300, "time"),
            "activation": Setting("activation", "tanh"),
            "loss": Setting("loss", "softmax, negative log-likelihood"),
            "batch": Setting("batch", 10),
            "lr": Setting("learning rate", "chosen by validation error", 0.01),
            "epochs": Setting("training", "until the validation error is least", 30, "epochs"),
        },
        "Mean singular value of the Jacobian of a layer within 0.1 of the published ones; dL/dz shrinks at least twice "
        "as much with the standard start; test error not lower with it.",
        "mean singular values about 0.5 (standard) and 0.8 (normalized); test error 27.15 % and 15.60 % "
        "(Shapeset), 1.76 % and 1.64 % (MNIST)",
        gradients,
        judge,
        seeds=3,
        tolerance=0.03,
        draw=draw,
    ),
)
