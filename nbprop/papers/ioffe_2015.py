"""Ioffe & Szegedy 2015: batch normalization trains faster, and keeps the inputs of the sigmoids in place."""

import numpy as np

from nbprop import data as datasets, nn, optim
from nbprop.training import Trainer

from .card import QUIET, Card, Numbers, Setting, Verdict, part

WORDS = {"with": "with batch normalization", "without": "without"}


def network(s, normalized, seed) -> nn.Sequential:
    """Three hidden layers of sigmoids, with or without normalization before them."""
    rng, sizes = np.random.default_rng(seed), (64, *s.units)
    layers = []
    for inputs, units in zip(sizes, s.units, strict=False):
        layers.append(nn.Linear(inputs, units, init=nn.init.normal(std=s.std), rng=rng))
        layers += [nn.BatchNorm1d(units), nn.Sigmoid()] if normalized else [nn.Sigmoid()]
    return nn.Sequential(*layers, nn.Linear(s.units[-1], 10, init=nn.init.normal(std=s.std), rng=rng))


def trial(s, seed, share) -> Numbers:
    digits, found = datasets.digits(seed=seed), {}
    binary = [(X > 0.5).astype(np.float32) for X in (digits.X_train, digits.X_val)]
    for name in WORDS:
        data = datasets.from_arrays(
            binary[0], digits.y_train, binary[1], digits.y_val, features=digits.features, name="binary digits"
        )
        model, steps = network(s, name == "with", seed), part(s.steps, share)
        optimizer, quiet = optim.SGD(lr=s.lr), {**QUIET, "evaluate_every": s.every}
        trainer = Trainer(model, data, optimizer=optimizer, batch_size=s.batch, seed=seed, **quiet)
        last, bands = model[-2], []  # the sigmoid whose inputs are looked at
        while trainer.steps < steps:
            trainer.fit(steps=min(s.every, steps - trainer.steps), bar=False)
            bands.append(_band(model, data.X_val, last))
        accuracy = [float(each) for each in trainer.history["val_accuracy"]]
        above = np.flatnonzero(np.array(accuracy) >= s.enough)
        found[f"{name}_accuracy"] = 100 * accuracy[-1]
        found[f"{name}_steps"] = int(s.every * above[0]) if len(above) else 0
        # How far the middle of the band wanders, over its width at the end.
        found[f"{name}_wanders"] = float(np.ptp([b[1] for b in bands]) / max(bands[-1][2] - bands[-1][0], 1e-12))
        found[f"{name}_accuracies"] = accuracy
    return found | {"every": s.every}


def _band(model, X, last):
    """The 15th, 50th and 85th percentile of what goes into the first unit of the last sigmoids."""
    model.eval()
    x = X
    for module in model:
        if module is last:
            break
        x = module(x)
    model.train()
    return np.percentile(x.data[:, 0], [15, 50, 85])


def judge(numbers) -> Verdict:
    mean = {name: float(np.mean([each[name] for each in numbers])) for name in numbers[0] if "accuracies" not in name}
    faster = [
        0 < each["with_steps"] < (each["without_steps"] or np.inf) and each["with_accuracy"] >= each["without_accuracy"]
        for each in numbers
    ]
    slow = [each["without_steps"] for each in numbers if each["without_steps"]]
    late = f"{np.mean(slow):.0f} without" if len(slow) == len(numbers) else "not in every seed without"
    off = len(faster) - sum(faster)
    return Verdict(
        all(faster),
        mean["with_accuracy"],
        f"90 % after {mean['with_steps']:.0f} steps with it, {late}; in the end {mean['with_accuracy']:.1f} % and "
        f"{mean['without_accuracy']:.1f} %",
        f"{off} of {len(faster)} seeds are not both faster and better with it" if off else "",
    )


def draw(ax, numbers) -> None:
    for i, each in enumerate(numbers):
        for color, (name, words) in zip(("C0", "C1"), WORDS.items(), strict=True):
            accuracies = each[f"{name}_accuracies"]
            ax.plot(each["every"] * np.arange(len(accuracies)), accuracies, color, label=words if i == 0 else None)
    ax.set(xlabel="step", ylabel="accuracy, held out")
    ax.legend()


CARDS = (
    Card(
        "ioffe-2015",
        "Ioffe & Szegedy 2015, Batch normalization: accelerating deep network training by reducing internal covariate "
        "shift, ICML",
        "section 4.1, figure 1",
        "With batch normalization before the sigmoids a network of three layers learns faster and better.",
        {
            "data": Setting(
                "data", "MNIST, binary, 28 × 28", "digits of scikit-learn, ink above 1/2", "nothing is downloaded"
            ),
            "units": Setting("hidden units, sigmoid", (100, 100, 100)),
            "loss": Setting("loss", "softmax cross-entropy"),
            "std": Setting("weights from N(0, σ), σ", "small random Gaussian values", 0.1),
            "batch": Setting("batch", 60),
            "lr": Setting("learning rate, gradient descent", "not said", 0.5),
            "steps": Setting("steps", 50_000, 3000, "the data are small"),
            "every": Setting("looked at every", "not said", 50, "steps"),
            "enough": Setting("fast: steps to an accuracy of", "a curve", 0.9),
        },
        "In every seed: with it fewer steps to 90 % of the held-out digits, and no fewer right at the end.",
        "faster, and a higher accuracy in the end (a figure)",
        trial,
        judge,
        seeds=5,
        tolerance=1.5,
        draw=draw,
    ),
)
