"""Training in the background: cells go on, callbacks from other threads act between steps, Pause always answers."""

import asyncio
import threading

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


def test_speed_limits_the_steps(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(player.time, "perf_counter", lambda: clock[0])

    async def breathe(idle):
        clock[0] += max(min(idle, 0.05), 0.001)
        await asyncio.sleep(0)

    monkeypatch.setattr(player, "breathe", breathe)

    async def main():
        t = make()
        t.speed = 100
        t.play()
        await until(lambda: clock[0] >= 2.0)
        t.pause()
        assert abs(t.steps - 100 * clock[0]) <= 6

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
