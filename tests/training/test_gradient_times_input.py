"""Gradient times input, of measurements and of tokens: exact where the score is linear, else beside differences."""

from typing import Any

import numpy as np
import pytest

import nbprop as nb

nn = nb.nn


class Bag(nn.Module):
    """A score that is linear in the embeddings, or not."""

    def __init__(self, bent=False, outputs=1, trained=True):
        self.table, self.head = (
            nn.Embedding(7, 5, 0, rng=0, dtype=np.float64),
            nn.Linear(5, outputs, rng=1, dtype="float64"),
        )
        self.bent = bent
        self.table.weight.requires_grad = trained

    def forward(self, tokens):
        x = self.table(tokens).sum(axis=1)
        return self.head(x.tanh() if self.bent else x)


def trainer_of(model, classes=2, steps=5):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 7, (60, 4))
    data = nb.data.from_arrays(X, np.arange(60) % classes, vocabulary="·abcdef")
    made = nb.Trainer(model, data, seed=0)
    made.fit(steps=steps, bar=False)
    return made


def test_of_a_linear_bag_it_is_what_each_token_adds():
    trainer = trainer_of(Bag())
    X, (table, head) = np.array([[1, 2, 2, 0]]), (trainer.model.table.weight.data, trainer.model.head)
    found = trainer.gradient_times_input(X, score=1)
    np.testing.assert_allclose(found, (table[X] @ head.weight.data.T)[..., 0], atol=1e-12)
    assert found[0, 3] == 0  # the row that stands for nothing
    np.testing.assert_allclose(found.sum() + head.bias.data[0], trainer.outputs(X)[0, 0], atol=1e-6)
    np.testing.assert_array_equal(trainer.gradient_times_input(X, score=0), -found)


@pytest.mark.parametrize("classes", [2, 3])
def test_of_a_bent_one_it_is_the_slope_along_the_embedding(classes):
    trainer = trainer_of(Bag(True, 1 if classes == 2 else 3), classes)
    X, small, k = np.array([[1, 2, 3, 4], [5, 5, 6, 1]]), 1e-5, 0 if classes == 2 else 2
    found = trainer.gradient_times_input(X, score=1 if classes == 2 else 2)
    table = trainer.model.table.weight.data

    def scores(place, by):
        x = table[X].copy()
        x[:, place] *= 1 + by
        return (np.tanh(x.sum(axis=1)) @ trainer.model.head.weight.data.T)[:, k]

    for place in range(4):
        slope = (scores(place, small) - scores(place, -small)) / (2 * small)
        np.testing.assert_allclose(found[:, place], slope, rtol=1e-4, atol=1e-7)


def test_of_measurements_it_is_the_gradient_times_them():
    trainer = nb.Trainer(nn.mlp([2, 8, 1], seed=0), "moons", seed=0)
    X = trainer.data.X_val[:3]
    np.testing.assert_array_equal(trainer.gradient_times_input(X, score=1), X * trainer.input_gradient(X, score=1))


def test_the_run_is_left_as_it_is_and_a_moment_says_what_was():
    trainer, other = trainer_of(Bag(True)), trainer_of(Bag(True))
    X = trainer.data.X_val[:2]
    then, before = trainer.gradient_times_input(X, score=1), trainer.model.gradient.copy()
    np.testing.assert_array_equal(trainer.model.gradient, before)
    for each in (trainer, other):
        each.fit(steps=5, bar=False)
    np.testing.assert_array_equal(trainer.model.theta, other.model.theta)
    assert not np.array_equal(trainer.gradient_times_input(X, score=1), then)
    np.testing.assert_array_equal(trainer.at(5).gradient_times_input(X, score=1), then)


class Placed(Bag):
    """With places that are looked up, too."""

    def __init__(self):
        super().__init__()
        self.places = nn.Embedding(4, 5, rng=3, dtype=np.float64)

    def forward(self, tokens):
        places = np.arange(4)[None].repeat(len(tokens.data), 0)
        return self.head((self.table(tokens) + self.places(places)).sum(axis=1))


def test_places_with_the_numbers_of_the_tokens_are_not_taken_for_them():
    trainer, X = trainer_of(Placed()), np.array([[0, 1, 2, 3]])
    own = trainer.model.table.weight.data[X] @ trainer.model.head.weight.data.T
    np.testing.assert_allclose(trainer.gradient_times_input(X, score=1), own[..., 0], atol=1e-12)


def test_what_cannot_be_said():
    trainer: Any = trainer_of(Bag())
    with pytest.raises(TypeError, match="expected the number of a score, got None"):
        trainer.gradient_times_input(trainer.data.X_val[:1], score=None)
    with pytest.raises(ValueError, match=r"gradient_times_input: score.* from 0 to 1"):
        trainer.gradient_times_input(trainer.data.X_val[:1], score=2)
    with pytest.raises(ValueError, match=r"looks the tokens .* up in an nn.Embedding which is trained"):
        trainer_of(Bag(trained=False)).gradient_times_input(trainer.data.X_val[:1], score=1)
    with pytest.raises(ValueError, match="try gradient_times_input"):
        trainer.input_gradient(trainer.data.X_val[:1], score=1)
