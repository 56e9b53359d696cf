"""Optimizers that ask for losses alone: each finds the bottom of a bowl, draws the same again, and counts."""

import copy

import numpy as np
import pytest

import nbprop as nb
from nbprop import nn, optim

KINDS = {
    "annealing": optim.Annealing(lr=0.05, temperature=0.01),
    "evolution": optim.EvolutionStrategy(lr=0.1, ranks=False),
    "swarm": optim.ParticleSwarm(),
    "genetic": optim.Genetic(lr=0.1),
}
COSTS = {"annealing": 21, "evolution": 21, "swarm": 31, "genetic": 50}
each = pytest.mark.parametrize("name", KINDS)


def bowl(theta):
    return float(((theta - [1, -2, 0.5]) ** 2).sum())


def test_all_are_here():
    assert {getattr(optim, kind).name for kind in optim.searching.__all__} == set(KINDS) == set(COSTS)
    assert all(type(optim.optimizer(name)) is type(made) for name, made in KINDS.items())


@each
def test_it_finds_the_bottom_of_a_bowl_and_counts(name):
    optimizer, theta, calls = copy.deepcopy(KINDS[name]), np.zeros(3), []
    for _ in range(150):
        before = bowl(theta)
        said = optimizer.search(theta, lambda x: calls.append(1) or bowl(x))
        assert said == before
        assert optimizer.evaluations == len(calls) == COSTS[name]
        calls.clear()
    assert bowl(theta) < 0.01


@each
def test_it_goes_on_from_what_was_saved(name):
    one, theta = copy.deepcopy(KINDS[name]), np.zeros(3)
    for _ in range(5):
        one.search(theta, bowl)
    other, again = type(one)(), theta.copy()
    other.load_state_dict(one.state_dict())
    for _ in range(5):
        one.search(theta, bowl), other.search(again, bowl)
    assert np.array_equal(theta, again)
    third, elsewhere = type(one)(seed=1), np.zeros(3)
    for _ in range(10):
        third.search(elsewhere, bowl)
    assert not np.array_equal(elsewhere, theta)


@each
def test_what_is_frozen_stays_and_infinite_losses_are_the_worst(name):
    def half(theta):
        return bowl(theta) if theta[0] < 1.2 else np.nan

    optimizer, theta = copy.deepcopy(KINDS[name]), np.zeros(3)
    for _ in range(60):
        optimizer.search(theta, half, frozen=[slice(1, 2)])
    assert theta[1] == 0 and np.isfinite(theta).all() and half(theta) < half(np.zeros(3))


@each
def test_as_in_pytorch_with_a_closure(name):
    model = nn.mlp([2, 3, 1], seed=0)
    next(iter(model.parameters())).requires_grad = False
    optimizer = type(KINDS[name])(model.parameters())
    X = nb.Tensor(np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32))

    def closure():
        return ((model(X) - 3) ** 2).mean()

    frozen = next(iter(model.parameters())).data.copy()
    first = closure().item()
    assert optimizer.step(closure) == pytest.approx(first)
    for _ in range(40):
        optimizer.step(closure)
    assert closure().item() < first and np.array_equal(next(iter(model.parameters())).data, frozen)
    with pytest.raises(TypeError, match="calls a function that computes the loss"):
        optimizer.step()
    with pytest.raises(TypeError, match="asks for losses, not for a gradient"):
        optimizer.update(np.zeros(3), np.zeros(3))


@each
def test_what_has_no_meaning_is_refused(name):
    kind = type(KINDS[name])
    for setting, value in (("weight_decay", 0.1), ("groups", [{"params": "*", "lr": 1.0}])):
        with pytest.raises(ValueError, match=f"no {setting} without a gradient"):
            kind(**{setting: value})
    with pytest.raises(AttributeError, match="has no setting 'betas'"):
        KINDS[name].betas = 1
    with pytest.raises(ValueError, match="must be even"):
        optim.EvolutionStrategy(population=5)


def test_the_estimate_of_an_evolution_strategy_is_the_gradient_on_average():
    slope, steps = np.array([1.0, -2.0, 3.0]), []
    for seed in range(2000):
        theta = np.zeros(3)
        optim.EvolutionStrategy(lr=1, population=2, ranks=False, seed=seed).search(theta, lambda x: float(slope @ x))
        steps.append(-theta)
    assert np.abs(np.mean(steps, axis=0) - slope).max() < 0.3


def test_annealing_takes_what_is_worse_as_often_as_it_should():
    taken = 0
    for seed in range(2000):
        theta = np.zeros(1)
        one = optim.Annealing(lr=1, temperature=0.5, trials=1, seed=seed)
        one.search(theta, lambda x: float(x[0] != 0))
        taken += theta[0] != 0
    assert taken / 2000 == pytest.approx(np.exp(-2), abs=0.02)


def test_a_swarm_begins_anew_where_the_loss_is_another():
    optimizer, theta = optim.ParticleSwarm(population=5), np.zeros(3)
    for _ in range(10):
        optimizer.search(theta, bowl)
    known = optimizer.state["x0"].copy()
    theta += 1
    optimizer.search(theta, bowl)
    assert not np.allclose(optimizer.state["x0"], known, atol=0.1) and bowl(theta) <= bowl(theta)
    optimizer.population = 3
    optimizer.search(theta, bowl)
    assert "x3" not in optimizer.state and "x2" in optimizer.state


@each
def test_a_loss_that_fails_leaves_all_as_it_was(name):
    optimizer, theta, calls = copy.deepcopy(KINDS[name]), np.zeros(3), []
    for _ in range(3):
        optimizer.search(theta, bowl)
    there, before = theta.copy(), optimizer.state_dict()

    def broken(theta):
        calls.append(1)
        return bowl(theta) if len(calls) != 7 else 1 / 0

    with pytest.raises(ZeroDivisionError):
        optimizer.search(theta, broken)
    assert np.array_equal(theta, there) and optimizer.t == before["t"]
    assert before["state"].keys() == optimizer.state.keys()
    assert all(np.array_equal(vector, optimizer.state[name]) for name, vector in before["state"].items())
    model = nn.mlp([2, 3, 1], seed=0)
    held, was = type(optimizer)(model.parameters()), model.theta.copy()
    calls.clear()
    with pytest.raises(ZeroDivisionError):
        held.step(lambda: broken(model.theta[:3]))
    assert np.array_equal(model.theta, was)


def test_equal_losses_have_equal_ranks():
    """So on a plain nothing is learned, and points without a finite loss are as bad as each other."""
    theta = np.zeros(3)
    optim.EvolutionStrategy(lr=1).search(theta, lambda x: 1.0)
    assert not theta.any()
    optim.EvolutionStrategy(lr=1, population=2, sigma=1.0).search(theta, lambda x: float(x[0]))
    assert theta[0] < 0
