"""Batch normalization in a run: what moves the running statistics, and what does not."""

import numpy as np
import pytest
from runs import MOONS

import nbprop as nb
from nbprop import nn


def trainer(data=None, **settings):
    data = nb.data.moons(samples=120, seed=1) if data is None else data
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Linear(2, 6, rng=rng), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 1, rng=rng))
    return nb.Trainer(model, data, batch_size=16, snapshot_every=10, seed=2, **settings)


def running(t):
    return np.concatenate([array.copy() for _, array in t.model.named_buffers()])


START = np.repeat(np.float32([0, 1]), 6)


def test_nothing_moves_before_the_first_step():
    t = trainer()
    assert [layer.activation for layer in t.layers] == ["tanh", "identity"]
    t.evaluate()
    t.predict(t.data.X_val)
    t.histograms("weights")
    np.testing.assert_array_equal(running(t), START)


def test_a_step_moves_them_towards_the_batch_with_the_unbiased_variance():
    t = trainer()
    before, batch = t.branch(), t.branch()._run.batches.next(16)
    z = before.model[0](nb.Tensor(t.data.X_train[batch])).data
    t.step()
    moved = 0.9 * START + 0.1 * np.concatenate([z.mean(axis=0), z.var(axis=0, ddof=1)])
    np.testing.assert_allclose(running(t), moved, rtol=1e-5, atol=1e-7)


def test_evaluation_uses_them_and_leaves_them():
    t = trainer()
    t.fit(steps=60, bar=False)
    now = running(t)
    both = t.predict(t.data.X_val)
    np.testing.assert_allclose(t.predict(t.data.X_val[:1]), both[:1], rtol=1e-6)  # one sample alone is enough
    t.evaluate()
    np.testing.assert_array_equal(running(t), now)
    assert t.model.training


def test_rewinding_brings_them_back():
    t = trainer()
    t.fit(steps=27, bar=False)
    then = running(t)
    t.fit(steps=30, bar=False)
    last, theta = running(t), t.theta.copy()
    t.rewind(27)
    np.testing.assert_array_equal(running(t), then)
    t.fit(steps=30, bar=False)
    np.testing.assert_array_equal(running(t), last)
    np.testing.assert_array_equal(t.theta, theta)


def test_a_branch_has_its_own():
    t = trainer()
    t.fit(steps=10, bar=False)
    now = running(t)
    t.branch().fit(steps=10, bar=False)
    np.testing.assert_array_equal(running(t), now)


def test_a_reset_starts_them_anew_and_undo_brings_them_back():
    t = trainer()
    t.fit(steps=20, bar=False)
    now = running(t)
    t.reset()
    np.testing.assert_array_equal(running(t), START)
    t.undo()
    np.testing.assert_array_equal(running(t), now)


def noisy():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    return nb.data.from_arrays(X, (X[:, 0] + rng.normal(size=60) > 0).astype(int), validation=0.5, seed=1)


def test_early_stopping_brings_back_those_of_the_best_evaluation():
    t = trainer(noisy(), lr=0.02, evaluate_every=5)
    twin = trainer(noisy(), lr=0.02, evaluate_every=5)
    t.fit(steps=2000, patience=7, bar=False)
    stop, (steps, losses) = t.steps, t.history.series("val_loss")
    best = int(steps[losses[1:].argmin() + 1])
    assert stop == best + 7 * 5 < 2000
    assert t.evaluate()["val_loss"] == losses[1:].min()
    assert [event.text for event in t.history.events] == ["theta set"]
    theta, moved = t.theta.copy(), running(t)
    states = {}
    for _ in range(50):
        t.step()
        states[t.steps] = t.theta.copy(), running(t)

    def assert_at(step):
        assert t.steps == step
        np.testing.assert_array_equal(t.theta, states[step][0])
        np.testing.assert_array_equal(running(t), states[step][1])

    for back in (stop + 23, stop + 1):  # the turn is repeated on the way
        t.rewind(back)
        assert_at(back)
        t.fit(steps=stop + 50 - back, bar=False)
        assert_at(stop + 50)
    states[best] = theta, moved
    t.rewind(best)
    assert_at(best)
    t.undo()
    assert_at(stop + 50)
    t.rewind(stop)  # as it was before the turn, as with every knob
    twin.fit(steps=stop, bar=False)
    states[stop] = twin.theta, running(twin)
    assert_at(stop)
    assert t.history.events == []


def test_the_turn_at_the_very_step_of_an_early_stop_is_undone_and_done_again():
    t = trainer(noisy(), lr=0.02, evaluate_every=5)
    t.fit(steps=2000, patience=7, bar=False)
    state, stop, loss = t.model.state_dict(), t.steps, t.evaluate()["val_loss"]
    t.rewind(stop)
    assert t.evaluate()["val_loss"] > loss
    t.undo()
    assert t.steps == stop and t.evaluate()["val_loss"] == loss
    for name, array in t.branch().model.state_dict().items():
        np.testing.assert_array_equal(array, state[name])


def test_batch_norm_is_refused_where_one_sample_would_be_left():
    t = nb.Trainer(nn.mlp([2, 8, 1], seed=0), MOONS, batch_size=59)
    assert len(MOONS.X_train) == 60
    with pytest.raises(ValueError, match=r"batch_norm cannot be turned on: batches of 59 leave one of 60 .*drop_last"):
        t.batch_norm = True
    t.set(batch_norm=True, drop_last=True)
    t.fit(steps=3, bar=False)
