"""What holds for every kind of objective: exact ways back, everything that can be seen and asked."""

import copy

import numpy as np
import pytest

import nbprop as nb


def state(t):
    kept = {name: column for name, column in t.history.columns.items() if len(column)}
    columns = {name: (column.steps.copy(), column.values.copy()) for name, column in kept.items()}
    return {"theta": t.model.theta.copy(), "steps": t.steps, "evaluation": dict(t.evaluate()), **columns}


def assert_same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_equal(a[name], b[name], err_msg=name)


@pytest.mark.parametrize("accumulate", [1, 3])
def test_going_back_meets_the_same_steps_again(make, accumulate):
    t = make(evaluate_every=4, snapshot_every=5, accumulate=accumulate, drop_last=accumulate == 3)
    t.fit(steps=7, bar=False)
    at_7 = state(t)
    t.fit(steps=6, bar=False)
    at_13 = state(t)
    assert (at_13["theta"] != at_7["theta"]).any()
    t.rewind(7)
    assert_same(state(t), at_7)
    branch = t.branch()
    for one in (t, branch):
        one.fit(steps=6, bar=False)
        assert_same(state(one), at_13)
    assert_same(state(branch.at(7).branch()), at_7)
    t.undo()  # the rewind
    assert_same(state(t), at_13)


def test_turns_are_taken_back_and_two_runs_are_equal(make):
    t, other = make(snapshot_every=5), make(snapshot_every=5)
    t.fit(steps=6, bar=False)
    before = state(t)
    t.set(lr=0.5, batch_size=4)
    t.fit(steps=4, bar=False)
    assert (t.model.theta != before["theta"]).any()
    t.undo()
    assert_same(state(t), before)
    other.fit(steps=6, bar=False)
    assert_same(state(other), before)


def test_asking_and_looking_change_nothing(make):
    t, plain = make(), make()
    for one in (t, plain):
        one.fit(steps=3, bar=False)
    t.evaluate()
    t.observe()
    t.probe()
    for kind in ("weights", "gradients", "activations"):
        t.histograms(kind)
    objective = t._run.objective
    if objective.samples is not None:
        t.observe(sample=0)
        data = objective.data
        X = data.X_train[:2] if isinstance(data, nb.data.Dataset) else data.take([0, 1])[0]
        if "generator" not in objective.losses:
            t.predict(X)
            t.activations(X)
    for one in (t, plain):
        one.fit(steps=3, bar=False)
    assert_same(state(t), state(plain))
    copied = copy.deepcopy(t)
    for one in (t, copied):
        one.fit(steps=2, bar=False)
    assert_same(state(t), state(copied))


def test_layers_and_what_is_measured_in_them(make):
    t = make()
    before = [layer.name for layer in t.layers]
    t.watch(percentiles=True)
    t.fit(steps=4, bar=False)
    assert before == [layer.name for layer in t.layers] and before
    for name, values in t.probe().items():
        assert len(values) == len(before), name
    seen = t.observe()
    assert np.isfinite(seen.loss)
    assert len(seen.z) == len(seen.dW) == len(before)
    counts, _, _ = t.histograms("activations")
    assert (counts.sum(axis=1) > 0).all()
    assert np.isfinite(t.history.series("dW")[1]).all()


def test_every_view_shows_it_or_says_why_not(make):
    t = make()
    t.fit(steps=4, bar=False)
    plain = hasattr(t.data, "task") and t.data.task != "multilabel"
    for name in nb.views.__all__:
        kind = getattr(nb.views, name)
        if name in ("Board", "Controls"):
            continue
        view = kind(t)
        assert len(view.describe()) > 10, name
        view.frame(), view.labels()
        if name == "Boundary":
            assert bool(view.unserved) != plain, view.unserved
    assert "Loss" in nb.views.Loss(t).describe()


def test_epochs(make):
    t = make()
    objective = t._run.objective
    if callable(objective.batches):
        with pytest.raises(TypeError, match="no epochs: pass steps"):
            t.fit(epochs=1, bar=False)
        return
    t.fit(epochs=2, bar=False)
    assert t.epoch == (2 if objective.samples is not None else pytest.approx(2))
    assert t.steps == 2 * (len(objective.batches) if objective.batches else -(-objective.samples // t.batch_size))


def test_early_stopping_needs_a_validation_loss(make):
    t = make(evaluate_every=2)
    if "val_loss" in t.evaluation:
        t.fit(steps=8, patience=1, bar=False)
        assert 0 < t.steps <= 8
    else:
        with pytest.raises(ValueError, match="early stopping looks at the validation loss, val_loss, but"):
            t.fit(steps=8, patience=1, bar=False)


def test_a_new_start_and_back(make):
    t = make()
    t.fit(steps=3, bar=False)
    before = state(t)
    t.reset()
    assert t.steps == 0
    t.fit(steps=3, bar=False)
    t.undo()
    assert_same(state(t), before)


def test_another_objective_of_the_same_kind_is_a_turn(make):
    t, other = make(snapshot_every=4), make()
    t.fit(steps=3, bar=False)
    before = state(t)
    t.set(objective=other._run.objective)
    assert t.data is other.data
    t.fit(steps=3, bar=False)
    after = state(t)
    t.rewind(5)
    t.fit(steps=1, bar=False)
    assert_same(state(t), after)
    t.rewind(3)
    assert_same(state(t), before)
