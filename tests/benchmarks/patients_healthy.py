"""Patients of the doctor with nothing wrong: there should be no finding."""

import numpy as np
from ward import DATA, Pooled, clouds, cnn, language, patient, recurrent, sequences, sign_of

import nbprop as nb

# ---- healthy: the playground as it opens, on each data set -----------------------------------------------------------


def playground(data, seed=0):
    """The run of `nb.Playground(data)`, without its widgets."""
    made = nb.data.dataset(data, seed=seed)
    sizes = [int(np.prod(made.input_shape)), 8, 8, 8, 8, made.outputs]
    return nb.Trainer(nb.nn.mlp(sizes, activation="tanh", init="xavier", dropout=0.0, seed=seed), made, seed=seed)


for each in DATA:

    def opened(kind, name=each):
        return playground(name, kind.seed)

    opened.__name__ = f"playground {each}"
    patient(steps=1000)(opened)


# ---- healthy ---------------------------------------------------------------------------------------------------------


@patient(may=("update_ratio",))
def relu_adam(kind):
    data = kind.data("spirals", "circles", "moons")
    return kind.trainer(kind.mlp(data, [16, 16], "relu"), data, lr=0.01)


@patient()
def plain_descent(kind):
    data = kind.data("moons", "circles", "gaussians")
    return kind.trainer(kind.mlp(data, [16]), data, optimizer="sgd", lr=0.2)


@patient(may=("update_ratio",))
def momentum(kind):
    data = kind.data("circles", "xor", "moons")
    return kind.trainer(kind.mlp(data, [12, 12]), data, optimizer="momentum", lr=0.05)


@patient(may=("update_ratio", "plateau"))
def whole_batches(kind):
    data = kind.data("moons", "circles", "gaussians")
    return kind.trainer(kind.mlp(data, [16]), data, optimizer="sgd", lr=0.3, batch_size=1000)


@patient(may=("update_ratio",))
def gelu_rmsprop(kind):
    data = kind.data("xor", "moons", "circles")
    return kind.trainer(kind.mlp(data, [16, 16], "gelu"), data, optimizer="rmsprop", lr=0.005)


@patient(may=("update_ratio",))
def leaky_nesterov(kind):
    data = kind.data("gaussians", "moons", "circles")
    return kind.trainer(kind.mlp(data, [16, 16], "leaky_relu"), data, optimizer="nesterov", lr=0.02)


@patient(may=("update_ratio",), steps=600)
def wave_adam(kind):
    data = kind.data("wave", "surface")
    return kind.trainer(kind.mlp(data, [16, 16]), data, lr=0.01)


@patient(may=("update_ratio",), steps=600)
def surface_silu(kind):
    data = kind.data("surface", "wave")
    return kind.trainer(kind.mlp(data, [16, 16], "silu"), data, lr=0.01)


@patient(may=("update_ratio",))
def wave_huber(kind):
    data = kind.data("wave", "surface")
    return kind.trainer(kind.mlp(data, [16, 16]), data, "huber", lr=0.01)


@patient()
def iris_descent(kind):
    data = kind.data("iris")
    return kind.trainer(kind.mlp(data, [12]), data, optimizer="sgd", lr=0.1)


@patient()
def digits_relu(kind):
    data = kind.data("digits")
    return kind.trainer(kind.mlp(data, [64, 32], "relu"), data, lr=0.002)


@patient(may=("update_ratio",))
def digits_dropout(kind):
    data = kind.data("digits")
    return kind.trainer(kind.mlp(data, [64], "relu", dropout=0.3), data, lr=0.005)


@patient()
def digits_convolution(kind):
    data = kind.data("digits", image=True)
    return kind.trainer(cnn(kind), data, lr=0.003, batch_size=64)


@patient(steps=300)
def convolution_batch_norm(kind):
    data = kind.data("digits", image=True)
    return kind.trainer(cnn(kind, batch_norm=True), data, lr=0.003, batch_size=64, drop_last=True)


@patient(may=("update_ratio",))
def batch_norm(kind):
    data = kind.data("spirals", "moons", "circles")
    trainer = kind.trainer(kind.mlp(data, [16, 16, 16]), data, drop_last=True, lr=0.01)
    trainer.set(batch_norm=True)
    return trainer


@patient(may=("update_ratio",))
def deep_tanh(kind):
    data = kind.data("circles", "moons")
    return kind.trainer(kind.mlp(data, [16] * 10), data, lr=0.003)


@patient(may=("update_ratio",), steps=500)
def deep_residual(kind):
    data, rng = kind.data("circles", "moons", "gaussians"), np.random.default_rng(kind.seed)
    w = kind.width(16)
    blocks = [
        nb.nn.Residual(nb.nn.LayerNorm(w), nb.nn.Linear(w, w, rng=rng), nb.nn.Tanh()) for _ in range(8)
    ]  # fmt: skip
    model = nb.nn.Sequential(nb.nn.Linear(2, w, rng=rng), *blocks, nb.nn.Linear(w, data.outputs, rng=rng))
    return kind.trainer(model, data, lr=0.003)


@patient(may=("update_ratio",))
def layer_norm(kind):
    data, rng = kind.data("moons", "circles", "gaussians"), np.random.default_rng(kind.seed)
    w = kind.width(16)
    model = nb.nn.Sequential(
        nb.nn.Linear(2, w, rng=rng), nb.nn.LayerNorm(w), nb.nn.ReLU(), nb.nn.Linear(w, data.outputs, rng=rng)
    )
    return kind.trainer(model, data, lr=0.01)


@patient(may=("update_ratio",), steps=240)
def lstm(kind):
    data = sequences(kind)
    return kind.trainer(recurrent(kind, nb.nn.LSTM), data, lr=0.01)


@patient(may=("update_ratio",), steps=240)
def gru(kind):
    data = sequences(kind)
    return kind.trainer(recurrent(kind, nb.nn.GRU), data, lr=0.01)


@patient(may=("update_ratio",), steps=300)
def rnn_that_remembers(kind):
    model = recurrent(kind, nb.nn.RNN, recurrent_init=nb.nn.init.orthogonal())
    return kind.trainer(model, sign_of(kind, 0, 12), lr=0.01)


@patient(may=("update_ratio",), steps=200)
def rnn_that_need_not_remember(kind):
    model = recurrent(kind, nb.nn.RNN, recurrent_init=nb.nn.init.orthogonal(gain=0.5))
    return kind.trainer(model, sign_of(kind, -1, 40), lr=0.01)


@patient(may=("update_ratio",), steps=240)
def rnn_clipped_now_and_then(kind):
    data = sequences(kind)
    return kind.trainer(recurrent(kind, nb.nn.RNN), data, lr=0.005, clip=5.0)


@patient(may=("update_ratio",))
def transformer(kind):
    data = sequences(kind)
    return kind.trainer(Pooled(2 * kind.width(8), 1, 1, 1, kind.seed), data, lr=0.003)


@patient(may=("update_ratio",), steps=300)
def small_language_model(kind):
    data, rng, w = language(kind), np.random.default_rng(kind.seed), 2 * kind.width(8)
    model = nb.nn.Sequential(
        nb.nn.Embedding(6, w, rng=rng), nb.nn.LearnedPositions(8, w, rng=rng),
        nb.nn.TransformerBlock(w, 2, causal=True, rng=rng), nb.nn.LayerNorm(w), nb.nn.Linear(w, 6, rng=rng),
    )  # fmt: skip
    return kind.trainer(model, data, lr=0.005)


@patient(may=("update_ratio",))
def adamw(kind):
    data = kind.data("moons", "circles", "xor")
    return kind.trainer(kind.mlp(data, [16, 16]), data, optimizer="adamw", lr=0.005)


@patient(may=("update_ratio",))
def hinge(kind):
    data = kind.data("moons", "circles")
    return kind.trainer(kind.mlp(data, [16]), data, "hinge", lr=0.01)


@patient(may=("update_ratio",))
def a_loss_of_ones_own(kind):
    data = kind.data("moons", "circles")
    return kind.trainer(
        kind.mlp(data, [16]),
        data,
        lambda z, y: ((z[:, 0].sigmoid() - nb.Tensor(y.astype(np.float32))) ** 2).mean(),
        lr=0.01,
    )


@patient(may=("update_ratio",))
def frozen_first_layer(kind):
    data = kind.data("moons", "circles")
    trainer = kind.trainer(kind.mlp(data, [32, 16]), data, lr=0.01)
    trainer.freeze("hidden 1")
    return trainer


@patient(may=("update_ratio",))
def an_autoencoder(kind):
    data, w = nb.data.digits(seed=kind.seed), kind.width(24)

    def loss(model, batch):
        return ((model(batch) - nb.Tensor(batch)) ** 2).mean()

    model = nb.nn.mlp([64, w, 64], activation="tanh", seed=kind.seed)
    return nb.Trainer(model, objective=nb.Objective(loss, data.X_train), lr=0.005, seed=kind.seed)


@patient(may=("update_ratio",))
def clouds_that_overlap(kind):
    data = clouds(kind, (0.4, 0.3, 0.3), apart=1.5)
    return kind.trainer(kind.mlp(data, [8]), data, lr=0.002)


@patient()
def a_straight_line_is_enough(kind):
    data = clouds(kind, apart=2.0)
    return kind.trainer(kind.mlp(data, []), data, optimizer="sgd", lr=0.1)


@patient()
def scaled_measurements(kind):
    rng = np.random.default_rng(kind.seed)
    X = rng.normal(size=(kind.samples, 3)) * [1, 300, 5000] + [0, 50, 20000]
    y = (X[:, :1] + X[:, 1:2] / 300) ** 2
    data = nb.data.from_arrays(X, (y - y.mean()) / y.std(), scale="standard", seed=kind.seed, name="measurements")
    return kind.trainer(kind.mlp(data, [16, 16]), data, lr=0.005)


@patient(may=("update_ratio",), steps=600)
def sigmoid_of_one_layer(kind):
    data = kind.data("circles", "xor")
    return kind.trainer(kind.mlp(data, [16], "sigmoid"), data, lr=0.02)


@patient(may=("update_ratio",))
def softplus_l1(kind):
    data = kind.data("moons", "gaussians")
    return kind.trainer(kind.mlp(data, [16, 8], "softplus"), data, lr=0.01, l1=1e-4)


@patient(steps=60)
def young(kind):
    data = kind.data("spirals", "xor")
    return kind.trainer(kind.mlp(data, [8, 8]), data, lr=0.003)


# ---- healthy, and less usual -----------------------------------------------------------------------------------------


@patient(may=("update_ratio",))
def elu_momentum(kind):
    data = kind.data("circles", "moons")
    return kind.trainer(kind.mlp(data, [16, 16], "elu"), data, optimizer="momentum", lr=0.02)


@patient(may=("update_ratio", "plateau"))
def a_rate_that_falls(kind):
    data = kind.data("moons", "circles", "gaussians")
    optimizer = nb.optim.Adam(lr=0.02, schedule=nb.optim.StepLR(100, 0.5))
    return kind.trainer(kind.mlp(data, [16, 16]), data, optimizer=optimizer)


@patient(may=("update_ratio",))
def adagrad(kind):
    data = kind.data("circles", "moons", "xor")
    return kind.trainer(kind.mlp(data, [16, 16]), data, optimizer="adagrad", lr=0.05)


@patient()
def a_little_weight_decay(kind):
    data = kind.data("digits")
    optimizer = nb.optim.SGD(lr=0.05, momentum=0.9, weight_decay=1e-4)
    return kind.trainer(kind.mlp(data, [48], "relu"), data, optimizer=optimizer)


@patient(may=("update_ratio",), steps=300)
def mean_pooling(kind):
    data, rng, f = kind.data("digits", image=True), np.random.default_rng(kind.seed), kind.width(8)
    model = nb.nn.Sequential(
        nb.nn.Conv2d(1, f, 3, padding=1, rng=rng), nb.nn.Tanh(), nb.nn.AvgPool2d(2), nb.nn.Flatten(),
        nb.nn.Linear(f * 16, 10, rng=rng),
    )  # fmt: skip
    return kind.trainer(model, data, lr=0.003, batch_size=64)


@patient(may=("update_ratio",), steps=300)
def two_blocks(kind):
    data = sequences(kind)
    return kind.trainer(Pooled(2 * kind.width(8), 1, 1, 2, kind.seed), data, lr=0.002)


@patient(may=("update_ratio",), steps=240)
def lstm_without_clipping(kind):
    data = sequences(kind, length=20)
    return kind.trainer(recurrent(kind, nb.nn.LSTM), data, lr=0.005, batch_size=64)


@patient(may=("update_ratio",))
def wide(kind):
    data = kind.data("moons", "circles")
    return kind.trainer(kind.mlp(data, [128]), data, lr=0.003)


@patient(may=("update_ratio", "plateau"))
def distances(kind):
    data = kind.data("surface", "wave")
    return kind.trainer(kind.mlp(data, [16, 16]), data, "mae", lr=0.005)


@patient(may=("update_ratio",))
def gathered_over_four(kind):
    data = kind.data("moons", "circles")
    return kind.trainer(kind.mlp(data, [16, 16]), data, lr=0.01, batch_size=16, accumulate=4)


@patient()
def iris_nesterov(kind):
    data = kind.data("iris")
    return kind.trainer(kind.mlp(data, [8], "relu"), data, optimizer="nesterov", lr=0.02)


@patient(may=("update_ratio",), steps=300)
def letters_and_a_gru(kind):
    data, rng, w = language(kind), np.random.default_rng(kind.seed), kind.width(16)

    class Reader(nb.nn.Module):
        def __init__(self):
            self.letters = nb.nn.Embedding(6, w, rng=rng)
            self.memory = nb.nn.GRU(w, w, batch_first=True, rng=rng)
            self.head = nb.nn.Linear(w, 6, rng=rng)

        def forward(self, x):
            return self.head(self.memory(self.letters(x))[0])

    return kind.trainer(Reader(), data, lr=0.005)


@patient(may=("update_ratio",))
def many_classes(kind):
    data = clouds(kind, (0.2, 0.2, 0.2, 0.2, 0.2), apart=3.0)
    return kind.trainer(kind.mlp(data, [16], "relu"), data, lr=0.005)
