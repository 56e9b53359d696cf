"""The view of the sharpness: numbers, words, marks; a look at the past, ghosts, what cannot be measured."""

import numpy as np
import pytest
from fakes import Page

import nbprop as nb
from nbprop.views.sharpness import Sharpness

X = np.linspace(-1, 1, 20, dtype=np.float32)[:, None]


def trained(steps=1200, lr=0.1, optimizer="sgd", **options):
    data = nb.data.Arrays(X, np.cos(4 * np.arccos(X.clip(-1, 1))), validation=0)
    model = nb.nn.mlp([1, 20, 10, 1], activation="tanh", seed=0)
    objective = nb.training.Supervised(data, "mse")
    made = nb.Trainer(model, objective=objective, optimizer=optimizer, lr=lr, batch_size=20, seed=0, **options)
    made.watch(sharpness=True)
    made.fit(steps=steps, bar=False)
    return made


@pytest.fixture(scope="module")
def trainer():
    return trained()


def test_it_shows_what_was_recorded_and_says_where_it_is(trainer, ax):
    view = Sharpness(trainer)
    frame = view.frame()
    steps, values = trainer.history.series("sharpness")
    np.testing.assert_allclose(frame["sharpness"], np.array([steps, values], np.float32))
    np.testing.assert_allclose(frame["now"], [steps[-1], values[-1]], rtol=1e-6)
    assert (frame["stable"][1] == 20).all() and frame["until"] == [1200]
    low, high = frame["range"][:2]
    assert low == 0 and 20 < high < 40
    assert "of 2/lr = 20: at the edge of stability; above 2/lr, steps of gradient descent" in view.describe()
    assert view.labels()["formula"] == "2/lr" and {"sharpness", "stable", "flag"} <= view.marks().keys()
    assert {array.dtype for array in frame.values()} == {np.dtype(np.float32)}
    view.plot(ax)
    lines = {line.get_label(): line for line in ax.lines}
    np.testing.assert_array_equal(lines["sharpness"].get_ydata(), frame["sharpness"][1])
    np.testing.assert_array_equal(lines["2/lr"].get_ydata(), frame["stable"][1])


def test_another_learning_rate_moves_the_line_and_leaves_a_flag():
    trainer = trained(steps=100)
    trainer.lr = 0.05
    trainer.fit(steps=100, bar=False)
    view = Sharpness(trainer)
    assert view.frame()["stable"][1].tolist() == [20] * 5 + [40] * 5
    assert view.frame()["events"] == [100] and view.labels()["events"] == ["lr 0.1 → 0.05"]
    assert "2/lr = 40: below it" in view.describe()


def test_a_look_at_the_past(trainer, ax):
    view = Sharpness(trainer.at(150))
    assert view.frame()["now"][0] == 140 and view.labels()["moment"] == 150
    assert (
        view.describe().startswith("Sharpness ") and "at step 140" in view.describe() and "below it" in view.describe()
    )
    np.testing.assert_array_equal(view.frame()["sharpness"], Sharpness(trainer).frame()["sharpness"])
    view.act("measure", None)
    assert view.frame()["now"][0] == 150 and "at step 150" in view.describe()
    early = Sharpness(trainer.at(10))
    assert early.frame()["now"].shape == (0,) and "not measured up to step 10" in early.describe()
    assert early.plot(ax) is ax


def test_before_anything_was_measured_it_says_what_to_do_and_the_button_does_it(ax):
    trainer = trained(steps=0)
    trainer.watch(False)
    view = Sharpness(trainer)
    assert view.describe() == "The sharpness was not measured yet: play, or press Measure."
    assert view.plot(ax) is ax and view.frame()["now"].shape == (0,)
    view.act("measure", None)
    assert view.frame()["now"].tolist() == [0, np.float32(trainer.history["sharpness"][0])]
    with pytest.raises(ValueError, match="no control"):
        view.act("measur", None)


def test_a_board_has_it_measured_and_hears_the_button(make_board):
    trainer = trained(steps=0)
    trainer.watch(False)
    board = make_board(Sharpness(trainer))
    page = Page(board)
    page.ack()
    trainer.fit(steps=20, bar=False)
    assert trainer.history.series("sharpness")[0].tolist() == [20]  # because the board asks for it
    trainer.fit(steps=5, bar=False)
    page.say("act", panel=0, name="measure", value=None)
    assert trainer.history.series("sharpness")[0].tolist() == [20, 25]


def test_for_adam_no_line_is_drawn_and_it_says_why(ax):
    trainer = trained(steps=40, optimizer="adam", lr=0.01)
    view = Sharpness(trainer)
    assert np.isnan(view.frame()["stable"][1]).all() and view.labels()["formula"] == ""
    assert "Adam scales every parameter by itself" in view.describe()
    view.plot(ax)
    assert [line.get_label() for line in ax.lines if line.get_linestyle() == "--"] == []


def test_what_is_not_finite_is_loud(ax):
    trainer = trained(steps=40)
    trainer.history.add("sharpness", 60, np.nan)
    trainer.history.add("stable", 60, 20.0)
    view = Sharpness(trainer)
    assert np.isnan(view.frame()["now"][1]) and np.isfinite(view.frame()["range"]).all()
    assert view.describe() == "Sharpness NaN at step 60: the loss is not finite there."
    view.plot(ax)
    assert "NaN" in [text.get_text() for text in ax.texts]


def test_ghosts_are_drawn_and_said(trainer, ax):
    other = trained(steps=300, lr=0.05)
    view = Sharpness(trainer, ghosts=[other])
    np.testing.assert_array_equal(view.frame()["ghost0_sharpness"], Sharpness(other).frame()["sharpness"])
    assert "Behind it" in view.describe() and "ghost" in view.marks()
    view.plot(ax)
    board = nb.views.Board(Sharpness(other))
    board.pin()
    assert board.views[0].frame()["ghost0_sharpness"].size
    board.close()


def test_a_run_with_several_losses_says_that_there_is_no_one_threshold():
    losses = {"0": lambda model, batch: (model(batch) ** 2).mean(), "2": lambda model, batch: model(batch).mean()}
    trainer = nb.Trainer(
        nb.nn.mlp([2, 4, 1], seed=0), objective=nb.Objective(losses, np.ones((8, 2), np.float32)), optimizer="sgd"
    )
    trainer.watch(sharpness=True)
    trainer.fit(steps=20, bar=False)
    assert "several parts" in trainer.message
    view = Sharpness(trainer)
    assert view.labels()["marks"]["stable"].startswith("several optimizers") and "was not measured" in view.describe()


def test_a_source_that_cannot_is_refused_in_words():
    view = Sharpness(nb.Descent("bowl"))
    assert view.describe().startswith("Sharpness shows a Trainer: it needs")


def test_a_long_run_is_thinned_and_keeps_its_newest_value(trainer):
    steps = np.arange(20, 20 + 20 * 1000, 20)
    history = nb.History()
    for step in steps:
        history.add("sharpness", step, float(step % 7))
        history.add("stable", step, 3.0)

    class Source:
        status, message, version, steps = "paused", "", 0, 20000

        def stability(self):
            return trainer.stability()

        def sharpness(self):
            raise NotImplementedError

    Source.history = history
    frame = Sharpness(Source()).frame()
    assert frame["sharpness"].shape[1] <= 161 and frame["sharpness"][0, -1] == steps[-1]
    np.testing.assert_array_equal(frame["sharpness"][1], frame["sharpness"][0] % 7)
