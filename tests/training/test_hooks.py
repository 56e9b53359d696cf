"""Functions called on events: when, with what, until when; one that fails does no harm; one may turn knobs."""

import warnings

import numpy as np
import pytest

import nbprop as nb


def make(**settings):
    settings = {"optimizer": "sgd", "lr": 0.1, "evaluate_every": 4, **settings}
    return nb.Trainer(nb.nn.mlp([2, 6, 1], seed=0), nb.data.xor(seed=1), seed=2, **settings)


def test_as_a_decorator_and_as_a_call():
    t, calls = make(), []

    @t.on("step")
    def first(trainer):
        calls.append(("first", trainer, trainer.steps))

    def second(trainer):
        calls.append(("second", trainer, trainer.steps))

    assert t.on("step", second) is second and callable(first)
    t.fit(steps=1)
    t.step()
    assert calls == [("first", t, 1), ("second", t, 1), ("first", t, 2), ("second", t, 2)]
    t.off("step", first)
    t.step()
    assert calls[4:] == [("second", t, 3)]
    t.off("step", second)
    t.step()
    assert len(calls) == 5


def test_nonsense_is_refused():
    t = make()
    with pytest.raises(ValueError, match=r"no event 'steps'.*did you mean 'step'"):
        t.on("steps", print)
    with pytest.raises(TypeError, match="takes a function, got 3"):
        t.on("step", 3)
    with pytest.raises(ValueError, match="is not called on 'step'"):
        t.off("step", print)
    t.on("turn", print)
    with pytest.raises(ValueError, match="is not called on 'step'"):
        t.off("step", print)


def test_steps_and_evaluations():
    t, steps, found = make(), [], []
    t.on("step", lambda trainer: steps.append((trainer.steps, trainer.history["loss"][-1])))
    t.on("evaluation", lambda trainer: found.append((trainer.steps, dict(trainer.evaluation))))
    t.fit(steps=9)
    assert steps == list(zip(range(1, 10), t.history["loss"], strict=True))
    assert [step for step, _ in found] == [4, 8]
    assert [values["val_loss"] for _, values in found] == list(t.history["val_loss"][1:])


def test_turns():
    t, turns = make(), []
    t.on("turn", lambda trainer, event: turns.append((trainer, event)))
    t.fit(steps=3)
    t.lr = 0.2
    t.set(batch_size=8, lr=0.2)  # lr is that already
    t.scale("hidden 1", 0.5)
    assert [(event.step, event.name) for _, event in turns] == [(3, "lr"), (3, "batch_size"), (3, "scale")]
    assert [event for _, event in turns] == t.history.events and turns[0][0] is t
    assert (turns[0][1].old, turns[0][1].new) == (0.1, 0.2)


def test_a_divergence():
    t, told = make(loss="mse", lr=1e38), []
    t.on("diverged", lambda trainer, error: told.append((trainer, error)))
    with pytest.raises(nb.record.Diverged) as caught:
        t.fit(steps=20)
    assert told == [(t, caught.value)]
    t.rewind(0)
    t.lr = 0.1
    t.fit(steps=5)
    assert len(told) == 1


def test_an_error_is_named_once_and_does_no_harm():
    t, twin, after = make(), make(), []

    @t.on("step")
    def broken(trainer):
        raise KeyError("nothing")

    t.on("step", lambda trainer: after.append(trainer.steps))
    said = "broken, called on 'step', failed: KeyError: 'nothing'"
    with pytest.warns(RuntimeWarning) as caught:
        t.fit(steps=3)
    assert [str(each.message) for each in caught] == [said]
    assert t.message == said and t.status == "paused" and after == [1, 2, 3]
    with warnings.catch_warnings(record=True) as later:
        warnings.simplefilter("always")
        t.step(2)
    assert not later and said not in t.message
    t.off("step", broken)
    t.on("step", broken)  # new again
    with pytest.warns(RuntimeWarning, match="KeyError"):
        t.fit(steps=15)
    twin.fit(steps=20)
    np.testing.assert_array_equal(t.model.theta, twin.model.theta)
    np.testing.assert_array_equal(t.history["loss"], twin.history["loss"])


def test_an_error_does_no_harm_where_warnings_are_errors():
    t = make()
    t.on("evaluation", lambda trainer: 1 / 0)
    t.fit(steps=6)  # as they are in these tests
    assert "called on 'evaluation', failed: ZeroDivisionError" in t.message and t.steps == 6


def test_a_knob_that_a_hook_turns_acts_at_the_next_step_and_is_rewound():
    t, thetas = make(snapshot_every=3), [None]

    @t.on("step")
    def still(trainer):
        thetas.append(trainer.model.theta.copy())
        if trainer.steps in (5, 8):
            trainer.lr = 0.0 if trainer.steps == 5 else 0.3

    t.fit(steps=12)
    still_at = [step for step in range(2, 13) if np.array_equal(thetas[step], thetas[step - 1])]
    assert still_at == [6, 7, 8]
    assert [(event.step, event.name, event.new) for event in t.history.events][-1] == (8, "lr", 0.3)
    seen = len(thetas)
    for step, lr in ((10, 0.3), (7, 0.0), (4, 0.1)):
        t.rewind(step)
        assert t.lr == t.optimizer.lr == lr
        np.testing.assert_array_equal(t.model.theta, thetas[step])
    assert len(thetas) == seen  # steps that are made again call nobody
    t.fit(steps=8)
    for step in range(5, 13):
        np.testing.assert_array_equal(thetas[seen + step - 5], thetas[step])
