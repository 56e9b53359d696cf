"""The past of a watched loop: what its record holds, on the time line of its board."""

import numpy as np
import pytest
from torch_models import mlp, torch

import nbprop as nb
from nbprop.record.source import CannotSay
from nbprop.views.base.folder import kind, names

pytestmark = pytest.mark.torch


@pytest.fixture
def trained():
    """(run, board, histograms of the steps at which they were shown), after 120 steps."""
    torch.manual_seed(0)
    model, inputs, loss = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with nb.watch(model, optimizer, every=5, show=False) as run:
        board, shown = run.board("loss", "gradients", "histograms", "doctor"), {}
        for _ in range(120):
            optimizer.zero_grad()
            loss(model(*inputs)).backward()
            optimizer.step()
            if run.steps == 40:
                run.lr = 0.03
            if run.steps % 20 == 0:
                shown[run.steps] = board.views[2].frame()["counts"].copy()
        yield run, board, shown
        board.close()


def test_the_time_line_shows_the_past(trained):
    run, board, shown = trained
    loss, flow, histograms, _ = board.views
    line, now = board._timeline, flow.frame()["now"].copy()
    assert not np.array_equal(shown[60], shown[120])
    line.look_at(62)
    assert line.standing()["shown"] == 62 and loss.moment == 62
    steps, values = run.history.series("dz")
    np.testing.assert_array_equal(flow.frame()["now"], values[list(steps).index(60)])
    assert flow.describe().startswith("At step 60") and "62 steps" in loss.describe()
    np.testing.assert_array_equal(histograms.frame()["counts"], shown[60])
    assert board._desk.read("lr", line.moment)[0] == 0.03
    line.look_at(10)
    assert board._desk.read("lr", line.moment)[0] == 0.1 and histograms.frame() == {}
    assert "at which they were shown" in histograms.describe()
    line.back()
    np.testing.assert_array_equal(flow.frame()["now"], now)


def test_marks_are_events_and_snapshots(trained):
    _, board, _ = trained
    marks = board._timeline.standing()["events"]
    assert [step for step, _ in marks] == [0, 40, 50, 100] and marks[1][1] == "lr 0.1 → 0.03"
    assert all("snapshot" in words for step, words in marks if step != 40)


def test_the_loop_goes_on_from_a_snapshot_only(trained):
    run, board, _ = trained
    line = board._timeline

    def press(name, step):
        line.look_at(step)
        line.hear({"name": name, "step": step, "view": "page", "number": press.number})
        press.number += 1

    press.number = 1
    press("continue", 62)
    assert "no snapshot of step 62; there are: 0, 50, 100" in line.message and run.steps == 120
    press("branch", 63)
    assert "no snapshot of step 63" in line.message and not board.ghosts
    press("branch", 100)
    assert run.steps == 100 and not line.message
    (ghost,) = board.ghosts
    assert ghost.steps == 120 and len(ghost.history["loss"]) == 120 and len(run.history["loss"]) == 100
    assert board.views[0].frame()["ghost0_train"].shape[-1] > 100
    press("continue", 50)
    assert run.steps == 50 and run.lr == 0.03
    assert run.at(60).steps == 50


def test_every_view_says_something_of_the_past_or_why_not(trained):
    run, _, _ = trained
    past = run.at(62)
    for name in names():
        view = kind(name)(past)
        view.frame(), view.labels(), view.marks()
        assert view.describe()
    with pytest.raises(CannotSay, match="snapshots of step 0, 50, 100"):
        past.theta  # noqa: B018
    version = past.version
    past.show(40)
    assert past.version != version and past.moment == 40 and repr(past) == "Past(step 40 of 120)"
    with pytest.raises(CannotSay):
        past.predict(np.zeros((1, 4)))


def test_a_knob_that_a_schedule_turned_is_not_known_of_then():
    model, inputs, loss = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    with nb.watch(model, optimizer, show=False) as run:
        for _ in range(20):
            loss(model(*inputs)).backward()
            optimizer.step()
            schedule.step()
        with pytest.raises(CannotSay, match="a schedule"):
            run.at(10).knobs["lr"].read()
        assert run.at(0).knobs["lr"].read() == 0.1 and run.at(10).knobs["momentum"].read() == 0


@pytest.mark.parametrize("name", ["explained", "landscape", "sharpness"])
def test_what_needs_the_loss_itself_says_so(trained, name):
    run, _, _ = trained
    for source in (run, run.at(50)):
        assert "watched loop" in kind(name)(source).describe()


def test_any_other_loop_has_a_time_line_too():
    run = nb.watch(show=False)
    board = run.board("loss", "gradients")
    rng = np.random.default_rng(0)
    for step in range(1, 31):
        run.observe(loss=1 / step, params={"W": rng.normal(size=(3, 2))}, grads={"W": rng.normal(size=(3, 2))})
    board._timeline.look_at(12)
    assert "12 steps" in board.views[0].describe() and board.views[1].frame()["now"].shape == (1,)
    board._timeline.hear({"name": "continue", "step": 12, "view": "page", "number": 1})
    assert "no snapshots" in board._timeline.message and run.steps == 30
    board.close()
