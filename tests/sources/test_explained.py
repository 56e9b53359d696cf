"""The explained step: every number in it is one of the run, and every equation gives what stands on its left."""

import sys
from pathlib import Path

import numpy as np
import pytest

import nbprop as nb
from nbprop import nn, optim
from nbprop.record.source import CannotSay
from nbprop.sources import Explained

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1] / "training")]  # importlib mode does not

from explained_runs import RUNS, check, check_whole, dense, moving, normal, recurrent, texts


@pytest.mark.parametrize("sample", [None, 3])
@pytest.mark.parametrize("name", RUNS)
def test_every_equation_gives_what_the_engine_has_computed(name, sample):
    moving(3, 1, 1)
    trainer = RUNS[name]()
    trainer.fit(steps=2, bar=False)
    explained = Explained(trainer, sample)
    assert check(explained) >= 8
    check_whole(explained)


# ---- it is the step of the run, and does not disturb it -------------------------------------------------------------


@pytest.mark.parametrize("name", ["images", "dropout", "batch norm", "lstm", "transformer", "tied"])
def test_the_run_is_left_as_it_is_bit_by_bit(name):
    looked_at, alone = RUNS[name](), RUNS[name]()
    for _ in range(3):
        explained = Explained(looked_at)
        Explained(looked_at, 2)
        looked_at.step()
        alone.step()
        np.testing.assert_array_equal(looked_at.theta, alone.theta)
        np.testing.assert_array_equal(explained.rehearsal.after, alone.theta)
        assert explained.loss == alone.history["loss"][-1]
    assert not looked_at.history.events


def test_it_is_what_observe_says():
    trainer = dense(nn.Tanh())
    trainer.fit(steps=2, bar=False)
    seen, explained = trainer.observe(5), Explained(trainer, 5)
    z, a, δ = ({each.symbol: each.data for each in explained.arrays}[name] for name in ("z₁", "a₁", "δ₁"))
    for mine, theirs in (
        (z, seen.z[0]),
        (a, seen.a[0]),
        (δ, seen.dz[0]),
        (explained.rehearsal.gradient, seen.gradient),
    ):
        np.testing.assert_array_equal(mine, theirs)
    assert explained.loss == seen.loss
    explained, trainer = Explained(trainer), trainer.step() or trainer
    for mine, theirs in zip([explained.rehearsal.gradient], [trainer.observe().gradient], strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_past_step_is_explained_with_the_knobs_of_then():
    trainer = nb.Trainer(nn.mlp([2, 4, 1], seed=0), "moons", seed=0)
    trainer.fit(steps=4, bar=False)
    trainer.set(lr=0.3, activation="relu", optimizer="sgd")
    trainer.fit(steps=4, bar=False)
    for step in (0, 3, 4, 6):
        explained = Explained(trainer.at(step))
        assert explained.step == step + 1
        np.testing.assert_array_equal(explained.rehearsal.after, trainer.at(step + 1).theta)
    assert any("max(z₁, 0)" in each for each in texts(Explained(trainer.at(4))))
    assert any("tanh(z₁)" in each for each in texts(Explained(trainer.at(3))))


# ---- what it says ---------------------------------------------------------------------------------------------------


def test_the_textbook_is_in_it():
    trainer = nb.Trainer(nn.mlp([2, 8, 8, 1], seed=0), "moons", optimizer=optim.SGD(0.1), seed=0)
    explained = Explained(trainer)
    said = texts(explained)
    assert {
        "z₁ = W₁ x + b₁",
        "a₁ = tanh(z₁)",
        "p = σ(z₃)",
        "δ₃ = (p − y) / n",
        "δ₂ = (W₃ᵀ δ₃) ⊙ (1 − a₂²)",
        "∂L/∂W₂ = Σᵢ δ₂ a₁ᵀ",
        "∂L/∂b₂ = Σᵢ δ₂",
        "ΔW₂ = −η g",
    } <= set(said)
    assert "∂L/∂W₂ = δ₂ a₁ᵀ" in texts(Explained(trainer, 0))  # of one sample there is no sum
    phases = [station.phase for station in explained.stations]
    assert phases == ["forward"] * 4 + ["error"] * 2 + ["backward"] * 3 + ["update"] * 3
    names = [station.name for station in explained.stations if station.phase == "backward"]
    assert names == ["layer 3", "layer 2", "layer 1"]
    back = explained.stations[7]
    assert ("a₁", 1) in back.reused and ("δ₃", 5) in back.reused
    assert [station.layer for station in explained.stations[1:4]] == [0, 1, 2]
    assert "mean of their gradients" in back.where["Σ"]


def test_through_time_there_is_a_sum_over_time():
    said = texts(Explained(recurrent(nn.LSTM)))
    assert "∂L/∂U₁ = Σₜᵢ δ₁ₜ h₁ₜ₋₁ᵀ" in said and "∂L/∂h₁ₜ = ∂L/∂h₁↑ₜ + U₁ᵀ δ₁ₜ₊₁" in said


def test_what_is_frozen_stays_and_gets_no_gradient():
    trainer = dense(nn.Tanh())
    trainer.set(frozen=[0])
    explained = Explained(trainer)
    assert not any(s.phase == "backward" and s.column == 1 for s in explained.stations)
    assert {"ΔW₁ = 0, for it is frozen", "Δb₁ = 0, for it is frozen"} <= set(texts(explained))
    check(explained)


def test_a_step_that_diverges_is_explained_as_far_as_it_goes():
    trainer = dense(nn.Identity())
    trainer.theta[0] = np.inf
    explained = Explained(trainer)
    assert "There is no update. In step 1" in explained.stations[-1].note and not np.isfinite(explained.loss)
    np.testing.assert_array_equal(explained.rehearsal.after, explained.rehearsal.theta)


def test_a_layer_used_twice_has_a_gradient_of_two_parts():
    said = texts(Explained(RUNS["tied"]()))
    assert {"∂L/∂W₃ (of layer 3) = Σᵢ δ₃ a₂ᵀ", "∂L/∂W₃ (of layer 5) = Σᵢ δ₅ a₄ᵀ"} <= set(said)
    assert "∂L/∂W₃ = the part of layer 3 + the part of layer 5" in said


def test_several_inputs_and_the_functions_of_others():
    def loss(model, batch, rng):
        noise = rng.normal(size=batch["x"].shape)
        return ((model(batch["x"] + noise) - batch["y"]) ** 2).mean()

    data = {"x": normal(20, 2), "y": normal(20, 1)}
    trainer = nb.Trainer(nn.mlp([2, 3, 1], seed=0, dtype=np.float64), objective=nb.Objective(loss, data), seed=0)
    trainer.fit(steps=2, bar=False)
    explained = Explained(trainer)
    check(explained)
    check_whole(explained)
    trainer.step()
    np.testing.assert_array_equal(explained.rehearsal.after, trainer.theta)


def test_what_cannot_be_explained_is_said():
    model = nn.ModuleDict({"a": nn.Linear(1, 1, rng=0), "b": nn.Linear(1, 1, rng=1)})
    losses = {name: lambda model, batch, name=name: (model[name](batch) ** 2).mean() for name in "ab"}
    trainer = nb.Trainer(model, objective=nb.Objective(losses, normal(9, 1).astype("f")), seed=0)
    with pytest.raises(CannotSay, match="this run has several, minimized in turn: a and b"):
        Explained(trainer)
    one = dense(nn.Tanh())
    with pytest.raises(ValueError, match="sample must be an integer from 0 to"):
        Explained(one, 10_000)
    explained = Explained(one, 1)
    with pytest.raises(ValueError, match="this is the step with sample 1"):
        explained.rehearse(2)
