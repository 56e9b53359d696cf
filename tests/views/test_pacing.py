"""Pacing in simulated time, with browsers near and far, fast, slow, hidden, vanished, two at once."""

import pytest
from network import Browser, age, play, rate

from nbprop.views.board.pacing import KEPT, MAX_VIEWERS, Pacing
from nbprop.views.board.way import ASKS, LATELY, LEAST, MOST, WINDOWS, Way


def alone(seconds=15.0, slice=0.012, at=None, cost=0.0, **browser):
    """One browser for so long; `at` maps a time to what changes then."""
    pacing = Pacing()
    b = Browser(pacing, **browser)
    changes = {when: (lambda what=what: b.change(**what)) for when, what in (at or {}).items()}
    b.sent = play(pacing, [b], 0.0, seconds, slice, changes, cost)
    return b


# How far, how fast.


@pytest.mark.parametrize("jitter", [0.0, 0.04])
@pytest.mark.parametrize("rtt", [0.02, 0.1, 0.15, 0.3, 0.6])
def test_a_distant_browser_gets_as_many_frames_as_a_near_one(rtt, jitter):
    b = alone(delay=rtt / 2, jitter=jitter)
    assert rate(b, 0, 2) >= (30 if rtt <= 0.3 else 20)  # at once
    assert rate(b, 3, 15) >= 50
    assert age(b, 3, 15) <= rtt / 2 + 0.06 and age(b, 3, 15, 0.95) <= rtt / 2 + 0.08
    assert b.most_under_way <= 2 + MOST * (rtt / 2 + jitter)  # frames are on their way there, but none waits


@pytest.mark.parametrize("slice", [0.005, 0.010, 0.012, 0.015])
def test_a_near_browser_gets_what_its_display_shows(slice):
    b = alone(slice=slice)
    assert rate(b, 1, 15) >= 55 and len(b.sent) <= 15 * MOST + 1
    assert age(b, 1, 15) <= 0.03


def test_a_run_that_is_drawn_thirty_times_a_second_is_so_at_any_distance():
    for rtt in (0.02, 0.15, 0.3):
        b = alone(slice=1 / 30, delay=rtt / 2)
        assert rate(b, 2, 15) >= 29 and age(b, 2, 15) <= rtt / 2 + 0.03


@pytest.mark.parametrize("hz", [30.0, 20.0])
def test_a_display_that_shows_fewer_frames_gets_fewer(hz):
    b = alone(hz=hz)
    assert rate(b, 5, 15) >= 0.9 * hz
    assert sum(t >= 5 for t in b.sent) / 10 <= 1.3 * hz


@pytest.mark.parametrize("paint", [0.03, 0.06, 0.12, 0.25])
def test_a_slow_browser_is_kept_busy_and_has_no_queue(paint):
    b = alone(20.0, delay=0.02, paint=paint)
    assert rate(b, 5, 20) >= 0.75 / (paint + 1 / 60)
    assert sum(t >= 5 for t in b.sent) <= 1.3 * 15 * rate(b, 5, 20) + 3  # hardly a frame for nothing
    assert age(b, 5, 20) <= 0.02 + 2 * paint + 0.05
    assert age(b, 15, 20) <= 1.3 * age(b, 5, 10) + 0.02  # nothing piles up


@pytest.mark.parametrize("rtt", [0.02, 0.1, 0.2])
@pytest.mark.parametrize("width", [450, 250, 100])  # kB a second; a frame has 9
def test_a_narrow_way_is_filled_and_has_no_queue(width, rtt):
    b = alone(25.0, delay=rtt / 2, bandwidth=1000 * width)
    assert rate(b, 5, 25) >= 0.85 * min(MOST, width / 9)
    assert age(b, 5, 25) <= rtt / 2 + 9 / width + 0.06


def test_half_a_core_for_the_browser_makes_no_queue():
    whole, half = alone(), alone(paint=0.016, handle=0.008)
    assert rate(whole, 3, 15) >= 50
    assert rate(half, 3, 15) >= 25 and age(half, 3, 15) <= 0.01 + 0.016 + 0.06


def test_half_a_core_for_the_kernel_makes_no_queue():
    b = alone(slice=0.03, delay=0.05)
    assert rate(b, 3, 15) >= 29 and age(b, 3, 15) <= 0.05 + 0.06


# The way changes.


@pytest.mark.parametrize("before, after", [(0.02, 0.2), (0.02, 0.3), (0.1, 0.3), (0.3, 0.04), (0.2, 0.01)])
def test_a_way_that_gets_longer_or_shorter_is_found_anew(before, after):
    b = alone(18.0, delay=before / 2, at={8: {"delay": after / 2}})
    assert rate(b, 8.5, 11) >= 20 and rate(b, 13, 18) >= 50
    assert age(b, 9, 18) <= after / 2 + 0.06


def test_a_way_that_gets_narrow_has_a_queue_for_a_moment_only():
    b = alone(30.0, delay=0.05, at={8: {"bandwidth": 100_000}})
    assert age(b, 18, 30) <= 0.05 + 0.09 + 0.09
    assert rate(b, 18, 30) >= 0.8 * 100 / 9


def test_a_way_that_gets_wide_is_used_soon():
    b = alone(16.0, delay=0.05, bandwidth=100_000, at={8: {"bandwidth": None}})
    assert rate(b, 6, 8) <= 12 and rate(b, 12, 16) >= 50


def test_a_browser_that_gets_slow_and_quick_again():
    b = alone(24.0, delay=0.02, at={8: {"paint": 0.06}, 16: {"paint": 0.004}})
    assert rate(b, 10, 16) >= 12 and age(b, 10, 16) <= 0.02 + 0.12 + 0.05
    assert rate(b, 20, 24) >= 50


def test_a_page_that_stands_still_for_a_moment_is_not_taken_for_a_slow_one():
    b = alone(16.0, delay=0.02, at={k: {"busy": k + 0.2} for k in (4, 6, 8, 10)})
    assert rate(b, 2, 14) >= 45 and rate(b, 12, 16) >= 50


def test_frames_are_never_held_back_for_an_answer_that_nobody_was_asked_for():
    """The window may become narrower than what is under way."""
    pacing = Pacing()
    pacing.look("a", {0}, True, 0.0)
    way, now = pacing.viewers["a"].way, 0.0
    while way.rate < MOST:
        now += 0.02
        if pacing.may_send(now):
            pacing.sent(now)
        pacing.ack("a", pacing.seq, now + 0.01)
    asked = [pacing.sent(now + k / 100)[1] for k in range(5, 12)]
    assert not any(asked) and pacing.seq - pacing.viewers["a"].acked == 7
    way.rate = LEAST
    assert way.window < 7 and pacing.may_send(now + 1.2)
    assert pacing.sent(now + 1.2)[1] and not pacing.may_send(now + 3.0)


def test_the_window_holds_a_round_trip_of_frames_and_no_more_than_is_needed():
    for rtt in (0.02, 0.1, 0.3):
        window = alone(delay=rtt / 2).pacing.window
        assert MOST * rtt <= window <= MOST * (rtt + 2.15)
    way = Way()
    assert way.window == WINDOWS[0]
    way.answered(100.0, 10.0, 1, 1, 1, 1)
    assert way.window == WINDOWS[1]


def test_a_round_trip_is_forgotten_after_a_while():
    way = Way()
    way.answered(0.02, 0.0, 1, 1, 1, 1)
    for k in range(1, 200):
        now = k / 10
        way.answered(now, now - 0.05, k + 1, k + 1, 1, 1)
        assert way.trip == (pytest.approx(0.02) if now <= LATELY else way.trip)
    assert way.trip == pytest.approx(0.05)


def test_costly_frames_become_rarer_so_that_the_share_holds():
    b = alone(cost=0.006)
    assert 0.8 * b.pacing.share <= len(b.sent) * 0.006 / 15 <= 1.05 * b.pacing.share


# Who answers, and how often.


@pytest.mark.parametrize("rtt", [0.02, 0.1, 0.3])
def test_an_answer_in_two_seconds_is_enough(rtt):
    b = alone(3.0, delay=rtt / 2)
    found, sent = b.answered, play(b.pacing, [b], 3.0, 20.0)
    assert b.answered - found <= 11 and len(sent) >= 50 * 20


def test_a_viewer_that_owes_no_answer_is_not_silent():
    pacing = Pacing()
    pacing.look("a", {0}, True, 0.0)
    assert pacing.sent(0.0) == (1, True)
    pacing.ack("a", 1, 0.02)
    assert pacing.sent(0.05) == (2, False)
    assert pacing.seen(100.0)
    assert pacing.sent(100.0) == (3, True)
    pacing.ack("a", 3, 100.1)
    assert pacing.seen(200.0)
    assert pacing.sent(200.0, last=True) == (4, True)
    assert not pacing.seen(203.0)
    pacing.look("a", {0}, True, 203.0)  # it speaks, though it does not answer
    assert pacing.seen(204.0)
    assert not pacing.seen(206.0)


def test_nothing_leaves_before_anyone_looks():
    pacing = Pacing()
    assert not pacing.may_send(0.0) and not pacing.may_send(100.0, hurry=True)
    assert not pacing.seen(0.0)
    assert pacing.panels(0.0) == frozenset()


def test_a_hidden_tab_gets_nothing_and_counts_again_when_it_is_back():
    pacing = Pacing()
    b = Browser(pacing)
    play(pacing, [b], 0.0, 1.0)
    pacing.look("a", {0}, False, 1.0)
    assert not pacing.seen(1.0)
    assert play(pacing, [b], 1.0, 5.0) == []
    pacing.look("a", {0}, True, 6.0)
    assert pacing.seen(6.0)
    assert len(play(pacing, [b], 6.0, 1.0)) >= 45


def test_a_viewer_with_no_panel_in_sight_gets_a_probe_every_two_seconds():
    pacing = Pacing()
    b = Browser(pacing)
    play(pacing, [b], 0.0, 1.0)
    pacing.look("a", set(), True, 1.0)
    answered = b.answered
    sent = play(pacing, [b], 1.0, 10.0)
    assert 4 <= len(sent) <= 5
    assert b.answered - answered >= len(sent) - 1
    assert pacing.seen(11.0)  # it answers: a person is there, reading another cell


def test_a_vanished_viewer_gets_a_probe_every_two_seconds_until_it_speaks_again():
    pacing = Pacing()
    b = Browser(pacing)
    play(pacing, [b], 0.0, 1.0)
    b.here = False
    sent = play(pacing, [b], 1.0, 23.0)
    burst = [t for t in sent if t < 5.0]
    assert len(burst) <= MOST * (ASKS[0] + 0.1)  # until an answer is missed
    assert 8 <= len(sent) - len(burst) <= 10
    assert not pacing.seen(24.0)
    b.here = True  # the next probe reaches it
    assert len(play(pacing, [b], 24.0, 4.0)) >= 80
    assert pacing.seen(28.0)


def test_no_one_silent_for_less_than_two_seconds_is_given_up():
    pacing = Pacing()
    pacing.look("a", {0}, True, 0.0)
    pacing.sent(10.0, last=True)  # nothing was sent for long: the two seconds count from the frame, not from the mount
    assert pacing.seen(11.9)
    assert not pacing.seen(12.1)


def test_the_slowest_viewer_that_looks_decides():
    pacing = Pacing()
    fast, slow = Browser(pacing, "fast"), Browser(pacing, "slow", paint=0.3)
    play(pacing, [fast, slow], 0.0, 10.0)
    both = play(pacing, [fast, slow], 10.0, 5.0)
    assert len(both) / 5 < 15
    pacing.look("slow", {0}, False, 15.0)
    play(pacing, [fast, slow], 15.0, 1.0)
    assert len(play(pacing, [fast, slow], 16.0, 5.0)) / 5 > 50
    assert pacing.seen(21.0)


def test_a_vanished_viewer_does_not_hold_up_another():
    pacing = Pacing()
    a, b = Browser(pacing, "a"), Browser(pacing, "b")
    play(pacing, [a, b], 0.0, 1.0)
    b.here = False
    play(pacing, [a, b], 1.0, 3.0)  # two seconds of patience
    assert len(play(pacing, [a, b], 4.0, 4.0)) / 4 > 50
    b.here = True  # frames reach it again, it answers and counts
    play(pacing, [a, b], 8.0, 1.0)
    b.paint = 0.3
    play(pacing, [a, b], 9.0, 6.0)
    assert len(play(pacing, [a, b], 15.0, 4.0)) / 4 < 15


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
    for painted in (10**9, -3, 0, 7):  # nonsense about what was painted, too
        pacing.sent(1.0)
        pacing.ack("a", pacing.seq, 1.0, painted)
        assert LEAST <= pacing.viewers["a"].way.rate <= MOST


def test_what_it_keeps_is_bounded():
    pacing = Pacing()
    for k in range(200):
        pacing.look(f"viewer {k}", {0}, True, float(k))
    assert len(pacing.viewers) == MAX_VIEWERS
    assert "viewer 199" in pacing.viewers  # the longest silent ones go
    for k in range(10_000):
        pacing.sent(200.0 + k)
        pacing.ack("viewer 199", pacing.seq, 200.0 + k)
    assert len(pacing._left) <= KEPT
    assert len(pacing.ages) <= 240
