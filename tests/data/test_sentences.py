"""Sentences that praise and blame: the ratings beside those of the package, the rule by hand, what is held out."""

import importlib
import subprocess
import sys

import numpy as np
import pytest

import nbprop as nb
from nbprop.data.sentences import BAD, GOOD, SUBJECTS, WORDS


def texts(data, X):
    return [" ".join(data.vocabulary[token] for token in row if token) for row in X]


def negated(sentence):
    """The adjectives in it that a negation reaches."""
    found, opening, last = set(), sentence.startswith("nobody"), ""
    for word in sentence.split():
        last = word if word in ("not", "and", "but") else last
        opening = opening and word not in ("and", "but")
        if word in GOOD or word in BAD:
            found |= {word} if opening or last == "not" else set()
    return found


def test_the_ratings_are_those_of_the_file():
    found = nb.data.valences()
    assert found["good"].mean == 1.9 and found["good"].ratings == (2, 1, 1, 3, 2, 4, 2, 2, 1, 1)
    assert len(found) > 7000 and ":)" in found
    for word in (*GOOD, *BAD):
        assert len(found[word].ratings) == 10
        assert np.mean(found[word].ratings) == pytest.approx(found[word].mean, abs=0.06)
        assert np.std(found[word].ratings) == pytest.approx(found[word].spread, abs=0.01)
    assert all(found[word].mean > 1 for word in GOOD) and all(found[word].mean < -1 for word in BAD)
    assert not {*SUBJECTS, "was", "the", "thinks", "nobody"} & {*found}
    with pytest.raises(TypeError):
        found["good"] = found["bad"]


def test_the_package_is_read_and_not_imported():
    code = "import sys, nbprop as nb; nb.data.valences(); print({*sys.modules} & {'vaderSentiment', 'requests'})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_without_the_package_it_says_what_to_install(monkeypatch):
    module = importlib.import_module("nbprop.data.sentences")
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    module.valences.cache_clear()
    with pytest.raises(ImportError, match=r'expected the package vaderSentiment.*pip install "nbprop\[tutorials\]"'):
        nb.data.sentiment()
    module.valences.cache_clear()


def test_the_rule():
    worth = nb.data.worth
    assert worth("the film was good") == 1.9
    assert worth("the film was very good") == pytest.approx(1.25 * 1.9)
    assert worth("The film was not good") == pytest.approx(-0.74 * 1.9)
    assert worth("the film was not very good") == pytest.approx(-0.74 * 1.25 * 1.9)
    assert worth("the film was good and boring") == pytest.approx(1.9 - 1.3)
    assert worth("the film was good but boring") == pytest.approx(0.5 * 1.9 - 1.5 * 1.3)
    assert worth("nobody thinks the film was good") == pytest.approx(-0.74 * 1.9)
    assert worth("nobody thinks the film was not good") == pytest.approx(0.74**2 * 1.9)
    assert worth("nobody thinks the film was good but boring") == pytest.approx(-0.5 * 0.74 * 1.9 - 1.5 * 1.3)
    assert worth("the film was not good but not boring") == pytest.approx(-0.5 * 0.74 * 1.9 + 1.5 * 0.74 * 1.3)
    with pytest.raises(ValueError, match=r"worth: expected words out of .*; got 'fillm'"):
        worth("the fillm was good")
    with pytest.raises(ValueError, match="expected an adjective, such as good or bad"):
        worth("the film was")
    with pytest.raises(TypeError, match=r"worth: expected a text such as .*, got 3"):
        worth(3)


@pytest.mark.parametrize("held_out", ["sentences", "combinations"])
def test_what_is_held_out(held_out):
    data = nb.data.sentiment(held_out, samples=800, seed=1)
    learned, held = texts(data, data.X_train), texts(data, data.X_val)
    assert len({*learned, *held}) == 800 and len(held) == 200
    for found, y in ((learned, data.y_train), (held, data.y_val)):
        assert 0.35 < y.mean() < 0.65
        assert all((nb.data.worth(text) > 0) == label for text, label in zip(found, y, strict=True))
        assert min(abs(nb.data.worth(text)) for text in found) >= 0.25
    known = set().union(*map(negated, learned))
    if held_out == "sentences":
        assert known == {*GOOD, *BAD}
    else:
        never = {*GOOD, *BAD} - known
        assert len(never & {*GOOD}) == len(never & {*BAD}) == 4
        assert all(never & negated(text) for text in held)
        assert never <= {word for text in learned for word in text.split()}  # each is learned, without a negation


def test_a_seed_is_a_data_set():
    one, same, other = (nb.data.sentiment(samples=100, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.X_train, same.X_train)
    np.testing.assert_array_equal(one.X_val, same.X_val)
    assert not np.array_equal(one.X_train, other.X_train)
    assert one.classes == ("blames", "praises") and one.vocabulary == WORDS and one.task == "binary"


def test_what_it_takes():
    with pytest.raises(ValueError, match="held_out"):
        nb.data.sentiment("words")
    with pytest.raises(ValueError, match="validation: expected a share that leaves"):
        nb.data.sentiment(validation=0)
    with pytest.raises(ValueError, match="samples"):
        nb.data.sentiment(samples=5)


def test_a_trainer_takes_it_and_goes_back_and_is_saved(tmp_path):
    data = nb.data.sentiment(samples=200)

    class Bag(nb.nn.Module):
        def __init__(self):
            self.table = nb.nn.Embedding(len(WORDS), 1, 0, rng=0)

        def forward(self, tokens):
            return self.table(tokens).sum(axis=1)

    trainer = nb.Trainer(Bag(), data, seed=0)
    trainer.fit(steps=20, bar=False)
    end = trainer.model.theta.copy()
    trainer.save(tmp_path / "run.npz")
    trainer.rewind(10)
    trainer.fit(steps=10, bar=False)
    np.testing.assert_array_equal(trainer.model.theta, end)
    opened = nb.Trainer.load(tmp_path / "run.npz", model=Bag(), data=data)
    np.testing.assert_array_equal(opened.model.theta, end)
