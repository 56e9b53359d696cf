"""CTC alignment: what is said, where the labels can be, what the loss sends back, and what is refused."""

import numpy as np
import pytest

import nbprop as nb
from nbprop.views.alignment import Alignment

rng = np.random.default_rng(0)
Z = rng.normal(size=(1, 9, 4))
Z[0, :, 0] += 1
LABELS = np.array([2, 3, 3])


@pytest.fixture
def scored(fake):
    """A source that gives Z, and counts how often it was asked."""
    asked = []

    def predict(X):
        asked.append(X)
        return Z

    source = fake(predict=predict)
    source.asked = asked
    return source


def test_above_what_is_said_below_where_the_alignments_are(scored):
    view = Alignment(scored, "X", LABELS)
    frame = view.frame()
    p = np.exp(Z[0]) / np.exp(Z[0]).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(frame["above"], p.T, rtol=1e-5)
    assert frame["shares"].shape == (7, 9) and {each.dtype for each in frame.values()} == {np.dtype(np.float32)}
    np.testing.assert_allclose(frame["shares"].sum(axis=0), 1, rtol=1e-5)
    loss = nb.nn.CTCLoss(reduction="sum")(nb.Tensor(Z[0]).log_softmax()[:, None], LABELS[None]).item()
    assert frame["loss"][0] == pytest.approx(loss)
    view.labels(), view.describe(), view.plot()
    assert len(scored.asked) == 1  # of one step of the run


def test_the_gradient_is_what_differences_say(scored):
    def loss(z):
        return nb.nn.CTCLoss(reduction="sum")(z.log_softmax()[:, None], LABELS[None])

    view = Alignment(scored, "X", LABELS, above="gradient")
    np.testing.assert_allclose(view.frame()["above"], nb.grad(loss)(Z[0]).T, atol=1e-6)
    assert view.labels()["above"] == "gradient" and "its score is to rise" in view.marks()["above"]
    view.above = "said"
    assert (view.frame()["above"] >= 0).all()


def test_names_and_words(scored):
    view = Alignment(scored, "X", LABELS, classes=("-", "a", "b", "c"))
    assert view.labels()["classes"] == ["-", "a", "b", "c"]
    assert view.labels()["states"] == ["", "b", "", "c", "", "c", ""]
    words = view.describe()
    assert words.startswith("-ln p of the labels is ") and "Blank is likeliest at " in words
    assert words.count("c at ") == 2 and view.labels()["said"] in words
    assert Alignment(scored, "X", LABELS).labels()["classes"] == ["blank", "1", "2", "3"]


def test_only_frames_that_count(scored):
    view = Alignment(scored, "X", LABELS, frames=6)
    assert view.frame()["above"].shape == (4, 6) and " of 6 frames" in view.describe()


def test_it_moves_with_the_run(scored):
    view = Alignment(scored, "X", LABELS)
    first = view.frame()
    scored.version += 1
    view.frame()
    assert len(scored.asked) == 2 and (first["above"] == view.frame()["above"]).all()


def test_what_it_cannot_show_it_says(scored, fake, ax):
    assert Alignment(scored).describe().startswith("Alignment shows one sequence: give it")
    for labels, words in (([1] * 9, "9 labels with 8 blanks between equal ones in 9 frames"), ([7], "label 7 is none")):
        assert words in Alignment(scored, "X", labels).describe()
    assert "classes names 2" in Alignment(scored, "X", LABELS, classes="ab").describe()
    flat = fake(predict=lambda X: np.zeros((1, 4)))
    assert "predict(X) gave (1, 4)" in Alignment(flat, "X", LABELS).describe()
    broken = Alignment(fake(predict=lambda X: np.full((1, 5, 4), np.nan)), "X", LABELS)
    assert broken.describe() == "The network's output is not finite."
    broken.plot(ax)
    assert np.isnan(broken.frame()["shares"]).all()
    for wrong in ([0, 1], [[1]], [0.5], [-1, 2]):
        with pytest.raises(ValueError, match="labels: expected class numbers"):
            Alignment(scored, "X", wrong)
    for more, words in (({"frames": 10}, "at most 9 frames"), ({"blank": 4}, "a blank below 4")):
        assert words in Alignment(scored, "X", LABELS, **more).describe()
    for more in ({"frames": 0}, {"frames": -1}, {"frames": 2.5}, {"blank": -1}, {"blank": "-"}):
        with pytest.raises((TypeError, ValueError), match=f"Alignment: {next(iter(more))} must be "):
            Alignment(scored, "X", LABELS, **more)


def test_no_labels_are_all_blanks(scored):
    view = Alignment(scored, "X", [])
    np.testing.assert_array_equal(view.frame()["shares"], np.ones((1, 9)))
    assert view.describe().endswith("The labels are likeliest at frames: none.")


def test_the_plot_has_both_pictures_and_their_names(scored, ax):
    Alignment(scored, "X", LABELS, classes=("-", "a", "b", "c")).plot(ax)
    above, below = ax.child_axes
    assert [label.get_text() for label in above.get_yticklabels()] == ["-", "a", "b", "c"]
    assert [label.get_text() for label in below.get_yticklabels()] == ["", "b", "", "c", "", "c", ""]
    assert above.images[0].get_array().shape == (4, 9) and below.images[0].get_array().shape == (7, 9)
    assert [part.images[0].get_extent()[:2] for part in (above, below)] == [[0.5, 9.5]] * 2  # frame 1 is at 1
    assert ax.get_title().startswith("CTC alignment: says ")


def test_a_trainer_learns_what_it_shows():
    data = nb.data.Arrays(np.eye(4)[[[0, 2, 2, 0, 3, 3, 0, 0]] * 20], np.array([[2, 3]] * 20))

    def loss(z, y):
        return nb.nn.CTCLoss()(z.log_softmax().transpose(1, 0, 2), y)

    trainer = nb.Trainer(nb.nn.mlp([4, 4], seed=0), data, loss=loss, lr=0.1, seed=0)
    view = nb.views.Alignment(trainer, data.X[:1], data.y[0]).views[0]
    before = view.frame()["loss"][0]
    trainer.fit(steps=60, bar=False)
    assert view.frame()["loss"][0] < 0.3 * before and view.labels()["said"] == "2 3"
