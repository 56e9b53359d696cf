"""The same run with a difference: what somebody would get who did all again, but for that."""

import asyncio

import numpy as np
import pytest

import nbprop as nb
from nbprop.comparing import instead


def trainer(**settings):
    model = nb.nn.mlp([2, 6, 6, 1], dropout=0.2, seed=0)
    return nb.Trainer(model, nb.data.moons(samples=60, noise=0.2, seed=0), seed=0,
                      **{"optimizer": "sgd", "lr": 0.1, "batch_size": 16, **settings})  # fmt: skip


def course(run, **less):
    """A run with turns on its way; `less`: knobs that are not turned in it."""
    for steps, turn in ((20, {"activation": "relu"}), (15, {"batch_size": 5}), (10, {"optimizer": "adam"}),
                        (5, {"lr": 0.02}), (10, {})):  # fmt: skip
        run.fit(steps=steps)
        run.set(**{name: value for name, value in turn.items() if name not in less})
    return run


def test_all_else_is_turned_again_at_the_same_steps():
    run = course(trainer())
    before = run.theta.copy()
    other = run.instead(clip=0.5)
    assert other.steps == 0 and other.clip == 0.5 and np.array_equal(run.theta, before)
    other.fit(steps=run.steps)
    by_hand = trainer()
    by_hand.clip = 0.5
    course(by_hand)
    np.testing.assert_array_equal(other.theta, by_hand.theta)
    assert [(event.step, event.text) for event in other.history.events] == [
        (event.step, event.text) for event in by_hand.history.events if event.step or event.name == "clip"
    ]


def test_what_is_different_stays_so():
    other = course(trainer()).instead(activation="tanh", batch_size=16)
    other.fit(steps=60)
    by_hand = course(trainer(), activation=None, batch_size=None)
    np.testing.assert_array_equal(other.theta, by_hand.theta)
    assert (other.activation, other.batch_size, other.optimizer.name) == ("tanh", 16, "adam")


def test_another_optimizer_does_not_bring_its_learning_rate_along():
    other = course(trainer()).instead(lr=0.3)
    other.fit(steps=60)
    assert other.lr == 0.3 and other.optimizer.name == "adam"


def test_it_can_be_gone_back_in_and_on_again():
    other = course(trainer()).instead(clip=0.5)
    other.fit(steps=60)
    end = other.theta.copy()
    other.rewind(30)
    assert other.batch_size == 16
    other.fit(steps=30)
    np.testing.assert_array_equal(other.theta, end)


def test_other_layers_are_drawn_as_at_the_start_of_any_run():
    run = trainer()
    run.fit(steps=20)
    other = run.instead(depth=4)
    fresh = nb.nn.mlp([2, 6, 6, 6, 6, 1], dropout=0.2, seed=0)
    np.testing.assert_array_equal(other.theta, fresh.theta)
    other.fit(steps=20)
    assert other.depth == 4


def test_what_was_done_once_is_done_again():
    run = trainer()
    run.fit(steps=10)
    run.scale("hidden 1", 0.5)
    run.fit(steps=10)
    other = run.instead(lr=0.01)
    other.fit(steps=20)
    by_hand = trainer(lr=0.01)
    by_hand.fit(steps=10)
    by_hand.scale("hidden 1", 0.5)
    by_hand.fit(steps=10)
    np.testing.assert_array_equal(other.theta, by_hand.theta)


def test_what_cannot_be_done_again_is_refused_in_words():
    run = trainer()
    run.fit(steps=5)
    with pytest.raises(TypeError, match=r"instead\(\) takes what is to be different"):
        run.instead()
    with pytest.raises(AttributeError, match="no knob 'init'"):
        run.instead(init="he")
    with pytest.raises(ValueError, match="batch_size"):
        run.instead(batch_size=0)
    run.model.theta[0] = 3
    run.fit(steps=5)
    with pytest.raises(ValueError, match="changed in code after step 5, which no other one can repeat"):
        run.instead(lr=0.2)


def test_where_nothing_runs_in_the_background_it_is_there_at_once():
    run = trainer()
    run.fit(steps=25)
    ghost = instead(run, lr=0.2)
    assert ghost.steps == 25 and ghost.name == "lr 0.2"
    run.fit(steps=5)
    assert ghost.steps == 30
    ghost.close()
    run.fit(steps=5)
    assert ghost.steps == 30 and not run.watchers


def test_in_a_notebook_it_catches_up_in_the_background_and_says_how_far_it_is():
    async def main():
        run = trainer()
        run.fit(steps=300)
        alone, ghost = run.theta.copy(), instead(run, lr=0.2)
        assert ghost.name == "lr 0.2, step 0 of 300"
        for _ in range(2000):
            await asyncio.sleep(0)
            if not ghost.trainer.playing:
                break
        assert (ghost.steps, ghost.name) == (300, "lr 0.2")
        assert np.array_equal(run.theta, alone)  # nothing was done to the run
        by_hand = trainer(lr=0.2)
        by_hand.fit(steps=300)
        np.testing.assert_array_equal(ghost.trainer.theta, by_hand.theta)
        run.play(steps=100, unseen=True)
        for _ in range(4000):
            await asyncio.sleep(0)
            if run.steps == ghost.steps == 400:
                break
        assert run.steps == ghost.steps == 400  # it goes on with the run
        ghost.close()
        assert not run.watchers and not ghost.trainer.playing

    asyncio.run(main())


def test_nobody_is_taken_to_watch_the_run_for_it():
    run = trainer()
    ghost = instead(run, lr=0.2)
    assert not ghost.seen and not run.watched
    ghost.close()


def test_one_that_diverges_is_left_where_it_is():
    run = trainer(lr=0.01)
    run.activation = "relu"
    run.fit(steps=30)
    ghost = instead(run, lr=1e7)
    assert ghost.name.startswith("lr 1e+07, stopped after step ") and ghost.steps < 30
    run.fit(steps=5)
    assert ghost.steps < 30
