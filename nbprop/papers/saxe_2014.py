"""Saxe, McClelland & Ganguli 2014: deep linear networks, whose learning is solved exactly."""

from itertools import pairwise
from typing import Any

import numpy as np

from nbprop import data as datasets, nn, optim
from nbprop.record import Diverged
from nbprop.theory import mode_strength
from nbprop.training import Trainer
from nbprop.training.supervised import Supervised

from .card import DOUBLE, QUIET, Card, Numbers, Setting, Verdict, part

PAPER = (
    "Saxe, McClelland & Ganguli 2014, Exact solutions to the nonlinear dynamics of learning in deep linear neural "
    "networks, ICLR"
)


def half_mean_squares(output: Any, y: Any) -> Any:
    return ((output - y) ** 2).sum() / (2 * len(y))


def linear(sizes, draws, seed) -> nn.Sequential:
    """Linear layers without biases."""
    rng = np.random.default_rng(seed)
    pairs = zip(pairwise(sizes), draws, strict=True)
    return nn.Sequential(*(nn.Linear(i, o, bias=False, init=draw, rng=rng, dtype=DOUBLE) for (i, o), draw in pairs))


def trainer_of(model, X, y, lr) -> Trainer:
    objective = Supervised(datasets.Arrays(X, y, validation=0), half_mean_squares, static=True)
    return Trainer(model, objective=objective, optimizer=optim.SGD(lr=lr), batch_size=len(X), **QUIET)


# ---- modes -----------------------------------------------------------------------------------------------------------


def modes(s, seed, share) -> Numbers:
    rng, count, strength = np.random.default_rng(seed), len(s.strengths), np.array(s.strengths)

    def directions(n, m):
        return np.linalg.qr(rng.normal(size=(n, m)))[0]

    X = directions(s.samples, s.inputs) * np.sqrt(s.samples)  # white: E[x x^T] = 1
    U, V = directions(s.outputs, count), directions(s.inputs, count)
    y, sizes, curves = X @ V * strength @ U.T, (s.inputs, s.hidden, s.outputs), {}
    for start in ("aligned", "random"):
        model = linear(sizes, [nn.init.normal(std=s.std)] * 2, seed)
        if start == "aligned":
            R, root = directions(s.hidden, count), np.sqrt(s.u0)
            model[0].weight.data[:], model[1].weight.data[:] = root * R @ V.T, root * U @ R.T
        trainer, steps = trainer_of(model, X, y, s.lr), part(s.steps, share)
        curves[start] = [_strengths(model, U, V)]
        while trainer.steps < steps:
            trainer.fit(steps=min(s.every, steps - trainer.steps), bar=False)
            curves[start].append(_strengths(model, U, V))
    time = s.lr * np.minimum(s.every * np.arange(len(curves["random"])), steps)
    exact = mode_strength(strength, np.full(count, s.u0), time)
    off = float((np.abs(np.array(curves["aligned"]) - exact) / strength).max())
    half = [_half(time, curve / each) for curve, each in zip(np.array(curves["random"]).T, strength, strict=True)]
    u0 = strength[0] * np.exp(-2 * strength[0] * half[0])  # what the random start is to the strongest mode
    foretold = np.log(strength / u0) / (2 * strength)
    return {
        "off": off,
        "strong": half[0],
        "weak": half[-1],
        "foretold": float(foretold[-1]),
        "time": time.tolist(),
        **{f"mode {k + 1}": np.array(curves["aligned"])[:, k].tolist() for k in range(count)},
        **{f"exact {k + 1}": exact[:, k].tolist() for k in range(count)},
    }


def _strengths(model, U, V):
    return np.einsum("om,oi,im->m", U, model[1].weight.data @ model[0].weight.data, V)


def _half(time, share):
    """When half of it is learned; NaN: never."""
    above = np.flatnonzero(share >= 0.5)
    return float(time[above[0]]) if len(above) else float("nan")


def judge_modes(numbers) -> Verdict:
    off = max(each["off"] for each in numbers)
    ratios = [each["weak"] / each["foretold"] for each in numbers]
    strong, weak = (np.mean([each[name] for each in numbers]) for name in ("strong", "weak"))
    return Verdict(
        bool(off < 0.05 and abs(np.mean(ratios) - 1) < 0.2),
        float(np.mean(ratios)),
        f"at most {100 * off:.1f} % of a mode's strength away from the exact curve; from random weights half of the "
        f"strongest mode is there at t = {strong:.1f}, of the weakest at {weak:.1f}, {np.mean(ratios):.2f} times "
        f"the time foretold ({min(ratios):.2f} to {max(ratios):.2f})",
        "",
    )


def draw_modes(ax, numbers) -> None:
    each = numbers[0]
    for k in range(sum(name.startswith("mode") for name in each)):
        ax.plot(each["time"], each[f"mode {k + 1}"], f"C{k}", linewidth=3, alpha=0.5)
        ax.plot(each["time"], each[f"exact {k + 1}"], "k--", linewidth=1, label="exact" if k == 0 else None)
    ax.set(xlabel="time, learning rate × steps", ylabel="strength of the mode")
    ax.legend()


# ---- depth -----------------------------------------------------------------------------------------------------------


def depths(s, seed, share) -> Numbers:
    data = datasets.digits(seed=seed, validation=0)
    X, y = data.X_train[: s.samples], np.eye(10)[data.y_train[: s.samples]]
    X, y = X - X.mean(axis=0), y - y.mean(axis=0)
    found = {}
    for name, draw in {"orthogonal": nn.init.orthogonal, "gaussian": nn.init.lecun}.items():
        times = []
        for depth in s.depths:
            sizes = (64, *[s.units] * (depth - 1), 10)
            taken = [_time(linear(sizes, [draw] * depth, seed), X, y, lr, s, share) for lr in s.rates]
            times.append(min(taken))
        found |= {f"{name}_{depth}": each for depth, each in zip(s.depths, times, strict=True)}
        found[f"{name}_times"] = times
    return found


def _time(model, X, y, lr, s, share):
    """Steps until the loss is below the threshold; twice `most` where it does not come there."""
    trainer, most = trainer_of(model, X, y, lr), part(s.most, share)
    try:
        while trainer.steps < most:
            trainer.fit(steps=min(50, most - trainer.steps), bar=False)
            there = np.flatnonzero(np.asarray(trainer.history["loss"]) < s.threshold)
            if len(there):
                return int(there[0])
    except Diverged:
        pass
    return 2 * s.most


def judge_depths(numbers) -> Verdict:
    depths = [int(name.partition("_")[2]) for name in numbers[0] if name.startswith("orthogonal_") and name[-1] != "s"]
    first, last = depths[0], depths[-1]
    found = {}
    for name in ("orthogonal", "gaussian"):
        found[name] = np.mean([[each[f"{name}_{depth}"] for depth in depths] for each in numbers], axis=0)
    growth = {name: float(times[-1] / times[0]) for name, times in found.items()}
    return Verdict(
        growth["orthogonal"] < 1.5 and growth["gaussian"] > 3,
        growth["orthogonal"],
        f"from {first} to {last} layers: orthogonal {found['orthogonal'][0]:.0f} to {found['orthogonal'][-1]:.0f} "
        f"steps, Gaussian {found['gaussian'][0]:.0f} to {found['gaussian'][-1]:.0f}",
        "",
    )


def draw_depths(ax, numbers) -> None:
    for name in ("orthogonal", "gaussian"):
        times = np.mean([each[f"{name}_times"] for each in numbers], axis=0)
        ax.semilogy(range(len(times)), times, "o-", label=name)
    depths = [name.partition("_")[2] for name in numbers[0] if name.startswith("orthogonal_") and name[-1] != "s"]
    ax.set(xlabel="layers", ylabel="steps to the threshold", xticks=range(len(depths)), xticklabels=depths)
    ax.legend()


CARDS = (
    Card(
        "saxe-2014-modes",
        PAPER,
        "section 1, equations 7 and 8, figure 3",
        "A linear network with a hidden layer learns its data mode by mode, each along an exact sigmoid; strong modes "
        "long before weak ones.",
        {
            "inputs": Setting("inputs, white", "as many as the data have", 15),
            "samples": Setting("samples", "as many as the data have", 60),
            "hidden": Setting("hidden units, linear", "as many as the data have", 16),
            "outputs": Setting("outputs", "as many as the data have", 8),
            "strengths": Setting("singular values of the modes", "those of the data", (5.0, 3.0, 1.5), "made for it"),
            "u0": Setting("where a mode begins, aligned weights", "small", 0.001),
            "std": Setting("weights from N(0, σ), random start, σ", "small", 0.05),
            "lr": Setting("learning rate, all samples in a step", "small", 0.001, "so that steps follow the flow"),
            "steps": Setting("steps", "until learned", 6000),
            "every": Setting("looked at every", "not said", 10, "steps"),
        },
        "From aligned weights no strength is ever more than 5 % of its end value away from the exact curve, in any "
        "seed; from random ones the weakest mode is half learned, on average over the seeds, within 20 % of the time "
        "foretold from the strongest.",
        "simulations lie on the analytic curves (a figure)",
        modes,
        judge_modes,
        seeds=5,
        tolerance=0.1,
        draw=draw_modes,
    ),
    Card(
        "saxe-2014-depth",
        PAPER,
        "section 3, figure 6",
        "From orthogonal weights a deep linear network learns in a time that does not grow with its depth; from "
        "Gaussian ones of the same scale it does.",
        {
            "data": Setting("data", "MNIST", "digits of scikit-learn, centred", "nothing is downloaded"),
            "samples": Setting("samples", "60,000", 300, "time"),
            "units": Setting("units in a layer", 1000, 64, "time"),
            "depths": Setting("layers of weights", "2 to 100", (5, 10, 20, 40)),
            "rates": Setting("learning rate", "the best for each depth", (0.01, 0.02, 0.05, 0.1, 0.2, 0.5), "the best"),
            "most": Setting("steps at most", "not said", 600),
            "threshold": Setting("learned: half the mean squared error below", "a fixed error", 0.17),
        },
        "From 5 to 40 layers the steps to the threshold grow by less than half with orthogonal weights, and by more "
        "than a factor 3 with Gaussian ones of standard deviation 1/√n.",
        "independent of depth (orthogonal); growing (Gaussian) (a figure)",
        depths,
        judge_depths,
        seeds=3,
        tolerance=0.3,
        draw=draw_depths,
    ),
)
