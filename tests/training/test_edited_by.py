"""Who edits, and when: the first edit of a copy, between acts of one who drives, in another thread, in a hook; and who
sees it first."""

import copy
import threading

import numpy as np
import pytest
from runs import MOONS, negated, on_moons

import nbprop as nb
from nbprop import nn


def in_a_copy(t):
    return copy.deepcopy(t)


def in_a_branch(t):
    return t.branch()


def in_a_file(t):
    t.save("run.npz")
    return nb.Trainer.load("run.npz", data=MOONS)


def looked_at_before(t):
    t.at(t.steps)
    return t


def after_another_thread(t):
    """Which turns a knob while this one drives; it is done when this one lets go."""
    thread = threading.Thread(target=lambda: t.set(lr=0.02))
    with t.driving():
        thread.start()
        thread.join()
    return t


def after_a_posted_step(t):
    t.post(lambda: t.step(1))
    return t


@pytest.mark.parametrize(
    "how", [in_a_copy, in_a_branch, in_a_file, looked_at_before, after_another_thread, after_a_posted_step]
)
def test_the_first_edit_is_noticed_wherever_the_run_comes_from(how, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    t = on_moons()
    t.fit(steps=10, bar=False)
    t = how(t)
    before = t.theta.copy()
    negated(t)
    t.fit(steps=5, bar=False)
    end = t.theta.copy()
    assert t.history.events[-1].text == "weights changed in code"
    t.undo()
    np.testing.assert_array_equal(t.theta, before)
    t.redo()
    np.testing.assert_array_equal(t.theta, end)
    assert t.message == ""


def test_edits_between_steps_of_one_who_drives():
    t, thetas = on_moons(), {}
    with t.driving():
        for steps in (5, 1):
            t.step(steps)
            negated(t)
        t.post(lambda: t.set(lr=0.02))
        t.post(lambda: negated(t))
        t.step(5)
    thetas[t.steps] = t.theta.copy()
    assert [(event.step, event.name) for event in t.history.events] == [
        (5, "model"), (6, "model"), (6, "lr"), (6, "model")
    ]  # fmt: skip
    t.rewind(t.steps)
    t.fit(steps=1, bar=False)
    t.rewind(11)
    np.testing.assert_array_equal(t.theta, thetas[11])


def test_what_another_thread_has_posted_in_a_row():
    t = on_moons()
    t.fit(steps=5, bar=False)

    def turn_and_edit():
        t.set(lr=0.02)
        t.post(lambda: negated(t))

    thread = threading.Thread(target=turn_and_edit)
    with t.driving():
        thread.start()
        thread.join()
        assert t.history.events == []
    t.fit(steps=1, bar=False)
    assert [event.name for event in t.history.events] == ["lr", "model"]


@pytest.mark.parametrize("event, step", [("evaluation", 20), ("step", 7), ("turn", 10)])
def test_edits_in_hooks(event, step):
    """At a step with a snapshot, and between two knobs of one turn."""
    t, thetas = on_moons(snapshot_every=20), {}

    def edit(t, *news):
        if t.steps == step and not edited:
            edited.append(step)
            negated(t)

    edited = []
    t.on(event, edit)
    t.fit(steps=10, bar=False)
    t.set(lr=0.02, clip=1.0)
    for _ in range(20):
        t.fit(steps=1, bar=False)
        thetas[t.steps] = t.theta.copy()
    assert [each.text for each in t.history.events if each.name == "model"] == ["weights changed in code"]
    for back in (25, 20, 15):
        t.rewind(back)
        if back != step:  # the numbers of before the edit
            np.testing.assert_array_equal(t.theta, thetas[back])
        assert t.message == ""


def test_what_a_hook_does_at_every_step_is_one_event_and_one_act():
    t = on_moons()
    before = t.theta.copy()

    @t.on("step")
    def clip(t):
        np.clip(t.theta, -0.4, 0.4, out=t.theta)

    t.fit(steps=30, bar=False)
    end = t.theta.copy()
    assert [event.text for event in t.history.events] == ["weights changed in code"]
    assert str(t.replayed) == "yes"
    t.rewind(20)
    assert np.abs(t.theta).max() <= 0.4 + 0.02
    t.undo()
    np.testing.assert_array_equal(t.theta, end)
    t.off("step", clip)
    t.undo()
    assert t.history.events == [] and not np.array_equal(t.theta, before)


def test_a_hook_that_trains_and_then_edits():
    t = on_moons()

    @t.on("turn")
    def further(t, event):
        t.fit(steps=3, bar=False)
        negated(t)

    t.fit(steps=5, bar=False)
    t.lr = 0.02
    t.off("turn", further)
    t.fit(steps=2, bar=False)
    end = t.theta.copy()
    assert [(event.step, event.name) for event in t.history.events] == [(5, "lr"), (8, "model")]
    t.rewind(9)
    t.fit(steps=1, bar=False)
    np.testing.assert_array_equal(t.theta, end)


EXCHANGES = {
    "a module": lambda m: m.__setitem__(0, nn.Linear(2, 8, rng=5)),
    "a parameter": lambda m: setattr(m[0], "weight", nn.Parameter(np.full((8, 2), 7, np.float32))),
    "data": lambda m: setattr(m[0].weight, "data", np.full((8, 2), 7, np.float32)),
}
LOOKS = {
    "histograms": lambda t: t.histograms("weights", 10)[1][0] == pytest.approx(t.model[0].weight.data.min(), abs=4),
    "predict": lambda t: np.isfinite(t.predict(MOONS.X_val[:3])).all(),
    "evaluate": lambda t: t.evaluate()["val_loss"] > 0,
    "observe": lambda t: np.array_equal(t.observe(0).W[0], t.model[0].weight.data),
    "batch_size": lambda t: t.set(batch_size=8) is None and t.batch_size == 8,
    "loss": lambda t: t.set(loss="hinge") is None and t.loss == "hinge",
    "theta": lambda t: t.set(theta=t.theta * 2) is None,
    "freeze": lambda t: t.freeze(0) is None and t.frozen == ("hidden 1",),
    "remove": lambda t: t.remove(0) is None and t.depth == 1,
}


@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize("look", LOOKS)
def test_whoever_looks_sees_the_model_of_now(exchange, look):
    t = on_moons()
    t.fit(steps=5, bar=False)
    EXCHANGES[exchange](t.model)
    assert LOOKS[look](t)
    assert t.history.events[0].text == "structure changed in code"
    t.fit(steps=2, bar=False)


def test_a_model_that_the_run_cannot_go_on_with_can_be_gone_away_from():
    t = nb.Trainer(
        nn.ModuleDict({"d": nn.mlp([2, 4, 1], seed=0), "g": nn.mlp([2, 4, 2], seed=1)}),
        objective=nb.Objective(
            {part: lambda model, x, part=part: (model[part](nb.Tensor(x)) ** 2).mean() for part in ("d", "g")},
            MOONS.X_train,
        ),
    )
    t.fit(steps=5, bar=False)
    theta = t.theta.copy()
    del t.model["g"]
    with pytest.raises(ValueError, match="there is none"):
        t.step()
    with pytest.raises(ValueError, match="there is none"):
        t.branch()
    t.rewind(5)
    np.testing.assert_array_equal(t.theta, theta)
    t.fit(steps=1, bar=False)


def test_redo_is_left_when_it_fails_and_gone_after_an_edit():
    t = on_moons()
    t.fit(steps=5, bar=False)
    t.lr = 0.5
    t.undo()
    done, left = len(t._acts.done), len(t._acts.left)
    t._come_to, come_to = lambda moment: 1 / 0, t._come_to
    with pytest.raises(ZeroDivisionError):
        t.redo()
    t._come_to = come_to
    assert (len(t._acts.done), len(t._acts.left)) == (done, left)
    negated(t)
    with pytest.raises(ValueError, match="nothing to redo"):
        t.redo()
    t.undo()
    assert t.history.events == []


def test_a_way_back_that_fails_leaves_the_run_where_it_was():
    class Fragile(nn.Module):
        broken = False

        def __init__(self):
            self.inner = nn.mlp([2, 4, 1], seed=0)

        def forward(self, x):
            if Fragile.broken and self.training:
                raise RuntimeError("no more")
            return self.inner(x)

    t = on_moons(Fragile(), snapshot_every=10)
    t.fit(steps=10, bar=False)
    t.set(lr=0.02)
    t.fit(steps=10, bar=False)
    end, losses = t.theta.copy(), t.history["loss"].copy()
    Fragile.broken = True
    with pytest.raises(RuntimeError, match="no more"):
        t.rewind(5)
    Fragile.broken = False
    np.testing.assert_array_equal(t.theta, end)
    np.testing.assert_array_equal(t.history["loss"], losses)
    t.fit(steps=1, bar=False)
    t.rewind(20)
    np.testing.assert_array_equal(t.theta, end)


def test_only_who_drives_says_that_nobody_elses_code_runs():
    t = on_moons()
    t.fit(steps=5, bar=False)
    with t._by_itself():  # as a thread does that only shows something
        assert not t._alone
    with t.driving(), t._by_itself():
        assert t._alone
        with t._by_itself(False):
            assert not t._alone
        assert t._alone
    negated(t)
    t.fit(steps=1, bar=False)
    assert [event.text for event in t.history.events] == ["weights changed in code"]


def test_a_watcher_of_ones_own_may_edit():
    class Watcher:
        records, seen, edited = frozenset(), True, False

        def refresh(self):
            if t.steps >= 3 and not self.edited:
                self.edited = True
                negated(t)

    t = on_moons()
    t.watchers.add(Watcher())
    t.fit(steps=5, bar=False)  # whose end is shown
    t.fit(steps=1, bar=False)
    assert [event.text for event in t.history.events] == ["weights changed in code"]
