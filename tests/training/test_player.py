"""Training in the background: cells go on, callbacks from other threads act between steps, Pause always answers."""

import asyncio
import gc
import threading
import weakref
from itertools import pairwise

import numpy as np
import pytest
from waiting import until

import nbprop as nb
from nbprop import cells
from nbprop.training import player


def make(**settings):
    return nb.Trainer(nb.nn.mlp([2, 6, 1], seed=0), nb.data.xor(seed=1), seed=2, **settings)


def test_play_pause_and_the_same_numbers_as_fit():
    async def main():
        t = make()
        t.play()
        assert t.playing and t.status == "playing"
        await until(lambda: t.steps > 50)
        t.pause()
        assert t.status == "paused" and not t.playing
        done = t.steps
        await asyncio.sleep(0.05)
        assert t.steps == done
        t.play(steps=30)
        await until(lambda: not t.playing)
        assert t.steps == done + 30 and t.status == "paused"
        return t

    t = asyncio.run(main())
    twin = make()
    twin.fit(steps=t.steps)
    np.testing.assert_array_equal(t.model.theta, twin.model.theta)
    np.testing.assert_array_equal(t.history["loss"], twin.history["loss"])


@pytest.mark.parametrize("source", ["a trainer", "a comparison"])
def test_what_plays_goes_on_though_nobody_holds_it(source):
    async def main():
        seen = []
        made = make()
        made.on("step", lambda trainer: seen.append(trainer.steps))
        (made if source == "a trainer" else nb.compare(made, make())).play(steps=30, unseen=True)
        left = weakref.ref(made)
        del made
        gc.collect()
        await until(lambda: len(seen) == 30)
        if source == "a trainer":  # a comparison holds circles of its own
            await until(lambda: left() is None)

    asyncio.run(main())


def test_callbacks_arrive_in_another_thread():
    async def main():
        t = make()
        t.play()
        await until(lambda: t.steps > 10)
        seen = []

        def hands():
            for i in range(20):
                t.set(lr=0.001 * (i + 1), batch_size=i + 1, depth=i % 4)
                seen.append((t.lr, t.batch_size, t.depth))  # what was asked for is what is shown
            t.pause()

        thread = threading.Thread(target=hands)
        thread.start()
        await until(lambda: not t.playing and not thread.is_alive())
        assert seen == [(0.001 * (i + 1), i + 1, i % 4) for i in range(20)]
        assert t.optimizer.lr == 0.02 and t.batch_size == 20 and len(t.layers) == 4
        assert t.message == ""
        thread = threading.Thread(target=lambda: (t.step(), t.rewind(5), t.play()))
        thread.start()
        await until(lambda: t.playing and t.steps > 20)
        t.pause()

    asyncio.run(main())


def test_an_error_asked_for_in_another_thread_is_said_and_the_run_goes_on():
    async def main():
        t = make()
        t.play()
        thread = threading.Thread(target=lambda: t.post(lambda: 1 / 0))
        thread.start()
        await until(lambda: t.message)
        assert "division by zero" in t.message and t.playing
        t.pause()

    asyncio.run(main())


def test_a_diverging_run_stops_with_a_message_and_can_go_on():
    async def main():
        t = make(optimizer="sgd")
        t.set(lr=1e38, loss="mse")
        t.play()
        await until(lambda: t.status == "stopped")
        assert "rewind" in t.message and not t.playing
        t.rewind(0)
        t.lr = 0.01
        t.play(steps=20)
        await until(lambda: t.status == "paused" and t.steps == 20)

    asyncio.run(main())


class Watcher:
    records = frozenset()

    def __init__(self, seen):
        self.seen, self.refreshed = seen, 0

    def refresh(self):
        self.refreshed += 1


def test_a_run_that_nobody_can_see_waits(monkeypatch):
    monkeypatch.setattr(player, "GRACE", 0.05)

    async def main():
        t, watcher = make(), Watcher(seen=False)
        t.watchers.add(watcher)
        t.play()
        await until(lambda: t.status == "unseen")
        done = t.steps
        await asyncio.sleep(0.15)
        assert t.steps == done
        watcher.seen = True
        await until(lambda: t.steps > done and t.status == "playing")
        watcher.seen = False
        t.play(unseen=True)
        await asyncio.sleep(0.2)
        assert t.status == "playing"
        t.pause()

    asyncio.run(main())


def timed(monkeypatch, speed, seconds, late=0.0, cost=0.0):
    """A run at that speed for so long, on a clock that moves while it rests (and is then that much too late) and while
    it makes a step. Returns when each step was made; when the views were told, and of how many steps."""
    clock, steps, told = [0.0], [], []
    monkeypatch.setattr(player.time, "perf_counter", lambda: clock[0])

    async def breathe(self, idle):
        clock[0] += min(max(idle, 0.001), player.REST) + late
        await asyncio.sleep(0)

    monkeypatch.setattr(player.Player, "_breathe", breathe)

    class Clerk:
        seen, records = True, frozenset()

        def refresh(self):
            told.append((clock[0], len(steps)))

    async def main():
        t = make()
        t.speed = speed

        @t.on("step")
        def step(trainer):
            clock[0] += cost
            steps.append(clock[0])

        t.play()
        t.watchers.add(Clerk())
        await until(lambda: clock[0] >= seconds)
        t.pause()

    asyncio.run(main())
    return [when for when in steps if when < seconds], [each for each in told if each[0] < seconds]


@pytest.mark.parametrize("late", [0.0, 0.004])
@pytest.mark.parametrize("speed", [0.5, 5, 29, 31, 59, 60, 100, 299, 300, 1000])
def test_speed_limits_the_steps(monkeypatch, speed, late):
    seconds = max(2.0, 6 / speed)
    steps, _ = timed(monkeypatch, speed, seconds, late, cost=1e-5)
    assert abs(len(steps) - speed * seconds) <= speed / 30 + 2


@pytest.mark.parametrize("speed", [60, 100, 300, 1000])
def test_quick_steps_come_in_bunches_thirty_a_second_and_are_shown_at_once(monkeypatch, speed):
    _, told = timed(monkeypatch, speed, 2.0, late=0.002, cost=1e-5)
    shown = [n for _, n in told if n]
    assert 56 <= len(told) <= 2.0 * speed / (speed // 30) + 4
    assert [b - a for a, b in pairwise(shown)].count(speed // 30) >= len(shown) - 4


@pytest.mark.parametrize("speed", [1, 5, 29, 45])
def test_every_slow_step_is_made_and_shown_at_its_time(monkeypatch, speed):
    steps, told = timed(monkeypatch, speed, 4.0)
    np.testing.assert_allclose(np.diff(steps), 1 / speed, atol=1e-9)
    when = {}
    for now, n in told:
        when.setdefault(n, now)
    assert all(when[n] == steps[n - 1] for n in range(2, len(steps)))


def test_steps_that_are_slower_than_the_speed_follow_each_other_without_a_rest(monkeypatch):
    steps, _ = timed(monkeypatch, 300, 2.0, cost=0.005)
    assert len(steps) >= 0.75 * 2.0 / 0.005


def test_time_that_was_lost_is_not_caught_up(monkeypatch):
    steps, _ = timed(monkeypatch, 300, 20.0, late=0.5, cost=1e-5)  # another cell runs, again and again
    assert len(steps) <= 20.0 / 0.5 * 14


def test_what_a_hand_asks_for_is_done_while_it_rests():
    async def main():
        t = make(lr=0.01)
        t.speed = 0.01  # 100 s
        t.play()
        await until(lambda: t.steps == 1)
        threading.Thread(target=lambda: t.set(lr=0.5)).start()
        await until(lambda: t.optimizer.lr == 0.5)
        assert t.steps == 1 and t.playing
        t.speed = 1000
        await until(lambda: t.steps > 20)
        t.speed = 0.01
        await asyncio.sleep(0)
        threading.Thread(target=t.pause).start()
        await until(lambda: not t.playing)
        assert t.status == "paused"

    asyncio.run(main())


def test_without_an_event_loop_play_says_what_to_use():
    with pytest.raises(RuntimeError, match="fit"):
        make().play()


def test_every_slice_is_shown():
    async def main():
        t, watcher = make(), Watcher(seen=True)
        t.watchers.add(watcher)
        t.play()
        await until(lambda: watcher.refreshed > 5)
        t.pause()

    asyncio.run(main())


def test_running_a_cell_again_stops_what_it_started(monkeypatch):
    cell = ["cell 1", "execution 1"]
    monkeypatch.setattr(cells, "_cell", lambda: tuple(cell))

    async def main():
        first, second = make(), make()
        first.play()
        second.play()
        cell[1] = "execution 2"
        third = make()
        assert not first.playing and not second.playing
        third.play()
        cell[0] = "cell 2"
        make()
        assert third.playing
        third.pause()

    asyncio.run(main())


HANDS = {
    "rewind": (lambda t: t.rewind(8), lambda before: 8, "paused"),
    "rewind to the beginning": (lambda t: t.rewind(0), lambda before: 0, "ready"),
    "step": (lambda t: t.step(), lambda before: before + 1, "paused"),
    "steps": (lambda t: t.step(3), lambda before: before + 3, "paused"),
}


@pytest.mark.parametrize("hand, reached, status", HANDS.values(), ids=HANDS)
def test_a_run_that_plays_is_paused_by(hand, reached, status):
    async def main():
        t = make()
        t.play()
        await until(lambda: t.steps > 20)
        assert t.playing and t.status == "playing"
        expected = reached(t.steps)
        hand(t)
        assert not t.playing and t.status == status and t.steps == expected
        for _ in range(100):
            await asyncio.sleep(0)
        await asyncio.sleep(0.03)
        assert t.steps == expected and t.status == status
        return t

    t = asyncio.run(main())
    twin = make()
    twin.fit(steps=t.steps)
    np.testing.assert_array_equal(t.model.theta, twin.model.theta)


def test_what_another_thread_asks_for_acts_before_the_end_of_the_slice(monkeypatch):
    monkeypatch.setattr(player, "SLICE", 60.0)  # all of it is one slice
    acted, rates = [], {}

    async def main():
        t = make(lr=0.01)

        @t.on("step")
        def ask(trainer):
            rates[trainer.steps] = trainer.optimizer.lr
            if trainer.steps == 2:
                asks = lambda: (trainer.post(lambda: acted.append(trainer.steps)), trainer.set(lr=0.5))  # noqa: E731
                thread = threading.Thread(target=asks)
                thread.start()
                thread.join(20)

        t.play(steps=6)
        await until(lambda: not t.playing)
        assert t.steps == 6 and t.message == ""
        return t

    t = asyncio.run(main())
    assert acted == [2]
    assert rates == {1: 0.01, 2: 0.01, 3: 0.5, 4: 0.5, 5: 0.5, 6: 0.5}
    assert [(event.step, event.name) for event in t.history.events] == [(2, "lr")]


def test_another_thread_pauses_before_the_end_of_the_slice(monkeypatch):
    monkeypatch.setattr(player, "SLICE", 60.0)

    async def main():
        t = make()

        @t.on("step")
        def ask(trainer):
            if trainer.steps == 3:
                thread = threading.Thread(target=trainer.pause)
                thread.start()
                thread.join(20)

        t.play(steps=10)
        await until(lambda: not t.playing)
        assert t.steps == 3 and t.status == "paused"

    asyncio.run(main())


def test_whatever_has_a_method_refresh_can_watch():
    class Counts:
        count = 0

        def refresh(self):
            self.count += 1

    async def main():
        t = make()
        t.watchers.add(Counts())
        t.fit(steps=20, bar=False)
        t.play(steps=20)
        while t.steps < 40:
            await asyncio.sleep(0.01)
        return t

    t = asyncio.run(main())
    assert min(watcher.count for watcher in t.watchers) > 1 and t.message == ""
