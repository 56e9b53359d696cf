"""A moment is gone to in the background: at once something is shown, the rest arrives, the trainer plays on."""

import asyncio
import gc
import threading
import weakref

import numpy as np
import pytest
from runs import SPIRALS, assert_same, on_moons, trainer
from waiting import until

import nbprop as nb
from nbprop import nn
from nbprop.record.source import CannotSay
from nbprop.training import winding
from nbprop.training.twin import Twin


class Watcher:
    """What a board is for a source. It lives in nbprop, for which nobody else's code is looked out for."""

    records, seen = frozenset({"layers"}), True

    def __init__(self, source):
        self.source, self.told = source, []
        source.watchers.add(self)

    def refresh(self):
        self.told.append((self.source.version, self.source.steps, self.source.exact))


Watcher.__module__ = "nbprop.tests"


@pytest.fixture
def slow(monkeypatch):
    """Every step takes longer than there is time at once, and a slice has room for one."""
    monkeypatch.setattr(winding, "AT_ONCE", -1.0)
    monkeypatch.setattr(winding, "SLICE", -1.0)


def long_run(**settings):
    t = trainer(**settings)
    t.fit(steps=60, bar=False)
    return t, {step: t.at(step).theta for step in range(0, 61, 5)}


def test_something_is_there_at_once_and_the_rest_arrives(slow):
    t, thetas = long_run()

    async def notebook():
        moment = t.at(0)
        watcher = Watcher(moment)
        moment.show(30)
        assert (moment.asked, moment.moment, moment.steps, moment.exact, moment.status) == (30, 1, 1, False, "playing")
        assert moment.predict(SPIRALS.X_val).shape and np.isfinite(moment.probe()["dz"]).all()  # of step 1
        assert repr(moment) == "Moment(step 30 of 60: still at step 1)"
        await until(lambda: moment.exact)
        np.testing.assert_array_equal(moment.theta, thetas[30])
        assert (moment.steps, moment.status) == (30, "paused")
        versions, steps, exact = zip(*watcher.told, strict=True)
        assert list(steps) == list(range(1, 31)) and exact == (False,) * 29 + (True,)
        assert list(versions) == sorted(set(versions))

    asyncio.run(notebook())


def test_the_latest_wins(slow):
    t, thetas = long_run()

    async def notebook():
        moment = t.at(0)
        for step in (50, 10, 40, 20):
            moment.show(step)
            await asyncio.sleep(0)
        await until(lambda: moment.exact)
        assert moment.steps == moment.asked == 20
        np.testing.assert_array_equal(moment.theta, thetas[20])
        assert moment.stats["steps"] < 45  # the other ways were not gone to their ends
        tasks = len(asyncio.all_tasks())
        await asyncio.sleep(0.01)
        assert tasks == len(asyncio.all_tasks()) == 1

    asyncio.run(notebook())


def test_what_is_quick_is_there_at_once(monkeypatch):
    monkeypatch.setattr(winding, "AT_ONCE", 1e9)
    t, thetas = long_run()

    async def notebook():
        moment = t.at(0)
        moment.show(30)
        assert moment.exact
        np.testing.assert_array_equal(moment.theta, thetas[30])

    asyncio.run(notebook())


def test_without_an_event_loop_or_with_wait_it_is_gone_to_at_once(slow):
    t, thetas = long_run()
    moment = t.at(5)
    moment.show(40)
    np.testing.assert_array_equal(moment.theta, thetas[40])

    async def notebook():
        moment.show(10, wait=True)
        np.testing.assert_array_equal(moment.theta, thetas[10])
        assert t.at(55).exact
        assert not t.at(35, wait=False).exact

    asyncio.run(notebook())


def test_the_trainer_plays_on_and_gets_the_same_numbers(slow, monkeypatch):
    monkeypatch.setattr("nbprop.training.player.SLICE", 1e-4)
    plain, t = trainer(), trainer()
    plain.watch()
    t.watch()
    plain.fit(steps=20, bar=False)
    plain.set(depth=3)
    plain.fit(steps=180, bar=False)
    t.fit(steps=20, bar=False)
    t.set(depth=3)

    async def notebook():
        moment, rng = t.at(0), np.random.default_rng(0)
        watcher, seen = Watcher(moment), set()
        t.play(180)
        while t.playing:
            moment.show(int(rng.integers(t.steps + 1)))
            for _ in range(int(rng.integers(1, 30))):
                await asyncio.sleep(0)
                moment.probe()
                seen.add((moment.steps, moment.depth))
        assert {depth for step, depth in seen if step < 20} == {2}
        assert {depth for step, depth in seen if step > 20} == {3}
        moment.watchers.discard(watcher)

    asyncio.run(notebook())
    for each in (plain, t):
        each.speed = 1e9
    assert_same(plain, t)


def test_while_a_cell_trains_it_arrives_too(slow, monkeypatch):
    """`fit` lets no event loop turn: then the trainer, which tells its watchers, lets the moment go on."""
    monkeypatch.setattr("nbprop.training.trainer.SLICE", 0.0)
    monkeypatch.setattr(winding, "BLOCKED", -1.0)
    t, thetas = long_run()

    async def notebook():
        moment = t.at(0)
        Watcher(moment)
        moment.show(30)
        assert not moment.exact
        t.fit(steps=40, bar=False)
        assert moment.exact
        np.testing.assert_array_equal(moment.theta, thetas[30])

    asyncio.run(notebook())


def test_the_trainer_in_another_thread_goes_on_and_so_does_the_moment(slow):
    t, thetas = long_run()
    plain = t.branch()

    async def notebook():
        moment = t.at(0)
        thread = threading.Thread(target=lambda: t.fit(steps=400, bar=False))
        thread.start()
        for step in (30, 45, 10):
            moment.show(step)
            await until(lambda: moment.exact)
            np.testing.assert_array_equal(moment.theta, thetas[step])
        while thread.is_alive():
            await asyncio.sleep(0.001)

    asyncio.run(notebook())
    plain.fit(steps=400, bar=False)
    np.testing.assert_array_equal(plain.theta, t.theta)


def test_a_history_that_grows_is_told_of_now_and_then(monkeypatch):
    t, _ = long_run()
    moment = t.at(10)
    watcher = Watcher(moment)
    monkeypatch.setattr("nbprop.training.trainer.SLICE", 0.0)
    t.fit(steps=100, bar=False)
    assert 1 <= len(watcher.told) <= 3  # while it plays once a second, and at the end
    watcher.told.clear()
    monkeypatch.setattr(winding, "GROWN", 0.0)
    t.fit(steps=10, bar=False)
    assert len(watcher.told) >= 10
    assert moment.exact
    watcher.told.clear()
    t.rewind(5)
    assert watcher.told and not watcher.told[-1][2]  # it is told that it is gone


def test_the_trainer_records_for_those_who_watch_a_moment_and_is_seen_by_them():
    t, _ = long_run()
    moment = t.at(10)
    assert t.watchers == set() and not t.watched  # nobody looks at it
    watcher = Watcher(moment)
    assert t.watched and moment.seen and moment.records == {"layers"}
    watcher.seen = False
    assert not moment.seen
    moment.watchers.discard(watcher)
    assert t.watchers == set() and not t.watched


def test_an_interrupt_stops_the_way_and_says_so(slow):
    t, thetas = long_run()

    async def notebook():
        moment = t.at(0)
        moment.show(30)
        moment._twin.run.step, step = lambda **settings: (_ for _ in ()).throw(KeyboardInterrupt), moment._twin.run.step
        await until(lambda: moment.status == "stopped")
        assert "interrupted on the way to step 30" in moment.message
        moment._twin.run.step = step
        moment.show(30, wait=True)
        np.testing.assert_array_equal(moment.theta, thetas[30])

    asyncio.run(notebook())


def test_a_past_that_changes_on_the_way_stops_it(slow):
    t, _ = long_run()

    async def notebook():
        moment = t.at(0)
        moment.show(50)
        t.rewind(20)
        t.set(lr=0.5)
        t.fit(steps=40, bar=False)
        await until(lambda: moment.status != "playing")
        assert "no longer in the past of this run" in moment.message
        made = moment.stats["steps"]
        await asyncio.sleep(0.01)
        assert moment.stats["steps"] == made

    asyncio.run(notebook())


def test_closed_it_lets_go_of_everything(slow):
    t, _ = long_run()

    async def notebook():
        moment = t.at(0)
        Watcher(moment)
        moment.show(30)
        model, watched = weakref.ref(moment._twin.run.model), weakref.ref(moment)
        moment.close()
        assert t.watchers == set()
        for _ in range(20):
            await asyncio.sleep(0.001)
        gc.collect()
        assert model() is None
        assert len(asyncio.all_tasks()) == 1
        with pytest.raises(ValueError, match="was closed"):
            moment.show(3)
        with pytest.raises(CannotSay, match="was closed"):
            moment.probe()
        assert (moment.status, moment.exact, moment.stats["steps"]) == ("stopped", False, 0)
        del moment
        gc.collect()
        assert watched() is None

    asyncio.run(notebook())


def test_one_that_nobody_holds_is_gone_and_the_data_were_never_copied():
    t, _ = long_run()
    moment = t.at(12)
    assert moment.data is t.data and moment._twin.run.objective.X is t._run.objective.X
    found = weakref.ref(moment._twin.run.model)
    del moment
    gc.collect()
    assert found() is None


def test_what_stands_for_what_stays_bounded(monkeypatch):
    t, thetas = on_moons(snapshot_every=5), []
    t._past.limit = 8
    moment = t.at(0)
    for i in range(60):
        t.set(depth=i % 3 + 1)
        thetas.append(t.theta.copy())
        t.fit(steps=5, bar=False)
        moment.show(t.steps - 2)
        assert moment.theta.size == thetas[-1].size
    twins = {moment._twin}
    monkeypatch.setattr(Twin, "full", property(lambda twin: len(twin._pairs) > 40))
    for step in np.random.default_rng(0).integers(1, 300, 60):
        moment.show(int(step))
        assert moment.theta.size == thetas[(int(step) - 1) // 5].size
        twins.add(moment._twin)
    assert len(twins) > 1
    assert len(moment._twin._pairs) < 100


def test_a_model_of_many_depths_and_any_order():
    t = nb.Trainer(nn.mlp([2, 5, 1], seed=0), SPIRALS, batch_size=16, snapshot_every=10)
    thetas = [t.theta.copy()]
    for i in range(60):
        if i % 7 == 3:
            t.set(depth=1 + i % 4)
        t.step()
        thetas.append(t.theta.copy())
    moment = t.at(0)
    for step in np.random.default_rng(1).integers(0, 61, 60):
        moment.show(int(step))
        np.testing.assert_array_equal(moment.theta, thetas[step])


def test_turns_in_a_row_are_made_in_slices_too(slow, monkeypatch):
    monkeypatch.setattr(winding, "UNSEEN", -1.0)
    t = trainer()
    t.fit(steps=5, bar=False)
    for depth in (1, 2, 3, 1, 3, 2):
        t.set(depth=depth)
    t.fit(steps=10, bar=False)
    theta = t.at(8).theta

    async def notebook():
        moment = t.at(5)
        watcher = Watcher(moment)
        moment.show(8)
        depths = []
        while not moment.exact:
            depths.append((moment.steps, moment.depth))
            moment.probe()
            await asyncio.sleep(0)
        assert [each for i, each in enumerate(depths) if each not in depths[:i]] == [
            (5, 1),
            (5, 2),
            (5, 3),
            (6, 2),
            (7, 2),
        ]
        np.testing.assert_array_equal(moment.theta, theta)
        moment.show(7)
        moment.show(5)  # from between the turns
        await until(lambda: moment.exact)
        assert moment.depth == 2
        assert watcher.told

    asyncio.run(notebook())
