"""The time line: a page looks at any moment, the run is not disturbed, and goes on from there when asked to."""

import asyncio

import numpy as np
import pytest
from hand import Hand

import nbprop as nb


class Watcher(Hand):
    def time(self, name, step=None):
        self.number += 1
        self.say("time", name=name, step=step, number=self.number)

    @property
    def line(self):
        """What the looker knows of the time line."""
        known = {}
        for head in self.heads:
            known.update(head["timeline"])
        return known


@pytest.fixture
def playground():
    made = nb.Playground(hidden=[6, 6])
    t = made.trainer
    t.fit(steps=60, bar=False)
    t.lr = 0.1
    t.fit(steps=40, bar=False)
    t.depth = 4
    t.fit(steps=40, bar=False)
    yield made
    made.close()


@pytest.fixture
def looker(playground):
    return Watcher(playground)


def same(frame, other):
    assert frame.keys() == other.keys()
    for name in frame:
        np.testing.assert_array_equal(frame[name], other[name], err_msg=name)


@pytest.mark.parametrize("step", [1, 37, 60, 100, 101, 140])
def test_every_view_shows_the_moment_as_it_was(playground, looker, step):
    t = playground.trainer
    theta, made = t.theta.copy(), []
    looker.time("at", step)
    assert (looker.line["at"], looker.line["shown"], looker.line["last"]) == (step, step, 140) and looker.heads[-1][
        "step"
    ] == 140
    shown = {view.name: view.frame() for view in playground.views}
    labels = {view.name: view.labels() for view in playground.views}
    then = t.branch()
    then.rewind(step)
    for kind, options in ((nb.views.Histograms, {}), (nb.views.Boundary, {})):
        board = kind(then, **options)
        same(shown[board.views[0].name], board.frame())
        made.append(board)
    assert labels["loss"]["moment"] == step
    assert t.steps == 140 and np.array_equal(t.theta, theta)  # nothing has happened to the run
    looker.time("at")
    assert looker.line["at"] is None and all(view.source is t for view in playground.views)
    assert t.watchers == {playground}
    for board in made:
        board.close()


def test_controls_show_what_they_stood_at_and_cannot_be_turned(playground, looker):
    looker.time("at", 30)
    assert [looker.shows(name) for name in ("lr", "depth", "data", "batch_size")] == [0.001, 2, "spirals", 32]
    assert "You look at step 30" in looker.state["lr"]["idle"]
    looker.turn("lr", 0.5)
    assert "You look at step 30" in looker.message and playground.trainer.lr == 0.1 == playground.lr
    looker.time("at", 80)
    assert [looker.shows(name) for name in ("lr", "depth")] == [0.1, 2]
    looker.press("step")  # buttons are about now
    assert playground.trainer.steps == 141 and looker.line["at"] is None and "idle" not in looker.state["lr"]
    assert [looker.shows(name) for name in ("lr", "depth")] == [0.1, 4] and looker.message == ""


def test_a_knob_that_code_turns_meanwhile_is_true_afterwards(playground, looker):
    heard = []
    playground.observe(lambda change: heard.append(change["new"]), "lr")
    looker.time("at", 30)
    playground.trainer.lr = 0.001  # as it was then
    playground.refresh()
    looker.time("at")
    assert playground.lr == looker.shows("lr") == 0.001 and heard == [0.001]


def test_continue_from_here_rewinds_and_undo_brings_back_what_came_later(playground, looker):
    t = playground.trainer
    theta = t.theta.copy()
    looker.time("at", 30)
    looker.time("continue", 30)
    assert t.steps == 30 and looker.line["at"] is None and looker.line["last"] == 30 and looker.shows("lr") == 0.001
    assert looker.told["lists"]["undo"][0] == "back to step 30"
    looker.press("undo")
    assert t.steps == 140 and np.array_equal(t.theta, theta) and looker.line["last"] == 140


def test_branch_from_here_keeps_the_run_behind_the_one_that_goes_on(playground, looker):
    t = playground.trainer
    theta = t.theta.copy()
    looker.time("at", 30)
    looker.time("branch", 30)
    (ghost,) = playground.ghosts
    assert t.steps == 30 and looker.line["at"] is None and ghost.steps == 140
    t.lr = 0.5
    t.fit(steps=10, bar=False)
    assert (
        playground.views[0].labels()["ghosts"] == [ghost.name] == ["depth 4, lr 0.1"]
        and ghost.history.series("loss")[0][-1] == 140
    )
    looker.press("undo", chosen=2)
    assert t.steps == 140 and np.array_equal(t.theta, theta) and playground.ghosts == (ghost,)
    for _ in range(3):
        playground.pin()
    looker.time("at", 30)
    looker.time("branch", 30)
    assert "as many as can be told apart" in looker.line["message"] and t.steps == 140


def test_events_stand_on_it(playground, looker):
    assert looker.line["events"] == [[60, "lr 0.001 → 0.1"], [100, "hidden 2×6 → 4×6"]]
    looker.turn("batch_size", 8)
    assert looker.line["events"][-1] == [140, "batch_size 32 → 8"]
    looker.press("undo")
    assert len(looker.line["events"]) == 2


def test_what_cannot_be_looked_at_is_said(playground, looker):
    for step in ("x", [3], float("nan")):
        looker.time("at", step)
        assert looker.line["message"] and looker.line["at"] is None
    looker.time("nonsense", 3)
    looker.time("at", 10**9)
    assert looker.line["at"] == 140 and looker.line["message"] == ""
    looker.time("at", -5)
    assert looker.line["at"] == 0
    looker.time("at")
    with pytest.raises(ValueError, match="a board has one time line"):
        nb.views.Board(nb.views.Loss(playground.trainer), nb.views.Loss(playground.trainer.branch()), timeline=True)
    with pytest.raises(TypeError, match="this Descent has no earliest, rewind"):
        nb.views.Board(nb.views.Landscape(nb.Descent()), timeline=True)


def test_a_run_that_plays_is_not_disturbed_by_who_looks_back():
    async def run(look):
        made = nb.Playground(hidden=[6, 6], speed=float("inf"))
        looker, rng = Watcher(made), np.random.default_rng(0)
        made.trainer.play(steps=400)
        while made.trainer.playing:
            if look and made.trainer.steps > 10:
                looker.time("at", int(rng.integers(made.trainer.steps)))
            await asyncio.sleep(0)
        theta = made.trainer.theta.copy()
        if look:
            looker.time("at", 123)
            while looker.line["shown"] != 123:
                await asyncio.sleep(0.001)
        made.close()
        assert not made.trainer.watchers
        return theta

    np.testing.assert_array_equal(asyncio.run(run(False)), asyncio.run(run(True)))


def test_a_run_that_is_reset_while_its_past_is_looked_at(playground, looker):
    looker.time("at", 30)
    playground.trainer.reset()
    playground.refresh()
    assert looker.line["last"] == 0
    looker.time("at")
    assert all(view.source is playground.trainer for view in playground.views)
    looker.press("step")
    assert looker.heads[-1]["step"] == 1
