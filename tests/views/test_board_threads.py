"""In which thread a board does what: messages may come in any, numbers are made in the source's own."""

import threading

from fakes import Page, Wave, play


def test_messages_in_another_thread_only_put_something_down(make_board, source):
    view = Wave(source)
    board = make_board(view)
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


def test_a_refresh_in_another_thread_is_not_lost(make_board, source):
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
    board = make_board(view)
    a = Page(board, "a")
    a.ack()
    armed.append(True)
    trainer = threading.Thread(target=source.slice, args=("paused",))
    trainer.start()
    assert inside.wait(10)
    b = Page(board, "b")  # its refresh finds the other one at work
    assert a.head["full"] is True and len(a.sent) == 1
    go_on.set()
    trainer.join()
    assert [head["full"] for head, _ in a.sent] == [True, False, True]
    assert b.head["step"] == 1


def test_many_threads_at_once_send_frames_in_order(make_board, source):
    board = make_board(Wave(source))
    page = Page(board)

    def hammer():
        for _ in range(200):
            source.version += 1
            board.refresh()
            page.ack()

    threads = [threading.Thread(target=hammer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seqs = [head["seq"] for head, _ in page.sent]
    assert seqs == list(range(1, len(seqs) + 1)) and len(seqs) > 10
