"""`trainer.script("torch")`: the program is run here, and its losses are those of the run."""

import io
import os
import subprocess
import sys
from contextlib import redirect_stdout

import numpy as np
import pytest
import random_runs
from hypothesis import assume, given, settings, strategies as st
from random_runs import run
from test_script import written

import nbprop as nb
from nbprop import nn, optim

pytestmark = pytest.mark.torch
FLOAT32 = 150  # steps for which the roundings of float32 have not grown to 1e-5, or nearly


def losses(text):
    """Those of the program; the names that it leaves behind."""
    import torch

    names, dtype = {"__name__": "__main__"}, torch.get_default_dtype()
    torch.set_num_threads(1)
    try:
        with redirect_stdout(io.StringIO()) as said:
            exec(compile(text, "script", "exec"), names)
    finally:
        torch.set_default_dtype(dtype)
    return np.array(names["losses"]), said.getvalue()


def assert_same(trainer, rtol=1e-5):
    made, said = losses(trainer.script("torch"))
    steps, values = trainer.history.series("loss")
    np.testing.assert_allclose(made[steps - 1], values, rtol=rtol, atol=1e-12)
    assert len(made) == trainer.steps
    first, *others = said.splitlines()
    assert first == f"after step {trainer.steps}"
    ends = {name: float(value) for name, value in (line.split(": ") for line in others)}
    now = trainer.evaluate()
    assert ends == pytest.approx({name: now[name] for name in ends}, rel=max(rtol, 1e-7))
    assert ends.keys() == {name for name in now if name.endswith("_loss")}


@given(st.integers(0, 10**6))
@settings(max_examples=20)
def test_any_run_without_dropout(seed):
    """In float64, where rounding is no matter; but not where something jumps at 0: l1 * sign(theta), sign(error)."""
    try:
        trainer, done = run(seed, dropout=False, dtype=np.float64, single=False)
    except nb.Diverged:
        return
    assume("l1" not in done and not trainer.at(0).l1)
    assume(all(getattr(each, "given", "") != "mae" for each in objectives(trainer)))
    assert_same(trainer)


def objectives(trainer):
    return [trainer._past.snapshots[0].objective, *(turn[2] for turn in trainer._past.turns if turn[1] == "objective")]


def spirals(hidden=(8, 8), dtype=np.float32, activation="tanh", init="xavier", dropout=None, **options):
    model = nn.mlp([2, *hidden, 1], activation, init, 3, dtype, dropout)
    return nb.Trainer(model, nb.data.spirals(seed=2), **{"lr": 0.01, "seed": 1, **options})


def test_a_usual_run():
    trainer = spirals()
    trainer.fit(steps=FLOAT32, bar=False)
    assert_same(trainer)


def test_a_usual_run_with_turns():
    trainer = spirals(optimizer="sgd", lr=0.1)
    trainer.fit(steps=50, bar=False)
    trainer.set(lr=0.2, batch_size=20)
    trainer.fit(steps=40, bar=False)
    trainer.set(optimizer="adam", lr=0.01)
    trainer.fit(steps=30, bar=False)
    trainer.depth = 4
    trainer.fit(steps=30, bar=False)
    assert_same(trainer)


def test_thousands_of_steps_in_float64():
    trainer = spirals(dtype=np.float64, optimizer=optim.Adam(lr=0.01, schedule=optim.CosineAnnealingLR(2000)))
    trainer.fit(steps=700, bar=False)
    trainer.set(depth=3, clip=0.5, weight_decay=1e-4)
    trainer.fit(steps=700, bar=False)
    trainer.set(batch_norm=True, width=6, activation="silu")
    trainer.fit(steps=700, bar=False)
    assert_same(trainer)


@pytest.mark.parametrize("activation", [*nn.ACTIVATIONS, nn.LeakyReLU(0.3), nn.ELU(0.5), nn.GELU("none")], ids=str)
def test_activations(activation):
    trainer = spirals(activation=activation)
    trainer.fit(steps=30, bar=False)
    trainer.depth = 3
    trainer.fit(steps=20, bar=False)
    assert_same(trainer)


@pytest.mark.parametrize(
    "init", [*nn.INITIALIZERS, "leaky he", nn.init.lecun(uniform=True), nn.init.he(mode="fan_out")]
)
def test_first_weights_are_the_same(init):
    activation = nn.LeakyReLU(0.3) if init == "leaky he" else "tanh"
    trainer = spirals(init="he" if init == "leaky he" else init, activation=activation, dtype=np.float64)
    trainer.fit(steps=10, bar=False)
    trainer.reinitialize("output", "he")
    trainer.fit(steps=10, bar=False)
    trainer.freeze("hidden 1")
    trainer.reinitialize("all", "xavier")
    trainer.fit(steps=10, bar=False)
    assert_same(trainer, 1e-12)


@pytest.mark.parametrize("name", ["lion", "muon", "nadam", optim.LBFGS()])
def test_what_pytorch_has_not_is_refused(name):
    trainer = spirals(optimizer=name, lr=None, batch_size=1000)
    with pytest.raises(ValueError, match=r"PyTorch has no \w+ that would do the same here; try framework='nbprop'"):
        trainer.script("torch")


SETTINGS = [
    optim.RMSProp(centered=True),
    optim.Adam(weight_decay=0.1, amsgrad=True),
    optim.SGD(0.1, momentum=0.9, dampening=0.5),
]


@pytest.mark.parametrize("optimizer", [*random_runs.NAMES, *SETTINGS])
def test_optimizers(optimizer):
    trainer = spirals(optimizer=optimizer, lr=None)
    trainer.fit(steps=30, bar=False)
    trainer.set(frozen=["hidden 2"], weight_decay=0.01)
    trainer.fit(steps=20, bar=False)
    trainer.set(hidden=(10, 6, 7))
    trainer.fit(steps=20, bar=False)
    trainer.unfreeze()
    trainer.fit(steps=30, bar=False)
    assert_same(trainer)


@pytest.mark.parametrize(
    "schedule",
    [
        optim.StepLR(7, 0.5),
        optim.ExponentialLR(0.98),
        optim.CosineAnnealingLR(40, 0.1),
        optim.LinearLR(),
        optim.OneCycleLR(60),
        optim.schedules.Later(optim.OneCycleLR(60), 5),
        optim.schedules.Later(optim.CosineAnnealingLR(40), 3),
        optim.MultiStepLR([3, 8], 0.5),
        optim.PolynomialLR(30, 2.0),
        optim.CosineAnnealingWarmRestarts(4, 2, 0.1),
        optim.SequentialLR([optim.LinearLR(3), optim.ExponentialLR(0.9), optim.OneCycleLR(20)], [4, 9]),
        optim.LinearLR(10) * optim.StepLR(20) * optim.ExponentialLR(0.99),
    ],
    ids=str,
)
def test_schedules(schedule):
    trainer = spirals(dtype=np.float64)
    trainer.fit(steps=10, bar=False)
    trainer.schedule = schedule
    trainer.fit(steps=20, bar=False)
    trainer.lr = 0.02
    trainer.fit(steps=20, bar=False)
    trainer.optimizer = optim.SGD(lr=0.1, schedule=optim.StepLR(3, 0.9))
    trainer.fit(steps=20, bar=False)
    assert_same(trainer, 1e-10)


def test_momentum_that_was_turned_off_begins_anew():
    trainer = spirals(optimizer="momentum")
    for value in (0.9, 0.0, 0.8):
        trainer.momentum = value
        trainer.fit(steps=10, bar=False)
    for value in (0.5, 0.0, 0.6, 0.7, 0.8):  # as a slider does
        trainer.fit(steps=2, bar=False)
        trainer.momentum = value
    trainer.fit(steps=10, bar=False)
    assert_same(trainer)


def test_a_dragged_batch_size_and_gradients_that_are_changed():
    trainer = spirals(l1=1e-4, clip_value=0.05)
    for size in (10, 20, 30, 40, 50):
        trainer.fit(steps=3, bar=False)
        trainer.batch_size = size
    trainer.fit(steps=10, bar=False)
    trainer.set(clip_value=None, accumulate=3, drop_last=True)
    trainer.fit(steps=20, bar=False)
    assert_same(trainer)


@pytest.mark.parametrize("name", ["gaussians", "iris", "digits", "wave"])
def test_data_sets_and_their_losses(name):
    data = nb.data.dataset(name)
    trainer = nb.Trainer(nn.mlp([data.inputs, 6, data.outputs], seed=0), data, lr=0.01)
    trainer.fit(steps=30, bar=False)
    trainer.loss = "mse" if data.classes else "huber"
    trainer.fit(steps=30, bar=False)
    trainer.data = nb.data.dataset(name, noise=0.2, seed=4)
    trainer.fit(steps=30, bar=False)
    assert_same(trainer)


def test_pictures():
    model = nn.Sequential(nn.Flatten(), *nn.mlp([64, 6, 10], seed=1))
    trainer = nb.Trainer(model, nb.data.digits(image=True), lr=0.01)
    trainer.fit(steps=20, bar=False)
    trainer.insert(1)
    trainer.fit(steps=20, bar=False)
    assert_same(trainer)


def test_data_of_ones_own_are_read_from_a_file(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), rng.choice(["a", "b", "c"], 60)
    data = nb.data.from_arrays(X, y, scale="standard", name="mine", seed=3)
    trainer = nb.Trainer(nn.mlp([3, 5, 3], seed=0), data, lr=0.01)
    trainer.fit(steps=20, bar=False)
    trainer.batch_norm = True
    trainer.fit(steps=20, bar=False)
    np.savez(tmp_path / "data.npz", X=data.X_train, y=data.y_train, X_val=data.X_val, y_val=data.y_val)
    monkeypatch.setattr(sys, "argv", ["script.py", str(tmp_path / "data.npz")])
    assert_same(trainer)
    written(trainer.script("torch"))


def test_it_runs_by_itself_without_nbprops_layers():
    trainer = spirals()
    trainer.fit(steps=20, bar=False)
    text = trainer.script("torch")
    assert text.count("nb.") == text.count("nb.data.") == 1
    process = subprocess.run(
        [sys.executable, "-W", "error", "-c", text],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.returncode == 0, process.stderr
    assert f"train_loss: {trainer.evaluate()['train_loss']:.5f}"[:-1] in process.stdout


@pytest.mark.parametrize("seed", [1, 4, 7, 12, 20])
def test_it_is_well_laid_out(seed):
    trainer, _ = run(seed, count=10, single=False)
    written(trainer.script("torch"))


def test_dropout_is_said_to_be_different():
    trainer = spirals(dropout=0.0)
    trainer.fit(steps=10, bar=False)
    assert "dropout" not in trainer.script("torch").partition('"""\n\n')[0]
    assert_same(trainer)
    trainer.dropout = 0.3
    trainer.fit(steps=20, bar=False)
    text = trainer.script("torch")
    assert "PyTorch draws other masks than nbprop: the loss will differ." in text
    made, _ = losses(text)
    np.testing.assert_allclose(made[:10], trainer.history["loss"][:10], rtol=1e-5)
    assert not np.allclose(made[10:], trainer.history["loss"][10:], rtol=1e-3)


def test_sequences_are_refused():
    rng = np.random.default_rng(0)
    data = nb.data.from_arrays(rng.normal(size=(40, 5, 2)), rng.integers(2, size=(40, 5)), name="steps")
    trainer = nb.Trainer(nn.mlp([2, 4, 1], seed=0), data)
    with pytest.raises(ValueError, match=r"'steps', which have several axes; try framework='nbprop'"):
        trainer.script("torch")
    assert "from_arrays" in trainer.script()


@pytest.mark.parametrize("name, settings", [("centered", optim.RMSProp(lr=0.005)), ("amsgrad", optim.Adam(lr=0.01))])
def test_what_an_optimizer_begins_to_remember_on_the_way(name, settings):
    trainer = spirals(optimizer=settings.copy(), lr=None)
    for value in (True, False, True):
        trainer.fit(steps=10, bar=False)
        trainer.set(**{name: value})
    trainer.fit(steps=10, bar=False)
    assert_same(trainer)
