"""Cohen, Kaur, Li, Kolter & Talwalkar 2021: gradient descent at the edge of stability."""

import numpy as np

from nbprop import data as datasets, nn, optim
from nbprop.training import Trainer
from nbprop.training.supervised import Supervised

from .card import QUIET, Card, Numbers, Setting, Verdict, part


def trial(s, seed, share) -> Numbers:
    digits = datasets.digits(seed=seed, validation=0)
    X, y = digits.X_train[: s.samples], np.eye(10, dtype=np.float32)[digits.y_train[: s.samples]]
    data = datasets.Arrays(X - X.mean(axis=0), y, validation=0)
    model = nn.mlp([64, *s.units, 10], activation="tanh", init="standard", seed=seed)
    objective = Supervised(data, lambda out, y: ((out - y) ** 2).sum() / (2 * len(y)), static=True)
    trainer = Trainer(model, objective=objective, optimizer=optim.SGD(lr=s.lr), batch_size=len(X), seed=seed, **QUIET)
    edge, steps = 2 / s.lr, part(s.steps, share)
    sharp, losses = [trainer.sharpness()], []
    while trainer.steps < steps:
        trainer.fit(steps=min(s.every, steps - trainer.steps), bar=False)
        sharp.append(trainer.sharpness())
    losses = np.asarray(trainer.history["loss"], float)
    late = losses[len(losses) // 2 :]
    return {
        "first": sharp[0] / edge,
        "last": float(np.median(sharp[-len(sharp) // 3 :]) / edge),
        "rises": float((np.diff(late) > 0).mean()),
        "fallen": float(late[-1] / late[0]),
        "sharpness": [each / edge for each in sharp],
        "every": s.every,
    }


def judge(numbers) -> Verdict:
    mean = {name: float(np.mean([each[name] for each in numbers])) for name in ("first", "last", "rises", "fallen")}
    ok = [e["first"] < 0.6 and 0.95 < e["last"] < 1.2 and e["rises"] > 0.1 and e["fallen"] < 1 for e in numbers]
    off = len(ok) - sum(ok)
    return Verdict(
        all(ok),
        mean["last"],
        f"sharpness from {mean['first']:.2f} to {mean['last']:.2f} times 2/lr; in the second half of the run "
        f"{mean['rises']:.0%} of the steps raise the loss, and it falls to {mean['fallen']:.0%}",
        f"{off} of {len(ok)} seeds do not show it" if off else "",
    )


def draw(ax, numbers) -> None:
    for each in numbers:
        ax.plot(each["every"] * np.arange(len(each["sharpness"])), each["sharpness"])
    ax.axhline(1, color="0.4", linestyle="--")
    ax.set(xlabel="step", ylabel="sharpness / (2 / lr)")


CARDS = (
    Card(
        "cohen-2021",
        "Cohen, Kaur, Li, Kolter & Talwalkar 2021, Gradient descent on neural networks typically occurs at the edge of "
        "stability, ICLR",
        "section 3, figure 1",
        "In gradient descent on the whole data set the sharpness rises to 2/lr and stays there; the loss goes up and "
        "down from step to step, and falls all the same.",
        {
            "data": Setting("data", "5,000 pictures of CIFAR-10", "digits of scikit-learn", "nothing is downloaded"),
            "samples": Setting("of these", "all", 512, "the number on which sharpness is measured"),
            "units": Setting("hidden units, tanh", (200, 200)),
            "loss": Setting("loss", "half the squared error, mean over samples"),
            "lr": Setting("learning rate", "2/lr from 20 to 150", 0.4, "2/lr = 5: these pictures are less sharp"),
            "steps": Setting("steps", "to a training accuracy of 99 %", 3000),
            "every": Setting("sharpness is measured every", "not said", 100, "steps"),
        },
        "In every seed: the sharpness starts below 0.6 of 2/lr, its median over the last third is 0.95 to 1.2 of it; "
        "of the later steps more than 10 % raise the loss, which is lower at the end.",
        "rises to 2/lr, then hovers right at, or just above, it",
        trial,
        judge,
        seeds=3,
        tolerance=0.05,
        draw=draw,
    ),
)
