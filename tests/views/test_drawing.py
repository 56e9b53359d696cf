"""A picture drawn by hand: what is said of it, its gradient, samples on the paper, where the data have their ink."""

import numpy as np
import pytest
from fakes import Page

import nbprop as nb
from nbprop.views.base.pictures import paper_of, picture_shape, placing
from nbprop.views.drawing import Drawing

INK = {"page": "a", "pixels": [round(0.01 * k, 2) for k in range(64)]}


@pytest.fixture(scope="module")
def trainer():
    made = nb.Trainer(nb.nn.mlp([64, 16, 10], seed=0), nb.data.digits(), optimizer="adam", lr=0.01, seed=0)
    made.fit(steps=150, bar=False)
    return made


@pytest.fixture(scope="module")
def convolutional():
    layers = [nb.nn.Conv2d(1, 4, 3, rng=0), nb.nn.ReLU(), nb.nn.Flatten(), nb.nn.Linear(144, 10, rng=1)]
    made = nb.Trainer(nb.nn.Sequential(*layers), nb.data.digits(image=True), optimizer="adam", lr=0.01, seed=0)
    made.fit(steps=60, bar=False)
    return made


def pictures(channels=3, low=0.0, high=1.0, side=6):
    rng = np.random.default_rng(0)
    X = rng.uniform(low, high, (40, channels, side, side))
    return nb.data.from_arrays(X, np.arange(40) % 2, classes=("left", "right"))


@pytest.mark.parametrize("which", ["trainer", "convolutional"])
def test_what_is_drawn_is_what_the_network_gets(which, request):
    run = request.getfixturevalue(which)
    view = Drawing(run)
    view.act("ink", INK)
    frame, X = view.frame(), np.float32(INK["pixels"]).reshape(1, *run.data.input_shape)
    np.testing.assert_allclose(frame["picture"], X.reshape(1, 8, 8), atol=1e-6)
    np.testing.assert_allclose(frame["probability"], run.predict(X)[0], rtol=1e-5)
    likeliest = int(run.predict(X).argmax())
    assert frame["like"] == [likeliest]
    np.testing.assert_allclose(frame["gradient"].ravel(), run.input_gradient(X, score=likeliest).ravel(), rtol=1e-5)
    assert {array.dtype for array in frame.values()} == {np.dtype(np.float32)}
    view.target, view.gradient = "3", "loss"
    np.testing.assert_allclose(
        view.frame()["gradient"].ravel(), run.input_gradient(X, np.array([3])).ravel(), rtol=1e-5
    )


def test_empty_paper_is_that_of_the_data(trainer):
    view = Drawing(trainer)
    assert not view.frame()["picture"].any() and view.labels()["blank"]
    assert view.describe().startswith("Of empty paper it says ")
    view.act("ink", INK)
    assert not view.labels()["blank"] and view.labels()["page"] == "a"
    view.act("ink", {"page": "a", "pixels": None})
    assert view.labels()["blank"] and view.chosen.told() == {} and view.labels()["page"] == "a"
    view.chosen.set(sample=3)
    assert view.labels()["page"] == ""
    view.chosen.set(sample=None)
    assert view.labels()["blank"] and view.labels()["page"] == ""  # nobody has cleared it


def test_numbers_are_those_of_the_data_whatever_their_scale():
    data = nb.data.from_arrays(
        nb.data.digits().X_train, nb.data.digits().y_train, scale="standard", features=nb.data.digits().features
    )
    run = nb.Trainer(nb.nn.mlp([64, 10], seed=0), data, seed=0)
    view = Drawing(run)
    view.chosen.set(sample=5)
    np.testing.assert_allclose(view.frame()["probability"], run.predict(data.X_train[5:6])[0], rtol=1e-5)
    shown = view.frame()["picture"]
    assert shown.min() > -1e-6
    view.act("ink", {"page": "a", "pixels": shown.ravel().tolist()})
    np.testing.assert_allclose(view.frame()["probability"], run.predict(data.X_train[5:6])[0], rtol=1e-3)


def test_a_drawing_is_the_place_that_all_views_look_at(trainer, make_board):
    board = make_board(nb.views.Drawing(trainer), nb.views.Boundary(trainer))
    page = Page(board)
    page.ack()
    page.say("hover", panel=0, name="ink", value=INK, number=3)
    assert page.head["heard"] == {"a": 3}
    np.testing.assert_allclose(page.arrays()["picture"].ravel(), INK["pixels"], atol=1e-6)
    assert page.head["panels"][0]["labels"]["page"] == "a"
    assert "Of the place chosen it says" in board.views[1].describe()
    page.ack()
    trainer_was = page.arrays(0)["probability"]
    trainer.fit(steps=5, bar=False)
    board.refresh()
    assert page.arrays(0)["picture"] is None  # it travels once
    assert not np.array_equal(page.arrays(0)["probability"], trainer_was)


def test_samples_are_put_on_the_paper(trainer):
    view = Drawing(trainer)
    view.act("sample", 3)
    np.testing.assert_array_equal(view.frame()["picture"].ravel(), trainer.data.X_val[3])
    name = trainer.data.classes[trainer.data.y_val[3]]
    assert view.labels()["began"] == f"validation sample 3, {name}" and view.labels()["next"] == 4
    assert view.describe().startswith(f"Of validation sample 3, {name} it says ")
    view.chosen.set(sample=7)
    np.testing.assert_array_equal(view.frame()["picture"].ravel(), trainer.data.X_train[7])
    assert view.labels()["began"] == f"training sample 7, {trainer.data.classes[trainer.data.y_train[7]]}"
    view.act("ink", INK)
    assert view.labels()["began"] == "" and view.chosen.sample is None
    view.act("sample", None)
    assert view.labels()["blank"]
    assert view.labels()["next"] == 4  # where it was
    view.act("sample", view.labels()["many"])
    assert view.labels()["began"].startswith("validation sample 0,")
    view.act("ink", {"page": "a", "pixels": view.frame()["picture"].ravel().tolist()})
    assert view.labels()["began"] == "" and view.labels()["page"] == "a"
    version = view.version
    view.act("sample", 0)  # what has been drawn happens to be it
    assert view.labels()["began"].startswith("validation sample 0,") and view.version != version


def test_a_moment_says_what_was_said_then(trainer):
    run = trainer.branch()
    then = Drawing(run)
    then.act("ink", INK)
    frame = then.frame()
    run.fit(steps=20, bar=False)
    assert not np.array_equal(then.frame()["probability"], frame["probability"])
    moment = Drawing(run.at(run.steps - 20))
    moment.act("ink", INK)
    for name in ("probability", "gradient"):
        np.testing.assert_array_equal(moment.frame()[name], frame[name])


def test_it_leaves_the_run_as_it_is(trainer):
    one, other = trainer.branch(), trainer.branch()
    view = Drawing(other)
    view.act("ink", INK)
    for _ in range(10):
        one.step()
        other.step()
        assert view.frame() and view.describe()
    np.testing.assert_array_equal(one.theta, other.theta)


def test_words_name_the_pixels_that_matter_most(trainer):
    view = Drawing(trainer, target="4")
    view.act("ink", INK)
    gradient = view.frame()["gradient"]
    row, column = np.unravel_index(gradient.argmax(), gradient.shape)
    assert f"The score of 4 rises most with row {row + 1}, column {column + 1} (" in view.describe()
    view.gradient = "loss"
    assert "The loss, were it 4, rises most with" in view.describe()


def test_two_classes_and_colour():
    data = pictures()
    run = nb.Trainer(nb.nn.Sequential(nb.nn.Flatten(), nb.nn.Linear(108, 1, rng=0)), data, seed=0)
    view = Drawing(run, target="left")
    frame, W = view.frame(), np.asarray(run.theta[:108]).reshape(3, 6, 6)
    np.testing.assert_allclose(frame["probability"].sum(), 1, rtol=1e-6)
    np.testing.assert_allclose(frame["gradient"], -W.sum(axis=0), rtol=1e-4, atol=1e-6)
    assert "colour" in view.labels()["how"] and view.labels()["placing"] is None
    assert "the pictures are in colour" in view.marks()["placed"]


def test_what_is_not_finite_is_said(trainer):
    run = trainer.branch()
    run.model.theta[:] = np.nan
    assert "the network's output is not finite" in Drawing(run).describe()


def test_the_plot_shows_the_numbers(trainer, ax):
    view = Drawing(trainer)
    view.act("sample", 2)
    view.plot(ax)
    frame, (picture, gradient, bars) = view.frame(), ax.child_axes
    np.testing.assert_array_equal(picture.images[0].get_array(), frame["picture"][0])
    np.testing.assert_array_equal(gradient.images[0].get_array(), frame["gradient"])
    np.testing.assert_allclose([bar.get_width() for bar in bars.patches], frame["probability"], rtol=1e-6)
    assert "validation sample 2" in ax.get_title()


def test_flattened_pictures_without_names_are_told_their_shape():
    digits = nb.data.digits()
    data = nb.data.from_arrays(digits.X_train, digits.y_train)
    run = nb.Trainer(nb.nn.mlp([64, 10], seed=0), data, seed=0)
    assert "for a data set of your own that is flattened" in Drawing(run).describe() and not Drawing.suits(run)
    assert Drawing(run, shape=(8, 8)).frame()["picture"].shape == (1, 8, 8)
    assert nb.views.Drawing(run, shape=(1, 4, 16)).views[0].frame()["gradient"].shape == (4, 16)
    assert "expected pictures" in Drawing(run, shape=(8, 9)).describe()
    for bad in (8, (8,), (8, 0), (8, 8.0)):
        with pytest.raises(ValueError, match=r"shape: expected \(rows, columns\)"):
            Drawing(run, shape=bad)


def test_what_cannot_be_drawn_is_said(trainer):
    large = nb.data.from_arrays(np.random.default_rng(0).uniform(size=(30, 1, 65, 65)), np.arange(30) % 2)
    model = nb.nn.Sequential(nb.nn.Flatten(), nb.nn.Linear(65 * 65, 1, rng=0))
    assert "at most 64 × 64 pixels" in Drawing(nb.Trainer(model, large)).describe()
    X = np.random.default_rng(0).uniform(size=(30, 1, 4, 4))
    model = nb.nn.Sequential(nb.nn.Flatten(), nb.nn.Linear(16, 1, rng=0))
    assert (
        "got regression data" in Drawing(nb.Trainer(model, nb.data.from_arrays(X, X.mean(axis=(1, 2, 3))))).describe()
    )
    view = Drawing(trainer)
    with pytest.raises(ValueError, match=r"expected \(1, 8, 8\) pixels, finite numbers, got 3 numbers"):
        view.act("ink", {"page": "a", "pixels": [1, 2, 3]})
    with pytest.raises(ValueError, match="finite"):
        view.act("ink", {"page": "a", "pixels": [np.inf] * 64})
    with pytest.raises(ValueError, match=r"target: expected one of \['', '0'"):
        view.target = "ten"
    assert view.labels()["blank"]


def test_the_list_of_classes_follows_the_data(trainer):
    view = Drawing(trainer)
    view.target = "3"
    view.source = nb.Trainer(nb.nn.Sequential(nb.nn.Flatten(), nb.nn.Linear(108, 1, rng=0)), pictures(), seed=0)
    assert view.labels()["choices"]["target"] == [["", "the likeliest"], ["left", "left"], ["right", "right"]]
    assert view.frame()["picture"].shape == (3, 6, 6) and view.frame()["like"][0] in (0, 1)


# ---- where the data have their ink -----------------------------------------------------------------------------------


def test_digits_are_found_as_high_as_the_picture_and_in_its_middle():
    data = nb.data.digits()
    found = placing(data, (1, 8, 8), paper_of(data, (1, 8, 8)))
    assert paper_of(data, (1, 8, 8)).ravel().tolist() == [0]
    assert found is not None and found.rows == 8 and abs(found.y - 4) < 0.1 and abs(found.x - 4) < 0.2
    assert found.by[0] == "box" and "scaled to 8 pixels high" in found.words()


def boxes(place, paper=0.0, many=200):
    """Frames in pictures of 28 x 28; place(rng): their height, width, and the row and column of their middle."""
    rng, X = np.random.default_rng(0), np.full((many, 1, 28, 28), paper)
    for picture in X[:, 0]:
        high, wide, row, column = place(rng)
        top, left = int(row - high / 2), int(column - wide / 2)
        picture[top : top + high, left : left + wide] = 1 - paper
        picture[top + 3 : top + high - 3, left + 3 : left + wide - 3] = paper
    return nb.data.from_arrays(X, np.arange(many) % 2)


def test_pictures_whose_larger_side_was_scaled_are_found_on_light_and_dark_paper():
    for paper in (0.0, 1.0):
        data = boxes(lambda rng: (20, int(rng.integers(8, 20)), 14, 14), paper)
        ground = paper_of(data, (1, 28, 28))
        found = placing(data, (1, 28, 28), ground)
        assert ground.ravel().tolist() == [paper] and found is not None
        assert found.rows == 20 and abs(found.y - 14) < 0.6 and abs(found.x - 14) < 0.6


def test_pictures_that_lie_anywhere_are_not_placed():
    for place in (
        lambda rng: (10, 10, rng.integers(6, 22), rng.integers(6, 22)),
        lambda rng: (int(rng.integers(8, 27)), int(rng.integers(8, 20)), 14, 14),
    ):
        data = boxes(place)
        assert placing(data, (1, 28, 28), paper_of(data, (1, 28, 28))) is None
    noise = pictures(channels=1)
    shape = (1, 6, 6)
    assert picture_shape(noise) == shape and placing(noise, shape, paper_of(noise, shape)) is None


# ---- on boards -------------------------------------------------------------------------------------------------------


def test_the_playground_offers_what_suits_its_data():
    playground = nb.Playground("digits", hidden=[8])
    assert {"drawing", "confusion"} <= set(playground._offered_views())
    playground.trainer.fit(steps=12, bar=False)
    playground.show("drawing", "confusion")
    drawing, confusion = playground.views
    drawing.act("ink", INK)
    confusion.cell = "3", "3"
    now = drawing.frame()
    timeline = playground._timeline
    assert timeline is not None
    timeline.look_at(4)
    assert drawing.source.moment == 4 and not np.array_equal(drawing.frame()["gradient"], now["gradient"])
    np.testing.assert_array_equal(drawing.frame()["picture"], now["picture"])
    np.testing.assert_array_equal(confusion.frame()["counts"].sum(), len(playground.trainer.data.X_val))
    playground.close()
    playground = nb.Playground("moons", hidden=[3])
    assert "drawing" not in playground._offered_views() and "confusion" in playground._offered_views()
    playground.close()


def test_a_page_without_a_kernel_shows_both(trainer, tmp_path):
    board = nb.views.Board(nb.views.Drawing(trainer), nb.views.Confusion(trainer))
    board.chosen.set(sample=3)
    board.views[1].cell = "1", "8"
    saved = board.save(tmp_path / "run.html", moments=5)
    assert f"moments from step 0 to {trainer.steps}." in saved.said and saved.size < 1_500_000
    board.close()
