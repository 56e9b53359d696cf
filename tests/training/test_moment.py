"""A moment is the run as it was, bit by bit: whatever was done to it on the way, in whatever order one goes through it;
and the trainer does not notice."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from runs import SPIRALS, X, Y, assert_same, drawing, error, negated, net, on_moons, state, trainer

import nbprop as nb
from nbprop import nn
from nbprop.record.source import CannotSay
from nbprop.training.twin import Twin

ACTS = {
    "lr": lambda t: t.set(lr=0.1),
    "optimizer": lambda t: t.set(optimizer="momentum" if t.optimizer.name == "adam" else "adam"),
    "weight decay": lambda t: t.set(weight_decay=0.01),
    "deeper": lambda t: t.set(depth=min(t.depth + 1, 4)),
    "shallower": lambda t: t.set(depth=max(t.depth - 1, 0)),
    "wider": lambda t: t.set(width=9),
    "narrower": lambda t: t.set(width=3),
    "activation": lambda t: t.set(activation="relu" if t.activation == "tanh" else "tanh"),
    "batch norm": lambda t: t.set(batch_norm=not t.batch_norm),
    "dropout": lambda t: t.set(dropout=0.4),
    "batch size": lambda t: t.set(batch_size=5),
    "accumulate": lambda t: t.set(accumulate=2),
    "clip": lambda t: t.set(clip=0.1, l1=1e-3),
    "data": lambda t: t.set(data=nb.data.moons(samples=50, seed=t.steps)),
    "loss": lambda t: t.set(loss="mse" if t.loss == "bce" else "bce"),
    "theta": lambda t: t.set(theta=t.theta * 0.5),
    "freeze": lambda t: t.freeze(0),
    "unfreeze": lambda t: t.unfreeze(),
    "scale": lambda t: t.scale("output", 2.0),
    "reinitialize": lambda t: t.reinitialize(0),
    "insert": lambda t: t.insert(0) if t.depth < 4 else None,
    "remove": lambda t: t.remove(0) if t.depth > 1 else None,
    "widen": lambda t: t.widen(0, 7) if t.depth else None,
    "weights in code": lambda t: negated(t),
    "a module in code": lambda t: t.model.__setitem__(0, nn.Linear(2, t.model[0].out_features, rng=t.steps)),
    "frozen in code": lambda t: setattr(t.model[0].bias, "requires_grad", False),
    "undo": lambda t: t.undo() if t.history.events else None,
}


def seen(t):
    """All that is seen of a run, or of a moment, after a step."""
    model = t.model
    X = SPIRALS.X_val[:7]
    found = {f"model {name}": array for name, array in model.state_dict().items()} | {"theta": np.array(t.theta)}
    found |= {f"generator {i}": repr(each.bit_generator.state) for i, each in enumerate(model.generators())}
    found |= {f"optimizer {name}": vector.copy() for name, vector in t.optimizer.state.items()}
    found |= {f"probe {name}": value for name, value in t.probe().items() if name != "ratio"}
    found |= {f"{kind} {i}": a for kind in ("weights", "gradients", "activations")
              for i, a in enumerate([*t.histograms(kind, 9), t.not_finite(kind)])}  # fmt: skip
    found |= {f"slope {name}": array for name, array in t.slopes(9).items()}
    found |= {"predict": t.predict(X), "layers": t.layers, "evaluate": t.evaluate(), "epoch": t.epoch}
    found |= {f"activation {i}": a for i, a in enumerate(t.activations(X))}
    found |= {name: getattr(t, name) for name in ("lr", "dropout", "batch_norm", "hidden", "frozen", "batch_size")}
    return found | {"kinds": repr(model), "settings": t.optimizer.settings(), "steps": t.steps}


def assert_equal(a, b, words=""):
    assert a.keys() == b.keys(), words
    for name in a:
        np.testing.assert_equal(a[name], b[name], err_msg=f"{words} {name}")


@settings(max_examples=25)
@given(
    acts=st.lists(st.tuples(st.integers(0, 39), st.sampled_from(list(ACTS))), max_size=7),
    order=st.lists(st.integers(0, 40), min_size=5, max_size=15),
    every=st.sampled_from([3, 10, 100]),
    apart=st.sampled_from([0.0, 1.0]),
)
def test_it_is_the_run_as_it_was_bit_by_bit(acts, order, every, apart):
    t = nb.Trainer(nn.mlp([2, 6, 6, 1], dropout=0.2, seed=1), SPIRALS, lr=0.02, batch_size=16, snapshot_every=every)
    then = {0: seen(t)}
    todo = sorted(acts, key=lambda act: act[0])
    while t.steps < 40:
        while todo and todo[0][0] <= t.steps:
            ACTS[todo.pop(0)[1]](t)
            if not t.steps and not t.history.events:  # what is edited before all else is how it begins
                then[0] = seen(t)
        t.step()
        then[t.steps] = seen(t)
    moment = t.at(order[0])
    moment._twin.apart = apart
    for step in order:
        moment.show(step)
        assert moment.exact, moment.message
        assert_equal(seen(moment), then[step], f"step {step}, {t.history.events}")


DOINGS = st.one_of(
    st.tuples(st.just("fit"), st.integers(1, 12)),
    st.tuples(st.just("act"), st.sampled_from([name for name in ACTS if name != "undo"])),
    st.tuples(st.sampled_from(["show", "show", "rewind", "reset"]), st.floats(0, 1)),
    st.tuples(st.sampled_from(["undo", "redo"]), st.none()),
)


@settings(max_examples=25)
@given(doings=st.lists(DOINGS, min_size=5, max_size=25), apart=st.sampled_from([0.0, 1.0]))
def test_whatever_is_done_in_between_what_is_kept_never_stands_for_something_else(doings, apart):
    t = nb.Trainer(nn.mlp([2, 5, 5, 1], dropout=0.2, seed=1), SPIRALS, lr=0.02, batch_size=16, snapshot_every=5)
    t.fit(steps=5, bar=False)
    moment = t.at(0)
    for what, how in [*doings, ("show", 0.3), ("show", 0.9), ("show", 0.2)]:
        if what == "fit":
            t.fit(steps=how, bar=False)
        elif what == "act":
            ACTS[how](t)
        elif what == "reset":
            t.reset(seed=int(9 * how)) if t.depth == 2 else None
        elif what in ("undo", "redo"):
            if t._acts.done if what == "undo" else t._acts.left:
                getattr(t, what)()
        else:
            step = int(how * t.steps)
            if what == "rewind":
                t.rewind(step)
                continue
            moment.show(step)
            moment._twin.apart = apart
            branch = t.branch()
            branch.rewind(step)
            assert moment.exact, moment.message
            np.testing.assert_array_equal(moment.theta, branch.theta)
            assert moment._twin.run.batches.state() == branch._run.batches.state()


@pytest.mark.parametrize("turns", [{}, {7: {"depth": 3}, 12: {"optimizer": "sgd", "lr": 0.1}, 15: {"dropout": 0.5}}])
def test_training_is_the_same_with_and_without_looking_back(turns):
    plain, looked, rng, moments = trainer(), trainer(), np.random.default_rng(0), []
    for t in (plain, looked):
        t.watch()
    for i in range(30):
        for t in (plain, looked):
            t.set(**turns.get(i, {}))
            t.step()
        if i % 9 == 0:
            moments.append(looked.at(int(rng.integers(looked.steps + 1))))
        for moment in moments:
            moment.show(int(rng.integers(looked.steps + 1)))
            seen(moment)
    assert_same(plain, looked)
    looked.rewind(13)
    plain.rewind(13)
    assert_same(plain, looked)


def test_every_kind_of_objective(make):
    t, plain = make(snapshot_every=4, probe_every=1), make(snapshot_every=4, probe_every=1)
    thetas, probes = [t.theta.copy()], [t.probe()]
    for _ in range(11):
        t.step()
        plain.step()
        thetas.append(t.theta.copy())
        probes.append(t.probe())
    moment = t.at(0)
    for step in (7, 3, 11, 10, 4, 0, 8):
        moment.show(step)
        np.testing.assert_array_equal(moment.theta, thetas[step])
        probe = moment.probe()
        for name in set(probe) - {"ratio"}:
            np.testing.assert_array_equal(probe[name], probes[step][name], err_msg=name)
        assert moment.evaluate() == t.at(step).branch().evaluate()
        assert moment.exact
    for each in (t, plain):
        each.fit(steps=3, bar=False)
    np.testing.assert_array_equal(t.theta, plain.theta)
    for name in plain.history.columns:
        np.testing.assert_array_equal(t.history[name], plain.history[name])


def test_the_update_ratio_is_that_of_the_step_that_led_there():
    t = trainer(probe_every=1)
    t.watch()
    t.fit(steps=20, bar=False)
    moment = t.at(13)
    for name, values in moment.probe().items():
        if name in t.history.columns:
            np.testing.assert_array_equal(values, t.history[name][12, : len(values)], err_msg=name)


def test_a_quantity_of_ones_own_is_measured():
    t = trainer()
    t.record("size", lambda seen: [np.abs(W).max() for W in seen.W])
    t.fit(steps=5, bar=False)
    moment = t.at(3)
    np.testing.assert_array_equal(moment.probe()["size"], [np.abs(W).max() for W in moment.observe().W])
    t.record("loss seen", lambda seen: seen.loss)
    assert moment.probe()["loss seen"] == np.float32(t.history["loss"][2])
    t.record("broken", lambda seen: 1 / 0)
    with pytest.warns(RuntimeWarning, match="'broken' cannot be measured"):
        assert np.ma.getmaskarray(moment.probe()["broken"]).all()
    assert t.message == ""


def test_what_was_evaluated_and_recorded_is_there():
    t = trainer(evaluate_every=4)
    t.fit(steps=11, bar=False)
    moment = t.at(9)
    assert moment.history is t.history
    assert moment.evaluation == {name: t.history[name][2] for name in t.evaluation}
    assert moment.evaluate()["train_loss"] != moment.evaluation["train_loss"]
    assert (moment.asked, moment.moment, moment.steps, moment.status, moment.message) == (9, 9, 9, "paused", "")
    assert moment.first == 0
    assert repr(moment) == "Moment(step 9 of 11)"


def test_it_is_only_looked_at():
    t = trainer()
    t.fit(steps=5, bar=False)
    moment = t.at(3)
    before = state(t)
    for act in (
        lambda: moment.set(lr=0.5),
        lambda: setattr(moment, "lr", 0.5),
        lambda: setattr(moment, "theta", 0),
        lambda: setattr(moment, "learning_rate", 0),
        moment.step,
        moment.play,
        lambda: moment.fit(steps=3),
    ):
        with pytest.raises(ValueError, match=r"only looked at.*trainer\.rewind\(3\) goes on from here, moment\.branch"):
            act()
    with pytest.raises(ValueError, match="read-only"):
        moment.theta[0] = 0
    theta = moment.theta
    moment.model.theta[:] = 0  # a copy
    moment.optimizer.lr = 7.0
    np.testing.assert_array_equal(moment.theta, theta)
    assert moment.lr == 0.02
    assert_same(before, t)


def test_a_branch_of_it_is_a_trainer():
    t = trainer()
    t.fit(steps=12, bar=False)
    t.set(depth=3)
    t.fit(steps=5, bar=False)
    other, plain = t.at(7).branch(lr=0.5), t.at(7).branch()
    assert (type(other), other.steps, other.lr, other.depth) == (nb.Trainer, 7, 0.5, 2)
    t.rewind(7)
    assert_same(t, plain)
    other.fit(steps=3, bar=False)
    assert t.steps == 7


@pytest.mark.parametrize("step", [-1, 11, 2.5, "3"])
def test_a_step_that_is_not_there(step):
    t = trainer()
    t.fit(steps=10, bar=False)
    moment = t.at(4)
    for go in (t.at, moment.show):
        with pytest.raises((ValueError, TypeError), match="step must be"):
            go(step)
    assert (moment.steps, moment.exact) == (4, True)


# ---- when the past changes -------------------------------------------------------------------------------------------


def gone(moment):
    with pytest.raises(CannotSay, match="no longer in the past of this run"):
        moment.probe()
    with pytest.raises(CannotSay, match="no longer"):
        _ = moment.theta
    with pytest.raises(CannotSay, match="no longer"):
        moment.branch()
    assert (moment.status, moment.exact) == ("stopped", False)
    assert "no longer" in moment.message and "no longer" in nb.views.GradientFlow(moment).describe()
    return True


def test_after_a_rewind_it_is_gone_and_undo_brings_it_back():
    t = trainer()
    t.fit(steps=20, bar=False)
    moment, early = t.at(15), t.at(8)
    theta, before = moment.theta, early.theta
    t.rewind(10)
    assert gone(moment)
    t.set(lr=0.3)
    t.fit(steps=10, bar=False)
    assert gone(moment)
    moment.show(15)
    assert not np.array_equal(moment.theta, theta)
    np.testing.assert_array_equal(moment.theta, t.at(15).theta)
    np.testing.assert_array_equal(early.theta, before)
    t.undo()
    t.undo()
    moment.show(15)
    np.testing.assert_array_equal(moment.theta, theta)
    t.redo()
    assert gone(moment)


def test_where_the_same_steps_are_made_again_it_is_there_again():
    t = trainer()
    t.fit(steps=20, bar=False)
    moment = t.at(15)
    theta = moment.theta
    t.rewind(10)
    assert gone(moment)
    t.fit(steps=10, bar=False)
    np.testing.assert_array_equal(moment.theta, theta)


def test_after_a_reset_it_is_gone_until_it_is_asked_for_again():
    t = trainer()
    t.fit(steps=20, bar=False)
    moment = t.at(15)
    theta = moment.theta
    t.reset(seed=5)
    t.fit(steps=20, bar=False)
    assert gone(moment)
    moment.show(15)
    np.testing.assert_array_equal(moment.theta, t.at(15).theta)
    t.undo()
    assert gone(moment)
    moment.show(15)
    np.testing.assert_array_equal(moment.theta, theta)


def test_what_was_edited_before_the_first_step_is_how_it_begins():
    t = trainer()
    moment = t.at(0)
    negated(t)
    moment.show(0)
    np.testing.assert_array_equal(moment.theta, t.theta)
    theta = t.theta.copy()
    negated(t)
    t.fit(steps=1, bar=False)
    assert gone(moment)
    moment.show(0)
    assert not np.array_equal(moment.theta, theta) and t.history.events == []


def test_edits_in_code_of_which_too_many_are_kept():
    """Every step has one, and only the newest can be kept: from before no training leads to after it."""
    t = on_moons()
    t._past.limit = 6
    thetas = {}
    for _ in range(12):
        negated(t)
        t.step()
        thetas[t.steps] = t.theta.copy()
    assert t._past.gap[1] > 2
    moment = t.at(12)
    for step in range(1, 13):
        try:
            moment.show(step)
            theta = moment.theta
        except CannotSay as error:
            assert f"the way back to step {step} is no longer there" in str(error)
            assert f"the earliest one left is step {t._past.gap[1] + 1}" in str(error)
            assert step <= t._past.gap[1]
            with pytest.raises(ValueError, match="no longer there"):
                t.rewind(step)
            with pytest.raises(ValueError, match="no longer there"):
                t.at(step)
        else:
            assert step > t._past.gap[1]
            np.testing.assert_array_equal(theta, thetas[step])
    t.rewind(0)
    t.fit(steps=8, bar=False)
    for step in (3, 8):
        assert t.at(step).exact


def test_a_long_run_and_what_is_kept_of_it_are_bounded(monkeypatch):
    monkeypatch.setattr("nbprop.training.twin.MOST", 5)
    monkeypatch.setattr(Twin, "apart", 0.0)
    t = on_moons(snapshot_every=10)
    t._past.limit = 4
    thetas = [t.theta.copy()]
    for _ in range(90):
        t.step()
        thetas.append(t.theta.copy())
    moment, rng = t.at(0), np.random.default_rng(0)
    for step in rng.integers(0, 91, 40):
        moment.show(int(step))
        np.testing.assert_array_equal(moment.theta, thetas[step])
        assert len(moment._twin._kept) <= 5
    made = moment.stats["steps"]
    for step in (60, 59, 58, 57):
        moment.show(step)
        np.testing.assert_array_equal(moment.theta, thetas[step])
    assert moment.stats["steps"] - made <= 24 + 3  # from a snapshot of the run or from where it was, then from its own


# ---- what cannot be looked back into ---------------------------------------------------------------------------------


def test_what_two_runs_cannot_share_is_refused_also_when_it_came_later():
    t = nb.Trainer(net(), objective=nb.Objective(error, nb.data.Arrays(X, Y)), batch_size=8)
    t.fit(steps=5, bar=False)
    moment = t.at(3)
    theta = moment.theta
    t.set(objective=drawing())
    t.fit(steps=5, bar=False)
    moment.show(2)
    moment.show(3)
    np.testing.assert_array_equal(moment.theta, theta)
    (generator,) = t._run.objective.generators()
    drawn = generator.bit_generator.state
    moment.show(8)
    with pytest.raises(CannotSay, match="draws from a random generator of its own, which both would share"):
        moment.probe()
    with pytest.raises(ValueError, match="cannot be looked back into"):
        t.at(8)
    assert generator.bit_generator.state == drawn
    moment.show(3)
    np.testing.assert_array_equal(moment.theta, theta)


def test_chance_from_outside_is_said_and_not_taken_from_the_run():
    import random

    def loss(model, batch):
        x, y = batch
        noise = np.random.normal() + random.random()  # noqa: NPY002
        return ((model(x) - y) ** 2).mean() * nb.Tensor(np.float32(1 + 0.1 * abs(noise)))

    def run(look):
        np.random.seed(0)  # noqa: NPY002
        random.seed(0)
        t = nb.Trainer(net(), objective=nb.Objective(loss, nb.data.Arrays(X, Y)), batch_size=8)
        t.fit(steps=6, bar=False)
        if look:
            moment = t.at(4)
            assert not moment.exact
            assert "has given another loss when it was made again" in moment.message
        t.fit(steps=6, bar=False)
        return t.theta

    np.testing.assert_array_equal(run(look=True), run(look=False))


def test_a_loss_that_keeps_something_is_left_as_it_is():
    class Counting:
        def __init__(self):
            self.calls, self.seen = 0, []

        def __call__(self, output, y):
            self.calls += 1
            self.seen.append(self.calls)
            return ((output - y[:, None]) ** 2).mean()

    t = nb.Trainer(net(), "moons", loss=Counting())
    t.fit(steps=6, bar=False)
    before = t.loss.calls, list(t.loss.seen)
    t.at(4).probe()
    assert (t.loss.calls, t.loss.seen) == before


def test_a_model_that_can_no_longer_make_a_step_says_which():
    class Fragile(nn.Module):
        broken = False

        def __init__(self):
            self.inner = nn.mlp([2, 4, 1], seed=0)

        def forward(self, x):
            if Fragile.broken and self.training:
                raise RuntimeError("no more")
            return self.inner(x)

    t = on_moons(Fragile(), snapshot_every=10)
    t.fit(steps=15, bar=False)
    moment = t.at(12)
    Fragile.broken = True
    moment.show(14)
    assert "step 13 cannot be made again: RuntimeError: no more" in moment.message
    with pytest.raises(ValueError, match="step 11 cannot be made again"):
        t.at(13)
    Fragile.broken = False
    moment.show(14)
    assert moment.exact


def test_the_step_in_which_it_diverged_is_shown_and_named():
    t = nb.Trainer(nn.mlp([1, 4, 1], seed=0), nb.data.wave(samples=40), loss="mse", optimizer="sgd", lr=1e39)
    with pytest.raises(nb.Diverged):
        t.fit(steps=20, bar=False)
    assert t.steps and not np.isfinite(t.theta).all()
    moment = t.at(t.steps)
    np.testing.assert_array_equal(moment.theta, t.theta)
    assert f"In step {t.steps}," in moment.message
    moment.show(0)
    assert moment.message == "" and np.isfinite(moment.theta).all()


def test_a_loaded_run_begins_where_it_was_saved(tmp_path):
    t = trainer()
    t.fit(steps=12, bar=False)
    t.save(tmp_path / "run.npz")
    t = nb.Trainer.load(tmp_path / "run.npz", data=SPIRALS)
    t.fit(steps=5, bar=False)
    with pytest.raises(ValueError, match="the earliest one left is step 12"):
        t.at(5)
    moment = t.at(12)
    assert moment.first == 12 and moment.exact
    assert np.ma.getmaskarray(moment.probe()["dz"]).all()  # there is no step that led there
    moment.show(16)
    assert np.isfinite(moment.probe()["dz"]).all()


def test_a_copied_trainer_has_moments_of_its_own():
    t = trainer()
    t.fit(steps=12, bar=False)
    other = copy.deepcopy(t)
    theta = t.at(7).theta
    other.set(lr=0.5)
    other.fit(steps=3, bar=False)
    np.testing.assert_array_equal(other.at(7).theta, theta)
    assert other.at(15).lr == 0.5
