"""Runs side by side on one board: what is asked for, what a hand does, what the page is told."""

import asyncio
import gc
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest

import nbprop as nb
from nbprop.comparing import Compared, compare

sys.path.insert(0, str(Path(__file__).parent / "views"))  # importlib mode does not
from fakes import Clock, Page


def trainer(activation="tanh", **settings):
    model = nb.nn.mlp([2, 6, 6, 1], activation=activation, seed=0)
    return nb.Trainer(model, nb.data.moons(samples=60, noise=0.2, seed=0), seed=0,
                      **{"optimizer": "sgd", "lr": 0.1, "batch_size": 16, **settings})  # fmt: skip


@pytest.fixture
def make(request):
    """Compares, on a clock of its own, and closes at the end."""

    def made(*runs, **options):
        board = compare(*runs, **options)
        board._clock = board.__dict__["clock"] = Clock()
        request.addfinalizer(board.close)
        return board

    return made


def headings(board):
    return [view.heading for view in board.views]


# ------------------------------------------------------------------------------------------------------ what is asked


def test_trainers_are_compared_as_they_are(make):
    a, b = trainer(), trainer(lr=0.5)
    board = make(a, b)
    assert isinstance(board, Compared) and board.comparison.trainers == (a, b)
    assert list(board.runs) == ["lr 0.1", "lr 0.5"]
    assert headings(board) == ["Runs", "Gradient flow: lr 0.1", "Gradient flow: lr 0.5",
                               "What it has learned: lr 0.1", "What it has learned: lr 0.5"]  # fmt: skip
    board.fit(10)
    assert a.steps == b.steps == board.steps == 10


def test_values_of_a_knob_make_branches(make):
    run = trainer()
    run.fit(steps=5)
    board = make(run, lr=[0.01, 0.1, 1.0])
    assert list(board.runs) == ["lr 0.01", "lr 0.1", "lr 1"] and board.steps == 5
    assert run not in board.comparison.trainers
    board.fit(5)
    assert run.steps == 5 and run.lr == 0.1


def test_differences_make_branches_beside_one_as_it_is(make):
    board = make(trainer(), {"activation": "relu"}, {"lr": 0.5, "clip": 1.0})
    assert list(board.runs) == ["as it is", "activation relu", "lr 0.5, clip 1"]
    assert list(make(trainer(), lr=0.5).runs) == ["lr 0.1", "lr 0.5"]
    assert list(make(trainer(), hidden=[(4,), (8, 8)]).runs) == ["layers 1×4", "layers 2×8"]


def test_a_playground_stands_for_its_trainer(make):
    playground = nb.Playground(hidden=(4,))
    board = make(playground, activation=["tanh", "relu"])
    assert list(board.runs) == ["activation tanh", "activation relu"]
    assert make(playground, trainer()).comparison.trainers[0] is playground.trainer
    playground.close()


def test_a_run_and_what_it_would_be_otherwise(make):
    run = trainer()
    run.fit(steps=12)
    board = make(run, run.instead(lr=0.5))
    assert list(board.runs) == ["lr 0.1", "lr 0.5"] and board.steps == 0
    board.fit(8)
    assert [each.steps for each in board.comparison.trainers] == [20, 20]
    by_hand = trainer(lr=0.5)
    by_hand.fit(steps=20)
    np.testing.assert_array_equal(board.comparison.trainers[1].theta, by_hand.theta)


def test_what_makes_no_sense_is_refused_in_words():
    run = trainer()
    with pytest.raises(ValueError, match="expected two to six trainers to compare, got 1"):
        compare(run)
    with pytest.raises(ValueError, match="expected two to six runs to compare, got 1"):
        compare(run, lr=[0.1])
    with pytest.raises(ValueError, match="expected two to six runs to compare, got 7"):
        compare(run, lr=[0.1] * 7)
    with pytest.raises(AttributeError, match="no knob 'lrr'; did you mean 'lr'"):
        compare(run, lrr=[0.1, 0.2])
    with pytest.raises(TypeError, match="expected one knob with several values"):
        compare(run, lr=[0.1, 0.2], clip=[1.0, 2.0])
    with pytest.raises(TypeError, match=r"expected one trainer to make branches of, .* got 2 trainers"):
        compare(run, trainer(), lr=[0.1, 0.2])
    with pytest.raises(TypeError, match="expected a Trainer to make branches of, got str"):
        compare("spirals", lr=[0.1, 0.2])
    with pytest.raises(ValueError, match=r"views: expected names out of .* got 'gradient'; did you mean 'gradients'"):
        compare(run, lr=[0.1, 0.2], views=["gradient"])
    with pytest.raises(TypeError, match=r"views: expected names of views such as \('runs', 'gradients'\), got 'runs'"):
        compare(run, lr=[0.1, 0.2], views="runs")
    with pytest.raises(ValueError, match="batch_size"):
        compare(run, batch_size=[0, 1])
    with pytest.raises(ValueError, match="no knob 'lt'"):
        compare(run, lr=[0.1, 0.2], controls=["lt"])
    assert run.watchers == set()


def test_views_without_data_are_left_out_unless_they_are_asked_for(make):
    def run(lr):
        def batches(rng):
            return {"x": rng.normal(size=(5, 2)).astype(np.float32)}

        objective = nb.Objective(lambda model, batch: (model(batch["x"]) ** 2).mean(), batches=batches)
        return nb.Trainer(nb.nn.mlp([2, 3, 1], seed=0), objective=objective, lr=lr, seed=0)

    assert [view.name for view in make(run(0.1), run(0.2)).views] == ["runs", "gradients", "gradients"]
    asked = make(run(0.1), run(0.2), views=["boundary"])
    assert "needs data" in asked.describe()


@pytest.mark.parametrize(("many", "columns"), [(2, 2), (3, 3), (4, 2), (5, 3), (6, 3)])
def test_panels_of_one_kind_begin_a_row(make, many, columns):
    board = make(trainer(), lr=[0.1 * (i + 1) for i in range(many)], views=["runs", "loss", "histograms"])
    assert board.columns == columns and len(board.views) == 1 + 2 * many
    rows = [panel.get("row", "") for panel in board._spec["panels"]]
    assert rows == ["whole", *(2 * ["new", *[""] * (many - 1)])]
    assert [panel.get("beside", False) for panel in board._spec["panels"]] == [False, *[True] * (2 * many)]
    assert board.plot().axes


# ------------------------------------------------------------------------------------------------------- a hand, a page


def do(board, name):
    board._receive(board, {"type": "do", "view": "a", "number": 1, "name": name, "count": 1}, [])


def turn(board, name, value):
    board._receive(board, {"type": "turn", "view": "a", "number": 2, "name": name, "value": value}, [])


def test_buttons_and_controls_are_of_all(make):
    board = make(trainer(), lr=[0.01, 0.1])
    page = Page(board)
    assert [each["name"] for each in board._spec["desk"]["buttons"]] == ["play", "pause", "step", "reset"]
    assert [each["name"] for each in board._spec["desk"]["dials"]] == [
        "batch_size", "depth", "width", "activation", "optimizer", "speed",
    ]  # fmt: skip
    do(board, "step")
    do(board, "step")
    assert [each.steps for each in board.comparison.trainers] == [2, 2]
    turn(board, "batch_size", 4)
    turn(board, "speed", "5 steps/s")
    assert [each.batch_size for each in board.comparison.trainers] == [4, 4] and board.comparison.speed == 5
    do(board, "reset")
    assert board.steps == 0 and board.comparison.batch_size == 4
    page.ack()
    assert page.head["step"] == 0 and page.head["status"] == "ready"


def test_controls_are_traits_and_one_that_differs_says_so(make):
    board = make(trainer(), lr=[0.01, 0.1], controls=["lr", "batch_size"])
    board.batch_size = 8
    assert board.comparison.batch_size == 8 and board.batch_size == 8
    with pytest.raises(ValueError, match="batch_size"):
        board.batch_size = 0
    assert "lr differs from run to run: lr 0.01, lr 0.1" in board._desk.dials["lr"].idle
    board.lr = 0.2
    assert [each.lr for each in board.comparison.trainers] == [0.2, 0.2] and not board._desk.dials["lr"].idle


def test_titles_follow_what_is_turned(make):
    board = make(trainer(), lr=[0.01, 0.1], views=["runs", "loss"])
    page = Page(board)
    page.ack()
    assert [panel["title"] for panel in board._spec["panels"]] == ["Runs", "Loss: lr 0.01", "Loss: lr 0.1"]
    board.runs["lr 0.1"].lr = 0.3
    board.clock.now += 1
    board.refresh()
    told = {panel["i"]: panel.get("heading") for head, _ in page.sent for panel in head["panels"] if "heading" in panel}
    assert told == {2: "Loss: lr 0.3"}


def test_one_that_has_diverged_is_said_and_the_board_does_not_stop(make):
    board = make(trainer("relu"), lr=[0.1, 1e6], views=["runs"])
    page = Page(board)
    board.fit(20)
    page.ack()
    assert page.head["status"] == "paused" and page.head["step"] == 20
    said = [head["desk"]["message"] for head, _ in page.sent if head.get("desk", {}).get("message")]
    assert said and said[-1].startswith("lr 1e+06 stopped after step 2. In step 3, ")
    board = make(trainer("relu"), lr=[1e6, 1e7], views=["runs"])
    page = Page(board)
    with pytest.raises(FloatingPointError, match="All runs have stopped"):
        board.fit(50)
    page.ack()
    assert page.head["status"] == "stopped" and "All runs have stopped" in page.head["message"]


def test_it_plays_while_it_is_seen_and_sends_pictures_of_all():
    async def main():
        board = compare(trainer(), lr=[0.01, 0.1], speed=float("inf"))
        page = Page(board)
        do(board, "play")
        while board.steps < 300:
            await asyncio.sleep(0.001)
            page.ack()
        do(board, "pause")
        page.ack()
        assert {panel["i"] for head, _ in page.sent for panel in head["panels"]} == set(range(5))
        assert len(page.sent) > 5 and page.head["status"] == "paused"
        steps = [each.steps for each in board.comparison.trainers]
        assert max(steps) - min(steps) <= 1
        board.close()

    asyncio.run(main())


def test_words_and_numbers_of_all(make):
    board = make(trainer(), lr=[0.01, 0.1]).fit(20)
    lines = board.describe().splitlines()
    assert lines[0].startswith("Validation loss after 20 steps: lr 0.01 ")
    assert [line.split(":")[0] for line in lines[1:]] == ["lr 0.01", "lr 0.1"] * 2
    assert list(board.frame()) == ["runs", "gradients 1", "gradients 2", "boundary 1", "boundary 2"]
    ranges = [board.frame()[f"gradients {i}"]["range"] for i in (1, 2)]
    np.testing.assert_array_equal(*ranges)
    assert repr(board) == "Compared(lr 0.01, lr 0.1; step 20, paused)"


def test_pinned_runs_stand_behind_all(make):
    board = make(trainer(), lr=[0.01, 0.1]).fit(20)
    board.pin()
    board.set(batch_size=4)
    board.fit(10)
    assert [ghost.name for ghost in board.ghosts] == ["batch size 16"] * 2
    board.unpin()
    assert board.ghosts == ()


# -------------------------------------------------------------------------------------------------------------- manners


def test_nothing_is_left_after_close():
    run = trainer()
    board = compare(run, lr=[0.01, 0.1])
    Page(board)
    board.fit(5)
    comparison = board.comparison
    trainers = [weakref.ref(each) for each in comparison.trainers]
    board.close()
    assert not comparison.watchers and not any(each().watchers for each in trainers) and run.watchers == set()
    board.close()
    del comparison, board
    gc.collect()
    assert [each() for each in trainers] == [None, None]


def test_trainers_that_were_given_are_let_go_as_they_are():
    a, b = trainer(), trainer(lr=0.5)
    board = compare(a, b).fit(5)
    board.close()
    assert a.watchers == b.watchers == set() and (a.steps, a.status) == (5, "paused")
    a.fit(steps=3)
    alone = trainer()
    alone.fit(steps=8)
    np.testing.assert_array_equal(a.theta, alone.theta)


def test_a_playground_shows_what_would_be_otherwise():
    playground = nb.Playground(hidden=(4,), batch_size=16)
    playground.trainer.fit(steps=30)
    playground.instead(lr=0.3)
    (ghost,) = playground.ghosts
    assert (ghost.name, ghost.steps) == ("lr 0.3", 30) and "Behind it lr 0.3: " in playground.describe()
    with pytest.raises(ValueError, match="batch_size"):
        playground.instead(batch_size=0)
    playground.trainer.fit(steps=5)
    assert ghost.steps == 35
    playground.unpin()
    playground.trainer.fit(steps=5)
    assert ghost.steps == 35 and playground.ghosts == ()
    playground.instead(activation="relu")
    (ghost,) = playground.ghosts
    playground.close()
    assert ghost.closed and playground.trainer.watchers == set()
