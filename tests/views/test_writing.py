"""What it writes: whose letters, how they are drawn, where a line ends."""

import numpy as np
import pytest

from nbprop.views.writing import Writing, draw

LETTERS = ("\n", " ", "a", "b", "c")
NEXT = {0: 2, 1: 3, 2: 1, 3: 4, 4: 0}  # "a bc", then the end


def certain(X):
    """Gives what comes next the probability 1."""
    return np.eye(5)[[[NEXT[int(token)] for token in row] for row in X]]


@pytest.fixture
def source(fake):
    made = fake(predict=certain)
    made.version = 0
    made.data.vocabulary = made.data.classes = LETTERS
    made.data.X_train = np.zeros((1, 8), np.int64)
    return made


def test_letter_by_letter_until_the_end(source):
    view = Writing(source, lines=2)
    assert view.texts() == ["a bc", "a bc"]
    frame = view.frame()
    np.testing.assert_array_equal(frame["tokens"][0], [2, 1, 3, 4, -1, -1, -1, -1])
    np.testing.assert_array_equal(frame["probability"][0], [1, 1, 1, 1, 0, 0, 0, 0])
    assert {array.dtype for array in frame.values()} == {np.dtype(np.float32)}


def test_a_start_of_ones_own_and_a_length(source):
    assert Writing(source, start="\na b", lines=1).texts() == ["a bc"]
    assert Writing(source, start="bca", lines=1).texts() == ["bca bc"]
    assert Writing(source, lines=1, length=3).texts() == ["a "]
    assert Writing(source, end="?", lines=1, length=7).texts() == ["\na bc\na"]
    with pytest.raises(ValueError, match=r"Writing: start: expected letters out of .*, got 'x'"):
        Writing(source, start="x")


def test_the_same_step_writes_the_same_and_is_asked_once(source):
    asked = []

    def even(X):
        asked.append(X.shape)
        return np.full((*X.shape, 5), 0.2)

    source.predict = even
    view = Writing(source, lines=3)
    first = view.frame()["tokens"]
    count = len(asked)
    assert view.frame()["tokens"] is first and len(asked) == count and asked[0] == (3, 1)
    source.version, source.steps = 1, 101
    other = view.frame()["tokens"]
    assert not np.array_equal(other, first)
    source.version, source.steps = 2, 100
    np.testing.assert_array_equal(view.frame()["tokens"], first)


def test_temperature_sharpens_and_flattens():
    p = np.tile([0.6, 0.3, 0.1, 0.0], (4000, 1))
    for temperature in (0.5, 1, 2):
        chosen, probability = draw(p, temperature, np.random.default_rng(0))
        expected = p[0] ** (1 / temperature) / (p[0] ** (1 / temperature)).sum()
        np.testing.assert_allclose(np.bincount(chosen, minlength=4) / 4000, expected, atol=0.03)
        np.testing.assert_allclose(probability, expected[chosen], rtol=1e-12)


def test_the_temperature_is_a_choice(source):
    view = Writing(source, temperature=0.5)
    assert view.temperature == "0.5"
    view.temperature = 1
    assert view.temperature == "1"
    with pytest.raises(ValueError, match="temperature: expected one of"):
        view.temperature = 7


def test_words(source):
    assert Writing(source, lines=2).describe() == "At temperature 0.8 it writes 'a bc', 'a bc'."


def test_the_plot_shows_the_letters(source, ax):
    Writing(source, lines=2).plot(ax)
    assert "".join(text.get_text() for text in ax.texts) == "a bca bc"
    assert [text.get_position() for text in ax.texts][4:6] == [(0, 1), (1, 1)]


def test_of_other_data_there_are_words(source):
    source.data.classes = ("yes", "no")
    view = Writing(source)
    assert "expected data whose targets are tokens of the same vocabulary" in view.describe()
    assert view.frame() == {} and view.texts() == []
