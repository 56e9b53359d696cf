"""What pages say to a board: options travel both ways, and nonsense stops nothing."""

import pytest
from fakes import Page, Wave, play


def test_an_option_chosen_in_the_browser_is_set_and_shown(make_board, source):
    view = Wave(source)
    board = make_board(view)
    page = Page(board)
    page.ack()
    page.say("option", panel=0, name="kind", value="cos")
    assert view.kind == "cos"
    assert page.head["panels"][0]["options"] == {"log": False, "kind": "cos"}
    assert page.head["panels"][0]["labels"] == {"kind": "cos"}


def test_while_it_plays_an_option_waits_for_the_end_of_the_slice(make_board, source):
    view = Wave(source)
    board = make_board(view)
    page = Page(board)
    play(board, source, 1)
    page.say("option", panel=0, name="log", value=True)
    assert view.log is False
    play(board, source, 1)
    assert view.log is True


def test_an_option_set_in_python_travels_to_the_browser(make_board, source):
    view = Wave(source)
    board = make_board(view)
    page = Page(board)
    page.ack()
    view.log = True  # nothing plays: nobody else would ask for a frame
    assert page.head["panels"][0]["options"] == {"log": True, "kind": "sin"}


@pytest.mark.parametrize(
    "message",
    [
        {"panel": 0, "name": "kind", "value": "tan"},
        {"panel": 0, "name": "frame", "value": 3},
        {"panel": 9, "name": "kind", "value": "cos"},
        {"name": "kind"},
    ],
)
def test_an_impossible_option_changes_nothing_and_stops_nothing(make_board, source, caplog, message):
    view = Wave(source)
    board = make_board(view)
    page = Page(board)
    page.ack()
    page.say("option", **message)
    assert (view.log, view.kind) == (False, "sin") and callable(view.frame)
    assert "message from the browser" in caplog.text
    if message.get("panel") == 0:  # the control goes back to what holds
        assert page.head["panels"][0]["options"] == {"log": False, "kind": "sin"}
    play(board, source, 2, after=page.ack)
    assert page.head["step"] == 2


def test_a_message_of_another_version_stops_nothing(make_board, source, caplog):
    board = make_board(Wave(source))
    page = Page(board)
    for kind, content in [("mount", {}), ("ack", {}), ("look", {"page": True, "panels": 3}), ("dance", {})]:
        page.say(kind, **content)
    board._receive(board, "hello", [])
    page.say("look", page=True, panels=[0, 7, "x"])
    page.ack()
    play(board, source, 1)
    assert page.head["step"] == 1
