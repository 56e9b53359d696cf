"""Hands in several threads on one run: nothing is torn, nothing hangs, and the run is afterwards what its knobs say."""

import asyncio
import threading

import numpy as np
import pytest

import nbprop as nb
from nbprop import nn

MOONS = nb.data.moons(samples=60, seed=0)
OTHER = nb.data.moons(samples=50, seed=1)

TURNS = [
    lambda t, n: t.set(lr=0.001 + 0.001 * (n % 7)),
    lambda t, n: t.set(width=3 + n % 5),
    lambda t, n: t.set(depth=1 + n % 3),
    lambda t, n: t.set(hidden=(3, 4) if n % 2 else (5,)),
    lambda t, n: t.set(activation=("tanh", "relu", "gelu")[n % 3]),
    lambda t, n: t.set(batch_size=4 + n % 40),
    lambda t, n: t.set(dropout=0.1 * (n % 4)),
    lambda t, n: t.set(batch_norm=bool(n % 2)),
    lambda t, n: t.set(optimizer=("sgd", "adam", "rmsprop", "nesterov")[n % 4]),
    lambda t, n: setattr(t.optimizer, "lr", 0.01),
    lambda t, n: t.set(weight_decay=0.001 * (n % 3)),
    lambda t, n: t.set(l1=0.001 * (n % 2), clip=(None, 1.0)[n % 2], clip_value=(None, 0.5)[n % 2]),
    lambda t, n: t.set(data=(MOONS, OTHER)[n % 2], loss=("bce", "hinge")[n % 2]),
    lambda t, n: t.set(drop_last=True, accumulate=1 + n % 2),
    lambda t, n: t.freeze("output") if n % 2 else t.unfreeze(),
    lambda t, n: t.scale(0, 0.9),
    lambda t, n: t.reinitialize(-1),
    lambda t, n: t.set(theta=t.between(lambda: t.theta * 0.99)) if n % 2 else None,
    lambda t, n: t.insert(0, 4) if n % 4 == 0 else t.remove(0) if n % 4 == 1 else None,
]
LOOKS = [
    lambda t, n: t.predict(MOONS.X_val),
    lambda t, n: t.evaluate(),
    lambda t, n: t.observe(n % 20),
    lambda t, n: (t.probe(), t.histograms("weights"), t.layers, repr(t)),
    lambda t, n: t.branch(lr=0.1).fit(steps=2, bar=False) if n % 10 == 0 else None,
    lambda t, n: (t.width, t.depth, t.lr, t.activation, t.batch_norm, t.optimizer, t.frozen, t.hidden),
]
# Refused in words: what was asked for is no longer there when its turn comes.
FINE = (
    "theta has shape",
    "all is frozen",
    "all are frozen",
    "all layers were to be frozen",
    "no layer",
    "output layer cannot be removed",
    "one for each place",
    "expected at",
    "at must",
    "theta must have",
    "theta must be finite",
)


def made():
    """drop_last: no batch of one sample, of which batch normalization can make nothing."""
    model = nn.mlp([2, 4, 4, 1], seed=0, dropout=0.1)
    return nb.Trainer(model, MOONS, snapshot_every=50, evaluate_every=50, drop_last=True)


class Hands:
    """Threads that turn knobs of a trainer, `count` times each."""

    def __init__(self, trainer, deeds, count, threads=3):
        self.trainer, self.errors, self.turns, self.left = trainer, [], 0, threads
        self.threads = [
            threading.Thread(target=self._work, args=(deeds, count, i), daemon=True) for i in range(threads)
        ]

    def _work(self, deeds, count, i):
        rng = np.random.default_rng(i)
        try:
            for n in range(count):
                try:
                    deeds[rng.integers(len(deeds))](self.trainer, n)
                    self.turns += 1
                except (ValueError, RuntimeError) as error:
                    if not any(words in str(error) for words in FINE):
                        raise
        except BaseException as error:
            self.errors.append(repr(error))
        finally:
            self.left -= 1

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error):
        for thread in self.threads:
            thread.join(40)
        assert not any(thread.is_alive() for thread in self.threads), "a thread hangs"
        assert not self.errors, self.errors


def goes_on(trainer, error):
    """After what may stop a run that is turned so wildly: it has diverged, or what was frozen is all that is left."""
    if isinstance(error, nb.Diverged):
        trainer.theta = np.zeros_like(trainer.theta)
        return
    if "all are frozen" not in str(error):
        raise error
    trainer.unfreeze()


def consistent(trainer):
    """What the knobs say is what the network is, and the run goes on, and back."""
    assert not trainer._inbox and not trainer._requested and not trainer._stepping
    assert trainer.message == "" or any(words in trainer.message for words in FINE), trainer.message
    linear = [m for m in trainer.model if isinstance(m, nn.Linear)]
    assert trainer.hidden == tuple(m.out_features for m in linear[:-1]) and trainer.depth == len(linear) - 1
    assert trainer.batch_norm == (any(isinstance(m, nn.BatchNorm1d) for m in trainer.model))
    activations = {m.name for m in trainer.model if isinstance(m, nn.Activation)}
    assert not activations or activations == {trainer.activation} or len(activations) > 1
    assert trainer.theta.size == sum(p.size for p in trainer.model.parameters()) == trainer.model.theta.size
    assert all(v.size == trainer.theta.size for v in trainer.optimizer.state.values())
    steps = [event.step for event in trainer.history.events]
    assert steps == sorted(steps)
    if np.isfinite(trainer.theta).all():
        trainer.unfreeze()  # it may be all that is left of the network
        trainer.fit(steps=3, bar=False)


def test_knobs_turned_in_threads_while_this_one_fits():
    trainer = made()
    with Hands(trainer, TURNS, 400) as hands:
        while hands.left and not hands.errors:
            try:
                trainer.fit(steps=20, bar=False)
            except (ValueError, nb.Diverged) as error:
                goes_on(trainer, error)
    trainer._drain_if_free()
    assert hands.turns > 900
    consistent(trainer)


def test_knobs_turned_here_and_elsewhere_while_a_thread_fits():
    trainer, failed, end = made(), [], threading.Event()

    def work():
        while not end.is_set():
            try:
                trainer.fit(steps=20, bar=False)
            except (ValueError, nb.Diverged) as error:
                goes_on(trainer, error)
            except BaseException as error:
                failed.append(repr(error))
                return

    fitting = threading.Thread(target=work, daemon=True)
    fitting.start()
    with Hands(trainer, [*TURNS, *LOOKS], 250, threads=2):
        rng = np.random.default_rng(9)
        for n in range(300):
            try:
                TURNS[rng.integers(len(TURNS))](trainer, n)
            except (ValueError, RuntimeError) as error:
                assert any(words in str(error) for words in FINE), error
    end.set()
    trainer.pause()
    fitting.join(30)
    assert not fitting.is_alive() and not failed, failed
    trainer._drain_if_free()
    consistent(trainer)


def test_rewind_undo_and_looks_in_threads_while_this_one_fits():
    trainer = made()

    def back(t, n):
        step = t.steps
        if n % 5 == 0:
            try:
                t.rewind(max(0, step - 3))
            except ValueError as error:  # somebody else was quicker
                assert "step" in str(error)

    def undo(t, n):
        t.post(lambda: t._undo() if t._acts.done else None)

    def redo(t, n):
        t.post(lambda: t._redo() if t._acts.left else None)

    with Hands(trainer, [back, undo, redo, *LOOKS, *TURNS[:7]], 120) as hands:
        while hands.left and not hands.errors:
            try:
                trainer.fit(steps=20, bar=False)
            except (ValueError, nb.Diverged) as error:
                goes_on(trainer, error)
    trainer._drain_if_free()
    consistent(trainer)
    trainer.rewind(trainer.steps // 2)


def test_knobs_turned_in_threads_while_it_plays():
    async def session():
        trainer = made()
        trainer.play(unseen=True)
        hands = Hands(trainer, [*TURNS, *LOOKS], 150)
        for thread in hands.threads:
            thread.start()
        while hands.left:
            await asyncio.sleep(0.01)
            if trainer.status == "stopped":  # diverged
                trainer.theta = np.zeros_like(trainer.theta)
                trainer.play(unseen=True)
        assert not hands.errors, hands.errors
        trainer.pause()
        await asyncio.sleep(0.05)
        assert not trainer.playing and trainer.steps > 0
        return trainer

    trainer = asyncio.run(session())
    trainer._drain_if_free()
    consistent(trainer)


def test_two_trainers_in_two_threads_give_the_bits_of_one_after_the_other():
    def work(seed):
        trainer = nb.Trainer(nn.mlp([2, 8, 1], seed=seed, dropout=0.2), MOONS, seed=seed)
        trainer.fit(steps=150, bar=False)
        trainer.width = 10
        trainer.fit(steps=150, bar=False)
        trainer.rewind(200)
        found[seed] = trainer.theta.copy()

    found = {}
    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    together, found = found, {}
    for seed in range(3):
        work(seed)
        np.testing.assert_array_equal(found[seed], together[seed])


def test_nobody_s_exception_is_lost_in_between():
    """`between` from another thread raises there what its function raises; the one that trains goes on."""
    trainer, caught = made(), []

    def ask():
        for _ in range(20):
            try:
                trainer.between(lambda: 1 / 0)
            except ZeroDivisionError as error:
                caught.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    while thread.is_alive():
        trainer.fit(steps=10, bar=False)
    thread.join()
    assert len(caught) == 20 and trainer.message == ""


def test_who_turns_without_end_does_not_stop_the_run():
    """What is asked for while the inbox is emptied waits for the next step."""
    trainer, asked = made(), []

    def again():
        asked.append(trainer.steps)
        if len(asked) < 30:
            trainer._inbox.append(again)

    with trainer.driving():
        trainer._inbox.append(again)
        trainer.fit(steps=10, bar=False)
        assert asked == list(range(10))
        assert trainer._driving()  # a fit inside lets the lock be held by whoever held it


def played(t):
    async def play():
        t.play(steps=10)
        while t.steps < 10:
            await asyncio.sleep(0.01)

    asyncio.run(play())


@pytest.mark.parametrize("drive", [lambda t: t.step(10), lambda t: t.fit(steps=10, bar=False), played])
def test_what_another_thread_asks_for_is_done_before_the_next_step(drive):
    t = nb.Trainer(nn.mlp([2, 4, 1], seed=0), "moons")
    seen = []

    @t.on("step")
    def ask(t):
        if t.steps == 3:
            thread = threading.Thread(target=lambda: t.post(lambda: seen.append(t.steps)))
            thread.start()
            thread.join()

    drive(t)
    assert seen == [3] and t.steps == 10
