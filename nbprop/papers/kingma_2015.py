"""Kingma & Ba 2015: what Adam's bias correction is for."""

from itertools import product
from typing import Any

import numpy as np

from nbprop import data as datasets, nn, optim
from nbprop.record import Diverged
from nbprop.training import Objective, Trainer

from .card import QUIET, Card, Setting, Verdict, part


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


def trial(s, seed, share):
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
    for name in ("adam", "plain"):
        found[f"{name}_losses"] = [min(found[f"{name} {beta} {lr:g}"] for beta in s.betas) for lr in s.rates]
        found[f"{name}_worst"] = [max(found[f"{name} {beta} {lr:g}"] for beta in s.betas) for lr in s.rates]
    return found
