"""`trainer.script()`: a program that is run here, and makes the same run again, bit by bit."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from random_runs import run

import nbprop as nb
from nbprop import nn

seeds = st.integers(0, 10**6)


def executed(text, capsys=None):
    """The names that a program leaves behind."""
    names = {"__name__": "__main__"}
    exec(compile(text, "script", "exec"), names)
    return names


def assert_same(made, trainer):
    np.testing.assert_array_equal(made.theta, trainer.theta)
    for name in ("loss", "train_loss", "val_loss"):
        if name in trainer.history.columns:
            np.testing.assert_array_equal(made.history[name], trainer.history[name])
    assert made.steps == trainer.steps and repr(made.model) == repr(trainer.model)


def written(text):
    """A program as it should be: as ruff formats it, and nothing in it that ruff objects to."""
    for command in (["format", "--diff"], ["check", "--select", "E,F,I,B,SIM", "--ignore", "B905,F811"]):
        process = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--config", "line-length=120", "-"],
            input=text,
            capture_output=True,
            text=True,
        )
        assert process.returncode == 0, process.stdout + process.stderr


@given(seeds)
@settings(max_examples=25)
def test_it_makes_any_run_again(seed):
    try:
        trainer, _ = run(seed)
    except nb.Diverged:
        return
    assert_same(executed(trainer.script())["trainer"], trainer)


def spirals(**options):
    return nb.Trainer(nn.mlp([2, 8, 8, 1], seed=0), nb.data.spirals(seed=2), lr=0.01, seed=0, **options)


def test_what_a_class_sees():
    trainer = spirals()
    trainer.fit(steps=40, bar=False)
    trainer.lr = 0.03
    trainer.fit(steps=60, bar=False)
    trainer.set(depth=3, clip=1.0)
    trainer.fit(steps=100, bar=False)
    assert (
        trainer.script()
        == f'''\
"""A network 2-8-8-1 learns spirals: 200 steps, with 3 changes on the way.

Written by nbprop {nb.__version__}; it makes the same run again, bit by bit.
"""

import nbprop as nb

data = nb.data.spirals(noise=0.1, validation=0.25, seed=2)
model = nb.nn.mlp([2, 8, 8, 1], activation="tanh", init="xavier", seed=0)
trainer = nb.Trainer(model, data, loss="bce", optimizer=nb.optim.Adam(lr=0.01), batch_size=32, seed=0)


def train(until):
    """Train on, to the end of step `until`."""
    trainer.fit(steps=until - trainer.steps, bar=False)


train(40)
trainer.lr = 0.03

train(100)
trainer.hidden = (8, 8, 8)
trainer.clip = 1.0

train(200)
print(f"after step {{trainer.steps}}")
for name, value in trainer.evaluate().items():
    print(f"{{name}}: {{value:.8g}}")
'''
    )


@pytest.mark.parametrize("seed", [1, 4, 7, 12])
def test_it_is_well_laid_out(seed):
    trainer, _ = run(seed, count=10)
    written(trainer.script())


def test_it_runs_by_itself_and_prints_the_loss():
    trainer = spirals()
    trainer.fit(steps=30, bar=False)
    trainer.set(optimizer="momentum")
    trainer.fit(steps=30, bar=False)
    process = subprocess.run(
        [sys.executable, "-W", "error", "-c", trainer.script()],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.returncode == 0, process.stderr
    first, *others = process.stdout.splitlines()
    said = dict(line.split(": ") for line in others)
    assert first == "after step 60"
    assert {name: float(value) for name, value in said.items()} == pytest.approx(trainer.evaluate(), rel=1e-7)


def test_a_dragged_slider_is_a_loop():
    trainer = spirals()
    for rate in (0.01, 0.02, 0.03, 0.04, 0.05, 0.06):
        trainer.fit(steps=3, bar=False)
        trainer.lr = rate
    trainer.fit(steps=5, bar=False)
    text = trainer.script()
    assert "(6, 0.02), (9, 0.03)," in text and text.count("trainer.lr") == 1
    assert_same(executed(text)["trainer"], trainer)


def test_what_is_turned_twice_at_a_step_is_written_once():
    trainer = spirals()
    trainer.fit(steps=5, bar=False)
    trainer.set(lr=0.5)
    trainer.set(lr=0.02, batch_size=8)
    trainer.fit(steps=5, bar=False)
    assert "0.5" not in trainer.script()
    assert_same(executed(trainer.script())["trainer"], trainer)


def test_a_run_that_was_rewound_undone_and_reset_is_written_as_it_is_now():
    trainer = spirals()
    trainer.fit(steps=60, bar=False)
    trainer.lr = 0.5
    trainer.fit(steps=20, bar=False)
    trainer.rewind(50)
    trainer.depth = 4
    trainer.undo()
    trainer.batch_norm = True
    trainer.fit(steps=20, bar=False)
    assert "0.5" not in trainer.script() and "batch_norm = True" in trainer.script()
    assert_same(executed(trainer.script())["trainer"], trainer)
    trainer.set(activation="relu", drop_last=True, clip=2.0, frozen=["hidden 2"])
    trainer.reset(seed=5)
    trainer.fit(steps=20, bar=False)
    text = trainer.script()
    assert "BatchNorm1d" in text and "seed=5" in text and 'frozen = ("hidden 2",)' in text
    assert_same(executed(text)["trainer"], trainer)


def test_what_functions_of_ones_own_have_turned_is_written_down():
    trainer = spirals()

    @trainer.on("step")
    def warm_up(trainer):
        trainer.lr = 0.01 * min(1, trainer.steps / 20)

    trainer.fit(steps=30, bar=False)
    text = trainer.script()
    assert "warm_up" not in text and text.count("trainer.lr = lr") == 1
    assert_same(executed(text)["trainer"], trainer)


def test_many_turns_take_no_time_that_grows_with_their_square():
    trainer = spirals()
    for i in range(3000):
        trainer._past.turned(i, "lr", 0.01 + i % 7 / 1000)
    trainer._run.steps = 3000
    assert trainer.script().count("\n") < 800


def test_it_can_be_written_while_a_run_has_made_no_step():
    trainer = spirals()
    assert executed(trainer.script())["trainer"].steps == 0


def test_pictures_are_made_flat():
    model = nn.Sequential(nn.Flatten(), *nn.mlp([64, 6, 10], seed=1))
    trainer = nb.Trainer(model, nb.data.digits(image=True), lr=0.01)
    trainer.fit(steps=5, bar=False)
    assert "digits(noise=0.0, validation=0.25, seed=0, image=True)" in trainer.script()
    assert_same(executed(trainer.script())["trainer"], trainer)


@pytest.mark.parametrize("validation", [0, 0.3])
def test_data_of_ones_own_are_read_from_a_file(validation, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), rng.choice(["a", 'b"', "c"], 60)
    data = nb.data.from_arrays(X, y, validation=validation, scale="standard", name='mine"""; \nimport os', seed=3)
    trainer = nb.Trainer(nn.mlp([3, 5, 3], seed=0), data, lr=0.01)
    trainer.fit(steps=10, bar=False)
    other = nb.data.from_arrays(X + 1, y, validation=validation, name="others")
    trainer.data = other
    trainer.fit(steps=10, bar=False)
    files = [tmp_path / name for name in ("data.npz", "data2.npz")]
    for file, each in zip(files, (data, other), strict=True):
        np.savez(file, X=each.X_train, y=each.y_train, X_val=each.X_val, y_val=each.y_val)
    text = trainer.script()
    assert "python script.py data.npz data2.npz" in text and "\nimport os" not in text
    written(text)
    monkeypatch.setattr(sys, "argv", ["script.py", *map(str, files)])
    assert_same(executed(text)["trainer"], trainer)


def test_another_framework_is_refused():
    with pytest.raises(ValueError, match="framework must be 'nbprop' or 'torch'; got 'jax'"):
        spirals().script("jax")
