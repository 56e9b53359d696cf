"""Clipping, L1, early stopping and the learning-rate finder in a run."""

import numpy as np
import pytest

import nbprop as nb


def make(data=None, **settings):
    data = nb.data.spirals(samples=160, seed=2) if data is None else data
    return nb.Trainer(nb.nn.mlp([2, 16, 16, 1], seed=1), data, seed=3, batch_size=16, **settings)


def test_clipping_bounds_the_update_and_leaves_the_recorded_norm():
    t = make(optimizer="sgd", lr=1.0, clip=0.01)
    before = t.theta.copy()
    t.step()
    assert np.linalg.norm(t.theta - before) == pytest.approx(0.01, rel=1e-3)
    t.clip = None
    before = t.theta.copy()
    t.step()
    assert np.linalg.norm(t.theta - before) > 0.02
    assert [event.text for event in t.history.events] == ["clip 0.01 → None"]
    with pytest.raises(ValueError, match="clip must be None or a finite number, at least"):
        t.clip = 0


def test_l1_makes_weights_small():
    plain, sparse = make(lr=0.01), make(lr=0.01, l1=0.01)
    for t in (plain, sparse):
        t.fit(steps=300)
    assert np.mean(np.abs(sparse.theta) < 0.01) > 3 * np.mean(np.abs(plain.theta) < 0.01)
    t = make(optimizer="sgd", lr=1.0, l1=0.5)
    before = t.theta.copy()
    t.step()
    gradient = t.model.gradient
    np.testing.assert_allclose(before - t.theta, gradient, atol=1e-6)
    with pytest.raises(ValueError, match="at least 0"):
        t.l1 = -1


def overfitting():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    return nb.data.from_arrays(X, (X[:, 0] + rng.normal(size=60) > 0).astype(int), validation=0.5, seed=1)


def test_early_stopping_takes_the_best_parameters():
    t = make(overfitting(), lr=0.02)
    t.fit(steps=4000, patience=10)
    assert t.steps < 4000
    losses = t.history["val_loss"]
    best = t.history.series("val_loss")[0][losses[1:].argmin() + 1]
    assert t.steps - best == 10 * t.evaluate_every
    assert t.evaluate()["val_loss"] == pytest.approx(losses[1:].min(), rel=1e-6)
    assert t.history.events[-1].text == "theta set"
    theta = t.theta.copy()
    t.fit(steps=30)
    after = t.theta.copy()
    t.rewind(t.steps - 10)
    t.fit(steps=10)
    np.testing.assert_array_equal(t.theta, after)  # the turn is part of the past
    t.rewind(int(best))
    np.testing.assert_array_equal(t.theta, theta)


@pytest.mark.parametrize("steps", [4000, 110])
def test_early_stopping_of_a_network_that_a_hand_resizes_on_the_way(steps, monkeypatch):
    t = make(overfitting(), lr=0.02)
    advance = t._advance

    def turning():
        if t.steps == 100:
            t.depth = 1
        advance()

    monkeypatch.setattr(t, "_advance", turning)
    t.fit(steps=steps, patience=10)
    places, losses = t.history.series("val_loss")
    assert t.hidden == (16,)
    if steps == 110:  # too early for a best one
        assert t.steps == 110 and [event.name for event in t.history.events] == ["hidden"]
    else:
        assert t.steps < steps and t.evaluate()["val_loss"] == pytest.approx(losses[places > 100].min(), rel=1e-6)


def test_early_stopping_needs_validation_data():
    data = nb.data.from_arrays(np.eye(4)[:, :2], [0, 1, 0, 1], validation=0)
    with pytest.raises(ValueError, match="no validation samples"):
        make(data).fit(steps=10, patience=2)


def test_theta_is_checked():
    t = make()
    with pytest.raises(ValueError, match="shape of the model's parameters"):
        t.theta = np.zeros(3)
    with pytest.raises(ValueError, match="finite"):
        t.theta = np.full(t.theta.shape, np.nan)


def test_the_learning_rate_finder_leaves_the_trainer_alone():
    t = make(optimizer="sgd")
    t.fit(steps=20)
    theta = t.theta.copy()
    found = t.find_lr()
    assert 1e-3 < found.suggestion < 10
    np.testing.assert_array_equal(t.theta, theta)
    assert t.steps == 20 and t.history.events == []
    fast, slow = t.branch(lr=found.suggestion), t.branch(lr=1e-4)
    for one in (fast, slow):
        one.fit(steps=300)
    assert fast.history["train_loss"][-1] < slow.history["train_loss"][-1]
    assert "suggestion" in repr(found)
    assert found.plot().get_xlabel() == "learning rate"
    with pytest.raises(ValueError, match="0 < low < high"):
        t.find_lr(1, 0.1)
