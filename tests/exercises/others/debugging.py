"""Other right answers to the exercises of notebook 14: every broken network can be repaired in more than one way."""

import math

import numpy as np

import nbprop as nb
from nbprop import nn


def guessing_by_entropy(counts):
    n = counts.sum()
    return np.log(n) - (counts * np.log(counts)).sum() / n


def guessing_one_by_one(counts):
    total = sum(counts)
    return sum(-c / total * math.log(c / total) for c in counts)


def guessing_sample_by_sample(counts):
    p = counts / counts.sum()
    return np.repeat(-np.log(p), counts).mean()


def ratio_of_norms(before, after):
    return np.linalg.norm(after - before) / np.linalg.norm(before)


def ratio_of_lists(before, after):
    pairs = [*zip(before.ravel().tolist(), after.ravel().tolist(), strict=True)]
    return math.sqrt(sum((a - b) ** 2 for b, a in pairs)) / math.sqrt(sum(b * b for b, _ in pairs))


def ratio_of_products(before, after):
    step = (before - after).ravel()
    return (step @ step / np.vdot(before, before)) ** 0.5


def error_of_squares(backward, difference):
    larger = max((backward**2).sum(), (difference**2).sum())
    return (((backward - difference) ** 2).sum() / larger) ** 0.5


def error_of_distances(backward, difference):
    return math.dist(backward, difference) / max(math.hypot(*backward), math.hypot(*difference))


def error_of_tensors(backward, difference):
    a, b = nb.Tensor(backward), nb.Tensor(difference)
    return ((a - b) ** 2).sum() ** 0.5 / max((a**2).sum() ** 0.5, (b**2).sum() ** 0.5)


# ---- repairs ---------------------------------------------------------------------------------------------------------


def other_data(trainer, X, y, X_val, **settings):
    trainer.data = nb.data.from_arrays(X, y, X_val, trainer.data.y_val, **settings)


def pictures_rolled_on(trainer):
    other_data(trainer, np.roll(trainer.data.X_train, 1, axis=0), trainer.data.y_train, trainer.data.X_val)


def labels_picked(trainer):
    y = trainer.data.y_train
    other_data(trainer, trainer.data.X_train, y[(np.arange(len(y)) + 1) % len(y)], trainer.data.X_val)


def loaded_again(trainer):
    trainer.data = "digits"


def divided(trainer):
    other_data(trainer, trainer.data.X_train / 1300, trainer.data.y_train, trainer.data.X_val / 1300)


def moved_back(trainer):
    X, X_val = ((X - 300) / 1000 for X in (trainer.data.X_train, trainer.data.X_val))
    other_data(trainer, X, trainer.data.y_train, X_val)


def normalized_in_front(trainer):
    trainer.reset(nn.Sequential(nn.BatchNorm1d(64), *nn.mlp([64, 32, 32, 10], "tanh", seed=1)))


def new_relus(trainer):
    trainer.reset(nn.mlp([64, 32, 32, 10], "relu", "he", seed=3))


def new_tanhs(trainer):
    trainer.reset(nn.mlp([64, 32, 32, 10], "tanh", "orthogonal", seed=2))


def new_trainer(trainer):
    return nb.Trainer(nn.mlp([64, 24, 10], "gelu", seed=4), trainer.data, lr=0.01, batch_size=64)


def drawn_by_hand(trainer):
    trainer.theta = np.random.default_rng(0).normal(0, 0.1, trainer.theta.size)


def standard(trainer):
    trainer.reinitialize("all", "standard")


def biases_zero(trainer):
    for name in ("hidden 1", "hidden 2"):
        for unit in range(32):
            trainer.set_bias(name, unit, 0.0)


def divided_weights(trainer):
    for layer in trainer.layers:
        trainer.scale(layer.name, 0.05)


def smaller_theta(trainer):
    trainer.theta = trainer.theta / 20


def log_softmax_and_nll(trainer):
    trainer.model[-1] = nn.LogSoftmax()
    trainer.loss = "nll"


def logarithm_in_the_loss(trainer):
    trainer.loss = lambda p, y: nn.NLLLoss()((p + 1e-9).log(), y)


def without_the_last(trainer):
    trainer.reset(nn.Sequential(*list(trainer.model)[:-1]))


def another_module(trainer):
    trainer.model[1] = nn.Tanh()


OTHERS = {
    "loss-of-guessing": (guessing_by_entropy, guessing_one_by_one, guessing_sample_by_sample),
    "update-ratio": (ratio_of_norms, ratio_of_lists, ratio_of_products),
    "relative-error": (error_of_squares, error_of_distances, error_of_tensors),
} | {
    f"broken-{k}": tuple((fault, repair) for repair in repairs)
    for k, (fault, *repairs) in enumerate(
        (
            ("rate too low", {"lr": 0.1}, {"optimizer": "adam", "lr": 0.005}, {"optimizer": "rmsprop", "lr": 0.003}),
            ("labels", pictures_rolled_on, labels_picked, loaded_again),
            ("linear", {"activation": "relu"}, {"activation": "gelu"}, {"activation": ["tanh", "relu"]}),
            ("dead", {"activation": "leaky_relu"}, biases_zero, new_relus, new_trainer),
            ("weight decay", {"weight_decay": 0.0}, {"optimizer": "adamw"}, {"weight_decay": 1e-3}),
            ("two softmaxes", log_softmax_and_nll, logarithm_in_the_loss, without_the_last),
            ("inputs", divided, moved_back, normalized_in_front),
            ("all alike", new_tanhs, drawn_by_hand, standard),
            ("rate too high", {"lr": 0.01}, {"lr": 0.02}, {"optimizer": "sgd", "lr": 0.5}),
            ("saturated", divided_weights, smaller_theta, new_tanhs),
            ("dropout", {"dropout": 0.0}, {"dropout": 0.5}, new_relus),
            ("wrong gradient", {"activation": "relu"}, another_module, new_relus),
        ),
        start=1,
    )
}
