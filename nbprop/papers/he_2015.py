"""He, Zhang, Ren & Sun 2015: thirty layers of ReLU learn if their weights start large enough."""

import numpy as np

from nbprop import data as datasets, nn, optim
from nbprop.training import Trainer

from .card import QUIET, Card, Numbers, Setting, Verdict, part

WORDS = {"he": "Var[w] = 2/n", "xavier": "Var[w] = 1/n"}


def trial(s, seed, share) -> Numbers:
    found = {}
    data = datasets.digits(seed=seed)
    for init, draw in {"he": nn.init.he, "xavier": nn.init.xavier(uniform=False)}.items():
        model = nn.mlp([64, *[s.units] * (s.depth - 1), 10], activation="relu", init=draw, seed=seed)
        optimizer = optim.SGD(lr=s.lr, momentum=s.momentum, weight_decay=s.decay)
        quiet = {**QUIET, "evaluate_every": 50}
        trainer = Trainer(model, data, optimizer=optimizer, batch_size=s.batch, seed=seed, **quiet)
        trainer.fit(steps=1, bar=False)
        z = trainer.observe().z  # of its batch, before the update
        found[f"{init}_factor"] = float(((z[-2] ** 2).mean() / (z[0] ** 2).mean()) ** (1 / (s.depth - 2)))
        trainer.fit(steps=part(s.steps, share), bar=False)
        found[f"{init}_error"] = 100 * float(1 - trainer.evaluation["val_accuracy"])
        found[f"{init}_loss"] = float(trainer.evaluation["train_loss"])
        found[f"{init}_losses"] = [float(each) for each in trainer.history["train_loss"]]
    return found


def judge(numbers) -> Verdict:
    mean = {name: float(np.mean([each[name] for each in numbers])) for name in numbers[0] if "losses" not in name}
    stalls = all(each["xavier_loss"] > 0.98 * np.log(10) for each in numbers)
    learns = all(each["he_error"] < 10 for each in numbers)
    late = sum(each["he_error"] >= 10 for each in numbers)
    return Verdict(
        stalls and learns and abs(mean["he_factor"] - 1) < 0.1 and abs(mean["xavier_factor"] - 0.5) < 0.1,
        mean["he_factor"],
        f"test error {mean['he_error']:.1f} % with Var[w] = 2/n, {mean['xavier_error']:.0f} % with 1/n; each layer "
        f"multiplies the mean square of z by {mean['he_factor']:.2f} and {mean['xavier_factor']:.2f}",
        f"{late} of {len(numbers)} seeds have not learned it in time" if late else "",
    )


def draw(ax, numbers) -> None:
    for color, (init, words) in zip(("C0", "C1"), WORDS.items(), strict=True):
        for i, each in enumerate(numbers):
            losses = each[f"{init}_losses"]
            ax.plot(50 * np.arange(len(losses)), losses, color, label=words if i == 0 else None)
    ax.set(xlabel="step", ylabel="training loss")
    ax.legend()


CARDS = (
    Card(
        "he-2015",
        "He, Zhang, Ren & Sun 2015, Delving deep into rectifiers, ICCV",
        "section 2.2, figure 3",
        "A network of 30 ReLU layers learns when its weights start with variance 2/n; with 1/n, the Xavier start, it "
        "stalls for hundreds of steps: nothing reaches the end, and nothing comes back.",
        {
            "data": Setting("data", "ImageNet", "digits of scikit-learn", "nothing is downloaded"),
            "depth": Setting("layers with weights", 30),
            "units": Setting(
                "units in a layer", "27 convolutional layers, 3 fully connected", 128, "all fully connected; time"
            ),
            "momentum": Setting("momentum", 0.9),
            "decay": Setting("weight decay", 0.0005),
            "batch": Setting("batch", 128),
            "lr": Setting("learning rate", 0.01, 0.003, "with 0.01 some seeds lose what they have learned"),
            "steps": Setting(
                "training", "9 epochs shown", 300, "steps, 27 epochs; by 600 the other start begins to learn"
            ),
        },
        "In every seed: with 2/n test error below 10 %, with 1/n the training loss is still that of guessing (log 10, "
        "to 2 %); factor per layer within 0.1 of 1 and 1/2.",
        "30 layers: the Xavier start stalls, theirs converges (38.56 % top-1 error on ImageNet)",
        trial,
        judge,
        seeds=5,
        tolerance=0.05,
        draw=draw,
    ),
)
