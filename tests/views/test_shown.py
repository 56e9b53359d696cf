"""What a cell shows of a board: the live widget, and a picture that stays when nothing is alive."""

import base64
import io

import IPython.display
import ipywidgets
import matplotlib.image
import numpy as np
import pytest
from fakes import Plain, Wave

from nbprop.views import Controls
from nbprop.views.board.shown import HEAD, NOTHING, PNG, WIDGET, new_tag, tagged


@pytest.fixture
def outputs(monkeypatch):
    """What is put below a cell of JupyterLab; test_kernel.py asks a real kernel."""
    shown = []
    monkeypatch.setattr("nbprop.cells.in_jupyterlab", lambda: True)
    monkeypatch.setattr("nbprop.views.board.shown._below_the_cell", lambda: True)
    monkeypatch.setattr(IPython.display, "publish_display_data", lambda data, metadata=None: shown.append(data))
    return shown


def pixels(png):
    return matplotlib.image.imread(io.BytesIO(base64.b64decode(png)))


def test_a_tag_leaves_a_picture_as_it_is_and_is_found_in_its_base64(make_board, source):
    first, second = new_tag(), new_tag()
    assert first != second and len(base64.b64decode(first)) % 3 == 0
    png = make_board(Wave(source)).picture()["image/png"]
    for each in (png, NOTHING):
        assert base64.b64decode(each)[33:37] != b"" and len(base64.b64decode(each[:HEAD])) == 33
        np.testing.assert_array_equal(pixels(tagged(each, first)), pixels(each))
        assert first in tagged(each, first) and second not in tagged(each, first)
    assert b"tEXtnbprop\0" in base64.b64decode(first)


def test_a_board_gives_a_widget_and_below_it_a_picture_with_its_tag(make_board, source, outputs):
    board = make_board(Wave(source), Plain(source))
    board._ipython_display_()
    live, still = outputs
    assert live.keys() == {WIDGET} and still.keys() == {PNG, "text/plain"}
    assert still["text/plain"] == repr(board) and board._spec["tag"] in still[PNG]
    assert pixels(still[PNG]).size > 10_000
    source.status = "playing"  # then Matplotlib does not hold the run up: the page will make one
    board._ipython_display_()
    assert board._spec["tag"] in outputs[3][PNG] and pixels(outputs[3][PNG]).shape[:2] == (1, 1)


def test_widgets_of_ones_own_above_a_board_leave_its_picture(make_board, source, outputs):
    board = make_board(Wave(source))
    box = Controls(board, ipywidgets.FloatSlider())
    box._ipython_display_()
    live, still = outputs
    assert live[WIDGET]["model_id"] == box.model_id and board._spec["tag"] in still[PNG]
    box.close()


def test_who_calls_it_otherwise_is_to_ask_for_the_bundle(make_board, source, monkeypatch):
    board = make_board(Wave(source))
    for inside in (False, True):
        monkeypatch.setattr("nbprop.cells.in_jupyterlab", lambda inside=inside: inside)
        with pytest.raises(NotImplementedError):
            board._ipython_display_()
