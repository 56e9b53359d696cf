"""The equations of every kind of layer, loss and optimizer, compared with the numbers of the engine."""

import sys
from pathlib import Path

import numpy as np
import pytest

import nbprop as nb
from nbprop import nn, optim
from nbprop.equations import RULES, TABLE, Equations
from nbprop.sources import Explained

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1] / "training")]  # importlib mode does not
import random_runs
from explained_runs import RUNS, F, check, check_whole, dense, moving, normal, of, text, texts, whole


@pytest.mark.parametrize("pool", [nn.MaxPool2d, nn.AvgPool2d])
@pytest.mark.parametrize(("stride", "padding"), [(2, 0), (1, 1), (2, 1)])
def test_pooling(pool, stride, padding):
    moving(2, stride, padding)
    size = (4 + 2 * padding - 2) // stride + 1
    model = nn.Sequential(
        nn.Linear(4, 4, rng=0, **F), pool(2, stride, padding), nn.Flatten(), nn.Linear(size**2, 2, rng=1, **F)
    )
    explained = Explained(of(model, normal(20, 1, 4, 4)))
    assert check(explained) >= 8
    check_whole(explained)


@pytest.mark.parametrize(("stride", "padding"), [(2, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("bias", [True, False])
def test_convolution(stride, padding, bias):
    moving(3, stride, padding)
    sizes = [5]
    for _ in range(2):
        sizes.append((sizes[-1] + 2 * padding - 3) // stride + 1)
    settings = {"stride": stride, "padding": padding, "bias": bias, **F}
    model = nn.Sequential(
        nn.Conv2d(2, 3, 3, rng=0, **settings), nn.Tanh(), nn.Conv2d(3, 2, 3, rng=1, **settings), nn.Flatten(),
        nn.Linear(2 * sizes[2] ** 2, 2, rng=1, **F),
    )  # fmt: skip
    explained = Explained(of(model, normal(20, 2, 5, 5)))
    assert check(explained) >= 12
    check_whole(explained)


def ends_dense(X, *layers):
    """A network that begins with these layers, and whose last one is a Linear on all that they give."""
    first = nn.Sequential(*layers)
    size = first(X[:1]).size
    return of(nn.Sequential(*layers, nn.Flatten(), nn.Linear(size, 2, rng=9, **F)), X)


@pytest.mark.parametrize("axes", [1, 2])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("settings", [{"stride": 2, "padding": 1}, {"dilation": 2, "groups": 2}])
def test_convolutions_of_all_kinds(axes, bias, settings):
    moving(3, **settings, axes=axes)
    X = normal(20, 2, *[9, 10][:axes])
    for name in ("Conv", "ConvTranspose"):
        kind = getattr(nn, f"{name}{axes}d")
        layers = [
            kind(2, 4, 3, bias=bias, rng=0, **settings, **F),
            nn.Tanh(),
            kind(4, 2, 3, bias=bias, **settings, **F),
        ]
        explained = Explained(ends_dense(X, *layers))
        assert check(explained) >= 12
        check_whole(explained)


@pytest.mark.parametrize("sample", [None, 3])
def test_a_pooling_of_sequences(sample):
    moving(2, 1, 1, axes=1)
    for pool in (nn.MaxPool1d(2, 1, 1), nn.AvgPool1d(2, 1, 1), nn.AvgPool1d(2, 1, 1, count_include_pad=False)):
        explained = Explained(ends_dense(normal(20, 2, 5), nn.Linear(5, 5, rng=0, **F), pool), sample)
        assert check(explained) >= 8
        check_whole(explained)


OF_IMAGES = {
    "adaptive mean": lambda: [nn.AdaptiveAvgPool2d((2, 3))],
    "adaptive largest": lambda: [nn.AdaptiveMaxPool2d((2, 3))],
    "upsample": lambda: [nn.Upsample(scale_factor=2)],
    "upsample by mixing": lambda: [nn.Upsample((5, 7), mode="bilinear")],
    "upsample with corners": lambda: [nn.Upsample((5, 7), mode="bilinear", align_corners=True)],
    "group norm": lambda: [nn.GroupNorm(2, 4, **F), nn.Tanh()],
    "group norm without weights": lambda: [nn.GroupNorm(2, 4, affine=False, **F), nn.Tanh()],
    "instance norm": lambda: [nn.InstanceNorm2d(4, affine=True, **F), nn.Tanh()],
    "rms norm": lambda: [nn.RMSNorm((4, 5), **F)],
    "prelu": lambda: [nn.PReLU(4, dtype=np.float64)],
    "softmax": lambda: [nn.Softmax()],
    "dropout of channels": lambda: [nn.Dropout2d(0.5)],
}


@pytest.mark.parametrize("sample", [None, 3])
@pytest.mark.parametrize("name", OF_IMAGES)
def test_layers_for_images(name, sample):
    moving(1)
    trainer = ends_dense(normal(20, 3, 4, 5), nn.Conv2d(3, 4, 1, rng=0, **F), *OF_IMAGES[name]())
    trainer.fit(steps=2, bar=False)
    explained = Explained(trainer, sample)
    assert check(explained) >= 8
    check_whole(explained)


@pytest.mark.parametrize(
    "between", [nn.RMSNorm(4, **F), nn.PReLU(dtype=np.float64), nn.LogSoftmax(), nn.GroupNorm(2, 4, **F)]
)
def test_layers_for_features(between):
    explained = Explained(dense(between, nn.Tanh()))
    assert check(explained) >= 8
    check_whole(explained)
    model = nn.Sequential(
        nn.Linear(2, 4, rng=0, **F), nn.Unflatten(1, (2, -1)), nn.Flatten(), nn.Linear(4, 2, rng=1, **F)
    )
    assert check(Explained(of(model))) >= 8


W3 = (0.5, 2.0, 1.25)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (nn.MSELoss, {}), (nn.L1Loss, {}), (nn.HuberLoss, {"delta": 0.3}), (nn.SmoothL1Loss, {"beta": 0.3}),
        (nn.SmoothL1Loss, {"beta": 0.0}), (nn.BCEWithLogitsLoss, {}), (nn.BCEWithLogitsLoss, {"pos_weight": 3.0}),
        (nn.BCEWithLogitsLoss, {"weight": 2.0, "pos_weight": 0.5}), (nn.HingeLoss, {}), (nn.BCELoss, {}),
        (nn.BCELoss, {"weight": 2.0}),
    ],
)  # fmt: skip
def test_losses_of_numbers_and_of_two_classes(kind, settings, reduction):
    end = [nn.Sigmoid()] if kind is nn.BCELoss else []
    model = nn.Sequential(nn.Linear(2, 1, rng=0, **F), *end)
    explained = Explained(of(model, y=whole(2, 40), loss=kind(**settings, reduction=reduction)))
    assert check(explained) >= 3
    check_whole(explained)
    error = next(station for station in explained.stations if station.name == "error")
    assert error.note.startswith(f"The loss is the {reduction} over 8 samples")
    assert all(f"the {reduction} of their gradients" in s.where["Σ"] for s in explained.stations if "Σ" in s.where)


class LogSoftmaxed(nn.Module):
    def forward(self, x):
        return x.log_softmax()


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (nn.CrossEntropyLoss, {}), (nn.CrossEntropyLoss, {"label_smoothing": 0.2}), (nn.NLLLoss, {}),
        (nn.CrossEntropyLoss, {"weight": W3}), (nn.NLLLoss, {"weight": W3, "ignore_index": 1}),
        (nn.CrossEntropyLoss, {"weight": W3, "ignore_index": 1, "label_smoothing": 0.2}), (nn.KLDivLoss, {}),
        (nn.KLDivLoss, {"reduction": "batchmean"}), (nn.MultiMarginLoss, {}), (nn.MultiMarginLoss, {"p": 2}),
        (nn.MultiMarginLoss, {"weight": W3}), (nn.MultiMarginLoss, {"weight": W3, "p": 2}),
    ],
)  # fmt: skip
def test_losses_of_classes(kind, settings, reduction):
    loss = kind(**{"reduction": reduction, **settings})
    model = nn.Sequential(nn.Linear(2, 3, rng=0, **F), *[LogSoftmaxed()] * bool(loss.takes))
    explained = Explained(of(model, y=whole(3, 40), loss=loss))
    assert check(explained) >= 2
    check_whole(explained)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("log_input", [True, False])
def test_counts(log_input, reduction):
    model = nn.Sequential(nn.Linear(2, 1, rng=0, **F), *[nn.Softplus()] * (not log_input))
    data = nb.data.Arrays(normal(40, 2), whole(4, 40, 1).astype(float))
    loss = nn.PoissonNLLLoss(log_input, 1e-3, reduction)
    explained = Explained(nb.Trainer(model, data, loss=loss, seed=0))
    assert check(explained) >= 2
    check_whole(explained)


@pytest.mark.parametrize("loss", [nn.CrossEntropyLoss(), nn.CrossEntropyLoss(label_smoothing=0.2)])
def test_softmax_and_cross_entropy_give_p_minus_y(loss):
    trainer = of(nn.Sequential(nn.Linear(2, 3, rng=0, **F)), y=whole(3, 40), loss=loss)
    explained = Explained(trainer)
    check(explained)
    error = explained.stations[3]
    assert (error.phase, text(explained, error.lines[0])) == ("error", "δ₁ = (p − y) / n")


OPTIMIZERS = [
    lambda: optim.SGD(0.05),
    lambda: optim.SGD(0.05, momentum=0.9),
    lambda: optim.SGD(0.05, momentum=0.9, nesterov=True, weight_decay=0.1),
    lambda: optim.AdaGrad(0.05),
    lambda: optim.RMSProp(0.01),
    lambda: optim.RMSProp(0.01, centered=True, weight_decay=0.01),
    lambda: optim.AdaDelta(),
    lambda: optim.Adam(0.02, weight_decay=0.1),
    lambda: optim.AdamW(0.02, weight_decay=0.1),
    lambda: optim.AdamW(0.02, schedule=optim.StepLR(2, 0.5)),
    lambda: optim.SGD(0.05, momentum=0.9, dampening=0.5),
    lambda: optim.Adam(0.02, amsgrad=True),
    lambda: optim.Adamax(0.02, weight_decay=0.1),
    lambda: optim.NAdam(0.02, momentum_decay=0.1),
    lambda: optim.RAdam(0.02),
    lambda: optim.RAdam(0.02, betas=(0.9, 0.7)),
    lambda: optim.Lion(0.02, weight_decay=0.1),
    lambda: optim.Muon(0.02),
    lambda: optim.Muon(0.02, nesterov=False, weight_decay=0),
]


@pytest.mark.parametrize("make", OPTIMIZERS)
@pytest.mark.parametrize(
    "settings", [{}, {"l1": 0.01, "clip": 0.1}, {"clip_value": 0.01, "clip": 100.0, "accumulate": 2}]
)
def test_the_update_is_reproduced_to_the_last_term(make, settings):
    trainer = dense(nn.Tanh(), optimizer=make(), **settings)
    trainer.fit(steps=3, bar=False)
    explained = Explained(trainer)
    # AdaGrad and the like divide by a root in another order of operations: the last digits differ.
    assert check(explained, rtol=1e-6, atol=1e-8) >= 8
    check_whole(explained)
    r = explained.rehearsal
    trainer.step()
    np.testing.assert_array_equal(r.after, trainer.theta)


@pytest.mark.parametrize("seed", range(12))
def test_random_runs(seed):
    trainer = random_runs.begun(np.random.default_rng(seed), dtype=np.float64)
    trainer.fit(steps=seed % 5, bar=False)
    for sample in (None, seed):
        explained = Explained(trainer, sample)
        check(explained, rtol=1e-5, atol=1e-7)
        check_whole(explained)


@pytest.mark.parametrize("activation", nn.ACTIVATIONS)
def test_equations_of_silenced_units(activation):
    model = nn.mlp([2, 5, 4, 1], activation=activation, seed=0, dtype=np.float64)
    trainer = nb.Trainer(model, nb.data.moons(samples=40, seed=0), batch_size=8, seed=0)
    trainer.silence("hidden 1", 1, 4)
    trainer.fit(steps=2, bar=False)
    explained = Explained(trainer)
    assert "a₁ = m₁ ⊙" in "".join(texts(explained))
    check(explained, rtol=1e-5, atol=1e-7)
    check_whole(explained)


def test_what_is_said_of_a_frozen_unit():
    trainer = RUNS["batch norm"]()
    trainer.freeze("hidden 1", unit=2)
    notes = [(station.phase, station.note) for station in Explained(trainer).stations]
    assert ("backward", "Frozen, so that its gradient counts as 0: unit 2.") in notes
    assert ("update", "Frozen, with Δ = 0: unit 2.") in notes


@pytest.mark.parametrize("seed", range(4))
def test_in_single_precision_too(seed):
    trainer = random_runs.begun(np.random.default_rng(40 + seed), dtype=np.float32)
    trainer.fit(steps=2, bar=False)
    check(Explained(trainer), rtol=2e-2, atol=1e-3)


# ---- nothing is forgotten -------------------------------------------------------------------------------------------

KINDS = [getattr(nn, name) for name in nn.__all__ if isinstance(getattr(nn, name), type)]
NO_LAYERS = {  # what holds others, and what all of a kind share
    nn.Module, nn.Parameter, nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.Activation, nn.Recurrent, nn.Loss,
    nn.RecurrentCell,
    nn.FunctionLoss,  # explained by the ops of the function
}  # fmt: skip


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in NO_LAYERS])
def test_every_layer_and_every_loss_says_its_equations(kind):
    assert kind in TABLE


def test_every_optimizer_says_its_rule():
    made = [optim.optimizer(name) for name in optim.OPTIMIZERS]
    assert {type(each) for each in made} <= set(RULES)


def test_a_layer_of_ones_own_may_say_its_equation():
    class Double(nn.Module):
        def forward(self, x):
            return x * 2.0

        def equations(self, nodes):
            return Equations(("{y} = twice {x}",), "twice {dy}", where={"twice": "two times"})

    said = texts(Explained(dense(Double())))
    assert {"a₂ = twice z₁", "δ₁ = twice ∂L/∂a₂"} <= set(said)


def test_an_optimizer_of_ones_own_is_named():
    class Half(optim.Optimizer):
        """theta <- theta - g / 2.  Nothing else."""

        checks = {"lr": lambda name, value: value}

        def __init__(self, lr=0.1, weight_decay=0.0, schedule=None):
            super().__init__(lr=lr, weight_decay=weight_decay, schedule=schedule)

        def rule(self, theta, gradient, lr):
            theta -= gradient / 2

    said = texts(Explained(dense(nn.Tanh(), optimizer=Half())))
    assert "ΔW₁ = by Half: theta <- theta - g / 2.  Nothing else" in said
