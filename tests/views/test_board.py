"""The board against fake sources and fake front ends: what is sent, when, to whom, and in which thread it is made."""

import base64
import gc
import threading
import weakref

import numpy as np
import pytest
from matplotlib.figure import Figure

from nbprop.views.board import Board
from nbprop.views.view import Option, View

PNG = b"\x89PNG"


class Source:
    """Says and does what a board needs of a trainer."""

    def __init__(self):
        self.steps = self.version = 0
        self.status, self.message = "ready", ""
        self.watchers = set()
        self.posted = []  # waits for the next slice while it plays

    def post(self, f):
        if self.status == "playing":
            self.posted.append(f)
        else:
            f()

    def slice(self, status="playing"):
        """One slice of training, or any other change."""
        self.status = status
        self.steps += 1
        self.version += 1
        self.tell()

    def tell(self):
        while self.posted:
            self.posted.pop()()
        for watcher in list(self.watchers):
            watcher.pump()


class Wave(View):
    """A view with an array that stays, one that moves, and two options."""

    name = "wave"
    title = "Wave"
    needs = frozenset({"layers"})
    options = (Option("log", "log"), Option("kind", "show", (("sin", "sine"), ("cos", "cosine")), "sin"))

    def __init__(self, source, **options):
        super().__init__(source, **options)
        self.x = np.linspace(0, 1, 5, dtype=np.float32)
        self.calls = 0
        self.threads = set()

    def frame(self):
        self.calls += 1
        self.threads.add(threading.get_ident())
        return {"x": self.x, "y": (self.x + self.source.steps).reshape(1, 5), "none": np.empty((0, 2), np.float32)}

    def labels(self):
        return {"kind": self.kind}

    def describe(self):
        return f"{self.kind} after {self.source.steps} steps"

    def plot(self, ax=None):
        ax.plot(self.x)
        return ax


class Plain(View):
    name = title = "plain"

    def frame(self):
        return {"v": np.float32([self.source.steps])}

    def describe(self):
        return "plain"

    def plot(self, ax=None):
        return ax


class Page:
    """A front end: keeps what a board sends and answers as told."""

    def __init__(self, board, name="a", panels=None, mount=True):
        self.board, self.name = board, name
        self.sent = []  # (head, numbers)
        send = board.send
        board.send = lambda content, buffers=None: (self.receive(content, buffers), send(content, buffers))[1]
        if mount:
            self.say("mount", page=True, panels=range(len(board.views)) if panels is None else panels)

    def say(self, kind, **content):
        content = {k: list(v) if isinstance(v, range) else v for k, v in content.items()}
        self.board._receive(self.board, {"type": kind, "view": self.name, **content}, [])

    def receive(self, content, buffers):
        (buffer,) = buffers
        self.sent.append((content, np.frombuffer(bytes(buffer), np.float32)))

    def ack(self):
        self.say("ack", seq=self.sent[-1][0]["seq"])

    @property
    def head(self):
        return self.sent[-1][0]

    def arrays(self, i=0, k=-1):
        """name -> numbers, or None where the front end is to keep what it has."""
        head, data = self.sent[k]
        panel = next(p for p in head["panels"] if p["i"] == i)
        out = {}
        for name, *place in panel["arrays"]:
            out[name] = None
            if place:
                offset, shape = place
                out[name] = data[offset : offset + int(np.prod(shape))].reshape(shape)
        return out


class Clock:
    """Moves when told, and a little with every look."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        self.now += 1e-6
        return self.now


@pytest.fixture
def source():
    return Source()


@pytest.fixture
def make(request):
    """A board on a clock of its own: `board.clock.now += 0.02`. Closed after the test."""

    def make(*views, **kwargs):
        board = Board(*views, **kwargs)
        board._clock = board.__dict__["clock"] = Clock()
        request.addfinalizer(board.close)
        return board

    return make


def play(board, source, slices, after=lambda: None, seconds=0.03):
    for _ in range(slices):
        board.clock.now += seconds
        source.slice()
        after()


# What is sent.


def test_nothing_is_made_or_sent_while_nobody_looks(make, source):
    view = Wave(source)
    board = make(view)
    page = Page(board, mount=False)
    play(board, source, 20)
    assert page.sent == [] and view.calls == 0
    assert not board.seen


def test_a_mount_brings_the_whole_picture(make, source):
    board = make(Wave(source), Plain(source))
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


def test_only_other_objects_are_sent_again(make, source):
    view = Wave(source)
    board = make(view)
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


def test_an_array_is_known_by_itself_not_by_its_address(make, source):
    class Fresh(Plain):
        def frame(self):
            return {"v": np.full(3, self.source.steps, np.float32)}  # often where the last one was

    board = make(Fresh(source))
    page = Page(board)
    for k in range(1, 30):
        play(board, source, 1)
        page.ack()
        assert page.arrays()["v"][0] == k


def test_words_travel_when_they_change(make, source):
    view = Wave(source)
    board = make(view)
    page = Page(board)
    play(board, source, 1)
    assert "labels" not in page.head["panels"][0]
    page.ack()
    view.kind = "cos"
    play(board, source, 1)
    assert page.head["panels"][0]["labels"] == {"kind": "cos"}
    assert page.head["panels"][0]["options"] == {"log": False, "kind": "cos"}


def test_other_dtypes_and_layouts_arrive_as_float32_in_order(make, source):
    class Odd(Plain):
        def frame(self):
            return {"t": np.arange(6.0).reshape(2, 3).T, "i": np.arange(3), "scalar": np.float64(7)}

    page = Page(make(Odd(source)))
    arrays = page.arrays()
    np.testing.assert_array_equal(arrays["t"], [[0, 3], [1, 4], [2, 5]])
    np.testing.assert_array_equal(arrays["i"], [0, 1, 2])
    assert arrays["scalar"].shape == () and arrays["scalar"] == 7


def test_the_buffer_is_not_touched_again(make, source):
    board = make(Plain(source))
    kept = []
    board.send = lambda content, buffers=None: kept.append(buffers[0])
    page = Page(board)
    play(board, source, 3, after=page.ack)
    assert [np.frombuffer(b, np.float32)[0] for b in kept] == list(range(len(kept)))


def test_words_for_screen_readers_are_made_every_two_seconds_at_most(make, source):
    board = make(Wave(source))
    page = Page(board)
    play(board, source, 500, after=page.ack, seconds=0.02)
    texts = [p["text"] for head, _ in page.sent for p in head["panels"] if "text" in p]
    assert 4 <= len(texts) <= 7
    source.slice("paused")
    assert page.head["panels"][0]["text"] == "sin after 501 steps"


# When it is sent.


def test_a_page_that_does_not_answer_gets_a_window_of_frames_and_no_more(make, source):
    board = make(Wave(source))
    page = Page(board)
    play(board, source, 100)
    assert len(page.sent) <= 8
    page.ack()
    play(board, source, 1)
    assert page.head["step"] == 101  # the newest, not the next


def test_the_last_picture_is_always_the_newest(make, source):
    board = make(Wave(source))
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


def test_while_it_plays_not_every_frame_asks_for_an_answer_but_the_last_does(make, source):
    board = make(Wave(source))
    page = Page(board)
    assert page.head["ack"] is True
    play(board, source, 100, after=page.ack)
    asked = [head["ack"] for head, _ in page.sent]
    assert 20 < sum(asked) < 80
    for _ in range(3):
        source.slice("paused")
        assert page.head["ack"] is True


def test_a_pause_right_after_a_frame_is_shown_at_once(make, source):
    board = make(Wave(source))
    page = Page(board)
    play(board, source, 1)
    page.ack()
    source.slice("paused")  # no time has passed
    assert page.head["step"] == 2 and page.head["status"] == "paused"


def test_the_last_picture_reaches_a_page_that_was_gone(make, source):
    board = make(Wave(source))
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


def test_a_hidden_page_gets_nothing_and_the_newest_when_it_is_back(make, source):
    view = Wave(source)
    board = make(view)
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


def test_panels_out_of_sight_are_not_made(make, source):
    wave, plain = Wave(source), Plain(source)
    board = make(wave, plain)
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


def test_with_nothing_in_sight_a_bare_frame_asks_every_two_seconds_who_is_there(make, source):
    view = Wave(source)
    board = make(view)
    page = Page(board)
    page.say("look", page=True, panels=[])
    play(board, source, 10, after=page.ack)
    n, calls = len(page.sent), view.calls
    play(board, source, 500, after=page.ack, seconds=0.02)  # 10 s
    assert 4 <= len(page.sent) - n <= 6 and view.calls == calls
    assert page.head["panels"] == [] and board.seen
    play(board, source, 700)
    assert not board.seen


def test_a_mounting_page_is_sent_everything_though_another_has_it(make, source):
    board = make(Wave(source))
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


def test_of_two_pages_the_slow_one_decides_until_it_leaves(make, source):
    board = make(Wave(source))
    a = Page(board, "a")
    b = Page(board, "b")
    play(board, source, 60, after=a.ack)
    held = a.head["seq"]
    assert held <= 12
    b.say("unmount")
    play(board, source, 60, after=a.ack)
    assert a.head["seq"] > held + 40


def test_what_it_keeps_is_bounded(make, source):
    board = make(Wave(source))
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
    assert 2 <= stats["window"] <= 8 and 0 < len(stats["age_ms"]) <= 240


def test_asking_when_nothing_may_be_sent_costs_next_to_nothing(make, source):
    """Counted, not timed: neither numbers nor words are asked for."""
    board = make(Wave(source), Wave(source), Wave(source), Wave(source))
    page = Page(board)
    play(board, source, 50)
    calls = [view.calls for view in board.views]
    for _ in range(1000):
        source.slice()
    assert [view.calls for view in board.views] == calls
    page.say("unmount")
    source.slice("paused")
    assert all(view.calls <= before + 1 for view, before in zip(board.views, calls, strict=True))  # the snapshot


# Options, both ways.


def test_a_view_that_moves_slowly_is_in_fewer_frames_but_always_in_the_last(make, source):
    quick, slow = Wave(source), Wave(source)
    slow.rate = 10.0
    board = make(quick, slow)
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
    board.pump()
    assert [panel["i"] for panel in page.head["panels"]] == [0, 1]


def test_an_option_chosen_in_the_browser_is_set_and_shown(make, source):
    view = Wave(source)
    board = make(view)
    page = Page(board)
    page.ack()
    page.say("option", panel=0, name="kind", value="cos")
    assert view.kind == "cos"
    assert page.head["panels"][0]["options"] == {"log": False, "kind": "cos"}
    assert page.head["panels"][0]["labels"] == {"kind": "cos"}


def test_while_it_plays_an_option_waits_for_the_end_of_the_slice(make, source):
    view = Wave(source)
    board = make(view)
    page = Page(board)
    play(board, source, 1)
    page.say("option", panel=0, name="log", value=True)
    assert view.log is False
    play(board, source, 1)
    assert view.log is True


def test_an_option_set_in_python_travels_to_the_browser(make, source):
    view = Wave(source)
    board = make(view)
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
def test_an_impossible_option_changes_nothing_and_stops_nothing(make, source, caplog, message):
    view = Wave(source)
    board = make(view)
    page = Page(board)
    page.ack()
    page.say("option", **message)
    assert (view.log, view.kind) == (False, "sin") and callable(view.frame)
    assert "message from the browser" in caplog.text
    if message.get("panel") == 0:  # the control goes back to what holds
        assert page.head["panels"][0]["options"] == {"log": False, "kind": "sin"}
    play(board, source, 2, after=page.ack)
    assert page.head["step"] == 2


def test_a_message_of_another_version_stops_nothing(make, source, caplog):
    board = make(Wave(source))
    page = Page(board)
    for kind, content in [("mount", {}), ("ack", {}), ("look", {"page": True, "panels": 3}), ("dance", {})]:
        page.say(kind, **content)
    board._receive(board, "hello", [])
    page.say("look", page=True, panels=[0, 7, "x"])
    page.ack()
    play(board, source, 1)
    assert page.head["step"] == 1


# Threads.


def test_messages_in_another_thread_only_put_something_down(make, source):
    view = Wave(source)
    board = make(view)
    page = Page(board)
    source.status = "playing"
    before = view.calls

    def talk():
        for _ in range(50):
            page.ack()
            page.say("option", panel=0, name="log", value=True)

    threads = [threading.Thread(target=talk) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert view.calls == before and view.log is False
    play(board, source, 1)
    assert view.log is True
    assert view.threads == {threading.get_ident()}


def test_a_pump_in_another_thread_is_not_lost(make, source):
    """A page mounts in a second thread while the first is in the middle of a frame: the first makes that frame too."""
    inside, go_on = threading.Event(), threading.Event()

    class Slow(Wave):
        def frame(self):
            if armed:
                armed.pop()
                inside.set()
                assert go_on.wait(10)
            return super().frame()

    armed = []
    view = Slow(source)
    board = make(view)
    a = Page(board, "a")
    a.ack()
    armed.append(True)
    trainer = threading.Thread(target=source.slice, args=("paused",))
    trainer.start()
    assert inside.wait(10)
    b = Page(board, "b")  # its pump finds the other one at work
    assert a.head["full"] is True and len(a.sent) == 1
    go_on.set()
    trainer.join()
    assert [head["full"] for head, _ in a.sent] == [True, False, True]
    assert b.head["step"] == 1


def test_many_threads_at_once_send_frames_in_order(make, source):
    board = make(Wave(source))
    page = Page(board)

    def hammer():
        for _ in range(200):
            source.version += 1
            board.pump()
            page.ack()

    threads = [threading.Thread(target=hammer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seqs = [head["seq"] for head, _ in page.sent]
    assert seqs == list(range(1, len(seqs) + 1)) and len(seqs) > 10


# A view that fails.


def test_a_view_that_fails_says_so_and_harms_neither_the_others_nor_the_run(make, source, caplog):
    class Broken(Plain):
        fails = True

        def frame(self):
            if self.fails:
                raise RuntimeError("no such layer")
            return super().frame()

    broken = Broken(source)
    board = make(broken, Plain(source))
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


# The snapshot.


def read(snapshot):
    data = np.frombuffer(snapshot["data"], np.float32)
    return {
        (p["i"], name): data[offset : offset + int(np.prod(shape))].reshape(shape)
        for p in snapshot["head"]["panels"]
        for name, offset, shape in p["arrays"]
    }


def test_the_snapshot_is_a_whole_frame_at_mount_and_pause_only(make, source):
    wave = Wave(source)
    board = make(wave, Plain(source))
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


def test_making_a_snapshot_does_not_change_what_is_sent_next(make, source):
    board = make(Wave(source))
    page = Page(board)
    play(board, source, 1)
    page.ack()
    source.slice("paused")
    page.ack()
    source.slice("paused")
    assert page.arrays()["x"] is None and page.arrays()["y"] is not None


def test_frames_are_not_in_the_widgets_state(make, source):
    board = make(Wave(source))
    page = Page(board)
    play(board, source, 50, after=page.ack)
    state = board.get_state()
    assert state["snapshot"]["head"]["step"] == 0
    own = {key for key in state if not key.startswith(("_model", "_view", "_dom", "_esm", "_css", "_anywidget"))}
    assert own == {"_spec", "snapshot", "layout", "tabbable", "tooltip"}


# What it is.


def test_it_takes_views_and_boards(make, source):
    wave, plain = Wave(source, log=True), Plain(source)
    inner = make(wave)
    board = make(inner, plain, columns=1, height=300)
    assert board.views == (wave, plain)
    spec = board._spec
    assert spec["columns"] == 1 and spec["height"] == 300
    assert spec["panels"][0] == {
        "name": "wave",
        "title": "Wave",
        "options": [
            {"name": "log", "label": "log", "choices": [], "value": True},
            {"name": "kind", "label": "show", "choices": [["sin", "sine"], ["cos", "cosine"]], "value": "sin"},
        ],
    }
    assert board.needs == {"layers"} and make(plain).needs == frozenset()


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


def test_frame_plot_and_describe_are_those_of_the_views(make, source):
    wave = make(Wave(source))
    assert wave.frame().keys() == {"x", "y", "none"} and wave.describe() == "sin after 0 steps"
    ax = Figure().add_subplot()
    assert wave.plot(ax) is ax
    board = make(wave, Plain(source), Plain(source))
    assert board.frame().keys() == {"wave", "plain 1", "plain 2"}
    assert board.describe() == "sin after 0 steps\nplain\nplain"
    figure = board.plot()
    assert [len(ax.lines) for ax in figure.axes] == [1, 0, 0]
    with pytest.raises(ValueError, match="expected no ax"):
        board.plot(ax)


def test_a_plot_leaves_no_figure_behind(make, source):
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    figure = make(Wave(source), Plain(source)).plot()
    assert plt.get_fignums() == before
    assert figure._repr_png_().startswith(PNG)  # and yet it shows itself in a notebook


def test_repr_is_stable_and_the_bundle_has_a_picture(make, source):
    board = make(Wave(source), Plain(source))
    assert repr(board) == "Board(Wave, Plain)"
    data, _ = board._repr_mimebundle_()
    assert data["text/plain"] == "Board(Wave, Plain)"
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == board.model_id
    assert base64.b64decode(data["image/png"]).startswith(PNG)
    source.status = "playing"  # then Matplotlib does not hold the run up
    data, _ = board._repr_mimebundle_()
    assert data.keys() == {"text/plain", "application/vnd.jupyter.widget-view+json"}


def test_two_sources_on_one_board(make):
    one, two = Source(), Source()
    board = make(Plain(one), Plain(two))
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


def test_a_run_out_of_sight_sends_nothing_for_one_in_sight(make):
    one, two = Source(), Source()
    board = make(Plain(one), Plain(two))
    page = Page(board)
    page.say("look", page=True, panels=[1])
    play(board, one, 5, after=page.ack)
    n = len(page.sent)
    play(board, one, 100, after=page.ack)
    assert len(page.sent) == n


def test_close_detaches_and_lets_go(source):
    view = Wave(source)
    board = Board(view)
    other = Board(view)
    page = Page(board)
    assert source.watchers == {board, other}
    board.close()
    assert source.watchers == {other} and list(view.boards) == [other]
    board.close()
    board.pump()
    source.slice()
    gone, name = weakref.ref(board), repr(board)
    assert name == "Board(Wave)"
    del board, page
    gc.collect()
    assert gone() is None
    assert view.frame()  # the view goes on
    other.close()
