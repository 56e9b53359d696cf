"""Words in colour: what each adds, by its gradient and by leaving it out; of which sentences, of which class."""

from typing import Any

import numpy as np
import pytest

import nbprop as nb
from nbprop.views.words import Words

VOCABULARY = ("·", "good", "bad", "not", "film")


class Bag(nb.nn.Module):
    def __init__(self, outputs=1, bent=False):
        self.table, self.bent = nb.nn.Embedding(5, 4, 0, rng=0, dtype=np.float64), bent
        self.head = nb.nn.Linear(4, outputs, rng=1, dtype=np.float64)

    def forward(self, tokens):
        x = self.table(tokens).sum(axis=1)
        return self.head(x.tanh() if self.bent else x)


def run(outputs=1, bent=False, **more):
    X = np.array([[1, 4, 0], [2, 4, 0], [3, 1, 4], [3, 2, 4]])
    y, classes = ([0, 1, 2, 1], ("so", "well", "ill")) if outputs == 3 else ([1, 0, 0, 1], ("ill", "well"))
    data = nb.data.from_arrays(X, y, X, y, classes=classes, vocabulary=VOCABULARY, **more)
    trainer = nb.Trainer(Bag(outputs, bent), data, seed=0, lr=0.05)
    trainer.fit(steps=5, bar=False)
    return trainer


def test_of_a_linear_bag_both_ways_say_what_a_word_adds():
    trainer = run()
    model: Any = trainer.model
    views = [Words(trainer, by=by) for by in ("gradient", "left out")]
    frames = [view.frame() for view in views]
    adds = (model.table.weight.data @ model.head.weight.data.T)[:, 0]
    expected = [[adds[1], adds[4], 0], [adds[2], adds[4], 0], [adds[3], adds[1], adds[4]], [adds[3], adds[2], adds[4]]]
    for frame in frames:
        np.testing.assert_allclose(frame["words"], expected, atol=1e-5)
        np.testing.assert_allclose(frame["scores"], np.sum(expected, axis=1) + model.head.bias.data[0], atol=1e-5)
        assert {array.dtype for array in frame.values()} == {np.dtype(np.float32)}
    assert views[0].labels()["lines"][:3] == [["good", "film"], ["bad", "film"], ["not", "good", "film"]]


def test_the_class_turns_it_round():
    trainer = run()
    view = Words(trainer)
    first = view.frame()
    view.score = "ill"
    for name, values in first.items():
        np.testing.assert_allclose(view.frame()[name], -values, atol=1e-6)
    with pytest.raises(ValueError, match="score: expected one of"):
        view.score = "so"
    trainer = run(outputs=3)
    np.testing.assert_allclose(
        Words(trainer, score="well").frame()["scores"], trainer.outputs(trainer.data.X_val)[:, 1], atol=1e-5
    )
    assert Words(trainer).score == "ill"


def test_where_it_is_bent_the_two_differ():
    trainer = run(bent=True)
    assert not np.allclose(Words(trainer).frame()["words"], Words(trainer, by="left out").frame()["words"], atol=1e-3)


def test_sentences_of_ones_own():
    trainer = run()
    view = Words(trainer, ["not bad", "film"])
    assert view.labels()["lines"] == [["not", "bad"], ["film"]] and view.frame()["words"].shape == (2, 2)
    assert view.frame()["words"][1, 1] == 0 and (Words(trainer, ["film"], by="left out").frame()["words"] == 0).all()
    with pytest.raises(ValueError, match=r"Words: sentences: expected words out of '· good bad not film', got 'fine'"):
        Words(trainer, ["not fine"])
    with pytest.raises(ValueError, match="at least one word, got an empty text"):
        Words(trainer, [""])
    with pytest.raises(ValueError, match="at least one, got none"):
        Words(trainer, [])
    with pytest.raises(TypeError, match=r"a list of texts, got 'not bad'; try \['not bad'\]"):
        Words(trainer, "not bad")
    for wrong in (5, [[1, 2]], [None]):
        with pytest.raises(TypeError, match="Words: sentences: expected "):
            Words(trainer, wrong)


def test_the_same_step_is_asked_once_and_another_one_says_something_else():
    trainer = run()
    view = Words(trainer)
    first = view.frame()["words"]
    assert view.frame()["words"] is first
    trainer.fit(steps=1, bar=False)
    assert not np.array_equal(view.frame()["words"], first)
    np.testing.assert_array_equal(Words(trainer.at(5)).frame()["words"], first)


def test_another_source_at_the_same_step_says_something_else():
    trainer, other = run(), run(bent=True)
    view = Words(trainer)
    before = view.frame()["words"]
    assert (trainer.steps, trainer.version) == (other.steps, other.version)
    view.source = other
    np.testing.assert_array_equal(view.frame()["words"], Words(other).frame()["words"])
    assert not np.array_equal(view.frame()["words"], before)


def test_words_and_picture(ax):
    trainer = run()
    view = Words(trainer, ["not bad", "film"])
    frame = view.frame()
    assert view.describe().startswith("Score of well, by gradient × input: 'not bad' ")
    assert f"'film' {frame['scores'][1]:.2g}, most by 'film'" in view.describe()
    view.plot(ax)
    assert [text.get_text() for text in ax.texts][1:3] == ["not", "bad"]
    assert (
        set(view.marks()) == {"words", "scores"}
        and "without the word" in Words(trainer, by="left out").marks()["words"]
    )


def test_what_is_not_finite_is_said(ax):
    trainer = run()
    trainer.model.theta[:] = np.nan
    view = Words(trainer)
    assert view.describe() == "What the words have to do with the score is not finite."
    view.plot(ax)


def test_of_other_data_there_are_words():
    moons = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), "moons")
    assert not Words.suits(moons) and Words.suits(run())
    assert "expected data with a vocabulary" in Words(moons).describe() and Words(moons).frame() == {}
