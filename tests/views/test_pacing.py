"""Pacing with fake front ends and a fake clock: fast, slow, hidden, vanished, two at once."""

from statistics import median

import pytest

from nbprop.views.board.pacing import MAX_VIEWERS, Pacing

RATE = Pacing().rate


class Browser:
    """A viewer that paints the newest frame it has, `paint` seconds each, `trip` seconds away in each direction."""

    def __init__(self, name, pacing, trip=0.022, paint=0.002, mount=0.0):
        self.name, self.pacing, self.trip, self.paint = name, pacing, trip, paint
        self.arrivals = []  # (time, frame number, is it to be answered?)
        self.answers = []  # (time, frame number)
        self.busy = self.mount = mount
        self.here = self.talks = True
        self.painted = []
        self.answered = 0
        self.most_waiting = 0
        pacing.look(name, {0}, True, mount)

    def receive(self, seq, ask, now):
        if self.here:
            self.arrivals.append((now + self.trip, seq, ask))

    def run(self, now):
        waiting = [(seq, ask) for at, seq, ask in self.arrivals if at <= now]
        self.most_waiting = max(self.most_waiting, len(waiting))
        if waiting and now >= self.busy and self.here:
            self.arrivals = [frame for frame in self.arrivals if frame[0] > now]
            self.busy = now + self.paint
            self.painted.append(waiting[-1][0])
            if any(ask for _, ask in waiting):
                self.answers.append((now + self.paint + self.trip, waiting[-1][0]))
                self.answered += 1
        for answer in [a for a in self.answers if a[0] <= now]:
            self.answers.remove(answer)
            if self.talks:
                self.pacing.ack(self.name, answer[1], now)


def play(pacing, browsers, start, seconds, slice=0.012, at=None, cost=0.0):
    """A kernel that asks after each slice. `at` maps a time to something that happens then. Returns the times sent."""
    at = dict(at or {})
    sent = []
    for k in range(round(seconds * 1000)):
        now = start + k / 1000
        for when in [w for w in at if w <= now]:
            at.pop(when)()
        for b in browsers:
            b.run(now)
        if k % round(slice * 1000) == 0 and pacing.may_send(now):
            seq, ask = pacing.sent(now)
            pacing.spent(cost)
            sent.append(now)
            for b in browsers:
                b.receive(seq, ask, now)
    return sent


def test_half_a_window_or_more_of_frames_goes_without_an_answer():
    pacing = Pacing(window=(8, 8))
    pacing.window = 8
    b = Browser("a", pacing)
    sent = play(pacing, [b], 0.0, 5.0)
    assert len(sent) > 0.9 * 5 * RATE
    assert len(sent) / 4 - 3 <= b.answered <= len(sent) / 4 + 3


def test_a_viewer_that_owes_no_answer_is_not_silent():
    pacing = Pacing()
    pacing.look("a", {0}, True, 0.0)
    assert pacing.sent(0.0) == (1, False)
    assert pacing.seen(100.0)
    assert pacing.sent(100.0) == (2, True)
    pacing.ack("a", 2, 100.1)
    assert pacing.seen(200.0)
    assert pacing.sent(200.0, last=True) == (3, True)
    assert not pacing.seen(203.0)
    pacing.look("a", {0}, True, 203.0)  # it speaks, though it does not answer
    assert pacing.seen(204.0)
    assert not pacing.seen(206.0)


def test_nothing_leaves_before_anyone_looks():
    pacing = Pacing()
    assert not pacing.may_send(0.0) and not pacing.may_send(100.0, hurry=True)
    assert not pacing.seen(0.0)
    assert pacing.panels(0.0) == frozenset()


@pytest.mark.parametrize("slice", [0.005, 0.010, 0.012, 0.015])
def test_a_fast_browser_gets_as_many_frames_as_the_rate_allows(slice):
    pacing = Pacing()
    b = Browser("a", pacing)
    sent = play(pacing, [b], 0.0, 4.0, slice=slice)
    assert 0.9 * RATE <= len(sent) / 4 <= RATE + 1
    assert len(b.painted) >= 0.95 * len(sent) - 5
    assert median(pacing.ages) < 0.1


@pytest.mark.parametrize("paint", [0.06, 0.25])
def test_a_slow_browser_gets_fewer_frames_never_a_queue(paint):
    pacing = Pacing()
    b = Browser("a", pacing, paint=paint)
    play(pacing, [b], 0.0, 10.0)
    assert len(b.painted) >= 0.9 * 10 / (paint + 0.02)  # it is kept busy
    assert b.most_waiting <= pacing.limits[1]
    assert pacing.window <= (2 if paint > 0.1 else 8)
    b.painted.clear()
    sent = play(pacing, [b], 10.0, 10.0)
    # Later frames are as fresh as the first: nothing has piled up.
    assert max(list(pacing.ages)[-30:]) < 3 * paint + 0.1
    assert len(sent) <= pacing.window * (len(b.painted) + 1)


def test_the_window_follows_the_age():
    pacing = Pacing()
    b = Browser("a", pacing, trip=0.3)  # far away
    play(pacing, [b], 0.0, 10.0)
    assert pacing.window == 2
    b.trip = 0.03
    play(pacing, [b], 10.0, 20.0)
    assert pacing.window > 2
    assert median(list(pacing.ages)[-50:]) < 0.1


def test_a_window_that_is_never_full_stays_as_it_is():
    pacing = Pacing()
    before = pacing.window
    play(pacing, [Browser("a", pacing, trip=0.005)], 0.0, 10.0)
    assert pacing.window == before


def test_a_hidden_tab_gets_nothing_and_counts_again_when_it_is_back():
    pacing = Pacing()
    b = Browser("a", pacing)
    play(pacing, [b], 0.0, 1.0)
    pacing.look("a", {0}, False, 1.0)
    assert not pacing.seen(1.0)
    assert play(pacing, [b], 1.0, 5.0) == []
    pacing.look("a", {0}, True, 6.0)
    assert pacing.seen(6.0)
    assert len(play(pacing, [b], 6.0, 1.0)) >= 0.8 * RATE


def test_a_viewer_with_no_panel_in_sight_gets_a_probe_every_two_seconds():
    pacing = Pacing()
    b = Browser("a", pacing)
    play(pacing, [b], 0.0, 1.0)
    pacing.look("a", set(), True, 1.0)
    answered = b.answered
    sent = play(pacing, [b], 1.0, 10.0)
    assert 4 <= len(sent) <= 5
    assert b.answered - answered >= len(sent) - 1
    assert pacing.seen(11.0)  # it answers: a person is there, reading another cell


def test_a_vanished_viewer_gets_a_probe_every_two_seconds_until_it_speaks_again():
    pacing = Pacing()
    b = Browser("a", pacing)
    play(pacing, [b], 0.0, 1.0)
    b.here = False
    sent = play(pacing, [b], 1.0, 20.0)
    burst = [t for t in sent if t < 2.5]
    assert len(burst) <= pacing.limits[1]
    assert 8 <= len(sent) - len(burst) <= 10
    assert not pacing.seen(21.0)
    b.here = True  # the next probe reaches it
    back = play(pacing, [b], 21.0, 4.0)
    assert len(back) >= 60
    assert pacing.seen(25.0)


def test_no_one_silent_for_less_than_two_seconds_is_given_up():
    pacing = Pacing()
    pacing.look("a", {0}, True, 0.0)
    pacing.sent(10.0, last=True)  # nothing was sent for long: the two seconds count from the frame, not from the mount
    assert pacing.seen(11.9)
    assert not pacing.seen(12.1)


def test_the_slowest_viewer_that_looks_decides():
    pacing = Pacing()
    fast, slow = Browser("fast", pacing), Browser("slow", pacing, paint=0.3)
    play(pacing, [fast, slow], 0.0, 10.0)
    both = play(pacing, [fast, slow], 10.0, 5.0)
    assert len(both) / 5 < 15
    pacing.look("slow", {0}, False, 15.0)
    play(pacing, [fast, slow], 15.0, 2.0)
    assert len(play(pacing, [fast, slow], 17.0, 5.0)) / 5 > 0.8 * RATE
    assert pacing.seen(22.0)


def test_a_vanished_viewer_does_not_hold_up_another():
    pacing = Pacing()
    a, b = Browser("a", pacing), Browser("b", pacing)
    play(pacing, [a, b], 0.0, 1.0)
    b.here = False
    play(pacing, [a, b], 1.0, 3.0)  # two seconds of patience
    assert len(play(pacing, [a, b], 4.0, 4.0)) / 4 > 0.8 * RATE
    b.here = True  # frames reach it again, it answers and counts
    play(pacing, [a, b], 8.0, 1.0)
    b.paint = 0.3
    play(pacing, [a, b], 9.0, 4.0)
    assert len(play(pacing, [a, b], 13.0, 4.0)) / 4 < 15


def test_panels_are_those_that_somebody_sees():
    pacing = Pacing()
    pacing.look("a", {0, 1}, True, 0.0)
    pacing.look("b", {1, 3}, True, 0.0)
    assert pacing.panels(0.0) == {0, 1, 3}
    pacing.look("b", {1, 3}, False, 0.0)
    assert pacing.panels(0.0) == {0, 1}
    pacing.leave("a")
    assert pacing.panels(0.0) == frozenset()


def test_panels_of_a_vanished_viewer_do_not_count_beside_another():
    pacing = Pacing()
    pacing.look("a", {0}, True, 0.0)
    pacing.sent(0.0, last=True)
    pacing.look("b", {1}, True, 3.0)
    assert pacing.panels(3.0) == {1}
    pacing.leave("b")
    assert pacing.panels(3.0) == {0}  # a probe shows what it might still look at


def test_a_page_that_is_hidden_after_it_left_stays_gone():
    pacing = Pacing()
    pacing.look("a", {0}, True, 0.0)
    pacing.leave("a")
    assert pacing.look("a", {0}, False, 0.0) is False
    assert pacing.viewers == {}
    assert pacing.look("a", {0}, True, 1.0) is True


def test_what_was_sent_to_a_hidden_page_needs_no_answer():
    pacing = Pacing()
    pacing.look("a", {0}, True, 0.0)
    while pacing.may_send(0.0, hurry=True):
        pacing.sent(0.0)
    pacing.look("a", {0}, False, 1.0)
    pacing.look("a", {0}, True, 2.0)
    assert pacing.may_send(2.0)


def test_hurry_passes_over_the_rate_but_not_over_the_window():
    pacing = Pacing()
    pacing.look("a", {0}, True, 0.0)
    for _ in range(pacing.window):
        assert pacing.may_send(0.0, hurry=True)
        pacing.sent(0.0)
    assert not pacing.may_send(0.0, hurry=True)
    pacing.ack("a", pacing.seq, 0.01)
    assert pacing.may_send(0.01, hurry=True)
    assert not pacing.may_send(0.01)


def test_costly_frames_become_rarer_so_that_the_share_holds():
    pacing = Pacing(share=0.12)
    b = Browser("a", pacing)
    sent = play(pacing, [b], 0.0, 5.0, cost=0.006)
    assert 0.8 * 0.12 <= len(sent) * 0.006 / 5 <= 0.125


def test_acknowledgements_from_strangers_and_from_the_future_do_no_harm():
    pacing = Pacing()
    assert pacing.ack("nobody", 7, 0.0) is False
    pacing.look("a", {0}, True, 0.0)
    assert pacing.ack("a", 10**9, 0.0)
    for _ in range(pacing.window):
        assert pacing.may_send(0.0, hurry=True)
        pacing.sent(0.0)
    assert not pacing.may_send(0.0, hurry=True)  # the window holds all the same
    pacing.ack("a", -5, 0.0)  # and what was painted stays painted
    assert pacing.viewers["a"].acked == 0


def test_what_it_keeps_is_bounded():
    pacing = Pacing()
    for k in range(200):
        pacing.look(f"viewer {k}", {0}, True, float(k))
    assert len(pacing.viewers) == MAX_VIEWERS
    assert "viewer 199" in pacing.viewers  # the longest silent ones go
    for k in range(10_000):
        pacing.sent(200.0 + k)
        pacing.ack("viewer 199", pacing.seq, 200.0 + k)
    assert len(pacing._asked) <= 64
    assert len(pacing.ages) <= 240
