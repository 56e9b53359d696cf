"""An interrupt waits for the end of the step; what breaks off a step undoes it; then all goes on as if nothing was."""

import asyncio
import os
import signal

import numpy as np
import pytest

import nbprop as nb
from nbprop import nn


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


class Trap(list):
    """What a model or a loss is to do at coming calls, None for nothing; empty, it does nothing."""

    def spring(self):
        if self and (act := self.pop(0)) is not None:
            act()


class Breakable(nn.Module):
    """Draws random numbers and changes running means before it comes to its trap."""

    def __init__(self, trap):
        self.hidden, self.norm, self.dropout = nn.Linear(2, 8, rng=0), nn.BatchNorm1d(8), nn.Dropout(0.3, seed=1)
        self.out = nn.Linear(8, 1, rng=2)
        self.spring = trap.spring

    def forward(self, x):
        h = self.dropout(self.norm(self.hidden(x)).tanh())
        if self.training:
            self.spring()
        return self.out(h)


def make(trap=None, loss=None, **settings):
    model = Breakable(Trap() if trap is None else trap)
    return nb.Trainer(model, nb.data.moons(samples=60, seed=0), loss=loss, batch_size=8, seed=2, **settings)


def springing(trap):
    def squared(output, y):
        trap.spring()
        return ((output - y[:, None]) ** 2).mean()

    return squared


def assert_same(t, twin):
    assert t.steps == twin.steps
    np.testing.assert_array_equal(t.model.theta, twin.model.theta)
    for (name, a), (_, b) in zip(t.model.named_buffers(), twin.model.named_buffers(), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)
    for name, a in t.optimizer.state.items():
        np.testing.assert_array_equal(a, twin.optimizer.state[name], err_msg=name)
    for name in ("loss", "train_loss", "val_loss"):
        for a, b in zip(t.history.series(name), twin.history.series(name), strict=True):
            np.testing.assert_array_equal(a, b, err_msg=name)
    assert [str(event) for event in t.history.events] == [str(event) for event in twin.history.events]


@pytest.fixture(autouse=True)
def usual():
    """An interrupt raises KeyboardInterrupt, before a test and after it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    left = signal.signal(signal.SIGINT, before)
    assert left is signal.default_int_handler


DRIVERS = {"fit": lambda t, n: t.fit(steps=n, bar=False), "step": lambda t, n: t.step(n)}


@pytest.fixture(params=DRIVERS.values(), ids=DRIVERS)
def drive(request):
    return request.param


def test_an_interrupt_in_a_hook_comes_once_and_after_the_step(drive):
    t, twin, ended = make(), make(), []

    @t.on("step")
    def stop(trainer):
        if trainer.steps in (7, 12):
            interrupt()
            ended.append(trainer.steps)  # the hook goes on to its end

    for reached in (7, 12):
        with pytest.raises(KeyboardInterrupt):
            drive(t, 30)
        assert t.steps == reached and ended[-1] == reached and t.status == "paused" and not t.playing
    drive(t, 30 - t.steps)
    twin.fit(steps=30, bar=False)
    assert ended == [7, 12]
    assert_same(t, twin)


def test_an_interrupt_in_a_loss_lets_the_step_end(drive):
    trap = Trap()
    t, twin = make(loss=springing(trap)), make(loss=springing(Trap()))
    for reached in (3, 6):
        trap[:] = [None, None, interrupt]
        with pytest.raises(KeyboardInterrupt):
            drive(t, 25)
        assert t.steps == reached and t.status == "paused" and not trap
    drive(t, 25 - t.steps)
    twin.fit(steps=25, bar=False)
    assert_same(t, twin)


def test_an_interrupt_at_the_last_step_is_not_lost(drive):
    t, twin = make(), make()
    t.on("step", lambda trainer: interrupt() if trainer.steps == 5 else None)
    with pytest.raises(KeyboardInterrupt):
        drive(t, 5)
    twin.fit(steps=5, bar=False)
    assert_same(t, twin)


def twice():
    interrupt()
    interrupt()


def test_a_second_interrupt_does_not_wait_and_its_step_is_undone(drive):
    trap = Trap()
    t, twin = make(trap), make()
    drive(t, 4)
    for _ in range(2):
        trap.append(twice)
        with pytest.raises(KeyboardInterrupt):
            drive(t, 25)
        assert t.steps == 4 and t.status == "paused"
    drive(t, 26)
    twin.fit(steps=30, bar=False)
    assert_same(t, twin)


def test_an_interrupt_in_a_step_that_diverges_is_not_lost(drive):
    trap = Trap([None, None, lambda: (interrupt(), trainer.model.theta.fill(np.inf))])
    trainer, told = make(trap), []
    trainer.on("diverged", lambda t, error: told.append(error))
    with pytest.raises(KeyboardInterrupt) as caught:
        drive(trainer, 20)
    assert isinstance(caught.value.__context__, nb.Diverged) and told == [caught.value.__context__]
    assert trainer.status == "stopped" and trainer.message == str(told[0])


def raising(error):
    def act():
        raise error("in the middle")

    return act


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_step_that_breaks_off_is_undone(drive, error, accumulate):
    trap = Trap()
    t, twin = make(trap, accumulate=accumulate), make(accumulate=accumulate)
    twin.fit(steps=5, bar=False)
    drive(t, 3)
    for _ in range(2):  # twice in a row
        trap[:] = [*[None] * (3 * accumulate - 1), raising(error)]  # in the last batch of the third step from now
        with pytest.raises(error, match="in the middle"):
            drive(t, 20)
        assert t.steps == twin.steps and not trap and t.status in ("paused", "stopped") and not t.playing
        assert_same(t, twin)
        trap[:] = [raising(error)]  # and in the very first one
        with pytest.raises(error, match="in the middle"):
            drive(t, 20)
        assert_same(t, twin)
        twin.fit(steps=2, bar=False)
    drive(t, 23)
    twin.fit(steps=21, bar=False)
    assert_same(t, twin)
    t.rewind(5)
    drive(t, 25)
    assert_same(t, twin)


@pytest.mark.parametrize("speed", [float("inf"), 50])
def test_an_interrupt_while_no_cell_runs_pauses_what_plays(speed):
    """A kernel ignores interrupts then."""

    async def session():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        t, other = make(), make()
        for each in (t, other):
            each.speed = speed
            each.play()
        await asyncio.sleep(0.1)
        for each in (t, other):
            assert each.playing and each.steps
        interrupt()
        await asyncio.sleep(0.05)
        for each in (t, other):
            assert (each.status, each.playing) == ("paused", False)
            assert each.message == f"Interrupted after step {each.steps}: Play goes on from here"
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        interrupt()  # nobody is there
        t.play(5)
        steps = t.steps
        while t.playing:
            await asyncio.sleep(0.01)
        assert t.steps == steps + 5 and t.message == ""
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN

    asyncio.run(session())
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_a_cell_that_is_interrupted_while_something_plays_hears_it_itself():
    async def session():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        t = make()
        t.play()
        await asyncio.sleep(0.05)
        before = signal.signal(signal.SIGINT, signal.default_int_handler)  # as ipykernel does around a cell
        with pytest.raises(KeyboardInterrupt):
            interrupt()
        signal.signal(signal.SIGINT, before)
        assert t.playing
        interrupt()
        await asyncio.sleep(0.05)
        assert not t.playing

    asyncio.run(session())
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_a_run_whose_event_loop_was_closed_while_it_played_leaves_interrupts_to_the_others():
    async def play(t):
        t.play()
        await asyncio.sleep(0.05)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    left, loop = make(), asyncio.new_event_loop()
    loop.run_until_complete(play(left))
    task = next(iter(asyncio.all_tasks(loop)))
    loop.close()

    async def session():
        t = make()
        await play(t)
        interrupt()
        await asyncio.sleep(0.05)
        assert (t.status, t.playing) == ("paused", False)

    asyncio.run(session())
    assert left.steps and not left.playing
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    signal.signal(signal.SIGINT, signal.default_int_handler)
    task._log_destroy_pending = False  # asyncio would complain of it, here as there
