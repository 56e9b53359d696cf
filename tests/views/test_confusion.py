"""The confusion table: its counts, the samples behind a cell, what is chosen, words; sequences, many classes, NaN."""

import numpy as np
import pytest
from fakes import Page

import nbprop as nb
from nbprop.views.base.pictures import ends, picture_shape, sample_in_words
from nbprop.views.confusion import LISTED, READABLE, TESTED, Confusion


@pytest.fixture(scope="module")
def trainer():
    made = nb.Trainer(nb.nn.mlp([64, 16, 10], seed=0), nb.data.digits(), optimizer="adam", lr=0.01, seed=0)
    made.fit(steps=150, bar=False)
    return made


def said_by(trainer, which="val"):
    data = trainer.data
    X, y = (data.X_val, data.y_val) if which == "val" else (data.X_train, data.y_train)
    return y, trainer.predict(X).argmax(axis=1)


@pytest.mark.parametrize(("of", "which"), [("validation", "val"), ("training", "train")])
def test_counts_are_of_what_is_true_and_what_is_said(trainer, of, which):
    view, (true, said) = Confusion(trainer, of=of), said_by(trainer, which)
    expected = np.zeros((10, 10))
    np.add.at(expected, (true, said), 1)
    frame = view.frame()
    np.testing.assert_array_equal(frame["counts"], expected)
    assert {array.dtype for array in frame.values()} == {np.dtype(np.float32)}
    assert frame["cell"].size == frame["own"].size == frame["samples"].size == frame["lost"][0] == 0
    assert view.labels()["of"] == view.labels()["tested"] == of


def test_a_cell_shows_its_samples(trainer):
    view, (true, said) = Confusion(trainer), said_by(trainer)
    pair = next((i, j) for i in range(10) for j in range(10) if i != j and ((true == i) & (said == j)).sum() > 1)
    view.cell = tuple(map(str, pair))
    frame, inside = view.frame(), np.flatnonzero((true == pair[0]) & (said == pair[1]))
    np.testing.assert_array_equal(frame["samples"], inside)
    np.testing.assert_array_equal(frame["cell"], pair)
    np.testing.assert_allclose(frame["pictures"], trainer.data.X_val[inside].reshape(-1, 1, 8, 8))
    np.testing.assert_allclose(frame["sure"], trainer.predict(trainer.data.X_val[inside]).max(axis=1), rtol=1e-5)
    assert f"{pair[0]} taken for {pair[1]}: {len(inside)} validation samples: {inside[0]}, " in view.describe()
    view.cell = "0", "0"
    frame = view.frame()
    assert len(frame["samples"]) == LISTED < frame["inside"][0] and " more" in view.describe()
    view.cell = None
    assert view.frame()["cell"].size == 0


def test_a_page_presses_a_cell_and_then_a_sample(trainer, make_board):
    board = make_board(nb.views.Confusion(trainer), nb.views.Boundary(trainer))
    page, view = Page(board), board.views[0]
    page.ack()
    page.say("act", panel=0, name="cell", value=[3, 3])
    arrays = page.arrays()
    np.testing.assert_array_equal(arrays["cell"], [3, 3])
    assert not arrays["held"].any()
    page.ack()
    number = int(arrays["samples"][2])
    page.say("act", panel=0, name="sample", value=2)
    np.testing.assert_array_equal(board.chosen.point, trainer.data.X_val[number])
    assert list(np.flatnonzero(page.arrays()["held"])) == [2]
    np.testing.assert_array_equal(view.frame()["own"], [3, 3])
    assert "The chosen sample is 3; it says 3." in view.describe()
    assert "Of the place chosen it says 3" in board.views[1].describe()
    page.ack()
    page.say("act", panel=0, name="sample", value=2)
    assert board.chosen.told() == {}
    page.ack()
    page.say("act", panel=0, name="sample", value=99)  # of a list that was longer
    assert board.chosen.told() == {}
    page.say("act", panel=0, name="cell", value=[3, 3])
    assert view.cell is None


def test_a_training_sample_is_chosen_by_its_number(trainer):
    view = Confusion(trainer, of="training")
    view.cell = "7", "7"
    number = int(view.frame()["samples"][1])
    view.act("sample", 1)
    assert view.chosen.sample == number and trainer.data.y_train[number] == 7
    np.testing.assert_array_equal(view.frame()["held"].nonzero()[0], [1])


def test_a_board_hears_of_a_cell_that_code_sets(trainer, make_board):
    board = make_board(nb.views.Confusion(trainer))
    page = Page(board)
    page.ack()
    board.views[0].cell = "1", "1"
    np.testing.assert_array_equal(page.arrays()["cell"], [1, 1])


def test_it_follows_the_training_and_a_moment_is_of_then(trainer):
    run = trainer.branch()
    view = Confusion(run)
    before = view.frame()["counts"]
    run.fit(steps=150, bar=False)
    assert not np.array_equal(view.frame()["counts"], before)
    moment = Confusion(run.at(150))
    np.testing.assert_array_equal(moment.frame()["counts"], before)


def test_words_name_recall_and_precision(trainer, fake):
    y = np.array([0, 0, 0, 1, 1, 1, 1, 2])
    said = np.array([0, 0, 1, 1, 1, 1, 1, 1])
    X = np.arange(8, dtype=np.float32)[:, None] * [1, 2, 3]
    data = nb.data.from_arrays(X, y, X, y, classes=("a", "b", "c"))
    view = Confusion(fake(data=data, predict=lambda X: np.eye(3, dtype=np.float32)[said[X[:, 0].astype(int)]]))
    assert view.describe() == (
        "75 % of 8 validation samples are right (2 wrong). a: recall 67 % (2 of 3), precision 100 % (2 of 2); "
        "b: recall 100 % (4 of 4), precision 67 % (4 of 6); c: recall 0 % (0 of 1), precision: none. "
        "Most often a is taken for b (1)."
    )
    view.cell = "c", "b"
    assert view.labels()["words"] == ["x1 7, x2 14, x3 21"] and view.frame()["pictures"].size == 0
    assert "Lowest are recall " in Confusion(trainer).describe()


def test_of_many_samples_a_fixed_number_is_tested(fake):
    rng, asked = np.random.default_rng(0), []
    X, y = rng.normal(size=(3000, 3)), rng.integers(0, 2, 3000)
    data = nb.data.from_arrays(X, y, X, y)
    view = Confusion(fake(data=data, predict=lambda X: asked.append(len(X)) or np.ones((len(X), 1), np.float32)))
    assert view.frame()["counts"].sum() == TESTED and view.labels()["tested"] == "randomly sampled validation"
    assert view.describe() and view.labels() and view.frame()
    assert asked == [TESTED] and f"of {TESTED:,} validation samples, a random sample of 3,000, are" in view.describe()


def test_of_many_classes_the_rare_ones_are_one(fake):
    y = np.concatenate([np.arange(40)] + [np.arange(29)] * 3)
    X = y[:, None].astype(np.float32)
    data = nb.data.from_arrays(np.hstack([X, X, X]), y, np.hstack([X, X, X]), y, task="multiclass")
    wrong = lambda X: np.eye(40, dtype=np.float32)[np.where(X[:, 0] == 39, 38, X[:, 0]).astype(int)]  # noqa: E731
    view = Confusion(fake(data=data, predict=wrong))
    frame, labels = view.frame(), view.labels()
    assert frame["counts"].shape == (READABLE, READABLE) and labels["classes"][-1] == "other"
    assert frame["counts"][-1, -1] == 11 and "11 rarer classes as one" in labels["marks"]["other"]
    assert "39 is taken for 38 (1)" in view.describe() and "(1 wrong)" in view.describe()


def test_each_time_step_with_a_target_counts():
    tokens = np.random.default_rng(0).integers(0, 3, (30, 5))
    data = nb.data.from_arrays(tokens, tokens, vocabulary="abc", classes=list("abc"))
    model = nb.nn.Sequential(nb.nn.Embedding(3, 4, rng=0), nb.nn.Linear(4, 3, rng=1))
    view = Confusion(nb.Trainer(model, data, seed=0))
    assert view.frame()["counts"].sum() == data.y_val.size
    true, said = data.y_val.ravel(), view.source.predict(data.X_val).argmax(axis=-1).ravel()
    i = 6
    view.cell = "abc"[true[i]], "abc"[said[i]]
    k = int(np.flatnonzero((true == true[i]) & (said == said[i])).tolist().index(i))
    assert view.frame()["samples"][k] == 1
    assert view.labels()["words"][k] == f"place 2: {''.join('abc'[t] for t in data.X_val[1])}"


def test_outputs_that_are_not_finite_are_in_no_cell(trainer):
    run = trainer.branch()
    run.model.theta[:] = np.nan
    view = Confusion(run)
    frame = view.frame()
    assert frame["counts"].sum() == 0 and frame["lost"][0] == len(run.data.X_val)
    assert view.describe() == "The network's output is not finite."


def test_a_ghost_is_counted_on_the_same_samples(trainer):
    other = trainer.branch()
    other.fit(steps=100, bar=False)
    view = Confusion(trainer, ghosts=[other])
    np.testing.assert_array_equal(view.frame()["ghost0_counts"], Confusion(other).frame()["counts"])
    view.cell = "3", "3"
    assert view.frame()["cell"].size == 2 and "Behind it" in view.describe()


def test_what_cannot_be_shown_is_said(fake):
    X = np.random.default_rng(0).normal(size=(30, 4))
    model = nb.nn.mlp([4, 1], seed=0)
    assert "expected data in classes" in Confusion(nb.Trainer(model, nb.data.from_arrays(X, X[:, 0]))).describe()
    labels = nb.data.from_arrays(X, (X[:, :2] > 0).astype(int), task="multilabel")
    view = Confusion(nb.Trainer(nb.nn.mlp([4, 2], seed=0), labels))
    assert "expected one class for each sample" in view.describe() and not Confusion.suits(view.source)


def test_a_cell_that_there_is_not_is_refused(trainer):
    view = Confusion(trainer)
    for bad in (("3", "x"), "3", ("3",), 4):
        with pytest.raises(ValueError, match="cell: expected two class names, true and said, out of 0, 1"):
            view.cell = bad
    with pytest.raises(ValueError, match="expected a cell of 10 × 10"):
        view.act("cell", [10, 0])
    assert view.cell is None


def test_the_plot_shows_the_numbers(trainer, ax):
    view = Confusion(trainer)
    view.cell = "0", "0"
    view.chosen.set(point=trainer.data.X_val[int(view.frame()["samples"][0])])
    view.plot(ax)
    counts = view.frame()["counts"]
    np.testing.assert_allclose(ax.images[0].get_array(), counts / counts.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(ax.child_axes[0].images[0].get_array(), view.frame()["pictures"][0, 0])
    assert "0 recognized" in ax.get_title() and len(ax.child_axes) == 8 and len(ax.lines) == 1


def test_other_data_close_a_cell_that_they_have_not(trainer):
    run = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), "moons", seed=0)
    view = Confusion(trainer)
    view.cell = "8", "8"
    view.source = run
    assert view.frame()["cell"].size == 0 and view.cell is None and view.describe()


# ---- samples that are pictures ---------------------------------------------------------------------------------------


def named(names):
    rng = np.random.default_rng(0)
    return nb.data.from_arrays(rng.normal(size=(30, len(names))), np.arange(30) % 2, features=names)


def test_flattened_pictures_are_known_by_the_names_of_their_pixels():
    assert picture_shape(nb.data.digits()) == picture_shape(nb.data.digits(image=True)) == (1, 8, 8)
    assert picture_shape(named([f"pixel_{i}_{j}" for i in range(2) for j in range(3)])) == (1, 2, 3)
    assert picture_shape(named([f"pixel_{j}_{i}" for i in range(2) for j in range(3)])) is None
    assert picture_shape(nb.data.iris()) is picture_shape(nb.data.moons()) is None
    assert picture_shape(named(["x1", "x2", "x3", "x4"])) is picture_shape(named(["a 1,1", "b", "c", "d"])) is None


def test_the_ends_are_those_of_each_channel():
    X = np.random.default_rng(0).uniform(size=(30, 3, 4, 5)) * np.array([1, 2, 4]).reshape(3, 1, 1)
    data = nb.data.from_arrays(X, np.arange(30) % 2, validation=0)
    low, high = ends(data, (3, 4, 5))
    np.testing.assert_allclose(low, X.min(axis=(0, 2, 3)).reshape(3, 1, 1), rtol=1e-6)
    np.testing.assert_allclose(high, X.max(axis=(0, 2, 3)).reshape(3, 1, 1), rtol=1e-6)


def test_numbers_in_words_are_in_the_units_of_the_data():
    data = nb.data.from_arrays([[10.0, 1], [20, 2], [30, 3], [40, 4]], [0, 1, 0, 1], validation=0, scale="standard")
    assert sample_in_words(data.X_train[1], data) == "x1 20, x2 2"
