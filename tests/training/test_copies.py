"""A run that is pickled, copied or branched: it goes on as if nothing had been."""

import asyncio
import copy
import multiprocessing
import pickle

import numpy as np
import pytest
from runs import assert_same, drawing, net, state, trainer

import nbprop as nb
from nbprop import cells


def five(t):
    """What another process does."""
    t.fit(steps=5, bar=False)
    return t


def test_a_trainer_goes_through_a_process_pool():
    t = trainer()
    t.fit(steps=12, bar=False)
    t.depth = 3
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        back = pool.apply(five, (t,))
    five(t)
    assert_same(t, back)
    for step in (14, 12, 3):
        for each in (t, back):
            each.rewind(step)
        np.testing.assert_array_equal(t.model.theta, back.model.theta)
        for each in (t, back):
            each.fit(steps=20 - step, bar=False)
        assert_same(t, back)


@pytest.mark.parametrize("how", [copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))], ids=["deepcopy", "pickle"])
def test_a_copy_is_another_with_the_same_past(how):
    t = trainer(snapshot_every=5)
    t.on("step", lambda trainer: None)  # belongs to the original
    t.fit(steps=12, bar=False)
    t.set(depth=3, dropout=0.5)
    t.fit(steps=4, bar=False)
    t.lr = 0.3
    t.fit(steps=4, bar=False)
    before = state(t)
    other = how(t)
    assert_same(before, other)
    assert other.history._source() is other
    assert not other._hooks.called_on("step")
    assert not {id(m) for m in t.model.modules()} & {id(m) for m in other.model.modules()}
    assert not np.shares_memory(t.model.theta, other.model.theta)
    assert other._lock is not t._lock
    other.undo()
    assert (other.lr, other.steps) == (0.02, 16)
    other.redo()
    assert_same(before, other)
    other.rewind(7)
    assert other.depth == 2
    assert_same(before, t)  # nothing of it has changed
    t.rewind(7)
    assert_same(t, other)
    for each in (t, other):
        each.undo()
        each.optimizer.lr = 0.01
        each.fit(steps=5, bar=False)
    assert_same(t, other)


@pytest.mark.parametrize("how", [copy.deepcopy, lambda h: pickle.loads(pickle.dumps(h)), nb.record.History.copy])
def test_a_history_survives(how):
    t = trainer()
    t.fit(steps=9, bar=False)
    other = how(t.history)
    np.testing.assert_array_equal(other["loss"], t.history["loss"])
    t.fit(steps=9, bar=False)
    assert len(other["loss"]) == 9
    with pytest.raises(ValueError, match="is a copy"):
        other.plot()


def test_a_model_and_its_trainer_copied_together_stay_together():
    t = trainer()
    model, other = copy.deepcopy((t.model, t))
    assert other.model is model


def test_what_pickle_cannot_name_is_said():
    t = trainer(loss=lambda output, y: ((output - y[..., None]) ** 2).mean())
    with pytest.raises((pickle.PicklingError, AttributeError), match="<lambda>"):
        pickle.dumps(t)
    copy.deepcopy(t).fit(steps=2, bar=False)


# ---- branches belong to their cell -----------------------------------------------------------------------------------


def test_branches_and_copies_are_claimed_by_their_cell(monkeypatch):
    t, execution = trainer(), [1]
    monkeypatch.setattr(cells, "_MADE", {})
    monkeypatch.setattr(cells, "_cell", lambda: ("cell", execution[0]))
    paused = []
    monkeypatch.setattr(nb.Trainer, "replaced", lambda self: paused.append(self))
    made = [t.branch(lr=0.5), copy.deepcopy(t), t.at(0).branch()]
    assert paused == []
    execution[0] = 2
    again = t.branch(lr=0.5)
    assert {id(each) for each in paused} >= {id(each) for each in made}
    assert again not in paused
    assert t not in paused


def test_a_cell_that_branches_and_plays_leaves_one_run_playing(monkeypatch):
    monkeypatch.setattr(cells, "_MADE", {})

    async def notebook():
        t, made = trainer(), []
        for execution in (1, 2, 3):
            monkeypatch.setattr(cells, "_cell", lambda execution=execution: ("cell", execution))
            made.append(t.branch(lr=0.1))
            made[-1].play(unseen=True)
            await asyncio.sleep(0.05)
        playing = [each.playing for each in made]
        for each in made:
            each.pause()
        await asyncio.sleep(0)
        return playing

    assert asyncio.run(notebook()) == [False, False, True]


def test_a_loss_that_draws_from_a_generator_of_its_own_has_one_run():
    t = nb.Trainer(net(), objective=drawing(), batch_size=8)
    t.fit(steps=3, bar=False)
    for two in (t.branch, t.find_lr, lambda: t.at(1), lambda: copy.deepcopy(t), lambda: pickle.dumps(t)):
        with pytest.raises(ValueError, match=r"cannot be .*random generator of its own, which both would share"):
            two()
    before = t.theta.copy()
    t.rewind(1)
    t.fit(steps=2, bar=False)
    np.testing.assert_array_equal(t.theta, before)


class Noisy(nb.nn.Module):
    def __init__(self):
        self.inner, self.rng = nb.nn.mlp([2, 4, 2], seed=0), np.random.default_rng(0)

    def forward(self, x):
        return self.inner(x)


def test_a_generator_in_the_model_is_nobody_elses():
    def loss(model, x):
        return ((model(x + model.rng.normal(size=x.shape).astype(np.float32)) - x) ** 2).mean()

    space = {"rng": np.random.default_rng(1), "np": np}
    loss = type(loss)(loss.__code__, space)  # a global of the same name is not what it draws from
    t = nb.Trainer(Noisy(), objective=nb.Objective(loss, np.ones((20, 2), np.float32)))
    t.fit(steps=3, bar=False)
    other = t.branch()
    for each in (t, other):
        each.fit(steps=5, bar=False)
    np.testing.assert_array_equal(t.theta, other.theta)
