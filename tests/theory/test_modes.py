"""What a linear network has to learn: read off its data, and of what it is refused."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import nbprop as nb
from nbprop.theory import modes_of

RNG = np.random.default_rng(0)
X = np.linalg.qr(RNG.normal(size=(50, 4)))[0] * np.sqrt(50)
MAP = RNG.normal(size=(3, 4))


def chain(*sizes, **options):
    return nb.nn.Sequential(*(nb.nn.Linear(*pair, rng=k, **options) for k, pair in enumerate(pairwise(sizes))))


def weights_of(model: Any) -> list[np.ndarray]:
    return [each.weight.data for each in model]


def test_the_modes_are_the_singular_vectors_of_what_is_to_be_learned():
    model = chain(4, 5, 3, bias=False)
    found = modes_of(model, X, X @ MAP.T)
    np.testing.assert_allclose(found.s, np.linalg.svd(MAP)[1], rtol=1e-6)
    np.testing.assert_allclose((found.outputs * found.s) @ found.inputs.T, MAP, atol=1e-9)
    first, second = weights_of(model)
    np.testing.assert_allclose(found.product(model.theta), second @ first, rtol=1e-4)
    assert found.depth == 2 and found.unsolved == "" and found.pace == 2 / 3
    strengths = [found.outputs[:, k] @ (second @ first) @ found.inputs[:, k] for k in range(3)]
    np.testing.assert_allclose(found.strengths(model.theta), strengths, rtol=1e-4)


def test_weights_are_aligned_and_balanced_or_not():
    model = chain(4, 3, 3, bias=False)
    found = modes_of(model, X, X @ MAP.T)
    first, second = weights_of(model)
    assert not found.aligned(model.theta)
    first[...], second[...] = 0.1 * found.inputs.T, 0.1 * found.outputs
    assert found.aligned(model.theta)
    np.testing.assert_allclose(found.strengths(model.theta), 0.01, rtol=1e-5)
    first[...], second[...] = 0.01 * found.inputs.T, found.outputs  # the same product
    assert not found.aligned(model.theta)
    first[...], second[...] = -0.1 * found.inputs.T, 0.1 * found.outputs
    assert not found.aligned(model.theta)
    assert np.isnan(found.solved([-0.1, 0.1, np.nan], [0.0, 1.0])).sum(axis=0).tolist() == [2, 0, 2]


def test_a_narrow_network_has_as_many_modes_as_units():
    assert len(modes_of(chain(4, 2, 3), X, X @ MAP.T).s) == 2


@pytest.mark.parametrize(
    ("model", "y", "words"),
    [
        (nb.nn.mlp([4, 5, 3], activation="relu"), X @ MAP.T, "Linear layers in a row; this one has a ReLU"),
        (nb.nn.Sequential(nb.nn.Flatten()), X @ MAP.T, "this one has none"),
        (chain(5, 3), X @ MAP.T, "got 4 inputs and 3 targets for 5 and 3"),
        (chain(4, 3), X[:, :1], "got 4 inputs and 1 targets for 4 and 3"),
        (chain(4, 3), np.zeros((50, 3)), "there is nothing to learn"),
    ],
)
def test_what_has_no_modes_is_refused(model, y, words):
    with pytest.raises(ValueError, match=words):
        modes_of(model, X, y)


def test_where_the_solution_does_not_hold_it_says_why():
    assert "white inputs" in modes_of(chain(4, 3), X * [1, 1, 1, 2], X @ MAP.T).unsolved
    centered = np.concatenate([X, -X])
    assert modes_of(chain(4, 3), centered, centered @ MAP.T).unsolved == ""
    assert "bias=False" in modes_of(chain(4, 3), centered, centered @ MAP.T + 1).unsolved
    trainer = nb.Trainer(chain(4, 3, 3), (centered, centered @ MAP.T), optimizer="sgd", seed=0)
    trainer.freeze("output")
    assert "plain gradient descent" in trainer.linear_modes().unsolved
