"""What a hand does while a run plays; an optimizer like the present one; names that are nearly a knob's."""

import asyncio
import threading

import numpy as np
import pytest

import nbprop as nb
from nbprop.training import player


def make(**settings):
    return nb.Trainer(nb.nn.mlp([2, 6, 1], seed=0), nb.data.xor(seed=1), seed=2, **settings)


async def until(condition, turns=20_000):
    for _ in range(turns):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it did not happen")


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


@pytest.mark.parametrize("same", [lambda: "adam", lambda: nb.optim.Adam(lr=0.02)], ids=["name", "object"])
def test_an_optimizer_like_the_present_one_changes_nothing(same):
    t, twin = make(lr=0.02), make(lr=0.02)
    t.fit(steps=10)
    t.optimizer = same()
    assert t.history.events == [] and t.optimizer.t == 10
    t.fit(steps=10)
    twin.fit(steps=20)
    np.testing.assert_array_equal(t.model.theta, twin.model.theta)


OTHERS = {
    "a setting": lambda: nb.optim.Adam(lr=0.02, betas=(0.5, 0.9)),
    "its weight decay": lambda: nb.optim.Adam(lr=0.02, weight_decay=0.1),
    "a kind": lambda: nb.optim.AdamW(lr=0.02),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_another_optimizer_is_an_event_and_begins_anew(other):
    t, twin = make(lr=0.02), make(lr=0.02)
    t.fit(steps=10)
    twin.fit(steps=11)
    t.optimizer = other()
    assert [event.name for event in t.history.events] == ["optimizer"] and t.optimizer.t == 0
    assert t.optimizer.settings() == other().settings()
    t.fit(steps=1)
    assert t.optimizer.t == 1 and not np.array_equal(t.model.theta, twin.model.theta)


def test_a_name_that_is_nearly_a_knob_is_refused_and_meant():
    t = make()
    with pytest.raises(AttributeError, match=r"a Trainer has no 'lrr'.*did you mean 'lr'"):
        t.lrr = 1
    with pytest.raises(AttributeError, match=r"no knob 'lrr'.*did you mean 'lr'"):
        t.set(lrr=1)
    with pytest.raises(AttributeError, match="no knob 'lrr'"):
        t.set(batch_size=4, lrr=1)
    assert t.batch_size == 32 and t.history.events == [] and not hasattr(t, "lrr")


@pytest.mark.parametrize("name", ["adamw", "sgd", "rmsprop"])
def test_weight_decay_survives_the_name_of_another_optimizer(name):
    t = make(lr=0.02)
    t.weight_decay = 0.25
    t.fit(steps=2)
    t.optimizer = name
    assert t.weight_decay == t.optimizer.weight_decay == 0.25 and t.lr == 0.02
    t.fit(steps=2)
    t.rewind(3)
    assert t.weight_decay == t.optimizer.weight_decay == 0.25
    t.rewind(1)
    assert isinstance(t.optimizer, nb.optim.Adam) and t.weight_decay == 0.25
