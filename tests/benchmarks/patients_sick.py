"""Patients of the doctor with one mistake in how they start or learn."""

import numpy as np
from ward import Ended, clouds, cnn, patient, recurrent, sequences, sign_of

import nbprop as nb

# ---- vanishing, exploding, saturated, dead ---------------------------------------------------------------------------

STUCK = ("lr_too_low", "plateau", "update_ratio")


@patient("vanishing", may=STUCK)
def deep_sigmoid(kind):
    data = kind.data("spirals", "moons", "circles", "xor")
    return kind.trainer(kind.mlp(data, [8] * 8, "sigmoid"), data)


@patient("vanishing", may=STUCK)
def deep_standard_tanh(kind):
    data = kind.data("spirals", "xor", "circles")
    return kind.trainer(kind.mlp(data, [16] * 20, "tanh", "standard"), data, optimizer="sgd", lr=0.01)


@patient("vanishing", may=(*STUCK, "dead"))
def deep_relu_too_small(kind):
    data = kind.data("spirals", "xor")
    return kind.trainer(
        kind.mlp(data, [32] * 15, "leaky_relu", "standard", sized=False), data, optimizer="sgd", lr=0.01
    )


@patient("vanishing", may=STUCK)
def digits_deep_sigmoid(kind):
    data = kind.data("digits")
    return kind.trainer(kind.mlp(data, [24] * 6, "sigmoid"), data, optimizer="sgd", lr=0.1)


@patient("exploding", may=("first_loss", "lr_too_high", "update_ratio", "dead", "overfitting"), steps=100)
def deep_relu_too_large(kind):
    data = kind.data("circles", "moons")
    init = nb.nn.init.normal(std=0.8)
    return kind.trainer(kind.mlp(data, [16] * 10, "relu", init, sized=False), data, optimizer="sgd", lr=1e-9)


@patient("exploding", may=("saturated", "first_loss", "lr_too_high", "update_ratio", "noisy_labels"), steps=200)
def deep_tanh_too_large(kind):
    data = kind.data("spirals", "xor")
    return kind.trainer(kind.mlp(data, [32] * 12, init=nb.nn.init.normal(std=1.0), sized=False), data, lr=1e-4)


@patient(
    "exploding",
    may=("lr_too_high", "first_loss", "update_ratio", "noisy_labels", "saturated", "dead", "lr_too_low"),
    steps=100,
)
def recurrent_too_large(kind):
    data = sequences(kind, 50)
    model = recurrent(kind, nb.nn.RNN, recurrent_init=nb.nn.init.orthogonal(gain=2.2))
    return kind.trainer(model, data, optimizer="sgd", lr=1e-12)


@patient("vanishing_in_time", may=(*STUCK, "overfitting", "update_ratio", "small_batch"), steps=300)
def recurrent_too_small(kind):
    model = recurrent(kind, nb.nn.RNN, recurrent_init=nb.nn.init.orthogonal(gain=0.5))
    return kind.trainer(model, sign_of(kind, 0, 40), optimizer="sgd", lr=0.05)


@patient("vanishing_in_time", may=(*STUCK, "overfitting", "update_ratio", "small_batch"), steps=300)
def gru_that_forgets(kind):
    return kind.trainer(recurrent(kind, nb.nn.GRU), sign_of(kind, 0, 80), lr=0.003)


@patient("saturated", may=("exploding", "first_loss", "overfitting", "lr_too_high", *STUCK), steps=200)
def large_weights(kind):
    data = kind.data("spirals", "xor")
    return kind.trainer(kind.mlp(data, [16, 16, 16], init=nb.nn.init.normal(std=8.0)), data, lr=1e-3)


@patient("saturated", may=("first_loss", "exploding", *STUCK), steps=200)
def digits_large_weights(kind):
    data = kind.data("digits")
    return kind.trainer(kind.mlp(data, [32, 16], init=nb.nn.init.normal(std=3.0)), data, optimizer="sgd", lr=0.001)


@patient("dead", may=("vanishing", *STUCK), steps=200)
def dead_from_a_large_bias(kind):
    data = kind.data("circles", "moons", "digits")
    model = kind.mlp(data, [32, 32], "relu")
    model[0].bias.data[...] = -6.0
    model[2].bias.data[...] = np.where(np.arange(len(model[2].bias.data)) % 4, -6.0, 0.1)
    return kind.trainer(model, data, optimizer="sgd", lr=0.01)


@patient("dead", may=("lr_too_high", "update_ratio", "vanishing", "overfitting", "underfitting", *STUCK), steps=300)
def dead_after_a_large_step(kind):
    data = kind.data("spirals", "moons", "xor")
    model = kind.mlp(data, [32, 16], "relu")
    model[0].bias.data[...] -= np.where(np.arange(len(model[0].bias.data)) % 5, 4.0, 0)
    return kind.trainer(model, data, lr=0.002)


# ---- learning rate ---------------------------------------------------------------------------------------------------


@patient("lr_too_high", may=("saturated", "update_ratio", "exploding", "overfitting", "vanishing", "dead"))
def adam_much_too_fast(kind):
    data = kind.data("spirals")
    return kind.trainer(kind.mlp(data, [16, 16]), data, lr=1.0)


@patient("lr_too_high", may=("saturated", "update_ratio", "exploding", "overfitting", "vanishing", "dead"))
def descent_that_swings(kind):
    data = kind.data("spirals")
    return kind.trainer(kind.mlp(data, [16, 16]), data, optimizer="sgd", lr=5.0)


@patient("lr_too_high", may=("dead", "exploding", "first_loss"), steps=100)
def diverged(kind):
    data = kind.data("wave", "surface")
    return kind.trainer(kind.mlp(data, [16, 16], "relu"), data, optimizer="sgd", lr=30.0)


@patient("lr_too_high", may=("saturated", "update_ratio", "dead", "overfitting", "vanishing", "exploding"))
def momentum_too_fast(kind):
    data = kind.data("digits", "spirals")
    return kind.trainer(kind.mlp(data, [32]), data, optimizer="momentum", lr=2.0)


@patient("lr_too_high", may=("dead", "update_ratio", "vanishing", "exploding"), steps=200)
def convolution_too_fast(kind):
    data = kind.data("digits", image=True)
    return kind.trainer(cnn(kind, activation="leaky_relu"), data, lr=1.0)


@patient("lr_too_high", may=("update_ratio", "saturated", "exploding", "vanishing"), steps=400)
def edge_of_stability(kind):
    data = kind.data("wave", "surface")
    return kind.trainer(kind.mlp(data, [16, 16]), data, optimizer="sgd", lr=1.0, batch_size=1000)


@patient("lr_too_low", may=("update_ratio",))
def adam_much_too_slow(kind):
    data = kind.data("spirals", "moons", "circles", "digits")
    return kind.trainer(kind.mlp(data, [16, 16]), data, lr=2e-6)


@patient("lr_too_low", may=("update_ratio",))
def descent_too_slow(kind):
    data = kind.data("digits", "moons")
    return kind.trainer(kind.mlp(data, [32], "relu"), data, optimizer="sgd", lr=5e-5)


@patient("lr_too_low", may=("update_ratio",), steps=300)
def lstm_too_slow(kind):
    data = sequences(kind)
    return kind.trainer(recurrent(kind, nb.nn.LSTM), data, lr=1e-6)


@patient("update_ratio", may=("overfitting", "lr_too_high"), steps=100)
def large_steps(kind):
    data = kind.data("spirals")
    return kind.trainer(kind.mlp(data, [16, 16]), data, lr=0.04)


@patient("update_ratio", may=("plateau", "overfitting"), steps=200)
def one_layer_stands_still(kind):
    data, rng, w = kind.data("spirals", "xor", "moons"), np.random.default_rng(kind.seed), kind.width(16)
    first = nb.nn.Linear(2, w, rng=rng)
    first.weight.data *= 3e3  # the normalization behind it takes the length away, and the gradient is as much smaller
    model = nb.nn.Sequential(first, nb.nn.BatchNorm1d(w), nb.nn.Tanh(), nb.nn.Linear(w, w, rng=rng), nb.nn.Tanh(),
                             nb.nn.Linear(w, 1, rng=rng))  # fmt: skip
    return kind.trainer(model, data, drop_last=True, lr=1e-3)


# ---- start, data, loss -----------------------------------------------------------------------------------------------


@patient("symmetric", may=STUCK)
def all_weights_zero(kind):
    data = kind.data("moons", "spirals", "digits")
    return kind.trainer(kind.mlp(data, [16, 16], init="zeros"), data)


@patient("symmetric", may=(*STUCK, "saturated", "dead", "first_loss"))
def all_units_the_same(kind):
    data = kind.data("spirals", "xor", "digits")

    def same(rng, fan_in, fan_out):
        return np.full((fan_out, fan_in), 0.1)

    return kind.trainer(kind.mlp(data, [16, 16], "tanh", same), data)


@patient("unscaled", may=("saturated", "dead", "first_loss", "vanishing", "exploding", "lr_too_high", *STUCK))
def one_feature_in_thousands(kind):
    made = clouds(kind, inputs=4)
    X, y = np.concatenate([made.X_train, made.X_val]), np.concatenate([made.y_train, made.y_val])
    data = nb.data.from_arrays(X * [1, 5000, 1, 0.1], y, seed=kind.seed, name="units", task="binary")
    return kind.trainer(kind.mlp(data, [16, 16]), data)


@patient("unscaled", may=("saturated", "first_loss", "dead", "vanishing", "exploding", "lr_too_high", *STUCK))
def pixels_as_bytes(kind):
    made = kind.data("digits")
    data = nb.data.from_arrays(made.X_train * 255, made.y_train, made.X_val * 255, made.y_val, name="bytes")
    return kind.trainer(kind.mlp(data, [32]), data, lr=1e-3)


@patient("wrong_loss", may=("overfitting", *STUCK))
def softmax_twice(kind):
    data = kind.data("gaussians", "iris", "digits")
    return kind.trainer(Ended(kind.mlp(data, [16]), lambda z: z.softmax()), data, lr=0.005)


@patient("wrong_loss", may=(*STUCK, "update_ratio"))
def sigmoid_twice(kind):
    data = kind.data("moons", "circles", "xor")
    model = kind.mlp(data, [16])
    model.append(nb.nn.Sigmoid())
    return kind.trainer(model, data, lr=0.005)


@patient("wrong_loss", may=("update_ratio", *STUCK))
def sigmoid_and_mse(kind):
    data = kind.data("circles", "moons", "spirals")
    model = kind.mlp(data, [16])
    model.append(nb.nn.Sigmoid())
    return kind.trainer(model, data, "mse", lr=0.005)


@patient("wrong_loss", may=("saturated", "dead", "vanishing", *STUCK))
def numbers_out_of_reach(kind):
    data = kind.data("wave", "surface")
    model = kind.mlp(data, [16, 16])
    model.append(nb.nn.Sigmoid())
    return kind.trainer(model, data, lr=0.005)


@patient("first_loss", may=("overfitting", "update_ratio", "lr_too_high"), steps=30)
def sure_from_the_start(kind):
    data = kind.data("digits", "gaussians", "iris")
    model = kind.mlp(data, [32])
    model[-1].weight.data *= 40
    return kind.trainer(model, data)


@patient("first_loss", may=("overfitting", "lr_too_high", "update_ratio", "noisy_labels"), steps=20)
def numbers_far_from_the_start(kind):
    data = kind.data("wave", "surface")
    model = kind.mlp(data, [16, 16])
    model[-1].weight.data *= 8
    model[-1].bias.data += 4
    return kind.trainer(model, data)


@patient("imbalance", may=("overfitting", "underfitting", "plateau", "update_ratio"))
def one_in_twenty(kind):
    data = clouds(kind, (0.95, 0.05), apart=1.5)
    return kind.trainer(kind.mlp(data, [8]), data, lr=0.002)


@patient("imbalance", may=("overfitting", "update_ratio"))
def a_rare_digit(kind):
    made = kind.data("digits")
    kept = (made.y_train != 3) | (np.arange(len(made.y_train)) % 12 == 0)
    data = nb.data.from_arrays(made.X_train[kept], made.y_train[kept], made.X_val, made.y_val, name="few threes")
    return kind.trainer(kind.mlp(data, [32]), data, lr=0.003)


@patient("noisy_labels", may=("overfitting", "underfitting", "plateau", "update_ratio", "lr_too_low"), steps=600)
def labels_shuffled(kind):
    made, rng = kind.data("moons", "digits", "gaussians"), np.random.default_rng(kind.seed)
    data = nb.data.from_arrays(made.X_train, rng.permutation(made.y_train), made.X_val, rng.permutation(made.y_val))
    return kind.trainer(kind.mlp(data, [16, 16]), data, lr=0.005)


@patient("noisy_labels", may=("overfitting", "underfitting", "plateau", "update_ratio"), steps=600)
def every_fifth_label_wrong(kind):
    made, rng = kind.data("circles", "moons", "digits", samples=400), np.random.default_rng(kind.seed)
    classes = len(made.classes)

    def flipped(y):
        return np.where(rng.random(len(y)) < 0.2, (y + rng.integers(1, classes, len(y))) % classes, y)

    data = nb.data.from_arrays(made.X_train, flipped(made.y_train), made.X_val, flipped(made.y_val), name="flipped")
    return kind.trainer(kind.mlp(data, [16]), data, lr=0.005)
