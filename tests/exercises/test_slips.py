"""The slips themselves: that there are enough of them, and that they find what a careless exercise lets through."""

import ast
import inspect

import numpy as np
from mutants import mutants_of, unreached
from other_values import of_settings, of_value
from slips import of_source

import nbprop as nb
from nbprop.exercises import Exercise


def clipped_mean(x, low, weights):
    """A bit of everything."""
    total = np.zeros(x.shape[1])
    for k in range(len(x)):
        if x[k, 0] > low:
            total += weights[k] * x[k]
    return total / len(x), weights.T @ x


def case(rng):
    return rng.normal(size=(rng.integers(3, 6), 2)), rng.normal(), rng.normal(size=6)


def test_every_kind_of_slip_is_made():
    slips = list(of_source(inspect.getsource(clipped_mean), case(np.random.default_rng(0))))
    words = [each for each, _, _ in slips]
    for kind in (
        "`x[k, 0] > low` → `x[k, 0] >= low`",
        "`x[k, 0] > low` → `x[k, 0] < low`",
        "`total / len(x)` → `total`",
        "`total / len(x)` → `total * len(x)`",
        "`weights.T @ x` → `x @ weights.T`",
        "`weights.T @ x` → `weights @ x`",
        "`range(len(x))` → `range(1, len(x))`",
        "`0` → `1`",
        "`total += weights[k] * x[k]`: = in place of the sum",
        "without `total += weights[k] * x[k]`",
        "`if x[k, 0] > low`: always",
        "returns 1 and 2 swapped",
        "returns the first alone",
        "without return",
        "`return (total / len(x), weights.T @ x)` inside the loop",
        "`low` and `weights` swapped",
    ):
        assert kind in words, kind
    assert any(each.startswith("always `low = ") for each in words)
    assert len(set(text for _, text, _ in slips)) == len(slips) > 50
    for _, text, _ in slips:
        compile(ast.parse(text), "a slip", "exec")
    assert words == [each for each, _, _ in of_source(inspect.getsource(clipped_mean), case(np.random.default_rng(0)))]


def scaled(x, factor):
    if factor > 10:
        return x
    return factor * x


def survivors(exercise):
    return {mutant.words for mutant in mutants_of(exercise) if mutant.survived}


def test_cases_that_do_not_vary_are_found():
    fixed = Exercise("e", "t", scaled, lambda rng: (rng.normal(size=3), 2.0))
    assert "always `factor = 2`" in survivors(fixed)
    assert unreached(fixed) == ["return x"]
    varied = Exercise("e", "t", scaled, lambda rng: (rng.normal(size=3), rng.uniform(0, 20)))
    assert survivors(varied) == {"`10` → `9`"} and unreached(varied) == []
    near = Exercise("e", "t", scaled, varied.case, edges=((np.ones(3), 9.5), (np.ones(3), 10.5)))
    assert survivors(near) == set()


def test_a_comparison_that_is_too_lenient_is_found():
    lenient = Exercise("e", "t", scaled, lambda rng: (rng.normal(size=3), rng.uniform(0, 20)), tolerance=0.9)
    careless = Exercise("e", "t", {"lr": 0.1}, judge=lambda settings: None)
    assert not any(mutant.equivalent for mutant in mutants_of(careless) if not mutant.verdict.right)
    assert sum(not mutant.verdict.right for mutant in mutants_of(careless)) < 10
    assert survivors(Exercise("e", "t", 12.0, tolerance=0.3)) == {"1.2 v", "v / 1.2", "v + 1", "v - 1"}
    strict = Exercise("e", "t", scaled, lenient.case)
    refused = [sum(not mutant.verdict.right for mutant in mutants_of(each)) for each in (lenient, strict)]
    assert refused[0] < refused[1]


def test_a_mutant_that_is_right_as_well_is_not_counted():
    found = {
        each.words: each
        for each in mutants_of(Exercise("e", "t", scaled, lambda rng: (rng.normal(size=3), rng.uniform(0, 20))))
    }
    assert found["`factor > 10` → `factor >= 10`"].equivalent
    assert not found["returns `-(factor * x)`"].verdict.right


def test_there_are_enough_of_every_kind_of_value():
    for value in (0.25, 400, "relu", True, ["forward", "backward", "update"], np.array([[8.0, 16.0], [0.0, 0.0]])):
        assert len(of_value(value)) >= 10, value
    for settings in ({"lr": 0.1, "activation": "relu"}, ("relu", 0.3), nb.optim.Adam(lr=0.1), object()):
        assert len(list(of_settings(settings))) >= 10, settings
