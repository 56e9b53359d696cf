"""Batch normalization in a run: what moves the running statistics, and what does not."""

import numpy as np

import nbprop as nb
from nbprop import nn


def trainer(**settings):
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Linear(2, 6, rng=rng), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 1, rng=rng))
    return nb.Trainer(model, nb.data.moons(samples=120, seed=1), batch_size=16, snapshot_every=10, seed=2, **settings)


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
