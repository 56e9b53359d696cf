"""Kingma & Ba 2015: what Adam's bias correction is for."""

from itertools import product
from typing import Any

import numpy as np

from nbprop import data as datasets, nn, optim
from nbprop.record import Diverged
from nbprop.training import Objective, Trainer

from .card import QUIET, Card, Numbers, Setting, Verdict, part


class Uncorrected(optim.Adam):
    """Adam that takes its running means as they are, though they begin at zero."""

    def rule(self, theta, gradient, lr) -> None:
        m, v = self.vector("exp_avg", theta), self.vector("exp_avg_sq", theta)
        b1, b2 = self.betas
        m += (1 - b1) * (gradient - m)
        v += (1 - b2) * (gradient * gradient - v)
        theta -= lr * m / (np.sqrt(v) + self.eps)


class VAE(nn.Module):
    """A variational autoencoder: hidden softplus units on both sides, a Gaussian code (Kingma & Welling 2014)."""

    def __init__(self, inputs: int, hidden: int, code: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.code = code
        self.encoder = nn.Sequential(
            nn.Linear(inputs, hidden, rng=rng), nn.Softplus(), nn.Linear(hidden, 2 * code, rng=rng)
        )
        self.decoder = nn.Sequential(
            nn.Linear(code, hidden, rng=rng), nn.Softplus(), nn.Linear(hidden, inputs, rng=rng)
        )

    def bound(self, x: Any, noise: np.ndarray) -> Any:
        """Minus the lower bound of log p(x), mean of a batch: reconstruction, and how far the code is from N(0, 1)."""
        both = self.encoder(x)
        mean, log_var = both[:, : self.code], both[:, self.code :]
        z = self.decoder(mean + (log_var / 2).exp() * noise)
        spread = (log_var.exp() + mean**2 - 1 - log_var).sum() / 2
        return ((z.softplus() - z * x).sum() + spread) / len(noise)


RULES: "dict[str, type[optim.Adam]]" = {"adam": optim.Adam, "plain": Uncorrected}


def trial(s, seed, share) -> Numbers:
    X = datasets.digits(seed=seed, validation=0).X_train

    def loss(model, x, rng):
        return model.bound(x, rng.normal(size=(len(x), s.code)).astype(np.float32))

    found = {}
    every: Any = product(RULES, s.betas, s.rates)
    for name, beta, lr in every:
        model = VAE(64, s.hidden, s.code, seed)
        optimizer = RULES[name](lr=lr, betas=(s.beta1, beta))
        objective = Objective(loss, X)
        trainer = Trainer(model, objective=objective, optimizer=optimizer, batch_size=s.batch, seed=seed, **QUIET)
        try:
            trainer.fit(steps=part(s.steps, share), bar=False)
            end = min(float(np.mean(trainer.history["loss"][-50:])), s.worst)
        except Diverged:
            end = s.worst
        found[f"{name} {beta} {lr:g}"] = end
    for name in RULES:
        found[f"{name}_losses"] = [found[f"{name} {s.betas[-1]} {lr:g}"] for lr in s.rates]
    return found


def judge(numbers) -> Verdict:
    """At the largest step size the start decides: there the means that begin at zero make the first steps too long."""
    mean = {name: float(np.mean([each[name] for each in numbers])) for name in numbers[0] if "losses" not in name}
    betas = sorted({name.split()[1] for name in mean}, key=float)
    rates = sorted({name.split()[2] for name in mean}, key=float)
    gaps = [mean[f"plain {beta} {rates[-1]}"] - mean[f"adam {beta} {rates[-1]}"] for beta in betas]
    best = {name: min(mean[f"{name} {beta} {lr}"] for beta in betas for lr in rates) for name in RULES}
    passed = gaps[-1] > 1 and gaps[-1] > gaps[0] and best["adam"] <= best["plain"] + 0.5
    ends = [(mean[f"plain {beta} {rates[-1]}"], mean[f"adam {beta} {rates[-1]}"], beta) for beta in betas]
    shown = ", ".join(f"{plain:.1f} at β2 = {beta} ({adam:.1f} with it)" for plain, adam, beta in ends)
    return Verdict(
        passed,
        best["adam"],
        f"without correction the loss at α = {rates[-1]} is {shown}; the best of all settings: "
        f"{best['adam']:.1f} with, {best['plain']:.1f} without",
        "" if passed else "in so few steps the gap is not as the paper has it",
    )


def draw(ax, numbers) -> None:
    for style, (name, words) in zip(("-", "--"), {"adam": "with", "plain": "without"}.items(), strict=True):
        losses = np.mean([each[f"{name}_losses"] for each in numbers], axis=0)
        ax.plot(range(len(losses)), losses, "o" + style, label=f"{words} bias correction")
    ax.set(xlabel="learning rate, from small to large", ylabel="loss after the run, β2 = 0.9999")
    ax.legend()


CARDS = (
    Card(
        "kingma-2015",
        "Kingma & Ba 2015, Adam: a method for stochastic optimization, ICLR",
        "section 6.4, figure 4",
        "Without its bias correction Adam is unstable at the start when β2 is close to 1; with it, at its best "
        "setting, not worse.",
        {
            "data": Setting("data", "MNIST", "digits of scikit-learn", "nothing is downloaded"),
            "model": Setting("model", "variational autoencoder, softplus units"),
            "hidden": Setting("hidden units", 500, 100, "time"),
            "code": Setting("numbers of the code", 50, 10, "64 inputs"),
            "beta1": Setting("β1", "0 and 0.9", 0.9),
            "betas": Setting("β2", (0.99, 0.999, 0.9999), (0.99, 0.9999)),
            "rates": Setting("learning rate α", "10^-5 to 10^-1", (0.001, 0.01, 0.03)),
            "batch": Setting("batch", "not said", 100),
            "steps": Setting("training", "10 and 100 epochs", 200, "steps, 11 epochs of these small data"),
            "worst": Setting("a run that diverges counts as a loss of", "-", 200.0),
        },
        "Mean of the last 50 losses: at the largest α the run without correction is worse with β2 = 0.9999, by more "
        "than 1, and by more than with 0.99; at the best settings the corrected one is not worse (by 0.5).",
        "β2 close to 1 without correction: unstable, especially in the first epochs; Adam as good or better always",
        trial,
        judge,
        seeds=2,
        tolerance=2.0,
        draw=draw,
    ),
)
