"""What a board is: made of views, it gives what they give, and lets go of all when it is closed."""

import gc
import weakref

import pytest
from fakes import Page, Plain, Wave
from matplotlib.figure import Figure

from nbprop.views.board import Board


def test_it_takes_views_and_boards(make_board, source):
    wave, plain = Wave(source, log=True), Plain(source)
    inner = make_board(wave)
    board = make_board(inner, plain, columns=1, height=300)
    assert board.views == (wave, plain)
    spec = board._spec
    assert spec["columns"] == 1 and spec["height"] == 300
    assert spec["panels"][0] == {
        "name": "wave",
        "title": "Wave",
        "options": [
            {"name": "log", "label": "log", "where": "kernel", "choices": [], "value": True},
            {
                "name": "kind",
                "label": "show",
                "where": "kernel",
                "choices": [["sin", "sine"], ["cos", "cosine"]],
                "value": "sin",
            },
        ],
    }
    assert board.records == {"layers"} and make_board(plain).records == frozenset()


@pytest.mark.parametrize(
    ("arguments", "settings", "words"),
    [
        ((), {}, "at least one view"),
        ((3,), {}, "expected views such as"),
        ((), {"columns": 2}, "at least one view"),
        (("plain",), {"height": 0}, "height: expected a positive number"),
        (("plain",), {"columns": float("nan")}, "columns: expected a positive number"),
        (("plain",), {"columns": "two"}, "columns: expected a positive number"),
    ],
)
def test_bad_arguments_are_named(source, arguments, settings, words):
    views = [Plain(source) if a == "plain" else a for a in arguments]
    with pytest.raises((TypeError, ValueError), match=words):
        Board(*views, **settings)


def test_frame_plot_and_describe_are_those_of_the_views(make_board, source):
    wave = make_board(Wave(source))
    assert wave.frame().keys() == {"x", "y", "none"} and wave.describe() == "sin after 0 steps"
    ax = Figure().add_subplot()
    assert wave.plot(ax) is ax
    board = make_board(wave, Plain(source), Plain(source))
    assert board.frame().keys() == {"wave", "plain 1", "plain 2"}
    assert board.describe() == "sin after 0 steps\nplain\nplain"
    figure = board.plot()
    assert [len(ax.lines) for ax in figure.axes] == [1, 0, 0]
    with pytest.raises(ValueError, match="expected no ax"):
        board.plot(ax)


def test_close_detaches_and_lets_go(source):
    view = Wave(source)
    board = Board(view)
    other = Board(view)
    page = Page(board)
    assert source.watchers == {board, other}
    board.close()
    assert source.watchers == {other} and list(view.boards) == [other]
    board.close()
    board.refresh()
    source.slice()
    gone, name = weakref.ref(board), repr(board)
    assert name == "Board(Wave)"
    del board, page
    gc.collect()
    assert gone() is None
    assert view.frame()  # the view goes on
    other.close()
