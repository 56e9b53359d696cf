"""What is chosen is one thing for all views of a board: by code, by a press, by moving over a picture."""

import numpy as np
import pytest
from fakes import Page, Plain, Wave
from hypothesis import given, settings, strategies as st

import nbprop as nb
from nbprop.views.base.chosen import NAMES, Chosen
from nbprop.views.base.folder import kinds

LAYERED = ("Histograms", "GradientFlow", "Activations")


@pytest.fixture(scope="module")
def run():
    trainer = nb.Trainer(nb.nn.mlp([2, 5, 4, 1], seed=0), nb.data.moons(samples=80, seed=0), seed=0)
    trainer.watch()
    trainer.fit(steps=5, bar=False)
    return trainer


def test_a_view_alone_has_its_own_and_those_of_a_board_share_one(make_board, source):
    a, b, c = Wave(source), Plain(source), Plain(source)
    assert len({id(each.chosen) for each in (a, b, c)}) == 3
    first = make_board(a, b)
    assert a.chosen is b.chosen is first.chosen is not c.chosen
    both = make_board(c, first)  # what was linked stays linked
    assert a.chosen is b.chosen is c.chosen is both.chosen is first.chosen


def test_what_is_chosen_is_told_to_every_board_that_shows_it(make_board, run):
    kind = kinds()
    views = [kind["Histograms"](run), kind["GradientFlow"](run), kind["Loss"](run)]
    board, alone = make_board(*views), make_board(views[0])
    page, other = Page(board), Page(alone, name="b")
    for each in (page, other):
        each.ack()
    before = len(page.sent)
    board.chosen.set(layer="hidden 2")
    assert [panel["i"] for panel in page.head["panels"]] == [0, 1]  # the loss has no layers, and costs nothing
    for panel in (*page.head["panels"], *other.head["panels"]):
        assert panel["labels"]["chosen"] == {"layer": "hidden 2"}
        assert all(len(place) == 1 for place in panel["arrays"]) or panel["i"] < 2
    for each in (page, other):
        each.ack()
    board.chosen.set(sample=3)  # which none of these shows
    board.chosen.set(layer="hidden 2")  # as it is
    assert len(page.sent) == before + 1
    board.chosen.set(layer=None)
    assert "chosen" not in page.head["panels"][0]["labels"]


@pytest.mark.parametrize("name", LAYERED)
def test_a_press_on_a_layer_chooses_it(make_board, run, name):
    board = make_board(kinds()[name](run))
    page = Page(board)
    page.say("act", panel=0, name="layer", value="hidden 1")
    assert board.chosen.layer == "hidden 1" and board.views[0].marks()["chosen"]
    page.say("act", panel=0, name="layer", value=None)
    assert board.chosen.layer is None


def test_a_filter_is_a_unit_of_its_layer(make_board):
    model = nb.nn.Sequential(nb.nn.Conv2d(1, 4, 3), nb.nn.ReLU(), nb.nn.Flatten(), nb.nn.Linear(144, 10))
    trainer = nb.Trainer(model, nb.data.digits(image=True), seed=0)
    board = make_board(kinds()["Filters"](trainer))
    page = Page(board)
    page.say("act", panel=0, name="filter", value=2)
    assert (board.chosen.layer, board.chosen.unit) == ("hidden 1", 2)
    assert page.board.views[0].marks()["chosen"]


# ---- Boundary ------------------------------------------------------------------------------------------------------


def test_boundary_sends_the_place_and_draws_it(make_board, run):
    board = make_board(kinds()["Boundary"](run))
    view, page = board.views[0], Page(board)
    page.ack()
    assert view.frame()["aim"].size == 0
    page.say("hover", panel=0, name="over", value=[0.5, -0.25], number=7)
    assert board.chosen.point == (0.5, -0.25) and page.head["heard"] == {"a": 7}
    arrays = page.arrays()
    np.testing.assert_array_equal(arrays["aim"], np.float32([0.5, -0.25]))
    page.ack()
    page.say("hover", panel=0, name="over", value=[0.5, -0.5], number=8)
    assert page.arrays()["grid"] is None and page.arrays()["aim"] is not None  # the ground is not sent again
    said = run.predict(np.float32([[0.5, -0.5]]))[0, 0]
    name, p = (run.data.classes[1], said) if said >= 0.5 else (run.data.classes[0], 1 - said)
    assert f"Of the place chosen it says {name} {100 * p:.0f} %." in view.describe()
    page.ack()
    page.say("hover", panel=0, name="over", value=None, number=9)
    assert board.chosen.point is None and page.head["heard"] == {"a": 9}
    page.ack()
    page.say("act", panel=0, name="sample", value=11)
    np.testing.assert_array_equal(page.arrays()["aim"], run.data.X_train[11])
    assert "Of sample 11 it says" in view.describe()
    page.ack()
    page.say("hover", panel=0, name="over", value=[0.0, 0.0], number=10)  # while the hand moves on, that is shown
    assert (board.chosen.sample, board.chosen.point) == (11, (0.0, 0.0))
    page.ack()
    page.say("unmount")  # the hand has gone with its page
    assert (board.chosen.sample, board.chosen.point) == (11, None)


def test_a_press_again_lets_go(make_board, run):
    board = make_board(kinds()["Boundary"](run))
    page = Page(board)
    page.say("act", panel=0, name="sample", value=4)
    page.say("act", panel=0, name="sample", value=4)
    assert not board.chosen.told()
    page.say("act", panel=0, name="point", value=[0.1, 0.2])
    assert board.chosen.point == (0.1, 0.2) and board.chosen.held
    page.say("act", panel=0, name="point", value=[0.4, 0.2])
    assert not board.chosen.told()


def test_of_many_points_a_press_finds_the_one_that_is_drawn(make_board):
    trainer = nb.Trainer(nb.nn.mlp([2, 2, 1], seed=0), nb.data.moons(samples=4000, seed=0), seed=0)
    board = make_board(kinds()["Boundary"](trainer))
    page = Page(board)
    train = page.arrays()["train"]
    page.ack()
    page.say("act", panel=0, name="sample", value=900)
    assert len(train) == 1500 and board.chosen.sample != 900
    np.testing.assert_array_equal(trainer.data.X_train[board.chosen.sample], train[900, :2])


def test_a_curve_has_a_place_too(make_board, ax):
    X = np.linspace(-1, 1, 40, dtype=np.float32)[:, None]
    trainer = nb.Trainer(nb.nn.mlp([1, 4, 1], seed=0), (X, X**2), seed=0)
    view = kinds()["Boundary"](trainer)
    view.act("over", [0.25])
    assert view.frame()["aim"].tolist() == [0.25] and view.plot(ax) is ax
    assert f"Of the place chosen it says {float(trainer.predict([[0.25]])[0, 0]):.3g}." in view.describe()


def test_an_answer_comes_whatever_becomes_of_the_question(make_board, source):
    board = make_board(Plain(source))
    page = Page(board)
    page.ack()
    page.say("hover", panel=0, name="over", value=[0.0], number=3)  # this view has no such control
    assert page.head["heard"] == {"a": 3}


def test_two_pages_see_the_same(make_board, run):
    board = make_board(kinds()["Boundary"](run))
    one = Page(board)
    board._receive(board, {"type": "mount", "view": "b", "page": True, "panels": [0]}, [])
    one.ack()
    board._receive(board, {"type": "ack", "view": "b", "seq": one.head["seq"]}, [])
    board._receive(board, {"type": "hover", "view": "b", "panel": 0, "name": "over", "value": [1, 1], "number": 1}, [])
    assert one.head["heard"] == {"b": 1} and one.arrays()["aim"].tolist() == [1, 1]


# ---- in code --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"layr": "output"}, "expected names out of sample, point, layer, unit, source, weight; got 'layr'"),
        ({"layer": "hiden 2"}, "expected the name of a layer out of 'hidden 1', 'hidden 2', 'output'.*'hidden 2'"),
        ({"layer": 2}, "layer: expected the name of a layer"),
        ({"unit": 1}, "a unit belongs to a layer"),
        ({"layer": "output", "source": 1}, "a source belongs to a unit"),
        ({"layer": "output", "unit": 0, "weight": 1}, "a weight belongs to a source"),
        ({"layer": "output", "unit": -1}, "unit: expected a number from 0, or None; got -1"),
        ({"layer": "output", "unit": True}, "unit: expected a number from 0"),
        ({"sample": 60}, "sample: expected a training sample, from 0 to 59; got 60"),
        ({"sample": 1.5}, "sample: expected a number from 0"),
        ({"point": (1, 2, 3)}, "point: expected 2 inputs of the network; got 3"),
        ({"point": (1, float("nan"))}, "point: expected the inputs of a place, finite numbers"),
        ({"point": 3}, "point: expected the inputs of a place"),
    ],
)
def test_what_cannot_be_chosen_is_refused_in_words(make_board, run, changes, words):
    board = make_board(kinds()["Boundary"](run))
    board.chosen.set(sample=2)
    with pytest.raises((TypeError, ValueError), match=words):
        board.chosen.set(**changes)
    assert board.chosen.told() == {"sample": 2} and repr(board.chosen) == "Chosen(sample=2)"


VALUES = {
    "sample": st.none() | st.integers(0, 5),
    "point": st.none() | st.tuples(st.integers(-3, 3)),
    "layer": st.none() | st.sampled_from(["a", "b"]),
    "unit": st.none() | st.integers(0, 2),
    "source": st.none() | st.integers(0, 2),
    "weight": st.none() | st.integers(0, 2),
}
CHANGES = st.lists(st.sampled_from(NAMES).flatmap(lambda name: st.tuples(st.just(name), VALUES[name])), max_size=12)


@settings(max_examples=60, deadline=None)
@given(CHANGES)
def test_it_always_hangs_together_and_has_a_new_version_when_it_is_another(changes):
    chosen = Chosen()
    for name, value in changes:
        before, version = chosen.told(), chosen.version
        try:
            chosen.set(**{name: value})
        except ValueError:
            assert chosen.told() == before and chosen.version == version
            continue
        assert getattr(chosen, name) == value
        assert chosen.unit is None or chosen.layer is not None
        assert chosen.source is None or chosen.unit is not None
        assert chosen.weight is None or chosen.source is not None
        assert (chosen.version != version) == (chosen.told() != before)


def test_moving_over_leaves_what_was_chosen_as_it_is():
    chosen = Chosen()
    chosen.set(sample=1, layer="a")
    chosen.pass_over([1, 2])
    assert chosen.told() == {"sample": 1, "point": (1.0, 2.0), "layer": "a"}
    chosen.pass_over([1, 2])
    assert chosen.version == 2
    chosen.pass_over(None)
    assert chosen.told() == {"sample": 1, "layer": "a"}
    chosen.pass_over([1, 2])
    chosen.set(sample=1)  # whoever chooses wants to see it
    assert chosen.point is None
