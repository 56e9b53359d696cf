"""Patients of the doctor with too much, or too little, of something."""

import numpy as np
from ward import Beside, Cut, clouds, patient, recurrent, sequences

import nbprop as nb

# ---- what is too large, too small, too much --------------------------------------------------------------------------


@patient("overfitting", may=("update_ratio", "noisy_labels"), steps=3000)
def few_noisy_points(kind):
    data = kind.data("moons", "spirals", samples=90, noise=0.6, validation=0.4)
    return kind.trainer(kind.mlp(data, [64, 64], "relu"), data, lr=0.005)


@patient("overfitting", may=("update_ratio", "noisy_labels"), steps=2500)
def few_noisy_numbers(kind):
    rng = np.random.default_rng(kind.seed)
    X = rng.normal(size=(100, 10))
    y = X[:, :1] + rng.normal(size=(100, 1))
    data = nb.data.from_arrays(X, y, validation=0.4, seed=kind.seed, name="few")
    return kind.trainer(kind.mlp(data, [64, 64], "relu", sized=False), data, lr=0.005)


@patient("overfitting", may=("update_ratio", "noisy_labels"), steps=1500)
def clouds_by_heart(kind):
    data = clouds(kind, (0.5, 0.5), apart=1.0, inputs=10, n=160)
    return kind.trainer(kind.mlp(data, [64]), data, lr=0.01)


@patient("underfitting", may=("plateau", "update_ratio"), steps=1200)
def a_line_for_spirals(kind):
    data = kind.data("circles", "xor", "spirals")
    return kind.trainer(kind.mlp(data, []), data, lr=0.02)


@patient("underfitting", may=("plateau", "update_ratio"), steps=1000)
def deep_and_straight(kind):
    data = kind.data("surface", "circles", "xor")
    return kind.trainer(kind.mlp(data, [16, 16], "identity", "xavier"), data, lr=0.01)


@patient("underfitting", may=("plateau", "update_ratio"), steps=2500)
def two_units(kind):
    data = kind.data("spirals", "surface")
    return kind.trainer(kind.mlp(data, [2], sized=False), data, lr=0.02)


@patient("plateau", may=("lr_too_low", "update_ratio"), steps=1000)
def a_saddle(kind):
    data = kind.data("xor")
    model = kind.mlp(data, [16], init=nb.nn.init.normal(std=0.02))
    return kind.trainer(model, data, optimizer="sgd", lr=0.1)


@patient("plateau", may=("lr_too_low", "update_ratio"), steps=1000)
def a_saddle_of_numbers(kind):
    data = kind.data("surface")
    model = kind.mlp(data, [16], init=nb.nn.init.normal(std=0.02))
    return kind.trainer(model, data, optimizer="sgd", lr=0.05)


@patient("plateau", may=("lr_too_low", "update_ratio"), steps=2500)
def descent_on_spirals(kind):
    data = kind.data("spirals")
    return kind.trainer(kind.mlp(data, [8, 8]), data, optimizer="sgd", lr=0.02)


@patient("small_batch", may=("lr_too_high", "update_ratio", "saturated", "dead"), steps=1500)
def one_sample_at_a_time(kind):
    data = clouds(kind, (0.5, 0.5), apart=1.0, inputs=6)
    return kind.trainer(kind.mlp(data, [16]), data, optimizer="sgd", lr=0.3, batch_size=1)


@patient("small_batch", may=("lr_too_high", "update_ratio", "saturated", "dead", "overfitting"), steps=1500)
def two_noisy_numbers_at_a_time(kind):
    data = kind.data("wave", "surface", noise=1.0)
    return kind.trainer(kind.mlp(data, [16]), data, optimizer="sgd", lr=0.15, batch_size=2)


@patient("clipping", may=("lr_too_low", "update_ratio"), steps=300)
def clipped_to_nothing(kind):
    data = kind.data("moons", "circles", "digits")
    return kind.trainer(kind.mlp(data, [16]), data, optimizer="sgd", lr=0.1, clip=1e-3)


@patient("clipping", may=("lr_too_low", "update_ratio"), steps=300)
def lstm_clipped_to_nothing(kind):
    data = sequences(kind)
    return kind.trainer(recurrent(kind, nb.nn.LSTM), data, optimizer="sgd", lr=0.1, clip=2e-3)


@patient("weight_decay", may=("plateau", "vanishing", "update_ratio", "underfitting"), steps=600)
def decayed_to_nothing(kind):
    data = kind.data("spirals", "xor", "circles")
    return kind.trainer(kind.mlp(data, [16, 16]), data, optimizer=nb.optim.SGD(lr=0.1, weight_decay=0.3))


@patient("weight_decay", may=("plateau", "vanishing", "update_ratio", "underfitting"), steps=800)
def adam_decayed(kind):
    data = kind.data("digits", "circles")
    return kind.trainer(kind.mlp(data, [32]), data, optimizer=nb.optim.Adam(lr=0.003, weight_decay=0.3))


@patient("tiny_batch_norm", may=("lr_too_high", "small_batch", "update_ratio", "overfitting", "vanishing"), steps=400)
def norm_of_two(kind):
    data = kind.data("moons", "circles", "spirals", samples=400)
    trainer = kind.trainer(kind.mlp(data, [16, 16]), data, drop_last=True, batch_size=2)
    trainer.set(batch_norm=True)
    return trainer


@patient("tiny_batch_norm", may=("lr_too_high", "small_batch", "update_ratio"), steps=300)
def norm_of_four(kind):
    data = kind.data("gaussians", "circles", "moons", samples=400)
    trainer = kind.trainer(kind.mlp(data, [16, 16], "relu"), data, batch_size=4, drop_last=True, lr=0.003)
    trainer.set(batch_norm=True)
    return trainer


@patient("unreached", may=("update_ratio", "plateau"), steps=150)
def a_part_that_is_not_used(kind):
    data, rng = kind.data("moons", "circles"), np.random.default_rng(kind.seed)
    body = kind.mlp(data, [16])
    return kind.trainer(Beside(body, nb.nn.Linear(4, 4, rng=rng)), data, lr=0.005)


@patient("unreached", may=("update_ratio", "plateau", "underfitting"), steps=150)
def detached(kind):
    data, rng, w = kind.data("moons", "circles"), np.random.default_rng(kind.seed), kind.width(16)
    return kind.trainer(Cut(nb.nn.Linear(2, w, rng=rng), nb.nn.Linear(w, 1, rng=rng)), data, lr=0.005)
