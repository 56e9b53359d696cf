"""Other right answers to the exercises of notebook 14: other repairs of the dozen."""

import math

import numpy as np

import nbprop as nb


def entropy_in_a_loop(counts):
    n = sum(counts)
    return sum(-count / n * math.log(count / n) for count in counts)


def entropy_by_differences(counts):
    return np.log(counts.sum()) - (counts * np.log(counts)).sum() / counts.sum()


def entropy_by_nbprop(counts):
    z = np.tile(np.log(counts), (counts.sum(), 1)).astype(float)
    return nb.nn.CrossEntropyLoss()(nb.Tensor(z), np.repeat(np.arange(len(counts)), counts))


def ratio_by_norms(before, after):
    return np.linalg.norm(after - before) / np.linalg.norm(before)


def ratio_in_loops(before, after):
    changed = sum((a - b) ** 2 for a, b in zip(after.flat, before.flat, strict=True))
    return math.sqrt(changed / sum(b * b for b in before.flat))


def ratio_by_einsum(before, after):
    step = after - before
    return np.sqrt(np.einsum("ij,ij->", step, step) / np.einsum("ij,ij->", before, before))


def error_by_dot(backward, difference):
    e = backward - difference
    return math.sqrt(e @ e / max(backward @ backward, difference @ difference))


def error_in_loops(backward, difference):
    apart = sum((a - b) ** 2 for a, b in zip(backward, difference, strict=True))
    return (apart / max(sum(a * a for a in backward), sum(b * b for b in difference))) ** 0.5


def error_as_the_smaller(backward, difference):
    apart = np.linalg.norm(backward - difference)
    return min(apart / np.linalg.norm(backward), apart / np.linalg.norm(difference))


# ---- repairs


def with_data(change):
    """A repair that gives the trainer changed samples: change(X_train, y_train, X_val) -> the new ones."""

    def repair(trainer):
        d = trainer.data
        X, y, X_val = change(d.X_train, d.y_train, d.X_val)
        trainer.data = nb.data.from_arrays(X, y, X_val, d.y_val)

    return repair


def drawn(init):
    return lambda trainer: trainer.reinitialize("all", init)


def raised(trainer):
    for layer in (trainer.model[0], trainer.model[2]):
        layer.bias.data[...] = 0


def without_the_last(trainer):
    del trainer.model[-1]


def nothing_in_its_place(trainer):
    trainer.model[-1] = nb.nn.Identity()


def another_trainer(trainer):
    model = nb.nn.mlp([64, 32, 32, 10], "relu", "he", seed=1)
    return nb.Trainer(model, trainer.data, optimizer="adam", lr=0.005, seed=1)


def smaller_weights(trainer):
    for layer in trainer.model.modules():
        if isinstance(layer, nb.nn.Linear):
            layer.weight.data *= 0.05


def another_tanh(trainer):
    trainer.model[1] = nb.nn.Tanh()


OTHERS = {
    "loss-of-guessing": (entropy_in_a_loop, entropy_by_differences, entropy_by_nbprop),
    "update-ratio": (ratio_by_norms, ratio_in_loops, ratio_by_einsum),
    "relative-error": (error_by_dot, error_in_loops, error_as_the_smaller),
    "broken-1": (
        ("rate too low", {"lr": 0.1}),
        ["rate too low", {"lr": 0.2}],
        ("rate too low", {"optimizer": "momentum", "lr": 0.02}),
    ),
    "broken-2": (
        ("labels", with_data(lambda X, y, X_val: (X, np.append(y[1:], y[:1]), X_val))),
        ("labels", with_data(lambda X, y, X_val: (np.roll(X, 1, axis=0), y, X_val))),
        ("labels", with_data(lambda X, y, X_val: (X, y[(np.arange(len(y)) + 1) % len(y)], X_val))),
    ),
    "broken-3": (
        ("linear", {"activation": "relu"}),
        ("linear", {"activation": "gelu"}),
        ["linear", {"activation": "elu"}],
    ),
    "broken-4": (("dead", raised), ("dead", drawn("xavier")), ("dead", drawn("orthogonal"))),
    "broken-5": (
        ("weight decay", {"weight_decay": 0}),
        ("weight decay", {"weight_decay": 1e-3}),
        ("weight decay", lambda trainer: trainer.set(weight_decay=0.0)),
    ),
    "broken-6": (
        ("two softmaxes", without_the_last),
        ("two softmaxes", nothing_in_its_place),
        ("two softmaxes", another_trainer),
    ),
    "broken-7": (
        ("inputs", with_data(lambda X, y, X_val: ((X - X.mean()) / X.std(), y, (X_val - X.mean()) / X.std()))),
        ("inputs", with_data(lambda X, y, X_val: ((X - 300) / 1000, y, (X_val - 300) / 1000))),
        ("inputs", with_data(lambda X, y, X_val: (X / 650 - 1, y, X_val / 650 - 1))),
    ),
    "broken-8": (("all alike", drawn("he")), ("all alike", drawn("orthogonal")), ("all alike", drawn("lecun"))),
    "broken-9": (
        ("rate too high", {"lr": 0.002}),
        ("rate too high", {"lr": 0.01}),
        ("rate too high", {"optimizer": "sgd", "lr": 0.1}),
    ),
    "broken-10": (("saturated", drawn("orthogonal")), ("saturated", drawn("lecun")), ("saturated", smaller_weights)),
    "broken-11": (("dropout", {"dropout": 0}), ("dropout", {"dropout": 0.1}), ["dropout", {"dropout": 0.3}]),
    "broken-12": (
        ("wrong gradient", {"activation": "relu"}),
        ("wrong gradient", another_tanh),
        ("wrong gradient", {"activation": "gelu"}),
    ),
}
