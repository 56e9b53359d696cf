"""A board shows other views than it was made with: pages are told, old messages do nothing, options and ghosts stay."""

import numpy as np
import pytest
from fakes import Page, Plain, Wave

import nbprop as nb
from nbprop.views.base.folder import kind, names
from nbprop.views.board import Board
from nbprop.views.board.recording import record


@pytest.fixture
def trainer():
    made = nb.Trainer(nb.nn.mlp([2, 4, 4, 1], seed=0), nb.data.moons(seed=0), seed=0)
    made.fit(steps=20, bar=False)
    return made


@pytest.fixture
def board(trainer):
    made = Board(kind("loss")(trainer), kind("gradients")(trainer), timeline=True)
    yield made
    made.close()


def named(board):
    return [view.name for view in board.views]


def test_a_page_gets_the_other_views_whole(board, trainer):
    page = Page(board)
    page.ack()
    board.show("histograms", "loss", "boundary")
    assert named(board) == ["histograms", "loss", "boundary"]
    assert [panel["name"] for panel in board._spec["panels"]] == named(board) and board._spec["layout"] == 1
    head = page.head
    assert head["full"] and head["layout"] == 1 and [panel["i"] for panel in head["panels"]] == [0, 1, 2]
    np.testing.assert_array_equal(page.arrays(2)["grid"], board.views[2].frame()["grid"])
    trainer.step()
    assert page.head["step"] == 21 and not page.head["full"]
    assert board.snapshot["head"]["layout"] == 1 and len(board.snapshot["head"]["panels"]) == 3


def test_what_was_said_of_the_panels_before_does_nothing(board):
    page = Page(board)
    board.show("histograms", "gradients")
    page.say("option", panel=1, name="quantity", value="a")
    page.say("look", page=True, panels=[])
    board.refresh()
    assert board.views[1].quantity == "dz" and board._pacing.panels(board._clock()) == {0, 1}
    page.say("option", panel=1, name="quantity", value="a", layout=1)
    assert board.views[1].quantity == "a"


def test_a_view_comes_back_as_it_was(board, trainer):
    flow = board.views[1]
    flow.quantity = "ratio"
    board.show("loss")
    assert named(board) == ["loss"] and not flow.boards and trainer.watchers == {board}
    assert "layers" not in board.records
    board.show("loss", "gradients")
    assert board.views[1] is flow and flow.quantity == "ratio" and board in flow.boards and "layers" in board.records


def test_ghosts_stand_behind_views_that_come(board):
    board.pin("then")
    board.show("loss", "histograms")
    assert [ghost.name for ghost in board.views[1].ghosts] == ["then"] and len(board.ghosts) == 1
    board.show("gradients")
    assert [ghost.name for ghost in board.views[0].ghosts] == ["then"]
    board.unpin()
    board.show("loss", "histograms")
    assert board.ghosts == ()


def test_while_the_past_is_shown_views_that_come_are_of_it_too(board, trainer):
    board._timeline.look_at(10)
    board.show("histograms", "loss")
    assert {view.source for view in board.views} == {board._timeline.moment} and board.views[1].labels()["moment"] == 10
    board._timeline.back()
    assert {view.source for view in board.views} == {trainer}
    board.show("gradients")
    assert board.views[0].source is trainer


def test_a_recording_is_of_the_views_that_are_shown(board):
    board.show("histograms")
    assert record(board).said.startswith("21 moments") and "Gradient flow" not in record(board, choices=False).said
    board.keep_recording = True
    assert board.recording
    before = bytes(board.recording)
    board.show("loss")
    assert board.recording and bytes(board.recording) != before


def test_what_cannot_be_shown_is_refused_and_nothing_changes(board, trainer, source, make_board):
    for bad, error, words in (
        ((), TypeError, "at least one view"),
        (("los",), ValueError, "did you mean 'loss'"),
        ((3,), TypeError, "got int"),
        ((Wave(source),), ValueError, "one run"),
    ):
        with pytest.raises(error, match=words):
            board.show(*bad)
    assert named(board) == ["loss", "gradients"] and board._layout == 0
    other = make_board(Plain(source))
    other.show(Wave(source), "loss")  # of a source that lacks what it reads: it says so itself
    assert "lacks" in other.views[1].describe() or "needs" in other.views[1].describe()


def test_which_views_suit_a_run():
    dense = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), "moons")
    picture = nb.nn.Sequential(nb.nn.Conv2d(1, 2, 3, rng=0), nb.nn.ReLU(), nb.nn.Flatten(), nb.nn.Linear(72, 10, rng=0))
    conv = nb.Trainer(picture, nb.data.digits(image=True))
    suit = {each: {name for name in names() if kind(name).suits(each)} for each in (dense, conv)}
    assert {"loss", "gradients", "histograms", "boundary", "percentiles", "activations"} <= suit[dense]
    assert not {"filters", "lags", "attention", "writing", "graph", "runs"} & suit[dense]
    assert "filters" in suit[conv]


def test_who_hears_of_a_knob_may_show_other_views(trainer):
    playground = nb.Playground(hidden=[4])
    Page(playground)
    playground.observe(lambda change: playground.show("loss"), "lr")
    playground.trainer.lr = 0.05  # heard of while a frame is made
    playground.refresh()
    assert playground.shown == ("loss",)
    playground.close()


def test_a_hand_over_a_picture_that_goes_is_forgotten_and_what_is_kept_is_of_what_there_is(board):
    Page(board)
    board.chosen.pass_over((0.1, 0.2))
    board.show("loss")
    assert board.chosen.point is None
    board.show("histograms")
    board.show("gradients", "loss")
    assert board.snapshot["head"]["layout"] == board._layout == 3
