"""What a board sends: all of it to a page that has nothing, then only what has changed."""

import numpy as np
from fakes import Page, Plain, Source, Wave, play


def test_nothing_is_made_or_sent_while_nobody_looks(make_board, source):
    view = Wave(source)
    board = make_board(view)
    page = Page(board, mount=False)
    play(board, source, 20)
    assert page.sent == [] and view.calls == 0
    assert not board.seen


def test_a_mount_brings_the_whole_picture(make_board, source):
    board = make_board(Wave(source), Plain(source))
    page = Page(board)
    assert board.seen
    ((head, data),) = page.sent
    assert head["type"] == "frame" and head["seq"] == 1 and head["full"] is True
    assert (head["step"], head["status"], head["message"]) == (0, "ready", "")
    assert [p["i"] for p in head["panels"]] == [0, 1]
    wave = head["panels"][0]
    assert wave["labels"] == {"kind": "sin"} and wave["options"] == {"log": False, "kind": "sin"}
    assert wave["text"] == "sin after 0 steps"
    arrays = page.arrays()
    assert arrays["y"].shape == (1, 5) and arrays["none"].shape == (0, 2)
    np.testing.assert_array_equal(arrays["x"], board.views[0].x)
    assert data.size == 5 + 5 + 0 + 1


def test_a_mounting_page_is_sent_everything_though_another_has_it(make_board, source):
    board = make_board(Wave(source))
    a = Page(board, "a")
    play(board, source, 10, after=a.ack)
    b = Page(board, "b")
    play(board, source, 1)
    assert b.head["full"] is True and b.arrays()["x"] is not None
    assert "labels" in b.head["panels"][0]
    a.ack()
    b.say("ack", seq=b.head["seq"])
    play(board, source, 1)
    assert a.head["full"] is False and a.arrays()["x"] is None


def test_only_other_objects_are_sent_again(make_board, source):
    view = Wave(source)
    board = make_board(view)
    page = Page(board)
    play(board, source, 1)
    assert page.arrays()["x"] is None
    np.testing.assert_array_equal(page.arrays()["y"], [view.x + 1])
    assert page.sent[-1][1].size == 5
    assert not {"labels", "options", "text"} & page.head["panels"][0].keys()
    page.ack()
    view.x = view.x.copy()  # equal, but another object
    play(board, source, 1)
    assert page.arrays()["x"] is not None


def test_an_array_is_known_by_itself_not_by_its_address(make_board, source):
    class Fresh(Plain):
        def frame(self):
            return {"v": np.full(3, self.source.steps, np.float32)}  # often where the last one was

    board = make_board(Fresh(source))
    page = Page(board)
    for k in range(1, 30):
        play(board, source, 1)
        page.ack()
        assert page.arrays()["v"][0] == k


def test_words_travel_when_they_change(make_board, source):
    view = Wave(source)
    board = make_board(view)
    page = Page(board)
    play(board, source, 1)
    assert "labels" not in page.head["panels"][0]
    page.ack()
    view.kind = "cos"
    play(board, source, 1)
    assert page.head["panels"][0]["labels"] == {"kind": "cos"}
    assert page.head["panels"][0]["options"] == {"log": False, "kind": "cos"}


def test_words_for_screen_readers_are_made_every_two_seconds_at_most(make_board, source):
    board = make_board(Wave(source))
    page = Page(board)
    play(board, source, 500, after=page.ack, seconds=0.02)
    texts = [p["text"] for head, _ in page.sent for p in head["panels"] if "text" in p]
    assert 4 <= len(texts) <= 7
    source.slice("paused")
    assert page.head["panels"][0]["text"] == "sin after 501 steps"


def test_other_dtypes_and_layouts_arrive_as_float32_in_order(make_board, source):
    class Odd(Plain):
        def frame(self):
            return {"t": np.arange(6.0).reshape(2, 3).T, "i": np.arange(3), "scalar": np.float64(7)}

    page = Page(make_board(Odd(source)))
    arrays = page.arrays()
    np.testing.assert_array_equal(arrays["t"], [[0, 3], [1, 4], [2, 5]])
    np.testing.assert_array_equal(arrays["i"], [0, 1, 2])
    assert arrays["scalar"].shape == () and arrays["scalar"] == 7


def test_the_buffer_is_not_touched_again(make_board, source):
    board = make_board(Plain(source))
    kept = []
    board.send = lambda content, buffers=None: kept.append(buffers[0])
    page = Page(board)
    play(board, source, 3, after=page.ack)
    assert [np.frombuffer(b, np.float32)[0] for b in kept] == list(range(len(kept)))


def test_two_sources_on_one_board(make_board):
    one, two = Source(), Source()
    board = make_board(Plain(one), Plain(two))
    page = Page(board)
    assert board in one.watchers and board in two.watchers
    two.status = "paused"
    play(board, one, 5, after=page.ack)
    assert page.arrays(0)["v"][0] == 5
    assert [p["i"] for p in page.head["panels"]] == [0]
    two.slice("stopped")
    two.message = "the loss became NaN"
    play(board, one, 1)
    assert page.head["status"] == "stopped" and page.head["message"] == "the loss became NaN"


def test_a_view_that_fails_says_so_and_harms_neither_the_others_nor_the_run(make_board, source, caplog):
    class Broken(Plain):
        fails = True

        def frame(self):
            if self.fails:
                raise RuntimeError("no such layer")
            return super().frame()

    broken = Broken(source)
    board = make_board(broken, Plain(source))
    page = Page(board)
    play(board, source, 5, after=page.ack)
    assert page.head["panels"][0] == {"i": 0, "error": "RuntimeError: no such layer"}
    assert page.arrays(1)["v"][0] == 5
    assert caplog.text.count("cannot be drawn") == 1  # not once a frame
    broken.fails = False
    play(board, source, 1)
    assert "error" not in page.head["panels"][0] and page.arrays(0)["v"][0] == 6
    page.ack()
    broken.describe = lambda: 1 / 0
    source.slice("paused")
    assert page.head["panels"][0] == {"i": 0, "error": "ZeroDivisionError: division by zero"}
    assert page.sent[-1][1].tolist() == [7] and page.arrays(1)["v"][0] == 7  # nothing of the broken one
