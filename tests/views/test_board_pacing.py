"""When a board sends a frame: what pages see and have answered decides."""

import gc

import numpy as np
from fakes import Page, Plain, Source, Wave, play

from nbprop.views.board.way import WINDOWS


def test_a_page_that_does_not_answer_gets_a_window_of_frames_and_no_more(make_board, source):
    board = make_board(Wave(source))
    page = Page(board)
    play(board, source, 100)
    assert len(page.sent) <= WINDOWS[0] + 1  # and a probe after two seconds
    page.ack()
    play(board, source, 1)
    assert page.head["step"] == 101  # the newest, not the next


def test_the_last_picture_is_always_the_newest(make_board, source):
    board = make_board(Wave(source))
    page = Page(board)
    play(board, source, 50)
    source.slice("paused")  # while the window is full
    assert page.head["step"] < 51
    page.ack()  # nothing runs any more, and yet
    assert page.head["step"] == 51 and page.head["status"] == "paused"
    n = len(page.sent)
    page.ack()
    page.ack()
    assert len(page.sent) == n


def test_while_it_plays_not_every_frame_asks_for_an_answer_but_the_last_does(make_board, source):
    board = make_board(Wave(source))
    page = Page(board)
    assert page.head["ack"] is True
    play(board, source, 100, after=page.ack)
    asked = [head["ack"] for head, _ in page.sent]
    assert 1 <= sum(asked) <= 3 / 2 + 8  # one in two seconds, and more until the way is known
    for _ in range(3):
        source.slice("paused")
        assert page.head["ack"] is True


def test_a_page_says_how_many_it_has_painted_and_gets_no_more(make_board, source):
    """Of a page that passes every other frame over."""
    board = make_board(Wave(source))
    page = Page(board)

    def half():
        if page.head["ack"]:
            page.say("ack", seq=page.head["seq"], painted=1 + page.head["seq"] // 2)

    play(board, source, 600, after=half, seconds=0.012)  # 7 s
    n = len(page.sent)
    play(board, source, 600, after=half, seconds=0.012)
    assert len(page.sent) - n < 200
    play(board, source, 1200, after=page.ack, seconds=0.012)
    n = len(page.sent)
    play(board, source, 600, after=page.ack, seconds=0.012)
    assert len(page.sent) - n > 350


def test_what_a_page_asks_for_while_it_plays_is_posted_but_an_answer_waits(make_board, source):
    board = make_board(Wave(source))
    page = Page(board)
    play(board, source, 2)
    page.ack()
    assert not source.posted
    page.say("look", page=True, panels=[0])
    assert len(source.posted) == 1


def test_a_pause_right_after_a_frame_is_shown_at_once(make_board, source):
    board = make_board(Wave(source))
    page = Page(board)
    play(board, source, 1)
    page.ack()
    source.slice("paused")  # no time has passed
    assert page.head["step"] == 2 and page.head["status"] == "paused"


def test_the_last_picture_reaches_a_page_that_was_gone(make_board, source):
    board = make_board(Wave(source))
    page = Page(board)
    play(board, source, 300)
    board.clock.now += 60
    source.slice("stopped")
    n = page.head["seq"]
    source.slice("stopped")
    assert not board.seen
    page.say("ack", seq=n)
    assert board.seen
    assert page.head["step"] == source.steps and page.head["status"] == "stopped"


def test_a_hidden_page_gets_nothing_and_the_newest_when_it_is_back(make_board, source):
    view = Wave(source)
    board = make_board(view)
    page = Page(board)
    play(board, source, 10, after=page.ack)
    page.say("look", page=False, panels=[0])
    play(board, source, 2)  # the message is read in the next slice
    assert not board.seen
    n, calls = len(page.sent), view.calls
    play(board, source, 1000)
    assert (len(page.sent), view.calls) == (n, calls)
    source.slice("paused")
    page.say("look", page=True, panels=[0])
    assert len(page.sent) == n + 1 and page.head["step"] == source.steps
    assert page.head["full"] is False and page.arrays()["x"] is None


def test_panels_out_of_sight_are_not_made(make_board, source):
    wave, plain = Wave(source), Plain(source)
    board = make_board(wave, plain)
    page = Page(board)
    page.say("look", page=True, panels=[1])
    calls = wave.calls
    play(board, source, 20, after=page.ack)
    assert wave.calls == calls
    assert [p["i"] for p in page.head["panels"]] == [1]
    source.slice("paused")
    page.ack()
    page.say("look", page=True, panels=[0, 1])  # scrolled back while nothing runs
    assert [p["i"] for p in page.head["panels"]] == [0]
    np.testing.assert_array_equal(page.arrays()["y"], [wave.x + source.steps])


def test_with_nothing_in_sight_a_bare_frame_asks_every_two_seconds_who_is_there(make_board, source):
    view = Wave(source)
    board = make_board(view)
    page = Page(board)
    page.say("look", page=True, panels=[])
    play(board, source, 10, after=page.ack)
    n, calls = len(page.sent), view.calls
    play(board, source, 500, after=page.ack, seconds=0.02)  # 10 s
    assert 4 <= len(page.sent) - n <= 6 and view.calls <= calls + 1  # one snapshot, should the notebook be saved
    assert page.head["panels"] == [] and board.seen
    play(board, source, 700)
    assert not board.seen


def test_a_run_out_of_sight_sends_nothing_for_one_in_sight(make_board):
    one, two = Source(), Source()
    board = make_board(Plain(one), Plain(two))
    page = Page(board)
    page.say("look", page=True, panels=[1])
    play(board, one, 5, after=page.ack)
    n = len(page.sent)
    play(board, one, 100, after=page.ack)
    assert len(page.sent) == n


def test_of_two_pages_the_slow_one_decides_until_it_leaves(make_board, source):
    board = make_board(Wave(source))
    a = Page(board, "a")
    b = Page(board, "b")
    play(board, source, 60, after=a.ack)
    held = a.head["seq"]
    assert held <= 12
    b.say("unmount")
    play(board, source, 60, after=a.ack)
    assert a.head["seq"] > held + 40


def test_a_view_that_moves_slowly_is_in_fewer_frames_but_always_in_the_last(make_board, source):
    quick, slow = Wave(source), Wave(source)
    slow.rate = 10.0
    board = make_board(quick, slow)
    page = Page(board)
    source.status = "playing"
    page.sent.clear()
    play(board, source, 50, after=page.ack, seconds=0.02)  # for a second
    of = [[panel["i"] for panel in head["panels"]] for head, _ in page.sent]
    assert sum(0 in panels for panels in of) > 20
    assert 8 <= sum(1 in panels for panels in of) <= 12
    play(board, source, 1, after=page.ack)
    source.status = "paused"
    source.version += 1
    board.refresh()
    assert [panel["i"] for panel in page.head["panels"]] == [0, 1]


def test_what_it_keeps_is_bounded(make_board, source):
    board = make_board(Wave(source))
    page = Page(board)

    def forget():
        page.ack()
        del page.sent[:-1]

    play(board, source, 300, after=forget)
    gc.collect()
    before = len(gc.get_objects())
    play(board, source, 3000, after=forget)
    gc.collect()
    assert len(gc.get_objects()) - before < 300
    stats = board.stats
    assert stats["frames"] > 2000 and stats["bytes"] > 2000 * 20 and stats["seconds"] > 0
    assert 2 <= stats["window"] <= 160 and 0 < len(stats["age_ms"]) <= 240


def test_asking_when_nothing_may_be_sent_costs_next_to_nothing(make_board, source):
    """Counted, not timed: neither numbers nor words are asked for."""
    board = make_board(Wave(source), Wave(source), Wave(source), Wave(source))
    page = Page(board)
    play(board, source, 50)
    calls = [view.calls for view in board.views]
    for _ in range(1000):
        source.slice()
    assert [view.calls for view in board.views] == calls
    page.say("unmount")
    source.slice("paused")
    assert all(view.calls <= before + 1 for view, before in zip(board.views, calls, strict=True))  # the snapshot
