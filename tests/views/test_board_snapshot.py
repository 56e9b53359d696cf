"""What stays of a board without a kernel: the snapshot in the widget's state, and the static picture."""

import asyncio
import base64

import numpy as np
import pytest
from fakes import Page, Plain, Wave, play

import nbprop as nb
from nbprop.views.board import kept

PNG = b"\x89PNG"


def read(snapshot):
    data = np.frombuffer(snapshot["data"], np.float32)
    return {
        (p["i"], name): data[offset : offset + int(np.prod(shape))].reshape(shape)
        for p in snapshot["head"]["panels"]
        for name, offset, shape in p["arrays"]
    }


def test_the_snapshot_is_a_whole_frame_at_mount_and_pause_only(make_board, source):
    wave = Wave(source)
    board = make_board(wave, Plain(source))
    changes = []
    board.observe(lambda change: changes.append(change.new), "snapshot")
    assert board.snapshot == {}
    page = Page(board)
    assert len(changes) == 1
    page.say("look", page=True, panels=[1])
    play(board, source, 100, after=page.ack)
    assert len(changes) == 1
    source.slice("paused")
    assert len(changes) == 2
    head = board.snapshot["head"]
    assert head["step"] == 101 and head["status"] == "paused"
    numbers = read(board.snapshot)
    np.testing.assert_array_equal(numbers[0, "x"], wave.x)  # of panels out of sight too
    np.testing.assert_array_equal(numbers[0, "y"], [wave.x + 101])
    assert numbers[1, "v"][0] == 101
    assert head["panels"][0]["labels"] == {"kind": "sin"} and head["panels"][0]["text"]
    source.slice("paused")
    assert len(changes) == 2


def test_while_it_plays_a_snapshot_is_made_now_and_then_and_when_the_page_is_about_to_go(make_board, source):
    board = make_board(Wave(source))
    page = Page(board)
    steps = []
    board.observe(lambda change: change.new and steps.append(change.new["head"]["step"]), "snapshot")
    play(board, source, 1050, after=page.ack)  # half a minute
    assert len(steps) == 3 and steps[-1] > 990
    page.say("look", page=False, panels=[0])
    source.slice()
    assert board.snapshot["head"]["step"] == 1051 and board.snapshot["head"]["status"] == "playing"
    page.say("unmount")
    play(board, source, 1000)  # nobody there: nothing is made
    assert len(steps) == 4


def test_a_recording_is_kept_if_that_is_wanted_and_made_once_a_run_has_settled(monkeypatch):
    monkeypatch.setattr(kept, "SETTLED", 0.05)
    trainer = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), nb.data.moons(samples=40, seed=0), seed=0)
    board = nb.views.Loss(trainer)
    trainer.fit(steps=20, bar=False)
    assert board.recording == b"" and board.keep_recording is False
    board.keep_recording = True  # nothing runs in the background: at once
    first = board.recording
    assert first.startswith(b"nbprop")

    async def session():
        trainer.play(steps=10)
        while trainer.playing:
            await asyncio.sleep(0.001)
        assert board.recording == first  # not yet
        for _ in range(3):
            trainer.step()  # puts it off
            await asyncio.sleep(0.01)
        assert board.recording == first
        while board.recording == first:
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(session(), 20))
    assert board.recording.startswith(b"nbprop") and board.recording != first
    board.keep_recording = False
    assert board.recording == b""
    board.keep_recording = True
    board.close()
    assert board.recording == b"" and board.snapshot == {}
    with pytest.raises(TypeError, match="keep_recording must be True or False"):
        nb.views.Loss(trainer).keep_recording = "yes"


def test_a_kept_recording_has_its_bound_and_what_cannot_be_kept_stops_nothing(make_board, source, monkeypatch, caplog):
    board = make_board(Wave(source))
    monkeypatch.setattr(kept, "SIZE", 10)
    board.keep_recording = True
    assert board.recording == b"" and "at most 10 bytes" in caplog.text


def test_making_a_snapshot_does_not_change_what_is_sent_next(make_board, source):
    board = make_board(Wave(source))
    page = Page(board)
    play(board, source, 1)
    page.ack()
    source.slice("paused")
    page.ack()
    source.slice("paused")
    assert page.arrays()["x"] is None and page.arrays()["y"] is not None


def test_frames_are_not_in_the_widgets_state(make_board, source):
    board = make_board(Wave(source))
    page = Page(board)
    play(board, source, 50, after=page.ack)
    state = board.get_state()
    assert state["snapshot"]["head"]["step"] == 0
    own = {
        key for key in state if not key.startswith(("_model", "_view", "_dom", "_esm", "_code", "_css", "_anywidget"))
    }
    assert own == {"_spec", "snapshot", "recording", "layout", "tabbable", "tooltip"} and state["recording"] == b""


def test_a_plot_leaves_no_figure_behind(make_board, source):
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    figure = make_board(Wave(source), Plain(source)).plot()
    assert plt.get_fignums() == before
    assert figure._repr_png_().startswith(PNG)  # and yet it shows itself in a notebook


def test_repr_is_stable_and_the_bundle_has_a_picture(make_board, source):
    board = make_board(Wave(source), Plain(source))
    assert repr(board) == "Board(Wave, Plain)"
    data, _ = board._repr_mimebundle_()
    assert data["text/plain"] == "Board(Wave, Plain)"
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == board.model_id
    assert base64.b64decode(data["image/png"]).startswith(PNG)
    source.status = "playing"  # then Matplotlib does not hold the run up
    data, _ = board._repr_mimebundle_()
    assert data.keys() == {"text/plain", "application/vnd.jupyter.widget-view+json"}
