"""What stays of a board without a kernel: the snapshot in the widget's state, and the static picture."""

import base64

import numpy as np
from fakes import Page, Plain, Wave, play

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
    own = {key for key in state if not key.startswith(("_model", "_view", "_dom", "_esm", "_css", "_anywidget"))}
    assert own == {"_spec", "snapshot", "layout", "tabbable", "tooltip"}


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
