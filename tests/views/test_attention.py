"""Attention: whose weights, which letters, what is not allowed, and words for the habit of a head."""

import numpy as np
import pytest

import nbprop as nb
from nbprop.views.attention import Attention, _habit, _paint


def previous(T):
    """Weights of a head that looks one place back."""
    weights = np.eye(T, k=-1)
    weights[0, 0] = 1
    return weights


@pytest.fixture
def letters(fake):
    """A source with two layers of two heads, which say what they were asked."""
    asked = []

    def attention(X):
        asked.append(X.tolist())
        T = len(X)
        even = np.tri(T) / np.arange(1, T + 1)[:, None]
        return [np.stack([np.eye(T), previous(T)]), np.stack([even, even])]

    data = fake().data
    data.vocabulary = ("\n", " ", "a", "b")
    source = fake(data=data, attention=attention)
    source.asked = asked
    return source


def test_the_weights_of_the_chosen_layer_and_head(letters):
    view = Attention(letters, "ab b\na")
    assert letters.asked[-1] == [2, 3, 1, 3, 0, 2]
    assert view.frame()["weights"].shape == (2, 6, 6) and view.frame()["weights"].dtype == np.float32
    view.head = 2
    np.testing.assert_array_equal(view.frame()["weights"], [previous(6)])
    view.layer, view.head = 2, "1"
    np.testing.assert_allclose(view.frame()["weights"][0, 3], [0.25, 0.25, 0.25, 0.25, 0, 0])
    assert view.labels() == {
        "rows": list("ab␣b⏎a"),
        "columns": list("ab␣b⏎a"),
        "heads": ["head 1"],
        "marks": view.marks(),
    }
    assert view.labels() is view.labels()


def test_each_frame_has_an_array_of_its_own(fake):
    buffer = np.ones((1, 4, 4), np.float32)
    view = Attention(fake(attention=lambda X: [buffer]))
    first = view.frame()["weights"]
    buffer += 1
    assert (first == 1).all() and (view.frame()["weights"] == 2).all()


def test_layers_and_heads_are_choices(letters):
    view = Attention(letters, "ab", layer=2)
    assert [[value for value, _ in option.choices] for option in view.options] == [["1", "2"], ["all", "1", "2"]]
    assert (view.layer, view.head) == ("2", "all")
    with pytest.raises(ValueError, match=r"layer: expected one of \['1', '2'\], got '3'"):
        view.layer = 3
    with pytest.raises(TypeError, match=r"Attention: expected options out of \['layer', 'head'\], got 'heads'"):
        Attention(letters, "ab", heads=2)


def test_a_text_is_written_in_the_datas_vocabulary(letters):
    with pytest.raises(ValueError, match=r"Attention: sample: expected letters out of '\\n ab', got 'c'"):
        Attention(letters, "abc")
    with pytest.raises(ValueError, match="expected at least one letter"):
        Attention(letters, "")


def test_without_letters_places_are_numbered(fake):
    view = Attention(fake(attention=lambda X: [np.ones((1, len(X), 3)) / 3]), np.zeros((2, 5), np.float32))
    assert view.labels() == {"rows": ["1", "2"], "columns": ["1", "2", "3"], "heads": ["head 1"], "marks": view.marks()}


def test_a_model_without_attention_is_named(fake):
    view = Attention(fake(attention=lambda X: []), layer=2)
    assert "expected a model with nb.nn.MultiheadAttention in it" in view.describe() and view.frame() == {}


def test_the_habit_of_a_head():
    assert _habit(previous(8)) == "100 % 1 place back"
    assert _habit(np.eye(8)) == "100 % on itself"
    assert _habit(np.eye(8, k=3) * 0.5) == "50 % 3 places ahead"
    assert _habit(np.ones((1, 1))) == "100 % on itself"
    assert _habit(np.full((6, 6), 1 / 6)) == "17 % on itself"


def test_words(letters, fake):
    words = Attention(letters, "ab b").describe()
    assert words == "Layer 1, on average: head 1 100 % on itself, head 2 100 % 1 place back."
    many = Attention(fake(attention=lambda X: [np.stack([np.eye(4)] * 6)])).describe()
    assert many.endswith("head 4 100 % on itself, and 2 heads more.")
    broken = Attention(fake(attention=lambda X: [np.full((1, 2, 2), np.nan)]))
    assert broken.describe() == "The attention weights are not finite."


def test_what_is_forbidden_is_clear_and_what_is_not_finite_is_loud():
    image = _paint(np.array([[1, 0], [np.nan, 0.5]]))
    assert image[0, 1, 3] == 0 and image[0, 0, 3] == 1 and image[1, 1, 3] == 1
    np.testing.assert_allclose(image[1, 0, :3], np.array([0xC2, 0x18, 0x5B]) / 255, atol=0.01)


def test_the_plot_has_a_matrix_for_each_head_and_its_letters(letters, ax):
    Attention(letters, "ab b").plot(ax)
    assert [part.get_title(loc="left") for part in ax.child_axes] == ["head 1", "head 2"]
    for part in ax.child_axes:
        assert [label.get_text() for label in part.get_yticklabels()] == list("ab␣b")
        assert part.images[0].get_array().shape == (4, 4, 4)


def test_the_plot_of_one_head(letters, ax):
    Attention(letters, "ab b", head=2).plot(ax)
    assert ax.get_title() == "Attention, layer 1, head 2" and ax.child_axes[0].get_ylabel() == "who looks"


def test_letters_too_small_to_read_are_left_out_of_the_plot(letters, ax):
    Attention(letters, "ab " * 40).plot(ax)
    assert {label.get_text() for part in ax.child_axes for label in part.get_xticklabels()} == {""}


class Reader(nb.nn.Module):
    """Looks from the words before at all words of a source."""

    def __init__(self):
        self.embedding, self.attention = nb.nn.Embedding(6, 4, rng=0), nb.nn.MultiheadAttention(4, 2, rng=1)
        self.out = nb.nn.Linear(4, 6, rng=2)

    def forward(self, source, before):
        return self.out(self.attention(self.embedding(before), self.embedding(source)))


def reader():
    tokens = np.random.default_rng(0).integers(0, 6, (24, 9))
    data = nb.data.Arrays((tokens[:, :5], tokens[:, 5:8]), tokens[:, 6:9])
    return nb.Trainer(Reader(), data, loss="cross_entropy", seed=0)


def test_a_model_of_two_inputs_has_rows_and_columns_of_its_own(ax):
    trainer = reader()
    first = Attention(trainer)
    assert first.frame()["weights"].shape == (2, 3, 5) and first.labels()["columns"] == list("12345")
    sample = ([1, 2], np.array([0, 3, 4]))
    rows, columns = ("drei", "und", "vierzig"), ("forty", "three")
    view = Attention(trainer, sample, rows, columns, head=1)
    np.testing.assert_array_equal(view.frame()["weights"][0], trainer.attention(sample)[0][0])
    np.testing.assert_array_equal(trainer.at(0).attention(sample)[0], trainer.attention(sample)[0])
    assert (view.labels()["rows"], view.labels()["columns"]) == (list(rows), list(columns))
    view.plot(ax)
    assert {label.get_rotation() for label in ax.child_axes[0].get_xticklabels()} == {90.0}
    trainer.fit(steps=1, bar=False)
    assert np.abs(view.frame()["weights"].sum(axis=-1) - 1).max() < 1e-5


def test_a_sample_of_no_places_is_refused():
    with pytest.raises(ValueError, match="sample: expected at least one place"):
        Attention(reader(), [])


def test_a_word_too_few_is_said():
    view = Attention(reader(), ([1, 2], [0, 3]), ("drei",))
    assert view.labels() == {} and "rows: expected 2 words, one for each place, got 1" in view.unserved
